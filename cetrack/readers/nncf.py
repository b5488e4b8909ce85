"""NNCF: the table of its conformance suites for post-training quantization and weight compression.

One row per model and backend; the backend FP32 is the model as it was. Times are ``H:MM:SS``, and
memory is that of the compression, not of inference, which OpenVINO does.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

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
from cetrack.readers.base import Match, Objection, Reader, lacking, matched
from cetrack.readers.csv_text import csv_rows, header
from cetrack.readers.rows import Rows
from cetrack.readers.source import Source

FORMAT = "nncf"
_MARKS = ("Backend", "Metric diff", "Metric name", "Metric value", "Model", "Status")
_COUNTS = {"Num FQ": "num_fq", "Num int4": "num_int4", "Num int8": "num_int8"}
# prefix of a reported name → library; other prefixes stay part of it
_LIBRARIES = {"hf": "huggingface", "timm": "timm", "torchvision": "torchvision"}
_TIMES = {
    "AWQ time": "awq_time",
    "Apply Compression time": "apply_compression_time",
    "Bias correction time": "bias_correction_time",
    "Compr. time": "compression_time",
    "Mixed-Precision search time": "mixed_precision_search_time",
    "Quant. time": "compression_time",
    "Stat. collection time": "statistics_collection_time",
    "Total time": "total_time",
    "Validation time": "validation_time",
}
_MEMORY = {
    "RAM MiB": "compression_memory",
    "RAM MiB System": "compression_memory_system",
}
_DURATION = re.compile(r"^(?:(\d{1,3}) days?, )?(\d{1,3}):(\d\d):(\d\d)$", re.ASCII)
_FP32 = "FP32"
_ENDED = re.compile("xfail", re.IGNORECASE)


class NncfReader(Reader):
    """See :class:`cetrack.readers.base.Reader`."""

    name = FORMAT
    version = 1
    suffixes = (".csv",)
    description = "results.csv of NNCF's conformance suites (post-training, weight compression)"
    recognises = (
        "a CSV with the columns Model, Backend, Metric name, Metric value and Num int8 or FQ"
    )
    maps_to = (
        "one run per row: a benchmark for the backend FP32, else a compression; the backend is the "
        "variant. One without a metric's value has failed, its status says why"
    )
    example = """\
Model,Backend,Metric name,Metric value,Metric diff,Num FQ,Num int8,Compr. time,Total time,FPS,\
RAM MiB,Status,Build url
timm/resnet50,FP32,acc@1,0.7613,,,,,0:02:10,82.6,,,
timm/resnet50,OV,acc@1,0.7591,-0.0022,81,54,0:01:05,0:03:40,238.1,2210,,
"""

    def sniff(self, source: Source) -> Match:
        """YES for the columns of the suite."""
        return matched(_is_table, source)

    def objection(self, source: Source) -> Objection | None:
        """Which columns a table lacks."""
        if source.looks_like_json or not source.is_text:
            return None
        return lacking((*_MARKS, "Num int8"), header(source), "column")

    def read(self, source: Source) -> Iterator[RunRecord | Notice]:
        """One run per row that names a model."""
        table = csv_rows(source)
        yield from table.notices
        for line, row in _rows(table):
            place = f"row {line}"
            if isinstance(row.get("Model"), str):
                yield _record(row, place)
            else:
                yield Notice(place, "no model: left out")


def _is_table(source: Source) -> bool:
    if source.looks_like_json or not source.is_text:
        return False
    names = set(header(source))
    return names.issuperset(_MARKS) and bool(names & {"Num FQ", "Num int8"})


def _rows(table: Rows) -> Iterator[tuple[int, dict[str, Any]]]:
    """(line, cells by heading) of every row; an empty cell is missing."""
    rows: list[dict[str, Any]] = [{} for _ in range(table.count)]
    for name, column in table.columns.items():
        for row, cell in zip(column.rows.tolist(), column.cells.tolist(), strict=True):
            rows[row][name] = cell
    yield from zip(table.lines.tolist(), rows, strict=True)


def _record(row: Mapping[str, Any], place: str) -> RunRecord:
    library, _, name = row["Model"].partition("/")
    known = _LIBRARIES.get(library) if name else None
    backend = str(row.get("Backend") or "")
    series, notices = _measured(row, place)
    failed = not isinstance(row.get("Metric value"), float)
    status = " ".join(str(row.get("Status") or "").split())
    url = row.get("Build url")
    is_original = backend == _FP32
    return RunRecord(
        format=FORMAT,
        place=place,
        kind=Kind.BENCHMARK if is_original else Kind.COMPRESSION,
        identity=Identity.SNAPSHOT,
        raw=dict(row),
        model=ModelHint(name=name if known else row["Model"], library=known or ""),
        precision="fp32" if is_original else _precision(row),
        method="" if is_original else "ptq",
        environment=Environment(runtime="openvino"),
        variant=backend,
        status=Status.FAILED
        if failed and status and not _ENDED.search(status)
        else Status.FINISHED,
        status_reason=status,
        series=tuple(series),
        tags={"build_url": url} if isinstance(url, str) else {},
        metric_defs={item.name: item for item in map(_definition, series) if item is not None},
        notices=tuple(notices),
    )


def _precision(row: Mapping[str, Any]) -> str:
    """What was quantised to: the suite counts layers by their bits."""
    int4, int8, fake = (_count(row, name) for name in ("Num int4", "Num int8", "Num FQ"))
    if "Num int4" in row:  # weight compression; some layers always stay at eight bits
        return "int4_weight_only" if int4 > 0 else "int8_weight_only" if int8 > 0 else ""
    quantised = int8 if "Num int8" in row else fake
    return "int8" if quantised > 0 else ""


def _count(row: Mapping[str, Any], heading: str) -> float:
    cell = row.get(heading)
    return cell if isinstance(cell, float) else 0.0


def _measured(row: Mapping[str, Any], place: str) -> tuple[list[Series], list[Notice]]:
    series, notices = [], []
    metric = str(row.get("Metric name") or "metric")
    names = {"Metric value": metric, "Metric diff": f"{metric}_diff", **_COUNTS}
    for heading, name in names.items():
        if isinstance(row.get(heading), float):
            series.append(Series.scalar(name, row[heading]))
    if isinstance(row.get("FPS"), float):
        series.append(Series.scalar("fps", row["FPS"]))
    for heading, name in _TIMES.items():
        seconds = _seconds(row.get(heading))
        if seconds is not None:
            series.append(Series.scalar(name, seconds, unit="s"))
    for heading, name in _MEMORY.items():
        if isinstance(row.get(heading), float):
            series.append(Series.scalar(name, row[heading], unit="MiB"))
            if row[heading] == -1:
                notices.append(Notice(place, f"'{heading}' is -1, which means not measured"))
    return series, notices


def _seconds(cell: Any) -> float | None:
    found = _DURATION.match(cell) if isinstance(cell, str) else None
    if found is None:
        return None
    days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
    return float(((days * 24 + hours) * 60 + minutes) * 60 + seconds)


def _definition(series: Series) -> MetricDef | None:
    if series.name not in {*_TIMES.values(), *_MEMORY.values()}:
        return None
    return MetricDef(name=series.name, direction=Direction.LOWER, family="compression")
