"""Units: what they measure and how large they are. Pure.

A conversion is one correctly rounded operation: ``value × scale`` with an exact rational scale.
MB is 10**6 bytes and MiB 2**20, as the standards have it.
"""

from __future__ import annotations

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


# spellings, the first one is the symbol; base units: s, byte, W, J, fraction, per second
_UNITS: tuple[tuple[tuple[str, ...], str, Fraction], ...] = (
    (("ns", "nanoseconds", "nsec"), "time", Fraction(1, 10**9)),
    (("us", "µs", "μs", "microseconds", "usec"), "time", Fraction(1, 10**6)),
    (("ms", "milliseconds", "msec", "millis"), "time", Fraction(1, 1000)),
    (("s", "sec", "seconds", "secs"), "time", Fraction(1)),
    (("min", "minutes"), "time", Fraction(60)),
    (("h", "hours"), "time", Fraction(3600)),
    (("bit", "bits"), "size", Fraction(1, 8)),
    (("B", "bytes", "byte"), "size", Fraction(1)),
    (("kB", "KB", "kb"), "size", Fraction(10**3)),
    (("MB", "mb", "megabytes"), "size", Fraction(10**6)),
    (("GB", "gb", "gigabytes"), "size", Fraction(10**9)),
    (("KiB", "kib"), "size", Fraction(2**10)),
    (("MiB", "mib"), "size", Fraction(2**20)),
    (("GiB", "gib"), "size", Fraction(2**30)),
    (("uW", "uw", "µW"), "power", Fraction(1, 10**6)),
    (("mW", "mw", "milliwatts"), "power", Fraction(1, 1000)),
    (("W", "w", "watts", "watt"), "power", Fraction(1)),
    (("uJ", "uj", "µJ"), "energy", Fraction(1, 10**6)),
    (("mJ", "mj", "millijoules"), "energy", Fraction(1, 1000)),
    (("J", "j", "joules", "joule"), "energy", Fraction(1)),
    (("Wh", "wh"), "energy", Fraction(3600)),
    (("kWh", "kwh"), "energy", Fraction(3_600_000)),
    (("%", "pct", "percent", "percentage"), "fraction", Fraction(1, 100)),
    (("fraction", "ratio"), "fraction", Fraction(1)),
    (("1/s", "fps", "ips", "qps", "per_s", "per_sec", "per_second"), "rate", Fraction(1)),
)
_BY_SPELLING = {
    spelling: _unit(spellings[0], dimension, size)
    for spellings, dimension, size in _UNITS
    for spelling in spellings
}
# the longest first, so that latency_ms is milliseconds and not "latency_m" in seconds
SUFFIXES = sorted((s for s in _BY_SPELLING if s[0].isalpha()), key=len, reverse=True)


def find_unit(text: str) -> Unit | None:
    """The unit that ``text`` spells, None when it is none that we know.

    Case matters where it makes a difference (mW is not MW); else the spelling in lower case will
    do.
    """
    bare = text.strip()
    return _BY_SPELLING.get(bare) or _BY_SPELLING.get(bare.lower())


def split_suffix(name: str) -> tuple[str, Unit] | None:
    """``latency_mean_ms`` → (``latency_mean``, ms); None without a unit at the end."""
    lowered = name.lower()
    for suffix in SUFFIXES:
        if lowered.endswith("_" + suffix.lower()) and len(name) > len(suffix) + 1:
            return name[: -len(suffix) - 1], _BY_SPELLING[suffix]
    return None


def scale_between(source: Unit, target: Unit) -> Fraction:
    """What a number in ``source`` is multiplied by to be in ``target``.

    Raises ValueError when the two measure different things.
    """
    if source.dimension != target.dimension:
        raise ValueError(f"{source.symbol} is a {source.dimension}, not a {target.dimension}")
    return source.size / target.size


def convert(values: FloatArray, scale: Fraction) -> FloatArray:
    """``values`` float64[n] × scale, each rounded once."""
    if scale == 1:
        return values
    with np.errstate(over="ignore"):
        if scale.numerator == 1:
            return values / float(scale.denominator)
        if scale.denominator == 1:
            return values * float(scale.numerator)
    return np.array([_exact(value, scale) for value in values.tolist()], np.float64)


def _exact(value: float, scale: Fraction) -> float:
    if not np.isfinite(value):
        return value
    try:
        return float(Fraction(value) * scale)
    except OverflowError:
        return float("inf") if value > 0 else float("-inf")
