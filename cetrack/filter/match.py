"""Tree → answer for one run that is at hand as plain values.

The same logic as ``sql.py``, in Python: for live runs, for files that are not ingested yet, and as
the reference that the SQL is tested against. Knows no database.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, assert_never

from cetrack.filter.fields import (
    FIELDS,
    ValueKind,
    kind_of,
    shape_pattern_spellings,
    shape_spellings,
)
from cetrack.filter.glob import fold, glob_matches, shape_globs
from cetrack.filter.tree import (
    AGGREGATE,
    And,
    Comparison,
    Exists,
    Expr,
    FieldRef,
    Glob,
    In,
    MetricRef,
    Not,
    Numeral,
    Op,
    Or,
    ParamRef,
    Period,
    Ref,
    TagRef,
    Value,
)

ORDER: Mapping[Op, Callable[[Any, Any], Any]] = {
    Op.EQ: operator.eq,
    Op.LT: operator.lt,
    Op.LE: operator.le,
    Op.GT: operator.gt,
    Op.GE: operator.ge,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricValues:
    """The aggregates of one metric of one run, as ``run_metric`` keeps them; None or NaN: none."""

    last: float | None = None
    first: float | None = None
    min: float | None = None
    max: float | None = None
    mean: float | None = None
    std: float | None = None
    count: int | None = None
    nan_count: int | None = None
    n: int | None = None
    last_step: int | None = None
    min_step: int | None = None
    max_step: int | None = None


@dataclass(frozen=True, slots=True)
class ParamCell:
    """A parameter as the ``param`` table keeps it."""

    text: str | None
    number: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FilterRun:
    """What a filter can ask of a run.

    ``fields`` by canonical name, text, number or datetime (a naive one is UTC); None, blank and
    absent are the same. A metric may be a bare number, its last value.
    """

    fields: Mapping[str, object] = field(default_factory=dict)
    metrics: Mapping[str, MetricValues | float] = field(default_factory=dict)
    params: Mapping[str, ParamCell | str | float | bool | None] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)


Known = str | int | float | datetime | ParamCell


def matches(expr: Expr, run: FilterRun) -> bool:
    """Whether the filter holds for the run."""
    match expr:
        case And(parts):
            return all(matches(part, run) for part in parts)
        case Or(parts):
            return any(matches(part, run) for part in parts)
        case Not(part):
            return not matches(part, run)
        case Exists(ref):
            return _exists(ref, run)
        case Comparison(ref, op, value):
            known = _known(ref, run)
            return known is not None and _compares(ref, known, op, value)
        case In(ref, values, negated):
            known = _known(ref, run)
            return known is not None and negated != any(
                _compares(ref, known, Op.EQ, value) for value in values
            )
        case Glob(ref, patterns, negated):
            text = _text(_known(ref, run))
            return text is not None and negated != any(
                _matches_glob(ref, pattern, text) for pattern in patterns
            )
        case _:
            assert_never(expr)


# --- what a run has -----------------------------------------------------------------------------


def _exists(ref: Ref, run: FilterRun) -> bool:
    match ref:
        case MetricRef(name, aggregate) if aggregate == AGGREGATE:
            return name in run.metrics
        case FieldRef() | MetricRef():
            return _known(ref, run) is not None
        case ParamRef(key):
            return key in run.params
        case TagRef(key):
            return key in run.tags
        case _:
            assert_never(ref)


def _known(ref: Ref, run: FilterRun) -> Known | None:
    """The value of a reference, None where it is missing."""
    match ref:
        case FieldRef(name):
            return _field(name, run.fields.get(name))
        case MetricRef(name, aggregate):
            found = run.metrics.get(name)
            values = found if isinstance(found, MetricValues) else MetricValues(last=found)
            return _number(getattr(values, aggregate))
        case ParamRef(key):
            cell = _cell(run.params.get(key))
            return None if cell == ParamCell(None, None) else cell
        case TagRef(key):
            return run.tags.get(key)
        case _:
            assert_never(ref)


def _field(name: str, value: object) -> Known | None:
    if value is None or value == "":
        return None
    match FIELDS[name].kind:
        case ValueKind.NUMBER | ValueKind.INT:
            assert isinstance(value, int | float)
            return _number(value)
        case ValueKind.TIME:
            assert isinstance(value, datetime)
            return value.replace(tzinfo=UTC) if value.tzinfo is None else value
        case _:
            return str(value)


def _number(value: float | None) -> float | None:
    return None if value is None or math.isnan(value) else value


def _cell(value: ParamCell | str | float | bool | None) -> ParamCell:
    """The cell that the store makes of a value."""
    if isinstance(value, ParamCell):
        return ParamCell(value.text, _number(value.number))
    if value is None or isinstance(value, bool):
        return ParamCell(None if value is None else str(value).lower(), None)
    text = value if isinstance(value, str) else repr(value)
    try:
        return ParamCell(text, _number(float(text)))
    except (ValueError, OverflowError):
        return ParamCell(text, None)


def _text(known: Known | None) -> str | None:
    return known.text if isinstance(known, ParamCell) else None if known is None else str(known)


# --- comparing ----------------------------------------------------------------------------------


def _compares(ref: Ref, known: Known, op: Op, value: Value) -> bool:
    if op is Op.NE:
        return not _compares(ref, known, Op.EQ, value)
    match value:
        case str():
            text = _text(known)
            return text is not None and fold(text) in folded_values(ref, value)
        case Numeral(text, number):
            assert isinstance(known, ParamCell)
            return _numeral_compares(known, op, text, number)
        case Period():
            return all(ORDER[order](known, bound) for order, bound in bounds(op, value))
        case int() | float():
            return bool(ORDER[op](known, value))
        case _:
            assert_never(value)


def _numeral_compares(cell: ParamCell, op: Op, text: str, number: float) -> bool:
    same_text = op is Op.EQ and cell.text is not None and fold(cell.text) == fold(text)
    return same_text or (cell.number is not None and bool(ORDER[op](cell.number, number)))


def _matches_glob(ref: Ref, pattern: str, text: str) -> bool:
    if kind_of(ref) is not ValueKind.SHAPE:
        return glob_matches(pattern, text)
    return any(
        glob_matches(rightly, text) and not glob_matches(beyond, text)
        for rightly, beyond in map(shape_globs, shape_pattern_spellings(pattern))
    )


# --- shared with sql.py -------------------------------------------------------------------------


def folded_values(ref: Ref, value: str) -> list[str]:
    """The folded texts that equal ``value`` beside such a reference."""
    spellings = shape_spellings(value) if kind_of(ref) is ValueKind.SHAPE else (value,)
    return [fold(spelling) for spelling in spellings]


def bounds(op: Op, period: Period) -> tuple[tuple[Op, datetime], ...]:
    """What must hold of a moment so that it compares so with a period."""
    table: dict[Op, tuple[tuple[Op, datetime], ...]] = {
        Op.EQ: ((Op.GE, period.start), (Op.LT, period.end)),
        Op.LT: ((Op.LT, period.start),),
        Op.LE: ((Op.LT, period.end),),
        Op.GT: ((Op.GE, period.end),),
        Op.GE: ((Op.GE, period.start),),
    }
    return table[op]
