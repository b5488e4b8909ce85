"""An export again: the same tree as one into a new folder, and only what changed is written."""

from __future__ import annotations

import json
import os
import pickle
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import Connection, delete, insert, select, update

from cetrack.domain import Kind, Status
from cetrack.export_tb import TagOrder, View, export_tb
from cetrack.exporting.run_files import Unit, write_unit
from cetrack.exporting.selection import Selection
from cetrack.filter import parse_all
from cetrack.models import Metric, Model, Param, Point, Run, RunMetric
from cetrack.store import Store, delete_runs, select_runs, touch
from tests.tb.building import MORNING, Spec, fill, nights
from tests.tb.reading import MARKER, scalars, times, tree

MORNING_S = MORNING.timestamp()
FP32, INT8 = nights("resnet50", 1)
LATER = [
    Spec(model="resnet50", day=1, metrics={"accuracy": 0.8, "latency_mean_ms": 31.0}),
    *nights("vgg16", 1),
]
LOG = Spec(
    kind=Kind.TRAINING,
    experiment="paper",
    metrics={
        "train/loss": [(step, 1.0 / (step + 1), MORNING_S + step) for step in range(200)],
        "val/accuracy": [(9, 0.5), (19, 0.61)],
    },
    params={"lr": 0.1},
)
SPECS = [FP32, INT8, *LATER, LOG]

Ids = Mapping[str, int]
Change = Callable[[Connection, Ids], Any]


def metric_id(connection: Connection, name: str) -> int:
    return connection.execute(select(Metric.id).where(Metric.name == name)).scalar_one()


def grown(connection: Connection, ids: Ids) -> None:
    key = {"run_id": ids[LOG.uid], "metric_id": metric_id(connection, "train/loss")}
    connection.execute(insert(Point).values(**key, step=200, value=0.001, wall_time=MORNING_S))
    row = (RunMetric.run_id == key["run_id"]) & (RunMetric.metric_id == key["metric_id"])
    connection.execute(
        update(RunMetric).where(row).values(last=0.001, last_step=200, count=RunMetric.count + 1)
    )
    touch(connection, [ids[LOG.uid]])


def in_the_middle(**values: float) -> Change:
    def change(connection: Connection, ids: Ids) -> None:
        place = (Point.run_id == ids[LOG.uid]) & (Point.step == 100)
        assert connection.execute(update(Point).where(place).values(**values)).rowcount == 1
        touch(connection, [ids[LOG.uid]])

    return change


def baseline_measured_again(connection: Connection, ids: Ids) -> None:
    of_run = RunMetric.run_id == ids[FP32.uid]
    connection.execute(update(RunMetric).where(of_run).values(last=0.5))
    connection.execute(update(Point).where(Point.run_id == ids[FP32.uid]).values(value=0.5))
    touch(connection, [ids[FP32.uid]])


def param_added(connection: Connection, ids: Ids) -> None:
    connection.execute(insert(Param).values(run_id=ids[INT8.uid], key="bits", text="8", number=8.0))
    touch(connection, [ids[INT8.uid]])


def run_set(spec: Spec, **values: Any) -> Change:
    def change(connection: Connection, ids: Ids) -> None:
        connection.execute(update(Run).where(Run.uid == spec.uid).values(**values))

    return change


def model_set(called: str, **values: str) -> Change:
    def change(connection: Connection, ids: Ids) -> None:
        connection.execute(update(Model).where(Model.name == called).values(**values))

    return change


def metric_set(called: str, **values: str | None) -> Change:
    def change(connection: Connection, ids: Ids) -> None:
        connection.execute(update(Metric).where(Metric.name == called).values(**values))

    return change


def merged(connection: Connection, ids: Ids) -> None:
    kept = select(Run.model_id).where(Run.uid == FP32.uid).scalar_subquery()
    of_vgg = [ids[spec.uid] for spec in LATER[1:]]
    connection.execute(update(Run).where(Run.id.in_(of_vgg)).values(model_id=kept))


def baseline_replaced(connection: Connection, ids: Ids) -> None:
    connection.execute(
        update(Run).where(Run.uid == INT8.uid).values(baseline_run_id=ids[LATER[0].uid])
    )


def baseline_lost(connection: Connection, ids: Ids) -> None:
    delete_runs(connection, [ids[FP32.uid]])


# name → what is done to the database, and the runs whose own files it concerns
CHANGES: dict[str, tuple[Change, list[Spec]]] = {
    "a series has grown": (grown, [LOG]),
    "a value in the middle": (in_the_middle(value=0.5), [LOG]),
    "a time in the middle": (in_the_middle(wall_time=1.0), [LOG]),
    "a baseline measured again": (baseline_measured_again, [FP32, INT8]),
    "a param more": (param_added, [INT8]),
    "a category": (model_set("vgg16", category="audio"), LATER[1:]),
    "a model renamed": (model_set("vgg16", name="vgg"), LATER[1:]),
    "models merged": (merged, LATER[1:]),
    "another baseline": (baseline_replaced, [INT8]),
    "a baseline lost": (baseline_lost, [FP32, INT8]),
    "a status": (run_set(LOG, status=Status.FAILED), [LOG]),
    "a start": (run_set(LOG, started_at=MORNING.replace(year=2025)), [LOG]),
    "a unit": (metric_set("val/accuracy", unit="%"), [LOG]),
    "a family": (metric_set("latency_mean_ms", family="speed"), [FP32, INT8, *LATER]),
    "a direction": (metric_set("latency_mean_ms", direction=None), [INT8, LATER[2]]),
    "nothing": (lambda connection, ids: None, []),
}


def owners(paths: set[str]) -> list[str]:
    """The short uids of the runs whose own files these are."""
    folders = {path.split("/")[-2] for path in paths if path.startswith("runs/")}
    return sorted({folder.rpartition("_")[2] for folder in folders})


def short(specs: Sequence[Spec]) -> list[str]:
    return sorted(spec.uid[:10] for spec in specs)


def touched(before: Mapping[str, int], logs: Path) -> set[str]:
    """What was written, moved or removed since ``before``."""
    after = times(logs)
    return {path for path in before.keys() | after if before.get(path) != after.get(path)}


@pytest.mark.parametrize("name", CHANGES)
def test_only_what_changed_is_written_and_the_tree_is_as_new(
    name: str, store: Store, logs: Path
) -> None:
    change, concerned = CHANGES[name]
    ids = fill(store, SPECS)
    export_tb(store, logs / "again")
    before = times(logs / "again")

    with store.write() as connection:
        change(connection, ids)
    again = export_tb(store, logs / "again")
    new = export_tb(store, logs / "new")

    assert tree(logs / "again") == tree(logs / "new")
    assert owners(touched(before, logs / "again")) == short(concerned)
    assert (again.files, again.scalars, again.warnings) == (new.files, new.scalars, new.warnings)


ADDED: dict[str, tuple[list[Spec], list[Spec]]] = {
    "the same model again": ([Spec(day=5, metrics={"accuracy": 0.7})], []),
    "a text where others have a number": (
        [Spec(day=5, metrics={"accuracy": 0.7}, params={"lr": "auto"})],
        [LOG],
    ),
    "a name that differs in case": (
        [Spec(model="VGG16", day=5, metrics={"accuracy": 0.7})],
        LATER[1:],
    ),
    "a line to be told apart": ([Spec(day=5, device="gpu", metrics={"accuracy": 0.7})], []),
    "a metric that takes a tag": ([Spec(day=5, metrics={"quality/accuracy": 0.7})], []),
}


@pytest.mark.parametrize("name", ADDED)
def test_another_run_leaves_the_files_of_others(name: str, store: Store, logs: Path) -> None:
    added, concerned = ADDED[name]
    fill(store, SPECS)
    export_tb(store, logs / "again")
    before = times(logs / "again")

    fill(store, added)
    export_tb(store, logs / "again")
    export_tb(store, logs / "new")

    assert tree(logs / "again") == tree(logs / "new")
    own = {path for path in touched(before, logs / "again") if added[0].uid[:10] not in path}
    assert owners(own) == short(concerned)


def test_a_run_that_is_not_selected_moves_the_line_along(store: Store, logs: Path) -> None:
    where = parse_all(["started >= 2026-03-02"])
    fill(store, SPECS)
    export_tb(store, logs / "again", where=where)
    line = logs / "again" / "trend" / "fp32"
    before = times(logs / "again")

    fill(store, [Spec(day=-3, metrics={"accuracy": 0.1})])
    export_tb(store, logs / "again", where=where)
    export_tb(store, logs / "new", where=where)

    assert tree(logs / "again") == tree(logs / "new")
    assert {path.split("/")[0] for path in touched(before, logs / "again")} == {MARKER, "trend"}
    assert [step for step, _, _ in scalars(line)["resnet50/accuracy"]] == [3]


def test_points_of_unchanged_runs_are_not_read(store: Store, logs: Path) -> None:
    """What is changed behind cetrack's back, without a new revision, goes unnoticed."""
    ids = fill(store, SPECS)
    export_tb(store, logs)
    before = times(logs)

    with store.write() as connection:
        connection.execute(delete(Point))
    export_tb(store, logs)
    assert times(logs) == before

    with store.write() as connection:
        touch(connection, [ids[LOG.uid]])
    export_tb(store, logs)
    assert owners(touched(before, logs)) == short([LOG])


def test_a_run_without_a_revision_is_always_read(sqlite_store: Store, logs: Path) -> None:
    fill(sqlite_store, SPECS)
    with sqlite_store.write() as connection:
        connection.execute(update(Run).where(Run.uid == LOG.uid).values(revision=0))
    export_tb(sqlite_store, logs)
    before = times(logs)

    with sqlite_store.write() as connection:
        connection.execute(update(Point).values(value=0.25))
    export_tb(sqlite_store, logs)

    assert owners(touched(before, logs)) == short([LOG])


SELECTIONS: dict[str, dict[str, Any]] = {
    "all": {},
    "a filter": {"where": parse_all(["model=resnet50"])},
    "one precision": {"where": parse_all(["precision=int8"])},
    "only runs": {"views": [View.RUNS]},
    "no text": {"views": [View.RUNS, View.TREND, View.HPARAMS]},
    "only the table": {"views": [View.HPARAMS]},
    "only comparisons": {"views": [View.COMPARE]},
    "by metric": {"tags": TagOrder.BY_METRIC},
}


@pytest.mark.parametrize("second", SELECTIONS)
@pytest.mark.parametrize("first", ["all", "only the table", "a filter"])
def test_another_selection_gives_its_own_tree(
    first: str, second: str, sqlite_store: Store, logs: Path
) -> None:
    fill(sqlite_store, SPECS)
    export_tb(sqlite_store, logs / "again", **SELECTIONS[first])

    export_tb(sqlite_store, logs / "again", **SELECTIONS[second])
    export_tb(sqlite_store, logs / "new", **SELECTIONS[second])

    assert tree(logs / "again") == tree(logs / "new")


def test_a_narrower_filter_leaves_the_files_of_its_runs(sqlite_store: Store, logs: Path) -> None:
    fill(sqlite_store, SPECS)
    export_tb(sqlite_store, logs, views=[View.RUNS])
    before = times(logs)

    export_tb(sqlite_store, logs, views=[View.RUNS], where=parse_all(["model=resnet50"]))

    kept = {path for path in times(logs) if "/resnet50/" in path}
    assert len(kept) == 4
    assert not kept & touched(before, logs)


def damaged(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def linked(path: Path) -> None:
    other = path.with_suffix(".elsewhere")
    path.rename(other)
    path.symlink_to(other)


DAMAGE: dict[str, Callable[[Path], Any]] = {
    "removed": Path.unlink,
    "cut": lambda path: os.truncate(path, 20),
    "grown": lambda path: path.write_bytes(path.read_bytes() + b"x"),
    "of the same size": damaged,
    "a link": linked,
}


@pytest.mark.parametrize("pattern", ["runs/paper/*/*/*/*", "trend/int8/*", "_hparams/*"])
@pytest.mark.parametrize("name", DAMAGE)
def test_a_file_that_was_damaged_is_made_again(
    name: str, pattern: str, sqlite_store: Store, logs: Path
) -> None:
    fill(sqlite_store, SPECS)
    export_tb(sqlite_store, logs)
    before = tree(logs)
    (path,) = logs.glob(pattern)

    DAMAGE[name](path)
    export_tb(sqlite_store, logs)

    assert not path.is_symlink()
    assert {key: value for key, value in tree(logs).items() if "elsewhere" not in key} == before


def test_a_copy_of_the_folder_needs_no_points(sqlite_store: Store, logs: Path) -> None:
    fill(sqlite_store, SPECS)
    export_tb(sqlite_store, logs)
    marker = logs / MARKER
    os.utime(marker, (1, 1))  # as if the marker had been copied first
    before = times(logs)

    with sqlite_store.write() as connection:
        connection.execute(delete(Point))
    export_tb(sqlite_store, logs)

    assert times(logs) == before


def test_a_marker_of_the_first_format_means_a_full_export(store: Store, logs: Path) -> None:
    fill(store, SPECS)
    export_tb(store, logs)
    before = tree(logs)
    marker = json.loads((logs / MARKER).read_text())
    old = {path: entry["sha256"] for path, entry in marker["files"].items()}
    (logs / MARKER).write_text(json.dumps({"files": old, "format": 1}))

    report = export_tb(store, logs)

    assert tree(logs) == before
    assert report.unchanged == report.files


def test_an_export_that_is_interrupted_trusts_no_file_it_was_about_to_write(
    sqlite_store: Store, logs: Path
) -> None:
    ids = fill(sqlite_store, SPECS)
    export_tb(sqlite_store, logs, views=[View.RUNS])
    complete = tree(logs)
    with sqlite_store.write() as connection:
        touch(connection, ids.values())

    def stop(done: int, total: int, current: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        export_tb(sqlite_store, logs, views=[View.RUNS], progress=stop)

    listed = json.loads((logs / MARKER).read_text())["files"]
    assert set(listed.values()) == {None}
    export_tb(sqlite_store, logs, views=[View.RUNS])
    assert tree(logs).keys() == complete.keys()


def test_a_unit_can_be_written_from_a_copy_of_it(store: Store, logs: Path) -> None:
    fill(store, SPECS)
    export_tb(store, logs / "whole", views=[View.RUNS])
    views = frozenset({View.RUNS})
    with store.read() as connection:
        rows = select_runs(connection)
        selection = Selection.of(connection, rows, views=views, order=TagOrder.BY_MODEL)
        places = {row["run_id"]: (f"{row['uid']}/events", "a stamp") for row in rows}
        unit = Unit(
            root=logs / "unit",
            rows=rows,
            places=places,
            views=views,
            metrics=selection.metrics,
            text_columns=frozenset(),
        )

        found = list(write_unit(connection, pickle.loads(pickle.dumps(unit))))

    made = {file.sha256 for file in pickle.loads(pickle.dumps(found))}
    assert made == set(tree(logs / "unit").values())
    assert made < set(tree(logs / "whole").values())
    assert {file.stamp for file in found} == {"a stamp"}


def test_a_long_series_is_read_in_parts_and_none_is_lost(store: Store, logs: Path) -> None:
    steps = np.arange(25_000)
    long = [(int(step), float(np.sin(step))) for step in steps]
    fill(store, [Spec(kind=Kind.TRAINING, metrics={"a/long": long, "b/short": [(0, 1.0)]})])

    export_tb(store, logs, views=[View.RUNS])

    (folder,) = logs.glob("runs/*/*/*/*")
    found = scalars(folder)
    assert [step for step, _, _ in found["a/long"]] == steps.tolist()
    assert found["b/short"] == [(0, 1.0, MORNING_S)]
