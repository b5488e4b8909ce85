"""A gate of one metric: absolute limits, limits against the baseline and against the past. SQL."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Connection

from cetrack.domain import Direction
from cetrack.gate.limits import (
    RELATIVE,
    Baseline,
    Blocked,
    Limit,
    Question,
    absolute,
    accepted_bound,
    historic,
    relative,
    side_of,
)
from cetrack.gate.reading import (
    PastRun,
    acceptances,
    baselines,
    moment_of,
    past_of,
    segments_before,
)
from cetrack.gate.results import Acceptance, GateResult, Status, unjudged
from cetrack.gates import Gate
from cetrack.selecting import MetricFacts
from cetrack.store import RunRow

HISTORY = "history"


@dataclass(frozen=True, slots=True)
class _Evidence:
    """What the runs of a gate are judged by: run id → baseline, or why there is none; series →
    earlier runs; series → acceptances, the oldest first."""

    baselines: Mapping[int, Baseline | str]
    past: Mapping[str, Sequence[PastRun]]
    accepted: Mapping[str, Sequence[Acceptance]]


def results(
    connection: Connection,
    gate: Gate,
    metric: MetricFacts,
    blanks: Sequence[tuple[RunRow, GateResult]],
) -> Iterator[GateResult]:
    """A result per run and limit; ``blanks`` has the rows and what is known already."""
    evidence = _evidence(connection, gate, metric, [row for row, _ in blanks])
    for row, blank in blanks:
        question = _question(gate, metric, row, blank, evidence)
        accepted = _newest(row, evidence)
        for key, number in gate.limits.items():
            reckon = relative if key in RELATIVE else absolute
            outcome: Limit | Blocked = reckon(key, number, question)
            yield _result(gate, blank, key, number, question, outcome, accepted)
        if gate.history is not None:
            outcome = _against_past(gate, row, question, evidence)
            number = gate.history.max_z
            yield _result(gate, blank, HISTORY, number, question, outcome, accepted)


def _evidence(
    connection: Connection, gate: Gate, metric: MetricFacts, rows: Sequence[RunRow]
) -> _Evidence:
    series = {row["series_key"] for row in rows}
    accepted: dict[str, list[Acceptance]] = defaultdict(list)
    for item in acceptances(connection, series):
        if item.metric == metric.name:
            accepted[item.series_key].append(item)
    asks_baselines = any(key in RELATIVE for key in gate.limits)
    return _Evidence(
        baselines=baselines(connection, rows, metric.name) if asks_baselines else {},
        past=past_of(connection, series, metric.name) if gate.history is not None else {},
        accepted=accepted,
    )


def _question(
    gate: Gate, metric: MetricFacts, row: RunRow, blank: GateResult, evidence: _Evidence
) -> Question:
    assert blank.value is not None
    direction = gate.direction or (Direction(metric.direction) if metric.direction else None)
    base = evidence.baselines.get(row["run_id"])
    return Question(
        value=blank.value,
        unit=metric.unit,
        direction=direction,
        baseline=base if isinstance(base, Baseline) else None,
        no_baseline=base if isinstance(base, str) else "",
        allow_mixed=gate.allow_mixed,
    )


def _newest(row: RunRow, evidence: _Evidence) -> Acceptance | None:
    """What was accepted last, of this run or an earlier one of its series."""
    items = evidence.accepted.get(row["series_key"], ())
    earlier = [item for item in items if item.moment <= moment_of(row) and item.value is not None]
    return earlier[-1] if earlier else None


def _against_past(
    gate: Gate, row: RunRow, question: Question, evidence: _Evidence
) -> Limit | Blocked:
    assert gate.history is not None
    key = row["series_key"]
    starts = [item.moment for item in evidence.accepted.get(key, ())]
    past = evidence.past.get(key, ())
    segments = segments_before(past, moment_of(row), starts, gate.history.last)
    return historic(gate.history, question, segments)


def _result(
    gate: Gate,
    blank: GateResult,
    key: str,
    number: float,
    question: Question,
    outcome: Limit | Blocked,
    accepted: Acceptance | None,
) -> GateResult:
    found = _applied(gate, replace(blank, check=key, limit=outcome.words), question, outcome)
    if not found.is_refused or accepted is None or accepted.value is None:
        return found
    side = side_of(key, question.direction)
    bound = accepted_bound(key, number, side, accepted.value)
    if not side.holds(question.value, bound):
        return found
    return replace(
        found,
        status=Status.ACCEPTED,
        bound=bound,
        reference=accepted.value,
        reference_uid=accepted.uid,
        reason=accepted.words,
    )


def _applied(
    gate: Gate, blank: GateResult, question: Question, outcome: Limit | Blocked
) -> GateResult:
    """What the limit itself says, whatever was accepted."""
    if isinstance(outcome, Blocked):
        status = unjudged(gate.missing) if outcome.is_missing else Status.FAILED
        return replace(blank, status=status, reason=outcome.reason)
    return replace(
        blank,
        status=Status.PASSED if outcome.holds(question.value) else Status.FAILED,
        bound=outcome.bound,
        reference=outcome.reference,
        reference_uid=outcome.reference_uid,
        reason=outcome.found,
    )
