"""Optuna's storages: trials of several versions, what states of theirs mean."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from cetrack.domain import Direction, Kind, Status
from cetrack.errors import ReadError
from cetrack.identity import own_uid
from cetrack.ingest import IngestOptions, ingest
from cetrack.readers.source import Source
from tests.readers.databases import OPTUNA_NEW, OPTUNA_OLD, Table, sqlite_file
from tests.readers.reading import Reading, points, read, sample, values
from tests.readers.test_realdata import FOLDER

START = "2026-06-01 02:00:00.250000"
CHOICES = {"name": "CategoricalDistribution", "attributes": {"choices": ["int8", None, 4]}}


def storage(path: Path, *tables: Table, old: bool = False) -> Reading:
    found = sqlite_file(path / "study.db", OPTUNA_OLD if old else OPTUNA_NEW, tables)
    return read(Source(str(found), path=found))


def studies(name: str = "s", *directions: str) -> list[Table]:
    rows = [(1, direction, number) for number, direction in enumerate(directions)]
    return [
        ("studies", ["study_id", "study_name"], [(1, name)]),
        ("study_directions", ["study_id", "direction", "objective"], rows),
    ]


def trials(*states: str) -> Table:
    columns = ["trial_id", "number", "study_id", "state", "datetime_start", "datetime_complete"]
    rows = [(number + 1, number, 1, state, START, None) for number, state in enumerate(states)]
    return "trials", columns, rows


def attributes(table: str, **named: Any) -> Table:
    column = table.partition("_")[0] + "_id"
    rows = [(1, key, json.dumps(value)) for key, value in named.items()]
    return table, [column, "key", "value_json"], rows


def test_a_trial_is_a_run() -> None:
    reading = read(sample("optuna/study.db"))

    done, pruned = reading.records
    run = reading.runs[0]
    assert done.uid == own_uid("optuna", "lenet-quant/0@2026-06-01 02:00:00.25")
    assert (done.experiment, done.name, done.place) == ("lenet-quant", "trial 0", "/trials/1")
    assert (done.kind, done.status) == (Kind.TRAINING, Status.FINISHED)
    assert (pruned.status, pruned.status_reason) == (Status.KILLED, "pruned")
    assert done.started_at is not None
    assert done.finished_at is not None
    assert done.started_at.isoformat() == "2026-06-01T02:00:00.250000+00:00"
    assert pruned.finished_at is None
    assert (run.model.name, run.precision.name, run.params) == ("lenet", "int8", {"lr": 0.01})
    assert points(run) == {
        "objective": {0: 0.91},
        "intermediate_value": {1: 0.7, 2: 0.9},
        "latency_ms": {0: 3.5},
    }
    assert math.isnan(points(reading.runs[1])["intermediate_value"][1])
    directions = {item.metric.name: item.metric.direction for item in run.series}
    assert directions == {
        "objective": Direction.HIGHER,
        "intermediate_value": Direction.HIGHER,
        "latency_ms": Direction.LOWER,
    }


@pytest.mark.parametrize(
    ("state", "status"),
    [
        ("RUNNING", Status.RUNNING),
        ("COMPLETE", Status.FINISHED),
        ("PRUNED", Status.KILLED),
        ("FAIL", Status.FAILED),
    ],
)
def test_the_state_of_a_trial(tmp_path: Path, state: str, status: Status) -> None:
    failed = attributes("trial_system_attributes", fail_reason="out of memory\nmore")

    (record,) = storage(tmp_path, *studies(), trials(state), failed).records

    assert record.status is status
    reasons = {"FAIL": "out of memory", "PRUNED": "pruned"}
    assert record.status_reason == reasons.get(state, "")


def test_trials_that_wait_are_no_runs_yet(tmp_path: Path) -> None:
    reading = storage(tmp_path, *studies(), trials("WAITING", "COMPLETE", "WAITING"))

    assert [record.name for record in reading.records] == ["trial 1"]
    assert reading.notices == [": 2 trials that wait for their turn: no runs made"]


def test_an_unknown_state_is_said(tmp_path: Path) -> None:
    reading = storage(tmp_path, *studies(), trials("PAUSED"))

    assert reading.records[0].status is Status.FINISHED
    assert "/trials/1/: unknown state 'PAUSED': taken as finished" in reading.said


def test_several_objectives_have_numbers_or_the_names_that_they_were_given(
    tmp_path: Path,
) -> None:
    rows: Table = (
        "trial_values",
        ["trial_id", "objective", "value", "value_type"],
        [(1, 1, 2.0, "FINITE"), (1, 0, None, "INF_POS")],
    )
    made = [*studies("s", "MINIMIZE", "MAXIMIZE"), trials("COMPLETE"), rows]
    named = attributes("study_system_attributes", **{"study:metric_names": ["loss", "speed"]})
    (tmp_path / "a").mkdir()

    plain = storage(tmp_path / "a", *made).runs[0]
    other = storage(tmp_path, *made, named).runs[0]

    assert values(plain) == {"objective_0": math.inf, "objective_1": 2.0}
    assert values(other) == {"loss": math.inf, "speed": 2.0}
    assert [item.metric.direction for item in plain.series] == ["lower", "higher"]


@pytest.mark.parametrize(
    ("value", "distribution", "chosen"),
    [
        (0.0, CHOICES, "int8"),
        (2.0, CHOICES, 4),
        (7.0, CHOICES, 7.0),
        (10.0, {"name": "IntUniformDistribution"}, 10),
        (10.0, {"name": "IntDistribution", "attributes": {"step": 1}}, 10),
        (0.5, {"name": "FloatDistribution"}, 0.5),
        (1.0, {"name": "UniformDistribution"}, 1.0),
        (1.5, {"name": "CategoricalDistribution", "attributes": 3}, 1.5),
        (2.0, None, 2.0),
    ],
)
def test_a_parameter_is_what_was_chosen(
    tmp_path: Path, value: float, distribution: Any, chosen: Any
) -> None:
    rows = [(1, "x", value, json.dumps(distribution))]
    columns = ["trial_id", "param_name", "param_value", "distribution_json"]

    reading = storage(tmp_path, *studies(), trials("COMPLETE"), ("trial_params", columns, rows))

    (found,) = reading.records[0].params.values()
    assert found == chosen
    assert type(found) is type(chosen)


def test_what_was_noted_on_a_trial_is_a_measurement_only_where_its_name_says_so(
    tmp_path: Path,
) -> None:
    noted = attributes(
        "trial_user_attributes", accuracy=0.9, size_mb=1.5, seed=3, lr=0.1, fold=2, who="x"
    )

    reading = storage(tmp_path, *studies(), trials("COMPLETE"), noted)

    (record,), (run,) = reading.records, reading.runs
    assert values(run) == {"accuracy": 0.9, "model_size_mb": 1.5}
    assert record.seed == 3
    assert run.params == {"lr": 0.1, "fold": 2, "who": "x"}


def test_a_storage_before_2_4(tmp_path: Path) -> None:
    reading = storage(
        tmp_path,
        ("studies", ["study_id", "study_name", "direction"], [(1, "old", "MINIMIZE")]),
        (
            "trials",
            ["trial_id", "study_id", "state", "value", "datetime_start"],
            [(1, 1, "COMPLETE", 0.25, START), (2, 1, "RUNNING", None, START)],
        ),
        ("trial_values", ["trial_id", "step", "value"], [(1, 0, 0.5), (1, 1, 0.3), (2, 0, None)]),
        ("trial_params", ["trial_id", "param_name", "param_value"], [(1, "x", 1.5)]),
        ("trial_system_attributes", ["trial_id", "key", "value_json"], [(2, "_number", "7")]),
        old=True,
    )

    first, second = reading.runs
    assert points(first) == {"objective": {0: 0.25}, "intermediate_value": {0: 0.5, 1: 0.3}}
    assert first.series[0].metric.direction is Direction.LOWER
    assert [record.name for record in reading.records] == ["trial 0", "trial 7"]
    assert math.isnan(points(second)["intermediate_value"][0])


def test_a_repeated_step_and_text_are_counted(tmp_path: Path) -> None:
    columns = ["trial_id", "step", "intermediate_value", "intermediate_value_type"]
    rows = [(1, 1, 0.5, None), (1, 1, 0.4, None), (1, 2, "high", None), (1, 2.5, 1.0, None)]

    reading = storage(
        tmp_path, *studies(), trials("COMPLETE"), ("trial_intermediate_values", columns, rows)
    )

    assert points(reading.runs[0])["intermediate_value"] == {1: 0.4}
    place = "/trials/1/intermediate_value"
    assert f"{place}: 1 values of repeated steps: the latest one counts" in reading.said
    assert f"{place}: 'high' is no number: left out" in reading.said
    assert f"{place}: '1.0' is no number: left out" in reading.said


def test_hostile_attributes_do_no_harm(tmp_path: Path) -> None:
    rows = [(1, "deep", "[" * 100_000), (1, "x", "{"), (1, None, "1"), (1, "big", "1" * 5000)]
    table: Table = ("trial_user_attributes", ["trial_id", "key", "value_json"], rows)

    reading = storage(tmp_path, *studies(), trials("COMPLETE"), table)

    assert len(reading.runs) == 1


def test_the_same_study_elsewhere_is_another_one(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    first = storage(tmp_path / "a", *studies("s"), trials("COMPLETE")).records[0]
    later = ("trials", ["trial_id", "number", "study_id", "state", "datetime_start"],
             [(1, 0, 1, "COMPLETE", "2026-07-01 02:00:00")])  # fmt: skip
    second = storage(tmp_path, *studies("s"), later).records[0]

    assert first.uid != second.uid


def test_an_empty_storage_and_another_database(tmp_path: Path) -> None:
    assert storage(tmp_path).notices == [": no trials in it"]
    other = sqlite_file(tmp_path / "b.db", {"studies": ["x"], "trials": ["y"]})

    with pytest.raises(ReadError, match="no table 'trial_params', 'trial_values'"):
        read(Source(str(other), path=other), reader="optuna")
    with pytest.raises(ReadError, match="nearest are optuna: no table 'trial_params'"):
        read(Source(str(other), path=other))


@pytest.mark.skipif(not FOLDER.is_dir(), reason=f"no real files in {FOLDER}")
def test_real_storages() -> None:
    report = ingest(None, [str(FOLDER / "optuna")], IngestOptions(dry_run=True))

    found = {Path(item.uri).name: item.planned for item in report.sources}
    assert {name: len(runs) for name, runs in found.items()} == {"2.4.0.a.db": 3, "3.2.0.a.db": 3}
    single, multi, _ = found["3.2.0.a.db"]
    assert single["metrics"]["objective"]["last"] == 47.052946123088645
    assert single["params"] == {"d": 3, "b": 1, "x": -2.4602735870404024, "y": 4, "z": 5}
    assert multi["metrics"]["objective_1"]["last"] == 21.62742024678127
