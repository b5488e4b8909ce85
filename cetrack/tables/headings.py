"""The columns of a table for papers: names, headings, units, arrows and decimals. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from cetrack.report.json import iso
from cetrack.report.measures import paper_column
from cetrack.report.table import Cell, Column, Kind
from cetrack.selecting import MetricFacts
from cetrack.table_request import Order, Show
from cetrack.tables.grid import Key

SIGNS = {Show.VALUE: "", Show.DELTA: "Δ", Show.DELTA_PCT: "Δ%", Show.RATIO: "ratio"}
_TELL_THEMSELVES = frozenset({"model", "library", "category", "precision", "method", "kind"})


@dataclass(frozen=True, slots=True)
class Measure:
    """A column of numbers: what of which metric it shows, and under which values of the fields."""

    metric: MetricFacts
    key: Key
    show: Show


Cells = Mapping[Measure, Sequence[Cell]]


def field_column(field: str, cells: Sequence[Any]) -> Column:
    """The column of a field of runs, by what it holds."""
    known = [cell for cell in cells if cell is not None]
    if field.endswith("uid"):
        kind = Kind.UID
    elif known and all(isinstance(cell, datetime) for cell in known):
        kind = Kind.TIME
    else:
        is_number = known and all(isinstance(cell, int | float) for cell in known)
        kind = Kind.NUMBER if is_number else Kind.TEXT
    return Column(name=field, kind=kind, title=field.replace("_", " ").capitalize())


def measure_columns(
    cells: Cells,
    fields: Sequence[str],
    *,
    order: Order,
    digits: Mapping[str, int],
    taken: Sequence[str],
) -> list[Column]:
    """A column per measure, whose keys are values of ``fields``; no name is one of ``taken``."""
    parts = _titles(fields, list(dict.fromkeys(measure.key for measure in cells)))
    measured = Counter((measure.metric.name, measure.key) for measure in cells)
    styles = _styles(cells, digits)
    columns = [
        _column(
            measure,
            styles[measure.metric.name],
            parts[measure.key],
            order,
            is_alone=measured[measure.metric.name, measure.key] == 1,
        )
        for measure in cells
    ]
    names = _distinct([column.name for column in columns], taken)
    return [replace(column, name=name) for column, name in zip(columns, names, strict=True)]


def _styles(cells: Cells, digits: Mapping[str, int]) -> dict[str, Column]:
    """Metric → title, unit, direction and the decimals that all its values share."""
    values: dict[MetricFacts, list[Cell]] = {measure.metric: [] for measure in cells}
    for measure, several in cells.items():
        if measure.show is Show.VALUE:
            values[measure.metric] += several
    found = {}
    for metric, known in values.items():
        style = paper_column(
            metric.name,
            unit=metric.unit,
            direction=metric.direction,
            family=metric.family,
            cells=known,
        )
        found[metric.name] = replace(style, places=digits.get(metric.name, style.places))
    return found


def _column(
    measure: Measure, style: Column, parts: Sequence[str], order: Order, *, is_alone: bool
) -> Column:
    show, label, heading = measure.show, style.title or style.name, " ".join(parts)
    name = ".".join([style.name, *parts, *([] if show is Show.VALUE else [show.value])])
    column = replace(_shown_as(style, show), name=name)
    if is_alone and not heading:
        return replace(column, title=f"{label} {SIGNS[show]}".strip())
    if heading and order is Order.COLUMN:
        return replace(column, title=f"{label} {SIGNS[show]}".strip(), group=heading)
    above = " ".join((label, *style.signs))
    return replace(column, title=f"{heading} {SIGNS[show]}".strip() or "value", group=above)


def _shown_as(style: Column, show: Show) -> Column:
    """The decimals and the unit of a change: a difference has those of the metric."""
    if show is Show.DELTA_PCT:
        return replace(style, unit=None, places=paper_column(show, unit="%").places)
    if show is Show.RATIO:
        return replace(style, unit=None, places=paper_column(show, family="compression").places)
    return style


def _titles(fields: Sequence[str], keys: Sequence[Key]) -> dict[Key, tuple[str, ...]]:
    """What tells each key of the columns from the others."""
    short = {key: _parts(fields, key) for key in keys}
    shared = Counter(short.values())
    return {
        key: parts if shared[parts] == 1 else _parts(fields, key, all_named=True)
        for key, parts in short.items()
    }


def _parts(fields: Sequence[str], key: Key, *, all_named: bool = False) -> tuple[str, ...]:
    known = [(field, value) for field, value in zip(fields, key, strict=True) if value is not None]
    if not known:
        return tuple(f"no {field}" for field in fields)
    return tuple(
        str(_text(value))
        if field in _TELL_THEMSELVES and not all_named
        else f"{field}={_text(value)}"
        for field, value in known
    )


def _text(value: Any) -> str:
    if isinstance(value, datetime):
        return iso(value)
    return f"{value:g}" if isinstance(value, float) else str(value)


def _distinct(names: Sequence[str], taken: Sequence[str]) -> list[str]:
    """The names, those that are taken numbered."""
    found = list(taken)
    for name in names:
        number, candidate = 1, name
        while candidate in found:
            number += 1
            candidate = f"{name}_{number}"
        found.append(candidate)
    return found[len(taken) :]
