"""Home-made result files: FP32 beside INT8 in whatever shape somebody found handy.

The lowest claim of all readers, and only where it is sure: a precision that is one beyond doubt (a
key, a field, part of a name, a count of bits, or the file's own name) with numbers that people
measure. Everything else is left alone, and ``objection`` says what is missing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from cetrack.domain import Notice, RunRecord
from cetrack.errors import ReadError
from cetrack.hints import path_hints
from cetrack.readers.base import Match, Objection, Reader, matched
from cetrack.readers.csv_text import header
from cetrack.readers.lines import json_lines
from cetrack.readers.results.labels import (
    FORMAT_KEYS,
    LABEL_KEYS,
    is_bit_field,
    is_measure,
    is_setting,
    slug,
    split_key,
)
from cetrack.readers.results.records import FORMAT, records_of
from cetrack.readers.results.tables import result_table
from cetrack.readers.results.tree import Results, find_results, find_rows
from cetrack.readers.source import Source

_MOST_BYTES = 32 * 2**20  # more is no file that somebody made by hand
_YAML = (".yaml", ".yml")
_LONG_FORM = frozenset({"measure", "measurement", "metric", "metric_name", "unit", "value"})


class ResultsReader(Reader):
    """See :class:`cetrack.readers.base.Reader`."""

    name = FORMAT
    version = 1
    is_last_resort = True
    suffixes = (".json", ".jsonl", ".csv", ".tsv", ".yaml", ".yml")
    description = "home-made results at several precisions, in any shape"
    recognises = (
        "numbers that people measure under a precision: as a key at any depth, a field or a "
        "column (`precision`, `dtype`, `variant`, `stage`, `bits` …), part of a name "
        "(`int8_latency_ms`), or the file's own name; a claim of any other reader goes before it"
    )
    maps_to = "one benchmark run per model and precision, or per row"
    example = """\
{"host": "bench-01", "models": {"lenet": {"variants": {
   "float32": {"latency_mean_ms": 1.9, "test_accuracy": 0.991},
   "int8": {"latency_mean_ms": 0.6, "test_accuracy": 0.989}}}}}

model,stage,bits,perplexity,size_mb,source
opt-125m,FP32 baseline,32,27.6,501.0,measured
opt-125m,GPTQ,4,31.1,79.2,cited: its paper

{"model": "lenet", "fp32_size_mb": 1.7, "int8_size_mb": 0.5, "int8_accuracy": 0.989}
"""

    def sniff(self, source: Source) -> Match:
        """MAYBE when some run is proven to have a precision and measurements."""
        return matched(_is_sure, source, Match.MAYBE)

    def read(self, source: Source) -> Iterator[RunRecord | Notice]:
        """One run per model and precision; of a file that states none, one of all its numbers."""
        if source.size_bytes > _MOST_BYTES:
            problem = f"larger than {_MOST_BYTES // 2**20} MiB, more than is read as '{FORMAT}'"
            raise ReadError(source.uri, problem, hint="a mapping in cetrack.toml may read it")
        document = _document(source)
        results = document.results()
        if not results.runs():
            results = document.results(whole=True)
        yield from document.notices
        yield from results.notices
        found = False
        for item in records_of(results):
            found = found or isinstance(item, RunRecord)
            yield item
        if not found:
            hint = "cetrack formats suggest FILE drafts a mapping for it"
            raise ReadError(source.uri, "no measurements of a precision in it", hint=hint)

    def objection(self, source: Source) -> Objection | None:
        """What is missing to numbers that somebody measured."""
        try:
            return _objection(source)
        except ReadError:
            return None


# --- recognising -----------------------------------------------------------------------------


def _is_sure(source: Source) -> bool:
    if not _is_readable(source):
        return False
    document = _document(source)
    if document.results().is_sure():
        return True
    return bool(named_precision(source)) and _is_measured(document.results(whole=True))


def _is_readable(source: Source) -> bool:
    """True for what is worth the walk: not too large, and for CSV with headings that may do."""
    if not source.is_text or source.size_bytes > _MOST_BYTES:
        return False
    return source.looks_like_json or _is_yaml(source) or _is_table(source)


def _is_yaml(source: Source) -> bool:
    return source.name.lower().endswith(_YAML)


def _is_table(source: Source) -> bool:
    """True for two headings or more, of which one may tell a precision and one is measured."""
    names = [name for name in header(source) if name]
    if len(names) < 2:
        return False
    slugs = {slug(name) for name in names}
    told = bool(slugs & {*FORMAT_KEYS, *LABEL_KEYS}) or any(map(is_bit_field, names))
    wide = [split for split in map(split_key, names) if split is not None]
    measured = any(is_measure(name) and not is_setting(name) for name in names)
    measured = measured or len(slugs & _LONG_FORM) > 1
    return measured and (told or bool(wide) or bool(named_precision(source)))


def named_precision(source: Source) -> str:
    """The precision that the file's name, or its folders, say."""
    inner = source.inner if source.inner.name else PurePath(source.name)
    whole = PurePath(source.key) if source.path is not None else inner
    return path_hints(inner, whole)[1]


def _is_measured(results: Results) -> bool:
    """True for runs with two measurements or more: a single number may be anything."""
    return any(len(item.measured()) > 1 for item in results.runs())


def _objection(source: Source) -> Objection | None:
    if not _is_readable(source):
        return None
    document = _document(source)
    results = document.results()
    if results.unmeasured and not results.runs():
        return Objection(0.6, "it says itself that nothing was measured")
    if results.lists:
        return Objection(0.7, "lists by position, nothing says what each number is of")
    if results.nameless:
        return Objection(0.7, "numbers of precisions, nothing says of which metric")
    whole = document.results(whole=True)
    if not any(item.is_measured for item in whole.runs()):
        return None
    labels = {item.names["precision"] for item in whole.runs() if item.names.get("precision")}
    if labels:
        shown = ", ".join(sorted(labels)[:3])
        return Objection(0.8, f"'{shown:.60}' is no precision that cetrack knows")
    return Objection(
        0.5, "numbers, but no precision: --reader results --set precision=NAME says it"
    )


# --- documents -------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Document:
    """What a source holds: a document, or rows with their places."""

    content: Any
    places: list[str] | None
    notices: list[Notice]

    def results(self, *, whole: bool = False) -> Results:
        """The runs in it."""
        if self.places is None:
            return find_results(self.content, whole=whole)
        return find_rows(self.content, self.places, whole=whole)


def _document(source: Source) -> _Document:
    """The content of a source, by what it looks like. Raises ReadError."""
    if source.first_object is not None:
        notices: list[Notice] = []
        pairs = [(f"line {n}", item) for n, item in json_lines(source, notices) if _is_object(item)]
        return _Document([item for _, item in pairs], [place for place, _ in pairs], notices)
    if source.looks_like_json:
        return _Document(source.json.value, None, list(source.json.notices))
    if _is_yaml(source):
        return _Document(source.yaml, None, [])
    table = result_table(source)
    return _Document(table.rows, table.places, table.notices)


def _is_object(item: Any) -> bool:
    return isinstance(item, Mapping)
