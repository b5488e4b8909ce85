"""The runs and the numbers that a table is made of. SQL; takes an open connection."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from cetrack.errors import UsageError
from cetrack.filter import Expr, parse_all
from cetrack.filter.fields import FIELD_OF, FIELDS, canonical_precision
from cetrack.identity import SERIES_FIELDS
from cetrack.metrics import canonical_name
from cetrack.report.table import unknown_name
from cetrack.selecting import (
    MetricFacts,
    Values,
    Which,
    asked_metrics,
    coverage,
    metric_facts,
    most_telling,
    require_runs,
    standing_runs,
    values_of,
)
from cetrack.store import RunRow
from cetrack.table_request import TableRequest

_USUAL_METRICS = 3
_ALL = "all"
# what all runs of a series and seed have in common
_OF_SERIES = frozenset(
    {*SERIES_FIELDS, "seed", "category", "weight_bits", "activation_bits", "series_key", "like_key"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """What a request found: fields and metrics by their canonical names, and the runs that have
    a value of any of the metrics, by start."""

    row_fields: tuple[str, ...]
    column_fields: tuple[str, ...]
    metrics: tuple[MetricFacts, ...]
    digits: Mapping[str, int]
    baseline: str
    runs: tuple[RunRow, ...]
    values: Values


def choose(connection: Connection, request: TableRequest) -> Selection:
    """The runs that stand for their series, with their values of the metrics.

    Raises UsageError for a name that is not there, and where nothing matches.
    """
    rows, columns = _fields(request.rows), _fields(request.columns)
    facts = metric_facts(connection)
    where = parse_all(request.filter, known_metrics=facts, resolve_metric=canonical_name)
    found = _standing(connection, where if request.filter else None, request, rows + columns)
    metrics = _metrics(connection, request.metrics, found, facts)
    digits = [(asked_metrics([_bare(name)], facts)[0].name, n) for name, n in request.digits]
    values = values_of(connection, [row["run_id"] for row in found], metrics)
    measured = {run_id for run_id, _ in values}
    if not measured:
        names = ", ".join(metric.name for metric in metrics) or "any metric"
        raise UsageError(f"no run that matches has {names}", hint="'cetrack metrics' lists them")
    return Selection(
        row_fields=rows,
        column_fields=columns,
        metrics=tuple(metrics),
        digits=dict(digits),
        baseline=canonical_precision(request.baseline) if request.baseline else "",
        runs=tuple(row for row in found if row["run_id"] in measured),
        values=values,
    )


def _standing(
    connection: Connection, where: Expr | None, request: TableRequest, fields: Sequence[str]
) -> list[RunRow]:
    """Of every series, or of each of its parts where a field splits it: what stands for it."""
    free = sorted(set(fields) - _OF_SERIES)
    found = standing_runs(connection, where, Which.ALL if free else request.runs)
    require_runs(found, where)
    if not free or request.runs is Which.ALL:
        return found
    newest: dict[tuple[Any, ...], RunRow] = {}
    for row in found:  # by start: the last one stays
        newest[row["series_key"], row["seed"], *(row[field] for field in free)] = row
    kept = {row["run_id"] for row in newest.values()}
    return [row for row in found if row["run_id"] in kept]


def _metrics(
    connection: Connection,
    names: Sequence[str],
    rows: Sequence[RunRow],
    facts: Mapping[str, MetricFacts],
) -> list[MetricFacts]:
    """Those asked for; all that these runs have, the most telling first; or a few of them."""
    if names and names != (_ALL,):
        return asked_metrics(map(_bare, names), facts)
    counted = coverage(connection, [row["run_id"] for row in rows])
    return [facts[name] for name in most_telling(counted, len(facts) if names else _USUAL_METRICS)]


def _fields(names: Sequence[str]) -> tuple[str, ...]:
    for name in names:
        if name not in FIELD_OF:
            raise unknown_name("field", name, list(FIELD_OF), all_of=f"fields: {', '.join(FIELDS)}")
    return tuple(dict.fromkeys(FIELD_OF[name].name for name in names))


def _bare(name: str) -> str:
    """``metric."odd name"`` → the name."""
    return name.removeprefix("metric.").strip('"') if name.startswith('metric."') else name
