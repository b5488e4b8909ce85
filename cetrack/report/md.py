"""A Markdown table: readable as it stands, and safe to paste into a page."""

from __future__ import annotations

import re
from collections.abc import Sequence

from cetrack.report.cells import column_texts, visible, width
from cetrack.report.html import comment
from cetrack.report.table import Section, Table

_MISSING = "–"
_ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"} | {char: f"\\{char}" for char in "\\|`*[]~$"}
_SPECIAL = re.compile("|".join(re.escape(char) for char in _ESCAPES))
_EDGE_UNDERSCORE = re.compile(r"(?<![^\W_])_|_(?![^\W_])")  # inside a word it is harmless


def render(table: Table) -> str:
    """A header, a rule that aligns numbers at the right, a line per row; notes below."""
    columns = [_column(table, index) for index in range(len(table.columns))]
    lines = "".join(f"| {' | '.join(cells)} |\n" for cells in zip(*columns, strict=True))
    notes = "".join(f"\n{escaped(note)}\n" for note in table.notes)
    provenance = comment(table.provenance)
    caption = f"**{escaped(table.caption)}**\n\n" if table.caption else ""
    return caption + lines + notes + (f"\n{provenance}" if provenance else "")


def render_sections(sections: Sequence[Section]) -> str:
    """Each table under a heading."""
    return "\n".join(_heading(section.title) + render(section.table) for section in sections)


def _heading(title: str) -> str:
    return f"### {escaped(title)}\n\n" if title else ""


def escaped(text: str) -> str:
    """Text without any meaning to Markdown or HTML."""
    plain = _SPECIAL.sub(lambda match: _ESCAPES[match.group()], visible(text))
    return _EDGE_UNDERSCORE.sub(r"\\_", plain)


def _column(table: Table, index: int) -> list[str]:
    column = table.columns[index]
    texts = column_texts(column, table.cells(index), missing=table.missing or _MISSING)
    cells = [
        f"**{escaped(text)}**" if (row, index) in table.best else escaped(text)
        for row, text in enumerate(texts)
    ]
    head = escaped(column.header)
    most = max(3, *map(width, [head, *cells]))
    rule = "-" * (most - 1) + ":" if column.is_numeric else "-" * most
    head, *rest = [_padded(cell, most, right=column.is_numeric) for cell in [head, *cells]]
    return [head, rule, *rest]


def _padded(text: str, most: int, *, right: bool) -> str:
    blank = " " * (most - width(text))
    return blank + text if right else text + blank
