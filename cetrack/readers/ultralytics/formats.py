"""Ultralytics' benchmark of export formats: a table as CSV, or as ``benchmarks.log`` has it.

The log is appended to: a block per benchmark, which begins with a line that names model, data set
and image size. Its table is that of pandas (blanks between columns) or polars (lines between them).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from cetrack.domain import (
    Direction,
    Environment,
    Identity,
    Kind,
    MetricDef,
    ModelHint,
    Notice,
    RunRecord,
    Series,
    Status,
)
from cetrack.readers.beside import base_name, defined, model_name
from cetrack.readers.csv_text import header
from cetrack.readers.json_text import decoded
from cetrack.readers.numbers import is_missing, number_in_text
from cetrack.readers.source import Source
from cetrack.readers.table import entries

FORMAT = "ultralytics"
_MARKS = frozenset({"Format", "Size (MB)", "Inference time (ms/im)"})
_BEGIN = re.compile(
    r"^Benchmarks complete for (?P<model>.+) on (?P<data>.+?) at imgsz=(?P<size>\S.*?)"
    r"(?: \((?P<seconds>\d+(?:\.\d*)?)s\))?$"
)
_LONGEST = 1000  # characters of a line that begins a benchmark
_LINES = str.maketrans("│┆|", "   ")
_HEADINGS = re.compile(r"Size \(MB\)|Inference time \(ms/im\)|\S+")
_PASSED = "✅"
_REASONS = {"❎": "exported, but the validation failed", "❌": "the export failed"}
# the runtime that a format is for, where it is one that we know
_RUNTIMES = {
    "CoreML": "coreml",
    "IMX": "imx500",
    "MNN": "mnn",
    "NCNN": "ncnn",
    "ONNX": "onnxruntime",
    "OpenVINO": "openvino",
    "PaddlePaddle": "paddle",
    "PyTorch": "pytorch",
    "RKNN": "rknn",
    "TensorFlow Edge TPU": "edgetpu",
    "TensorFlow GraphDef": "tensorflow",
    "TensorFlow Lite": "tflite",
    "TensorFlow SavedModel": "tensorflow",
    "TensorFlow.js": "tensorflow.js",
    "TensorRT": "tensorrt",
    "TorchScript": "torchscript",
}
# sizes are divided by 2**20, whatever the heading says; the time is the mean over the data set
_METRICS = {
    "FPS": ("FPS", None),
    "Inference time (ms/im)": ("latency_mean", "ms"),
    "Size (MB)": ("size", "MiB"),
}
_STATES = (_PASSED, *_REASONS)
_LABELS = (*_RUNTIMES, *"0123456789")
_GENERIC_NAMES = frozenset({"data", "dataset"})


@dataclass(frozen=True, slots=True)
class _Block:
    """What the first line of a benchmark says about all of its rows."""

    model: str = ""
    dataset: str = ""
    size: str = ""


def dataset_name(path: str) -> str:
    """What a data set is called: the stem of its YAML file, or the folder of a plain data.yaml."""
    name = model_name(path)
    above = base_name(path.strip().rstrip("\\/")[: -len(base_name(path))])
    return above or name if name.lower() in _GENERIC_NAMES else name


def is_formats(source: Source) -> bool:
    """True for a table of formats, as CSV or below a line that begins a benchmark."""
    if not source.is_text or source.looks_like_json:
        return False
    if _MARKS.issubset(header(source)):
        return True
    lines = source.head.decode("utf-8", "replace").splitlines()
    return any(map(_begun, lines))


def read_formats(source: Source) -> Iterator[RunRecord | Notice]:
    """A run per export format, in the order of the file."""
    notices: list[Notice] = []
    if _MARKS.issubset(header(source)):
        for number, cells in entries(source, notices):
            yield _record(_Block(), cells, number)
    else:
        for block, number, cells in _logged(source, notices):
            yield _record(block, cells, number)
    yield from notices


def _logged(source: Source, notices: list[Notice]) -> Iterator[tuple[_Block, int, dict[str, str]]]:
    """(block, line number, cells by heading) of the rows of all tables in a log."""
    block = _Block()
    names: list[str] = []
    for number, line in enumerate(decoded(source.read_bytes(), source.uri).splitlines(), 1):
        begun = _begun(line)
        if begun:
            block = _Block(
                model_name(begun["model"]), dataset_name(begun["data"]), begun["size"].strip("[]")
            )
            names = []
            continue
        bare = line.translate(_LINES).strip()
        if bare.startswith("Format "):
            names = _HEADINGS.findall(bare)
        elif names and (cells := _cells(bare, names)) is not None:
            yield block, number, cells
        elif names and bare.startswith(_LABELS) and any(map(bare.count, _STATES)):
            notices.append(Notice(f"line {number}", "fewer cells than headings: left out"))


def _begun(line: str) -> re.Match[str] | None:
    """The parts of a line that begins a benchmark."""
    return _BEGIN.match(line.strip()) if len(line) < _LONGEST else None


def _cells(line: str, names: list[str]) -> dict[str, str] | None:
    """The cells of a row by heading; None for another line.

    Only the name of a format has blanks in it; pandas puts a number before it.
    """
    words = line.split()
    rest = len(words) - len(names) + 1
    label = " ".join(words[:rest] if rest > 0 else []).lstrip("0123456789 ")
    cells = dict(zip(names, [label, *words[max(rest, 0) :]], strict=False))
    state = next((cell for name, cell in cells.items() if name.startswith("Status")), "")
    return cells if label and any(map(state.count, _STATES)) else None


def _record(block: _Block, cells: Mapping[str, str], number: int) -> RunRecord:
    place = f"row {number}"
    label = cells.get("Format", "")
    status, reason = _status(cells)
    series: list[Series] = []
    notices: list[Notice] = []
    for name, text in cells.items():
        found = None if text.lower() == "nan" else number_in_text(text)
        if name == "Format" or name.startswith("Status") or not name:
            continue
        if found is not None:
            own, unit = _METRICS.get(name, (name, None))
            series.append(Series.scalar(own, found[0], unit=unit, place=place))
            if own == "size" and status is Status.FAILED and not found[0]:
                notices.append(Notice(place, "size 0: nothing was exported"))
        elif not is_missing(text) and text.lower() != "nan":
            notices.append(Notice(place, f"'{name}': {text!r:.40} is no number: left out"))
    return RunRecord(
        format=FORMAT,
        place=place,
        kind=Kind.BENCHMARK,
        identity=Identity.SNAPSHOT,
        raw={**dict(cells), "model": block.model, "data": block.dataset, "imgsz": block.size},
        model=ModelHint(name=block.model, library=FORMAT, input_shape=_shape(block.size)),
        environment=Environment(runtime=_RUNTIMES.get(label, label)),
        variant=label,
        dataset=block.dataset,
        batch_size=1,  # the benchmark validates one image at a time
        status=status,
        status_reason=reason,
        series=tuple(series),
        notices=tuple(notices),
        **defined(_definitions(series)),
    )


def _status(cells: Mapping[str, str]) -> tuple[Status, str]:
    text = next((cell for name, cell in cells.items() if name.startswith("Status")), "")
    reason = next((reason for mark, reason in _REASONS.items() if mark in text), "")
    return (Status.FAILED, reason) if reason else (Status.FINISHED, "")


def _definitions(series: list[Series]) -> Iterator[MetricDef]:
    for item in series:
        if item.name.startswith("metrics/"):
            yield MetricDef(
                name=item.name, unit="fraction", direction=Direction.HIGHER, family="quality"
            )


def _shape(size: str) -> str:
    sides = [side.strip() for side in size.split(",")]
    if not all(side.isdecimal() for side in sides):
        return ""
    return "x".join(["3", sides[0], sides[-1]])
