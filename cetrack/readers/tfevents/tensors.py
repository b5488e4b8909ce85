"""Tensors in protocol buffers as numbers or text: all types of numbers that have one value each."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from cetrack.domain import FloatArray
from cetrack.readers.tfevents import wire
from cetrack.readers.tfevents.wire import Field, WireError, fields

_Array = npt.NDArray[Any]
STRING = 7
_MOST_NUMBERS = 1_000_000  # of one tensor; more are no measurement


class Number(NamedTuple):
    """How numbers of a type lie in a tensor's content, and which field has them otherwise."""

    kind: str
    values: int
    read: Callable[[_Array], FloatArray]


def _plain(stored: _Array) -> FloatArray:
    return stored.astype(np.float64)


def _brain(stored: _Array) -> FloatArray:
    """The upper halves of single precision."""
    return (stored.astype(np.uint32) << np.uint32(16)).view(np.float32).astype(np.float64)


_FLOATS, _DOUBLES, _INTS, _STRINGS, _LONGS, _BOOLS, _HALVES = 5, 6, 7, 8, 10, 11, 13
_UNSIGNED, _LONG_UNSIGNED = 16, 17
NUMBERS: Mapping[int, Number] = {
    1: Number("<f4", _FLOATS, _plain),
    2: Number("<f8", _DOUBLES, _plain),
    3: Number("<i4", _INTS, _plain),
    4: Number("u1", _INTS, _plain),
    5: Number("<i2", _INTS, _plain),
    6: Number("i1", _INTS, _plain),
    9: Number("<i8", _LONGS, _plain),
    10: Number("u1", _BOOLS, _plain),
    14: Number("<u2", _HALVES, _brain),
    17: Number("<u2", _INTS, _plain),
    19: Number("<f2", _HALVES, _plain),
    22: Number("<u4", _UNSIGNED, _plain),
    23: Number("<u8", _LONG_UNSIGNED, _plain),
}
_VALUE_FIELDS = frozenset({number.values for number in NUMBERS.values()} | {_STRINGS})


@dataclass(slots=True)
class Tensor:
    """A tensor where it lies: ``content`` is the field of its bytes, ``values`` those of its
    numbers or texts one by one."""

    kind: int = 0
    shape: tuple[int, ...] = ()
    content: Field | None = None
    values: list[Field] = field(default_factory=list)

    @property
    def size(self) -> int:
        """How many elements it has."""
        return math.prod(self.shape)


def tensor_of(content: bytes, start: int, end: int) -> Tensor:
    """The tensor of a message. Raises WireError."""
    found = Tensor()
    for item in fields(content, start, end):
        if item.number == 1:
            found.kind = item.value
        elif item.number == 2:
            found.shape = tuple(_sizes(content, item))
        elif item.number == 4:
            found.content = item
        elif item.number in _VALUE_FIELDS:
            found.values.append(item)
    return found


def _sizes(content: bytes, shape: Field) -> list[int]:
    sizes = []
    for dimension in fields(content, shape.start, shape.end):
        if dimension.number == 2 and dimension.kind == wire.BYTES:
            inner = fields(content, dimension.start, dimension.end)
            sizes.append(next((wire.signed(it.value) for it in inner if it.number == 1), 0))
    return sizes


def numbers(content: bytes, tensor: Tensor) -> FloatArray | None:
    """All elements as float64[n]; None where they are no numbers. Raises WireError."""
    number = NUMBERS.get(tensor.kind)
    if number is None:
        return None
    if not 0 <= tensor.size <= _MOST_NUMBERS:
        raise WireError("a tensor of too many numbers")
    if tensor.content is not None:
        found = number.read(wire.array(content, tensor.content, number.kind))
    else:
        listed = [
            value
            for item in tensor.values
            if item.number == number.values
            for value in _listed(content, item, number)
        ]
        found = np.array(listed, np.float64)
    if len(found) < tensor.size:  # the last one stands for the rest, nothing for zeros
        return np.pad(found, (0, tensor.size - len(found)), "edge" if len(found) else "constant")
    return found


def _listed(content: bytes, item: Field, number: Number) -> list[float]:
    if item.kind in (wire.FOUR_BYTES, wire.EIGHT_BYTES):
        return [wire.number(content, item)]
    if number.values in (_FLOATS, _DOUBLES):
        stored = wire.array(content, item, number.kind)
    else:  # the two's complement in 64 bits, of which the type has the lower ones
        whole = np.array(wire.varints(content, item), "<u8")
        size = np.dtype(number.kind).itemsize
        narrow = whole.view(np.uint8).reshape(-1, 8)[:, :size]
        stored = np.ascontiguousarray(narrow).view(number.kind)[:, 0]
    found: list[float] = number.read(stored).tolist()
    return found


def texts(content: bytes, tensor: Tensor) -> list[str]:
    """The texts of a tensor of strings."""
    return [wire.text(content, item) for item in tensor.values if item.number == _STRINGS]
