"""Tables as values, and one formatter per way of writing them. Pure: no database, no terminal.

A use-case returns a :class:`Table` of unformatted cells; ``render`` writes it as aligned text,
JSON, CSV or Markdown.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum

from cetrack.report import csv, json, md, text
from cetrack.report.table import Cell, Column, Kind, Section, Table


class Format(StrEnum):
    """How a result is written."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"
    MD = "md"


_RENDERERS: Mapping[Format, Callable[[Table], str]] = {
    Format.CSV: csv.render,
    Format.JSON: json.render,
    Format.MD: md.render,
    Format.TABLE: text.render,
}
_SECTION_RENDERERS: Mapping[Format, Callable[[Sequence[Section]], str]] = {
    Format.CSV: csv.render_sections,
    Format.JSON: json.render_sections,
    Format.MD: md.render_sections,
    Format.TABLE: text.render_sections,
}


def render(table: Table, format: Format) -> str:
    """The table as text that ends in a newline; a table without rows still shows its columns."""
    return _RENDERERS[format](table)


def render_sections(sections: Sequence[Section], format: Format) -> str:
    """Several titled tables; JSON makes one object of them, CSV keeps the first that is a list."""
    return _SECTION_RENDERERS[format](sections)


__all__ = ["Cell", "Column", "Format", "Kind", "Section", "Table", "render", "render_sections"]
