"""CEMI's run records: JSON lines, each of which is the whole run as it was then.

The last whole line counts. Version 1 kept its metrics in one list, version 2 keeps events and a
summary; what stands twice in a newer record for older readers is left alone.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import orjson

from cetrack.domain import (
    Artifact,
    Direction,
    Environment,
    Link,
    MetricDef,
    Notice,
    RunRecord,
    Series,
    Status,
)
from cetrack.errors import MalformedSourceError, ReadError
from cetrack.identity import own_uid
from cetrack.readers.base import Match, Objection, Reader, has_keys, lacking, matched
from cetrack.readers.blocks import BLOCK_BYTES, line_blocks
from cetrack.readers.json_text import parse_json
from cetrack.readers.numbers import float_of, is_number, whole_number
from cetrack.readers.source import Source
from cetrack.readers.times import parse_time
from cetrack.readers.tracked import Stated, distinct, logged, stated_by, tracked_run

FORMAT = "cemi"
_TYPE = "run_record"
_MARKS = ("type", "schema_version", "payload")
_STATUS: Mapping[str, Status] = {
    "queued": Status.RUNNING,
    "pending": Status.RUNNING,
    "running": Status.RUNNING,
    "succeeded": Status.FINISHED,
    "success": Status.FINISHED,
    "completed": Status.FINISHED,
    "finished": Status.FINISHED,
    "failed": Status.FAILED,
    "error": Status.FAILED,
    "killed": Status.KILLED,
    "cancelled": Status.KILLED,
    "canceled": Status.KILLED,
    "aborted": Status.KILLED,
}
_DIRECTIONS = {
    "lower_is_better": Direction.LOWER,
    "lower": Direction.LOWER,
    "higher_is_better": Direction.HIGHER,
    "higher": Direction.HIGHER,
}
_RESOURCES = ("memory_budget", "flash_budget", "ram_budget")
# of the record, kept as they are
_KEPT = ("accuracy_gate", "contract_result", "target_profile", "eqc_assignment")
_EVENTS = ("action_events", "inference_events")


class CemiReader(Reader):
    """See :class:`cetrack.readers.base.Reader`."""

    name = FORMAT
    version = 1
    suffixes = (".jsonl", ".json")
    description = "CEMI's run records"
    recognises = 'JSON lines with `"type": "run_record"`, a `schema_version` and a `payload`'
    maps_to = "one run from the last whole line: events by step, the summary, its baseline"
    example = """\
{"type": "run_record", "schema_version": "2.2", "payload": {"run_id": "r-7", "name": "lenet int8",
 "status": "succeeded", "created_at_ms": 1767225600000,
 "context": {"device": {"board": "STM32F746"}},
 "metrics": {"events": [{"name": "latency_p50", "value": 3.2, "step": 0, "unit": "ms"}],
             "summary": [{"name": "val_accuracy", "value": 0.91}]},
 "parameters": [{"key": "precision", "value": "int8"}]}}
"""

    def sniff(self, source: Source) -> Match:
        """YES when the first record says so."""
        return matched(_is_record, source)

    def read(self, source: Source) -> Iterator[RunRecord | Notice]:
        """One run for each id in the file."""
        notices: list[Notice] = []
        payloads = _payloads(source, notices)
        if not payloads:
            raise MalformedSourceError(source.uri, "", "no whole run record in it")
        yield from notices
        for run_id, (place, payload) in payloads.items():
            yield _record(run_id, place, payload)

    def objection(self, source: Source) -> Objection | None:
        """Marks of a record that are missing."""
        return lacking(_MARKS, source.json_keys, "key")


def _is_record(source: Source) -> bool:
    if not has_keys(source, _MARKS):
        return False
    first = source.first_object
    return _is_whole(source.json.value if first is None else first)


def _is_whole(item: Any) -> bool:
    return (
        isinstance(item, dict)
        and item.get("type") == _TYPE
        and isinstance(item.get("payload"), dict)
        and bool(_id(item["payload"]))
    )


def _id(payload: Mapping[str, Any]) -> str:
    found = payload.get("run_id") or payload.get("id")
    return str(found) if isinstance(found, (str, int)) else ""


def _payloads(source: Source, notices: list[Notice]) -> dict[str, tuple[str, Mapping[str, Any]]]:
    """Id → (place, payload) of the last whole record of every run."""
    if source.first_object is None:  # one record, over as many lines as it likes
        value = source.json.value
        notices.extend(source.json.notices)
        return {_id(value["payload"]): ("", value["payload"])} if _is_whole(value) else {}
    found: dict[str, tuple[str, Mapping[str, Any]]] = {}
    bad = 0
    for number, line in _lines(source):
        item = _parsed(line, source.uri)
        if _is_whole(item):
            payload = item["payload"]
            found[_id(payload)] = (f"line {number}", payload)
        else:
            bad += 1
    if bad:
        text = f"{bad} lines are no whole run record: left out"
        notices.append(Notice("", text if bad > 1 else "a line is no whole run record: left out"))
    return found


def _lines(source: Source) -> Iterator[tuple[int, bytes]]:
    before = 0
    for block in line_blocks(source, BLOCK_BYTES):
        lines = block.content.removesuffix(b"\n").split(b"\n")
        yield from ((number, line) for number, line in enumerate(lines, before + 1) if line.strip())
        before += len(lines)


def _parsed(line: bytes, uri: str) -> Any:
    try:
        return orjson.loads(line)
    except orjson.JSONDecodeError:
        pass
    try:
        return parse_json(line, uri).value  # NaN and huge numbers
    except ReadError:
        return None


# --- the run ---------------------------------------------------------------------------------


def _record(run_id: str, place: str, payload: Mapping[str, Any]) -> RunRecord:
    notices: list[Notice] = []
    context = _mapping(payload, "context")
    series, definitions = _metrics(payload, notices)
    stated = _stated(payload, context)
    links = {name: _link(payload.get(f"{name}_run_id")) for name in ("baseline", "parent")}
    return tracked_run(
        FORMAT,
        run_id,
        place,
        stated,
        series=series,
        status=_status(payload, notices),
        status_reason=_text(payload.get("status_reason")),
        notices=notices,
        tags=_tags(payload),
        name=_text(payload.get("name")),
        experiment=_text(payload.get("project")),
        task=_text(_mapping(context, "case").get("task")),
        dataset=_text(_mapping(context, "case").get("dataset")),
        environment=_environment(payload, context),
        started_at=_moment(payload, "started_at", "created_at_ms", "created_at"),
        finished_at=_moment(payload, "ended_at_ms", "ended_at"),
        metric_defs=definitions,
        baseline=links["baseline"],
        baseline_rule="explicit" if links["baseline"] else "",
        parent=links["parent"],
        artifacts=(*stated.artifacts, *_artifacts(payload)),
    )


def _mapping(values: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = values.get(key)
    return found if isinstance(found, Mapping) else {}


def _items(values: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    found = values.get(key)
    listed = found if isinstance(found, list) else []
    return [item for item in listed if isinstance(item, Mapping)]


def _text(value: Any) -> str:
    return value.strip() if isinstance(value, str) else ""


def _moment(payload: Mapping[str, Any], *keys: str) -> Any:
    return next((found for key in keys if (found := parse_time(payload.get(key)))), None)


def _link(run_id: Any) -> Link | None:
    known = isinstance(run_id, (str, int)) and str(run_id)
    return Link(uid=own_uid(FORMAT, str(run_id))) if known else None


def _status(payload: Mapping[str, Any], notices: list[Notice]) -> Status:
    stated = _text(payload.get("status")).lower()
    found = _STATUS.get(stated)
    if found is None and stated:
        notices.append(Notice("", f"unknown status {stated!r:.40}: taken as finished"))
    return found or Status.FINISHED


def _stated(payload: Mapping[str, Any], context: Mapping[str, Any]) -> Stated:
    """Parameters, in a list or by name, and what the context and the gate state beside them."""
    listed = _items(payload, "parameters") or _items(payload, "params")
    named = _mapping(payload, "parameters") or _mapping(payload, "params")
    found = {str(item["key"]): item.get("value") for item in listed if item.get("key")}
    device, case = _mapping(context, "device"), _mapping(context, "case")
    around = {
        **{f"device.{key}": device[key] for key in _RESOURCES if key in device},
        **{f"case.{key}": case[key] for key in ("suite", "scenario") if case.get(key)},
        **({"policy": context["policy"]} if context.get("policy") else {}),
        **{key: payload[key] for key in _KEPT if payload.get(key)},
        **({"stage": payload["stage"]} if _text(payload.get("stage")) else {}),
    }
    return stated_by({**around, **named, **found})


def _tags(payload: Mapping[str, Any]) -> dict[str, str]:
    """Tags, by name or in a list, and what someone noted."""
    found = {str(key): str(value) for key, value in _mapping(payload, "tags").items()}
    for item in _items(payload, "tags"):
        if item.get("key"):
            found[str(item["key"])] = str(item.get("value", ""))
    notes = _text(payload.get("notes"))
    return {**found, **({"note": notes} if notes else {})}


def _environment(payload: Mapping[str, Any], context: Mapping[str, Any]) -> Environment:
    device, platform = _mapping(context, "device"), _mapping(payload, "platform_fingerprint")
    flags = platform.get("simd_flags")
    details = {"simd_flags": flags} if flags else {}
    return Environment(
        device=_text(device.get("board")),
        accelerator=_text(platform.get("hardware_backend")),
        runtime=_text(platform.get("runtime")) or _text(device.get("runtime")),
        runtime_version=_text(platform.get("framework_version")),
        details=details,
    )


def _artifacts(payload: Mapping[str, Any]) -> Iterator[Artifact]:
    for item in _items(payload, "artifacts"):
        name = _text(item.get("name")) or _text(item.get("path")) or "artifact"
        yield Artifact(
            name=name,
            kind=_text(item.get("kind")) or _text(item.get("type")) or "file",
            uri=_text(item.get("uri")) or _text(item.get("path")) or None,
            sha256=_text(item.get("sha256")) or None,
            size_bytes=whole_number(item.get("size_bytes")),
        )
    for key in _EVENTS:
        if _items(payload, key):
            yield Artifact(name=key, content=_items(payload, key))


# --- metrics ---------------------------------------------------------------------------------


def _metrics(
    payload: Mapping[str, Any], notices: list[Notice]
) -> tuple[list[Series], dict[str, MetricDef]]:
    """The series of the events, then of the summary what no event has said."""
    metrics = payload.get("metrics")
    if isinstance(metrics, Mapping):
        events, summary = _items(metrics, "events"), _items(metrics, "summary")
    else:
        events, summary = _items(payload, "metrics"), []
    by_name = _by_name(events)
    found = [series for name, items in by_name.items() if (series := _series(name, items, notices))]
    summed = _by_name(summary)
    for name, value in _mapping(payload, "summary_metrics").items():
        summed.setdefault(str(name), [{"name": name, "value": value}])
    for name, items in summed.items():
        if name not in by_name and (series := _series(name, items[-1:], notices)):
            found.append(series)
    return distinct(found, notices), _definitions({**summed, **by_name})


def _by_name(items: Iterable[Mapping[str, Any]]) -> dict[str, list[Mapping[str, Any]]]:
    """Events by metric, those of an aggregate apart from the others."""
    found: dict[str, list[Mapping[str, Any]]] = {}
    for item in items:
        name = _text(item.get("name"))
        if name:
            found.setdefault(name + _aggregate(item), []).append(item)
    return found


_PLAIN = frozenset({"", "raw", "last", "none"})


def _aggregate(item: Mapping[str, Any]) -> str:
    aggregation = _text(item.get("aggregation")).lower()
    stated = _text(item.get("name")).lower()
    return "" if aggregation in _PLAIN or aggregation in stated else f"_{aggregation}"


def _series(name: str, items: list[Mapping[str, Any]], notices: list[Notice]) -> Series | None:
    points = [
        (step, float_of(item["value"]), _seconds(item.get("timestamp_ms")))
        for item in items
        if is_number(item.get("value"))
        and (step := whole_number(item.get("step") or 0)) is not None
    ]
    if len(points) < len(items):
        bad = len(items) - len(points)
        notices.append(Notice(name, f"{bad} values are no numbers at a step: left out"))
    if not points:
        return None
    steps, values, times = zip(*points, strict=True)
    arrays = np.array(steps, np.int64), np.array(values, np.float64), np.array(times, np.float64)
    series = logged(name, *arrays, notices)
    unit = next((_text(item.get("unit")) for item in items if _text(item.get("unit"))), None)
    return Series(
        name=name,
        steps=series.steps,
        values=series.values,
        wall_times=series.wall_times,
        unit=unit,
        place=name,
    )


def _seconds(milliseconds: Any) -> float:
    return float_of(milliseconds) / 1000 if is_number(milliseconds) else math.nan


def _definitions(items: Mapping[str, list[Mapping[str, Any]]]) -> dict[str, MetricDef]:
    """What events state about metrics that nobody else knows."""
    found = {}
    for name, [first, *_] in items.items():
        direction = _DIRECTIONS.get(_text(first.get("direction")).lower())
        role = _text(first.get("role")).lower()
        if direction or role:
            unit = _text(first.get("unit")) or None
            found[name] = MetricDef(
                name=name, unit=unit, direction=direction, family=role or "other"
            )
    return found
