"""Runs of many nights in few words."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from cetrack.gate import CheckReport, Gate, GateResult
from tests.cli.filling import Spec

Gates = Callable[[str], tuple[Gate, ...]]
INT8 = 'filter = "precision=int8"\n'
PAST = [5.0, 5.2, 4.9, 5.1, 5.0, 5.3, 4.8, 5.1]
BY_PAST = '[gates.g]\nmetric = "latency_mean_ms"\nhistory = { max_z = 3 }\n'
FRONT = f'[gates.g]\npareto = ["latency_mean_ms", "accuracy"]\n{INT8}'


def uid(number: int) -> str:
    """One that no other one begins with."""
    return f"a{number:04}".ljust(32, "0")


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
