"""What a ``compress()`` call returns: model, method, baseline and compressed metrics, settings.

Two runs: the baseline (a benchmark; the store recognises it when it knows it) and the compressed
one, linked to it. A file holds one such object, a list of them, or one per line.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from cetrack.domain import Identity, Kind, Link, ModelHint, Notice, RunRecord
from cetrack.precisions import METHODS, find_precision
from cetrack.readers.base import Match
from cetrack.readers.entries import (
    Entry,
    flatten,
    model_hint,
    pointer,
    read_entry,
    with_fields,
)
from cetrack.readers.lines import json_lines
from cetrack.readers.source import Source

FORMAT = "compression"
_BASELINE = ("baseline", "baseline_metrics", "original", "original_metrics", "before", "fp32")
_COMPRESSED = (
    "compressed", "compressed_metrics", "quantized", "quantized_metrics", "pruned", "distilled",
    "after", "optimized",
)  # fmt: skip
_SETTINGS = ("calibration", "calibration_settings", "config", "configuration", "settings")
_RATIOS = ("ratios", "ratio", "compression", "improvement", "improvements", "comparison")
_MODEL_BLOCKS = ("model_info", "model")
_TARGET = ("precision", "target_precision", "dtype", "quantized_dtype", "weight_dtype")


class CompressionReader:
    """See :class:`cetrack.readers.base.Reader`."""

    name = FORMAT
    version = 1
    suffixes = (".json", ".jsonl")
    description = "results of compress() calls: baseline and compressed metrics of one model"
    recognises = "JSON objects with `baseline` and `compressed` measurements, or a list of them"
    maps_to = "a benchmark run for the baseline and a compression run linked to it"

    def sniff(self, source: Source) -> Match:
        """YES when the first object holds both sides."""
        if not source.looks_like_json:
            return Match.NO
        try:
            first = source.first_object
            items = [first] if first is not None else [item for _, item in _objects(source)][:1]
        except Exception:  # noqa: BLE001 - a text that does not parse is nobody's match
            return Match.NO
        return Match.YES if items and _is_compression(items[0]) else Match.NO

    def read(self, source: Source) -> Iterator[RunRecord | Notice]:
        """Two runs per object."""
        for place, item in _objects(source):
            if not _is_compression(item):
                yield Notice(place, "no baseline and compressed measurements: left out")
                continue
            yield from compression_records(item, place)
        if source.first_object is None:
            for key in source.json.duplicates:
                yield Notice("", f"key '{key}' stands twice in one object: the last one counts")


def _objects(source: Source) -> Iterator[tuple[str, Any]]:
    """(place, object) of a file with one object, a list, or an object per line."""
    if source.first_object is not None:
        yield from ((f"/{number}", item) for number, item in json_lines(source))
        return
    document = source.json.value
    if isinstance(document, list):
        yield from ((f"/{index}", item) for index, item in enumerate(document))
    else:
        yield "", document


def _is_compression(item: Any) -> bool:
    return (
        isinstance(item, Mapping)
        and _side(item, _BASELINE) is not None
        and _side(item, _COMPRESSED) is not None
    )


def _side(item: Mapping[str, Any], names: tuple[str, ...]) -> str | None:
    """The key of one side's measurements."""
    return next((name for name in names if isinstance(item.get(name), Mapping)), None)


def compression_records(item: Mapping[str, Any], place: str) -> Iterator[RunRecord]:
    """The baseline's run and the compressed one, of an object that holds both sides."""
    before, after = _side(item, _BASELINE), _side(item, _COMPRESSED)
    assert before is not None, "checked by _is_compression"
    assert after is not None, "checked by _is_compression"
    hint, facts = _facts(item, {before, after}, place)
    fields = dict(facts.fields)
    fields.pop("method", None)  # of the compressed run only
    baseline_precision = _precision(item[before], ("precision", "dtype")) or str(
        item.get("baseline_precision", "fp32")
    )
    target = _precision(item[after], _TARGET) or _precision(item, _TARGET) or _bits(item)
    if not target:  # still blank where nobody can tell: then --set precision=… has to
        target = _implied(_method(item), baseline_precision)
    baseline = _run(hint, item[before], pointer(place, before), baseline_precision)
    yield with_fields(baseline, fields)
    yield with_fields(
        _compressed(item, hint, facts, place=pointer(place, after), precision=target), fields
    )


def _run(hint: ModelHint, values: Mapping[str, Any], place: str, precision: str) -> RunRecord:
    entry = read_entry(_without(values, ("precision", "dtype")), place)
    record = RunRecord(
        format=FORMAT,
        place=place,
        kind=Kind.BENCHMARK,
        identity=Identity.SNAPSHOT,
        is_baseline_copy=True,
        raw=dict(values),
        model=hint,
        precision=precision,
        series=tuple(entry.series),
        samples=tuple(entry.samples),
        artifacts=tuple(entry.artifacts),
        params=entry.params,
        notices=tuple(entry.notices),
    )
    return with_fields(record, entry.fields)


def _compressed(
    item: Mapping[str, Any], hint: ModelHint, facts: Entry, *, place: str, precision: str
) -> RunRecord:
    before, after = _side(item, _BASELINE), _side(item, _COMPRESSED)
    entry = read_entry(_without(item[str(after)], _TARGET), place)
    own = {series.name for series in entry.series}
    series = [*entry.series, *(extra for extra in facts.series if extra.name not in own)]
    record = RunRecord(
        format=FORMAT,
        place=place,
        kind=Kind.COMPRESSION,
        identity=Identity.SNAPSHOT,
        raw=dict(item),
        model=hint,
        precision=precision,
        method=_method(item),
        baseline=Link(place=pointer(place.rpartition("/")[0], before)),
        series=tuple(series),
        samples=(*entry.samples, *facts.samples),
        artifacts=(*entry.artifacts, *facts.artifacts),
        params={**facts.params, **entry.params},
        notices=(*facts.notices, *entry.notices),
    )
    return with_fields(record, entry.fields)


def _method(item: Mapping[str, Any]) -> str:
    written = next(
        (
            str(item[key])
            for key in ("method", "compression_method", "quantization_method")
            if isinstance(item.get(key), str)
        ),
        "",
    )
    return METHODS.get(written.lower(), written)


def _facts(item: Mapping[str, Any], sides: set[str], place: str) -> tuple[ModelHint, Entry]:
    """The model, and everything around the two sides: fields, ratios, settings."""
    hint, rest = model_hint(_without(item, (*sides, *_TARGET, "baseline_precision")))
    settings: dict[str, Any] = {}
    for key in list(rest):
        value = rest[key]
        if key.lower() in _MODEL_BLOCKS and isinstance(value, Mapping):
            hint, unused = model_hint(value, hint.name)
            settings.update(flatten({key: unused}))
            del rest[key]
        elif key.lower() in _SETTINGS and isinstance(value, Mapping):
            settings.update(flatten({key: value}))
            del rest[key]
        elif key.lower() in _RATIOS and isinstance(value, Mapping):
            del rest[key]
            rest = {**value, **rest}
    facts = read_entry(rest, place)
    facts.params.update(settings)
    return hint, facts


def _without(values: Mapping[str, Any], keys: tuple[str, ...]) -> dict[str, Any]:
    """The object less some keys, when they name a precision or are one of the sides."""
    return {
        key: value
        for key, value in values.items()
        if key not in keys or (isinstance(value, (int, float)) and key == "precision")
    }


def _precision(values: Mapping[str, Any], names: tuple[str, ...]) -> str:
    """A precision stated under one of ``names``; the classification metric is not one."""
    return next(
        (
            values[name]
            for name in names
            if isinstance(values.get(name), str) and find_precision(values[name]) is not None
        ),
        "",
    )


def _bits(item: Mapping[str, Any]) -> str:
    bits = item.get("bits")
    return f"int{bits}" if isinstance(bits, int) and bits in (2, 3, 4, 5, 6, 8, 16) else ""


def _implied(method: str, baseline: str) -> str:
    """Pruning and distillation keep the number format; quantisation alone does not say which."""
    if method in ("pruning", "distillation"):
        return baseline
    found = find_precision(method)
    return found[0].name if found is not None else ""
