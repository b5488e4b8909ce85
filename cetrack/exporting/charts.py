"""What there is to chart: which metrics and models the lines across runs will have."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Self

from cetrack.exporting import reading
from cetrack.exporting.selection import Selection
from cetrack.store import RunRow
from cetrack.tb import charts, lines, runs
from cetrack.tb.charts import Side
from cetrack.tb.runs import MetricName
from cetrack.tb.views import View

_VALUES = Side(suffix="", heading="")
_RATIOS = Side(suffix="_ratio", heading="ratio to the baseline")


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
    if View.COMPARE in selection.views:
        found += _categories(selection, Uses.of(selection, _compared(selection)), _RATIOS)
    return charts.layout_value(found)


def _compared(selection: Selection) -> Iterable[tuple[RunRow, tuple[int, ...]]]:
    """Each run that has a baseline, with the metrics that both have."""
    rows = [row for row in selection.rows if row["baseline_run_id"] is not None]
    others = {row["baseline_run_id"] for row in rows} - selection.metric_ids.keys()
    of_others = reading.metrics_of(selection.connection, sorted(others))
    metric_ids: Mapping[int, tuple[int, ...]] = {**selection.metric_ids, **of_others}
    for row in rows:
        shared = set(metric_ids[row["baseline_run_id"]])
        yield row, tuple(key for key in metric_ids[row["run_id"]] if key in shared)


def _categories(selection: Selection, found: Uses, side: Side) -> list[Any]:
    return charts.categories(found.ranked, found.models, side, order=selection.order)
