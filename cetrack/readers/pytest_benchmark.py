"""pytest-benchmark: one JSON file per session, one run per benchmark in it.

Times are seconds per iteration. What is derived from the others is left out: fences, counts of
outliers and the total. ``options.precision`` is a setting of the harness, no number format.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from cetrack.domain import (
    Environment,
    Identity,
    Kind,
    ModelHint,
    Notice,
    ParamValue,
    RunRecord,
    Sample,
    Series,
)
from cetrack.errors import MalformedSourceError
from cetrack.readers.base import Match, Objection, Reader, lacking, matched
from cetrack.readers.fields import filled, with_fields
from cetrack.readers.numbers import float_of, is_number, param_of
from cetrack.readers.source import Source
from cetrack.readers.stated import (
    Stated,
    object_in,
    on_device,
    read_stated,
    split_precision,
    text_in,
    without_piece,
)
from cetrack.readers.times import parse_time
from cetrack.readers.timings import repetitions, stated_spread, statistics, used_metrics

FORMAT = "pytest_benchmark"
_MARKS = ("benchmarks", "commit_info", "machine_info")
_STATISTICS = {
    "iqr": "latency_iqr",
    "max": "latency_max",
    "median": "latency_median",
    "min": "latency_min",
    "q1": "latency_p25",
    "q3": "latency_p75",
    "stddev": "latency_std",
}
_SETTINGS = ("iterations", "rounds")
_CPU = ("arch", "count", "hz_advertised_friendly")
_OBJECT = "UNSERIALIZABLE["
_NO_COMMIT = frozenset({"unknown", "unversioned"})


class PytestBenchmarkReader(Reader):
    """See :class:`cetrack.readers.base.Reader`."""

    name = FORMAT
    version = 1
    suffixes = (".json",)
    description = "results of pytest-benchmark (`--benchmark-json`, `--benchmark-autosave`)"
    recognises = "a JSON object with `benchmarks`, each with `stats` of its rounds"
    maps_to = (
        "one benchmark run per test: its times, `ops`, and the numbers in `extra_info`. Model and "
        "precision are taken from `extra_info` and the parameters, else from the name "
        "(`test_infer[resnet50-int8]`); the variant is the test's file and class"
    )
    example = """\
{"machine_info": {"node": "ci-7", "system": "Linux", "release": "6.8"},
 "commit_info": {"id": "6f1c0ffee", "dirty": false}, "datetime": "2026-06-01T02:00:00+00:00",
 "benchmarks": [{"name": "test_infer[int8]", "fullname": "tests/test_resnet.py::test_infer[int8]",
   "params": {"precision": "int8"}, "extra_info": {"model": "resnet50", "accuracy": 0.75},
   "stats": {"min": 0.0040, "max": 0.0046, "mean": 0.0042, "stddev": 0.0001, "median": 0.0042,
             "rounds": 100, "iterations": 1, "ops": 238.1}}], "version": "5.1.0"}
"""

    def sniff(self, source: Source) -> Match:
        """YES when a benchmark has statistics of its rounds, or the session is named by others."""
        return matched(_is_session, source)

    def objection(self, source: Source) -> Objection | None:
        """What a session lacks."""
        return lacking(_MARKS, source.json_keys, "key")

    def read(self, source: Source) -> Iterator[RunRecord | Notice]:
        """One run per benchmark that has numbers."""
        document = source.json.value
        items = document.get("benchmarks") if isinstance(document, dict) else None
        if not isinstance(items, list):
            raise MalformedSourceError(source.uri, "", "no list of benchmarks")
        yield from source.json.notices
        session = _session(document)
        if not items:
            yield Notice("/benchmarks", "no benchmarks in it")
        for number, item in enumerate(items):
            place = f"/benchmarks/{number}"
            if isinstance(item, dict) and (
                _stats(item) or isinstance(item.get("extra_info"), dict)
            ):
                yield _record(item, place, session)
            else:
                yield Notice(place, "no statistics: no run made")


def _is_session(source: Source) -> bool:
    if not source.looks_like_json or source.first_object is not None:
        return False
    document = source.json.value
    items = document.get("benchmarks") if isinstance(document, dict) else None
    if not isinstance(items, list):
        return False
    if not items:
        return "commit_info" in document and "machine_info" in document
    return any(isinstance(item, dict) and "name" in item and bool(_stats(item)) for item in items)


def _stats(item: Mapping[str, Any]) -> Mapping[str, Any]:
    """The statistics of a benchmark; empty where it has none."""
    stats = item.get("stats")
    known = isinstance(stats, dict) and "rounds" in stats and is_number(stats.get("mean"))
    return stats if isinstance(stats, dict) and known else {}


def _session(document: Mapping[str, Any]) -> RunRecord:
    """What holds for all runs of a file, as a record without numbers."""
    machine, commit = object_in(document, "machine_info"), object_in(document, "commit_info")
    tags = {f"git_{key}": text for key in ("branch", "project") if (text := text_in(commit, key))}
    if commit.get("dirty") is True:
        tags["git_dirty"] = "true"
    if text_in(document, "version"):
        tags["pytest_benchmark_version"] = text_in(document, "version")
    commit_id = text_in(commit, "id")
    return RunRecord(
        format=FORMAT,
        place="",
        kind=Kind.BENCHMARK,
        identity=Identity.SNAPSHOT,
        environment=_environment(machine),
        started_at=parse_time(document.get("datetime")),
        git_commit="" if commit_id in _NO_COMMIT else commit_id,
        tags=tags,
    )


def _environment(machine: Mapping[str, Any]) -> Environment:
    cpu = object_in(machine, "cpu")
    brand = text_in(cpu, "brand_raw") or text_in(cpu, "brand")
    details = {key: value for key, value in machine.items() if key.startswith("python_")}
    details.update({f"cpu_{key}": cpu[key] for key in _CPU if key in cpu})
    return Environment(
        accelerator=brand,
        host=text_in(machine, "node"),
        os=" ".join(filter(None, (text_in(machine, "system"), text_in(machine, "release")))),
        details=details,
    )


def _record(item: Mapping[str, Any], place: str, session: RunRecord) -> RunRecord:
    params = {key: value for key, value in object_in(item, "params").items() if _is_kept(value)}
    settings = read_stated(params, f"{place}/params", numbers_are_params=True)
    extra = read_stated(object_in(item, "extra_info"), f"{place}/extra_info")
    stats = _stats(item)
    hint, precision, variant = _names(item, settings, extra)
    series = [*_series(stats), *extra.entry.series.values()]
    data = repetitions(stats.get("data"))
    samples = [] if data is None else [Sample(name="latency", values=data, unit="s")]
    fields = {**settings.entry.fields, **extra.entry.fields}
    record = replace(
        session,
        place=place,
        raw=item,
        model=hint,
        precision=precision,
        variant=variant,
        environment=on_device(session.environment, fields),
        series=tuple(series),
        samples=(*samples, *extra.entry.samples),
        artifacts=tuple(extra.entry.artifacts),
        params=_params(item, stats, settings, extra),
        metric_defs=used_metrics(series),
        notices=(*settings.entry.notices, *extra.entry.notices),
    )
    return with_fields(record, fields)


def _is_kept(value: Any) -> bool:
    """False for an object that only its address in memory tells apart."""
    return not (isinstance(value, str) and value.startswith(_OBJECT))


def _series(stats: Mapping[str, Any]) -> list[Series]:
    if not stats:
        return []
    spread = stated_spread(stats, "stddev", "rounds")
    mean = Series.scalar("latency_mean", float_of(stats["mean"]), unit="s", spread=spread)
    rates = statistics(stats, {"ops": "ops"}, "1/s")
    return [mean, *statistics(stats, _STATISTICS, "s"), *rates]


def _names(item: Mapping[str, Any], settings: Stated, extra: Stated) -> tuple[ModelHint, str, str]:
    """(model, precision, variant): the test names what the settings leave open, and where it is
    defined keeps tests of one name or one model apart."""
    name = text_in(item, "name") or text_in(item, "fullname").rpartition("::")[2]
    bare, written = split_precision(name)
    precision = extra.precision or settings.precision or written
    where = text_in(item, "fullname").removesuffix(name).removesuffix("::")
    hint = filled(extra.model, settings.model)
    if not hint.name:
        return filled(hint, ModelHint(name=bare)), precision, where
    return hint, precision, "::".join(filter(None, (where, without_piece(bare, hint.name))))


def _params(
    item: Mapping[str, Any], stats: Mapping[str, Any], settings: Stated, extra: Stated
) -> dict[str, ParamValue]:
    own = {key: param_of(stats[key]) for key in _SETTINGS if is_number(stats.get(key))}
    if text_in(item, "group"):
        own["group"] = text_in(item, "group")
    return {**own, **settings.entry.params, **extra.entry.params}
