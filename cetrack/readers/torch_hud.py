"""PyTorch's benchmark database (HUD): its records of version 3, one metric each.

Records that agree in everything but the metric are one run. They come as a list, or one per line,
also in files that are called ``.json``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

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
from cetrack.identity import canonical_json
from cetrack.readers.base import Match, Reader, matched
from cetrack.readers.fields import filled, with_fields
from cetrack.readers.lines import json_lines
from cetrack.readers.numbers import is_number, param_of
from cetrack.readers.source import Source
from cetrack.readers.stated import (
    object_in,
    read_stated,
    text_in,
)
from cetrack.readers.times import parse_time
from cetrack.readers.timings import repeated, repetitions, used_metrics

FORMAT = "torch_hud"
_MARKS = frozenset({"benchmark", "metric", "model"})
_TAGS = ("repo", "head_branch")
_ENVIRONMENT = ("accelerator", "arch")
# what tells runs apart, beside what all records of a session share
_APART = (
    "benchmark", "dependencies", "head_sha", "inputs", "job_id", "model", "run_attempt", "runners",
    "workflow_id",
)  # fmt: skip


class TorchHudReader(Reader):
    """See :class:`cetrack.readers.base.Reader`."""

    name = FORMAT
    version = 1
    suffixes = (".json", ".jsonl")
    description = "benchmark records of PyTorch's HUD, version 3"
    recognises = (
        "JSON objects with `benchmark`, `model` and a `metric` that has `benchmark_values`, in a "
        "list or one per line"
    )
    maps_to = (
        "one benchmark run per benchmark, model and inputs; several values of a metric are a "
        "sample and its mean. The backend is the runtime, the benchmark's name the variant"
    )
    example = """\
[{"benchmark": {"name": "TorchAO benchmark", "mode": "inference", "dtype": "int8dq",
    "extra_info": {"device": "cuda", "arch": "NVIDIA A100-SXM4-40GB"}},
  "model": {"name": "llama-2-7b", "backend": "inductor", "origins": ["torchao"]},
  "metric": {"name": "peak_memory_gb", "benchmark_values": [7.9], "target_value": 8.0}}]
"""

    def sniff(self, source: Source) -> Match:
        """YES when all, or of lines the first, are such records."""
        return matched(_are_records, source)

    def read(self, source: Source) -> Iterator[RunRecord | Notice]:
        """One run per group of records, in the order of the file."""
        notices: list[Notice] = []
        found: dict[str, list[tuple[str, Mapping[str, Any]]]] = {}
        for place, item in _items(source, notices):
            if _is_record(item):
                key = canonical_json([item.get(name) for name in _APART])
                found.setdefault(key, []).append((place, item))
            else:
                notices.append(Notice(place, "no record of a metric: left out"))
        yield from notices
        for records in found.values():
            yield _run(records)


def _are_records(source: Source) -> bool:
    if not source.looks_like_json:
        return False
    if source.first_object is not None:
        return _is_record(source.first_object)
    document = source.json.value
    items = document if isinstance(document, list) else [document]
    return bool(items) and all(map(_is_record, items))


def _is_record(item: Any) -> bool:
    if not isinstance(item, dict) or not item.keys() >= _MARKS:
        return False
    benchmark, metric, model = item["benchmark"], item["metric"], item["model"]
    if not isinstance(benchmark, dict) or not isinstance(metric, dict):
        return False
    named = isinstance(metric.get("name"), str) and isinstance(benchmark.get("name"), str)
    return named and isinstance(model, dict) and isinstance(metric.get("benchmark_values"), list)


def _items(source: Source, notices: list[Notice]) -> Iterator[tuple[str, Any]]:
    if source.first_object is not None:
        for number, item in json_lines(source, notices):
            yield f"line {number}", item
        return
    notices += source.json.notices
    document = source.json.value
    for number, item in enumerate(document if isinstance(document, list) else [document]):
        yield f"/{number}", item


def _run(records: list[tuple[str, Mapping[str, Any]]]) -> RunRecord:
    place, first = records[0]
    benchmark, model = first["benchmark"], first["model"]
    extra = {
        **object_in(first, "inputs"),
        **object_in(model, "extra_info"),
        **object_in(benchmark, "extra_info"),
    }
    settings = {key: value for key, value in extra.items() if key not in _ENVIRONMENT}
    stated = read_stated(settings, f"{place}/benchmark", numbers_are_params=True)
    series, samples, notices = _measured(records)
    dtype = benchmark.get("dtype")
    record = RunRecord(
        format=FORMAT,
        place=place,
        kind=Kind.BENCHMARK,
        identity=Identity.SNAPSHOT,
        raw=[item for _, item in records],
        model=filled(ModelHint(name=text_in(model, "name")), stated.model),
        precision=dtype if isinstance(dtype, str) else stated.precision,
        environment=_environment(model, extra, first),
        variant=text_in(benchmark, "name"),
        task=text_in(benchmark, "mode"),
        started_at=parse_time(first.get("timestamp")),
        git_commit=text_in(first, "head_sha"),
        series=tuple(series),
        samples=tuple(samples),
        params={**stated.entry.params, **_targets(records), **_about(model)},
        tags={
            f"git_{key}": text for key in ("repo", "head_branch") if (text := text_in(first, key))
        },
        metric_defs=used_metrics(series),
        notices=(*notices, *stated.entry.notices),
    )
    return with_fields(record, stated.entry.fields)


def _environment(
    model: Mapping[str, Any], extra: Mapping[str, Any], record: Mapping[str, Any]
) -> Environment:
    """The first runner tells what the extras leave open."""
    runners = record.get("runners")
    runner = runners[0] if isinstance(runners, list) and runners else {}
    runner = runner if isinstance(runner, dict) else {}
    accelerator = next((text for key in _ENVIRONMENT if (text := text_in(extra, key))), "")
    return Environment(
        accelerator=accelerator or text_in(runner, "gpu_info") or text_in(runner, "cpu_info"),
        runtime=text_in(model, "backend"),
        host=text_in(runner, "name"),
        details={"runner": text_in(runner, "type")} if text_in(runner, "type") else {},
    )


def _about(model: Mapping[str, Any]) -> dict[str, ParamValue]:
    origins = model.get("origins")
    known = ", ".join(map(str, origins)) if isinstance(origins, list) else ""
    return {"origins": known} if known else {}


def _targets(records: list[tuple[str, Mapping[str, Any]]]) -> dict[str, ParamValue]:
    """What a metric should be: a setting, no measurement."""
    return {
        f"target.{item['metric']['name']}": param_of(target)
        for _, item in records
        if is_number(target := item["metric"].get("target_value"))
    }


def _measured(
    records: list[tuple[str, Mapping[str, Any]]],
) -> tuple[list[Series], list[Sample], list[Notice]]:
    series: dict[str, Series] = {}
    samples: dict[str, Sample] = {}
    notices = []
    for place, item in records:
        name = item["metric"]["name"]
        values = repetitions(item["metric"]["benchmark_values"])
        if values is None:
            notices.append(Notice(place, f"'{name:.60}' has no values: left out"))
            continue
        if name in series:
            notices.append(Notice(place, f"another '{name:.60}': the last one counts"))
        found, raw = repeated(name, values, None)
        series[name] = found[0]
        samples.pop(name, None)
        samples.update({sample.name: sample for sample in raw})
    return list(series.values()), list(samples.values()), notices
