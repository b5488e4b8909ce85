"""A filter as a tree of frozen values. Knows neither its text nor how it is evaluated.

Trees come from :func:`cetrack.filter.parse`, whose promises they keep: names are resolved, every
value has the type that its reference compares with, ``And`` and ``Or`` hold two parts or more
(``And(())`` holds for every run and stands for no filter at all).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

AGGREGATE = "last"  # what a metric's bare name means


class Op(StrEnum):
    """How a value is compared."""

    EQ = "="
    NE = "!="
    LT = "<"
    LE = "<="
    GT = ">"
    GE = ">="


@dataclass(frozen=True, slots=True)
class FieldRef:
    """A column of the ``runs`` view, by its canonical name."""

    name: str


@dataclass(frozen=True, slots=True)
class MetricRef:
    """An aggregate of a metric: a column of ``run_metric``."""

    name: str
    aggregate: str = AGGREGATE


@dataclass(frozen=True, slots=True)
class ParamRef:
    """A parameter of a run: text, and a number where the text is one."""

    key: str


@dataclass(frozen=True, slots=True)
class TagRef:
    """A tag of a run: text."""

    key: str


Ref = FieldRef | MetricRef | ParamRef | TagRef


@dataclass(frozen=True, slots=True)
class Numeral:
    """A number as typed, compared with a parameter: with its number and with its text."""

    text: str
    number: float


@dataclass(frozen=True, slots=True)
class Period:
    """A stretch of time from ``start`` up to, not including, ``end``; both aware, in UTC.

    ``text`` is the canonical spelling. A full timestamp is a period of one microsecond, the
    resolution of both databases, so that one rule serves days and instants.
    """

    text: str
    start: datetime
    end: datetime


Value = str | int | float | Numeral | Period


@dataclass(frozen=True, slots=True)
class Comparison:
    """True when the value is known and compares so."""

    ref: Ref
    op: Op
    value: Value


@dataclass(frozen=True, slots=True)
class In:
    """True when the value is known and equals one of ``values``; ``negated``: none of them."""

    ref: Ref
    values: tuple[Value, ...]
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Glob:
    """True when the text is known and matches one of ``patterns``; ``negated``: none of them."""

    ref: Ref
    patterns: tuple[str, ...]
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Exists:
    """True when there is a value, or, of a metric, parameter or tag as such, when the run has it.

    ``loss exists`` holds for a run that diverged to NaN, ``loss.min exists`` only with a minimum.
    """

    ref: Ref


@dataclass(frozen=True, slots=True)
class Not:
    """The exact complement."""

    part: Expr


@dataclass(frozen=True, slots=True)
class And:
    """All parts hold."""

    parts: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """At least one part holds."""

    parts: tuple[Expr, ...]


Leaf = Comparison | In | Glob | Exists
Expr = Leaf | Not | And | Or


def all_of(parts: tuple[Expr, ...]) -> Expr:
    """The conjunction; a single part stays itself."""
    return parts[0] if len(parts) == 1 else And(parts)
