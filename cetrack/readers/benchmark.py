"""Benchmark results of a Compression Engine: model → precision → metrics.

``{"<model>": {"fp32": {…}, "int8": {…}, "model_info": {…}}}`` with any number of precisions.
Other top-level entries are facts about all runs of the file (a timestamp, a ``config`` block), or
reported. A model with a single precision is kept.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from cetrack.domain import Identity, Kind, ModelHint, Notice, RunRecord
from cetrack.precisions import find_precision
from cetrack.readers.base import Match
from cetrack.readers.entries import (
    FIELD_KEYS,
    Entry,
    is_number,
    model_hint,
    pointer,
    read_entry,
    with_fields,
)
from cetrack.readers.source import Source

FORMAT = "benchmark"
_MODEL_BLOCKS = frozenset({"model_info", "info", "meta", "metadata", "model"})
_FILE_BLOCKS = frozenset(
    {
        "config", "configuration", "environment", "hardware", "meta", "metadata", "settings",
        "setup", "system", "system_info", "versions",
    }
)  # fmt: skip
_NOT_PRECISIONS = frozenset(
    {
        "comparison", "comparisons", "compression", "delta", "deltas", "difference", "gain",
        "gains", "improvement", "improvements", "ratio", "ratios", "reduction", "summary",
    }
)  # fmt: skip


class BenchmarkReader:
    """See :class:`cetrack.readers.base.Reader`."""

    name = FORMAT
    version = 1
    suffixes = (".json",)
    description = "benchmark results, one JSON object per file"
    recognises = "a JSON object: model → precision (fp32, int8, …) → metrics"
    maps_to = "one benchmark run per model and precision"

    def sniff(self, source: Source) -> Match:
        """YES when some top-level entry holds a precision with measurements."""
        if not source.head.lstrip().startswith(b"{") or source.first_object is not None:
            return Match.NO
        try:
            document = source.json.value
        except Exception:  # noqa: BLE001 - a text that does not parse is nobody's match
            return Match.NO
        claimed = isinstance(document, dict) and any(map(_is_model, document.values()))
        return Match.YES if claimed else Match.NO

    def read(self, source: Source) -> Iterator[RunRecord | Notice]:
        """One run per model and precision, in the order of the file."""
        document = source.json.value
        for key in source.json.duplicates:
            yield Notice("", f"key '{key}' stands twice in one object: the last one counts")
        shared = Entry()
        models: dict[str, Mapping[str, Any]] = {}
        for key, value in document.items():
            if _is_model(value):
                models[key] = value
            else:
                _read_shared(shared, key, value)
        yield from shared.notices
        for name, entries in models.items():
            yield from _read_model(name, entries, shared)


def _is_model(value: Any) -> bool:
    """True for an object in which a precision we know holds measurements."""
    return isinstance(value, Mapping) and any(
        _has_numbers(inner) and find_precision(str(key)) is not None for key, inner in value.items()
    )


def _has_numbers(value: Any) -> bool:
    return isinstance(value, Mapping) and (
        not value or read_entry(value, "").has_numbers or any(map(is_number, value.values()))
    )


def _read_shared(shared: Entry, key: str, value: Any) -> None:
    """Take a top-level entry that is no model, or say that it was not understood."""
    place = pointer("", key)
    if isinstance(value, Mapping) and key.lower() in _FILE_BLOCKS:
        block = read_entry(value, place, numbers_are_params=True)
        shared.fields = {**block.fields, **shared.fields}
        shared.params.update({f"{key}.{name}": item for name, item in block.params.items()})
        shared.notices.extend(block.notices)
    elif isinstance(value, (Mapping, list)):
        kind = "object" if isinstance(value, Mapping) else "list"
        what = f"{kind} without a precision that holds measurements: left out"
        shared.notices.append(Notice(place, what))
    elif value is not None:
        block = read_entry({key: value}, "", numbers_are_params=True)
        shared.fields.update(block.fields)
        shared.params.update(block.params)
        shared.notices.extend(block.notices)
        if key.lower() not in FIELD_KEYS:
            shared.notices.append(Notice(place, "kept as a parameter of every run of the file"))


def _read_model(
    name: str, entries: Mapping[str, Any], shared: Entry
) -> Iterator[RunRecord | Notice]:
    place = pointer("", name)
    hint, extra = ModelHint(name=name), Entry()
    for key, value in entries.items():
        if key.lower() in _MODEL_BLOCKS and isinstance(value, Mapping):
            hint, rest = model_hint(value, name)
            extra = read_entry(rest, pointer(place, key), numbers_are_params=True)
            yield from extra.notices
    for key, value in entries.items():
        where = pointer(place, key)
        if key.lower() in _MODEL_BLOCKS:
            continue
        if not _is_precision(key, value):
            yield Notice(where, "not under a precision: left out")
        elif not value:
            yield Notice(where, "no measurements: no run made")
        else:
            yield _record(hint, key, value, where, _joined(shared, extra))


def _is_precision(key: str, value: Any) -> bool:
    """Beside a known precision any object of measurements is one, but for known exceptions."""
    if not isinstance(value, Mapping) or key.lower() in _NOT_PRECISIONS:
        return False
    return find_precision(key) is not None or _has_numbers(value)


def _joined(shared: Entry, extra: Entry) -> Entry:
    return Entry(
        fields={**shared.fields, **extra.fields},
        params={**shared.params, **{f"model_info.{k}": v for k, v in extra.params.items()}},
    )


def _record(
    hint: ModelHint, precision: str, values: Mapping[str, Any], place: str, around: Entry
) -> RunRecord:
    entry = read_entry(values, place)
    record = RunRecord(
        format=FORMAT,
        place=place,
        kind=Kind.BENCHMARK,
        identity=Identity.SNAPSHOT,
        raw=values,
        model=hint,
        precision=precision,
        series=tuple(entry.series),
        samples=tuple(entry.samples),
        artifacts=tuple(entry.artifacts),
        params={**around.params, **entry.params},
        notices=tuple(entry.notices),
    )
    return with_fields(with_fields(record, entry.fields), around.fields)
