"""Reading and writing points: the hot path. Points travel as columns, never one object each."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy import Connection, delete

from cetrack.db.dialect import PointColumns
from cetrack.db.engine import dialect_of
from cetrack.domain import FloatArray, IntArray, MetricSeries
from cetrack.models import Point

_IN_LIST = 500


@dataclass(frozen=True, slots=True, eq=False)
class StoredSeries:
    """One metric of one run: ``steps`` int64[n] ascending, ``values`` float64[n] with NaN,
    ``wall_times`` float64[n] seconds since the epoch, NaN where unknown."""

    run_id: int
    metric_id: int
    steps: IntArray
    values: FloatArray
    wall_times: FloatArray


def read_series(connection: Connection, run_ids: Sequence[int]) -> Iterator[StoredSeries]:
    """Every series of the runs, whole, ordered by run id, metric id, step."""
    parts = _parts(connection, run_ids)
    for (run_id, metric_id), several in itertools.groupby(parts, key=_owner):
        columns = [(part.steps, part.values, part.wall_times) for part in several]
        yield StoredSeries(run_id, metric_id, *map(np.concatenate, zip(*columns, strict=True)))


def read_by_run(
    connection: Connection, sizes: Mapping[int, Mapping[int, int]], *, order: Callable[[int], Any]
) -> Iterator[tuple[int, Iterator[StoredSeries]]]:
    """The series of one run after the other, sorted by ``order`` (of a metric id).

    ``sizes`` says for each run id how many points each metric has; every run is given, once. A
    long series comes in consecutive parts, so that only one part is held at a time: take each
    run's series before going on.
    """
    dialect = dialect_of(connection)
    alone = {
        run_id
        for run_id, counts in sizes.items()
        if dialect.reads_series_alone(series=len(counts), points=sum(counts.values())) and counts
    }
    yield from _together(connection, sorted(sizes.keys() - alone), order)
    for run_id in sorted(alone):
        yield run_id, _one_by_one(connection, run_id, sorted(sizes[run_id], key=order))


def _together(
    connection: Connection, run_ids: Sequence[int], order: Callable[[int], Any]
) -> Iterator[tuple[int, Iterator[StoredSeries]]]:
    groups = itertools.groupby(_parts(connection, run_ids), key=lambda part: part.run_id)
    owner, group = next(groups, (None, iter(())))
    for run_id in run_ids:
        if run_id == owner:
            yield run_id, iter(sorted(group, key=lambda part: order(part.metric_id)))
            owner, group = next(groups, (None, iter(())))
        else:
            yield run_id, iter(())


def _one_by_one(
    connection: Connection, run_id: int, metric_ids: Sequence[int]
) -> Iterator[StoredSeries]:
    read = dialect_of(connection).read_series
    for metric_id in metric_ids:
        for columns in read(connection, run_id, metric_id):
            yield StoredSeries(run_id, metric_id, *columns)


def _parts(connection: Connection, run_ids: Sequence[int]) -> Iterator[StoredSeries]:
    """The series as they are read, cut where a batch ends; a few hundred runs a statement."""
    read = dialect_of(connection).read_points
    ordered = sorted(run_ids)
    for start in range(0, len(ordered), _IN_LIST):
        for batch in read(connection, ordered[start : start + _IN_LIST]):
            yield from _split(batch)


def _split(points: PointColumns) -> Iterator[StoredSeries]:
    """Cut where the run or the metric changes."""
    changes = (np.diff(points.run_id) != 0) | (np.diff(points.metric_id) != 0)
    edges = [0, *(np.flatnonzero(changes) + 1).tolist(), len(points)]
    for start, stop in itertools.pairwise(edges):
        yield StoredSeries(
            int(points.run_id[start]),
            int(points.metric_id[start]),
            points.step[start:stop],
            points.value[start:stop],
            points.wall_time[start:stop],
        )


def _owner(part: StoredSeries) -> tuple[int, int]:
    return part.run_id, part.metric_id


def write_points(connection: Connection, series: Sequence[tuple[int, int, MetricSeries]]) -> int:
    """Store the points of (run id, metric id, series); existing steps are overwritten.

    Returns how many points were written.
    """
    if not series:
        return 0
    points = PointColumns(
        np.concatenate([np.full(len(s.steps), run_id, np.int64) for run_id, _, s in series]),
        np.concatenate([np.full(len(s.steps), metric, np.int64) for _, metric, s in series]),
        np.concatenate([s.steps for _, _, s in series]),
        np.concatenate([s.values for _, _, s in series]),
        np.concatenate([_wall_times(s) for _, _, s in series]),
    )
    dialect_of(connection).write_points(connection, points)
    return len(points)


def delete_points(connection: Connection, run_ids: Sequence[int]) -> None:
    """Remove every point of the runs."""
    connection.execute(delete(Point).where(Point.run_id.in_(run_ids)))


def _wall_times(series: MetricSeries) -> FloatArray:
    if series.wall_times is None:
        return np.full(len(series.steps), np.nan)
    return series.wall_times
