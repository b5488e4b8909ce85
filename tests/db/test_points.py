"""Points in bulk: the same rows as one obvious statement per point, on both databases."""

from __future__ import annotations

import math
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select, text

from cetrack.db.dialect import PointColumns
from cetrack.db.engine import dialect_of
from cetrack.domain import MetricDef, ModelHint, Precision
from cetrack.interning import Interner
from cetrack.models import Point
from cetrack.series import read_series
from cetrack.store import Store

INT64 = st.integers(-(2**63), 2**63 - 1)
DOUBLE = st.floats(width=64, allow_nan=True, allow_infinity=True)
ROWS = st.lists(
    st.tuples(st.sampled_from([1, 2]), st.sampled_from([1, 2, 3]), INT64, DOUBLE, DOUBLE),
    max_size=450,
)


@pytest.fixture
def two_runs(store: Store) -> Store:
    """A store with run ids 1 and 2 and metric ids 1 to 3, whose points may be anything."""
    with store.write() as connection:
        interner = Interner(connection)
        ids = {
            "experiment_id": interner.experiment("e", datetime(2026, 1, 1, tzinfo=UTC)),
            "model_id": interner.model(ModelHint(name="m")),
            "precision_id": interner.precision(Precision(name="fp32")),
        }
        for number in (1, 2, 3):
            interner.metric(MetricDef(name=f"metric{number}"))
        for number in (1, 2):
            connection.execute(
                text(
                    "INSERT INTO run (id, uid, content_key, experiment_id, model_id, precision_id,"
                    " kind, status, started_at, time_source, series_key, like_key) VALUES"
                    " (:id, :uid, '', :experiment_id, :model_id, :precision_id, 'training',"
                    " 'finished', '2026-01-01', 'file', '', '')"
                ),
                {"id": number, "uid": str(number), **ids},
            )
    return store


def columns(rows: list[tuple[int, int, int, float, float]]) -> PointColumns:
    parts = list(zip(*rows, strict=True)) or [()] * 5
    kinds = (np.int64, np.int64, np.int64, np.float64, np.float64)
    return PointColumns(*(np.array(part, kind) for part, kind in zip(parts, kinds, strict=True)))


def same(value: float | None) -> object:
    """What a stored double compares equal by: NaN is NULL; SQLite keeps no sign of zero."""
    return None if value is None or math.isnan(value) else repr(value + 0.0)


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(first=ROWS, second=ROWS)
def test_bulk_writes_are_those_of_one_statement_per_point(
    two_runs: Store,
    first: list[tuple[int, int, int, float, float]],
    second: list[tuple[int, int, int, float, float]],
) -> None:
    expected: dict[tuple[int, int, int], tuple[object, object]] = {}
    with two_runs.write() as connection:
        connection.execute(delete(Point))
        for batch in (first, second):
            unique = {row[:3]: row for row in batch}  # one statement cannot meet a key twice
            dialect_of(connection).write_points(connection, columns(list(unique.values())))
            expected |= {key: (same(row[3]), same(row[4])) for key, row in unique.items()}
        query = select(Point.run_id, Point.metric_id, Point.step, Point.value, Point.wall_time)
        stored = {
            (row[0], row[1], row[2]): (same(row[3]), same(row[4]))
            for row in connection.execute(query)
        }
        assert stored == expected

        read = {
            (series.run_id, series.metric_id, step): (same(value), same(wall))
            for series in read_series(connection, [1, 2])
            for step, value, wall in zip(
                series.steps.tolist(),
                series.values.tolist(),
                series.wall_times.tolist(),
                strict=True,
            )
        }
        assert read == expected
        for series in read_series(connection, [1, 2]):
            assert (np.diff(series.steps.astype(object)) > 0).all()


@pytest.mark.parametrize("count", [0, 1, 199, 200, 201, 70_000])
def test_any_number_of_points_comes_back_in_order(two_runs: Store, count: int) -> None:
    steps = np.arange(count, dtype=np.int64)
    half = count // 2
    points = PointColumns(
        np.where(steps < half, 1, 2), np.full(count, 3), steps, steps / 7, np.full(count, np.nan)
    )
    with two_runs.write() as connection:
        dialect_of(connection).write_points(connection, points)
    with two_runs.read() as connection:
        found = list(read_series(connection, [2, 1]))
    expected = [run for run, points_of in ((1, half), (2, count - half)) if points_of]
    assert [series.run_id for series in found] == expected
    assert sum(len(series.steps) for series in found) == count
    if found:
        assert np.array_equal(np.concatenate([series.values for series in found]), steps / 7)


@pytest.mark.parametrize("walls", [True, False])
@pytest.mark.parametrize("new", [True, False])
def test_long_series_are_stored_and_overwritten(two_runs: Store, walls: bool, new: bool) -> None:
    count = 1_234
    random = np.random.default_rng(0)

    def points(first: int) -> PointColumns:
        steps = np.concatenate([np.arange(first, first + count), np.array([7]), np.arange(count)])
        runs = np.concatenate([np.full(count, 1), np.array([1]), np.full(count, 2)])
        metrics = np.concatenate([np.full(count, 2), np.array([3]), np.full(count, 1)])
        values = random.random(len(steps))
        values[::97] = np.nan
        values[5], values[6] = np.inf, -np.inf
        times = random.random(len(steps)) if walls else np.full(len(steps), np.nan)
        return PointColumns(runs, metrics, steps, values, times)

    first, second = points(0), points(count // 2)
    with two_runs.write() as connection:
        write = dialect_of(connection).write_points
        write(connection, first, new=new)
        write(connection, second)
    expected: dict[tuple[int, ...], tuple[object, object]] = {}
    for batch in (first, second):
        rows = zip(*(column.tolist() for column in batch.columns), strict=True)
        expected |= {row[:3]: (same(row[3]), same(row[4])) for row in rows}
    with two_runs.read() as connection:
        query = select(Point.run_id, Point.metric_id, Point.step, Point.value, Point.wall_time)
        stored = {tuple(row[:3]): (same(row[3]), same(row[4])) for row in connection.execute(query)}
    assert stored == expected
