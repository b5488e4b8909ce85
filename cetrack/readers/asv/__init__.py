"""airspeed velocity (asv): results of one commit in one environment.

``benchmarks.json`` one folder above defines units and parameters, ``machine.json`` beside it the
machine. A run is dated by its commit, as asv does: old commits are measured late.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping
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
    Spread,
    Status,
)
from cetrack.errors import MalformedSourceError, ReadError
from cetrack.precisions import is_precision
from cetrack.readers.asv.results import (
    MAX_COMBINATIONS,
    STATISTICS,
    Definition,
    Result,
    columns_of,
    definition,
    results,
)
from cetrack.readers.base import Match, Objection, Reader, lacking, matched
from cetrack.readers.entries import pointer
from cetrack.readers.fields import MODEL_KEYS, filled, with_fields
from cetrack.readers.numbers import is_number, param_of
from cetrack.readers.source import Source
from cetrack.readers.stated import Stated, on_device, read_stated, split_precision
from cetrack.readers.times import parse_time
from cetrack.readers.timings import summary, used_metrics

FORMAT = "asv"
_MARKS = ("commit_hash", "date", "params", "python", "results")
_BENCHMARKS = ("../benchmarks.json", "benchmarks.json", "../../benchmarks.json")
_MACHINE = ("machine.json", "../machine.json")
_MACHINE_KEYS = frozenset({"arch", "cpu", "machine", "num_cpu", "os", "ram", "version"})
_DEFINED = frozenset({"name", "param_names", "params", "type", "unit"})
_DETAILS = ("arch", "num_cpu", "python")
_RAM = re.compile(r"^(\d+(?:\.\d*)?)\s*([KMGT]?)(?:i?B)?$", re.IGNORECASE)
_BYTES = {"": 2**10, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}  # bare digits are kB
_OBJECT = re.compile(r"<.* at 0x[0-9a-f]+>")


class AsvReader(Reader):
    """See :class:`cetrack.readers.base.Reader`."""

    name = FORMAT
    version = 1
    suffixes = (".json",)
    companions = (*_BENCHMARKS, *_MACHINE)
    description = "results of airspeed velocity (asv), versions 1 and 2"
    recognises = (
        "a JSON object with `commit_hash`, `date`, `params` and `results`; `benchmarks.json` and "
        "`machine.json` are read with it"
    )
    maps_to = (
        "one benchmark run per benchmark and combination of parameters, so that a trend is a line "
        "per combination: the model is the benchmark with its parameters, or the parameter "
        "`model`; a number format among them is the precision. `time_…` are latencies, `track_…` "
        "metrics of their own name. Runs have the date of the commit"
    )
    example = """\
{"version": 2, "commit_hash": "6f1c0ffee6f1c0ffee6f1c0ffee6f1c0ffee0001", "date": 1780272000000,
 "env_name": "virtualenv-py3.11", "python": "3.11", "requirements": {}, "env_vars": {},
 "params": {"machine": "ci-7", "os": "Linux 6.8", "cpu": "EPYC 7763"},
 "result_columns": ["result", "params", "version"],
 "results": {"models.time_infer": [[0.0121, 0.0042], [["'fp32'", "'int8'"]], "77aa"]}}
"""

    def sniff(self, source: Source) -> Match:
        """YES for results, COMPANION for the two files around them."""
        found = matched(_is_results, source)
        return found or matched(_is_companion, source, Match.COMPANION)

    def objection(self, source: Source) -> Objection | None:
        """What results lack."""
        return lacking(_MARKS, source.json_keys, "key")

    def read(self, source: Source) -> Iterator[RunRecord | Notice]:
        """One run per benchmark and combination; those that were skipped are counted."""
        document = source.json.value
        if not isinstance(document, dict) or not isinstance(document.get("results"), dict):
            raise MalformedSourceError(source.uri, "", "no object of results")
        yield from source.json.notices
        notices: list[Notice] = []
        shared = _Commit(document, _machine(source, document, notices))
        stated = _beside(source, _BENCHMARKS, notices)
        names = document.get("result_columns")
        skipped: Counter[str] = Counter()
        for name, item in document["results"].items():
            known = definition(name, stated.get(name))
            columns = columns_of(item, names if isinstance(names, list) else ())
            place = pointer("/results", name)
            count = -1
            for count, result in enumerate(results(columns, known)):
                if result.value is not None and math.isnan(result.value):
                    skipped[place] += 1
                else:
                    yield shared.record(name, known, result, f"{place}/{count}")
            if count < 0:
                yield Notice(place, f"no combination, or over {MAX_COMBINATIONS}: left out")
        notices += [Notice(place, f"{n} skipped: no run made") for place, n in skipped.items()]
        yield from notices


def _is_results(source: Source) -> bool:
    if not source.looks_like_json or source.first_object is not None:
        return False
    document = source.json.value
    if not isinstance(document, dict) or document.get("version") not in (1, 2):
        return False
    known = {"commit_hash", "params", "python", "results"} <= document.keys()
    return known and isinstance(document["results"], dict)


def _is_companion(source: Source) -> bool:
    if not source.looks_like_json or source.first_object is not None:
        return False
    document = source.json.value
    if not isinstance(document, dict) or not is_number(document.get("version")):
        return False
    if document.keys() == _MACHINE_KEYS or document.keys() == _MACHINE_KEYS - {"num_cpu"}:
        return True
    defined = [item for key, item in document.items() if key != "version"]
    return bool(defined) and all(isinstance(x, dict) and x.keys() >= _DEFINED for x in defined)


def _beside(source: Source, names: tuple[str, ...], notices: list[Notice]) -> dict[str, Any]:
    """The first companion of these names that is one of asv's; nothing where there is none."""
    for found in filter(None, map(source.companion, names)):
        try:
            content = found.json.value if _is_companion(found) else None
        except ReadError as error:
            notices.append(Notice("", f"{found.name} is left out: {error.problem}"))
            continue
        if isinstance(content, dict):
            return content
    return {}


def _machine(
    source: Source, document: Mapping[str, Any], notices: list[Notice]
) -> Mapping[str, Any]:
    """The machine as the results state it, and ``machine.json`` where they do not."""
    params = document.get("params")
    beside = _beside(source, _MACHINE, notices)
    known = {key: value for key, value in beside.items() if key != "version"}
    return {**known, **(params if isinstance(params, dict) else {})}


class _Commit:
    """What holds for all runs of a file."""

    def __init__(self, document: Mapping[str, Any], machine: Mapping[str, Any]) -> None:
        self._machine = machine
        self._started_at = parse_time(document.get("date"))
        commit = document.get("commit_hash")
        self._commit = commit if isinstance(commit, str) else ""
        self._params, self._variant = _versions(document)
        self._environment = _environment(machine, document)

    def record(self, name: str, known: Definition, result: Result, place: str) -> RunRecord:
        """The run of one combination."""
        stated, hint, precision, inner = _names(name, result.params)
        series, samples = _measured(known, result)
        variant = " ".join(filter(None, (inner, self._variant)))
        record = RunRecord(
            format=FORMAT,
            place=place,
            kind=Kind.BENCHMARK,
            identity=Identity.SNAPSHOT,
            raw=_raw(name, self._commit, self._variant, result),
            model=hint,
            precision=precision,
            environment=on_device(self._environment, stated.entry.fields),
            variant=variant,
            status=Status.FINISHED if series else Status.FAILED,
            status_reason="" if series else "the benchmark failed",
            started_at=self._started_at,
            git_commit=self._commit,
            series=tuple(series),
            samples=tuple(samples),
            params={**self._params, **_settings(result, stated)},
            metric_defs=used_metrics(series),
            notices=tuple(stated.entry.notices),
        )
        return with_fields(record, stated.entry.fields)


def _raw(name: str, commit: str, environment: str, result: Result) -> dict[str, Any]:
    """What a result is recognised by."""
    samples = None if result.samples is None else result.samples.tolist()
    return {
        "benchmark": name,
        "commit": commit,
        "environment": environment,
        "params": dict(result.params),
        "result": result.value,
        "statistics": dict(result.statistics),
        "samples": samples,
    }


def _versions(document: Mapping[str, Any]) -> tuple[dict[str, ParamValue], str]:
    """The versions that were measured with, as parameters and as the name of their environment."""
    wanted = document.get("requirements")
    versions = {str(k): str(v) for k, v in wanted.items()} if isinstance(wanted, dict) else {}
    python = document.get("python")
    variables = document.get("env_vars")
    params: dict[str, ParamValue] = {f"requirements.{k}": v for k, v in versions.items()}
    if isinstance(python, str):
        params["python"] = python
    if isinstance(variables, dict):
        params.update({f"env_vars.{key}": str(value) for key, value in variables.items()})
    environment = document.get("env_name")
    if not isinstance(environment, str):
        parts = [f"py{python}", *(f"{key}{value}" for key, value in sorted(versions.items()))]
        environment = "-".join(parts)
    return params, environment


def _environment(machine: Mapping[str, Any], document: Mapping[str, Any]) -> Environment:
    details: dict[str, Any] = {key: machine[key] for key in _DETAILS if key in machine}
    memory = _ram_gib(machine.get("ram"))
    if memory is not None:
        details["ram_gib"] = memory
    cpu, host, system = (machine.get(key) for key in ("cpu", "machine", "os"))
    return Environment(
        accelerator=cpu if isinstance(cpu, str) else "",
        host=host if isinstance(host, str) else "",
        os=system if isinstance(system, str) else "",
        details=details,
    )


def _ram_gib(value: Any) -> float | None:
    """Memory in GiB: ``8.2G`` or kB as text, bytes as a number."""
    if is_number(value) and 0 < value < 2**60:
        return round(float(value) / 2**30, 2)
    found = _RAM.match(value.strip()) if isinstance(value, str) else None
    if found is None or found[1].count(".") > 1 or not found[1].strip("."):
        return None
    return round(float(found[1]) * _BYTES[found[2].upper()] / 2**30, 2)


def _names(name: str, params: Mapping[str, str]) -> tuple[Stated, ModelHint, str, str]:
    """(what the parameters say, model, precision, benchmark where the model is another name)."""
    plain = {key: _unquoted(value) for key, value in params.items()}
    stated = read_stated(plain, "", numbers_are_params=True)
    formats = [value for value in plain.values() if is_precision(value)]
    bare, written = split_precision(name)
    precision = stated.precision or (formats[0] if len(formats) == 1 else "") or written
    rest = [
        value
        for key, value in plain.items()
        if value != precision and key.lower() not in MODEL_KEYS
    ]
    title = bare if precision == written else name
    if rest:
        title = f"{title}({', '.join(rest)})"
    if stated.model.name:
        return stated, stated.model, precision, title
    return stated, filled(stated.model, ModelHint(name=title)), precision, ""


def _unquoted(text: str) -> str:
    """A parameter as people write it: asv has the ``repr`` of a value."""
    if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"":
        return text[1:-1]
    return _OBJECT.sub("object", text) if len(text) < 1000 else text[:1000]


def _settings(result: Result, stated: Stated) -> dict[str, ParamValue]:
    number = result.statistics.get("number")
    own: dict[str, ParamValue] = (
        {} if number is None or not number.is_integer() else {"number": param_of(int(number))}
    )
    return {**own, **stated.entry.params}


def _measured(known: Definition, result: Result) -> tuple[list[Series], list[Sample]]:
    if result.value is None:
        return [], []
    stem, unit = known.metric, known.unit
    # with repetitions the result is their median; the old asv took the least of them
    has_median = stem == "latency" and "repeat" in result.statistics
    spread = None
    samples = []
    if result.samples is not None:
        samples = [Sample(name=stem, values=result.samples, unit=unit)]
        found = summary(result.samples)[1]
        spread = Spread(std=found.std, min=found.min, max=found.max, n=found.n)
    elif "repeat" in result.statistics and result.statistics["repeat"].is_integer():
        spread = Spread(n=int(result.statistics["repeat"]))
    name = f"{stem}_median" if has_median else stem
    series = [Series.scalar(name, result.value, unit=unit, spread=spread)]
    for key, ending in STATISTICS.items():
        if key in result.statistics:
            series.append(Series.scalar(f"{stem}_{ending}", result.statistics[key], unit=unit))
    return series, samples
