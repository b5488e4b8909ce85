"""What the values of a home-made result file are: measurements, spreads, objects of them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cetrack.precisions import is_precision, parse_precision
from cetrack.readers.numbers import is_number, is_numeric, number_in_text
from cetrack.readers.results.labels import (
    Split,
    is_measure,
    is_setting,
    names_precision,
    split_key,
)

_SPREAD_KEYS = frozenset({"mean", "avg", "average", "value", "median", "std", "p50", "p95", "p99"})


def is_value(value: Any) -> bool:
    """True for what can be a measurement: a number, in text too, a list of them, or a spread."""
    if isinstance(value, str):
        return number_in_text(value) is not None
    return is_number(value) or (isinstance(value, list) and is_numeric(value)) or is_spread(value)


def measures(key: str, value: Any) -> bool:
    """True for a value, or an object of some, that somebody measured."""
    if isinstance(value, Mapping) and not is_spread(value):
        return any(measures(f"{key}.{name}", item) for name, item in value.items())
    return is_measure(key) and is_value(value) and not is_setting(key)


def is_format(key: str) -> bool:
    """True for a key that is a format, and nothing else."""
    return is_precision(key) or parse_precision(key) is not None


def is_spread(value: Any) -> bool:
    """True for the statistics of one number: ``{mean, std, …}``, ``{p5, p50, p95}``."""
    return isinstance(value, Mapping) and any(
        str(key).lower() in _SPREAD_KEYS and is_number(item) for key, item in value.items()
    )


def are_objects(value: Any) -> bool:
    """True for a list of objects."""
    return isinstance(value, list) and bool(value) and all(isinstance(x, Mapping) for x in value)


def has_objects(value: Mapping[str, Any]) -> bool:
    return any(isinstance(item, Mapping) for item in value.values())


def has_measures(value: Mapping[str, Any]) -> bool:
    return any(measures(str(name), item) for name, item in value.items())


def are_names(value: Mapping[str, Any]) -> bool:
    """True for an object of objects whose keys are no metrics: names of something."""
    return bool(value) and all(
        isinstance(item, Mapping) and item and not is_measure(str(key)) and not is_spread(item)
        for key, item in value.items()
    )


def labelled_keys(values: Mapping[str, Any]) -> dict[str, Split]:
    """The keys that begin with a name of no format, as others beside them do with a format:
    ``fp32_loss``, ``rtn_loss``."""
    known = {key: split_key(key) for key in values}
    stems = {split.rest for split in known.values() if split is not None}
    heads: dict[str, dict[str, Split]] = {}
    for key, value in values.items():
        head, _, rest = key.partition("_")
        if known[key] is None and rest and is_value(value) and names_precision(head):
            heads.setdefault(head, {})[key] = Split(head, rest)
    found: dict[str, Split] = {}
    for keys in heads.values():
        if len(keys) > 1 and any(split.rest in stems for split in keys.values()):
            found.update(keys)
    return found
