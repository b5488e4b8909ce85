"""Numbers as people read them: few digits, and the same decimal places for what is alike."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypeGuard

from cetrack.report.table import Cell, Spread

Number = int | float | Spread

DIGITS = 5  # significant digits of a number on its own
PLUS_MINUS = " ± "
_SMALL, _LARGE = 1e-4, 1e15  # outside of these, a number has an exponent
_MOST_DIGITS = 8  # of the largest number, when a column shares its decimal places
_FEWEST_DIGITS = 3  # of the smallest one
_MOST_PLACES = 8  # that a standard deviation may ask for
_NEAR = 2  # decimal places that standard deviations may differ by, to share them


def is_number(cell: Cell) -> TypeGuard[Number]:
    """True for what is written in digits: no text, no truth value, nothing missing."""
    return isinstance(cell, int | float | Spread) and not isinstance(cell, bool)


def number_texts(
    cells: Sequence[Number], *, places: int | None = None, alike: bool = True
) -> list[str]:
    """Each number as text: ``0.87654``, ``1.2e-05``, ``0.9120 ± 0.0031``, ``inf``.

    ``places`` fixes the decimals. Else numbers that are ``alike`` share them where all stay
    readable: as many as show two significant digits of the standard deviations, where there are
    any.
    """
    if places is not None:
        return [_fixed(cell, places) for cell in cells]
    shared = _shared_places(cells) if alike else None
    if shared is None:
        return [number_text(cell) for cell in cells]
    return [_fixed(cell, shared) if type(cell) is not int else str(cell) for cell in cells]


def number_text(cell: Number) -> str:
    """One number on its own."""
    if isinstance(cell, int):
        return str(cell)
    if isinstance(cell, float):
        return short_number(cell)
    places, std = _asked_places(cell), known_std(cell)
    if places is not None and places <= _MOST_PLACES:
        return _fixed(cell, places)
    mean = short_number(cell.mean)
    return mean if std is None else f"{mean}{PLUS_MINUS}{short_number(std)}"


def short_number(value: float) -> str:
    """About five significant digits: 0.87654, 12.346, 1.2e-05; whole numbers in full."""
    if not math.isfinite(value):
        return str(value)
    if value == 0:
        return "0"
    if not _SMALL <= abs(value) < _LARGE:
        mantissa, _, exponent = f"{value:.{DIGITS - 1}e}".partition("e")
        return f"{_trimmed(mantissa)}e{exponent}"
    places = max(0, DIGITS - 1 - math.floor(math.log10(abs(value))))
    return _trimmed(f"{value:.{places}f}")


def widest_std(texts: Sequence[str]) -> str:
    """The longest standard deviation in the texts of a column; "" without any, or with exponents.

    What has none can leave as much room, so that all means stand below each other.
    """
    stds = [std for std in (text.partition(PLUS_MINUS)[2] for text in texts) if std]
    plain = all(std.replace(".", "").isdigit() for std in stds)
    return max(stds, key=len, default="") if plain else ""


def readable_places(values: Sequence[float], wanted: int) -> int | None:
    """At most ``wanted`` decimal places that all ``values`` are readable with, None without any.

    The smallest value shows three significant digits, or all that ``wanted`` places give it; the
    largest has no more than eight.
    """
    numbers = [abs(value) for value in values if math.isfinite(value) and value != 0]
    if not numbers or min(numbers) < _SMALL or max(numbers) >= _LARGE:
        return None
    room = _MOST_DIGITS - max(1, math.floor(math.log10(max(numbers))) + 1)
    places = min(wanted, max(0, room))
    needed = _FEWEST_DIGITS - 1 - math.floor(math.log10(min(numbers)))
    return places if places >= min(wanted, needed) else None


def places_for(value: float, digits: int) -> int:
    """The decimal places that show so many significant digits of a finite ``value`` above 0.

    Counted after rounding: two digits of 0.0996 are 0.10.
    """
    return max(0, digits - 1 - int(f"{value:.{digits - 1}e}".partition("e")[2]))


def known_std(spread: Spread) -> float | None:
    """The standard deviation, None where it says nothing."""
    unknown = spread.std is None or math.isnan(spread.std) or math.isnan(spread.mean)
    return None if unknown else spread.std


def _shared_places(cells: Sequence[Number]) -> int | None:
    spreads = [cell for cell in cells if isinstance(cell, Spread)]
    asked = [places for places in map(_asked_places, spreads) if places is not None]
    if asked:
        near = max(asked) - min(asked) <= _NEAR and max(asked) <= _MOST_PLACES
        return max(asked) if near else None
    means = [cell.mean if isinstance(cell, Spread) else cell for cell in cells]
    floats = [mean for mean in means if isinstance(mean, float) and mean]
    known = (short_number(value) for value in floats if math.isfinite(value))
    return readable_places(floats, max((len(text.partition(".")[2]) for text in known), default=0))


def _asked_places(spread: Spread) -> int | None:
    """The decimals that show two significant digits of a standard deviation that has some."""
    std = known_std(spread)
    if not std or not math.isfinite(std) or not math.isfinite(spread.mean):
        return None
    return places_for(abs(std), 2)


def _fixed(cell: Number, places: int) -> str:
    if not isinstance(cell, Spread):
        return _with_places(cell, places)
    mean, std = _with_places(cell.mean, places), known_std(cell)
    return mean if std is None else f"{mean}{PLUS_MINUS}{_with_places(std, places)}"


def _with_places(value: float, places: int) -> str:
    """A negative number that rounds to zero has no sign."""
    return f"{value:z.{places}f}" if -_LARGE < value < _LARGE else number_text(value)


def _trimmed(text: str) -> str:
    return text.rstrip("0").rstrip(".") if "." in text else text
