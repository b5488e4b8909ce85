"""Bytes from files and streams: packed, marked, cut, unreadable."""

from __future__ import annotations

import gzip
import hashlib
from datetime import UTC, datetime
from pathlib import Path

import pytest

from cetrack.errors import MalformedSourceError, ReadError
from cetrack.readers import source as module
from cetrack.readers.source import Source
from tests.readers.reading import source

TEXT = '{"m": {"fp32": {"accuracy": 0.5}}}'
PARSED = {"m": {"fp32": {"accuracy": 0.5}}}


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(TEXT.encode(), id="plain"),
        pytest.param(b"\xef\xbb\xbf" + TEXT.encode(), id="UTF-8 with a byte-order mark"),
        pytest.param(b"\xff\xfe" + TEXT.encode("utf-16-le"), id="UTF-16 little-endian"),
        pytest.param(b"\xfe\xff" + TEXT.encode("utf-16-be"), id="UTF-16 big-endian"),
        pytest.param(gzip.compress(TEXT.encode()), id="gzip"),
        pytest.param(gzip.compress(TEXT.encode("utf-16")), id="gzip of UTF-16"),
        pytest.param(b"\r\n \t" + TEXT.encode() + b"\r\n", id="blanks around it"),
    ],
)
def test_text_is_the_same_however_it_is_packed(content: bytes) -> None:
    found = source(content)

    assert found.json.value == PARSED
    assert found.looks_like_json
    assert found.is_text


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        pytest.param(gzip.compress(TEXT.encode())[:-9], "end-of-stream", id="cut gzip"),
        pytest.param(b"\x1f\x8b\x08\x00garbage-garbage", "gzip: ", id="bad gzip"),
        pytest.param(b"\xff\xfe{\x00}", "byte 4: not UTF-16 text", id="half a character"),
    ],
)
def test_what_cannot_be_unpacked_is_malformed(content: bytes, problem: str) -> None:
    with pytest.raises(MalformedSourceError) as caught:
        source(content).read_bytes()

    assert problem in str(caught.value)


def test_a_missing_file_is_a_read_error(tmp_path: Path) -> None:
    gone = Source("gone.json", path=tmp_path / "gone.json")

    for ask in ("head", "sha256", "size_bytes", "mtime"):
        with pytest.raises(ReadError, match="cannot be read: No such file"):
            getattr(gone, ask)


def test_a_folder_is_a_read_error(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match="cannot be read: Is a directory"):
        _ = Source("folder", path=tmp_path).head


def test_a_document_that_no_memory_should_hold_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_DOCUMENT_BYTES", 20)

    with pytest.raises(ReadError, match="larger than 0 MiB as one document") as caught:
        source(TEXT).read_bytes()

    assert "JSONL" in (caught.value.hint or "")


def test_hash_and_size_are_of_the_bytes_as_they_lie_there(tmp_path: Path) -> None:
    packed = gzip.compress(TEXT.encode())
    path = tmp_path / "a.json.gz"
    path.write_bytes(packed)
    for found in (Source(str(path), path=path), source(packed)):
        assert found.sha256 == hashlib.sha256(packed).hexdigest()
        assert found.size_bytes == len(packed)


def test_the_key_is_the_absolute_path_and_a_dash_for_a_stream(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    assert Source("a.json", path=Path("a.json")).key == (tmp_path / "a.json").as_posix()
    assert source("", "-").key == "-"


@pytest.mark.parametrize(
    ("uri", "name"),
    [
        ("results/a.json", "a.json"),
        ("a.json.gz", "a.json"),
        (r"C:\runs\a.csv", "a.csv"),
        ("-", "-"),
    ],
)
def test_the_name_is_the_last_part_without_gz(uri: str, name: str) -> None:
    assert source("", uri).name == name


def test_a_file_has_a_time_and_a_stream_has_none(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_text("x")

    assert source("").mtime is None
    modified = Source("a", path=path).mtime
    assert modified == datetime.fromtimestamp(path.stat().st_mtime, UTC)


@pytest.mark.parametrize(
    ("content", "first"),
    [
        pytest.param('{"a": 1}\n{"a": 2}\n', {"a": 1}, id="JSONL"),
        pytest.param('\n\n{"a": 1}\r\n{"a": 2}', {"a": 1}, id="blank lines before"),
        pytest.param(b'\xef\xbb\xbf{"a": 1}\n{"a"', {"a": 1}, id="second line is cut"),
        pytest.param('{"a": NaN}\n{"a": 2}', None, id="NaN parses, and is not equal"),
        pytest.param('{"a": 1}', None, id="a document on one line"),
        pytest.param('{"a": 1}\n\n', None, id="nothing but blanks after"),
        pytest.param('{\n"a": 1\n}\n', None, id="a document on several lines"),
        pytest.param('{"a": {}\n}\n', None, id="a line that ends like an object"),
        pytest.param("[1]\n[2]", None, id="lists"),
        pytest.param("a,b\n{},2", None, id="no JSON"),
        pytest.param("", None, id="empty"),
    ],
)
def test_the_first_object_of_jsonl(content: str | bytes, first: object) -> None:
    found = source(content).first_object
    if content == '{"a": NaN}\n{"a": 2}':
        assert str(found) == "{'a': nan}"
    else:
        assert found == first


def test_a_problem_is_found_once_and_said_to_everyone() -> None:
    found = source("{")

    with pytest.raises(MalformedSourceError) as first:
        _ = found.json
    with pytest.raises(MalformedSourceError) as second:
        _ = found.json

    assert first.value is second.value


@pytest.mark.parametrize("name", ["run1.json", "run1.json.gz", "a[1].json"])
def test_a_companion_may_be_named_after_the_source(tmp_path: Path, name: str) -> None:
    stem = name.partition(".")[0]
    for other in (name, f"{stem}.log", "a1.log", "other.log"):
        (tmp_path / other).write_bytes(b"x")
    found = Source(name, path=tmp_path / name)

    assert [item.name for item in found.companions("{stem}.log")] == [f"{stem}.log"]


def test_lines_of_json_are_not_parsed_as_one_document() -> None:
    found = Source("a.jsonl", content=b'{"a": 1}\n{"a": 2}\n')

    with pytest.raises(ReadError, match="line 2: invalid JSON: Extra data"):
        _ = found.json
    assert found.json_keys == {"a"}
