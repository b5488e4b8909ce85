"""Reading and writing points: the hot path. Points travel as columns, never one object each."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

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
    """Every series of the runs, ordered by run id (as given in sorted order), metric id, step."""
    for start in range(0, len(run_ids), _IN_LIST):
        wanted = sorted(run_ids)[start : start + _IN_LIST]
        yield from _series_of(connection, wanted)


def _series_of(connection: Connection, run_ids: Sequence[int]) -> Iterator[StoredSeries]:
    pending: list[PointColumns] = []
    for batch in dialect_of(connection).read_points(connection, run_ids):
        for part in _split(batch):
            if pending and _owner(pending[0]) != _owner(part):
                yield _joined(pending)
                pending = []
            pending.append(part)
    if pending:
        yield _joined(pending)


def _split(points: PointColumns) -> Iterator[PointColumns]:
    """Cut where the run or the metric changes."""
    changes = (np.diff(points.run_id) != 0) | (np.diff(points.metric_id) != 0)
    edges = [0, *(np.flatnonzero(changes) + 1).tolist(), len(points)]
    for start, stop in itertools.pairwise(edges):
        yield PointColumns(
            points.run_id[start:stop],
            points.metric_id[start:stop],
            points.step[start:stop],
            points.value[start:stop],
            points.wall_time[start:stop],
        )


def _owner(points: PointColumns) -> tuple[int, int]:
    return int(points.run_id[0]), int(points.metric_id[0])


def _joined(parts: Sequence[PointColumns]) -> StoredSeries:
    run_id, metric_id = _owner(parts[0])
    return StoredSeries(
        run_id,
        metric_id,
        np.concatenate([part.step for part in parts]),
        np.concatenate([part.value for part in parts]),
        np.concatenate([part.wall_time for part in parts]),
    )


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
