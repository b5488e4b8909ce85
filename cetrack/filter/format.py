"""Tree → filter text that parses to the same tree.

The text is canonical: fields by their full names, metrics with their namespace. Knows the grammar
only as far as quoting and parentheses need it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_never

from cetrack.filter.fields import AGGREGATES, ValueKind, kind_of
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
    Or,
    ParamRef,
    Period,
    Ref,
    TagRef,
    Value,
)
from cetrack.filter.values import is_number
from cetrack.filter.words import is_bare, quoted_text


def format_filter(expr: Expr) -> str:
    """The text of a filter; empty for the filter that always holds."""
    match expr:
        case And(parts):
            return " and ".join(_nested(part, (And, Or)) for part in parts)
        case Or(parts):
            return " or ".join(_nested(part, (Or,)) for part in parts)
        case Not(Exists(ref)):
            return f"{_ref(ref)} not exists"
        case Not(part):
            return f"not {_nested(part, (And, Or))}"
        case Exists(ref):
            return f"{_ref(ref)} exists"
        case Comparison(ref, op, value):
            return f"{_ref(ref)} {op} {_value(ref, value)}"
        case In(ref, values, negated):
            listed = ", ".join(_value(ref, value) for value in values)
            return f"{_ref(ref)} {'not in' if negated else 'in'} ({listed})"
        case Glob(ref, patterns, negated):
            listed = ", ".join(quoted_text(pattern) for pattern in patterns)
            return f"{_ref(ref)} {'!~' if negated else '~'} {listed}"
        case _:
            assert_never(expr)


def _nested(part: Expr, looser: tuple[type[Expr], ...]) -> str:
    text = format_filter(part)
    return f"({text})" if isinstance(part, looser) else text


def _ref(ref: Ref) -> str:
    match ref:
        case FieldRef(name):
            return name
        case MetricRef(name, aggregate):
            suffix = "" if aggregate == AGGREGATE else f".{aggregate}"
            return f"metric.{_key(name, unlike=AGGREGATES)}{suffix}"
        case ParamRef(key):
            return f"param.{_key(key)}"
        case TagRef(key):
            return f"tag.{_key(key)}"
        case _:
            assert_never(ref)


def _key(key: str, *, unlike: Sequence[str] | dict[str, ValueKind] = ()) -> str:
    """The key, quoted where its end would be taken for something else."""
    mistaken = key.rpartition(".")[2] in unlike
    return key if is_bare(f"_{key}") and not mistaken else quoted_text(key)


def _value(ref: Ref, value: Value) -> str:
    match value:
        case str():
            mistaken = kind_of(ref) is ValueKind.PARAM and is_number(value)
            return value if is_bare(value) and not mistaken else quoted_text(value)
        case Numeral(text) | Period(text):
            return text
        case int():
            return str(value)
        case float():
            return repr(value).removesuffix(".0")
        case _:
            assert_never(value)
