"""From a gate and the runs that stand for their series to one result per run and limit. SQL."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection

from cetrack.errors import UsageError
from cetrack.filter import Expr, parse_all
from cetrack.filter.tree import all_of
from cetrack.gate import metric_gate, pareto_gate
from cetrack.gate.reading import measured, moment_of
from cetrack.gate.results import CheckReport, GateResult, Measured, Status, unjudged
from cetrack.gates import Gate
from cetrack.metrics import canonical_name, catalogue
from cetrack.selecting import MetricFacts, asked_metrics, metric_facts, standing_runs
from cetrack.store import RunRow
from cetrack.tb.lines import QUALIFIERS, qualified

_BY_DIRECTION = ("max_drop", "max_worse_pct", "history")


def judge(connection: Connection, gates: Sequence[Gate], where: Expr | None = None) -> CheckReport:
    """The results of all gates; ``where`` narrows every one of them.

    Where ``where`` leaves a gate without a run, the gate is skipped, unless that is so for all.
    Raises UsageError, with the line of the gate, for a metric or a filter that makes no sense.
    """
    facts = metric_facts(connection)
    found: list[GateResult] = []
    unmet: list[Gate] = []
    for gate in gates:
        metrics = _metrics_of(gate, facts)
        filter = _filter_of(gate, facts)
        rows = _rows_of(connection, gate, _both(filter, where))
        if rows:
            found += _judged(connection, gate, metrics, rows)
        elif where is not None and standing_runs(connection, filter):
            unmet.append(gate)
        else:
            found.append(_no_run(gate, metrics, unjudged(gate.missing), "no finished run matches"))
    none_judged = not any(result.run for result in found)
    for gate in unmet:
        status = unjudged(gate.missing) if none_judged else Status.SKIPPED
        reason = "no run of this gate matches --filter"
        found.append(_no_run(gate, _metrics_of(gate, facts), status, reason))
    order = {gate.name: place for place, gate in enumerate(gates)}
    found.sort(key=lambda result: order[result.gate])
    return CheckReport(gates=tuple(order), results=tuple(found))


def _rows_of(connection: Connection, gate: Gate, where: Expr | None) -> list[RunRow]:
    """The runs that a gate judges, by start."""
    rows = standing_runs(connection, where)
    if not gate.newest_only:
        return rows
    return list({row["series_key"]: row for row in rows}.values())


def _both(filter: Expr | None, where: Expr | None) -> Expr | None:
    parts = tuple(part for part in (filter, where) if part is not None)
    return all_of(parts) if parts else None


def _metrics_of(gate: Gate, facts: Mapping[str, MetricFacts]) -> list[MetricFacts]:
    """The metrics of a gate; one that is known to cetrack need not be in this database yet."""
    key = "pareto" if gate.is_pareto else "metric"
    found = []
    for name in gate.metrics:
        try:
            found += asked_metrics([name], facts)
        except UsageError as error:
            known = catalogue().get(canonical_name(name))
            if known is None:
                raise gate.wrong(key, error.message, error.hint) from None
            found.append(MetricFacts(0, known.name, known.unit, known.direction, known.family))
    _require_directions(gate, found, key)
    return found


def _require_directions(gate: Gate, metrics: Sequence[MetricFacts], key: str) -> None:
    asked = {*gate.limits, *(("history",) if gate.history else ())}
    needing = [name for name in _BY_DIRECTION if name in asked]
    for metric in metrics:
        if metric.direction is None and (gate.is_pareto or (needing and gate.direction is None)):
            problem = f"which way of {metric.name} is better is not known"
            hint = None if gate.is_pareto else 'write direction = "lower" or "higher"'
            raise gate.wrong(key if gate.is_pareto else needing[0], problem, hint)


def _filter_of(gate: Gate, facts: Mapping[str, MetricFacts]) -> Expr | None:
    if not gate.filters:
        return None
    known = {*facts, *catalogue()}
    try:
        return parse_all(gate.filters, known, resolve_metric=canonical_name)
    except UsageError as error:
        raise gate.wrong("filter", error.message, error.hint) from None


def _no_run(gate: Gate, metrics: Sequence[MetricFacts], status: Status, reason: str) -> GateResult:
    nothing = [Measured(metric.name, metric.unit, None) for metric in metrics]
    return _blank(gate, nothing, status, reason=reason)


# --- the runs of one gate --------------------------------------------------------------------


def _judged(
    connection: Connection, gate: Gate, metrics: Sequence[MetricFacts], rows: Sequence[RunRow]
) -> list[GateResult]:
    """The results of one gate, by model, precision and start of the runs."""
    found: dict[str, list[GateResult]] = {}
    fit = []
    for row, blank, absent in _blanks(connection, gate, metrics, rows):
        unfit = _unfit(gate, blank, absent)
        found[row["uid"]] = [] if unfit is None else [unfit]
        if unfit is None:
            fit.append((row, blank))
    if gate.is_pareto:
        judged = pareto_gate.results(connection, gate, metrics, fit)
    else:
        judged = metric_gate.results(connection, gate, metrics[0], fit)
    for result in judged:
        found[str(result.uid)].append(result)
    return [result for several in found.values() for result in several]


def _blanks(
    connection: Connection, gate: Gate, metrics: Sequence[MetricFacts], rows: Sequence[RunRow]
) -> Iterator[tuple[RunRow, GateResult, list[str]]]:
    """The rows in their order, each with a result that says nothing yet, and with the metrics that
    the run does not have."""
    names = [metric.name for metric in metrics]
    values = measured(connection, [row["run_id"] for row in rows], names)
    lines = _lines(rows)
    for row in sorted(rows, key=lambda row: (row["model"], row["precision"], moment_of(row))):
        own = [
            Measured(metric.name, metric.unit, values.get((row["run_id"], metric.name)))
            for metric in metrics
        ]
        absent = [name for name in names if (row["run_id"], name) not in values]
        blank = _blank(gate, own, Status.PASSED, run=row, line=lines[row["uid"]])
        yield row, blank, absent


def _unfit(gate: Gate, blank: GateResult, absent: Sequence[str]) -> GateResult | None:
    """The result of a run that lacks a metric, or whose value is no number; None of any other."""
    if absent:
        reason = f"has no {' and no '.join(absent)}"
        return replace(blank, status=unjudged(gate.missing), reason=reason)
    odd = [it for it in blank.measured if it.value is None or not math.isfinite(it.value)]
    if odd:
        reason = f"{' and '.join(it.metric for it in odd)} is not a finite number"
        return replace(blank, status=Status.FAILED, reason=reason)
    return None


def _lines(rows: Sequence[RunRow]) -> dict[str, str]:
    """Uid → precision, with what tells the run apart from the others of its model."""
    groups: dict[tuple[str, str], dict[str, RunRow]] = defaultdict(dict)
    for row in rows:
        groups[row["model"], row["precision"]][row["uid"]] = row
    found: dict[str, str] = {}
    for (_, precision), runs in groups.items():
        found.update(qualified(precision, runs, fields=(*QUALIFIERS, "seed")))
    return found


def _blank(gate: Gate, measured: Sequence[Measured], status: Status, **known: Any) -> GateResult:
    return GateResult(gate=gate.name, status=status, measured=tuple(measured), **known)
