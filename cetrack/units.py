"""Units: what they measure and how large they are. Pure.

A conversion is one correctly rounded operation: ``value × scale`` with an exact rational scale.
MB is 10**6 bytes and MiB 2**20, as the standards have it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from cetrack.domain import FloatArray


@dataclass(frozen=True, slots=True)
class Unit:
    """``symbol`` as shown; ``size`` in the dimension's base unit."""

    symbol: str
    dimension: str
    size: Fraction


def _unit(symbol: str, dimension: str, size: int | Fraction) -> Unit:
    return Unit(symbol, dimension, Fraction(size))


# tokens, steps and batches are no inferences: what counts them has no unit in common with these
_RATES = (
    "1/s", "fps", "ips", "qps", "per_s", "per_sec", "per_second", "samples/s", "samples/sec",
    "images/s", "images/sec", "img/s", "imgs/s", "frames/s", "inferences/s", "infer/s",
    "queries/s", "requests/s",
)  # fmt: skip
# spellings, the first one is the symbol; base units: s, byte, W, J, fraction, per second
_UNITS: tuple[tuple[tuple[str, ...], str, Fraction], ...] = (
    (("ns", "nanoseconds", "nsec"), "time", Fraction(1, 10**9)),
    (("us", "µs", "μs", "microseconds", "usec"), "time", Fraction(1, 10**6)),
    (
        ("ms", "milliseconds", "msec", "millis", "ms/im", "ms/img", "ms/image", "ms/inference"),
        "time",
        Fraction(1, 1000),
    ),
    (("s", "sec", "seconds", "secs"), "time", Fraction(1)),
    (("min", "minutes"), "time", Fraction(60)),
    (("h", "hours"), "time", Fraction(3600)),
    (("bit", "bits"), "size", Fraction(1, 8)),
    (("B", "bytes", "byte"), "size", Fraction(1)),
    (("kB", "KB", "kb", "kilobytes"), "size", Fraction(10**3)),
    (("MB", "mb", "megabytes"), "size", Fraction(10**6)),
    (("GB", "gb", "gigabytes"), "size", Fraction(10**9)),
    (("TB", "tb", "terabytes"), "size", Fraction(10**12)),
    (("KiB", "kib", "kibibytes"), "size", Fraction(2**10)),
    (("MiB", "mib", "mebibytes"), "size", Fraction(2**20)),
    (("GiB", "gib", "gibibytes"), "size", Fraction(2**30)),
    (("uW", "uw", "µW", "μW"), "power", Fraction(1, 10**6)),
    (("mW", "mw", "milliwatts"), "power", Fraction(1, 1000)),
    (("W", "w", "watts", "watt"), "power", Fraction(1)),
    (("uJ", "uj", "µJ", "μJ"), "energy", Fraction(1, 10**6)),
    (("mJ", "mj", "millijoules"), "energy", Fraction(1, 1000)),
    (("J", "j", "joules", "joule"), "energy", Fraction(1)),
    (("mWh", "mwh"), "energy", Fraction(36, 10)),
    (("Wh", "wh"), "energy", Fraction(3600)),
    (("kWh", "kwh"), "energy", Fraction(3_600_000)),
    (("%", "pct", "percent", "percentage"), "fraction", Fraction(1, 100)),
    (("fraction", "ratio"), "fraction", Fraction(1)),
    (_RATES, "rate", Fraction(1)),
)
_BY_SPELLING = {
    spelling: _unit(spellings[0], dimension, size)
    for spellings, dimension, size in _UNITS
    for spelling in spellings
}
# mega is not milli, and a bit not a byte: in lower case these would be other units
_CASE_MATTERS = frozenset({"Gb", "Kb", "MJ", "MW", "Mb"})
# at the end of a name these are words: accuracy_min is a minimum, accuracy_ratio no accuracy
_WORDS = frozenset({"min", "ratio"})
_SUFFIXES = frozenset(
    spelling.lower() for spelling in _BY_SPELLING if spelling[0].isalpha() or spelling == "%"
)
_GAP = re.compile(r"[_\s\-]+")
_PER = ("_per", " per", "-per")
_LONGEST = 2  # words of a unit in a name: tokens_per_second
# a single letter is a unit only after a word of its dimension: map_s is a score for small objects
_LETTER_AFTER = {
    "energy": re.compile("energy|consumption"),
    "power": re.compile("power|consumption|draw"),
    "size": re.compile("size|memory|footprint"),
    "time": re.compile("time|duration|latency|elapsed|delay|wall|inference"),
}


def find_unit(text: str) -> Unit | None:
    """The unit that ``text`` spells, None when it is none that we know.

    Case matters where it makes a difference (mW is not MW); else the spelling in lower case will
    do.
    """
    bare = text.strip()
    known = _BY_SPELLING.get(bare)
    return known if known or bare in _CASE_MATTERS else _BY_SPELLING.get(bare.lower())


def unit_of_name(stem: str, text: str) -> Unit | None:
    """The unit that ``text`` is at the end of a name that begins with ``stem``.

    None where it is a word or a letter of the name: ``latency_min``, ``mAP50(B)``.
    """
    unit = find_unit(text)
    if unit is None or text.lower() in _WORDS:
        return None
    if len(text) > 1 or not text.isalpha():
        return unit
    hint = _LETTER_AFTER.get(unit.dimension)
    return unit if hint and hint.search(stem.lower()) else None


def bracket_unit(stem: str, text: str, *, spaced: bool) -> Unit | None:
    """The unit in brackets behind a name: after a blank a letter is one too, ``Total (s)``."""
    return find_unit(text) if spaced and text not in _WORDS else unit_of_name(stem, text)


def split_suffix(name: str) -> tuple[str, Unit] | None:
    """``latency_mean_ms`` → (``latency_mean``, ms); None without a unit at the end."""
    for gap in list(_GAP.finditer(name))[-_LONGEST:]:
        stem, tail = name[: gap.start()], _GAP.sub("_", name[gap.end() :])
        if not stem or stem.lower().endswith(_PER):  # bits_per_byte are no bytes
            continue
        unit = unit_of_name(stem, tail) if tail.lower() in _SUFFIXES else None
        if unit is not None:
            return stem, unit
    return None


def scale_between(source: Unit, target: Unit) -> Fraction:
    """What a number in ``source`` is multiplied by to be in ``target``.

    Raises ValueError when the two measure different things.
    """
    if source.dimension != target.dimension:
        raise ValueError(f"{source.symbol} is a {source.dimension}, not a {target.dimension}")
    return source.size / target.size


_NEAR_OVERFLOW = 1e290


def convert(values: FloatArray, scale: Fraction) -> FloatArray:
    """``values`` float64[n] × scale, each rounded once."""
    if scale == 1:
        return values
    numerator, denominator = scale.numerator, scale.denominator
    with np.errstate(over="ignore", under="ignore"):
        if denominator == 1:
            return values * float(numerator)
        if numerator == 1:
            return values / float(denominator)
        if numerator.bit_count() == 1 and not (np.abs(values) > _NEAR_OVERFLOW).any():
            return values * float(numerator) / float(denominator)  # the product is exact
    return np.array([_exact(value, scale) for value in values.tolist()], np.float64)


def convert_one(value: float, scale: Fraction) -> float:
    """A single finite number × scale, rounded once."""
    numerator, denominator = scale.numerator, scale.denominator
    if denominator == 1:
        return value * float(numerator)
    if numerator == 1:
        return value / float(denominator)
    return _exact(value, scale)


def _exact(value: float, scale: Fraction) -> float:
    if not np.isfinite(value):
        return value
    try:
        return float(Fraction(value) * scale)
    except OverflowError:
        return float("inf") if value > 0 else float("-inf")
