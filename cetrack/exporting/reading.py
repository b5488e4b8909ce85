"""What an export reads of the database besides points. Knows tables and views, not files."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy import Connection, Text, cast, func, select

from cetrack.db.conditions import is_among
from cetrack.domain import FloatArray, Kind
from cetrack.models import (
    Artifact,
    Experiment,
    Metric,
    Model,
    Param,
    Precision,
    Run,
    RunMetric,
    Sample,
    comparisons_view,
    derived_values_view,
    measurements_view,
)
from cetrack.series import StoredSeries
from cetrack.store import RunRow, chunks, rows_where
from cetrack.tb.lines import Member
from cetrack.tb.runs import MetricName, Params
from cetrack.tb.tags import Names, derived_tags, metric_tags, sample_tags

Metrics = Mapping[int, MetricName]

_STREAMING = {"stream_results": True, "max_row_buffer": 10_000}
_ROW_BY_ROW = {"stream_results": True, "max_row_buffer": 16}
_HAS_POINTS = RunMetric.count > 0  # what cetrack.toml defines has a value and no points
_VALUES, _HISTOGRAM = "values", "histogram"  # kinds of samples and artifacts
_COMPARED = ("run_id", "metric", "baseline_value", "delta", "ratio", "improved", "like_for_like")
_MEASURED = ("run_id", "metric", "value", "unit", "derived", "stale")


@dataclass(frozen=True, slots=True)
class State:
    """What tells whether a run has changed: its revision, and what it may be compared with."""

    revision: int
    like_key: str
    batch_size: int | None


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
    derived, samples = derived_tags(tags), sample_tags(tags)
    return {
        row.id: MetricName(
            name=row.name,
            tag=tags[row.name],
            derived_tag=derived[row.name],
            samples_tag=samples[row.name],
            direction=row.direction,
            unit=row.unit,
        )
        for row in rows
    }


def derived(connection: Connection, run_ids: Sequence[int]) -> dict[int, dict[int, float]]:
    """run id → metric id → what follows from measured numbers, where there is a value."""
    view = derived_values_view.c
    query = select(view.run_id, view.metric_id, view.value)
    wanted = query.where(view.value.is_not(None))
    found: dict[int, dict[int, float]] = defaultdict(dict)
    for run_id, metric_id, value in rows_where(connection, wanted, view.run_id, run_ids):
        found[run_id][metric_id] = value
    return found


def states(connection: Connection, run_ids: Collection[int]) -> dict[int, State]:
    """run id → its state."""
    columns = [Run.id, Run.revision, Run.like_key, Run.batch_size]
    found = rows_where(connection, columns, Run.id, sorted(run_ids))
    return {run_id: State(*state) for run_id, *state in found}


def metrics_of(connection: Connection, run_ids: Sequence[int]) -> dict[int, tuple[int, ...]]:
    """run id → the ids of its metrics, ascending."""
    listed = func.aggregate_strings(cast(RunMetric.metric_id, Text), ",")
    query = select(RunMetric.run_id, listed).where(_HAS_POINTS).group_by(RunMetric.run_id)
    return _listed(connection, query, RunMetric.run_id, run_ids)


def sampled_metrics_of(
    connection: Connection, run_ids: Sequence[int]
) -> dict[int, tuple[int, ...]]:
    """run id → the ids of the metrics of which it holds raw repetitions, ascending."""
    listed = func.aggregate_strings(cast(Sample.metric_id, Text), ",")
    query = select(Sample.run_id, listed).where(Sample.kind == _VALUES).group_by(Sample.run_id)
    return _listed(connection, query, Sample.run_id, run_ids)


def _listed(
    connection: Connection, query: Any, key: Any, run_ids: Sequence[int]
) -> dict[int, tuple[int, ...]]:
    """run id → the ids that ``query`` lists for it as one text."""
    found: dict[int, tuple[int, ...]] = dict.fromkeys(run_ids, ())
    alike: dict[str, tuple[int, ...]] = {}
    for part in chunks(run_ids):
        for run_id, text in connection.execute(query.where(key.in_(part))):
            if text not in alike:
                alike[text] = tuple(sorted(set(map(int, text.split(",")))))
            found[run_id] = alike[text]
    return found


def histogram_names(connection: Connection, run_ids: Sequence[int]) -> dict[int, tuple[str, ...]]:
    """run id → the names of the histograms that were read of its log, sorted."""
    query = select(Artifact.run_id, Artifact.name).where(Artifact.kind == _HISTOGRAM)
    found: dict[int, list[str]] = defaultdict(list)
    for run_id, name in rows_where(connection, query, Artifact.run_id, run_ids):
        found[run_id].append(name)
    return {run_id: tuple(sorted(names)) for run_id, names in found.items()}


def histograms(connection: Connection, run_ids: Sequence[int]) -> Iterator[tuple[int, str, Any]]:
    """(run id, name, content) of the histograms that were read of logs, a few at a time."""
    query = select(Artifact.run_id, Artifact.name, Artifact.content).where(
        Artifact.kind == _HISTOGRAM
    )
    yield from _streamed(connection, query, Artifact.run_id, run_ids)


def samples(
    connection: Connection, run_ids: Sequence[int]
) -> Iterator[tuple[int, int, int, FloatArray]]:
    """(run id, metric id, step, float64[n]) of raw repetitions, a few at a time."""
    query = select(Sample.run_id, Sample.metric_id, Sample.step, Sample.values).where(
        Sample.kind == _VALUES
    )
    for *place, values in _streamed(connection, query, Sample.run_id, run_ids):
        yield *place, np.array(values, np.float64)


def _streamed(
    connection: Connection, query: Any, key: Any, run_ids: Sequence[int]
) -> Iterator[Any]:
    """The rows of these runs, of which each may be large."""
    wanted = query.where(is_among(key, run_ids))
    yield from connection.execute(wanted, execution_options=_ROW_BY_ROW)


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
            Run.baseline_run_id,
        )
        .select_from(Run)
        .join(Model, Model.id == Run.model_id)
        .join(Precision, Precision.id == Run.precision_id)
    )
    same: dict[str, str] = {}
    for part in chunks(series_keys):
        wanted = query.where(Run.series_key.in_(part))
        rows = connection.execute(wanted, execution_options=_STREAMING)
        for run_id, uid, started_at, *texts, revision, baseline in rows:
            key, model, precision = (same.setdefault(text, text) for text in texts)
            yield Member(run_id, uid, started_at, key, model, precision, revision, baseline)


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
    columns = (RunMetric.run_id, RunMetric.metric_id, RunMetric.count)
    query = select(*columns).where(_HAS_POINTS)
    for run_id, metric_id, count in rows_where(connection, query, RunMetric.run_id, run_ids):
        found[run_id][metric_id] = count
    return found


def last_points(connection: Connection, run_ids: Sequence[int]) -> list[StoredSeries]:
    """The last point of every series, ordered by run id."""
    columns = (RunMetric.run_id, RunMetric.metric_id, RunMetric.last_step, RunMetric.last)
    query = select(*columns).where(_HAS_POINTS)
    rows = rows_where(connection, query, RunMetric.run_id, run_ids)
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


def compared(connection: Connection, run_ids: Sequence[int]) -> dict[int, list[RunRow]]:
    """run id → how it compares with its baseline, sorted by metric."""
    return _by_run(connection, comparisons_view, _COMPARED, run_ids)


def compared_results(
    connection: Connection, run_ids: Sequence[int], *, but: Collection[str]
) -> dict[int, list[RunRow]]:
    """The same of results alone, see ``lines.is_result``, without the metrics named ``but``."""
    view = comparisons_view.c
    is_result = (view.kind != Kind.TRAINING) | view.direction.is_not(None)
    others = view.metric.not_in(sorted(but))
    return _by_run(connection, comparisons_view, _COMPARED, run_ids, is_result, others)


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
    query = select(RunMetric.run_id, RunMetric.metric_id, RunMetric.last).where(_HAS_POINTS)
    for run_id, metric_id, value in rows_where(connection, query, RunMetric.run_id, run_ids):
        found[run_id][metric_id] = _number(value)
    return found


def _number(value: float | None) -> float:
    """A stored value; NULL is NaN."""
    return float("nan") if value is None else value
