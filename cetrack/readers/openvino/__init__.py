"""OpenVINO's benchmark_app: its reports, its layers' counters and its console log."""

from __future__ import annotations

from collections.abc import Iterator

from cetrack.domain import Notice, RunRecord
from cetrack.errors import ReadError
from cetrack.readers.base import Match, Objection, Reader, lacking, matched
from cetrack.readers.model_files import with_file_label
from cetrack.readers.openvino.log import is_log, read_log
from cetrack.readers.openvino.reports import (
    COUNTERS,
    REPORTS,
    is_counters,
    is_report,
    read_counters,
    read_report,
    report_beside,
)
from cetrack.readers.openvino.results import FORMAT, report_record
from cetrack.readers.source import Source

_TOOL = r"benchmark[-_ ]?app|benchmark(?:[-_ ]\w+?)?[-_ ]report|benchmark"


class OpenvinoReader(Reader):
    """See :class:`cetrack.readers.base.Reader`."""

    name = FORMAT
    version = 1
    suffixes = (".csv", ".json", ".log", ".txt")
    companions = (*REPORTS, COUNTERS)
    description = "OpenVINO benchmark_app: reports of the Python and the C++ tool, console logs"
    recognises = (
        "a log with `[Step 1/11] Parsing and validating input arguments`; CSV with the blocks "
        "`Configuration setup` and `Execution results`; JSON with `execution_results`; counters "
        "with `layerName;execStatus;…`"
    )
    maps_to = (
        "one benchmark run per report, or per run of a log; counters of layers are an artifact of "
        "the report beside them. The precision that the tool states is none: that of the model's "
        "file name counts"
    )
    example = """\
Command line parameters;
m;public/lenet/INT8/lenet.xml;

Configuration setup;
target device;CPU;
batch size;1;

Execution results;
total number of iterations;2440;
Median latency (ms);12.49;
Average latency (ms);12.37;
throughput;80.5;
"""

    def sniff(self, source: Source) -> Match:
        """YES for reports and logs; counters beside the report of their run belong to it."""
        if matched(is_counters, source):
            return Match.COMPANION if report_beside(source) is not None else Match.YES
        return max(matched(is_report, source), matched(is_log, source))

    def objection(self, source: Source) -> Objection | None:
        """JSON that has some blocks of a report."""
        return lacking(("cmd_options", "execution_results"), source.json_keys, "key")

    def read(self, source: Source) -> Iterator[RunRecord | Notice]:
        """One run per report, or per run of the log."""
        notices: list[Notice] = []
        if matched(is_log, source):
            reports = read_log(source, notices)
        elif matched(is_counters, source):
            reports = iter([read_counters(source)])
        elif matched(is_report, source):
            reports = iter([read_report(source)])
        else:
            raise ReadError(source.uri, "no report and no log of benchmark_app")
        for report in reports:
            yield with_file_label(report_record(report), source, _TOOL)
        yield from notices
