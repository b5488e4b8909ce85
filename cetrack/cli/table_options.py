"""What can be said of a table for papers: the options that its commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from cetrack.cli import files, output
from cetrack.errors import UsageError
from cetrack.mappings import MappingError
from cetrack.report import Format, Table, render_bytes
from cetrack.table_request import Best, Order, TableRequest, parse_request, require_name


def _words(flag: str, metavar: str, help: str) -> Any:
    return typer.Option(flag, metavar=metavar, help=help, show_default=False)


Rows = Annotated[
    list[str] | None,
    _words("--rows", "FIELDS", "Fields of a run that make a row, by commas; the model."),
]
ColumnFields = Annotated[
    list[str] | None,
    _words("--columns", "FIELDS", "Fields that make the columns of a metric; the precision."),
]
Baseline = Annotated[
    str | None,
    _words("--baseline", "PRECISION", "Also show the change against this precision, e.g. fp32."),
]
Shown = Annotated[
    list[str] | None,
    _words("--show", "WORDS", "Of each metric: value, delta, delta_pct, ratio; by commas."),
]
BestIn = Annotated[Best, typer.Option("--best", help="Mark the best of each row, or column.")]
OrderBy = Annotated[Order, typer.Option("--order", help="What the columns are grouped by.")]
Digits = Annotated[
    list[str] | None,
    _words("--digits", "METRIC=N", "Decimals of a metric, e.g. accuracy=3; several by commas."),
]
Missing = Annotated[
    str | None, _words("--missing", "TEXT", "What people see where there is no value.")
]
Caption = Annotated[str | None, _words("--caption", "TEXT", "The title of the table.")]
AllowMixed = Annotated[
    bool,
    typer.Option(
        "--allow-mixed", help="Make means over different series, and compare what is not alike."
    ),
]

Save = Annotated[
    str | None,
    _words("--save", "NAME", "Print what makes this a report in cetrack.toml, not the table."),
]


def request_of(**words: Any) -> TableRequest:
    """The request of a command line; options that were not given are None.

    Raises UsageError for words that make no sense.
    """
    try:
        return parse_request({key: value for key, value in words.items() if value is not None})
    except MappingError as error:
        flag = f"--{error.key.replace('_', '-')}"
        raise UsageError(f"{flag}: {error.problem}", hint=error.hint) from None


def named(name: str) -> str:
    """A name that a report can have. Raises UsageError for any other."""
    try:
        require_name(name)
    except MappingError as error:
        raise UsageError(error.problem, hint=error.hint) from None
    return name


def deliver(table: Table, format: Format | None, target: Path | None) -> None:
    """Write a table to stdout, or to a file."""
    chosen = files.chosen_format(format, target)
    if target is None:
        output.emit(table, chosen)
    else:
        files.write_whole(target, render_bytes(table, chosen))
        count = len(table.rows)
        output.say(f"{count} row{'' if count == 1 else 's'} in {target}")
