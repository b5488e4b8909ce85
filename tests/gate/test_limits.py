"""Absolute limits and limits against the baseline, worked out by hand, on both databases."""

from __future__ import annotations

import pytest

from cetrack.errors import UsageError
from cetrack.gate import Status, check
from cetrack.store import Store
from tests.cli.filling import fill
from tests.gate.nights import (
    INT8,
    Gates,
    only,
    pair,
    statuses,
    uid,
)


@pytest.mark.parametrize(
    ("limit", "bound", "words", "reason", "passes"),
    [
        ("min = 0.9", 0.9, "≥ 0.9", "0.008 below it", False),
        ("min = 0.892", 0.892, "≥ 0.892", "", True),
        ("max = 0.9", 0.9, "≤ 0.9", "", True),
        ("max = 0.5", 0.5, "≤ 0.5", "0.392 above it", False),
        ("max_drop = 0.02", 0.892, "at most 0.02 below 0.912 of fp32 run ", "0.02 worse", True),
        ("max_drop = 0.01", 0.902, "at most 0.01 below 0.912 of fp32 run ", "0.02 worse", False),
        ("max_worse_pct = 2", 0.89376, "at most 2 % below 0.912 of ", "2.19 % worse", False),
        ("max_worse_pct = 2.2", 0.891936, "at most 2.2 % below 0.912 of ", "2.19 % worse", True),
        ("min_ratio = 0.97", 0.88464, "≥ 0.97 × 0.912 of fp32 run ", "0.978 ×", True),
        ("min_ratio = 0.99", 0.90288, "≥ 0.99 × 0.912 of fp32 run ", "0.978 ×", False),
        ("max_ratio = 0.97", 0.88464, "≤ 0.97 × 0.912 of fp32 run ", "0.978 ×", False),
        ("max_ratio = 1", 0.912, "≤ 1 × 0.912 of fp32 run ", "0.978 ×", True),
    ],
)
def test_a_limit_on_what_should_be_high(
    store: Store, gates: Gates, limit: str, bound: float, words: str, reason: str, passes: bool
) -> None:
    fill(store, pair({"accuracy": 0.912}, {"accuracy": 0.892}))

    report = check(store, gates(f'[gates.g]\nmetric = "accuracy"\n{INT8}{limit}\n'))

    result = only(report)
    assert (report.passed, result.status) == (passes, Status.PASSED if passes else Status.FAILED)
    assert result.bound == pytest.approx(bound)
    assert result.limit.startswith(words)
    assert result.reason == reason
    assert (result.value, result.uid, result.model) == (0.892, uid(2), "resnet50")
    if "fp32" in words:
        assert (result.reference, result.reference_uid) == (0.912, uid(900))


def test_for_what_should_be_low_a_drop_is_a_rise(store: Store, gates: Gates) -> None:
    fill(store, pair({"latency_mean_ms": 10.0}, {"latency_mean_ms": 10.4}))
    text = f'[gates.g]\nmetric = "latency_mean"\n{INT8}max_drop = 0.5\nmax_worse_pct = 3\n'

    report = check(store, gates(text.replace("latency_mean", "latency_mean_ms")))

    drop, percent = report.results
    assert (drop.status, drop.bound) == (Status.PASSED, 10.5)
    assert drop.limit == f"at most 0.5 ms above 10 ms of fp32 run {uid(900)[:10]}"
    assert (percent.status, percent.bound) == (Status.FAILED, 10.3)
    assert percent.reason == "4 % worse"


def test_better_than_the_baseline_keeps_every_limit_on_changes(store: Store, gates: Gates) -> None:
    fill(store, pair({"latency_mean_ms": 10.0}, {"latency_mean_ms": 4.0}))
    text = f'[gates.g]\nmetric = "latency_mean_ms"\n{INT8}max_drop = 0\nmax_worse_pct = 0\n'

    report = check(store, gates(text))

    assert [(it.status, it.reason) for it in report.results] == [
        (Status.PASSED, "6 ms better"),
        (Status.PASSED, "60 % better"),
    ]


@pytest.mark.parametrize(("base", "drop"), [(0.912, 0.01), (0.3, 0.1), (1e-9, 1e-10)])
def test_a_change_of_exactly_the_limit_keeps_it(
    store: Store, gates: Gates, base: float, drop: float
) -> None:
    """0.912 - 0.902 is more than 0.01 in floating point."""
    fill(store, pair({"accuracy": base}, {"accuracy": base - drop}))

    assert check(store, gates(f'[gates.g]\nmetric = "accuracy"\n{INT8}max_drop = {drop}\n')).passed
    assert not check(
        store, gates(f'[gates.g]\nmetric = "accuracy"\n{INT8}max_drop = {drop * 0.999}\n')
    ).passed


@pytest.mark.parametrize("base", [0.0, -2.0])
def test_a_ratio_to_nothing_is_refused_with_the_reason(
    store: Store, gates: Gates, base: float
) -> None:
    fill(store, pair({"latency_mean_ms": base}, {"latency_mean_ms": 1.0}))
    text = (
        f'[gates.g]\nmetric = "latency_mean_ms"\n{INT8}missing = "skip"\n'
        "max_ratio = 9\nmin_ratio = 0\nmax_worse_pct = 900\nmax_drop = 4\n"
    )

    report = check(store, gates(text))

    assert statuses(report) == {
        "max_ratio": "failed",
        "min_ratio": "failed",
        "max_worse_pct": "failed",
        "max_drop": "passed",
    }
    refused = {result.reason for result in report.refused}
    assert refused == {f"the baseline is {base:g}: no ratio to that is worth anything"}


def test_an_unlike_baseline_is_refused_with_what_differs(store: Store, gates: Gates) -> None:
    fill(store, pair({"accuracy": 0.9}, {"accuracy": 0.9}, device="jetson"))
    text = f'[gates.g]\nmetric = "accuracy"\n{INT8}missing = "pass"\nmax_drop = 0.01\n'

    result = only(check(store, gates(text)))

    assert result.status is Status.FAILED
    assert result.reason == "the baseline is not like for like: device jetson here, cpu there"
    assert check(store, gates(text + "allow_mixed = true\n")).passed


def test_several_limits_are_each_judged(store: Store, gates: Gates) -> None:
    fill(store, pair({"accuracy": 0.912}, {"accuracy": 0.905}))
    text = f'[gates.g]\nmetric = "accuracy"\n{INT8}max_drop = 0.01\nmin = 0.91\nmax = 1\n'

    report = check(store, gates(text))

    assert statuses(report) == {"max_drop": "passed", "min": "failed", "max": "passed"}
    assert not report.passed


def test_an_alias_and_a_direction_of_ones_own(store: Store, gates: Gates) -> None:
    fill(store, pair({"accuracy": 0.9, "blobs": 5.0}, {"accuracy": 0.9, "blobs": 6.0}))
    own = f'[gates.g]\nmetric = "blobs"\n{INT8}max_drop = 0.5\n'

    assert check(store, gates(f'[gates.g]\nmetric = "top1"\n{INT8}min = 0.9\n')).passed
    with pytest.raises(UsageError, match=r":4: gates\.g\.max_drop: which way of blobs") as caught:
        check(store, gates(own))
    assert caught.value.hint == 'write direction = "lower" or "higher"'
    assert check(store, gates(own + 'direction = "higher"\n')).passed
    assert not check(store, gates(own + 'direction = "lower"\n')).passed
