"""What benchmark_app of OpenVINO measures, whichever of its reports or logs states it.

The Python tool and the C++ tool have other names for the same: ``avg latency``, ``Average latency
(ms)`` and ``latency_avg``. A key's slug is what they are compared by.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from cetrack.domain import (
    Artifact,
    Direction,
    Environment,
    Identity,
    Kind,
    MetricDef,
    ModelHint,
    Notice,
    ParamValue,
    RunRecord,
    Series,
    Spread,
    Status,
)
from cetrack.readers.model_files import base_name, graph_name, named_model
from cetrack.readers.numbers import (
    float_of,
    is_missing,
    is_number,
    number_in_text,
    param_of,
    shortened,
    whole_number,
)

FORMAT = "openvino"
RUNTIME = "openvino"
_PATHS = frozenset({"c", "i", "load_from_file", "m", "path_to_model", "report_folder"})
_NO_PARAMS = frozenset({"batch_size", "target_device", "topology"})
# slug of a result → its metric and what that means
_TIMES: Mapping[str, str] = {
    "compile_model_time": "compile_model_time_ms",
    "execution_time": "total_execution_time_ms",
    "first_inference_time": "first_inference_time_ms",
    "import_model_time": "import_model_time_ms",
    "load_model_time": "compile_model_time_ms",
    "load_network_time": "compile_model_time_ms",
    "read_model_time": "read_model_time_ms",
    "read_network_time": "read_model_time_ms",
    "reshape_model_time": "reshape_model_time_ms",
    "reshape_network_time": "reshape_model_time_ms",
    "total_execution_time": "total_execution_time_ms",
}
_DESCRIPTIONS = {
    "compile_model_time_ms": "time to compile the model for the device",
    "cpu_time_ms": "sum of the processor's times of all layers",
    "first_inference_time_ms": "time of the first inference, not in the latency",
    "import_model_time_ms": "time to load a compiled model",
    "layer_time_ms": "sum of the times of all layers",
    "read_model_time_ms": "time to read the model's file",
    "reshape_model_time_ms": "time to give the model another input shape",
}
_STATISTICS: Mapping[str, str] = {
    "average_latency": "mean",
    "avg_latency": "mean",
    "latency": "median",
    "latency_avg": "mean",
    "latency_max": "max",
    "latency_median": "median",
    "latency_min": "min",
    "max_latency": "max",
    "median_latency": "median",
    "min_latency": "min",
}
_PERCENTILE = re.compile(r"^latency_(\d+)_percentile$")
_ITERATIONS = frozenset({"iterations_num", "total_number_of_iterations"})
_UNIT = re.compile(r"\s*\(ms\)\s*$")
_DYNAMIC = frozenset({"dynamic", "undefined"})


@dataclass
class Report:
    """One run as a report or a log has it.

    ``options`` are of the command line, ``setup`` is what the tool made of them, ``results`` what
    it measured (a number, or text), ``units`` the units of what is not in ms; ``totals`` are ms
    summed over layers, ``facts`` the device and the version.
    """

    place: str = ""
    options: dict[str, Any] = field(default_factory=dict)
    setup: dict[str, Any] = field(default_factory=dict)
    results: dict[str, Any] = field(default_factory=dict)
    units: dict[str, str] = field(default_factory=dict)
    groups: list[dict[str, Any]] = field(default_factory=list)
    artifacts: list[Artifact] = field(default_factory=list)
    totals: dict[str, float] = field(default_factory=dict)
    facts: dict[str, str] = field(default_factory=dict)
    params: dict[str, ParamValue] = field(default_factory=dict)
    shape: str = ""
    status: Status = Status.FINISHED
    reason: str = ""
    notices: list[Notice] = field(default_factory=list)


def slug(key: str) -> str:
    """A key as both tools would have it: ``Average latency (ms)`` is ``average_latency``."""
    return re.sub(r"[^a-z0-9]+", "_", _UNIT.sub("", key).lower()).strip("_")


def is_result(key: str) -> bool:
    """True for the key of something that the tools measure."""
    name = slug(key)
    return name in _STATISTICS or name in _TIMES or name in _ITERATIONS or name == "throughput"


def metric_defs(names: Iterable[str]) -> dict[str, MetricDef]:
    """What those of the names mean that are the tools' own."""
    return {
        name: MetricDef(
            name=name,
            unit="ms",
            direction=Direction.LOWER,
            family="latency",
            description=_DESCRIPTIONS[name],
        )
        for name in names
        if name in _DESCRIPTIONS
    }


def report_record(report: Report) -> RunRecord:
    """The record of a run, whether it ended well or not."""
    options = {key.lstrip("-"): value for key, value in report.options.items()}
    setup = {slug(key): value for key, value in report.setup.items()}
    notices: list[Notice] = []
    numbers = dict(_numbers(report, notices))
    series = tuple(_series(report, numbers, notices))
    path = str(options.get("m") or options.get("path_to_model") or "")
    model, precision = named_model(path)
    batch = whole_number(setup.get("batch_size"))
    target = str(setup.get("target_device") or options.get("d") or "")
    return RunRecord(
        format=FORMAT,
        place=report.place,
        kind=Kind.BENCHMARK,
        identity=Identity.SNAPSHOT,
        raw=_raw(report),
        model=ModelHint(
            name=model or graph_name(str(setup.get("topology") or "")), input_shape=report.shape
        ),
        precision=precision,
        environment=Environment(
            device=report.facts.get("device") or target,
            runtime=RUNTIME,
            runtime_version=report.facts.get("version", ""),
        ),
        batch_size=batch if batch is not None and batch > 0 else None,
        status=report.status,
        status_reason=report.reason,
        series=series,
        params=dict(_params(report, options, numbers)),
        artifacts=(*_groups(report), *report.artifacts),
        metric_defs=metric_defs(item.name for item in series),
        notices=(*report.notices, *notices),
    )


def _raw(report: Report) -> dict[str, Any]:
    return {
        "options": report.options,
        "setup": report.setup,
        "results": report.results,
        "groups": report.groups,
        "totals": report.totals,
        "facts": report.facts,
        "reason": report.reason,
    }


def _numbers(report: Report, notices: list[Notice]) -> Iterator[tuple[str, float]]:
    """The results that are numbers, by slug; the Python tool writes them as text."""
    for key, value in report.results.items():
        if is_number(value):
            yield slug(key), float_of(value)
            continue
        number = number_in_text(value) if isinstance(value, str) else None
        if number is not None:
            yield slug(key), number[0]
        elif is_result(key) and not _is_blank(value):
            place = f"{report.place}: {key}" if report.place else key
            notices.append(Notice(place, f"{shortened(value)} is not a number: left out"))


def _series(
    report: Report, numbers: Mapping[str, float], notices: list[Notice]
) -> Iterator[Series]:
    place = report.place
    latency = _latency(numbers)
    count = next((whole_number(numbers[name]) for name in _ITERATIONS if name in numbers), None)
    unit = report.units.get("latency", "ms")
    for statistic, value in latency.items():
        spread = None
        if statistic == "mean":
            limits = {name: latency[name] for name in ("min", "max") if name in latency}
            spread = Spread(n=count, **limits) if limits or count else None
        name = f"latency_{statistic}"
        yield Series.scalar(name, value, spread=spread, unit=unit, place=place)
    if "throughput" in numbers:
        yield Series.scalar("throughput", numbers["throughput"], unit="FPS", place=place)
    for name, value in numbers.items():
        if name in _TIMES:
            yield Series.scalar(_TIMES[name], value, unit="ms", place=place)
    for name, value in report.totals.items():
        yield Series.scalar(name, value, unit="ms", place=place)
    measured = latency or report.totals or "throughput" in numbers
    if report.status is Status.FINISHED and not measured:
        notices.append(Notice(place, "no inference was measured"))


def _latency(numbers: Mapping[str, float]) -> dict[str, float]:
    """The statistics of the latency; what is called its median is a percentile where one was
    asked for."""
    found: dict[str, float] = {}
    boundary = numbers.get("percentile_boundary", 50.0)
    for name, value in numbers.items():
        percentile = _PERCENTILE.match(name)
        if percentile:
            found[f"p{int(percentile[1])}"] = value
        elif name in _STATISTICS:
            statistic = _STATISTICS[name]
            is_asked = statistic == "median" and boundary != 50
            found[f"p{boundary:g}" if is_asked else statistic] = value
    return found


def _params(
    report: Report, options: Mapping[str, Any], numbers: Mapping[str, float]
) -> Iterator[tuple[str, ParamValue]]:
    for key, value in options.items():
        name = key.lstrip("-")
        if isinstance(value, (dict, list)) or _is_blank(value):
            continue
        yield name, base_name(str(value)) if name in _PATHS else _param(value)
    for key, value in report.setup.items():
        if slug(key) in _NO_PARAMS or isinstance(value, (dict, list)) or _is_blank(value):
            continue
        yield key, _param(value)
    yield from report.params.items()
    for name in sorted(_ITERATIONS & numbers.keys()):
        yield "iterations", whole_number(numbers[name])


def _is_blank(value: Any) -> bool:
    """True for what the tools print where nothing was set."""
    return value is None or (isinstance(value, str) and is_missing(value))


def _param(value: Any) -> ParamValue:
    if is_number(value):
        return param_of(value)
    return value if isinstance(value, bool) else str(value)


def _groups(report: Report) -> Iterator[Artifact]:
    if report.groups:
        yield Artifact(name="group_latencies", content=report.groups)
