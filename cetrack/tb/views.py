"""What can be asked of an export. Imports nothing: the command line shows it in its help."""

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


DEFAULT_VIEWS = tuple(View)
RUN_VIEWS = frozenset({View.RUNS, View.HPARAMS, View.TEXT, View.HISTOGRAMS})  # a file per run
LINE_VIEWS = frozenset({View.TREND, View.COMPARE})  # a file per precision


class Layout(StrEnum):
    """How a logdir is arranged; ``compression-board`` is what the COMPRESSION plugin reads."""

    DEFAULT = "default"
    BOARD = "compression-board"


class TagOrder(StrEnum):
    """What comes first in the tags of the views that draw one line per model."""

    BY_MODEL = "by-model"
    BY_METRIC = "by-metric"
