"""One source → what is to be stored of it. Pure: knows readers and normalise, no database.

The unit of work that other processes and machines can take over: a :class:`Reading` can be pickled.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from pathlib import PurePath

from cetrack.domain import Notice, RunRecord, copied
from cetrack.errors import ReadError, UnknownFormatError
from cetrack.preparing import IngestOptions, Prepared, Preparer
from cetrack.readers.base import Match, Reader
from cetrack.readers.registry import check_content, choose, reader_named, readers_with
from cetrack.readers.source import Source


@dataclass(frozen=True, slots=True)
class Version:
    """A version of a source that was ingested before, and by which reader."""

    sha256: str
    reader: str
    reader_version: int
    run_count: int


class Standing(StrEnum):
    """What a source is to an ingest.

    Companions are read with another file. What nobody named and nobody knows is skipped: a folder
    holds logs and notes of all kinds beside its results.
    """

    READ = "read"
    REJECTED = "rejected"
    COMPANION = "companion"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Reading:
    """What one source gave: prepared runs; or ``unchanged``, the version that is stored already;
    or the ``problem`` for which it is rejected; ``standing`` names what is neither.

    ``is_defined``: its reader is a format that the user defines, whose versions have no order.
    """

    uri: str
    key: str
    sha256: str = ""
    size_bytes: int = 0
    mtime: datetime | None = None
    reader: str | None = None
    reader_version: int = 0
    is_defined: bool = False
    prepared: tuple[Prepared, ...] = ()
    notices: tuple[Notice, ...] = ()
    unchanged: Version | None = None
    problem: str | None = None
    hint: str | None = None
    standing: Standing = Standing.READ

    @property
    def points(self) -> int:
        """How many points its runs have."""
        return sum(item.points for item in self.prepared)


@dataclass(frozen=True, slots=True)
class Unit:
    """Sources to read under the options of a ``command``, each with the versions of it that are
    stored.

    ``travels`` says that the result goes to another process.
    """

    command: str
    options: IngestOptions
    sources: tuple[tuple[Source, tuple[Version, ...]], ...]
    travels: bool = False


def read_unit(unit: Unit) -> list[Reading]:
    """What each source of a unit gives, in order."""
    preparer = _preparer(unit.command, unit.options)
    # copies: what a source keeps of its content goes with each of them
    readings = [read_source(replace(source), preparer, known) for source, known in unit.sources]
    if unit.travels:
        return [_without_luggage(reading, repeat=unit.options.repeat) for reading in readings]
    return readings


DEFECT = "cetrack's reader failed"
_preparers: dict[str, Preparer] = {}
# a file of these that nobody understands may well hold results
_RESULTS = frozenset({".csv", ".json", ".jsonl", ".tsv"})


def _preparer(command: str, options: IngestOptions) -> Preparer:
    """One for all units of a command: it remembers what git has told, and no longer than that."""
    if command not in _preparers:
        _preparers.clear()
        _preparers[command] = Preparer(options)
    return _preparers[command]


def _without_luggage(reading: Reading, *, repeat: bool) -> Reading:
    """The reading without what only made its runs and their keys: half of what would travel."""
    return replace(
        reading,
        prepared=tuple(
            replace(
                item,
                run=replace(item.run, record=_bare(item.run.record)),
                named=_bare(item.named, raw=repeat),
            )
            for item in reading.prepared
        ),
    )


def _bare(record: RunRecord, *, raw: bool = False) -> RunRecord:
    return copied(
        record, series=(), samples=(), params={}, raw=record.raw if raw else None, notices=()
    )


def read_source(source: Source, preparer: Preparer, known: Sequence[Version] = ()) -> Reading:
    """Read one source, unless one of the ``known`` versions of it is this one.

    Never raises for what is wrong with the source.
    """
    try:
        same = _unchanged(source, preparer.options, known)
        if same is not None:
            return Reading(uri=source.uri, key=source.key, reader=same.reader, unchanged=same)
        return _read(source, preparer)
    except ReadError as error:
        return Reading(
            uri=source.uri,
            key=source.key,
            problem=error.problem,
            hint=error.hint,
            standing=_standing(error, source),
        )
    except Exception as error:  # noqa: BLE001 - a defect of one reader stops no other file
        return Reading(
            uri=source.uri,
            key=source.key,
            problem=f"{DEFECT}: {type(error).__name__}: {' '.join(str(error).split())[:200]}",
            hint="please report it, with a file that shows it; other files are not affected",
            standing=Standing.REJECTED,
        )


def _standing(error: ReadError, source: Source) -> Standing:
    suffix = PurePath(source.name.lower()).suffix
    unknown = isinstance(error, UnknownFormatError) and source.found
    # a repository has JSON of many kinds, in many versions
    may_be_results = suffix in _RESULTS and source.commit is None
    return Standing.SKIPPED if unknown and not may_be_results else Standing.REJECTED


def _unchanged(source: Source, options: IngestOptions, known: Sequence[Version]) -> Version | None:
    """The version that is stored already; none where a format that the user has defined since
    would read the file otherwise."""
    current = readers_with(options.formats)
    for version in known:
        reader = current.get(version.reader)
        if reader is None or reader.version != version.reader_version:
            continue
        if options.reader not in (None, version.reader):
            continue
        if version.sha256 != source.digest(reader.companions):
            continue
        others = (item.name for item in options.formats if item.name != version.reader)
        if options.reader is None and any(current[name].sniff(source) for name in others):
            continue
        return version
    return None


def _read(source: Source, preparer: Preparer) -> Reading:
    reader, match = _reader(source, preparer.options)
    if match is Match.COMPANION:
        return Reading(
            uri=source.uri, key=source.key, reader=reader.name, standing=Standing.COMPANION
        )
    records: list[RunRecord] = []
    notices: list[Notice] = []
    for item in reader.read(source):
        if isinstance(item, Notice):
            notices.append(item)
        else:
            records.append(item)
    prepared = preparer.prepare(records, source, notices)
    return Reading(
        uri=source.uri,
        key=source.key,
        sha256=source.digest(reader.companions),
        size_bytes=source.size_bytes,
        mtime=source.mtime,
        reader=reader.name,
        reader_version=reader.version,
        is_defined=any(item.name == reader.name for item in preparer.options.formats),
        prepared=tuple(prepared),
        notices=tuple(notices),
    )


def _reader(source: Source, options: IngestOptions) -> tuple[Reader, Match]:
    if options.reader is None:
        return choose(source, options.formats)
    check_content(source)
    reader = reader_named(options.reader, options.formats)
    match = reader.sniff(source)
    return reader, Match.COMPANION if match is Match.COMPANION else Match.YES
