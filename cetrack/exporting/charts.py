"""What there is to chart: which metrics and models the lines across runs will have."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from cetrack.exporting import reading
from cetrack.exporting.selection import Selection
from cetrack.store import RunRow
from cetrack.tb import charts, lines, runs
from cetrack.tb.charts import Side
from cetrack.tb.views import View

_VALUES = Side(suffixes=("",), heading="")
_RATIOS = Side(suffixes=("_ratio",), heading="ratio to the baseline")


def layout_of(selection: Selection) -> Any:
    """The record that puts the precisions of each model side by side, metric by metric."""
    found = []
    if View.TREND in selection.views:
        of_runs = ((row, selection.metric_ids[row["run_id"]]) for row in selection.rows)
        found += _categories(selection, of_runs, _VALUES)
    if View.COMPARE in selection.views:
        found += _categories(selection, _compared(selection), _RATIOS)
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


def _categories(
    selection: Selection, of_runs: Iterable[tuple[RunRow, tuple[int, ...]]], side: Side
) -> list[Any]:
    alike = Counter((row["kind"], row["model"], ids) for row, ids in of_runs)
    totals: Counter[int] = Counter()
    uses: dict[str, Counter[str]] = defaultdict(Counter)
    for (kind, model, ids), count in alike.items():
        for metric_id in ids:
            metric = selection.metrics[metric_id]
            if lines.is_result({"kind": kind}, metric.direction):
                totals[metric_id] += count
                uses[metric.name][model] += count
    ranked = runs.by_weight(totals, selection.metrics)
    return charts.categories(ranked, uses, side, order=selection.order)
