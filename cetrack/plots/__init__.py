"""Figures for papers: what was compared goes in, a PNG, SVG or PDF comes out.

Pure; matplotlib (extra ``plots``) is loaded when the first figure is drawn. Names are loaded when
they are used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cetrack.plots.compare import compare_plot as compare_plot
    from cetrack.plots.epochs import epochs_plot as epochs_plot
    from cetrack.plots.forms import ImageFormat as ImageFormat
    from cetrack.plots.forms import Size as Size
    from cetrack.plots.pareto import pareto_plot as pareto_plot
    from cetrack.plots.shapes import Curve as Curve
    from cetrack.plots.shapes import Curves as Curves
    from cetrack.plots.trend import trend_plot as trend_plot

_WHERE = {
    "Curve": "shapes",
    "Curves": "shapes",
    "ImageFormat": "forms",
    "Size": "forms",
    "compare_plot": "compare",
    "epochs_plot": "epochs",
    "pareto_plot": "pareto",
    "trend_plot": "trend",
}
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


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module 'cetrack.plots' has no attribute {name!r}")
    return getattr(import_module(f"cetrack.plots.{_WHERE[name]}"), name)
