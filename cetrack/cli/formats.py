"""``cetrack formats``: which files can be read."""

from __future__ import annotations

from cetrack.cli import output
from cetrack.cli.options import OutputFormat
from cetrack.report import Column, Format, Table

_COLUMNS = (
    Column(name="reader"),
    Column(name="description"),
    Column(name="recognises", rank=2),
    Column(name="maps_to", rank=3),
    Column(name="suffixes", rank=1),
)


def formats(format: OutputFormat = Format.TABLE) -> None:
    """List the formats that can be read.

    Files are recognised by content, whatever their name.

    \b
    Examples:
      cetrack formats
      cetrack formats --format json
    """
    from cetrack.readers.registry import readers

    rows = [
        (name, item.description, item.recognises, item.maps_to, " ".join(item.suffixes))
        for name, item in sorted(readers().items())
    ]
    output.emit(Table(columns=_COLUMNS, rows=tuple(rows)), format)
