"""Cells as people read them: few digits, short ids, nothing that can harm a terminal."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Sequence
from datetime import datetime

from cetrack.report.table import Cell, Column, Kind

DIGITS = 5  # significant digits of a number on its own
UID_LENGTH = 10
MISSING = "-"
_MOST_DIGITS = 8  # of the largest number, when a column shares its decimal places
_FEWEST_DIGITS = 3  # of the smallest one
_MIDNIGHT = " 00:00"
_SMALL, _LARGE = 1e-4, 1e15


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
    if column.is_numeric and column.alike:
        return _number_texts(cells, missing)
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
    if isinstance(cell, float):
        return short_number(cell)
    if isinstance(cell, datetime):
        return cell.strftime("%Y-%m-%d %H:%M")
    return visible(str(cell))


def short_number(value: float) -> str:
    """About five significant digits: 0.87654, 12.346, 1.2e-05; whole numbers in full."""
    if not math.isfinite(value):
        return str(value)
    if value == 0:
        return "0"
    if not _SMALL <= abs(value) < _LARGE:
        mantissa, _, exponent = f"{value:.{DIGITS - 1}e}".partition("e")
        return f"{_trimmed(mantissa)}e{exponent}"
    return _trimmed(f"{value:.{_places(value)}f}")


def _places(value: float) -> int:
    return max(0, DIGITS - 1 - math.floor(math.log10(abs(value))))


def _trimmed(text: str) -> str:
    return text.rstrip("0").rstrip(".") if "." in text else text


def _time_texts(cells: Sequence[Cell], missing: str) -> list[str]:
    """Minutes; days, where all that is known are days."""
    texts = [cell_text(cell, missing) for cell in cells]
    only_days = all(text.endswith(_MIDNIGHT) for text in texts if text != missing)
    return [text.removesuffix(_MIDNIGHT) for text in texts] if only_days else texts


def _number_texts(cells: Sequence[Cell], missing: str) -> list[str]:
    places = _common_places([cell for cell in cells if isinstance(cell, float)])
    return [
        f"{cell:.{places}f}"
        if places is not None and isinstance(cell, float) and math.isfinite(cell)
        else cell_text(cell, missing)
        for cell in cells
    ]


def _common_places(values: Sequence[float]) -> int | None:
    """The decimal places that all ``values`` are readable with; None when there are none such."""
    numbers = [abs(value) for value in values if math.isfinite(value) and value != 0]
    if not numbers or min(numbers) < _SMALL or max(numbers) >= _LARGE:
        return None
    wanted = max(len(short_number(value).partition(".")[2]) for value in numbers)
    room = _MOST_DIGITS - max(1, math.floor(math.log10(max(numbers))) + 1)
    places = min(wanted, max(0, room))
    needed = _FEWEST_DIGITS - 1 - math.floor(math.log10(min(numbers)))
    return places if places >= min(wanted, needed) else None


def width(text: str) -> int:
    """How many terminal cells a printable text takes."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1
        for char in text
    )
