"""Figures for papers: what was compared goes in, a PNG, SVG or PDF comes out.

Pure; matplotlib (extra ``plots``) is loaded when the first figure is drawn.
"""

from __future__ import annotations

from cetrack.plots.compare import compare_plot
from cetrack.plots.epochs import epochs_plot
from cetrack.plots.figure import ImageFormat, Size
from cetrack.plots.pareto import pareto_plot
from cetrack.plots.shapes import Curve, Curves
from cetrack.plots.trend import trend_plot

__all__ = [
    "Curve",
    "Curves",
    "ImageFormat",
    "Size",
    "compare_plot",
    "epochs_plot",
    "pareto_plot",
    "trend_plot",
]
