"""Which names of files are looked at where nobody has named the file itself."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from fnmatch import translate
from pathlib import PurePath

from cetrack.mappings import Format
from cetrack.packing import unpacked_name
from cetrack.readers.registry import readers, readers_with

_SKIPPED_FOLDERS = frozenset({"__MACOSX", "__pycache__", "node_modules", "site-packages"})
_RESULTS_FOLDERS = frozenset({".aim", ".asv", ".benchmarks", ".guild"})
_ARCHIVE = re.compile(r"\.(zip|tar|tgz|tbz2?|txz|tzst)$")
Test = Callable[[str], bool]


def wanted(formats: tuple[Format, ...] = ()) -> Test:
    """Which names some reader may know, those of the user's ``formats`` included."""
    known = readers_with(formats).values()
    suffixes = frozenset(each for reader in known for each in reader.suffixes)
    named = _any_of(pattern for reader in known for pattern in reader.patterns)
    return lambda name: suffix(name) in suffixes or named(name)


def beside() -> Test:
    """Which paths, with ``/`` in them, may be those of a companion: of a file that is read with
    another one."""
    globs = {glob for reader in readers().values() for glob in reader.companions}
    expression = re.compile("|".join(map(_below_any, sorted(globs))) or r"(?!)")
    return lambda path: expression.fullmatch(path) is not None


def _below_any(glob: str) -> str:
    """The expression of a glob, relative to a folder, for paths anywhere."""
    parts = [part for part in glob.replace("{stem}", "*").split("/") if part != ".."]
    made = ["(?:.*/)?" if part == "**" else f"{_part(part)}/" for part in parts[:-1]]
    return f"(?:.*/)?{''.join(made)}{_part(parts[-1])}"


def _part(glob: str) -> str:
    return translate(glob).removeprefix("(?s:").removesuffix(r")\Z").replace(".*", "[^/]*")


def reader_suffixes() -> frozenset[str]:
    """The suffixes of all readers."""
    return frozenset(each for reader in readers().values() for each in reader.suffixes)


def is_open(name: str) -> bool:
    """False for hidden files and folders, but those that tools keep results in, and for folders
    that never hold any."""
    if name.startswith("."):
        return name in _RESULTS_FOLDERS
    return name not in _SKIPPED_FOLDERS


def is_clone(folder: str, name: str) -> bool:
    """True for what asv builds a project in: whatever results lie there are not of a run."""
    return name == "env" and PurePath(folder).name == ".asv"


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
