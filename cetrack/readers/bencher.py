"""Bencher: its metric format (BMF), benchmark → measure → value with bounds.

Nothing in it says so: only objects with bounds of a value, and nothing else, are sure to be one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from cetrack.domain import Identity, Kind, ModelHint, Notice, RunRecord, Series
from cetrack.errors import MalformedSourceError
from cetrack.precisions import is_precision
from cetrack.readers.base import Match, Reader, matched
from cetrack.readers.entries import pointer
from cetrack.readers.numbers import float_of, is_number
from cetrack.readers.source import Source
from cetrack.readers.stated import split_precision
from cetrack.readers.timings import spread_of

FORMAT = "bencher"
_BOUNDS = frozenset({"lower_value", "upper_value"})
_KEYS = frozenset({"value", *_BOUNDS})
# the measures that every project has, in the units that they have there
_MEASURES = {
    "build-time": ("build_time", "s"),
    "file-size": ("file_size", "bytes"),
    "latency": ("latency", "ns"),
    "throughput": ("throughput", "1/s"),
}


class BencherReader(Reader):
    """See :class:`cetrack.readers.base.Reader`."""

    name = FORMAT
    version = 1
    suffixes = (".json",)
    description = "Bencher Metric Format (BMF)"
    recognises = (
        "a JSON object: benchmark → measure → `value`, of which one at least has a `lower_value` "
        "or an `upper_value`"
    )
    maps_to = (
        "one benchmark run per benchmark, which is the model; `latency` is in ns, `throughput` per "
        "second, `file-size` in bytes and `build-time` in s, as Bencher has it"
    )
    example = """\
{"resnet50_int8": {
  "latency": {"value": 4200000, "lower_value": 4100000, "upper_value": 4600000},
  "file-size": {"value": 24900000}}}
"""

    def sniff(self, source: Source) -> Match:
        """YES for an object of measures with bounds."""
        return matched(_is_bmf, source)

    def read(self, source: Source) -> Iterator[RunRecord | Notice]:
        """One run per benchmark."""
        document = source.json.value
        if not isinstance(document, dict):
            raise MalformedSourceError(source.uri, "", "not a JSON object of benchmarks")
        yield from source.json.notices
        for name, measures in document.items():
            place = pointer("", name)
            known = _known(measures)
            if known:
                yield _record(name, known, place)
            if not isinstance(measures, dict) or len(known) < len(measures):
                yield Notice(place, "measures without a value: left out")


def _is_bmf(source: Source) -> bool:
    if not source.looks_like_json or source.first_object is not None:
        return False
    document = source.json.value
    if not isinstance(document, dict):
        return False
    if not all(map(_is_benchmark, document.values())):
        return False
    return any(_BOUNDS & item.keys() for entry in document.values() for item in entry.values())


def _is_benchmark(entry: Any) -> bool:
    """True for measures alone; of a model by precision another reader knows more."""
    if not isinstance(entry, dict) or not entry or any(map(is_precision, entry)):
        return False
    return all(map(_is_measure, entry.values()))


def _is_measure(item: Any) -> bool:
    if not isinstance(item, dict) or not is_number(item.get("value")):
        return False
    return item.keys() <= _KEYS and all(map(is_number, item.values()))


def _known(measures: Any) -> dict[str, Mapping[str, Any]]:
    found = measures.items() if isinstance(measures, dict) else ()
    return {name: item for name, item in found if _is_measure(item)}


def _record(name: str, measures: Mapping[str, Mapping[str, Any]], place: str) -> RunRecord:
    model, precision = split_precision(name.removesuffix("-bencher-ignore"))
    return RunRecord(
        format=FORMAT,
        place=place,
        kind=Kind.BENCHMARK,
        identity=Identity.SNAPSHOT,
        raw={"name": name, "measures": dict(measures)},
        model=ModelHint(name=model),
        precision=precision,
        series=tuple(_series(key, item, pointer(place, key)) for key, item in measures.items()),
    )


def _series(measure: str, item: Mapping[str, Any], place: str) -> Series:
    name, unit = _MEASURES.get(measure, (measure, None))
    spread = None
    if _BOUNDS & item.keys():
        spread = spread_of(least=item.get("lower_value"), greatest=item.get("upper_value"))
    return Series.scalar(name, float_of(item["value"]), unit=unit, spread=spread, place=place)
