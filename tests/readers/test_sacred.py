"""Sacred's folders of runs: what the files say, and what happens where they do not."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from cetrack.domain import Kind, Status
from cetrack.identity import own_uid
from cetrack.ingest import IngestOptions, ingest
from cetrack.readers.base import Match
from cetrack.readers.registry import choose, readers
from cetrack.readers.source import Source
from tests.readers.reading import Reading, points, read, sample, values
from tests.readers.test_realdata import FOLDER

RUN = json.loads(sample("sacred/4/run.json").read_bytes())


def folder(path: Path, files: dict[str, Any] | None = None, **changes: Any) -> Reading:
    """Read a run with some entries changed and these files beside it."""
    for name, content in {**(files or {}), "run.json": {**RUN, **changes}}.items():
        text = content if isinstance(content, (str, bytes)) else json.dumps(content)
        (path / name).write_bytes(text.encode() if isinstance(text, str) else text)
    return read(Source(str(path / "run.json"), path=path / "run.json"))


def test_a_folder_is_a_run() -> None:
    reading = read(sample("sacred/4/run.json"))

    (record,), (run,) = reading.records, reading.runs
    assert record.uid == own_uid("sacred", "prune-lenet/2026-06-01T02:00:00.125@node7")
    assert (record.kind, record.status) == (Kind.TRAINING, Status.FINISHED)
    assert record.experiment == "prune-lenet"
    assert (record.seed, record.batch_size, record.dataset) == (7, 64, "mnist")
    assert record.git_commit == "89abcdef0123456789abcdef0123456789abcdef"
    assert (record.environment.host, record.environment.device) == ("node7", "cuda")
    assert record.environment.accelerator == "NVIDIA A10"
    assert record.environment.os == "Linux-6.1-x86_64"
    assert record.started_at is not None
    assert record.started_at.isoformat() == "2026-06-01T02:00:00.125000+00:00"
    assert record.finished_at is not None
    assert (run.model.name, run.precision.name) == ("lenet", "fp32")
    assert run.params == {"lr": 0.001, "dataset.fold": 1}
    found = points(run)
    assert found["train/loss"] == pytest.approx({1: 0.9, 2: 0.5, 3: math.nan}, nan_ok=True)
    assert found["val/accuracy"] == {3: 0.88}
    assert (found["model_size_mb"], found["sparsity"]) == ({0: 1.7}, {0: 0.5})
    walls = record.series[0].wall_times
    assert walls is not None
    assert walls.tolist() == [1780279260, 1780279320, 1780279380]


@pytest.mark.parametrize("name", ["config.json", "cout.txt", "info.json", "metrics.json"])
def test_the_files_beside_it_are_its_own(tmp_path: Path, name: str) -> None:
    reader, match = choose(sample(f"sacred/4/{name}"))
    (tmp_path / name).write_bytes(sample(f"sacred/4/{name}").read_bytes())

    assert (reader.name, match) == ("sacred", Match.COMPANION)
    alone = Source(name, path=tmp_path / name)
    assert readers()["sacred"].sniff(alone) is Match.NO


@pytest.mark.parametrize(
    ("stated", "status"),
    [
        ("COMPLETED", Status.FINISHED),
        ("RUNNING", Status.RUNNING),
        ("INTERRUPTED", Status.KILLED),
        ("TIMEOUT", Status.KILLED),
        ("FAILED", Status.FAILED),
    ],
)
def test_the_status(tmp_path: Path, stated: str, status: Status) -> None:
    assert folder(tmp_path, status=stated).records[0].status is status


def test_a_failure_says_what_was_raised(tmp_path: Path) -> None:
    trace = ["Traceback (most recent call last):\n", "  File …\n", "ValueError: no such layer\nx\n"]

    (record,) = folder(tmp_path, {"metrics.json": {}}, status="FAILED", fail_trace=trace).records

    assert (record.status, record.status_reason) == (Status.FAILED, "ValueError: no such layer")
    assert [item.name for item in record.series] == ["sparsity"]


def test_a_run_that_waits_is_none_yet(tmp_path: Path) -> None:
    reading = folder(tmp_path, status="QUEUED")

    assert reading.records == []
    assert reading.notices == ["/status: the run waits for its turn: no run made"]


def test_an_unknown_status_is_said(tmp_path: Path) -> None:
    assert "/status: unknown status 'ODD': taken as finished" in folder(tmp_path, status="ODD").said


@pytest.mark.parametrize(
    ("metrics", "expected", "said"),
    [
        ({}, {}, None),
        ({"a": {"steps": [1, 2], "values": [0.5, None]}}, {1: 0.5},
         "metrics.json#a: 1 values are no numbers at a step: left out"),
        ({"a": {"values": [0.5, 0.4]}}, {0: 0.5, 1: 0.4}, None),
        ({"a": {"steps": [1], "values": [0.5, 0.4]}}, {1: 0.5},
         "metrics.json#a: 1 values are no numbers at a step: left out"),
        ({"a": {"steps": [2, 1, 2], "values": [3, 1, 4],
                "timestamps": ["2026-06-01", "2026-06-01", "2026-06-02"]}}, {1: 1, 2: 4},
         "a: 1 values of repeated steps: the latest one counts"),
        ({"a": [1, 2]}, {}, "metrics.json#a: no list of values: left out"),
        ("[]", {}, "metrics.json: no JSON object: left out"),
        ("", {}, None),
        ('{"a":', {}, "metrics.json: byte 5: invalid JSON: Expecting value: left out"),
        (b"\xff\xfe{\x00}\x00", {}, None),
        ('\ufeff{"a": {"steps": [1], "values": [NaN]}}\r\n', {1: math.nan}, None),
        ({"a": {"steps": [1], "values": [10**400]}}, {1: math.inf}, None),
    ],
)  # fmt: skip
def test_metrics(tmp_path: Path, metrics: Any, expected: dict[int, float], said: Any) -> None:
    reading = folder(tmp_path, {"metrics.json": metrics}, result=None)

    found = points(reading.runs[0]).get("a", {})
    assert found == pytest.approx(expected, nan_ok=True)
    assert reading.said == ([] if said is None else [said])


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        (None, {}),
        (0.91, {"result": 0.91}),
        ({"accuracy": 0.9, "latency_ms": 4}, {"accuracy": 0.9, "latency_ms": 4.0}),
        ({"dtype": "float64", "value": 0.5}, {"result": 0.5}),
        ({"py/object": "a.Model", "size": 3}, {}),
        ("done", {}),
        ([[1, 2], [3, 4]], {}),
    ],
)
def test_results(tmp_path: Path, result: Any, expected: dict[str, float]) -> None:
    reading = folder(tmp_path, result=result)

    assert values(reading.runs[0]) == expected


def test_a_huge_result_is_left_out(tmp_path: Path) -> None:
    reading = folder(tmp_path, result={"py/object": "x", "state": "0" * 20_000})

    assert reading.records[0].artifacts == ()
    assert "/result: a result of 20,031 characters: left out" in reading.said


def test_older_users_noted_metrics_elsewhere(tmp_path: Path) -> None:
    info = {"train_loss": [0.9, 0.5, None, 0.3], "val_loss": [1, 2, 3, 4], "accuracy": 0.8}

    reading = folder(tmp_path, {"info.json": info}, result={"accuracy": 0.7})

    found = points(reading.runs[0])
    assert found["train/loss"] == {1: 0.9, 2: 0.5, 4: 0.3}
    assert found["accuracy"] == {0: 0.8}
    assert "accuracy: logged in two ways: the first one counts" in reading.said


def test_a_run_on_the_processor_names_it(tmp_path: Path) -> None:
    reading = folder(tmp_path, {"config.json": {"device": "cpu"}})

    assert reading.records[0].environment.accelerator == "AMD EPYC 7763"


def test_what_is_odd_is_taken_as_missing(tmp_path: Path) -> None:
    odd = {"experiment": 3, "host": [], "start_time": None, "stop_time": "soon", "fail_trace": "x"}

    (record,) = folder(tmp_path, {"config.json": "[1]"}, **odd).records

    assert (record.experiment, record.started_at, record.finished_at) == ("", None, None)


@pytest.mark.skipif(not FOLDER.is_dir(), reason=f"no real files in {FOLDER}")
def test_real_runs() -> None:
    report = ingest(None, [str(FOLDER / "sacred")], IngestOptions(dry_run=True))

    done, failed = (item for item in report.sources if item.status != "companion")
    (run,) = done.planned
    assert (run["model"], run["kind"]) == ("LSTM", "training")
    assert run["metrics"]["train/loss"]["points"] == 400
    assert failed.planned[0]["metrics"] == {}
    (record,) = read(Source(failed.uri, path=Path(failed.uri))).records
    assert record.status is Status.FAILED
    assert record.status_reason == "TypeError: hidden_size should be of type int, got: float"
