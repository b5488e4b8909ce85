"""Packed bytes: the same content whatever packed it, bounded memory, clear refusals."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import sys
from collections.abc import Callable

import pytest
import zstandard

from cetrack import packing
from cetrack.errors import MalformedSourceError
from cetrack.packing import PackedError, unpacked, unpacked_name
from tests.readers.reading import source

LINES = b"".join(b"epoch %d\n" % number for number in range(50_000))
PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gz": gzip.compress,
    "bz2": bz2.compress,
    "xz": lzma.compress,
    "zst": lambda content: zstandard.ZstdCompressor().compress(content),
}
packers = pytest.mark.parametrize("pack", PACKERS.values(), ids=list(PACKERS))


@packers
def test_what_was_packed_comes_out(pack: Callable[[bytes], bytes]) -> None:
    assert unpacked(io.BytesIO(pack(LINES))).read() == LINES


@packers
def test_frames_that_follow_each_other_are_one_content(pack: Callable[[bytes], bytes]) -> None:
    packed = pack(LINES) + pack(b"") + pack(b"the end")

    assert unpacked(io.BytesIO(packed)).read() == LINES + b"the end"


@packers
def test_lines_and_seeking(pack: Callable[[bytes], bytes]) -> None:
    stream = unpacked(io.BytesIO(pack(LINES)))

    assert stream.readline() == b"epoch 0\n"
    stream.seek(300_000)
    assert stream.read(20) == LINES[300_000:300_020]
    assert stream.seek(8) == 8
    assert stream.readline() == b"epoch 1\n"
    assert sum(1 for _ in stream) == 50_000 - 2
    with pytest.raises(io.UnsupportedOperation):
        stream.seek(0, io.SEEK_END)


@packers
@pytest.mark.parametrize("share", [0.2, 0.5, 0.99])
def test_a_cut_file_is_malformed(pack: Callable[[bytes], bytes], share: float) -> None:
    packed = pack(LINES)

    with pytest.raises(MalformedSourceError, match="end"):
        source(packed[: int(len(packed) * share)]).read_bytes()


@packers
def test_a_damaged_file_is_malformed(pack: Callable[[bytes], bytes]) -> None:
    packed = bytearray(pack(LINES))
    for place in range(20, len(packed), 50):
        packed[place] ^= 0xFF

    with pytest.raises(MalformedSourceError):
        source(bytes(packed)).read_bytes()


@packers
def test_a_bomb_is_refused(pack: Callable[[bytes], bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packing, "SUSPICIOUS_BYTES", 2**20)
    stream = unpacked(io.BytesIO(pack(b"0" * 2**25)))

    with pytest.raises(PackedError, match="more than 200 times its size"):
        while stream.read(2**16):
            pass
    assert stream.raw.tell() < 2**24  # type: ignore[attr-defined]


def test_zstandard_gives_no_more_at_once_than_a_piece_holds() -> None:
    packed = zstandard.ZstdCompressor().compress(b"0" * 2**28)
    stream = packing._open_zstandard(io.BytesIO(packed))
    assert isinstance(stream, packing._Frames)
    largest = 0
    while stream.read(2**16):
        largest = max(largest, len(stream._ready.getbuffer()))

    assert largest <= packing._PIECE // 4 * 2**17


def test_a_window_that_no_memory_should_hold_is_refused() -> None:
    parameters = zstandard.ZstdCompressionParameters(window_log=29, compression_level=1)
    packer = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    packed = packer.compress(LINES) + packer.flush()

    with pytest.raises(PackedError, match="memory"):
        unpacked(io.BytesIO(packed)).read()


@pytest.mark.parametrize(("kind", "module"), [("xz", "lzma"), ("bz2", "bz2"), ("zst", "zstandard")])
def test_a_python_without_the_module_says_so(
    kind: str, module: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    packed = PACKERS[kind](LINES)
    monkeypatch.setitem(sys.modules, module, None)

    with pytest.raises(MalformedSourceError, match="this Python cannot unpack it"):
        source(packed).read_bytes()


def test_padding_after_the_content_is_none() -> None:
    assert unpacked(io.BytesIO(lzma.compress(b"x") + b"\0" * 8)).read() == b"x"


def test_plain_bytes_are_left_alone() -> None:
    raw = io.BytesIO(LINES)

    assert unpacked(raw) is raw
    assert raw.read() == LINES


@pytest.mark.parametrize(
    ("name", "bare"),
    [
        ("a.json.gz", "a.json"),
        ("a.csv.BZ2", "a.csv"),
        ("a.jsonl.xz", "a.jsonl"),
        ("a.zst", "a"),
        ("a.json", "a.json"),
        (".gz", ".gz"),
        ("", ""),
    ],
)
def test_the_name_without_its_compression(name: str, bare: str) -> None:
    assert unpacked_name(name) == bare
