"""Comma-, semicolon- or tab-separated text as a table of logged rows, read block by block."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import chain

import numpy as np
import orjson

from cetrack.domain import FloatArray, IntArray, Notice
from cetrack.errors import MalformedSourceError
from cetrack.readers.blocks import BLOCK_BYTES, Block, line_blocks
from cetrack.readers.columns import JSON_NUMBERS, NEGATIVE_ZERO
from cetrack.readers.gather import HELD_BYTES, Gather, gathered
from cetrack.readers.json_text import decoded
from cetrack.readers.rows import Rows
from cetrack.readers.source import Source

_FIRST_LINE = re.compile(r"[^\r\n]*[^\s][^\r\n]*")
_BLANKS = " \t\x0b\x0c\x1c\x1d\x1e\x1f"
_DECIMAL_COMMA = re.compile(r"^[+-]?\d+,\d+(e[+-]?\d+)?$", re.IGNORECASE)
# (number of the line, cells without blanks around them)
_Line = tuple[int, list[str]]


def header(source: Source) -> list[str]:
    """The headings of the first line that is not blank; empty where it is no such table."""
    text = source.head.decode("utf-8", "replace")
    lines = iter(io.StringIO(text, newline=""))
    try:
        return [_heading(cell) for cell in _first_line(lines, _delimiter(text))]
    except csv.Error:
        return []


def csv_rows(source: Source, *, block: int = BLOCK_BYTES, held: int = HELD_BYTES) -> Rows:
    """The table of a CSV file, read in blocks of so many bytes.

    Raises MalformedSourceError for more cells than headings.
    """
    return gathered(source.uri, lambda gather: _Table(source, gather).read(block), held)


class _Lines:
    """The lines of a text one after the other: a quoted cell may go on in the next block.

    ``number`` is that of the last line given.
    """

    def __init__(self, source: Source, size: int) -> None:
        self._uri = source.uri
        self._blocks = line_blocks(source, size, bare_returns=True)
        self._text = io.StringIO()
        self._length = 0
        self.number = 0

    def load(self) -> str:
        """The next block that is not blank, from its beginning; empty at the end."""
        for block in self._blocks:
            text = _decoded(block, self._uri)
            self._begin(text)
            if not text.isspace():
                return text
            self.number += sum(1 for _ in self._text)
        return ""

    def _begin(self, text: str) -> None:
        self._text, self._length = io.StringIO(text, newline=""), len(text)

    @property
    def is_in_block(self) -> bool:
        """True when a line of the block has not been given yet."""
        return self._text.tell() < self._length

    @property
    def is_ended(self) -> bool:
        """False where the last line may still be written to."""
        return self._text.getvalue().endswith(("\n", "\r"))

    def rest(self) -> str:
        """What of the block has not been given, and stays to be."""
        place = self._text.tell()
        text = self._text.read()
        self._text.seek(place)
        return text

    def skip(self, count: int) -> None:
        """Take the rest of the block, so many lines, as given."""
        self.number += count
        self._text.seek(self._length)

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        while not (line := self._text.readline()):
            self._begin(_decoded(next(self._blocks), self._uri))
        self.number += 1
        return line


class _Table:
    """One CSV file while it is read."""

    def __init__(self, source: Source, gather: Gather) -> None:
        self._source = source
        self._gather = gather
        self._first: list[str] = []
        self._names: list[str] = []
        self._delimiter = ","
        self._is_text = True  # the headings: no line of numbers is one of them again
        self._nameless: set[int] = set()
        self._short: list[int] = []  # the first of them
        self._short_count = 0
        self._cut: list[Notice] = []

    def read(self, size: int) -> list[str]:
        """Give all cells to the gathering; returns the names of the columns in their order."""
        lines = _Lines(self._source, size)
        self._delimiter = _delimiter(lines.load())
        named: list[Notice] = []
        try:
            self._first = _first_line(lines, self._delimiter)
            self._names = _names([_heading(cell) for cell in self._first], named)
            self._is_text = _matrix(self._delimiter.join(self._first), self._delimiter) is None
            while lines.is_in_block or lines.load():
                self._block(lines)
        except csv.Error as error:
            raise MalformedSourceError(self._source.uri, "", f"no CSV: {error}") from error
        self._say(named)
        return [name for name in self._names if name]

    def _block(self, lines: _Lines) -> None:
        text = lines.rest()
        bare = text.replace("\r\n", "\n").replace("\r", "\n").removesuffix("\n")
        split = bare.split("\n")
        if '"' in text or max(map(len, split)) > csv.field_size_limit():
            self._take(_quoted(lines, self._delimiter), lines)
            return
        first = lines.number + 1
        lines.skip(len(split))
        if not self._take_numbers(bare, first):
            cells = [line.split(self._delimiter) for line in split]
            if not _is_bare(bare, self._delimiter):
                cells = list(map(_stripped, cells))
            self._take(list(enumerate(cells, first)), lines)

    def _take_numbers(self, text: str, first: int) -> bool:
        """Take lines that hold nothing but numbers, the quick way; False where they do not."""
        names = self._names
        known = self._gather.takes_numbers([name for name in names if name])
        matrix = _matrix(text, self._delimiter) if known and self._is_text else None
        if matrix is None or len(matrix) != len(names):
            return False
        rows = self._gather.begin(np.arange(first, first + matrix.shape[1], dtype=np.int64))
        for position, (name, column) in enumerate(zip(names, matrix, strict=True)):
            if name:
                self._gather.take(name, rows, column)
            elif position:
                self._nameless.add(position)
        return True

    def _take(self, found: list[_Line], lines: _Lines) -> None:
        """Take the lines of a block, the last of which may be cut off at the end of the file."""
        body = [line for line in found if any(line[1]) and line[1] != self._first]
        count = len(self._names)
        at_end = bool(body) and body[-1][0] == lines.number and not lines.is_ended
        if at_end and len(body[-1][1]) < count:
            body.pop()
            self._cut.append(Notice(f"row {lines.number}", "cut off: left out until it is whole"))
        if {len(cells) for _, cells in body} - {count}:
            self._even(body)
        rows = self._gather.begin(np.array([number for number, _ in body], np.int64))
        columns = zip(*(cells for _, cells in body), strict=True)
        present: dict[bytes, IntArray] = {}
        for position, column in enumerate(columns):
            self._take_column(position, rows, column, present)

    def _even(self, body: list[_Line]) -> None:
        """Make all lines as long as the first one of the file."""
        count = len(self._names)
        for number, cells in body:
            if any(cells[count:]):
                problem = f"{len(cells)} cells under {count} headings"
                raise MalformedSourceError(self._source.uri, f"row {number}", problem)
            if len(cells) < count:
                self._short_count += 1
                self._short = self._short or [number]
                cells += [""] * (count - len(cells))
            del cells[count:]

    def _take_column(
        self, position: int, rows: IntArray, cells: Sequence[str], present: dict[bytes, IntArray]
    ) -> None:
        name = self._names[position]
        if "" in cells:
            kept = np.fromiter(map(bool, cells), bool, len(cells))
            # columns with the same gaps share their rows
            rows = present.setdefault(kept.tobytes(), rows[kept])
            cells = [cell for cell in cells if cell]
        if not cells:
            return
        if not name:
            self._nameless.add(position)
            return
        if self._delimiter == ";":
            cells = [_pointed(cell) if "," in cell else cell for cell in cells]
        self._gather.take(name, rows, cells)

    def _say(self, named: Sequence[Notice]) -> None:
        notices = self._gather.notices
        notices += [*self._cut, *named]
        if self._short:
            text = f"{self._short_count} rows have fewer cells than there are headings"
            notices.append(Notice(f"row {self._short[0]}", text))
        # a first column without a heading is the index of pandas
        for position in sorted(self._nameless - {0}):
            notices.append(Notice("", f"column {position + 1} has no heading: left out"))


def _matrix(text: str, delimiter: str) -> FloatArray | None:
    """Lines of equally many plain numbers as float64[count, lines]; None for anything else."""
    joined = text.encode("utf-8", "surrogatepass")
    if delimiter != ",":
        if b"," in joined:
            return None
        joined = joined.replace(delimiter.encode(), b",")
    if joined.translate(None, JSON_NUMBERS) or NEGATIVE_ZERO.search(joined):
        return None
    try:
        lines = orjson.loads(b"[[%b]]" % joined.replace(b"\n", b"],["))
    except orjson.JSONDecodeError:  # an empty cell, +1, .5, 1e400
        return None
    count = len(lines[0])
    if set(map(len, lines)) != {count}:
        return None
    flat = np.fromiter(chain.from_iterable(lines), np.float64, count * len(lines))
    return np.ascontiguousarray(flat.reshape(len(lines), count).T)


def _is_bare(text: str, delimiter: str) -> bool:
    """True where no blank can stand around a cell."""
    blanks = set(_BLANKS) - {delimiter}
    return text.isascii() and not any(blank in text for blank in blanks)


def _decoded(block: Block, uri: str) -> str:
    return decoded(block.content, uri, offset=block.offset)


def _first_line(lines: Iterator[str], delimiter: str) -> list[str]:
    """The cells of the first line that is not blank."""
    rows = (_stripped(cells) for cells in csv.reader(lines, delimiter=delimiter))
    return next(filter(any, rows), [])


def _quoted(lines: _Lines, delimiter: str) -> list[_Line]:
    """The lines of a block by all rules of CSV: a cell in quotes may go on in the next block."""
    table = csv.reader(lines, delimiter=delimiter)
    found = []
    while lines.is_in_block:
        cells = _stripped(next(table))
        found.append((lines.number, cells))
    return found


def _stripped(cells: list[str]) -> list[str]:
    return [cell.strip() for cell in cells]


def _delimiter(text: str) -> str:
    first = _FIRST_LINE.search(text)
    return max(",;\t", key=first.group().count) if first else ","


def _heading(cell: str) -> str:
    return cell.lstrip("# ")


def _names(headings: Sequence[str], notices: list[Notice]) -> list[str]:
    """The headings, told apart where one stands twice."""
    names: list[str] = []
    taken: set[str] = set()
    counts: Counter[str] = Counter()
    for heading in headings:
        name = heading
        while name and name in taken:
            counts[heading] += 1
            name = f"{heading}#{counts[heading] + 1}"
        if name != heading:
            notices.append(Notice("", f"second column '{heading}': kept as '{name}'"))
        taken.add(name)
        names.append(name)
    return names


def _pointed(cell: str) -> str:
    """A number with a point: where semicolons separate, a comma may be the decimal one."""
    return cell.replace(",", ".") if _DECIMAL_COMMA.match(cell) else cell
