"""CEMI's run records: the last whole line of a run, in every version of the payload."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

from cetrack.domain import Direction, Kind, Link, Status
from cetrack.errors import ReadError
from cetrack.identity import own_uid
from cetrack.readers.registry import choose
from tests.readers.reading import Reading, points, read, sample, source, values


def line(**payload: Any) -> str:
    whole = {"run_id": "r", **payload}
    return json.dumps({"type": "run_record", "schema_version": "2.2", "payload": whole})


def record(**payload: Any) -> Reading:
    return read(line(**payload), "r.jsonl")


def events(*items: dict[str, Any]) -> dict[str, Any]:
    return {"metrics": {"events": list(items), "summary": []}}


def test_the_last_record_is_the_run() -> None:
    reading = read(sample("cemi/kws_int8.jsonl"))

    (found,), (run,) = reading.records, reading.runs
    assert reading.reader == "cemi"
    assert found.uid == own_uid("cemi", "r-int8")
    assert (found.kind, found.status, found.place) == (Kind.TRAINING, Status.FINISHED, "line 3")
    assert (found.experiment, found.name, found.task) == ("keyword", "kws int8", "kws")
    assert found.dataset == "speech_commands"
    assert (found.baseline, found.baseline_rule) == (
        Link(uid=own_uid("cemi", "r-fp32")),
        "explicit",
    )
    assert found.started_at is not None
    assert found.started_at.isoformat() == "2026-06-01T02:00:00+00:00"
    assert found.finished_at is not None
    environment = found.environment
    assert (environment.device, environment.accelerator) == ("STM32F746", "CMSIS-NN")
    assert (environment.runtime, environment.runtime_version) == ("tflite-micro", "2.16")
    assert found.tags == {"cemi.run_id": "r-int8", "team": "edge"}
    assert (run.model.name, run.precision.name) == ("ds_cnn", "int8")
    assert points(run) == {
        "train/loss": {1: 0.9, 2: 0.6, 3: 0.5},
        "latency_p95_ms": {0: 21.5},
        "accuracy": {0: 0.9},
    }
    assert run.params["accuracy_gate.threshold"] == 0.88
    assert run.params["accuracy_gate.pass"] is True
    assert run.params["device.ram_budget"] == 320
    (artifact,) = found.artifacts
    assert (artifact.name, artifact.kind, artifact.uri) == (
        "model.tflite", "model", "models/kws.tflite"
    )  # fmt: skip


def test_the_first_version_had_other_names() -> None:
    reading = read(sample("cemi/first_version.jsonl"))

    (found,), (run,) = reading.records, reading.runs
    assert found.uid == own_uid("cemi", "old-1")
    assert (found.status, found.kind) == (Status.FAILED, Kind.TRAINING)
    assert points(run) == {"loss": {1: 1.5, 2: 1.2}, "accuracy": {0: 0.71}}
    assert run.params == {"lr": 0.1}


@pytest.mark.parametrize(
    ("lines", "name", "said"),
    [
        (line(name="a") + "\n" + line(name="b"), "b", []),
        (line(name="a") + "\n" + line(name="b")[:40], "a", [1]),
        (line(name="a") + "\n\n" + line(name="b") + "\n\n", "b", []),
        (line(name="a") + "\n" + line(name="b")[:30] + "\n" + line(name="c"), "c", [1]),
        (line(name="a") + "\r\n" + line(name="b") + "\r\n", "b", []),
        (line(name="a") + '\n{"type": "other"}\n[1]\n', "a", [2]),
        ("\ufeff" + line(name="a") + "\n" + line(name="b"), "b", []),
    ],
)
def test_a_torn_line_leaves_the_one_before(lines: str, name: str, said: list[int]) -> None:
    reading = read(lines, "r.jsonl")

    assert [item.name for item in reading.records] == [name]
    texts = {1: ": a line is no whole run record: left out",
             2: ": 2 lines are no whole run record: left out"}  # fmt: skip
    assert [text for text in reading.said if "whole run" in text] == [texts[one] for one in said]


def test_two_runs_in_a_file_are_two() -> None:
    reading = read(f"{line(run_id='a')}\n{line(run_id='b')}\n{line(run_id='a', name='x')}\n")

    assert [item.uid for item in reading.records] == [own_uid("cemi", "a"), own_uid("cemi", "b")]
    assert [item.name for item in reading.records] == ["x", ""]


@pytest.mark.parametrize(
    ("stated", "status"),
    [
        ("running", Status.RUNNING),
        ("succeeded", Status.FINISHED),
        ("Failed", Status.FAILED),
        ("cancelled", Status.KILLED),
        (None, Status.FINISHED),
    ],
)
def test_the_status(stated: Any, status: Status) -> None:
    assert record(status=stated).records[0].status is status


def test_an_unknown_status_is_said() -> None:
    assert ": unknown status 'odd': taken as finished" in record(status="odd").said


@pytest.mark.parametrize(
    ("items", "expected", "said"),
    [
        ([{"name": "a", "value": 1, "step": 2}, {"name": "a", "value": 3, "step": 1}],
         {"a": {1: 3, 2: 1}}, None),
        ([{"name": "a", "value": 1, "step": 1, "timestamp_ms": 2000},
          {"name": "a", "value": 3, "step": 1, "timestamp_ms": 1000}], {"a": {1: 1}},
         "a: 1 values of repeated steps: the latest one counts"),
        ([{"name": "a", "value": "x"}, {"name": "a", "value": 2}], {"a": {0: 2}},
         "a: 1 values are no numbers at a step: left out"),
        ([{"name": "a", "value": None}, {"value": 1}], {},
         "a: 1 values are no numbers at a step: left out"),
        ([{"name": "latency", "value": 4, "unit": "us", "aggregation": "mean"}],
         {"latency_mean_ms": {0: 0.004}}, None),
        ([{"name": "latency_p50", "value": 4, "unit": "ms", "aggregation": "p50"}],
         {"latency_median_ms": {0: 4}}, None),
        ([{"name": "loss", "value": 4, "aggregation": "last"}], {"loss": {0: 4}}, None),
    ],
)  # fmt: skip
def test_events(items: Any, expected: Any, said: str | None) -> None:
    reading = record(**events(*items))

    assert points(reading.runs[0]) == expected
    about = [text for text in reading.said if "values" in text]
    place = "" if said is None else said
    assert about == ([] if said is None else [place])


def test_nan_in_a_record() -> None:
    text = line(**events({"name": "a", "value": 1, "step": 1})).replace(
        '"value": 1', '"value": NaN'
    )

    assert math.isnan(values_at(read(f"{line()}\n{text}\n"), "a", 1))


def values_at(reading: Reading, name: str, step: int) -> float:
    return points(reading.runs[0])[name][step]


def test_a_metric_that_only_the_file_knows_keeps_what_is_said_about_it() -> None:
    item = {"name": "uplift", "value": 3, "unit": "points", "role": "custom",
            "direction": "higher_is_better"}  # fmt: skip

    (series,) = record(**events(item)).runs[0].series

    assert (series.metric.direction, series.metric.family) == (Direction.HIGHER, "custom")
    assert series.metric.unit == "points"


def test_the_summary_counts_where_no_event_says_more() -> None:
    metrics = {
        "events": [{"name": "loss", "value": 1, "step": 1}],
        "summary": [{"name": "loss", "value": 9}, {"name": "accuracy", "value": 0.5}],
    }

    reading = record(metrics=metrics, summary_metrics={"accuracy": 0.6, "f1": 0.7})

    assert points(reading.runs[0]) == {
        "loss": {1: 1.0}, "accuracy": {0: 0.5}, "f1_score": {0: 0.7}
    }  # fmt: skip


def test_parents_and_odd_values() -> None:
    odd = record(parent_run_id="p", baseline_run_id="", context=3, metrics=[], tags=["x"],
                 parameters={"lr": 0.1, "model": "m"}, artifacts=[3], notes="why")  # fmt: skip

    (found,) = odd.records
    assert (found.parent, found.baseline) == (Link(uid=own_uid("cemi", "p")), None)
    assert (found.model.name, found.params) == ("m", {"lr": 0.1})
    assert found.tags == {"cemi.run_id": "r", "note": "why"}


def test_no_record_at_all_is_an_error() -> None:
    with pytest.raises(ReadError, match="no whole run record"):
        read('{"type": "run_record", "schema_version": 1, "payload": {}}', reader="cemi")
    with pytest.raises(ReadError, match="nearest are cemi: no key 'payload'"):
        choose(source('{"type": "run_record", "schema_version": 1}'))


def test_values_of_the_example() -> None:
    from cetrack.readers.cemi import CemiReader

    (run,) = read(CemiReader.example).runs
    assert values(run) == {"latency_median_ms": 3.2, "val/accuracy": 0.91}
