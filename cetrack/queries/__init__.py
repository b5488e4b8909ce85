"""Lists of what is stored: runs, one run, models, metrics, and how much there is of everything.

Use-cases: filters, sort keys and column names in, unformatted tables out. Each takes a constant
number of SQL statements and reads aggregates, never points.
"""

from __future__ import annotations

from cetrack.queries.columns import parse_filter
from cetrack.queries.lists import database_size, list_metrics, list_models
from cetrack.queries.runs import Detail, list_runs
from cetrack.queries.show import find_uid, show_run
from cetrack.queries.views import view_dtypes, view_rows

__all__ = [
    "Detail",
    "database_size",
    "find_uid",
    "list_metrics",
    "list_models",
    "list_runs",
    "parse_filter",
    "show_run",
    "view_dtypes",
    "view_rows",
]
