"""The column of a metric: its unit is shown unless its name ends in it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from cetrack.report.numbers import is_number, known_std, places_for, readable_places
from cetrack.report.table import Cell, Column, Kind, Spread
from cetrack.units import find_unit, split_suffix

_SILENT = frozenset({None, "", "fraction"})  # values between 0 and 1 speak for themselves

_SHOWN_UNITS = {"us": "µs", "uJ": "µJ", "uW": "µW"}
# decimals by (family, unit), by family and by unit, the first that there is
_PLACES: Mapping[tuple[str | None, str | None], int] = {
    ("quality", "%"): 2,
    (None, "%"): 1,
    (None, "fraction"): 3,
    ("compression", None): 2,  # ratios: a speed-up of 1.87
}
_DIGITS = 3  # significant digits of the smallest number, where there is no such rule
_MOST_PLACES = 6


def metric_column(name: str, unit: str | None, *, rank: int = 0) -> Column:
    """A column of numbers in ``unit``; ``name`` may carry an aggregate: ``latency_ms.max``."""
    shown = None if unit in _SILENT or _says(name, unit or "") else unit
    return Column(name=name, kind=Kind.NUMBER, unit=shown, rank=rank)


def _says(name: str, unit: str) -> bool:
    known = find_unit(unit)
    suffixes = (split_suffix(part) for part in (name, name.rpartition(".")[0]))
    return known is not None and any(found and found[1] == known for found in suffixes)


def paper_column(
    name: str,
    *,
    unit: str | None = None,
    direction: str | None = None,
    family: str | None = None,
    cells: Sequence[Cell] = (),
) -> Column:
    """The column of a metric in a table for a paper: a title in words, and fixed decimals.

    ``cells`` are those of all columns of the metric, which then have the same decimals. Values
    stay in the stored ``unit``. ``latency_mean_ms`` is titled "Latency mean" with its unit
    beside it. Decimals: fractions 3, percentages 1 (of quality 2), compression ratios 2; all else
    as many as show three significant digits of the smallest of the ``cells``, 6 at most, and none
    for whole numbers. Where these would show nothing of a standard deviation there are as many
    more as show a digit of the smallest one, up to 6. A column whose numbers are too far apart for
    common decimals has none fixed.
    """
    return Column(
        name=name,
        kind=Kind.NUMBER,
        unit=None if unit in _SILENT else _SHOWN_UNITS.get(unit or "", unit),
        title=_title(name, unit),
        direction=direction,
        places=_paper_places(unit, family, [cell for cell in cells if is_number(cell)]),
    )


def _paper_places(
    unit: str | None, family: str | None, cells: Sequence[int | float | Spread]
) -> int | None:
    means = [cell.mean if isinstance(cell, Spread) else cell for cell in cells]
    stds = [known_std(cell) for cell in cells if isinstance(cell, Spread)]
    some = [abs(std) for std in stds if std and math.isfinite(std)]
    places = _usual_places(unit, family, [mean for mean in means if math.isfinite(mean)])
    if places is None or not some:
        return places
    return max(places, min(_MOST_PLACES, places_for(min(some), 1)))


def _usual_places(unit: str | None, family: str | None, means: Sequence[float]) -> int | None:
    rules = ((family, unit), (None, unit))
    known = next((_PLACES[rule] for rule in rules if rule in _PLACES), None)
    numbers = [abs(mean) for mean in means if mean]
    if known is not None or not numbers:
        return known
    if all(float(number).is_integer() for number in numbers):
        return 0
    wanted = min(_MOST_PLACES, places_for(min(numbers), _DIGITS))
    return readable_places(numbers, wanted)


def _title(name: str, unit: str | None) -> str:
    """``latency_mean_ms`` → ``Latency mean``; names with capitals keep them: ``mAP50-95(B)``."""
    known, suffixed = find_unit(unit or ""), split_suffix(name)
    stem = suffixed[0] if suffixed and suffixed[1] == known else name
    words = stem.replace("_", " ").strip() or name
    return words[0].upper() + words[1:] if words == words.lower() else words
