"""Metrics in tables: the column of one, and which ones to show where nobody has said."""

from __future__ import annotations

import re
from collections.abc import Mapping

from cetrack.report.table import Column, Kind
from cetrack.units import find_unit, split_suffix

_SILENT = frozenset({None, "", "fraction"})  # values between 0 and 1 speak for themselves
_PREFERRED = (
    "accuracy",
    "latency_mean_ms",
    "model_size_mb",
    "throughput_ips",
    "memory_usage_mb",
    "f1_score",
    "val/accuracy",
    "val/loss",
    "train/loss",
)
_WORDS = {"auc": "AUC", "flops": "FLOPs", "macs": "MACs", "tpot": "TPOT", "ttft": "TTFT"}
_SNAKE = re.compile(r"[a-z0-9]+(?:_[a-z0-9]+)*")
_RARE = 0.2  # a preferred metric comes first if this share of the best-covered one has it


def metric_column(name: str, unit: str | None, *, rank: int = 0) -> Column:
    """A column of numbers in ``unit``; ``name`` may carry an aggregate: ``latency_ms.max``."""
    shown = None if unit in _SILENT or _says(name, unit or "") else unit
    return Column(name=name, kind=Kind.NUMBER, unit=shown, rank=rank)


def metric_label(name: str, unit: str | None) -> tuple[str, str | None]:
    """(what a paper calls a metric, the unit to put behind it): ``Latency mean``, ``ms``.

    A name that is more than words joined by ``_`` stays as it is.
    """
    shown = None if unit in _SILENT else unit
    if not _SNAKE.fullmatch(name):
        return name, None if shown and _says(name, shown) else shown
    suffixed = split_suffix(name) if shown and _says(name, shown) else None
    words = (suffixed[0] if suffixed else name).split("_")
    text = " ".join(_WORDS.get(word, word) for word in words)
    return text[0].upper() + text[1:], shown


def _says(name: str, unit: str) -> bool:
    known = find_unit(unit)
    suffixes = (split_suffix(part) for part in (name, name.rpartition(".")[0]))
    return known is not None and any(found and found[1] == known for found in suffixes)


def most_telling(coverage: Mapping[str, int], most: int) -> list[str]:
    """Metrics of ``coverage`` (name → runs) to show: well-known ones, then the most frequent."""
    frequent = _RARE * max(coverage.values(), default=0)
    known = [name for name in _PREFERRED if coverage.get(name, 0) > frequent]
    others = sorted(coverage.keys() - set(known), key=lambda name: (-coverage[name], name))
    return [*known, *others][:most]
