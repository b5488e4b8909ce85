"""The protocol that every input format follows.

A reader recognises a format from content (``sniff``) and turns a source into runs (``read``). It
reports the format's own names and units untouched: ``normalize`` is the only place that renames.
It yields a :class:`~cetrack.domain.Notice` for what it did not understand, and raises nothing but
ReadError. It never prints and never touches the database.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from enum import IntEnum
from typing import Protocol

from cetrack.domain import Notice, RunRecord
from cetrack.errors import ReadError
from cetrack.readers.source import Source


class Match(IntEnum):
    """How sure a reader is that a source is its format."""

    NO = 0
    MAYBE = 1
    YES = 2


def matched(test: Callable[[Source], bool], source: Source) -> Match:
    """YES when the content passes; what cannot be read at all is nobody's match."""
    try:
        return Match.YES if test(source) else Match.NO
    except ReadError:
        return Match.NO


class Reader(Protocol):
    """One input format.

    ``version`` is raised whenever the same bytes would now give other runs. ``recognises``,
    ``maps_to`` and ``example`` are for ``cetrack formats`` and the docs.
    """

    name: str
    version: int
    suffixes: tuple[str, ...]
    description: str
    recognises: str
    maps_to: str
    example: str

    def sniff(self, source: Source) -> Match:
        """YES when the content proves the format. Never raises."""

    def read(self, source: Source) -> Iterator[RunRecord | Notice]:
        """The runs of a source, and notices of what was doubtful. Raises ReadError."""
