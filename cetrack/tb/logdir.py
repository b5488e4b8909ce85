"""A folder of event files that is ours to rewrite, and only then.

Knows files, not what is in them. ``.cetrack-export.json`` lists every file that was written, with
its sha256. A folder with other content and without that marker is refused; a file that the marker
does not list is never deleted; links inside the folder are not followed. The marker is written
before the first file, so that an export which was interrupted can be repeated.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import Self

from cetrack.errors import OutputError
from cetrack.tb.events import PREFIX, SUFFIX, EventFile

MARKER = ".cetrack-export.json"
FORMAT = 1

_OTHER_FOLDER = "choose a new or empty folder, or one that cetrack export-tb has written"


class Logdir:
    """One export into one folder: every ``event_file``, claimed before it is closed; ``finish``."""

    def __init__(self, root: Path, listed: Mapping[str, str | None]) -> None:
        self.root = root
        self.files = 0
        self.unchanged = 0
        self.removed = 0
        self._listed = dict(listed)
        self._written: dict[str, str | None] = {}
        self._plain_folders: set[Path] = {root}

    @classmethod
    def open(cls, root: Path) -> Self:
        """The folder at ``root``, made if it is missing.

        Raises OutputError when it is a file, cannot be written, or holds somebody else's files.
        """
        with _explained(root):
            if root.exists() and not root.is_dir():
                raise OutputError(f"{root}: is a file, not a folder", hint=_OTHER_FOLDER)
            root.mkdir(parents=True, exist_ok=True)
            found = [path.name for path in root.iterdir() if not _is_leftover(path.name)]
            if found and MARKER not in found:
                raise OutputError(
                    f"{root}: is not empty and was not written by cetrack", hint=_OTHER_FOLDER
                )
            return cls(root, _read_marker(root / MARKER) if found else {})

    def claim(self, paths: Iterable[str]) -> None:
        """Say which files are about to be written, so that they are known to be ours."""
        missing = dict.fromkeys(path for path in paths if path not in self._listed)
        if missing or not self._listed:
            self._listed |= missing
            self._write_marker(self._listed)

    @contextmanager
    def event_file(self, path: str, *, started_at: float) -> Iterator[EventFile]:
        """A new event file at ``path`` below the folder; it appears at the end of the block.

        One that has the same content already keeps its place and its time.
        """
        target = self.root / path
        with _explained(target):
            self._require_plain(target.parent)
            event_file = EventFile(target, started_at=started_at)
            try:
                yield event_file
                self._place(path, event_file)
            finally:
                event_file.discard()

    def _place(self, path: str, event_file: EventFile) -> None:
        assert path in self._listed, "claimed first"
        self._written[path] = event_file.sha256
        self.files += 1
        if _has_content(event_file.path, size=event_file.size, sha256=event_file.sha256):
            self.unchanged += 1
        else:
            event_file.commit()

    def finish(self) -> None:
        """Remove listed files that were not written this time, then list what there is."""
        with _explained(self.root):
            for path in sorted(self._listed.keys() - self._written.keys()):
                self._remove(path)
        self._write_marker(self._written)

    def _remove(self, path: str) -> None:
        target = self.root / path
        self._require_plain(target.parent)
        if target.is_symlink() or target.exists():
            target.unlink()
            self.removed += 1
        with suppress(OSError):  # the first folder that still holds something ends it
            for folder in list(target.parents)[: len(PurePosixPath(path).parents) - 1]:
                folder.rmdir()

    def _require_plain(self, folder: Path) -> None:
        """Refuse a link between the root and ``folder``: it may lead anywhere."""
        if folder in self._plain_folders:
            return
        self._require_plain(folder.parent)
        if folder.is_symlink():
            raise OutputError(f"{folder}: is a link; an export does not follow links")
        if folder.exists():
            self._plain_folders.add(folder)

    def _write_marker(self, files: Mapping[str, str | None]) -> None:
        marker = self.root / MARKER
        text = json.dumps({"files": files, "format": FORMAT}, indent=0, sort_keys=True) + "\n"
        partial = self.root / f".cetrack-{os.getpid()}.partial"
        with _explained(marker):
            if marker.is_file() and marker.read_bytes() == text.encode():
                return
            partial.write_bytes(text.encode())
            partial.replace(marker)


def _read_marker(marker: Path) -> dict[str, str | None]:
    """The files that the marker lists; OutputError when it is not one that cetrack has written."""
    broken = OutputError(f"{marker}: cannot be understood", hint=_OTHER_FOLDER)
    try:
        content = json.loads(marker.read_bytes())
        files, version = dict(content["files"]), content["format"]
    except (ValueError, TypeError, KeyError, RecursionError):
        raise broken from None
    if version != FORMAT:
        raise OutputError(
            f"{marker}: written by another version of cetrack (format {version!r})",
            hint=_OTHER_FOLDER,
        )
    if marker.is_symlink() or not all(_is_ours(path) for path in files):
        raise broken
    return files


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


def _has_content(path: Path, *, size: int, sha256: str) -> bool:
    """True when a plain file is there that has just this content."""
    try:
        found = path.lstat()
    except FileNotFoundError:
        return False
    if not stat.S_ISREG(found.st_mode) or found.st_size != size:
        return False
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest() == sha256


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Turn what the file system says into one line."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise OutputError(
            f"{error.filename or path}: {reason}", hint="choose another --logdir, or free this one"
        ) from error
