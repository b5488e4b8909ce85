"""A run of a trtexec log as a record: model, precision, batch, device, metrics and how it ended."""

from __future__ import annotations

import math
import re
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
    Series,
    Status,
)
from cetrack.readers.model_files import base_name, named_model
from cetrack.readers.numbers import whole_number
from cetrack.readers.trtexec.log import LogRun
from cetrack.readers.trtexec.metrics import (
    GPU_COMPUTE,
    metric_defs,
    statistic_series,
    transfer_notices,
)

FORMAT = "trtexec"
RUNTIME = "tensorrt"
_MODEL_FLAGS = ("onnx", "deploy", "uff", "model")
_PRECISION_FLAGS = ("fp16", "bf16", "int8", "fp8", "int4")
# of the section of the device: what is not about the device itself
_NO_DETAILS = frozenset(
    {"Available Devices", "Selected Device", "Selected Device ID", "Selected Device UUID"}
)
_PARAM_SECTIONS = ("Build Options", "System Options", "Inference Options")
_FACT_PARAMS = ("queries", "warmup_queries", "loaded_engine_size_mib")
_FACT_METRICS = {
    "engine_build_time_s": ("engine_build_time_s", "s"),
    "engine_deserialization_time_s": ("engine_deserialization_time_s", "s"),
    "engine_size_mib": ("model_size", "MiB"),
}
_TOTAL_METRICS = {
    "throughput": ("throughput", "qps"),
    "total host walltime": ("total_host_walltime_s", "s"),
    "total gpu compute time": ("total_gpu_compute_time_s", "s"),
}
_FOLDERS = re.compile(r"(?<=[=:,\"'\s])(?:[A-Za-z]:)?[^\s=:,\"']*[\\/](?=[^\s\\/])")
_WITH_BATCH = 4  # from this rank on the first dimension is the batch
_SEPARATORS = re.compile(r"[;:\s\[\](){}]+")


def log_record(run: LogRun) -> RunRecord:
    """The record of a run, whether it ended well or not."""
    place = f"line {run.line}"
    model, precision, doubts = _named(run, place)
    shape, batch = input_shape(run.inputs or run.bindings)
    batch = _implicit_batch(run) or batch
    status, reason, notices = _outcome(run, place)
    series = tuple(_series(run, batch, place))
    warnings = _warnings(run, place)
    return RunRecord(
        format=FORMAT,
        place=place,
        kind=Kind.BENCHMARK,
        identity=Identity.SNAPSHOT,
        raw=_raw(run),
        model=ModelHint(name=model, input_shape=shape),
        precision=precision,
        environment=device_environment(
            run.sections.get("Device Information", {}),
            version=run.facts.get("version", "") or _version(run.code),
            device="dla" if run.option("System Options", "DLACore") else "cuda",
        ),
        batch_size=batch,
        status=status,
        status_reason=reason,
        started_at=run.began,
        finished_at=run.ended,
        series=series,
        params=_params(run),
        metric_defs=metric_defs(item.name for item in series),
        notices=(*doubts, *notices, *warnings),
    )


def _raw(run: LogRun) -> dict[str, Any]:
    return {
        "command": run.command,
        "flags": run.flags,
        "time": run.first_time,
        "statistics": run.statistics,
        "totals": run.totals,
        "facts": run.facts,
        "end": run.word,
    }


# --- what was run ----------------------------------------------------------------------------


def _named(run: LogRun, place: str) -> tuple[str, str, list[Notice]]:
    """(model, precision, doubts about them)."""
    flags = run.flags
    engine = flags.get("loadEngine") or run.option("Build Options", "Load engine")
    network = run.option("Model Options", "Model").strip("*")
    network = network or next((flags[name] for name in _MODEL_FLAGS if flags.get(name)), "")
    model, named = named_model(network or engine)
    stated = run.option("Build Options", "Precision")
    chosen = [name for name in _PRECISION_FLAGS if name in flags]
    if "best" in flags:
        chosen = ["fp16", "int8"]
    if engine:  # flags build: a loaded engine has the formats that it was built with
        stated = named or ("+".join(["fp32", *chosen]) if chosen else "")
        doubt = "the precision of a loaded engine is not in the log"
    elif "strong" in stated.lower() or "stronglyTyped" in flags:
        stated = named
        doubt = "strongly typed: the precision is that of the network, and not in the log"
    else:
        stated = stated or ("+".join(["fp32", *chosen]) if chosen else "")
        doubt = ""
    return model, stated, [Notice(place, doubt)] if doubt and not stated else []


def _implicit_batch(run: LogRun) -> int | None:
    """The batch of a network whose shapes are without one, as TensorRT 7 had them."""
    stated = run.option("Inference Options", "Batch") or run.flags.get("batch", "")
    return whole_number(stated)


def input_shape(inputs: Mapping[str, str]) -> tuple[str, int | None]:
    """(shape without the batch, batch) of inputs by name, such as ``4x1x28x28``.

    The first dimension is the batch where all have the same: of several inputs, or of one of rank
    four or more. Elsewhere the whole is the shape.
    """
    shapes = {name: dims.split("x") for name, dims in inputs.items() if dims}
    if not shapes:
        return "", None
    first = {dims[0] for dims in shapes.values()}
    ranks = [len(dims) for dims in shapes.values()]
    has_batch = min(ranks) > 1 and (max(ranks) >= _WITH_BATCH or len(shapes) > 1)
    batch = whole_number(next(iter(first))) if len(first) == 1 and has_batch else None
    if batch is None or batch < 1:
        batch = None
    start = 0 if batch is None else 1
    texts = {name: "x".join(dims[start:]) for name, dims in shapes.items()}
    if len(texts) == 1:
        return next(iter(texts.values())), batch
    named = (f"{_SEPARATORS.sub('_', name)}:{text}" for name, text in texts.items())
    return ";".join(named), batch


def device_environment(
    about: Mapping[str, Any], *, version: str = "", device: str = "cuda"
) -> Environment:
    """The environment that a section about the device states."""
    details = {
        key: value
        for key, value in about.items()
        if key not in _NO_DETAILS and not key.startswith("Device ") and value not in ("", None)
    }
    if memory := about.get("Device Global Memory"):
        details["Device Global Memory"] = memory
    return Environment(
        device=device,
        accelerator=str(about.get("Selected Device") or ""),
        runtime=RUNTIME,
        runtime_version=version,
        details=details,
    )


def _version(code: str) -> str:
    """``8401`` is 8.4.1, ``101601`` 10.16.1."""
    number = whole_number(code) if len(code) < 9 else None
    if not number:
        return ""
    major, rest = divmod(number, 10_000 if number >= 100_000 else 1000)
    return f"{major}.{rest // 100}.{rest % 100}"


def _params(run: LogRun) -> dict[str, ParamValue]:
    params: dict[str, ParamValue] = {}
    if run.command:
        params["command"] = without_folders(run.command)
    for section in _PARAM_SECTIONS:
        for name, value in run.sections.get(section, {}).items():
            if value:
                params[name] = base_name(value) if name.endswith(" engine") else value
    for name in _FACT_PARAMS:
        if name in run.facts:
            params[name] = whole_number(run.facts[name]) or run.facts[name]
    return params


def without_folders(command: str) -> str:
    """A command line without the folders in it: they are no setting, and name people."""
    return _FOLDERS.sub("", f" {command}").strip()


# --- what came of it -------------------------------------------------------------------------


def _series(run: LogRun, batch: int | None, place: str) -> Iterator[Series]:
    for name, (metric, unit) in _TOTAL_METRICS.items():
        if name in run.totals:
            yield Series.scalar(metric, run.totals[name], unit=unit, place=place)
    for stem, found in run.statistics.items():
        yield from statistic_series(stem, found, _queries(run), place)
    if run.variance is not None:
        name = f"{GPU_COMPUTE}_variation"
        yield Series.scalar(name, run.variance, unit="%", place=place)
    for fact, (metric, unit) in _FACT_METRICS.items():
        if fact in run.facts:
            yield Series.scalar(metric, float(run.facts[fact]), unit=unit, place=place)


def _queries(run: LogRun) -> int | None:
    """How often was measured: with an implicit batch the log counts what is in it."""
    counted = whole_number(run.facts.get("queries"))
    batch = _implicit_batch(run)
    return counted // batch if counted is not None and batch else counted


def _outcome(run: LogRun, place: str) -> tuple[Status, str, list[Notice]]:
    """(status, reason, notices) of how a run ended."""
    if run.word == "FAILED":
        reason = run.errors[0] if run.errors else "FAILED without an error in the log"
        return Status.FAILED, reason, []
    if run.word == "WAIVED":
        return Status.KILLED, "WAIVED: not run on this platform", []
    if not run.statistics and not run.word:
        return Status.KILLED, "the log ends before the run does", []
    notices = []
    if not run.word:
        notices.append(Notice(place, "neither PASSED nor FAILED: the log is not whole"))
    if not run.statistics:
        why = " (--skipInference)" if run.is_skipped else ""
        notices.append(Notice(place, f"no inference was measured{why}"))
    return Status.FINISHED, "", notices


def _warnings(run: LogRun, place: str) -> Iterator[Notice]:
    yield from run.doubts
    if run.warning_count:
        first = run.warnings[0]
        more = f" (and {run.warning_count - 1} more)" if run.warning_count > 1 else ""
        yield Notice(first.place, f"warning{more}: {first.text:.160}")
    longest = {stem: found.get("max", math.nan) for stem, found in run.statistics.items()}
    yield from transfer_notices(longest, place)
    if run.totals.get("throughput") == 0:
        yield Notice(place, "throughput 0: with an explicit batch this version counts no queries")
