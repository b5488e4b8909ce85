"""The column of a metric: its unit is shown unless its name ends in it."""

from __future__ import annotations

from cetrack.report.table import Column, Kind
from cetrack.units import find_unit, split_suffix

_SILENT = frozenset({None, "", "fraction"})  # values between 0 and 1 speak for themselves


def metric_column(name: str, unit: str | None, *, rank: int = 0) -> Column:
    """A column of numbers in ``unit``; ``name`` may carry an aggregate: ``latency_ms.max``."""
    shown = None if unit in _SILENT or _says(name, unit or "") else unit
    return Column(name=name, kind=Kind.NUMBER, unit=shown, rank=rank)


def _says(name: str, unit: str) -> bool:
    known = find_unit(unit)
    suffixes = (split_suffix(part) for part in (name, name.rpartition(".")[0]))
    return known is not None and any(found and found[1] == known for found in suffixes)
