"""What there is to chart: which metrics and models the lines across runs will have."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Self

from cetrack.exporting.selection import Selection
from cetrack.store import RunRow
from cetrack.tb import charts, lines, runs
from cetrack.tb.charts import Side
from cetrack.tb.runs import MetricName
from cetrack.tb.views import View

_VALUES = Side(suffix="", heading="")
_RATIO = "ratio to the baseline"


@dataclass(frozen=True, slots=True)
class Uses:
    """The metrics that are results, those of most runs first, and metric → model → runs."""

    ranked: list[MetricName]
    models: Mapping[str, Counter[str]]

    @classmethod
    def of(cls, selection: Selection, of_runs: Iterable[tuple[RunRow, tuple[int, ...]]]) -> Self:
        """What these runs, given with the ids of metrics, have."""
        alike = Counter((row["kind"], row["model"], ids) for row, ids in of_runs)
        totals: Counter[int] = Counter()
        models: dict[str, Counter[str]] = defaultdict(Counter)
        for (kind, model, ids), count in alike.items():
            for metric_id in ids:
                metric = selection.metrics[metric_id]
                if lines.is_result({"kind": kind}, metric.direction):
                    totals[metric_id] += count
                    models[metric.name][model] += count
        return cls(runs.by_weight(totals, selection.metrics), models)


def results_of(selection: Selection) -> Uses:
    """What the lines of the view trend hold."""
    return Uses.of(
        selection, ((row, selection.results_of(row["run_id"])) for row in selection.rows)
    )


def layout_of(selection: Selection) -> Any:
    """The record that puts the precisions of each model side by side, metric by metric."""
    found = []
    if View.TREND in selection.views:
        found += _categories(selection, results_of(selection), _VALUES)
    elif View.COMPARE in selection.views:  # else the charts of trend draw these lines as well
        found += _categories(selection, Uses.of(selection, _relative(selection)), _VALUES)
    if View.COMPARE in selection.views:
        ratios = Side(suffix="_ratio", heading=_RATIO, taken=selection.definitions.relative)
        found += _categories(selection, Uses.of(selection, _compared(selection)), ratios)
    return charts.layout_value(found)


def _relative(selection: Selection) -> Iterable[tuple[RunRow, tuple[int, ...]]]:
    """Each run that has a baseline, with its metrics that compare with that themselves."""
    for row in selection.rows:
        if row["baseline_run_id"] is not None:
            ids = selection.results_of(row["run_id"])
            yield row, tuple(key for key in ids if selection.is_relative(key))


def _compared(selection: Selection) -> Iterable[tuple[RunRow, tuple[int, ...]]]:
    """Each run that has a baseline, with the metrics of both that do not compare themselves."""
    for row in selection.rows:
        if row["baseline_run_id"] is not None:
            ids = selection.shared_by(row["run_id"], row["baseline_run_id"])
            yield row, tuple(key for key in ids if not selection.is_relative(key))


def _categories(selection: Selection, found: Uses, side: Side) -> list[Any]:
    return charts.categories(found.ranked, found.models, side, order=selection.order)
