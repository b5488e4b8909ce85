"""Two metrics against each other, with the runs that no other beats in both."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from cetrack.errors import UsageError
from cetrack.plots import figure as figures
from cetrack.plots.figure import Frame
from cetrack.plots.forms import ImageFormat, Size
from cetrack.plots.placing import Box, Place, place_labels
from cetrack.plots.shapes import Measure, Pareto, Point
from cetrack.plots.styles import Style, styles
from cetrack.plots.texts import axis_text, labels, shown

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_ALL_NAMED = 12  # with more points than these only those of the front are named
_HEIGHT = 0.8  # of the width
_SMALL = "small"
_LONGEST = 30  # letters of a name beside its point
_MARKER = 5.0  # points
_BEATEN = 3.6
_GAP = 2.5  # points between a marker's centre and a name's box
_FILLED = "filled: no other is better in both"
_MARGIN = 0.12  # around the points, of their span: room for names


def pareto_plot(pareto: Pareto, *, format: str = ImageFormat.PNG, size: str = Size.COLUMN) -> bytes:
    """A point per run, filled on the front; the front as a staircase, its runs named.

    Raises UsageError without a point that has both values.
    """
    points = [p for p in pareto.points if math.isfinite(p.x) and math.isfinite(p.y)]
    if not points:
        raise UsageError(
            f"no run has both {pareto.x.name} and {pareto.y.name}: there is nothing to draw"
        )

    def draw(figure: Figure, frame: Frame) -> None:
        axes = figure.add_subplot()
        _draw_axes(axes, pareto, points)
        look = styles(p.precision for p in points)
        _draw_points(axes, points, look)
        figures.key(figure, [(shown(name), look[name]) for name in look], lines=False)
        front = [p for p in points if p.on_front]
        named = points if len(points) <= _ALL_NAMED else front
        figures.note(figure, [_FILLED])
        if not _name(axes, named, points):
            for text in list(axes.texts):
                text.remove()
            figures.note(figure, [f"{_FILLED}; names without room are left out"])
            _name(axes, named, points)

    return figures.render(
        draw, height=lambda frame: frame.width * _HEIGHT, format=format, size=size
    )


def _draw_axes(axes: Axes, pareto: Pareto, points: Sequence[Point]) -> None:
    for axis, values in ((axes.xaxis, [p.x for p in points]), (axes.yaxis, [p.y for p in points])):
        if figures.is_wide([np.array(values)]):
            figures.logarithmic(axis)
    axes.set_xlabel(axis_text(pareto.x))
    axes.set_ylabel(axis_text(pareto.y))
    axes.margins(_MARGIN)
    _draw_front(axes, [p for p in points if p.on_front], pareto.x)


def _draw_front(axes: Axes, front: Sequence[Point], x: Measure) -> None:
    """What is reached at a given x: by the run at the better side of it."""
    ordered = sorted(front, key=lambda p: (p.x, p.y))
    where = "steps-pre" if x.direction == "higher" else "steps-post"
    axes.plot(
        [p.x for p in ordered],
        [p.y for p in ordered],
        drawstyle=where,
        color=figures.GREY,
        linewidth=0.8,
        zorder=1,
    )


def _draw_points(axes: Axes, points: Sequence[Point], look: dict[str, Style]) -> None:
    """Runs beaten by another are hollow, and below."""
    for precision, style in look.items():
        for on_front in (False, True):
            some = [p for p in points if p.precision == precision and p.on_front is on_front]
            axes.plot(
                [p.x for p in some],
                [p.y for p in some],
                linestyle="none",
                zorder=3 if on_front else 2,
                markersize=_MARKER if on_front else _BEATEN,
                **figures.mark(style, hollow=not on_front),
            )


def _name(axes: Axes, named: Sequence[Point], points: Sequence[Point]) -> bool:
    """Write the names beside their points; False where there is no room for all of them."""
    figure = axes.get_figure(root=True)
    assert figure is not None
    figure.draw_without_rendering()  # the layout is known only then
    ordered = sorted(named, key=lambda p: (p.x, p.y, p.label))
    texts = _names(ordered)
    pixels = axes.transData.transform([(p.x, p.y) for p in ordered])
    dot = figure.dpi / 72  # pixels of a typographic point
    places = place_labels(
        pixels.tolist(),
        [_extent(axes, text) for text in texts],
        inside=(axes.bbox.x0, axes.bbox.y0, axes.bbox.x1, axes.bbox.y1),
        obstacles=_obstacles(axes, points, dot),
        gap=_GAP * dot,
    )
    for point, text, pixel, place in zip(ordered, texts, pixels, places, strict=True):
        if place is not None:
            _write(axes, text, point, (place.centre - pixel) / dot, _line_of(place))
    return None not in places


def _extent(axes: Axes, text: str) -> tuple[float, float]:
    """Width and height in pixels."""
    written = axes.text(0, 0, text, fontsize=_SMALL)
    box = written.get_window_extent()
    written.remove()
    return box.width + box.height / 2, box.height  # a blank lies between two names


def _obstacles(axes: Axes, points: Sequence[Point], dot: float) -> list[Box]:
    """Squares around the points, and the steps of the front."""
    pixels = axes.transData.transform([(p.x, p.y) for p in points])
    half = _MARKER / 2 * dot
    boxes = [(x - half, y - half, x + half, y + half) for x, y in pixels.tolist()]
    (line,) = axes.lines[:1]
    corners = axes.transData.transform(line.get_path().vertices)
    for (x1, y1), (x2, y2) in itertools.pairwise(corners.tolist()):
        boxes.append((min(x1, x2) - 1, min(y1, y2) - 1, max(x1, x2) + 1, max(y1, y2) + 1))
    return boxes


def _line_of(place: Place) -> dict[str, Any] | None:
    """The line from a name to its point, from the side that is nearest to it."""
    if place.line_from is None:
        return None
    left, bottom, right, top = place.box
    x, y = place.line_from
    from_here = ((x - left) / (right - left), (y - bottom) / (top - bottom))
    width = {"linewidth": 0.4, "shrinkA": 0, "shrinkB": 2}
    return {"arrowstyle": "-", "color": figures.GREY, "relpos": from_here, **width}


def _write(axes: Axes, text: str, point: Point, offset: Any, line: dict[str, Any] | None) -> None:
    written = axes.annotate(
        text,
        (point.x, point.y),
        xytext=tuple(offset),
        textcoords="offset points",
        fontsize=_SMALL,
        ha="center",
        va="center",
        zorder=4,
        arrowprops=line,
    )
    written.set_in_layout(False)


def _names(points: Sequence[Point]) -> list[str]:
    """What is written beside each point: its label without the precision, which its marker says."""
    names = []
    for p in points:
        rest = p.label.removeprefix(f"{p.model} {p.precision}")
        names.append(p.label if rest == p.label else f"{p.model}{rest}")
    texts = labels(names, most=_LONGEST)
    return [texts[name] for name in names]
