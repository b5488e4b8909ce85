"""asv: results of both versions and the files around them."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from cetrack.domain import Spread, Status
from cetrack.readers.base import Match
from cetrack.readers.registry import choose
from cetrack.readers.source import Source
from tests.readers.reading import SAMPLES, Reading, claimed_by, read, sample, values
from tests.readers.test_realdata import FOLDER

NEW = "asv/results/ci-7/6f1c0ffe-virtualenv-py3.11-torch2.7.json"
OLD = "asv/old/laptop/05d283b9-py2.7-numpy1.8.json"


def results(content: dict[str, Any], **more: Any) -> Reading:
    document = {
        "version": 2,
        "commit_hash": "6f1c0ffe",
        "date": 1780272000000,
        "params": {},
        "python": "3.11",
        "result_columns": ["result", "params"],
        "results": content,
        **more,
    }
    return read(json.dumps(document))


def test_every_combination_of_parameters_is_a_run() -> None:
    runs = read(sample(NEW)).runs

    assert [(run.model.name, run.precision.name, run.record.batch_size) for run in runs] == [
        ("resnet50", "fp32", 1),
        ("resnet50", "fp32", 8),
        ("resnet50", "int8", 1),
        ("resnet50", "int8", 8),
        ("models.track_accuracy", "fp32", None),
        ("models.mem_graph", "unknown", None),
        ("io.time_load(object)", "unknown", None),
        ("io.time_gone", "unknown", None),
    ]
    assert runs[0].record.variant == "models.TimeInfer.time_infer(1) virtualenv-py3.11-torch2.7"
    assert runs[4].record.variant == "virtualenv-py3.11-torch2.7"


def test_a_time_is_the_median_of_its_samples_in_the_unit_of_benchmarks_json() -> None:
    runs = read(sample(NEW)).runs

    assert values(runs[0]) == pytest.approx(
        {
            "latency_median_ms": 12.1,
            "latency_p25": 12.0,
            "latency_p75": 12.2,
            "latency_ci99_low": 11.9,
            "latency_ci99_high": 12.4,
        }
    )
    spread = runs[0].series[0].spread
    assert spread is not None
    assert (spread.min, spread.max, spread.n) == (12.0, 12.3, 3)
    assert runs[0].samples[0].values.tolist() == pytest.approx([12.0, 12.1, 12.3])
    assert runs[1].series[0].spread == Spread(n=3)
    assert values(runs[4]) == {"accuracy": 0.7613}
    assert values(runs[5]) == {"object_size": 24.9}


def test_null_has_failed_and_nan_was_skipped() -> None:
    reading = read(sample(NEW))

    failed = [run.model.name for run in reading.runs if run.record.status is Status.FAILED]
    assert failed == ["resnet50", "io.time_gone"]
    assert "/results/models.track_accuracy: 1 skipped: no run made" in reading.notices


def test_a_run_has_the_date_of_its_commit_and_the_machine_around_it() -> None:
    for run in read(sample(NEW)).runs:
        record = run.record
        assert record.started_at == datetime(2026, 6, 1, tzinfo=UTC)
        assert record.git_commit == "6f1c0ffee6f1c0ffee6f1c0ffee6f1c0ffee0001"
        assert (record.environment.host, record.environment.accelerator) == ("ci-7", "EPYC 7763")
        assert record.environment.details["ram_gib"] == 16.0
        assert run.params["requirements.torch"] == "2.7"
        assert run.params["env_vars.OMP_NUM_THREADS"] == "4"


def test_version_1_has_plain_numbers_whose_names_say_what_they_are() -> None:
    reading = read(sample(OLD))

    assert [(run.model.name, values(run)) for run in reading.runs[:5]] == [
        ("units.time_parse", {"latency_ms": pytest.approx(0.15)}),
        ("units.mem_unit", {"object_size": 0.000728}),
        ("units.peakmem_all", {"memory_usage_mb": 30.0}),
        ("units.track_score", {"score": 3.5}),
        ("units.time_broken", {}),
    ]
    assert values(reading.runs[5])["latency_ci99_low"] == 450.0
    assert values(reading.runs[6]) == {"latency_ms": 750.0}
    assert {run.record.variant for run in reading.runs} == {"py2.7-Cython-numpy1.8"}


@pytest.mark.parametrize(
    ("ram", "expected"),
    [
        ("8.2G", 8.2),
        ("8.2 GB", 8.2),
        ("30799060", 29.37),
        (8804682956.8, 8.2),
        ("2048M", 2.0),
        ("much", None),
        ("1.2.3G", None),
        (".", None),
        (None, None),
        (-1, None),
    ],
)
def test_memory_is_spelt_in_many_ways(ram: Any, expected: float | None) -> None:
    run = results({"time_a": [[0.5], []]}, params={"ram": ram}).runs[0]

    assert run.record.environment.details.get("ram_gib") == expected


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        ([[0.5]], [{"latency_ms": 500.0}]),
        ([0.5], [{"latency_ms": 500.0}]),
        ([[0.5, 0.25], [["1", "2"]]], [{"latency_ms": 500.0}, {"latency_ms": 250.0}]),
        ([[0.5], [["1", "2"]]], [{"latency_ms": 500.0}, {}]),
        ([None, [["1", "2"]]], [{}, {}]),
        ([], [{}]),
        (None, [{}]),
        ("broken", [{}]),
        ([["0.5"], "x"], [{}]),
    ],
)
def test_results_in_odd_shapes(item: Any, expected: list[dict[str, float]]) -> None:
    assert [values(run) for run in results({"time_a": item}).runs] == expected


def test_more_combinations_than_a_benchmark_can_have_are_left_out() -> None:
    many = [list(map(str, range(1000)))] * 3

    reading = results({"time_a": [None, many], "time_b": [[0.5], [[]]]})

    assert reading.records == []
    assert [text.partition(":")[0] for text in reading.notices] == [
        "/results/time_a",
        "/results/time_b",
    ]


# --- companions ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "match"),
    [
        ("asv/results/benchmarks.json", Match.COMPANION),
        ("asv/results/ci-7/machine.json", Match.COMPANION),
        (NEW, Match.YES),
    ],
)
def test_the_files_around_results_are_companions(name: str, match: Match) -> None:
    reader, found = choose(sample(name))

    assert (reader.name, found) == ("asv", match)


@pytest.mark.parametrize(
    "content",
    [
        {"machine": "x", "cpu": "y", "version": 1},
        {"a": {"name": "a", "unit": "s"}, "version": 2},
        {"version": 2},
    ],
)
def test_another_file_with_a_version_is_no_companion(content: dict[str, Any]) -> None:
    assert claimed_by(content) == []


@pytest.mark.parametrize("where", ["", "..", "../.."])
def test_units_are_found_beside_and_above(where: str, tmp_path: Path) -> None:
    folder = tmp_path / "results" / "ci-7"
    folder.mkdir(parents=True)
    shutil.copy(SAMPLES / NEW, folder / "r.json")
    shutil.copy(SAMPLES / "asv/results/benchmarks.json", folder / where / "benchmarks.json")

    run = read(Source("r.json", path=folder / "r.json")).runs[4]

    assert values(run) == {"accuracy": 0.7613}


@pytest.mark.parametrize("content", ["{", "[1]", '{"version": 2}', "\0"])
def test_broken_companions_do_no_harm(content: str, tmp_path: Path) -> None:
    shutil.copy(SAMPLES / NEW, tmp_path / "r.json")
    for name in ("benchmarks.json", "machine.json"):
        (tmp_path / name).write_text(content)

    reading = read(Source("r.json", path=tmp_path / "r.json"))

    assert len(reading.runs) == 8
    assert values(reading.runs[0])["latency_median_ms"] == 12.1
    left_out = [text for text in reading.notices if "is left out" in text]
    assert len(left_out) == (2 if content == "{" else 0)


@pytest.mark.skipif(not FOLDER.is_dir(), reason=f"no real files in {FOLDER}")
def test_real_results() -> None:
    found = {}
    for path in sorted((FOLDER / "asv").rglob("*.json")):
        source = Source(str(path), path=path)
        reader, match = choose(source)
        assert reader.name == "asv"
        if match is Match.YES:
            reading = read(source)
            found[path.name[:8]] = (len(reading.records), reading.said)
        else:
            assert path.name in ("machine.json", "benchmarks.json")
    assert found == {"05d283b9": (12, []), "52aca7e9": (24, []), "a1a3cdc7": (24, [])}
