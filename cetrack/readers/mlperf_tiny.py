"""MLPerf Tiny: sessions of the benchmark runner, which measures a microcontroller.

A session is a folder with ``results.txt``, ``log.txt`` and, since energy is sampled, with
``results.json``. The runner prints what it measured in windows of some inferences each; the result
of the benchmark is the median of the windows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from cetrack.domain import (
    Environment,
    Identity,
    Kind,
    ModelHint,
    Notice,
    RunRecord,
    Sample,
    Series,
    Spread,
    Status,
)
from cetrack.errors import MalformedSourceError, ReadError
from cetrack.readers.base import Match, Reader, matched
from cetrack.readers.json_text import decoded
from cetrack.readers.numbers import float_of, is_number, is_numeric, whole_number
from cetrack.readers.source import Source
from cetrack.readers.times import time_in_name

FORMAT = "mlperf_tiny"
_RESULTS, _LOG, _RAW = "results.txt", "log.txt", "results.json"
_TITLE = "Power Edition Output"
_LOG_TITLE = "Logging initialized. Writing output to "
_RUNNER = "ulp-mlperf:"
_SAMPLES_PER_S = 1000  # of the energy monitor: the runner sets it
_NUMBER = r"\s*([-+]?\d+(?:\.\d*)?(?:e[-+]?\d+)?)"
# what a window of inferences states → metric, unit; times and energies are s and J unsaid
_PER_WINDOW: tuple[tuple[re.Pattern[str], str, str], ...] = (
    (re.compile(rf"Per inference: time ={_NUMBER}"), "latency", "s"),
    (re.compile(rf"Per inference: time = [^,]*, energy ={_NUMBER}"), "energy_per_inference", "J"),
    (re.compile(rf"Average Power ={_NUMBER} mW"), "average_power", "mW"),
    (re.compile(rf"ulp-mlperf:\s+Throughput\s+:{_NUMBER} inf\./sec"), "throughput", "1/s"),
)
_OF_SESSION: tuple[tuple[re.Pattern[str], str, str | None], ...] = (
    (re.compile(rf"Median throughput is{_NUMBER} inf\./sec"), "throughput", "1/s"),
    (re.compile(rf"Top-1:{_NUMBER}\s*%"), "accuracy", "%"),
    (re.compile(rf"Overall accuracy ={_NUMBER}"), "accuracy", "%"),
    (re.compile(rf"(?:AUC:|ROC AUC =){_NUMBER}"), "auc", None),
)
_ERROR = re.compile(r"(?:ulp-mlperf: )?(ERROR \d.*)")
_EXCEPTION = re.compile(r"^(?!Traceback)([A-Za-z_]*(?:Error|Exception))\b:?\s*(.*)$")
_ABOUT = {
    "vendor": re.compile(r"^Device name retrieved: (.+)$", re.MULTILINE),
    "profile": re.compile(r"^Device profile retrieved: (.+)$", re.MULTILINE),
    "model": re.compile(r"^Device model retrieved: (.+)$", re.MULTILINE),
}
# a session was cut off, or nothing was connected
_NO_WINDOWS = "the session has no measurements"


class MlperfTinyReader(Reader):
    """See :class:`cetrack.readers.base.Reader`."""

    name = FORMAT
    version = 1
    suffixes = (".json",)
    patterns = ("results.txt*", "log.txt*")
    companions = (_RESULTS, _LOG, _RAW)
    description = "MLPerf Tiny: sessions of the benchmark runner"
    recognises = (
        "results.txt that begins with `Power Edition Output` or holds `ulp-mlperf:` lines, the "
        "runner's log.txt, and results.json, a list of objects with `infer` and `power`; of a "
        "session's folder the first of them is read, with the others"
    )
    maps_to = (
        "one benchmark run per session; latency, energy and power: the median of the windows, with "
        "each of them as a sample, and the monitor's joules per tick of 1 ms as one more; model "
        "and time from the log; a session without measurements is a failed run"
    )
    example = """\
Power Edition Output
10 iterations. Elapsed time = 1.5,total energy = 0.12
Per inference: time = 0.15, energy = 0.012
Average Power = 80.0 mW.
"""

    def sniff(self, source: Source) -> Match:
        """YES for results, or what is left of a session that has none."""
        if matched(_is_results, source):
            return Match.YES
        if matched(_is_raw, source):
            return _beside(source, (_RESULTS,))
        if matched(_is_log, source):
            return _beside(source, (_RESULTS, _RAW))
        return Match.NO

    def read(self, source: Source) -> Iterator[RunRecord | Notice]:
        """One run."""
        session = _Session()
        known = {_RESULTS: _is_results, _RAW: _is_raw, _LOG: _is_log}
        kind = next((name for name, test in known.items() if test(source)), None)
        if kind is None:
            raise MalformedSourceError(source.uri, "", "nothing of an MLPerf Tiny session")
        session.take(kind, source)
        for name, test in known.items():
            other = source.companion(name) if name != kind else None
            if other is not None:
                try:
                    if test(other):
                        session.take(name, other)
                except ReadError as error:
                    session.notices.append(Notice("", f"left out: {error}"))
        yield _record(session)


def _beside(source: Source, names: Sequence[str]) -> Match:
    tests = {_RESULTS: _is_results, _RAW: _is_raw}
    for name in names:
        other = source.companion(name)
        if other is not None and matched(tests[name], other):
            return Match.COMPANION
    return Match.YES


def _is_results(source: Source) -> bool:
    head = source.head.lstrip()
    first = head.split(b"\n", 1)[0]
    return head.startswith(_TITLE.encode()) or (
        _RUNNER.encode() in first and not _is_log(source) and source.is_text
    )


def _is_log(source: Source) -> bool:
    return source.head.lstrip().startswith(_LOG_TITLE.encode())


def _is_raw(source: Source) -> bool:
    """True for a list of objects that tell what was inferred and what that cost."""
    if not source.head.lstrip().startswith(b"["):
        return False
    items = source.json.value
    first = items[0] if isinstance(items, list) and items else None
    return (
        isinstance(first, dict)
        and isinstance(first.get("infer"), dict)
        and ({"class", "classes", "mode"} <= first.keys() or isinstance(first.get("power"), dict))
    )


@dataclass
class _Session:
    """What the files of a session say; grows while they are read.

    ``windows`` are the values of every window by metric, ``units`` those of all metrics.
    """

    windows: dict[str, list[float]] = field(default_factory=dict)
    scalars: dict[str, float] = field(default_factory=dict)
    units: dict[str, str | None] = field(default_factory=dict)
    trace: list[float] = field(default_factory=list)
    about: dict[str, str] = field(default_factory=dict)
    iterations: set[int] = field(default_factory=set)
    problem: str = ""
    log_name: str = ""
    params: dict[str, Any] = field(default_factory=dict)
    notices: list[Notice] = field(default_factory=list)

    def take(self, kind: str, source: Source) -> None:
        """Take one file; what was measured counts from the first that states it."""
        if kind == _RAW:
            self._take_raw(source.json.value)
            self.notices += source.json.notices
            return
        text = decoded(source.read_bytes(), source.uri)
        self._take_windows(text)
        self._take_problem(text)
        for name, pattern in _ABOUT.items():
            found = pattern.search(text)
            if found is not None:
                self.about.setdefault(name, found[1].strip())
        if text.lstrip().startswith(_LOG_TITLE):
            self.log_name = text.lstrip().split("\n", 1)[0].removeprefix(_LOG_TITLE).strip()

    def _take_windows(self, text: str) -> None:
        found: dict[str, list[float]] = {}
        for pattern, name, unit in _PER_WINDOW:
            values = [float(value) for value in pattern.findall(text) if _is_float(value)]
            if values:
                found[name] = values
                self.units[name] = unit
        self._add(found)
        for pattern, name, own in _OF_SESSION:
            last = [value for value in pattern.findall(text) if _is_float(value)][-1:]
            if last and name not in self.scalars:
                self.scalars[name] = float(last[0])
                self.units[name] = own
        self.iterations |= {int(n) for n in re.findall(r"^(\d{1,9}) iterations\.", text, re.M)}

    def _add(self, found: Mapping[str, list[float]]) -> None:
        for name, values in found.items():
            self.windows.setdefault(name, values)

    def _take_problem(self, text: str) -> None:
        """The error that the runner reports, or the exception that ended it."""
        lines = text.splitlines()
        for number, line in enumerate(lines):
            reported = _ERROR.search(line) if _RUNNER in line else None
            raised = _EXCEPTION.match(line.strip())
            if reported is not None:
                self.problem = reported[1].strip()
            elif raised is not None:
                rest = [raised[2], *(part.strip() for part in lines[number + 1 : number + 3])]
                said = next((part for part in rest if part.strip(": ")), "")
                self.problem = f"{raised[1]}: {said}".rstrip(": ")

    def _take_raw(self, items: Sequence[Any]) -> None:
        """The samples of the energy monitor, and what they say of every window."""
        windows = []
        for item in items:
            power = item.get("power") if isinstance(item, dict) else None
            samples = power.get("samples") if isinstance(power, dict) else None
            if power is None or not isinstance(samples, list) or not is_numeric(samples):
                continue
            values = [0.0 if value is None else float_of(value) for value in samples]
            self.trace += values
            windows += _window(item, power, values)
            if is_number(power.get("voltage")):
                self.params["voltage_v"] = float_of(power["voltage"])
        if not windows or "latency" in self.windows:
            return
        names = ("latency", "energy_per_inference", "average_power")
        self._add(dict(zip(names, map(list, zip(*windows, strict=True)), strict=True)))
        self.units |= {"latency": "s", "energy_per_inference": "J", "average_power": "W"}
        text = f"times are counted in samples of the energy monitor, {_SAMPLES_PER_S} per second"
        self.notices.append(Notice("", text))


def _is_float(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _window(
    item: Mapping[str, Any], power: Mapping[str, Any], samples: Sequence[float]
) -> list[tuple[float, float, float]]:
    """(s and J per inference, W) between the last two marks of a window, nothing without them."""
    inferred = item.get("infer")
    iterations = whole_number(inferred.get("iterations")) if isinstance(inferred, Mapping) else None
    marks = power.get("timestamps")
    places = [
        whole_number(mark[1])
        for mark in (marks if isinstance(marks, list) else [])
        if isinstance(mark, list) and len(mark) == 2
    ]
    if not iterations or iterations < 1 or len(places) < 2:
        return []
    start, stop = places[-2:]
    if start is None or stop is None or not 0 <= start < stop <= len(samples):
        return []
    seconds = (stop - start) / _SAMPLES_PER_S
    joules = float(np.sum(np.array(samples[start:stop], np.float64)))
    return [(seconds / iterations, joules / iterations, joules / seconds)]


# --- the run ---------------------------------------------------------------------------------

_MEDIANS = {"latency": "latency_median"}


def _record(session: _Session) -> RunRecord:
    series, samples = _measured(session)
    reason = session.problem or ("" if series else _NO_WINDOWS)
    stated = {
        "windows": session.windows,
        "scalars": session.scalars,
        "about": session.about,
        "log": session.log_name.replace("\\", "/"),
    }
    params = {**session.params}
    if "profile" in session.about:
        params["profile"] = session.about["profile"]
    if len(session.iterations) == 1:
        params["iterations"] = next(iter(session.iterations))
    return RunRecord(
        format=FORMAT,
        place="",
        kind=Kind.BENCHMARK,
        identity=Identity.SNAPSHOT,
        raw=stated,
        model=ModelHint(name=session.about.get("model", "")),
        environment=Environment(device=session.about.get("vendor", "")),
        variant=FORMAT,
        status=Status.FAILED if reason else Status.FINISHED,
        status_reason=reason,
        started_at=time_in_name(session.log_name),
        series=tuple(series),
        samples=tuple(samples),
        params=params,
        notices=tuple(session.notices),
    )


def _measured(session: _Session) -> tuple[list[Series], list[Sample]]:
    """The median of every metric's windows with its spread, and the windows as a sample."""
    series, samples = [], []
    for name, values in session.windows.items():
        array = np.array(values, np.float64)
        unit = session.units[name]
        spread = Spread(min=float(array.min()), max=float(array.max()), n=len(array))
        if name not in session.scalars:
            label = _MEDIANS.get(name, name)
            median = float(np.median(array))
            series.append(Series.scalar(label, median, spread=spread, unit=unit))
        samples.append(Sample(name=name, values=array, unit=unit))
    for name, value in session.scalars.items():
        series.append(Series.scalar(name, value, unit=session.units[name]))
    if session.trace:
        trace = np.array(session.trace, np.float64)
        samples.append(Sample(name="energy_per_tick", values=trace, unit="J"))
    return series, samples
