"""The filter language: one for the command line, Python, reports, the exporter and the server.

::

    expr = parse("category=vision and precision in (int8, fp16) and accuracy >= 0.9")
    select(runs_view.c.uid).where(to_sql(expr))       # in a database
    matches(expr, FilterRun(fields={…}, metrics={…}))  # in Python

Text becomes a tree, once; the tree becomes SQL or answers for a run in Python, and both give the
same answer. Everything but ``to_sql`` works without a database.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cetrack.filter.format import format_filter
from cetrack.filter.match import FilterRun, MetricValues, ParamCell, matches
from cetrack.filter.parse import parse, parse_all
from cetrack.filter.tree import Expr

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, FromClause

__all__ = [
    "Expr",
    "FilterRun",
    "MetricValues",
    "ParamCell",
    "format_filter",
    "matches",
    "parse",
    "parse_all",
    "to_sql",
]


def to_sql(expr: Expr, runs: FromClause | None = None) -> ColumnElement[bool]:
    """See :func:`cetrack.filter.sql.to_sql`; ``runs`` is the view unless an alias is given."""
    from cetrack.filter import sql  # keeps SQLAlchemy out of what only reads filters

    return sql.to_sql(expr) if runs is None else sql.to_sql(expr, runs)
