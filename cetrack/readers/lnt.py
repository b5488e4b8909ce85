"""LNT (LLVM's nightly tests): a report of version 2, one machine and one run of many tests.

Units are those of its default suite: times in seconds, sizes in bytes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
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
    Status,
)
from cetrack.errors import MalformedSourceError
from cetrack.readers.base import Match, Objection, Reader, has_keys, lacking, matched
from cetrack.readers.entries import flatten
from cetrack.readers.fields import with_fields
from cetrack.readers.numbers import float_of, is_number
from cetrack.readers.source import Source
from cetrack.readers.stated import Stated, read_stated, split_precision
from cetrack.readers.times import parse_time
from cetrack.readers.timings import repeated, repetitions, used_metrics

FORMAT = "lnt"
_MARKS = ("format_version", "machine", "run", "tests")
# metrics of the default suite → (metric, unit)
_METRICS = {
    "code_size": ("code_size", "bytes"),
    "compile_time": ("compile_time", "s"),
    "execution_time": ("latency", "s"),
    "mem_bytes": ("memory_usage", "bytes"),
}
_COMMIT = re.compile(r"^[0-9a-f]{7,40}$")
_TIMES = ("end_time", "start_time")


class LntReader(Reader):
    """See :class:`cetrack.readers.base.Reader`."""

    name = FORMAT
    version = 1
    suffixes = (".json",)
    description = "reports of LNT, format version 2"
    recognises = 'a JSON object with `format_version` "2", `machine`, `run` and `tests`'
    maps_to = (
        "one benchmark run per test; `execution_time` is its latency, a list of numbers a sample "
        "and its mean, a status that is not 0 a failed run"
    )
    example = """\
{"format_version": "2", "machine": {"name": "board-3", "os": "Linux 6.8"},
 "run": {"start_time": "2026-06-01T02:00:00", "llvm_project_revision": "6f1c0ffee"},
 "tests": [{"name": "resnet50_int8", "execution_time": [0.0042, 0.0041], "code_size": 81920}]}
"""

    def sniff(self, source: Source) -> Match:
        """YES for a report of version 2."""
        return matched(_is_report, source)

    def objection(self, source: Source) -> Objection | None:
        """What a report lacks."""
        return lacking(_MARKS, source.json_keys, "key")

    def read(self, source: Source) -> Iterator[RunRecord | Notice]:
        """One run per test."""
        document = source.json.value
        if not isinstance(document, dict) or not isinstance(document.get("tests"), list):
            raise MalformedSourceError(source.uri, "", "no list of tests")
        yield from source.json.notices
        machine, run = (
            document[key] if isinstance(document.get(key), dict) else {}
            for key in ("machine", "run")
        )
        for number, test in enumerate(document["tests"]):
            place = f"/tests/{number}"
            if isinstance(test, dict) and isinstance(test.get("name"), str):
                yield _record(test, machine, run, place)
            else:
                yield Notice(place, "a test without a name: left out")


def _is_report(source: Source) -> bool:
    if not has_keys(source, _MARKS) or source.first_object is not None:
        return False
    document = source.json.value
    return document["format_version"] == "2" and isinstance(document["tests"], list)


def _record(
    test: Mapping[str, Any], machine: Mapping[str, Any], run: Mapping[str, Any], place: str
) -> RunRecord:
    name, precision = split_precision(test["name"])
    series, samples = _measured(test)
    failed = [key for key in test if key.endswith("_status") and _is_failure(test[key])]
    stated = _stated(machine, run)
    texts = {key: value for key, value in test.items() if isinstance(value, str) and key != "name"}
    record = RunRecord(
        format=FORMAT,
        place=place,
        kind=Kind.BENCHMARK,
        identity=Identity.SNAPSHOT,
        raw=dict(test),
        model=ModelHint(name=name),
        precision=precision or stated.precision,
        environment=Environment(host=str(machine.get("name") or "")),
        status=Status.FAILED if failed else Status.FINISHED,
        status_reason=", ".join(failed),
        started_at=parse_time(run.get("start_time")),
        finished_at=parse_time(run.get("end_time")),
        git_commit=_commit(run),
        series=tuple(series),
        samples=tuple(samples),
        params={**stated.entry.params, **dict(flatten(texts))},
        metric_defs=used_metrics(series),
        notices=tuple(stated.entry.notices),
    )
    return with_fields(record, stated.entry.fields)


def _stated(machine: Mapping[str, Any], run: Mapping[str, Any]) -> Stated:
    """What is said about machine and run beside their names and times."""
    about = {key: value for key, value in machine.items() if key != "name"}
    about.update({key: value for key, value in run.items() if key not in _TIMES})
    return read_stated(about, "/run", numbers_are_params=True)


def _is_failure(status: Any) -> bool:
    return status == "FAIL" or (is_number(status) and status != 0)


def _commit(run: Mapping[str, Any]) -> str:
    """The revision, where it is a hash."""
    revision = run.get("llvm_project_revision") or run.get("git_sha")
    return revision if isinstance(revision, str) and _COMMIT.match(revision) else ""


def _measured(test: Mapping[str, Any]) -> tuple[list[Series], list[Sample]]:
    series: list[Series] = []
    samples: list[Sample] = []
    for key, value in test.items():
        if key.endswith("_status"):
            continue
        name, unit = _METRICS.get(key, (key, None))
        values = np.array([float_of(value)]) if is_number(value) else repetitions(value)
        if values is None:
            continue
        mean = "latency_mean" if name == "latency" and len(values) > 1 else name
        found, raw = repeated(mean, values, unit, sample=name)
        series += found
        samples += raw
    return series, samples
