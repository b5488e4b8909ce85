"""What a question can be asked by: words that the command line and Python share.

Loads nothing, so that ``cetrack --help`` may list them.
"""

from __future__ import annotations

from enum import StrEnum


class Which(StrEnum):
    """Which runs of a series stand for it."""

    LATEST = "latest"  # the newest of every seed
    ALL = "all"


class By(StrEnum):
    """What a row of a comparison is: a model, or a group of models."""

    MODEL = "model"
    LIBRARY = "library"
    CATEGORY = "category"
    INPUT_SHAPE = "input_shape"


class Better(StrEnum):
    """Which way a metric is better."""

    LOWER = "lower"
    HIGHER = "higher"
