"""A built-in derived metric as SQL, from the rows that its formula names.

The view ``derived_values`` says the same of all derived metrics at once. Where one is asked for,
the metrics that it follows from are known before the rows are read, and indexes find these: of a
run and its baseline, whatever else narrows the runs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, assert_never

from sqlalchemy import (
    ColumnElement,
    Double,
    Select,
    and_,
    case,
    func,
    literal_column,
    or_,
    select,
)

from cetrack.derive import Builtin, derived_metrics
from cetrack.filter.stored import RUN
from cetrack.formula import Name, Node, Of, Ref
from cetrack.formula.tree import Binary, Call, Negative, Number, Op, parts
from cetrack.models import Metric, RunMetric

Column = ColumnElement[Any]
Condition = ColumnElement[bool]

_METRIC, _RUN_METRIC = Metric.__table__, RunMetric.__table__
# beyond, PostgreSQL may raise an error instead of giving an infinite number or none
_LARGEST: Column = literal_column("1e100", Double())
_SMALLEST: Column = literal_column("1e-100", Double())
_BINARY: Mapping[Op, Callable[[Column, Column], Column]] = {
    Op.PLUS: lambda left, right: left + right,
    Op.MINUS: lambda left, right: left - right,
    Op.TIMES: lambda left, right: left * right,
    Op.OVER: lambda left, right: left / right,
}


def derived_rows(name: str) -> Select[Any]:
    """``run_id`` and ``value`` of every run of ``stored.RUN`` that a built-in derived metric
    follows for.

    Not of those that state the metric themselves. ``value`` is NULL where a number is out of range.
    """
    builtin = derived_metrics()[name]
    columns: dict[Ref, Column] = {}
    found: list[Condition] = []
    for ref in builtin.refs:
        if ref.of is Of.FIELD:
            columns[ref] = RUN.c[ref.name]
            continue
        owner = RUN.c.baseline_run_id if ref.of_baseline else RUN.c.id
        measured = _RUN_METRIC.alias()
        columns[ref] = measured.c[ref.aggregate]
        found += [measured.c.run_id == owner, measured.c.metric_id == _metric_id(ref.name)]
    value = case((and_(*_in_range(builtin, columns)), _value(builtin.node, columns)))
    query = select(RUN.c.id.label("run_id"), value.label("value"))
    return query.where(*found, ~_is_stated(name))


def of_run(rows: Select[Any], value: Column) -> Select[Any]:
    """The ``value`` alone, for the run of the query around it: two searches by index."""
    return rows.with_only_columns(value).correlate(RUN)


def _metric_id(name: str) -> Any:
    """Resolved once, so that the search in run_metric is one by index."""
    return select(_METRIC.c.id).where(_METRIC.c.name == name).correlate(None).scalar_subquery()


def _is_stated(name: str) -> Condition:
    stated = _RUN_METRIC.alias()
    is_it = and_(stated.c.run_id == RUN.c.id, stated.c.metric_id == _metric_id(name))
    return select(stated.c.run_id).where(is_it).correlate(RUN).exists()


def _in_range(builtin: Builtin, columns: Mapping[Ref, Column]) -> Iterator[Condition]:
    """What has to hold before the formula may be worked out, as in the views."""
    for ref, column in columns.items():
        if ref in builtin.positive_refs:
            yield and_(column > _SMALLEST, column <= _LARGEST)
        else:
            yield func.abs(column) <= _LARGEST
    for above in _numerators(builtin.node):
        share = _value(above, columns)
        yield or_(share == 0, func.abs(share) > _SMALLEST)


def _numerators(node: Node) -> Iterator[Node]:
    if isinstance(node, Binary) and node.op is Op.OVER:
        yield node.left
    for part in parts(node):
        yield from _numerators(part)


def _value(node: Node, columns: Mapping[Ref, Column]) -> Column:
    match node:
        case Number(value):
            return literal_column(repr(value), Double())
        case Name(ref):
            return columns[ref]
        case Negative(part):
            return -_value(part, columns)
        case Binary(op, left, right) if op in _BINARY:
            return _BINARY[op](_value(left, columns), _value(right, columns))
        case Binary() | Call():
            raise NotImplementedError(f"no built-in formula has this: {node}")
        case _:
            assert_never(node)
