"""Where labels go beside their points without covering anything: rectangles in, places out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

Box = tuple[float, float, float, float]  # left, bottom, right, top, in pixels

# unit directions, the usual place first: right above, left above, right below …
_DIRECTIONS = ((1, 1), (-1, 1), (1, -1), (-1, -1), (1, 0), (-1, 0), (0, 1), (0, -1))
_DISTANCES = (1.0, 2.2, 3.6, 5.2, 7.0)  # in multiples of the gap
_NEAR = 2.2  # up to here a label is plainly that of its point
_PIECES = 12


@dataclass(frozen=True, slots=True)
class Place:
    """The box of a label, and where a line leaves it for its point; None beside it."""

    box: Box
    line_from: tuple[float, float] | None

    @property
    def centre(self) -> tuple[float, float]:
        left, bottom, right, top = self.box
        return (left + right) / 2, (bottom + top) / 2


def place_labels(
    points: Sequence[tuple[float, float]],
    sizes: Sequence[tuple[float, float]],
    *,
    inside: Box,
    obstacles: Sequence[Box] = (),
    gap: float,
) -> list[Place | None]:
    """A place for each label, in the order given, the first free one around its point.

    ``sizes`` are widths and heights; a label stays ``inside`` and touches neither ``obstacles``
    nor another label, nor does the line to its point cross one. None where there is no room.
    """
    found: list[Place | None] = []
    labels: list[Box] = []
    lines: list[Box] = []
    for point, size in zip(points, sizes, strict=True):
        free = (
            place
            for place in _places(point, size, gap)
            if _holds(inside, place.box)
            and not any(_overlap(place.box, other) for other in (*obstacles, *labels, *lines))
            and not any(_overlap(piece, box) for piece in _pieces(place, point) for box in labels)
        )
        place = next(free, None)
        if place is not None:
            labels.append(place.box)
            lines += _pieces(place, point)
        found.append(place)
    return found


def _places(point: tuple[float, float], size: tuple[float, float], gap: float) -> Iterator[Place]:
    half_width, half_height = size[0] / 2, size[1] / 2
    for distance in _DISTANCES:
        for right, up in _DIRECTIONS:
            x = point[0] + right * (half_width + gap * distance)
            y = point[1] + up * (half_height + gap * distance)
            box = (x - half_width, y - half_height, x + half_width, y + half_height)
            near = (_within(point[0], box[0], box[2]), _within(point[1], box[1], box[3]))
            yield Place(box, near if distance > _NEAR else None)


def _within(value: float, low: float, high: float) -> float:
    return min(max(value, low), high)


def _pieces(place: Place, point: tuple[float, float]) -> list[Box]:
    """The line from a label to its point as a row of small boxes."""
    if place.line_from is None:
        return []
    (x1, y1), (x2, y2) = place.line_from, point
    ends = [(x1 + (x2 - x1) * k / _PIECES, y1 + (y2 - y1) * k / _PIECES) for k in range(_PIECES)]
    return [(x - 1, y - 1, x + 1, y + 1) for x, y in ends]


def _holds(outer: Box, box: Box) -> bool:
    return outer[0] <= box[0] and outer[1] <= box[1] and box[2] <= outer[2] and box[3] <= outer[3]


def _overlap(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
