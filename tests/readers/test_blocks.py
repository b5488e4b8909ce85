"""A table read block by block is the table read at once, whatever stands where a block ends."""

from __future__ import annotations

import csv
import io
import itertools
import json
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cetrack.errors import MalformedSourceError
from cetrack.readers.blocks import line_blocks
from cetrack.readers.csv_text import csv_rows
from cetrack.readers.epochs import line_rows
from cetrack.readers.histories import flat
from cetrack.readers.lines import json_lines
from cetrack.readers.numbers import is_missing, number_in_text
from cetrack.readers.rows import Rows, groups
from cetrack.readers.source import MAX_LINE_BYTES
from cetrack.readers.times import parse_time
from tests.readers.reading import said, source

# what a table is, comparable: a column is its rows, its cells bit by bit, and its unit
Table = dict[str, Any]

NUMBERS = st.one_of(
    st.integers(-3, 3).map(str),
    st.floats(allow_nan=False).map(repr),
    st.sampled_from(
        [
            "-0", "-0.0", "0", "+1", ".5", "5.", "1e5", "1E-5", "1e400", "-1e400", "1e-400",
            "nan", "NaN", "-inf", "Infinity", "01", "007", "12345678901234567890123", "1" * 70,
            "0.1000000000000000055511151231257827", "١٢", "4.9e-324", "-0e5",
        ]
    ),
)  # fmt: skip
ODD = st.sampled_from(
    [
        "", " ", "n/a", "--", "1_000", "91 %", "3 ms", "4 s", "7B", "0,5", "1,5e3", "0x10", "true",
        "null", "[1]", "{}", "word", "two words", "fp32", "int8", "train", "val", "a\xa0b", "\xa0",
        '"', "é", "2026-01-31T09:00:00Z", "1769850000", "1769850000.25",
    ]
)  # fmt: skip
NAMES = st.sampled_from(
    ["epoch", "step", "loss", "acc", "time", "date", "seed", "fold", "model", "precision", "phase",
     "note", "", "1", "2.5", "# x"]
)  # fmt: skip
PADDED = st.tuples(st.sampled_from(["", "", " ", "\t"]), st.one_of(NUMBERS, NUMBERS, ODD)).map(
    "".join
)


def comparable(rows: Rows) -> Table:
    """Everything that a table holds."""
    columns = {
        name: (
            item.rows.tolist(),
            item.cells.view(np.uint64).tolist() if item.is_number else item.cells.tolist(),
            item.unit,
        )
        for name, item in {**rows.columns, **{f"@{n}": w for n, w in rows.walls.items()}}.items()
    }
    return {
        "lines": rows.lines.tolist(),
        "columns": columns,
        "order": list(columns),
        "notices": [said(notice) for notice in rows.notices],
    }


# --- the reference: all at once, cell by cell ------------------------------------------------


def number(cell: Any) -> tuple[float, str] | None:
    if isinstance(cell, bool) or not isinstance(cell, (str, int, float)):
        return None
    if isinstance(cell, str):
        found = number_in_text(cell)
        if found is not None or "_" in cell:
            return found
    try:
        return float(cell), ""
    except OverflowError:
        return (math.inf if cell > 0 else -math.inf), ""
    except ValueError:
        return None


def add(table: Table, name: str, rows: Sequence[int], cells: Sequence[Any]) -> None:
    """Decide what a column is from all of its cells."""
    lowered = name.lower()
    if lowered in ("time", "date"):
        times = [parse_time(cell) for cell in cells]
        if None not in times:
            seconds = np.array([time.timestamp() for time in times])
            table["walls"][f"@{name}"] = (list(rows), seconds.view(np.uint64).tolist(), None)
            return
    if lowered in ("seed", "fold", "model", "precision"):
        texts = [label(cell, lowered) for cell in cells]
        formats = lowered != "precision" or all(
            number_in_text(text) is None or text in ("fp32", "int8") for text in texts
        )
        if formats and all(isinstance(cell, (str, int, float)) for cell in cells):
            table["columns"][name] = (list(rows), texts, None)
            return
    numbers = [number(cell) for cell in cells]
    units = {item[1] for item in numbers if item}
    good = [row for row, item in zip(rows, numbers, strict=True) if item]
    bad = [row for row, item in zip(rows, numbers, strict=True) if not item]
    text = [cell for cell in cells if isinstance(cell, (str, bool))]
    missing = [cell for cell in text if isinstance(cell, str) and is_missing(cell)]
    problem = None
    if len(units) == 1 and len(good) * 2 >= len(cells) - len(missing):
        values = np.array([item[0] for item in numbers if item], np.float64)
        table["columns"][name] = (good, values.view(np.uint64).tolist(), units.pop() or None)
        problem = f"{len(bad)} cells are no numbers: left out" if bad else None
    elif len(missing) == len(cells):
        problem = "no number in it: left out"
    elif len(text) < len(cells):
        problem = "neither numbers nor text: left out"
    else:
        table["columns"][name] = (list(rows), [written(cell) for cell in cells], None)
    if problem:
        first = table["lines"][bad[0] if bad else 0]
        table["notices"].append(f"row {first}: '{name}': {problem}")


def written(cell: Any) -> str:
    return str(cell).lower() if isinstance(cell, bool) else str(cell)


def label(cell: Any, name: str) -> str:
    found = number(cell)
    counted = name in ("seed", "fold") and not isinstance(cell, int)
    if counted and found and not found[1] and found[0].is_integer() and abs(found[0]) < 2**53:
        return str(int(found[0]))
    return written(cell)


def begun(lines: Sequence[int]) -> Table:
    return {"lines": list(lines), "columns": {}, "walls": {}, "notices": []}


def finished(table: Table) -> Table:
    columns = {**table["columns"], **table.pop("walls")}
    return {**table, "columns": columns, "order": list(columns)}


def csv_reference(text: str, delimiter: str) -> Table | str:
    """The table of a CSV text, or what is wrong with it."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    lines = [(reader.line_num, [cell.strip() for cell in cells]) for cells in reader]
    last = lines[-1][0] if lines else 0
    lines = [line for line in lines if any(line[1])]
    first = lines[0][1] if lines else []
    body = [line for line in lines[1:] if line[1] != first]
    notices = []
    unended = not text.endswith(("\n", "\r"))
    if body and unended and body[-1][0] == last and len(body[-1][1]) < len(first):
        body.pop()
        notices.append(f"row {last}: cut off: left out until it is whole")
    names: list[str] = []
    for heading in (cell.lstrip("# ") for cell in first):
        numbered = (heading if n == 1 else f"{heading}#{n}" for n in itertools.count(1))
        name = next(name for name in numbered if not name or name not in names)
        if name != heading:
            notices.append(f": second column '{heading}': kept as '{name}'")
        names.append(name)
    for line, cells in body:
        if any(cells[len(names) :]):
            return f"row {line}: {len(cells)} cells under {len(names)} headings"
    short = [line for line, cells in body if len(cells) < len(names)]
    if short:
        text = f"row {short[0]}: {len(short)} rows have fewer cells than there are headings"
        notices.append(text)
    table = begun([line for line, _ in body])
    table["notices"] = notices
    columns = list(zip(*((c + [""] * len(names))[: len(names)] for _, c in body), strict=True))
    for position, (name, column) in enumerate(zip(names, columns, strict=False)):
        if any(column) and position and not name:
            notices.append(f": column {position + 1} has no heading: left out")
    for name, column in zip(names, columns, strict=False):
        present = [row for row, cell in enumerate(column) if cell]
        cells = [column[row] for row in present]
        if delimiter == ";":
            decimal = [cell.replace(",", ".", 1) for cell in cells]
            plain = [item.replace(".", "", 1).lstrip("+-") for item in decimal]
            plain = [item.replace("e", "", 1) for item in plain]
            cells = [
                new if "," in old and digits.isdigit() else old
                for old, new, digits in zip(cells, decimal, plain, strict=True)
            ]
        if name and cells:
            add(table, name, present, cells)
    return finished(table)


def read_csv(text: str, block: int, held: int = 2**25) -> Table | str:
    try:
        return comparable(csv_rows(source(text, "log.csv"), block=block, held=held))
    except MalformedSourceError as error:
        return str(error).removeprefix("log.csv: ")


# --- CSV -------------------------------------------------------------------------------------


def quoted(cell: str, delimiter: str, always: bool) -> str:
    if always or any(mark in cell for mark in f'"{delimiter}\r\n'):
        return '"' + cell.replace('"', '""') + '"'
    return cell


@st.composite
def tables(draw: st.DrawFn) -> tuple[str, str]:
    """(text, delimiter): mostly numbers, and whatever people put between them."""
    delimiter = draw(st.sampled_from(",;\t"))
    end = draw(st.sampled_from(["\n", "\r\n", "\r"]))
    names = draw(st.lists(NAMES, min_size=1, max_size=4))
    names[0] = draw(st.sampled_from(["epoch", "x", names[0]])) or "x"
    columns = [draw(st.sampled_from([NUMBERS, NUMBERS, PADDED, ODD])) for _ in names]
    rows = draw(st.lists(st.tuples(*columns), max_size=12))
    lines = [names, *map(list, rows)]
    for _ in range(draw(st.integers(0, 2))):
        place = draw(st.integers(1, len(lines)))
        odd = draw(
            st.sampled_from([[], [""], names, [*names, ""], [*names, "9"], names[:-1], ["1"]])
        )
        lines.insert(place, list(odd))
    always = draw(st.sampled_from([False, False, False, True]))
    text = end.join(delimiter.join(quoted(c, delimiter, always) for c in line) for line in lines)
    return text + draw(st.sampled_from([end, end, "", " ", end + end])), delimiter


def delimiter_of(text: str) -> str:
    first = next((line for line in text.replace("\r", "\n").split("\n") if line.strip()), "")
    return max(",;\t", key=first.count)


@settings(max_examples=400, deadline=None)
@given(tables(), st.sampled_from([1, 2, 3, 7, 20, 64, 1 << 18]), st.sampled_from([0, 100, 2**25]))
@example(("epoch,note\n1,2\n2,3\n3,abc\n4,abc\n5,abc\n6,abc\n", ","), 8, 2**25)
@example(('epoch,a\n1,"2\n3"\n2,5\n', ","), 8, 2**25)
@example(("epoch,time\n1,1769850000\n2,5.0\n", ","), 12, 2**25)
@example(("epoch,precision\n1,fp32\n2,0.5\n3,0.5\n4,0.5\n", ","), 8, 2**25)
def test_a_table_is_what_its_cells_say_wherever_its_blocks_end(
    table: tuple[str, str], block: int, held: int
) -> None:
    text, _ = table

    assert read_csv(text, block, held) == csv_reference(text, delimiter_of(text))


@pytest.mark.parametrize("block", [1, 5, 1 << 18])
def test_many_rows_with_gaps_share_their_rows(block: int) -> None:
    lines = [f"{n},{n / 8},,\n{n},,{n / 4},{n / 2}\n" for n in range(50)]
    rows = csv_rows(source("epoch,train,val,acc\n" + "".join(lines), "a.csv"), block=block)

    (group,) = groups(rows)

    train, val, acc = group.series
    assert train.values.tolist() == [n / 8 for n in range(50)]
    assert acc.values.tolist() == [n / 2 for n in range(50)]
    assert val.steps is acc.steps


@pytest.mark.parametrize("block", [1, 4, 9, 1 << 18])
def test_the_byte_that_is_no_text_is_named(block: int) -> None:
    with pytest.raises(MalformedSourceError, match="byte 13: not UTF-8 text"):
        csv_rows(source(b"epoch,loss\n1,\xe9\n", "a.csv"), block=block)


@pytest.mark.parametrize("bare_returns", [False, True])
@pytest.mark.parametrize("size", [1, 2, 3, 4, 100])
def test_blocks_are_whole_lines_and_nothing_is_lost(size: int, bare_returns: bool) -> None:
    text = b"\xef\xbb\xbfab\r\ncd\n\n\r\re\rf"

    blocks = list(line_blocks(source(text), size, bare_returns=bare_returns))

    assert b"".join(block.content for block in blocks) == text[3:]
    assert [block.offset for block in blocks] == [
        sum(len(b.content) for b in blocks[:n]) for n in range(len(blocks))
    ]
    assert all(block.content.endswith((b"\n", b"\r")) for block in blocks[:-1])
    for first, second in itertools.pairwise(blocks):
        assert not (first.content.endswith(b"\r") and second.content.startswith(b"\n"))


def test_a_line_that_no_memory_should_hold_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cetrack.readers.blocks.MAX_LINE_BYTES", 1000)
    assert MAX_LINE_BYTES > 1000

    with pytest.raises(MalformedSourceError, match="byte 11: a line longer than"):
        csv_rows(source("epoch,loss\n1," + " " * 2000, "a.csv"), block=64)


# --- JSON lines ------------------------------------------------------------------------------

CELLS = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False),
    st.integers(-(2**70), 2**70),
    st.integers(0, 5),
    st.none(),
    st.booleans(),
    st.sampled_from(["0.5", "n/a", "91 %", "word", "fp32", "train", "2026-01-31T09:00:00Z", ""]),
    st.sampled_from([[1], [], 1769850000, 1769850000.5, 10**400, math.nan, math.inf]),
)
NUMBER_CELLS = st.floats(-10, 10)
ITEMS = st.dictionaries(
    st.sampled_from(["loss", "acc", "time", "seed", "precision", "note", "train", "train/loss"]),
    st.one_of(
        NUMBER_CELLS,
        CELLS,
        st.dictionaries(st.sampled_from(["loss", "acc", "in"]), st.one_of(NUMBER_CELLS, CELLS)),
    ),
    max_size=4,
)
LINES = st.lists(
    st.one_of(
        ITEMS.map(lambda item: {"epoch": 1, **item}),
        st.just({"epoch": 2, "loss": 0.5, "acc": 0.25}),
        st.just({"epoch": 2, "train": {"loss": 0.5}, "val": {"loss": 0.25}}),
        st.just({"lr": 0.1}),
        st.just(5),
    ),
    max_size=12,
)


def jsonl_reference(items: Sequence[Any]) -> tuple[Table, dict[str, Any]]:
    facts: dict[str, Any] = {}
    kept: list[tuple[int, Any]] = []
    notices = []
    for line, item in enumerate(items, 1):
        if not isinstance(item, dict):
            notices.append(f"row {line}: not an object: left out")
        elif "epoch" in item:
            kept.append((line, item))
        else:
            facts.update(item)
    table = begun([line for line, _ in kept])
    table["notices"] = notices
    cells: dict[str, tuple[list[int], list[Any]]] = {}
    for row, (_, item) in enumerate(kept):
        for name, value in flat(item):
            if value is not None:
                rows, values = cells.setdefault(name, ([], []))
                rows.append(row)
                values.append(value)
    for name, (rows, values) in cells.items():
        add(table, name, rows, values)
    return finished(table), facts


@settings(max_examples=400, deadline=None)
@given(LINES, st.sampled_from([1, 30, 100, 1 << 18]), st.sampled_from([0, 100, 2**25]))
def test_json_lines_are_what_each_of_them_says(items: list[Any], block: int, held: int) -> None:
    text = "".join(json.dumps(item) + "\n" for item in items)
    facts: dict[str, Any] = {}

    rows = line_rows(source(text, "a.jsonl"), facts, block=block, held=held)

    one_by_one = [item for _, item in json_lines(source(text), [])]
    assert (comparable(rows), facts) == jsonl_reference(one_by_one)
