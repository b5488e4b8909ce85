"""Names as they stand in a figure: visible, not too long, with units."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache

from cetrack.plots.shapes import Measure
from cetrack.report.cells import MISSING, visible
from cetrack.units import find_unit, split_suffix

LONGEST = 26
IN_KEY = 38  # letters of a name in the legend
_PLAIN = re.compile(r"[A-Za-z0-9_]+")
_SILENT = frozenset({None, "", "fraction"})  # values between 0 and 1 speak for themselves
# along the axis: a label of a vertical one is turned, and points up
_BETTER = {"lower": "← better", "higher": "better →"}


def shown(name: str) -> str:
    """The name in letters that the font of the figures has; all others as escapes."""
    known = _letters()
    return "".join(
        char if ord(char) in known else char.encode("unicode_escape").decode()
        for char in visible(name)
    )


@cache
def _letters() -> frozenset[int]:
    """What the font has that comes with matplotlib, so that a name looks the same everywhere."""
    from pathlib import Path

    import matplotlib as mpl
    from matplotlib.ft2font import FT2Font

    font = Path(mpl.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"
    return frozenset(FT2Font(str(font)).get_charmap())


def labels(names: Iterable[str], *, most: int = LONGEST) -> dict[str, str]:
    """Name → what is shown of it: at most ``most`` characters, for each name another text."""
    found: dict[str, str] = {}
    taken: set[str] = set()
    for name in sorted(set(names)):
        text = shorten(shown(name) or MISSING, most)
        number = 1
        while text in taken:
            number += 1
            text = shorten(shown(name), most - len(f" ({number})")) + f" ({number})"
        taken.add(text)
        found[name] = text
    return found


def shorten(text: str, most: int) -> str:
    """The text with its middle left out: models of a family differ at both ends."""
    if len(text) <= most:
        return text
    tail = (most - 1) // 2
    return f"{text[: most - 1 - tail]}…{text[-tail:]}"


def measure_text(measure: Measure) -> str:
    """``latency_mean_ms`` as ``latency mean [ms]``; a name that is no identifier stays itself."""
    name, unit = measure.name, measure.unit
    suffixed = split_suffix(name)
    if suffixed and unit and suffixed[1] == find_unit(unit):
        name = suffixed[0]
    words = name.replace("_", " ").strip() if _PLAIN.fullmatch(name.replace("/", "")) else name
    return words if unit in _SILENT else f"{words} [{unit}]"


def axis_text(measure: Measure, *, most: int = 48) -> str:
    """The label of an axis: the metric, and an arrow along the axis to the better side."""
    return with_arrow(shorten(shown(measure_text(measure)), most), measure.direction)


def with_arrow(text: str, direction: str | None) -> str:
    """The text with an arrow to the better side, if there is one."""
    better = _BETTER.get(direction or "")
    return f"{text}   {better}" if better else text
