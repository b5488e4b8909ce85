"""The nouns of cetrack as frozen values. Knows no database, no file format and no catalogue.

A *reader* turns one source into :class:`RunRecord` values: names, units and spellings are still
those of the file. ``normalize`` turns each into a :class:`NormalRun`: canonical metric names,
canonical units, a canonical :class:`Precision` and shape. The store keeps those.

run          one execution of one model at one precision; kind is benchmark, training or compression
metric       name, unit, direction, family
series       the points of one metric of one run: ``steps`` int64[n], ``values`` float64[n]
sample       raw repetitions behind a number, float64[n], without steps
baseline     the run that a compressed run is compared with
source       a file that was ingested
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]
ParamValue = str | int | float | bool | None


class Kind(StrEnum):
    """What a run is an execution of."""

    BENCHMARK = "benchmark"
    TRAINING = "training"
    COMPRESSION = "compression"


class Status(StrEnum):
    """How a run ended."""

    RUNNING = "running"
    FINISHED = "finished"
    FAILED = "failed"
    KILLED = "killed"


class Direction(StrEnum):
    """Which way of a metric is better."""

    LOWER = "lower"
    HIGHER = "higher"


class TimeSource(StrEnum):
    """Where a run's start time was found, the best first."""

    LIVE = "live"
    FILE = "file"
    OPTION = "option"
    NAME = "name"
    GIT = "git"
    MTIME = "mtime"
    CLOCK = "clock"

    @property
    def rank(self) -> int:
        """Position in the order of trust; 0 is the best."""
        return list(TimeSource).index(self)


class Identity(StrEnum):
    """How a reader's runs are recognised when they are met again."""

    SNAPSHOT = "snapshot"  # all numbers are known at once: the content is the identity
    LOG = "log"  # grows: the first logged step is the identity
    UID = "uid"  # states its own id


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelHint:
    """What a source says about a model; blank means that it does not say."""

    name: str = ""
    library: str = ""
    category: str = ""
    input_shape: str = ""
    description: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """Where a run was executed; blank means unknown."""

    device: str = ""
    accelerator: str = ""
    runtime: str = ""
    runtime_version: str = ""
    host: str = ""
    os: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_blank(self) -> bool:
        """True when nothing at all is known."""
        return self == Environment()


@dataclass(frozen=True, slots=True, kw_only=True)
class Precision:
    """A number format: canonical ``name``, bits of weights and of activations, None if unknown."""

    name: str
    weight_bits: float | None = None
    activation_bits: float | None = None
    is_float: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """Statistics that a source states about a number: the result of ``n`` repetitions."""

    std: float | None = None
    min: float | None = None
    max: float | None = None
    n: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricDef:
    """What a metric is. ``direction`` None: neither way is better, or nobody knows."""

    name: str
    unit: str | None = None
    direction: Direction | None = None
    family: str = "other"
    description: str = ""


_STEP_0 = np.zeros(1, np.int64)  # every single number has it: nobody may write to it
_STEP_0.flags.writeable = False


Made = TypeVar("Made")


def made(kind: type[Made], /, **fields: Any) -> Made:
    """An object of a frozen dataclass without slots, with all of its fields given.

    Its constructor sets them one by one, past what forbids it: four times the time, and of some
    classes there is an object per number.
    """
    new = object.__new__(kind)
    vars(new).update(fields)
    return new


def copied(record: Made, /, **fields: Any) -> Made:
    """A copy of such an object with other values of some fields."""
    return made(type(record), **{**vars(record), **fields})


class Kept(Protocol):
    """Numbers that lie elsewhere, on disk, and are read anew whenever they are asked for."""

    def load(self) -> FloatArray:
        """All of them, float64[n]."""


class Values:
    """The attribute ``values`` of a series: an array, or read at every access from where it is
    kept, so that a run may be larger than memory. Who needs them twice keeps them himself."""

    def __get__(self, instance: Any, owner: type | None = None) -> FloatArray:
        if instance is None:  # a field without a default
            raise AttributeError("values")
        found = kept_values(instance)
        return found if isinstance(found, np.ndarray) else found.load()

    def __set__(self, instance: Any, values: FloatArray | Kept) -> None:
        vars(instance)["values"] = values


def kept_values(series: Series | MetricSeries) -> FloatArray | Kept:
    """The values of a series without reading them from where they are kept."""
    found: FloatArray | Kept = vars(series)["values"]
    return found


@dataclass(frozen=True, kw_only=True, eq=False)
class Series:
    """Points of one metric as read.

    ``steps`` int64[n], ``values`` float64[n] (NaN: logged but not a number), ``wall_times``
    float64[n] seconds since the epoch (NaN: unknown) or None. ``unit`` is the unit that the source
    states beside the value; one inside the name is found by ``normalize``. ``source_name`` is what
    the source calls it, where the user has said another name.
    """

    name: str
    steps: IntArray
    values: Values = Values()
    wall_times: FloatArray | None = None
    spread: Spread | None = None
    unit: str | None = None
    place: str = ""
    source_name: str = ""

    @classmethod
    def scalar(
        cls,
        name: str,
        value: float,
        *,
        spread: Spread | None = None,
        unit: str | None = None,
        place: str = "",
    ) -> Series:
        """A single number at step 0."""
        return made(
            cls,
            name=name,
            steps=_STEP_0,
            values=np.array([value], np.float64),
            wall_times=None,
            spread=spread,
            unit=unit,
            place=place,
            source_name="",
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sample:
    """Raw repetitions of one metric: ``values`` float64[n] in ``unit``."""

    name: str
    values: FloatArray
    unit: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact:
    """Something of a run that is not a number: by reference (``uri``) or as JSON (``content``)."""

    name: str
    kind: str = "json"
    uri: str | None = None
    sha256: str | None = None
    size_bytes: int | None = None
    content: Any = None


@dataclass(frozen=True, slots=True)
class Notice:
    """Something doubtful in a source: ``place`` is a JSON pointer, a row or a line."""

    place: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A reference to another run: by its place in the same source, or by its uid."""

    place: str | None = None
    uid: str | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class RunRecord:
    """One run as a source states it; blank or None where the source is silent.

    ``raw`` is the parsed entry that a snapshot is recognised by. ``weak`` names the fields that
    were taken from where the file lies: they never contradict what is known otherwise.
    ``is_rounded`` says that the source holds in single precision what may be known in full.
    """

    format: str
    place: str
    kind: Kind
    identity: Identity
    uid: str | None = None
    raw: Any = None
    experiment: str = ""
    model: ModelHint = ModelHint()
    precision: str = ""
    environment: Environment = Environment()
    method: str = ""
    name: str = ""
    variant: str = ""
    dataset: str = ""
    split: str = ""
    task: str = ""
    seed: int | None = None
    batch_size: int | None = None
    status: Status = Status.FINISHED
    status_reason: str = ""
    started_at: datetime | None = None
    time_source: TimeSource | None = None
    finished_at: datetime | None = None
    git_commit: str = ""
    baseline: Link | None = None
    baseline_rule: str = ""
    is_baseline_copy: bool = False
    parent: Link | None = None
    series: Sequence[Series] = ()
    samples: tuple[Sample, ...] = ()
    params: Mapping[str, ParamValue] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    artifacts: tuple[Artifact, ...] = ()
    metric_defs: Mapping[str, MetricDef] = field(default_factory=dict)
    origins: Mapping[str, tuple[str, str | None, float]] = field(default_factory=dict)
    notices: tuple[Notice, ...] = ()
    weak: frozenset[str] = frozenset()
    is_rounded: bool = False

    def __reduce__(self) -> tuple[Any, ...]:
        """What a record does not say does not travel: most fields of most records."""
        said = {
            name: item
            for name, item in vars(self).items()
            if item is not _BLANKS.get(name) and (item or name not in _MAPPINGS)
        }
        return _travelled_record, (said,)


_BLANKS: Mapping[str, Any] = {
    item.name: item.default for item in fields(RunRecord) if item.default is not MISSING
}
_MAPPINGS = [item.name for item in fields(RunRecord) if item.default_factory is not MISSING]


def _travelled_record(said: Mapping[str, Any]) -> RunRecord:
    return made(RunRecord, **{**_BLANKS, **{name: {} for name in _MAPPINGS}, **said})


@dataclass(frozen=True, kw_only=True, eq=False)
class MetricSeries:
    """A normalised series: ``values`` are in ``metric.unit``.

    ``source_name`` and ``source_unit`` are what the file wrote; value = file's number × ``scale``,
    rounded once.
    """

    metric: MetricDef
    steps: IntArray
    values: Values = Values()
    wall_times: FloatArray | None
    spread: Spread | None
    source_name: str
    source_unit: str | None
    scale: float

    def __reduce__(self) -> tuple[Any, ...]:
        """A single number travels to another process as one, without arrays."""
        values = kept_values(self)
        if self.wall_times is None and isinstance(values, np.ndarray) and len(values) == 1:
            rest = (self.spread, self.source_name, self.source_unit, self.scale)
            return single_series, (self.metric, int(self.steps[0]), float(values[0]), *rest)
        return _travelled, (vars(self),)


def single_series(
    metric: MetricDef,
    step: int,
    value: float,
    spread: Spread | None,
    source_name: str,
    source_unit: str | None,
    scale: float,
) -> MetricSeries:
    """A single number as a series."""
    return made(
        MetricSeries,
        metric=metric,
        steps=_STEP_0 if step == 0 else np.array([step], np.int64),
        values=np.array([value], np.float64),
        wall_times=None,
        spread=spread,
        source_name=source_name,
        source_unit=source_unit,
        scale=scale,
    )


def _travelled(fields: Mapping[str, Any]) -> MetricSeries:
    return made(MetricSeries, **fields)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MetricSample:
    """A normalised sample: ``values`` are in ``metric.unit``."""

    metric: MetricDef
    values: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class NormalRun:
    """A run in cetrack's own words, ready for the store; ``record`` is what the source said."""

    record: RunRecord
    model: ModelHint
    precision: Precision
    series: Sequence[MetricSeries]
    samples: tuple[MetricSample, ...]
    params: Mapping[str, ParamValue]
    tags: Mapping[str, str]
    notices: tuple[Notice, ...]


def number_or_none(value: float | np.floating[Any]) -> float | None:
    """The value as a Python float, None for NaN."""
    return None if math.isnan(value) else float(value)
