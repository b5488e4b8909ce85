"""What can be asked of an export. Imports nothing: the command line shows it in its help.

The views changes and plots need libraries that not every machine has (the extras stats and
plots), so they are written only where they are asked for: else two machines would not write the
same logdir from one database.
"""

from __future__ import annotations

from enum import StrEnum


class View(StrEnum):
    """A part of the default layout."""

    RUNS = "runs"
    TREND = "trend"
    COMPARE = "compare"
    HPARAMS = "hparams"
    TEXT = "text"
    HISTOGRAMS = "histograms"
    CHARTS = "charts"
    CHANGES = "changes"
    PLOTS = "plots"


DEFAULT_VIEWS = tuple(view for view in View if view not in (View.CHANGES, View.PLOTS))
RUN_VIEWS = frozenset({View.RUNS, View.HPARAMS, View.TEXT, View.HISTOGRAMS})  # a file per run
LINE_VIEWS = frozenset({View.TREND, View.COMPARE, View.CHANGES})  # a file per precision


class Layout(StrEnum):
    """How a logdir is arranged; ``compression-board`` is what the COMPRESSION plugin reads."""

    DEFAULT = "default"
    BOARD = "compression-board"


class TagOrder(StrEnum):
    """What comes first in the tags of the views that draw one line per model."""

    BY_MODEL = "by-model"
    BY_METRIC = "by-metric"
