"""Rows of the views as columns and tuples: what data frames are made of."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Integer, Table, Text, select

from cetrack.db.types import UtcDateTime
from cetrack.filter import Expr
from cetrack.filter.sql import to_sql
from cetrack.metrics import canonical_name
from cetrack.models import views
from cetrack.queries.columns import bytewise
from cetrack.store import Store


def view_rows(
    store: Store, view: str, where: Expr | None = None, *, metric: str | None = None
) -> tuple[list[str], list[tuple[Any, ...]]]:
    """The columns and rows of a view for the runs that match, by start time, uid and metric.

    ``history`` keeps the numbering of the whole series: a filter leaves runs out, it does not
    renumber them.
    """
    source = views.tables[view]
    query = select(source)
    if where is not None:
        query = query.where(to_sql(where, source))
    if metric is not None:
        query = query.where(source.c.metric.in_({metric, canonical_name(metric)}))
    with store.read() as connection:
        rows = connection.execute(query.order_by(*_order(source))).all()
    return [column.name for column in source.columns], [tuple(row) for row in rows]


def view_dtypes(view: str) -> dict[str, str]:
    """The pandas type of every column of a view that is not text: blanks do not change it."""
    return {
        column.name: _dtype(column.type)
        for column in views.tables[view].columns
        if not isinstance(column.type, Text)
    }


def _dtype(kind: Any) -> str:
    if isinstance(kind, UtcDateTime):
        return "datetime64[us, UTC]"
    return "Int64" if isinstance(kind, BigInteger | Integer) else "float64"


def _order(source: Table) -> list[Any]:
    names = [name for name in ("uid", "metric") if name in source.c]
    return [source.c.started_at, *(bytewise(source.c[name]) for name in names)]
