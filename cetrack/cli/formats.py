"""``cetrack formats``: which files can be read, and a draft for one that cannot."""

from __future__ import annotations

from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Annotated

import typer

from cetrack.cli import opening, output
from cetrack.cli.options import OutputFormat
from cetrack.errors import UsageError
from cetrack.report import Column, Format, Section, Table

if TYPE_CHECKING:
    from cetrack.readers.base import Reader

_SUGGEST = "suggest"
_COLUMNS = (
    Column(name="reader"),
    Column(name="description"),
    Column(name="recognises", rank=2),
    Column(name="maps_to", rank=3),
    Column(name="suffixes", rank=1),
)
_PROPERTIES = (Column(name="property"), Column(name="value", fold_at=60))

Name = Annotated[
    str | None,
    typer.Argument(metavar="[NAME]", help="One format; or the word 'suggest'.", show_default=False),
]
File = Annotated[
    str | None,
    typer.Argument(
        metavar="[FILE]", help="With 'suggest': a file that is not understood.", show_default=False
    ),
]


def formats(name: Name = None, file: File = None, format: OutputFormat = Format.TABLE) -> None:
    """List the formats that can be read, or show one of them.

    Files are recognised by content, whatever their name. Formats of your own are defined in
    cetrack.toml: see docs/mappings.md. 'suggest' drafts such a definition for a file.

    \b
    Examples:
      cetrack formats
      cetrack formats benchmark
      cetrack formats --format json
      cetrack formats suggest nightly.csv >> cetrack.toml
    """
    if name == _SUGGEST:
        _suggest(file)
        return
    if file is not None:
        raise UsageError(f"unexpected argument '{file}'", hint="cetrack formats suggest FILE")
    from cetrack.readers.registry import reader_named, readers_with

    own = opening.settings().formats
    if name is not None:
        _show(reader_named(name, own), format)
        return
    rows = [
        (name, item.description, item.recognises, item.maps_to, _files(item))
        for name, item in sorted(readers_with(own).items())
    ]
    output.emit(Table(columns=_COLUMNS, rows=tuple(rows)), format)


def _files(reader: Reader) -> str:
    return " ".join((*reader.suffixes, *reader.patterns))


def _show(reader: Reader, format: Format) -> None:
    """One format, with its example."""
    from cetrack.readers.registry import section_markdown

    if format is Format.MD:
        output.write(section_markdown(reader))
        return
    rows = [
        ("reader", reader.name),
        ("reads", reader.description),
        ("recognises", reader.recognises),
        ("makes", reader.maps_to),
        ("files", _files(reader)),
        ("read_with", " ".join(reader.companions) or None),
    ]
    if format is not Format.TABLE:
        rows.append(("example", reader.example or None))
    table = Table(columns=_PROPERTIES, rows=tuple(rows))
    output.emit_sections([Section(key="", title="", table=table, is_mapping=True)], format)
    if format is Format.TABLE and reader.example:
        output.write(f"\n{reader.example}")


def _suggest(file: str | None) -> None:
    """The draft on stdout, what to do with it on stderr."""
    from cetrack.readers.drafts import draft
    from cetrack.readers.source import Source

    if file is None:
        raise UsageError("'suggest' needs a file", hint="cetrack formats suggest FILE")
    path = Path(file)
    if not path.is_file():
        raise UsageError(f"no such file: {file}")
    output.write(draft(Source(file, path=path, inner=PurePath(path.name))).toml())
    output.say("put this into cetrack.toml, correct it, and look at: cetrack ingest --dry-run")
