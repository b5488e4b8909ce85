"""CSV with a header row, every digit of every number, and no formulas.

A spreadsheet runs a cell that begins with ``=``, ``+``, ``-`` or ``@``: such text gets an
apostrophe in front, numbers do not.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from cetrack.report.flat import flat
from cetrack.report.json import iso
from cetrack.report.table import Scalar, Section, Table, first_table

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_NEEDS_QUOTES = frozenset(',"\r\n')
_BLANK = '""'  # a record of one blank field is not a blank line


def render(table: Table) -> str:
    """A header row and a row per row."""
    flattened = flat(table)
    lines = [_line([_guarded(name) for name in flattened.names])]
    lines += [_line([_field(cell) for cell in row]) for row in flattened.rows]
    return "".join(lines).encode("utf-8", "backslashreplace").decode("utf-8")


def render_sections(sections: Sequence[Section]) -> str:
    """CSV holds one table: the first section that is one."""
    return render(first_table(sections, "CSV"))


def _line(fields: Sequence[str]) -> str:
    """One record. The standard writer leaves a lone carriage return bare, which breaks the row."""
    joined = ",".join(_quoted(field) for field in fields)
    return f"{joined or _BLANK}\n"


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"' if _NEEDS_QUOTES & set(text) else text


def _field(cell: Scalar) -> str:
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, datetime):
        return iso(cell)
    return repr(cell) if isinstance(cell, int | float) else _guarded(cell)


def _guarded(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA) and not _is_number(text) else text


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
