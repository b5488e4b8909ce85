"""Random formulas, and a slow evaluator in plain Python to compare the arrays with."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from hypothesis import strategies as st

from cetrack.formula.tree import (
    AGGREGATES,
    FIELDS,
    FUNCTIONS,
    Binary,
    Call,
    Name,
    Negative,
    Node,
    Number,
    Of,
    Op,
    Ref,
)

_TEXT = st.text(st.characters(codec="utf-8"), min_size=1, max_size=8)
_WORDS = st.sampled_from(
    ["accuracy", "min", "baseline", "metric", "param", "batch_size", "a.max", "x.y", "0", "é", "_"]
)
METRICS = st.builds(
    Ref, st.just(Of.METRIC), _WORDS | _TEXT, st.sampled_from(AGGREGATES), st.booleans()
)
PARAMS = st.builds(Ref, st.just(Of.PARAM), _WORDS | _TEXT, st.just("last"), st.booleans())
FIELD_REFS = st.builds(
    Ref, st.just(Of.FIELD), st.sampled_from(FIELDS), st.just("last"), st.booleans()
)
REFS = METRICS | PARAMS | FIELD_REFS
NUMBERS = st.builds(
    Number, st.floats(0, allow_nan=False, allow_infinity=False) | st.integers(0, 9).map(float)
)


def trees(
    leaves: st.SearchStrategy[Node],
    ops: tuple[Op, ...] = tuple(Op),
    functions: tuple[str, ...] = tuple(FUNCTIONS),
) -> st.SearchStrategy[Node]:
    """Formulas of these leaves, operators and functions."""

    def larger(inner: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
        calls = [
            st.builds(
                Call,
                st.just(name),
                st.lists(inner, min_size=about.least, max_size=about.most or 3).map(tuple),
            )
            for name, about in FUNCTIONS.items()
            if name in functions
        ]
        binary = st.builds(Binary, st.sampled_from(ops), inner, inner)
        return st.one_of(st.builds(Negative, inner), binary, *calls)

    return st.recursive(leaves, larger, max_leaves=12)


NONE = math.nan


def slow_value(node: Node, values: Mapping[Ref, float]) -> float:
    """The value for one run; NaN: none."""
    match node:
        case Number(value):
            return value
        case Name(ref):
            return _finite(values.get(ref, NONE))
        case Negative(part):
            return -slow_value(part, values)
        case Binary(op, left, right):
            return _result(_BINARY[op], slow_value(left, values), slow_value(right, values))
        case Call(function, arguments):
            return _result(_CALLS[function], *(slow_value(part, values) for part in arguments))


def _result(function: Callable[..., float], *arguments: float) -> float:
    if any(map(math.isnan, arguments)):
        return NONE
    try:
        return _finite(function(*arguments))
    except (ArithmeticError, ValueError):
        return NONE


def _finite(value: float) -> float:
    return value if math.isfinite(value) else NONE


def _power(base: float, exponent: float) -> float:
    if base < 0 and exponent != int(exponent):
        return NONE  # Python would make it complex
    return base**exponent


_BINARY: Mapping[Op, Callable[[float, float], float]] = {
    Op.PLUS: lambda a, b: a + b,
    Op.MINUS: lambda a, b: a - b,
    Op.TIMES: lambda a, b: a * b,
    Op.OVER: lambda a, b: a / b,
    Op.POWER: _power,
}
_CALLS: Mapping[str, Callable[..., float]] = {
    "min": min,
    "max": max,
    "abs": abs,
    "sqrt": math.sqrt,
    "exp": math.exp,
    "log": math.log,
    "log2": math.log2,
    "log10": math.log10,
    "clamp": lambda value, low, high: min(max(value, low), high),
}
