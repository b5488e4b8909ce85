"""Saying that a change is all right: from then on it is what later runs are judged by. SQL."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Connection, delete, insert

from cetrack.errors import UsageError
from cetrack.filter import Expr
from cetrack.gate.judging import judge
from cetrack.gate.reading import acceptances
from cetrack.gate.results import Acceptance, GateResult
from cetrack.gates import Gate
from cetrack.models import Acceptance as AcceptanceRow
from cetrack.report.table import unknown_name
from cetrack.selecting import metric_facts
from cetrack.store import Store

_SHORTEST_UID = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """Who accepts, and why."""

    by: str
    reason: str


def accept(
    store: Store,
    gates: Sequence[Gate],
    targets: Sequence[str],
    consent: Consent,
    *,
    where: Expr | None = None,
) -> list[Acceptance]:
    """Record that what the targets refuse is accepted; returns what was recorded.

    A target is the name of a gate, alone or followed by ``:`` and a model or the beginning of a
    uid. All that it refuses is accepted, or, when one of the targets refuses nothing that has a
    value, nothing at all: UsageError.
    """
    with store.write() as connection:
        report = judge(connection, gates, where)
        chosen = [it for text in targets for it in _meant(text, report.gates, report.refused)]
        recorded = _record(connection, chosen, consent)
        found = acceptances(connection)
    return [item for item in found if (item.run_id, item.metric) in recorded]


def list_acceptances(store: Store) -> list[Acceptance]:
    """Everything that was ever accepted, the newest first."""
    with store.read() as connection:
        found = acceptances(connection)
    return sorted(found, key=lambda item: item.accepted_at, reverse=True)


def _meant(target: str, gates: Sequence[str], refused: Sequence[GateResult]) -> list[GateResult]:
    name, _, which = target.partition(":")
    if name not in gates:
        raise unknown_name("gate", name, gates)
    of_gate = [result for result in refused if result.gate == name]
    if not of_gate:
        raise UsageError(f"gate {name} refuses nothing", hint="there is nothing to accept")
    found = [result for result in of_gate if not which or _is_of(result, which)]
    if not found:
        names = ", ".join(sorted({f"{it.model} ({it.uid[:10]})" for it in of_gate if it.uid}))
        raise UsageError(f"gate {name} refuses no run of '{which}'", hint=f"it refuses {names}")
    valued = [result for result in found if result.is_complete]
    if not valued:
        hint = 'missing = "skip" in the gate lets it pass'
        raise UsageError(f"gate {name}: a missing number cannot be accepted", hint=hint)
    return valued


def _is_of(result: GateResult, which: str) -> bool:
    is_uid = len(which) >= _SHORTEST_UID and str(result.uid).startswith(which.lower())
    return result.model == which or is_uid


def _record(
    connection: Connection, results: Sequence[GateResult], consent: Consent
) -> set[tuple[int, str]]:
    """(run id, metric) of what was recorded, in place of what was said of it before."""
    facts = metric_facts(connection)
    values = {
        (result.run["run_id"], item.metric): item.value
        for result in results
        if result.run is not None
        for item in result.measured
    }
    now = datetime.now(UTC)
    for (run_id, metric), value in values.items():
        key = {"run_id": run_id, "metric_id": facts[metric].id}
        connection.execute(
            delete(AcceptanceRow).where(
                AcceptanceRow.run_id == run_id, AcceptanceRow.metric_id == facts[metric].id
            )
        )
        connection.execute(
            insert(AcceptanceRow).values(
                **key, value=value, accepted_by=consent.by, reason=consent.reason, accepted_at=now
            )
        )
    return set(values)
