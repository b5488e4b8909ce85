"""Files below one folder: each appears whole or not at all, and none through a link.

Knows files, not what is in them, nor which of them are ours. Holds nothing but a path, so that
other processes may write into the same folder.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cetrack.errors import OutputError
from cetrack.tb.events import EventFile


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """An event file, and what it was made of: ``stamp``, where that can be known beforehand."""

    path: str
    sha256: str
    size: int
    stamp: str | None
    scalars: int
    beyond_float32: int
    unchanged: bool = True


class Folder:
    """Where event files go."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._plain = {""}

    @contextmanager
    def event_file(self, path: str, *, started_at: float) -> Iterator[EventFile]:
        """A new event file at ``path`` below the folder; it appears at the end of the block.

        One that has the same content already keeps its place and its time.
        """
        target = self.root / path
        with explained(target):
            self.require_plain(path)
            event_file = EventFile(target, started_at=started_at)
            try:
                yield event_file
                size, sha256 = event_file.size, event_file.sha256
                event_file.unchanged = has_content(target, size=size, sha256=sha256)
                if not event_file.unchanged:
                    event_file.commit()
            finally:
                event_file.discard()

    def require_plain(self, path: str) -> None:
        """Refuse a link between the root and the file at ``path``: it may lead anywhere."""
        folder = path.rpartition("/")[0]
        if folder in self._plain:
            return
        self.require_plain(folder)
        try:
            found = os.lstat(f"{self.root}/{folder}")
        except (FileNotFoundError, NotADirectoryError):
            return
        if stat.S_ISLNK(found.st_mode):
            raise OutputError(f"{self.root / folder}: is a link; an export does not follow links")
        self._plain.add(folder)


def written(path: str, event_file: EventFile, *, stamp: str | None = None) -> Written:
    """What is known of a file once its block has ended."""
    return Written(
        path=path,
        sha256=event_file.sha256,
        size=event_file.size,
        stamp=stamp,
        scalars=event_file.points,
        beyond_float32=event_file.beyond_float32,
        unchanged=event_file.unchanged,
    )


def has_content(path: str | Path, *, size: int, sha256: str) -> bool:
    """True when a plain file is there that has just this content."""
    found = plain(path)
    if found is None or found.st_size != size:
        return False
    with Path(path).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest() == sha256


def plain(path: str | Path) -> os.stat_result | None:
    """What the file system knows of a file that is there and no link."""
    try:
        found = os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    return found if stat.S_ISREG(found.st_mode) else None


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn what the file system says into one line."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise OutputError(
            f"{error.filename or path}: {reason}", hint="choose another --logdir, or free this one"
        ) from error
