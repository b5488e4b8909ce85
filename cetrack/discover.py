"""From the paths of a command line to where the sources to read come from."""

from __future__ import annotations

import glob
import itertools
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path, PurePath

from cetrack import names
from cetrack.archives import Archive, is_archive
from cetrack.errors import ReadError, UsageError
from cetrack.inside import Files, Origin
from cetrack.mappings import Format
from cetrack.readers import tables
from cetrack.readers.source import Source
from cetrack.servers import is_server, server_source

_GLOB_CHARACTERS = frozenset("*?[")


def discover(paths: Sequence[str], formats: tuple[Format, ...] = ()) -> list[Origin]:
    """Where the sources are that ``paths`` name: files, archives, folders (recursive), globs, ``-``
    for stdin, URLs of database servers.

    In a folder those count which a reader may know, or one of the ``formats`` of the user.
    Sorted and without repetition, so that their order on the command line does not matter. Raises
    UsageError when a path names nothing.
    """
    found: dict[str, Source] = {}
    missing: list[str] = []
    for path in paths:
        sources = list(_sources(path, formats))
        if not sources and not Path(path).is_dir():
            missing.append(path)
        for source in sources:
            found.setdefault(source.key, source)
    if missing:
        problem = "nothing matches" if any(_is_glob(path) for path in missing) else "no such file"
        raise UsageError(f"{problem}: {', '.join(missing)}", hint="nothing was ingested")
    return origins((found[key] for key in sorted(found)), formats)


def origins(sources: Iterable[Source], formats: tuple[Format, ...] = ()) -> list[Origin]:
    """Files together, archives one by one, in order."""
    made: list[Origin] = []
    for packed, group in itertools.groupby(sources, key=_is_packed):
        together = list(group)
        made += [Archive(item, formats) for item in together] if packed else [Files(together)]
    return made


def _is_packed(source: Source) -> bool:
    if source.path is None or (source.found and not names.is_archive_name(source.path.name)):
        return False
    return is_archive(source.path)


def _sources(path: str, formats: tuple[Format, ...]) -> Iterator[Source]:
    if path == "-":
        yield Source("-", content=sys.stdin.buffer.read())
    elif is_server(path):
        yield server_source(path)
    elif Path(path).is_dir():
        yield from filter(_is_foreign, below(Path(path), formats))
    elif Path(path).exists():
        yield Source(path, path=Path(path), inner=PurePath(Path(path).name))
    elif _is_glob(path):
        for match in sorted(glob.glob(path, recursive=True)):  # noqa: PTH207 - path may be absolute
            yield from _sources(match, formats)


def _is_glob(path: str) -> bool:
    return bool(_GLOB_CHARACTERS & set(path))


def below(folder: Path, formats: tuple[Format, ...] = ()) -> Iterator[Source]:
    """The files in a folder that may be results, or archives of them."""
    is_wanted = names.wanted(formats)
    for path in files_below(folder):
        if is_wanted(path.name) or names.is_archive_name(path.name):
            yield found_in(folder, path)


def files_below(folder: Path) -> Iterator[Path]:
    """All files in a folder but hidden ones, in order."""
    for root, folders, files in os.walk(folder):
        opened = filter(names.is_open, folders)
        folders[:] = sorted(each for each in opened if not names.is_clone(root, each))
        for name in sorted(filter(names.is_open, files)):
            yield Path(root) / name


def _is_foreign(source: Source) -> bool:
    """False for a database of cetrack itself, as it lies in many a folder of results."""
    if not source.name.lower().endswith(tables.SUFFIXES):
        return True
    try:
        return not tables.is_ours(tables.table_names(source))
    except ReadError:  # said when it is read
        return True


def found_in(folder: Path, path: Path) -> Source:
    """A file that was met in a folder."""
    return Source(str(path), path=path, inner=path.relative_to(folder), found=True)
