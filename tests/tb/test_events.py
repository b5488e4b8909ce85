"""Event files, byte by byte."""

from __future__ import annotations

import math
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from tensorboard.backend.event_processing.event_file_loader import RawEventFileLoader
from tensorboardX.crc32c import crc32c
from tensorboardX.proto.event_pb2 import Event
from tensorboardX.record_writer import masked_crc32c

from cetrack.tb.events import EventFile, file_name
from cetrack.tb.records import encoded, one_by_one
from cetrack.tb.text import text_value
from cetrack.tfrecord import crc_of
from tests.tb.reading import scalars

STEPS = st.integers(-(2**63), 2**63 - 1)
TAGS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=300)
NOON = 1_772_000_000.25


def records(content: bytes) -> list[Event]:
    """The events of a file; every length and CRC is checked."""
    found = []
    while content:
        (length,) = struct.unpack_from("<Q", content)
        event = content[12 : 12 + length]
        assert struct.unpack_from("<I", content, 8)[0] == masked_crc32c(content[:8])
        assert struct.unpack_from("<I", content, 12 + length)[0] == masked_crc32c(event)
        found.append(Event.FromString(event))
        content = content[16 + length :]
    return found


@given(
    tag=TAGS,
    steps=hnp.arrays(np.int64, st.integers(1, 40), elements=STEPS),
    single=st.floats(width=32),
    wall=st.floats(allow_nan=False),
)
def test_records_hold_what_was_given(
    tag: str, steps: np.ndarray, single: float, wall: float
) -> None:
    singles, walls = np.full(len(steps), single, "<f4"), np.full(len(steps), wall)

    found = records(b"".join(encoded([tag], [len(steps)], np.sort(steps), singles, walls)))

    assert [event.step for event in found] == sorted(steps.tolist())
    for event in found:
        (value,) = event.summary.value
        assert value.tag == tag
        assert event.wall_time == wall
        assert struct.pack("<f", value.simple_value) == singles[:1].tobytes()


SERIES = st.lists(
    st.tuples(
        TAGS, hnp.arrays(np.int64, st.integers(1, 30), elements=STEPS | st.integers(120, 135))
    ),
    min_size=1,
    max_size=4,
)


@given(series=SERIES, seed=st.integers(0, 2**32 - 1), alike=st.booleans())
def test_many_at_once_are_the_same_as_one_record_at_a_time(
    series: list[tuple[str, np.ndarray]], seed: int, alike: bool
) -> None:
    random = np.random.default_rng(seed)
    tags, steps = zip(*series, strict=True)
    if alike:  # as in a run whose metrics are logged together
        steps = (steps[0],) * len(tags)
    counts = [len(part) for part in steps]
    singles = random.normal(size=sum(counts)).astype(np.float32)
    walls = (
        np.tile(random.normal(size=counts[0]), len(tags))
        if alike
        else random.normal(size=sum(counts))
    )
    columns = (np.concatenate(steps), singles, walls)

    fast = b"".join(encoded(tags, counts, *columns))

    assert fast == b"".join(one_by_one(tags, counts, *columns))


@given(st.binary(max_size=1200))
def test_the_crc_of_blocks_is_the_crc(payload: bytes) -> None:
    assert crc_of(payload) == crc32c(payload)


def written(path: Path, values: list[float], **columns: list[float]) -> EventFile:
    event_file = EventFile(path, started_at=NOON)
    steps = np.array(columns.get("steps", range(len(values))), np.int64)
    walls = np.array(columns.get("walls", [math.nan] * len(values)), np.float64)
    event_file.write_series("loss", steps, np.array(values, np.float64), walls)
    event_file.commit()
    return event_file


def test_a_series_may_come_in_parts(tmp_path: Path) -> None:
    steps = np.arange(40_000)
    values = np.sin(steps)
    walls = np.where(steps % 3 == 0, np.nan, NOON + steps)
    hashes = set()

    for cut in (40_000, 20_000, 16_384, 777):
        event_file = EventFile(tmp_path / file_name(NOON), started_at=NOON)
        for start in range(0, len(steps), cut):
            part = slice(start, start + cut)
            event_file.write_series("loss", steps[part], values[part], walls[part])
        event_file.commit()
        hashes.add(event_file.sha256)

    assert len(hashes) == 1
    assert len(records(event_file.path.read_bytes())) == 40_001


def test_a_file_begins_with_its_version_and_its_start(tmp_path: Path) -> None:
    event_file = written(tmp_path / file_name(NOON), [1.0])

    first, second = records(event_file.path.read_bytes())

    assert event_file.path.name == "events.out.tfevents.1772000000.cetrack"
    assert (first.file_version, first.wall_time) == ("brain.Event:2", NOON)
    assert (second.summary.value[0].simple_value, second.wall_time) == (1.0, NOON)


def test_a_point_keeps_its_wall_time_and_gets_the_start_if_it_has_none(tmp_path: Path) -> None:
    written(tmp_path / file_name(NOON), [1.0, 2.0, 3.0], walls=[5.5, math.nan, math.inf])

    assert [wall for _, _, wall in scalars(tmp_path)["loss"]] == [5.5, NOON, NOON]


@pytest.mark.parametrize("repeated", [1, 20], ids=["one by one", "matrix"])
def test_what_float32_cannot_hold_becomes_infinite_and_is_counted(
    tmp_path: Path, repeated: int
) -> None:
    values = [1e300, -1e300, math.inf, -math.inf, math.nan, 0.1, 1e-300, 3.4028234e38]

    event_file = written(tmp_path / file_name(NOON), values * repeated)
    found = [value for _, value, _ in scalars(tmp_path)["loss"]]

    assert event_file.beyond_float32 == 2 * repeated
    assert event_file.points == 8 * repeated
    singles = [math.inf, -math.inf, math.inf, -math.inf, math.nan, np.float32(0.1), 0.0]
    np.testing.assert_array_equal(found, [*singles, np.float32(3.4028234e38)] * repeated)


def test_negative_and_huge_steps(tmp_path: Path) -> None:
    steps = [-(2**63), -300, -1, 0, 1, 127, 128, 2**31, 2**40, 2**63 - 1]

    written(tmp_path / file_name(NOON), [float(i) for i in range(10)], steps=steps)

    assert [step for step, _, _ in scalars(tmp_path)["loss"]] == steps


def test_tensorboard_notices_a_broken_record(tmp_path: Path) -> None:
    path = written(tmp_path / file_name(NOON), [float(i) for i in range(100)]).path
    assert len(list(RawEventFileLoader(str(path)).Load())) == 101

    content = bytearray(path.read_bytes())
    content[-6] ^= 1
    path.write_bytes(content)

    assert len(list(RawEventFileLoader(str(path)).Load())) == 100


def test_nothing_is_seen_before_the_file_is_whole(tmp_path: Path) -> None:
    event_file = EventFile(tmp_path / file_name(NOON), started_at=NOON)
    many = np.arange(60_000)

    event_file.write_series("loss", many, many.astype(float), many.astype(float))
    partial = [path.name for path in tmp_path.iterdir()]
    event_file.commit()

    assert partial
    assert not any("tfevents" in name for name in partial)
    assert [path.name for path in tmp_path.iterdir()] == [file_name(NOON)]
    assert len(scalars(tmp_path)["loss"]) == 60_000


def test_a_discarded_file_leaves_nothing(tmp_path: Path) -> None:
    event_file = EventFile(tmp_path / file_name(NOON), started_at=NOON)
    many = np.arange(60_000)
    event_file.write_series("loss", many, many.astype(float), many.astype(float))

    event_file.discard()

    assert list(tmp_path.iterdir()) == []


def test_size_and_hash_are_those_of_the_file(tmp_path: Path) -> None:
    import hashlib

    event_file = EventFile(tmp_path / file_name(NOON), started_at=NOON)
    event_file.write_value(text_value("card", "words " * 1000))
    event_file.commit()

    content = event_file.path.read_bytes()
    assert event_file.size == len(content)
    assert event_file.sha256 == hashlib.sha256(content).hexdigest()
    assert len(records(content)) == 2
