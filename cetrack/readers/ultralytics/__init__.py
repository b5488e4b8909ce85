"""Ultralytics YOLO: ``results.csv`` of a training with ``args.yaml``, and the table of formats.

Headers and cells of older versions are padded with blanks. A training that was resumed appends its
epochs, with or without a header: of an epoch that stands twice the last row counts.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from cetrack.domain import (
    Direction,
    Identity,
    Kind,
    MetricDef,
    ModelHint,
    Notice,
    RunRecord,
    Series,
)
from cetrack.readers.base import Match, Objection, Reader, lacking, matched
from cetrack.readers.beside import (
    defined,
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
from cetrack.readers.numbers import is_number, whole_number
from cetrack.readers.rows import epoch_log
from cetrack.readers.source import Source
from cetrack.readers.ultralytics.formats import FORMAT, dataset_name, is_formats, read_formats

_ARGS = "args.yaml"
_ARGS_MARKS = ("task", "mode", "model", "imgsz", "mosaic")
_RATES = ("lr/pg", "x/lr")
_FIELDS = {"batch": "batch_size", "seed": "seed", "split": "split", "task": "task", "name": "name"}
_QUALITIES = tuple(
    f"metrics/{name}"
    for name in ("accuracy", "f1", "map", "miou", "pixel_acc", "precision", "recall")
)
_DEVICES = frozenset({"cpu", "cuda", "mps", "npu", "xpu"})


class UltralyticsReader(Reader):
    """See :class:`cetrack.readers.base.Reader`."""

    name = FORMAT
    version = 1
    suffixes = (".csv",)
    patterns = ("benchmarks.log",)
    companions = (_ARGS,)
    description = "trainings and benchmarks of export formats by Ultralytics YOLO"
    recognises = (
        "CSV with `epoch` and columns such as `metrics/mAP50(B)`, `train/box_loss` and `lr/pg0`; a "
        "table with `Format`, `Status`, `Size (MB)` and `Inference time (ms/im)`, as CSV or as "
        "`benchmarks.log` has it"
    )
    maps_to = (
        "one training run, step = epoch, whose model, data set and image size are those of "
        "`args.yaml` beside it; one benchmark run per export format, failed ones included"
    )
    example = """\
epoch,time,train/box_loss,metrics/precision(B),metrics/mAP50-95(B),val/box_loss,lr/pg0
1,21.4,1.2105,0.612,0.401,1.301,0.0031
2,41.9,1.1172,0.655,0.433,1.266,0.0058
"""

    def sniff(self, source: Source) -> Match:
        """YES for results and tables of formats, COMPANION for the arguments of a training."""
        if source.name == _ARGS:
            return matched(_is_args, source, Match.COMPANION)
        return matched(lambda found: _is_results(found) or is_formats(found), source)

    def objection(self, source: Source) -> Objection | None:
        """The columns that a table of formats would have."""
        return lacking(("Format", "Size (MB)", "FPS"), header(source), "column")

    def read(self, source: Source) -> Iterator[RunRecord | Notice]:
        """One run of a training, or one per export format."""
        if is_formats(source):
            yield from read_formats(source)
        else:
            yield from _read_results(source)


def _is_args(source: Source) -> bool:
    return is_settings(source, (_ARGS,), _ARGS_MARKS)


def _is_results(source: Source) -> bool:
    if not source.is_text or source.looks_like_json:
        return False
    names = header(source)
    measured = any(name.startswith("metrics/") for name in names)
    return "epoch" in names and measured and any(name.startswith(_RATES) for name in names)


def _read_results(source: Source) -> Iterator[RunRecord | Notice]:
    group, said = epoch_log(csv_rows(source))
    yield from said
    if group is None:
        return
    settings, said = marked_settings(source, _ARGS, _ARGS_MARKS)
    yield from said
    named = model_name(first_text(settings, ["model"]))
    about = _about(settings)
    params, artifacts = parameters(settings)
    yield RunRecord(
        format=FORMAT,
        place="",
        kind=Kind.TRAINING,
        identity=Identity.LOG,
        model=ModelHint(name=named, library=FORMAT, input_shape=about.pop("input_shape", "")),
        series=group.series,
        params={**params, **group.facts},
        artifacts=artifacts,
        notices=group.notices,
        **defined(_definitions(group.series)),
        **as_fields(about),
    )


def _definitions(series: tuple[Series, ...]) -> Iterator[MetricDef]:
    """What the columns are whose names do not say it: seconds since the training began; and of
    most that is measured on the validation set more is better, but not of errors of depth."""
    for item in series:
        if item.name == "time":
            yield MetricDef(name="time", unit="s", family="training")
        elif item.name.lower().startswith(_QUALITIES):
            yield MetricDef(
                name=item.name, unit="fraction", direction=Direction.HIGHER, family="quality"
            )


def _about(settings: dict[str, Any]) -> dict[str, Any]:
    """The fields that the arguments state, removed from them where they say no more."""
    found = fields_from(settings, _FIELDS)
    if data := first_text(settings, ["data"]):
        found["dataset"] = dataset_name(data)
    if device := _device(settings.get("device")):
        found["device"] = device
    if shape := _shape(settings.get("imgsz")):
        found["input_shape"] = shape
    if precision := first_flag(settings, [("half", "fp16")]):
        found["precision"] = precision
    return found


def _device(value: Any) -> str:
    """``0`` is the first GPU, ``0,1`` are two of them."""
    items = value if isinstance(value, list) else str("" if value is None else value).split(",")
    words = [str(item).strip().lower() for item in items]
    if all(word.isdecimal() for word in words):
        return f"cuda:{','.join(words)}"
    known = all(word.partition(":")[0] in _DEVICES for word in words)
    return ",".join(words) if known else ""


def _shape(size: Any) -> str:
    """Three channels and a square, or height and width."""
    sides = size if isinstance(size, list) else [size, size]
    known = [whole_number(side) or 0 for side in sides if is_number(side)]
    return f"3x{known[0]}x{known[1]}" if len(known) == len(sides) == 2 and min(known) > 0 else ""
