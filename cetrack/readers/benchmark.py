"""Benchmark results of a Compression Engine: model → precision → metrics.

``{"<model>": {"fp32": {…}, "int8": {…}, "model_info": {…}}}`` with any number of precisions.
Other top-level entries are facts about all runs of the file (a timestamp, a ``config`` block), or
reported. A model with a single precision is kept; in a file of precisions alone the path has to
name the model.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from cetrack.domain import Identity, Kind, ModelHint, Notice, RunRecord
from cetrack.errors import MalformedSourceError
from cetrack.precisions import find_precision, is_precision
from cetrack.readers.base import Match, Reader, matched
from cetrack.readers.compression import is_compression
from cetrack.readers.entries import Entry, pointer, read_entry, read_measured, take_settings
from cetrack.readers.fields import (
    FIELD_KEYS,
    MODEL_KEYS,
    SETTING_BLOCKS,
    as_fields,
    filled,
    model_block,
    model_hint,
)
from cetrack.readers.histories import is_training
from cetrack.readers.numbers import is_number
from cetrack.readers.source import Source

FORMAT = "benchmark"
_MODEL_BLOCKS = frozenset({"model_info", "info", "meta", "metadata", "model"})
# what is computed from the runs, as a precision of a model or as a model of a file
_SUMMARIES = frozenset(
    {
        "average", "comparison", "comparisons", "compression", "delta", "deltas", "difference",
        "gain", "gains", "improvement", "improvements", "overall", "ratio", "ratios", "reduction",
        "summary",
    }
)  # fmt: skip


class BenchmarkReader(Reader):
    """See :class:`cetrack.readers.base.Reader`."""

    name = FORMAT
    version = 1
    suffixes = (".json",)
    description = "benchmark results, one JSON object per file"
    recognises = "a JSON object: model → precision (fp32, int8, …) → metrics"
    maps_to = "one benchmark run per model and precision"
    example = """\
{"timestamp": "2026-06-01T02:00:00Z",
 "resnet50": {
   "fp32": {"accuracy": 0.76, "latency_mean_ms": 12.1, "evaluated_on": "cpu"},
   "int8": {"accuracy": 0.75, "latency_mean_ms": 4.2, "evaluated_on": "cpu"},
   "model_info": {"library": "timm", "category": "vision", "input_shape": [3, 224, 224]}}}
"""

    def sniff(self, source: Source) -> Match:
        """GENERIC when some top-level entry holds a precision with measurements."""
        return matched(_is_results, source, Match.GENERIC)

    def read(self, source: Source) -> Iterator[RunRecord | Notice]:
        """One run per model and precision, in the order of the file."""
        document = source.json.value
        if not isinstance(document, dict):
            raise MalformedSourceError(source.uri, "", "not a JSON object of models")
        yield from source.json.notices
        shared = Entry()
        models = _models(document)
        named = {key: value for key, value in document.items() if _is_entry(key, value)}
        nameless = not models and _is_nameless(document)
        for key, value in document.items():
            if key not in (named if nameless else models):
                _read_shared(shared, key, value)
        yield from shared.notices
        if nameless:
            yield from _read_model("", "", named, shared)
        for name, entries in models.items():
            yield from _read_model(name, pointer("", name), entries, shared)


def _is_results(source: Source) -> bool:
    if not source.looks_like_json or source.first_object is not None:
        return False
    document = source.json.value
    if not isinstance(document, dict) or is_compression(document):
        return False
    proven = (any(map(is_precision, entries)) for entries in _models(document).values())
    return any(proven) or _is_nameless(document)


def _models(document: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    return {key: value for key, value in document.items() if _is_model(key, value)}


def _is_nameless(document: Mapping[str, Any]) -> bool:
    """True for precisions at the top, with plain numbers under them."""
    return any(
        is_precision(key) and _is_run(value) and any(map(is_number, value.values()))
        for key, value in document.items()
    )


def _is_entry(key: str, value: Any) -> bool:
    """True for what may stand beside the precisions of a model."""
    about = _is_about_model(key, value) and key.lower() not in SETTING_BLOCKS
    return about or (isinstance(value, dict) and find_precision(key) is not None)


def _is_model(name: str, value: Any) -> bool:
    """True for an object in which a precision we know holds measurements."""
    return (
        isinstance(value, dict)
        and name.lower() not in _SUMMARIES
        and any(find_precision(key) is not None and _is_run(inner) for key, inner in value.items())
    )


def _is_run(value: Any) -> bool:
    """True for an object of measurements; an empty one is a run that failed."""
    return (
        isinstance(value, dict)
        and not is_training(value)
        and (not value or any(map(is_number, value.values())) or read_entry(value, "").has_numbers)
    )


def _read_shared(shared: Entry, key: str, value: Any) -> None:
    """Take a top-level entry that is no model, or say that it was not understood."""
    place = pointer("", key)
    if isinstance(value, dict) and key.lower() in SETTING_BLOCKS:
        take_settings(shared, key, value, place)
    elif isinstance(value, (dict, list)):
        kind = "object" if isinstance(value, dict) else "list"
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
    name: str, place: str, entries: Mapping[str, Any], shared: Entry
) -> Iterator[RunRecord | Notice]:
    hint, around = _about_model(name, entries, place)
    yield from around.notices
    for key, value in entries.items():
        where = pointer(place, key)
        if _is_about_model(key, value):
            continue
        if not isinstance(value, dict) or key.lower() in _SUMMARIES:
            yield Notice(where, "not under a precision: left out")
        elif not value:
            yield Notice(where, "no measurements: no run made")
        elif is_training(value):
            yield Notice(where, "a history of epochs beside measurements: left out")
        elif find_precision(key) is not None or _is_run(value):
            yield _record(hint, key, value, where, _joined(shared, around))
        else:  # beside a known precision any object of measurements is one
            yield Notice(where, "not under a precision: left out")


def _is_about_model(key: str, value: Any) -> bool:
    lowered = key.lower()
    if isinstance(value, dict):
        return lowered in _MODEL_BLOCKS
    return lowered in FIELD_KEYS or lowered in MODEL_KEYS


def _about_model(name: str, entries: Mapping[str, Any], place: str) -> tuple[ModelHint, Entry]:
    """What is said about a model beside its precisions, and what is left of that."""
    hint, around = ModelHint(name=name), Entry()
    for key, value in entries.items():
        if not _is_about_model(key, value):
            continue
        block = isinstance(value, dict)
        known, rest = model_block(value, name) if block else model_hint({key: value}, name)
        hint = filled(hint, known)
        entry = read_entry(rest, pointer(place, key) if block else place, numbers_are_params=True)
        around.fields.update(entry.fields)
        around.params.update({f"{key}.{k}" if block else k: v for k, v in entry.params.items()})
        around.notices.extend(entry.notices)
    return hint, around


def _joined(shared: Entry, around: Entry) -> Entry:
    return Entry(
        fields={**shared.fields, **around.fields}, params={**shared.params, **around.params}
    )


def _record(
    hint: ModelHint, precision: str, values: Mapping[str, Any], place: str, around: Entry
) -> RunRecord:
    shape = {key: value for key, value in values.items() if key.lower() == "input_shape"}
    measured = {k: v for k, v in values.items() if k not in shape} if shape else values
    entry, series = read_measured(measured, place)
    return RunRecord(
        format=FORMAT,
        place=place,
        kind=Kind.BENCHMARK,
        identity=Identity.SNAPSHOT,
        raw=values,
        model=filled(hint, model_hint(shape)[0]) if shape else hint,
        precision=precision,
        series=series,
        samples=tuple(entry.samples),
        artifacts=tuple(entry.artifacts),
        params={**around.params, **entry.params},
        notices=tuple(entry.notices),
        **as_fields({**around.fields, **entry.fields}),
    )
