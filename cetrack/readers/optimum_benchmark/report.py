"""What optimum-benchmark measured of its targets (forward, prefill, decode, load …) as series.

A target is the first part of a name: ``prefill.latency_mean``. Where the model is run in one way
only, by ``forward`` or ``call``, that is the inference that other tools measure: its latency,
throughput and memory have no target in their names.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from cetrack.domain import Direction, MetricDef, Notice, Sample, Series, Spread
from cetrack.readers.entries import pointer
from cetrack.readers.numbers import float_of, is_number, is_numeric, whole_number

BLOCKS = frozenset({"efficiency", "energy", "latency", "memory", "throughput"})
_WHOLE = ("forward", "call")
_PARTS = frozenset({"decode", "generate", "per_step", "per_token", "prefill", "train"})
_PERCENTILES = ("p50", "p90", "p95", "p99")
_INFERENCES = frozenset({"images/s", "samples/s"})
# units that the headers of 2023 spell in their own way
_SPELLINGS = {"samles/s": "samples/s"}
_HEADING = re.compile(r"(?P<target>[a-z_]+)\.(?P<name>[a-z_]+)\((?P<unit>[^()]+)\)")
_TIMES = frozenset({"latency", "runtime"})


@dataclass
class Measured:
    """The metrics of one run; grows while its targets are read."""

    series: list[Series] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)
    definitions: dict[str, MetricDef] = field(default_factory=dict)
    notices: list[Notice] = field(default_factory=list)

    def add(
        self,
        name: str,
        value: Any,
        unit: str | None,
        place: str,
        *,
        family: str,
        spread: Spread | None = None,
    ) -> None:
        """Add a number; what is none is passed over where it is missing, else said."""
        if not is_number(value):
            if value is not None:
                self.notices.append(Notice(place, "not a number: left out"))
            return
        number = float_of(value)
        if math.isnan(number):
            self.notices.append(Notice(place, "NaN: stored as a missing value"))
        self.series.append(Series.scalar(name, number, spread=spread, unit=unit, place=place))
        is_rate = family in ("throughput", "efficiency")
        direction = Direction.HIGHER if is_rate else Direction.LOWER
        self.definitions[name] = MetricDef(name=name, direction=direction, family=family)


def headline(targets: Iterable[str]) -> str:
    """The target that is the whole inference, blank where there are only parts of one."""
    names = set(targets)
    if names & _PARTS:
        return ""
    return next((name for name in _WHOLE if name in names), "")


def is_target(value: Any) -> bool:
    """True for the measurements of a target, of which there may be none."""
    return isinstance(value, Mapping) and bool(value) and BLOCKS.issuperset(value)


def is_measured(value: Any) -> bool:
    """True for a target of which something was measured, in a unit."""
    return is_target(value) and any(
        isinstance(block, Mapping) and isinstance(block.get("unit"), str)
        for block in value.values()
    )


# --- reports (JSON) --------------------------------------------------------------------------


def read_report(report: Mapping[str, Any], place: str, *, on_gpu: bool) -> Measured:
    """All targets of a report."""
    measured = Measured()
    whole = headline(report)
    for target, blocks in report.items():
        where = pointer(place, target)
        if not is_target(blocks):
            if blocks:
                measured.notices.append(Notice(where, "no measurements of a target: left out"))
            continue
        spot = _Spot(measured, target, where, is_whole=target == whole, on_gpu=on_gpu)
        for name, read in _READERS.items():
            block = blocks.get(name)
            if isinstance(block, Mapping):
                read(spot, block)
    return measured


@dataclass(frozen=True)
class _Spot:
    """A target while it is read."""

    measured: Measured
    target: str
    place: str
    is_whole: bool
    on_gpu: bool

    def name(self, name: str) -> str:
        """The name of a metric: that of the whole inference is what other tools call it too."""
        return name if self.is_whole else f"{self.target}.{name}"

    def add(self, name: str, value: Any, unit: str | None, where: str, family: str) -> None:
        self.measured.add(name, value, unit, f"{self.place}/{where}", family=family)


def _unit(block: Mapping[str, Any], default: str) -> str:
    unit = block.get("unit")
    return unit if isinstance(unit, str) else default


def _latency(spot: _Spot, block: Mapping[str, Any]) -> None:
    unit = _unit(block, "s")
    count = whole_number(block.get("count"))
    deviation: Any = block.get("stdev")
    std = float_of(deviation) if is_number(deviation) else None
    repeated = count is None or count > 1
    spread = Spread(std=std if repeated else None, n=count)
    mean = spot.name("latency_mean")
    place = f"{spot.place}/latency/mean"
    spot.measured.add(mean, block.get("mean"), unit, place, family="latency", spread=spread)
    if repeated:  # of a single time the percentiles are that time, and its deviation is 0
        for key in _PERCENTILES:
            name = spot.name(f"latency_{key}")
            spot.add(name, block.get(key), unit, f"latency/{key}", "latency")
        variation = spot.name("latency_stdev_pct")
        spot.add(variation, block.get("stdev_"), "%", "latency/stdev_", "latency")
    _take_values(spot, spot.name("latency"), block.get("values"), unit, "latency/values")


def _throughput(spot: _Spot, block: Mapping[str, Any]) -> None:
    unit = _unit(block, "samples/s")
    if spot.is_whole and unit in _INFERENCES:
        unit = "1/s"
    name = spot.name("throughput")
    spot.add(name, block.get("value"), unit, "throughput/value", "throughput")


def _memory(spot: _Spot, block: Mapping[str, Any]) -> None:
    unit = _unit(block, "MB")
    for key, value in block.items():
        if key != "unit":
            spot.add(spot.name(str(key)), value, unit, f"memory/{key}", "memory")


def _energy(spot: _Spot, block: Mapping[str, Any]) -> None:
    """Of all iterations together, so never called the energy of one inference."""
    unit = _unit(block, "kWh")
    for key, value in block.items():
        name = f"{spot.target}.energy_{key}"
        if key == "measures":
            _take_measures(spot, value, unit)
        elif key != "unit":
            spot.add(name, value, unit, f"energy/{key}", "energy")


def _efficiency(spot: _Spot, block: Mapping[str, Any]) -> None:
    unit = _unit(block, "samples/kWh")
    name = f"{spot.target}.efficiency"
    spot.add(name, block.get("value"), unit, "efficiency/value", "efficiency")


_READERS = {
    "latency": _latency,
    "throughput": _throughput,
    "memory": _memory,
    "energy": _energy,
    "efficiency": _efficiency,
}


def _take_measures(spot: _Spot, measures: Any, unit: str) -> None:
    """The energy of every iteration: numbers, or objects as the one around them."""
    items = measures if isinstance(measures, list) else []
    if any(isinstance(item, Mapping) for item in items):
        objects = [item for item in items if isinstance(item, Mapping)]
        keys = dict.fromkeys(key for item in objects for key in item)
        columns = {str(key): [item.get(key) for item in objects] for key in keys}
    else:
        columns = {"measures": items}
    for key, values in columns.items():
        name = f"{spot.target}.energy_{key}"
        _take_values(spot, name, values, unit, "energy/measures")


def _take_values(spot: _Spot, name: str, values: Any, unit: str, where: str) -> None:
    """Repetitions as a sample; what a meter that restarted gives is kept, and said."""
    if not isinstance(values, list) or not is_numeric(values):
        return
    numbers = np.array([math.nan if v is None else float_of(v) for v in values], np.float64)
    wrong = int((numbers <= 0).sum())
    if wrong:
        text = f"{wrong} of {len(numbers)} repetitions are zero or negative: kept as read"
        spot.measured.notices.append(Notice(f"{spot.place}/{where}", text))
    spot.measured.samples.append(Sample(name=name, values=numbers, unit=unit))


# --- tables of 2023 (CSV) --------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Heading:
    """A column of measurements: ``forward.latency(s)``."""

    target: str
    name: str
    unit: str


def heading(text: str) -> Heading | None:
    """What a column measures, None for a setting."""
    found = _HEADING.fullmatch(text)
    if found is None:
        return None
    unit = _SPELLINGS.get(found["unit"], found["unit"])
    return Heading(found["target"], found["name"], unit)


def read_row(row: Mapping[str, Any], place: str, *, on_gpu: bool | None) -> Measured:
    """The measurements of a row; the statistic of a latency is not stated there."""
    measured = Measured()
    columns = {text: found for text in row if (found := heading(text)) is not None}
    whole = headline(item.target for item in columns.values())
    for text, column in columns.items():
        is_whole = column.target == whole
        name, unit = f"{column.target}.{column.name}", column.unit
        if is_whole and column.name in ("latency", "throughput"):
            name = column.name
            unit = "1/s" if unit in _INFERENCES else unit
        elif is_whole and column.name == "peak_memory" and on_gpu is not None:
            name = "peak_gpu_memory" if on_gpu else "peak_memory"
        measured.add(name, row[text], unit, f"{place} {text}", family=_family(column.name))
    return measured


def _family(name: str) -> str:
    if name in _TIMES:
        return "latency"
    return next(
        (family for family in ("throughput", "energy", "efficiency") if family in name), "memory"
    )
