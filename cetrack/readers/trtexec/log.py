"""The console log of trtexec, of TensorRT 7 to 10: what each of its runs states.

Only lines of the known sections count: verbose logs explain the words of the summary, and
``--dumpOutput`` prints anything.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from cetrack.domain import Notice
from cetrack.readers.console import console_lines
from cetrack.readers.source import Source
from cetrack.readers.trtexec.metrics import END_TO_END, GPU_COMPUTE, LATENCY, QUANTITIES
from cetrack.readers.trtexec.metrics import percentile_name as percentile_of

_MARK = "&&&& "
_BANNER = re.compile(
    r"&&&& (?P<word>RUNNING|PASSED|FAILED|WAIVED) TensorRT\.trtexec(?!\w)"
    r"(?: \[TensorRT v(?P<version>\d+)\])?(?: \[[^\]]*\])*(?:\s*#\s*(?P<command>.*))?"
)
_PREFIX = re.compile(
    r"(?:\[(?P<time>\d\d/\d\d/\d{4}-\d\d:\d\d:\d\d)\]\s*)?\[(?P<level>[IWEVF])\] ?(?P<text>.*)"
)
_PREFIX_WITHIN = 80  # characters that another program may have put before it
_FLAG = re.compile(r"""--(\w+)(?:=("[^"]*"|'[^']*'|\S*))?""")
_SECTION = re.compile(r"=== (.+?) ===$")
_OPTION_SECTIONS = frozenset(
    {
        "Model Options", "Build Options", "System Options", "Inference Options",
        "Reporting Options", "Device Information",
    }
)  # fmt: skip
_SUMMARY = "Performance summary"
_NUMBER = r"(-?(?:\d+(?:\.\d*)?(?:[eE][-+]?\d+)?|inf|nan))"
_STATISTIC = re.compile(rf"(min|max|mean|median|percentile\((\d+(?:\.\d*)?)%\)) = {_NUMBER} ms")
# TensorRT 7 writes one statistic a line below the name of the quantity
_OLD_QUANTITIES = {
    "host latency": LATENCY,
    "gpu compute": GPU_COMPUTE,
    "enqueue time": "enqueue_time",
}
_OLD_STATISTIC = re.compile(
    rf"(min|max|mean|median|percentile): {_NUMBER} ms(?: at (\d+(?:\.\d*)?)%)?"
    rf"(?: \(end to end {_NUMBER} ms(?: at \d+(?:\.\d*)?%)?\))?$"
)
_TOTALS = re.compile(
    rf"(throughput|total host walltime|walltime|total gpu compute time|total compute time): "
    rf"{_NUMBER} (?:qps|s)$",
    re.IGNORECASE,
)
_TOTAL_NAMES = {"walltime": "total host walltime", "total compute time": "total gpu compute time"}
_SHAPE = re.compile(r"Input inference shape ?: (?P<name>.+)=(?P<dims>[-\dx]+)$")
_BINDING = re.compile(
    r"(?:Created input binding|Input binding) for (?P<name>.+) with dimensions (?P<dims>[-\dx]+)\b"
)
_VARIANCE = re.compile(rf"\* .*coefficient of variance = {_NUMBER}%")
# facts that are printed on the way → name of the fact
_FACTS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"TensorRT version: (\S+)$"), "version"),
    (re.compile(rf"Engine built in {_NUMBER} sec"), "engine_build_time_s"),
    (re.compile(rf"Engine deserialized in {_NUMBER} sec"), "engine_deserialization_time_s"),
    (re.compile(rf"Created engine with size: {_NUMBER} MiB"), "engine_size_mib"),
    (re.compile(rf"\[TRT\] Loaded engine size: {_NUMBER} M"), "loaded_engine_size_mib"),
    (re.compile(r"Warmup completed (\d+) queries"), "warmup_queries"),
    (re.compile(r"Timing trace has (\d+) queries"), "queries"),
)
_FACT_WORDS = re.compile(r"version: |Engine |engine |Warmup |Timing trace ")
_BEHIND_OPTIONS = re.compile(
    r"(?:TensorRT version: |Starting inference|Warmup completed |Timing trace has |Average on "
    r"|Created input binding |Input binding |Engine )"
)
_MAX_ERRORS = 20


@dataclass
class LogRun:
    """One run of a log, as far as it was printed; grows while the log is read.

    ``statistics`` are ms by stem and statistic, ``totals`` the throughput and sums, ``facts`` text
    by name, ``inputs`` the shapes that were stated and ``bindings`` those that were made. ``word``
    is how it ended, blank where that is not printed.
    """

    line: int
    command: str = ""
    flags: dict[str, str] = field(default_factory=dict)
    code: str = ""
    sections: dict[str, dict[str, str]] = field(default_factory=dict)
    inputs: dict[str, str] = field(default_factory=dict)
    bindings: dict[str, str] = field(default_factory=dict)
    statistics: dict[str, dict[str, float]] = field(default_factory=dict)
    totals: dict[str, float] = field(default_factory=dict)
    facts: dict[str, str] = field(default_factory=dict)
    variance: float | None = None
    is_skipped: bool = False
    doubts: list[Notice] = field(default_factory=list)
    warnings: list[Notice] = field(default_factory=list)
    warning_count: int = 0
    errors: list[str] = field(default_factory=list)
    first_time: str = ""
    last_time: str = ""
    word: str = ""

    @property
    def began(self) -> datetime | None:
        """The time of the first line; a log states no zone."""
        return _moment(self.first_time)

    @property
    def ended(self) -> datetime | None:
        """The time of the last line."""
        return _moment(self.last_time)

    def option(self, section: str, *names: str) -> str:
        """The first of some options of a section; blank where it has none of them."""
        entries: Mapping[str, str] = self.sections.get(section, {})
        return next((entries[name] for name in names if entries.get(name)), "")


def log_runs(source: Source, notices: list[Notice]) -> Iterator[LogRun]:
    """The runs of a log in order. Raises ReadError."""
    parser = _Parser()
    for number, line in console_lines(source, notices):
        finished = parser.take(number, line)
        if finished is not None:
            yield finished
    last = parser.end()
    if last is not None:
        yield last


class _Parser:
    """A log while it is read: the run that is being printed, and the section it has come to."""

    def __init__(self) -> None:
        self._run: LogRun | None = None
        self._section = ""
        self._quantity = ""  # of TensorRT 7, above its statistics

    def take(self, number: int, line: str) -> LogRun | None:
        """Take a line; the run that it ends, if it does."""
        if _MARK in line and (banner := _BANNER.search(line)):
            return self._take_banner(number, banner)
        prefix = _PREFIX.search(line)
        if prefix is None or prefix.start() > _PREFIX_WITHIN:
            return None
        level, text = prefix["level"], prefix["text"].strip()
        if level == "V":
            return None
        run = self._run = self._run or LogRun(number)
        if prefix["time"]:
            run.last_time = prefix["time"]
            run.first_time = run.first_time or run.last_time
        if level == "I":
            self._take_information(number, text)
        elif level == "W":
            self._take_warning(number, text)
        elif len(run.errors) < _MAX_ERRORS:
            run.errors.append(text.removeprefix("[TRT] "))
        return None

    def end(self) -> LogRun | None:
        """The run that the log ends in, if it holds anything of one."""
        run, self._run = self._run, None
        known = run is not None and (run.command or run.sections or run.statistics)
        return run if known else None

    def _take_banner(self, number: int, banner: re.Match[str]) -> LogRun | None:
        if banner["word"] == "RUNNING":
            before = self.end()
            command = banner["command"] or ""
            flags = {name: value.strip("\"'") for name, value in _FLAG.findall(command)}
            self._run = LogRun(number, command=command, flags=flags, code=banner["version"] or "")
            self._section = self._quantity = ""
            return before
        if self._run is not None:
            self._run.word = banner["word"]
        self._section = self._quantity = ""
        return self.end()

    def _take_information(self, number: int, text: str) -> None:
        run = self._run
        assert run is not None, "a line belongs to a run"
        if section := _SECTION.match(text):
            self._section = section[1]
            if self._section in _OPTION_SECTIONS or self._section == _SUMMARY:
                run.sections.setdefault(self._section, {})
        elif not text:
            self._section = ""  # an empty line ends what stands below a title
        elif self._is_result(text):
            self._take_result(run, text)
        elif not _take_shape(_SHAPE, run.inputs, text):
            name, colon, value = text.partition(":")
            if colon and not text.startswith("Note:"):
                run.sections[self._section][name.strip()] = value.strip()

    def _is_result(self, text: str) -> bool:
        """False for a line of options; TensorRT 7.0 has no empty line behind them."""
        if self._section not in _OPTION_SECTIONS or text.startswith("[TRT]"):
            return True
        if text.lower() in _OLD_QUANTITIES or _BEHIND_OPTIONS.match(text):
            self._section = ""
        return not self._section

    def _take_result(self, run: LogRun, text: str) -> None:
        if text.startswith("Skipped inference"):
            run.is_skipped = True
        elif self._take_fact(run, text) or _take_shape(_BINDING, run.bindings, text):
            return
        elif total := _TOTALS.match(text):
            name = total[1].lower()
            run.totals[_TOTAL_NAMES.get(name, name)] = float(total[2])
        elif self._section == _SUMMARY:
            name, _, rest = text.partition(": ")
            if name in QUANTITIES and (found := _statistics(rest)):
                run.statistics[QUANTITIES[name]] = found
        else:
            self._take_old_statistic(run, text)

    def _take_fact(self, run: LogRun, text: str) -> bool:
        if not _FACT_WORDS.search(text):
            return False
        for pattern, name in _FACTS:
            if found := pattern.match(text):
                run.facts[name] = found[1]
                return True
        return False

    def _take_old_statistic(self, run: LogRun, text: str) -> None:
        quantity = _OLD_QUANTITIES.get(text.lower())
        if quantity is not None:
            self._quantity, self._section = quantity, ""
            return
        found = _OLD_STATISTIC.match(text) if self._quantity else None
        if found is None:
            return
        word, value, percentile, whole = found.groups()
        name = percentile_of(float(percentile)) if percentile else word
        run.statistics.setdefault(self._quantity, {})[name] = float(value)
        if whole is not None:
            run.statistics.setdefault(END_TO_END, {})[name] = float(whole)

    def _take_warning(self, number: int, text: str) -> None:
        run = self._run
        assert run is not None, "a line belongs to a run"
        if variance := _VARIANCE.match(text):
            run.variance = float(variance[1])
        if text.startswith("* "):
            run.doubts.append(Notice(f"line {number}", text[2:].rstrip(".")))
        elif self._section != _SUMMARY:  # there the next lines only advise
            run.warning_count += 1
            run.warnings = run.warnings or [Notice(f"line {number}", text)]


def _take_shape(pattern: re.Pattern[str], shapes: dict[str, str], text: str) -> bool:
    found = pattern.match(text)
    if found:
        shapes[found["name"].strip()] = found["dims"]
    return found is not None


def _statistics(text: str) -> dict[str, float]:
    return {
        percentile_of(float(percentile)) if percentile else word: float(value)
        for word, percentile, value in _STATISTIC.findall(text)
    }


def _moment(text: str) -> datetime | None:
    try:
        return datetime.strptime(text, "%m/%d/%Y-%H:%M:%S").replace(tzinfo=UTC)
    except ValueError:
        return None
