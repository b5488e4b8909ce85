"""A source as readers see it: bytes, its first part, and what can be told from them once.

Knows files, JSON and YAML text; knows no format.
"""

from __future__ import annotations

import glob
import hashlib
import io
import os
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path, PurePath
from typing import IO, TYPE_CHECKING, Any, NamedTuple, Protocol

from cetrack.errors import MalformedSourceError, ReadError
from cetrack.packing import PackedError, unpacked, unpacked_name
from cetrack.readers.json_text import JsonText, parse_json
from cetrack.readers.yaml_text import parse_yaml

if TYPE_CHECKING:
    from cetrack.readers.tables import Tables

HEAD_BYTES = 65_536
MAX_DOCUMENT_BYTES = 512 * 2**20
MAX_LINE_BYTES = 256 * 2**20
UTF8_MARK = b"\xef\xbb\xbf"
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
_GLOB_CHARACTERS = frozenset("*?[")
_BLOCK = 1 << 20
_SMALL_BYTES = 1 << 20


class Commit(NamedTuple):
    """A commit that a source was read from: its full hash, and when it was made."""

    id: str
    time: datetime


class Server(Protocol):
    """A database server that other tools store their runs on."""

    def opened(self) -> AbstractContextManager[Tables]:
        """Its tables as they are now, for reading only. Raises ReadError."""


@dataclass(frozen=True, eq=False)
class Source:
    """One file or stream to ingest.

    ``uri`` is the path as it was named; ``inner`` the part of it below the folder that
    was named on the command line. ``content`` holds a stream that has no file. ``found`` says
    that nobody named the file itself: it was met in a folder.
    """

    uri: str
    path: Path | None = None
    inner: PurePath = field(default_factory=PurePath)
    content: bytes | None = None
    found: bool = False

    @property
    def key(self) -> str:
        """What the source is stored under: the absolute path, ``-`` for a stream."""
        return self.uri if self.path is None else Path(self.path).absolute().as_posix()

    @property
    def location(self) -> PurePath | None:
        """Where it lies, or lay, as a path that may tell about its runs; None for a stream."""
        return None if self.path is None else PurePath(self.key)

    @property
    def commit(self) -> Commit | None:
        """The commit that it was read from, None for a file that simply lies there."""
        return None

    @property
    def server(self) -> Server | None:
        """The database server that it is; None for what consists of bytes."""
        return None

    def open(self) -> AbstractContextManager[IO[bytes]]:
        """The text, unpacked, as UTF-8 where it begins with the byte-order mark of UTF-16.

        Raises ReadError when it cannot be had.
        """
        return self._opened(is_text=True)

    def open_binary(self) -> AbstractContextManager[IO[bytes]]:
        """The bytes, unpacked and otherwise as they are. Raises ReadError."""
        return self._opened(is_text=False)

    @contextmanager
    def _opened(self, *, is_text: bool) -> Iterator[IO[bytes]]:
        try:
            with self._raw() as raw:
                stream = unpacked(raw)
                yield _as_utf8(stream, self.uri) if is_text else stream
        except PackedError as error:
            raise MalformedSourceError(self.uri, error.kind, error.problem) from error
        except OSError as error:
            raise ReadError(self.uri, f"cannot be read: {error.strerror or error}") from error

    def _raw(self) -> IO[bytes]:
        if self._held is not None:
            return io.BytesIO(self._held)
        return self._lying()

    def _lying(self) -> IO[bytes]:
        """The bytes as they lie there."""
        assert self.path is not None, "a source has a path or its content"
        return self.path.open("rb")

    @cached_property
    def _held(self) -> bytes | None:
        """The content of a stream or of a small file, which is read once and so cannot change
        between its hash and its parsing; None for a large one."""
        if self.content is not None or self.size_bytes > _SMALL_BYTES:
            return self.content
        with self._lying() as stream:
            return stream.read()

    @cached_property
    def head(self) -> bytes:
        """The first 64 KiB, unpacked, without a byte-order mark."""
        with self.open() as stream:
            return stream.read(HEAD_BYTES).removeprefix(UTF8_MARK)

    def read_bytes(self) -> bytes:
        """Everything, unpacked, without a byte-order mark; refuses what no memory should hold."""
        with self.open() as stream:
            content = stream.read(MAX_DOCUMENT_BYTES + 1)
        if len(content) > MAX_DOCUMENT_BYTES:
            raise ReadError(
                self.uri,
                f"larger than {MAX_DOCUMENT_BYTES // 2**20} MiB as one document",
                hint="write one JSON object per line (JSONL), or CSV: they are read in parts",
            )
        return content.removeprefix(UTF8_MARK)

    @property
    def json(self) -> JsonText:
        """The whole content as JSON. Raises MalformedSourceError with the byte of the problem."""
        if isinstance(self._parsed, ReadError):
            raise self._parsed
        return self._parsed

    @cached_property
    def _parsed(self) -> JsonText | ReadError:
        """Kept also where it fails: every reader asks."""
        if self.first_object is not None:  # JSONL, which may be large, is no document
            return MalformedSourceError(self.uri, "line 2", "invalid JSON: Extra data")
        try:
            return parse_json(self.read_bytes(), self.uri)
        except ReadError as error:
            return error

    @property
    def yaml(self) -> Any:
        """The whole content as YAML: mappings, lists, text and numbers. Raises ReadError."""
        if isinstance(self._yaml, ReadError):
            raise self._yaml
        return self._yaml

    @cached_property
    def _yaml(self) -> Any:
        try:
            return parse_yaml(self.read_bytes(), self.uri)
        except ReadError as error:
            return error

    @cached_property
    def first_object(self) -> Any:
        """The first line as a JSON object where more lines follow (JSONL), else None."""
        if not self.head.lstrip().startswith(b"{"):
            return None
        with self.open() as stream:
            line = stream.readline(MAX_LINE_BYTES).removeprefix(UTF8_MARK)
            while line and not line.strip():
                line = stream.readline(MAX_LINE_BYTES)
            if not line.rstrip().endswith(b"}") or not stream.read(HEAD_BYTES).strip():
                return None
        try:
            return parse_json(line, self.uri).value
        except ReadError:
            return None

    @property
    def looks_like_json(self) -> bool:
        """True when the first character is one that a JSON document begins with."""
        return self.head.lstrip()[:1] in (b"{", b"[")

    @property
    def is_text(self) -> bool:
        """True when the head has no byte that text never has."""
        return b"\0" not in self.head

    @cached_property
    def json_keys(self) -> frozenset[str]:
        """The keys of a JSON object, which is the whole content or its first line (JSONL); else
        none. Costs reading the document once, for all who ask."""
        if not self.head.lstrip().startswith(b"{"):
            return frozenset()
        first = self.first_object
        if first is None and not isinstance(self._parsed, ReadError):
            first = self._parsed.value
        return frozenset(first) if isinstance(first, dict) else frozenset()

    def companion(self, name: str) -> Source | None:
        """The file of that name in the same folder; ``../meta.yaml`` may lie above it."""
        if self.path is None:
            return None
        path = self.path.parent / name
        return self._neighbour(path, name) if path.is_file() else None

    def companions(self, pattern: str) -> list[Source]:
        """The other files beside this one that match a glob (``metrics/**/*``), in order.

        ``{stem}`` in it is the name of this one without its last suffix.
        """
        pattern = pattern.replace("{stem}", glob.escape(PurePath(self.name).stem))
        if pattern.startswith("../") or not _GLOB_CHARACTERS & set(pattern):
            one = self.companion(pattern)
            return [one] if one is not None and one.path != self.path else []
        if self.path is None:
            return []
        folder = self.path.parent
        found = sorted(path for path in folder.glob(pattern) if path.is_file())
        names = ((path, path.relative_to(folder).as_posix()) for path in found)
        return [self._neighbour(path, name) for path, name in names if path != self.path]

    def _neighbour(self, path: Path, name: str) -> Source:
        inner = self.inner.parent / name
        return replace(self, uri=str(PurePath(self.uri).parent / name), path=path, inner=inner)

    def digest(self, patterns: Iterable[str] = ()) -> str:
        """The hash of the content, and of its companions that match where there are any."""
        beside = [item for each in patterns for item in self.companions(each)]
        if not beside or self.location is None:
            return self.sha256
        folder = self.location.parent
        # relative: the same wherever the folder lies, and whichever folder above it was named
        named = {os.path.relpath(item.location or folder, folder): item for item in beside}
        whole = hashlib.sha256(self.sha256.encode())
        for name, item in sorted(named.items()):
            whole.update(f"\n{name}\0{item.sha256}".encode("utf-8", "surrogateescape"))
        return whole.hexdigest()

    @cached_property
    def sha256(self) -> str:
        """The hash of the bytes as they lie there, packed or not."""
        hashed = hashlib.sha256()
        try:
            with self._raw() as raw:
                while block := raw.read(_BLOCK):
                    hashed.update(block)
        except OSError as error:
            raise ReadError(self.uri, f"cannot be read: {error.strerror or error}") from error
        return hashed.hexdigest()

    @cached_property
    def size_bytes(self) -> int:
        """Size as it lies there."""
        if self.content is not None:
            return len(self.content)
        return self._status.st_size if self._status else 0

    @cached_property
    def mtime(self) -> datetime | None:
        """When the file was last written; None for a stream, and where the calendar has no date."""
        try:
            return datetime.fromtimestamp(self._status.st_mtime, UTC) if self._status else None
        except (OverflowError, ValueError, OSError):
            return None

    @cached_property
    def _status(self) -> os.stat_result | None:
        try:
            return self.path.stat() if self.path else None
        except OSError as error:
            raise ReadError(self.uri, f"cannot be read: {error.strerror or error}") from error

    @cached_property
    def name(self) -> str:
        """The file's name without ``.gz`` or another suffix of packed files."""
        return unpacked_name(PurePath(self.uri.replace("\\", "/")).name)


def _as_utf8(stream: IO[bytes], uri: str) -> IO[bytes]:
    """The stream; one in UTF-16, as the shell of Windows writes it, in UTF-8."""
    mark = stream.read(2)
    stream.seek(0)
    if mark not in _UTF16_MARKS:
        return stream
    content = stream.read(MAX_DOCUMENT_BYTES + 1)
    if len(content) > MAX_DOCUMENT_BYTES:
        limit = f"larger than {MAX_DOCUMENT_BYTES // 2**20} MiB as UTF-16"
        raise ReadError(uri, limit, hint="save it as UTF-8")
    try:
        return io.BytesIO(content.decode("utf-16").encode("utf-8", "surrogatepass"))
    except UnicodeDecodeError as error:
        raise MalformedSourceError(uri, f"byte {error.start}", "not UTF-16 text") from error
