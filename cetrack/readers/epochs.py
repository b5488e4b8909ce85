"""Epoch metrics: the history of a training, as JSON lists, per-epoch objects, JSONL or CSV.

A log: it grows while training goes on. Early-stopping facts (best epoch, patience) are parameters,
not points: they change when the log grows.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from cetrack.domain import Identity, Kind, Link, Notice, RunRecord
from cetrack.errors import MalformedSourceError
from cetrack.metrics import PHASES
from cetrack.precisions import find_precision
from cetrack.readers.base import Match
from cetrack.readers.entries import (
    float_of,
    is_known_metric,
    is_number,
    is_numeric,
    model_hint,
    pointer,
    read_entry,
    whole_number,
    with_fields,
)
from cetrack.readers.lines import TornLineError, json_lines
from cetrack.readers.rows import STEP_NAMES, Group, Rows, groups, settle_texts
from cetrack.readers.source import Source

FORMAT = "epochs"
_HISTORY_KEYS = ("history", "epochs", "epoch_metrics", "metrics", "log", "logs", "log_history")
_MODEL_KEYS = ("model", "model_name")
_PRECISION_KEYS = ("precision", "dtype")


class EpochsReader:
    """See :class:`cetrack.readers.base.Reader`."""

    name = FORMAT
    version = 1
    suffixes = (".json", ".jsonl", ".csv")
    description = "epoch metrics of a training"
    recognises = (
        "JSON lists under names such as train_loss and val_accuracy; JSON objects with an `epoch`, "
        "in a list or one per line; CSV with an `epoch` column"
    )
    maps_to = "one training run, step = epoch; one per fold, model or precision column"

    def sniff(self, source: Source) -> Match:
        """YES when the content holds a history."""
        if not source.is_text:
            return Match.NO
        if not source.looks_like_json:
            return _yes(_is_header(_header(source)))
        if source.first_object is not None:
            return _yes(_is_epoch(source.first_object))
        try:
            document = source.json.value
        except Exception:  # noqa: BLE001 - a text that does not parse is nobody's match
            return Match.NO
        return _yes(bool(list(_histories(document))))

    def read(self, source: Source) -> Iterator[RunRecord | Notice]:
        """One run per history and group of rows."""
        if not source.looks_like_json:
            yield from _records(_csv_rows(source), {}, {}, "")
        elif source.first_object is not None:
            yield from _read_lines(source)
        else:
            for key in source.json.duplicates:
                yield Notice("", f"key '{key}' stands twice in one object: the last one counts")
            for place, named, history, facts in _histories(source.json.value):
                notices: list[Notice] = []
                rows = _rows_of(history, place, notices)
                yield from notices
                yield from _records(rows, named, facts, place)


def _yes(answer: bool) -> Match:
    return Match.YES if answer else Match.NO


# --- what is a history -----------------------------------------------------------------------


def _histories(
    document: Any, place: str = "", named: Mapping[str, str] | None = None
) -> Iterator[tuple[str, Mapping[str, str], Any, Mapping[str, Any]]]:
    """(place, names found on the way, history, facts beside it) of every history in a document.

    On the way down keys are a precision (``fp32``) or, where they hold histories, a model.
    """
    named = named or {}
    if isinstance(document, list):
        if document and all(map(_is_epoch, document)):
            yield place, named, document, {}
    elif not place and _is_epoch(document):  # a log that has a single line so far
        yield place, named, [document], {}
    elif isinstance(document, Mapping):
        inner = next((key for key in _HISTORY_KEYS if _is_history(document.get(key))), None)
        if inner is not None:
            facts = {key: value for key, value in document.items() if key != inner}
            yield pointer(place, inner), named, document[inner], facts
        elif _is_history(document):
            yield place, named, document, dict(_beside(document))
        elif len(named) < 2:
            for key, value in document.items():
                yield from _histories(value, pointer(place, key), {**named, **_named(key, named)})


def _beside(history: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """What stands in a history beside its lists: names, settings, early-stopping facts."""
    taken = dict(_lists(history))
    for key, value in history.items():
        phase = isinstance(value, Mapping) and str(key).lower() in PHASES
        if key not in taken and not phase:
            yield key, value


def _named(key: str, named: Mapping[str, str]) -> dict[str, str]:
    kind = "precision" if find_precision(key) is not None else "model"
    return {kind: key} if kind not in named else {"model": f"{named['model']}/{key}"}


def _is_history(value: Any) -> bool:
    """True for per-epoch objects, or lists of numbers under the names of training metrics."""
    if isinstance(value, list):
        return bool(value) and all(map(_is_epoch, value))
    if not isinstance(value, Mapping):
        return False
    lists = [name for name, item in _lists(value) if not item or is_numeric(item)]
    logged = [name for name in lists if _is_phased(name)]
    known = [name for name in lists if is_known_metric(name)]
    counted = any(name.lower() in STEP_NAMES for name in lists)
    return bool(logged or len(known) > 1 or (counted and len(lists) > 1))


def _is_phased(name: str) -> bool:
    head = re.split(r"[_/.\- ]", name.lower(), maxsplit=1)
    return len(head) == 2 and head[0] in PHASES


def _is_epoch(value: Any) -> bool:
    return (
        isinstance(value, Mapping)
        and "cetrack" not in value
        and any(str(key).lower() == "epoch" and is_number(value[key]) for key in value)
        and sum(map(is_number, value.values())) > 1
    )


def _lists(history: Mapping[str, Any]) -> Iterator[tuple[str, list[Any]]]:
    """Every list of a history, those of ``{"train": {"loss": […]}}`` as ``train/loss``."""
    for key, value in history.items():
        if isinstance(value, list):
            yield str(key), value
        elif isinstance(value, Mapping) and str(key).lower() in PHASES:
            for name, item in value.items():
                if isinstance(item, list):
                    yield f"{key}/{name}", item


# --- histories to rows -----------------------------------------------------------------------


def _rows_of(history: Any, place: str, notices: list[Notice]) -> Rows:
    if isinstance(history, list):
        return _rows_of_objects(enumerate(history), notices)
    columns = dict(_lists(history))
    lengths = {name: len(values) for name, values in columns.items()}
    count = max(lengths.values(), default=0)
    rows = Rows(count)
    for name, values in columns.items():
        if len(values) < count:
            text = f"{len(values)} values where others have {count}: taken as the first ones"
            notices.append(Notice(pointer(place, name), text))
        _add_column(rows, name, dict(enumerate(values)))
    return rows


def _rows_of_objects(items: Iterable[tuple[int, Any]], notices: list[Notice]) -> Rows:
    """Rows from per-epoch objects; nested ones as ``train/loss``."""
    cells: dict[str, dict[int, Any]] = {}
    count = 0
    for row, (number, item) in enumerate(items):
        count = row + 1
        if not isinstance(item, Mapping):
            notices.append(Notice(f"/{number}", "not an object: left out"))
            continue
        for name, value in _flat(item):
            cells.setdefault(name, {})[row] = value
    rows = Rows(count)
    for name, column in cells.items():
        _add_column(rows, name, column)
    return rows


def _flat(item: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in item.items():
        if isinstance(value, Mapping):
            separator = "/" if not prefix and str(key).lower() in PHASES else "."
            yield from _flat(value, f"{prefix}{key}{separator}")
        else:
            yield f"{prefix}{key}", value


def _add_column(rows: Rows, name: str, cells: Mapping[int, Any]) -> None:
    numbers = {row: float_of(cell) for row, cell in cells.items() if is_number(cell)}
    texts = {row: cell for row, cell in cells.items() if isinstance(cell, str)}
    if numbers:
        index = np.array(list(numbers), np.int64)
        rows.numbers[name] = (index, np.array(list(numbers.values()), np.float64))
    if texts:
        rows.texts[name] = texts


def _read_lines(source: Source) -> Iterator[RunRecord | Notice]:
    notices: list[Notice] = []
    facts: dict[str, Any] = {}

    def items() -> Iterator[tuple[int, Any]]:
        try:
            for number, item in json_lines(source):
                if isinstance(item, Mapping) and not _is_epoch(item) and "epoch" not in item:
                    facts.update(item)  # a header or a footer: the run's settings
                else:
                    yield number, item
        except TornLineError as torn:
            notices.append(Notice(torn.where, "cut off: left out until it is whole"))

    rows = _rows_of_objects(items(), notices)
    yield from notices
    yield from _records(rows, {}, facts, "")


# --- CSV -------------------------------------------------------------------------------------


def _header(source: Source) -> list[str]:
    try:
        line = source.first_line.decode("utf-8")
    except UnicodeDecodeError:
        return []
    return [cell.strip() for cell in next(csv.reader([line], delimiter=_delimiter(line)), [])]


def _delimiter(line: str) -> str:
    return max(",;\t", key=line.count)


def _is_header(names: list[str]) -> bool:
    lowered = [name.lower() for name in names]
    return len(names) > 1 and any(name in ("epoch", "epochs") for name in lowered)


def _csv_rows(source: Source) -> Rows:
    """The table of a CSV file; a short last row is one that is still being written."""
    names = _header(source)
    try:
        text = source.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        raise MalformedSourceError(source.uri, f"byte {error.start}", "not UTF-8 text") from error
    table = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text.split("\n", 1)[0]))
    whole = text.endswith(("\n", "\r"))
    lines = [line for line in table if any(cell.strip() for cell in line)][1:]
    if lines and not whole and len(lines[-1]) < len(names):
        lines.pop()
    rows = Rows(len(lines), first=2)
    for row, line in enumerate(lines):
        if len(line) > len(names):
            problem = f"{len(line)} cells under {len(names)} headings"
            raise MalformedSourceError(source.uri, f"row {row + 2}", problem)
        for name, cell in zip(names, line, strict=False):
            if cell.strip() and cell.strip() != name:  # a header repeated in the middle is none
                rows.texts.setdefault(name, {})[row] = cell.strip()
    return rows


# --- rows to records -------------------------------------------------------------------------


def _records(
    rows: Rows, named: Mapping[str, str], facts: Mapping[str, Any], place: str
) -> Iterator[RunRecord | Notice]:
    yield from settle_texts(rows)
    if not rows.count:
        yield Notice(place, "no epochs: no run made")
        return
    found = list(groups(rows))
    parents = [group for group in found if _fold(group)]
    if parents:
        first = {item.name: repr(float(item.values[0])) for item in parents[0].series}
        whole = _record(replace(found[0], series=(), key={}), named, facts, place)
        yield replace(whole, identity=Identity.SNAPSHOT, raw=first)
    for group in found:
        record = _record(group, named, facts, place)
        if _fold(group):
            record = replace(record, parent=Link(place=place))
        yield record


def _fold(group: Group) -> str:
    return group.key.get("fold") or group.key.get("cv_fold") or ""


def _record(
    group: Group, named: Mapping[str, str], facts: Mapping[str, Any], place: str
) -> RunRecord:
    stated = {**facts, **group.facts, **named, **group.key}
    lowered = {str(key).lower(): str(key) for key in stated}
    precision_key = next((k for k in _PRECISION_KEYS if _is_text(stated, lowered, k)), None)
    precision = str(stated.pop(lowered[precision_key])) if precision_key else ""
    about = _model_facts(stated)
    hint, _ = model_hint(about)
    rest = {k: v for k, v in stated.items() if k not in about and not _is_history_list(v)}
    entry = read_entry(rest, place, numbers_are_params=True)
    label = ",".join(f"{key}={value}" for key, value in group.key.items())
    record = RunRecord(
        format=FORMAT,
        place=f"{place}#{label}" if label else place,
        kind=Kind.TRAINING,
        identity=Identity.LOG,
        model=hint,
        precision=precision,
        seed=whole_number(group.key.get("seed")),
        name=f"fold {_fold(group)}" if _fold(group) else "",
        series=group.series,
        params=entry.params,
        artifacts=tuple(entry.artifacts),
        notices=(*group.notices, *entry.notices),
    )
    return with_fields(record, entry.fields)


def _is_text(stated: Mapping[str, Any], lowered: Mapping[str, str], key: str) -> bool:
    return key in lowered and isinstance(stated[lowered[key]], str)


def _is_history_list(value: Any) -> bool:
    return isinstance(value, (list, Mapping)) and (not value or _is_history(value))


def _model_facts(stated: Mapping[str, Any]) -> dict[str, Any]:
    """The facts that name and describe the model, those of a ``model_info`` block included."""
    names = {*_MODEL_KEYS, "library", "category", "description", "input_shape"}
    block = stated.get("model_info")
    found = {key: value for key, value in stated.items() if str(key).lower() in names}
    return {**(block if isinstance(block, Mapping) else {}), **found, "model_info": None}
