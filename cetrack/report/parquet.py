"""Parquet: typed columns with every digit, and where the numbers come from in the metadata.

Numbers are float64 or int64, times are timestamps in microseconds UTC, text is UTF-8. A column
with values of several kinds, which SQLite allows, is text.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from cetrack.errors import UsageError
from cetrack.report.flat import Flat, flat
from cetrack.report.json import dumps, iso
from cetrack.report.table import Column, Kind, Scalar, Section, Table, first_table

_PROVENANCE = "cetrack.provenance"
_INT64 = range(-(2**63), 2**63)
_BLANK = {Kind.NUMBER: float, Kind.TIME: datetime}  # of a column without any value


def render(table: Table) -> bytes:
    """A Parquet file; ``provenance`` is a JSON list in its metadata under ``cetrack.provenance``,
    and the unit and the direction of a column are in the metadata of its field.

    Raises UsageError where pyarrow is not installed.
    """
    try:
        import pyarrow.parquet
    except ImportError:
        raise UsageError(
            "Parquet needs pyarrow, which is not installed", hint='pip install "cetrack[parquet]"'
        ) from None
    flattened = flat(table)
    arrays = [_array(*pair) for pair in zip(flattened.columns, _values(flattened), strict=True)]
    fields = [
        pyarrow.field(_utf8(column.name), array.type, metadata=_metadata(column))
        for column, array in zip(flattened.columns, arrays, strict=True)
    ]
    whole = {_PROVENANCE: dumps(list(table.provenance))} if table.provenance else None
    made = pyarrow.Table.from_arrays(arrays, schema=pyarrow.schema(fields, metadata=whole))
    buffer = io.BytesIO()
    pyarrow.parquet.write_table(made, buffer, compression="zstd")
    return buffer.getvalue()


def render_sections(sections: Sequence[Section]) -> bytes:
    """Parquet holds one table: the first section that is one."""
    return render(first_table(sections, "Parquet"))


def _values(flattened: Flat) -> Iterable[tuple[Scalar, ...]]:
    if not flattened.rows:
        return [()] * len(flattened.columns)
    return zip(*flattened.rows, strict=True)


def _array(column: Column, cells: Sequence[Scalar]) -> Any:
    """The cells as an Arrow array of the narrowest type that holds them all."""
    import pyarrow as pa

    kinds = {type(cell) for cell in cells if cell is not None} or {_BLANK.get(column.kind, str)}
    if kinds == {bool}:
        return pa.array(cells, pa.bool_())
    if kinds == {datetime}:
        return pa.array(cells, pa.timestamp("us", tz="UTC"))
    if kinds == {int} and all(cell is None or cell in _INT64 for cell in cells):
        return pa.array(cells, pa.int64())
    if kinds <= {int, float} and float in kinds:
        return pa.array([_float(cell) for cell in cells], pa.float64())
    return pa.array([_text(cell) for cell in cells], pa.string())


def _float(cell: Any) -> float | None:
    return None if cell is None else float(cell)


def _text(cell: Scalar) -> str | None:
    if cell is None:
        return None
    if isinstance(cell, bool):
        return str(cell).lower()
    if isinstance(cell, datetime):
        return iso(cell)
    return _utf8(cell) if isinstance(cell, str) else repr(cell)


def _utf8(text: str) -> str:
    """The text with lone surrogates as escapes."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _metadata(column: Column) -> dict[str, str] | None:
    known = {"unit": column.unit, "direction": column.direction}
    return {key: _utf8(value) for key, value in known.items() if value} or None
