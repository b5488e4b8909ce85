"""The console log of benchmark_app, of the Python and the C++ tool, old and new."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from cetrack.domain import Notice, Status
from cetrack.readers.console import console_lines
from cetrack.readers.openvino.results import Report
from cetrack.readers.source import Source

_FIRST = "Parsing and validating input arguments"
_STEP = re.compile(r"\[Step (\d+)/(\d+)\]\s*(.*)")
_START = re.compile(
    rb"^[^\"'\n]{0,60}\[Step \d+/\d+\] "
    rb"(?:Parsing and validating input arguments|Dumping statistics report)",
    re.MULTILINE,
)
_PREFIX = re.compile(r"^.{0,60}?\[ (INFO|WARNING|WARN|ERROR) \] ?(.*)$")
_NUMBER = r"(\d+(?:\.\d*)?(?:[eE][-+]?\d+)?|inf|nan)"
_DURATION = re.compile(rf"(Read|Reshape|Compile|Import|Load) (?:model|network) took {_NUMBER} ms")
_FIRST_INFERENCE = re.compile(rf"First inference took {_NUMBER} ms")
_COUNT = re.compile(r"Count:\s*(\d+) iterations")
_TOTAL = re.compile(rf"Duration:\s*{_NUMBER} ms")
_THROUGHPUT = re.compile(rf"Throughput:\s*{_NUMBER} FPS")
_LATENCY = re.compile(rf"Latency:\s*{_NUMBER} (ms|us)$")
_STATISTIC = re.compile(
    rf"(?:(Median|Average|AVG|Min|Max)|(\d+) percentile):\s*{_NUMBER} (ms|us)$", re.IGNORECASE
)
_GROUPS = re.compile(r"Latency for each data shape group", re.IGNORECASE)
_BUILD = re.compile(r"Build \.+ (\S+)")
_BATCH = re.compile(r"(?:Model|Network) batch size:\s*(\S+)")
_NETWORK = re.compile(r"\s*NETWORK_NAME:\s*(.*)")
_PROPERTY = re.compile(r"\s*([A-Z][A-Z0-9_]{2,}):\s*(.+)")
_EXECUTED = re.compile(r"Execution Devices:\s*\[?(.*?)\]?$")
_PORT = re.compile(r"\s*(?P<name>\S.*?) (?:\(node: .*\) )?: \S+ / .* / [\[{](?P<dims>[^\]}]*)[\]}]")
_SEPARATORS = re.compile(r"[;:\s]+")
_LONGEST_PORT = 500
_KEYS = {"Read": "read", "Reshape": "reshape", "Import": "import"}
_NAMES = {"average": "latency_avg", "avg": "latency_avg", "median": "latency_median",
          "min": "latency_min", "max": "latency_max"}  # fmt: skip


def is_log(source: Source) -> bool:
    """True for a console log of benchmark_app."""
    is_likely = b"[Step " in source.head and source.is_text
    return is_likely and _START.search(source.head) is not None


def read_log(source: Source, notices: list[Notice]) -> Iterator[Report]:
    """The runs of a log in order. Raises ReadError."""
    parser: _Parser | None = None
    for number, line in console_lines(source, notices):
        step = _STEP.search(line)
        if step is not None and (parser is None or step[3].startswith(_FIRST)):
            if parser is not None:
                yield parser.report()
            parser = _Parser(number)
        if parser is None:
            continue
        if step is not None:
            parser.step = int(step[1]), int(step[2])
        else:
            parser.take(number, line)
    if parser is not None:
        yield parser.report()


class _Parser:
    """One run while its lines are read."""

    def __init__(self, number: int) -> None:
        self._report = Report(place=f"line {number}")
        self.step = (0, 0)
        self._errors: list[str] = []
        self._warnings: list[Notice] = []
        self._ports: dict[str, list[str]] | None = None
        self._inputs: dict[str, list[str]] = {}
        self._group: dict[str, Any] | None = None
        self._is_grouped = False
        self._next_is_device = False

    def take(self, number: int, line: str) -> None:
        """Take a line that begins no step; old tools print results without a level."""
        prefix = _PREFIX.match(line)
        level, text = prefix.groups() if prefix else ("", line)
        if level == "ERROR":
            self._errors.append(text.strip())
        elif level.startswith("WARN"):
            self._warnings.append(Notice(f"line {number}", text.strip()))
        elif not (self._take_result(text.strip()) or self._take_time(text.strip())) and level:
            self._take_fact(text)

    def _take_time(self, text: str) -> bool:
        results = self._report.results
        if found := _DURATION.match(text):
            results[f"{_KEYS.get(found[1], 'compile')}_model_time"] = float(found[2])
        elif found := _FIRST_INFERENCE.match(text):
            results["first_inference_time"] = float(found[1])
        elif found := _TOTAL.match(text):
            results["execution_time"] = float(found[1])
        elif found := _COUNT.match(text):
            results["iterations_num"] = float(found[1])
        elif found := _THROUGHPUT.match(text):
            results["throughput"] = float(found[1])
        return found is not None

    def _take_result(self, bare: str) -> bool:
        if _GROUPS.match(bare):
            self._is_grouped = True
        elif found := _LATENCY.match(bare):
            self._put("latency", found[1], found[2])
        elif found := _STATISTIC.match(bare):
            word, percentile, value, unit = found.groups()
            name = f"latency_{percentile}_percentile" if percentile else _NAMES[word.lower()]
            self._put(name, value, unit)
        elif self._is_grouped and re.match(r"\d+\.|Data shape:", bare):
            self._group = {"data_shape": bare.partition(".")[2] or bare.partition(": ")[2]}
            self._report.groups.append(self._group)
        else:
            return False
        return True

    def _put(self, name: str, value: str, unit: str) -> None:
        if self._group is not None:
            self._group[f"{name}_{unit}"] = float(value)
        elif not self._is_grouped:
            self._report.results[name] = float(value)
            self._report.units["latency"] = unit

    def _take_fact(self, text: str) -> None:
        report, bare = self._report, text.strip()
        if bare.endswith(("inputs:", "outputs:")):
            self._ports = {} if bare.endswith("inputs:") else None
            self._inputs = self._ports if self._ports is not None else self._inputs
        elif self._ports is not None and (port := _PORT.match(text[:_LONGEST_PORT])):
            self._ports[port["name"]] = [part.strip() for part in port["dims"].split(",")]
        elif found := _BUILD.match(bare):
            report.facts.setdefault("version", found[1])
        elif found := _BATCH.match(bare):
            report.setup["batch size"] = found[1]
        elif found := _EXECUTED.match(bare):
            report.facts["device"] = re.sub(r"['\"\s]", "", found[1])
        elif found := _NETWORK.match(text):
            report.setup.setdefault("topology", found[1].strip())
        elif found := _PROPERTY.match(text):
            report.setup.setdefault(found[1], found[2].strip())
        elif bare == "Device info:":
            self._next_is_device = True
        elif self._next_is_device and bare:
            report.setup["target device"] = bare.split()[0]
            self._next_is_device = False

    def report(self) -> Report:
        """The whole run."""
        report = self._report
        report.shape = self._shape()
        if "EXECUTION_DEVICES" in report.setup and "device" not in report.facts:
            report.facts["device"] = re.sub(r"[\[\]'\"\s]", "", report.setup["EXECUTION_DEVICES"])
        if self._warnings:
            first, more = self._warnings[0], len(self._warnings) - 1
            count = f" (and {more} more)" if more else ""
            report.notices.append(Notice(first.place, f"warning{count}: {first.text:.160}"))
        at, steps = self.step
        if "throughput" in report.results:
            return report
        if self._errors:
            report.status, report.reason = Status.FAILED, self._errors[0]
        elif at < steps or not report.results:
            report.status = Status.KILLED
            report.reason = f"the log ends in step {at} of {steps}"
        return report

    def _shape(self) -> str:
        """The shape of the inputs less the batch, where that is what they begin with."""
        batch = str(self._report.setup.get("batch size", ""))
        texts = {
            name: "x".join(dims[1:] if len(dims) > 1 and dims[0] == batch else dims)
            for name, dims in self._inputs.items()
        }
        if len(texts) == 1:
            return next(iter(texts.values()))
        named = (f"{_SEPARATORS.sub('_', name)}:{text}" for name, text in texts.items() if text)
        return ";".join(named)
