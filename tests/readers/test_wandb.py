"""Weights & Biases' folders of runs: summary, configuration, metadata."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from cetrack.domain import Identity, Kind, Status
from cetrack.identity import own_uid
from cetrack.ingest import IngestOptions, ingest
from cetrack.readers.base import Match
from cetrack.readers.registry import choose, readers
from cetrack.readers.source import Source
from tests.readers.reading import Reading, points, read, sample, source, values
from tests.readers.test_realdata import FOLDER

NAME = "run-20260601_020000-ab12cd34"
FILES = f"wandb/{NAME}/files"


def folder(
    path: Path, summary: Any, config: str = "", metadata: Any = None, name: str = NAME
) -> Reading:
    files = path / name / "files"
    files.mkdir(parents=True)
    text = summary if isinstance(summary, str) else json.dumps(summary)
    (files / "wandb-summary.json").write_text(text)
    if config:
        (files / "config.yaml").write_text(config)
    if metadata is not None:
        content = metadata if isinstance(metadata, str) else json.dumps(metadata)
        (files / "wandb-metadata.json").write_text(content)
    main = files / "wandb-summary.json"
    return read(Source(str(main), path=main))


def test_a_folder_is_a_run() -> None:
    reading = read(sample(f"{FILES}/wandb-summary.json"))

    (record,), (run,) = reading.records, reading.runs
    assert record.uid == own_uid("wandb", "ab12cd34")
    assert record.tags == {"wandb.run_id": "ab12cd34", "source": "train.py"}
    assert (record.kind, record.status) == (Kind.TRAINING, Status.FINISHED)
    assert record.started_at is not None
    assert record.started_at.isoformat() == "2026-06-01T02:00:00.500000+00:00"
    assert record.finished_at is not None
    assert record.finished_at.isoformat() == "2026-06-01T02:10:12.500000+00:00"
    assert record.git_commit == "fedcba9876543210fedcba9876543210fedcba98"
    assert record.batch_size == 32
    environment = record.environment
    assert (environment.host, environment.os) == ("node7", "Linux-6.1-x86_64")
    assert (environment.device, environment.accelerator) == ("cuda", "NVIDIA A10")
    assert (run.model.name, run.precision.name) == ("lenet", "bf16")
    assert points(run) == {
        "train/loss": {1200: 0.41},
        "val/accuracy": {1200: 0.903},
        "epoch": {1200: 3.0},
        "run_time_s": {0: 812.5},
    }
    assert {"bf16": True, "epochs": 3, "learning_rate": 0.001}.items() <= run.params.items()
    assert reading.said == [": a picture, table or the like: left out"]


def test_nothing_personal_is_kept() -> None:
    (record,) = read(sample(f"{FILES}/wandb-summary.json")).records

    assert "someone" not in repr(record)
    assert "/srv/work" not in repr(record)


@pytest.mark.parametrize("name", ["config.yaml", "wandb-metadata.json"])
def test_the_files_beside_it_are_its_own(name: str) -> None:
    reader, match = choose(sample(f"{FILES}/{name}"))

    assert (reader.name, match) == ("wandb", Match.COMPANION)


@pytest.mark.parametrize("content", ["model: lenet\n", "- 1\n", "a: [\n"])
def test_a_configuration_of_something_else_is_not_claimed(content: str) -> None:
    assert readers()["wandb"].sniff(source(content, "config.yaml")) is Match.NO


@pytest.mark.parametrize(
    ("summary", "expected"),
    [
        ({"_wandb": {"runtime": 12}}, {"run_time_s": 12.0}),
        ({"_runtime": 5.5}, {"run_time_s": 5.5}),
        ("{}", {}),
    ],
)
def test_a_run_that_logged_nothing_has_failed(
    tmp_path: Path, summary: Any, expected: dict[str, float]
) -> None:
    reading = folder(tmp_path, summary)

    (record,) = reading.records
    assert (record.status, record.status_reason) == (Status.FAILED, "nothing was logged")
    assert values(reading.runs[0]) == expected


@pytest.mark.parametrize(
    ("logged", "expected"),
    [
        ({"loss": 0.5}, {"loss": 0.5}),
        ({"loss": "NaN"}, {"loss": math.nan}),
        ({"loss": "-Infinity"}, {"loss": -math.inf}),
        ({"loss": {"min": 0.1}}, {"loss.min": 0.1}),
        ({"note": "best so far"}, {}),
        ({"t": {"_type": "table-file", "ncols": 3}, "d": {"h": {"_type": "histogram"}}}, {}),
        ({"loss": 10**400}, {"loss": math.inf}),
    ],
)
def test_what_was_logged(tmp_path: Path, logged: Any, expected: dict[str, float]) -> None:
    reading = folder(tmp_path, {**logged, "_step": 7, "_runtime": 1})

    found = points(reading.runs[0])
    assert found.pop("run_time_s") == {0: 1.0}
    assert found == {
        name: pytest.approx({7: value}, nan_ok=True) for name, value in expected.items()
    }


def test_media_are_counted(tmp_path: Path) -> None:
    media = {str(number): {"_type": "image-file"} for number in range(3)}

    assert (
        ": 3 pictures, tables or the like: left out"
        in folder(tmp_path, {**media, "_runtime": 1}).said
    )


@pytest.mark.parametrize(
    ("config", "metadata", "model", "precision"),
    [
        ("model:\n  value: vgg\nprecision:\n  value: int8\n", {}, "vgg", "int8"),
        ("_wandb: {}\nmodel: vgg\ndtype: fp16\n", {}, "vgg", "fp16"),
        ("_name_or_path:\n  value: org/bert-base\n", {}, "bert-base", "unknown"),
        ("", {"args": ["--model=vgg", "--fp16"]}, "vgg", "fp16"),
        ("", {"args": ["--model", "vgg", "--int8", "False", 3, "--"]}, "vgg", "unknown"),
        ("model:\n  value:\n    name: vgg\n    depth: 11\n", {"args": None}, "vgg", "unknown"),
        ("torch_dtype:\n  value: float16\nbf16:\n  value: true\nmodel: m\n", {}, "m", "bf16"),
    ],
)
def test_configuration_and_arguments_name_model_and_precision(
    tmp_path: Path, config: str, metadata: Any, model: str, precision: str
) -> None:
    (run,) = folder(tmp_path, {"_runtime": 1, "a": 1}, config, metadata).runs

    assert (run.model.name, run.precision.name) == (model, precision)


@pytest.mark.parametrize(
    ("config", "metadata", "said"),
    [
        ("a: [\n", {}, "config.yaml: line "),
        ("- 1\n", {}, "config.yaml: no settings by name: left out"),
        ("", '{"os": ', "wandb-metadata.json: byte 7: invalid JSON"),
    ],
)
def test_a_broken_file_beside_it_costs_no_run(
    tmp_path: Path, config: str, metadata: Any, said: str
) -> None:
    reading = folder(tmp_path, {"_runtime": 1, "a": 1}, config, metadata)

    assert values(reading.runs[0]) == {"a": 1.0, "run_time_s": 1.0}
    assert [text for text in reading.said if text.startswith(said)]


def test_an_offline_run_has_the_same_id(tmp_path: Path) -> None:
    (record,) = folder(tmp_path, {"_runtime": 1}, name=f"offline-{NAME}").records

    assert record.uid == own_uid("wandb", "ab12cd34")


def test_a_copy_under_another_name_is_known_by_its_content(tmp_path: Path) -> None:
    (record,) = folder(tmp_path, {"_runtime": 1, "a": 2}, name="latest-run").records

    assert (record.identity, record.uid) == (Identity.SNAPSHOT, None)
    assert record.raw == {"_runtime": 1, "a": 2}
    assert "wandb.run_id" not in record.tags


def test_the_folder_names_no_model(tmp_path: Path) -> None:
    folder(tmp_path / "lab" / "wandb", {"_runtime": 1, "a": 2})

    report = ingest(None, [str(tmp_path / "lab")], IngestOptions(dry_run=True))

    (run,) = report.sources[0].planned
    assert run["model"] == "lab"


@pytest.mark.skipif(not FOLDER.is_dir(), reason=f"no real files in {FOLDER}")
def test_real_runs() -> None:
    report = ingest(None, [str(FOLDER / "wandb")], IngestOptions(dry_run=True))

    statuses = [item.status for item in report.sources]
    assert set(statuses) == {"companion", "new"}
    assert statuses.count("new") == 3
    runs = [run for item in report.sources for run in item.planned]
    assert [run["model"] for run in runs] == ["llama-7b", "llama-7b-hf", "llama-7b-hf"]
    assert {run["precision"] for run in runs} == {"bf16"}
    assert [run["metrics"]["train/loss"]["last"] for run in runs] == [0.7921, 0.4774, 1.0558]
    assert "example.org" not in repr(report)
