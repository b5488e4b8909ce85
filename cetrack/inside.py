"""Sources that lie in a tree which is no folder of this machine: an archive, a commit.

A tree says what it holds and opens it; companions are found in it as they are in a folder.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from datetime import datetime
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import PurePath
from typing import IO, Protocol

from cetrack.errors import ReadError
from cetrack.packing import unpacked_name
from cetrack.readers.source import Commit, Source


class Origin(Protocol):
    """Where some sources come from; they can be read while it is open.

    Its length is how many they are, as far as that is known before. ``is_shared`` says that other
    machines can read them too. ``remarks`` are for the end of the report.
    """

    is_shared: bool
    remarks: tuple[str, ...]

    def __len__(self) -> int: ...

    def opened(self) -> AbstractContextManager[Sequence[Source]]:
        """The sources, in order."""


class Tree(Protocol):
    """Files by their paths, which have slashes and begin at its root."""

    @property
    def commit(self) -> Commit | None:
        """The commit whose files they are, where there is one."""

    def uri(self, place: str) -> str:
        """What people call the file at ``place``."""

    def key(self, place: str) -> str:
        """What it is stored under."""

    def location(self, place: str) -> PurePath:
        """Where it would lie if the tree were a folder."""

    def children(self, folder: str) -> Mapping[str, bool]:
        """The names in a folder (``""`` is the root), and whether each is a folder itself."""

    def open(self, place: str) -> IO[bytes]:
        """The bytes of a file. Raises OSError and ReadError."""

    def size_bytes(self, place: str) -> int:
        """How many bytes it has. Raises ReadError."""

    def mtime(self, place: str) -> datetime | None:
        """When it was last written, where that is known."""


_ROOT = PurePath()


@dataclass(frozen=True, eq=False)
class InsideSource(Source):
    """The file at ``place`` in a tree."""

    tree: Tree = field(kw_only=True)
    place: str = field(kw_only=True)

    @property
    def key(self) -> str:
        """See :class:`Source`."""
        return self.tree.key(self.place)

    @property
    def location(self) -> PurePath:
        """See :class:`Source`."""
        return self.tree.location(self.place)

    @property
    def commit(self) -> Commit | None:
        """See :class:`Source`."""
        return self.tree.commit

    def _lying(self) -> IO[bytes]:
        return self.tree.open(self.place)

    @cached_property
    def size_bytes(self) -> int:
        """See :class:`Source`."""
        return self.tree.size_bytes(self.place)

    @cached_property
    def mtime(self) -> datetime | None:
        """See :class:`Source`."""
        return self.tree.mtime(self.place)

    @cached_property
    def name(self) -> str:
        """See :class:`Source`."""
        return unpacked_name(posixpath.basename(self.place))

    def companion(self, name: str) -> Source | None:
        """See :class:`Source`; nothing outside of the tree is one."""
        place = posixpath.normpath(posixpath.join(posixpath.dirname(self.place), name))
        folder, _, last = place.rpartition("/")
        is_file = self.tree.children(folder).get(last) is False
        return self._inside(place, name) if is_file else None

    def companions(self, pattern: str) -> list[Source]:
        """See :class:`Source`."""
        if pattern.startswith("../") or not set(pattern) & set("*?["):
            one = self.companion(pattern)
            return [one] if isinstance(one, InsideSource) and one.place != self.place else []
        folder = posixpath.dirname(self.place)
        found = sorted(set(_matching(self.tree, folder, pattern.split("/"))))
        names = ((place, posixpath.relpath(place, folder or ".")) for place in found)
        return [self._inside(place, name) for place, name in names if place != self.place]

    def _inside(self, place: str, name: str) -> Source:
        inner = self.inner.parent / name
        return replace(self, uri=self.tree.uri(place), inner=inner, place=place)


def inside(tree: Tree, place: str, *, below: PurePath = _ROOT, found: bool = True) -> InsideSource:
    """The source at ``place`` in a tree; ``below`` is what the user named of the path to it."""
    return InsideSource(
        tree.uri(place), inner=below / PurePath(place), found=found, tree=tree, place=place
    )


def _matching(tree: Tree, folder: str, patterns: Sequence[str]) -> Iterator[str]:
    """The files below a folder that match, a pattern for each part of their paths."""
    first, *rest = patterns
    if first == "**" and rest:
        yield from _matching(tree, folder, rest)
    for name, is_folder in tree.children(folder).items():
        place = f"{folder}/{name}" if folder else name
        if first == "**":
            if is_folder:
                yield from _matching(tree, place, patterns)
        elif fnmatchcase(name, first):
            if rest and is_folder:
                yield from _matching(tree, place, rest)
            elif not rest and not is_folder:
                yield place


@dataclass(frozen=True, eq=False)
class Refused(Source):
    """What cannot be opened at all, and why."""

    problem: str = field(kw_only=True)
    hint: str | None = field(default=None, kw_only=True)
    kind: type[ReadError] = field(default=ReadError, kw_only=True)

    def _raw(self) -> IO[bytes]:
        raise self.kind(self.uri, self.problem, hint=self.hint)


class Files:
    """Files that lie in folders of this machine, as other machines may see them too."""

    is_shared = True
    remarks: tuple[str, ...] = ()

    def __init__(self, sources: Sequence[Source]) -> None:
        self._sources = sources

    def __len__(self) -> int:
        return len(self._sources)

    def opened(self) -> AbstractContextManager[Sequence[Source]]:
        """See :class:`Origin`."""
        return nullcontext(self._sources)
