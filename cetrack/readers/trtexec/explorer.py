"""What the engine explorer (trex) makes of trtexec's logs: metadata beside an engine.

``net.engine.profile.metadata.json`` holds a performance summary, ``net.engine.build.metadata.json``
the options of the build, ``net.engine.metadata.json`` the device.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from cetrack.domain import Identity, Kind, ModelHint, Notice, ParamValue, RunRecord, Series
from cetrack.errors import MalformedSourceError
from cetrack.readers.base import has_keys
from cetrack.readers.model_files import named_model
from cetrack.readers.numbers import float_of, is_number, param_of, shortened, whole_number
from cetrack.readers.source import Source
from cetrack.readers.trtexec.metrics import (
    QUANTITIES,
    metric_defs,
    percentile_name,
    statistic_series,
    transfer_notices,
)
from cetrack.readers.trtexec.records import FORMAT, device_environment, input_shape

_ENGINE = re.compile(r"(?P<engine>.+\.(?:engine|plan|trt))\.(?:\w+\.)*json$", re.IGNORECASE)
_STATISTICS = ("min", "max", "mean", "median")
# how many numbers a quantity has → the percentiles behind the first four, as trtexec chooses them
_PERCENTILES: Mapping[int, tuple[float, ...]] = {4: (), 5: (99,), 7: (90, 95, 99)}
_TOTALS = {
    "Throughput": ("throughput", "qps"),
    "Total Host Walltime": ("total_host_walltime_s", "s"),
    "Total GPU Compute Time": ("total_gpu_compute_time_s", "s"),
}
_SHAPES = re.compile(r"(?P<name>[^=,\s]+)=(?P<dims>[-\dx]+)")
_DEVICE_KEYS = frozenset({"Name", "ComputeCapability", "TotalMemory"})
_DEVICE_DETAILS = {
    "ComputeCapability": "Compute Capability",
    "MULTIPROCESSOR_COUNT": "SMs",
    "TotalMemory": "Device Global Memory",
    "CUDA_VERSION": "CUDA",
}


def is_summary(source: Source) -> bool:
    """True for metadata with a performance summary."""
    return has_keys(source, ("performance_summary", "device_information"))


def is_settings(source: Source) -> bool:
    """True for metadata that only say how an engine was built, or on which device."""
    if has_keys(source, ("model_options", "build_options")):
        return "performance_summary" not in source.json_keys
    return _device(source) is not None


def _device(source: Source) -> Mapping[str, Any] | None:
    if b'"ComputeCapability"' not in source.head or not source.head.lstrip().startswith(b"["):
        return None
    value = source.json.value
    only = value[0] if isinstance(value, list) and len(value) == 1 else None
    return only if isinstance(only, dict) and only.keys() >= _DEVICE_KEYS else None


def engine_of(name: str) -> str:
    """The engine that a file of the explorer lies beside: ``net.engine`` of ``net.engine.json``."""
    found = _ENGINE.match(name)
    return found["engine"] if found else ""


def read_summary(source: Source) -> Iterator[RunRecord | Notice]:
    """The run of metadata with a performance summary. Raises ReadError."""
    document = source.json.value
    if not isinstance(document, dict):
        raise MalformedSourceError(source.uri, "", "not a JSON object")
    yield from source.json.notices
    notices: list[Notice] = []
    series = tuple(_series(_section(document, "performance_summary"), notices))
    if not series:
        yield from notices
        yield Notice("/performance_summary", "no numbers in it: no run made")
        return
    facts = settings_record(source)
    longest = {
        item.name.removesuffix("_mean_ms"): item.spread.max
        for item in series
        if item.spread is not None and item.spread.max is not None
    }
    notices += transfer_notices(longest, "/performance_summary")
    yield RunRecord(
        format=FORMAT,
        place="",
        kind=Kind.BENCHMARK,
        identity=Identity.SNAPSHOT,
        raw=document,
        model=facts.model,
        precision=facts.precision,
        environment=facts.environment,
        batch_size=facts.batch_size,
        params=facts.params,
        series=series,
        metric_defs=metric_defs(item.name for item in series),
        notices=tuple(notices),
    )


def settings_record(source: Source) -> RunRecord:
    """What metadata say about any run of their engine, as a record without numbers.

    Raises ReadError.
    """
    document = source.json.value
    device = _device(source)
    if device is not None:
        known = {label: device.get(key) for key, label in _DEVICE_DETAILS.items()}
        about: Mapping[str, Any] = {**known, "Selected Device": device.get("Name")}
        document = {}
    else:
        document = document if isinstance(document, dict) else {}
        about = _section(document, "device_information")
    inference = _section(document, "inference_options")
    build = _section(document, "build_options")
    shape, batch = input_shape(dict(_SHAPES.findall(str(inference.get("Input inference shapes")))))
    model, precision = named_model(str(_section(document, "model_options").get("Model") or ""))
    return RunRecord(
        format=FORMAT,
        place="",
        kind=Kind.BENCHMARK,
        identity=Identity.SNAPSHOT,
        model=ModelHint(name=model, input_shape=shape),
        precision=str(build.get("Precision") or "") or precision,
        environment=device_environment(about),
        batch_size=whole_number(inference.get("Batch")) or batch,
        params=_params({**build, **inference}),
    )


def _section(document: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = document.get(name)
    return value if isinstance(value, dict) else {}


def _params(options: Mapping[str, Any]) -> dict[str, ParamValue]:
    return {
        name: param_of(value) if is_number(value) else str(value)
        for name, value in options.items()
        if value not in ("", None)
    }


def _series(summary: Mapping[str, Any], notices: list[Notice]) -> Iterator[Series]:
    for name, value in summary.items():
        place = f"/performance_summary/{name}"
        if name in _TOTALS and is_number(value):
            metric, unit = _TOTALS[name]
            yield Series.scalar(metric, float_of(value), unit=unit, place=place)
        elif name in QUANTITIES and isinstance(value, list):
            found = _statistics(value, place, notices)
            yield from statistic_series(QUANTITIES[name], found, None, place)
        else:
            notices.append(Notice(place, f"{shortened(value)} is no statistic: left out"))


def _statistics(values: Sequence[Any], place: str, notices: list[Notice]) -> dict[str, float]:
    if len(values) < len(_STATISTICS) or not all(map(is_number, values)):
        notices.append(Notice(place, f"{shortened(values)}: no min, max, mean, median: left out"))
        return {}
    percentiles = _PERCENTILES.get(len(values), ())
    extra = len(values) - len(_STATISTICS) - len(percentiles)
    if extra:
        notices.append(Notice(place, f"{extra} percentiles without their names: left out"))
    names = [*_STATISTICS, *map(percentile_name, percentiles)]
    return {name: float_of(value) for name, value in zip(names, values, strict=False)}
