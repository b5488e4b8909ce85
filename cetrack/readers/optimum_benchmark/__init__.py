"""optimum-benchmark: reports with their configuration, and the tables that it wrote in 2023."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from cetrack.domain import Identity, Kind, Notice, RunRecord
from cetrack.errors import MalformedSourceError, ReadError
from cetrack.readers.base import Match, Objection, Reader, lacking, matched
from cetrack.readers.csv_text import csv_rows, header
from cetrack.readers.optimum_benchmark.report import (
    BLOCKS,
    Measured,
    heading,
    is_measured,
    is_target,
    read_report,
    read_row,
)
from cetrack.readers.optimum_benchmark.settings import (
    dotted,
    fields_of,
    is_config,
    model_of,
    on_gpu,
)
from cetrack.readers.rows import Rows
from cetrack.readers.source import Source

FORMAT = "optimum_benchmark"
# the first that is there counts
_CONFIGS = (
    "benchmark_config.json",
    "experiment_config.json",
    "hydra_config.yaml",
    ".hydra/config.yaml",
    ".config/config.yaml",
)
_YAML_MARK = b"optimum_benchmark."


class OptimumBenchmarkReader(Reader):
    """See :class:`cetrack.readers.base.Reader`."""

    name = FORMAT
    version = 1
    suffixes = (".json", ".csv")
    companions = _CONFIGS
    description = "reports of Hugging Face's optimum-benchmark"
    recognises = (
        "a JSON object target → latency, throughput, memory, energy, efficiency with units, alone "
        "(benchmark_report.json, with its configuration beside it) or as `report` beside a "
        "`config`; CSV with columns such as `forward.latency(s)`"
    )
    maps_to = (
        "one benchmark run per report or row; metrics `<target>.latency_mean`, "
        "`<target>.throughput` …; without the target (latency_mean_ms, throughput_ips, "
        "memory_usage_mb) where the model is run by `forward` or `call` only; single times are "
        "samples; energy is that of all iterations; precision from the quantisation, else the dtype"
    )
    example = """\
{"config": {"name": "tiny", "backend": {"name": "pytorch", "model": "org/tiny", "device": "cpu",
                                        "torch_dtype": "float16"},
            "scenario": {"input_shapes": {"batch_size": 4}}, "launcher": {"name": "process"}},
 "report": {"forward": {"latency": {"unit": "s", "values": [0.2, 0.4], "count": 2, "mean": 0.3},
                        "throughput": {"unit": "samples/s", "value": 13.3}}}}

forward.latency(s),forward.throughput(samples/s),forward.peak_memory(MB)
0.081,12.3,7614
"""

    def sniff(self, source: Source) -> Match:
        """YES for measurements, COMPANION for a configuration without any."""
        if matched(_is_table, source) or matched(_has_report, source):
            return Match.YES
        return matched(_is_companion, source, Match.COMPANION)

    def objection(self, source: Source) -> Objection | None:
        """The half that is missing."""
        have = source.json_keys
        return lacking(("config", "report"), have, "key") if "report" in have else None

    def read(self, source: Source) -> Iterator[RunRecord | Notice]:
        """One run, or one per row."""
        if not source.looks_like_json:
            yield from _read_table(source)
            return
        document = source.json.value
        report, place = _report(document)
        if report is None and is_config(document):
            yield Notice("", "read with the report that it belongs to: no run made")
            return
        if report is None:
            raise MalformedSourceError(source.uri, "", "no measurements of a target with units")
        yield from source.json.notices
        notices: list[Notice] = []
        config = document.get("config") if place else None
        settings = _settings(source, notices, config if isinstance(config, Mapping) else None)
        measured = read_report(report, place, on_gpu=bool(on_gpu(settings)))
        yield _record(settings, measured, report, place, notices)


def _report(document: Any) -> tuple[Mapping[str, Any] | None, str]:
    """(targets, place) of a report, which may stand beside a configuration."""
    if not isinstance(document, Mapping):
        return None, ""
    inner = document.get("report")
    if _is_report(inner) and isinstance(document.get("config"), Mapping):
        return inner, "/report"
    return (document, "") if _is_report(document) else (None, "")


def _is_report(value: Any) -> bool:
    return (
        isinstance(value, Mapping)
        and all(blocks is None or is_target(blocks) for blocks in value.values())
        and any(map(is_measured, value.values()))
    )


def _has_report(source: Source) -> bool:
    if not source.json_keys or source.first_object is not None:
        return False
    return _report(source.json.value)[0] is not None


def _is_table(source: Source) -> bool:
    if source.looks_like_json or not source.is_text:
        return False
    found = [heading(name) for name in header(source)]
    return any(item is not None and item.name in (*BLOCKS, "runtime") for item in found)


def _is_companion(source: Source) -> bool:
    if source.looks_like_json:
        return bool(source.json_keys) and is_config(source.json.value)
    return _YAML_MARK in source.head and source.is_text and is_config(source.yaml)


def _settings(
    source: Source, notices: list[Notice], config: Mapping[str, Any] | None
) -> dict[str, Any]:
    """The settings of a run: its own, else those of the nearest file beside it that has some."""
    if config is not None:
        return dict(dotted(config))
    found: dict[str, Any] = {}
    chosen = ""
    for name in _CONFIGS:
        other = source.companion(name)
        if other is None:
            continue
        try:
            content = other.yaml if name.endswith(".yaml") else other.json.value
        except ReadError as error:
            notices.append(Notice("", f"{name} is left out: {error.problem}"))
            continue
        settings = dict(dotted(content)) if is_config(content) else {}
        if not found and settings:
            found, chosen = settings, name
        elif model_of(settings) != model_of(found) and model_of(settings):
            text = f"{name} names another model than {chosen}, which counts: {model_of(settings)}"
            notices.append(Notice("", text))
    return found


def _record(
    settings: Mapping[str, Any], measured: Measured, raw: Any, place: str, notices: list[Notice]
) -> RunRecord:
    return RunRecord(
        format=FORMAT,
        place=place,
        kind=Kind.BENCHMARK,
        identity=Identity.SNAPSHOT,
        raw=raw,
        series=tuple(measured.series),
        samples=tuple(measured.samples),
        metric_defs=measured.definitions,
        notices=(*notices, *measured.notices),
        **fields_of(settings),
    )


# --- tables ----------------------------------------------------------------------------------


def _read_table(source: Source) -> Iterator[RunRecord | Notice]:
    rows = csv_rows(source)
    yield from rows.notices
    beside: list[Notice] = []
    around = _settings(source, beside, None)
    yield from beside
    empty = 0
    for line, row in _rows(rows):
        settings = {name: value for name, value in row.items() if heading(name) is None}
        settings = {**around, **settings}
        place = f"row {line}"
        measured = read_row(row, place, on_gpu=on_gpu(settings))
        if not measured.series:
            empty += 1
            continue
        yield _record(settings, measured, row, place, [])
    if empty:
        yield Notice("", f"{empty} rows without measurements: no runs made")


def _rows(rows: Rows) -> Iterator[tuple[int, dict[str, Any]]]:
    """(line, cells that are not empty) of every row."""
    found: list[dict[str, Any]] = [{} for _ in range(rows.count)]
    for name, column in rows.columns.items():
        if name == "Unnamed: 0":
            continue
        for index, cell in zip(column.rows.tolist(), column.cells.tolist(), strict=True):
            found[index][name] = cell
    yield from zip(rows.lines.tolist(), found, strict=True)
