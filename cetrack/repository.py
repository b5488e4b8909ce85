"""Asking git: short questions one by one, the content of objects through one process that stays.

Nothing here touches a work tree or an index.
"""

from __future__ import annotations

import io
import os
import subprocess
import tempfile
import weakref
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import IO, Any

from cetrack.errors import ReadError

_TIMEOUT_S = 600
_KEPT_BYTES = 32 * 2**20
_SMALL_BYTES = 2**20
_BLOCK = 1 << 20
MAX_BLOB_BYTES = 2 * 2**30
_MOST_FOLDERS = 4096
_FOLDER_MODE = b"40000"
_LINK_MODES = (b"120000", b"160000")  # links, and repositories in this one
# what a hook's environment says about another repository is not meant
_NOT_MEANT = frozenset({"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY"})


def environment() -> dict[str, str]:
    """The environment of every git that is started: no question, no lock, English."""
    kept = {key: value for key, value in os.environ.items() if key not in _NOT_MEANT}
    return {**kept, "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}


def ask_git(folder: Path, *arguments: str) -> str:
    """What git answers in ``folder``; bytes that are no text as surrogates.

    Raises OSError and SubprocessError.
    """
    command = ["git", "-C", str(folder), *arguments]
    done = subprocess.run(  # noqa: S603 - no shell
        command, capture_output=True, check=True, timeout=_TIMEOUT_S, env=environment()
    )
    return done.stdout.decode("utf-8", "surrogateescape")


def fields_of_git(folder: Path, *arguments: str) -> Iterator[str]:
    """The parts of an answer that are ended by NUL, one by one; raises as :func:`ask_git`."""
    command = ["git", "-C", str(folder), *arguments]
    with (
        tempfile.TemporaryFile() as said,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=said, env=environment()) as git,  # noqa: S603
    ):
        assert git.stdout is not None
        rest = b""
        while block := git.stdout.read(_BLOCK):
            *whole, rest = (rest + block).split(b"\0")
            yield from (field.decode("utf-8", "surrogateescape") for field in whole)
        if rest:
            yield rest.decode("utf-8", "surrogateescape")
        if git.wait():
            said.seek(0)
            raise subprocess.CalledProcessError(git.returncode, "git", stderr=said.read())


# name → (is it a folder, its object); links are left out
Folder = Mapping[str, tuple[bool, str]]


class Repository:
    """One repository, bare or not: ``root`` is its work tree or, without one, its own folder."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._objects: _Objects | None = None
        self._blobs: OrderedDict[str, bytes] = OrderedDict()
        self._bytes = 0
        self._folders: dict[str, Folder] = {}

    def __reduce__(self) -> tuple[Any, ...]:
        return repository, (self.root,)

    def blob(self, name: str, uri: str) -> IO[bytes]:
        """The content of a blob. Raises ReadError, which names the source ``uri``."""
        kept = self._blobs.get(name)
        if kept is not None:
            return io.BytesIO(kept)
        found = self._object(name, uri)
        if isinstance(found, bytes):
            self._keep(name, found)
            return io.BytesIO(found)
        return found

    def folder(self, tree: str, path: str) -> Folder:
        """What the folder at ``path`` below a tree holds; nothing where there is no such."""
        if not path:
            return self._entries(tree)
        above, _, name = path.rpartition("/")
        is_folder, found = self.folder(tree, above).get(name, (False, ""))
        return self._entries(found) if is_folder else {}

    def close(self) -> None:
        """End the process that was asked for objects."""
        if self._objects is not None:
            self._objects.close()
        self._objects = None
        self._blobs.clear()
        self._bytes = 0
        self._folders.clear()

    def _entries(self, tree: str) -> Folder:
        if tree not in self._folders:
            if len(self._folders) > _MOST_FOLDERS:
                self._folders.clear()
            content = self._object(tree, f"{self.root}: tree {tree}")
            whole = content if isinstance(content, bytes) else content.read()
            self._folders[tree] = dict(_entries(whole, len(tree)))
        return self._folders[tree]

    def _object(self, name: str, uri: str) -> bytes | IO[bytes]:
        try:
            if self._objects is None:
                self._objects = _Objects(self.root)
            return self._objects.get(name)
        except (OSError, EOFError, ValueError) as error:
            self.close()
            raise ReadError(uri, f"git cannot read it: {error}") from error

    def _keep(self, name: str, content: bytes) -> None:
        if len(content) > _SMALL_BYTES:
            return
        self._blobs[name] = content
        self._bytes += len(content)
        while self._bytes > _KEPT_BYTES:
            self._bytes -= len(self._blobs.popitem(last=False)[1])


@cache
def repository(root: Path) -> Repository:
    """The repository at ``root``; one in every process."""
    return Repository(root)


class _Objects:
    """One ``git cat-file --batch``, for as long as objects are read."""

    def __init__(self, root: Path) -> None:
        self._git = subprocess.Popen(  # noqa: S603 - no shell
            ["git", "-C", str(root), "cat-file", "--batch"],  # noqa: S607
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment(),
        )
        self.close = weakref.finalize(self, _end, self._git)

    def get(self, name: str) -> bytes | IO[bytes]:
        """The content of an object; a large one as a temporary file.

        Raises OSError, EOFError and ValueError.
        """
        assert self._git.stdin is not None
        assert self._git.stdout is not None
        self._git.stdin.write(name.encode() + b"\n")
        self._git.stdin.flush()
        head = self._git.stdout.readline().split()
        if len(head) != 3:
            raise ValueError(b" ".join(head[1:]).decode("ascii", "replace") or "no answer")
        size = int(head[2])
        if size > MAX_BLOB_BYTES:
            raise ValueError(f"larger than {MAX_BLOB_BYTES // 2**20:,} MiB")
        if size <= _SMALL_BYTES:
            content = self._read(size)
            self._read(1)
            return content
        spooled = tempfile.TemporaryFile(prefix="cetrack-")  # noqa: SIM115 - the reader closes it
        for start in range(0, size, _BLOCK):
            spooled.write(self._read(min(_BLOCK, size - start)))
        self._read(1)
        spooled.seek(0)
        return spooled

    def _read(self, size: int) -> bytes:
        assert self._git.stdout is not None
        content = self._git.stdout.read(size)
        if len(content) < size:
            raise EOFError("git ended before its answer did")
        return content


def _end(process: subprocess.Popen[bytes]) -> None:
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            stream.close()
    process.kill()
    process.wait()


def _entries(content: bytes, digits: int) -> Iterator[tuple[str, tuple[bool, str]]]:
    """The entries of a tree object; its object names have so many hexadecimal ``digits``."""
    start = 0
    while start < len(content):
        end = content.index(b"\0", start)
        mode, _, name = content[start:end].partition(b" ")
        start = end + 1 + digits // 2
        if mode not in _LINK_MODES:
            text = name.decode("utf-8", "surrogateescape")
            yield text, (mode == _FOLDER_MODE, content[end + 1 : start].hex())


def git_problem(error: Exception) -> str:
    """What went wrong, in one line."""
    if isinstance(error, FileNotFoundError):
        return "git is not installed"
    if isinstance(error, subprocess.CalledProcessError):
        said = error.stderr.decode("utf-8", "replace").strip().splitlines()
        first = next((line for line in said if line.startswith("fatal: ")), *said[:1] or ("",))
        return f"git: {first.removeprefix('fatal: ')}"
    return f"git: {error}"
