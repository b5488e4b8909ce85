"""Rows of any table as the drivers take them, past SQLAlchemy's own bulk insert.

That one builds a dictionary per row and binds each value by itself; here a value is only touched
where its column's type asks for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Table

Row = tuple[Any, ...]


def bound(
    connection: Connection, table: Table, names: Sequence[str], rows: Sequence[Row]
) -> Sequence[Row]:
    """The rows with every value as the driver stores it: times, JSON, NaN."""
    dialect = connection.dialect
    types = [table.c[name].type.dialect_impl(dialect) for name in names]
    processors = [kind.bind_processor(dialect) for kind in types]
    if not rows or not any(processors):
        return rows
    columns: list[Sequence[Any]] = list(zip(*rows, strict=True))
    for place, process in enumerate(processors):
        if process is not None:
            columns[place] = list(map(process, columns[place]))
    return list(zip(*columns, strict=True))


def column_list(table: Table, names: Sequence[str]) -> str:
    """``table (first, second, …)``, quoted; all names are ours."""
    quoted = ", ".join(f'"{name}"' for name in names)
    return f'"{table.name}" ({quoted})'
