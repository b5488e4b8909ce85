"""Columns, rows, the runs in them, and CSV text as a table."""

from __future__ import annotations

import math
import random
import time
from typing import Any

import numpy as np
import pytest

from cetrack.domain import Notice
from cetrack.errors import MalformedSourceError
from cetrack.readers.columns import Column, labels, parts_of, settled
from cetrack.readers.csv_text import _names, csv_rows, header
from cetrack.readers.gather import Gather, gathered
from cetrack.readers.rows import Group, Rows, groups
from tests.readers.reading import said, source


def column(cells: list[Any]) -> tuple[list[Any] | None, str | None, str | None]:
    """(cells, unit, problem) of a column of all rows."""
    found, problem = settled(np.arange(len(cells)), cells)
    return (
        None if found is None else found.cells.tolist(),
        None if found is None else found.unit,
        None if problem is None else f"{problem.row}: {problem.text}",
    )


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        pytest.param([1, 2.5], ([1.0, 2.5], None, None), id="numbers"),
        pytest.param(["1", "2.5", "-inf"], ([1.0, 2.5, -math.inf], None, None), id="text"),
        pytest.param([1, "2"], ([1.0, 2.0], None, None), id="both"),
        pytest.param([10**400, 1], ([math.inf, 1.0], None, None), id="10^400"),
        pytest.param(["91 %", "92%"], ([91.0, 92.0], "%", None), id="one unit"),
        pytest.param(["3 ms", "4 s"], (["3 ms", "4 s"], None, None), id="two units"),
        pytest.param(["3 ms", "4"], (["3 ms", "4"], None, None), id="a unit and none"),
        pytest.param(
            ["1", "n/a", "--", "4"],
            ([1.0, 4.0], None, "1: 2 cells are no numbers: left out"),
            id="missing ones",
        ),
        pytest.param(
            ["1", "oops", "3"],
            ([1.0, 3.0], None, "1: 1 cells are no numbers: left out"),
            id="a wrong one",
        ),
        pytest.param(["a", "b", "3"], (["a", "b", "3"], None, None), id="mostly text"),
        pytest.param(["n/a", "-"], (None, None, "0: no number in it: left out"), id="all missing"),
        pytest.param(["nano", "info"], (["nano", "info"], None, None), id="nano is no NaN"),
        pytest.param(["1_000", "2_000"], (["1_000", "2_000"], None, None), id="1_000 is a name"),
        pytest.param(["7B", "3B"], (["7B", "3B"], None, None), id="billions"),
        pytest.param([True, False], (["true", "false"], None, None), id="true and false"),
        pytest.param([[1], [2]], (None, None, "0: neither numbers nor text: left out"), id="lists"),
    ],
)
def test_a_column_is_of_numbers_or_of_text(cells: list[Any], expected: tuple[Any, ...]) -> None:
    assert column(cells) == expected


def test_nan_is_a_logged_number() -> None:
    values, _, problem = column(["1", "nan"])

    assert problem is None
    assert values is not None
    assert math.isnan(values[1])


@pytest.mark.parametrize(
    ("name", "cells", "expected"),
    [
        ("fold", [1, 2.0, "3", "4.0", "x"], ["1", "2", "3", "4", "x"]),
        ("seed", [1234567, 1234568, 2**70], ["1234567", "1234568", "1180591620717411303424"]),
        ("model", ["007", "nano"], ["007", "nano"]),
        ("model", [50, 101], ["50", "101"]),
        ("precision", ["fp32", "8bit"], ["fp32", "8bit"]),
        ("precision", ["fp32", "zz9"], ["fp32", "zz9"]),
        ("precision", ["0.89", "0.91"], None),
        ("precision", [0.89, 0.91], None),
        ("precision", [32, 8], None),
        ("fold", [[1], [2]], None),
    ],
)
def test_labels_that_tell_runs_apart(
    name: str, cells: list[Any], expected: list[str] | None
) -> None:
    assert labels(cells, name) == expected


def test_a_column_is_split_by_group() -> None:
    whole = Column(np.array([0, 1, 3]), np.array([10.0, 11.0, 13.0]), "ms")

    parts = whole.split(parts_of(whole.rows, np.array([1, 0, 1, 1]), np.array([0, 0, 1, 2]), 3))

    assert [part.rows.tolist() for part in parts] == [[0], [0, 2], []]
    assert [part.cells.tolist() for part in parts] == [[11.0], [10.0, 13.0], []]
    assert {part.unit for part in parts} == {"ms"}


# --- rows ------------------------------------------------------------------------------------


def table(**columns: list[Any]) -> Rows:
    """Rows of columns; None is an empty cell."""
    count = max(map(len, columns.values()))

    def fill(gather: Gather) -> list[str]:
        rows = gather.begin(np.arange(2, count + 2))
        for name, cells in columns.items():
            present = [row for row, cell in enumerate(cells) if cell is not None]
            gather.take(name, rows[present], [cells[row] for row in present])
        return list(columns)

    return gathered("table", fill)


def points(group: Group) -> dict[str, dict[int, float]]:
    return {
        item.name: dict(zip(item.steps.tolist(), item.values.tolist(), strict=True))
        for item in group.series
    }


def only(rows: Rows) -> Group:
    (group,) = groups(rows)
    return group


STEPS = [
    pytest.param(
        {"epoch": [1, 2], "loss": [5, 4]}, {"loss": {1: 5, 2: 4}}, None, id="the epoch is the step"
    ),
    pytest.param({"epoch": [0, 1], "loss": [5, 4]}, {"loss": {0: 5, 1: 4}}, None, id="from 0"),
    pytest.param({"loss": [5, 4]}, {"loss": {1: 5, 2: 4}}, None, id="no step: the row's number"),
    pytest.param(
        {"Epoch": ["1", "2"], "loss": [5, None]}, {"loss": {1: 5}}, None, id="an empty cell"
    ),
    pytest.param(
        {"epoch": [1, 2, 3, 2, 3], "loss": [5, 4, 3, 2, 1]},
        {"loss": {1: 5, 2: 2, 3: 1}},
        "2 values of repeated steps: the last one counts",
        id="a resumed log jumps back",
    ),
    pytest.param(
        {"epoch": [1, 1, 2, 2], "loss": [5, 4, 3, 2]},
        {"epoch": {1: 1, 2: 1, 3: 2, 4: 2}, "loss": {1: 5, 2: 4, 3: 3, 4: 2}},
        "'epoch' repeats: the row's number is the step",
        id="repetition is the rule",
    ),
    pytest.param(
        {"epoch": [1, 1, 2, 2], "step": [10, 20, 30, 40], "loss": [5, 4, 3, 2]},
        {
            "epoch": {10: 1, 20: 1, 30: 2, 40: 2},
            "loss": {10: 5, 20: 4, 30: 3, 40: 2},
        },
        "'epoch' repeats: 'step' is the step",
        id="another column counts",
    ),
    pytest.param(
        {"epoch": [1, 1, 2, 2], "train": [5, None, 4, None], "val": [None, 6, None, 5]},
        {"train": {1: 5, 2: 4}, "val": {1: 6, 2: 5}},
        None,
        id="a row for training and one for validation",
    ),
    pytest.param(
        {"epoch": [0.5, 1.0], "step": [1, 2], "loss": [5, 4]},
        {"epoch": {1: 0.5, 2: 1.0}, "loss": {1: 5, 2: 4}},
        "'epoch' is no whole number from 0: 'step' is the step",
        id="fractional epochs",
    ),
    pytest.param(
        {"epoch": [-1, 0], "loss": [5, 4]},
        {"epoch": {1: -1, 2: 0}, "loss": {1: 5, 2: 4}},
        "'epoch' is no whole number from 0: the row's number is the step",
        id="a negative epoch",
    ),
    pytest.param(
        {"epoch": [1, 2**53 + 1], "loss": [5, 4]},
        {"epoch": {1: 1, 2: 2.0**53}, "loss": {1: 5, 2: 4}},
        "'epoch' is no whole number from 0: the row's number is the step",
        id="an epoch that a float cannot hold",
    ),
    pytest.param(
        {"epoch": [1, None, 3], "loss": [5, 4, 3]},
        {"loss": {1: 5, 3: 3}},
        "row 3: 1 rows without 'epoch': left out",
        id="a row without its epoch",
    ),
    pytest.param(
        {"epoch": [1, None, 2], "step": [7, 8, 9], "loss": [5, 4, 3]},
        {"epoch": {7: 1, 9: 2}, "loss": {7: 5, 8: 4, 9: 3}},
        None,
        id="the complete column is the step",
    ),
    pytest.param(
        {"epoch": [1, 2], "phase": ["train", "valid"], "loss": [5, 4]},
        {"train/loss": {1: 5}, "val/loss": {2: 4}},
        None,
        id="a phase column",
    ),
    pytest.param(
        {"epoch": [1, 1], "split": ["train", "Val"], "loss": [5, 4]},
        {"train/loss": {1: 5}, "val/loss": {1: 4}},
        None,
        id="equal steps in two phases",
    ),
    pytest.param(
        {"epoch": [1, 2], "note": ["a", "b"], "loss": [5, 4]},
        {"loss": {1: 5, 2: 4}},
        "column 'note' holds text that changes: left out",
        id="changing text",
    ),
    pytest.param(
        {"epoch": [1, 2], "precision": [0.5, 0.7]},
        {"precision": {1: 0.5, 2: 0.7}},
        None,
        id="precision, the classification metric",
    ),
    pytest.param(
        {"epoch": [1, 2], "time": [10.5, 21.0], "loss": [5, 4]},
        {"time": {1: 10.5, 2: 21.0}, "loss": {1: 5, 2: 4}},
        None,
        id="elapsed time is a metric",
    ),
]


@pytest.mark.parametrize(("columns", "expected", "notice"), STEPS)
def test_rows_become_series(
    columns: dict[str, list[Any]], expected: dict[str, dict[int, float]], notice: str | None
) -> None:
    group = only(table(**columns))

    assert points(group) == expected
    notices = [said(item).removeprefix(": ") for item in group.notices]
    assert notices == ([] if notice is None else [notice])


def test_a_few_repeated_steps_are_no_rule() -> None:
    epochs = [*range(1, 301), 300]
    group = only(table(epoch=epochs, loss=[float(value) for value in range(301)]))

    assert len(points(group)["loss"]) == 300
    assert points(group)["loss"][300] == 300.0


def test_moments_become_wall_times() -> None:
    rows = table(
        epoch=[1, 2, 3],
        timestamp=["2026-01-31T09:00:00Z", None, "2026-01-31T09:00:10Z"],
        time=[1.5, 3.0, 4.5],
        loss=[5, 4, 3],
    )

    loss = next(item for item in only(rows).series if item.name == "loss")

    assert loss.wall_times is not None
    assert [None if math.isnan(w) else w for w in loss.wall_times.tolist()] == [
        1769850000.0,
        None,
        1769850010.0,
    ]
    assert "time" in points(only(rows))


@pytest.mark.parametrize(
    ("columns", "keys"),
    [
        pytest.param({"fold": [1, 1, 2]}, [{"fold": "1"}, {"fold": "2"}], id="folds"),
        pytest.param({"Seed": [5, 7, 5]}, [{"seed": "5"}, {"seed": "7"}], id="seeds"),
        pytest.param(
            {"model": ["b", "a", "b"], "precision": ["fp32", "fp32", "int8"]},
            [
                {"model": "b", "precision": "fp32"},
                {"model": "a", "precision": "fp32"},
                {"model": "b", "precision": "int8"},
            ],
            id="in the order of the file",
        ),
        pytest.param({"fold": [1, 1, 1]}, [{}], id="one fold is none"),
        pytest.param(
            {"fold": [1, None, 2]}, [{"fold": "1"}, {"fold": ""}, {"fold": "2"}], id="gap"
        ),
    ],
)
def test_columns_that_tell_runs_apart(
    columns: dict[str, list[Any]], keys: list[dict[str, str]]
) -> None:
    found = list(groups(table(**columns, epoch=[1, 2, 3], loss=[5, 4, 3])))

    assert [group.key for group in found] == keys
    assert sum(len(values) for group in found for values in points(group).values()) == 3


def test_constant_text_is_a_fact_of_the_run() -> None:
    group = only(table(epoch=[1, 2], model=["lenet", "lenet"], fold=[1, 1], loss=[5, 4]))

    assert group.facts == {"model": "lenet", "fold": "1"}


def test_many_rows_and_many_groups_take_seconds_at_most() -> None:
    numbers = random.Random(1)
    count = 100_000
    loss = [numbers.random() for _ in range(count)]
    began = time.monotonic()

    whole = list(groups(table(epoch=list(range(count)), loss=loss)))
    parts = list(
        groups(table(seed=[n // 50 for n in range(count)], step=[*range(count)], loss=loss))
    )

    assert (len(whole), len(parts)) == (1, 2000)
    assert time.monotonic() - began < 10


# --- CSV -------------------------------------------------------------------------------------


def csv(text: str | bytes) -> tuple[dict[str, list[Any]], list[str]]:
    """(cells by column, notices)."""
    rows = csv_rows(source(text, "log.csv"))
    cells = {name: item.cells.tolist() for name, item in rows.columns.items()}
    return cells, [said(notice).removeprefix(": ") for notice in rows.notices]


PLAIN = {"epoch": [1.0, 2.0], "loss": [0.5, 0.25]}


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("epoch,loss\n1,0.5\n2,0.25\n", id="comma"),
        pytest.param("epoch;loss\n1;0.5\n2;0.25\n", id="semicolon"),
        pytest.param("epoch;loss\n1;0,5\n2;0,25\n", id="semicolon with decimal commas"),
        pytest.param("epoch\tloss\n1\t0.5\n2\t0.25\n", id="tab"),
        pytest.param("epoch,loss\r\n1,0.5\r\n2,0.25\r\n", id="CRLF"),
        pytest.param("epoch,loss\r1,0.5\r2,0.25\r", id="CR"),
        pytest.param("\n\r\nepoch,loss\n\n1,0.5\n\n2,0.25\n\n", id="blank lines"),
        pytest.param("  epoch ,   loss\n   1 ,  0.5\n   2 , 0.25\n", id="padded"),
        pytest.param("epoch,loss,\n1,0.5,\n2,0.25,\n", id="a separator at the end"),
        pytest.param(",epoch,loss\n0,1,0.5\n1,2,0.25\n", id="the index of pandas"),
        pytest.param("\tepoch\tloss\n0\t1\t0.5\n1\t2\t0.25\n", id="the index, with tabs"),
        pytest.param('"epoch","loss"\n"1","0.5"\n"2","0.25"\n', id="quoted"),
        pytest.param("# epoch,loss\n1,0.5\n2,0.25\n", id="a heading as a comment"),
        pytest.param("epoch,loss\n1,0.5\nepoch,loss\n2,0.25\n", id="the heading again"),
        pytest.param("epoch,loss\n1,0.5\n2,0.25", id="no end of line at the end"),
        pytest.param("\ufeffepoch,loss\n1,0.5\n2,0.25\n", id="byte-order mark"),
        pytest.param("epoch,loss\n1,0.5\n2,0.25\n".encode("utf-16"), id="UTF-16"),
    ],
)
def test_the_same_table_in_many_texts(text: str | bytes) -> None:
    assert csv(text) == (PLAIN, [])
    assert "epoch" in header(source(text, "log.csv"))


@pytest.mark.parametrize(
    ("text", "notice"),
    [
        pytest.param(
            "epoch,loss,acc\n1,0.5,1\n2,0.2", "row 3: cut off: left out until it is whole", id="cut"
        ),
        pytest.param(
            "epoch,loss,acc\n1,0.5\n2,0.25,1\n",
            "row 2: 1 rows have fewer cells than there are headings",
            id="short",
        ),
        pytest.param(
            "epoch,loss,loss\n1,2,3\n", "second column 'loss': kept as 'loss#2'", id="twice"
        ),
        pytest.param("epoch,loss,\n1,2,3\n", "column 3 has no heading: left out", id="no heading"),
        pytest.param(
            "epoch,loss,acc\n1,2,x\n2,2,1\n3,2,1\n",
            "row 2: 'acc': 1 cells are no numbers: left out",
            id="a wrong cell",
        ),
    ],
)
def test_doubtful_tables_are_said(text: str, notice: str) -> None:
    assert csv(text)[1] == [notice]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        pytest.param("epoch,loss\n1,2\n2,3,4,5\n", "row 3: 4 cells under 2 headings", id="more"),
        pytest.param("epoch,loss\n1," + "9" * 200_000 + "\n", "no CSV: field larger", id="huge"),
        pytest.param(b"epoch,loss\n1,\xe9\n", "byte 13: not UTF-8 text", id="latin-1"),
    ],
)
def test_what_is_no_table_is_malformed(text: str | bytes, problem: str) -> None:
    with pytest.raises(MalformedSourceError) as caught:
        csv(text)

    assert problem in str(caught.value)


def test_nan_is_a_value_and_an_empty_cell_is_none() -> None:
    rows = csv_rows(source("epoch,loss,acc\n1,nan,\n2,0.5,0.75\n", "a.csv"))

    assert rows.columns["loss"].rows.tolist() == [0, 1]
    assert math.isnan(rows.columns["loss"].cells[0])
    assert rows.columns["acc"].rows.tolist() == [1]


@pytest.mark.parametrize("text", ["", "\n", 'a"b\r"c', '"' * 9, "a,b\n", "\0"])
def test_no_text_makes_a_heading_raise(text: str) -> None:
    header(source(text, "a.csv"))


def test_many_columns_are_told_apart() -> None:
    """Two hundred thousand of them: comparing each with all others would not end."""
    many = [f"c{number}" for number in range(200_000)]
    notices: list[Notice] = []

    told = _names([*["x"] * 3, *many], notices)

    assert told == ["x", "x#2", "x#3", *many]
    assert [notice.text for notice in notices] == [
        "second column 'x': kept as 'x#2'",
        "second column 'x': kept as 'x#3'",
    ]
