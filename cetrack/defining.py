"""``[derived.NAME]`` and ``[scores.NAME]`` of ``cetrack.toml`` → definitions. Pure.

Whatever is wrong with one is a MappingError that says where.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from cetrack.definitions import (
    DERIVED,
    SCORES,
    Derived,
    Missing,
    Part,
    Score,
    check_name,
)
from cetrack.domain import Direction
from cetrack.errors import FormulaError
from cetrack.formula import Node, format_ref, parse, parse_name, refs
from cetrack.mappings import MappingError, unknown

T = TypeVar("T")
_LONGEST_UNIT = 32
_MOST_PARTS = 50


def parse_derived(tables: Any) -> tuple[Derived, ...]:
    """The definitions of a ``[derived]`` table. Raises MappingError with ``name.key`` as key."""
    return tuple(_parsed(DERIVED, tables, _derived))


def parse_scores(tables: Any) -> tuple[Score, ...]:
    """The definitions of a ``[scores]`` table. Raises MappingError with ``name.key`` as key."""
    return tuple(_parsed(SCORES, tables, _score))


def _parsed(section: str, tables: Any, parse_one: Callable[[str, Mapping[str, Any]], T]) -> list[T]:
    if not isinstance(tables, Mapping):
        raise MappingError("", "must be a table of definitions", f"write [{section}.my_metric]")
    found = []
    for name, table in tables.items():
        try:
            check_name(name)
            if not isinstance(table, Mapping):
                raise MappingError("", "must be a table", f"write [{section}.{name}]")
            found.append(parse_one(name, table))
        except MappingError as error:
            key = f"{name}.{error.key}" if error.key else name
            raise MappingError(key, error.problem, error.hint) from None
    return found


def _derived(name: str, table: Mapping[str, Any]) -> Derived:
    values = _values(table, {"expr": _formula, **_COMMON})
    if "expr" not in values:
        raise MappingError("expr", "there is no formula", 'expr = "accuracy / model_size_mb"')
    return Derived(name=name, node=values.pop("expr"), **values)


def _score(name: str, table: Mapping[str, Any]) -> Score:
    values = _values(table, {"parts": _parts, "missing": _missing, **_COMMON})
    if "parts" not in values:
        hint = f"write [{SCORES}.{name}.parts] with a line per metric"
        raise MappingError("parts", "there are no parts", hint)
    return Score(name=name, **values)


def _values(
    table: Mapping[str, Any], parsers: Mapping[str, Callable[[str, Any], Any]]
) -> dict[str, Any]:
    for key in table:
        if key not in parsers:
            raise unknown(key, key, parsers, "key")
    return {key: parsers[key](key, value) for key, value in table.items()}


def _formula(key: str, value: Any) -> Node:
    if not isinstance(value, str):
        raise MappingError(key, "must be a formula in quotes", 'expr = "accuracy / model_size_mb"')
    try:
        node = parse(value)
    except FormulaError as error:
        raise _of_formula(key, error) from None
    if not refs(node):
        raise MappingError(key, "names no metric: every run would have the same value")
    return node


def _of_formula(key: str, error: FormulaError) -> MappingError:
    return MappingError(key, str(error).removeprefix("formula: "), error.hint)


def _parts(key: str, value: Any) -> tuple[Part, ...]:
    if not isinstance(value, Mapping) or not 0 < len(value) <= _MOST_PARTS:
        problem = f"must be a table of 1 to {_MOST_PARTS} metrics"
        raise MappingError(key, problem, "speedup = { weight = 1, worst = 1, best = 4 }")
    parts = [_part(f"{key}.{metric}", metric, about) for metric, about in value.items()]
    names = [format_ref(part.ref) for part in parts]
    for name in names:
        if names.count(name) > 1:
            raise MappingError(key, f"{name} is there twice")
    return tuple(sorted(parts, key=lambda part: part.ref))


def _part(key: str, metric: str, about: Any) -> Part:
    try:
        ref = parse_name(metric)
    except FormulaError as error:
        raise _of_formula(key, error) from None
    bounds = ("weight", "worst", "best")
    example = "write { weight = 1, worst = 1, best = 4 }"
    if not isinstance(about, Mapping):
        raise MappingError(key, "must be a table", example)
    for name in about:
        if name not in bounds:
            wrong = unknown(key, name, bounds, "key")
            dotted = isinstance(about[name], Mapping)
            hint = f'a name with dots is quoted: "{metric}.{name}"' if dotted else wrong.hint
            raise MappingError(key, wrong.problem, hint)
    numbers = [_number(key, name, about.get(name), example) for name in bounds]
    part = Part(ref, *numbers)
    if part.weight <= 0:
        raise MappingError(key, "weight must be above 0", "leave out what is not to count")
    if not math.isfinite(part.best - part.worst) or part.worst == part.best:
        hint = "worst may be above best where lower is better"
        raise MappingError(key, "worst and best must differ", hint)
    return part


def _number(key: str, name: str, value: Any, example: str) -> float:
    if value is None:
        raise MappingError(key, f"{name} is missing", example)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise MappingError(key, f"{name} must be a number")
    if abs(value) > 1e300 or value != value:
        raise MappingError(key, f"{name} must be a finite number")
    return float(value)


def _missing(key: str, value: Any) -> Missing:
    return Missing(_one_of(key, value, [item.value for item in Missing], "way"))


def _direction(key: str, value: Any) -> Direction:
    return Direction(_one_of(key, value, [item.value for item in Direction], "direction"))


def _one_of(key: str, value: Any, known: Sequence[str], what: str) -> str:
    if value not in known:
        raise unknown(key, str(value), known, what)
    return str(value)


def _unit(key: str, value: Any) -> str | None:
    text = _text(key, value)
    if len(text) > _LONGEST_UNIT:
        raise MappingError(key, f"longer than {_LONGEST_UNIT} characters")
    return text or None


def _text(key: str, value: Any) -> str:
    if not isinstance(value, str) or not value.isprintable():
        raise MappingError(key, "must be text in quotes, on one line")
    return value.strip()


_COMMON: Mapping[str, Callable[[str, Any], Any]] = {
    "unit": _unit,
    "direction": _direction,
    "description": _text,
}
