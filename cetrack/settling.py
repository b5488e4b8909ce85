"""Which of the files that change have come to rest. Knows no database and no format.

A file is written for a while, and what is read of it in the meantime is half of it. So a change is
only noted; the file is due when size and time have been the same for a moment. A log may be written
to all the time: it is due now and then, for its whole lines.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, NamedTuple

from cetrack import names
from cetrack.packing import unpacked_name
from cetrack.readers.source import Source

PATIENCE = 5  # so many moments of rest leave no doubt
_HEAD = 1024
_TAIL = 1 << 20
_LINES = frozenset({".csv", ".tsv", ".jsonl", ".log", ".txt"})
State = tuple[int, int, int]


class Due(NamedTuple):
    """A file to read; ``is_sure`` that nobody writes to it, ``is_restless`` that somebody does."""

    path: Path
    state: State
    is_sure: bool
    is_restless: bool


@dataclass(slots=True)
class _Waiting:
    state: State
    since: float  # when it was last seen to change
    first: float  # when it was first seen to change
    needed_s: float


class Settling:
    """Files between their change and their coming to rest; ``settle_s`` is the moment."""

    def __init__(self, settle_s: float) -> None:
        self._settle_s = settle_s
        self._patience_s = PATIENCE * settle_s
        self._waiting: dict[Path, _Waiting] = {}
        self._handed: dict[Path, State] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def __contains__(self, path: Path) -> bool:
        return path in self._waiting

    def note(self, path: Path, now: float, *, age_s: float = 0.0) -> None:
        """A file may have changed, ``age_s`` ago: unless it is as it was handed over, it waits."""
        state = _state(path)
        if state is None:
            self._handed.pop(path, None)
        elif state != self._handed.get(path) and path not in self._waiting:
            self._waiting[path] = _Waiting(state, now - age_s, now, self._needed_s(path, state))

    def due(self, now: float) -> list[Due]:
        """The files that have come to rest, and those that do not but have waited for long."""
        found: list[Due] = []
        for path, item in list(self._waiting.items()):
            state = _state(path)
            if state is None:  # deleted, or renamed: its new name is noted itself
                del self._waiting[path]
            elif state != item.state:
                item.state, item.since = state, now
                item.needed_s = self._needed_s(path, state)
                if now - item.first >= self._patience_s:
                    item.first = now
                    found.append(Due(path, state, is_sure=False, is_restless=True))
            elif now - item.since >= item.needed_s:
                del self._waiting[path]
                self._handed[path] = state
                is_sure = now - item.since >= self._patience_s
                found.append(Due(path, state, is_sure=is_sure, is_restless=False))
        return found

    def doubt(self, item: Due, now: float) -> bool:
        """Take back a file that made no sense, where it may still be written; True if so."""
        state = _state(item.path)
        if item.is_restless or state is None:
            return True
        if item.is_sure and state == item.state:
            return False
        self._handed.pop(item.path, None)
        since = now if state != item.state else now - self._settle_s
        self._waiting[item.path] = _Waiting(state, since, now, self._patience_s)
        return True

    def again(self, items: Iterable[Due], now: float) -> None:
        """Take back files that could not be stored: they are due at once, as sure as they were."""
        for item in items:
            self._handed.pop(item.path, None)
            age_s = self._patience_s if item.is_sure else self._settle_s
            self._waiting.setdefault(
                item.path, _Waiting(item.state, now - age_s, now, self._settle_s)
            )

    def _needed_s(self, path: Path, state: State) -> float:
        """Lines without an end are rather unfinished."""
        unfinished = names.suffix(path.name) in _LINES and not _is_ended(path, state[0])
        return self._patience_s if unfinished else self._settle_s


def _state(path: Path) -> State | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_size, found.st_mtime_ns, found.st_ino


def _is_ended(path: Path, size: int) -> bool:
    """True unless the last byte is in the middle of a line of text."""
    try:
        with path.open("rb") as stream:
            stream.seek(max(size - 1, 0))
            last = stream.read(1)
    except OSError:
        return True
    return last in (b"", b"\n", b"\r", b"}", b"]", b"\0")


@dataclass(frozen=True, eq=False)
class LinesSoFar(Source):
    """A file that is being written, up to ``end``, where its last whole line ends."""

    end: int = field(kw_only=True)

    @property
    def size_bytes(self) -> int:
        """See :class:`Source`."""
        return self.end

    def _lying(self) -> IO[bytes]:
        assert self.path is not None, "a log is a file"
        raw = io.FileIO(self.path)
        return io.BufferedReader(_Begin(raw, self.end))


class _Begin(io.RawIOBase):
    """The first ``end`` bytes of a file."""

    def __init__(self, raw: io.FileIO, end: int) -> None:
        self._raw = raw
        self._end = end

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        if whence == io.SEEK_END:
            return self._raw.seek(self._end + offset)
        return self._raw.seek(offset, whence)

    def readinto(self, buffer: Any) -> int:
        room = max(self._end - self._raw.tell(), 0)
        return self._raw.readinto(memoryview(buffer)[:room]) or 0

    def close(self) -> None:
        self._raw.close()
        super().close()


def lines_so_far(source: Source) -> LinesSoFar | None:
    """What can be read of a file that is being written: whole lines, records of a binary log.

    None where there is nothing, and for documents, which are nothing before their end.
    """
    assert source.path is not None, "a log is a file"
    try:
        with source.path.open("rb") as stream:
            end = _readable(stream, source.path.name)
    except OSError:
        return None
    if not end:
        return None
    return LinesSoFar(source.uri, path=source.path, inner=source.inner, found=source.found, end=end)


def _readable(stream: IO[bytes], name: str) -> int:
    """How many of the first bytes of a file can be read already."""
    if names.is_archive_name(name) or unpacked_name(name) != name:
        return 0
    is_binary = b"\0" in stream.read(_HEAD)
    size = stream.seek(0, os.SEEK_END)
    if is_binary:
        return size
    if names.suffix(name) not in _LINES:
        return 0
    start = stream.seek(max(size - _TAIL, 0))
    last = stream.read(_TAIL).rfind(b"\n")
    return start + last + 1 if last >= 0 else 0
