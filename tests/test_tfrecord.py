"""CRC-32C of many strings at once, against one after the other."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tensorboardX.crc32c import crc32c
from tensorboardX.record_writer import masked_crc32c

from cetrack.tfrecord import all_masked, crc_of, crcs_of, crcs_of_lengths, masked, register

LENGTHS = [0, 1, 3, 4, 5, 255, 256, 257, 511, 1023, 1024, 1025, 5000]


def test_the_check_value_of_the_standard() -> None:
    assert crc_of(b"123456789") == 0xE3069283
    assert register(b"123456789") ^ 0xFFFF_FFFF == 0xE3069283


@given(st.lists(st.tuples(st.integers(0, 3000), st.sampled_from(LENGTHS)), max_size=30))
def test_parts_of_any_length(parts: list[tuple[int, int]]) -> None:
    content = np.random.default_rng(3).bytes(8000)
    starts, lengths = np.array(parts, np.int64).reshape(-1, 2).T
    found = crcs_of(np.frombuffer(content, np.uint8), starts, lengths)

    assert found.tolist() == [crc32c(content[start : start + size]) for start, size in parts]


def test_more_blocks_than_are_looked_up_at_once() -> None:
    content = np.random.default_rng(4).bytes(2**20 + 300)

    assert crc_of(content) == crc32c(content)


@pytest.mark.parametrize(
    "lengths", [[], [0], [0, 1, 255, 256, 65_535, 65_536], [2**31, 2**40, 2**62]]
)
def test_lengths_as_records_have_them(lengths: list[int]) -> None:
    found = all_masked(crcs_of_lengths(np.array(lengths, np.int64)))

    assert found.tolist() == [masked_crc32c(struct.pack("<Q", length)) for length in lengths]
    assert found.tolist() == [masked(crc_of(struct.pack("<Q", length))) for length in lengths]
