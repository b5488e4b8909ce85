"""Logs met again: grown, shortened, renamed, elsewhere, as checkpoints, with another seed."""

from __future__ import annotations

import json
import shutil
import socket
from pathlib import Path

import pytest
from sqlalchemy import select

from cetrack.models import Metric, RunMetric
from cetrack.store import Store
from tests.ingest.producing import history, write
from tests.ingest.test_snapshots import rows, take

LOSSES = [1.0, 0.5, 0.25, 0.125, 0.0625]


def counts(store: Store) -> list[tuple[int, int]]:
    """(points, last step) of train/loss, per run."""
    query = (
        select(RunMetric.count, RunMetric.last_step)
        .join(Metric, Metric.id == RunMetric.metric_id)
        .where(Metric.name == "train/loss")
    )
    with store.read() as connection:
        return sorted((row[0], row[1]) for row in connection.execute(query))


def test_a_history_is_one_training_run_with_a_step_per_epoch(store: Store, tmp_path: Path) -> None:
    path = write(tmp_path / "h.json", history(LOSSES, best_epoch=5, patience=3, stopped_early=True))

    report = take(store, path)

    assert (report.sources[0].reader, report.sources[0].points) == ("epochs", 10)
    assert rows(store, "model", "precision", "kind") == [("lenet", "fp32", "training")]
    assert counts(store) == [(5, 5)]


@pytest.mark.parametrize("start", [1, 2, 4])
def test_a_grown_log_stays_the_run_that_it_was(store: Store, tmp_path: Path, start: int) -> None:
    path = tmp_path / "h.json"
    take(store, write(path, history(LOSSES[:start])))
    uid = rows(store, "uid")

    report = take(store, write(path, history(LOSSES)))

    assert report.sources[0].status == "updated"
    assert (rows(store, "uid"), counts(store)) == (uid, [(5, 5)])


def test_a_shortened_log_is_already_contained(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "h.json"
    take(store, write(path, history(LOSSES)))

    report = take(store, write(path, history(LOSSES[:3])))

    assert report.sources[0].status == "unchanged"
    assert "already contained: 3 of 5 steps" in report.sources[0].notices[0].text
    assert counts(store) == [(5, 5)]


def test_a_renamed_folder_and_another_host_are_the_same_run(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "old" / "lenet_fp32.csv", "epoch,train_loss\n1,1.0\n2,0.5\n")
    take(store, tmp_path / "old")
    shutil.move(tmp_path / "old", tmp_path / "new")
    monkeypatch.setattr(socket, "gethostname", lambda: "another")

    report = take(store, tmp_path / "new")

    assert report.sources[0].runs_new == 0
    assert counts(store) == [(2, 2)]


def test_the_same_path_on_another_host_is_another_run_unless_its_points_agree(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "h.json"
    take(store, write(path, history([1.0])))
    monkeypatch.setattr(socket, "gethostname", lambda: "another")

    take(store, write(path, history([1.0], note="one step is too little to tell logs apart")))

    assert counts(store) == [(1, 1), (1, 1)]


def test_checkpoint_folders_with_prefixes_are_one_run_in_any_order(
    store: Store, tmp_path: Path
) -> None:
    for steps in (2, 3, 5):
        write(tmp_path / f"checkpoint-{steps}" / "history.json", history(LOSSES[:steps]))

    for steps in (3, 5, 2):
        take(store, tmp_path / f"checkpoint-{steps}")

    assert counts(store) == [(5, 5)]


def test_two_seeds_are_two_runs_and_a_log_that_parts_ways_is_a_new_one(
    store: Store, tmp_path: Path
) -> None:
    write(tmp_path / "1.json", history(LOSSES, seed=1))
    write(tmp_path / "2.json", history([2.0, 1.0, 0.5], seed=2))
    write(tmp_path / "3.json", history([1.0, 0.5, 0.3, 0.2], seed=1))

    take(store, tmp_path)

    assert counts(store) == [(3, 3), (4, 4), (5, 5)]
    assert rows(store, "seed") == [(1,), (1,), (2,)]


def test_jsonl_and_csv_and_json_of_one_training_are_one_run(store: Store, tmp_path: Path) -> None:
    lines = [{"epoch": n, "train_loss": loss} for n, loss in enumerate(LOSSES, 1)]
    write(tmp_path / "lenet_fp32.jsonl", "".join(json.dumps(line) + "\n" for line in lines))
    write(tmp_path / "lenet_fp32.json", lines)
    body = "".join(f"{n},{loss}\r\n" for n, loss in enumerate(LOSSES, 1))
    write(tmp_path / "lenet_fp32.csv", f"epoch,train_loss\r\n{body}")

    take(store, tmp_path)

    assert counts(store) == [(5, 5)]


def test_folds_are_runs_of_their_own_under_a_parent(store: Store, tmp_path: Path) -> None:
    body = "".join(f"{fold},{epoch},{1 / (epoch + fold)}\n" for fold in (1, 2) for epoch in (1, 2))
    write(tmp_path / "lenet_fp32_cv.csv", f"fold,epoch,train_loss\n{body}")

    take(store, tmp_path)

    assert [name for name, _ in rows(store, "name", "uid")] == [None, "fold 1", "fold 2"] or len(
        rows(store, "name")
    ) == 3
    parents = {parent for (parent,) in rows(store, "parent_uid")}
    assert len(parents - {None}) == 1


def test_model_and_precision_come_from_the_file_else_from_set_else_from_the_path(
    store: Store, tmp_path: Path
) -> None:
    write(tmp_path / "resnet50" / "int8" / "log.csv", "epoch,train_loss\n1,1.0\n2,0.5\n")
    write(tmp_path / "other" / "log.csv", "epoch,train_loss\n1,1.5\n2,0.75\n")

    take(store, tmp_path / "resnet50")
    take(store, tmp_path / "other", settings={"model": "mine", "precision": "bf16"})

    assert rows(store, "model", "precision") == [("mine", "bf16"), ("resnet50", "int8")]


def test_a_training_that_starts_again_after_its_log_has_grown(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "lenet_fp32.csv"
    for text in ("1,0.9\n", "1,0.9\n2,0.5\n", "1,0.9\r\n"):
        take(store, write(path, f"epoch,train_loss\n{text}"))
    assert counts(store) == [(2, 2)]


def test_set_beats_what_the_path_hints(store: Store, tmp_path: Path) -> None:
    path = write(tmp_path / "lenet_int8.csv", "epoch,train_loss\n1,0.9\n2,0.5\n")

    take(store, path, settings={"model": "mine", "precision": "fp16"})

    assert rows(store, "model", "precision") == [("mine", "fp16")]
