"""The table that google-benchmark prints, as the JSON document that it would have written."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from cetrack.domain import Notice
from cetrack.errors import MalformedSourceError
from cetrack.readers.json_text import decoded
from cetrack.readers.source import Source
from cetrack.readers.times import parse_time

_HEADING = re.compile(
    r"^-{20,}[ \t]*\r?\n(?P<names>Benchmark +Time +CPU +Iterations\b[^\r\n]*)\r?\n-{20,}",
    re.MULTILINE,
)
_LONGEST_LINE = 4000
_TIMED = re.compile(
    r"^(?P<name>\S.*?)\s+(?P<real>[-+.\w]+) (?P<unit>ns|us|ms|s|%)\s+"
    r"(?P<cpu>[-+.\w]+) (?P<cpu_unit>ns|us|ms|s|%)(?:\s+(?P<iterations>\d+))?(?P<rest>(?:\s.*)?)$"
)
_FAILED = re.compile(r"^(?P<name>\S.*?)\s+(?P<what>ERROR OCCURRED|SKIPPED): '(?P<message>.*)'$")
_RUN_ON = re.compile(r"^Run on \((?P<count>\d+) X (?P<mhz>\d+(?:\.\d*)?) MHz CPU")
_HUMAN = re.compile(
    r"^(?P<number>-?\d+(?:\.\d*)?(?:e[-+]?\d+)?)(?P<prefix>[kMGTPEZY]|[KMGTPEZY]i|[munpfazy])?(?:/s|s)?$"
)
_POWERS = {prefix: 1000.0**power for power, prefix in enumerate("kMGTPEZY", 1)}
_POWERS.update({f"{prefix}i": 1024.0**power for power, prefix in enumerate("KMGTPEZY", 1)})
_POWERS.update({prefix: 1000.0**-power for power, prefix in enumerate("munpfazy", 1)})
_FLAGS = {
    "ERROR OCCURRED": ("error_occurred", "error_message"),
    "SKIPPED": ("skipped", "skip_message"),
}


def is_console(source: Source) -> bool:
    """True where the heading of the table stands between its rules."""
    return b"Iterations" in source.head and bool(_HEADING.search(_text(source.head)))


def console_document(source: Source, notices: list[Notice]) -> dict[str, Any]:
    """``context`` and ``benchmarks`` of what was printed. Raises MalformedSourceError.

    Times have the three digits that were printed.
    """
    text = decoded(source.read_bytes(), source.uri)
    heading = _HEADING.search(text)
    if heading is None:
        raise MalformedSourceError(source.uri, "", "neither JSON nor the table of a console")
    columns = heading["names"].split()[4:]
    first = text[: heading.end()].count("\n") + 1
    counters = [] if columns == ["UserCounters..."] else columns
    rows, unknown = [], []
    for number, line in enumerate(text[heading.end() :].splitlines(), first):
        row = _row(line.strip(), counters) if len(line) <= _LONGEST_LINE else None
        if row is not None:
            rows.append(row)
        elif line.strip("- \t"):
            unknown.append(number)
    if unknown:
        problem = f"{len(unknown)} lines below the heading are no measurements: left out"
        notices.append(Notice(f"line {unknown[0]}", problem))
    return {"context": dict(_context(text[: heading.start()].splitlines())), "benchmarks": rows}


def _text(content: bytes) -> str:
    return content.decode("utf-8", "replace")


def _context(lines: Sequence[str]) -> Iterator[tuple[str, Any]]:
    for line in map(str.strip, lines):
        if line.startswith("Running "):
            yield "executable", line.removeprefix("Running ")
        elif run_on := _RUN_ON.match(line):
            yield "num_cpus", int(run_on["count"])
            yield "mhz_per_cpu", float(run_on["mhz"])
        elif line[:1].isdigit() and parse_time(line) is not None:
            yield "date", line


def _row(line: str, columns: Sequence[str]) -> dict[str, Any] | None:
    failed = _FAILED.match(line)
    if failed:
        flag, message = _FLAGS[failed["what"]]
        return {"name": failed["name"], flag: True, message: failed["message"]}
    timed = _TIMED.match(line)
    if timed is None or timed["unit"] != timed["cpu_unit"]:
        return None
    name, unit = timed["name"], timed["unit"]
    try:
        real, cpu = float(timed["real"]), float(timed["cpu"])
    except ValueError:
        return None
    if unit == "%":
        return _share(name, real / 100, cpu / 100)
    row: dict[str, Any] = {"name": name, "real_time": real, "cpu_time": cpu, "time_unit": unit}
    if timed["iterations"]:
        row["iterations"] = int(timed["iterations"][:18])
    return {**row, **_counters(timed["rest"].split(), columns)}


def _share(name: str, real: float, cpu: float) -> dict[str, Any] | None:
    if name.endswith("_RMS"):
        return {"name": name, "rms": real}
    return {"name": name, "real_time": real, "cpu_time": cpu} if name.endswith("_cv") else None


def _counters(words: Sequence[str], columns: Sequence[str]) -> dict[str, Any]:
    """What stands behind the iterations: counters under a heading or with their names, a label."""
    found: dict[str, Any] = {}
    if columns and len(words) >= len(columns):
        pairs = list(zip(columns, words, strict=False))
        words = words[len(columns) :]
    else:
        named = [word.partition("=") for word in words if "=" in word]
        pairs = [(name, value) for name, _, value in named]
        words = [word for word in words if "=" not in word]
    for name, value in pairs:
        human = _HUMAN.match(value)
        if human and name:
            found[name] = float(human["number"]) * _POWERS.get(human["prefix"] or "", 1.0)
    return {**found, "label": " ".join(words)} if words else found
