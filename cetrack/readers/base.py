"""The protocol that every input format follows.

A reader recognises a format from content (``sniff``) and turns a source into runs (``read``). It
reports the format's own names and units untouched: ``normalize`` is the only place that renames.
It yields a :class:`~cetrack.domain.Notice` for what it did not understand, and raises nothing but
ReadError. It never prints and never touches the database.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from enum import IntEnum
from typing import NamedTuple, Protocol

from cetrack.domain import Notice, RunRecord
from cetrack.errors import ReadError
from cetrack.readers.source import Source


class Match(IntEnum):
    """How sure a reader is that a source is its format; the highest answer of all readers wins.

    GENERIC: many tools write this shape, and the reader of one of them goes first. COMPANION: the
    file belongs to another one of the format, and is read together with that.
    """

    NO = 0
    MAYBE = 1
    GENERIC = 2
    COMPANION = 3
    YES = 4


class Objection(NamedTuple):
    """Why a source is not a reader's format: ``nearness`` is the share of its marks, 0 to 1, that
    the source has, ``why`` what is missing."""

    nearness: float
    why: str


class Reader(Protocol):
    """One input format.

    ``version`` is raised whenever the same bytes would now give other runs. In a folder files with
    one of the ``suffixes``, or a name like one of the ``patterns``, are looked at. ``companions``
    are globs of the files that are read with a source, relative to its folder (``{stem}`` is its
    name without the last suffix): when one of them changes, the source is read again.
    ``recognises``, ``maps_to`` and ``example`` are for ``cetrack formats`` and the docs; of a
    ``is_binary`` format the example describes one. A ``is_last_resort`` reader is asked only about
    what no other one claims.
    """

    name: str
    version: int
    suffixes: tuple[str, ...]
    patterns: tuple[str, ...] = ()
    companions: tuple[str, ...] = ()
    description: str
    recognises: str
    maps_to: str
    example: str
    is_binary: bool = False
    is_last_resort: bool = False

    def sniff(self, source: Source) -> Match:
        """YES when the content proves the format. Never raises."""

    def read(self, source: Source) -> Iterator[RunRecord | Notice]:
        """The runs of a source, and notices of what was doubtful. Raises ReadError."""

    def objection(self, source: Source) -> Objection | None:
        """What keeps a source that nobody understands from being this format; None where it is
        nothing like it. Raises nothing but ReadError."""
        return None


def matched(test: Callable[[Source], bool], source: Source, match: Match = Match.YES) -> Match:
    """``match`` when the content passes; what cannot be read at all is nobody's match."""
    try:
        return match if test(source) else Match.NO
    except ReadError:
        return Match.NO


def has_keys(source: Source, keys: Iterable[str]) -> bool:
    """True for a JSON object, or a first line (JSONL), with all of the keys."""
    return source.json_keys.issuperset(keys)


def lacking(wanted: Iterable[str], have: Iterable[str], what: str) -> Objection | None:
    """The objection that some of the ``wanted`` marks are missing; None where all are.

    ``what`` names them in the singular: ``lacking(keys, source.json_keys, "key")``.
    """
    marks, there = list(wanted), set(have)
    missing = [mark for mark in marks if mark not in there]
    if len(missing) == len(marks) or not missing:
        return None
    return Objection(1 - len(missing) / len(marks), f"no {what} {', '.join(map(repr, missing))}")
