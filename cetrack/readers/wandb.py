"""Weights & Biases' folders of runs: the summary, the configuration, what is known of the machine.

The history lies in a binary log beside them, so that a run has the last value of every metric, at
the step that was logged last.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import PurePath
from typing import Any

import numpy as np

from cetrack.domain import Environment, Identity, Kind, Notice, RunRecord, Series, Status
from cetrack.errors import ReadError
from cetrack.readers.base import Match, Objection, Reader, lacking, matched
from cetrack.readers.entries import read_entry
from cetrack.readers.numbers import float_of, is_number, whole_number
from cetrack.readers.source import Source
from cetrack.readers.times import parse_time
from cetrack.readers.tracked import base_name, distinct, stated_by, tracked_run, typed

FORMAT = "wandb"
_SUMMARY = "wandb-summary.json"
_METADATA = "wandb-metadata.json"
_CONFIG = "config.yaml"
# what the tool itself puts into a summary
_STEP, _TIME, _RUN_TIME, _OWN = "_step", "_timestamp", "_runtime", "_wandb"
_MARKS = (_RUN_TIME, _OWN)
_INTERNAL = frozenset({_STEP, _TIME, _RUN_TIME, _OWN})
_FOLDER = re.compile(r"(?:offline-)?run-\d{8}_\d{6}-(?P<id>\w+)")
_SPECIAL = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
_MEDIA = "_type"


class WandbReader(Reader):
    """See :class:`cetrack.readers.base.Reader`."""

    name = FORMAT
    version = 1
    suffixes = (".json",)
    companions = (_CONFIG, _METADATA)
    description = "the folder of a run of Weights & Biases, offline or not"
    recognises = (
        f"`{_SUMMARY}` with `_runtime` or `_wandb`; `{_CONFIG}` and `{_METADATA}` beside it are "
        "read with it"
    )
    maps_to = "one run with the last value of every metric, known by the id in its folder's name"
    example = """\
{"train/loss": 0.41, "val/accuracy": 0.903, "_step": 1200, "_runtime": 812.5,
 "_timestamp": 1767225600.5, "_wandb": {"runtime": 812}}
"""

    def sniff(self, source: Source) -> Match:
        """YES for a summary, COMPANION for the files beside one."""
        if matched(_is_beside_run, source) is Match.YES:
            return Match.COMPANION
        return matched(_is_summary, source)

    def read(self, source: Source) -> Iterator[RunRecord | Notice]:
        """The run of a folder."""
        summary = source.json.value
        if not isinstance(summary, dict):
            raise ReadError(source.uri, "not a summary of Weights & Biases")
        yield from source.json.notices
        yield _record(summary, source)

    def objection(self, source: Source) -> Objection | None:
        """Marks of a summary that are missing."""
        return lacking(_INTERNAL, source.json_keys, "key")


def _is_summary(source: Source) -> bool:
    named = source.name == _SUMMARY and source.looks_like_json and not source.json_keys
    if named:  # a run that logged nothing
        return bool(source.json.value == {})
    return source.first_object is None and not source.json_keys.isdisjoint(_MARKS)


def _is_beside_run(source: Source) -> bool:
    if source.name == _METADATA:
        return {"os", "python"} <= source.json_keys or source.companion(_SUMMARY) is not None
    if source.name != _CONFIG:
        return False
    found = source.yaml
    return isinstance(found, dict) and ("wandb_version" in found or _OWN in found)


def _record(summary: Mapping[str, Any], source: Source) -> RunRecord:
    notices: list[Notice] = []
    config = _config(source, notices)
    own = config.pop(_OWN, None)
    own = own if isinstance(own, Mapping) else {}
    metadata = _metadata(source, notices)
    entry = read_entry(_measured(summary, notices), "")
    series = distinct(_at_last_step(entry.series.values(), summary), notices)
    stated = stated_by({**entry.params, **_arguments(metadata.get("args")), **config})
    status, reason = _status(summary, series)
    run_id = _run_id(source)
    record = tracked_run(
        FORMAT,
        run_id,
        "",
        stated,
        series=[*series, *_run_time(summary)],
        status=status,
        status_reason=reason,
        notices=[*notices, *entry.notices],
        samples=tuple(entry.samples),
        artifacts=(*stated.artifacts, *entry.artifacts),
        tags=_tags(metadata),
        environment=_environment(metadata, own),
        started_at=parse_time(metadata.get("startedAt")) or parse_time(own.get("start_time")),
        finished_at=parse_time(summary.get(_TIME)),
        git_commit=_text(_mapping(metadata, "git").get("commit")),
    )
    record = replace(record, kind=Kind.TRAINING if _steps(summary) else record.kind)
    if run_id:
        return record
    # a copy of a folder, called latest-run or otherwise: only what is in it tells
    return replace(record, identity=Identity.SNAPSHOT, uid=None, raw=dict(summary), tags={
        key: value for key, value in record.tags.items() if key != f"{FORMAT}.run_id"
    })  # fmt: skip


def _mapping(values: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = values.get(key)
    return found if isinstance(found, Mapping) else {}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _run_id(source: Source) -> str:
    """The id in the name of the nearest folder that has one."""
    names = PurePath(source.key.replace("\\", "/")).parts[:-1]
    found = (_FOLDER.fullmatch(name) for name in reversed(names))
    return next((match["id"] for match in found if match), "")


# --- the summary -----------------------------------------------------------------------------


def _measured(summary: Mapping[str, Any], notices: list[Notice]) -> dict[str, Any]:
    """What was logged, without pictures, tables and the like, of which there are only names."""
    media = 0

    def plain(values: Mapping[str, Any]) -> dict[str, Any]:
        nonlocal media
        found: dict[str, Any] = {}
        for key, value in values.items():
            if isinstance(value, Mapping) and _MEDIA in value:
                media += 1
            elif isinstance(value, Mapping):
                found[key] = plain(value)
            else:
                found[key] = _SPECIAL.get(value, value) if isinstance(value, str) else value
        return found

    logged = plain({key: value for key, value in summary.items() if key not in _INTERNAL})
    if media:
        text = f"{media} pictures, tables or the like: left out"
        notices.append(Notice("", text if media > 1 else "a picture, table or the like: left out"))
    return logged


def _steps(summary: Mapping[str, Any]) -> int:
    return whole_number(summary.get(_STEP)) or 0


def _at_last_step(series: Iterable[Series], summary: Mapping[str, Any]) -> Iterator[Series]:
    """Numbers at the step, and the time, that were logged last."""
    steps = np.array([max(_steps(summary), 0)], np.int64)
    moment: Any = summary.get(_TIME)
    walls = np.array([float_of(moment)]) if is_number(moment) else None
    for item in series:
        yield replace(item, steps=steps, values=item.values, wall_times=walls)


def _run_time(summary: Mapping[str, Any]) -> Iterator[Series]:
    """How long the run took."""
    value: Any = summary.get(_RUN_TIME, _mapping(summary, _OWN).get("runtime"))
    if is_number(value):
        yield Series.scalar("run_time_s", float_of(value), place=_RUN_TIME)


def _status(summary: Mapping[str, Any], series: Sequence[Series]) -> tuple[Status, str]:
    """The summary does not say how the run ended; one without any metric has not come far."""
    if series:
        return Status.FINISHED, ""
    return Status.FAILED, "nothing was logged"


# --- the files beside it ---------------------------------------------------------------------


def _config(source: Source, notices: list[Notice]) -> dict[str, Any]:
    """The configuration: ``{desc, value}`` around each value, but in the newest files."""
    found = source.companion(_CONFIG)
    if found is None or not found.size_bytes:
        return {}
    try:
        values = found.yaml
    except ReadError as error:
        notices.append(Notice(_CONFIG, f"{error.problem}: left out"))
        return {}
    if not isinstance(values, Mapping):
        notices.append(Notice(_CONFIG, "no settings by name: left out"))
        return {}
    opened = {
        key: value["value"] if isinstance(value, Mapping) and "value" in value else value
        for key, value in values.items()
    }
    opened.pop("wandb_version", None)
    return opened


def _metadata(source: Source, notices: list[Notice]) -> Mapping[str, Any]:
    """What is known of the machine and the command. Names of people are not looked at."""
    found = source.companion(_METADATA)
    if found is None or not found.size_bytes:
        return {}
    try:
        values = found.json.value
    except ReadError as error:
        notices.append(Notice(_METADATA, f"{error.problem}: left out"))
        return {}
    return values if isinstance(values, Mapping) else {}


def _arguments(arguments: Any) -> dict[str, Any]:
    """``["--lr", "0.1", "--bf16", "True", "--verbose"]`` as settings."""
    listed = arguments if isinstance(arguments, list) else []
    texts = [item for item in listed if isinstance(item, str)]
    found: dict[str, Any] = {}
    for place, text in enumerate(texts, 1):
        if not text.startswith("--") or len(text) == len("--"):
            continue
        name, equals, value = text[2:].partition("=")
        after = texts[place] if place < len(texts) else "--"
        if equals:
            found[name] = typed(value)
        else:
            found[name] = True if after.startswith("--") else typed(after)
    return found


def _tags(metadata: Mapping[str, Any]) -> dict[str, str]:
    code = base_name(_text(metadata.get("codePath")) or _text(metadata.get("program")))
    return {"source": code} if code else {}


def _environment(metadata: Mapping[str, Any], own: Mapping[str, Any]) -> Environment:
    accelerator = _accelerator(metadata)
    details = {
        "python": _text(metadata.get("python")) or _text(own.get("python_version")),
        "cpu_count": whole_number(metadata.get("cpu_count")),
        "gpu_count": whole_number(metadata.get("gpu_count")),
        "wandb": _text(own.get("cli_version")),
    }
    return Environment(
        device="cuda" if accelerator and _is_nvidia(metadata) else "",
        accelerator=accelerator,
        host=_text(metadata.get("host")),
        os=_text(metadata.get("os")),
        details={key: value for key, value in details.items() if value},
    )


_GPUS = ("gpu_nvidia", "gpu_devices", "gpu_amd", "gpu_apple")


def _accelerator(metadata: Mapping[str, Any]) -> str:
    """The name of the first card."""
    for key in _GPUS:
        listed = metadata.get(key)
        for item in listed if isinstance(listed, list) else ():
            if isinstance(item, Mapping) and _text(item.get("name")):
                return _text(item["name"])
    return _text(metadata.get("gpu")).removeprefix("[").removesuffix("]")


def _is_nvidia(metadata: Mapping[str, Any]) -> bool:
    return "gpu_nvidia" in metadata or "nvidia" in _accelerator(metadata).lower()
