"""KerasCV's registry of trainings."""

from __future__ import annotations

from typing import Any

import pytest

from cetrack.domain import Identity, Kind
from cetrack.readers.registry import choose
from cetrack.readers.source import Source
from tests.readers.reading import claimed_by, read, sample, values
from tests.readers.test_realdata import FOLDER

VERSION = {
    "epochs_trained": 9,
    "script": {"name": "train.py", "version": "0a1b2c3d"},
    "tensorboard_logs": "https://example.org/1",
    "validation_accuracy": "0.5",
}


def test_a_version_of_a_model_is_a_run() -> None:
    reading = read(sample("keras_cv/training_history.json"))

    first, second = reading.runs
    assert (first.record.kind, first.record.identity) == (Kind.TRAINING, Identity.SNAPSHOT)
    assert (first.model.name, first.model.library) == ("regnetx002", "keras_cv")
    assert (first.record.variant, second.record.variant) == ("v0", "v1")
    assert values(first) == {"epochs_run": 140.0, "val/accuracy": 0.6875}
    assert values(second) == {"epochs_run": 151.0, "val/accuracy": 0.7}
    assert first.record.batch_size == 128
    assert first.record.git_commit == "5f0c9a1d2b3e4f60718293a4b5c6d7e8f9012345"
    assert first.params["initial_learning_rate"] == ".0125"
    (logs,) = first.record.artifacts
    assert logs.uri == "https://example.org/experiment/42/"
    assert reading.said == []


def test_who_contributed_is_not_kept() -> None:
    (first, _) = read(sample("keras_cv/training_history.json")).runs

    assert "someone" not in str(first.params)


@pytest.mark.parametrize(
    ("change", "metrics"),
    [
        ({"validation_accuracy": 0.25}, {"epochs_run": 9.0, "val/accuracy": 0.25}),
        ({"validation_accuracy": "25 %"}, {"epochs_run": 9.0, "val/accuracy": 0.25}),
        ({"validation_accuracy": "n/a"}, {"epochs_run": 9.0}),
        ({"validation_accuracy": None}, {"epochs_run": 9.0}),
        ({"epochs_trained": "many"}, {"val/accuracy": 0.5}),
        (
            {"script": 5, "args": [1], "tensorboard_logs": 3},
            {"epochs_run": 9.0, "val/accuracy": 0.5},
        ),
    ],
)
def test_odd_entries_keep_what_they_have(change: Any, metrics: dict[str, float]) -> None:
    (run,) = read({"net": {"v0": {**VERSION, **change}}}).runs

    assert values(run) == metrics


def test_what_is_no_training_is_said() -> None:
    reading = read({"net": {"v0": VERSION, "v1": {"a": 1}}, "script_authors": {"x": {"a": 1}}})

    assert len(reading.records) == 1
    assert reading.said == ["/net/v1: no training: left out"]


@pytest.mark.parametrize(
    "content",
    [
        {"net": {"v0": {"epochs_trained": 9, "validation_accuracy": "0.5"}}},
        {"net": VERSION},
        [VERSION],
    ],
)
def test_what_is_near_is_not_claimed(content: Any) -> None:
    assert "keras_cv" not in claimed_by(content)


@pytest.mark.skipif(not FOLDER.is_dir(), reason="no real files")
def test_a_real_registry() -> None:
    (path,) = (FOLDER / "keras_yolo").rglob("training_history.json")
    reading = read(Source(str(path), path=path))

    assert choose(Source(str(path), path=path))[0].name == "keras_cv"
    assert (len(reading.records), reading.said) == (15, [])
    assert values(reading.runs[0]) == {"epochs_run": 136.0, "val/accuracy": 0.7438}
