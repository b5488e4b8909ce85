"""MLPerf inference: the summary of a run of the load generator, and what lies around it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import PurePath
from typing import Any, TypeVar

from cetrack.domain import (
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
    Status,
)
from cetrack.errors import MalformedSourceError, ReadError
from cetrack.readers.base import Match, Reader, has_keys, matched
from cetrack.readers.blocks import BLOCK_BYTES, line_blocks
from cetrack.readers.evaluations import settings_of
from cetrack.readers.json_text import decoded
from cetrack.readers.mlperf.logs import (
    ACCURACY_HASH,
    ACCURACY_LINE,
    MARKERS,
    RESULTS,
    DetailLog,
    Log,
    parse_accuracy,
    parse_summary,
)
from cetrack.readers.source import Source
from cetrack.readers.times import parse_time

Found = TypeVar("Found")
FORMAT = "mlperf"
_SUMMARY, _DETAIL = "mlperf_log_summary.txt", "mlperf_log_detail.txt"
# from performance/run_1 and from performance
_MEASUREMENTS = ("measurements.json", "../measurements.json", "../../measurements.json")
_ACCURACY = ("accuracy.txt", "../accuracy/accuracy.txt", "../../accuracy/accuracy.txt")
_PERFORMANCE = (f"../performance/run_1/{_SUMMARY}", f"../performance/{_SUMMARY}")
_MEASUREMENT_KEYS = frozenset({"input_data_types", "retraining", "starting_weights_filename"})
_SCENARIOS = frozenset({"offline", "server", "singlestream", "multistream", "interactive"})
_BELOW_SCENARIO = re.compile(r"performance|accuracy|power|ranging|run_\d+|(test\d+)", re.IGNORECASE)
# the summary of a run that measured no performance
_NO_RESULTS = re.compile(
    rb"\s*((no|\d+) (warnings?|errors?) encountered[^\n]*\s*){1,2}", re.IGNORECASE
)
_PREDICTIONS = re.compile(rb'\s*\[\s*\{\s*"seq_id"\s*:\s*\d+\s*,\s*"qsl_idx"\s*:')
_IS_RATE = re.compile(r"throughput|_per_s$|^(qps|tps)_|^(samples|tokens)_per")


class MlperfReader(Reader):
    """See :class:`cetrack.readers.base.Reader`."""

    name = FORMAT
    version = 1
    suffixes = ()
    patterns = ("mlperf_log_*.txt*", "accuracy.txt*", "measurements.json*")
    companions = (_DETAIL, *_MEASUREMENTS, *_ACCURACY, *_PERFORMANCE, _SUMMARY)
    description = "MLPerf inference: logs of the load generator"
    recognises = (
        "mlperf_log_summary.txt by its titles, mlperf_log_detail.txt by its `:::MLLOG` lines of "
        "loadgen; read with a summary are the detail, measurements.json and accuracy.txt around it"
    )
    maps_to = (
        "one benchmark run: latency, ttft and tpot (time to first and per output token) in ms, "
        "throughput, tokens_per_s, early stopping estimates; split: the scenario; variant: the SUT "
        "or the compliance test; precision: weight_data_types; in the folders of a submission "
        "(<system>/<model>/<scenario>/performance/run_1) the model and the accelerator; an INVALID "
        "result is a failed run with its reason"
    )
    example = """\
================================================
MLPerf Results Summary
================================================
SUT name : PySUT
Scenario : Offline
Mode     : PerformanceOnly
Samples per second: 22.5
Result is : VALID
  Min duration satisfied : Yes
"""

    def sniff(self, source: Source) -> Match:
        """YES for a summary, and for a detailed log that has none beside it."""
        if matched(_is_summary, source):
            return Match.YES
        if matched(_is_detail, source):
            return Match.COMPANION if _has_summary(source) else Match.YES
        return matched(_is_companion, source, Match.COMPANION)

    def read(self, source: Source) -> Iterator[RunRecord | Notice]:
        """One run."""
        if _is_summary(source):
            log = parse_summary(decoded(source.read_bytes(), source.uri))
        elif _is_detail(source):
            log = _detail(source)
        elif _is_companion(source):
            yield Notice("", "read with the summary that it belongs to: no run made")
            return
        else:
            raise MalformedSourceError(source.uri, "", "neither a summary nor a detailed log")
        around = _around(source)
        if not log.numbers and not around.accuracy.numbers:
            yield from (*log.notices, *around.notices)
            yield Notice("", "no results in it: no run made")
            return
        yield _record(source, log, around)


def _is_summary(source: Source) -> bool:
    return RESULTS.encode() in source.head and b"SUT name" in source.head


def _is_detail(source: Source) -> bool:
    """True for the log of loadgen; that of a training has the same marker."""
    head = source.head.lstrip()
    marked = head.startswith(tuple(mark.encode() for mark in MARKERS))
    return marked and (b'"mlperf::logging"' in head or b'"loadgen_version"' in head)


def _has_summary(source: Source) -> bool:
    """True where the run is that of a summary: beside a detail, or of its scenario."""
    beside = [source.companion(name) for name in (_SUMMARY, *_PERFORMANCE)]
    return any(other is not None and matched(_is_summary, other) for other in beside)


def _is_companion(source: Source) -> bool:
    head = source.head
    if source.looks_like_json:
        if _PREDICTIONS.match(head):
            return True
        measured = has_keys(source, ("weight_data_types",)) and source.first_object is None
        return measured and bool(_MEASUREMENT_KEYS & source.json_keys)
    return bool(
        ACCURACY_HASH.search(head) or ACCURACY_LINE.search(head) or _NO_RESULTS.fullmatch(head)
    )


def _detail(source: Source) -> Log:
    lines = DetailLog()
    before = 0
    for block in line_blocks(source, BLOCK_BYTES):
        found = block.content.split(b"\n")
        for number, line in enumerate(found, before + 1):
            lines.take(number, line.strip())
        before += block.content.count(b"\n")
    return lines.finished()


# --- what lies around ------------------------------------------------------------------------


@dataclass(frozen=True)
class _Around:
    """What the files around a log say, and what the folders do."""

    detail: Log
    measurements: Mapping[str, Any]
    accuracy: Log
    notices: tuple[Notice, ...]


def _around(source: Source) -> _Around:
    notices: list[Notice] = []

    def tried(read: Callable[[Source], Found], otherwise: Found) -> Found:
        try:
            return read(source)
        except ReadError as error:
            notices.append(Notice("", f"left out: {error}"))
            return otherwise

    nothing: Mapping[str, Any] = {}
    detail = tried(_detail_beside, Log())
    measurements = tried(_measurements, nothing)
    accuracy = tried(_accuracy, Log())
    notices += [Notice(f"{_DETAIL} {item.place}".strip(), item.text) for item in detail.notices]
    return _Around(detail, measurements, accuracy, (*notices, *accuracy.notices))


def _detail_beside(source: Source) -> Log:
    beside = source.companion(_DETAIL) if _is_summary(source) else None
    return _detail(beside) if beside is not None and _is_detail(beside) else Log()


def _measurements(source: Source) -> Mapping[str, Any]:
    found = _nearest(source, _MEASUREMENTS)
    stated = found.json.value if found is not None else None
    return stated if isinstance(stated, Mapping) and "weight_data_types" in stated else {}


def _accuracy(source: Source) -> Log:
    found = _nearest(source, _ACCURACY)
    return Log() if found is None else parse_accuracy(decoded(found.read_bytes(), found.uri))


def _nearest(source: Source, names: tuple[str, ...]) -> Source | None:
    return next((found for name in names if (found := source.companion(name)) is not None), None)


@dataclass(frozen=True)
class _Folders:
    """What the folders of a submission name: <system>/<model>/<scenario>/performance/run_1."""

    system: str = ""
    model: str = ""
    scenario: str = ""
    test: str = ""


def _folders(key: str) -> _Folders:
    parts = PurePath(key).parts[:-1]
    test = ""
    for index in range(len(parts) - 1, 0, -1):
        if parts[index].lower() in _SCENARIOS and index < len(parts) - 1:
            system = parts[index - 2] if index >= 2 else ""
            return _Folders(system.strip("/\\"), parts[index - 1], parts[index], test)
        below = _BELOW_SCENARIO.fullmatch(parts[index])
        if below is None:
            break
        test = below[1] or test
    return _Folders()


# --- the run ---------------------------------------------------------------------------------


def _record(source: Source, log: Log, around: _Around) -> RunRecord:
    folders = _folders(source.key)
    status, reason = _status(log)
    weights = around.measurements.get("weight_data_types")
    facts = {**around.detail.facts, **log.facts}
    numbers = {**log.numbers, **around.accuracy.numbers}
    notices = (*log.notices, *around.notices)
    return RunRecord(
        format=FORMAT,
        place="",
        kind=Kind.BENCHMARK,
        identity=Identity.SNAPSHOT,
        raw={"log": log.stated, "accuracy": _plain(around.accuracy)},
        model=ModelHint(name=folders.model),
        precision=weights if isinstance(weights, str) else "",
        environment=Environment(accelerator=folders.system),
        variant=folders.test or facts.get("SUT name", ""),
        split=_scenario(facts, folders),
        status=status,
        status_reason=reason,
        started_at=parse_time(facts.get("began")) or _power_time(facts.get("power_begin")),
        finished_at=_power_time(facts.get("power_end")),
        series=tuple(
            Series.scalar(name, value, unit=unit) for name, (value, unit) in numbers.items()
        ),
        params=_params(log, around, facts),
        metric_defs={name: _definition(name) for name in log.numbers},
        notices=notices,
        weak=frozenset({"model"}) if folders.model else frozenset(),
    )


def _plain(accuracy: Log) -> dict[str, float]:
    return {name: value for name, (value, _) in accuracy.numbers.items()}


def _status(log: Log) -> tuple[Status, str]:
    """How a run ended; a summary without a result was cut off, or is of another mode."""
    stated = log.facts.get("Result is", "")
    if stated.upper() == "VALID":
        return Status.FINISHED, ""
    if not stated:
        is_accuracy = "Accuracy" in log.facts.get("Mode", "")
        return Status.FINISHED, "" if is_accuracy else "the log states no result"
    unmet = f"{', '.join(log.unmet)} not satisfied" if log.unmet else ""
    return Status.FAILED, "; ".join(filter(None, [stated, unmet, *log.advice]))


def _scenario(facts: Mapping[str, str], folders: _Folders) -> str:
    """The load generator knows no Interactive: it is a Server with other limits."""
    stated = facts.get("Scenario", "")
    return folders.scenario if folders.scenario.lower() == "interactive" else stated


def _power_time(text: str | None) -> datetime | None:
    """``07-26-2025 11:59:15.595``, UTC as all times of the load generator."""
    try:
        moment = datetime.strptime(text or "", "%m-%d-%Y %H:%M:%S.%f")  # noqa: DTZ007 - set below
    except ValueError:
        return None
    return moment.replace(tzinfo=UTC)


def _params(log: Log, around: _Around, facts: Mapping[str, str]) -> dict[str, ParamValue]:
    params = dict(log.params)
    params.update({key: facts[key] for key in ("SUT name", "Mode") if key in facts})
    if "loadgen_version" in facts:
        params["loadgen_version"] = facts["loadgen_version"]
    params.update(settings_of(around.measurements, without=frozenset({"weight_data_types"})))
    params.update(around.accuracy.params)
    return params


def _definition(name: str) -> MetricDef:
    """Of a name that the catalogue does not know: rates are better when higher, times lower."""
    if _IS_RATE.search(name):
        return MetricDef(name=name, direction=Direction.HIGHER, family="throughput")
    if re.search(r"latency|ttft|tpot", name):
        return MetricDef(name=name, direction=Direction.LOWER, family="latency")
    return MetricDef(name=name)
