"""When a file that changes is due, by a clock of the test's own."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import pytest

from cetrack.readers.source import Source
from cetrack.settling import PATIENCE, Due, Settling, lines_so_far

HOUR = 3600.0


def paths(found: list[Due]) -> list[str]:
    return [item.path.name for item in found]


def test_a_file_is_due_when_it_has_been_the_same_for_a_moment(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text("{")
    waiting = Settling(1.0)
    waiting.note(path, 0.0)

    assert paths(waiting.due(0.5)) == []
    path.write_text('{"a": 1}')
    assert paths(waiting.due(1.5)) == []
    assert paths(waiting.due(2.4)) == []
    (found,) = waiting.due(2.6)
    assert (found.path, found.is_sure, found.is_restless) == (path, False, False)
    assert len(waiting) == 0


def test_a_file_is_handed_over_once_until_it_changes(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text("{}")
    waiting = Settling(1.0)
    waiting.note(path, 0.0)
    waiting.due(1.0)

    waiting.note(path, 2.0)
    assert path not in waiting
    path.write_text('{"a": 1}')
    waiting.note(path, 3.0)
    assert path in waiting


def test_what_is_old_at_the_start_is_due_at_once_and_sure(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("a,b\n1,2")  # a last line without an end, and nobody writes
    waiting = Settling(1.0)
    waiting.note(path, 0.0, age_s=HOUR)

    (found,) = waiting.due(0.0)
    assert found.is_sure


def test_a_line_without_an_end_needs_patience(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("epoch,loss\n1,0.5\n2,0.1")
    waiting = Settling(1.0)
    waiting.note(path, 0.0)

    assert paths(waiting.due(PATIENCE - 0.1)) == []
    with path.open("a") as stream:
        stream.write("25\n")
    assert paths(waiting.due(PATIENCE + 0.0)) == ["a.csv"]  # its whole lines, for it has waited
    assert paths(waiting.due(PATIENCE + 1.0)) == ["a.csv"]


def test_a_log_that_never_rests_is_due_now_and_then(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    waiting = Settling(1.0)
    due: list[float] = []
    for tick in range(100):
        now = tick / 4
        with path.open("a") as stream:
            stream.write(f'{{"step": {tick}}}\n')
        waiting.note(path, now)
        for item in waiting.due(now):
            assert item.is_restless
            due.append(now)

    assert due == [5.0, 10.0, 15.0, 20.0]


def test_a_deleted_file_is_forgotten_and_may_come_back(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text("{}")
    waiting = Settling(1.0)
    waiting.note(path, 0.0)
    path.unlink()
    assert paths(waiting.due(2.0)) == []
    assert len(waiting) == 0

    path.write_text("{}")
    waiting.note(path, 3.0)
    assert paths(waiting.due(4.0)) == ["a.json"]


def test_what_makes_no_sense_is_taken_back_until_it_is_sure(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text('{"half')
    waiting = Settling(1.0)
    waiting.note(path, 0.0)
    (first,) = waiting.due(1.0)

    assert waiting.doubt(first, 1.0)
    assert paths(waiting.due(2.0)) == []
    (second,) = waiting.due(PATIENCE)
    assert second.is_sure
    assert not waiting.doubt(second, PATIENCE)
    path.write_text('{"half": 1}')
    assert waiting.doubt(second, PATIENCE)  # it was being written after all
    assert path in waiting


def test_what_could_not_be_stored_is_due_again(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text("{}")
    waiting = Settling(1.0)
    waiting.note(path, 0.0, age_s=HOUR)
    found = waiting.due(0.0)
    waiting.again(found, 1.0)

    assert waiting.due(1.0) == found
    assert waiting.due(2.0) == []


def so_far(path: Path) -> bytes | None:
    found = lines_so_far(Source(str(path), path=path))
    return None if found is None else found.read_bytes()


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("a.csv", b"a\n1\n2", b"a\n1\n"),
        ("a.jsonl", b'{"a": 1}\n{"a', b'{"a": 1}\n'),
        ("a.csv", b"a,b", None),
        ("a.csv", b"", None),
        ("a.json", b'{\n"a": 1', None),
        ("events.out.tfevents.1.x", b"\0\0\n\1\0", b"\0\0\n\1\0"),
        ("a.csv.gz", gzip.compress(b"a\n1\n", mtime=0), None),
        ("a.tar", b"\0" * 1024, None),
    ],
)
def test_what_can_be_read_of_a_file_that_is_being_written(
    tmp_path: Path, name: str, content: bytes, expected: bytes | None
) -> None:
    path = tmp_path / name
    path.write_bytes(content)

    assert so_far(path) == expected


def test_what_is_written_meanwhile_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"epoch,loss\n1,0.5\n" + b"2,0.25\n" * 300_000)
    found = lines_so_far(Source(str(path), path=path))
    assert found is not None
    with path.open("ab") as stream:
        stream.write(b"3,0.")

    assert found.size_bytes == path.stat().st_size - 4
    assert found.read_bytes().endswith(b"2,0.25\n")
    with found.open_binary() as stream:
        stream.seek(-7, os.SEEK_END)
        assert stream.read() == b"2,0.25\n"
