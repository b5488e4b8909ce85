"""Sorting one JSON object of measurements into metrics, samples, fields, params and artifacts.

Shared by the snapshot readers. Names stay those of the file. Rules: a number is a metric; a
one-dimensional list of numbers is a sample; ``{mean, std, …}`` is one metric with its spread, and
a ``unit`` in an object is that of all its numbers; other nested numbers get dotted names; text is a
parameter, or a number where the name is a known metric's or ends in a unit; what stands in a block
of settings is a parameter; matrices and the like are artifacts.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np

from cetrack.domain import Artifact, Notice, ParamValue, Sample, Series, Spread
from cetrack.metrics import is_known
from cetrack.plain import PlainSeries, split_plain
from cetrack.readers.fields import FIELD_KEYS, PARAM_KEYS, SETTING_BLOCKS, field_value
from cetrack.readers.numbers import (
    float_of,
    is_missing,
    is_number,
    is_numeric,
    number_in_text,
    param_of,
    shortened,
    whole_number,
)
from cetrack.units import split_suffix

_CENTRES = ("mean", "avg", "average", "value")
_SPREAD = {
    "count": "n",
    "max": "max",
    "min": "min",
    "n": "n",
    "std": "std",
    "std_dev": "std",
    "stddev": "std",
    "stdev": "std",
}
# the repetitions behind the mean that they stand beside
_REPETITIONS = frozenset({"raw", "samples", "values"})
_NO_METRICS = frozenset({*FIELD_KEYS, *PARAM_KEYS})
# blocks whose name says nothing about what is in them
_PLAIN_BLOCKS = frozenset({"config", "configuration", "settings", "setup", "params"})
_METRIC_BLOCKS = frozenset({"measurements", "metrics", "results"})
# of how a model was compressed, not of its run: a batch size in it is another one
_CALIBRATION_BLOCKS = frozenset({"calibration", "calibration_settings"})


@dataclass
class Entry:
    """What was found in one object; grows while it is read."""

    series: dict[str, Series] = field(default_factory=dict)
    samples: list[Sample] = field(default_factory=list)
    params: dict[str, ParamValue] = field(default_factory=dict)
    artifacts: list[Artifact] = field(default_factory=list)
    fields: dict[str, Any] = field(default_factory=dict)
    notices: list[Notice] = field(default_factory=list)

    @property
    def has_numbers(self) -> bool:
        """True when anything was measured."""
        return bool(self.series or self.samples)


@dataclass(frozen=True, slots=True)
class _Spot:
    """Where in an object the sorting is: dotted name before its keys, place, unit stated there."""

    prefix: str
    place: str
    settings: bool
    unit: str | None = None

    def below(self, name: str, place: str, unit: str | None) -> _Spot:
        return _Spot(f"{name}.", place, self.settings, unit or self.unit)


def pointer(place: str, key: object) -> str:
    """A JSON pointer one level down (RFC 6901)."""
    text = str(key)
    if "~" in text or "/" in text:
        text = text.replace("~", "~0").replace("/", "~1")
    return f"{place}/{text}"


@lru_cache(maxsize=4096)
def is_metric_name(name: str) -> bool:
    """False for the name of a field of the run, and for that of a setting."""
    return name.lower() not in _NO_METRICS


def read_measured(values: Mapping[str, Any], place: str) -> tuple[Entry, Sequence[Series]]:
    """Sort an object of measurements: (what else stands there, its series).

    Where single numbers are all that was measured, as nearly always, no series is made of them.
    """
    plain, rest = split_plain(values, is_metric_name)
    entry = read_entry(rest, place)
    if not entry.series:
        return entry, PlainSeries(plain, place, pointer)
    entry = read_entry(values, place)
    return entry, tuple(entry.series.values())


def read_entry(values: Mapping[str, Any], place: str, *, numbers_are_params: bool = False) -> Entry:
    """Sort an object. With ``numbers_are_params`` (a configuration block) nothing is a metric."""
    entry = Entry()
    _sort(entry, values, _Spot("", place, numbers_are_params))
    return entry


def _sort(entry: Entry, values: Mapping[str, Any], spot: _Spot) -> None:
    for key, value in values.items():
        place = pointer(spot.place, key)
        name = f"{spot.prefix}{key}"
        if type(value) is float and not spot.settings and is_metric_name(name):
            _add_metric(entry, name, value, unit=spot.unit, place=place)  # as nearly all are
            continue
        if value is None or (not spot.prefix and _take_field(entry, str(key), value, place)):
            continue
        if isinstance(value, dict):
            if spot.prefix or spot.settings or not _take_block(entry, str(key), value, place):
                _sort_object(entry, name, value, place, spot)
        elif isinstance(value, list):
            _sort_list(entry, name, value, spot)
        elif isinstance(value, str):
            _sort_text(entry, name, value, place, spot)
        elif isinstance(value, bool) or spot.settings or name.lower() in PARAM_KEYS:
            entry.params[name] = value if isinstance(value, bool) else param_of(value)
        else:
            _add_metric(entry, name, float_of(value), unit=spot.unit, place=place)


def _sort_object(
    entry: Entry, name: str, value: Mapping[str, Any], place: str, spot: _Spot
) -> None:
    rest = dict(value)
    unit = None
    if not spot.settings and isinstance(rest.get("unit"), str):
        unit = rest.pop("unit")
    spread = None if spot.settings else _take_spread(rest)
    inner = spot.below(name, place, unit)
    if spread is not None:
        mean, found = spread
        _add_metric(entry, name, mean, spread=found, unit=inner.unit, place=place)
        for key in [key for key in rest if str(key).lower() in _REPETITIONS]:
            if isinstance(rest[key], list) and is_numeric(rest[key]):
                _sort_list(entry, name, rest.pop(key), inner)
    _sort(entry, rest, inner)


def _take_block(entry: Entry, key: str, value: Mapping[str, Any], place: str) -> bool:
    """Take an object whose name says what it holds; False for any other."""
    lowered = key.lower()
    if lowered in _METRIC_BLOCKS:
        _sort(entry, value, _Spot("", place, settings=False))
    elif lowered in SETTING_BLOCKS:
        take_settings(entry, key, value, place)
    elif lowered in _CALIBRATION_BLOCKS:
        entry.params.update(flatten(value, f"{key}."))
    else:
        return False
    return True


def take_settings(entry: Entry, key: str, value: Mapping[str, Any], place: str) -> None:
    """Take a block of settings: fields, where they are not stated outside of it, and parameters."""
    block = read_entry(value, place, numbers_are_params=True)
    entry.fields = {**block.fields, **entry.fields}
    prefix = block_prefix(key)
    entry.params.update({f"{prefix}{name}": item for name, item in block.params.items()})
    entry.notices.extend(block.notices)


def _take_spread(values: dict[str, Any]) -> tuple[float, Spread] | None:
    """(mean, spread) of a ``{mean, std, …}`` object, whose keys are removed; None if it is none."""
    lowered = {str(key).lower(): key for key in values}
    centre = next((lowered[key] for key in _CENTRES if key in lowered), None)
    if centre is None or not is_number(values[centre]):
        return None
    known: dict[str, Any] = {}
    for key, original in lowered.items():
        target = _SPREAD.get(key)
        if target is None or not is_number(values[original]):
            continue
        number = float_of(values[original])
        count = whole_number(values[original])
        if target == "n" and count is not None and count >= 0:
            known[target] = count
        elif target != "n" and math.isfinite(number):
            known[target] = number
        else:
            continue
        del values[original]
    return float_of(values.pop(centre)), Spread(**known)


def _sort_list(entry: Entry, name: str, value: list[Any], spot: _Spot) -> None:
    if not value:
        return
    if not spot.settings and is_numeric(value):
        numbers = [math.nan if item is None else float_of(item) for item in value]
        sample = Sample(name=name, values=np.array(numbers, np.float64), unit=spot.unit)
        entry.samples.append(sample)
    elif spot.settings or all(isinstance(item, str) for item in value):
        entry.params[name] = ", ".join(str(item) for item in value)
    else:
        entry.artifacts.append(Artifact(name=name, content=value))


def _sort_text(entry: Entry, name: str, value: str, place: str, spot: _Spot) -> None:
    number = None if spot.settings else number_in_text(value)
    unit = (number[1] if number else "") or spot.unit
    measured = not spot.settings and (is_known(name, unit) or split_suffix(name) is not None)
    if measured and number is not None:
        entry.notices.append(Notice(place, f"number written as text: {shortened(value)}"))
        _add_metric(entry, name, number[0], unit=unit, place=place)
    elif measured and is_missing(value):
        entry.notices.append(Notice(place, f"{shortened(value)} is not a number: left out"))
    else:
        if measured:
            text = f"{shortened(value)} is not a number: kept as a parameter"
            entry.notices.append(Notice(place, text))
        entry.params[name] = value


def _add_metric(
    entry: Entry,
    name: str,
    value: float,
    *,
    unit: str | None,
    place: str,
    spread: Spread | None = None,
) -> None:
    if name in entry.series:
        number = 2
        while f"{name}#{number}" in entry.series:
            number += 1
        entry.notices.append(Notice(place, f"second value named '{name}': kept as '#{number}'"))
        name = f"{name}#{number}"
    if math.isnan(value):
        entry.notices.append(Notice(place, "NaN: stored as a missing value"))
    elif math.isinf(value):
        entry.notices.append(Notice(place, "infinite, or beyond a 64-bit float"))
    entry.series[name] = Series.scalar(name, value, spread=spread, unit=unit, place=place)


def _take_field(entry: Entry, key: str, value: Any, place: str) -> bool:
    """Take a key that states a field of the run; False when it is something else."""
    name = FIELD_KEYS.get(key.lower())
    if name is None or isinstance(value, (list, dict, bool)):
        return False
    taken = field_value(name, value)
    if taken is None:
        entry.notices.append(Notice(place, f"{shortened(value)} is no {name}: kept as a parameter"))
        entry.params[key] = value if isinstance(value, str) else param_of(value)
    else:
        entry.fields[name] = taken
    return True


def flatten(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, ParamValue]]:
    """Settings as dotted names: ``calibration.samples``."""
    for key, value in values.items():
        name = f"{prefix}{key}"
        if isinstance(value, dict):
            yield from flatten(value, f"{name}.")
        elif isinstance(value, (str, bool)) or value is None:
            yield name, value
        elif is_number(value):
            yield name, param_of(value)
        else:
            yield name, ", ".join(str(item) for item in value)


def block_prefix(key: str) -> str:
    """What the settings of a block are prefixed with: nothing where its name says nothing."""
    return "" if key.lower() in _PLAIN_BLOCKS else f"{key}."
