"""Every kind of limit as a bound in the metric's own unit, and the words for it. Pure.

A limit that has nothing to start from is :class:`Blocked`, with the reason.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from cetrack.analysis.residuals import noise_of
from cetrack.domain import Direction, FloatArray
from cetrack.gates import History
from cetrack.report.cells import UID_LENGTH
from cetrack.report.numbers import short_number

_ROUNDING = 1e-9  # 0.912 - 0.902 is a little more than 0.01
_UNITLESS = frozenset({None, "", "fraction"})


class Side(StrEnum):
    """On which side of its bound a value has to lie."""

    AT_MOST = "≤"
    AT_LEAST = "≥"

    def holds(self, value: float, bound: float, *, tolerance: float = 0.0) -> bool:
        """Whether ``value`` is on this side of ``bound``, or no further than ``tolerance`` off."""
        if self is Side.AT_MOST:
            return value <= bound + tolerance
        return value >= bound - tolerance

    @property
    def sign(self) -> int:
        """1 where more is worse, -1 where less is."""
        return 1 if self is Side.AT_MOST else -1


@dataclass(frozen=True, slots=True)
class Limit:
    """``reference`` is what ``bound`` was reckoned from, ``found`` how the value lies to it."""

    side: Side
    bound: float
    words: str
    found: str = ""
    reference: float | None = None
    reference_uid: str | None = None

    def holds(self, value: float) -> bool:
        """Whether a value keeps the limit; a reckoned bound forgives an error of rounding."""
        known = [abs(it) for it in (self.bound, self.reference) if it is not None]
        tolerance = 0.0 if self.reference is None else _ROUNDING * max(known)
        return self.side.holds(value, self.bound, tolerance=tolerance)


@dataclass(frozen=True, slots=True)
class Blocked:
    """A limit that cannot be applied; ``is_missing``: for want of numbers."""

    words: str
    reason: str
    is_missing: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """The value of a run's baseline; ``unlike`` are the fields in which it is another set-up."""

    value: float | None
    uid: str
    precision: str
    unlike: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The run in words."""
        return f"{self.precision} run {self.uid[:UID_LENGTH]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A value of a run, and what it is compared with; ``no_baseline`` says why there is none."""

    value: float
    unit: str | None
    direction: Direction | None
    baseline: Baseline | None = None
    no_baseline: str = ""
    allow_mixed: bool = False

    def quantity(self, value: float) -> str:
        """A value of the metric in words."""
        return quantity(value, self.unit)


def quantity(value: float, unit: str | None) -> str:
    """A number with its unit: ``5.4 ms``."""
    return short_number(value) if unit in _UNITLESS else f"{short_number(value)} {unit}"


def _rough(number: float) -> str:
    """Three digits of a number of which more would say nothing."""
    return short_number(float(f"{number:.3g}"))


def worse_side(direction: Direction | str | None) -> Side:
    """The side that a bound against changes for the worse is on."""
    return Side.AT_LEAST if direction == Direction.HIGHER else Side.AT_MOST


# --- absolute --------------------------------------------------------------------------------


def absolute(key: str, number: float, question: Question) -> Limit:
    """``min`` and ``max``."""
    side = Side.AT_LEAST if key == "min" else Side.AT_MOST
    beyond = abs(question.value - number)
    way = "above" if side is Side.AT_MOST else "below"
    limit = Limit(side, number, f"{side} {question.quantity(number)}")
    if limit.holds(question.value):
        return limit
    return replace(limit, found=f"{question.quantity(beyond)} {way} it")


# --- against the baseline --------------------------------------------------------------------


def relative(key: str, number: float, question: Question) -> Limit | Blocked:
    """``max_drop``, ``max_worse_pct``, ``min_ratio`` and ``max_ratio``."""
    words, reckon = RELATIVE[key]
    side = side_of(key, question.direction)
    way = "below" if side is Side.AT_LEAST else "above"
    amount = question.quantity(number) if key == "max_drop" else short_number(number)
    shown = words.format(side=side, way=way, amount=amount)
    base = question.baseline
    if base is None:
        return Blocked(f"{shown} its baseline", question.no_baseline, is_missing=True)
    blocked = _blocked(key, base, question.allow_mixed)
    if blocked:
        return Blocked(f"{shown} {base.name}", blocked, is_missing=False)
    assert base.value is not None
    return Limit(
        side=side,
        bound=reckon(base.value, number, side.sign),
        words=f"{shown} {question.quantity(base.value)} of {base.name}",
        found=_found(key, question, base.value, side),
        reference=base.value,
        reference_uid=base.uid,
    )


def side_of(key: str, direction: Direction | None) -> Side:
    """The side of a kind of limit; changes for the worse go by the metric's direction."""
    if key in ("min", "min_ratio"):
        return Side.AT_LEAST
    return Side.AT_MOST if key in ("max", "max_ratio") else worse_side(direction)


_Reckon = Callable[[float, float, int], float]  # baseline, number, 1 where more is worse else -1
RELATIVE: Mapping[str, tuple[str, _Reckon]] = {
    "max_drop": ("at most {amount} {way}", lambda base, drop, sign: base + sign * drop),
    "max_worse_pct": (
        "at most {amount} % {way}",
        lambda base, pct, sign: base + _part(base, pct * sign),
    ),
    "min_ratio": ("{side} {amount} ×", lambda base, ratio, _: base * ratio),
    "max_ratio": ("{side} {amount} ×", lambda base, ratio, _: base * ratio),
}


def _part(value: float, pct: float) -> float:
    return abs(value) * pct / 100


def _blocked(key: str, base: Baseline, allow_mixed: bool) -> str:
    """Why a baseline is none for this kind of limit; blank where it is one."""
    if base.unlike and not allow_mixed:
        return f"the baseline is not like for like: {'; '.join(base.unlike)}"
    if base.value is None or not math.isfinite(base.value):
        return "the value of the baseline is not a number"
    if key != "max_drop" and base.value <= 0:
        return f"the baseline is {short_number(base.value)}: no ratio to that is worth anything"
    return ""


def _found(key: str, question: Question, base: float, side: Side) -> str:
    """How the value lies to the baseline, in the terms of the limit."""
    if key.endswith("_ratio"):
        return f"{_rough(question.value / base)} ×"
    change = question.value - base
    if change == 0:
        return "as the baseline"
    worse = "worse" if change * side.sign > 0 else "better"
    if key == "max_drop":
        return f"{question.quantity(abs(change))} {worse}"
    return f"{_rough(abs(change) / base * 100)} % {worse}"


# --- against the past ------------------------------------------------------------------------


def historic(
    history: History, question: Question, segments: Sequence[FloatArray]
) -> Limit | Blocked:
    """``history``: ``segments`` are the earlier values of the series, split where an accepted
    change began a new one."""
    side = worse_side(question.direction)
    words = f"z ≤ {short_number(history.max_z)}"
    noise = noise_of(segments)
    if noise is None or noise.n < history.min_runs:
        known = noise.n if noise else 0
        runs = f"{known} earlier run{'' if known == 1 else 's'}"
        return Blocked(words, f"{runs} of {history.min_runs} that are needed", is_missing=True)
    z = noise.z(question.value) * side.sign
    around = f"{question.quantity(noise.level)} ± {question.quantity(noise.spread)}"
    return Limit(
        side=side,
        bound=noise.level + side.sign * history.max_z * noise.spread,
        words=f"{words} around {around} of {noise.n} earlier runs",
        found=f"z = {_rough(z)}" if noise.spread else "nothing has ever varied",
        reference=noise.level,
    )


# --- against what was accepted ---------------------------------------------------------------


def accepted_bound(key: str, number: float, side: Side, accepted: float) -> float:
    """How bad a later value may be than an accepted one: by the slack that the gate gives to
    changes for the worse, and not at all for the other kinds of limit."""
    if key not in ("max_drop", "max_worse_pct"):
        return accepted
    bound = accepted + side.sign * number
    if key == "max_worse_pct":
        bound = accepted + _part(accepted, side.sign * number)
    return bound + side.sign * _ROUNDING * abs(bound)
