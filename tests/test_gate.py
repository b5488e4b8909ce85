"""Gates on small databases whose numbers are worked out by hand, on both databases."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest

from cetrack.errors import UsageError
from cetrack.filter import parse
from cetrack.gate import (
    CheckReport,
    Consent,
    GateResult,
    Status,
    accept,
    check,
    list_acceptances,
    load_gates,
)
from cetrack.gates import Gate
from cetrack.store import Store
from tests.cli.filling import Spec, fill, uid
from tests.ingest.producing import write as write_json

ANN = Consent(by="Ann", reason="new calibration set")
Gates = Callable[[str], tuple[Gate, ...]]


@pytest.fixture
def gates(tmp_path: Path) -> Gates:
    def made(text: str) -> tuple[Gate, ...]:
        path = tmp_path / "gates.toml"
        path.write_text(text)
        return load_gates(path)

    return made


def night(number: int, *, seed: int = 0, **facts: object) -> Spec:
    """An INT8 run of night ``number`` of June."""
    known = {"precision": "int8", "day": f"2026-06-{number:02}", **facts}
    return Spec(uid=uid(100 * seed + number), **known)  # type: ignore[arg-type]


def nights(metric: str, values: Sequence[float], **facts: object) -> list[Spec]:
    """One run a night with one metric."""
    return [
        night(number, metrics={metric: value}, **facts)
        for number, value in enumerate(values, start=1)
    ]


def pair(fp32: Mapping[str, float], int8: Mapping[str, float], **int8_facts: object) -> list[Spec]:
    """An FP32 run and the INT8 run that is compared with it."""
    base = Spec(uid=uid(900), day="2026-06-01", metrics=fp32)
    return [base, night(2, metrics=int8, baseline=base.uid, **int8_facts)]


def statuses(report: CheckReport) -> dict[str, str]:
    """Kind of limit → status, where a gate judged one run."""
    return {result.check: str(result.status) for result in report.results}


def only(report: CheckReport) -> GateResult:
    (result,) = report.results
    return result


INT8 = 'filter = "precision=int8"\n'


# --- absolute and against the baseline -------------------------------------------------------


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

    assert check(
        store, gates(f'[gates.g]\nmetric = "accuracy"\n{INT8}max_drop = {drop}\n')
    ).passed
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


# --- what cannot be judged -------------------------------------------------------------------

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
    assert it.value.hint == "did you mean accuracy?"
    with pytest.raises(UsageError, match=r":3: gates\.g\.filter: filter: .*'presicion'") as it:
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


# --- against the past ------------------------------------------------------------------------

PAST = [5.0, 5.2, 4.9, 5.1, 5.0, 5.3, 4.8, 5.1]
BY_PAST = '[gates.g]\nmetric = "latency_mean_ms"\nhistory = { max_z = 3 }\n'


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
    from sqlalchemy import update

    from cetrack.models import Run

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
    from cetrack.ingest import IngestOptions, ingest

    content = {"m": {"int8": {"latency_mean_ms": latency}}}
    path = write_json(folder / f"r_{seed}_{hour}.json", content)
    from datetime import UTC, datetime

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

FRONT = f'[gates.g]\npareto = ["latency_mean_ms", "accuracy"]\n{INT8}'


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
        assert result.reason == (
            f"run {uid(1)[:10]} is better: latency_mean_ms 5 ms; accuracy 0.9"
        )


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


# --- accepted changes ------------------------------------------------------------------------


def until(day: int) -> object:
    return parse(f"started <= 2026-06-{day:02}")


def accept_on(store: Store, made: tuple[Gate, ...], day: int, *targets: str) -> list[float | None]:
    """What is accepted as if the later runs were not there yet."""
    return [it.value for it in accept(store, made, targets, ANN, where=until(day))]  # type: ignore[arg-type]


def status_on(store: Store, made: tuple[Gate, ...], day: int) -> str:
    return str(only(check(store, made, where=until(day))).status)  # type: ignore[arg-type]


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
    later = only(check(store, made, where=until(3)))  # type: ignore[arg-type]
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
    level = only(check(store, made, where=until(10)))  # type: ignore[arg-type]
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
        "gg": ("no gate called 'gg'", "there are: g, low"),
        "low": ("gate low refuses nothing", "there is nothing to accept"),
        "g:resnet": ("gate g refuses no run of 'resnet'", "it refuses b (a500000000), c"),
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
    from cetrack.forget import forget

    fill(store, nights("accuracy", [0.95, 0.89]))
    accept(store, gates('[gates.g]\nmetric = "accuracy"\nmin = 0.92\n'), ["g"], ANN)

    forget(store, uid(2))

    assert list_acceptances(store) == []
