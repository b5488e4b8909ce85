"""Archives of result files: zip and tar, the latter packed in any way.

The members that a reader may know, and what may lie beside them, are unpacked into a temporary
folder under numbers for names, so that no member decides where it is written. All of them or none:
what is dangerous, too large or damaged refuses the archive as a whole. Limits bound disk and memory
whatever the archive says about itself.
"""

from __future__ import annotations

import json
import os
import stat
import struct
import sys
import tarfile
import tempfile
import zipfile
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property, lru_cache
from pathlib import Path, PurePath
from typing import IO, Any, NamedTuple

from cetrack import names
from cetrack.errors import ReadError, UnknownFormatError
from cetrack.inside import Refused, inside
from cetrack.mappings import Format
from cetrack.packing import MAX_RATIO, SUSPICIOUS_BYTES, PackedError, unpacked
from cetrack.readers.source import Commit, Source

MAX_MEMBERS = 100_000
MAX_BYTES = 4 * 2**30
MAX_DIRECTORY_BYTES = 64 * 2**20  # of the list of members of a zip
_MAX_HEADER = 16 * 2**20  # of a member of a tar: names and attributes
_BLOCK = 1 << 20
_INDEX = "index.json"
_TAR_BLOCK = 512
_FAILURES = (
    PackedError, OSError, tarfile.TarError, zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error,
    EOFError, NotImplementedError, RuntimeError, ValueError, struct.error,
)  # fmt: skip


def is_archive(path: Path) -> bool:
    """True for a file whose content is that of an archive; False also where it cannot be read.

    A suffix that a reader has goes before: some formats are zip files inside.
    """
    if names.suffix(path.name) in names.reader_suffixes():
        return False
    try:
        with path.open("rb") as raw:
            if raw.read(4) in (b"PK\3\4", b"PK\5\6"):
                return True
            raw.seek(0)
            begin = unpacked(raw).read(_TAR_BLOCK)
        tarfile.TarInfo.frombuf(begin, "utf-8", "surrogateescape")
    except PackedError:
        return names.is_archive_name(path.name)  # a damaged one
    except (OSError, tarfile.TarError):
        return False
    return True


class Archive:
    """An archive as an origin of sources; ``inner`` is what the user named of its path."""

    is_shared = False  # what it is unpacked to lies on this machine
    remarks: tuple[str, ...] = ()

    def __init__(self, source: Source, formats: tuple[Format, ...] = ()) -> None:
        assert source.path is not None, "an archive is a file"
        self._formats = formats
        self._source = source
        self._path = source.path

    def __len__(self) -> int:
        return 1

    @contextmanager
    def opened(self) -> Iterator[Sequence[Source]]:
        """See :class:`~cetrack.inside.Origin`; an archive that is refused is one such source."""
        with tempfile.TemporaryDirectory(prefix="cetrack-") as folder:
            yield self._sources(Path(folder))

    def _sources(self, folder: Path) -> list[Source]:
        try:
            unpacking = _Unpacking(folder, self._path)
            unpacking.run()
        except _RefusedError as error:
            return [self._refused(error.problem, error.hint)]
        except _failures() as error:
            said = getattr(error, "strerror", None) or str(error) or type(error).__name__
            return [self._refused(f"the archive cannot be read: {said}")]
        unpacking.write_index(self._source)
        tree = unpacked_tree(str(folder))
        is_wanted = names.wanted(self._formats)
        below = self._source.inner.parent / names.archive_stem(self._path.name)
        found: dict[str, Source] = {
            place: inside(tree, place, below=below)
            for place in unpacking.members
            if is_wanted(PurePath(place).name)
        }
        for place, problem, hint in unpacking.left_out:
            path = Path(tree.key(place))
            found[place] = Refused(tree.uri(place), path=path, problem=problem, hint=hint)
        if not found:
            problem = "an archive without a file that a reader may know"
            return [self._refused(problem, kind=UnknownFormatError)]
        return [found[place] for place in sorted(found)]

    def _refused(
        self, problem: str, hint: str | None = None, kind: type[ReadError] = ReadError
    ) -> Source:
        source = self._source
        return Refused(
            source.uri, path=self._path, found=source.found, problem=problem, hint=hint, kind=kind
        )


def _failures() -> tuple[type[Exception], ...]:
    """What reading a damaged archive may raise; not every Python has lzma."""
    lzma = sys.modules.get("lzma")
    return _FAILURES if lzma is None else (*_FAILURES, lzma.LZMAError)


class _RefusedError(Exception):
    """Why an archive is not taken."""

    def __init__(self, problem: str, hint: str | None = None) -> None:
        super().__init__(problem)
        self.problem = problem
        self.hint = hint


class _Member(NamedTuple):
    """What an archive says about one of its members; ``kind`` is blank for a file."""

    name: str
    kind: str
    mtime: float | None
    is_encrypted: bool
    open: Callable[[], IO[bytes] | None]


class _Left(NamedTuple):
    place: str
    problem: str
    hint: str | None


class _Unpacking:
    """Writes the members of one archive into a folder; keeps count of what they come to."""

    def __init__(self, folder: Path, path: Path) -> None:
        self.members: dict[str, tuple[str, int, float | None]] = {}
        self.left_out: list[_Left] = []
        self._folder = folder
        self._path = path
        self._packed = path.stat().st_size
        self._bytes = self._count = 0
        self._is_wanted, self._is_beside = names.wanted(), names.beside()

    def run(self) -> None:
        """Unpack all. Raises _RefusedError, and what the modules for archives raise."""
        for member in _members(self._path):
            self._count += 1
            if self._count > MAX_MEMBERS:
                raise _RefusedError(
                    f"an archive of more than {MAX_MEMBERS:,} members", "unpack it first"
                )
            place = _place(member.name)
            if all(map(names.is_open, place.split("/"))):
                self._take(member, place)

    def _take(self, member: _Member, place: str) -> None:
        name = place.rpartition("/")[2]
        if names.is_archive_name(name) and not member.kind:
            advice = "unpack it, and ingest what it holds"
            self.left_out.append(_Left(place, "an archive in an archive is not opened", advice))
        elif not (self._is_wanted(name) or self._is_beside(place)) or member.kind == "folder":
            return
        elif member.kind:
            hint = "ingest the file that it leads to" if member.kind == "link" else None
            self.left_out.append(_Left(place, f"a {member.kind} in an archive, no file", hint))
        elif member.is_encrypted:
            raise _RefusedError(f"encrypted, as is {place}", "unpack it with its password first")
        else:
            self._write(member, place)

    def _write(self, member: _Member, place: str) -> None:
        number = str(self._count)
        stream = member.open()
        if stream is None:
            return
        size = 0
        with stream, (self._folder / number).open("wb") as target:
            while block := stream.read(_BLOCK):
                size += len(block)
                self._bytes += len(block)
                self._check_amount()
                target.write(block)
        self.members[place] = (number, size, member.mtime)

    def _check_amount(self) -> None:
        if self._bytes > MAX_BYTES:
            raise _RefusedError(
                f"unpacks to more than {MAX_BYTES // 2**20:,} MiB", "unpack it first"
            )
        if self._bytes > max(SUSPICIOUS_BYTES, self._packed * MAX_RATIO):
            raise _RefusedError(
                f"unpacks to more than {MAX_RATIO} times its size: refused as a decompression bomb"
            )

    def write_index(self, source: Source) -> None:
        """Leave beside the members what their tree is made of."""
        index = {"uri": source.uri, "key": source.key, "members": self.members}
        (self._folder / _INDEX).write_text(json.dumps(index), encoding="utf-8")


def _place(name: str) -> str:
    """The path of a member from the root of its archive.

    Raises _RefusedError for one that would leave it.
    """
    slashed = names.readable(name.replace("\\", "/"))
    parts = [part for part in slashed.split("/") if part not in ("", ".")]
    if slashed.startswith("/") or slashed[1:3] == ":/" or ".." in parts:
        raise _RefusedError(f"refused: the member '{slashed}' would leave the archive's own folder")
    return "/".join(parts)


# --- formats -----------------------------------------------------------------------------------


def _members(path: Path) -> Iterator[_Member]:
    with path.open("rb") as raw:
        is_zip = raw.read(2) == b"PK"
        raw.seek(0)
        if is_zip:
            yield from _zip_members(raw)
        else:
            yield from _tar_members(raw)


def _zip_members(raw: IO[bytes]) -> Iterator[_Member]:
    _check_directory(raw)
    with zipfile.ZipFile(raw) as archive:
        for item in archive.infolist():
            kind = "folder" if item.is_dir() else _kind(item.external_attr >> 16)
            yield _Member(
                item.filename,
                kind,
                _zip_time(item),
                bool(item.flag_bits & 1),
                lambda item=item: archive.open(item),  # type: ignore[misc]
            )


_END = struct.Struct("<4s4H2LH")
_END_64 = struct.Struct("<4sQ2H2L4Q")


def _check_directory(raw: IO[bytes]) -> None:
    """Refuse a list of members that is too long before it is read into memory."""
    size = raw.seek(0, os.SEEK_END)
    start = max(size - 2**16 - _END.size, 0)
    raw.seek(start)
    tail = raw.read()
    at = tail.rfind(b"PK\5\6")
    if at >= 0 and len(tail) >= at + _END.size:
        stated = _END.unpack_from(tail, at)[5]
        locator = tail[at - 20 : at] if at >= 20 else b""
        if locator.startswith(b"PK\6\7"):
            raw.seek(min(struct.unpack_from("<Q", locator, 8)[0], size))
            record = raw.read(_END_64.size)
            if len(record) == _END_64.size:
                stated = _END_64.unpack(record)[8]
        if min(stated, size) > MAX_DIRECTORY_BYTES:
            raise _RefusedError(
                f"a list of members of more than {MAX_DIRECTORY_BYTES // 2**20} MiB",
                "unpack it first",
            )
    raw.seek(0)


def _zip_time(item: zipfile.ZipInfo) -> float | None:
    """The time in UTC where the member states one, else its clock time taken as UTC: the same on
    every machine."""
    extra = item.extra
    while len(extra) >= 4:
        kind, size = struct.unpack_from("<HH", extra)
        if kind == 0x5455 and size >= 5 and len(extra) >= 9 and extra[4] & 1:
            return float(struct.unpack_from("<i", extra, 5)[0])
        extra = extra[4 + size :]
    try:
        return datetime(*item.date_time, tzinfo=UTC).timestamp()
    except ValueError:
        return None


def _kind(mode: int) -> str:
    kinds = {0: "", stat.S_IFREG: "", stat.S_IFLNK: "link", stat.S_IFDIR: "folder"}
    return kinds.get(stat.S_IFMT(mode), "device")


def _tar_members(raw: IO[bytes]) -> Iterator[_Member]:
    with tarfile.open(fileobj=_Careful(unpacked(raw)), mode="r:") as archive:  # type: ignore[call-overload]
        while (item := archive.next()) is not None:
            archive.members = []  # else all of them are kept
            kind = _tar_kind(item)
            yield _Member(
                item.name,
                kind,
                item.mtime,
                False,
                lambda item=item: archive.extractfile(item),  # type: ignore[misc]
            )


def _tar_kind(item: tarfile.TarInfo) -> str:
    if item.isreg():
        return ""
    if item.isdir():
        return "folder"
    return "link" if item.issym() or item.islnk() else "device"


class _Careful:
    """A stream that gives no more at once than any honest tar asks for."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self.seek, self.tell = stream.seek, stream.tell

    def read(self, size: int = -1) -> bytes:
        if not 0 <= size <= _MAX_HEADER:
            raise tarfile.ReadError(f"a header of more than {_MAX_HEADER // 2**20} MiB")
        return self._stream.read(size)


# --- what was unpacked --------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class ArchiveTree:
    """What was unpacked to ``folder``; goes to another process as the path of that."""

    folder: str

    commit: Commit | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        return unpacked_tree, (self.folder,)

    @cached_property
    def _index(self) -> Mapping[str, Any]:
        text = (Path(self.folder) / _INDEX).read_text(encoding="utf-8")
        found: Mapping[str, Any] = json.loads(text)
        return found

    @cached_property
    def _children(self) -> Mapping[str, Mapping[str, bool]]:
        found: dict[str, dict[str, bool]] = defaultdict(dict)
        for place in self._index["members"]:
            folder, _, name = place.rpartition("/")
            found[folder][name] = False
            while folder:
                folder, _, name = folder.rpartition("/")
                found[folder][name] = True
        return found

    def uri(self, place: str) -> str:
        """See :class:`~cetrack.inside.Tree`."""
        return f"{self._index['uri']}/{place}"

    def key(self, place: str) -> str:
        """See :class:`~cetrack.inside.Tree`."""
        return f"{self._index['key']}/{place}"

    def location(self, place: str) -> PurePath:
        """See :class:`~cetrack.inside.Tree`; as if it were unpacked beside the archive."""
        path = PurePath(self._index["key"])
        return path.parent / names.archive_stem(path.name) / place

    def children(self, folder: str) -> Mapping[str, bool]:
        """See :class:`~cetrack.inside.Tree`."""
        return self._children.get(folder, {})

    def open(self, place: str) -> IO[bytes]:
        """See :class:`~cetrack.inside.Tree`."""
        number: str = self._index["members"][place][0]
        return (Path(self.folder) / number).open("rb")

    def size_bytes(self, place: str) -> int:
        """See :class:`~cetrack.inside.Tree`."""
        return int(self._index["members"][place][1])

    def mtime(self, place: str) -> datetime | None:
        """See :class:`~cetrack.inside.Tree`."""
        seconds = self._index["members"][place][2]
        try:
            return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
        except (OverflowError, ValueError, OSError):
            return None


@lru_cache(maxsize=4)
def unpacked_tree(folder: str) -> ArchiveTree:
    """The tree of an archive that was unpacked to ``folder``; read once in every process."""
    return ArchiveTree(folder)
