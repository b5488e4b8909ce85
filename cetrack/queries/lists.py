"""Models and metrics as tables, and how much there is of everything."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import func, select

from cetrack.db import schema
from cetrack.db.engine import dialect_of
from cetrack.filter import Expr
from cetrack.filter.sql import to_sql
from cetrack.models import Base, Metric, Point, RunMetric, runs_view
from cetrack.report.table import Column, Kind, Row, Table
from cetrack.store import Store

_MODEL_COLUMNS = (
    Column(name="model"),
    Column(name="library", rank=2),
    Column(name="category", rank=3),
    Column(name="input_shape", rank=4),
    Column(name="precisions"),
    Column(name="runs", kind=Kind.NUMBER),
    Column(name="last_run", kind=Kind.TIME, rank=1),
)
_METRIC_COLUMNS = (
    Column(name="metric"),
    Column(name="unit"),
    Column(name="direction", rank=2),
    Column(name="family", rank=3),
    Column(name="runs", kind=Kind.NUMBER),
    Column(name="description", rank=1),
)
_SIZE_COLUMNS = (Column(name="what"), Column(name="count", kind=Kind.NUMBER))


def list_models(store: Store, *, where: Expr | None = None) -> Table:
    """Every model with runs that match: in which precisions, how many, and the last one."""
    runs = runs_view.c
    identity = (runs.model, runs.library, runs.category, runs.input_shape)
    query = select(*identity, runs.precision, func.count(), func.max(runs.started_at))
    if where is not None:
        query = query.where(to_sql(where))
    found: dict[tuple[Any, ...], dict[str, tuple[int, datetime]]] = {}
    with store.read() as connection:
        for *who, precision, count, last in connection.execute(
            query.group_by(*identity, runs.precision)
        ):
            found.setdefault(tuple(who), {})[precision] = (count, last)
    rows = [_model_row(who, precisions) for who, precisions in found.items()]
    rows.sort(key=lambda row: [str(cell or "") for cell in row[:4]])
    return Table(columns=_MODEL_COLUMNS, rows=tuple(rows))


def _model_row(who: tuple[Any, ...], precisions: Mapping[str, tuple[int, datetime]]) -> Row:
    counts, moments = zip(*precisions.values(), strict=True)
    return (*who, ", ".join(sorted(precisions)), sum(counts), max(moments))


def list_metrics(store: Store, *, where: Expr | None = None) -> Table:
    """Every metric that runs which match have, with its unit, direction and meaning."""
    table = Metric.__table__.c
    columns = (table.name, table.unit, table.direction, table.family)
    runs = select(RunMetric.metric_id, func.count().label("runs"))
    if where is not None:
        runs = runs.where(to_sql(where, RunMetric.__table__))
    counted = runs.group_by(RunMetric.metric_id).subquery()
    query = select(*columns, counted.c.runs, table.description).join(
        counted, counted.c.metric_id == table.id
    )
    with store.read() as connection:
        rows = [_metric_row(row) for row in connection.execute(query)]
    rows.sort(key=lambda row: str(row[0]))
    return Table(columns=_METRIC_COLUMNS, rows=tuple(rows))


def _metric_row(row: Any) -> Row:
    """Blank text means unknown in the tables."""
    return tuple(None if cell == "" else cell for cell in row)


def database_size(store: Store) -> Table:
    """How many rows there are of everything, the size on disk and the schema's revision."""
    counted = [table for table in Base.metadata.sorted_tables if table.name != Point.__tablename__]
    query = select(*(_count_of(table).label(table.name) for table in counted))
    points = select(func.coalesce(func.sum(RunMetric.count), 0))
    with store.read() as connection:
        counts = connection.execute(query).one()._mapping
        facts = {
            "size_bytes": dialect_of(connection).size_bytes(connection),
            "schema": schema.current(connection),
        }
        rows: dict[str, Any] = {**counts, "point": int(connection.execute(points).scalar_one())}
    ordered = {name: rows[name] for name in sorted(rows)}
    return Table(columns=_SIZE_COLUMNS, rows=tuple({**ordered, **facts}.items()))


def _count_of(table: Any) -> Any:
    return select(func.count()).select_from(table).scalar_subquery()
