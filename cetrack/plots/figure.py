"""Figures as bytes: one look whatever a user's matplotlib is set to, the same bytes every time.

Only here is matplotlib loaded, and never pyplot: a figure belongs to nobody but its caller.
"""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import numpy as np

from cetrack.domain import FloatArray
from cetrack.errors import UsageError
from cetrack.plots.forms import ImageFormat, Size
from cetrack.plots.styles import Style
from cetrack.report.numbers import short_number

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

GREY = "#666666"
_LIGHT = "#dddddd"
_MARKS = 7  # markers along a long line
_MANY = 60  # points of a line that is drawn thin
_DECADES = 2  # a logarithmic axis where positive values span more


@dataclass(frozen=True, slots=True)
class Frame:
    """Width in inches, text in points, dots per inch of a PNG, panels side by side."""

    width: float
    text: float
    dpi: int
    panels: int


FRAMES = {
    Size.COLUMN: Frame(3.3, 7.0, 300, 1),
    Size.PAGE: Frame(6.9, 7.5, 300, 2),
    Size.SCREEN: Frame(11.0, 9.5, 120, 3),
    Size.CARD: Frame(4.0, 8.0, 100, 1),
}
_METADATA: dict[ImageFormat, dict[str, str | None]] = {
    ImageFormat.PNG: {"Software": "cetrack"},
    ImageFormat.SVG: {"Creator": "cetrack", "Date": None},
    ImageFormat.PDF: {"Creator": "cetrack", "Producer": "matplotlib", "CreationDate": None},
}
_STYLE: dict[str, Any] = {
    "axes.axisbelow": True,
    "axes.edgecolor": GREY,
    "axes.formatter.useoffset": False,
    "axes.grid": True,
    "axes.linewidth": 0.6,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlepad": 3.0,
    "axes.unicode_minus": True,
    "figure.constrained_layout.h_pad": 0.03,
    "figure.constrained_layout.w_pad": 0.03,
    "font.family": ["DejaVu Sans"],
    "grid.color": _LIGHT,
    "grid.linewidth": 0.4,
    "legend.frameon": False,
    "legend.handlelength": 2.4,
    "legend.columnspacing": 1.2,
    "legend.borderaxespad": 0.0,
    "legend.borderpad": 0.2,
    "lines.linewidth": 1.0,
    "lines.markersize": 4.0,
    "pdf.fonttype": 42,  # real letters, which printers and journals want
    "svg.fonttype": "none",  # text stays text
    "svg.hashsalt": "cetrack",
    "text.parse_math": False,  # a name with dollar signs is no formula
    "xtick.color": GREY,
    "xtick.labelcolor": "black",
    "xtick.major.width": 0.6,
    "xtick.minor.visible": False,
    "ytick.color": GREY,
    "ytick.labelcolor": "black",
    "ytick.major.width": 0.6,
}
_drawing = threading.RLock()  # matplotlib's settings are the process's, so one figure at a time


def render(
    draw: Callable[[Figure, Frame], None],
    *,
    height: Callable[[Frame], float],
    format: str,
    size: str,
) -> bytes:
    """The figure that ``draw`` makes, ``height`` inches high.

    Raises UsageError where matplotlib is missing, or for a format or size that there is not.
    """
    image, frame = _chosen(ImageFormat, format), FRAMES[_chosen(Size, size)]
    mpl = require_matplotlib()
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with _drawing, mpl.rc_context(_settings(frame)):
        figure = Figure((frame.width, height(frame)), dpi=frame.dpi, layout="constrained")
        FigureCanvasAgg(figure)
        draw(figure, frame)
        target = io.BytesIO()
        figure.savefig(target, format=image.value, metadata=_METADATA[image])
    return target.getvalue()


def require_matplotlib() -> Any:
    """The module; raises UsageError where it is not installed."""
    try:
        import matplotlib as mpl
    except ImportError as error:
        raise UsageError("plots need matplotlib", hint='pip install "cetrack[plots]"') from error
    return mpl


def _chosen(kind: type[StrEnum], name: str) -> Any:
    try:
        return kind(name)
    except ValueError:
        what = "format" if kind is ImageFormat else "size"
        raise UsageError(
            f"no {what} of figures called '{name}'", hint=f"there are: {', '.join(kind)}"
        ) from None


def _settings(frame: Frame) -> dict[str, Any]:
    """matplotlib's own defaults, and ours: nothing of a user's matplotlibrc."""
    defaults = {
        str(key): value
        for key, value in require_matplotlib().rcParamsDefault.items()
        if not key.startswith("backend")
    }
    sizes = {
        "font.size": frame.text,
        "axes.labelsize": frame.text,
        "axes.titlesize": frame.text,
        "legend.fontsize": frame.text - 0.5,
        "xtick.labelsize": frame.text - 0.5,
        "ytick.labelsize": frame.text - 0.5,
    }
    return {**defaults, **_STYLE, **sizes, "savefig.dpi": "figure"}


def panels(figure: Figure, count: int, columns: int) -> list[Axes]:
    """``count`` axes, row by row, ``columns`` side by side."""
    columns = min(columns, count)
    grid = figure.add_gridspec(-(-count // columns), columns)
    return [figure.add_subplot(grid[place // columns, place % columns]) for place in range(count)]


def is_wide(groups: Iterable[Any]) -> bool:
    """True for a logarithmic axis: all values are positive, and one of the groups (arrays of
    float64) spans more than two decades."""
    known = [values[np.isfinite(values)] for values in map(np.asarray, groups)]
    known = [values for values in known if len(values)]
    is_positive = all(values.min() > 0 for values in known)
    return is_positive and any(
        np.log10(values.max()) - np.log10(values.min()) > _DECADES for values in known
    )


def logarithmic(axis: Axis) -> None:
    """A logarithmic axis with plain numbers for ticks: no formula has to be set."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    is_x = axis is axis.axes.xaxis
    (axis.axes.set_xscale if is_x else axis.axes.set_yscale)("log")
    axis.set_major_locator(LogLocator(numticks=7))
    axis.set_major_formatter(FuncFormatter(lambda value, _: short_number(float(value))))
    axis.set_minor_formatter(NullFormatter())


def draw_line(
    axes: Axes, x: Any, values: FloatArray, style: Style, *, is_faint: bool = False
) -> None:
    """Values over x; what is not finite is a gap. A few markers tell the line in grey."""
    axes.plot(
        x,
        np.where(np.isfinite(values), values, np.nan),
        alpha=0.45 if is_faint else 1.0,
        linewidth=0.7 if len(values) > _MANY else None,
        markersize=3.0,
        markevery=max(1, len(values) // _MARKS),
        **dashed(style),
    )


def key(figure: Figure, entries: Sequence[tuple[str, Style]], *, lines: bool) -> None:
    """The legend, above all panels: texts with the style that they stand for."""
    from matplotlib.lines import Line2D

    if not entries:
        return
    handles = [
        Line2D([], [], **(dashed(style) if lines else {**mark(style), "linestyle": "none"}))
        for _, style in entries
    ]
    legend = figure.legend(
        handles,
        ["-"] * len(handles),  # the texts are set below: one that begins with _ would be left out
        loc="outside upper left",
        ncols=_columns([text for text, _ in entries], figure.get_figwidth()),
        handlelength=2.4 if lines else 1.0,
    )
    for text, (name, _) in zip(legend.get_texts(), entries, strict=True):
        text.set_text(name)


def _columns(texts: Sequence[str], width: float) -> int:
    """How many columns of the widest text there is room for, about 17 letters an inch."""
    widest = max(map(len, texts)) + 7
    return max(1, min(len(texts), int(width * 17 / widest)))


def mark(style: Style, *, hollow: bool = False) -> dict[str, Any]:
    """The marker of a style as properties of a line."""
    return {
        "color": style.colour,
        "marker": style.marker,
        "markerfacecolor": "white" if hollow else style.colour,
        "markeredgecolor": style.colour,
        "markeredgewidth": 0.7,
    }


def dashed(style: Style) -> dict[str, Any]:
    """The line and the marker of a style as properties of a line."""
    return {**mark(style), "linestyle": (0, style.dashes) if style.dashes else "-"}


def note(figure: Figure, sentences: Sequence[str]) -> None:
    """What the figure does not show, in small letters at its foot."""
    if sentences:
        figure.supxlabel("\n".join(sentences), x=0.01, ha="left", fontsize="x-small", color=GREY)
