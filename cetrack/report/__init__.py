"""Tables as values, and one formatter per way of writing them. Pure: no database, no terminal.

A use-case returns a :class:`Table` of unformatted cells. ``render`` writes it as aligned text,
JSON, CSV, Markdown, LaTeX or HTML; ``render_bytes`` as any of these or as Parquet, for a file.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum

from cetrack.errors import UsageError
from cetrack.report import csv, html, json, latex, md, parquet, text
from cetrack.report.table import Cell, Column, Kind, Section, Spread, Table


class Format(StrEnum):
    """How a result is written."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"
    MD = "md"
    LATEX = "latex"
    HTML = "html"
    PARQUET = "parquet"

    @property
    def is_for_people(self) -> bool:
        """True where numbers are rounded and ids are shortened, for reading."""
        return self in (Format.TABLE, Format.MD, Format.LATEX, Format.HTML)

    @property
    def is_binary(self) -> bool:
        """True for what a terminal cannot show."""
        return self is Format.PARQUET


_RENDERERS: Mapping[Format, Callable[[Table], str]] = {
    Format.CSV: csv.render,
    Format.HTML: html.render,
    Format.JSON: json.render,
    Format.LATEX: latex.render,
    Format.MD: md.render,
    Format.TABLE: text.render,
}
_SECTION_RENDERERS: Mapping[Format, Callable[[Sequence[Section]], str]] = {
    Format.CSV: csv.render_sections,
    Format.HTML: html.render_sections,
    Format.JSON: json.render_sections,
    Format.LATEX: latex.render_sections,
    Format.MD: md.render_sections,
    Format.TABLE: text.render_sections,
}


def render(table: Table, format: Format) -> str:
    """The table as text that ends in a newline; a table without rows still shows its columns.

    Raises UsageError for a binary format.
    """
    _require_text(format)
    return _RENDERERS[format](table)


def render_sections(sections: Sequence[Section], format: Format) -> str:
    """Several titled tables; JSON makes one object of them, CSV keeps the first that is a list.

    Raises UsageError for a binary format.
    """
    _require_text(format)
    return _SECTION_RENDERERS[format](sections)


def render_bytes(table: Table, format: Format) -> bytes:
    """The table as the content of a file, text in UTF-8."""
    if format is Format.PARQUET:
        return parquet.render(table)
    return render(table, format).encode("utf-8")


def render_sections_bytes(sections: Sequence[Section], format: Format) -> bytes:
    """Several tables as the content of a file; Parquet, as CSV, keeps the first that is a list."""
    if format is Format.PARQUET:
        return parquet.render_sections(sections)
    return render_sections(sections, format).encode("utf-8")


def _require_text(format: Format) -> None:
    if format.is_binary:
        raise UsageError(f"{format} is no text", hint="write it to a file")


__all__ = [
    "Cell",
    "Column",
    "Format",
    "Kind",
    "Section",
    "Spread",
    "Table",
    "render",
    "render_bytes",
    "render_sections",
    "render_sections_bytes",
]
