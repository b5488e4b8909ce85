"""Runs exported to event files and read back: they are the runs that they were."""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import text

from cetrack.domain import Kind, Status
from cetrack.export_tb import Layout, View, export_tb
from cetrack.ingest import IngestOptions, IngestReport, ingest
from cetrack.series import read_series
from cetrack.store import Store, select_runs
from tests.readers.event_files import event, file_of, session, simple
from tests.tb.building import Spec, fill, nights

_KEPT = (
    "uid", "experiment", "model", "library", "category", "input_shape", "model_description",
    "precision", "kind", "method", "variant", "dataset", "batch_size", "device", "status",
    "started_at", "finished_at",
)  # fmt: skip
_WALLS = [(step, 1.0 / step, 1_780_000_000.25 + step) for step in range(1, 200)]
TRAINING = Spec(
    model="facebook/opt-125m",
    precision="int8",
    kind=Kind.TRAINING,
    method="qat",
    variant="set-up b",
    dataset="c4 | en",
    experiment="night/ly",
    batch_size=16,
    description="a *small* model",
    status=Status.KILLED,
    finished_after_s=3600.5,
    metrics={
        "train/loss": _WALLS,
        "accuracy": [(step, value / 2, wall) for step, value, wall in _WALLS[:50]],
        "own/family": [(0, math.nan), (3, math.inf), (2**40, 1e-300)],
        "other": 1e300,
    },
    params={"lr": 0.1, "epochs": 5, "amp": True, "optimizer": "adam", "model": "alias"},
)
TWINS = [  # in all but their uids
    Spec(model="twin", kind=Kind.TRAINING, own_uid=letter * 32, metrics={"loss": _WALLS[:3]})
    for letter in "ab"
]
SPECS = [*nights(), TRAINING, *TWINS, Spec(model="bare", day=4)]
Contents = dict[str, dict[str, Any]]


def contents(store: Store) -> Contents:
    """uid → fields, params, and points at single precision, of every run."""
    with store.read() as connection:
        rows = {row["run_id"]: row for row in select_runs(connection, None)}
        found = {run_id: {name: row[name] for name in _KEPT} for run_id, row in rows.items()}
        metrics = dict(map(tuple, connection.execute(text("SELECT id, name FROM metric"))))
        for run_id, key, value in connection.execute(text("SELECT run_id, key, text FROM param")):
            found[run_id].setdefault("params", {})[key] = value
        for series in read_series(connection, sorted(rows)):
            with np.errstate(over="ignore"):
                singles = series.values.astype(np.float32)
            columns = (series.steps, singles, series.wall_times)
            points = [repr(column.tolist()) for column in columns]
            found[series.run_id][metrics[series.metric_id]] = points
    return {run["uid"]: run for run in found.values()}


@pytest.fixture
def logs(store: Store, tmp_path: Path) -> Path:
    fill(store, SPECS)
    export_tb(store, tmp_path / "logs")
    return tmp_path / "logs"


@pytest.fixture
def again(tmp_path: Path) -> Callable[[Path], tuple[Contents, IngestReport]]:
    """What an empty database holds after an ingest of a folder."""

    def read(folder: Path) -> tuple[Contents, IngestReport]:
        with Store.open(str(tmp_path / "again.db"), create=True) as empty:
            report = ingest(empty, [str(folder)])
            return contents(empty), report

    return read


def test_runs_come_back_into_an_empty_database(store: Store, logs: Path, again: Any) -> None:
    found, report = again(logs)

    assert found == contents(store)
    assert not report.rejected
    said = [notice.text for item in report.sources for notice in item.notices]
    assert sorted(said) == [
        f"computed from runs by cetrack ({view}): no run made"
        for view in ("compare", "the table of runs", *["trend"] * len({s.precision for s in SPECS}))
    ]


def test_runs_come_out_of_one_file_and_into_any_database(database_url: str, tmp_path: Path) -> None:
    with Store.open(str(tmp_path / "first.db"), create=True) as first:
        fill(first, SPECS)
        export_tb(first, tmp_path / "logs")
        expected = contents(first)
    with Store.open(database_url, create=True) as second:
        ingest(second, [str(tmp_path / "logs")])

        assert contents(second) == expected


def test_runs_that_are_there_already_stay_as_exact_as_they_are(store: Store, logs: Path) -> None:
    def exact() -> Any:
        query = text("SELECT * FROM point ORDER BY run_id, metric_id, step")
        with store.read() as connection:
            return [repr(tuple(row)) for row in connection.execute(query)]

    before = exact()
    report = ingest(store, [str(logs)])

    assert {item.status for item in report.sources} == {"unchanged"}
    assert exact() == before
    assert len(before) > 250


def test_a_value_that_is_another_at_single_precision_is_one(store: Store, tmp_path: Path) -> None:
    changed = Spec(own_uid="c" * 32, metrics={"accuracy": 0.5})
    with Store.open(str(tmp_path / "other.db"), create=True) as other:
        fill(other, [changed])
        export_tb(other, tmp_path / "logs")
    fill(store, [Spec(own_uid="c" * 32, metrics={"accuracy": 0.25})])
    report = ingest(store, [str(tmp_path / "logs")])

    assert sum(item.runs_updated for item in report.sources) == 1
    assert contents(store)["c" * 32]["accuracy"][1] == "[0.5]"


def lacking(found: Contents, *names: str) -> Contents:
    return {
        uid: {key: value for key, value in run.items() if key not in names}
        for uid, run in found.items()
    }


@pytest.mark.parametrize(
    ("views", "lost"),
    [
        ((View.RUNS, View.TEXT), ("params",)),  # and starts to the second
        ((View.RUNS, View.TEXT, View.HPARAMS), ()),
    ],
)
def test_parts_of_an_export_give_what_they_hold(
    store: Store, tmp_path: Path, again: Any, views: tuple[View, ...], lost: tuple[str, ...]
) -> None:
    fill(store, SPECS)
    export_tb(store, tmp_path / "logs", views=views)
    found, report = again(tmp_path / "logs")

    assert lacking(found, "finished_at", *lost) == lacking(contents(store), "finished_at", *lost)
    assert not report.rejected


def test_the_runs_alone_say_what_their_folders_do(store: Store, tmp_path: Path, again: Any) -> None:
    fill(store, SPECS)
    export_tb(store, tmp_path / "logs", views=(View.RUNS,))
    found, _ = again(tmp_path / "logs")
    kept = ("experiment", "model", "precision", "train/loss", "loss", "accuracy")

    def shown(runs: Contents) -> list[str]:
        return sorted(repr([run.get(name) for name in kept]) for run in runs.values())

    assert shown(found) == shown(contents(store))


def test_a_folder_of_runs_that_was_copied_elsewhere(
    store: Store, logs: Path, tmp_path: Path, again: Any
) -> None:
    shutil.copytree(logs / "runs", tmp_path / "copy" / "runs")
    shutil.copytree(logs / "trend", tmp_path / "copy" / "trend")
    shutil.copytree(logs / "compare", tmp_path / "copy" / "compare")
    shutil.copytree(logs / "_hparams", tmp_path / "copy" / "_hparams")
    found, _ = again(tmp_path / "copy")

    assert found == contents(store)


def test_a_single_folder_that_was_taken_out(store: Store, logs: Path, tmp_path: Path) -> None:
    (folder,) = (logs / "runs").glob("night--ly/*/*/*")
    shutil.copytree(folder, tmp_path / "taken")
    with Store.open(str(tmp_path / "again.db"), create=True) as empty:
        ingest(empty, [str(tmp_path / "taken")])
        found = contents(empty)

    assert found == {uid: run for uid, run in contents(store).items() if uid == TRAINING.uid}


def test_a_file_that_only_looks_like_an_export_is_no_trap(tmp_path: Path) -> None:
    forged = {"model": 5.0, "precision": True, "kind": "war", "batch_size": "many", "param.": 1.0}
    path = tmp_path / "runs" / "events.out.tfevents.1780000000.cetrack"
    path.parent.mkdir()
    path.write_bytes(file_of(event(0, session(hparams=forged)), event(1, simple("a/b", 2))))
    (found,) = ingest(None, [str(tmp_path)], IngestOptions(dry_run=True)).sources

    assert (found.status, found.points) == ("new", 1)
    assert (found.planned[0]["model"], found.planned[0]["kind"]) == ("5", "training")


def test_a_host_may_be_called_cetrack(tmp_path: Path) -> None:
    path = tmp_path / "lenet_int8" / "events.out.tfevents.1780000000.cetrack"
    path.parent.mkdir()
    path.write_bytes(file_of(event(1, simple("loss", 2))))
    (found,) = ingest(None, [str(tmp_path)], IngestOptions(dry_run=True)).sources

    assert (found.status, found.planned[0]["model"]) == ("new", "lenet")


def test_a_broken_marker_is_none(store: Store, logs: Path, again: Any) -> None:
    (logs / ".cetrack-export.json").write_text("[")
    found, _ = again(logs)

    assert found == contents(store)


def test_the_layout_of_the_compression_plugin_makes_no_runs(
    store: Store, tmp_path: Path, again: Any
) -> None:
    fill(store, SPECS)
    export_tb(store, tmp_path / "logs", layout=Layout.BOARD)
    found, report = again(tmp_path / "logs")

    assert found == {}
    assert len(report.sources) == 2
    assert all("compression-board" in item.notices[0].text for item in report.sources[1:])
