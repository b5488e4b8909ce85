"""What figures are written as, and for what: names that cost nothing to load."""

from __future__ import annotations

from enum import StrEnum

MOST_CURVES = 36  # in a figure of epochs


class ImageFormat(StrEnum):
    """What a figure is written as."""

    PNG = "png"
    SVG = "svg"
    PDF = "pdf"


class Size(StrEnum):
    """What a figure is for: a column of a paper, its whole page, a screen, or a card of
    TensorBoard, which shrinks what is larger without smoothing it."""

    COLUMN = "column"
    PAGE = "page"
    SCREEN = "screen"
    CARD = "card"
