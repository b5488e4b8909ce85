"""Tables as strict JSON, and back without loss. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, fields
from datetime import datetime
from typing import Any

from cetrack.report.json import iso
from cetrack.report.table import Cell, Column, Kind, Spread, Table

_NOT_FINITE = ("nan", "inf", "-inf")


def encoded(cell: Cell) -> Any:
    """A cell as strict JSON: text, numbers, truth values and nothing as they are, else an object.

    ``{"time": …}``, ``{"mean": …, "std": …, "n": …}``, ``{"number": "inf"}``.
    """
    if isinstance(cell, Spread):
        return {"mean": encoded(cell.mean), "std": encoded(cell.std), "n": cell.n}
    if isinstance(cell, datetime):
        return {"time": iso(cell)}
    if isinstance(cell, float) and not math.isfinite(cell):
        return {"number": str(cell)}
    return cell


def decoded(value: Any) -> Cell:
    """The cell that ``encoded`` wrote. Raises ValueError, KeyError or TypeError for any other."""
    if not isinstance(value, Mapping):
        if value is None or isinstance(value, str | int | float):
            return value
        raise TypeError(f"no cell: {value!r}")
    if "time" in value:
        return datetime.fromisoformat(value["time"])
    if "number" in value:
        if value["number"] not in _NOT_FINITE:
            raise ValueError(f"no number: {value['number']!r}")
        return float(value["number"])
    return Spread(_float(value["mean"]), _optional(value["std"]), value["n"])


def _optional(value: Any) -> float | None:
    return None if value is None else _float(value)


def _float(value: Any) -> float:
    found = decoded(value)
    if not isinstance(found, float):
        raise TypeError(f"no number: {value!r}")
    return found


def encoded_table(table: Table) -> dict[str, Any]:
    """A table as strict JSON."""
    return {
        "columns": [asdict(column) for column in table.columns],
        "rows": [[encoded(cell) for cell in row] for row in table.rows],
        "best": sorted(list(place) for place in table.best),
        "notes": list(table.notes),
        "provenance": list(table.provenance),
        "caption": table.caption,
        "missing": table.missing,
    }


def decoded_table(value: Mapping[str, Any]) -> Table:
    """The table that ``encoded_table`` wrote. Raises ValueError, KeyError or TypeError for any
    other."""
    return Table(
        columns=tuple(_column(column) for column in value["columns"]),
        rows=tuple(tuple(decoded(cell) for cell in row) for row in value["rows"]),
        best=frozenset((row, column) for row, column in value["best"]),
        notes=tuple(value["notes"]),
        provenance=tuple(value["provenance"]),
        caption=value["caption"],
        missing=value["missing"],
    )


def _column(value: Mapping[str, Any]) -> Column:
    """A column as it was written, by whichever version: what that one did not know is as usual."""
    known = {field.name: value[field.name] for field in fields(Column) if field.name in value}
    return Column(**{**known, "kind": Kind(value["kind"])})
