"""pytest-benchmark: sessions → records → normalised runs."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from cetrack.domain import Identity, Kind, Spread
from cetrack.errors import ReadError
from tests.readers.reading import claimed_by, read, sample, values
from tests.readers.test_realdata import FOLDER

STATS = {"mean": 0.5, "rounds": 3}


def session(*benchmarks: Any, **more: Any) -> dict[str, Any]:
    return {"benchmarks": list(benchmarks), "machine_info": {}, "commit_info": {}, **more}


def benchmark(name: str = "test_infer", **more: Any) -> dict[str, Any]:
    return {"name": name, "fullname": f"tests/test_a.py::{name}", "stats": STATS, **more}


def test_a_session_is_a_run_per_test() -> None:
    reading = read(sample("pytest_benchmark/models.json"))

    assert reading.reader == "pytest_benchmark"
    assert [(run.model.name, run.precision.name, run.record.variant) for run in reading.runs] == [
        ("resnet50", "fp32", "tests/bench/test_models.py::TestVision::test_infer[4]"),
        ("resnet50", "int8", "tests/bench/test_models.py::TestVision::test_infer[4]"),
        ("test_load", "int8", "tests/bench/test_io.py"),
    ]
    assert {(run.record.kind, run.record.identity) for run in reading.runs} == {
        (Kind.BENCHMARK, Identity.SNAPSHOT)
    }
    assert reading.said == []


def test_times_are_seconds_and_numbers_of_extra_info_metrics() -> None:
    first, second, _ = read(sample("pytest_benchmark/models.json")).runs

    assert values(first) == pytest.approx(
        {
            "latency_mean_ms": 12.1,
            "latency_iqr": 0.5,
            "latency_max_ms": 13.1,
            "latency_median_ms": 12.0,
            "latency_min_ms": 11.8,
            "latency_p25": 11.9,
            "latency_p75": 12.4,
            "latency_std_ms": 0.4,
            "ops": 82.64,
            "accuracy": 0.7613,
            "model_size_mb": 97.8,
        }
    )
    spread = first.series[0].spread
    assert spread is not None
    assert (spread.std, spread.min, spread.max) == pytest.approx((0.4, 11.8, 13.1))
    assert spread.n == 4
    assert {item.metric.name: item.metric.direction for item in first.series}["ops"] == "higher"
    assert [item.metric.name for item in first.samples] == ["latency_ms"]
    assert first.samples[0].values.tolist() == pytest.approx([11.8, 11.5, 13.1, 12.0])
    assert values(second)["precision_score"] == 0.74
    assert second.samples == ()


def test_what_the_session_says_reaches_every_run() -> None:
    first, second, third = (run.record for run in read(sample("pytest_benchmark/models.json")).runs)

    for record in (first, second, third):
        assert record.started_at == datetime(2026, 6, 1, 2, 0, 0, 250_000, tzinfo=UTC)
        assert record.git_commit == "6f1c0ffee6f1c0ffee6f1c0ffee6f1c0ffee0001"
        assert record.tags["git_dirty"] == "true"
        assert record.environment.host == "ci-7"
        assert record.environment.os == "Linux 6.8.0-45"
        assert record.environment.details["cpu_count"] == 8
    assert (first.environment.device, first.environment.runtime) == ("cpu", "onnxruntime")
    assert (first.batch_size, second.batch_size, third.batch_size) == (4, 4, None)


def test_the_processor_of_the_host_is_no_accelerator_of_a_run_on_a_gpu() -> None:
    runs = read(sample("pytest_benchmark/models.json")).runs

    assert [run.record.environment.accelerator for run in runs] == ["EPYC 7763", "", "EPYC 7763"]


def test_settings_are_parameters_and_objects_without_a_name_are_left_out() -> None:
    first, second, third = read(sample("pytest_benchmark/models.json")).runs

    assert first.params == {"rounds": 4, "iterations": 1, "group": "resnet", "note": "nightly"}
    assert second.params == {"rounds": 4, "iterations": 1, "group": "resnet"}
    assert third.params == {"rounds": 3, "iterations": 2}


def test_an_old_file_without_a_date_and_parameters_is_read() -> None:
    run = read(sample("pytest_benchmark/old.json")).runs[0]

    assert (run.model.name, run.precision.name) == ("test_encode[0]", "unknown")
    assert (run.record.started_at, run.record.git_commit) == (None, "")
    assert "git_dirty" not in run.record.tags
    assert values(run)["latency_mean_ms"] == 0.00025
    assert "ops" not in values(run)


def test_the_harness_precision_is_no_number_format() -> None:
    content = session(benchmark(options={"precision": "fp16"}))

    assert read(content).runs[0].precision.name == "unknown"


@pytest.mark.parametrize(
    ("settings", "extra", "expected"),
    [
        ({"dtype": "fp16"}, {}, "fp16"),
        ({"dtype": "fp16"}, {"precision": "int8"}, "int8"),
        ({}, {"quantization": "int4"}, "int4"),
        ({"bits": 8}, {"precision": 0.9}, "bf16"),
        ({"mode": "int8"}, {}, "bf16"),
    ],
)
def test_extra_info_goes_before_parameters_and_both_before_the_name(
    settings: Any, extra: Any, expected: str
) -> None:
    content = session(benchmark("test_infer[bf16]", params=settings, extra_info=extra))

    assert read(content).runs[0].precision.name == expected


@pytest.mark.parametrize(
    ("item", "said"),
    [
        (5, "/benchmarks/1: no statistics: no run made"),
        ({"name": "x"}, "/benchmarks/1: no statistics: no run made"),
        ({"name": "x", "stats": {"mean": None}}, "/benchmarks/1: no statistics: no run made"),
    ],
)
def test_a_benchmark_without_statistics_is_said(item: Any, said: str) -> None:
    reading = read(session(benchmark(), item))

    assert (len(reading.records), reading.notices) == (1, [said])


def test_nan_and_huge_numbers_are_kept_and_the_spread_is_finite() -> None:
    stats = {"mean": float("nan"), "rounds": -1, "max": float("inf"), "median": 10**400}
    run = read(json.dumps(session(benchmark(), benchmark(stats=stats)))).runs[1]

    assert run.series[0].spread == Spread()
    assert values(run)["latency_median_ms"] == float("inf")


def test_an_empty_session_says_so() -> None:
    reading = read(session())

    assert (reading.records, reading.notices) == ([], ["/benchmarks: no benchmarks in it"])


@pytest.mark.parametrize(
    "content",
    [
        {"benchmarks": 5, "machine_info": {}, "commit_info": {}},
        {"benchmarks": [{"name": "x", "real_time": 1, "cpu_time": 1}]},
        {"benchmarks": []},
        [{"name": "x", "stats": STATS}],
    ],
)
def test_another_list_of_benchmarks_is_not_claimed(content: Any) -> None:
    assert "pytest_benchmark" not in claimed_by(content)
    if not isinstance(content, dict) or not isinstance(content["benchmarks"], list):
        with pytest.raises(ReadError, match="no list of benchmarks"):
            read(content, reader="pytest_benchmark")


@pytest.mark.skipif(not FOLDER.is_dir(), reason=f"no real files in {FOLDER}")
def test_real_sessions() -> None:
    counts = {}
    for path in sorted((FOLDER / "pytest_benchmark").rglob("*.json")):
        reading = read(path.read_bytes(), path.name)
        assert reading.reader == "pytest_benchmark"
        counts[path.parts[-4] + path.parts[-2]] = len(reading.records)
        assert all(run.record.git_commit and values(run)["latency_mean_ms"] for run in reading.runs)
    assert sorted(counts.values()) == [1, 3, 4, 56]
