"""How far compressed models are from their baselines, metric by metric."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cetrack.errors import UsageError
from cetrack.plots import figure as figures
from cetrack.plots.figure import Frame
from cetrack.plots.forms import ImageFormat, Size
from cetrack.plots.shapes import Comparison, Entry, Measure
from cetrack.plots.styles import Style, styles
from cetrack.plots.texts import IN_KEY, labels, measure_text, shown, with_arrow

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_GROUPS = 30
_MOST_PANELS = 8
_ROW, _LINE = 0.06, 0.065  # inches of a group, and of each of its columns
_AROUND = 0.75  # inches of a panel that are no row: title, ticks, label
_BAND = 0.5  # of a row's height, over which the columns of a group are spread
_SHADE = "#f3f3f3"  # of every other row
_WIDE = 10.0  # a ratio beyond this, or below its inverse, asks for a logarithmic axis
_STARS = ((0.001, "***"), (0.01, "**"), (0.05, "*"))


@dataclass(frozen=True, slots=True)
class Dot:
    """The ratio of a group to its baseline with its standard deviation (0 where unknown)."""

    group: str
    column: str
    ratio: float
    std: float
    stars: str
    is_like: bool


@dataclass(frozen=True, slots=True)
class _Panel:
    measure: Measure
    groups: Sequence[str]  # from the top
    dots: Sequence[Dot]
    left_out: int
    against: str

    @property
    def height(self) -> float:
        row = _ROW + _LINE * len({dot.column for dot in self.dots})
        return _AROUND + row * max(2, len(self.groups))


def compare_plot(
    comparison: Comparison, *, format: str = ImageFormat.PNG, size: str = Size.COLUMN
) -> bytes:
    """A panel per metric: the change of every group against its baseline, the best at the top.

    A mark on the line of zero is no change. Bars are one standard deviation, stars significance.
    Raises UsageError where nothing has a baseline other than zero.
    """
    entries = [entry for entry in comparison.entries if entry.baseline is not None]
    compared = [entry for entry in entries if _ratio(entry) is not None]
    if not compared:
        raise UsageError(
            "no value has a baseline to be compared with: there is nothing to draw",
            hint="'cetrack compare' says why",
        )
    panels = _panels(compared)
    look = styles(entry.column for entry in compared)
    tests = [*sorted({entry.test for entry in compared if entry.test}), comparison.correction]

    def draw(figure: Figure, frame: Frame) -> None:
        notes = list(_notes(panels, tests))
        if len(compared) < len(entries):
            notes.append(f"left out: {len(entries) - len(compared)} without a positive baseline")
        _draw_all(figure, frame, panels, look, notes)

    def height(frame: Frame) -> float:
        rows = _rows(panels[:_MOST_PANELS], frame)
        return sum(max(panel.height for panel in row) for row in rows) * frame.text / 7 + 0.4

    return figures.render(draw, height=height, format=format, size=size)


def _ratio(entry: Entry) -> float | None:
    """Value over baseline; None without a positive one, against which no share is defined."""
    if entry.baseline is None or not 0 < entry.baseline.mean < math.inf:
        return None
    ratio = entry.value.mean / entry.baseline.mean
    return ratio if math.isfinite(ratio) else None


def _dot(entry: Entry, ratio: float) -> Dot:
    """The spread of a ratio, to the first order: relative deviations add as squares."""
    assert entry.baseline is not None
    own = (entry.value.std or 0.0) / entry.baseline.mean
    others = ratio * (entry.baseline.std or 0.0) / entry.baseline.mean
    p = 1.0 if entry.p_value is None else entry.p_value
    stars = next((mark for bound, mark in _STARS if p < bound), "")
    return Dot(
        entry.group, entry.column, ratio, math.hypot(own, others), stars, entry.like_for_like
    )


def _panels(entries: Sequence[Entry]) -> list[_Panel]:
    """A panel per metric, in the order of the entries."""
    measures: dict[str, Measure] = {}
    against: dict[str, str] = {}
    dots: dict[str, list[Dot]] = defaultdict(list)
    for entry in entries:
        ratio = _ratio(entry)
        if ratio is not None:
            measures.setdefault(entry.metric.name, entry.metric)
            against.setdefault(entry.metric.name, entry.baseline_column)
            dots[entry.metric.name].append(_dot(entry, ratio))
    return [_panel(measure, dots[name], against[name]) for name, measure in measures.items()]


def _panel(measure: Measure, dots: Sequence[Dot], against: str) -> _Panel:
    """The groups that have changed most, the best first."""
    groups: dict[str, list[float]] = defaultdict(list)
    for dot in dots:
        groups[dot.group].append(dot.ratio)
    most_changed = sorted(groups, key=lambda name: -max(abs(r - 1) for r in groups[name]))
    kept = most_changed[:MOST_GROUPS]
    if measure.direction == "lower":
        kept.sort(key=lambda name: (min(groups[name]), name))
    else:
        kept.sort(key=lambda name: (-max(groups[name]), name))
    drawn = [dot for dot in dots if dot.group in set(kept)]
    return _Panel(measure, kept, drawn, len(groups) - len(kept), shown(against))


def _rows(panels: Sequence[_Panel], frame: Frame) -> list[Sequence[_Panel]]:
    columns = min(frame.panels, len(panels))
    return [panels[start : start + columns] for start in range(0, len(panels), columns)]


def _notes(panels: Sequence[_Panel], tests: Sequence[str]) -> Iterator[str]:
    """What the marks mean, and what is not drawn."""
    drawn = [dot for panel in panels[:_MOST_PANELS] for dot in panel.dots]
    if any(dot.std for dot in drawn):
        yield "bars: one standard deviation"
    if any(dot.stars for dot in drawn):
        marks = ", ".join(f"{mark} p < {bound}" for bound, mark in reversed(_STARS))
        yield f"{marks} ({', '.join(tests)})"
    if not all(dot.is_like for dot in drawn):
        yield "hollow: not like for like"
    left_out = max(panel.left_out for panel in panels[:_MOST_PANELS])
    if left_out:
        yield f"the {MOST_GROUPS} that changed most, {left_out} more left out"
    if len(panels) > _MOST_PANELS:
        yield f"{_MOST_PANELS} of {len(panels)} metrics"


def _draw_all(
    figure: Figure,
    frame: Frame,
    panels: Sequence[_Panel],
    look: dict[str, Style],
    notes: Sequence[str],
) -> None:
    rows = _rows(panels[:_MOST_PANELS], frame)
    heights = [max(panel.height for panel in row) for row in rows]
    grid = figure.add_gridspec(len(rows), len(rows[0]), height_ratios=heights)
    for place, row in enumerate(rows):
        for column, panel in enumerate(row):
            _draw(figure.add_subplot(grid[place, column]), panel, look)
    texts = labels(look, most=IN_KEY)
    figures.key(figure, [(texts[name], look[name]) for name in look], lines=False)
    figures.note(figure, notes)


def _draw(axes: Axes, panel: _Panel, look: dict[str, Style]) -> None:
    """Change in percent; a ratio on a logarithmic axis where that is tenfold."""
    is_wide = any(not 1 / _WIDE <= dot.ratio <= _WIDE for dot in panel.dots)
    is_ratio = is_wide and all(dot.ratio > 0 for dot in panel.dots)
    columns = [name for name in look if any(dot.column == name for dot in panel.dots)]
    row = {group: index for index, group in enumerate(panel.groups)}
    for dot in panel.dots:
        x, std = (dot.ratio, dot.std) if is_ratio else ((dot.ratio - 1) * 100, dot.std * 100)
        y = row[dot.group] + _offset(columns.index(dot.column), len(columns))
        _draw_dot(axes, dot, (x, y), std, look[dot.column])
    if is_ratio:
        figures.logarithmic(axes.xaxis)
    axes.axvline(1.0 if is_ratio else 0.0, color="black", linewidth=0.8, zorder=1)
    for shaded in range(1, len(row), 2):
        axes.axhspan(shaded - 0.5, shaded + 0.5, color=_SHADE, linewidth=0, zorder=0)
    axes.grid(visible=False, axis="y")
    axes.margins(x=0.08)
    texts = labels(panel.groups)
    axes.set_yticks(range(len(row)), [texts[group] for group in panel.groups])
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(len(row) - 0.5, -0.5)
    axes.set_title(shown(measure_text(panel.measure)))
    what = f"ratio to {panel.against}" if is_ratio else f"change against {panel.against} [%]"
    axes.set_xlabel(with_arrow(what, panel.measure.direction))


def _offset(place: int, count: int) -> float:
    """Where the n-th of ``count`` columns lies in its row, -0.25 to 0.25."""
    return 0.0 if count == 1 else _BAND * (place / (count - 1) - 0.5)


def _draw_dot(axes: Axes, dot: Dot, at: tuple[float, float], std: float, style: Style) -> None:
    x, y = at
    if std:
        axes.plot([x - std, x + std], [y, y], color=style.colour, linewidth=0.8, zorder=2)
    axes.plot([x], [y], linestyle="none", zorder=3, **figures.mark(style, hollow=not dot.is_like))
    if dot.stars:
        written = axes.annotate(
            dot.stars,
            (x + std, y),
            xytext=(3, -1.5),  # a star stands high in its line
            textcoords="offset points",
            va="center",
            fontsize="small",
        )
        written.set_in_layout(False)
