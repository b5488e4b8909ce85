"""``cetrack show``: everything about one run."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import typer

from cetrack.cli import opening, output
from cetrack.cli.options import Db, OutputFormat
from cetrack.report import Cell, Format, Section
from cetrack.report.table import without_blank_columns

_FOR_PROGRAMS = frozenset({"uid", "series_key", "like_key"})
_STATISTICS = frozenset({"min", "max", "mean", "std", "n", "count", "last_step"})


def show(
    run: Annotated[str, typer.Argument(metavar="RUN", help="The run's uid, or how it begins.")],
    format: OutputFormat = Format.TABLE,
    db: Db = None,
) -> None:
    """Show everything about one run.

    Its fields, its metrics with their spread, how it compares with its baseline, parameters,
    tags, artifacts, and the files that it was met in. CSV and Parquet hold the metrics.

    \b
    Examples:
      cetrack show 3f2a91c0
      cetrack show 3f2a91c0 --format json
    """
    from cetrack import queries

    with opening.open_store(db) as store:
        sections = queries.show_run(store, run)
    readable = map(_readable, sections) if format.is_for_people else sections
    output.emit_sections(list(readable), format)


def _readable(section: Section) -> Section:
    """Without what only programs want: keys of the fields, statistics of a single number."""
    table = section.table
    if section.key == "metrics":
        rows = tuple(_plain(dict(zip(table.names, row, strict=True))) for row in table.rows)
        table = without_blank_columns(replace(table, rows=rows))
    elif not section.key:
        table = replace(table, rows=tuple(row for row in table.rows if row[0] not in _FOR_PROGRAMS))
    return replace(section, table=table)


def _plain(row: dict[str, Cell]) -> tuple[Cell, ...]:
    single = row["count"] == 1 and row["n"] in (None, 1)
    return tuple(None if single and name in _STATISTICS else cell for name, cell in row.items())
