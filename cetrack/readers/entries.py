"""Sorting one JSON object of measurements into metrics, samples, fields, params and artifacts.

Shared by the snapshot readers. Names stay those of the file. Rules: a number is a metric; a
one-dimensional list of numbers is a sample; ``{mean, std, …}`` is one metric with its spread;
other nested numbers get dotted names; text is a parameter, or a number where the name is a known
metric's; matrices and the like are artifacts.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from cetrack.domain import (
    Artifact,
    Environment,
    ModelHint,
    Notice,
    ParamValue,
    RunRecord,
    Sample,
    Series,
    Spread,
    Status,
)
from cetrack.metrics import catalogue, resolve
from cetrack.readers.times import parse_time
from cetrack.units import find_unit

INT64_MAX = 2**63 - 1
_NUMBER_TEXT = re.compile(
    r"^\s*(?P<number>[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|[+-]?inf(?:inity)?|nan)"
    r"\s*(?P<unit>[%a-zA-Zµ/_]*)\s*$",
    re.IGNORECASE,
)
_MISSING = frozenset(
    {"", "-", "--", "n/a", "na", "none", "null", "unknown", "not measured", "unavailable", "tbd"}
)

# keys that state a field of the run, in lower case → field of RunRecord
FIELD_KEYS: Mapping[str, str] = {
    "accelerator": "accelerator",
    "batch": "batch_size",
    "batch_size": "batch_size",
    "batchsize": "batch_size",
    "commit": "git_commit",
    "compression_method": "method",
    "cpu_name": "accelerator",
    "created_at": "started_at",
    "dataset": "dataset",
    "date": "started_at",
    "datetime": "started_at",
    "device": "device",
    "evaluated_on": "device",
    "experiment": "experiment",
    "experiment_name": "experiment",
    "finished_at": "finished_at",
    "framework": "runtime",
    "framework_version": "runtime_version",
    "git_commit": "git_commit",
    "git_sha": "git_commit",
    "gpu_name": "accelerator",
    "host": "host",
    "hostname": "host",
    "method": "method",
    "os": "os",
    "quantization_method": "method",
    "random_seed": "seed",
    "run_date": "started_at",
    "run_name": "name",
    "runtime": "runtime",
    "runtime_version": "runtime_version",
    "seed": "seed",
    "split": "split",
    "started_at": "started_at",
    "status": "status",
    "task": "task",
    "timestamp": "started_at",
    "variant": "variant",
}
# numbers that are settings, not measurements
PARAM_KEYS = frozenset(
    {
        "bits", "calibration_samples", "channels", "epochs", "image_size", "img_size", "iterations",
        "max_epochs", "num_classes", "num_epochs", "num_runs", "num_samples", "num_threads",
        "num_workers", "opset", "patience", "repeats", "runs", "sequence_length", "threads",
        "version", "warmup", "warmup_runs", "weight_decay", "momentum", "workers",
    }
)  # fmt: skip
_MODEL_KEYS = {
    "category": "category",
    "description": "description",
    "input_shape": "input_shape",
    "input_size": "input_shape",
    "library": "library",
    "model": "name",
    "model_name": "name",
}
_ENVIRONMENT = {"accelerator", "device", "host", "os", "runtime", "runtime_version"}
_STATISTICS = {"mean": "mean", "avg": "mean", "average": "mean", "value": "mean"}
_SPREAD = {
    "count": "n",
    "max": "max",
    "min": "min",
    "n": "n",
    "std": "std",
    "std_dev": "std",
    "stddev": "std",
    "stdev": "std",
}


@dataclass
class Entry:
    """What was found in one object; grows while it is read."""

    series: list[Series] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)
    params: dict[str, ParamValue] = field(default_factory=dict)
    artifacts: list[Artifact] = field(default_factory=list)
    fields: dict[str, Any] = field(default_factory=dict)
    notices: list[Notice] = field(default_factory=list)

    @property
    def has_numbers(self) -> bool:
        """True when anything was measured."""
        return bool(self.series or self.samples)


def pointer(place: str, key: object) -> str:
    """A JSON pointer one level down (RFC 6901)."""
    return f"{place}/{str(key).replace('~', '~0').replace('/', '~1')}"


def read_entry(values: Mapping[str, Any], place: str, *, numbers_are_params: bool = False) -> Entry:
    """Sort an object. With ``numbers_are_params`` (a configuration block) nothing is a metric."""
    entry = Entry()
    _sort_into(entry, values, place, prefix="", settings=numbers_are_params)
    return entry


def _sort_into(
    entry: Entry, values: Mapping[str, Any], place: str, *, prefix: str, settings: bool
) -> None:
    for key, value in values.items():
        where = pointer(place, key)
        name = f"{prefix}{key}"
        if value is None or (not prefix and _take_field(entry, str(key), value, where)):
            continue
        if isinstance(value, Mapping):
            _sort_object(entry, name, value, where, settings=settings)
        elif isinstance(value, list):
            _sort_list(entry, name, value, where, settings=settings)
        elif isinstance(value, str):
            _sort_text(entry, name, value, where, settings=settings)
        elif isinstance(value, bool) or settings or name.lower() in PARAM_KEYS:
            entry.params[name] = value if isinstance(value, bool) else _number(value)
        else:
            _add_metric(entry, Series.scalar(name, float_of(value), place=where))


def _sort_object(
    entry: Entry, name: str, value: Mapping[str, Any], where: str, *, settings: bool
) -> None:
    spread = None if settings else _spread_of(value)
    if spread is None:
        _sort_into(entry, value, where, prefix=f"{name}.", settings=settings)
        return
    mean, found, rest = spread
    unit = rest.pop("unit", None)
    _add_metric(
        entry,
        Series.scalar(
            name, mean, spread=found, unit=unit if isinstance(unit, str) else None, place=where
        ),
    )
    _sort_into(entry, rest, where, prefix=f"{name}.", settings=False)


def _spread_of(value: Mapping[str, Any]) -> tuple[float, Spread, dict[str, Any]] | None:
    """(mean, spread, the other keys) of a ``{mean, std, …}`` object, None if it is none."""
    lowered = {str(key).lower(): key for key in value}
    centre = next((lowered[key] for key in _STATISTICS if key in lowered), None)
    if centre is None or not is_number(value[centre]):
        return None
    known: dict[str, Any] = {}
    rest = {key: item for key, item in value.items() if key != centre}
    for key, original in lowered.items():
        item = value[original]
        if key in _SPREAD and is_number(item):
            whole = _SPREAD[key] != "n" or (float_of(item).is_integer() and item >= 0)
            if whole and math.isfinite(float_of(item)):
                known[_SPREAD[key]] = int(item) if _SPREAD[key] == "n" else float_of(item)
                rest.pop(original)
    return float_of(value[centre]), Spread(**known), rest


def _sort_list(entry: Entry, name: str, value: list[Any], where: str, *, settings: bool) -> None:
    if value and not settings and is_numeric(value):
        numbers = [math.nan if item is None else float_of(item) for item in value]
        entry.samples.append(Sample(name=name, values=np.array(numbers, np.float64)))
    elif settings or all(isinstance(item, str) for item in value):
        entry.params[name] = ", ".join(str(item) for item in value)
    else:
        entry.artifacts.append(Artifact(name=name, content=value))


def _sort_text(entry: Entry, name: str, value: str, where: str, *, settings: bool) -> None:
    number = None if settings else number_in_text(value)
    known = not settings and is_known_metric(name)
    if number is not None and (known or (number[1] and find_unit(number[1]))):
        entry.notices.append(Notice(where, f"number written as text: {shortened(value)}"))
        _add_metric(entry, Series.scalar(name, number[0], unit=number[1] or None, place=where))
    elif known and value.strip().lower() in _MISSING:
        entry.notices.append(Notice(where, f"{shortened(value)} is not a number: left out"))
    elif known:
        entry.notices.append(
            Notice(where, f"{shortened(value)} is not a number: kept as a parameter")
        )
        entry.params[name] = value
    else:
        entry.params[name] = value


def _add_metric(entry: Entry, series: Series) -> None:
    taken = {item.name for item in entry.series}
    if series.name in taken:
        number = next(n for n in range(2, len(taken) + 3) if f"{series.name}#{n}" not in taken)
        entry.notices.append(
            Notice(series.place, f"second value named '{series.name}': kept as '#{number}'")
        )
        series = replace(series, name=f"{series.name}#{number}")
    if math.isnan(series.values[0]):
        entry.notices.append(Notice(series.place, "NaN: stored as a missing value"))
    elif math.isinf(series.values[0]):
        entry.notices.append(Notice(series.place, "infinite, or beyond a 64-bit float"))
    entry.series.append(series)


def _take_field(entry: Entry, key: str, value: Any, where: str) -> bool:
    """Take a key that states a field of the run; False when it is something else."""
    name = FIELD_KEYS.get(key.lower())
    if name is None or isinstance(value, (list, Mapping, bool)):
        return False
    taken = _field_value(name, value)
    if taken is None:
        if isinstance(value, (int, float)) and name not in ("seed", "batch_size", "started_at"):
            return False
        entry.notices.append(Notice(where, f"{shortened(value)} is no {name}: kept as a parameter"))
        entry.params[key] = value if isinstance(value, str) else _number(value)
        return True
    entry.fields[name] = taken
    return True


def _field_value(name: str, value: Any) -> Any:
    if name in ("started_at", "finished_at"):
        return parse_time(value)
    if name in ("seed", "batch_size"):
        return whole_number(value)
    if name == "status":
        return _STATUS.get(str(value).strip().lower())
    return value if isinstance(value, str) and value.strip() else None


_STATUS = {
    "aborted": Status.KILLED,
    "completed": Status.FINISHED,
    "crashed": Status.FAILED,
    "done": Status.FINISHED,
    "error": Status.FAILED,
    "failed": Status.FAILED,
    "finished": Status.FINISHED,
    "interrupted": Status.KILLED,
    "killed": Status.KILLED,
    "ok": Status.FINISHED,
    "running": Status.RUNNING,
    "success": Status.FINISHED,
}


def model_hint(values: Mapping[str, Any], name: str = "") -> tuple[ModelHint, dict[str, Any]]:
    """What a metadata object says about a model, and the keys that it could not use."""
    known: dict[str, str] = {}
    rest: dict[str, Any] = {}
    for key, value in values.items():
        target = _MODEL_KEYS.get(str(key).lower())
        if target is None:
            rest[key] = value
        elif value not in (None, "") and target not in known:
            known[target] = value if isinstance(value, str) else _written(value)
    return ModelHint(**{**known, **({"name": name} if name else {})}), rest


def _written(value: Any) -> str:
    return "[" + ", ".join(map(str, value)) + "]" if isinstance(value, list) else str(value)


def with_fields(record: RunRecord, fields: Mapping[str, Any]) -> RunRecord:
    """The record with fields set where it is still silent."""
    environment = {
        name: value
        for name, value in fields.items()
        if name in _ENVIRONMENT and not getattr(record.environment, name)
    }
    rest = {
        name: value
        for name, value in fields.items()
        if name not in _ENVIRONMENT and _is_silent(record, name)
    }
    return replace(record, environment=replace(record.environment, **environment), **rest)


def _is_silent(record: RunRecord, name: str) -> bool:
    return name == "status" or getattr(record, name) in (None, "")


def merged(first: Environment, second: Environment) -> Environment:
    """``first`` with its blanks filled from ``second``."""
    names = [*_ENVIRONMENT, "details"]
    return Environment(**{name: getattr(first, name) or getattr(second, name) for name in names})


def flatten(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, ParamValue]]:
    """Settings as dotted names: ``calibration.samples``."""
    for key, value in values.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping):
            yield from flatten(value, f"{name}.")
        elif isinstance(value, (str, bool)) or value is None:
            yield name, value
        elif is_number(value):
            yield name, _number(value)
        else:
            yield name, ", ".join(str(item) for item in value)


def is_known_metric(name: str) -> bool:
    """True for a name of the catalogue or one of its aliases, with any unit and phase."""
    canonical = resolve(name).metric.name
    return canonical in catalogue() or canonical.partition("/")[2] in catalogue()


def is_number(value: Any) -> bool:
    """True for int and float, not for bool."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def is_numeric(values: list[Any]) -> bool:
    """True for a list of numbers, some of which may be missing."""
    return any(map(is_number, values)) and all(v is None or is_number(v) for v in values)


def float_of(value: float) -> float:
    """A number as float; beyond its range ±Inf."""
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def _number(value: float) -> ParamValue:
    return str(value) if abs(value) > INT64_MAX and isinstance(value, int) else value


def whole_number(value: Any) -> int | None:
    """An integer that fits 64 bits, from a number or text; else None."""
    try:
        number = int(value) if not isinstance(value, float) or value.is_integer() else None
    except (TypeError, ValueError, OverflowError):
        return None
    return number if number is not None and abs(number) <= INT64_MAX else None


def number_in_text(text: str) -> tuple[float, str] | None:
    """(number, unit) of text such as ``91 %`` or ``0.91``; None when it is something else."""
    match = _NUMBER_TEXT.match(text) if len(text) < 400 else None
    return (float(match["number"]), match["unit"]) if match else None


def is_missing(text: str) -> bool:
    """True for the ways in which people write that there is no number."""
    return text.strip().lower() in _MISSING


def shortened(value: Any) -> str:
    """A value as people may see it in one line."""
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
