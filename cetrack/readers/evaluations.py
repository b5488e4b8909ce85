"""Scores of evaluation tasks, as the harnesses write them, as series named ``<task>.<metric>``.

A standard error is a series of its own, ``<task>.<metric>_stderr``; how many samples a score is
the mean of stands in its spread.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cetrack.domain import Direction, MetricDef, Notice, ParamValue, Series, Spread
from cetrack.readers.entries import flatten, pointer
from cetrack.readers.numbers import float_of, is_missing, is_number, param_of, shortened

_ABOUT_TASK = frozenset({"alias", "name", "sample_len", "sample_count"})
_STDERR = "_stderr"
_FRACTIONS = frozenset({"acc", "acc_norm", "exact_match"})
_HIGHER = frozenset(
    {
        "acc", "acc_norm", "bleu", "brier_skill", "chrf", "em", "exact_match", "extractive_match",
        "f1", "mc1", "mc2", "mcc", "multiple_choice_grade", "pass@1", "qem", "rouge1", "rouge2",
        "rougeL",
    }
)  # fmt: skip
_LOWER = frozenset(
    {"bits_per_byte", "brier_score", "byte_perplexity", "perplexity", "ppl", "ter", "wer",
     "word_perplexity"}
)  # fmt: skip
_NOT_RUN = -1


@dataclass
class Scores:
    """The series of a run; grows while its tasks are read."""

    series: dict[str, Series] = field(default_factory=dict)
    definitions: dict[str, MetricDef] = field(default_factory=dict)
    notices: list[Notice] = field(default_factory=list)

    def add_task(
        self,
        task: str,
        values: Mapping[str, Any],
        place: str,
        *,
        count: int | None = None,
        better: Mapping[str, Any] | None = None,
    ) -> None:
        """Add what is a number; ``count`` samples were asked, ``better`` says for a metric whether
        higher is."""
        not_run = 0
        for key, value in values.items():
            metric, _, selection = str(key).partition(",")
            if metric in _ABOUT_TASK or not metric.strip():
                continue
            where = pointer(place, key)
            if not is_number(value):
                self._refuse(metric, value, where)
                continue
            not_run += metric.isdigit() and value == _NOT_RUN
            # a filter of answers; "none" is that there is none
            label = metric if selection in ("", "none") else f"{metric}.{selection}"
            self._add(f"{task}.{label}", metric, float_of(value), where, count, better or {})
        if not_run:
            text = f"{_NOT_RUN}, which is not run, at {not_run} context lengths: kept as read"
            self.notices.append(Notice(place, text))

    def _add(
        self,
        name: str,
        metric: str,
        value: float,
        place: str,
        count: int | None,
        better: Mapping[str, Any],
    ) -> None:
        own, number = name, 1
        while name in self.series:
            number += 1
            name = f"{own}#{number}"
        if number > 1:
            self.notices.append(Notice(place, f"second value named '{own}': kept as '{name}'"))
        if math.isnan(value):
            self.notices.append(Notice(place, "NaN: stored as a missing value"))
        is_error = metric.endswith(_STDERR)
        unit = "fraction" if metric.removesuffix(_STDERR) in _FRACTIONS else None
        spread = Spread(n=count) if count and count > 0 and not is_error else None
        self.series[name] = Series.scalar(name, value, spread=spread, unit=unit, place=place)
        direction = Direction.LOWER if is_error else _direction(metric, better)
        self.definitions[name] = MetricDef(name=name, direction=direction, family="quality")

    def _refuse(self, metric: str, value: Any, place: str) -> None:
        """Say that a value is no number; that a task has no standard error is no news."""
        is_absent = value is None or (isinstance(value, str) and is_missing(value))
        if not (is_absent and metric.endswith(_STDERR)):
            self.notices.append(Notice(place, f"{shortened(value)} is not a number: left out"))


def _direction(metric: str, better: Mapping[str, Any]) -> Direction | None:
    stated = better.get(metric)
    if isinstance(stated, bool):
        return Direction.HIGHER if stated else Direction.LOWER
    if metric in _LOWER:
        return Direction.LOWER
    return Direction.HIGHER if metric in _HIGHER else None


def has_scores(results: Any) -> bool:
    """True for tasks with numbers under them."""
    return isinstance(results, Mapping) and any(
        isinstance(values, Mapping) and any(map(is_number, values.values()))
        for values in results.values()
    )


def settings_of(values: Mapping[str, Any], *, without: frozenset[str]) -> dict[str, ParamValue]:
    """Settings as parameters, without those that say nothing and those known otherwise."""
    flat = flatten({key: value for key, value in values.items() if key not in without})
    return {name: value for name, value in flat if value not in (None, "")}


def per_task(name: str, values: Mapping[str, Any]) -> dict[str, ParamValue]:
    """What is stated for every task: one parameter where all have the same, else one each."""
    known = {
        task: value if isinstance(value, (str, bool)) else param_of(value)
        for task, value in values.items()
        if isinstance(value, (str, int, float))
    }
    if len(set(map(repr, known.values()))) == 1:
        return {name: next(iter(known.values()))}
    return {f"{name}.{task}": value for task, value in known.items()}


def mapping(document: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """The object under a key, an empty one where there is none."""
    value = document.get(key)
    return value if isinstance(value, Mapping) else {}


def screening(limit: Any) -> dict[str, Any]:
    """How a run of which only some samples were asked says so, as arguments of its record.

    It is in the split, for it is compared with runs on the same samples only.
    """
    if is_number(limit):
        stated = f"{limit:g}" if isinstance(limit, float) else str(limit)
    else:
        stated = limit if isinstance(limit, str) and not is_missing(limit) else ""
    if not stated:
        return {}
    return {
        "split": f"limit={stated}",
        "status_reason": f"a screening run: limited to {stated} samples of every task",
        "tags": {"screening": f"limit={stated}"},
    }


def listed(names: list[str]) -> str:
    """Tasks as one name of what a model was evaluated on."""
    return ",".join(sorted(names))
