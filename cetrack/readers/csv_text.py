"""Comma-, semicolon- or tab-separated text as a table of logged rows."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence

import numpy as np

from cetrack.domain import Notice
from cetrack.errors import MalformedSourceError
from cetrack.readers.json_text import decoded
from cetrack.readers.rows import Rows
from cetrack.readers.source import Source

_FIRST_LINE = re.compile(r"[^\r\n]*[^\s][^\r\n]*")
_DECIMAL_COMMA = re.compile(r"^[+-]?\d+,\d+(e[+-]?\d+)?$", re.IGNORECASE)


def header(source: Source) -> list[str]:
    """The headings of the first line that is not blank; empty where it is no such table."""
    text = source.head.decode("utf-8", "replace")
    try:
        return next(([_heading(cell) for cell in cells] for _, cells in _lines(text)), [])
    except csv.Error:
        return []


def csv_rows(source: Source) -> Rows:
    """The table of a CSV file. Raises MalformedSourceError for more cells than headings."""
    text = decoded(source.read_bytes(), source.uri)
    try:
        lines = list(_lines(text))
    except csv.Error as error:
        raise MalformedSourceError(source.uri, "", f"no CSV: {error}") from error
    first = lines[0][1] if lines else []
    body = [(number, cells) for number, cells in lines[1:] if cells != first]
    notices: list[Notice] = []
    if body and not text.endswith(("\n", "\r")) and len(body[-1][1]) < len(first):
        number, _ = body.pop()
        notices.append(Notice(f"row {number}", "cut off: left out until it is whole"))
    rows = Rows(np.array([number for number, _ in body], np.int64), notices=notices)
    names = _names([_heading(cell) for cell in first], notices)
    _check_lengths(source.uri, body, len(names), notices)
    comma = _delimiter(text) == ";"
    for position, name in enumerate(names):
        column = [cells[position] if position < len(cells) else "" for _, cells in body]
        present = [row for row, cell in enumerate(column) if cell]
        if name:
            cells = [column[row] for row in present]
            rows.add(name, present, [_pointed(cell) for cell in cells] if comma else cells)
        elif present and position:  # a first column without a heading is the index of pandas
            notices.append(Notice("", f"column {position + 1} has no heading: left out"))
    return rows


def _lines(text: str) -> Iterator[tuple[int, list[str]]]:
    """(number of the line, cells without blanks around them) of every line that is not blank."""
    table = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text))
    for cells in table:
        stripped = [cell.strip() for cell in cells]
        if any(stripped):
            yield table.line_num, stripped


def _delimiter(text: str) -> str:
    first = _FIRST_LINE.search(text)
    return max(",;\t", key=first.group().count) if first else ","


def _heading(cell: str) -> str:
    return cell.lstrip("# ")


def _names(headings: Sequence[str], notices: list[Notice]) -> list[str]:
    """The headings, told apart where one stands twice."""
    names: list[str] = []
    for heading in headings:
        name, number = heading, 1
        while name and name in names:
            number += 1
            name = f"{heading}#{number}"
        if number > 1:
            notices.append(Notice("", f"second column '{heading}': kept as '{name}'"))
        names.append(name)
    return names


def _check_lengths(
    uri: str, body: Sequence[tuple[int, list[str]]], count: int, notices: list[Notice]
) -> None:
    for number, cells in body:
        if any(cells[count:]):
            problem = f"{len(cells)} cells under {count} headings"
            raise MalformedSourceError(uri, f"row {number}", problem)
    short = [number for number, cells in body if len(cells) < count]
    if short:
        text = f"{len(short)} rows have fewer cells than there are headings"
        notices.append(Notice(f"row {short[0]}", text))


def _pointed(cell: str) -> str:
    """A number with a point: where semicolons separate, a comma may be the decimal one."""
    return cell.replace(",", ".") if _DECIMAL_COMMA.match(cell) else cell
