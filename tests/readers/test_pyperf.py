"""pyperf: suites → records → normalised runs."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.readers.reading import claimed_by, read, sample, values
from tests.readers.test_realdata import FOLDER


def suite(*runs: Any, **metadata: Any) -> dict[str, Any]:
    return {"version": "1.0", "metadata": metadata, "benchmarks": [{"runs": list(runs)}]}


def test_a_suite_is_a_run_per_benchmark_with_inherited_metadata() -> None:
    reading = read(sample("pyperf/suite.json"))
    first, second = reading.runs

    assert (first.model.name, first.precision.name) == ("resnet50", "int8")
    assert first.model.description == "one image"
    assert (second.model.name, second.precision.name) == ("bert", "fp16")
    assert (first.record.variant, second.record.variant) == ("", "load")
    for run in (first, second):
        assert run.record.environment.host == "ci-7"
        assert run.record.environment.accelerator == "EPYC 7763"
        assert run.record.dataset == "imagenet"
    assert first.record.started_at == datetime(2026, 6, 1, 2, 0, 0, 500_000, tzinfo=UTC)
    assert reading.notices == ["/benchmarks/2: no values: no run made"]


def test_all_values_are_the_sample_behind_mean_and_median() -> None:
    run = read(sample("pyperf/suite.json")).runs[0]

    assert values(run) == pytest.approx(
        {"latency_mean_ms": 4.2, "latency_median_ms": 4.2, "memory_usage_mb": 104.8576}
    )
    spread = run.series[0].spread
    assert spread is not None
    assert (spread.std, spread.min, spread.max) == pytest.approx((0.16329931618554525, 4.0, 4.4))
    assert spread.n == 4
    assert run.samples[0].values.tolist() == pytest.approx([4.0, 4.2, 4.4, 4.2])


def test_loops_and_warm_ups_are_parameters_and_paths_are_left_out() -> None:
    run = read(sample("pyperf/suite.json")).runs[0]

    assert run.params == {"runs": 2, "loops": 8, "warmups": 1}
    assert "/home" not in str(run.record.environment)


@pytest.mark.parametrize(
    ("unit", "expected"),
    [
        ("second", {"latency_mean_ms": 2000.0}),
        ("byte", {"memory_usage_mb": 2e-06}),
        ("integer", {"value": 2.0}),
        ("widget", {"value": 2.0}),
        (5, {"latency_mean_ms": 2000.0}),
    ],
)
def test_values_have_the_unit_that_the_metadata_state(
    unit: Any, expected: dict[str, float]
) -> None:
    run = read(suite({"values": [2.0]}, unit=unit, name="a")).runs[0]

    assert values(run) == pytest.approx(expected)
    assert run.samples == ()


@pytest.mark.parametrize(
    ("device", "expected"), [("cpu", "EPYC"), ("cuda:0", ""), (None, "EPYC"), (5, "EPYC")]
)
def test_the_processor_of_the_host_is_no_accelerator_of_another_device(
    device: Any, expected: str
) -> None:
    content = suite({"values": [2.0]}, name="a", cpu_model_name="EPYC", device=device)

    assert read(content).runs[0].record.environment.accelerator == expected


def test_a_file_of_one_benchmark_has_its_name_at_the_top() -> None:
    run = read(sample("pyperf/single.json")).runs[0]

    assert (run.model.name, values(run)) == ("telco", {"latency_mean_ms": 250.0})


@pytest.mark.parametrize(
    "content",
    [
        {"benchmarks": [{"runs": [{"values": [1]}]}]},
        {"version": "1.0", "benchmarks": [{"runs": []}]},
        {"version": "1.0", "benchmarks": [{"runs": [{"values": [1]}, {"other": 1}]}]},
        {"version": "1.0", "benchmarks": 5},
    ],
)
def test_another_list_of_benchmarks_is_not_claimed(content: Any) -> None:
    assert claimed_by(content) == []


@pytest.mark.skipif(not FOLDER.is_dir(), reason=f"no real files in {FOLDER}")
def test_the_real_suite() -> None:
    path = next((FOLDER / "pyperf").rglob("telco.json"))
    reading = read(path.read_bytes(), path.name)

    assert (reading.reader, len(reading.records), reading.said) == ("pyperf", 1, [])
    run = reading.runs[0]
    assert values(run)["latency_mean_ms"] == pytest.approx(22.53, abs=0.01)
    assert len(run.samples[0].values) == 120
