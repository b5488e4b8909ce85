"""Scalars of event files by the thousand.

Records of one length whose steps have one width are rows of a byte matrix. Of rows that are laid
out like the first of them only wall time, step, values and tags differ; those with the same tags
are found by a hash, and compared with the first of their own. Their checksums are put together
from what differs, as in writing. What does not fit is left to ``values``, the slow way, which is
also the reference that this one is tested against.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

from cetrack.domain import FloatArray, IntArray
from cetrack.readers.tfevents.framing import Block
from cetrack.readers.tfevents.values import Layout, layout_of
from cetrack.tfrecord import FOOT, Bytes, all_masked, looked_up, register

_Words = npt.NDArray[np.uint64]

_FEWEST = 8  # rows that are worth a matrix
_LONGEST = 4096  # bytes of an event that may be a row
_MOST_LAYOUTS = 64  # tried among rows of one length before the rest goes the slow way
_WALL = 1  # where an event has its wall time
_STEP = 10  # where it has its step, if it has one
_FIXED64_WALL, _VARINT_STEP = 0x09, 0x10  # the keys before them
_WORD = 8
_ONES = 0xFFFF_FFFF


@dataclass(frozen=True, eq=False)
class Part:
    """Points of one tag: ``records`` int64[n] are their records' numbers in the block, rising."""

    tag: str
    records: IntArray
    steps: IntArray
    values: FloatArray
    walls: FloatArray


@dataclass
class Found:
    """What the fast way made of a block: ``others`` are the records that it left."""

    parts: list[Part]
    others: list[IntArray]
    damaged: list[IntArray]


def scalars(block: Block) -> Found:
    """The points of all records that are laid out alike."""
    found = Found([], [], [])
    order = np.argsort(block.lengths, kind="stable")
    lengths = block.lengths[order]
    edges = [0, *(np.flatnonzero(np.diff(lengths)) + 1).tolist(), len(order)]
    for low, high in pairwise(edges):
        records = order[low:high]
        length = int(lengths[low]) if high > low else 0
        if high - low < _FEWEST or not _STEP + _WORD < length <= _LONGEST:
            found.others.append(records)
            continue
        width = -(-(length + FOOT) // _WORD) * _WORD
        rows = sliding_window_view(block.array, width)[block.starts[records]]
        for digits, chosen in _by_step(rows, length):
            if digits is None:
                found.others.append(records[chosen])
            else:
                _take(found, rows[chosen], records[chosen], length, digits)
    return found


def _by_step(rows: Bytes, length: int) -> Iterator[tuple[int | None, Any]]:
    """(digits of the step, which rows); None for rows that do not begin as events do."""
    digits = np.zeros(len(rows), np.int8)
    going_on = rows[:, _STEP - 1] == _VARINT_STEP
    place = _STEP
    while going_on.any() and place < length:
        digits += going_on
        going_on &= rows[:, place] >= 0x80
        place += 1
    digits[(rows[:, 0] != _FIXED64_WALL) | going_on | (digits > _WORD + 2)] = -1
    if (digits == digits[0]).all():
        yield (None if digits[0] < 0 else int(digits[0])), slice(None)
        return
    for each in np.unique(digits).tolist():
        yield (None if each < 0 else each), np.flatnonzero(digits == each)


def _take(found: Found, rows: Bytes, records: IntArray, length: int, digits: int) -> None:
    """Take the rows of one length and width of the step, layout by layout."""
    begin = _STEP + digits if digits else _STEP - 1
    for _ in range(_MOST_LAYOUTS):
        if len(records) < _FEWEST:
            break
        layout = layout_of(rows[0, :length].tobytes(), begin)
        taken = np.zeros(len(records), bool)
        if layout is None:
            taken[0] = True
            found.others.append(records[:1])
        else:
            _take_alike(found, rows, records, _Shape(length, digits, layout), taken)
        rows, records = rows[~taken], records[~taken]
    found.others.append(records)


@dataclass(frozen=True)
class _Shape:
    """How rows are laid out: bytes of the event, digits of its step, and the rest."""

    length: int
    digits: int
    layout: Layout

    def spans(self) -> list[tuple[int, int]]:
        """Where numbers lie that differ from row to row."""
        spans = [(_WALL, _WALL + _WORD), *(item.value for item in self.layout)]
        return [*spans, (_STEP, _STEP + self.digits)] if self.digits else spans

    def mask(self, width: int, *, tags: bool) -> _Words:
        """Words of ones over what is the same in all rows, with or without their tags."""
        mask = np.zeros(width, np.uint8)
        mask[: self.length] = 0xFF
        for start, end in [*self.spans(), *([] if tags else [item.tag for item in self.layout])]:
            mask[start:end] = 0
        return mask.view(np.uint64)


def _take_alike(
    found: Found, rows: Bytes, records: IntArray, shape: _Shape, taken: npt.NDArray[np.bool_]
) -> None:
    """Take the rows that are laid out like the first one; ``taken`` is set for them."""
    words = rows.view(np.uint64)
    alike = ~(((words ^ words[0]) & shape.mask(rows.shape[1], tags=False)).any(axis=1))
    chosen = np.flatnonzero(alike)
    same = words[chosen] & shape.mask(rows.shape[1], tags=True)
    order, edges = _by_hash(same)
    group = np.repeat(np.arange(len(edges) - 1), np.diff(edges))
    same = same[order]
    own = (same == same[edges[:-1]][group]).all(axis=1)  # else of another tag with that hash
    order, group, blank = order[own], group[own], same[edges[:-1]]
    chosen = chosen[order]
    taken[chosen] = True
    rows = rows[chosen]
    whole = _agree(rows, shape, blank.view(np.uint8), group)
    if not whole.all():
        found.damaged.append(records[chosen[~whole]])
        rows, chosen, group = rows[whole], chosen[whole], group[whole]
    _add(found, rows, records[chosen], shape, group)


def _by_hash(same: _Words) -> tuple[IntArray, list[int]]:
    """(an order in which alike rows are together, where each kind begins, and the end)."""
    factors = np.arange(1, same.shape[1] + 1, dtype=np.uint64) * np.uint64(0x9E37_79B9_7F4A_7C15)
    hashed = np.zeros(len(same), np.uint64)
    for place, factor in enumerate(factors | np.uint64(1)):
        hashed ^= same[:, place] * factor
        hashed ^= hashed >> np.uint64(29)
    short = ((hashed * np.uint64(0xBF58_476D_1CE4_E5B9)) >> np.uint64(48)).astype(np.uint16)
    order = np.argsort(short, kind="stable")  # by radix, for they are short
    return order, [0, *(np.flatnonzero(np.diff(short[order])) + 1).tolist(), len(order)]


def _agree(rows: Bytes, shape: _Shape, blank: Bytes, group: IntArray) -> npt.NDArray[np.bool_]:
    """Which rows agree with their checksums; ``blank`` are the rows of each group without what
    differs in it."""
    constant = looked_up(blank[:, : shape.length], following=0)
    constant ^= np.uint32(register(bytes(shape.length)) ^ _ONES)
    crcs = constant[group]
    for start, end in shape.spans():
        crcs ^= looked_up(rows[:, start:end], following=shape.length - end)
    stored = np.ascontiguousarray(rows[:, shape.length : shape.length + FOOT]).view("<u4")[:, 0]
    agrees: npt.NDArray[np.bool_] = all_masked(crcs) == stored
    return agrees


def _add(found: Found, rows: Bytes, records: IntArray, shape: _Shape, group: IntArray) -> None:
    """Decode rows that lie group by group."""
    if not len(rows):
        return
    walls = _column(rows, (_WALL, _WALL + _WORD), "<f8")
    steps = np.zeros(len(rows), np.uint64)
    for place in range(shape.digits):
        digit = rows[:, _STEP + place] & np.uint8(0x7F)
        steps |= digit.astype(np.uint64) << np.uint64(7 * place)
    edges = [0, *(np.flatnonzero(np.diff(group)) + 1).tolist(), len(rows)]
    for item in shape.layout:
        values = item.read(_column(rows, item.value, item.kind))
        for low, high in pairwise(edges):
            tag = rows[low, slice(*item.tag)].tobytes().decode("utf-8", "replace")
            part = slice(low, high)
            found.parts.append(
                Part(tag, records[part], steps.view(np.int64)[part], values[part], walls[part])
            )


def _column(rows: Bytes, span: tuple[int, int], kind: str) -> npt.NDArray[Any]:
    return np.ascontiguousarray(rows[:, slice(*span)]).view(kind)[:, 0]
