"""Which readers there are, and which one a source belongs to."""

from __future__ import annotations

import difflib
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points

from cetrack.errors import ReadError, UnknownFormatError, UsageError
from cetrack.readers.base import Match, Reader
from cetrack.readers.source import Source

GROUP = "cetrack.readers"
_BUILT_IN = {
    "benchmark": "cetrack.readers.benchmark:BenchmarkReader",
    "cetrack": "cetrack.readers.cetrack_runs:CetrackReader",
    "compression": "cetrack.readers.compression:CompressionReader",
    "epochs": "cetrack.readers.epochs:EpochsReader",
}


@cache
def readers() -> dict[str, Reader]:
    """All readers by name: the built-in ones and those of installed plug-ins."""
    found = {name: _load(target) for name, target in _BUILT_IN.items()}
    for entry in entry_points(group=GROUP):
        if entry.name in found:
            raise UsageError(f"the plug-in {entry.value} redefines the reader '{entry.name}'")
        found[entry.name] = entry.load()()
    return found


def _load(target: str) -> Reader:
    module, _, name = target.partition(":")
    reader: Reader = getattr(import_module(module), name)()
    return reader


def reader_named(name: str) -> Reader:
    """A reader by name. Raises UsageError with the nearest names."""
    if name not in readers():
        near = difflib.get_close_matches(name, readers(), n=1)
        hint = f"did you mean {near[0]}?" if near else f"there are: {', '.join(readers())}"
        raise UsageError(f"no reader called '{name}'", hint=hint)
    return readers()[name]


def choose(source: Source) -> Reader:
    """The one reader that recognises the content.

    Raises ReadError for JSON that does not parse, and UnknownFormatError when no reader, or more
    than one, is sure.
    """
    if not source.head.strip():
        raise ReadError(source.uri, "the file is empty")
    answers = {name: reader.sniff(source) for name, reader in readers().items()}
    for level in (Match.YES, Match.MAYBE):
        sure = [name for name, answer in answers.items() if answer == level]
        if len(sure) == 1:
            return readers()[sure[0]]
        if sure:
            raise UnknownFormatError(
                source.uri,
                f"could be {' or '.join(sure)}",
                hint=f"say which: --reader {sure[0]}",
            )
    raise _not_understood(source)


def _not_understood(source: Source) -> ReadError:
    hint = f"readers: {', '.join(readers())}; 'cetrack formats' says what each recognises"
    if not source.is_text:
        return UnknownFormatError(source.uri, "a binary file that no reader knows", hint=hint)
    if source.looks_like_json and source.first_object is None:
        kind = type(source.json.value).__name__  # raises where the JSON does not parse
        names = {"dict": "a JSON object", "list": "a JSON list"}
        problem = f"{names.get(kind, 'JSON')} in a shape that no reader knows"
        return UnknownFormatError(source.uri, problem, hint=hint)
    return UnknownFormatError(source.uri, "no reader understands it", hint=hint)
