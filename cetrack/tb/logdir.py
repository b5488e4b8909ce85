"""A folder of event files that is ours to rewrite, and only then.

Knows files, not what is in them. ``.cetrack-export.json`` lists every file that was written, with
its sha256 and a stamp of what it was made of. A folder with other content and without that marker
is refused; a file that the marker does not list is never deleted; links inside the folder are not
followed. A file whose stamp is still right need not be made again. The marker is written before
the first file, and says which ones are about to change, so that an export which was interrupted
can be repeated.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import Any, Self

import orjson

from cetrack.errors import OutputError
from cetrack.logdirs import MARKER, PREFIX, SUFFIX
from cetrack.tb.events import EventFile
from cetrack.tb.folder import Folder, Written, explained, has_content, plain, written

FORMAT = 2

_OTHER_FOLDER = "choose a new or empty folder, or one that cetrack export-tb has written"
_KINDS: Mapping[str, Any] = {
    "sha256": str,
    "size": int,
    "stamp": str | None,
    "scalars": int,
    "beyond_float32": int,
}

_Listed = dict[str, Written | None]  # None: about to be written


class Logdir:
    """One export into one folder.

    ``claim`` the files that will be written and write them, ``keep`` the others, then ``finish``.
    ``scalars`` and ``beyond_float32`` count what they all hold.
    """

    def __init__(self, root: Path, listed: _Listed, *, marked_at_ns: int = 0) -> None:
        self.root = root
        self.folder = Folder(root)
        self.unchanged = 0
        self.removed = 0
        self._listed = listed
        self._marked_at_ns = marked_at_ns
        self._written: dict[str, Written] = {}

    @classmethod
    def open(cls, root: Path) -> Self:
        """The folder at ``root``, made if it is missing.

        Raises OutputError when it is a file, cannot be written, or holds somebody else's files.
        """
        with explained(root):
            if root.exists() and not root.is_dir():
                raise OutputError(f"{root}: is a file, not a folder", hint=_OTHER_FOLDER)
            root.mkdir(parents=True, exist_ok=True)
            found = [path.name for path in root.iterdir() if not _is_leftover(path.name)]
            if not found:
                return cls(root, {})
            if MARKER not in found:
                raise OutputError(
                    f"{root}: is not empty and was not written by cetrack", hint=_OTHER_FOLDER
                )
            marker = root / MARKER
            return cls(root, _read_marker(marker), marked_at_ns=marker.stat().st_mtime_ns)

    @property
    def files(self) -> int:
        """How many files there will be."""
        return len(self._written)

    @property
    def scalars(self) -> int:
        """How many points they hold."""
        return sum(file.scalars for file in self._written.values())

    @property
    def beyond_float32(self) -> int:
        """How many of them became ±Inf."""
        return sum(file.beyond_float32 for file in self._written.values())

    def listed(self, paths: Iterable[str]) -> list[str]:
        """Those of ``paths`` that the last export has written, or was about to write."""
        return [path for path in paths if path in self._listed]

    def is_current(self, path: str, stamp: str | None) -> bool:
        """True when the file is there as it was written, made of just what ``stamp`` stands for.

        Its content is looked at only where it is younger than the marker, which is written last.
        """
        entry = self._listed.get(path)
        if entry is None or stamp is None or entry.stamp != stamp:
            return False
        target = f"{self.root}/{path}"
        with explained(self.root):
            self.folder.require_plain(path)
            found = plain(target)
            if found is None or found.st_size != entry.size:
                return False
            if found.st_mtime_ns <= self._marked_at_ns:
                return True
            return has_content(target, size=entry.size, sha256=entry.sha256)

    def keep(self, path: str) -> Written:
        """Leave a file that is current as it is; what is known of it."""
        entry = self._listed[path]
        assert entry is not None, "current first"
        self.note(entry)
        return entry

    def claim(self, paths: Iterable[str]) -> None:
        """Say which files are about to be written: they are ours, and their stamps void."""
        void: _Listed = {
            path: None
            for path in paths
            if path not in self._listed or getattr(self._listed[path], "stamp", None) is not None
        }
        if void or not self._listed:
            self._listed |= void
            self._write_marker(self._listed)

    @contextmanager
    def event_file(
        self, path: str, *, started_at: float, stamp: str | None = None
    ) -> Iterator[EventFile]:
        """A new event file at ``path``, claimed before; it appears at the end of the block."""
        with self.folder.event_file(path, started_at=started_at) as event_file:
            yield event_file
            assert path in self._listed, "claimed first"
        self.note(written(path, event_file, stamp=stamp))

    def note(self, file: Written) -> None:
        """Take note of a file that is as it should be."""
        self._written[file.path] = file
        self.unchanged += file.unchanged

    def finish(self) -> None:
        """Remove listed files that were not written this time, then list what there is."""
        with explained(self.root):
            for path in sorted(self._listed.keys() - self._written.keys()):
                self._remove(path)
        self._write_marker(self._written)

    def _remove(self, path: str) -> None:
        target = self.root / path
        self.folder.require_plain(path)
        if target.is_symlink() or target.exists():
            target.unlink()
            self.removed += 1
        with suppress(OSError):  # the first folder that still holds something ends it
            for folder in list(target.parents)[: len(PurePosixPath(path).parents) - 1]:
                folder.rmdir()

    def _write_marker(self, files: Mapping[str, Written | None]) -> None:
        marker = self.root / MARKER
        listed = {path: _entry(file) for path, file in files.items()}
        content = orjson.dumps(
            {"files": listed, "format": FORMAT},
            option=orjson.OPT_SORT_KEYS | orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE,
        )
        partial = self.root / f".cetrack-{os.getpid()}.partial"
        with explained(marker):
            found = plain(marker)
            if found and found.st_size == len(content) and marker.read_bytes() == content:
                return
            partial.write_bytes(content)
            partial.replace(marker)


def _entry(file: Written | None) -> dict[str, Any] | None:
    return None if file is None else {name: getattr(file, name) for name in _KINDS}


def _read_marker(marker: Path) -> _Listed:
    """The files that the marker lists; OutputError when it is not one that cetrack has written."""
    broken = OutputError(f"{marker}: cannot be understood", hint=_OTHER_FOLDER)
    try:
        content = orjson.loads(marker.read_bytes())
        files, version = dict(content["files"]), content["format"]
    except (ValueError, TypeError, KeyError, RecursionError):
        raise broken from None
    if version not in (1, FORMAT):
        raise OutputError(
            f"{marker}: written by another version of cetrack (format {version!r})",
            hint=_OTHER_FOLDER,
        )
    if marker.is_symlink() or not all(_is_ours(path) for path in files):
        raise broken
    if version == 1:  # no stamps: everything is made again
        return dict.fromkeys(files)
    try:
        return {path: _listed_file(path, entry) for path, entry in files.items()}
    except (TypeError, KeyError):
        raise broken from None


def _listed_file(path: str, entry: Any) -> Written | None:
    if entry is None:
        return None
    if not all(isinstance(entry[name], kind) for name, kind in _KINDS.items()):
        raise TypeError(path)
    return Written(path=path, **{name: entry[name] for name in _KINDS})


def _is_ours(path: str) -> bool:
    """True for a path that an export can have written: below the folder, one of our names."""
    parts = PurePosixPath(path)
    name = parts.name
    return (
        not parts.is_absolute()
        and not {"..", "."} & set(path.split("/"))
        and not set("\\:\0") & set(path)
        and name.startswith(PREFIX)
        and name.endswith(SUFFIX)
    )


def _is_leftover(name: str) -> bool:
    return name.startswith(".cetrack-") and name.endswith(".partial")
