"""The history of a metric, with the places where it moved."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from cetrack.domain import FloatArray
from cetrack.errors import UsageError
from cetrack.plots import figure as figures
from cetrack.plots.figure import Frame
from cetrack.plots.forms import ImageFormat, Size
from cetrack.plots.panels import Panel, Panels
from cetrack.plots.shapes import Change, Line, Trend
from cetrack.plots.styles import Style
from cetrack.plots.texts import axis_text, shorten, shown

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_TICKS = 7  # names of runs below a panel
_LONGEST = 12
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_COMMIT, _COMMIT_DIGITS = re.compile(r"[0-9a-f]{40,64}"), 8
_MOST_NAMED = 4  # changes in a panel whose size is written


def trend_plot(trend: Trend, *, format: str = ImageFormat.PNG, size: str = Size.COLUMN) -> bytes:
    """A line per series, a panel per model; a change is a vertical mark between two levels.

    Raises UsageError where no line has a value.
    """
    lines = [line for line in trend.lines if np.isfinite(line.values).any()]
    if not lines:
        raise UsageError(f"no run has {trend.metric.name}: there is nothing to draw")
    panels = Panels.of(
        [(str(line.fields["model"]), _label(line), line) for line in lines],
        lambda line: line.values,
    )
    by_number = all(_is_numbered(line) for line in lines)

    def draw(figure: Figure, frame: Frame) -> None:
        def one(axes: Axes, panel: Panel[Line], look: dict[str, Style]) -> None:
            _draw(axes, panel, look, by_number=by_number)

        x = "run" if by_number else ""
        panels.draw(figure, frame, one, x=x, y=axis_text(trend.metric))

    return figures.render(draw, height=panels.height, format=format, size=size)


def _label(line: Line) -> str:
    """The line among those of its model: its name without the model's."""
    return line.name.removeprefix(f"{line.fields['model']},")


def _is_numbered(line: Line) -> bool:
    return [str(n) for n in line.n.tolist()] == list(line.labels)


def _draw(axes: Axes, panel: Panel[Line], look: dict[str, Style], *, by_number: bool) -> None:
    lines = list(panel.lines.values())
    places = [line.n.astype(np.float64) for line in lines]
    if by_number:
        axes.locator_params(axis="x", integer=True)
    else:
        places = _name_runs(axes, lines)
    changes = sum(len(line.changes) for line in lines)
    for (name, line), x in zip(panel.lines.items(), places, strict=True):
        style = look[name]
        is_moved = bool(line.changes)
        figures.draw_line(axes, x, line.values, style, is_faint=is_moved)
        _draw_changes(axes, line, x, style, named=changes <= _MOST_NAMED)
    axes.margins(x=0.04, y=0.12)


def _name_runs(axes: Axes, lines: Sequence[Line]) -> list[FloatArray]:
    """Where every run lies on an axis of the labels of all lines: by day, or by first time."""
    firsts: dict[str, datetime] = {}
    for line in lines:
        for label, time in zip(line.labels, line.started_at, strict=True):
            firsts[label] = min(time, firsts.get(label, time))
    order = sorted(firsts, key=lambda label: (firsts[label], label))
    if all(map(_DAY.fullmatch, order)):
        place = {label: float(date.fromisoformat(label).toordinal()) for label in order}
        ends = (min(place.values()), max(place.values()))
        ticks = sorted({round(day) for day in np.linspace(*ends, _TICKS).tolist()})
        texts = [date.fromordinal(day).isoformat() for day in ticks]
    else:
        place = {label: float(index) for index, label in enumerate(order)}
        ticks = list(range(0, len(order), math.ceil(len(order) / _TICKS)))
        texts = [_short(order[index]) for index in ticks]
    axes.set_xticks(ticks, texts, rotation=30, ha="right", rotation_mode="anchor")
    return [np.array([place[label] for label in line.labels]) for line in lines]


def _short(label: str) -> str:
    """A commit by its first digits, anything else as it is, unless long."""
    return label[:_COMMIT_DIGITS] if _COMMIT.fullmatch(label) else shorten(shown(label), _LONGEST)


def _draw_changes(axes: Axes, line: Line, x: FloatArray, style: Style, *, named: bool) -> None:
    """Levels as thick lines, the step between them as a vertical one, its size beside it."""
    borders = [*(change.index for change in line.changes), len(x)]
    for number, change in enumerate(line.changes):
        start = borders[number - 1] if number else 0
        at = (x[change.index - 1] + x[change.index]) / 2
        level: dict[str, Any] = {"color": style.colour, "linewidth": 1.6, "zorder": 3}
        if number == 0:
            axes.plot([x[start], at], [change.before] * 2, **level)
        end = x[-1] if number + 1 == len(line.changes) else _middle(x, borders[number + 1])
        axes.plot([at, end], [change.after] * 2, **level)
        axes.axvline(at, color=figures.GREY, linewidth=0.6, linestyle=(0, (1, 1.5)), zorder=1)
        axes.plot([at, at], [change.before, change.after], **level)
        if named:
            _name_change(axes, change, at)


def _middle(x: FloatArray, index: int) -> float:
    return float(x[index - 1] + x[index]) / 2


def _name_change(axes: Axes, change: Change, at: float) -> None:
    if change.ratio is None:
        text = f"{change.after - change.before:+.3g}"
    else:
        text = f"{(change.ratio - 1) * 100:+.3g} %".replace("-", "−")
    up = change.after > change.before
    written = axes.annotate(
        text,
        (at, change.after),
        xytext=(3, 3 if up else -3),
        textcoords="offset points",
        fontsize="small",
        va="bottom" if up else "top",
        zorder=5,
        bbox={"facecolor": "white", "alpha": 0.8, "linewidth": 0, "pad": 0.5},
    )
    written.set_in_layout(False)
