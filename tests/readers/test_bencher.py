"""Bencher Metric Format → runs."""

from __future__ import annotations

from typing import Any

import pytest

from cetrack.domain import Spread
from tests.readers.reading import claimed_by, read, sample, values

BOUND = {"latency": {"value": 1, "lower_value": 0.5}}


def test_a_benchmark_is_a_run_in_the_units_of_bencher() -> None:
    first, second = read(sample("bencher/bmf.json")).runs

    assert (first.model.name, first.precision.name) == ("resnet50", "int8")
    assert values(first) == {"latency_ms": 4.2, "model_size_mb": 24.9, "throughput_ips": 238.1}
    assert first.series[0].spread == Spread(min=4.1, max=4.6000005)
    assert second.model.name == "cold-start"
    assert values(second) == {"build_time": 87_000.0, "allocations": 12.0}
    assert second.series[0].spread == Spread(max=90_000.0)


@pytest.mark.parametrize(
    "content",
    [
        {"a": {"latency": {"value": 1}}},
        {"a": BOUND, "b": {"latency": {"value": 1, "unit": "ms"}}},
        {"a": BOUND, "b": {"latency": 1}},
        {"a": BOUND, "b": {}},
        {"a": {"fp32": {"value": 1, "lower_value": 0.5}, "int8": {"value": 1}}},
        {"a": BOUND, "b": 5},
        {"a": {"latency": {"value": "1", "lower_value": 1}}},
        {"a": {"latency": {"value": 1, "lower_value": None}}},
        {},
    ],
)
def test_only_measures_with_bounds_are_sure(content: Any) -> None:
    assert "bencher" not in claimed_by(content)


def test_told_to_read_others_it_says_what_it_left_out() -> None:
    reading = read({"a": {"x": {"value": 1}, "y": 2}, "b": 5}, reader="bencher")

    assert [values(run) for run in reading.runs] == [{"x": 1.0}]
    assert reading.notices == [
        "/a: measures without a value: left out",
        "/b: measures without a value: left out",
    ]


def test_bounds_that_are_not_finite_are_no_spread() -> None:
    run = read('{"a": {"x": {"value": 1, "lower_value": NaN, "upper_value": Infinity}}}').runs[0]

    assert run.series[0].spread == Spread()
