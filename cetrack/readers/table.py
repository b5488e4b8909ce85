"""A CSV file as entries: one mapping of heading to text per row, blank cells left out.

For tables in which every row is a run; a table of logged rows is read by ``csv_text``.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence

from cetrack.domain import Notice
from cetrack.errors import MalformedSourceError
from cetrack.readers.json_text import decoded
from cetrack.readers.source import Source


def entries(source: Source, notices: list[Notice]) -> Iterator[tuple[int, dict[str, str]]]:
    """(line number, cells by heading) of every row that holds something.

    A last row that is cut off is left out, with a notice. Raises MalformedSourceError for more
    cells than headings.
    """
    text = decoded(source.read_bytes(), source.uri)
    lines = csv.reader(io.StringIO(text, newline=""))
    whole = text.endswith(("\n", "\r"))
    names: list[str] = []
    held: tuple[int, list[str]] | None = None
    try:
        for cells in lines:
            row = [cell.strip() for cell in cells]
            if not any(row):
                continue
            if not names:
                names = row
                continue
            if held is not None:
                yield held[0], _entry(source, names, *held)
            held = (lines.line_num, row) if row != names else None
    except csv.Error as error:
        place = f"row {lines.line_num}"
        raise MalformedSourceError(source.uri, place, f"no CSV: {error}") from error
    if held is not None and (whole or len(held[1]) >= len(names)):
        yield held[0], _entry(source, names, *held)
    elif held is not None:
        notices.append(Notice(f"row {held[0]}", "cut off: left out until it is whole"))


def _entry(
    source: Source, names: Sequence[str], number: int, cells: Sequence[str]
) -> dict[str, str]:
    if any(cells[len(names) :]):
        problem = f"{len(cells)} cells under {len(names)} headings"
        raise MalformedSourceError(source.uri, f"row {number}", problem)
    found: dict[str, str] = {}
    for name, cell in zip(names, cells, strict=False):
        if name and cell:
            found.setdefault(name, cell)
    return found
