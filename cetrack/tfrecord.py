"""Records of TensorFlow (TFRecord): CRC-32C of many byte strings at once, and their framing.

A record is the length of its payload, that length's checksum, the payload, its checksum. A CRC is
linear: what a byte adds to it depends on the byte and on how many bytes follow, so the CRC of rows
that are alike but for a few columns is a look-up per varying byte.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]
Crcs = npt.NDArray[np.uint32]

HEAD, FOOT = 12, 4  # bytes of a record before and after its payload
BLOCK = 256  # bytes whose CRC is looked up at once
MASK_DELTA = 0xA282EAD8
_ONES = 0xFFFF_FFFF
_POLYNOMIAL = 0x82F6_3B78  # Castagnoli's, its bits reversed
_SHORT = 4 * BLOCK  # payloads whose CRCs are looked up column by column
_AT_ONCE = 2**20 // BLOCK  # blocks: their look-ups take four bytes for one


def masked(crc: int) -> int:
    """A CRC as it is stored: turned and moved, for bytes that hold CRCs themselves."""
    return ((crc >> 15 | crc << 17) + MASK_DELTA) & _ONES


def all_masked(crcs: Crcs) -> Crcs:
    """``masked`` of each."""
    moved: Crcs = turned(crcs) + np.uint32(MASK_DELTA)
    return moved


def turned(crcs: Crcs) -> Crcs:
    """The first half of ``masked``, which is linear as well."""
    result: Crcs = (crcs >> np.uint32(15)) | (crcs << np.uint32(17))
    return result


def register(payload: bytes, *, start: int = _ONES) -> int:
    """The state of the CRC's register after ``payload``, with ``start`` before it."""
    table, state = _byte_table(), start
    for byte in payload:
        state = table[(state ^ byte) & 0xFF] ^ (state >> 8)
    return state


def crc_of(payload: bytes) -> int:
    """The CRC-32C of any bytes: whole blocks by look-up, many at once, the rest in a loop.

    The loop alone takes 55 ns a byte: too long for thousands of pages of text.
    """
    whole = len(payload) // BLOCK * BLOCK
    tables = _tables(0)[::-1]
    blocks = np.frombuffer(payload, np.uint8, whole).reshape(-1, BLOCK)
    state = _ONES
    for start in range(0, len(blocks), _AT_ONCE):
        found = tables[np.arange(BLOCK), blocks[start : start + _AT_ONCE]]
        for part in np.bitwise_xor.reduce(found, axis=1).tolist():
            carried = [int(tables[place, state >> (8 * place) & 0xFF]) for place in range(4)]
            state = part ^ carried[0] ^ carried[1] ^ carried[2] ^ carried[3]
    return register(payload[whole:], start=state) ^ _ONES


def crcs_of(content: Bytes, starts: npt.NDArray[np.int64], lengths: npt.NDArray[np.int64]) -> Crcs:
    """The CRC-32C of parts of ``content``, whatever their lengths.

    The parts are seen from their ends, where they are alike: a byte counts by how many follow it,
    and the register's first state as if the first four bytes were others.
    """
    found: Crcs = np.zeros(len(starts), np.uint32)
    brief = (lengths >= 4) & (lengths <= _SHORT)
    for index in np.flatnonzero(~brief).tolist():
        payload = content[starts[index] : starts[index] + lengths[index]]
        found[index] = crc_of(payload.tobytes())
    order = np.flatnonzero(brief)
    order = order[np.argsort(-lengths[order], kind="stable")]
    ends = starts[order] + lengths[order] - 1
    reach = np.searchsorted(-lengths[order], -np.arange(lengths[order].max(initial=0)))
    sums: Crcs = np.full(len(order), _ONES, np.uint32)
    for following, count in enumerate(reach.tolist()):  # those that are longer than that
        sums[:count] ^= position_table(following).take(content[ends[:count] - following])
    for place in range(4):
        flipped = lengths[order] - 1 - place
        sums ^= _flips(_SHORT).take(flipped)
    found[order] = sums
    return found


@cache
def _flips(count: int) -> Crcs:
    """uint32[count]: what 0xFF adds to a CRC by how many bytes come after it."""
    return np.array([position_table(following)[0xFF] for following in range(count)], np.uint32)


def crcs_of_lengths(lengths: npt.NDArray[np.int64]) -> Crcs:
    """The CRC-32C of each length as a record has it, in eight bytes."""
    used = (int(lengths.max(initial=0)).bit_length() + 7) // 8  # a zero adds nothing
    found: Crcs = looked_up(as_bytes(lengths)[:, :used], following=8 - used)
    found ^= np.uint32(register(bytes(8)) ^ _ONES)
    return found


@cache
def _byte_table() -> list[int]:
    """What each byte makes of a register that was empty."""
    table = []
    for byte in range(256):
        state = byte
        for _ in range(8):
            state = state >> 1 ^ (_POLYNOMIAL if state & 1 else 0)
        table.append(state)
    return table


@cache
def _tables(block: int) -> Crcs:
    """uint32[BLOCK, 256]: the tables of places with ``block`` whole blocks and more after them."""
    first = np.array(_byte_table(), np.uint32)
    nearer = _moved(_tables(block - 1)[-1]) if block else first
    tables = [nearer]
    while len(tables) < BLOCK:
        tables.append(_moved(tables[-1]))
    return np.stack(tables)


def _moved(table: Crcs) -> Crcs:
    """The table of the place before."""
    first = np.array(_byte_table(), np.uint32)
    carried: Crcs = first[table & np.uint32(0xFF)]
    return carried ^ (table >> np.uint32(8))


def position_table(following: int) -> Crcs:
    """uint32[256]: what each byte adds to a CRC when ``following`` bytes come after it."""
    table: Crcs = _tables(following // BLOCK)[following % BLOCK]
    return table


def looked_up(columns: Bytes, *, following: int) -> Crcs:
    """What the bytes of uint8[n, k] add to their rows' CRC, ``following`` bytes being after."""
    found: Crcs = np.zeros(len(columns), np.uint32)
    last = columns.shape[1] - 1 + following
    for place in range(columns.shape[1]):
        found ^= position_table(last - place).take(columns[:, place])
    return found


def as_bytes(column: npt.NDArray[Any]) -> Bytes:
    """uint8[n, item size], least significant first."""
    little = np.ascontiguousarray(column, column.dtype.newbyteorder("<"))
    return little.view(np.uint8).reshape(len(column), column.dtype.itemsize)
