"""Tree → SQL over the ``run`` table: which runs match.

What runs refer to by key (model, precision, environment …) is looked up first, once a statement,
so that the database searches ``run`` by its indexes; metrics, parameters and tags become
sub-queries that multiply no row. Every value is bound; no leaf is ever NULL, so that NOT is the
complement. What differs between databases is in ``constructs``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, assert_never

from sqlalchemy import ColumnElement, FromClause, Select, and_, literal, or_, select
from sqlalchemy import Exists as RowExists

from cetrack.filter.constructs import (
    ascii_lower,
    formula,
    glob_match,
    is_one_of,
    owns_row,
    unjoined,
)
from cetrack.filter.fields import ValueKind, kind_of, shape_pattern_spellings
from cetrack.filter.following import derived_rows, of_run
from cetrack.filter.glob import fold, postgres_regex, shape_globs, sqlite_glob
from cetrack.filter.match import ORDER, bounds, folded_values
from cetrack.filter.stored import HOMES, RUN, Home, may_be_derived
from cetrack.filter.tree import (
    AGGREGATE,
    And,
    Comparison,
    Exists,
    Expr,
    FieldRef,
    Glob,
    In,
    Leaf,
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
from cetrack.models import Metric, Param, RunMetric, Tag, runs_view

Column = ColumnElement[Any]
Condition = ColumnElement[bool]

_METRIC, _PARAM, _RUN_METRIC, _TAG = (table.__table__ for table in (Metric, Param, RunMetric, Tag))
_NEUTRAL = {"AND": "1 = 1", "OR": "1 = 0"}
_JOINED = 6  # so many conditions a planner may turn into joins
_CHUNK = 100  # SQLite refuses an expression deeper than 1000, and reads a OR b OR … as nested


def to_sql(expr: Expr, rows: FromClause = runs_view) -> Condition:
    """The condition that a row belongs to a run that matches.

    ``rows`` is what the query selects from: a view, a table with a ``run_id``, an alias of one::

        select(runs_view.c.uid).where(to_sql(parse("category=vision and accuracy >= 0.9")))
    """
    return is_one_of(rows.c.run_id, matching_runs(expr))


def matching_runs(expr: Expr | None) -> Select[Any]:
    """The ids of the runs that match, from ``stored.RUN``; of all runs for None."""
    query = select(RUN.c.id)
    return query if expr is None else query.where(_compiled(_normal(expr, negated=False)))


# --- logic --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Joined:
    """Conditions joined by ``word``; ``depth`` is how deep they are nested."""

    word: str
    parts: tuple[_Joined | _Literal, ...]
    depth: int


@dataclass(frozen=True, slots=True)
class _Literal:
    """A leaf or its complement."""

    leaf: Leaf
    negated: bool
    depth: int = 0


def _normal(expr: Expr, *, negated: bool) -> _Joined | _Literal:
    """The same condition with NOT at the leaves only and no AND right inside an AND.

    SQLite's parser has a stack of 100 places: a NOT takes two of them per level, and so does a
    nested condition that does not come first.
    """
    match expr:
        case Not(part):
            return _normal(part, negated=not negated)
        case And(parts):
            return _join("OR" if negated else "AND", parts, negated=negated)
        case Or(parts):
            return _join("AND" if negated else "OR", parts, negated=negated)
        case _:
            return _Literal(expr, negated)


def _join(word: str, parts: Sequence[Expr], *, negated: bool) -> _Joined:
    flat: list[_Joined | _Literal] = []
    for part in parts:
        match _normal(part, negated=negated):
            case _Joined(inner_word, inner) if inner_word == word:
                flat.extend(inner)
            case normal:
                flat.append(normal)
    flat.sort(key=lambda part: -part.depth)
    return _Joined(word, tuple(flat), 1 + max((part.depth for part in flat), default=0))


def _compiled(normal: _Joined | _Literal) -> Condition:
    leaves: list[Condition] = []

    def template(node: _Joined | _Literal, *, narrows: bool) -> str:
        if isinstance(node, _Joined):
            narrows = narrows and node.word == "AND"
            return _joined_text(node.word, [template(part, narrows=narrows) for part in node.parts])
        condition = _leaf(node.leaf, narrows=narrows and not node.negated)
        if len(leaves) >= _JOINED and not isinstance(node.leaf.ref, FieldRef):
            condition = unjoined(condition)
        leaves.append(_none(condition) if node.negated else condition)
        return "{}"

    text = template(normal, narrows=True)
    return leaves[0] if isinstance(normal, _Literal) else formula(f"({text})", leaves)


def _joined_text(word: str, parts: Sequence[str]) -> str:
    """The parts, a hundred at a time; only an OR inside an AND is in parentheses."""
    joined = list(parts) or [_NEUTRAL[word]]
    if word == "AND":
        joined = [f"({part})" if " OR " in part else part for part in joined]
    if len(joined) <= _CHUNK:
        return f" {word} ".join(joined)
    chunks = range(0, len(joined), _CHUNK)
    texts = (f" {word} ".join(joined[start : start + _CHUNK]) for start in chunks)
    return _joined_text(word, [f"({text})" for text in texts])


# --- leaves -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Cell:
    """Where a value is: a text column, a column of numbers or times, or (a parameter) both."""

    text: Column | None = None
    plain: Column | None = None

    @property
    def is_known(self) -> Condition:
        """Whether there is a value."""
        return or_(
            *(column.is_not(None) for column in (self.text, self.plain) if column is not None)
        )


def _leaf(leaf: Leaf, *, narrows: bool) -> Condition:
    """``narrows``: nothing matches for which this leaf does not hold."""
    ref = leaf.ref
    match ref:
        case FieldRef(name):
            return _field_holds(leaf, HOMES[name], narrows=narrows)
        case MetricRef(name, aggregate):
            measured = _is_measured(leaf, name, aggregate)
            if not may_be_derived(name, aggregate):
                return measured
            return _any_of([measured, _is_derived(leaf, name)])
        case ParamRef(key):
            cell = _Cell(text=_PARAM.c.text, plain=_PARAM.c.number)
            return _exists(_rows(leaf, _PARAM, _PARAM.c.key == key, cell=cell))
        case TagRef(key):
            return _exists(_rows(leaf, _TAG, _TAG.c.key == key, cell=_Cell(text=_TAG.c.value)))
        case _:
            assert_never(ref)


def _is_measured(leaf: Leaf, name: str, aggregate: str) -> Condition:
    # resolved once, so that the search in run_metric is one by index
    metric = select(_METRIC.c.id).where(_METRIC.c.name == name).correlate(None)
    chosen = _RUN_METRIC.c.metric_id == metric.scalar_subquery()
    rows = _rows(leaf, _RUN_METRIC, chosen, cell=_Cell(plain=_RUN_METRIC.c[aggregate]))
    # ix_run_metric_metric_id_last_run_id answers for the last value by itself
    return owns_row(RUN.c.id, rows, _exists(rows)) if aggregate == AGGREGATE else _exists(rows)


def _is_derived(leaf: Leaf, name: str) -> Condition:
    rows = derived_rows(name)
    value = rows.selected_columns.value
    return of_run(rows.where(_holds(leaf, _Cell(plain=value))), value).exists()


def _field_holds(leaf: Leaf, home: Home, *, narrows: bool) -> Condition:
    is_text = kind_of(leaf.ref) in (ValueKind.TEXT, ValueKind.SHAPE, ValueKind.PRECISION)
    cell = _Cell(text=home.shown) if is_text else _Cell(plain=home.shown)
    if home.key is None:
        return _holds(leaf, cell)
    if isinstance(leaf, Exists) and not home.may_be_unknown:
        return home.key.is_not(None)
    keys = select(home.table.c.id).where(_holds(leaf, cell))
    if home.table_grows:
        return keys.where(home.table.c.id == home.key).correlate(RUN).exists()
    found = is_one_of(home.key, keys) if narrows else home.key.in_(keys.correlate(None))
    return and_(home.key.is_not(None), found) if home.key_may_be_null else found


def _rows(leaf: Leaf, table: FromClause, chosen: Condition, *, cell: _Cell) -> Select[Any]:
    """The run ids of the rows of ``table`` for which the leaf holds."""
    query = select(table.c.run_id).where(chosen)
    return query if _asks_for_row(leaf) else query.where(_holds(leaf, cell))


def _exists(rows: Select[Any]) -> RowExists:
    owner = rows.selected_columns.run_id
    # correlating by hand: the query around may itself select from the same table
    return rows.where(owner == RUN.c.id).correlate(RUN).exists()


def _asks_for_row(leaf: Leaf) -> bool:
    """Whether the row alone is the answer; of a metric's aggregate the value is asked for."""
    match leaf:
        case Exists(MetricRef(_, aggregate)):
            return aggregate == AGGREGATE
        case _:
            return isinstance(leaf, Exists)


def _holds(leaf: Leaf, cell: _Cell) -> Condition:
    """True or false, never NULL."""
    match leaf:
        case Exists():
            return cell.is_known
        case Comparison(ref, Op.NE, value):
            return and_(cell.is_known, _none(_equals(ref, cell, (value,))))
        case Comparison(ref, Op.EQ, value):
            return _equals(ref, cell, (value,))
        case Comparison(_, op, value):
            return _is_ordered(cell, op, value)
        case In(ref, values, negated):
            equal = _equals(ref, cell, values)
            return and_(cell.is_known, _none(equal)) if negated else equal
        case Glob(ref, patterns, negated):
            text = _required(cell.text)
            found = _any_of([_glob(ref, text, pattern) for pattern in patterns])
            return and_(text.is_not(None), _none(found) if negated else found)
        case _:
            assert_never(leaf)


def _equals(ref: Ref, cell: _Cell, values: Sequence[Value]) -> Condition:
    texts: list[str] = []
    numbers: list[float] = []
    found: list[Condition] = []
    for value in values:
        match value:
            case str():
                texts.extend(folded_values(ref, value))
            case Numeral(text, number):
                texts.append(fold(text))
                numbers.append(number)
            case Period():
                found.append(_is_ordered(cell, Op.EQ, value))
            case int() | float():
                numbers.append(value)
            case _:
                assert_never(value)
    if texts:
        text_column = _required(cell.text)
        found.append(and_(text_column.is_not(None), ascii_lower(text_column).in_(texts)))
    if numbers:
        plain = _required(cell.plain)
        found.append(and_(plain.is_not(None), plain.in_(numbers)))
    return _any_of(found)


def _is_ordered(cell: _Cell, op: Op, value: Value) -> Condition:
    column = _required(cell.plain)
    match value:
        case Period():
            compared = [ORDER[order](column, bound) for order, bound in bounds(op, value)]
        case Numeral(_, number) | (int() | float() as number):
            compared = [ORDER[op](column, number)]
        case str():
            raise TypeError(f"text has no order: {value!r}")
        case _:
            assert_never(value)
    return and_(column.is_not(None), *compared)


def _glob(ref: Ref, text: Column, pattern: str) -> Condition:
    if kind_of(ref) is not ValueKind.SHAPE:
        return glob_condition(text, pattern)
    spelled = map(shape_globs, shape_pattern_spellings(pattern))
    return _any_of(
        [
            and_(glob_condition(text, rightly), _none(glob_condition(text, beyond)))
            for rightly, beyond in spelled
        ]
    )


def glob_condition(text: Column, pattern: str) -> Condition:
    """Whether the text matches a glob; NULL for NULL."""
    spellings = literal(sqlite_glob(pattern)), literal(postgres_regex(pattern))
    return glob_match(ascii_lower(text), *spellings)


def _required(column: Column | None) -> Column:
    """The column that the kind of the reference promises."""
    assert column is not None
    return column


def _none(condition: Condition) -> Condition:
    return formula("(NOT ({}))", [condition])


def _any_of(conditions: Sequence[Condition]) -> Condition:
    if len(conditions) == 1:
        return conditions[0]
    return formula(f"({_joined_text('OR', ['{}'] * len(conditions))})", conditions)
