"""The texts of MLPerf inference: the load generator's two logs, and what accuracy scripts print.

Both logs say the same under other names, the summary for people and the detail line by line; here
they get the same. Knows nothing of runs.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import orjson

from cetrack.domain import Notice, ParamValue
from cetrack.readers.numbers import (
    float_of,
    is_number,
    number_in_text,
    param_of,
    shortened,
    whole_number,
)

MARKERS = (":::MLLOG", ":::ENDPTS")
RESULTS, STATISTICS, PARAMETERS = (
    "MLPerf Results Summary",
    "Additional Stats",
    "Test Parameters Used",
)
_SECTIONS = frozenset({RESULTS, STATISTICS, PARAMETERS})
_TITLES = frozenset({"SUT name", "Scenario", "Mode"})
_SHOWN_MESSAGES = 3
# what is timed → how metrics of it begin
_TIMED = {
    "latency": "latency",
    "first token latency": "ttft",
    "time to output token": "tpot",
}
_KINDS = "|".join(_TIMED)
_STATISTIC = re.compile(rf"(?P<stat>min|max|mean) (?P<kind>{_KINDS}) \(ns\)")
_PERCENTILE = re.compile(rf"(?P<stat>\d+(?:\.\d*)?)(th)? percentile (?P<kind>{_KINDS}) \(ns\)")
_FIRST_TOKEN = re.compile(
    r"(?P<stat>\d+(?:\.\d*)?)th (?P<kind>first token) percentile latency \(ns\)"
)
_ESTIMATE = re.compile(r"Early stopping (\d+(?:\.\d*)?)th percentile estimate: (\d+)")
_MESSAGES = re.compile(r"(\d{1,9}) (warnings?|errors?) encountered", re.IGNORECASE)
_RATES = {
    "samples per second": "throughput",
    "completed samples per second": "throughput",
    "scheduled samples per second": "scheduled_samples_per_s",
    "tokens per second": "tokens_per_s",
    "completed tokens per second": "tokens_per_s",
    "qps w/ loadgen overhead": "qps_with_loadgen_overhead",
    "qps w/o loadgen overhead": "qps_without_loadgen_overhead",
    "tps w/ loadgen overhead": "tps_with_loadgen_overhead",
    "tps w/o loadgen overhead": "tps_without_loadgen_overhead",
}
_DETAIL_RATES = {
    "result_samples_per_second": "throughput",
    "result_completed_samples_per_sec": "throughput",
    "result_scheduled_samples_per_sec": "scheduled_samples_per_s",
    "result_tokens_per_second": "tokens_per_s",
    "result_completed_tokens_per_second": "tokens_per_s",
    "result_qps_with_loadgen_overhead": "qps_with_loadgen_overhead",
    "result_qps_without_loadgen_overhead": "qps_without_loadgen_overhead",
    "result_token_throughput_with_loadgen_overhead": "tps_with_loadgen_overhead",
}
_DETAIL_TIMES: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"result_(min|max|mean)_query_latency_ns"), "latency"),
    (re.compile(r"result_(\d+(?:\.\d*)?)_percentile_per_query_latency_ns"), "latency"),
    (re.compile(r"result_(min|max|mean)_latency_ns"), "sample_latency"),
    (re.compile(r"result_(\d+(?:\.\d*)?)_percentile_latency_ns"), "sample_latency"),
    (re.compile(r"result_first_token_(min|max|mean)_latency_ns"), "ttft"),
    (re.compile(r"result_first_token_(\d+(?:\.\d*)?)_percentile_latency_ns"), "ttft"),
    (re.compile(r"result_time_(?:to|per)_output_token_(min|max|mean)"), "tpot"),
    (re.compile(r"result_time_(?:to|per)_output_token_(\d+(?:\.\d*)?)_percentile_ns"), "tpot"),
)
_EARLY_STOPPING = {
    "early_stopping_result": "latency",
    "early_stopping_ttft_result": "ttft",
    "early_stopping_tpot_result": "tpot",
    "early stopping result": "latency",
    "ttft early stopping result": "ttft",
    "tpot early stopping result": "tpot",
}
_CONDITIONS = {
    "result_perf_constraints_met": "performance constraints",
    "result_min_duration_met": "min duration",
    "result_min_queries_met": "min queries",
    "early_stopping_met": "early stopping",
}
_FACTS = {
    "sut_name": "SUT name",
    "effective_scenario": "Scenario",
    "effective_test_mode": "Mode",
    "result_validity": "Result is",
    "test_datetime": "began",
    "power_begin": "power_begin",
    "power_end": "power_end",
    "loadgen_version": "loadgen_version",
}


@dataclass
class Log:
    """What one log says; grows while it is read.

    ``numbers`` are value and unit by metric, ``unmet`` the conditions of a valid result that are
    not met, ``stated`` everything that was read, as it was written.
    """

    facts: dict[str, str] = field(default_factory=dict)
    numbers: dict[str, tuple[float, str | None]] = field(default_factory=dict)
    params: dict[str, ParamValue] = field(default_factory=dict)
    unmet: list[str] = field(default_factory=list)
    advice: list[str] = field(default_factory=list)
    stated: dict[str, Any] = field(default_factory=dict)
    notices: list[Notice] = field(default_factory=list)

    def measure(self, name: str, value: float, unit: str | None, place: str) -> None:
        """Add a number; a headline that is repeated among the statistics counts once."""
        known = self.numbers.setdefault(name, (value, unit))
        if known != (value, unit):
            text = f"another '{name}', {value:g}, is left out: {known[0]:g} was read before"
            self.notices.append(Notice(place, text))


def _statistic(text: str) -> str:
    """``90.00`` → p90, ``99.90`` → p99.9, ``min`` → min."""
    number = number_in_text(text)
    return text if number is None else f"p{number[0]:g}"


# --- summary ---------------------------------------------------------------------------------


def parse_summary(text: str) -> Log:
    """``mlperf_log_summary.txt``."""
    log = Log()
    section = block = ""
    for number, line in enumerate(text.splitlines(), 1):
        bare = line.strip()
        if bare in _SECTIONS:
            section, block = bare, ""
        elif bare.startswith("*") or not _is_pair(bare):
            _take_sentence(log, block, bare, f"line {number}")
        else:
            key, _, value = (part.strip() for part in bare.partition(":"))
            block = key if not value else block
            if value:
                _take_pair(log, section, key, value, f"line {number}")
    return log


def _is_pair(text: str) -> bool:
    return ":" in text and text.strip("=") != ""


def _take_sentence(log: Log, block: str, text: str, place: str) -> None:
    """A line that is no ``key : value``: advice, an estimate, the count of warnings."""
    found = _MESSAGES.match(text)
    if found is not None:
        log.notices.append(Notice(place, f"{found[0]}: the detailed log has them"))
        log.params[f"{found[2].lower().rstrip('s')}s"] = int(found[1])
    elif block == "Recommendations" and text:
        log.advice.append(text.lstrip("* "))
    kind = _EARLY_STOPPING.get(block.lower())
    if kind is not None:
        _take_estimates(log, kind, text, place)


def _take_estimates(log: Log, kind: str, text: str, place: str) -> None:
    for percentile, value in _ESTIMATE.findall(text):
        name = f"early_stopping_{kind}_{_statistic(percentile)}"
        log.measure(name, float(value), "ns", place)
        log.stated[name] = value


def _take_pair(log: Log, section: str, key: str, value: str, place: str) -> None:
    if key.isupper() and " " not in key:  # WARNING: …
        log.notices.append(Notice(place, f"{key}: {value}"))
        return
    log.stated[f"{section}/{key}"] = value
    if section == PARAMETERS:
        log.params[key] = _setting(value)
    elif key in _TITLES or key == "Result is":
        log.facts[key] = value
    elif key.endswith("satisfied"):
        if value.lower() == "no":
            log.unmet.append(key.removesuffix("satisfied").strip().lower())
    else:
        _take_number(log, key, value, place)


def _take_number(log: Log, key: str, value: str, place: str) -> None:
    number = number_in_text(value)
    if number is None:
        log.params[key] = value
        return
    name, unit = _metric(key)
    log.measure(name, number[0], unit, place)


def _metric(key: str) -> tuple[str, str | None]:
    lowered = " ".join(key.lower().split())
    for pattern in (_STATISTIC, _PERCENTILE, _FIRST_TOKEN):
        found = pattern.fullmatch(lowered)
        if found is not None:
            kind = _TIMED.get(found["kind"], "ttft")
            return f"{kind}_{_statistic(found['stat'])}", "ns"
    rate = _RATES.get(lowered)
    return (rate, "1/s") if rate else (key, None)


def _setting(value: str) -> ParamValue:
    """A number of any length, or text: seeds are greater than any column of a database."""
    whole = whole_number(value)
    if whole is not None:
        return whole
    number = number_in_text(value)
    return number[0] if number is not None and not value.isdigit() and not number[1] else value


# --- detail ----------------------------------------------------------------------------------


class DetailLog:
    """``mlperf_log_detail.txt``, taken line by line: JSON behind a marker, some of it broken."""

    def __init__(self) -> None:
        self.log = Log()
        self._broken = 0
        self._first_broken = 0
        self._messages: list[str] = []

    def take(self, number: int, line: bytes) -> None:
        """Take one line of the file; what is no entry is passed over."""
        marker = next((mark for mark in MARKERS if line.startswith(mark.encode())), None)
        if marker is None:
            return
        try:
            entry = orjson.loads(line[len(marker) :])
        except orjson.JSONDecodeError:
            entry = None
        if not isinstance(entry, dict) or not isinstance(entry.get("key"), str):
            self._broken += 1
            self._first_broken = self._first_broken or number
            return
        self._entry(entry["key"], entry.get("value"), f"line {number}")
        about = entry.get("metadata")
        if isinstance(about, dict) and (about.get("is_error") or about.get("is_warning")):
            self._messages.append(f"{entry['key']}: {shortened(entry.get('value'))}")

    def finished(self) -> Log:
        """The log, when all lines were taken."""
        log = self.log
        if self._broken:
            place = f"line {self._first_broken}"
            log.notices.append(Notice(place, f"{self._broken} broken lines: left out"))
        for text in self._messages[:_SHOWN_MESSAGES]:
            log.notices.append(Notice("", f"logged as an error or a warning: {text}"))
        rest = len(self._messages) - _SHOWN_MESSAGES
        if rest > 0:
            log.notices.append(Notice("", f"{rest} more errors or warnings are logged"))
        if not any(name.startswith("latency_") for name in log.numbers):
            renamed = {name.removeprefix("sample_"): value for name, value in log.numbers.items()}
            log.numbers = renamed  # only of several samples per query are there two latencies
        return log

    def _entry(self, key: str, value: Any, place: str) -> None:
        log = self.log
        if key in _FACTS:
            log.facts[_FACTS[key]] = str(value)
        elif key in _CONDITIONS:
            if value is False:
                log.unmet.append(_CONDITIONS[key])
        elif key == "result_invalid_reason":
            log.advice.append(str(value).strip())
        elif key in _EARLY_STOPPING:
            _take_estimates(log, _EARLY_STOPPING[key], str(value), place)
        elif key == "result_query_count" and is_number(value):
            log.params[key] = param_of(value)
        elif key.startswith("effective_") and isinstance(value, (str, bool, int, float)):
            log.params[key.removeprefix("effective_")] = _scalar(value)
        elif key.startswith("result_") and is_number(value):
            name, unit = _detail_metric(key)
            log.measure(name, float_of(value), unit, place)
        else:
            return
        log.stated[key] = value


def _scalar(value: Any) -> ParamValue:
    return param_of(value) if is_number(value) else value


def _detail_metric(key: str) -> tuple[str, str | None]:
    for pattern, kind in _DETAIL_TIMES:
        found = pattern.fullmatch(key)
        if found is not None:
            return f"{kind}_{_statistic(found[1])}", "ns"
    rate = _DETAIL_RATES.get(key)
    return (rate, "1/s") if rate else (key, None)


# --- accuracy.txt ----------------------------------------------------------------------------

ACCURACY_HASH = re.compile(rb"^hash=[0-9a-f]{64}\s*$", re.MULTILINE)
ACCURACY_LINE = re.compile(rb"^accuracy=\d+(?:\.\d*)?%, good=\d+, total=\d+", re.MULTILINE)
_SCORE = re.compile(
    r"['\"]?(?P<name>[A-Za-z][\w@]*)['\"]?\s*[:=]\s*['\"]?(?P<number>-?\d+(?:\.\d+)?"
    r"(?:[eE][-+]?\d+)?)['\"]?\s*(?P<unit>%?)"
)
# counts beside the scores, and a hash that begins with a digit
_COUNTS = frozenset({"gen_len", "gen_num", "gen_tok_len", "good", "tokens_per_sample", "total"})
# which the scripts print in percent without saying so
_PERCENT = frozenset(
    {"exact_match", "f1", "gsm8k", "mbxp", "rouge1", "rouge2", "rougeL", "rougeLsum"}
)


def parse_accuracy(text: str) -> Log:
    """``accuracy.txt``: lines such as ``accuracy=76.0%, good=38007``, JSON, or a Python dict."""
    log = Log()
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("hash=") or len(line) > 100_000:
            continue
        for found in _scores(line):
            name, value = found["name"], float(found["number"])
            if name in _COUNTS:
                log.params[f"accuracy.{name}"] = _setting(found["number"])
            else:
                unit = "%" if found["unit"] or name in _PERCENT else None
                log.measure(name, value, unit, f"accuracy.txt line {number}")
    return log


def _scores(line: str) -> Iterable[re.Match[str]]:
    """The scores of a line; of counts by language and the like, which only dicts hold, none."""
    return _SCORE.finditer(line) if line.count("{") <= 1 else ()
