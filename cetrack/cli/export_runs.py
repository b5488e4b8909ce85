"""``cetrack export-runs``: runs in cetrack's own format."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from cetrack.cli import opening, output
from cetrack.cli.options import Db, Filter
from cetrack.errors import OutputError


def export_runs(
    filter: Filter = None,
    target: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Write here, not to stdout."),
    ] = None,
    db: Db = None,
) -> None:
    """Write runs with all their points as JSON lines.

    'cetrack ingest' reads them back without loss, into any database.

    \b
    Examples:
      cetrack export-runs > everything.jsonl
      cetrack export-runs --filter experiment=paper --output paper.jsonl
      cetrack export-runs | cetrack ingest - --db postgresql://lab@server/results
    """
    from cetrack import queries, runs_format

    with opening.open_store(db) as store:
        where = queries.parse_filter(store, filter or [])
        items = runs_format.export_runs(store, where)
        if target is None:
            for line in _lines(items):
                output.write(line)
        else:
            output.say(f"{_write_file(target, _lines(items))} runs in {target}")


def _lines(items: Iterator[Mapping[str, Any]]) -> Iterator[str]:
    from cetrack.runs_format import as_line

    return (f"{as_line(item)}\n" for item in items)


def _write_file(target: Path, lines: Iterator[str]) -> int:
    """The file appears whole, by rename, or not at all; returns the number of lines."""
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    count = 0
    try:
        with part.open("w", encoding="utf-8", newline="\n") as file:
            for line in lines:
                file.write(line)
                count += 1
        part.replace(target)
    except OSError as error:
        raise OutputError(f"{target}: {error.strerror}") from error
    finally:
        part.unlink(missing_ok=True)
    return count
