"""From the paths of a command line to the sources to read."""

from __future__ import annotations

import glob
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from fnmatch import translate
from pathlib import Path, PurePath

from cetrack.errors import UsageError
from cetrack.readers.base import Reader
from cetrack.readers.registry import readers
from cetrack.readers.source import Source

_GLOB_CHARACTERS = frozenset("*?[")
_SKIPPED_FOLDERS = frozenset({"__pycache__", "node_modules", "site-packages"})


def discover(paths: Sequence[str], known: Iterable[Reader] | None = None) -> list[Source]:
    """The sources that ``paths`` name: files, folders (recursive), globs, ``-`` for stdin.

    In a folder those count which a reader may know, of the ``known`` ones where they are given.
    Sorted and without repetition, so that their order on the command line does not matter. Raises
    UsageError when a path names nothing.
    """
    wanted = _wanted(readers().values() if known is None else known)
    found: dict[str, Source] = {}
    missing: list[str] = []
    for path in paths:
        sources = list(_sources(path, wanted))
        if not sources and not Path(path).is_dir():
            missing.append(path)
        for source in sources:
            found.setdefault(source.key, source)
    if missing:
        problem = "nothing matches" if any(_is_glob(path) for path in missing) else "no such file"
        raise UsageError(f"{problem}: {', '.join(missing)}", hint="nothing was ingested")
    return [found[key] for key in sorted(found)]


def _sources(path: str, wanted: Callable[[str], bool]) -> Iterator[Source]:
    if path == "-":
        yield Source("-", content=sys.stdin.buffer.read())
    elif Path(path).is_dir():
        yield from _below(Path(path), wanted)
    elif Path(path).exists():
        yield Source(path, path=Path(path), inner=PurePath(Path(path).name))
    elif _is_glob(path):
        for match in sorted(glob.glob(path, recursive=True)):  # noqa: PTH207 - path may be absolute
            yield from _sources(match, wanted)


def _is_glob(path: str) -> bool:
    return bool(_GLOB_CHARACTERS & set(path))


def _below(folder: Path, wanted: Callable[[str], bool]) -> Iterator[Source]:
    for root, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if _is_open(name))
        for name in sorted(names):
            if _is_open(name) and wanted(name):
                path = Path(root) / name
                yield Source(str(path), path=path, inner=path.relative_to(folder), found=True)


def _wanted(known: Iterable[Reader]) -> Callable[[str], bool]:
    """Which names in a folder some reader may know."""
    asked = list(known)
    suffixes = {suffix for reader in asked for suffix in reader.suffixes}
    patterns = {pattern for reader in asked for pattern in reader.patterns}
    named = re.compile("|".join(map(translate, sorted(patterns))) or r"(?!)")
    return lambda name: _suffix(name) in suffixes or named.match(name) is not None


def _is_open(name: str) -> bool:
    return not name.startswith(".") and name not in _SKIPPED_FOLDERS


def _suffix(name: str) -> str:
    return PurePath(name.lower().removesuffix(".gz")).suffix
