"""Aligned plain text: every column as wide as its widest cell, nothing cut, no colours."""

from __future__ import annotations

from collections.abc import Sequence

from cetrack.report.cells import MISSING, column_texts, visible, width
from cetrack.report.table import Section, Table

GAP = "  "


def render(table: Table) -> str:
    """A line of headers and a line per row; notes below."""
    lines = _aligned(table, [[visible(column.header)] for column in table.columns])
    caption = f"{visible(table.caption)}\n\n" if table.caption else ""
    notes = "".join(f"{visible(note)}\n" for note in table.notes)
    return f"{caption}{lines}\n{notes}" if notes else f"{caption}{lines}"


def render_sections(sections: Sequence[Section]) -> str:
    """Each table under its title; a mapping without headers."""
    parts = (f"{visible(section.title)}\n{_indented(_body(section))}" for section in sections)
    return "\n".join(parts)


def _body(section: Section) -> str:
    table = section.table
    return _aligned(table, [[] for _ in table.columns]) if section.is_mapping else render(table)


def _aligned(table: Table, headers: Sequence[list[str]]) -> str:
    columns = [
        headers[index] + column_texts(column, table.cells(index), missing=table.missing or MISSING)
        for index, column in enumerate(table.columns)
    ]
    padded = [
        _padded(texts, right=column.is_numeric)
        for column, texts in zip(table.columns, columns, strict=True)
    ]
    return "".join(f"{GAP.join(cells).rstrip()}\n" for cells in zip(*padded, strict=True))


def _indented(text: str) -> str:
    return "".join(f"  {line}".rstrip() + "\n" for line in text.splitlines())


def _padded(texts: Sequence[str], *, right: bool) -> list[str]:
    most = max(map(width, texts), default=0)
    blanks = [" " * (most - width(text)) for text in texts]
    if right:
        return [blank + text for blank, text in zip(blanks, texts, strict=True)]
    return [text + blank for blank, text in zip(blanks, texts, strict=True)]
