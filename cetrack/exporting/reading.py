"""What an export reads of the database besides points. Knows tables and views, not files."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy import Connection, Text, cast, func, select

from cetrack.db.conditions import is_among
from cetrack.domain import Kind
from cetrack.models import (
    Experiment,
    Metric,
    Model,
    Param,
    Precision,
    Run,
    RunMetric,
    comparisons_view,
    measurements_view,
)
from cetrack.series import StoredSeries
from cetrack.store import RunRow, chunks, rows_where
from cetrack.tb.lines import Member
from cetrack.tb.runs import MetricName, Params
from cetrack.tb.tags import Names, metric_tags

Metrics = Mapping[int, MetricName]

_STREAMING = {"stream_results": True, "max_row_buffer": 10_000}
_COMPARED = ("run_id", "metric", "baseline_value", "delta", "ratio", "improved", "like_for_like")
_MEASURED = ("run_id", "metric", "value", "unit")


@dataclass(frozen=True, slots=True)
class State:
    """What tells whether a run has changed: its revision, and what it may be compared with."""

    revision: int
    like_key: str


def names(connection: Connection) -> Names:
    """Path components for everything in the database, not only for the selection: stable names."""
    return Names.of(
        experiments=connection.scalars(select(Experiment.name)),
        models=connection.scalars(select(Model.name)),
        precisions=connection.scalars(select(Precision.name)),
    )


def metrics(connection: Connection) -> dict[int, MetricName]:
    """Every metric of the database by id."""
    query = select(Metric.id, Metric.name, Metric.family, Metric.direction, Metric.unit)
    rows = connection.execute(query).all()
    tags = metric_tags({row.name: row.family for row in rows})
    return {row.id: MetricName(row.name, tags[row.name], row.direction, row.unit) for row in rows}


def states(connection: Connection, rows: Sequence[RunRow]) -> dict[int, State]:
    """The state of the runs and of their baselines, by run id."""
    ids = {row["run_id"] for row in rows} | {row["baseline_run_id"] for row in rows} - {None}
    columns = [Run.id, Run.revision, Run.like_key]
    found = rows_where(connection, columns, Run.id, sorted(ids))
    return {run_id: State(revision, like_key) for run_id, revision, like_key in found}


def metrics_of(connection: Connection, run_ids: Sequence[int]) -> dict[int, tuple[int, ...]]:
    """run id → the ids of its metrics, ascending."""
    listed = func.aggregate_strings(cast(RunMetric.metric_id, Text), ",")
    query = select(RunMetric.run_id, listed).group_by(RunMetric.run_id)
    found: dict[int, tuple[int, ...]] = dict.fromkeys(run_ids, ())
    alike: dict[str, tuple[int, ...]] = {}
    for part in chunks(run_ids):
        for run_id, text in connection.execute(query.where(RunMetric.run_id.in_(part))):
            if text not in alike:
                alike[text] = tuple(sorted(map(int, text.split(","))))
            found[run_id] = alike[text]
    return found


def members(connection: Connection, series_keys: Sequence[str]) -> Iterator[Member]:
    """Every run of the series, selected or not."""
    query = (
        select(
            Run.id,
            Run.uid,
            Run.started_at,
            Run.series_key,
            Model.name,
            Precision.name,
            Run.revision,
        )
        .select_from(Run)
        .join(Model, Model.id == Run.model_id)
        .join(Precision, Precision.id == Run.precision_id)
    )
    same: dict[str, str] = {}
    for part in chunks(series_keys):
        wanted = query.where(Run.series_key.in_(part))
        rows = connection.execute(wanted, execution_options=_STREAMING)
        for run_id, uid, started_at, *texts, revision in rows:
            key, model, precision = (same.setdefault(text, text) for text in texts)
            yield Member(run_id, uid, started_at, key, model, precision, revision)


def params(connection: Connection, run_ids: Sequence[int]) -> dict[int, Params]:
    """run id → key → (text, number), sorted by key."""
    columns = [Param.run_id, Param.key, Param.text, Param.number]
    found: dict[int, Any] = defaultdict(dict)
    rows = rows_where(connection, columns, Param.run_id, run_ids)
    for row in sorted(rows, key=lambda row: str(row.key)):
        found[row.run_id][row.key] = row.text, row.number
    return found


def count_points(connection: Connection, run_ids: Sequence[int]) -> int:
    """How many points the runs have."""
    query = select(func.sum(RunMetric.count)).where(is_among(RunMetric.run_id, run_ids))
    return int(connection.scalar(query) or 0)


def sizes(connection: Connection, run_ids: Sequence[int]) -> dict[int, dict[int, int]]:
    """run id → metric id → points."""
    found: dict[int, dict[int, int]] = {run_id: {} for run_id in run_ids}
    columns = [RunMetric.run_id, RunMetric.metric_id, RunMetric.count]
    for run_id, metric_id, count in rows_where(connection, columns, RunMetric.run_id, run_ids):
        found[run_id][metric_id] = count
    return found


def last_points(connection: Connection, run_ids: Sequence[int]) -> list[StoredSeries]:
    """The last point of every series, ordered by run id."""
    columns = [RunMetric.run_id, RunMetric.metric_id, RunMetric.last_step, RunMetric.last]
    rows = rows_where(connection, columns, RunMetric.run_id, run_ids)
    return [
        StoredSeries(
            run_id,
            metric_id,
            np.array([step], np.int64),
            np.array([_number(value)], np.float64),
            np.array([np.nan], np.float64),
        )
        for run_id, metric_id, step, value in sorted(rows, key=lambda row: tuple(row[:2]))
    ]


def measured(connection: Connection, run_ids: Sequence[int]) -> dict[int, list[RunRow]]:
    """run id → its measurements, sorted by metric."""
    return _by_run(connection, measurements_view, _MEASURED, run_ids)


def compared(
    connection: Connection, run_ids: Sequence[int], *, results: bool = False
) -> dict[int, list[RunRow]]:
    """run id → how it compares with its baseline, sorted by metric; of ``results`` alone, see
    ``lines.is_result``."""
    view = comparisons_view.c
    only = [(view.kind != Kind.TRAINING) | view.direction.is_not(None)] if results else []
    return _by_run(connection, comparisons_view, _COMPARED, run_ids, *only)


def _by_run(
    connection: Connection, view: Any, names: Sequence[str], run_ids: Sequence[int], *only: Any
) -> dict[int, list[RunRow]]:
    """run id → rows of a view, sorted by metric."""
    query = select(*(view.c[name] for name in names)).where(*only)
    found: dict[int, list[RunRow]] = defaultdict(list)
    rows: list[Any] = []
    for part in chunks(run_ids):
        rows.extend(connection.execute(query.where(view.c.run_id.in_(part))))
    for row in sorted(rows, key=lambda row: str(row.metric)):
        found[row.run_id].append(row._mapping)
    return found


def last_values(connection: Connection, run_ids: Sequence[int]) -> dict[int, dict[int, float]]:
    """run id → metric id → value of the last step."""
    found: dict[int, dict[int, float]] = {run_id: {} for run_id in run_ids}
    columns = [RunMetric.run_id, RunMetric.metric_id, RunMetric.last]
    for run_id, metric_id, value in rows_where(connection, columns, RunMetric.run_id, run_ids):
        found[run_id][metric_id] = _number(value)
    return found


def _number(value: float | None) -> float:
    """A stored value; NULL is NaN."""
    return float("nan") if value is None else value
