"""cetrack's own format: one JSON object per run, in JSONL, a list, or alone.

The object has ``"cetrack": 1``; docs/run.schema.json describes it. ``cetrack export-runs`` writes
it. Metrics that carry ``source_name`` were normalised already and are taken as they are.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from cetrack.domain import (
    Artifact,
    Direction,
    Environment,
    Identity,
    Kind,
    Link,
    MetricDef,
    ModelHint,
    Notice,
    RunRecord,
    Sample,
    Series,
    Spread,
    Status,
    TimeSource,
)
from cetrack.errors import MalformedSourceError
from cetrack.readers.base import Match
from cetrack.readers.entries import float_of, is_number, whole_number
from cetrack.readers.lines import TornLineError, json_lines
from cetrack.readers.source import Source
from cetrack.readers.times import parse_time

FORMAT = "cetrack"
VERSION = 1
_INFINITIES = {"Infinity": math.inf, "-Infinity": -math.inf, "NaN": math.nan}
_TEXTS = (
    "experiment", "precision", "method", "name", "variant", "dataset", "split", "task",
    "status_reason", "git_commit",
)  # fmt: skip
KNOWN_KEYS = frozenset(
    {
        "artifacts", "baseline", "batch_size", "cetrack", "environment", "finished_at", "kind",
        "metrics", "model", "params", "parent", "samples", "seed", "started_at", "status", "tags",
        "time_source", "uid", *_TEXTS,
    }
)  # fmt: skip


class CetrackReader:
    """See :class:`cetrack.readers.base.Reader`."""

    name = FORMAT
    version = 1
    suffixes = (".jsonl", ".json")
    description = "cetrack's own run objects, as `cetrack export-runs` writes them"
    recognises = 'JSON objects with `"cetrack": 1`, one per line, in a list, or alone'
    maps_to = "one run per object, of any kind; nothing is renamed that was normalised before"

    def sniff(self, source: Source) -> Match:
        """YES when the first object says so."""
        if not source.looks_like_json:
            return Match.NO
        try:
            first = source.first_object
            value = first if first is not None else source.json.value
        except Exception:  # noqa: BLE001 - a text that does not parse is nobody's match
            return Match.NO
        head = value[0] if isinstance(value, list) and value else value
        return Match.YES if isinstance(head, Mapping) and "cetrack" in head else Match.NO

    def read(self, source: Source) -> Iterator[RunRecord | Notice]:
        """One run per object."""
        if source.first_object is None:
            value = source.json.value
            items = value if isinstance(value, list) else [value]
            for index, item in enumerate(items):
                yield _record(item, f"/{index}" if isinstance(value, list) else "", source.uri)
            return
        try:
            for number, item in json_lines(source):
                yield _record(item, f"line {number}", source.uri)
        except TornLineError as torn:
            yield Notice(torn.where, "cut off: left out until it is whole")


class _MalformedError(Exception):
    """A value of the wrong kind; becomes a MalformedSourceError with its place."""


def _record(item: Any, place: str, uri: str) -> RunRecord:
    try:
        return _run(item, place)
    except _MalformedError as error:
        hint = "docs/run.schema.json describes the format"
        raise MalformedSourceError(uri, place or "/", str(error), hint=hint) from error


def _run(item: Any, place: str) -> RunRecord:
    _require(isinstance(item, Mapping), "not an object")
    _require(item.get("cetrack") == VERSION, f'"cetrack" is not {VERSION}: made by a newer version')
    kind = _one_of(Kind, item.get("kind", "benchmark"), "kind")
    uid = _text(item, "uid") or None
    metrics = _mapping(item, "metrics")
    series = tuple(_series(name, value) for name, value in metrics.items())
    samples = _mapping(item, "samples")
    unknown = sorted(set(item) - KNOWN_KEYS)
    return RunRecord(
        format=FORMAT,
        place=place,
        kind=kind,
        identity=_identity(uid, kind),
        uid=uid,
        raw={key: value for key, value in item.items() if key != "started_at"},
        model=_model(item.get("model")),
        environment=_environment(_mapping(item, "environment")),
        seed=whole_number(item.get("seed")),
        batch_size=whole_number(item.get("batch_size")),
        status=_one_of(Status, item.get("status", "finished"), "status"),
        started_at=_time(item, "started_at"),
        time_source=_time_source(item),
        finished_at=_time(item, "finished_at"),
        baseline=_link(item, "baseline"),
        baseline_rule=str(_mapping(item, "baseline").get("rule", "")),
        parent=_link(item, "parent"),
        series=series,
        samples=tuple(_sample(name, value) for name, value in samples.items()),
        params={name: _param(name, value) for name, value in _mapping(item, "params").items()},
        tags={name: str(value) for name, value in _mapping(item, "tags").items()},
        artifacts=tuple(_artifact(value) for value in item.get("artifacts") or []),
        metric_defs=_definitions({**samples, **metrics}),
        origins=_origins(metrics),
        notices=tuple(Notice(place, f"unknown key '{key}': left out") for key in unknown),
        **{name: _text(item, name) for name in _TEXTS},  # type: ignore[arg-type]
    )


def _identity(uid: str | None, kind: Kind) -> Identity:
    if uid:
        return Identity.UID
    return Identity.LOG if kind == Kind.TRAINING else Identity.SNAPSHOT


def _series(name: str, value: Any) -> Series:
    if not isinstance(value, Mapping):
        return Series.scalar(name, _number(value, name))
    unit = None if "source_name" in value else value.get("unit")
    spread = Spread(
        std=_optional(value, "std"),
        min=_optional(value, "min"),
        max=_optional(value, "max"),
        n=whole_number(value.get("n")),
    )
    if "values" not in value:
        _require("value" in value, f"metric '{name}' has neither 'value' nor 'values'")
        number = _number(value["value"], name)
        return Series.scalar(name, number, spread=spread, unit=unit)
    values = _numbers(value["values"], name)
    steps = _steps(value.get("steps"), len(values), name)
    walls = value.get("wall_times")
    order = np.argsort(steps, kind="stable")
    _require(len(np.unique(steps)) == len(steps), f"metric '{name}' repeats a step")
    return Series(
        name=name,
        steps=steps[order],
        values=values[order],
        wall_times=None if walls is None else _numbers(walls, name, len(values))[order],
        spread=None if spread == Spread() else spread,
        unit=unit,
    )


def _steps(value: Any, count: int, name: str) -> np.ndarray[Any, np.dtype[np.int64]]:
    steps = list(range(1, count + 1)) if value is None else value
    _require(isinstance(steps, list), f"steps of '{name}' are not a list")
    whole = [whole_number(step) if is_number(step) else None for step in steps]
    _require(len(whole) == count and None not in whole, f"steps of '{name}' do not fit its values")
    return np.array(whole, np.int64)


def _sample(name: str, value: Any) -> Sample:
    numbers = value.get("values") if isinstance(value, Mapping) else value
    unit = value.get("unit") if isinstance(value, Mapping) else None
    return Sample(name=name, values=_numbers(numbers, name), unit=unit)


def _numbers(
    values: Any, name: str, count: int | None = None
) -> np.ndarray[Any, np.dtype[np.float64]]:
    _require(isinstance(values, list), f"'{name}' is not a list of numbers")
    _require(count in (None, len(values)), f"'{name}' has lists of unequal length")
    return np.array([_number(value, name) for value in values], np.float64)


def _number(value: Any, name: str) -> float:
    if value is None:
        return math.nan
    if isinstance(value, str) and value in _INFINITIES:
        return _INFINITIES[value]
    _require(is_number(value), f"'{name}' is not a number: {value!r:.40}")
    return float_of(value)


def _optional(value: Mapping[str, Any], key: str) -> float | None:
    return None if value.get(key) is None else _number(value[key], key)


def _definitions(metrics: Mapping[str, Any]) -> dict[str, MetricDef]:
    keys = {"unit", "direction", "family", "description"}
    return {
        name: MetricDef(
            name=name,
            unit=value.get("unit"),
            direction=None
            if value.get("direction") is None
            else _one_of(Direction, value["direction"], "direction"),
            family=str(value.get("family", "other")),
            description=str(value.get("description", "")),
        )
        for name, value in metrics.items()
        if isinstance(value, Mapping) and keys & value.keys()
    }


def _origins(metrics: Mapping[str, Any]) -> dict[str, tuple[str, str | None, float]]:
    return {
        name: (str(value["source_name"]), value.get("source_unit"), float(value.get("scale", 1)))
        for name, value in metrics.items()
        if isinstance(value, Mapping) and "source_name" in value
    }


def _model(value: Any) -> ModelHint:
    if value is None or isinstance(value, str):
        return ModelHint(name=value or "")
    _require(isinstance(value, Mapping), "'model' is neither a name nor an object")
    shape = value.get("input_shape") or ""
    return ModelHint(
        name=str(value.get("name") or ""),
        library=str(value.get("library") or ""),
        category=str(value.get("category") or ""),
        input_shape=shape if isinstance(shape, str) else str(shape),
        description=str(value.get("description") or ""),
    )


def _environment(value: Mapping[str, Any]) -> Environment:
    names = ("device", "accelerator", "runtime", "runtime_version", "host", "os")
    details = value.get("details") or {}
    _require(isinstance(details, Mapping), "environment.details is not an object")
    return Environment(
        **{name: str(value.get(name) or "") for name in names},
        details={
            **details,
            **{key: item for key, item in value.items() if key not in (*names, "details")},
        },
    )


def _artifact(value: Any) -> Artifact:
    _require(isinstance(value, Mapping) and value.get("name"), "an artifact has no name")
    return Artifact(
        name=str(value["name"]),
        kind=str(value.get("kind", "json")),
        uri=value.get("uri"),
        sha256=value.get("sha256"),
        size_bytes=whole_number(value.get("size_bytes")),
        content=value.get("content"),
    )


def _param(name: str, value: Any) -> Any:
    scalar = value is None or isinstance(value, (str, bool, int, float))
    _require(scalar, f"parameter '{name}' is neither text nor number")
    return value


def _link(item: Mapping[str, Any], key: str) -> Link | None:
    value = item.get(key)
    uid = value.get("uid") if isinstance(value, Mapping) else value
    return Link(uid=str(uid)) if uid else None


def _time(item: Mapping[str, Any], key: str) -> Any:
    if item.get(key) is None:
        return None
    moment = parse_time(item[key])
    _require(moment is not None, f"'{key}' is not a time: {item[key]!r:.40}")
    return moment


def _time_source(item: Mapping[str, Any]) -> TimeSource | None:
    value = item.get("time_source")
    return None if value is None else _one_of(TimeSource, value, "time_source")


def _one_of(kind: Any, value: Any, name: str) -> Any:
    values = [member.value for member in kind]
    _require(value in values, f"'{name}' is {value!r:.40}, not one of {', '.join(values)}")
    return kind(value)


def _text(item: Mapping[str, Any], key: str) -> str:
    value = item.get(key)
    _require(value is None or isinstance(value, str), f"'{key}' is not text: {value!r:.40}")
    return value or ""


def _mapping(item: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = item.get(key)
    if isinstance(value, str) and key in ("baseline", "parent"):
        return {"uid": value, "rule": "explicit"}
    _require(value is None or isinstance(value, Mapping), f"'{key}' is not an object")
    return value or {}


def _require(condition: Any, problem: str) -> None:
    if not condition:
        raise _MalformedError(problem)
