"""Values of cetrack's own format, checked: each function returns one or says what is wrong."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, TypeVar

import numpy as np

from cetrack.domain import FloatArray, IntArray, ParamValue
from cetrack.readers.numbers import INT64_MAX, float_of, is_number, param_of, whole_number
from cetrack.readers.times import parse_time

_TOKENS = {"Infinity": math.inf, "-Infinity": -math.inf, "NaN": math.nan}
_CALENDAR_S = (-62_135_596_800, 253_402_300_799)  # the years 1 and 9999 in seconds
_Choice = TypeVar("_Choice", bound=StrEnum)


class CheckError(Exception):
    """A value of the wrong kind; the message is a sentence without its place."""


def require(condition: Any, problem: str) -> None:
    """Raise CheckError unless the condition holds."""
    if not condition:
        raise CheckError(problem)


def text(item: Mapping[str, Any], key: str) -> str:
    """Text; blank for null and where it is missing."""
    value = item.get(key)
    require(value is None or isinstance(value, str), f"'{key}' is not text: {value!r:.40}")
    return value or ""


def text_or_none(item: Mapping[str, Any], key: str) -> str | None:
    """Text, or None."""
    return None if item.get(key) is None else text(item, key)


def mapping(item: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """An object; an empty one for null and where it is missing."""
    value = item.get(key)
    require(value is None or isinstance(value, Mapping), f"'{key}' is not an object")
    return value or {}


def items(item: Mapping[str, Any], key: str) -> list[Any]:
    """A list; an empty one for null and where it is missing."""
    value = item.get(key)
    require(value is None or isinstance(value, list), f"'{key}' is not a list")
    return value or []


def whole(item: Mapping[str, Any], key: str, *, least: int = -INT64_MAX) -> int | None:
    """An integer of 64 bits, or None."""
    value = item.get(key)
    number = whole_number(value) if is_number(value) else None
    known = value is None or (number is not None and number >= least)
    require(known, f"'{key}' is not a whole number: {value!r:.40}")
    return number


def one_of(kind: type[_Choice], value: Any, name: str) -> _Choice:
    """A member of an enumeration by its value."""
    values = [member.value for member in kind]
    require(value in values, f"'{name}' is {value!r:.40}, not one of {', '.join(values)}")
    return kind(value)


def moment(item: Mapping[str, Any], key: str) -> datetime | None:
    """A time, or None."""
    value = item.get(key)
    found = parse_time(value)
    require(value is None or found is not None, f"'{key}' is not a time: {value!r:.40}")
    return found


def param(name: str, value: Any) -> ParamValue:
    """A parameter: text, a number, true, false or null."""
    scalar = value is None or isinstance(value, (str, bool, int, float))
    require(scalar, f"parameter '{name}' is neither text nor number")
    return param_of(value) if is_number(value) else value


def number(value: Any, name: str) -> float:
    """A number; null and "NaN" are NaN, "Infinity" and "-Infinity" what they say."""
    if value is None:
        return math.nan
    if isinstance(value, str) and value in _TOKENS:
        return _TOKENS[value]
    require(is_number(value), f"'{name}' is not a number: {value!r:.40}")
    return float_of(value)


def number_or_none(item: Mapping[str, Any], key: str) -> float | None:
    """A number, None for null and where it is missing."""
    return None if item.get(key) is None else number(item[key], key)


def numbers(values: Any, name: str, count: int | None = None) -> FloatArray:
    """A list of numbers as float64[n], ``count`` of them."""
    require(isinstance(values, list), f"'{name}' is not a list of numbers")
    require(count in (None, len(values)), f"'{name}' has lists of unequal length")
    if set(map(type, values)) <= {float}:
        return np.array(values, np.float64)
    return np.array([number(value, name) for value in values], np.float64)


def steps(value: Any, count: int, name: str) -> IntArray:
    """The steps of ``count`` values as int64[n]; 1 to n where none are stated."""
    if value is None:
        return np.arange(1, count + 1, dtype=np.int64)
    require(isinstance(value, list), f"steps of '{name}' are not a list")
    found = [whole_number(step) if is_number(step) else None for step in value]
    require(None not in found, f"steps of '{name}' are not whole numbers")
    require(len(found) == count, f"'{name}' has lists of unequal length")
    require(len(set(found)) == count, f"metric '{name}' repeats a step")
    return np.array(found, np.int64)


def wall_times(value: Any, count: int, name: str) -> FloatArray | None:
    """Seconds since the epoch as float64[n], NaN where unknown; None where none are stated."""
    if value is None:
        return None
    walls = numbers(value, name, count)
    known = walls[~np.isnan(walls)]
    first, last = _CALENDAR_S
    within = ((known >= first) & (known <= last)).all()
    require(within, f"wall_times of '{name}' are not seconds since 1970")
    return walls
