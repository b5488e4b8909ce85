"""Logging from code: what is in the database during and after a run."""

from __future__ import annotations

import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import cetrack
from cetrack.errors import UsageError
from cetrack.runs_format import export_runs
from cetrack.store import Store
from tests.ingest.producing import metrics, results, write
from tests.ingest.test_snapshots import rows, take

LENET = {"model": "lenet", "precision": "fp32"}


def test_a_training_loop_is_a_training_run(store: Store, database_url: str) -> None:
    with cetrack.start_run(**LENET, db=database_url, seed=3, params={"lr": 0.1}) as run:
        for epoch in range(1, 4):
            run.log({"train_loss": 1 / epoch, "val_accuracy": np.float32(0.5)}, step=epoch)
        run.log({"train_loss": None})

    (found,) = export_runs(store)
    assert (found["uid"], found["kind"], found["status"]) == (run.uid, "training", "finished")
    assert found["metrics"]["train/loss"]["steps"] == [1, 2, 3]
    assert found["metrics"]["train/loss"]["values"] == [1.0, 0.5, 1 / 3]
    assert all(wall > 1.7e9 for wall in found["metrics"]["train/loss"]["wall_times"])
    assert (found["seed"], found["params"]) == (3, {"lr": 0.1})


def test_points_are_stored_while_the_run_goes_on(store: Store, database_url: str) -> None:
    run = cetrack.start_run(**LENET, db=database_url)
    run.log({"train_loss": 1.0}, step=1)
    run.flush()
    (found,) = export_runs(store)
    assert (found["status"], found["metrics"]["train/loss"]["values"]) == ("running", [1.0])
    run.log({"train_loss": math.nan}, step=2)
    run.log({"train_loss": 0.25}, step=2)
    run.log({"train_loss": 0.125})
    run.finish()
    (found,) = export_runs(store)
    assert found["metrics"]["train/loss"]["values"] == [1.0, 0.25, 0.125]
    assert found["metrics"]["train/loss"]["steps"] == [1, 2, 3]


@pytest.mark.parametrize(
    ("error", "status"),
    [(RuntimeError("out of memory"), "failed"), (KeyboardInterrupt(), "killed")],
)
def test_a_run_that_ends_badly_keeps_its_points_and_says_so(
    store: Store, database_url: str, error: BaseException, status: str
) -> None:
    run = cetrack.start_run(**LENET, db=database_url)
    with pytest.raises(type(error)), run:
        run.log({"train_loss": 1.0})
        raise error
    (found,) = export_runs(store)
    assert (found["status"], found["metrics"]["train/loss"]["values"]) == (status, [1.0])
    with pytest.raises(UsageError, match="is finished"):
        run.log({"train_loss": 2.0})


def test_a_compression_is_linked_to_the_known_baseline(
    store: Store, database_url: str, tmp_path: Path
) -> None:
    content = results(4)
    take(store, write(tmp_path / "r.json", content))
    ((known,),) = rows(store, "uid", model="model3", precision="fp32")

    with cetrack.start_run(model="model3", precision="int8", db=database_url) as run:
        run.log_compression(
            baseline=content["model3"]["fp32"],
            metrics=metrics(0.88, 4.4, 26, latency_samples_ms=[4.0, 4.8]),
            method="ptq",
            ratios={"size_ratio": 3.9},
            calibration={"samples": 128},
        )

    (found,) = [item for item in export_runs(store) if item["uid"] == run.uid]
    assert (found["kind"], found["method"]) == ("compression", "ptq")
    assert found["baseline"] == {"uid": known, "rule": "explicit"}
    assert found["metrics"]["size_ratio"]["value"] == 3.9
    assert found["samples"]["latency_ms"]["values"] == [4.0, 4.8]
    assert found["params"]["calibration.samples"] == 128
    assert rows(store, "library", uid=run.uid) == [("timm",)]


def test_a_compression_makes_its_baseline_where_it_is_unknown(
    store: Store, database_url: str
) -> None:
    with cetrack.start_run(model="m", precision="int8", db=database_url) as first:
        first.log_compression(baseline=metrics(0.9, 9, 9), metrics=metrics(0.8, 3, 3), method="ptq")
    with cetrack.start_run(model="m", precision="int8", db=database_url) as second:
        second.log_compression(
            baseline=rows(store, "uid", precision="fp32")[0][0],
            metrics=metrics(0.85, 3, 3),
            method="qat",
        )
    assert rows(store, "precision", "kind", "method") == [
        ("fp32", "benchmark", None),
        ("int8", "compression", "ptq"),
        ("int8", "compression", "qat"),
    ]


def test_wrong_arguments_are_said_before_anything_is_written(tmp_path: Path) -> None:
    database = str(tmp_path / "none.db")
    with pytest.raises(UsageError, match="not one of"):
        cetrack.start_run(**LENET, kind="job", db=database)
    with pytest.raises(UsageError, match="needs a model"):
        cetrack.start_run(model=" ", precision="fp32", db=database)
    assert not Path(database).exists()
    with pytest.raises(UsageError, match="no run with the uid"):
        cetrack.start_run(**LENET, baseline="none", db=database)


def test_importing_cetrack_loads_nothing_heavy() -> None:
    code = (
        "import sys, cetrack; "
        "heavy = {'numpy', 'pandas', 'sqlalchemy', 'alembic', 'tensorboardX', 'typer', 'rich'}; "
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
