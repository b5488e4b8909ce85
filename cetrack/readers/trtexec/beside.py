"""What lies beside an export of trtexec and says which model it is of.

Taken only where it is sure: a log of the same name, or whose command line names the export; or the
explorer's metadata of the same engine.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from cetrack.domain import Environment, ModelHint, Notice, RunRecord
from cetrack.errors import ReadError
from cetrack.readers.base import matched
from cetrack.readers.fields import filled
from cetrack.readers.model_files import base_name, named_model
from cetrack.readers.source import Source
from cetrack.readers.trtexec.explorer import engine_of, is_settings, is_summary, settings_record
from cetrack.readers.trtexec.log import LogRun, log_runs
from cetrack.readers.trtexec.records import log_record

LOG_SUFFIXES = (".log", ".txt")
COMPANIONS = ("{stem}.log", "{stem}.txt", "*.metadata.json")
_BANNER = re.compile(rb"^[^\"'\n]{0,60}&&&& RUNNING TensorRT\.trtexec\b", re.MULTILINE)
_SUMMARY = re.compile(
    rb"\[I\] === Performance summary ===\s.{0,400}\[I\] Latency: min = ", re.DOTALL
)
_MARKS = (b"&&&& RUNNING", b"=== Performance summary")  # quicker to look for
_EXPORTS = ("exportTimes", "exportProfile")
_MOST_LOGS = 200  # in one folder, that are asked whether they name an export


def is_log(source: Source) -> bool:
    """True for a console log of trtexec, whole or from its summary on."""
    if not source.is_text or not any(mark in source.head for mark in _MARKS):
        return False
    return bool(_BANNER.search(source.head) or _SUMMARY.search(source.head))


def with_neighbours(record: RunRecord, source: Source) -> RunRecord:
    """The record with what is known of its model, batch and device from the files beside it."""
    notices: list[Notice] = []
    for known in _known(source, notices):
        record = _filled(record, known)
    record = _named_by_engine(record, source)
    return replace(record, notices=(*record.notices, *notices))


def _known(source: Source, notices: list[Notice]) -> Iterator[RunRecord]:
    """What each of the neighbours says, the surest first."""
    logs = {item.uri: item for item in [*_naming_logs(source), *_stem_logs(source)]}
    for beside in logs.values():
        try:
            runs = [run for run in log_runs(beside, []) if not _names_another(run, source)]
        except ReadError as error:
            notices.append(Notice(beside.name, f"{error.problem}: left out"))
            continue
        own = [run for run in runs if _names(run, source)] or runs
        if own:
            yield _agreed([log_record(run) for run in own])
    engine = engine_of(source.name)
    for beside in source.companions("*.metadata.json") if engine else ():
        if engine_of(beside.name) == engine and (
            matched(is_settings, beside) or matched(is_summary, beside)
        ):
            yield settings_record(beside)


def _naming_logs(source: Source) -> list[Source]:
    name = source.name.encode("utf-8", "surrogateescape")
    found = [item for suffix in LOG_SUFFIXES for item in source.companions(f"*{suffix}")]
    named = [item for item in found[:_MOST_LOGS] if matched(lambda log: name in log.head, item)]
    sure = [item for item in named if matched(is_log, item) and _has_run_of(item, source)]
    return sure if len(sure) == 1 else []  # of several nobody knows which wrote it


def _has_run_of(log: Source, source: Source) -> bool:
    try:
        return any(_names(run, source) for run in log_runs(log, []))
    except ReadError:
        return False


def _stem_logs(source: Source) -> list[Source]:
    found = [item for pattern in COMPANIONS[:2] for item in source.companions(pattern)]
    return [item for item in found if matched(is_log, item)]


def _names(run: LogRun, source: Source) -> bool:
    return any(base_name(run.flags.get(flag, "")) == source.name for flag in _EXPORTS)


def _names_another(run: LogRun, source: Source) -> bool:
    """True for a run whose own exports are other files."""
    exports = [base_name(run.flags[flag]) for flag in _EXPORTS if run.flags.get(flag)]
    return bool(exports) and source.name not in exports


def _agreed(records: Sequence[RunRecord]) -> RunRecord:
    """What all of the runs of a log say alike."""
    first = records[0]
    rest = records[1:]

    def same(name: str, blank: Any) -> Any:
        value = getattr(first, name)
        return value if all(getattr(item, name) == value for item in rest) else blank

    params = {
        key: value
        for key, value in first.params.items()
        if all(item.params.get(key) == value for item in rest)
    }
    return replace(
        first,
        model=same("model", ModelHint()),
        precision=same("precision", ""),
        environment=same("environment", Environment()),
        batch_size=same("batch_size", None),
        params=params,
    )


def _filled(record: RunRecord, known: RunRecord) -> RunRecord:
    return replace(
        record,
        model=filled(record.model, known.model),
        precision=record.precision or known.precision,
        environment=known.environment if record.environment.is_blank else record.environment,
        batch_size=record.batch_size or known.batch_size,
        params={**known.params, **record.params},
    )


def _named_by_engine(record: RunRecord, source: Source) -> RunRecord:
    """The record with the model that the engine beside it is named after."""
    model, precision = named_model(engine_of(source.name))
    if precision and not record.precision:
        record = replace(record, precision=precision, weak=record.weak | {"precision"})
    if not model or record.model.name:
        return record
    return replace(
        record,
        model=replace(record.model, name=model),
        weak=record.weak | {"model"},
        notices=(*record.notices, Notice(record.place, f"model '{model}' is taken from the path")),
    )
