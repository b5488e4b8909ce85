"""Columns of numbers that are too large for memory: on disk until they are asked for."""

from __future__ import annotations

import tempfile
import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from cetrack.domain import FloatArray, IntArray, Kept


class Spool:
    """A nameless temporary file of float64; gone with the last column that lies in it."""

    def __init__(self) -> None:
        file = tempfile.TemporaryFile(prefix="cetrack-", buffering=0)  # noqa: SIM115
        self.close = weakref.finalize(self, file.close)
        self._file: Any = file  # of which the stubs say too little
        self._end = 0

    def put(self, values: FloatArray) -> Piece:
        """Append numbers. Raises OSError where there is no room."""
        view = np.ascontiguousarray(values).view(np.uint8).data
        piece = Piece(self, self._end, len(values))
        self._file.seek(self._end)
        while view:
            view = view[self._file.write(view) :]
        self._end += 8 * len(values)
        return piece

    def put_parts(self, values: FloatArray, counts: Iterable[int]) -> Iterator[Spooled]:
        """Append numbers that belong to several columns, so many to each."""
        piece = self.put(values)
        start = 0
        for count in counts:
            yield Spooled([Piece(self, piece.offset + 8 * start, count)])
            start += count

    def mapped(self, values: FloatArray) -> FloatArray:
        """The numbers as an array that lies on disk: memory holds what of it is looked at."""
        piece = self.put(values)
        mapped = np.memmap(self._file, np.float64, "r", piece.offset, (piece.count,))
        return mapped.view(np.ndarray)

    def read_into(self, target: FloatArray, offset: int) -> None:
        """Fill ``target`` with what lies from byte ``offset`` on."""
        view = target.view(np.uint8).data
        self._file.seek(offset)
        while view:
            count = self._file.readinto(view)
            assert count, "a piece lies within its file"
            view = view[count:]


@dataclass(frozen=True, slots=True)
class Piece:
    """``count`` numbers of a spool from byte ``offset`` on."""

    spool: Spool
    offset: int
    count: int


class _Loadable:
    """Whatever is sent to another process goes as an array."""

    def load(self) -> FloatArray:
        raise NotImplementedError

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return np.asarray, (self.load(),)


@dataclass(frozen=True)
class Spooled(_Loadable):
    """Numbers in pieces of a spool, one after the other."""

    pieces: Sequence[Piece]

    def load(self) -> FloatArray:
        """All of them, float64[n]."""
        values = np.empty(sum(piece.count for piece in self.pieces), np.float64)
        start = 0
        for piece in self.pieces:
            piece.spool.read_into(values[start : start + piece.count], piece.offset)
            start += piece.count
        return values


@dataclass(frozen=True)
class _Derived(_Loadable):
    source: Kept
    change: Callable[[FloatArray], FloatArray]

    def load(self) -> FloatArray:
        return self.change(self.source.load())


def changed(
    values: FloatArray | Kept, change: Callable[[FloatArray], FloatArray]
) -> FloatArray | Kept:
    """``change`` of values: at once, or when they are read from where they are kept."""
    return change(values) if isinstance(values, np.ndarray) else _Derived(values, change)


def picked(values: FloatArray | Kept, index: IntArray | None) -> FloatArray | Kept:
    """The values at the places ``index`` int64[k]; None is all of them as they stand."""
    return values if index is None else changed(values, lambda found: found[index])
