"""Numbers as files write them: of any size, as text, with a unit behind, or missing. Pure."""

from __future__ import annotations

import math
import re
from typing import Any

from cetrack.domain import ParamValue
from cetrack.units import find_unit

INT64_MAX = 2**63 - 1
_LONGEST = 64
_IN_TEXT = re.compile(
    r"^(?P<number>[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:e[+-]?[0-9]+)?"
    r"|[+-]?(?:inf(?:inity)?|nan)(?![a-z]))"  # nano is a model, not NaN
    r"(?P<gap>\s*)(?P<unit>[%a-zµμ/_]*)$",
    re.IGNORECASE,
)
_MISSING = frozenset(
    {"", "-", "--", "n/a", "na", "none", "null", "unknown", "not measured", "unavailable", "tbd"}
)


def is_number(value: Any) -> bool:
    """True for int and float, not for bool."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def is_numeric(values: list[Any]) -> bool:
    """True for a list of numbers, some of which may be missing."""
    return any(map(is_number, values)) and all(v is None or is_number(v) for v in values)


def float_of(value: float) -> float:
    """A number as float; beyond its range ±Inf."""
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def float_or_none(value: Any) -> float | None:
    """A number as float, None for anything else."""
    return float_of(value) if is_number(value) else None


def param_of(value: float) -> ParamValue:
    """A number as a parameter: an integer beyond 64 bits is text."""
    return str(value) if abs(value) > INT64_MAX and isinstance(value, int) else value


def whole_number(value: Any) -> int | None:
    """An integer that fits 64 bits, from a number or text; else None."""
    try:
        number = int(value) if not isinstance(value, float) or value.is_integer() else None
    except (TypeError, ValueError, OverflowError):
        return None
    return number if number is not None and abs(number) <= INT64_MAX else None


def number_in_text(text: str) -> tuple[float, str] | None:
    """(number, unit) of text such as ``91 %`` or ``0.91``; None when it is something else.

    ``7B`` is none: that many billions as often as bytes.
    """
    bare = text.strip()
    match = _IN_TEXT.match(bare) if len(bare) <= _LONGEST else None
    if match is None:
        return None
    unit = match["unit"]
    if unit and (find_unit(unit) is None or (unit == "B" and not match["gap"])):
        return None
    return float(match["number"]), unit


def is_missing(text: str) -> bool:
    """True for the ways in which people write that there is no number."""
    return text.strip().lower() in _MISSING


def shortened(value: Any) -> str:
    """A value as people may see it in one line."""
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
