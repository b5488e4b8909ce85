"""Qualcomm AI Hub: what it publishes of a model, ``perf.yaml`` and ``numerics.yaml``.

The first holds a time per device and runtime, by precision and component; before 2025 a list of
models, of which a quantised one was a model of its own, with times in µs and memory in bytes. The
second holds accuracies on devices, and is read with the first where they lie side by side.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from cetrack.domain import (
    Environment,
    Identity,
    Kind,
    ModelHint,
    Notice,
    ParamValue,
    RunRecord,
    Series,
    Status,
)
from cetrack.errors import ReadError
from cetrack.readers.base import Match, Reader, matched
from cetrack.readers.entries import pointer, read_entry
from cetrack.readers.numbers import float_of, is_number
from cetrack.readers.qai_hub.numerics import RUNTIMES, Accuracies, accuracies, is_numerics
from cetrack.readers.source import Source
from cetrack.readers.times import parse_time
from cetrack.readers.timings import spread_of

FORMAT = "qai_hub"
_PERF, _NUMERICS = "perf.yaml", "numerics.yaml"
_QUANTIZED = "-Quantized"
# key → (metric, unit); that of a range is its upper end
_TIMES = {"inference_time": ("latency", "us"), "inference_time_milliseconds": ("latency", "ms")}
_RANGES = {
    "estimated_peak_memory_range": ("peak_memory", "bytes"),
    "estimated_peak_memory_range_mb": ("peak_memory", "MB"),
}
_NO_METRICS = frozenset(
    {*_TIMES, *_RANGES, "job_id", "job_status", "precision", "primary_compute_unit",
     "tool_versions", "throughput"}
)  # fmt: skip
_PASSED = "passed"


class QaiHubReader(Reader):
    """See :class:`cetrack.readers.base.Reader`."""

    name = FORMAT
    version = 1
    suffixes = (".yaml",)
    companions = (_NUMERICS,)
    description = "Qualcomm AI Hub Models: perf.yaml and numerics.yaml of a model"
    recognises = (
        "YAML: `precisions` → `components` → `performance_metrics`, or `models` with "
        "`performance_metrics`; `metrics` with a `device_metric`"
    )
    maps_to = (
        "one benchmark run per component, precision, device and runtime, with its accuracy where "
        "numerics.yaml has it; a job that did not pass is a failed run"
    )
    example = """\
precisions:
  w8a8:
    components:
      MobileNet-v2:
        performance_metrics:
          Samsung Galaxy S24:
            tflite:
              job_id: jabcd1234
              job_status: Passed
              inference_time_milliseconds: 0.31
              estimated_peak_memory_range_mb: {min: 0, max: 12}
              primary_compute_unit: NPU
              tool_versions: {tflite: 2.17.0}
"""

    def sniff(self, source: Source) -> Match:
        """YES for either file; COMPANION for accuracies that lie beside the times."""
        if matched(_is_perf, source):
            return Match.YES
        if not matched(is_numerics, source):
            return Match.NO
        beside = source.companion(_PERF)
        is_read = beside is not None and matched(_is_perf, beside) is Match.YES
        return Match.COMPANION if is_read else Match.YES

    def read(self, source: Source) -> Iterator[RunRecord | Notice]:
        """One run per component, precision, device and runtime."""
        if not matched(_is_perf, source):
            if not matched(is_numerics, source):
                raise ReadError(source.uri, "no performance metrics of Qualcomm AI Hub in it")
            yield from accuracies(source.yaml).records()
            return
        document = source.yaml
        notices: list[Notice] = []
        beside = _numerics(source, notices)
        yield from notices
        yield from _old(document) if "models" in document else _new(document, beside)


def _is_perf(source: Source) -> bool:
    if b"performance_metrics" not in source.head or source.looks_like_json:
        return False
    document = source.yaml
    if not isinstance(document, dict):
        return False
    old = document.get("models")
    if isinstance(old, list):
        return any(isinstance(_in(item, "performance_metrics"), list) for item in old)
    precisions = _mapping(document.get("precisions"))
    parts = [part for item in precisions.values() for part in _components(item).values()]
    return any(isinstance(_in(part, "performance_metrics"), dict) for part in parts)


def _numerics(source: Source, notices: list[Notice]) -> Accuracies:
    found = source.companion(_NUMERICS)
    if found is None:
        return Accuracies()
    try:
        return accuracies(found.yaml)
    except ReadError as error:
        notices.append(Notice("", f"{_NUMERICS} is left out: {error.problem}"))
        return Accuracies()


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _in(value: Any, key: str) -> Any:
    return _mapping(value).get(key)


def _components(item: Any) -> Mapping[str, Any]:
    return _mapping(_in(item, "components"))


def _new(document: Mapping[str, Any], beside: Accuracies) -> Iterator[RunRecord]:
    """The runs of the layout by precision; accuracies are those of a model of one component."""
    names: dict[str, None] = {}
    for precision, item in _mapping(document.get("precisions")).items():
        parts = _components(item)
        names.update(dict.fromkeys(parts))
        place = f"{pointer('/precisions', precision)}/components"
        for component, part in parts.items():
            above = f"{pointer(place, component)}/performance_metrics"
            for device, runtimes in _mapping(_in(part, "performance_metrics")).items():
                for runtime, values in _mapping(runtimes).items():
                    if isinstance(values, dict):
                        where = pointer(pointer(above, device), runtime)
                        record = _record(values, component, precision, device, runtime, where)
                        known = beside if len(parts) == 1 else Accuracies()
                        yield known.joined(record, precision, device, runtime)
    yield from beside.records(next(iter(names)) if len(names) == 1 else "")


def _old(document: Mapping[str, Any]) -> Iterator[RunRecord]:
    """The runs of the layout by model and device."""
    models = document["models"] if isinstance(document["models"], list) else []
    for number, model in enumerate(models):
        name = str(_in(model, "name") or "")
        devices = _in(model, "performance_metrics")
        for position, item in enumerate(devices if isinstance(devices, list) else ()):
            place = f"/models/{number}/performance_metrics/{position}"
            about = _mapping(_in(item, "reference_device_info"))
            for runtime, values in _mapping(item).items():
                if isinstance(values, dict) and "inference_time" in values:
                    where = pointer(place, runtime)
                    yield _old_record(values, name, about, runtime, where, item.get("timestamp"))


def _old_record(
    values: Mapping[str, Any],
    name: str,
    about: Mapping[str, Any],
    runtime: str,
    place: str,
    timestamp: Any,
) -> RunRecord:
    device = str(about.get("name") or "")
    precision = values.get("precision")
    precision = precision if isinstance(precision, str) and precision != "null" else ""
    record = _record(values, name.removesuffix(_QUANTIZED), precision, device, runtime, place)
    system = " ".join(str(about[key]) for key in ("os_name", "os") if about.get(key))
    details = {key: about[key] for key in ("form_factor", "manufacturer") if key in about}
    environment = replace(
        record.environment, accelerator=str(about.get("chipset") or ""), os=system, details=details
    )
    named = {"qai_hub_model": name} if name.endswith(_QUANTIZED) else {}
    return replace(
        record,
        environment=environment,
        started_at=parse_time(timestamp),
        params={**record.params, **named},
    )


def _record(
    values: Mapping[str, Any], model: str, precision: str, device: str, runtime: str, place: str
) -> RunRecord:
    name, tool = RUNTIMES.get(runtime, (runtime, runtime))
    versions = _mapping(values.get("tool_versions"))
    rest = {key: value for key, value in values.items() if key not in _NO_METRICS}
    entry = read_entry(rest, place)
    status = str(values.get("job_status") or "Passed")
    job = values.get("job_id")
    return RunRecord(
        format=FORMAT,
        place=place,
        kind=Kind.BENCHMARK,
        identity=Identity.SNAPSHOT,
        raw={"runtime": runtime, "device": device, **values},
        model=ModelHint(name=model),
        precision=precision,
        environment=Environment(
            device=device, runtime=name, runtime_version=str(versions.get(tool, ""))
        ),
        status=Status.FINISHED if status.lower() == _PASSED else Status.FAILED,
        status_reason="" if status.lower() == _PASSED else f"job {status.lower()}",
        series=(*_measured(values), *entry.series.values()),
        samples=tuple(entry.samples),
        artifacts=tuple(entry.artifacts),
        params={**_settings(values, versions), **entry.params},
        tags={"qai_hub_job": str(job)} if job else {},
        notices=tuple(entry.notices),
    )


def _measured(values: Mapping[str, Any]) -> Iterator[Series]:
    for key, (name, unit) in _TIMES.items():
        if is_number(values.get(key)):
            yield Series.scalar(name, float_of(values[key]), unit=unit)
    if is_number(values.get("throughput")):
        yield Series.scalar("throughput", float_of(values["throughput"]), unit="1/s")
    for key, (name, unit) in _RANGES.items():
        ends = _mapping(values.get(key))
        if is_number(ends.get("max")):
            spread = spread_of(least=ends.get("min"), greatest=ends["max"])
            yield Series.scalar(name, float_of(ends["max"]), unit=unit, spread=spread)


def _settings(values: Mapping[str, Any], versions: Mapping[str, Any]) -> dict[str, ParamValue]:
    """The unit that ran most of it is what became of the model, not where it was run: a
    parameter."""
    unit = values.get("primary_compute_unit")
    known = {f"tool_versions.{name}": str(value) for name, value in versions.items()}
    return {**({"primary_compute_unit": unit} if isinstance(unit, str) else {}), **known}
