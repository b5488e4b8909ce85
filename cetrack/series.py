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
_POINTS_AT_ONCE = 100_000


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


def read_metric(
    connection: Connection, metric_id: int, run_ids: Sequence[int]
) -> Iterator[StoredSeries]:
    """The series of one metric, whole, one run after the other; runs without it are passed over."""
    read = dialect_of(connection).read_series
    for run_id in run_ids:
        parts = list(read(connection, run_id, metric_id))
        if parts:
            yield StoredSeries(run_id, metric_id, *map(np.concatenate, zip(*parts, strict=True)))


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
    """The series as they are read; a few hundred runs a statement."""
    read = dialect_of(connection).read_points
    ordered = sorted(run_ids)
    for start in range(0, len(ordered), _IN_LIST):
        for run_id, metric_id, columns in read(connection, ordered[start : start + _IN_LIST]):
            yield StoredSeries(run_id, metric_id, *columns)


def _owner(part: StoredSeries) -> tuple[int, int]:
    return part.run_id, part.metric_id


def write_points(
    connection: Connection,
    series: Sequence[tuple[int, int, MetricSeries]],
    *,
    new: bool = False,
) -> int:
    """Store the points of (run id, metric id, series); existing steps are overwritten.

    ``new`` says that none exists. Returns how many points were written. They go in the order of
    the table's key: it grows at its end then, which is twice as fast.
    """
    ordered = sorted(series, key=lambda keyed: keyed[:2])
    written = 0
    for part in _bounded(ordered):
        points = _columns(part)
        dialect_of(connection).write_points(connection, points, new=new)
        written += len(points)
    return written


def first_points(
    run_ids: IntArray, metric_ids: Sequence[int], values: Sequence[float]
) -> PointColumns:
    """Points at step 0 of unknown time, int64[n], int64[n] and float64[n]."""
    count = len(run_ids)
    return PointColumns(
        run_ids,
        np.array(metric_ids, np.int64),
        np.zeros(count, np.int64),
        np.array(values, np.float64),
        np.full(count, np.nan),
    )


def single_points(series: Sequence[tuple[int, int, MetricSeries]]) -> PointColumns:
    """The points of series of one point each: benchmarks have many of them."""
    walls = [item.wall_times for _, _, item in series]
    return PointColumns(
        np.array([run_id for run_id, _, _ in series], np.int64),
        np.array([metric_id for _, metric_id, _ in series], np.int64),
        np.concatenate([item.steps for _, _, item in series]),
        np.concatenate([item.values for _, _, item in series]),
        np.array([np.nan if wall is None else wall[0] for wall in walls], np.float64),
    )


def _bounded(
    series: Sequence[tuple[int, int, MetricSeries]],
) -> Iterator[list[StoredSeries]]:
    """The series in groups of at most ``_POINTS_AT_ONCE`` points; a long one is cut."""
    group: list[StoredSeries] = []
    room = _POINTS_AT_ONCE
    for run_id, metric_id, item in series:
        values = item.values  # read once: they may lie on disk
        walls = item.wall_times
        if walls is None:
            walls = np.broadcast_to(np.nan, len(values))
        start = 0
        while start < len(values):
            piece = slice(start, start + room)
            part = StoredSeries(run_id, metric_id, item.steps[piece], values[piece], walls[piece])
            group.append(part)
            room -= len(part.steps)
            start += len(part.steps)
            if not room:
                yield group
                group, room = [], _POINTS_AT_ONCE
    if group:
        yield group


def _columns(series: Sequence[StoredSeries]) -> PointColumns:
    counts = [len(item.steps) for item in series]
    return PointColumns(
        np.repeat(np.array([item.run_id for item in series], np.int64), counts),
        np.repeat(np.array([item.metric_id for item in series], np.int64), counts),
        np.concatenate([item.steps for item in series]),
        np.concatenate([item.values for item in series]),
        np.concatenate([item.wall_times for item in series]),
    )


def delete_points(connection: Connection, run_ids: Sequence[int]) -> None:
    """Remove every point of the runs."""
    connection.execute(delete(Point).where(Point.run_id.in_(run_ids)))
