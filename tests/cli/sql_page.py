"""The queries of docs/sql.md by their titles, and what they answer."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from cetrack.cli.sql import result_table
from cetrack.db.engine import raw_rows
from cetrack.store import Store

PAGE = Path(__file__).parents[2] / "docs" / "sql.md"
QUERIES = dict(
    re.findall(
        r"^## ([^\n]+)\n(?:(?!^## ).)*?^```sql\n(.*?)^```$",
        PAGE.read_text(encoding="utf-8"),
        re.MULTILINE | re.DOTALL,
    )
)


def rows_of(store: Store, title: str) -> list[dict[str, Any]]:
    """What ``cetrack sql`` shows for the query below a title."""
    names, rows = raw_rows(store.engine, QUERIES[title], timeout_s=30)
    table = result_table(names, rows)
    return [dict(zip(table.names, row, strict=True)) for row in table.rows]


def columns(rows: Sequence[dict[str, Any]], *names: str) -> list[tuple[Any, ...]]:
    """Some cells of every row."""
    return [tuple(row[name] for name in names) for row in rows]


def about(*row: Any) -> tuple[Any, ...]:
    """A row to compare with, but for errors of rounding."""
    return tuple(pytest.approx(cell) if isinstance(cell, float) else cell for cell in row)
