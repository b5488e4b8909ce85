"""Records of an event file: TFRecord framing, and scalars by the thousand.

Knows bytes, not files. A batch of series is encoded together. The points of one series that take
steps of one width are rows of a byte matrix: alike but for wall time, step, value and checksum.
The checksum of a row is put together from three parts, for a CRC is linear: that of the bytes
before the tag (the metrics of a run mostly share steps and wall times, so it is worked out once
for all of them), that of the tag, and that of the value.
"""

from __future__ import annotations

import itertools
import struct
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from cetrack.domain import FloatArray, IntArray
from cetrack.tb.protos import crc32c
from cetrack.tfrecord import (
    BLOCK,
    HEAD,
    MASK_DELTA,
    Bytes,
    Crcs,
    as_bytes,
    crc_of,
    looked_up,
    masked,
    register,
    turned,
)

Singles = npt.NDArray[np.float32]

_VARINT_LIMITS = np.array([1 << (7 * k) for k in range(1, 10)], np.uint64)
_WALL, _STEP = 1, 10  # where an event has its wall time and its step
_ONES = 0xFFFF_FFFF


def framed(event: bytes) -> bytes:
    """A serialised event as one record of an event file."""
    crc = crc_of(event) if len(event) >= BLOCK else crc32c(event)
    return _frame_head(len(event)) + event + struct.pack("<I", masked(crc))


@lru_cache(maxsize=1024)
def _frame_head(length: int) -> bytes:
    head = struct.pack("<Q", length)
    return head + struct.pack("<I", masked(crc32c(head)))


@lru_cache(maxsize=4096)
def _summary_head(tag: str) -> bytes:
    """Everything of an event between its step and the four bytes of its value."""
    name = tag.encode("utf-8")
    value = b"\x0a" + varint(len(name)) + name + b"\x15"
    size = len(value) + 4
    summary = b"\x0a" + varint(size) + value
    return b"\x2a" + varint(len(summary) + 4) + summary


def varint(number: int) -> bytes:
    """Base-128, least significant first; a negative number as its two's complement."""
    number &= 0xFFFF_FFFF_FFFF_FFFF
    digits = bytearray()
    while number > 0x7F:
        digits.append(number & 0x7F | 0x80)
        number >>= 7
    digits.append(number)
    return bytes(digits)


def one_by_one(
    tags: Sequence[str],
    counts: Sequence[int],
    steps: IntArray,
    singles: Singles,
    walls: FloatArray,
) -> Iterator[bytes]:
    """What ``encoded`` gives, a record at a time: for a few points, the faster way.

    Also the reference that ``encoded`` is tested against.
    """
    summaries = (
        itertools.repeat(_summary_head(tag), count) for tag, count in zip(tags, counts, strict=True)
    )
    for summary, step, value, wall in zip(
        itertools.chain.from_iterable(summaries),
        steps.tolist(),
        singles.astype("<f4"),
        walls.tolist(),
        strict=True,
    ):
        head = struct.pack("<Bd", 0x09, wall) + b"\x10" + varint(step)
        yield framed(head + summary + value.tobytes())


def encoded(
    tags: Sequence[str],
    counts: Sequence[int],
    steps: IntArray,
    singles: Singles,
    walls: FloatArray,
) -> Iterator[bytearray]:
    """The records of several scalar series, in the order given.

    ``counts`` (none of them 0) says how many of ``steps`` int64[n], ``singles`` float32[n] and
    ``walls`` float64[n] belong to each of ``tags``.
    """
    shared = _are_alike(counts, steps, walls)
    heads = _Heads(steps[: counts[0]], walls[: counts[0]]) if shared else _Heads(steps, walls)
    of_values = turned(looked_up(as_bytes(singles), following=0))
    edges = [0, *itertools.accumulate(counts)]
    for tag, (start, stop) in zip(tags, itertools.pairwise(edges), strict=True):
        base = start if shared else 0
        for low, high in heads.pieces(start - base, stop - base):
            piece = slice(base + low, base + high)
            yield _rows(tag, heads, low, high, singles[piece], of_values[piece])


def _are_alike(counts: Sequence[int], steps: IntArray, walls: FloatArray) -> bool:
    """True when every series has the same steps and wall times."""
    if len(set(counts)) > 1:
        return False
    by_series = (column.reshape(len(counts), -1) for column in (steps, walls))
    return all(bool((column == column[0]).all()) for column in by_series)


class _Heads:
    """What comes before the tag in the events of some points: wall times and steps."""

    def __init__(self, steps: IntArray, walls: FloatArray) -> None:
        unsigned = steps.view(np.uint64)
        self.walls = walls
        self.widths = np.searchsorted(_VARINT_LIMITS, unsigned, side="right") + 1
        self.digits = _varints(unsigned, self.widths)
        self._changes = (np.flatnonzero(np.diff(self.widths)) + 1).tolist()
        self._checksums: dict[tuple[int, int, int], Crcs] = {}
        self._states = np.empty((len(steps), 4), np.uint8)
        for width in np.unique(self.widths).tolist():
            chosen = np.flatnonzero(self.widths == width)
            self._states[chosen] = as_bytes(self._registers(chosen, width))

    def pieces(self, start: int, stop: int) -> Iterator[tuple[int, int]]:
        """The range, cut where the number of bytes of a step changes."""
        first, last = bisect_right(self._changes, start), bisect_left(self._changes, stop)
        return itertools.pairwise([start, *self._changes[first:last], stop])

    def checksum(self, low: int, high: int, *, following: int) -> Crcs:
        """What the heads add to the turned CRC of events that go on for ``following`` bytes."""
        key = (low, high, following)
        if key not in self._checksums:
            states = self._states[low:high]
            self._checksums[key] = turned(looked_up(states, following=following - 4))
        return self._checksums[key]

    def _registers(self, chosen: IntArray, width: int) -> Crcs:
        """The state of the CRC's register after the heads whose steps have this width."""
        blank = register(_blank_head(width), start=_ONES)
        of_walls = looked_up(as_bytes(self.walls[chosen]), following=1 + width)
        of_steps = looked_up(self.digits[chosen, :width], following=0)
        registers: Crcs = of_walls ^ of_steps ^ np.uint32(blank)
        return registers


def _varints(unsigned: npt.NDArray[np.uint64], widths: IntArray) -> Bytes:
    """uint8[n, greatest width]: each number's digits, least significant first, then zeros."""
    places = np.arange(widths.max())
    shifted = unsigned[:, np.newaxis] >> (7 * places).astype(np.uint64)
    goes_on = (places < widths[:, np.newaxis] - 1).astype(np.uint8) << np.uint8(7)
    digits: Bytes = (shifted & np.uint64(0x7F)).astype(np.uint8) | goes_on
    return digits


def _blank_head(width: int) -> bytes:
    return b"\x09" + bytes(8) + b"\x10" + bytes(width)


def _rows(
    tag: str, heads: _Heads, low: int, high: int, singles: Singles, of_values: Crcs
) -> bytearray:
    """Records whose steps all have one width."""
    width = int(heads.widths[low])
    template, layout, of_tag, following = _matrix(tag, width)
    content = bytearray(template) * (high - low)
    rows = np.frombuffer(content, layout)
    rows["wall"] = heads.walls[low:high]
    rows["step"] = heads.digits[low:high, :width]
    rows["value"] = singles
    crcs = heads.checksum(low, high, following=following) ^ of_values
    crcs ^= np.uint32(of_tag)
    crcs += np.uint32(MASK_DELTA)
    rows["crc"] = crcs
    return content


@lru_cache(maxsize=4096)
def _matrix(tag: str, width: int) -> tuple[bytes, np.dtype[Any], int, int]:
    """A blank record, where its columns are, the tag's part of the turned CRC, and for how many
    bytes an event goes on after its head."""
    rest = _summary_head(tag) + bytes(4)
    event = _blank_head(width) + rest
    template = _frame_head(len(event)) + event + bytes(4)
    columns: dict[str, tuple[Any, int]] = {
        "wall": ("<f8", HEAD + _WALL),
        "step": (("u1", (width,)), HEAD + _STEP),
        "value": ("<f4", len(template) - 8),
        "crc": ("<u4", len(template) - 4),
    }
    layout = np.dtype(
        {
            "names": list(columns),
            "formats": [kind for kind, _ in columns.values()],
            "offsets": [offset for _, offset in columns.values()],
            "itemsize": len(template),
        }
    )
    of_tag = turned(np.array([register(rest, start=0) ^ _ONES], np.uint32))
    return template, layout, int(of_tag[0]), len(rest)
