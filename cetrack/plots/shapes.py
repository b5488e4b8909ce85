"""What plots are drawn from: anything with these attributes, and the curves of training runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from cetrack.domain import FloatArray, IntArray


class Measure(Protocol):
    """A metric; ``direction`` is ``lower`` or ``higher`` (better), or None."""

    @property
    def name(self) -> str: ...
    @property
    def unit(self) -> str | None: ...
    @property
    def direction(self) -> str | None: ...


class Point(Protocol):
    """A run as a place between two metrics; ``on_front``: no other is better in both."""

    @property
    def label(self) -> str: ...
    @property
    def model(self) -> str: ...
    @property
    def precision(self) -> str: ...
    @property
    def x(self) -> float: ...
    @property
    def y(self) -> float: ...
    @property
    def on_front(self) -> bool: ...


class Pareto(Protocol):
    """Two metrics, and the runs that have both."""

    @property
    def x(self) -> Measure: ...
    @property
    def y(self) -> Measure: ...
    @property
    def points(self) -> Sequence[Point]: ...


class Change(Protocol):
    """Where a line moved: ``index`` is that of the first value after it."""

    @property
    def index(self) -> int: ...
    @property
    def before(self) -> float: ...
    @property
    def after(self) -> float: ...
    @property
    def ratio(self) -> float | None: ...


class Line(Protocol):
    """The history of a series: ``values`` float64[k] with NaN for a gap, ``n`` int64[k]."""

    @property
    def name(self) -> str: ...
    @property
    def fields(self) -> Mapping[str, Any]: ...
    @property
    def n(self) -> IntArray: ...
    @property
    def started_at(self) -> Sequence[datetime]: ...
    @property
    def values(self) -> FloatArray: ...
    @property
    def labels(self) -> Sequence[str]: ...
    @property
    def changes(self) -> Sequence[Change]: ...


class Trend(Protocol):
    """The lines of a metric."""

    @property
    def metric(self) -> Measure: ...
    @property
    def lines(self) -> Sequence[Line]: ...


class Spread(Protocol):
    """A mean, and where it is known the standard deviation of its repetitions."""

    @property
    def mean(self) -> float: ...
    @property
    def std(self) -> float | None: ...


class Entry(Protocol):
    """A metric of a group (a model …) in a column (a precision …), beside its baseline."""

    @property
    def group(self) -> str: ...
    @property
    def column(self) -> str: ...
    @property
    def metric(self) -> Measure: ...
    @property
    def value(self) -> Spread: ...
    @property
    def baseline(self) -> Spread | None: ...
    @property
    def baseline_column(self) -> str: ...
    @property
    def p_value(self) -> float | None: ...
    @property
    def like_for_like(self) -> bool: ...
    @property
    def test(self) -> str | None: ...


class Comparison(Protocol):
    """Entries of several metrics; ``correction`` says how their p-values were adjusted."""

    @property
    def entries(self) -> Sequence[Entry]: ...
    @property
    def correction(self) -> str: ...


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """A metric of one run over its ``steps`` int64[n], ascending; ``values`` float64[n] with NaN.

    ``label`` tells it from the other curves of its ``model``.
    """

    label: str
    steps: IntArray
    values: FloatArray
    model: str
    precision: str


@dataclass(frozen=True, slots=True, eq=False)
class Curves:
    """The curves of a metric; ``left_out`` counts those beyond the limit."""

    metric: Measure
    curves: Sequence[Curve]
    left_out: int = 0
