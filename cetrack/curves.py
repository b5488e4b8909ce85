"""A metric over the steps of the runs that have it at several: what plots of epochs start from."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from sqlalchemy import Connection, select

from cetrack.choices import Which
from cetrack.db.conditions import is_among
from cetrack.errors import UsageError
from cetrack.filter import Expr
from cetrack.models import RunMetric
from cetrack.plots.forms import MOST_CURVES
from cetrack.plots.shapes import Curve, Curves
from cetrack.selecting import (
    MetricFacts,
    asked_metrics,
    metric_facts,
    require_runs,
    standing_runs,
)
from cetrack.series import StoredSeries, read_metric
from cetrack.store import RunRow, Store
from cetrack.tb.lines import QUALIFIERS, qualified

_UID_DIGITS = 8
_FIELDS = (*QUALIFIERS, "seed", "run")


def read_curves(
    store: Store,
    metric: str,
    *,
    where: Expr | None = None,
    which: Which = Which.LATEST,
    limit: int = MOST_CURVES,
) -> Curves:
    """The curves of ``metric`` in the newest ``limit`` runs that match, by model, then label.

    Raises UsageError for an unknown metric, and where no run has it at more than one step.
    """
    with store.read() as connection:
        (facts,) = asked_metrics([metric], metric_facts(connection))
        rows = standing_runs(connection, where, which)
        require_runs(rows, where)
        several = _with_steps(connection, facts, [row["run_id"] for row in rows])
        having = [row for row in rows if row["run_id"] in several]
        if not having:
            raise UsageError(
                f"no run that matches has {facts.name} at more than one step",
                hint="'cetrack show RUN' lists what a run has",
            )
        chosen = {row["run_id"]: row for row in having[-limit:]}
        labels = _labels(list(chosen.values()))
        curves = [
            _curve(chosen[series.run_id], labels[series.run_id], series)
            for series in read_metric(connection, facts.id, list(chosen))
        ]
    ordered = sorted(curves, key=lambda curve: (curve.model, curve.label))
    return Curves(facts, ordered, left_out=len(having) - len(chosen))


def _with_steps(connection: Connection, metric: MetricFacts, run_ids: Sequence[int]) -> set[int]:
    """Those of the runs that have the metric at several steps."""
    query = select(RunMetric.run_id).where(
        RunMetric.metric_id == metric.id, RunMetric.count > 1, is_among(RunMetric.run_id, run_ids)
    )
    return set(connection.scalars(query))


def _labels(rows: Sequence[RunRow]) -> dict[int, str]:
    """Run id → its precision, with what tells it from the other runs of its model."""
    groups: dict[tuple[str, str], dict[str, RunRow]] = defaultdict(dict)
    for row in rows:
        named = {**row, "run": row["uid"][:_UID_DIGITS]}
        groups[row["model"], row["precision"]][row["uid"]] = named
    names = {
        uid: name
        for (_, precision), found in groups.items()
        for uid, name in qualified(precision, found, fields=_FIELDS).items()
    }
    return {row["run_id"]: names[row["uid"]] for row in rows}


def _curve(row: RunRow, label: str, series: StoredSeries) -> Curve:
    return Curve(label, series.steps, series.values, row["model"], row["precision"])
