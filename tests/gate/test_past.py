"""Limits against the past of a series, and Pareto gates, on both databases."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import update

from cetrack.errors import UsageError
from cetrack.filter import parse
from cetrack.gate import Status, check
from cetrack.ingest import IngestOptions, ingest
from cetrack.models import Run
from cetrack.store import Store
from tests.cli.filling import fill
from tests.gate.nights import (
    BY_PAST,
    FRONT,
    PAST,
    Gates,
    night,
    nights,
    only,
    uid,
)
from tests.ingest.producing import write as write_json


def z_of(value: float, past: Sequence[float]) -> float:
    center = np.median(past)
    return float((value - center) / (1.4826 * np.median(np.abs(np.array(past) - center))))


@pytest.mark.parametrize(("value", "passes"), [(5.4, True), (5.6, False), (1.0, True)])
def test_z_is_that_of_numpy(store: Store, gates: Gates, value: float, passes: bool) -> None:
    fill(store, nights("latency_mean_ms", [*PAST, value]))

    result = only(check(store, gates(BY_PAST)))

    z = z_of(value, PAST)
    assert (z <= 3) is passes
    assert result.status is (Status.PASSED if passes else Status.FAILED)
    assert result.reason.startswith(f"z = {z:.3g}"[:6])
    assert result.reference == pytest.approx(np.median(PAST))
    spread = 1.4826 * np.median(np.abs(np.array(PAST) - np.median(PAST)))
    assert result.bound == pytest.approx(np.median(PAST) + 3 * spread)


def test_of_what_should_be_high_only_a_fall_counts(store: Store, gates: Gates) -> None:
    fill(store, nights("accuracy", [0.90, 0.91, 0.90, 0.89, 0.91, 0.90, 0.90, 0.91, 0.99]))
    text = BY_PAST.replace("latency_mean_ms", "accuracy")

    assert check(store, gates(text)).passed
    assert check(store, gates(text), where=parse("started < 2026-06-09")).refused[0].reason == (
        "7 earlier runs of 8 that are needed"
    )


def test_a_fall_of_what_should_be_high(store: Store, gates: Gates) -> None:
    fill(store, nights("accuracy", [0.90, 0.91, 0.90, 0.89, 0.91, 0.90, 0.90, 0.91, 0.80]))

    assert not check(store, gates(BY_PAST.replace("latency_mean_ms", "accuracy"))).passed


def test_without_noise_every_change_for_the_worse_counts(store: Store, gates: Gates) -> None:
    fill(
        store,
        [
            *nights("model_size_mb", [25.0] * 9),
            *nights("model_size_mb", [25.0] * 8 + [25.001], seed=1, model="b"),
            *nights("model_size_mb", [25.0] * 8 + [24.0], seed=2, model="c"),
        ],
    )

    report = check(store, gates(BY_PAST.replace("latency_mean_ms", "model_size_mb")))

    assert {it.model: str(it.status) for it in report.results} == {
        "resnet50": "passed",
        "b": "failed",
        "c": "passed",
    }
    assert {it.reason for it in report.results} == {"nothing has ever varied"}


def test_gaps_are_no_runs_and_failed_runs_no_past(store: Store, gates: Gates) -> None:
    fill(store, nights("latency_mean_ms", [*PAST, math.nan, 90.0, 5.2]))
    with store.write() as connection:
        bad = update(Run).where(Run.uid == uid(10)).values(status="failed")
        connection.execute(bad)

    result = only(check(store, gates(BY_PAST)))

    assert result.limit.endswith("of 8 earlier runs")
    assert (result.status, result.uid) == (Status.PASSED, uid(11))


def test_no_more_than_the_last_runs_where_that_is_asked(store: Store, gates: Gates) -> None:
    fill(store, nights("latency_mean_ms", [*[9.0, 9.9, 9.5], *PAST, 5.7]))
    last = BY_PAST.replace("max_z = 3", "max_z = 3, last = 8")

    assert check(store, gates(BY_PAST)).passed
    assert not check(store, gates(last)).passed


def take(store: Store, folder: Path, seed: int, hour: int, latency: float) -> None:
    content = {"m": {"int8": {"latency_mean_ms": latency}}}
    path = write_json(folder / f"r_{seed}_{hour}.json", content)
    options = IngestOptions(
        settings={"seed": str(seed), "variant": "v"}, at=datetime(2026, 6, 1, hour, tzinfo=UTC)
    )
    assert not ingest(store, [str(path)], options).rejected


def test_every_seed_is_judged_or_only_the_newest_run(
    store: Store, gates: Gates, tmp_path: Path
) -> None:
    for seed, hour, latency in ((1, 1, 9.0), (2, 2, 9.0), (1, 3, 4.0), (3, 4, 4.0)):
        take(store, tmp_path, seed, hour, latency)
    text = '[gates.g]\nmetric = "latency_mean_ms"\nmax = 5\n'

    every = check(store, gates(text))
    assert [(it.line, str(it.status)) for it in every.results] == [
        ("int8,seed=2", "failed"),
        ("int8,seed=1", "passed"),
        ("int8,seed=3", "passed"),
    ]
    newest = only(check(store, gates(text + "newest_only = true\n")))
    assert (newest.line, newest.status, newest.value) == ("int8", Status.PASSED, 4.0)


# --- pareto ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("latency", "accuracy", "passes"),
    [
        (5.0, 0.90, True),  # as before
        (4.0, 0.85, True),  # faster and worse: another point of the front
        (5.1, 0.90, False),
        (5.0, 0.89, False),
        (6.0, 0.91, True),
    ],
)
def test_an_earlier_run_must_not_dominate(
    store: Store, gates: Gates, latency: float, accuracy: float, passes: bool
) -> None:
    earlier = {"latency_mean_ms": 5.0, "accuracy": 0.90}
    fill(
        store,
        [
            night(1, metrics=earlier),
            night(2, metrics={"latency_mean_ms": 1.0}),
            night(3, metrics={"latency_mean_ms": 1.0, "accuracy": math.nan}),
            night(4, metrics={"latency_mean_ms": latency, "accuracy": accuracy}),
            night(5, seed=1, metrics={"latency_mean_ms": 1.0, "accuracy": 1.0}, device="gpu"),
            night(6, metrics={"latency_mean_ms": 1.0, "accuracy": 1.0}, precision="int4"),
        ],
    )

    report = check(store, gates(FRONT + "slack_pct = 0\n"), where=parse("device=cpu"))

    result = only(report)
    assert result.status is (Status.PASSED if passes else Status.FAILED)
    assert result.metric == "latency_mean_ms, accuracy"
    if not passes:
        assert result.reference_uid == uid(1)
        assert result.reason == (f"run {uid(1)[:10]} is better: latency_mean_ms 5 ms; accuracy 0.9")


def test_slack_forgives_noise(store: Store, gates: Gates) -> None:
    fill(
        store,
        [
            night(1, metrics={"latency_mean_ms": 5.0, "accuracy": 0.90}),
            night(2, metrics={"latency_mean_ms": 5.1, "accuracy": 0.90}),
        ],
    )

    assert not check(store, gates(FRONT + "slack_pct = 1.9\n")).passed
    assert check(store, gates(FRONT + "slack_pct = 2\n")).passed


def test_pareto_needs_to_know_which_way_is_better(store: Store, gates: Gates) -> None:
    fill(store, [night(1, metrics={"blobs": 1.0, "accuracy": 0.9})])

    with pytest.raises(UsageError, match=r":2: gates\.g\.pareto: which way of blobs is better"):
        check(store, gates('[gates.g]\npareto = ["blobs", "accuracy"]\n'))
