"""Olive (Microsoft): metrics of its evaluator, footprints of a workflow, best metrics of its CI.

A metric is called ``<name>-<subtype>``; a latency is in ms, and so by Olive's own definition.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from cetrack.domain import Environment, Identity, Kind, ModelHint, Notice, RunRecord
from cetrack.errors import MalformedSourceError
from cetrack.readers.base import Match, Reader, matched
from cetrack.readers.entries import pointer
from cetrack.readers.numbers import is_number
from cetrack.readers.olive.footprint import footprint_runs, is_footprint
from cetrack.readers.olive.metrics import are_metrics, metric_series
from cetrack.readers.source import Source

FORMAT = "olive"
_BEST = ("accuracy-accuracy", "latency-avg")
_DEVICES = frozenset({"cpu", "gpu", "npu"})
_INPUT = "input_model_metrics"


class OliveReader(Reader):
    """See :class:`cetrack.readers.base.Reader`."""

    name = FORMAT
    version = 1
    suffixes = (".json",)
    description = "Olive's metrics.json and footprints.json, best_metrics.json of its CI"
    recognises = (
        "a JSON object of metrics with `value`, `priority` and `higher_is_better`; of nodes with "
        "`model_id`, `from_pass` and `metrics`; model → cpu or gpu → `latency-avg`"
    )
    maps_to = (
        "one run per set of metrics; of a footprint a benchmark for the input model and a "
        "compression for each model that passes made of it; of best metrics one benchmark per "
        "model, device and processor"
    )
    example = """\
{"accuracy-accuracy_score": {"value": 0.75, "priority": 1, "higher_is_better": true},
 "latency-avg": {"value": 4.2, "priority": 2, "higher_is_better": false}}
"""

    def sniff(self, source: Source) -> Match:
        """YES for one of the three."""
        return matched(lambda found: _shape(found) != "", source)

    def read(self, source: Source) -> Iterator[RunRecord | Notice]:
        """The runs of a file of metrics, of a footprint, or of best metrics."""
        shape = _shape(source)
        document = source.json.value
        yield from source.json.notices
        if shape == "footprint":
            yield from footprint_runs(document)
        elif shape == "metrics":
            yield _metrics_run(document, "", "")
        elif shape == "sets":
            for name, item in document.items():
                if are_metrics(item):
                    yield _metrics_run(item, "" if name == _INPUT else name, pointer("", name))
        elif shape == "best":
            yield from _best_runs(document)
        else:
            raise MalformedSourceError(source.uri, "", "no metrics of Olive in it")


def _shape(source: Source) -> str:
    """Which of Olive's files it is; blank for none. Raises ReadError."""
    if not source.looks_like_json or source.first_object is not None:
        return ""
    document = source.json.value
    if not isinstance(document, dict) or not document:
        return ""
    if are_metrics(document):
        return "metrics"
    if is_footprint(document):
        return "footprint"
    if all(map(are_metrics, document.values())):
        return "sets"
    return "best" if _is_best(document) else ""


def _is_best(document: Mapping[str, Any]) -> bool:
    """True for devices alone under every model, with both of the metrics under one at least."""
    known = all(isinstance(item, dict) and item.keys() <= _DEVICES for item in document.values())
    return known and any(
        isinstance(values, dict) and values.keys() >= set(_BEST)
        for item in document.values()
        for values in item.values()
    )


def _metrics_run(values: Mapping[str, Any], name: str, place: str) -> RunRecord:
    series, definitions = metric_series(values, place)
    return RunRecord(
        format=FORMAT,
        place=place,
        kind=Kind.BENCHMARK,
        identity=Identity.SNAPSHOT,
        raw=dict(values),
        variant=name,
        series=tuple(series),
        metric_defs=definitions,
    )


def _best_runs(document: Mapping[str, Any]) -> Iterator[RunRecord | Notice]:
    for model, devices in document.items():
        for device, values in devices.items():
            place = pointer(pointer("", model), device)
            known = _pair(values) if isinstance(values, list) else values
            if not isinstance(known, dict):
                yield Notice(place, "neither metrics nor an accuracy and a latency: left out")
                continue
            latency = known.get("latency-avg")
            by_processor = latency if isinstance(latency, dict) else {"": latency}
            for processor, number in by_processor.items():
                yield _best_run(model, device, processor, {**known, "latency-avg": number}, place)


def _pair(values: list[Any]) -> dict[str, float] | None:
    """Accuracy and negated latency, whose order differs; None unless it is sure which is which."""
    if len(values) != 2 or not all(map(is_number, values)):
        return None
    low, high = sorted(values)
    return {_BEST[0]: high, _BEST[1]: -low} if low < 0 <= high <= 1 else None


def _best_run(
    model: str, device: str, processor: str, values: Mapping[str, Any], place: str
) -> RunRecord:
    where = pointer(f"{place}/latency-avg", processor) if processor else place
    numbers = {key: value for key, value in values.items() if is_number(value)}
    series, definitions = metric_series(numbers, place)
    text = "0 stands for a processor that was not available"
    return RunRecord(
        format=FORMAT,
        place=where,
        kind=Kind.BENCHMARK,
        identity=Identity.SNAPSHOT,
        raw={"processor": processor, **values},
        model=ModelHint(name=model),
        environment=Environment(device=device, accelerator=processor),
        series=tuple(series),
        metric_defs=definitions,
        notices=(Notice(where, text),) if values["latency-avg"] == 0 else (),
    )
