"""Accepted changes move what later runs are judged by, on both databases."""

from __future__ import annotations

import math

import pytest

from cetrack.errors import UsageError
from cetrack.filter import Expr, parse
from cetrack.forget import forget
from cetrack.gate import Consent, accept, check, list_acceptances
from cetrack.gates import Gate
from cetrack.store import Store
from tests.cli.filling import Spec, fill
from tests.gate.nights import (
    BY_PAST,
    FRONT,
    INT8,
    PAST,
    Gates,
    night,
    nights,
    only,
    uid,
)

ANN = Consent(by="Ann", reason="new calibration set")


def until(day: int) -> Expr:
    return parse(f"started <= 2026-06-{day:02}")


def accept_on(store: Store, made: tuple[Gate, ...], day: int, *targets: str) -> list[float | None]:
    """What is accepted as if the later runs were not there yet."""
    return [it.value for it in accept(store, made, targets, ANN, where=until(day))]


def status_on(store: Store, made: tuple[Gate, ...], day: int) -> str:
    return str(only(check(store, made, where=until(day))).status)


def test_an_accepted_value_is_the_reference_from_its_run_on(store: Store, gates: Gates) -> None:
    fill(store, nights("accuracy", [0.95, 0.89, 0.89, 0.91, 0.888, 0.96]))
    made = gates('[gates.g]\nmetric = "accuracy"\nmin = 0.92\n')
    assert [status_on(store, made, day) for day in range(1, 7)] == [
        "passed", "failed", "failed", "failed", "failed", "passed",
    ]  # fmt: skip

    assert accept_on(store, made, 2, "g:resnet50") == [0.89]

    assert [status_on(store, made, day) for day in range(1, 7)] == [
        "passed", "accepted", "accepted", "accepted", "failed", "passed",
    ]  # fmt: skip
    later = only(check(store, made, where=until(3)))
    assert (later.bound, later.reference, later.reference_uid) == (0.89, 0.89, uid(2))
    assert later.reason == "accepted at 0.89 by Ann: new calibration set"


def test_limits_on_changes_for_the_worse_start_at_the_accepted_value(
    store: Store, gates: Gates
) -> None:
    base = Spec(uid=uid(900), day="2026-06-01", metrics={"latency_mean_ms": 10.0})
    values = (11.0, 11.5, 11.6)
    specs = [
        night(number, metrics={"latency_mean_ms": value}, baseline=base.uid)
        for number, value in enumerate(values, start=2)
    ]
    fill(store, [base, *specs])
    for limit in ("max_drop = 0.5", "max_worse_pct = 5", "max_ratio = 0.9"):
        made = gates(f'[gates.g]\nmetric = "latency_mean_ms"\n{INT8}{limit}\n')
        if not list_acceptances(store):
            accept_on(store, made, 2, "g")
        found = [status_on(store, made, day) for day in (2, 3, 4)]
        slack = "failed" if "ratio" in limit else "accepted"
        assert found == ["accepted", slack, "failed"], limit


def test_history_starts_at_the_accepted_run_and_keeps_its_noise(store: Store, gates: Gates) -> None:
    after = [8.0, 8.1, 8.6, 5.1]
    fill(store, nights("latency_mean_ms", [*PAST, *after]))
    made = gates(BY_PAST)
    assert [status_on(store, made, day) for day in (9, 10, 11)] == ["failed", "failed", "failed"]

    assert accept_on(store, made, 9, f"g:{uid(9)[:8]}") == [8.0]

    assert [status_on(store, made, day) for day in (9, 10, 11, 12)] == [
        "accepted", "passed", "failed", "passed",
    ]  # fmt: skip
    level = only(check(store, made, where=until(10)))
    assert level.reference == 8.0
    assert level.limit.endswith("of 8 earlier runs")


def test_pareto_starts_at_the_accepted_run(store: Store, gates: Gates) -> None:
    points = [(5.0, 0.9), (6.0, 0.9), (6.0, 0.9), (6.1, 0.9)]
    fill(
        store,
        [
            night(number, metrics={"latency_mean_ms": latency, "accuracy": accuracy})
            for number, (latency, accuracy) in enumerate(points, start=1)
        ],
    )
    made = gates(FRONT)

    assert sorted(accept_on(store, made, 2, "g"), key=str) == [0.9, 6.0]

    assert [status_on(store, made, day) for day in (1, 2, 3, 4)] == [
        "passed", "accepted", "accepted", "failed",
    ]  # fmt: skip
    failed = only(check(store, made))
    assert failed.reference_uid == uid(3)


def test_acceptances_are_listed_and_replaced(store: Store, gates: Gates) -> None:
    fill(store, nights("accuracy", [0.95, 0.89, 0.88]))
    made = gates('[gates.g]\nmetric = "accuracy"\nmin = 0.92\n')

    accept_on(store, made, 2, "g")
    accept(store, made, ["g"], Consent(by="Bob", reason="smaller"))

    found = list_acceptances(store)
    assert [(it.value, it.accepted_by, it.reason, it.uid) for it in found] == [
        (0.88, "Bob", "smaller", uid(3)),
        (0.89, "Ann", "new calibration set", uid(2)),
    ]
    assert check(store, made).passed


def test_what_nobody_can_accept(store: Store, gates: Gates) -> None:
    fill(
        store,
        [
            *nights("accuracy", [0.95, 0.89]),
            Spec(uid=uid(50), model="b", metrics={"latency_mean_ms": 1.0}),
            Spec(uid=uid(51), model="c", metrics={"accuracy": math.nan}),
        ],
    )
    made = gates(
        '[gates.g]\nmetric = "accuracy"\nmin = 0.92\n'
        '[gates.low]\nmetric = "accuracy"\nmin = 0\nmissing = "skip"\nfilter = "precision=int8"\n'
    )
    cases = {
        "gg": ("no gate called 'gg'", "did you mean g?"),
        "hi": ("no gate called 'hi'", "there are: g, low"),
        "low": ("gate low refuses nothing", "there is nothing to accept"),
        "g:resnet": ("gate g refuses no run of 'resnet'", "it refuses b (a005000000), c"),
        "g:b": ("gate g: a missing number cannot be accepted", 'missing = "skip"'),
        "g:c": ("gate g: a missing number cannot be accepted", 'missing = "skip"'),
    }
    for target, (problem, hint) in cases.items():
        with pytest.raises(UsageError) as caught:
            accept(store, made, ["g:resnet50", target], ANN)
        assert caught.value.message == problem
        assert (caught.value.hint or "").startswith(hint)
    assert list_acceptances(store) == []
    assert [it.model for it in accept(store, made, ["g"], ANN)] == ["resnet50"]


def test_forgetting_a_run_forgets_that_it_was_accepted(store: Store, gates: Gates) -> None:
    fill(store, nights("accuracy", [0.95, 0.89]))
    accept(store, gates('[gates.g]\nmetric = "accuracy"\nmin = 0.92\n'), ["g"], ANN)

    forget(store, uid(2))

    assert list_acceptances(store) == []
