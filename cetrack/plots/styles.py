"""How a precision looks: one colour, marker and dash pattern, the same in every plot.

The colours are those of Okabe and Ito (Color Universal Design, 2008), which people with any kind
of colour blindness tell apart, without the yellow that vanishes on paper. In grey some of them are
alike: no two precisions share a marker, and lines differ in their dashes as well.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

BLACK, ORANGE, SKY, GREEN = "#000000", "#E69F00", "#56B4E9", "#009E73"
BLUE, VERMILLION, PURPLE = "#0072B2", "#D55E00", "#CC79A7"
COLOURS = (BLACK, VERMILLION, BLUE, GREEN, ORANGE, PURPLE, SKY)
MARKERS = "osv^D*PX<>phd8H"
T = TypeVar("T")
Dashes = tuple[float, ...]  # lengths of stroke and gap in line widths; empty: solid
DASHES: tuple[Dashes, ...] = ((), (4, 1.5), (1, 1), (5, 1, 1, 1), (7, 2), (5, 1, 1, 1, 1, 1))


@dataclass(frozen=True, slots=True)
class Style:
    """``marker`` is one of matplotlib's."""

    colour: str
    marker: str
    dashes: Dashes = ()


FIXED = {
    "fp64": Style(BLACK, "8", (7, 2)),
    "fp32": Style(BLACK, "o"),
    "tf32": Style(BLACK, "h", (1, 1)),
    "fp16": Style(BLUE, "s", (5, 1, 1, 1)),
    "bf16": Style(SKY, "D", (1, 1)),
    "amp": Style(BLUE, "p", (7, 2)),
    "fp8": Style(GREEN, "P", (7, 2)),
    "fp8_e4m3": Style(GREEN, "<", (4, 1.5)),
    "fp8_e5m2": Style(GREEN, ">", (1, 1)),
    "int8": Style(VERMILLION, "v", (4, 1.5)),
    "int4": Style(ORANGE, "^", (5, 1, 1, 1, 1, 1)),
    "mixed": Style(PURPLE, "*", (5, 1, 1, 1)),
}
_RELATIVES = ("int8", "int4", "fp8", "bf16", "fp16", "fp32")  # int8_static looks like int8


def styles(labels: Iterable[str]) -> dict[str, Style]:
    """A style for each label: a precision, with what tells it from others after a comma.

    A precision of the table keeps its style whatever else is in the plot. A qualified one
    (``int8,method=qat``) takes that of its precision where it is free, else its colour with other
    dashes and a marker of its own; a relative (``int8_static``) does the latter. Only beyond
    fifteen labels markers repeat. From wide to narrow formats.
    """
    found: dict[str, Style] = {}
    for label in sorted(set(labels), key=lambda label: (label not in FIXED, label)):
        found[label] = _free(label, list(found.values()))
    return {label: found[label] for label in sorted(found, key=_rank)}


def _free(label: str, taken: Sequence[Style]) -> Style:
    """The label's own style, or what is left of markers, and of dashes in its colour."""
    base = label.partition(",")[0]
    markers = [style.marker for style in taken]
    if base in FIXED and FIXED[base].marker not in markers:
        return FIXED[base]
    number = zlib.crc32(label.encode("utf-8", "backslashreplace"))  # hash() differs by process
    colour = _colour(base, number)
    alike = [style.dashes for style in taken if style.colour == colour]
    return Style(
        colour,
        _first_free(MARKERS, number, markers),
        _first_free(DASHES, number, alike),
    )


def _first_free(choices: Sequence[T], number: int, taken: Sequence[T]) -> T:
    """The choice at ``number``, or the next one that is not taken, if any."""
    turned = [choices[(number + offset) % len(choices)] for offset in range(len(choices))]
    return next((choice for choice in turned if choice not in taken), turned[0])


def _rank(label: str) -> tuple[int, str]:
    """Relatives follow their format; what is not known comes last."""
    order = list(FIXED)
    base = label.partition(",")[0]
    known = base if base in FIXED else _relative(base)
    return order.index(known) if known else len(order), label


def _relative(precision: str) -> str | None:
    return next((name for name in _RELATIVES if precision.startswith(name)), None)


def _colour(precision: str, number: int) -> str:
    known = precision if precision in FIXED else _relative(precision)
    return FIXED[known].colour if known else COLOURS[number % len(COLOURS)]


def luminance(colour: str) -> float:
    """How light a colour is in grey, 0 to 1 (ITU-R BT.709 weights of linear sRGB)."""
    channels = (int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5))
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
