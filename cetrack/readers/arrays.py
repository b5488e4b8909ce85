"""Columns whose cells are arrays written as text, as Keras' CSVLogger does: ``"[0.1, 0.2]"``."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from cetrack.domain import FloatArray
from cetrack.readers.columns import Column
from cetrack.readers.numbers import is_missing, number_in_text
from cetrack.readers.rows import Rows

_LONGEST = 1000  # elements of a cell
_GAP = re.compile(r"[,\s]+")


def with_elements(rows: Rows) -> Rows:
    """The table with a column per element (``name.0``, ``name.1``) where all cells of a column are
    arrays of one length."""
    columns: dict[str, Column] = {}
    for name, column in rows.columns.items():
        elements = None if column.is_number else _elements(column)
        if elements is None:
            columns[name] = column
        else:
            columns.update({f"{name}.{place}": item for place, item in enumerate(elements)})
    return replace(rows, columns=columns) if columns.keys() != rows.columns.keys() else rows


def _elements(column: Column) -> list[Column] | None:
    present = [place for place, cell in enumerate(column.cells) if not is_missing(cell)]
    if not present:
        return None
    found: list[Sequence[float]] = []
    for place in present:
        numbers = _numbers(column.cells[place])
        if numbers is None or (found and len(numbers) != len(found[0])):
            return None
        found.append(numbers)
    values: FloatArray = np.array(found, np.float64)
    mine = column.rows[present]
    return [Column(mine, np.ascontiguousarray(item)) for item in values.T]


def _numbers(cell: str) -> list[float] | None:
    """The numbers of ``[0.1, 0.2]`` or ``[0.1 0.2]``; None for other text."""
    bare = cell.strip().strip('"').strip()
    if not (bare.startswith("[") and bare.endswith("]")):
        return None
    words = [word for word in _GAP.split(bare[1:-1].strip()) if word]
    if not 0 < len(words) <= _LONGEST:
        return None
    numbers = [number_in_text(word) for word in words]
    return (
        [item[0] for item in numbers if item is not None and not item[1]]
        if all(item is not None and not item[1] for item in numbers)
        else None
    )
