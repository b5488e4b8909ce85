"""Tree → a boolean SQL expression over the ``runs`` view.

Metrics, parameters and tags become EXISTS sub-queries, so that no row is multiplied; every value
is bound; no leaf is ever NULL, so that NOT is the complement. The only module of the package that
knows SQLAlchemy and the tables; what differs between databases is in two small constructs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, assert_never

from sqlalchemy import (
    Boolean,
    ColumnElement,
    FromClause,
    Select,
    Text,
    and_,
    literal,
    literal_column,
    or_,
    select,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from cetrack.filter.fields import FIELDS, ValueKind, kind_of, shape_pattern_spellings
from cetrack.filter.glob import fold, postgres_regex, shape_globs, sqlite_glob
from cetrack.filter.match import ORDER, bounds, folded_values
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
_CHUNK = 100  # SQLite refuses an expression deeper than 1000, and reads a OR b OR … as nested


def to_sql(expr: Expr, runs: FromClause = runs_view) -> Condition:
    """The condition on ``runs``: the view itself or an alias of it, which the query selects from.

    ::

        select(runs_view.c.uid).where(to_sql(parse("category=vision and accuracy >= 0.9")))
    """
    return _compiled(_normal(expr, negated=False), runs)


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


def _compiled(normal: _Joined | _Literal, runs: FromClause) -> Condition:
    leaves: list[Condition] = []

    def template(node: _Joined | _Literal) -> str:
        if isinstance(node, _Joined):
            return _joined_text(node.word, [template(part) for part in node.parts])
        condition = _leaf(node.leaf, runs)
        leaves.append(_none(condition) if node.negated else condition)
        return "{}"

    text = template(normal)
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


def _leaf(leaf: Leaf, runs: FromClause) -> Condition:
    ref = leaf.ref
    match ref:
        case FieldRef(name):
            plain = FIELDS[name].kind in (ValueKind.NUMBER, ValueKind.INT, ValueKind.TIME)
            column = runs.c[name]
            return _holds(leaf, _Cell(plain=column) if plain else _Cell(text=column))
        case MetricRef(name, aggregate):
            # resolved once, so that the search in run_metric is one by primary key
            metric = select(_METRIC.c.id).where(_METRIC.c.name == name)
            chosen = _RUN_METRIC.c.metric_id == metric.scalar_subquery()
            cell = _Cell(plain=_RUN_METRIC.c[aggregate])
            return _row_exists(leaf, _RUN_METRIC, chosen, cell=cell, runs=runs)
        case ParamRef(key):
            cell = _Cell(text=_PARAM.c.text, plain=_PARAM.c.number)
            return _row_exists(leaf, _PARAM, _PARAM.c.key == key, cell=cell, runs=runs)
        case TagRef(key):
            cell = _Cell(text=_TAG.c.value)
            return _row_exists(leaf, _TAG, _TAG.c.key == key, cell=cell, runs=runs)
        case _:
            assert_never(ref)


def _row_exists(
    leaf: Leaf, table: FromClause, chosen: Condition, *, cell: _Cell, runs: FromClause
) -> Condition:
    query: Select[Any] = select(literal_column("1")).select_from(table)
    query = query.where(table.c.run_id == runs.c.run_id, chosen)
    if not _asks_for_row(leaf):
        query = query.where(_holds(leaf, cell))
    # correlating by hand: the query around may itself select from the same table
    return query.correlate(runs).exists()


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


# --- what SQLAlchemy has no words for -------------------------------------------------------------


class _Boolean(FunctionElement[bool]):
    """A condition that brings its own parentheses."""

    type = Boolean()
    inherit_cache = True

    def self_group(self, against: Any = None) -> Any:
        """As it is: SQLAlchemy would add ``= 1`` where a database has no booleans."""
        return self


class formula(_Boolean):  # noqa: N801 - reads as SQL
    """A template such as ``({} AND ({} OR {}))`` and the conditions to be put into it.

    One flat element however deep the filter is: SQLAlchemy's own ``and_`` and ``or_`` recurse, and
    run out of stack where the filter is still legal.
    """

    inherit_cache = True

    def __init__(self, template: str, conditions: Sequence[Condition]) -> None:
        super().__init__(literal_column(template), *conditions)


class glob_match(_Boolean):  # noqa: N801 - reads as SQL
    """Folded text, the glob for SQLite, the regular expression for PostgreSQL."""

    inherit_cache = True


class ascii_lower(FunctionElement[str]):  # noqa: N801 - reads as SQL
    """Text with A–Z in lower case, whatever the locale of the database."""

    type = Text()
    inherit_cache = True


@compiles(formula)
def _compile_formula(element: formula, compiler: SQLCompiler, **options: Any) -> str:
    template, *conditions = element.clauses
    parts = [compiler.process(condition, **options) for condition in conditions]
    return compiler.process(template, **options).format(*parts)


@compiles(glob_match, "sqlite")
def _compile_sqlite_glob(element: glob_match, compiler: SQLCompiler, **options: Any) -> str:
    text, glob, _ = (compiler.process(clause, **options) for clause in element.clauses)
    return f"({text} GLOB {glob})"


@compiles(glob_match, "postgresql")
def _compile_postgres_glob(element: glob_match, compiler: SQLCompiler, **options: Any) -> str:
    text, _, regex = (compiler.process(clause, **options) for clause in element.clauses)
    return f"({text} ~ {regex})"


@compiles(ascii_lower, "sqlite")
def _compile_sqlite_lower(element: ascii_lower, compiler: SQLCompiler, **options: Any) -> str:
    return f"lower({compiler.process(element.clauses, **options)})"


@compiles(ascii_lower, "postgresql")
def _compile_postgres_lower(element: ascii_lower, compiler: SQLCompiler, **options: Any) -> str:
    return f'lower({compiler.process(element.clauses, **options)} COLLATE "C")'
