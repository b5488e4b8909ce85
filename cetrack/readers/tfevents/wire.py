"""The wire format of protocol buffers, as far as event files need it. Pure."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

VARINT, EIGHT_BYTES, BYTES, FOUR_BYTES = 0, 1, 2, 5
_WIDTHS = {EIGHT_BYTES: 8, FOUR_BYTES: 4}
_LONGEST_VARINT = 10


class WireError(Exception):
    """Bytes that are no message."""


class Field(NamedTuple):
    """A field of a message: its content lies from ``start`` to ``end``; of a varint, ``value``."""

    number: int
    kind: int
    start: int
    end: int
    value: int = 0


def fields(content: bytes, start: int, end: int) -> Iterator[Field]:
    """The fields of a message, in order. Raises WireError."""
    while start < end:
        key, start = varint(content, start, end)
        number, kind = key >> 3, key & 7
        if kind == VARINT:
            value, after = varint(content, start, end)
            yield Field(number, kind, start, after, value)
            start = after
            continue
        if kind == BYTES:
            size, start = varint(content, start, end)
        elif kind in _WIDTHS:
            size = _WIDTHS[kind]
        else:
            raise WireError(f"unknown kind of field {kind}")
        if start + size > end:
            raise WireError("a field that ends outside of its message")
        yield Field(number, kind, start, start + size)
        start += size


def varint(content: bytes, start: int, end: int) -> tuple[int, int]:
    """(number, where it ends); 64 bits, unsigned. Raises WireError."""
    value = 0
    for place in range(min(_LONGEST_VARINT, end - start)):
        byte = content[start + place]
        value |= (byte & 0x7F) << (7 * place)
        if byte < 0x80:
            return value & 0xFFFF_FFFF_FFFF_FFFF, start + place + 1
    raise WireError("a number without an end")


def signed(value: int) -> int:
    """A varint as a signed number of 64 bits."""
    return value - (1 << 64) if value >> 63 else value


def number(content: bytes, field: Field) -> float:
    """A field of fixed width as a float. Raises WireError for any other."""
    if field.kind == EIGHT_BYTES:
        return float(struct.unpack_from("<d", content, field.start)[0])
    if field.kind == FOUR_BYTES:
        return float(struct.unpack_from("<f", content, field.start)[0])
    raise WireError("a number of another width")


def text(content: bytes, field: Field) -> str:
    """A field as text."""
    return content[field.start : field.end].decode("utf-8", "replace")


def doubles(content: bytes, field: Field) -> list[float]:
    """A repeated double, packed or one of them. Raises WireError."""
    if field.kind == BYTES:
        found: list[float] = array(content, field, "<f8").tolist()
        return found
    return [number(content, field)]


def array(content: bytes, field: Field, kind: str) -> np.ndarray[Any, np.dtype[Any]]:
    """A field of bytes as numbers of one type. Raises WireError."""
    size, rest = divmod(field.end - field.start, np.dtype(kind).itemsize)
    if field.kind != BYTES or rest:
        raise WireError("numbers that do not fill their field")
    return np.frombuffer(content, kind, size, field.start)


def varints(content: bytes, field: Field) -> list[int]:
    """A repeated varint, packed or one of them. Raises WireError."""
    if field.kind == VARINT:
        return [field.value]
    found, place = [], field.start
    while place < field.end:
        value, place = varint(content, place, field.end)
        found.append(value)
    return found
