"""NVIDIA trtexec: its console log, its exports, and the metadata that its engine explorer makes."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from cetrack.domain import Notice, RunRecord
from cetrack.errors import ReadError
from cetrack.readers.base import Match, Reader, matched
from cetrack.readers.source import Source
from cetrack.readers.trtexec.beside import COMPANIONS, is_log, with_neighbours
from cetrack.readers.trtexec.explorer import is_settings, is_summary, read_summary
from cetrack.readers.trtexec.exports import is_profile, is_times, read_profile, read_times
from cetrack.readers.trtexec.log import log_runs
from cetrack.readers.trtexec.records import FORMAT, log_record

_Read = Callable[[Source], Iterator[RunRecord | Notice]]


class TrtexecReader(Reader):
    """See :class:`cetrack.readers.base.Reader`."""

    name = FORMAT
    version = 1
    suffixes = (".json", ".log", ".profile", ".txt")
    companions = COMPANIONS
    description = "NVIDIA trtexec (TensorRT 7 to 10): console logs, exported times and profiles"
    recognises = (
        "a log with `&&&& RUNNING TensorRT.trtexec`; a JSON array of queries with `computeMs` and "
        "`latencyMs` (--exportTimes) or of `{count}` and layers (--exportProfile); JSON with a "
        "`performance_summary` (engine explorer)"
    )
    maps_to = (
        "one benchmark run per run of the log, or per array: queries are samples with their "
        "statistics, layers an artifact with their total. An array has the model, precision and "
        "device of the log that has its name, or that names it; a loaded engine has the precision "
        "that is in its name"
    )
    example = """\
&&&& RUNNING TensorRT.trtexec [TensorRT v8601] # trtexec --onnx=lenet.onnx --fp16
[06/01/2026-02:00:00] [I] === Build Options ===
[06/01/2026-02:00:00] [I] Precision: FP32+FP16
[06/01/2026-02:00:09] [I] === Performance summary ===
[06/01/2026-02:00:09] [I] Throughput: 1987.5 qps
[06/01/2026-02:00:09] [I] Latency: min = 0.48 ms, max = 0.91 ms, mean = 0.5 ms, median = 0.5 ms
&&&& PASSED TensorRT.trtexec [TensorRT v8601] # trtexec --onnx=lenet.onnx --fp16

[
  { "startComputeMs" : 201.5, "endComputeMs" : 202, "computeMs" : 0.5, "latencyMs" : 0.5 }
, { "startComputeMs" : 202, "endComputeMs" : 202.6, "computeMs" : 0.6, "latencyMs" : 0.6 }
]
"""

    def sniff(self, source: Source) -> Match:
        """YES for all but metadata that other files are read with."""
        if _read_of(source) is not None:
            return Match.YES
        return matched(is_settings, source, Match.COMPANION)

    def read(self, source: Source) -> Iterator[RunRecord | Notice]:
        """One run per run of the log or array of the file."""
        read = _read_of(source)
        if read is None and matched(is_settings, source):
            yield Notice("", "only read with the exports of the same engine: no run made")
            return
        if read is None:
            raise ReadError(source.uri, "no log of trtexec and none of its exports")
        yield from read(source)


def _read_of(source: Source) -> _Read | None:
    found = (read for test, read in _KINDS if matched(test, source))
    return next(found, None)


def _read_log(source: Source) -> Iterator[RunRecord | Notice]:
    notices: list[Notice] = []
    for run in log_runs(source, notices):
        yield log_record(run)
    yield from notices


def _read_export(read: _Read) -> _Read:
    def read_with_neighbours(source: Source) -> Iterator[RunRecord | Notice]:
        for item in read(source):
            yield item if isinstance(item, Notice) else with_neighbours(item, source)

    return read_with_neighbours


_KINDS: tuple[tuple[Callable[[Source], bool], _Read], ...] = (
    (is_log, _read_log),
    (is_times, _read_export(read_times)),
    (is_profile, _read_export(read_profile)),
    (is_summary, _read_export(read_summary)),
)
