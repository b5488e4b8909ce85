"""cetrack's own format: one JSON object per run, in JSONL, a list, or alone.

The object has ``"cetrack": 1``; docs/run.schema.json describes it. ``cetrack export-runs`` writes
it. Metrics that carry ``source_name`` were normalised already and are taken as they are.
"""

from __future__ import annotations

import math
from collections import Counter
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
from cetrack.readers import checks
from cetrack.readers.base import Match, Reader, matched
from cetrack.readers.checks import CheckError, require
from cetrack.readers.lines import json_lines
from cetrack.readers.numbers import float_of, is_number
from cetrack.readers.source import Source

FORMAT = "cetrack"
VERSION = 1
MAX_UID = 128
_TEXTS = (
    "experiment", "precision", "method", "name", "variant", "dataset", "split", "task",
    "status_reason", "git_commit",
)  # fmt: skip
_PLACES = ("device", "accelerator", "runtime", "runtime_version", "host", "os")
KNOWN_KEYS = frozenset(
    {
        "artifacts", "baseline", "batch_size", "cetrack", "environment", "finished_at", "kind",
        "metrics", "model", "params", "parent", "samples", "seed", "started_at", "status", "tags",
        "time_source", "uid", *_TEXTS,
    }
)  # fmt: skip
_DEFINITION = frozenset({"unit", "direction", "family", "description"})


class CetrackReader(Reader):
    """See :class:`cetrack.readers.base.Reader`."""

    name = FORMAT
    version = 1
    suffixes = (".jsonl", ".json")
    description = "cetrack's own run objects, as `cetrack export-runs` writes them"
    recognises = 'JSON objects with `"cetrack": 1`, one per line, in a list, or alone'
    maps_to = "one run per object, of any kind; nothing is renamed that was normalised before"
    example = """\
{"cetrack": 1, "kind": "benchmark", "model": {"name": "resnet50", "library": "timm"},
 "precision": "int8", "started_at": "2026-06-01T02:00:00Z", "environment": {"device": "cpu"},
 "metrics": {"accuracy": 0.75, "latency_ms": {"value": 4.2, "std": 0.1, "n": 100}}}
"""

    def sniff(self, source: Source) -> Match:
        """YES when the first object says so."""
        return matched(_is_ours, source)

    def read(self, source: Source) -> Iterator[RunRecord | Notice]:
        """One run per object."""
        notices: list[Notice] = []
        uids: Counter[str] = Counter()
        for place, item in _objects(source, notices):
            try:
                record = _run(item, place)
            except CheckError as error:
                hint = "docs/run.schema.json describes the format"
                raise MalformedSourceError(
                    source.uri, place or "/", str(error), hint=hint
                ) from error
            if record.uid:
                uids[record.uid] += 1
            yield record
        yield from notices
        for uid, times in uids.items():
            if times > 1:
                yield Notice("", f"uid '{uid}' stands {times} times: the last one counts")


def _is_ours(source: Source) -> bool:
    if not source.looks_like_json:
        return False
    first = source.first_object
    value = first if first is not None else source.json.value
    head = value[0] if isinstance(value, list) and value else value
    return isinstance(head, Mapping) and "cetrack" in head


def _objects(source: Source, notices: list[Notice]) -> Iterator[tuple[str, Any]]:
    if source.first_object is not None:
        yield from ((f"line {number}", item) for number, item in json_lines(source, notices))
        return
    value = source.json.value
    notices.extend(source.json.notices)
    if isinstance(value, list):
        yield from ((f"/{index}", item) for index, item in enumerate(value))
    else:
        yield "", value


def _run(item: Any, place: str) -> RunRecord:
    require(isinstance(item, Mapping), "not an object")
    version = item.get("cetrack")
    ours = is_number(version) and version == VERSION
    require(ours, f'"cetrack" is {version!r:.40}: this version reads {VERSION}')
    kind = checks.one_of(Kind, item.get("kind", "benchmark"), "kind")
    uid = _uid(item)
    metrics, samples = checks.mapping(item, "metrics"), checks.mapping(item, "samples")
    series = [_series(name, value) for name, value in metrics.items()]
    unknown = sorted(set(item) - KNOWN_KEYS)
    return RunRecord(
        format=FORMAT,
        place=place,
        kind=kind,
        identity=_identity(uid, kind),
        uid=uid,
        raw={key: value for key, value in item.items() if key != "started_at"},
        model=_model(item),
        environment=_environment(checks.mapping(item, "environment")),
        seed=checks.whole(item, "seed"),
        batch_size=checks.whole(item, "batch_size"),
        status=checks.one_of(Status, item.get("status", "finished"), "status"),
        started_at=checks.moment(item, "started_at"),
        time_source=_time_source(item),
        finished_at=checks.moment(item, "finished_at"),
        baseline=_link(item, "baseline"),
        baseline_rule=_rule(item),
        parent=_link(item, "parent"),
        series=tuple(found for found in series if len(found.steps)),
        samples=tuple(_sample(name, value) for name, value in samples.items()),
        params={k: checks.param(k, v) for k, v in checks.mapping(item, "params").items()},
        tags={key: _tag(key, value) for key, value in checks.mapping(item, "tags").items()},
        artifacts=tuple(map(_artifact, checks.items(item, "artifacts"))),
        metric_defs=_definitions({**samples, **metrics}),
        origins=_origins(metrics),
        notices=tuple(
            [Notice(place, f"unknown key '{key:.60}': left out") for key in unknown]
            + [Notice(place, f"metric '{s.name:.60}' is empty") for s in series if not len(s.steps)]
        ),
        **{name: checks.text(item, name) for name in _TEXTS},  # type: ignore[arg-type]
    )


def _uid(item: Mapping[str, Any], key: str = "uid") -> str | None:
    uid = checks.text_or_none(item, key)
    plain = uid is None or (0 < len(uid) <= MAX_UID and uid.isascii() and uid.isprintable())
    require(plain and " " not in (uid or ""), f"'{key}' is not up to {MAX_UID} ASCII characters")
    return uid


def _identity(uid: str | None, kind: Kind) -> Identity:
    if uid:
        return Identity.UID
    return Identity.LOG if kind == Kind.TRAINING else Identity.SNAPSHOT


# --- metrics ---------------------------------------------------------------------------------


def _series(name: str, value: Any) -> Series:
    if not isinstance(value, Mapping):
        return Series.scalar(name, checks.number(value, name))
    stated = checks.text_or_none(value, "unit")
    unit = None if "source_name" in value else stated
    spread = Spread(
        std=checks.number_or_none(value, "std"),
        min=checks.number_or_none(value, "min"),
        max=checks.number_or_none(value, "max"),
        n=checks.whole(value, "n", least=0),
    )
    if "values" not in value:
        require("value" in value, f"metric '{name}' has neither 'value' nor 'values'")
        number = checks.number(value["value"], name)
        return Series.scalar(name, number, spread=spread, unit=unit)
    values = checks.numbers(value["values"], name)
    steps = checks.steps(value.get("steps"), len(values), name)
    walls = checks.wall_times(value.get("wall_times"), len(values), name)
    order = np.argsort(steps, kind="stable")
    return Series(
        name=name,
        steps=steps[order],
        values=values[order],
        wall_times=None if walls is None else walls[order],
        spread=None if spread == Spread() else spread,
        unit=unit,
    )


def _sample(name: str, value: Any) -> Sample:
    if not isinstance(value, Mapping):
        return Sample(name=name, values=checks.numbers(value, name))
    unit = checks.text_or_none(value, "unit")
    return Sample(name=name, values=checks.numbers(value.get("values"), name), unit=unit)


def _definitions(metrics: Mapping[str, Any]) -> dict[str, MetricDef]:
    return {
        name: MetricDef(
            name=name,
            unit=checks.text_or_none(value, "unit"),
            direction=None
            if value.get("direction") is None
            else checks.one_of(Direction, value["direction"], "direction"),
            family=checks.text(value, "family") or "other",
            description=checks.text(value, "description"),
        )
        for name, value in metrics.items()
        if isinstance(value, Mapping) and _DEFINITION & value.keys()
    }


def _origins(metrics: Mapping[str, Any]) -> dict[str, tuple[str, str | None, float]]:
    found: dict[str, tuple[str, str | None, float]] = {}
    for name, value in metrics.items():
        if isinstance(value, Mapping):
            scale = value.get("scale", 1)
            factor = is_number(scale) and 0 < scale < math.inf
            require(factor, f"scale of '{name}' is not a factor: {scale!r:.40}")
            source_name = checks.text(value, "source_name")
            source_unit = checks.text_or_none(value, "source_unit")
            if source_name:
                found[name] = (source_name, source_unit, float_of(scale))
    return found


# --- the run ---------------------------------------------------------------------------------


def _model(item: Mapping[str, Any]) -> ModelHint:
    if isinstance(item.get("model"), str):
        return ModelHint(name=item["model"])
    value = checks.mapping(item, "model")
    shape = value.get("input_shape")
    written = shape if isinstance(shape, str) else str(checks.items(value, "input_shape") or "")
    return ModelHint(
        name=checks.text(value, "name"),
        library=checks.text(value, "library"),
        category=checks.text(value, "category"),
        input_shape=written,
        description=checks.text(value, "description"),
    )


def _environment(value: Mapping[str, Any]) -> Environment:
    more = {key: item for key, item in value.items() if key not in (*_PLACES, "details")}
    return Environment(
        **{name: checks.text(value, name) for name in _PLACES},
        details={**checks.mapping(value, "details"), **more},
    )


def _artifact(value: Any) -> Artifact:
    require(isinstance(value, Mapping) and value.get("name"), "an artifact has no name")
    return Artifact(
        name=checks.text(value, "name"),
        kind=checks.text(value, "kind") or "json",
        uri=checks.text_or_none(value, "uri"),
        sha256=checks.text_or_none(value, "sha256"),
        size_bytes=checks.whole(value, "size_bytes", least=0),
        content=value.get("content"),
    )


def _tag(key: str, value: Any) -> str:
    require(isinstance(value, str), f"tag '{key}' is not text: {value!r:.40}")
    return str(value)


def _link(item: Mapping[str, Any], key: str) -> Link | None:
    """Another run: its uid, alone or in an object."""
    plain = isinstance(item.get(key), str)
    uid = _uid(item, key) if plain else _uid(checks.mapping(item, key))
    return Link(uid=uid) if uid else None


def _rule(item: Mapping[str, Any]) -> str:
    if isinstance(item.get("baseline"), str):
        return "explicit"
    return checks.text(checks.mapping(item, "baseline"), "rule")


def _time_source(item: Mapping[str, Any]) -> TimeSource | None:
    value = item.get("time_source")
    return None if value is None else checks.one_of(TimeSource, value, "time_source")
