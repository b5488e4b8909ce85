"""What a gate makes of runs that it cannot judge, of typos and of filters."""

from __future__ import annotations

import math

import pytest

from cetrack.errors import UsageError
from cetrack.filter import parse
from cetrack.gate import Status, check
from cetrack.store import Store
from tests.cli.filling import Spec, fill
from tests.gate.nights import (
    INT8,
    Gates,
    night,
    only,
    pair,
    uid,
)

MISSING = {
    "no run": ("precision=int4", "min = 0", "no finished run matches"),
    "no metric": ("precision=fp16", "min = 0", "has no accuracy"),
    "no baseline": (
        "precision=int8 and device=tpu",
        "max_drop = 1",
        "no baseline: no earlier run of resnet50 is one for int8",
    ),
    "a baseline without the metric": (
        "precision=int8 and device=npu",
        "max_drop = 1",
        f"its baseline, fp16 run {uid(901)[:10]}, has no accuracy",
    ),
    "too few runs": (
        "precision=int8 and device=tpu",
        "history = { max_z = 3, min_runs = 3 }",
        "0 earlier runs of 3 that are needed",
    ),
}


@pytest.mark.parametrize("what", MISSING)
def test_what_is_missing_fails_unless_said_otherwise(store: Store, gates: Gates, what: str) -> None:
    fill(
        store,
        [
            Spec(uid=uid(901), precision="fp16", metrics={"latency_mean_ms": 1.0}),
            night(2, device="npu", metrics={"accuracy": 0.9}, baseline=uid(901)),
            night(3, device="tpu", metrics={"accuracy": 0.9}),
        ],
    )
    where, limit, reason = MISSING[what]
    text = f'[gates.g]\nmetric = "accuracy"\nfilter = "{where}"\n{limit}\n'
    expected = {"fail": Status.MISSING, "skip": Status.SKIPPED, "pass": Status.PASSED}

    for missing, status in expected.items():
        report = check(store, gates(f'{text}missing = "{missing}"\n'))
        assert (only(report).status, only(report).reason) == (status, reason)
        assert report.passed is (missing != "fail")
    assert only(check(store, gates(text))).status is Status.MISSING


def test_a_known_metric_that_nobody_measured_is_missing_and_no_typo(
    store: Store, gates: Gates
) -> None:
    fill(store, pair({"accuracy": 0.9}, {"accuracy": 0.9}))

    result = only(check(store, gates(f'[gates.g]\nmetric = "energy_mj"\n{INT8}max = 1\n')))

    assert (result.status, result.reason) == (Status.MISSING, "has no energy_mj")


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_fails_whatever_is_said_of_missing_ones(
    store: Store, gates: Gates, value: float
) -> None:
    fill(store, pair({"accuracy": 0.9}, {"accuracy": value}))
    text = f'[gates.g]\nmetric = "accuracy"\n{INT8}missing = "pass"\nmax_drop = 1\nmax = 2\n'

    result = only(check(store, gates(text)))

    assert (result.status, result.reason) == (Status.FAILED, "accuracy is not a finite number")


def test_a_baseline_that_is_no_number(store: Store, gates: Gates) -> None:
    fill(store, pair({"accuracy": math.nan}, {"accuracy": 0.9}))

    result = only(check(store, gates(f'[gates.g]\nmetric = "accuracy"\n{INT8}max_drop = 1\n')))

    assert result.status is Status.FAILED
    assert result.reason == "the value of the baseline is not a number"


def test_a_typo_is_told_with_the_line(store: Store, gates: Gates) -> None:
    fill(store, pair({"accuracy": 0.9}, {"accuracy": 0.9}))

    with pytest.raises(UsageError, match=r":3: gates\.g\.metric: no metric called 'acuracy'") as it:
        check(store, gates('\n[gates.g]\nmetric = "acuracy"\nmin = 0\n'))
    assert it.value.hint == "did you mean accuracy or accuracy_drop?"
    with pytest.raises(
        UsageError, match=r":3: gates\.g\.filter: filter: unknown field or metric"
    ) as it:
        check(store, gates('[gates.g]\nmetric = "accuracy"\nfilter = "presicion=int8"\nmin = 0\n'))
    assert "precision" in (it.value.hint or "")


def test_a_filter_narrows_every_gate(store: Store, gates: Gates) -> None:
    specs = [
        Spec(uid=uid(1), model="a", metrics={"accuracy": 0.9}),
        Spec(uid=uid(2), model="b", metrics={"accuracy": 0.1}),
    ]
    fill(store, specs)
    text = '[gates.g]\nmetric = "accuracy"\nmin = 0.5\n'
    both = text + '[gates.of-b]\nmetric = "accuracy"\nfilter = "model=b"\nmin = 0\n'

    assert not check(store, gates(text)).passed
    assert check(store, gates(text), where=parse("model=a")).passed
    narrowed = check(store, gates(both), where=parse("model=a"))
    assert [it.status for it in narrowed.results] == [Status.PASSED, Status.SKIPPED]
    nothing = check(store, gates(both), where=parse("model=c"))
    assert [it.status for it in nothing.results] == [Status.MISSING, Status.MISSING]
    assert not nothing.passed
