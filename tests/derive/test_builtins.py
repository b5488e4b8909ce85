"""The derived metrics that every database has, worked out by hand."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import pytest

from cetrack.derive import derived_metrics, evaluate_builtin
from cetrack.formula import Of, parse_name
from cetrack.metrics import canonical_name, catalogue

OWN = {
    "accuracy": 0.9,
    "latency_mean_ms": 5.0,
    "memory_usage_mb": 60.0,
    "model_size_mb": 4.0,
    "power_mw": 200.0,
}
BASELINE = {
    "accuracy": 0.96,
    "latency_mean_ms": 20.0,
    "memory_usage_mb": 100.0,
    "model_size_mb": 16.0,
    "power_mw": 300.0,
}
BY_HAND = {
    "size_ratio": 4.0,
    "size_reduction_pct": 75.0,
    "speedup": 4.0,
    "accuracy_drop": 0.06,
    "accuracy_retention_pct": 93.75,
    "memory_reduction_mb": 40.0,
    "power_ratio": 1.5,
    "energy_per_inference_uj": 1000.0,
    "throughput_ips": 1600.0,
}


def value(
    name: str,
    own: Mapping[str, float] = OWN,
    baseline: Mapping[str, float] = BASELINE,
    batch_size: float = 8,
) -> float:
    [found] = evaluate_builtin(
        name,
        {key: np.array([number]) for key, number in own.items()},
        {key: np.array([number]) for key, number in baseline.items()},
        {"batch_size": np.array([batch_size])},
    )
    return float(found)


def test_all_are_worked_out_by_hand() -> None:
    assert set(BY_HAND) == set(derived_metrics())
    assert {name: value(name) for name in BY_HAND} == pytest.approx(BY_HAND)


@pytest.mark.parametrize("name", BY_HAND)
def test_the_baseline_has_the_neutral_value(name: str) -> None:
    neutral = derived_metrics()[name].neutral
    relative = any(ref.of_baseline for ref in derived_metrics()[name].refs)

    assert (neutral is None) is not relative
    if neutral is not None:
        assert value(name, BASELINE, BASELINE) == neutral


@pytest.mark.parametrize("name", BY_HAND)
def test_without_any_one_number_there_is_no_value(name: str) -> None:
    for ref in derived_metrics()[name].refs:
        for missing in (math.nan, math.inf, -math.inf):
            own, baseline, batch = dict(OWN), dict(BASELINE), 8.0
            if ref.of is Of.FIELD:
                batch = missing
            elif ref.of_baseline:
                baseline[ref.name] = missing
            else:
                own[ref.name] = missing
            assert math.isnan(value(name, own, baseline, batch)), ref
    assert math.isnan(value(name, {}, {}))


@pytest.mark.parametrize("bad", [0.0, -0.0, -3.0])
def test_zero_and_less_have_no_ratio(bad: float) -> None:
    for name, builtin in derived_metrics().items():
        for positive in builtin.positive_refs:
            of = BASELINE if positive.of_baseline else OWN
            own, baseline, batch = dict(OWN), dict(BASELINE), 8.0
            if positive.of is Of.FIELD:
                batch = bad
            elif of is BASELINE:
                baseline[positive.name] = bad
            else:
                own[positive.name] = bad
            assert math.isnan(value(name, own, baseline, batch)), (name, positive)


def test_a_result_of_zero_is_a_result() -> None:
    assert value("accuracy_retention_pct", {"accuracy": 0.0}) == 0.0
    assert value("accuracy_drop", {"accuracy": 0.0}, {"accuracy": 0.0}) == 0.0
    assert value("memory_reduction_mb", {"memory_usage_mb": 130.0}) == -30.0


def test_each_has_its_unit_and_direction_in_the_catalogue() -> None:
    for name, builtin in derived_metrics().items():
        assert builtin.metric is catalogue()[name]
        assert builtin.metric.direction is not None
        assert canonical_name(name) == name
        assert {parse_name(item) for item in builtin.positive} <= set(builtin.refs)
        stated = {ref.name for ref in builtin.refs if ref.of is Of.METRIC}
        assert stated <= set(catalogue())
        assert stated.isdisjoint(derived_metrics())
