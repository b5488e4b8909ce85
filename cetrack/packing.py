"""Compressed bytes as plain ones: gzip, bzip2, xz and Zstandard, told by how they begin.

Memory stays bounded whatever the packed bytes say, and so does what comes out of them: a few bytes
that unpack to gigabytes are refused.
"""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePath
from typing import IO, Any, Protocol

PACKED_SUFFIXES = (".gz", ".bz2", ".xz", ".zst")
MAX_RATIO = 200  # logs of numbers pack to a tenth, endless repetition to a thousandth
SUSPICIOUS_BYTES = 512 * 2**20  # below this much no ratio is asked for
_PIECE = 1024  # of Zstandard, which unpacks a piece in one go: to 32 MiB at the very most
_READ = 1 << 16
_MEMORY = 256 * 2**20
_HEAD = 6


class PackedError(Exception):
    """Bytes that cannot be unpacked: of which ``kind``, and what is wrong with them."""

    def __init__(self, kind: str, problem: str) -> None:
        super().__init__(f"{kind}: {problem}")
        self.kind = kind
        self.problem = problem


def unpacked_name(name: str) -> str:
    """The name of a file without the suffix of its compression."""
    suffix = PurePath(name).suffix
    return name.removesuffix(suffix) if suffix.lower() in PACKED_SUFFIXES else name


def unpacked(raw: IO[bytes]) -> IO[bytes]:
    """A stream of what ``raw`` holds packed; ``raw`` itself where it is not.

    Reading raises PackedError. Closing it leaves ``raw`` open.
    """
    start = raw.tell()
    head = raw.read(_HEAD)
    raw.seek(start)
    kind = next((kind for kind in _KINDS if head.startswith(kind.magic)), None)
    # a buffered reader reads like any binary file
    return raw if kind is None else io.BufferedReader(_Unpacked(raw, kind), _READ)


class _Stream(Protocol):
    def read(self, size: int, /) -> bytes: ...


@dataclass(frozen=True, slots=True)
class _Kind:
    name: str
    magic: bytes
    open: Callable[[IO[bytes]], _Stream]
    errors: Callable[[], tuple[type[Exception], ...]]


class _Unpacked(io.RawIOBase):
    """The unpacked bytes; seeking back begins anew."""

    def __init__(self, raw: IO[bytes], kind: _Kind) -> None:
        self._raw = raw
        self._kind = kind
        self._start = raw.tell()
        self._rewind()

    def _rewind(self) -> None:
        self._raw.seek(self._start)
        try:
            self._stream = self._kind.open(self._raw)
        except ImportError as error:
            raise PackedError(self._kind.name, f"this Python cannot unpack it: {error}") from error
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        if whence == io.SEEK_END:
            raise io.UnsupportedOperation("the end of packed bytes is not known")
        target = offset + (self._position if whence == io.SEEK_CUR else 0)
        if target < self._position:
            self._rewind()
        while self._position < target:
            if not self._next(min(_READ, target - self._position)):
                break
        return self._position

    def readinto(self, buffer: Any) -> int:
        block = self._next(len(buffer))
        buffer[: len(block)] = block
        return len(block)

    def _next(self, size: int) -> bytes:
        try:
            block = self._stream.read(size)
        except self._kind.errors() as error:
            raise PackedError(self._kind.name, str(error)) from error
        self._position += len(block)
        if self._position > SUSPICIOUS_BYTES:
            self._doubt()
        return block

    def _doubt(self) -> None:
        packed = max(self._raw.tell() - self._start, 1)
        if self._position > packed * MAX_RATIO:
            raise PackedError(
                self._kind.name,
                f"unpacks to more than {MAX_RATIO} times its size: refused as a decompression bomb",
            )


class _Frames:
    """Frames that follow each other, unpacked by one decompressor each."""

    def __init__(self, raw: IO[bytes], new: Callable[[], Any], piece: int = _READ) -> None:
        self._raw = raw
        self._new = new
        self._piece = piece
        self._current: Any = None
        self._packed = b""
        self._ready = io.BytesIO()

    def read(self, size: int) -> bytes:
        """At most ``size`` bytes, none at the end. Raises EOFError where a frame is cut short."""
        while not (block := self._ready.read(size)):
            if not self._advance(size):
                return b""
        return block

    def _advance(self, size: int) -> bool:
        if self._current is not None and self._current.eof:
            self._packed = self._current.unused_data + self._packed
            self._current = None
        if not self._packed and getattr(self._current, "needs_input", True):
            self._packed = self._raw.read(self._piece)
            if not self._packed:
                if self._current is None:
                    return False
                raise EOFError("the file ends before the end of its content")
        if self._current is None:
            self._packed = self._packed.lstrip(b"\0")  # padding between frames
            self._current = self._new() if self._packed else None
            if self._current is None:
                return True
        piece, self._packed = self._packed[: self._piece], self._packed[self._piece :]
        self._ready = io.BytesIO(self._current.decompress(piece, size))
        return True


class _Zstandard:
    """A decompressor with the methods of those of the standard library."""

    def __init__(self, wrapped: Any) -> None:
        self._wrapped = wrapped

    @property
    def eof(self) -> bool:
        return bool(self._wrapped.eof)

    @property
    def unused_data(self) -> bytes:
        return bytes(self._wrapped.unused_data)

    def decompress(self, packed: bytes, size: int) -> bytes:
        """All that ``packed`` gives, whatever ``size`` says."""
        return bytes(self._wrapped.decompress(packed))


# modules are imported where something is packed with them: not every Python has them all


def _open_bzip2(raw: IO[bytes]) -> _Stream:
    from bz2 import BZ2Decompressor

    return _Frames(raw, BZ2Decompressor)


def _open_xz(raw: IO[bytes]) -> _Stream:
    from lzma import LZMADecompressor

    return _Frames(raw, lambda: LZMADecompressor(memlimit=_MEMORY))


def _open_zstandard(raw: IO[bytes]) -> _Stream:
    from zstandard import ZstdDecompressor

    unpacker = ZstdDecompressor(max_window_size=_MEMORY // 2)
    return _Frames(raw, lambda: _Zstandard(unpacker.decompressobj()), _PIECE)


def _xz_errors() -> tuple[type[Exception], ...]:
    from lzma import LZMAError

    return LZMAError, EOFError


def _zstandard_errors() -> tuple[type[Exception], ...]:
    from zstandard import ZstdError

    return ZstdError, EOFError


_KINDS = (
    _Kind(
        "gzip",
        b"\x1f\x8b",
        lambda raw: gzip.GzipFile(fileobj=raw),
        lambda: (gzip.BadGzipFile, EOFError, zlib.error),
    ),
    _Kind("bzip2", b"BZh", _open_bzip2, lambda: (OSError, EOFError, ValueError)),
    _Kind("xz", b"\xfd7zXZ\0", _open_xz, _xz_errors),
    _Kind("zstd", b"\x28\xb5\x2f\xfd", _open_zstandard, _zstandard_errors),
)
