"""pyperf: benchmark suites as JSON. Metadata of a run is inherited from its benchmark and suite."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from cetrack.domain import (
    Environment,
    Identity,
    Kind,
    ModelHint,
    Notice,
    ParamValue,
    RunRecord,
    Sample,
    Series,
)
from cetrack.errors import MalformedSourceError
from cetrack.readers.base import Match, Reader, matched
from cetrack.readers.fields import filled, with_fields
from cetrack.readers.numbers import float_or_none, is_number, param_of
from cetrack.readers.source import Source
from cetrack.readers.stated import (
    object_in,
    on_device,
    read_stated,
    split_precision,
    text_in,
)
from cetrack.readers.times import parse_time
from cetrack.readers.timings import repeated, repetitions

FORMAT = "pyperf"
# unit of the values → (mean, sample, unit) of the metric
_METRICS = {
    "byte": ("peak_memory", "peak_memory", "bytes"),
    "integer": ("value", "value", None),
    "second": ("latency_mean", "latency", "s"),
}
_DETAILS = (
    "aslr", "cpu_affinity", "cpu_config", "cpu_count", "python_implementation", "python_version",
    "timer",
)  # fmt: skip
# what else pyperf collects: of the moment, of the machine, or a path
_COLLECTED = frozenset(
    {*_DETAILS, "boot_time", "calibrate_loops", "command", "command_max_rss", "cpu_freq",
     "cpu_machine", "cpu_model_name", "cpu_temp", "date", "description", "duration", "hostname",
     "load_avg_1min", "mem_max_rss", "mem_peak_pagefile_usage", "name", "perf_version", "platform",
     "python_cflags", "python_compiler", "python_executable", "python_gc", "python_hash_seed",
     "python_unicode", "pyperf_version", "performance_version", "recalibrate_loops",
     "runnable_threads", "tags", "unit", "uptime"}
)  # fmt: skip


class PyperfReader(Reader):
    """See :class:`cetrack.readers.base.Reader`."""

    name = FORMAT
    version = 1
    suffixes = (".json",)
    description = "benchmark suites of pyperf (`-o FILE`)"
    recognises = "a JSON object with `benchmarks` that have `runs` of `values` or `warmups`"
    maps_to = (
        "one benchmark run per benchmark: mean and spread of all values, which are its sample. "
        "Model and precision are taken from the metadata, else from the benchmark's name"
    )
    example = """\
{"version": "1.0", "metadata": {"name": "resnet50_int8", "unit": "second", "hostname": "ci-7"},
 "benchmarks": [{"runs": [
   {"metadata": {"date": "2026-06-01 02:00:00", "mem_max_rss": 104857600},
    "warmups": [[1, 0.0061]], "values": [0.0042, 0.0041, 0.0043]}]}]}
"""

    def sniff(self, source: Source) -> Match:
        """YES when a benchmark has runs of values."""
        return matched(_is_suite, source)

    def read(self, source: Source) -> Iterator[RunRecord | Notice]:
        """One run per benchmark that has values."""
        document = source.json.value
        items = document.get("benchmarks") if isinstance(document, dict) else None
        if not isinstance(items, list):
            raise MalformedSourceError(source.uri, "", "no list of benchmarks")
        yield from source.json.notices
        shared = object_in(document, "metadata")
        for number, item in enumerate(items):
            place = f"/benchmarks/{number}"
            record = _record(item, shared, place) if isinstance(item, dict) else None
            yield record or Notice(place, "no values: no run made")


def _is_suite(source: Source) -> bool:
    if not source.looks_like_json or source.first_object is not None:
        return False
    document = source.json.value
    items = document.get("benchmarks") if isinstance(document, dict) else None
    if not isinstance(items, list) or "version" not in document:
        return False
    runs = [run for item in items if isinstance(item, dict) for run in _runs(item)]
    return bool(runs) and all({"values", "warmups"} & run.keys() for run in runs)


def _runs(item: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    runs = item.get("runs")
    return [run for run in runs if isinstance(run, dict)] if isinstance(runs, list) else []


def _record(item: Mapping[str, Any], shared: Mapping[str, Any], place: str) -> RunRecord | None:
    runs = [run for run in _runs(item) if _values(run) is not None]
    if not runs:
        return None
    # what all runs of a benchmark share stands above them, what one alone has is of the moment
    metadata = {**shared, **object_in(item, "metadata"), **object_in(runs[0], "metadata")}
    own = {key: value for key, value in metadata.items() if key not in _COLLECTED}
    stated = read_stated(own, f"{place}/metadata", numbers_are_params=True)
    bare, written = split_precision(text_in(metadata, "name"))
    series, samples = _measured(runs, metadata)
    record = RunRecord(
        format=FORMAT,
        place=place,
        kind=Kind.BENCHMARK,
        identity=Identity.SNAPSHOT,
        raw={"metadata": dict(shared), **item},
        model=filled(
            stated.model, ModelHint(name=bare, description=text_in(metadata, "description"))
        ),
        precision=stated.precision or written,
        variant=bare if stated.model.name else "",
        environment=on_device(_environment(metadata), stated.entry.fields),
        started_at=parse_time(metadata.get("date")),
        series=tuple(series),
        samples=tuple(samples),
        params={**_warmups(runs), **stated.entry.params},
        notices=tuple(stated.entry.notices),
    )
    return with_fields(record, stated.entry.fields)


def _values(run: Mapping[str, Any]) -> Any:
    """The values of a run as float64[n]; None for a calibration, which has warm-ups only."""
    return repetitions(run.get("values"))


def _measured(
    runs: list[Mapping[str, Any]], metadata: Mapping[str, Any]
) -> tuple[list[Series], list[Sample]]:
    values = np.concatenate([_values(run) for run in runs])
    written = text_in(metadata, "unit") or "second"
    name, sample, unit = _METRICS.get(written, ("value", "value", written))
    series, samples = repeated(name, values, unit, sample=sample)
    if sample == "latency" and len(values) > 1:
        median = float(np.median(values))
        series.append(Series.scalar("latency_median", median, unit=unit))
    memory = [float_or_none(object_in(run, "metadata").get("mem_max_rss")) for run in runs]
    used = [number for number in memory if number is not None]
    if used and name != "peak_memory":
        series.append(Series.scalar("rss", max(used), unit="bytes"))
    return series, samples


def _warmups(runs: list[Mapping[str, Any]]) -> dict[str, ParamValue]:
    loops: Any = object_in(runs[0], "metadata").get("loops")
    warmups = runs[0].get("warmups")
    known: dict[str, ParamValue] = {"runs": len(runs)}
    if is_number(loops):
        known["loops"] = param_of(loops)
    if isinstance(warmups, list):
        known["warmups"] = len(warmups)
    return known


def _environment(metadata: Mapping[str, Any]) -> Environment:
    details = {key: metadata[key] for key in _DETAILS if key in metadata}
    return Environment(
        accelerator=text_in(metadata, "cpu_model_name"),
        host=text_in(metadata, "hostname"),
        os=text_in(metadata, "platform"),
        details=details,
    )
