"""Runs as a table: which columns by default, in which order, with which values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, func, select

from cetrack.db.conditions import is_among
from cetrack.filter import Expr
from cetrack.filter.following import derived_rows
from cetrack.filter.sql import matching_runs
from cetrack.filter.stored import RUN, may_be_derived
from cetrack.filter.tree import FieldRef, MetricRef, ParamRef, Ref, TagRef
from cetrack.models import Param, RunMetric, Tag, runs_view
from cetrack.queries.columns import (
    KnownMetric,
    Wanted,
    field_column,
    known_metrics,
    ordering,
    require_labels,
    sort_keys,
    split_names,
    wanted,
)
from cetrack.report.measures import metric_column
from cetrack.report.table import Cell, Row, Table, without_blank_columns
from cetrack.selecting import coverage, most_telling
from cetrack.store import RunRow, Store

# what a list shows unless told otherwise, and what a narrow terminal leaves out first
_FIELDS = {"uid": 0, "model": 0, "library": 5, "precision": 0, "kind": 6, "started_at": 3}
_METRIC_RANKS = (1, 2, 4, 7, 8)
_ALL_FIELDS = tuple(column.name for column in runs_view.columns)
_NEWEST_FIRST = ("-started_at", "model", "precision")
_IN_LIST = 500

Cells = Mapping[tuple[int, Ref], Cell]


class Detail(StrEnum):
    """Which columns there are when none are asked for."""

    BRIEF = "brief"  # who, when, and the metrics that matter most
    FULL = "full"  # every field of the runs view and every metric of the selection


def list_runs(
    store: Store,
    *,
    where: Expr | None = None,
    sort: Sequence[str] = (),
    columns: Sequence[str] = (),
    limit: int | None = None,
    detail: Detail = Detail.BRIEF,
) -> Table:
    """The runs that match, newest first unless sorted otherwise.

    Raises UsageError for a name that is neither a field nor a metric of this database.
    """
    with store.read() as connection:
        metrics = known_metrics(connection)
        asked = [wanted(name, metrics) for name in split_names(columns)]
        keys = sort_keys(sort or _NEWEST_FIRST, metrics)
        require_labels(connection, [*(item.ref for item in asked), *(ref for ref, _ in keys)])
        chosen, total = _chosen(connection, where, ordering(keys, metrics), limit)
        shown = asked or _default_columns(connection, chosen, metrics, detail)
        rows = _run_rows(connection, chosen, shown)
        cells = _cells(connection, chosen, [item.ref for item in shown], metrics)
    table = _table(rows, shown, cells, total)
    return table if asked or detail is Detail.FULL else without_blank_columns(table)


def _chosen(
    connection: Connection, where: Expr | None, order: Sequence[Any], limit: int | None
) -> tuple[list[int], int]:
    """The ids of the listed runs in their order, and how many match: the filter is asked once."""
    query = matching_runs(where).order_by(*order)
    if limit is None:
        ids = list(connection.scalars(query))
        return ids, len(ids)
    if where is None:  # an index in the asked order may answer without looking at every run
        total = connection.scalar(select(func.count()).select_from(RUN)) or 0
        return list(connection.scalars(query.limit(limit))), total
    counted = query.add_columns(func.count().over()).limit(max(limit, 1))
    found = connection.execute(counted).all()
    return [run_id for run_id, _ in found][:limit], found[0][1] if found else 0


def _run_rows(
    connection: Connection, chosen: Sequence[int], shown: Sequence[Wanted]
) -> list[RunRow]:
    """The fields that are shown of the chosen runs, in their order."""
    names = {item.ref.name for item in shown if isinstance(item.ref, FieldRef)} | {"run_id"}
    query = select(*(runs_view.c[name] for name in sorted(names)))
    query = query.where(is_among(runs_view.c.run_id, chosen))
    rows = {row["run_id"]: dict(row) for row in connection.execute(query).mappings()}
    return [rows[run_id] for run_id in chosen]


# --- default columns ----------------------------------------------------------------------------


def _default_columns(
    connection: Connection,
    chosen: Sequence[int],
    metrics: Mapping[str, KnownMetric],
    detail: Detail,
) -> list[Wanted]:
    covered = coverage(connection, chosen)
    if detail is Detail.FULL:
        fields = [Wanted(FieldRef(name), field_column(name)) for name in _ALL_FIELDS]
        return fields + [_metric(metrics[name]) for name in sorted(covered)]
    fields = [
        Wanted(FieldRef(name), field_column(name, rank=rank)) for name, rank in _FIELDS.items()
    ]
    best = most_telling(covered, len(_METRIC_RANKS))
    ranked = zip(best, _METRIC_RANKS, strict=False)
    return fields + [_metric(metrics[name], rank=rank) for name, rank in ranked]


def _metric(metric: KnownMetric, *, rank: int = 0) -> Wanted:
    """A metric that is called like a field is told apart by its namespace."""
    name = f"metric.{metric.name}" if metric.name in runs_view.c else metric.name
    return Wanted(MetricRef(metric.name), metric_column(name, metric.unit, rank=rank))


# --- values -------------------------------------------------------------------------------------


def _table(rows: Sequence[RunRow], shown: Sequence[Wanted], cells: Cells, total: int) -> Table:
    return Table(
        columns=tuple(item.column for item in shown),
        rows=tuple(_row(row, shown, cells) for row in rows),
        total=total,
    )


def _row(row: RunRow, shown: Sequence[Wanted], cells: Cells) -> Row:
    return tuple(
        row[item.ref.name]
        if isinstance(item.ref, FieldRef)
        else cells.get((row["run_id"], item.ref))
        for item in shown
    )


def _cells(
    connection: Connection,
    chosen: Sequence[int],
    refs: Sequence[Ref],
    metrics: Mapping[str, KnownMetric],
) -> Cells:
    """(run id, reference) → value of all metrics, parameters and tags among ``refs``."""
    aggregates = [ref for ref in refs if isinstance(ref, MetricRef)]
    params = {ref.key: ref for ref in refs if isinstance(ref, ParamRef)}
    tags = {ref.key: ref for ref in refs if isinstance(ref, TagRef)}
    found: dict[tuple[int, Ref], Cell] = {}
    if aggregates:
        found.update(_metric_cells(connection, chosen, aggregates, metrics))
    if params:
        for run_id, key, text, number in _labels(connection, chosen, Param, list(params)):
            found[run_id, params[key]] = param_cell(text, number)
    if tags:
        for run_id, key, value in _labels(connection, chosen, Tag, list(tags)):
            found[run_id, tags[key]] = value
    return found


def _metric_cells(
    connection: Connection,
    chosen: Sequence[int],
    refs: Sequence[MetricRef],
    metrics: Mapping[str, KnownMetric],
) -> Iterator[tuple[tuple[int, Ref], Cell]]:
    table = RunMetric.__table__.c
    aggregates = sorted({ref.aggregate for ref in refs})
    by_metric: dict[int, list[MetricRef]] = {}
    for ref in refs:
        by_metric.setdefault(metrics[ref.name].id, []).append(ref)
    query = select(table.run_id, table.metric_id, *(table[name] for name in aggregates))
    query = query.where(is_among(table.run_id, chosen))
    if len(by_metric) <= _IN_LIST:
        query = query.where(table.metric_id.in_(by_metric))
    yield from _derived_cells(connection, chosen, refs)
    for run_id, metric_id, *values in connection.execute(query):
        row = dict(zip(aggregates, values, strict=True))
        for ref in by_metric.get(metric_id, ()):
            yield (run_id, ref), row[ref.aggregate]


def _derived_cells(
    connection: Connection, chosen: Sequence[int], refs: Sequence[MetricRef]
) -> Iterator[tuple[tuple[int, Ref], Cell]]:
    for ref in refs:
        if may_be_derived(ref.name, ref.aggregate):
            query = derived_rows(ref.name)
            among = is_among(query.selected_columns.run_id, chosen)
            for run_id, value in connection.execute(query.where(among)):
                yield (run_id, ref), value


def _labels(
    connection: Connection, chosen: Sequence[int], table: type[Param | Tag], keys: Sequence[str]
) -> Sequence[Any]:
    query = select(*table.__table__.c).where(
        table.key.in_(keys), is_among(table.__table__.c.run_id, chosen)
    )
    return connection.execute(query).all()


def param_cell(text: str | None, number: float | None) -> Cell:
    """A parameter as the number that it is, else as its text."""
    if number is None or text is None:
        return text
    try:
        return int(text)
    except ValueError:
        return number
