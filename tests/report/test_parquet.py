"""Parquet: read back, every value is what it was, in the type that it was."""

from __future__ import annotations

import io
import json
import sys
from datetime import UTC, datetime, timedelta, timezone

import pyarrow as pa
import pyarrow.parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cetrack.errors import UsageError
from cetrack.report import (
    Column,
    Format,
    Kind,
    Section,
    Spread,
    Table,
    render,
    render_bytes,
    render_sections_bytes,
)
from tests.report.papers import any_text, paper

JUNE = datetime(2026, 6, 1, 12, 30, 15, 123456, tzinfo=UTC)
TIME = pa.timestamp("us", tz="UTC")


def read(table: Table) -> pa.Table:
    return pyarrow.parquet.read_table(io.BytesIO(render_bytes(table, Format.PARQUET)))


def column(*cells: object, kind: Kind = Kind.TEXT) -> Table:
    rows = tuple((cell,) for cell in cells)
    return Table(columns=(Column(name="x", kind=kind),), rows=rows)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("cells", "type", "values"),
    [
        ((0.1 + 0.2, 1, None), pa.float64(), [0.1 + 0.2, 1.0, None]),
        ((1, 2**63 - 1, None), pa.int64(), [1, 2**63 - 1, None]),
        ((True, None, False), pa.bool_(), [True, None, False]),
        ((JUNE, None), TIME, [JUNE, None]),
        (("a", None, ""), pa.string(), ["a", None, ""]),
        ((1, "a", 0.5, True, JUNE), pa.string(),
         ["1", "a", "0.5", "true", "2026-06-01T12:30:15.123456Z"]),
        ((2**63, 1), pa.string(), ["9223372036854775808", "1"]),
        ((True, 1), pa.string(), ["true", "1"]),
        (("\ud800",), pa.string(), ["\\ud800"]),
    ],
)  # fmt: skip
def test_columns_are_typed(cells: tuple[object, ...], type: pa.DataType, values: object) -> None:
    found = read(column(*cells))

    assert found.schema.field("x").type == type
    assert found["x"].to_pylist() == values


@pytest.mark.parametrize(
    ("kind", "type"),
    [
        (Kind.NUMBER, pa.float64()),
        (Kind.TIME, TIME),
        (Kind.TEXT, pa.string()),
        (Kind.UID, pa.string()),
    ],
)
@pytest.mark.parametrize("cells", [(), (None, None)])
def test_a_column_without_values_has_the_type_of_its_kind(
    kind: Kind, type: pa.DataType, cells: tuple[None, ...]
) -> None:
    found = read(column(*cells, kind=kind))

    assert found.schema.field("x").type == type
    assert found["x"].to_pylist() == list(cells)


def test_times_are_the_same_moments_in_utc() -> None:
    elsewhere = JUNE.astimezone(timezone(timedelta(hours=5)))

    assert read(column(elsewhere))["x"].to_pylist() == [JUNE]


def test_a_spread_is_three_columns() -> None:
    found = read(column(Spread(0.9, 0.01, 3), 0.5, None, Spread(0.8), kind=Kind.NUMBER))

    assert found.to_pydict() == {
        "x": [0.9, 0.5, None, 0.8],
        "x_std": [0.01, None, None, None],
        "x_n": [3, None, None, None],
    }


def test_where_the_numbers_come_from_is_metadata() -> None:
    schema = read(paper()).schema

    assert json.loads(schema.metadata[b"cetrack.provenance"]) == list(paper().provenance)
    assert schema.field("latency_mean_ms").metadata == {b"unit": b"ms", b"direction": b"lower"}
    assert schema.field("latency_mean_ms_std").metadata == {b"unit": b"ms"}
    assert schema.field("model").metadata is None


@given(
    st.lists(any_text, min_size=1, max_size=4),
    st.lists(st.one_of(st.none(), st.floats(), st.builds(Spread, st.floats(), st.floats()))),
    st.lists(any_text, max_size=3),
)
def test_anything_is_read_back(
    names: list[str], cells: list[float | Spread | None], provenance: list[str]
) -> None:
    width = len(names)
    table = Table(
        columns=tuple(Column(name=name, unit=name or None, kind=Kind.NUMBER) for name in names),
        rows=tuple((cell,) * width for cell in cells),
        provenance=tuple(provenance),
    )

    found = read(table)

    means = [cell.mean if isinstance(cell, Spread) else cell for cell in cells]
    assert found.num_rows == len(cells)
    assert len(set(found.column_names)) == len(found.column_names)
    assert repr(found.column(0).to_pylist()) == repr(means)


def test_the_same_table_is_the_same_file() -> None:
    assert render_bytes(paper(), Format.PARQUET) == render_bytes(paper(), Format.PARQUET)


def test_the_first_list_of_several_sections_is_kept() -> None:
    pairs = column("a")
    sections = [
        Section(key="", title="run", table=pairs, is_mapping=True),
        Section(key="metrics", title="metrics", table=paper()),
    ]

    kept = render_sections_bytes(sections, Format.PARQUET)
    assert kept == render_bytes(paper(), Format.PARQUET)
    with pytest.raises(UsageError, match="no table for Parquet"):
        render_sections_bytes(sections[:1], Format.PARQUET)


def test_parquet_is_no_text() -> None:
    with pytest.raises(UsageError, match="parquet is no text"):
        render(paper(), Format.PARQUET)


@pytest.mark.parametrize("format", [item for item in Format if not item.is_binary])
def test_text_is_written_in_utf8(format: Format) -> None:
    assert render_bytes(paper(), format).decode() == render(paper(), format)


def test_without_pyarrow_there_is_a_hint(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)

    with pytest.raises(UsageError, match="needs pyarrow") as caught:
        render_bytes(paper(), Format.PARQUET)

    assert caught.value.hint == 'pip install "cetrack[parquet]"'
