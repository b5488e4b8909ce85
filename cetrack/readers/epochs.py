"""Epoch metrics: the history of a training, as JSON lists, per-epoch objects, JSONL or CSV.

A log: it grows while training goes on. Early-stopping facts (best epoch, patience) are parameters,
not points: they change when the log grows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from cetrack.domain import Identity, Kind, Link, Notice, RunRecord, Series
from cetrack.errors import ReadError
from cetrack.readers.arrays import with_elements
from cetrack.readers.base import Match, Reader, matched
from cetrack.readers.blocks import BLOCK_BYTES
from cetrack.readers.compression import is_compression
from cetrack.readers.csv_text import csv_rows, header
from cetrack.readers.entries import block_prefix, pointer, read_entry
from cetrack.readers.fields import FIELD_KEYS, MODEL_KEYS, SETTING_BLOCKS, model_hint, with_fields
from cetrack.readers.gather import HELD_BYTES, Gather, gathered
from cetrack.readers.histories import (
    History,
    histories,
    is_epoch,
    is_history,
    lists_of,
    may_hold_history,
    rows_of,
)
from cetrack.readers.lines import json_blocks, json_lines
from cetrack.readers.numbers import whole_number
from cetrack.readers.objects import take_objects
from cetrack.readers.rows import NO_METRICS, Group, Rows, groups
from cetrack.readers.source import Source

FORMAT = "epochs"
_PRECISION_KEYS = ("precision", "dtype")
# blocks whose entries are settings of the run, whatever the block is called
_MODEL_BLOCKS = frozenset({"model", "model_info"})
_BLOCKS = _MODEL_BLOCKS | SETTING_BLOCKS
_STATED = frozenset({*FIELD_KEYS, *MODEL_KEYS, *_PRECISION_KEYS})


class EpochsReader(Reader):
    """See :class:`cetrack.readers.base.Reader`."""

    name = FORMAT
    version = 2
    suffixes = (".json", ".jsonl", ".csv", ".log", ".tsv")
    description = "epoch metrics of a training"
    recognises = (
        "JSON lists under names such as train_loss and val_accuracy; JSON objects with an `epoch`, "
        "in a list or one per line; CSV with an `epoch` column, such as the logs of Keras"
    )
    maps_to = "one training run, step = epoch; one per fold, model or precision column"
    example = """\
{"model": "lenet", "precision": "fp32", "best_epoch": 2, "patience": 5, "stopped_early": false,
 "train_loss": [0.9, 0.5, 0.4], "val_loss": [1.0, 0.6, 0.7], "val_accuracy": [0.7, 0.8, 0.79]}

epoch,train_loss,val_loss,val_accuracy
1,0.9,1.0,0.7
2,0.5,0.6,0.8
"""

    def sniff(self, source: Source) -> Match:
        """GENERIC when the content holds a history."""
        return matched(_is_log, source, Match.GENERIC)

    def read(self, source: Source) -> Iterator[RunRecord | Notice]:
        """One run per history and group of rows."""
        if not source.looks_like_json:
            yield from _records(with_elements(csv_rows(source)), History("", None))
        elif source.first_object is not None:
            yield from _read_lines(source)
        else:
            yield from _read_document(source)


def _is_log(source: Source) -> bool:
    if not source.is_text:
        return False
    if not source.looks_like_json:
        return _is_header(header(source))
    if source.first_object is None:
        document = source.json.value
        if not may_hold_history(source.read_bytes()):
            return False
        logged = _is_first_line(source) or any(histories(document))
        return logged and not is_compression(document)  # which may hold the history of a QAT
    lines = (item for _, item in json_lines(source, []))
    head = next(lines)
    return is_epoch(head) or (_is_plain(head) and is_epoch(next(lines, None)))


def _is_header(names: list[str]) -> bool:
    lowered = {name.lower() for name in names if name}
    return bool(lowered & {"epoch", "epochs"} and lowered - NO_METRICS)


def _is_first_line(source: Source) -> bool:
    """True for a log that has a single line so far; a JSON file of that shape is a summary."""
    single = b"\n" not in source.head.strip() and not source.name.endswith(".json")
    return single and is_epoch(source.json.value)


def _is_plain(line: Mapping[str, Any]) -> bool:
    """True for a line that may head a log: settings, and nothing that another reader knows."""
    return "cetrack" not in line and not is_compression(line)


def _read_document(source: Source) -> Iterator[RunRecord | Notice]:
    document = source.json.value
    yield from source.json.notices
    found = list(histories(document))
    if not found and is_epoch(document):
        found = [History("", [document])]
    if not found:
        raise ReadError(source.uri, "no history of epochs in it")
    for history in found:
        yield from _records(_rows(history, source.uri), history)


# --- histories to rows -----------------------------------------------------------------------


def _rows(history: History, uri: str) -> Rows:
    objects = rows_of(history.content)
    if objects:
        return gathered(uri, lambda gather: _take_rows(gather, enumerate(objects)))
    columns = dict(lists_of(history.content))
    count = max(map(len, columns.values()), default=0)

    def fill(gather: Gather) -> list[str]:
        rows = gather.begin(np.arange(1, count + 1, dtype=np.int64))
        for name, values in columns.items():
            if len(values) < count:
                text = f"{len(values)} values where others have {count}: taken as the first ones"
                gather.notices.append(Notice(pointer(history.place, name), text))
            present = [row for row, cell in enumerate(values) if cell is not None]
            gather.take(name, rows[present], [values[row] for row in present])
        return list(columns)

    return gathered(uri, fill)


def line_rows(
    source: Source, facts: dict[str, Any], *, block: int = BLOCK_BYTES, held: int = HELD_BYTES
) -> Rows:
    """The rows of JSON lines; what is stated on lines without an epoch is added to ``facts``."""

    def fill(gather: Gather) -> None:
        for numbers, items in json_blocks(source, gather.notices, block):
            if all(type(item) is dict and "epoch" in item for item in items):
                take_objects(gather, numbers, items)
                continue
            for item in items:
                if not _is_row(item):
                    facts.update(item)  # a header or a footer: the run's settings
            pairs = zip(numbers, items, strict=True)
            _take_rows(gather, [pair for pair in pairs if _is_row(pair[1])])

    return gathered(source.uri, fill, held)


def _is_row(item: Any) -> bool:
    """False for an object without an epoch."""
    return not isinstance(item, dict) or "epoch" in item or any(k.lower() == "epoch" for k in item)


def _take_rows(gather: Gather, rows: Iterable[tuple[int, Any]]) -> None:
    kept = []
    for number, item in rows:
        if isinstance(item, dict):
            kept.append((number, item))
        else:
            gather.notices.append(Notice(f"row {number}", "not an object: left out"))
    take_objects(gather, [number for number, _ in kept], [item for _, item in kept])


def _read_lines(source: Source) -> Iterator[RunRecord | Notice]:
    facts: dict[str, Any] = {}
    rows = line_rows(source, facts)
    yield from _records(rows, History("", None, facts=facts))


# --- rows to records -------------------------------------------------------------------------


def _records(rows: Rows, history: History) -> Iterator[RunRecord | Notice]:
    yield from rows.notices
    if not rows.count:
        yield Notice(history.place, "no epochs: no run made")
        return
    parents: set[str] = set()
    for group in groups(rows):
        if not group.series:
            yield from group.notices
            label = f" of {_label(group.key)}" if group.key else ""
            yield Notice(history.place, f"no numbers in the rows{label}: no run made")
            continue
        record = _record(group, history)
        if _fold(group):
            parent = _parent(group, history)
            if parent.place not in parents:
                parents.add(parent.place)
                yield parent
            record = replace(record, parent=Link(place=parent.place))
        yield record


def _fold(group: Group) -> str:
    return group.key.get("fold") or group.key.get("cv_fold") or ""


def _parent(group: Group, history: History) -> RunRecord:
    """The run that folds belong to; known again by the first numbers of its first fold."""
    key = {name: label for name, label in group.key.items() if name not in ("fold", "cv_fold")}
    first = {item.name: repr(float(item.values[0])) for item in group.series}
    whole = _record(replace(group, series=(), key=key, notices=()), history)
    return replace(whole, identity=Identity.SNAPSHOT, raw=first)


def _record(group: Group, history: History) -> RunRecord:
    place = history.place
    stated = {**_opened(history.facts), **group.facts, **history.names, **group.key}
    precision = _taken_precision(stated)
    about = {key: value for key, value in stated.items() if key.lower() in MODEL_KEYS}
    hint, _ = model_hint(about)
    rest = {k: v for k, v in stated.items() if k not in about and not _is_history_list(v)}
    entry = read_entry(rest, place, numbers_are_params=True)
    series, batch_size = _without_batch_size(group.series)
    record = RunRecord(
        format=FORMAT,
        place=f"{place}#{_label(group.key)}" if group.key else place,
        kind=Kind.TRAINING,
        identity=Identity.LOG,
        model=hint,
        precision=precision,
        seed=whole_number(group.key.get("seed")),
        batch_size=batch_size,
        name=f"fold {_fold(group)}" if _fold(group) else "",
        series=series,
        params=entry.params,
        artifacts=tuple(entry.artifacts),
        notices=(*group.notices, *entry.notices),
    )
    return with_fields(record, entry.fields)


def _without_batch_size(series: tuple[Series, ...]) -> tuple[tuple[Series, ...], int | None]:
    """The series less a batch size that never changes, and that; all of them where it is alone."""
    for item in series:
        if FIELD_KEYS.get(item.name.lower()) != "batch_size" or len(series) == 1:
            continue
        sizes = set(item.values.tolist())
        size = whole_number(sizes.pop()) if len(sizes) == 1 else None
        if size is not None and size > 0:
            return tuple(other for other in series if other is not item), size
    return series, None


def _label(key: Mapping[str, str]) -> str:
    return ",".join(f"{name}={label}" for name, label in key.items())


def _opened(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Facts with the entries of their blocks of settings; what stands outside of one wins."""
    blocks = {
        key: value
        for key, value in facts.items()
        if isinstance(value, Mapping) and key.lower() in _BLOCKS
    }
    found: dict[str, Any] = {}
    for key, block in blocks.items():
        for name, value in block.items():
            if name.lower() == "name" and key.lower() in _MODEL_BLOCKS:
                found["model"] = value
            else:
                prefix = "" if name.lower() in _STATED else block_prefix(key)
                found[f"{prefix}{name}"] = value
    return {**found, **{key: value for key, value in facts.items() if key not in blocks}}


def _taken_precision(stated: dict[str, Any]) -> str:
    """The precision, removed from what is stated; a number is the classification metric."""
    for wanted in _PRECISION_KEYS:
        for key, value in stated.items():
            if key.lower() == wanted and isinstance(value, str):
                del stated[key]
                return value
    return ""


def _is_history_list(value: Any) -> bool:
    return isinstance(value, (list, Mapping)) and (not value or is_history(value))
