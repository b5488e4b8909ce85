"""MLflow's file store: a folder per run, in it ``meta.yaml`` and a file per metric, param, tag."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePath
from typing import Any

import numpy as np

from cetrack.domain import FloatArray, IntArray, Notice, RunRecord, Series
from cetrack.errors import MalformedSourceError, ReadError
from cetrack.readers.blocks import BLOCK_BYTES, line_blocks
from cetrack.readers.columns import plain_numbers
from cetrack.readers.json_text import decoded
from cetrack.readers.mlflow.runs import DELETED, Run, infinite, seconds, skipped
from cetrack.readers.source import Source
from cetrack.readers.tracked import logged

META = "meta.yaml"
FOLDERS = ("metrics", "params", "tags")
COMPANIONS = (*(f"{folder}/**/*" for folder in FOLDERS), f"../{META}")
_MARK = b"lifecycle_stage:"
_RUN_IDS = ("run_id", "run_uuid")
_RUN_MARKS = frozenset({"artifact_uri", "experiment_id", "lifecycle_stage", "status"})
_EXPERIMENT_MARKS = frozenset({"artifact_location", "experiment_id", "lifecycle_stage", "name"})
# of models and data sets, which lie below the same root
_OTHER_MARKS = (
    frozenset({"model_id", "experiment_id", "source_run_id"}),
    frozenset({"name", "creation_timestamp", "last_updated_timestamp"}),
    frozenset({"source_id", "source_type", "destination_id", "destination_type"}),
    frozenset({"digest", "name", "source", "source_type"}),
)
_DEEPEST = 8  # folders that the slashes of a metric's name make
_MAX_VALUE_BYTES = 2**20
_FIELDS = 3
_EXACT = 2**53


def meta_of(source: Source) -> dict[str, Any]:
    """The entries of a ``meta.yaml``; none of what is none. Raises ReadError."""
    if not source.is_text or (source.name != META and _MARK not in source.head):
        return {}
    found = source.yaml
    return found if isinstance(found, dict) else {}


def is_run(meta: dict[str, Any]) -> bool:
    """True for the meta data of a run."""
    return any(meta.get(name) for name in _RUN_IDS) and len(_RUN_MARKS & meta.keys()) > 1


def is_beside_runs(meta: dict[str, Any]) -> bool:
    """True for the meta data of an experiment, or of another thing that is no run."""
    if not meta or is_run(meta):
        return False
    return any(meta.keys() >= marks for marks in (_EXPERIMENT_MARKS, *_OTHER_MARKS))


def is_part_of_run(source: Source) -> bool:
    """True for the file of a metric, a parameter or a tag of a run. Raises ReadError."""
    folders = PurePath(source.uri.replace("\\", "/")).parts[:-1]
    for up, folder in enumerate(reversed(folders[-_DEEPEST:]), 1):
        if folder in FOLDERS:
            meta = source.companion("../" * up + META)
            if meta is not None and is_run(meta_of(meta)):
                return True
    return False


def missing_marks(meta: dict[str, Any]) -> tuple[list[str], set[str]]:
    """(marks of a run, those that are there) for an objection."""
    return ["run_id", *sorted(_RUN_MARKS)], set(meta)


def read_run(source: Source) -> Iterator[RunRecord | Notice]:
    """The run of a folder."""
    meta = meta_of(source)
    run_id = next((str(meta[name]) for name in _RUN_IDS if meta.get(name)), "")
    if not run_id:
        raise MalformedSourceError(source.uri, "", "no run_id: the meta data of no run")
    run = Run(
        run_id=run_id,
        name=_text(meta.get("run_name")),
        experiment_id=_text(meta.get("experiment_id")),
        status=meta.get("status"),
        start_time=meta.get("start_time"),
        end_time=meta.get("end_time"),
        source_version=_text(meta.get("source_version")),
    )
    around = _experiment(source, run.notices)
    if DELETED in (meta.get("lifecycle_stage"), around.get("lifecycle_stage")):
        yield skipped([run_id])
        return
    run.experiment = _text(around.get("name"))
    run.params.update(_values(source, "params", run.notices))
    run.tags.update(_values(source, "tags", run.notices))
    for name, item in _below(source, "metrics"):
        series = _metric(name, item, run.notices)
        if series is not None:
            run.series.append(series)
    yield run.record()


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def _experiment(source: Source, notices: list[Notice]) -> dict[str, Any]:
    """The meta data of the experiment around a run, where they can be read."""
    found = source.companion(f"../{META}")
    if found is None:
        return {}
    try:
        meta = meta_of(found)
    except ReadError as error:
        notices.append(Notice(f"../{META}", f"{error.problem}: no name of the experiment"))
        return {}
    return meta if is_beside_runs(meta) else {}


def _below(source: Source, folder: str) -> Iterator[tuple[str, Source]]:
    """(name, file) of everything in a folder of a run; below folders names have slashes."""
    for item in source.companions(f"{folder}/**/*"):
        parts = item.inner.relative_to(source.inner.parent).parts[1:]
        if not parts[-1].startswith("."):  # what a file browser or an editor leaves behind
            yield "/".join(parts), item


def _values(source: Source, folder: str, notices: list[Notice]) -> Iterator[tuple[str, str]]:
    """(name, text) of params or tags."""
    for name, item in _below(source, folder):
        try:
            if item.size_bytes > _MAX_VALUE_BYTES:
                raise ReadError(item.uri, "larger than any value of MLflow")
            yield name, decoded(item.read_bytes(), item.uri).rstrip("\r\n")
        except ReadError as error:
            notices.append(Notice(f"{folder}/{name}", f"{error.problem}: left out"))


# --- metrics ---------------------------------------------------------------------------------

_Columns = tuple[IntArray, FloatArray, FloatArray]


def _metric(name: str, item: Source, notices: list[Notice]) -> Series | None:
    """The series in a file of lines ``timestamp_ms value step``."""
    parts: list[_Columns] = []
    bad = 0
    try:
        for block in line_blocks(item, BLOCK_BYTES):
            columns, wrong = _columns(block.content)
            parts.append(columns)
            bad += wrong
    except ReadError as error:
        notices.append(Notice(f"metrics/{name}", f"{error.problem}: left out"))
        return None
    steps, values, times = map(np.concatenate, zip(*(parts or [_careful(b"")[0]]), strict=True))
    if bad:
        text = f"{bad} lines are not 'timestamp value step': left out"
        notices.append(Notice(f"metrics/{name}", text))
    if not len(steps):
        notices.append(Notice(f"metrics/{name}", "no values: left out"))
        return None
    return logged(name, steps, infinite(values), seconds(times), notices)


def _columns(content: bytes) -> tuple[_Columns, int]:
    """(steps int64[n], values float64[n], times float64[n]) of lines, and how many are none."""
    fields = content.decode("ascii", "replace").split()
    lines = content.count(b"\n") + (not content.endswith(b"\n"))
    numbers = plain_numbers(fields) if len(fields) == _FIELDS * lines else None
    if numbers is not None:
        times, values, steps = numbers.reshape(-1, _FIELDS).T
        with np.errstate(invalid="ignore"):
            whole = steps.astype(np.int64)
        if (np.abs(steps) < _EXACT).all() and (whole == steps).all():
            return (whole, values.copy(), times.copy()), 0
    return _careful(content)


def _careful(content: bytes) -> tuple[_Columns, int]:
    """The same line by line: old ones have no step, new ones a data set behind it."""
    steps, values, times, bad = [], [], [], 0
    for line in content.splitlines():
        fields = line.split()
        if not fields:
            continue
        try:
            time, value = int(fields[0]), float(fields[1])
            step = int(fields[2]) if len(fields) > 2 else 0
            steps.append(np.int64(step))
        except (IndexError, OverflowError, ValueError):
            bad += 1
            continue
        values.append(value)
        times.append(float(time) if abs(time) < _EXACT else np.nan)
    return (np.array(steps, np.int64), np.array(values), np.array(times)), bad
