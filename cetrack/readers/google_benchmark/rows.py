"""The rows that google-benchmark writes for one benchmark, taken together. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from cetrack.domain import (
    Direction,
    MetricDef,
    Notice,
    ParamValue,
    Sample,
    Series,
    Spread,
    Status,
)
from cetrack.readers.numbers import float_or_none, is_number, param_of
from cetrack.readers.timings import repeated, spread_of
from cetrack.units import convert, find_unit, scale_between

# column → the metric that its mean is, and the stem of its other statistics
_TIMES = {"cpu_time": ("cpu_time", "cpu_time"), "real_time": ("latency_mean", "latency")}
_AGGREGATES = ("mean", "median", "stddev", "cv", "min", "max")
_PARAMS = ("big_o", "iterations", "label", "repetitions", "threads")
_SKIPPED = frozenset(
    {*_TIMES, *_PARAMS, "aggregate_name", "aggregate_unit", "error_message",
     "error_occurred", "family_index", "name", "per_family_instance_index", "repetition_index",
     "run_name", "run_type", "skip_message", "skipped", "time_unit"}
)  # fmt: skip
_UNITS = {
    "max_bytes_used": "bytes",
    "net_heap_growth": "bytes",
    "rms": "fraction",
    "total_allocated_bytes": "bytes",
}
_FITTED = frozenset({"cpu_coefficient", "real_coefficient", "rms"})
_UNIT = "ns"  # of times whose row does not say


_PROBLEMS = (
    ("error_occurred", "error_message", "error"),
    ("skipped", "skip_message", "skipped"),
)


@dataclass(frozen=True, slots=True)
class Row:
    """One entry of ``benchmarks`` and its place in the file."""

    place: str
    values: Mapping[str, Any]

    @property
    def name(self) -> str:
        """The benchmark's name, without what an aggregate adds to it where the row says so."""
        name = self.values.get("run_name")
        return name if isinstance(name, str) and name else str(self.values["name"])

    @property
    def aggregate(self) -> str:
        """What the row is an aggregate by; blank for a measurement."""
        name = self.values.get("aggregate_name")
        return name if isinstance(name, str) else ""

    @property
    def unit(self) -> str:
        """The unit of the row's times."""
        unit = self.values.get("time_unit")
        known = find_unit(unit) if isinstance(unit, str) else None
        return known.symbol if known and known.dimension == "time" else _UNIT

    @property
    def is_share(self) -> bool:
        """True where the times are a fraction of something."""
        return self.values.get("aggregate_unit") == "percentage" or self.aggregate == "cv"

    def number(self, column: str) -> float | None:
        """The number in a column, None where there is none."""
        return float_or_none(self.values.get(column))

    def time(self, column: str, unit: str) -> float | None:
        """The time in a column, in ``unit``; a fraction as it is."""
        number = self.number(column)
        source, target = find_unit(self.unit), find_unit(unit)
        if number is None or self.is_share or source is None or target is None:
            return number
        return float(convert(np.array([number]), scale_between(source, target))[0])

    @property
    def problem(self) -> str:
        """Why the benchmark did not run; blank where it did."""
        for flag, message, word in _PROBLEMS:
            if self.values.get(flag):
                return f"{word}: {self.values.get(message) or 'no message'}"
        return ""


@dataclass(eq=False)
class Measured:
    """What the rows of one benchmark come to."""

    series: list[Series] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)
    params: dict[str, ParamValue] = field(default_factory=dict)
    definitions: list[MetricDef] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)
    status: Status = Status.FINISHED
    reason: str = ""


def is_row(item: Any) -> bool:
    """True for an entry that only this library writes."""
    if not isinstance(item, dict) or not isinstance(item.get("name"), str):
        return False
    timed = {"real_time", "cpu_time"} <= item.keys()
    return (timed and bool({"iterations", "run_type"} & item.keys())) or (
        "run_type" in item and bool({"error_occurred", "skipped", "big_o", "rms"} & item.keys())
    )


def groups(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """The rows of every benchmark.

    Old files have no ``run_name``: a row ``x_mean`` belongs to ``x`` where that was measured too,
    or where all of ``x_mean``, ``x_median`` and ``x_stddev`` are there.
    """
    names = {row.name for row in rows}
    found: dict[str, list[Row]] = {}
    for row in rows:
        base, aggregate = _old_aggregate(row, names)
        if aggregate:
            row = Row(row.place, {**row.values, "aggregate_name": aggregate})
        found.setdefault(base, []).append(row)
    return found


def _old_aggregate(row: Row, names: set[str]) -> tuple[str, str]:
    if "run_type" in row.values or "run_name" in row.values:
        return row.name, ""
    base, _, last = row.name.rpartition("_")
    if last in ("BigO", "RMS") and {"big_o", "rms"} & row.values.keys():
        return base, last
    trio = {f"{base}_{name}" for name in ("mean", "median", "stddev")}
    known = base in names or trio <= names
    return (base, last) if base and last in _AGGREGATES and known else (row.name, "")


def measured(rows: Sequence[Row]) -> Measured:
    """The metrics of one benchmark; a row that failed makes the run a failed one."""
    found = Measured()
    ran = [row for row in rows if not row.problem]
    failed = [row for row in rows if row.problem]
    if failed:
        found.status, found.reason = Status.FAILED, failed[0].problem
        text = f"{len(failed)} of {len(rows)} rows without a measurement: {failed[0].problem}"
        found.notices.append(Notice(failed[0].place, text))
    single = [row for row in ran if not row.aggregate]
    aggregates = {row.aggregate: row for row in ran if row.aggregate}
    # the iterations of an aggregate are its repetitions: those of a measurement count
    for row in (*aggregates.values(), *failed, *single):
        found.params.update({key: _param(row.values[key]) for key in _PARAMS if key in row.values})
    for column in _TIMES:
        _take_time(found, column, single, aggregates)
    _take_counters(found, single, aggregates)
    return found


def _param(value: Any) -> ParamValue:
    return param_of(value) if is_number(value) else str(value)


def _take_time(
    found: Measured, column: str, single: Sequence[Row], aggregates: Mapping[str, Row]
) -> None:
    name, stem = _TIMES[column]
    unit = next((row.unit for row in (*single, *aggregates.values())), _UNIT)
    values = [time for row in single if (time := row.time(column, unit)) is not None]
    stated = {
        aggregate: time
        for aggregate, row in aggregates.items()
        if (time := row.time(column, unit)) is not None
    }
    _take_mean(found, name, values, stated, unit, sample=stem)
    for aggregate, value in stated.items():
        if aggregate != "mean":
            _take_aggregate(found, stem, aggregates[aggregate], value, unit)


def _take_mean(
    found: Measured,
    name: str,
    values: Sequence[float],
    stated: Mapping[str, float],
    unit: str | None,
    *,
    sample: str = "",
) -> None:
    """The mean as the file states it, else of the repetitions; with the spread of both."""
    known = Spread()
    if values:
        series, samples = repeated(name, np.array(values, np.float64), unit, sample=sample)
        found.samples += samples
        known = series[0].spread or known
    if not values and "mean" not in stated:
        return
    mean = stated["mean"] if "mean" in stated else float(series[0].values[0])
    spread = spread_of(
        std=stated.get("stddev", known.std),
        least=stated.get("min", known.min),
        greatest=stated.get("max", known.max),
        n=known.n,
    )
    found.series.append(
        Series.scalar(name, mean, unit=unit, spread=None if spread == Spread() else spread)
    )


def _take_aggregate(found: Measured, stem: str, row: Row, value: float, unit: str) -> None:
    """A statistic as a metric of its own: ``latency_median``, ``latency_cv``."""
    name = f"{stem}_{'std' if row.aggregate == 'stddev' else row.aggregate}"
    stated = "fraction" if row.is_share else unit
    found.series.append(Series.scalar(name, value, unit=stated, place=row.place))
    if not row.is_share:
        found.definitions.append(MetricDef(name=name, direction=Direction.LOWER, family="latency"))


def _take_counters(found: Measured, single: Sequence[Row], aggregates: Mapping[str, Row]) -> None:
    """Everything else that is a number: what the benchmark counted, and fitted coefficients."""
    rows = (*single, *aggregates.values())
    names = dict.fromkeys(key for row in rows for key in row.values if key not in _SKIPPED)
    for name in names:
        values = [number for row in single if (number := row.number(name)) is not None]
        stated = {
            key: number
            for key, row in aggregates.items()
            if (number := row.number(name)) is not None
        }
        if name in _FITTED:
            unit = _UNITS.get(name) or rows[-1].unit
            fitted = [*stated.values(), *values]
            found.series += [Series.scalar(name, number, unit=unit) for number in fitted[:1]]
        else:
            _take_mean(found, name, values, stated, _UNITS.get(name))
        if name.endswith("_per_second"):
            found.definitions.append(
                MetricDef(name=name, direction=Direction.HIGHER, family="throughput")
            )
