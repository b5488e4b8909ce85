"""Runs stored in bulk: the same rows as an obvious loop over every number would make."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, select

from cetrack.domain import (
    Direction,
    Identity,
    Kind,
    MetricDef,
    MetricSample,
    MetricSeries,
    ModelHint,
    NormalRun,
    Precision,
    RunRecord,
    Spread,
    TimeSource,
)
from cetrack.ingest import IngestOptions, ingest
from cetrack.interning import Interner
from cetrack.models import Metric, Model, Param, Point, Run, RunMetric, Sample, Tag
from cetrack.store import NewRun, Store, insert_runs

FUZZY = settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
NUMBERS = st.one_of(
    st.floats(-1e6, 1e6), st.sampled_from([math.nan, math.inf, -math.inf, 0.0, 1e300])
)
WALLS = st.one_of(st.none(), st.floats(1e9, 2e9))
NAMES = st.sampled_from(["loss", "accuracy", "latency_mean_ms", "own/metric", "ünïcode"])
SERIES = st.tuples(
    st.dictionaries(st.integers(-(2**40), 2**40), NUMBERS, min_size=1, max_size=12),
    WALLS,
    st.one_of(st.none(), st.builds(Spread, std=st.floats(0, 9), n=st.integers(1, 99))),
)
RUNS = st.lists(
    st.tuples(
        st.dictionaries(NAMES, SERIES, max_size=4),
        st.dictionaries(st.sampled_from(["lr", "opt", "ö"]), st.sampled_from([0.1, "adam", None])),
        st.sampled_from(["resnet50", "lenet"]),
        st.sampled_from(["fp32", "int8"]),
    ),
    max_size=6,
)
_numbers = itertools.count()


def metric_series(
    name: str, points: dict[int, float], wall: float | None, spread: Spread | None
) -> MetricSeries:
    steps = sorted(points)
    return MetricSeries(
        metric=MetricDef(name=name, unit="u", direction=Direction.LOWER, family="f"),
        steps=np.array(steps, np.int64),
        values=np.array([points[step] for step in steps], np.float64),
        wall_times=None if wall is None else np.full(len(steps), wall),
        spread=spread,
        source_name=name.upper(),
        source_unit=None,
        scale=2.0,
    )


def new_run(uid: str, described: Any) -> NewRun:
    series, params, model, precision = described
    record = RunRecord(format="test", place="", kind=Kind.TRAINING, identity=Identity.UID, uid=uid)
    run = NormalRun(
        record=record,
        model=ModelHint(name=model),
        precision=Precision(name=precision),
        series=tuple(metric_series(name, *parts) for name, parts in series.items()),
        samples=(MetricSample(metric=MetricDef(name="loss"), values=np.array([1.0, math.nan])),),
        params=params,
        tags={"who": uid},
        notices=(),
    )
    started = datetime(2026, 1, 1, tzinfo=UTC)
    return NewRun(
        run=run,
        uid=uid,
        content_key=uid,
        experiment="e",
        started_at=started,
        time_source=TimeSource.FILE,
    )


def plain(value: float | None) -> float | None:
    """What a stored double compares equal by: NaN is NULL; SQLite keeps no sign of zero."""
    return None if value is None or math.isnan(value) else value + 0.0


def reference(points: dict[int, float], spread: Spread | None) -> dict[str, Any]:
    """The aggregates of a series, number by number."""
    steps = sorted(points)
    count = nan_count = 0
    low = high = None
    kept: list[float] = []
    for step in steps:
        value = points[step]
        count += 1
        if math.isnan(value):
            nan_count += 1
            continue
        kept.append(value)
        if low is None or value < points[low]:
            low = step
        if high is None or value > points[high]:
            high = step
    finite = all(map(math.isfinite, kept))
    mean = math.fsum(kept) / len(kept) if kept and finite else plain(sum(kept)) if kept else None
    std = None
    if len(kept) > 1 and mean is not None and max(map(abs, kept)) < 1e100:
        std = math.sqrt(math.fsum((value - mean) ** 2 for value in kept) / (len(kept) - 1))
    stated = spread or Spread()
    return {
        "count": count,
        "nan_count": nan_count,
        "first": plain(points[steps[0]]),
        "last": plain(points[steps[-1]]),
        "last_step": steps[-1],
        "min": None if low is None else plain(points[low]),
        "min_step": low,
        "max": None if high is None else plain(points[high]),
        "max_step": high,
        "mean": mean,
        "std": std if stated.std is None else stated.std,
        "n": len(kept) if stated.n is None else stated.n,
    }


def stored_points(connection: Connection, uids: Sequence[str]) -> dict[tuple[str, str, int], Any]:
    query = (
        select(Run.uid, Metric.name, Point.step, Point.value, Point.wall_time)
        .select_from(Run)
        .join(Point, Point.run_id == Run.id)
        .join(Metric, Metric.id == Point.metric_id)
        .where(Run.uid.in_(uids))
    )
    return {tuple(row[:3]): tuple(row[3:]) for row in connection.execute(query)}


def stored_aggregates(connection: Connection, uids: Sequence[str]) -> dict[tuple[str, str], Any]:
    query = (
        select(Run.uid, Metric.name, RunMetric.__table__)
        .select_from(Run)
        .join(RunMetric, RunMetric.run_id == Run.id)
        .join(Metric, Metric.id == RunMetric.metric_id)
        .where(Run.uid.in_(uids))
    )
    return {tuple(row[:2]): row._mapping for row in connection.execute(query)}


def assert_aggregates(found: Any, points: dict[int, float], spread: Spread | None) -> None:
    # squares and sums of such numbers overflow in one order and not in another
    huge = any(abs(value) > 1e100 for value in points.values())
    for name, value in reference(points, spread).items():
        if huge and name in ("mean", "std"):
            continue
        assert found[name] == (pytest.approx(value, rel=1e-9, abs=1e-9) if value else value), name


@FUZZY
@given(described=RUNS)
def test_runs_in_bulk_are_those_of_a_loop(store: Store, described: list[Any]) -> None:
    runs = [new_run(f"uid{next(_numbers)}", item) for item in described]
    uids = [run.uid for run in runs]
    with store.write() as connection:
        ids = insert_runs(connection, Interner(connection), runs)
    assert list(ids) == uids
    expected = {
        (run.uid, name, step): (plain(value), wall)
        for run, (series, *_) in zip(runs, described, strict=True)
        for name, (points, wall, _) in series.items()
        for step, value in points.items()
    }
    with store.read() as connection:
        assert stored_points(connection, uids) == expected
        aggregates = stored_aggregates(connection, uids)
        owned = {
            table: connection.execute(
                select(Run.uid, *columns)
                .select_from(table)
                .join(Run, Run.id == table.run_id)
                .where(Run.uid.in_(uids))
            ).all()
            for table, *columns in (
                (Param, Param.key, Param.text, Param.number),
                (Tag, Tag.key, Tag.value),
                (Sample, Sample.values),
            )
        }
    for run, (series, params, *_) in zip(runs, described, strict=True):
        for name, (points, _, spread) in series.items():
            found = aggregates.pop((run.uid, name))
            assert (found["source_name"], found["scale"]) == (name.upper(), 2.0)
            assert_aggregates(found, points, spread)
        texts = {key: (text, number) for uid, key, text, number in owned[Param] if uid == run.uid}
        said = {0.1: ("0.1", 0.1), "adam": ("adam", None), None: (None, None)}
        assert texts == {key: said[value] for key, value in params.items()}
        assert (run.uid, "who", run.uid) in [tuple(row) for row in owned[Tag]]
        assert (run.uid, [1.0, None]) in [tuple(row) for row in owned[Sample]]
    assert not aggregates


@FUZZY
@given(
    values=st.lists(st.tuples(NUMBERS, st.floats(-9, 9)), min_size=2, max_size=40),
    cuts=st.lists(st.integers(2, 40), max_size=3),
)
def test_a_log_met_while_it_grows_is_the_log_met_once(
    store: Store, tmp_path: Path, values: list[tuple[float, float]], cuts: list[int]
) -> None:
    name = f"m{next(_numbers)}"
    log = tmp_path / "log.csv"
    options = IngestOptions(settings={"model": name, "precision": "fp32"})
    for stop in [*sorted(cuts), len(values)]:
        rows = "".join(
            f"{step},{first!r},{second!r}\n"
            for step, (first, second) in enumerate(values[:stop], start=1)
        )
        log.write_text(f"epoch,train_loss,val_loss\n{rows}")
        report = ingest(store, [str(log)], options)
        assert not report.rejected
    with store.read() as connection:
        (uid,) = connection.scalars(select(Run.uid).join(Model).where(Model.name == name))
        points = stored_points(connection, [uid])
        aggregates = stored_aggregates(connection, [uid])
    for place, metric in enumerate(("train/loss", "val/loss")):
        expected = {step: pair[place] for step, pair in enumerate(values, start=1)}
        found = {step: value[0] for (_, name, step), value in points.items() if name == metric}
        assert found == {step: plain(value) for step, value in expected.items()}
        assert_aggregates(aggregates[uid, metric], expected, None)
