"""``cetrack sql``: any question, in SQL."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any

import typer

from cetrack.cli import opening, output
from cetrack.cli.options import Db, OutputFormat
from cetrack.report import Cell, Column, Format, Kind, Table


def sql(
    query: Annotated[
        str, typer.Argument(metavar="QUERY", help="One SELECT statement; - reads it from stdin.")
    ],
    timeout: Annotated[
        float, typer.Option("--timeout", min=0.001, metavar="SECONDS", help="Stop after this long.")
    ] = 30.0,
    format: OutputFormat = Format.TABLE,
    db: Db = None,
) -> None:
    """Run one reading SQL statement on the database.

    The views runs, measurements, comparisons, history and derived_values are made for this;
    docs/sql.md has queries to start from. The connection cannot write.

    \b
    Examples:
      cetrack sql "SELECT model, precision, value FROM measurements WHERE metric = 'accuracy'"
      cetrack sql - --format csv < query.sql > table.csv
    """
    from cetrack.db.engine import raw_rows

    text = sys.stdin.read() if query == "-" else query
    with opening.open_store(db) as store:
        names, rows = raw_rows(store.engine, text, timeout_s=timeout)
    output.emit(result_table(names, rows), format, empty="no rows")


def result_table(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> Table:
    """What a driver gave as a table; a name that occurs twice is numbered."""
    cells = tuple(tuple(map(_cell, row)) for row in rows)
    columns = [
        Column(name=name, kind=_kind([row[index] for row in cells]))
        for index, name in enumerate(_unique(names))
    ]
    return Table(columns=tuple(columns), rows=cells)


def _unique(names: Sequence[str]) -> list[str]:
    taken: list[str] = []
    for name in names:
        number, candidate = 1, name
        while candidate in taken:
            number += 1
            candidate = f"{name}_{number}"
        taken.append(candidate)
    return taken


def _kind(cells: Sequence[Cell]) -> Kind:
    known = [cell for cell in cells if cell is not None]
    if known and all(isinstance(cell, int | float) and cell is not True for cell in known):
        return Kind.NUMBER
    return Kind.TIME if known and all(isinstance(cell, datetime) for cell in known) else Kind.TEXT


def _cell(value: Any) -> Cell:
    """A driver's value as one of the few types that tables have."""
    if value is None or isinstance(value, str | int | float | datetime):
        return value
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, bytes | memoryview):
        return bytes(value).hex()
    if isinstance(value, list | dict):
        return json.dumps(value, default=str)
    return str(value)
