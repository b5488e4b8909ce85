"""Cells as people read them: few digits, short ids, nothing that can harm a terminal."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from datetime import datetime

from cetrack.report.numbers import is_number, number_text, number_texts
from cetrack.report.table import Cell, Column, Kind

UID_LENGTH = 10
MISSING = "-"
_MIDNIGHT = " 00:00"


def visible(text: str) -> str:
    """The text with control, formatting and invisible characters written as escapes.

    A model may be called anything; what it is called must not move the cursor, change colours or
    reverse the reading direction.
    """
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in text
    )


def column_texts(column: Column, cells: Sequence[Cell], *, missing: str = MISSING) -> list[str]:
    """The cells of one column; numbers share their decimal places where that is readable."""
    missing = visible(missing)
    if column.is_numeric:
        return _number_texts(column, cells, missing)
    if column.kind is Kind.TIME:
        return _time_texts(cells, missing)
    if column.kind is Kind.UID:
        return [missing if cell is None else visible(str(cell)[:UID_LENGTH]) for cell in cells]
    return [cell_text(cell, missing) for cell in cells]


def cell_text(cell: Cell, missing: str = MISSING) -> str:
    """One cell on its own."""
    if cell is None:
        return missing
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    if is_number(cell):
        return number_text(cell)
    if isinstance(cell, datetime):
        return cell.strftime("%Y-%m-%d %H:%M")
    return visible(str(cell))


def _time_texts(cells: Sequence[Cell], missing: str) -> list[str]:
    """Minutes; days, where all that is known are days."""
    texts = [cell_text(cell, missing) for cell in cells]
    only_days = all(text.endswith(_MIDNIGHT) for text in texts if text != missing)
    return [text.removesuffix(_MIDNIGHT) for text in texts] if only_days else texts


def _number_texts(column: Column, cells: Sequence[Cell], missing: str) -> list[str]:
    numbers = [cell for cell in cells if is_number(cell)]
    written = iter(number_texts(numbers, places=column.places, alike=column.alike))
    return [next(written) if is_number(cell) else cell_text(cell, missing) for cell in cells]


def width(text: str) -> int:
    """How many terminal cells a printable text takes."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1
        for char in text
    )
