"""A check as a table, JSON, JUnit XML, or Markdown for a pull request. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from cetrack.gate.limits import quantity
from cetrack.gate.results import Acceptance, CheckReport, GateResult, Status
from cetrack.report import json, junit, md, text
from cetrack.report.table import Column, Kind, Section, Table, without_blank_columns

_COLUMNS = (
    Column(name="status", fold_at=8),
    Column(name="gate", fold_at=24),
    Column(name="model", fold_at=24),
    Column(name="precision", fold_at=30),
    Column(name="metric", rank=2, fold_at=24),
    Column(name="value"),
    Column(name="limit", fold_at=40),
    Column(name="reason", rank=1, fold_at=40),
    Column(name="run", kind=Kind.UID, rank=3),
)
_GATE_COLUMNS = (
    Column(name="gate", fold_at=24),
    Column(name="metric", fold_at=30),
    Column(name="status", fold_at=8),
    *(Column(name=status.value, kind=Kind.NUMBER, rank=1) for status in Status),
)
_ACCEPTED_COLUMNS = (
    Column(name="accepted_at", kind=Kind.TIME),
    Column(name="accepted_by"),
    Column(name="model", fold_at=24),
    Column(name="precision"),
    Column(name="metric"),
    Column(name="value", kind=Kind.NUMBER, alike=False),
    Column(name="unit", rank=2),
    Column(name="reason", fold_at=40),
    Column(name="uid", kind=Kind.UID, rank=1),
)
_MOST_ROWS = 100
_WORDS = {
    Status.FAILED: "failed",
    Status.MISSING: "cannot be judged",
    Status.ACCEPTED: "accepted",
    Status.PASSED: "passed",
    Status.SKIPPED: "skipped",
}


def summary(report: CheckReport) -> str:
    """How many of the results are what: ``2 of 14 failed, 11 passed, 1 accepted``."""
    counts = report.counts
    total = len(report.results)
    first = next((status for status in Status if counts[status]), None)
    parts = [
        f"{counts[status]} of {total} checks {word}"
        if status is first
        else f"{counts[status]} {word}"
        for status, word in _WORDS.items()
        if counts[status]
    ]
    return ", ".join(parts)


# --- tables ----------------------------------------------------------------------------------


def as_sections(report: CheckReport) -> list[Section]:
    """For people: a row per gate, and what was refused or is only accepted."""
    told = [it for it in report.results if it.is_refused or it.status is Status.ACCEPTED]
    return [
        Section(key="gates", title="Gates", table=_by_gate(report)),
        Section(key="results", title="Refused or accepted", table=as_table(told)),
    ]


def _by_gate(report: CheckReport) -> Table:
    rows = []
    for gate in report.gates:
        results = [result for result in report.results if result.gate == gate]
        counts = Counter(result.status for result in results)
        worst = next(status for status in Status if counts[status])
        told = [counts[status] or None for status in Status]
        rows.append((gate, results[0].metric, worst.value, *told))
    return without_blank_columns(Table(columns=_GATE_COLUMNS, rows=tuple(rows)))


def as_table(results: Sequence[GateResult]) -> Table:
    """A row per result, the most urgent status first."""
    urgency = list(Status)
    ordered = sorted(results, key=lambda result: urgency.index(result.status))
    return Table(columns=_COLUMNS, rows=tuple(map(_row, ordered)))


def _row(result: GateResult) -> tuple[str | None, ...]:
    return (
        result.status.value,
        result.gate,
        result.model,
        result.line,
        result.metric,
        _value(result),
        result.limit or None,
        result.reason or None,
        result.uid,
    )


def _value(result: GateResult) -> str | None:
    known = [
        quantity(item.value, item.unit) if item.value is not None else "NaN"
        for item in result.measured
        if item.value is not None or result.status is Status.FAILED
    ]
    return "; ".join(known) or None


def accepted_table(items: Sequence[Acceptance]) -> Table:
    """A row per acceptance."""
    names = [column.name for column in _ACCEPTED_COLUMNS]
    rows = tuple(tuple(getattr(item, name) for name in names) for item in items)
    return Table(columns=_ACCEPTED_COLUMNS, rows=rows)


def as_text(report: CheckReport) -> str:
    """Aligned text."""
    return text.render_sections([it for it in as_sections(report) if it.table.rows])


# --- JSON ------------------------------------------------------------------------------------


def as_json(report: CheckReport) -> str:
    """One object; a line per result."""
    counts = {str(status): count for status, count in report.counts.items()}
    head = json.dumps({"passed": report.passed, "counts": counts})[1:-1]
    lines = ",\n ".join(json.dumps(json.plain(_object(result))) for result in report.results)
    return f'{{{head}, "results": [\n {lines}]}}\n'


def _object(result: GateResult) -> dict[str, Any]:
    names = ("gate", "check", "status", "model", "precision", "line", "uid", "started_at")
    rest = ("limit", "bound", "reference", "reference_uid", "reason")
    measured = [
        {"metric": item.metric, "unit": item.unit, "value": item.value} for item in result.measured
    ]
    return {
        **{name: getattr(result, name) for name in names},
        "measured": measured,
        **{name: getattr(result, name) for name in rest},
    }


# --- Markdown --------------------------------------------------------------------------------


def as_markdown(report: CheckReport) -> str:
    """A line that says it all, what was refused, and the rest to be unfolded.

    Long tables are cut: a comment on a pull request may have 65,536 characters.
    """
    sign = "✅" if report.passed else "❌"
    parts = [f"{sign} **cetrack check:** {summary(report)}\n"]
    if report.refused:
        parts.append(_markdown_table(report.refused))
    others = [result for result in report.results if not result.is_refused]
    if others:
        head = f"<details>\n<summary>{len(others)} that do not stand in the way</summary>\n"
        parts.append(f"{head}\n{_markdown_table(others)}\n</details>\n")
    return "\n".join(parts)


def _markdown_table(results: Sequence[GateResult]) -> str:
    table = without_blank_columns(as_table(results))
    more = len(table.rows) - _MOST_ROWS
    cut = md.render(replace(table, rows=table.rows[:_MOST_ROWS]))
    return f"{cut}\nand {more:,} more\n" if more > 0 else cut


# --- JUnit -----------------------------------------------------------------------------------


def as_junit(report: CheckReport) -> str:
    """A suite per gate and a case per run, whose name is the same from night to night."""
    suites = [
        junit.Suite(name=gate, cases=[_case(several) for several in _by_run(report, gate)])
        for gate in report.gates
    ]
    return junit.render("cetrack.check", suites)


def _by_run(report: CheckReport, gate: str) -> list[list[GateResult]]:
    found: dict[str | None, list[GateResult]] = {}
    for result in report.results:
        if result.gate == gate:
            found.setdefault(result.uid, []).append(result)
    return list(found.values())


def _case(results: Sequence[GateResult]) -> junit.Case:
    """All limits of one run."""
    first = results[0]
    name = "all runs" if first.run is None else f"{first.model} {first.line}"
    lines = [_sentence(result) for result in results]
    refused = [result for result in results if result.is_refused]
    skipped = all(result.status is Status.SKIPPED for result in results)
    run = [] if first.run is None else [f"run {first.uid} of {json.iso(first.run['started_at'])}"]
    return junit.Case(
        name=name,
        failure="; ".join(map(_sentence, refused)) if refused else None,
        skipped="; ".join(lines) if skipped else None,
        kind=refused[0].check or refused[0].status if refused else "",
        lines=[*lines, *run],
    )


def _sentence(result: GateResult) -> str:
    """``failed: accuracy 0.89, at most 0.01 below 0.912 of fp32 run 4f… (0.022 worse)``."""
    value = _value(result)
    parts = [f"{result.metric} {value}" if value else result.metric, result.limit]
    said = ", ".join(part for part in parts if part)
    return f"{result.status}: {said}" + (f" ({result.reason})" if result.reason else "")


RENDERERS: Mapping[str, Callable[[CheckReport], str]] = {
    "table": as_text,
    "json": as_json,
    "md": as_markdown,
    "junit": as_junit,
}
