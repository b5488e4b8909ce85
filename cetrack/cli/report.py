"""``cetrack report``: a table that was saved under a name, in settings or in a frozen file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cetrack.cli import opening, output
from cetrack.cli.files import FormatOrSuffix, Output
from cetrack.cli.options import Db
from cetrack.cli.stale import open_answering
from cetrack.cli.table_options import deliver
from cetrack.errors import UsageError
from cetrack.report import Column, Format, Table
from cetrack.table_request import TableRequest, as_command

_LONGEST = 2**30  # bytes of a frozen table


def report(
    name: Annotated[
        str | None,
        typer.Argument(metavar="NAME", help="A report of cetrack.toml; none lists them."),
    ] = None,
    frozen: Annotated[
        Path | None,
        typer.Option(
            "--from",
            metavar="FILE",
            help="Make the table of a file that 'cetrack freeze' wrote; no database is needed.",
            show_default=False,
        ),
    ] = None,
    format: FormatOrSuffix = None,
    output_file: Output = None,
    db: Db = None,
) -> None:
    """Make a table that was saved as a report, or list the reports.

    \b
    Examples:
      cetrack report
      cetrack report paper --format md
      cetrack report paper --output paper.tex
      cetrack report --from paper.cetrack.json --output paper.tex
    """
    if frozen is not None:
        deliver(_thawed(frozen, name), format, output_file)
        return
    reports = opening.settings().reports
    if name is None:
        output.emit(_listed(reports), format or Format.TABLE, empty=_NONE)
        return
    request = saved(name, reports)
    from cetrack import tables

    with open_answering(db) as store:
        made = tables.paper_table(store, request)
    deliver(made, format, output_file)


_NONE = "no reports in cetrack.toml; 'cetrack table … --save NAME >> cetrack.toml' adds one"


def saved(name: str, reports: tuple[TableRequest, ...]) -> TableRequest:
    """The report of a name. Raises UsageError with the nearest names."""
    from cetrack.report.table import unknown_name

    for request in reports:
        if request.name == name:
            return request
    raise unknown_name("report", name, [request.name for request in reports], all_of=_NONE)


def _listed(reports: tuple[TableRequest, ...]) -> Table:
    from dataclasses import replace

    rows = [
        (request.name, request.caption or None, as_command(replace(request, name="")))
        for request in reports
    ]
    columns = (Column(name="report"), Column(name="caption"), Column(name="same_as", fold_at=200))
    return Table(columns=columns, rows=tuple(rows))


def _thawed(path: Path, name: str | None) -> Table:
    from cetrack.report.frozen import thaw

    try:
        if path.stat().st_size > _LONGEST:
            raise UsageError(f"{path}: too large for a frozen table")
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise UsageError(f"{path}: not a frozen table", hint="cetrack freeze writes one") from None
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from error
    return thaw(text, str(path), name=name)
