"""Tables as text, JSON, CSV and Markdown, above all with names that want to do harm."""

from __future__ import annotations

import csv
import io
import json
import math
from datetime import UTC, datetime

import pytest

from cetrack.errors import UsageError
from cetrack.report import Column, Format, Kind, Section, Table, render, render_sections
from cetrack.report.measures import metric_column
from cetrack.report.numbers import short_number
from cetrack.report.table import arrange

HOSTILE = 'evil\x1b[31m\x07\u202e\n<script>alert("x")</script> | `a` [b](c) \ud800'
JUNE = datetime(2026, 6, 1, 12, 30, tzinfo=UTC)


def table(*cells: object, kind: Kind = Kind.TEXT, name: str = "x") -> Table:
    rows = tuple((cell,) for cell in cells)
    return Table(columns=(Column(name=name, kind=kind),), rows=rows)  # type: ignore[arg-type]


@pytest.mark.parametrize("format", [item for item in Format if not item.is_binary])
def test_every_format_can_be_written_as_utf8_whatever_the_names(format: Format) -> None:
    text = render(table(HOSTILE, name=HOSTILE), format)

    text.encode("utf-8")
    assert text.endswith("\n")


@pytest.mark.parametrize("format", [Format.TABLE, Format.MD])
def test_people_see_control_characters_as_escapes(format: Format) -> None:
    text = render(table(HOSTILE, name=HOSTILE), format)

    assert all(char.isprintable() for char in text.replace("\n", ""))
    assert "x1b" in text
    assert "u202e" in text


def test_markdown_gives_names_no_meaning() -> None:
    text = render(table("a|b<i>&\\`*[x]~$ snake_case __init__"), Format.MD)

    assert text.splitlines()[2] == (
        r"| a\|b&lt;i&gt;&amp;\\\`\*\[x\]\~\$ snake_case \_\_init\_\_ |"
    )


@pytest.mark.parametrize("text", ["=1+1", "+cmd", "-x", "@sum", "\tx", "\rx"])
def test_csv_defuses_formulas(text: str) -> None:
    rows = list(csv.reader(io.StringIO(render(table(text, name=text), Format.CSV), newline="")))

    assert rows == [["'" + text], ["'" + text]]


def test_csv_leaves_numbers_alone() -> None:
    cells = table(-1.5, "-1.5", "+1e-3", -7, -math.inf)

    assert render(cells, Format.CSV).split("\n")[1:-1] == ["-1.5", "-1.5", "+1e-3", "-7", "-inf"]


def test_machine_formats_keep_every_digit_and_tell_text_from_numbers() -> None:
    value = 0.1 + 0.2
    both = Table(
        columns=(Column(name="number", kind=Kind.NUMBER), Column(name="text")),
        rows=((value, "0.30"), (None, None)),
    )

    assert json.loads(render(both, Format.JSON)) == [
        {"number": value, "text": "0.30"},
        {"number": None, "text": None},
    ]
    assert render(both, Format.CSV) == "number,text\n0.30000000000000004,0.30\n,\n"


def test_json_is_strict() -> None:
    text = render(table(math.nan, math.inf, -math.inf, True, JUNE, HOSTILE), Format.JSON)

    found = json.loads(text, parse_constant=lambda name: pytest.fail(name))

    assert [row["x"] for row in found] == [
        None,
        "Infinity",
        "-Infinity",
        True,
        "2026-06-01T12:30:00Z",
        HOSTILE,
    ]


def test_json_has_a_row_per_line() -> None:
    assert render(table("a", "b"), Format.JSON) == '[{"x": "a"},\n {"x": "b"}]\n'
    assert render(table(), Format.JSON) == "[]\n"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0.0, "0"),
        (0.876543, "0.87654"),
        (12.3456789, "12.346"),
        (104.2, "104.2"),
        (11689512.0, "11689512"),
        (11689512.7, "11689513"),
        (-0.00012345, "-0.00012345"),
        (0.000012, "1.2e-05"),
        (1.5e20, "1.5e+20"),
        (math.inf, "inf"),
        (math.nan, "nan"),
        (99999.6, "100000"),
    ],
)
def test_people_see_about_five_digits(value: float, shown: str) -> None:
    assert short_number(value) == shown


@pytest.mark.parametrize(
    ("values", "shown"),
    [
        ([0.9, 0.87654, None], ["0.90000", "0.87654", "-"]),
        ([3.14159, 104.21, 12.0], ["3.1416", "104.2100", "12.0000"]),
        ([11689512.0, 25557032.0], ["11689512", "25557032"]),
        ([1e-7, 5.0], ["1e-07", "5"]),
        ([0.00012345, 123456.7], ["0.00012345", "123457"]),
        ([1, 20, None], ["1", "20", "-"]),
        ([0.5, math.inf], ["0.5", "inf"]),
    ],
)
def test_a_column_of_numbers_shares_its_decimal_places(
    values: list[float | None], shown: list[str]
) -> None:
    lines = render(table(*values, kind=Kind.NUMBER), Format.TABLE).splitlines()[1:]

    assert [line.strip() for line in lines] == shown
    assert len({len(line) for line in lines}) == 1


def test_text_is_aligned_by_what_a_terminal_shows() -> None:
    both = Table(
        columns=(Column(name="model"), Column(name="n", kind=Kind.NUMBER)),
        rows=(("日本語", 1), ("abc", 20), ("e\u0301", None)),
    )

    assert render(both, Format.TABLE) == "model    n\n日本語   1\nabc     20\ne\u0301        -\n"


def test_ids_are_shortened_for_people_only() -> None:
    ids = table("0123456789abcdef", kind=Kind.UID)

    assert render(ids, Format.TABLE) == "x\n0123456789\n"
    assert "0123456789abcdef" in render(ids, Format.CSV)


def test_times_without_a_time_of_day_are_days() -> None:
    midnight = JUNE.replace(hour=0, minute=0)

    assert render(table(midnight, kind=Kind.TIME), Format.TABLE) == "x\n2026-06-01\n"
    assert render(table(midnight, JUNE, kind=Kind.TIME), Format.TABLE) == (
        "x\n2026-06-01 00:00\n2026-06-01 12:30\n"
    )


@pytest.mark.parametrize(
    ("name", "unit", "header"),
    [
        ("latency_mean_ms", "ms", "latency_mean_ms"),
        ("latency_mean_ms.max", "ms", "latency_mean_ms.max"),
        ("size_reduction_pct", "%", "size_reduction_pct"),
        ("accuracy", "fraction", "accuracy"),
        ("warmup", "s", "warmup (s)"),
        ("loss", None, "loss"),
        ("score", "points", "score (points)"),
    ],
)
def test_a_unit_is_said_once(name: str, unit: str | None, header: str) -> None:
    assert metric_column(name, unit).header == header
    assert metric_column(name, unit).name == name


def test_an_empty_table_still_shows_its_columns() -> None:
    assert render(table(), Format.TABLE) == "x\n"
    assert render(table(), Format.CSV) == "x\n"
    assert render(table(), Format.MD) == "| x   |\n| --- |\n"


def test_sections() -> None:
    pairs = Table(columns=(Column(name="name"), Column(name="value")), rows=(("uid", "a1"),))
    sections = [
        Section(key="", title="run a1", table=pairs, is_mapping=True),
        Section(key="metrics", title="metrics", table=table(0.5, name="accuracy")),
        Section(key="params", title="params", table=pairs, is_mapping=True),
    ]

    assert json.loads(render_sections(sections, Format.JSON)) == {
        "uid": "a1",
        "metrics": [{"accuracy": 0.5}],
        "params": {"uid": "a1"},
    }
    assert render_sections(sections[:2], Format.TABLE) == (
        "run a1\n  uid  a1\n\nmetrics\n  accuracy\n  0.5\n"
    )
    assert render_sections(sections, Format.CSV) == "accuracy\n0.5\n"
    assert "### metrics\n\n| accuracy |" in render_sections(sections, Format.MD)
    with pytest.raises(UsageError, match="no table for CSV"):
        render_sections(sections[:1], Format.CSV)


def test_arranging_sorts_blanks_last_both_ways() -> None:
    numbers = table(2, None, 10, 1, kind=Kind.NUMBER)

    assert arrange(numbers, sort=["x"]).cells(0) == [1, 2, 10, None]
    assert arrange(numbers, sort=["-x"]).cells(0) == [10, 2, 1, None]
    assert arrange(numbers, sort=["-x"], limit=1).rows == ((10,),)
    assert arrange(numbers, limit=1).total == 4


def test_arranging_by_what_is_not_there() -> None:
    with pytest.raises(UsageError) as caught:
        arrange(table("a", name="model"), columns=["modle"])

    assert caught.value.hint == "did you mean model?"
