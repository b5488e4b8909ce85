"""What makes two runs the same run. Pure: hashes of what sources say.

Never part of an identity: the path, the modification time, anything normalised. A catalogue that
learns a new alias must not double the database.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any

import numpy as np

from cetrack.domain import RunRecord, Series

UID_LENGTH = 32
IDENTITY_FIELDS = ("device", "dataset", "seed", "batch_size", "method")


def digest(value: Any) -> str:
    """The first 128 bits of the sha256 of a value's canonical JSON, in hex."""
    return hashlib.sha256(_canonical_bytes(value)).hexdigest()[:UID_LENGTH]


def canonical_json(value: Any) -> str:
    """One text for equal values: sorted keys, no blanks, shortest floats, bare NaN."""
    return _canonical_bytes(value).decode("utf-8", "surrogatepass")


def _canonical_bytes(value: Any) -> bytes:
    """By orjson, ten times as fast, unless it could not tell the value from others: NaN is null to
    it, and integers beyond 64 bits, lone surrogates and keys that are no text it refuses."""
    import orjson  # lists of runs need no identity, and start the faster

    try:
        text = orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    except TypeError:
        return _CANONICAL.encode(value).encode("utf-8", "surrogatepass")
    if b"null" in text:
        return _CANONICAL.encode(value).encode("utf-8", "surrogatepass")
    return text


_CANONICAL = json.JSONEncoder(sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def identity_fields(record: RunRecord) -> dict[str, Any]:
    """The fields of a record that tell otherwise equal runs apart, where they are known."""
    fields = {
        "device": record.environment.device,
        "dataset": record.dataset,
        "seed": record.seed,
        "batch_size": record.batch_size,
        "method": record.method,
    }
    return {key: value for key, value in fields.items() if value not in (None, "")}


def content_key(record: RunRecord, experiment: str, *, ordinal: int, repeat: int = 0) -> str:
    """The identity of a snapshot run as ``record`` states it.

    ``ordinal`` numbers identical entries of one source, ``repeat`` deliberate repetitions.
    """
    parts = {
        "format": record.format,
        "experiment": experiment,
        "model": [
            "" if "model" in record.weak else record.model.name,
            record.model.library,
            record.model.input_shape,
        ],
        "precision": record.precision,
        "kind": record.kind.value,
        "fields": identity_fields(record),
        "time": None
        if record.started_at is None or record.time_source is not None
        else _iso(record.started_at),
        "raw": record.raw,
        "ordinal": ordinal,
    }
    return digest({**parts, "repeat": repeat} if repeat else parts)


@lru_cache(maxsize=256)
def _iso(moment: datetime) -> str:
    """All runs of a file tend to state one moment."""
    return moment.isoformat()


def head_key(record: RunRecord, series: Iterable[Series], *, where: str) -> str:
    """The identity of a log: all points of its first step, under their original names.

    ``where`` (path and host) takes part as long as the log has a single step: one step alone is
    too little to tell two logs apart.
    """
    kept = [item for item in series if len(item.steps)]
    first = min((int(item.steps[0]) for item in kept), default=0)
    several = any(len(item.steps) > 1 for item in kept)
    points = sorted(
        (item.name, repr(float(item.values[0]))) for item in kept if int(item.steps[0]) == first
    )
    return digest(
        {
            "kind": record.kind.value,
            "step": first,
            "points": points,
            "where": None if several else where,
        }
    )


def own_uid(format: str, name: str) -> str:
    """The uid of a run that its own tool knows by ``name``: the same wherever it is met."""
    return digest({"format": format, "name": name})


def log_uid(record: RunRecord, key: str, *, experiment: str, number: int) -> str:
    """The uid of a log's run: its head, what is stated about it, and which of several it is."""
    return digest(
        {
            "head": key,
            "experiment": experiment,
            "model": "" if "model" in record.weak else record.model.name,
            "precision": record.precision,
            "fields": identity_fields(record),
            "number": number,
        }
    )


def is_continuation(
    known: Mapping[str, tuple[Any, Any]], found: Mapping[str, tuple[Any, Any]]
) -> bool:
    """True when two sets of series (name → steps int64[n], values float64[n]) agree.

    Every (metric, step) that both have must have the same value, and one must hold at least as
    many points of every common metric as the other: one is a prefix of the other.
    """
    common = known.keys() & found.keys()
    if not common:
        return False
    longer = shorter = True
    for name in common:
        (steps_a, values_a), (steps_b, values_b) = known[name], found[name]
        shared, in_a, in_b = np.intersect1d(steps_a, steps_b, return_indices=True)
        if not np.array_equal(values_a[in_a], values_b[in_b], equal_nan=True):
            return False
        longer &= len(shared) == len(steps_a)
        shorter &= len(shared) == len(steps_b)
    return longer or shorter


SERIES_FIELDS = (
    "model",
    "library",
    "input_shape",
    "precision",
    "kind",
    "method",
    "variant",
    "dataset",
    "split",
    "batch_size",
    "device",
    "accelerator",
    "runtime",
)
LIKE_FIELDS = tuple(
    name for name in SERIES_FIELDS if name not in ("precision", "kind", "method", "variant")
)


def keys(fields: Mapping[str, Any]) -> tuple[str, str]:
    """(series_key, like_key) of a run: what one line of a trend is, and what may be compared.

    ``fields`` are those of the ``runs`` view. Experiment, host, system and versions are in
    neither: a driver update or next month's campaign does not break a line.
    """
    return _keys(tuple(fields.get(name) or None for name in SERIES_FIELDS))


@lru_cache(maxsize=65536)
def _keys(values: tuple[Any, ...]) -> tuple[str, str]:
    known = dict(zip(SERIES_FIELDS, values, strict=True))
    return digest(list(values)), digest([known[name] for name in LIKE_FIELDS])
