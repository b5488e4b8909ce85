"""Event files: TFRecord framing, CRC-32C, protobuf events. No clock, no host name, no thread.

Knows bytes and files, not runs. Points go in as arrays. A long series is encoded as a byte matrix
with one row per record: a CRC is linear, so the CRC of each row is that of a template combined
with table look-ups for the few bytes that vary. Short ones are encoded record by record, which is
also the reference that the matrix is tested against.
"""

from __future__ import annotations

import hashlib
import itertools
import os
import struct
from collections.abc import Iterator
from contextlib import suppress
from functools import cache, lru_cache
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt
from tensorboardX.crc32c import CRC_TABLE, crc32c, crc_update
from tensorboardX.proto.event_pb2 import Event
from tensorboardX.proto.summary_pb2 import Summary

from cetrack.domain import FloatArray, IntArray

FILE_VERSION = "brain.Event:2"
SUFFIX = ".cetrack"
PREFIX = "events.out.tfevents."

_Bytes = npt.NDArray[np.uint8]
_MASK_DELTA = 0xA282EAD8
_MATRIX_FROM = 8  # points; below, look-ups cost more than a loop
_PIECE = 8192  # records encoded at once: what a processor's cache holds
_BLOCK = 256  # bytes whose CRC is looked up at once
_BUFFER = 1 << 20  # bytes kept before anything is written
_LENGTH_CRC = 12  # bytes before the event in a record: its length and the length's checksum
_VARINT_LIMITS = np.array([1 << (7 * k) for k in range(1, 10)], np.uint64)


def file_name(stamp: float) -> str:
    """The name of an event file; ``stamp`` is in seconds since the epoch."""
    return f"{PREFIX}{int(stamp):010d}{SUFFIX}"


class EventFile:
    """One event file, kept in memory or beside its place until ``commit`` renames it into it.

    ``points`` counts what was written, ``beyond_float32`` what became ±Inf on the way.
    """

    def __init__(self, path: Path, *, started_at: float) -> None:
        self.path = path
        self.points = 0
        self.beyond_float32 = 0
        self.size = 0
        self._started_at = started_at
        self._hash = hashlib.sha256()
        self._pending: list[bytes] = []
        self._pending_size = 0
        # The process id keeps two exports at once from writing into one file; TensorBoard reads
        # only names that contain "tfevents".
        self._partial = path.with_name(f".cetrack-{os.getpid()}.partial")
        self._stream: IO[bytes] | None = None
        self._append(framed(_first_event(started_at)))

    @property
    def sha256(self) -> str:
        """Of everything written so far."""
        return self._hash.hexdigest()

    def write_series(
        self, tag: str, steps: IntArray, values: FloatArray, wall_times: FloatArray
    ) -> None:
        """Write ``steps`` int64[n], ``values`` float64[n], ``wall_times`` float64[n] (seconds).

        A point whose wall time is unknown (NaN) gets the start of the file.
        """
        with np.errstate(over="ignore"):
            singles = values.astype("<f4")
        self.beyond_float32 += int(np.count_nonzero(np.isinf(singles) & np.isfinite(values)))
        walls = np.where(np.isfinite(wall_times), wall_times, self._started_at).astype("<f8")
        for chunk in encoded_series(tag, steps.astype(np.int64), singles, walls):
            self._append(chunk)
        self.points += len(steps)

    def write_value(self, value: Summary.Value, *, step: int = 0) -> None:
        """Write one summary value that is not a scalar, at the start of the file."""
        event = Event(wall_time=self._started_at, step=step, summary=Summary(value=[value]))
        self._append(framed(event.SerializeToString(deterministic=True)))

    def commit(self) -> None:
        """Make the file appear, whole, in place of what was there."""
        self._spill()
        if self._stream is not None:
            self._stream.close()
        self._partial.replace(self.path)

    def discard(self) -> None:
        """Forget what was written; the file that is there stays as it is."""
        if self._stream is not None:
            self._stream.close()
            with suppress(OSError):
                self._partial.unlink()
        self._pending.clear()

    def _append(self, chunk: bytes) -> None:
        self._hash.update(chunk)
        self.size += len(chunk)
        self._pending.append(chunk)
        self._pending_size += len(chunk)
        if self._pending_size >= _BUFFER:
            self._spill()

    def _spill(self) -> None:
        if self._stream is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._stream = self._partial.open("wb")
        self._stream.writelines(self._pending)
        self._pending.clear()
        self._pending_size = 0


def _first_event(started_at: float) -> bytes:
    return Event(wall_time=started_at, file_version=FILE_VERSION).SerializeToString()  # type: ignore[no-any-return]


def framed(event: bytes) -> bytes:
    """A serialised event as one record of an event file."""
    crc = crc_of(event) if len(event) >= _BLOCK else crc32c(event)
    return _frame_head(len(event)) + event + struct.pack("<I", _masked(crc))


@lru_cache(maxsize=1024)
def _frame_head(length: int) -> bytes:
    head = struct.pack("<Q", length)
    return head + struct.pack("<I", _masked(crc32c(head)))


def _masked(crc: int) -> int:
    """A CRC as it is stored: turned and moved, for bytes that hold CRCs themselves."""
    return ((crc >> 15 | crc << 17) + _MASK_DELTA) & 0xFFFF_FFFF


def crc_of(payload: bytes) -> int:
    """The CRC-32C of any bytes: whole blocks by look-up, all at once, the rest in a loop.

    The loop alone takes 55 ns a byte: too long for thousands of pages of text.
    """
    whole = len(payload) // _BLOCK * _BLOCK
    tables = _block_tables()
    blocks = np.frombuffer(payload[:whole], np.uint8).reshape(-1, _BLOCK)
    state = 0xFFFF_FFFF
    for part in np.bitwise_xor.reduce(tables[np.arange(_BLOCK), blocks], axis=1).tolist():
        carried = [int(tables[place, state >> (8 * place) & 0xFF]) for place in range(4)]
        state = part ^ carried[0] ^ carried[1] ^ carried[2] ^ carried[3]
    return int(crc_update(state ^ 0xFFFF_FFFF, payload[whole:]))


@cache
def _block_tables() -> npt.NDArray[np.uint32]:
    """What each byte at each place of a block adds to the CRC after it."""
    return np.stack([_position_table(following) for following in range(_BLOCK)])[::-1]


def encoded_series(
    tag: str, steps: IntArray, singles: npt.NDArray[Any], walls: npt.NDArray[Any]
) -> Iterator[bytes]:
    """Records of one scalar series, in the order given; ``singles`` are float32.

    Cut where the length of the encoded step changes, so that all records of a piece are alike.
    """
    summary = _summary_head(tag)
    if len(steps) < _MATRIX_FROM:
        yield one_by_one(summary, steps, singles, walls)
        return
    lengths = np.searchsorted(_VARINT_LIMITS, steps.view(np.uint64), side="right") + 1
    changes = np.flatnonzero(np.diff(lengths)) + 1
    edges = np.union1d(changes, np.arange(0, len(steps), _PIECE)).tolist()
    for start, stop in itertools.pairwise([*edges, len(steps)]):
        piece = slice(start, stop)
        if stop - start < _MATRIX_FROM:
            yield one_by_one(summary, steps[piece], singles[piece], walls[piece])
        else:
            width = int(lengths[start])
            yield as_matrix(summary, steps[piece], singles[piece], walls[piece], width=width)


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
    summary: bytes, steps: IntArray, singles: npt.NDArray[Any], walls: npt.NDArray[Any]
) -> bytes:
    """Records made one at a time."""
    records = (
        framed(struct.pack("<Bd", 0x09, wall) + b"\x10" + varint(step) + summary + single.tobytes())
        for step, single, wall in zip(steps.tolist(), singles, walls.tolist(), strict=True)
    )
    return b"".join(records)


def as_matrix(
    summary: bytes,
    steps: IntArray,
    singles: npt.NDArray[Any],
    walls: npt.NDArray[Any],
    *,
    width: int,
) -> bytes:
    """The same records at once; all steps take ``width`` bytes."""
    template = b"\x09" + bytes(8) + b"\x10" + bytes(width) + summary + bytes(4)
    size = len(template)
    head = np.frombuffer(_frame_head(size) + template + bytes(4), np.uint8)
    rows = np.repeat(head[np.newaxis], len(steps), axis=0)
    events = rows[:, _LENGTH_CRC : _LENGTH_CRC + size]
    events[:, 1:9] = _as_bytes(walls)
    events[:, 10 : 10 + width] = _varints(steps, width)
    events[:, -4:] = _as_bytes(singles)
    varying = (*range(1, 9), *range(10, 10 + width), *range(size - 4, size))
    rows[:, -4:] = _as_bytes(_masked_crcs(events, template, varying))
    return rows.tobytes()


def _as_bytes(column: npt.NDArray[Any]) -> _Bytes:
    little = np.ascontiguousarray(column, column.dtype.newbyteorder("<"))
    return little.view(np.uint8).reshape(len(column), -1)


def _varints(steps: IntArray, width: int) -> _Bytes:
    shifts = np.arange(0, 7 * width, 7, dtype=np.uint64)
    digits = ((steps.view(np.uint64)[:, np.newaxis] >> shifts) & np.uint64(0x7F)).astype(np.uint8)
    digits[:, :-1] |= 0x80
    return digits


def _masked_crcs(
    events: _Bytes, template: bytes, varying: tuple[int, ...]
) -> npt.NDArray[np.uint32]:
    """The masked CRC of each row, which differs from ``template`` only in ``varying`` columns."""
    tables = [_position_table(following) for following in range(len(template))]
    crcs = np.full(len(events), crc32c(template), np.uint32)
    for column in varying:
        crcs ^= tables[-1 - column][events[:, column]]
    rotated = (crcs >> np.uint32(15)) | (crcs << np.uint32(17))
    masked: npt.NDArray[np.uint32] = rotated + np.uint32(_MASK_DELTA)
    return masked


@cache
def _position_table(following: int) -> npt.NDArray[np.uint32]:
    """What each byte adds to a CRC when ``following`` bytes come after it; asked in that order."""
    if following == 0:
        return np.array(CRC_TABLE, np.uint32)
    nearer = _position_table(following - 1)
    carried: npt.NDArray[np.uint32] = _position_table(0)[nearer & np.uint32(0xFF)]
    return carried ^ (nearer >> np.uint32(8))
