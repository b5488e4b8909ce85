"""The report files of benchmark_app: benchmark_report.csv and .json, and the layers' counters.

A counters report is read with the report of the same run where that lies beside it.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

from cetrack.domain import Artifact, Notice, Status
from cetrack.errors import MalformedSourceError, ReadError
from cetrack.readers.base import has_keys, matched
from cetrack.readers.csv_text import header
from cetrack.readers.json_text import decoded
from cetrack.readers.numbers import number_in_text
from cetrack.readers.openvino.results import Report, slug
from cetrack.readers.source import Source

_TITLES = {
    "command line parameters": "options",
    "configuration setup": "setup",
    "execution results": "results",
    "group latencies": "groups",
}
_BLOCKS = ("options", "setup", "results")
_JSON_BLOCKS = {"cmd_options": "options", "configuration_setup": "setup",
                "execution_results": "results"}  # fmt: skip
_GROUPED = frozenset({"avg_latency", "min_latency", "max_latency"})
_COUNTERS = ("layerName", "execStatus", "layerType", "execType", "realTime (ms)", "cpuTime (ms)")
_COUNTER_BLOCKS = ("avg_performance", "detailed_performance")
REPORTS = ("benchmark_report.csv", "benchmark_report.json")
COUNTERS = "benchmark_*_report.*"
_Layers = list[dict[str, Any]]


def is_report(source: Source) -> bool:
    """True for a report, as CSV or as JSON."""
    if source.looks_like_json:
        return has_keys(source, ("execution_results",)) and bool(
            source.json_keys & {"cmd_options", "configuration_setup"}
        )
    titles = _titles(source.head.decode("utf-8", "replace"))
    return bool(titles) and titles[0] in _TITLES and bool({"results", "setup"} & {
        _TITLES[title] for title in titles if title in _TITLES})  # fmt: skip


def _titles(text: str) -> list[str]:
    """The lines of one cell, in lower case, if the first line that is not blank is one."""
    lines = [line.strip().rstrip(";").strip().lower() for line in text.splitlines()]
    filled = [line for line in lines if line]
    return [line for line in filled if ";" not in line] if filled and ";" not in filled[0] else []


def is_counters(source: Source) -> bool:
    """True for the times of layers."""
    if source.looks_like_json:
        return any(
            has_keys(source, (block,)) and _nodes(source.json.value.get(block))
            for block in _COUNTER_BLOCKS
        )
    if b"execStatus" not in source.head:
        return False
    return tuple(name.strip() for name in header(source)[: len(_COUNTERS)]) == _COUNTERS


# --- reports ---------------------------------------------------------------------------------


def read_report(source: Source) -> Report:
    """The run of a report, with the counters beside it. Raises ReadError."""
    report = Report()
    if source.looks_like_json:
        _take_json(source, report)
    else:
        _take_csv(source, report)
    if (error := report.results.pop("error", None)) is not None:
        report.status, report.reason = Status.FAILED, str(error)
    if not (report.options or report.setup or report.results or report.reason):
        raise MalformedSourceError(source.uri, "", "no report of benchmark_app")
    for beside in source.companions(COUNTERS):
        if belongs(beside, report):
            try:
                take_counters(beside, report)
            except ReadError as error:
                report.notices.append(Notice(beside.name, f"{error.problem}: left out"))
    return report


def report_beside(source: Source) -> Source | None:
    """The report of the run that a counters report is of, if it lies beside it."""
    for name in REPORTS:
        beside = source.companion(name)
        if beside is not None and matched(is_report, beside):
            report = Report()
            try:
                (_take_json if beside.looks_like_json else _take_csv)(beside, report)
            except ReadError:
                continue
            if belongs(source, report):
                return beside
    return None


def belongs(counters: Source, report: Report) -> bool:
    """True for counters of the type that the run of the report was to write."""
    options = {key.lstrip("-"): value for key, value in report.options.items()}
    kind = str(options.get("report_type") or "")
    name = counters.name.rpartition(".")[0]
    is_named = name in (f"benchmark_{kind}_report", "benchmark_sorted_report")
    return bool(kind) and is_named and bool(matched(is_counters, counters))


def _take_json(source: Source, report: Report) -> None:
    document = source.json.value
    if not isinstance(document, dict):
        raise MalformedSourceError(source.uri, "", "not a JSON object")
    report.notices += source.json.notices
    for key, name in _JSON_BLOCKS.items():
        block = document.get(key)
        if isinstance(block, dict):
            getattr(report, name).update(block)
    groups = report.results.pop("group_latencies", None)
    if isinstance(groups, list):
        report.groups += [item for item in groups if isinstance(item, dict)]
    if "group" in report.results:  # whose numbers overwrote those of the whole
        group = {"group": report.results.pop("group")}
        keys = [key for key in report.results if slug(key) in _GROUPED]
        report.groups.append({**group, **{key: report.results.pop(key) for key in keys}})
        text = "avg, min and max latency are those of the last group: kept with the group"
        report.notices.append(Notice("/execution_results", text))


def _take_csv(source: Source, report: Report) -> None:
    block = ""
    group: dict[str, Any] | None = None
    text = decoded(source.read_bytes(), source.uri)
    for number, line in enumerate(text.split("\n"), 1):
        bare = line.strip().removesuffix(";")
        title = _TITLES.get(bare.strip().lower())
        if title is not None:
            block, group = title, None
        elif block in _BLOCKS and ";" in bare:
            key, _, value = bare.partition(";")
            if block == "results" and slug(key) == "group":
                group = {"group": value}
                report.groups.append(group)
            elif group is not None and slug(key) in _GROUPED:
                group[key] = value
            else:
                _put(getattr(report, block), key, value, number, report.notices)
        elif block == "groups" and ";" in bare:
            report.groups.append(_group(bare))
    report.groups = [item for item in report.groups if item]


def _put(values: dict[str, Any], key: str, value: str, number: int, notices: list[Notice]) -> None:
    if key in values and values[key] != value:
        text = f"'{key}' stands twice in one block: the last one counts"
        notices.append(Notice(f"line {number}", text))
    values[key] = value


def _group(line: str) -> dict[str, Any]:
    """A row of the group latencies; an empty one for their heading."""
    shape, *cells = line.rsplit(";", 4)
    numbers = [number_in_text(cell) for cell in cells]
    if len(cells) != 4 or None in numbers:
        return {}
    names = ("latency_median", "latency_average", "latency_min", "latency_max")
    found = (number[0] for number in numbers if number is not None)
    return {"data_shape": shape, **dict(zip(names, found, strict=True))}


# --- counters --------------------------------------------------------------------------------


def read_counters(source: Source) -> Report:
    """The run of which nothing is known but its layers. Raises ReadError."""
    report = Report()
    take_counters(source, report)
    if not report.artifacts:
        raise MalformedSourceError(source.uri, "", "no layers in it")
    return report


def take_counters(source: Source, report: Report) -> None:
    """Add the layers to a run, and their total: the mean of its infer requests.

    Raises ReadError.
    """
    tables = list(_tables(source))
    requests = [layers for layers in tables if layers]
    if not requests:
        return
    report.artifacts.append(Artifact(name=source.name.rpartition(".")[0], content=requests))
    for metric, key in (("layer_time_ms", "real_time"), ("cpu_time_ms", "cpu_time")):
        sums = [sum(layer[key] for layer in layers) for layers in requests]
        report.totals[metric] = sum(sums) / len(sums)
    report.params["layers"] = len(requests[0])
    report.params["layer_types"] = _executed(requests[0])


def _executed(layers: _Layers) -> str:
    """How many of the layers ran in which number format, as their kernels are called."""
    kinds = Counter(
        str(layer.get("exec_type")).rpartition("_")[2]
        for layer in layers
        if str(layer.get("status")).rpartition(".")[2] == "EXECUTED"
    )
    return ", ".join(f"{kind}: {count}" for kind, count in sorted(kinds.items()))


def _tables(source: Source) -> Iterator[_Layers]:
    if not source.looks_like_json:
        yield from _csv_tables(source)
        return
    document = source.json.value
    for block in _COUNTER_BLOCKS:
        for nodes in _nodes(document.get(block) if isinstance(document, dict) else None):
            yield [_layer(node, f"/{block}", source.uri) for node in nodes]


def _nodes(block: Any) -> list[Sequence[Mapping[str, Any]]]:
    """The layers of each infer request of a block of JSON."""
    parts = block if isinstance(block, list) else [block]
    found = [part.get("nodes") for part in parts if isinstance(part, dict)]
    return [
        nodes for nodes in found
        if isinstance(nodes, list) and all(isinstance(node, dict) for node in nodes)
    ]  # fmt: skip


def _csv_tables(source: Source) -> Iterator[_Layers]:
    text = decoded(source.read_bytes(), source.uri)
    delimiter = ";" if ";" in text.partition("\n")[0] else ","
    # the tool itself quotes nothing where it separates by semicolons
    quoting: Literal[0, 3] = csv.QUOTE_NONE if delimiter == ";" else csv.QUOTE_MINIMAL
    layers: _Layers | None = None
    try:
        rows = csv.reader(text.split("\n"), delimiter=delimiter, quoting=quoting)
        for number, cells in enumerate(rows, 1):
            first = cells[0].strip() if cells else ""
            if first == _COUNTERS[0]:
                if layers is not None:
                    yield layers
                layers = []
            elif first == "Total" or len(cells) < len(_COUNTERS):
                continue
            elif layers is not None:
                layers.append(_layer(_named(cells), f"line {number}", source.uri))
    except csv.Error as error:
        raise MalformedSourceError(source.uri, "", f"no CSV: {error}") from error
    if layers is not None:
        yield layers


def _named(cells: Sequence[str]) -> dict[str, str]:
    """A row by the names of the JSON report."""
    names = ("name", "status", "node_type", "exec_type", "real_time", "cpu_time")
    return dict(zip(names, (cell.strip() for cell in cells), strict=False))


def _layer(node: Mapping[str, Any], place: str, uri: str) -> dict[str, Any]:
    layer = dict(node)
    for key in ("real_time", "cpu_time"):
        found = number_in_text(str(node.get(key)))
        if found is None:
            problem = f"{node.get(key)!r:.40} is no time of layer {node.get('name')!r:.60}"
            raise MalformedSourceError(uri, place, problem)
        layer[key] = found[0]
    return layer
