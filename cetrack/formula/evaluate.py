"""Tree and arrays → values, for many runs at once. A value is a finite number, or there is none."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import reduce
from typing import assert_never

import numpy as np

from cetrack.domain import FloatArray
from cetrack.formula.tree import Binary, Call, Name, Negative, Node, Number, Op, Ref

_NONE = np.float64("nan")


def evaluate(node: Node, values: Mapping[Ref, FloatArray]) -> FloatArray:
    """The formula for n runs: ``values`` are float64[n], NaN where a run has no such number.

    Returns float64[n]. A run has no value (NaN) where one of the numbers is missing or infinite,
    and where a step of the calculation divides by zero, overflows, or is undefined. A name that is
    not in ``values`` is missing for every run.
    """
    size = len(next(iter(values.values()), (0,)))
    with np.errstate(all="ignore"):
        found = _value(node, values)
    return np.array(np.broadcast_to(found, (size,)), np.float64)


def _value(node: Node, values: Mapping[Ref, FloatArray]) -> FloatArray:
    match node:
        case Number(value):
            return np.array(value, np.float64)
        case Name(ref):
            return _finite(np.asarray(values.get(ref, _NONE), np.float64))
        case Negative(part):
            return -_value(part, values)
        case Binary(op, left, right):
            return _finite(_BINARY[op](_value(left, values), _value(right, values)))
        case Call(function, arguments):
            return _finite(_CALLS[function](*(_value(part, values) for part in arguments)))
        case _:
            assert_never(node)


def _finite(found: FloatArray) -> FloatArray:
    return np.where(np.isfinite(found), found, _NONE)


def _power(base: FloatArray, exponent: FloatArray) -> FloatArray:
    """NumPy says 1 for NaN ** 0 and 1 ** NaN, but what is missing stays missing."""
    missing = np.isnan(base) | np.isnan(exponent)
    return np.where(missing, _NONE, np.power(base, exponent))


def _smallest(*arguments: FloatArray) -> FloatArray:
    return reduce(np.minimum, arguments)


def _largest(*arguments: FloatArray) -> FloatArray:
    return reduce(np.maximum, arguments)


def _clamp(value: FloatArray, low: FloatArray, high: FloatArray) -> FloatArray:
    return np.minimum(np.maximum(value, low), high)


_BINARY: Mapping[Op, Callable[[FloatArray, FloatArray], FloatArray]] = {
    Op.PLUS: np.add,
    Op.MINUS: np.subtract,
    Op.TIMES: np.multiply,
    Op.OVER: np.divide,
    Op.POWER: _power,
}
_CALLS: Mapping[str, Callable[..., FloatArray]] = {
    "min": _smallest,
    "max": _largest,
    "abs": np.abs,
    "sqrt": np.sqrt,
    "exp": np.exp,
    "log": np.log,
    "log2": np.log2,
    "log10": np.log10,
    "clamp": _clamp,
}
