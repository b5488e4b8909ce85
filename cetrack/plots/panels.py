"""Lines in panels: one per model, and no more lines in one than can be told apart."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

import numpy as np

from cetrack.domain import FloatArray
from cetrack.plots import figure as figures
from cetrack.plots.figure import Frame
from cetrack.plots.styles import Style, styles
from cetrack.plots.texts import IN_KEY, labels, shown

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

T = TypeVar("T")

TOGETHER = 6  # lines in one panel
_ROWS = 6  # of panels: as high as a page
_ALONE = 0.68  # height of a single panel, of its width
_AMONG = 1.3  # inches, of one of several
_KEY = 0.17  # inches, of a row of the legend


@dataclass(frozen=True, slots=True)
class Panel(Generic[T]):
    """Lines of one model, by label."""

    title: str
    lines: dict[str, T]


@dataclass(frozen=True, slots=True)
class Panels(Generic[T]):
    """All panels of a figure, and what its lines look like by label."""

    panels: Sequence[Panel[T]]
    look: dict[str, Style]
    is_logarithmic: bool

    @classmethod
    def of(
        cls, lines: Sequence[tuple[str, str, T]], values: Callable[[T], FloatArray]
    ) -> Panels[T]:
        """The panels of (model, label, line), in order; a label occurs once in a model.

        All have the same kind of axis for the ``values`` of their lines.
        """
        models: dict[str, dict[str, T]] = defaultdict(dict)
        for model, label, line in lines:
            models[model][label] = line
        titles = labels(models)
        panels = [
            Panel(titles[model] if len(parts) == 1 else f"{titles[model]} ({number})", part)
            for model, found in models.items()
            for parts in [list(_parts(found))]
            for number, part in enumerate(parts, start=1)
        ]
        together = [
            np.concatenate([values(line) for line in panel.lines.values()]) for panel in panels
        ]
        look = styles(label for _, label, _ in lines)
        return cls(panels, look, is_logarithmic=figures.is_wide(together))

    def height(self, frame: Frame) -> float:
        """Inches that the figure needs."""
        columns = min(frame.panels, len(self.panels))
        rows = min(_ROWS, -(-len(self.panels) // columns))
        legend = _KEY * len(self.look) if len(self.look) > 1 else 0.0
        if rows == 1:
            return _ALONE * frame.width / columns + min(legend, 1.0)
        return _AMONG * rows * frame.text / 7 + min(legend, 1.0)

    def draw(
        self,
        figure: Figure,
        frame: Frame,
        one: Callable[[Axes, Panel[T], dict[str, Style]], None],
        *,
        x: str,
        y: str,
        notes: Sequence[str] = (),
    ) -> None:
        """Draw every panel with ``one``, with the labels of the axes and the legend."""
        chosen = self.panels[: _ROWS * frame.panels]
        every = figures.panels(figure, len(chosen), frame.panels)
        for axes, panel in zip(every, chosen, strict=True):
            axes.set_title(self._title(panel))
            if self.is_logarithmic:
                figures.logarithmic(axes.yaxis)
            one(axes, panel, self.look)
        for axes in every[-min(frame.panels, len(every)) :]:
            axes.set_xlabel(x)
        if len(every) == 1:
            every[0].set_ylabel(y)
        else:
            figure.supylabel(y, fontsize="medium")
        if len(self.look) > 1:
            drawn = {label for panel in chosen for label in panel.lines}
            texts = labels(self.look, most=IN_KEY)
            entries = [(texts[name], style) for name, style in self.look.items() if name in drawn]
            figures.key(figure, entries, lines=True)
        if len(chosen) < len(self.panels):
            notes = [*notes, f"{len(chosen)} of {len(self.panels)} panels"]
        figures.note(figure, notes)

    def _title(self, panel: Panel[T]) -> str:
        """The model, and its line where there is but one in the figure."""
        only = next(iter(self.look)) if len(self.look) == 1 else ""
        return f"{panel.title}, {shown(only)}" if only else panel.title


def _parts(lines: dict[str, T]) -> Sequence[dict[str, T]]:
    items = list(lines.items())
    return [dict(items[start : start + TOGETHER]) for start in range(0, len(items), TOGETHER)]
