"""The JSON files of trtexec: --exportTimes, --exportProfile, and those of its engine explorer.

None of them names its model. What a log, or the explorer's metadata, states is taken where it is
sure that they belong together: by their names, or because the command line in the log names the
file.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from cetrack.domain import (
    Artifact,
    FloatArray,
    Identity,
    Kind,
    Notice,
    RunRecord,
    Sample,
    Series,
)
from cetrack.errors import MalformedSourceError, ReadError
from cetrack.identity import digest
from cetrack.readers.json_text import JsonText, decoded, parse_json
from cetrack.readers.numbers import float_of, is_number
from cetrack.readers.source import Source
from cetrack.readers.trtexec.metrics import (
    DURATIONS,
    UNIT,
    metric_defs,
    statistic_series,
    statistics,
    transfer_notices,
)
from cetrack.readers.trtexec.records import FORMAT

_TIMES = re.compile(
    rb'\s*\[\s*\{[^{}\[\]]{0,2000}?"computeMs"\s*:[^{}\[\]]{0,2000}?"latencyMs"\s*:'
)
_PROFILE = re.compile(rb'\s*\[\s*\{\s*"count"\s*:\s*\d+\s*\}\s*(?:\]|,\s*\{\s*"name"\s*:)')
# scripts append one array to the other; brackets in a name have no objects around them
_NEXT_ARRAY = re.compile(rb"\}\s*\](?=\s*\[\s*\{)")
_WARM_UP_MS = 200
_NUMBER = r"(-?(?:\d+(?:\.\d*)?(?:[eE][-+]?\d+)?|inf|nan))"
_LAYER = re.compile(
    rf'\{{\s*"name"\s*:\s*"(?P<name>.*)"\s*,\s*"timeMs"\s*:\s*(?P<rest>{_NUMBER}\s*'
    rf'(?:,\s*"\w+"\s*:\s*{_NUMBER}\s*)*)\}}\s*$'
)
_PAIR = re.compile(rf'"(\w+)"\s*:\s*{_NUMBER}')
_COUNT = re.compile(r'\{\s*"count"\s*:\s*(\d+)\s*\}')
_REFORMAT = "Reformatting CopyNode"


def is_times(source: Source) -> bool:
    """True for the times of queries."""
    return _TIMES.match(source.head) is not None


def is_profile(source: Source) -> bool:
    """True for the times of layers."""
    return _PROFILE.match(source.head) is not None


# --- times -----------------------------------------------------------------------------------


def read_times(source: Source) -> Iterator[RunRecord | Notice]:
    """One run per array of queries. Raises ReadError."""
    documents = _documents(source)
    for number, document in enumerate(documents, 1):
        place = f"array {number}" if len(documents) > 1 else ""
        yield from document.notices
        items = document.value if isinstance(document.value, list) else []
        rows = [row for row in items if isinstance(row, dict)]
        columns = {key: _column(rows, key) for key in DURATIONS if rows and key in rows[0]}
        notices = list(_row_notices(items, rows, columns, place))
        known = {key: values for key, values in columns.items() if len(values)}
        if not known:
            yield from notices
            yield Notice(place, "no times in it: no run made")
            continue
        yield _times_record(known, (*notices, *_warm_up(rows, place)), place)


def _documents(source: Source) -> list[JsonText]:
    try:
        return [source.json]
    except ReadError:
        parts = _arrays(source)
        if len(parts) == 1:
            raise
        return [parse_json(part, source.uri) for part in parts]


def _arrays(source: Source) -> list[bytes]:
    parts = _NEXT_ARRAY.split(source.read_bytes())
    return [*(part + b"}]" for part in parts[:-1]), parts[-1]]


def _column(rows: Sequence[Mapping[str, Any]], key: str) -> FloatArray:
    values = [float_of(row[key]) for row in rows if is_number(row.get(key))]
    return np.array(values, np.float64)


def _row_notices(
    items: Sequence[Any], rows: Sequence[Any], columns: Mapping[str, FloatArray], place: str
) -> Iterator[Notice]:
    if len(rows) < len(items):
        yield Notice(place, f"{len(items) - len(rows)} items are no objects: left out")
    for key, values in columns.items():
        if len(values) < len(rows):
            text = f"'{key}' is no number in {len(rows) - len(values)} of {len(rows)} queries"
            yield Notice(place, text)
        if not np.isfinite(values).all():
            count = int((~np.isfinite(values)).sum())
            yield Notice(place, f"'{key}' is not finite in {count} queries: not in its statistics")


def _warm_up(rows: Sequence[Mapping[str, Any]], place: str) -> Iterator[Notice]:
    """Up to TensorRT 8.5 the file holds the warm-up too, and nothing says where it ends."""
    starts = _column(rows, "startComputeMs")
    early = int((starts < _WARM_UP_MS).sum())
    if early:
        text = f"{early} of {len(rows)} queries began in the first {_WARM_UP_MS} ms"
        yield Notice(place, f"{text}, which is the warm-up by default: they count too")


def _times_record(
    columns: Mapping[str, FloatArray], notices: Sequence[Notice], place: str
) -> RunRecord:
    samples: list[Sample] = []
    series: list[Series] = []
    longest: dict[str, float] = {}
    for key, values in columns.items():
        stem = DURATIONS[key]
        samples.append(Sample(name=f"{stem}_{UNIT}", values=values, unit=UNIT))
        finite = values[np.isfinite(values)]
        if len(finite) == 0:
            continue
        found = statistics(finite)
        series += statistic_series(stem, found, len(finite), place)
        longest[stem] = found["max"]
    content = {key: values.tolist() for key, values in columns.items()}
    return RunRecord(
        format=FORMAT,
        place=place,
        kind=Kind.BENCHMARK,
        identity=Identity.SNAPSHOT,
        raw={"times": digest(content)},  # as many numbers need not travel
        series=tuple(series),
        samples=tuple(samples),
        params={"queries": max(map(len, columns.values()))},
        metric_defs=metric_defs([*(one.name for one in series), *(one.name for one in samples)]),
        notices=(*notices, *transfer_notices(longest, place)),
    )


# --- profile ---------------------------------------------------------------------------------


def read_profile(source: Source) -> Iterator[RunRecord | Notice]:
    """One run per array of layers. Raises ReadError."""
    parts = _arrays(source)
    for number, part in enumerate(parts, 1):
        place = f"array {number}" if len(parts) > 1 else ""
        try:
            found = parse_json(part, source.uri)
        except MalformedSourceError as error:
            count, layers = _layers_by_line(part, source.uri, error)
            yield Notice(place, "no valid JSON, as the tool escapes no names: read by line")
        else:
            yield from found.notices
            count, layers = _layers(found.value)
        if layers:
            yield _profile_record(count, layers, place)
        else:
            yield Notice(place, "no layers in it: no run made")


def _layers(value: Any) -> tuple[Any, list[Mapping[str, Any]]]:
    items = value if isinstance(value, list) else []
    objects = [item for item in items if isinstance(item, dict)]
    counts = [item["count"] for item in objects if "count" in item and "name" not in item]
    return (counts or [None])[0], [item for item in objects if "name" in item]


def _layers_by_line(
    content: bytes, uri: str, problem: MalformedSourceError
) -> tuple[Any, list[Mapping[str, Any]]]:
    """The same of a text that is no JSON. Raises the problem where it is no whole profile."""
    lines = decoded(content, uri).strip().splitlines()
    if not lines or lines[-1].strip() != "]":
        raise problem
    count: int | None = None
    layers: list[Mapping[str, Any]] = []
    for line in lines[1:-1]:
        if found := _LAYER.search(line):
            numbers = _PAIR.findall(f'"timeMs" : {found["rest"]}')
            layers.append({"name": found["name"], **{key: float(text) for key, text in numbers}})
        elif counted := _COUNT.search(line):
            count = int(counted[1])
        else:
            raise problem
    return count, layers


def _profile_record(count: Any, layers: Sequence[Mapping[str, Any]], place: str) -> RunRecord:
    averages = [layer.get("averageMs") for layer in layers]
    notices = []
    series = []
    if all(map(is_number, averages)):
        numbers = np.array(list(map(float_of, averages)), np.float64)  # type: ignore[arg-type]
        formats = [_REFORMAT in str(layer["name"]) for layer in layers]
        for name, total in (
            ("layer_time_ms", numbers.sum()),
            ("reformat_time_ms", numbers[formats].sum()),
        ):
            series.append(Series.scalar(name, float(total), unit=UNIT, place=place))
    else:
        notices.append(Notice(place, "layers without an averageMs: no total made"))
    names = Counter(str(layer["name"]) for layer in layers)
    params = {"profiled_iterations": count if is_number(count) else None, "layers": len(names)}
    content = [dict(layer) for layer in layers]
    return RunRecord(
        format=FORMAT,
        place=place,
        kind=Kind.BENCHMARK,
        identity=Identity.SNAPSHOT,
        raw={"count": count if is_number(count) else None, "layers": digest(content)},
        series=tuple(series),
        params={name: value for name, value in params.items() if value is not None},
        artifacts=(Artifact(name="layers", content=content),),
        metric_defs=metric_defs(item.name for item in series),
        notices=tuple(notices),
    )
