"""A metric over the steps of training runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cetrack.errors import UsageError
from cetrack.plots import figure as figures
from cetrack.plots.figure import Frame
from cetrack.plots.forms import ImageFormat, Size
from cetrack.plots.panels import Panel, Panels
from cetrack.plots.shapes import Curve, Curves
from cetrack.plots.styles import Style
from cetrack.plots.texts import axis_text
from cetrack.plots.thinning import thinned

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def epochs_plot(curves: Curves, *, format: str = ImageFormat.PNG, size: str = Size.COLUMN) -> bytes:
    """A curve per run, a panel per model; NaN is a gap, and no value is smoothed.

    Raises UsageError where no curve has a value.
    """
    known = [curve for curve in curves.curves if np.isfinite(curve.values).any()]
    if not known:
        raise UsageError(f"no run has {curves.metric.name} over steps: there is nothing to draw")
    panels = Panels.of(
        [(curve.model, curve.label, curve) for curve in known], lambda curve: curve.values
    )

    def draw(figure: Figure, frame: Frame) -> None:
        left_out = f"the newest {len(known)} runs, {curves.left_out} more left out"
        notes = [left_out] if curves.left_out else []
        panels.draw(figure, frame, _draw, x="step", y=axis_text(curves.metric), notes=notes)

    return figures.render(draw, height=panels.height, format=format, size=size)


def _draw(axes: Axes, panel: Panel[Curve], look: dict[str, Style]) -> None:
    axes.locator_params(axis="x", integer=True)
    for label, curve in panel.lines.items():
        steps, thin = thinned(curve.steps, curve.values)
        figures.draw_line(axes, steps, thin, look[label])
