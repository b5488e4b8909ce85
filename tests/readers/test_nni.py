"""NNI's experiments: trials, their states, and values in text in text."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from cetrack.domain import Kind, Status
from cetrack.errors import ReadError
from cetrack.identity import own_uid
from cetrack.readers.source import Source
from tests.readers.databases import Table, sqlite_file
from tests.readers.reading import Reading, points, read, sample

SCHEMA = {
    "TrialJobEvent": ["timestamp integer", "trialJobId text", "event text", "data text"],
    "MetricData": ["timestamp integer", "trialJobId text", "parameterId text", "type text",
                   "sequence integer", "data text"],
    "ExperimentProfile": ["params text", "id text", "revision integer"],
}  # fmt: skip
MS = 1_780_279_200_000


def experiment(path: Path, events: list[Any], reports: list[Any]) -> Reading:
    tables: list[Table] = [
        ("TrialJobEvent", ["timestamp", "trialJobId", "event", "data"], events),
        ("MetricData", ["timestamp", "trialJobId", "type", "sequence", "data"], reports),
        ("ExperimentProfile", ["params", "id", "revision"],
         [('{"experimentName": "older"}', "e1", 1), ('{"experimentName": "prune"}', "e1", 2)]),
    ]  # fmt: skip
    found = sqlite_file(path / "nni.sqlite", SCHEMA, tables)
    return read(Source(str(found), path=found))


def reported(step: int, value: Any, kind: str = "PERIODICAL") -> tuple[Any, ...]:
    return MS + 1000 * step, "t1", kind, step, json.dumps(json.dumps(value))


def test_a_trial_is_a_run() -> None:
    reading = read(sample("nni/nni.sqlite"))

    (record,), (run,) = reading.records, reading.runs
    assert record.uid == own_uid("nni", "e1/t1")
    assert (record.kind, record.status) == (Kind.TRAINING, Status.FINISHED)
    assert (record.experiment, record.name) == ("prune", "trial t1")
    assert record.started_at is not None
    assert record.started_at.isoformat() == "2026-06-01T02:00:00+00:00"
    assert record.finished_at is not None
    assert (run.model.name, run.params) == ("lenet", {"sparsity": 0.5})
    assert points(run) == {
        "intermediate_result": {0: 0.7, 1: 0.8},
        "final_result": {0: 0.8},
    }
    assert reading.notices == [": 1 trials that wait for their turn: no runs made"]


@pytest.mark.parametrize(
    ("event", "status", "reason"),
    [
        ("RUNNING", Status.RUNNING, ""),
        ("FAILED", Status.FAILED, ""),
        ("USER_CANCELED", Status.KILLED, "cancelled"),
        ("EARLY_STOPPED", Status.KILLED, "stopped early"),
    ],
)
def test_the_last_event_is_the_state(
    tmp_path: Path, event: str, status: Status, reason: str
) -> None:
    events = [(MS, "t1", "RUNNING", None), (MS + 1, "t1", event, "{")]

    (record,) = experiment(tmp_path, events, []).records

    assert (record.status, record.status_reason) == (status, reason)


def test_objects_text_and_repetitions(tmp_path: Path) -> None:
    rows = [
        reported(0, {"default": 0.5, "latency_ms": 3}),
        reported(1, "15.04"),
        reported(1, "nonsense"),
        reported(2, math.nan),
        (MS, "t1", "REQUEST_PARAMETER", 0, "1"),
        (MS + 9000, "t1", "PERIODICAL", 1, "0.6"),
    ]

    reading = experiment(tmp_path, [(MS, "t1", "RUNNING", None)], rows)

    found = points(reading.runs[0])
    expected = {0: 0.5, 1: 0.6, 2: math.nan}
    assert found["intermediate_result"] == pytest.approx(expected, nan_ok=True)
    assert found["intermediate_result.latency_ms"] == {0: 3.0}
    assert "/trials/t1/: 1 reported values are no numbers: left out" in reading.said
    assert any("1 values of repeated steps: the latest one counts" in text for text in reading.said)


def test_an_empty_experiment_and_another_database(tmp_path: Path) -> None:
    assert experiment(tmp_path, [], []).notices == [": no trials in it"]
    other = sqlite_file(tmp_path / "b.db", {"MetricData": ["x"]})

    with pytest.raises(ReadError, match="no experiment of NNI"):
        read(Source(str(other), path=other), reader="nni")
