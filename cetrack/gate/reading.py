"""What a check reads: numbers, baselines, the past of a series, accepted values. SQL.

Takes an open connection. Values come from the views, so that derived metrics are there too.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from sqlalchemy import Connection, select

from cetrack.db.conditions import is_among
from cetrack.domain import FloatArray
from cetrack.gate.limits import Baseline
from cetrack.gate.results import Acceptance
from cetrack.identity import LIKE_FIELDS
from cetrack.models import Acceptance as AcceptanceRow
from cetrack.models import (
    Metric,
    Model,
    Precision,
    Run,
    comparisons_view,
    measurements_view,
    runs_view,
)
from cetrack.report.cells import UID_LENGTH
from cetrack.selecting import USABLE
from cetrack.store import RunRow, rows_where

Moment = tuple[datetime, str]  # when a run started, and its uid: the order of a series


def moment_of(row: Mapping[str, Any]) -> Moment:
    """The place of a run in its series."""
    return row["started_at"], row["uid"]


@dataclass(frozen=True, slots=True)
class PastRun:
    """A run of a series; ``value`` is NaN where the metric is not a number."""

    moment: Moment
    value: float


def measured(
    connection: Connection, run_ids: Sequence[int], metrics: Sequence[str]
) -> dict[tuple[int, str], float | None]:
    """(run id, metric) → its last value, None for NaN; a missing measurement is not there."""
    view = measurements_view.c
    query = select(view.run_id, view.metric, view.value)
    rows = connection.execute(query.where(is_among(view.run_id, run_ids), view.metric.in_(metrics)))
    return {(row.run_id, row.metric): row.value for row in rows}


def baselines(
    connection: Connection, rows: Sequence[RunRow], metric: str
) -> dict[int, Baseline | str]:
    """Run id → the value of its baseline, or why there is none."""
    view = comparisons_view.c
    query = select(view.run_id, view.baseline_value).where(
        is_among(view.run_id, [row["run_id"] for row in rows]), view.metric == metric
    )
    values = {row.run_id: row.baseline_value for row in connection.execute(query)}
    ids = sorted({row["baseline_run_id"] for row in rows if row["baseline_run_id"] is not None})
    known = connection.execute(select(runs_view).where(is_among(runs_view.c.run_id, ids)))
    by_id = {row["run_id"]: row for row in known.mappings()}
    return {row["run_id"]: _baseline(row, by_id, values, metric) for row in rows}


def _baseline(
    row: RunRow, by_id: Mapping[int, Any], values: Mapping[int, float | None], metric: str
) -> Baseline | str:
    base = by_id.get(row["baseline_run_id"])
    if base is None:
        return f"no baseline: no earlier run of {row['model']} is one for {row['precision']}"
    if row["run_id"] not in values:
        return f"its baseline, {base['precision']} run {base['uid'][:UID_LENGTH]}, has no {metric}"
    unlike = tuple(
        f"{name} {_shown(row[name])} here, {_shown(base[name])} there"
        for name in LIKE_FIELDS
        if (row[name] or None) != (base[name] or None)
    )
    return Baseline(
        value=values[row["run_id"]], uid=base["uid"], precision=base["precision"], unlike=unlike
    )


def _shown(value: Any) -> str:
    return "unknown" if value in (None, "") else str(value)


def past_of(
    connection: Connection, series_keys: Iterable[str], metric: str
) -> dict[str, list[PastRun]]:
    """Series → its runs that have the metric, by start. Failed and killed runs are left out."""
    view = measurements_view.c  # "history" has the same rows, and numbers them for nothing
    query = (
        select(Run.series_key, view.started_at, view.uid, view.value)
        .join(Run, Run.id == view.run_id)
        .where(view.metric == metric, Run.status.in_(USABLE))
    )
    found: dict[str, list[PastRun]] = defaultdict(list)
    for row in rows_where(connection, query, Run.series_key, sorted(set(series_keys))):
        value = np.nan if row.value is None else row.value
        found[row.series_key].append(PastRun((row.started_at, row.uid), value))
    for runs in found.values():
        runs.sort(key=lambda run: run.moment)
    return found


def segments_before(
    runs: Sequence[PastRun], moment: Moment, starts: Iterable[Moment], last: int | None
) -> list[FloatArray]:
    """The values of the runs before ``moment``, or of the ``last`` of them, as float64[n] each:
    the run of every accepted change starts a new one."""
    earlier = [run for run in runs if run.moment < moment]
    kept = earlier if last is None else earlier[-last:]
    begins = set(starts)
    segments: list[list[float]] = [[]]
    for run in kept:
        if run.moment in begins:
            segments.append([])
        segments[-1].append(run.value)
    return [np.array(values, np.float64) for values in segments if values]


@dataclass(frozen=True, slots=True)
class LikeRun:
    """A run of the same model, set-up and precision as another one."""

    run_id: int
    moment: Moment

    @property
    def uid(self) -> str:
        """The run's name."""
        return self.moment[1]


def alike(connection: Connection, rows: Sequence[RunRow]) -> dict[tuple[str, str], list[LikeRun]]:
    """(like_key, precision) of ``rows`` → every finished run of it, by start."""
    wanted = {(row["like_key"], row["precision"]) for row in rows}
    query = (
        select(Run.id, Run.uid, Run.started_at, Run.like_key, Precision.name.label("precision"))
        .join(Precision, Precision.id == Run.precision_id)
        .where(Run.status.in_(USABLE), Precision.name.in_({name for _, name in wanted}))
    )
    found: dict[tuple[str, str], list[LikeRun]] = defaultdict(list)
    for row in rows_where(connection, query, Run.like_key, sorted({key for key, _ in wanted})):
        found[row.like_key, row.precision].append(LikeRun(row.id, (row.started_at, row.uid)))
    for several in found.values():
        several.sort(key=lambda run: run.moment)
    return found


def acceptances(
    connection: Connection, series_keys: Collection[str] | None = None
) -> list[Acceptance]:
    """Everything that was accepted, in these series or everywhere, by the start of the runs.

    There are few of them, and fewest runs have one: these are asked for first.
    """
    ids = sorted(set(connection.scalars(select(AcceptanceRow.run_id))))
    if not ids:
        return []
    query = (
        select(
            Run.id.label("run_id"), Run.uid, Run.series_key, Model.name.label("model"),
            Precision.name.label("precision"), Run.started_at, Metric.name.label("metric"),
            Metric.unit, AcceptanceRow.value, AcceptanceRow.accepted_by, AcceptanceRow.reason,
            AcceptanceRow.accepted_at,
        )
        .select_from(AcceptanceRow)
        .join(Run, Run.id == AcceptanceRow.run_id)
        .join(Model, Model.id == Run.model_id)
        .join(Precision, Precision.id == Run.precision_id)
        .join(Metric, Metric.id == AcceptanceRow.metric_id)
        .where(is_among(AcceptanceRow.run_id, ids))
    )  # fmt: skip
    found = [Acceptance(**row._mapping) for row in connection.execute(query)]
    if series_keys is not None:
        found = [item for item in found if item.series_key in series_keys]
    return sorted(found, key=lambda item: (item.moment, item.metric))
