"""Means with a standard deviation: as people read them, as programs do, in tables for papers."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cetrack.report import Cell, Column, Format, Kind, Spread, Table, render
from cetrack.report.flat import flat
from cetrack.report.measures import paper_column
from cetrack.report.numbers import number_text
from cetrack.report.table import arrange, with_columns


def one_column(*cells: Cell, **column: object) -> Table:
    made = Column(name="x", kind=Kind.NUMBER, **column)  # type: ignore[arg-type]
    return Table(columns=(made,), rows=tuple((cell,) for cell in cells))


def shown(*cells: Cell, **column: object) -> list[str]:
    lines = render(one_column(*cells, **column), Format.TABLE).splitlines()
    return [line.strip() for line in lines[1:]]


@pytest.mark.parametrize(
    ("spread", "text"),
    [
        (Spread(0.912345, 0.00312), "0.9123 ± 0.0031"),
        (Spread(0.912345, 0.0996), "0.91 ± 0.10"),
        (Spread(104.2, 12.4), "104 ± 12"),
        (Spread(25557.4, 812.6), "25557 ± 813"),
        (Spread(-0.5, 0.25), "-0.50 ± 0.25"),
        (Spread(-1e-9, 0.25), "0.00 ± 0.25"),
        (Spread(0.9125, 0.0), "0.9125 ± 0"),
        (Spread(0.9125, None, 1), "0.9125"),
        (Spread(0.9125, math.nan), "0.9125"),
        (Spread(math.nan, 0.1), "nan"),
        (Spread(math.inf, 0.1), "inf ± 0.1"),
        (Spread(0.5, math.inf), "0.5 ± inf"),
        (Spread(1.25e-7, 1.5e-10), "1.25e-07 ± 1.5e-10"),
        (Spread(1.25e20, 1.5e18), "1.25e+20 ± 1.5e+18"),
        (Spread(1.0, 1e-12), "1 ± 1e-12"),
    ],
)
def test_the_decimals_show_two_digits_of_the_standard_deviation(spread: Spread, text: str) -> None:
    assert number_text(spread) == text


def test_a_column_shares_its_decimals() -> None:
    assert shown(Spread(0.91, 0.0123), Spread(0.8, 0.0042), 0.5, None, 3) == [
        "0.9100 ± 0.0123",
        "0.8000 ± 0.0042",
        "0.5000",
        "-",
        "3",
    ]


def test_deviations_far_apart_have_decimals_of_their_own() -> None:
    assert shown(Spread(104.0, 12.0), Spread(0.912, 0.0031)) == ["104 ± 12", "0.9120 ± 0.0031"]


def test_means_without_any_deviation_are_numbers() -> None:
    assert shown(Spread(0.9, None, 1), Spread(0.87654), 0.5) == shown(0.9, 0.87654, 0.5)


def test_places_fix_the_decimals() -> None:
    cells = (Spread(0.91239, 0.0042), 0.5, -0.0001, 2, 1e20, math.inf, None)

    assert shown(*cells, places=3) == [
        "0.912 ± 0.004",
        "0.500",
        "0.000",
        "2.000",
        "1e+20",
        "inf",
        "-",
    ]


@given(st.lists(st.builds(Spread, st.floats(), st.none() | st.floats(0))))
def test_any_spread_can_be_shown(spreads: list[Spread]) -> None:
    for text, spread in zip(shown(*spreads), spreads, strict=True):
        assert ("±" in text) == (
            spread.std is not None and not math.isnan(spread.std) and not math.isnan(spread.mean)
        )


def test_programs_read_three_columns() -> None:
    table = one_column(Spread(0.9, 0.01, 3), 0.5, None)

    assert render(table, Format.CSV) == "x,x_std,x_n\n0.9,0.01,3\n0.5,,\n,,\n"
    assert json.loads(render(table, Format.JSON)) == [
        {"x": 0.9, "x_std": 0.01, "x_n": 3},
        {"x": 0.5, "x_std": None, "x_n": None},
        {"x": None, "x_std": None, "x_n": None},
    ]
    assert render(one_column(0.5), Format.CSV) == "x\n0.5\n"


def test_the_names_of_the_three_columns_hide_no_other() -> None:
    columns = tuple(Column(name=name) for name in ("x_std", "x", "x_n", "x"))
    table = Table(columns=columns, rows=((1, Spread(0.5, 0.1, 3), 2, 4),))

    assert dict(zip(flat(table).names, flat(table).rows[0], strict=True)) == {
        "x_std": 1,
        "x": 0.5,
        "x_std_2": 0.1,
        "x_n_2": 3,
        "x_n": 2,
        "x_2": 4,
    }


def test_rows_without_columns_are_kept() -> None:
    assert render(Table(columns=(), rows=((), ())), Format.JSON) == "[{},\n {}]\n"


@pytest.mark.parametrize("format", [Format.LATEX, Format.HTML, Format.MD, Format.TABLE])
def test_a_table_without_columns_can_be_written(format: Format) -> None:
    assert isinstance(render(Table(columns=(), rows=((), ())), format), str)


def test_sorting_by_means_keeps_the_best_with_their_rows() -> None:
    table = one_column(Spread(0.5, 0.1), 0.7, None, Spread(0.9, 0.2))
    best = Table(columns=table.columns, rows=table.rows, best=frozenset({(3, 0)}))

    sorted_down = arrange(best, sort=["-x"], limit=3)

    assert sorted_down.cells(0) == [Spread(0.9, 0.2), 0.7, Spread(0.5, 0.1)]
    assert sorted_down.best == {(0, 0)}
    assert arrange(best, sort=["x"], limit=1).best == frozenset()


def test_choosing_columns_keeps_the_best_with_them() -> None:
    columns = (Column(name="a"), Column(name="b"))
    table = Table(columns=columns, rows=(("x", "y"),), best=frozenset({(0, 0), (0, 1)}))

    assert with_columns(table, [1]).best == {(0, 0)}


# --- columns for papers -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "unit", "direction", "heading"),
    [
        ("latency_mean_ms", "ms", "lower", "Latency mean (ms) ↓"),
        ("accuracy", "fraction", "higher", "Accuracy ↑"),
        ("size_reduction_pct", "%", "higher", "Size reduction (%) ↑"),
        ("energy_uj", "uJ", "lower", "Energy (µJ) ↓"),
        ("loss", None, None, "Loss"),
        ("mAP50-95(B)", None, "higher", "mAP50-95(B) ↑"),
        ("warmup", "s", None, "Warmup (s)"),
        ("latency_ms", None, None, "Latency ms"),
        ("_", None, None, "_"),
    ],
)
def test_headings_of_papers_are_words_with_a_unit_and_an_arrow(
    name: str, unit: str | None, direction: str | None, heading: str
) -> None:
    column = paper_column(name, unit=unit, direction=direction)

    assert column.heading == heading
    assert column.name == name


def test_a_group_is_said_where_headings_are_one_line() -> None:
    column = Column(name="x", title="Latency", unit="ms", group="INT8", direction="lower")
    table = Table(columns=(column,), rows=((1.5,),), notes=("a note",))

    assert render(table, Format.TABLE) == "INT8 Latency (ms) ↓\n1.5\n\na note\n"
    assert render(table, Format.CSV) == "x\n1.5\n"


@pytest.mark.parametrize(
    ("unit", "family", "cells", "places"),
    [
        ("fraction", "quality", [0.91234, 0.5], 3),
        ("fraction", "quality", [Spread(0.9, 0.02), Spread(0.8, 0.00042)], 4),
        ("fraction", "quality", [Spread(0.9, 1e-12)], 6),
        ("%", "quality", [76.13], 2),
        ("%", "compression", [74.921], 1),
        (None, "compression", [1.87, 3.4251], 2),
        ("ms", "latency", [104.21, 3.1416], 2),
        ("ms", "latency", [104.21, 251.7], 0),
        ("ms", "latency", [0.0522, 0.91], 4),
        ("ms", "latency", [Spread(104.21, 0.25)], 1),
        ("MB", "size", [10.0, 44.0, None], 0),
        (None, None, [11689512, 25557032], 0),
        ("ms", "latency", [0.000012, 104.2], None),
        ("ms", "latency", [0.0012, 123456.7], None),
        ("ms", "latency", [math.nan, math.inf, None], None),
        ("ms", "latency", [], None),
    ],
)
def test_decimals_come_from_the_metric(
    unit: str | None, family: str | None, cells: list[Cell], places: int | None
) -> None:
    assert paper_column("x", unit=unit, family=family, cells=cells).places == places


def test_markdown_marks_the_best_and_says_where_numbers_come_from() -> None:
    table = Table(
        columns=(Column(name="model"), Column(name="x", kind=Kind.NUMBER)),
        rows=(("a_b", 0.5), ("c", Spread(0.25, 0.031))),
        best=frozenset({(0, 1)}),
        notes=("a *note*",),
        provenance=("cetrack table --filter x",),
    )

    assert render(table, Format.MD) == (
        "| model |             x |\n"
        "| ----- | ------------: |\n"
        "| a_b   |     **0.500** |\n"
        "| c     | 0.250 ± 0.031 |\n"
        "\n"
        r"a \*note\*"
        "\n\n"
        "<!--\n"
        "  cetrack table -\\-filter x\n"
        "-->\n"
    )
