"""One benchmark in a results file of airspeed velocity, in any of its layouts. Pure.

Version 1 holds a number, or an object with lists; version 2 a list whose places are named by
``result_columns`` and which may end early. A parametrised benchmark has one number per combination
of its parameters, the last one varying fastest; ``null`` failed, ``NaN`` was skipped.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cetrack.domain import FloatArray
from cetrack.readers.numbers import float_or_none
from cetrack.readers.timings import repetitions

MAX_COMBINATIONS = 100_000
# prefix of a method's name, or type in benchmarks.json → (metric, unit)
_KINDS = {
    "mem": ("object_size", "bytes"),
    "memory": ("object_size", "bytes"),
    "peakmem": ("peak_memory", "bytes"),
    "peakmemory": ("peak_memory", "bytes"),
    "time": ("latency", "seconds"),
    "timeraw": ("latency", "seconds"),
}
# statistic in a file → name behind that of the metric
_COUNTS = ("number", "repeat")
_BOUNDS = {"ci_99_a": 0, "ci_99_b": 1}  # which version 1 holds as a pair
STATISTICS = {"q_25": "p25", "q_75": "p75", "ci_99_a": "ci99_low", "ci_99_b": "ci99_high"}


@dataclass(frozen=True, slots=True)
class Definition:
    """What a benchmark measures: ``metric`` and ``unit``, and what its parameters are called."""

    metric: str
    unit: str | None = None
    names: tuple[str, ...] = ()
    params: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class Result:
    """One combination of a benchmark's parameters.

    ``value`` is None where it failed and NaN where it was skipped.
    """

    params: Mapping[str, str]
    value: float | None
    statistics: Mapping[str, float] = field(default_factory=dict)
    samples: FloatArray | None = None


def definition(name: str, stated: Any) -> Definition:
    """What ``benchmarks.json`` says about a benchmark; without it, what asv's names mean."""
    known = stated if isinstance(stated, dict) else {}
    bare = name.rpartition(".")[2]
    prefix = next((key for key in _KINDS if _begins(bare, key)), "")
    metric, unit = _KINDS.get(str(known.get("type") or prefix), (bare.removeprefix("track_"), ""))
    said = known.get("unit")
    if isinstance(said, str) and said not in ("unit", ""):
        unit = said
    names = known.get("param_names")
    return Definition(
        metric=metric or bare,
        unit=unit or None,
        names=tuple(map(str, names)) if isinstance(names, list) else (),
        params=_params(known.get("params")),
    )


def _begins(name: str, prefix: str) -> bool:
    rest = name.removeprefix(prefix)
    return rest != name and (rest[:1] == "_" or rest[:1].isupper())


def columns_of(item: Any, names: Sequence[Any]) -> dict[str, Any]:
    """The columns of a benchmark by name, whatever layout it has."""
    if isinstance(item, list) and names:
        return {str(name): value for name, value in zip(names, item, strict=False)}
    if isinstance(item, dict):
        stats = item.get("stats")
        found = stats if isinstance(stats, list) else []
        rows = [row if isinstance(row, dict) else {} for row in found]
        split = {key: [_statistic(row, key) for row in rows] for key in (*STATISTICS, *_COUNTS)}
        return {**{f"stats_{key}": value for key, value in split.items()}, **item}
    return {"result": [item]}


def _statistic(row: Mapping[str, Any], key: str) -> Any:
    bounds = row.get("ci_99")
    if key in _BOUNDS and isinstance(bounds, list) and len(bounds) == 2:
        return bounds[_BOUNDS[key]]
    return row.get(key)


def results(columns: Mapping[str, Any], known: Definition) -> Iterator[Result]:
    """Every combination of parameters, in the order of the file."""
    params = _params(columns.get("params")) or known.params
    count = math.prod(map(len, params))
    if count > MAX_COMBINATIONS:
        return
    values = columns.get("result")
    values = values if isinstance(values, list) else [values] * count
    names = [*known.names, *(f"param{n + 1}" for n in range(len(known.names), len(params)))]
    for number, combination in enumerate(itertools.product(*params)):
        value = _at(values, number)
        yield Result(
            params=dict(zip(names, combination, strict=False)),
            value=float_or_none(value),
            statistics={
                key: stated
                for key in (*STATISTICS, *_COUNTS)
                if (stated := _stated(columns, key, number)) is not None
            },
            samples=repetitions(_at(columns.get("samples"), number)),
        )


def _stated(columns: Mapping[str, Any], key: str, number: int) -> float | None:
    return float_or_none(_at(columns.get(f"stats_{key}"), number))


def _params(content: Any) -> tuple[tuple[str, ...], ...]:
    if not isinstance(content, list) or not all(map(_is_list, content)):
        return ()
    return tuple(tuple(str(value) for value in values) for values in content)


def _at(values: Any, number: int) -> Any:
    return values[number] if isinstance(values, list) and number < len(values) else None


def _is_list(value: Any) -> bool:
    return isinstance(value, list)
