"""Event files as blocks of whole records. Knows the framing, not what is in the records.

A file is read a block at a time. Where a length does not agree with its checksum, nobody knows
where the next record begins: reading ends there. A record that the file ends in is one that is
still being written, or was when the power went.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import IO

import numpy as np

from cetrack.domain import IntArray
from cetrack.tfrecord import FOOT, HEAD, Bytes, Crcs, all_masked, crc_of, crcs_of_lengths, masked

PADDING = 16  # zeros behind the records: whole words can be read at the end of the last one
MAX_RECORD_BYTES = 64 * 2**20
_BLOCK_BYTES = 2 * 2**20
_STEPS = 256  # records looked at one by one before it is tried whether their sizes repeat
_AT_ONCE = 8192  # records
_length_at = struct.Struct("<Q").unpack_from
_crc_at = struct.Struct("<I").unpack_from


@dataclass(frozen=True, eq=False)
class Block:
    """Whole records: their events lie at ``starts`` int64[n] of ``content``, ``lengths`` int64[n]
    bytes of each. ``offset`` is where in the file the block begins."""

    content: bytes
    offset: int
    starts: IntArray
    lengths: IntArray

    @cached_property
    def array(self) -> Bytes:
        """The content as uint8."""
        return np.frombuffer(self.content, np.uint8)

    def place(self, record: int) -> int:
        """Where in the file a record begins."""
        return self.offset + int(self.starts[record]) - HEAD

    def crcs(self, records: IntArray) -> Crcs:
        """The checksums that the file has of these records' events."""
        return self.crcs_at((self.starts + self.lengths)[records])

    def crcs_at(self, places: IntArray) -> Crcs:
        """The checksums that lie at these places of the content."""
        stored: Crcs = self.array[places[:, np.newaxis] + np.arange(FOOT)].view("<u4")[:, 0]
        return stored


class Records:
    """The records of one file, block by block.

    ``said`` tells what is wrong with it, by the byte of the file; ``oversized`` counts the records
    that are larger than any with numbers, and were passed over.
    """

    def __init__(self, stream: IO[bytes], *, block: int = _BLOCK_BYTES) -> None:
        self.said: list[tuple[int, str]] = []
        self.oversized = 0
        self._stream = stream
        self._size = block
        self._content = b""
        self._offset = 0

    def blocks(self) -> Iterator[Block]:
        """All of them that are whole, in order."""
        wanted: int | None = self._size
        while wanted and (read := self._stream.read(wanted)):
            self._content += read
            starts, end = _walked(self._content)
            lengths = np.diff(starts, append=end + HEAD) - (HEAD + FOOT)
            whole = Block(self._content + bytes(PADDING), self._offset, starts, lengths)
            sound = _sound(whole)
            if sound:
                yield Block(
                    whole.content, whole.offset, whole.starts[:sound], whole.lengths[:sound]
                )
            if sound < len(starts):
                self._lose(whole.place(sound))
                return
            self._content, self._offset = self._content[end:], self._offset + end
            wanted = self._missing()
        if self._content and wanted:
            self._cut(len(self._content))

    def _missing(self) -> int | None:
        """How much to read next; None where that makes no sense any more."""
        if len(self._content) < HEAD:
            return self._size
        if _crc_at(self._content, 8)[0] != masked(crc_of(self._content[:8])):
            self._lose(self._offset)
            return None
        whole = HEAD + self._announced() + FOOT
        if whole > MAX_RECORD_BYTES:
            return self._pass(whole)
        return max(self._size, whole - len(self._content))

    def _announced(self) -> int:
        return int(_length_at(self._content)[0])

    def _pass(self, whole: int) -> int | None:
        """Leave out a record without holding it."""
        have = len(self._content)
        while have < whole:
            read = len(self._stream.read(min(whole - have, self._size)))
            if not read:
                self._cut(have)
                return None
            have += read
        self.oversized += 1
        self._content, self._offset = b"", self._offset + whole
        return self._size

    def _cut(self, have: int) -> None:
        told = f"the file ends inside a record of which it has {have:,} bytes"
        if len(self._content) >= HEAD:
            told += f" of {HEAD + self._announced() + FOOT:,}"
        self.said.append((self._offset, f"{told}: left out"))

    def _lose(self, place: int) -> None:
        told = "a length does not agree with its checksum: what follows cannot be read"
        self.said.append((place, told))


def first_record(head: bytes) -> bytes | None:
    """The first event of a file that begins with ``head``; None where it is no record, or not all
    of it is there."""
    if len(head) < HEAD:
        return None
    (length,) = _length_at(head)
    if HEAD + length + FOOT > len(head) or _crc_at(head, 8)[0] != masked(crc_of(head[:8])):
        return None
    event = head[HEAD : HEAD + length]
    return event if _crc_at(head, HEAD + length)[0] == masked(crc_of(event)) else None


def _walked(content: bytes) -> tuple[IntArray, int]:
    """Where the events of whole records begin, and where the last of the records ends.

    A training writes the same tags again and again: where record sizes repeat, many records are
    found at once.
    """
    found: list[IntArray] = []
    place, several = 0, np.empty(0, np.int64)
    while True:
        places = _stepped(content, place)
        place = places[-1]
        found.append(np.array(places[:-1], np.int64))
        if len(places) <= _STEPS:
            return np.concatenate(found) + HEAD, place
        period = _period([after - before for before, after in pairwise(places)])
        while period and len(several := _repeated(content, place, period)):
            place += sum(period) * (len(several) // len(period))
            found.append(several)


def _stepped(content: bytes, place: int) -> list[int]:
    """Where the next few records begin, one by one, and where the last of them ends."""
    places, last = [place], len(content) - HEAD - FOOT
    while place <= last and len(places) <= _STEPS:
        after = place + int(_length_at(content, place)[0])
        if after > last:
            break
        place = after + HEAD + FOOT
        places.append(place)
    return places


def _period(sizes: list[int]) -> list[int]:
    """The sizes that come again and again in all of these; empty where none do."""
    for count in range(1, len(sizes) // 2 + 1):
        if sizes[-1] == sizes[-1 - count] and sizes[count:] == sizes[:-count]:
            return sizes[-count:]
    return []


def _repeated(content: bytes, place: int, sizes: list[int]) -> IntArray:
    """Where records of these sizes begin, over and over, for as long as they do."""
    length = sum(sizes)
    times = min((len(content) - place) // length, -(-_AT_ONCE // len(sizes)))
    offsets = np.cumsum([0, *sizes[:-1]])
    places: IntArray = place + length * np.arange(times)[:, np.newaxis] + offsets
    lengths = np.ndarray(max(len(content) - 7, 0), "<u8", content, strides=(1,))[places]
    other = np.flatnonzero((lengths != np.array(sizes, np.uint64) - (HEAD + FOOT)).any(axis=1))
    return places[: other[0] if len(other) else times].ravel()


def _sound(block: Block) -> int:
    """How many of the first records have lengths that agree with their checksums."""
    stored = block.crcs_at(block.starts - FOOT)
    wrong = np.flatnonzero(stored != all_masked(crcs_of_lengths(block.lengths)))
    return int(wrong[0]) if len(wrong) else len(block.starts)
