"""``cetrack derive``: derived metrics and scores of one's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from cetrack.cli import opening, output
from cetrack.cli.options import Db, DryRun, Filter, OutputFormat
from cetrack.report import Column, Format, Kind, Table

if TYPE_CHECKING:
    from cetrack.deriving import DeriveReport

_COLUMNS = (
    Column(name="metric"),
    Column(name="version", rank=2),
    Column(name="definition", rank=1),
    Column(name="values", kind=Kind.NUMBER),
    Column(name="without_value", kind=Kind.NUMBER),
)
_NOTHING = "no metric is defined: 'cetrack derive --example' shows how; built-in ones need no step"

All = Annotated[
    bool, typer.Option("--all", help="Work out everything, not only what is missing or stale.")
]
Listed = Annotated[
    bool, typer.Option("--list", help="List derived metrics and scores, and how many are stale.")
]
Example = Annotated[
    bool, typer.Option("--example", help="Print an example of a score for cetrack.toml.")
]


def derive(
    all: All = False,
    filter: Filter = None,
    list: Listed = False,
    example: Example = False,
    dry_run: DryRun = False,
    format: OutputFormat = Format.TABLE,
    db: Db = None,
) -> None:
    """Work out the metrics and scores that cetrack.toml defines.

    An ingest does it for its own runs; this does it for all of them, after a definition was added
    or changed. Only what is missing or stale is worked out. Built-in derived metrics, such as
    speedup, are always there. See docs/derived.md.

    \b
    Examples:
      cetrack derive --example >> cetrack.toml
      cetrack derive
      cetrack derive --list
      cetrack derive --all --filter model=resnet50
      cetrack derive --dry-run --format json
    """
    from cetrack import deriving

    if example:
        output.write(deriving.example())
        return
    from cetrack import queries

    definitions = opening.settings().definitions
    with opening.open_store(db) as store:
        where = queries.parse_filter(store, filter or [])
        if list:
            output.emit(deriving.list_derived(store, definitions), format)
            return
        with output.progress("deriving") as progress:
            report = deriving.derive(
                store,
                definitions,
                where=where,
                everything=all,
                dry_run=dry_run,
                progress=progress,
            )
    output.emit(_table(report), format, empty=_NOTHING)


def _table(report: DeriveReport) -> Table:
    from cetrack.deriving import SHOWN_HASH

    rows = tuple(
        (item.metric, item.version[:SHOWN_HASH], item.change, item.values, item.none)
        for item in report.derivations
    )
    return Table(columns=_COLUMNS, rows=rows)
