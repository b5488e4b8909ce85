"""The levels of lines that have moved: the same tags as their values, in runs of their own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cetrack.domain import Status
from cetrack.export_tb import DEFAULT_VIEWS, TagOrder, View, export_tb
from cetrack.ingest import ingest
from cetrack.store import Store
from cetrack.trend import trend
from tests.tb.building import Spec, fill
from tests.tb.reading import runs, scalars, times, tree
from tests.tb.serving import served_by_python

NOISE = [0.0, 0.5, -0.5, 0.25, -0.25, 0.5, -0.5, 0.0]
SLOWER = [20 + noise / 10 for noise in NOISE] + [30 + noise / 10 for noise in NOISE]
STEADY = [0.75] * len(SLOWER)


def night(day: int, **fields: object) -> Spec:
    metrics = {"latency_mean_ms": SLOWER[day], "accuracy": STEADY[day]}
    return Spec(precision="int8", day=day, metrics=metrics, **fields)  # type: ignore[arg-type]


NIGHTS = [night(day) for day in range(len(SLOWER))]


def test_what_has_moved_has_a_level_and_nothing_else(store: Store, logs: Path) -> None:
    fill(store, NIGHTS)

    export_tb(store, logs, views=[View.TREND, View.CHANGES])

    assert runs(logs) == ["changes/int8", "trend/int8"]
    values, levels = (scalars(logs / run / "int8") for run in ("trend", "changes"))
    assert list(levels) == ["resnet50/latency_mean_ms"]
    level = levels["resnet50/latency_mean_ms"]
    assert [round(value, 6) for _, value, _ in level] == [20.0] * 8 + [30.0] * 8
    drawn = values["resnet50/latency_mean_ms"]
    assert [(n, time) for n, _, time in level] == [(n, time) for n, _, time in drawn]


def test_the_step_is_where_cetrack_trend_has_it(store: Store, logs: Path) -> None:
    odd = {4: Status.FAILED, 11: Status.KILLED}
    fill(store, [night(day, status=odd.get(day, Status.FINISHED)) for day in range(len(SLOWER))])
    export_tb(store, logs, views=[View.CHANGES])

    (line,) = trend(store, "latency_mean_ms").lines

    level = scalars(logs / "changes" / "int8")["resnet50/latency_mean_ms"]
    assert [n for n, _, _ in level] == line.n.tolist()
    assert len(level) == len(SLOWER) - len(odd)
    (change,) = line.changes
    for n, value, _ in level:
        assert value == pytest.approx(change.before if n < change.n else change.after)


@pytest.mark.parametrize("order", TagOrder)
def test_a_chart_has_both(sqlite_store: Store, logs: Path, order: TagOrder) -> None:
    fill(sqlite_store, NIGHTS)
    export_tb(sqlite_store, logs, views=[View.TREND, View.CHANGES, View.CHARTS], tags=order)

    with served_by_python(logs) as served:
        found = served.charts()["latency_mean_ms (ms, lower is better)"]

    assert set(found["resnet50"]) == {"changes/int8", "trend/int8"}


def test_series_that_have_not_moved_have_no_run(sqlite_store: Store, logs: Path) -> None:
    fill(sqlite_store, NIGHTS[:8])

    export_tb(sqlite_store, logs, views=[View.TREND, View.CHANGES])

    assert runs(logs) == ["trend/int8"]


def test_they_are_only_written_where_they_are_asked_for(sqlite_store: Store, logs: Path) -> None:
    fill(sqlite_store, NIGHTS)
    export_tb(sqlite_store, logs, views=[*DEFAULT_VIEWS, View.CHANGES])
    assert "changes/int8" in runs(logs)

    export_tb(sqlite_store, logs)

    assert not [run for run in runs(logs) if run.startswith("changes")]


def test_again_only_what_has_moved_is_written(store: Store, logs: Path) -> None:
    views = [View.TREND, View.CHANGES]
    other = [
        Spec(precision="fp32", day=day, metrics={"latency_mean_ms": value})
        for day, value in enumerate(SLOWER)
    ]
    fill(store, [*NIGHTS[:12], *other])
    export_tb(store, logs / "again", views=views)
    before = times(logs / "again")

    export_tb(store, logs / "again", views=views)
    assert times(logs / "again") == before
    fill(store, NIGHTS[12:])
    export_tb(store, logs / "again", views=views)
    export_tb(store, logs / "new", views=views)

    assert tree(logs / "again") == tree(logs / "new")
    after = times(logs / "again")
    assert {path for path in before if "fp32" in path and after[path] != before[path]} == set()
    assert any("changes/int8" in path and path not in before for path in after)


def test_they_are_no_runs_when_the_folder_is_read(sqlite_store: Store, logs: Path) -> None:
    fill(sqlite_store, NIGHTS)
    export_tb(sqlite_store, logs, views=[View.CHANGES])
    (logs / ".cetrack-export.json").unlink()  # as in a copy of some of the folders

    report = ingest(None, [str(logs)])

    (source,) = report.sources
    assert "computed from runs by cetrack (changes)" in json.dumps(
        [str(notice) for notice in source.notices]
    )
