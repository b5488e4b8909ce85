"""google-benchmark: the JSON of ``--benchmark_out``, or what it prints to the console.

Rows of one ``run_name`` are one run: repetitions, aggregates of them, and user counters. Every row
has its own time unit. A percentage (``cv``, ``rms``) is written as a fraction.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from cetrack.domain import Environment, Identity, Kind, ModelHint, Notice, RunRecord
from cetrack.errors import MalformedSourceError
from cetrack.precisions import is_precision
from cetrack.readers.base import Match, Objection, Reader, lacking, matched
from cetrack.readers.fields import filled, with_fields
from cetrack.readers.google_benchmark.console import console_document, is_console
from cetrack.readers.google_benchmark.rows import Row, groups, is_row, measured
from cetrack.readers.source import Source
from cetrack.readers.stated import Stated, read_stated, split_precision
from cetrack.readers.timings import used_metrics

FORMAT = "google_benchmark"
_DETAILS = ("cpu_scaling_enabled", "library_version", "mhz_per_cpu", "num_cpus")
# what else the library itself writes into the context
_CONTEXT = frozenset(
    {*_DETAILS, "aslr_enabled", "caches", "date", "executable", "host_name", "json_schema_version",
     "library_build_type", "load_avg"}
)  # fmt: skip


class GoogleBenchmarkReader(Reader):
    """See :class:`cetrack.readers.base.Reader`."""

    name = FORMAT
    version = 1
    suffixes = (".json", ".txt")
    description = "results of google-benchmark (C++): its JSON, or its console output"
    recognises = (
        "a JSON object with `benchmarks` that have `real_time` and `cpu_time`; the console's table"
    )
    maps_to = (
        "one benchmark run per benchmark, with repetitions and aggregates joined; user counters "
        "are metrics. Model and precision are taken from the name (`BM_Resnet50/int8`) and the "
        "context; one with an error is a failed run"
    )
    example = """\
{"context": {"date": "2026-06-01T02:00:00+00:00", "host_name": "ci-7", "num_cpus": 8},
 "benchmarks": [
   {"name": "BM_Resnet50/int8", "run_name": "BM_Resnet50/int8", "run_type": "iteration",
    "iterations": 170, "real_time": 4.2, "cpu_time": 4.1, "time_unit": "ms"}]}
"""

    def sniff(self, source: Source) -> Match:
        """YES when rows have both times, or the console's heading stands above them."""
        return matched(_is_report, source)

    def objection(self, source: Source) -> Objection | None:
        """What a report lacks."""
        return lacking(("benchmarks", "context"), source.json_keys, "key")

    def read(self, source: Source) -> Iterator[RunRecord | Notice]:
        """One run per name, in the order of the file."""
        notices: list[Notice] = []
        if source.looks_like_json:
            document = source.json.value
            notices += source.json.notices
        else:
            document = console_document(source, notices)
        yield from notices
        items = document.get("benchmarks") if isinstance(document, dict) else None
        if not isinstance(items, list):
            raise MalformedSourceError(source.uri, "", "no list of benchmarks")
        context = _context(document.get("context"))
        yield from context.stated.entry.notices
        rows = []
        for number, item in enumerate(items):
            place = f"/benchmarks/{number}"
            if isinstance(item, dict) and isinstance(item.get("name"), str):
                rows.append(Row(place, item))
            else:
                yield Notice(place, "a benchmark without a name: left out")
        for name, group in groups(rows).items():
            yield _record(name, group, context)


def _is_report(source: Source) -> bool:
    if not source.looks_like_json:
        return source.is_text and is_console(source)
    if source.first_object is not None:
        return False
    document = source.json.value
    items = document.get("benchmarks") if isinstance(document, dict) else None
    return isinstance(items, list) and any(map(is_row, items))


@dataclass(frozen=True, slots=True)
class _Context:
    """What a file says about all of its runs."""

    environment: Environment
    fields: Mapping[str, Any]
    executable: str
    stated: Stated


def _context(content: Any) -> _Context:
    values = content if isinstance(content, dict) else {}
    own = {key: value for key, value in values.items() if key not in _CONTEXT}
    params = {"library_build_type": values.get("library_build_type"), **own}
    executable = values.get("executable")
    path = executable.replace("\\", "/") if isinstance(executable, str) else ""
    dated = read_stated({"date": values.get("date")}, "/context").entry.fields
    host = values.get("host_name")
    return _Context(
        environment=Environment(
            host=host if isinstance(host, str) else "",
            details={key: values[key] for key in _DETAILS if key in values},
        ),
        fields=dated,
        executable=PurePath(path).name,
        stated=read_stated(params, "/context", numbers_are_params=True),
    )


def _record(name: str, rows: list[Row], context: _Context) -> RunRecord:
    found = measured(rows)
    bare, written = split_precision(name)
    label = str(found.params.get("label", ""))
    stated = context.stated
    precision = written or (label if is_precision(label) else "") or stated.precision
    hint = filled(stated.model, ModelHint(name=bare))
    record = RunRecord(
        format=FORMAT,
        place=rows[0].place,
        kind=Kind.BENCHMARK,
        identity=Identity.SNAPSHOT,
        raw=[row.values for row in rows],
        model=hint,
        precision=precision,
        environment=context.environment,
        variant=_variant(context, bare),
        status=found.status,
        status_reason=found.reason,
        series=tuple(found.series),
        samples=tuple(found.samples),
        params={**stated.entry.params, **found.params},
        metric_defs=used_metrics(found.series, found.definitions),
        notices=tuple(found.notices),
    )
    return with_fields(record, {**context.fields, **stated.entry.fields})


def _variant(context: _Context, benchmark: str) -> str:
    """The program, and the benchmark where the model is called something else."""
    named = benchmark if context.stated.model.name else ""
    return ":".join(filter(None, (context.executable, named)))
