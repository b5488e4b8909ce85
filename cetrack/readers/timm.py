"""pytorch-image-models: benchmark and accuracy tables, a row per model, and training summaries.

Precision, memory layout, versions and hardware of a benchmark stand in the name of its file only:
``benchmark-infer-amp-nchw-pt210-cu121-rtx3090-dynamo.csv``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any

from cetrack.domain import (
    Environment,
    Identity,
    Kind,
    MetricDef,
    ModelHint,
    Notice,
    ParamValue,
    RunRecord,
    Series,
    Status,
    copied,
)
from cetrack.metrics import catalogue
from cetrack.precisions import parse_precision
from cetrack.readers.base import Match, Objection, Reader, lacking, matched
from cetrack.readers.beside import (
    base_name,
    fields_from,
    first_flag,
    first_text,
    is_settings,
    marked_settings,
    model_name,
    parameters,
)
from cetrack.readers.csv_text import csv_rows, header
from cetrack.readers.fields import as_fields
from cetrack.readers.numbers import is_missing, number_in_text, whole_number
from cetrack.readers.rows import epoch_log
from cetrack.readers.source import Source
from cetrack.readers.table import entries

FORMAT = "timm"
_ARGS = "args.yaml"
_ARGS_MARKS = ("model", "opt", "sched", "smoothing", "crop_pct")
_BENCHMARK = ("infer_samples_per_sec", "train_samples_per_sec")
_ACCURACY = ("top1", "top1_err")
_SUMMARY = ("epoch", "train_loss", "eval_top1")
# column → (name, unit); the step times are those of a whole batch, in ms
_METRICS: Mapping[str, tuple[str, str | None]] = {
    "infer_samples_per_sec": ("samples_per_sec", None),
    "infer_step_time": ("latency_mean", "ms"),
    "top1": ("top1", "%"),
    "top1_diff": ("top1_diff", "%"),
    "top1_err": ("top1_err", "%"),
    "top5": ("top5", "%"),
    "top5_diff": ("top5_diff", "%"),
    "top5_err": ("top5_err", "%"),
    "train_bwd_time": ("train_bwd_time", "ms"),
    "train_fwd_time": ("train_fwd_time", "ms"),
    "train_opt_time": ("train_opt_time", "ms"),
    "train_step_time": ("train_step_time", "ms"),
}
# column → (metric, how many of its unit one is)
_COUNTS: Mapping[str, tuple[str, float]] = {
    "infer_gmacs": ("macs", 1e9),
    "param_count": ("num_parameters", 1e6),
    "train_gmacs": ("macs", 1e9),
}
_SETTINGS = frozenset(
    {
        "crop_pct", "cropt_pct", "infer_batch_size", "infer_img_size", "interpolation", "img_size",
        "train_batch_size", "train_img_size",
    }
)  # fmt: skip
_ERRORS = ("error", "infer_error", "train_error")
_PERCENT = frozenset({"eval_top1", "eval_top5", "train_top1", "train_top5"})
_STEM = re.compile(r"^(?:model[-_])?benchmark[-_]", re.IGNORECASE)
_TORCH = re.compile(r"^pt(\d)(\d+)$")
_CUDA = re.compile(r"^(?:cu|rocm)(\d{2,3})$")
_LAYOUTS = frozenset({"nchw", "nhwc"})
_MODES = frozenset({"both", "infer", "inference", "train"})
_COMPILERS = frozenset({"aot", "dynamo", "inductor", "jit", "torchscript"})
_THOUSANDS = re.compile(r"\d{1,3}(,\d{3})+(\.\d+)?")
_FIELDS = {
    "batch_size": "batch_size",
    "device": "device",
    "experiment": "name",
    "seed": "seed",
}


class TimmReader(Reader):
    """See :class:`cetrack.readers.base.Reader`."""

    name = FORMAT
    version = 1
    suffixes = (".csv",)
    companions = (_ARGS,)
    description = "benchmarks, accuracies and trainings of pytorch-image-models (timm)"
    recognises = (
        "CSV with `model` and `infer_samples_per_sec` or `train_samples_per_sec`; with `model`, "
        "`top1` and `top1_err`; `summary.csv` with `epoch`, `train_loss` and `eval_top1`"
    )
    maps_to = (
        "one benchmark run per row, whose precision, device and PyTorch are those in the file's "
        "name (`benchmark-infer-amp-nchw-pt210-cu121-rtx3090.csv`), whose data set is that of "
        "`results-imagenet.csv`; one training run of a summary, with the `args.yaml` beside it"
    )
    example = """\
model,infer_samples_per_sec,infer_step_time,infer_batch_size,infer_img_size,infer_gmacs,param_count
resnet50,3105.2,329.77,1024,224,4.11,25.56
vit_base_patch16_224,1187.4,862.41,1024,224,17.58,86.57
"""

    def sniff(self, source: Source) -> Match:
        """YES for the tables, COMPANION for the arguments of a training."""
        if source.name == _ARGS:
            return matched(_is_args, source, Match.COMPANION)
        return matched(_is_table, source)

    def objection(self, source: Source) -> Objection | None:
        """The columns that an accuracy table would have."""
        return lacking(("model", *_ACCURACY), header(source), "column")

    def read(self, source: Source) -> Iterator[RunRecord | Notice]:
        """One run per row, or one training."""
        names = header(source)
        if set(_SUMMARY).issubset(names):
            yield from _read_summary(source)
            return
        notices: list[Notice] = []
        benchmark = _ACCURACY[0] not in names
        setup = _setup(source.name) if benchmark else _Setup(dataset=_dataset(source.name))
        for number, cells in entries(source, notices):
            if "model" in cells:
                yield _record(cells, setup, f"row {number}")
            else:
                notices.append(Notice(f"row {number}", "no model: left out"))
        yield from notices


def _is_args(source: Source) -> bool:
    return is_settings(source, (_ARGS,), _ARGS_MARKS)


def _is_table(source: Source) -> bool:
    if not source.is_text or source.looks_like_json:
        return False
    names = set(header(source))
    if names.issuperset(_SUMMARY):
        return "model" not in names
    return "model" in names and (not names.isdisjoint(_BENCHMARK) or names.issuperset(_ACCURACY))


# --- tables ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Setup:
    """What a file's name says about all of its rows."""

    precision: str = ""
    dataset: str = ""
    variant: str = ""
    environment: Environment = field(default_factory=Environment)
    params: Mapping[str, ParamValue] = field(default_factory=dict)


def _dataset(name: str) -> str:
    """The data set of ``results-imagenet-real.csv``; blank for another name."""
    found = re.match(r"results-(.+)$", PurePath(name).stem)
    return found[1] if found and found[1] != "all" else ""


def _setup(name: str) -> _Setup:
    """The words of a benchmark's name; what is none of the known ones is the hardware."""
    stem = PurePath(name).stem
    if not _STEM.match(stem):
        return _Setup(environment=Environment(runtime="pytorch"))
    words = re.split("-" if "-" in stem else "_", _STEM.sub("", stem))
    said: dict[str, Any] = {"runtime": "pytorch"}
    details: dict[str, Any] = {}
    params: dict[str, ParamValue] = {}
    precision, mode, hardware = "", "", []
    for word in words:
        lowered = word.lower()
        if torch := _TORCH.match(lowered):
            said["runtime_version"] = _torch_version(*torch.groups())
        elif cuda := _CUDA.match(lowered):
            details["cuda" if lowered.startswith("cu") else "rocm"] = _dotted(cuda[1])
            said["device"] = "cuda"
        elif lowered == "cpu":
            said["device"] = lowered
        elif lowered in _MODES:
            mode = lowered
        elif lowered in _LAYOUTS:
            params["memory_format"] = lowered
        elif lowered in _COMPILERS:
            params["compiler"] = lowered
        elif not precision and parse_precision(lowered) is not None:
            precision = word
        else:
            hardware.append(word)
    variant = "-".join([*([mode] if mode else []), *map(str, params.values())])
    environment = Environment(**said, accelerator="-".join(hardware), details=details)
    return _Setup(precision, "", variant, environment, params)


def _torch_version(major: str, rest: str) -> str:
    """``pt113`` is 1.13, ``pt210`` is 2.1.0: version 1 had a minor of two digits at last."""
    return f"{major}.{rest}" if major == "1" else ".".join([major, *rest])


def _dotted(digits: str) -> str:
    """``cu113`` is 11.3."""
    return f"{digits[:-1]}.{digits[-1]}"


@dataclass(slots=True)
class _Measured:
    """What the cells of a row hold; grows while they are sorted."""

    series: list[Series] = field(default_factory=list)
    origins: dict[str, tuple[str, str | None, float]] = field(default_factory=dict)
    params: dict[str, ParamValue] = field(default_factory=dict)
    notices: list[Notice] = field(default_factory=list)


def _measured(cells: Mapping[str, str], taken: frozenset[str], place: str) -> _Measured:
    """The cells but those ``taken`` already, as metrics and parameters."""
    found = _Measured()
    for name, text in cells.items():
        if name in taken or is_missing(text):
            continue
        number = _number(text)
        if name in _SETTINGS or number is None:
            if name not in _SETTINGS:
                said = f"'{name}' is no number: kept as a parameter"
                found.notices.append(Notice(place, said))
            found.params[name] = text if number is None else _plain(number)
        elif name in _COUNTS and _COUNTS[name][0] not in found.origins:
            metric, scale = _COUNTS[name]
            found.origins[metric] = (name, None, scale)
            found.series.append(Series.scalar(metric, number * scale, place=place))
        else:
            own, unit = _METRICS.get(name, (name, None))
            found.series.append(Series.scalar(own, number, unit=unit, place=place))
    return found


def _record(cells: Mapping[str, str], setup: _Setup, place: str) -> RunRecord:
    batch, batch_size = _of_either(cells, "batch_size")
    side, img_size = _of_either(cells, "img_size")
    found = _measured(cells, frozenset({"model", *_ERRORS, batch, side}), place)
    error = next((cells[name] for name in _ERRORS if name in cells), "")
    shape = f"3x{img_size}x{img_size}" if img_size else ""
    return RunRecord(
        format=FORMAT,
        place=place,
        kind=Kind.BENCHMARK,
        identity=Identity.SNAPSHOT,
        raw=dict(cells),
        model=ModelHint(name=cells["model"], library=FORMAT, input_shape=shape),
        precision=setup.precision,
        environment=setup.environment,
        variant=setup.variant,
        dataset=setup.dataset,
        batch_size=batch_size,
        status=Status.FAILED if error else Status.FINISHED,
        status_reason=error,
        series=tuple(found.series),
        params={**setup.params, **found.params},
        metric_defs=_definitions(found.origins),
        origins=found.origins,
        notices=tuple(found.notices),
        weak=frozenset({"precision"}) if setup.precision else frozenset(),
    )


def _definitions(names: Mapping[str, Any]) -> dict[str, MetricDef]:
    return {name: catalogue()[name] for name in names}


def _number(text: str) -> float | None:
    """A number, whose thousands may be set apart: ``1,014.45``."""
    bare = text.replace(",", "") if _THOUSANDS.fullmatch(text) else text
    found = number_in_text(bare)
    return None if found is None or found[1] else found[0]


def _plain(number: float) -> ParamValue:
    return whole if (whole := whole_number(number)) is not None else number


def _of_either(cells: Mapping[str, str], name: str) -> tuple[str, int | None]:
    """(column, number) of the inference, else of the training step."""
    for column in (f"infer_{name}", name, f"train_{name}"):
        number = whole_number(cells.get(column))
        if number is not None and number > 0:
            return column, number
    return "", None


# --- trainings -------------------------------------------------------------------------------


def _read_summary(source: Source) -> Iterator[RunRecord | Notice]:
    group, said = epoch_log(csv_rows(source))
    yield from said
    if group is None:
        return
    settings, said = marked_settings(source, _ARGS, _ARGS_MARKS)
    yield from said
    about = _about(settings)
    params, artifacts = parameters(settings)
    yield RunRecord(
        format=FORMAT,
        place="",
        kind=Kind.TRAINING,
        identity=Identity.LOG,
        model=about.pop("model", ModelHint(library=FORMAT)),
        series=tuple(_percent(item) for item in group.series),
        params={**params, **group.facts},
        artifacts=artifacts,
        notices=group.notices,
        **as_fields(about),
    )


def _percent(item: Series) -> Series:
    return copied(item, unit="%") if item.name in _PERCENT else item


def _about(settings: dict[str, Any]) -> dict[str, Any]:
    """The fields that the arguments of a training state."""
    if not settings:
        return {}
    found = fields_from(settings, _FIELDS)
    data = first_text(settings, ["dataset"]) or first_text(settings, ["data_dir", "data"])
    if data:
        found["dataset"] = base_name(data)
    size = settings.get("input_size")
    if not isinstance(size, list):
        side = whole_number(settings.get("img_size"))
        size = [3, side, side] if side and side > 0 else []
    found["model"] = ModelHint(
        name=model_name(first_text(settings, ["model"])),
        library=FORMAT,
        input_shape="x".join(map(str, size)),
    )
    precision = first_flag(settings, [(key, "amp") for key in ("amp", "native_amp", "apex_amp")])
    if precision and "bf" in str(settings.get("amp_dtype", "")):
        precision = "amp_bf16"
    found["precision"] = precision or first_text(settings, ["model_dtype"])
    found["runtime"] = "pytorch"
    return found
