"""What a ``compress()`` call returns: model, method, baseline and compressed metrics, settings.

Two runs: the baseline (a benchmark; the store recognises it when it knows it) and the compressed
one, linked to it. A file holds one such object, a list of them, or one per line.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from cetrack.domain import Identity, Kind, Link, ModelHint, Notice, RunRecord
from cetrack.precisions import canonical_method, find_precision, is_precision
from cetrack.readers.base import Match, Reader, matched
from cetrack.readers.entries import Entry, flatten, pointer, read_entry
from cetrack.readers.fields import filled, model_block, model_hint, with_fields
from cetrack.readers.lines import json_lines
from cetrack.readers.numbers import is_number, number_in_text
from cetrack.readers.source import Source

FORMAT = "compression"
_BASELINE = ("baseline", "baseline_metrics", "original", "original_metrics", "before", "fp32")
_COMPRESSED = (
    "compressed", "compressed_metrics", "quantized", "quantized_metrics", "pruned", "distilled",
    "after", "optimized",
)  # fmt: skip
_RATIOS = ("ratios", "ratio", "compression", "improvement", "improvements", "comparison")
_MODEL_BLOCKS = ("model_info", "model")
_METHODS = ("method", "compression_method", "quantization_method")
_OWN = ("precision", "dtype")
_TARGET = ("precision", "target_precision", "dtype", "quantized_dtype", "weight_dtype")
_BITS = (2, 3, 4, 5, 6, 8, 16)


class CompressionReader(Reader):
    """See :class:`cetrack.readers.base.Reader`."""

    name = FORMAT
    version = 2
    suffixes = (".json", ".jsonl")
    description = "results of compress() calls: baseline and compressed metrics of one model"
    recognises = "JSON objects with `baseline` and `compressed` measurements, or a list of them"
    maps_to = "a benchmark run for the baseline and a compression run linked to it"
    example = """\
{"model": "resnet50", "method": "ptq", "precision": "int8",
 "baseline": {"accuracy": 0.76, "latency_mean_ms": 12.1, "model_size_mb": 97.8},
 "compressed": {"accuracy": 0.75, "latency_mean_ms": 4.2, "model_size_mb": 24.9},
 "ratios": {"size_ratio": 3.9, "speedup": 2.9}, "calibration": {"samples": 128}}
"""

    def sniff(self, source: Source) -> Match:
        """YES when the first object holds both sides."""
        return matched(_is_first_compression, source)

    def read(self, source: Source) -> Iterator[RunRecord | Notice]:
        """Two runs per object; one for a baseline that several have in common."""
        notices: list[Notice] = []
        baselines: dict[str, str] = {}
        for place, item in _objects(source, notices):
            if not is_compression(item):
                yield Notice(place, "no baseline and compressed measurements: left out")
                continue
            baseline, compressed = compression_records(item, place)
            known = baselines.setdefault(_content(baseline), baseline.place)
            if known == baseline.place:
                yield baseline
            yield replace(compressed, baseline=Link(place=known))
        yield from notices


def _is_first_compression(source: Source) -> bool:
    if not source.looks_like_json:
        return False
    first = source.first_object
    item = first if first is not None else next((item for _, item in _objects(source, [])), None)
    return is_compression(item)


def _objects(source: Source, notices: list[Notice]) -> Iterator[tuple[str, Any]]:
    """(place, object) of a file with one object, a list, or an object per line."""
    if source.first_object is not None:
        yield from ((f"/{number}", item) for number, item in json_lines(source, notices))
        return
    document = source.json.value
    notices.extend(source.json.notices)
    if isinstance(document, list):
        yield from ((f"/{index}", item) for index, item in enumerate(document))
    else:
        yield "", document


def is_compression(item: Any) -> bool:
    """True for an object with the measurements of both sides."""
    if not isinstance(item, dict):
        return False
    before, after = _side(item, _BASELINE), _side(item, _COMPRESSED)
    if sum(isinstance(item.get(name), dict) for name in _COMPRESSED) > 1:
        return False  # quantized beside pruned: no pair
    return before is not None and after is not None and read_entry(item[after], "").has_numbers


def _side(item: Mapping[str, Any], names: tuple[str, ...]) -> str | None:
    """The key of one side's measurements."""
    return next((name for name in names if isinstance(item.get(name), dict)), None)


def _content(record: RunRecord) -> str:
    """Equal for baselines that are one run."""
    stated = [repr(item) for item in (record.model, record.environment, record.batch_size)]
    named = [record.precision, record.dataset, str(record.seed), str(record.started_at), *stated]
    return json.dumps([record.raw, named], sort_keys=True)


@dataclass(frozen=True)
class _Side:
    """One side's measurements: its key, and its precision where it is stated."""

    key: str
    values: Mapping[str, Any]
    precision: str


def _opened(item: Mapping[str, Any], key: str, names: tuple[str, ...]) -> _Side:
    """A side; one that holds a single precision (``{"fp32": {…}}``) is what stands under it."""
    values = item[key]
    inner = [name for name, value in values.items() if isinstance(value, dict)]
    if len(values) == 1 and len(inner) == 1 and is_precision(inner[0]):
        return _Side(key, values[inner[0]], inner[0])
    return _Side(key, values, _precision(values, names))


def compression_records(item: Mapping[str, Any], place: str) -> tuple[RunRecord, RunRecord]:
    """The baseline's run and the compressed one, of an object that holds both sides."""
    keys = _side(item, _BASELINE), _side(item, _COMPRESSED)
    assert keys[0] is not None, "checked by is_compression"
    assert keys[1] is not None, "checked by is_compression"
    before, after = _opened(item, keys[0], _OWN), _opened(item, keys[1], _TARGET)
    hint, facts = _facts(item, {before.key, after.key}, place)
    stated = item.get("baseline_precision")
    origin = before.precision or (stated if isinstance(stated, str) and stated else "fp32")
    target = after.precision or _precision(item, _TARGET) or _bits(item)
    if not target:  # still blank where nobody can tell: then --set precision=… has to
        target = _implied(_method(item), origin)
    baseline = replace(
        _record(before, hint, origin, pointer(place, before.key), Entry()),
        kind=Kind.BENCHMARK,
        is_baseline_copy=True,
        raw=dict(item[before.key]),
    )
    compressed = replace(
        _record(after, hint, target, pointer(place, after.key), facts),
        kind=Kind.COMPRESSION,
        raw=dict(item),
        baseline=Link(place=baseline.place),
    )
    fields = {key: value for key, value in facts.fields.items() if key != "method"}
    method = {"method": _method(item)}  # of the compressed run only
    return with_fields(baseline, fields), with_fields(compressed, {**method, **fields})


def _record(side: _Side, hint: ModelHint, precision: str, place: str, facts: Entry) -> RunRecord:
    """A run of one side's measurements and the facts around it."""
    entry = read_entry(_without(side.values, _TARGET), place)
    record = RunRecord(
        format=FORMAT,
        place=place,
        kind=Kind.BENCHMARK,
        identity=Identity.SNAPSHOT,
        model=hint,
        precision=precision,
        series=tuple({**entry.series, **facts.series, **entry.series}.values()),
        samples=(*entry.samples, *facts.samples),
        artifacts=(*entry.artifacts, *facts.artifacts),
        params={**facts.params, **entry.params},
        notices=(*facts.notices, *entry.notices),
    )
    return with_fields(record, entry.fields)


def _method(item: Mapping[str, Any]) -> str:
    return next((item[key] for key in _METHODS if isinstance(item.get(key), str)), "")


def _facts(item: Mapping[str, Any], sides: set[str], place: str) -> tuple[ModelHint, Entry]:
    """The model, and everything around the two sides: fields, ratios, settings."""
    hint, rest = model_hint(_without(item, (*sides, *_TARGET, "baseline_precision")))
    settings: dict[str, Any] = {}
    for key in list(rest):
        value = rest[key]
        if not isinstance(value, dict):
            continue
        if key.lower() in _MODEL_BLOCKS:
            named, unused = model_block(value, hint.name)
            hint = filled(hint, named)
            settings.update(flatten({key: unused}))
            del rest[key]
        elif key.lower() in _RATIOS:
            del rest[key]
            rest = {**value, **rest}
    facts = read_entry(rest, place)
    facts.params.update(settings)
    return hint, facts


def _without(values: Mapping[str, Any], keys: tuple[str, ...]) -> dict[str, Any]:
    """The object less some keys; a number under ``precision`` is the classification metric."""
    return {
        key: value
        for key, value in values.items()
        if key not in keys or (key == "precision" and _is_score(value))
    }


def _precision(values: Mapping[str, Any], names: tuple[str, ...]) -> str:
    """The precision stated under one of ``names``, one that is known before one that is not."""
    texts = [values[name] for name in names if isinstance(values.get(name), str)]
    stated = [text for text in texts if text.strip() and not _is_score(text)]
    return next((text for text in stated if find_precision(text) is not None), "") or next(
        iter(stated), ""
    )


def _is_score(value: Any) -> bool:
    if isinstance(value, str):
        return find_precision(value) is None and number_in_text(value) is not None
    return is_number(value)


def _bits(item: Mapping[str, Any]) -> str:
    bits = item.get("bits")
    return f"int{bits}" if isinstance(bits, int) and bits in _BITS else ""


def _implied(method: str, baseline: str) -> str:
    """Pruning and distillation keep the number format; quantisation alone does not say which."""
    if canonical_method(method) in ("pruning", "distillation"):
        return baseline
    return method if find_precision(method) is not None else ""
