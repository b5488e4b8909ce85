"""Every committed version of the results files of a git repository, oldest first.

All commits that the revision leads back to count, those of merged branches too; a merge itself
only with a version that none of its parents has. Parents come before children, commits beside each
other by their time. A file that was renamed is a new path with the same content.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from pathlib import Path, PurePath
from typing import IO, NamedTuple

from cetrack import names
from cetrack.errors import UsageError
from cetrack.inside import inside
from cetrack.mappings import Format
from cetrack.readers.source import Commit, Source
from cetrack.repository import (
    Repository,
    ask_git,
    fields_of_git,
    git_problem,
    repository,
)

SHOWN_DIGITS = 12
_REGULAR = ("100644", "100755")
_LOG = (
    "-c", "log.showRoot=true", "-c", "log.showSignature=false", "log", "--raw", "-z", "-c",
    "--full-history", "--date-order", "--reverse", "--no-renames", "--no-abbrev", "--no-ext-diff",
    "--format=%x01%H %T %ct",
)  # fmt: skip


class _Version(NamedTuple):
    """A file as a commit has it."""

    commit: Commit
    tree: str
    path: str
    blob: str
    is_named: bool


class History:
    """The history of a repository as an origin of sources.

    ``folder`` is the repository, or a folder in it that alone is meant; ``pathspecs`` are git's
    own, relative to it. Without them, files that a reader may know count. Raises UsageError where
    there is no such repository, revision or file.
    """

    is_shared = True

    def __init__(
        self,
        folder: str,
        pathspecs: Sequence[str] = (),
        *,
        rev: str = "HEAD",
        formats: tuple[Format, ...] = (),
    ) -> None:
        self._formats = formats
        self._named = folder
        self._folder = Path(folder)
        self._root, self._prefix = self._found()
        commit = self._commit(rev)
        self._versions = list(self._listed(commit, pathspecs))
        if not self._versions:
            what = " ".join(pathspecs) or "a file that a reader may know"
            raise UsageError(
                f"{folder}: {what} is in no commit of {rev}",
                hint="name files or folders of it: cetrack ingest --git-history REPO results/",
            )
        shallow = self._ask("rev-parse", "--is-shallow-repository").strip() == "true"
        said = f"{folder} is a shallow clone without its older versions: git fetch --unshallow"
        self.remarks: tuple[str, ...] = (said,) if shallow else ()

    def __len__(self) -> int:
        return len(self._versions)

    @contextmanager
    def opened(self) -> Iterator[Sequence[Source]]:
        """See :class:`~cetrack.inside.Origin`."""
        asked = repository(self._root)
        try:
            yield [_source(asked, version) for version in self._versions]
        finally:
            asked.close()

    def _found(self) -> tuple[Path, str]:
        """(the root of the repository, the part of the folder that lies below it)."""
        if not self._folder.is_dir():
            remote = "://" in self._named or "@" in self._named
            hint = f"clone it first: git clone --bare {self._named}" if remote else None
            raise UsageError(f"{self._named}: no such folder", hint=hint)
        if self._ask("rev-parse", "--is-inside-work-tree").strip() != "true":
            return Path(self._ask("rev-parse", "--absolute-git-dir").removesuffix("\n")), ""
        root = self._ask("rev-parse", "--show-toplevel").removesuffix("\n")
        return Path(root), self._ask("rev-parse", "--show-prefix").removesuffix("\n")

    def _commit(self, rev: str) -> str:
        try:
            if rev.startswith("-"):
                raise ValueError("an option, no revision")
            asked = f"{rev}^{{commit}}"
            return ask_git(self._folder, "rev-parse", "--verify", "--quiet", asked).strip()
        except (OSError, ValueError, subprocess.SubprocessError):
            raise UsageError(
                f"{self._named}: no commit '{rev}'", hint="git branch --all lists the branches"
            ) from None

    def _ask(self, *arguments: str) -> str:
        try:
            return ask_git(self._folder, *arguments)
        except (OSError, subprocess.SubprocessError) as error:
            raise self._failed(error) from error

    def _failed(self, error: Exception) -> UsageError:
        return UsageError(f"{self._named}: {git_problem(error)}")

    def _listed(self, commit: str, pathspecs: Sequence[str]) -> Iterator[_Version]:
        """The versions that count; what a path has had before is no new one."""
        is_wanted = names.wanted(self._formats)
        whole = [] if pathspecs or not self._prefix else ["."]
        met: set[tuple[str, str]] = set()
        for version in self._changes(commit, [*pathspecs, *whole]):
            path = version.path
            inner = path.removeprefix(self._prefix)
            is_named = any(inner == spec or fnmatchcase(inner, spec) for spec in pathspecs)
            parts = inner.split("/")
            if not is_named and not (is_wanted(parts[-1]) and all(map(names.is_open, parts))):
                continue
            if (path, version.blob) not in met:
                met.add((path, version.blob))
                yield version._replace(is_named=is_named)

    def _changes(self, commit: str, pathspecs: Sequence[str]) -> Iterator[_Version]:
        """Every regular file that a commit made or changed."""
        fields = fields_of_git(self._folder, *_LOG, commit, "--", *pathspecs)
        current, tree = Commit("", datetime.fromtimestamp(0, UTC)), ""
        try:
            for text in fields:
                line = text.lstrip("\n")
                if line.startswith("\x01"):
                    name, tree, seconds = line[1:].split(" ")
                    current = Commit(name, datetime.fromtimestamp(int(seconds), UTC))
                elif line.startswith(":"):
                    path = next(fields)
                    mode, blob = _after(line)
                    if mode in _REGULAR:
                        yield _Version(current, tree, path, blob, False)
        except (OSError, subprocess.SubprocessError) as error:
            raise self._failed(error) from error


def _after(line: str) -> tuple[str, str]:
    """(mode, blob) after a change; a merge states those of every parent before."""
    parts = line.lstrip(":").split(" ")
    parents = len(line) - len(line.lstrip(":"))
    return parts[parents], parts[2 * parents + 1]


def _source(asked: Repository, version: _Version) -> Source:
    tree = CommitTree(asked, version.commit, version.tree, (version.path, version.blob))
    return inside(tree, version.path, found=not version.is_named)


@dataclass(frozen=True, eq=False)
class CommitTree:
    """The files of a commit; ``known`` is the one (path, blob) that needs no looking up."""

    asked: Repository
    commit: Commit
    tree: str
    known: tuple[str, str] = field(default=("", ""))

    def uri(self, place: str) -> str:
        """See :class:`~cetrack.inside.Tree`; what ``cetrack forget`` takes."""
        return self.key(place)

    def key(self, place: str) -> str:
        """See :class:`~cetrack.inside.Tree`."""
        where = f"{self.asked.root.as_posix()}:{place}"
        return f"{names.readable(where)}@{self.commit.id[:SHOWN_DIGITS]}"

    def location(self, place: str) -> PurePath:
        """See :class:`~cetrack.inside.Tree`; where a work tree has the file."""
        return PurePath(names.readable(f"{self.asked.root.as_posix()}/{place}"))

    def children(self, folder: str) -> Mapping[str, bool]:
        """See :class:`~cetrack.inside.Tree`."""
        found = self.asked.folder(self.tree, folder)
        return {name: is_folder for name, (is_folder, _) in found.items()}

    def open(self, place: str) -> IO[bytes]:
        """See :class:`~cetrack.inside.Tree`."""
        return self.asked.blob(self._blob(place), self.uri(place))

    def _blob(self, place: str) -> str:
        if place == self.known[0]:
            return self.known[1]
        folder, _, name = place.rpartition("/")
        return self.asked.folder(self.tree, folder)[name][1]

    def size_bytes(self, place: str) -> int:
        """See :class:`~cetrack.inside.Tree`."""
        with self.open(place) as stream:
            return stream.seek(0, 2)

    def mtime(self, place: str) -> datetime:
        """See :class:`~cetrack.inside.Tree`; the commit's, for a tree has no other."""
        return self.commit.time
