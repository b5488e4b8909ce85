"""Which names of files are looked at where nobody has named the file itself."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from fnmatch import translate
from pathlib import PurePath

from cetrack.packing import unpacked_name
from cetrack.readers.registry import readers

_SKIPPED_FOLDERS = frozenset({"__MACOSX", "__pycache__", "node_modules", "site-packages"})
_ARCHIVE = re.compile(r"\.(zip|tar|tgz|tbz2?|txz|tzst)$")
Test = Callable[[str], bool]


def wanted() -> Test:
    """Which names some reader may know."""
    suffixes = reader_suffixes()
    named = _any_of(pattern for reader in readers().values() for pattern in reader.patterns)
    return lambda name: suffix(name) in suffixes or named(name)


def beside() -> Test:
    """Which names may be those of a companion: of a file that is read with another one."""
    globs = (glob for reader in readers().values() for glob in reader.companions)
    return _any_of(PurePath(glob).name for glob in globs)


def reader_suffixes() -> frozenset[str]:
    """The suffixes of all readers."""
    return frozenset(each for reader in readers().values() for each in reader.suffixes)


def is_open(name: str) -> bool:
    """False for hidden files and folders, and for those that never hold results."""
    return not name.startswith(".") and name not in _SKIPPED_FOLDERS


def suffix(name: str) -> str:
    """The suffix in lower case, without that of a compression."""
    return PurePath(unpacked_name(name.lower())).suffix


def is_archive_name(name: str) -> bool:
    """True for what is called like an archive: ``a.zip``, ``a.tar.gz``, ``a.tgz``."""
    return bool(_ARCHIVE.search(unpacked_name(name.lower())))


def archive_stem(name: str) -> str:
    """The name of an archive without all of its suffixes."""
    bare = unpacked_name(name)
    found = _ARCHIVE.search(bare.lower())
    return bare[: found.start()] if found and found.start() else bare


def readable(name: str) -> str:
    """A name that any database and terminal takes: bytes that are no text stand as escapes."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _any_of(patterns: Iterable[str]) -> Test:
    expression = re.compile("|".join(map(translate, sorted(set(patterns)))) or r"(?!)")
    return lambda name: expression.match(name) is not None
