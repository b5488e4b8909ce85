"""From what a reader found to runs that are ready for the store. Pure but for asking git for times.

The file says most; ``--set`` fills what it leaves open, and the path what both do.
"""

from __future__ import annotations

import socket
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cache, cached_property, partial
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from cetrack import identity
from cetrack.cleaning import clean_name
from cetrack.domain import (
    Identity,
    Kind,
    NormalRun,
    Notice,
    Precision,
    RunRecord,
    Series,
    TimeSource,
    copied,
)
from cetrack.errors import UsageError
from cetrack.hints import path_hints, path_label, variant_of
from cetrack.mappings import Format
from cetrack.normalize import normalize
from cetrack.plain import PlainSeries, points_of
from cetrack.precisions import find_precision, parse_precision
from cetrack.readers.registry import reader_named, readers_with
from cetrack.readers.source import Source
from cetrack.readers.times import time_in_name
from cetrack.settings import apply_settings, check_settings
from cetrack.vcs import GitTimes

if TYPE_CHECKING:
    from cetrack.definitions import Definition

DEFAULT_EXPERIMENT = "default"
UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestOptions:
    """What the user says about the runs of a command; None and blank leave it to the files.

    ``formats`` are those which ``cetrack.toml`` defines. They take no part in the hash: the reader
    of one has another version for another definition. Nor do the ``definitions`` of metrics there,
    which change nothing of what is read.
    """

    experiment: str | None = None
    default_experiment: str | None = None  # where neither this nor the file says
    reader: str | None = None
    at: datetime | None = None
    settings: Mapping[str, str] = field(default_factory=dict)
    repeat: bool = False
    dry_run: bool = False
    baseline_precision: str = "fp32"
    formats: tuple[Format, ...] = ()
    definitions: tuple[Definition, ...] = ()

    @property
    def hash(self) -> str:
        """Equal for options under which the same bytes give the same runs."""
        return identity.digest(
            {
                "experiment": [self.experiment, self.default_experiment],
                "at": self.at.isoformat() if self.at else None,
                "settings": dict(self.settings),
                "baseline": self.baseline_precision,
            }
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class Prepared:
    """A run as it is to be stored, and what it is known by.

    ``named`` is what the file says with what ``--set`` adds, not normalised. ``keys`` are, of a
    snapshot, its uid and its content key (the identity with and without ``--set``); of a log, the
    keys of its head as it is now and as it was after its first step; else its own uid.
    """

    run: NormalRun
    named: RunRecord
    experiment: str
    started_at: datetime
    time_source: TimeSource
    ordinal: int
    keys: tuple[str, ...]

    @cached_property
    def points(self) -> int:
        """How many points its series have."""
        return points_of(self.run.series)


def checked(options: IngestOptions) -> IngestOptions:
    """The options with canonical values. Raises UsageError for one that makes no sense."""
    check_settings(options.settings)
    readers_with(options.formats)
    if options.reader is not None:
        reader_named(options.reader, options.formats)
    baseline = parse_precision(options.baseline_precision)
    if baseline is None:
        raise UsageError(f"unknown baseline precision '{options.baseline_precision}'")
    return replace(options, baseline_precision=baseline.name)


class Preparer:
    """Prepares the records of the files of one command."""

    def __init__(self, options: IngestOptions) -> None:
        self.options = options
        self._git = GitTimes()

    def prepare(
        self, records: Sequence[RunRecord], source: Source, notices: list[Notice]
    ) -> list[Prepared]:
        """The runs of one source, ready for the store; what is doubtful is added to ``notices``.

        A run whose model or precision nobody names is kept under an unknown one.
        """
        ordinals: Counter[str] = Counter()
        place = source.key if source.location is None else source.location.as_posix()
        where = f"{place}@{socket.gethostname()}"
        outside = cache(partial(self._time_of_source, source))
        prepared = []
        for record in records:
            stated = _with_path(record, source)
            named, contradictions = apply_settings(stated, self.options.settings)
            notices.extend(Notice(record.place, text) for text in contradictions)
            named = _with_commit(_with_names(named, source), source)
            experiment = self._experiment(named)
            keys, ordinal = _keys(stated, named, experiment, where, ordinals)
            run = normalize(named)
            started_at, time_source = self._time(named, outside)
            notices.extend(run.notices)
            prepared.append(
                Prepared(
                    run=run,
                    named=named,
                    experiment=experiment,
                    started_at=started_at,
                    time_source=time_source,
                    ordinal=ordinal,
                    keys=keys,
                )
            )
        contradiction = _contradicted_name([item.named for item in prepared], source)
        if contradiction is not None:
            notices.append(contradiction)
        return prepared

    def _experiment(self, record: RunRecord) -> str:
        stated = self.options.experiment or record.experiment or self.options.default_experiment
        return clean_name(stated or "") or DEFAULT_EXPERIMENT

    def _time(
        self, record: RunRecord, outside: Callable[[], tuple[datetime, TimeSource]]
    ) -> tuple[datetime, TimeSource]:
        """When a run started, by the most trusted witness that there is.

        ``outside`` asks those that know the whole source only.
        """
        if record.started_at is not None:
            return record.started_at, record.time_source or TimeSource.FILE
        series = () if isinstance(record.series, PlainSeries) else record.series
        walls = [item.wall_times for item in series if item.wall_times is not None]
        known = [float(wall[wall > 0].min()) for wall in walls if (wall > 0).any()]
        if known:
            return datetime.fromtimestamp(min(known), UTC), TimeSource.FILE
        return outside()

    def _time_of_source(self, source: Source) -> tuple[datetime, TimeSource]:
        if self.options.at is not None:
            return self.options.at, TimeSource.OPTION
        if source.commit is not None:  # it tells the versions of a file apart, its name does not
            return source.commit.time, TimeSource.GIT
        # the file's own name first, then those of the folders below the one that was named
        names = [source.name, *reversed(source.inner.parent.parts)]
        named = next((time for time in map(time_in_name, names) if time is not None), None)
        if named is not None:
            return named, TimeSource.NAME
        committed = self._git.committed_at(source.path) if source.path else None
        if committed is not None:
            return committed, TimeSource.GIT
        if source.mtime is not None:
            return source.mtime, TimeSource.MTIME
        return datetime.now(UTC), TimeSource.CLOCK


def prepared_alone(
    record: RunRecord, *, experiment: str, started_at: datetime, time_source: TimeSource
) -> Prepared:
    """A run that comes from code and not out of a file."""
    keys, ordinal = _keys(record, record, experiment, "", Counter())
    return Prepared(
        run=normalize(record),
        named=record,
        experiment=experiment,
        started_at=started_at,
        time_source=time_source,
        ordinal=ordinal,
        keys=keys,
    )


def _keys(
    stated: RunRecord, named: RunRecord, experiment: str, where: str, ordinals: Counter[str]
) -> tuple[tuple[str, ...], int]:
    """(keys, ordinal) of a run; ``ordinals`` counts the identical entries of its source."""
    if named.identity is Identity.UID:
        return (str(named.uid),), 0
    if named.identity is Identity.LOG:
        head = identity.head_key(named, named.series, where=where)
        return (head, identity.head_key(named, _first_steps(named), where=where)), 0
    content = identity.content_key(stated, experiment, ordinal=0)
    ordinal = ordinals[content]
    ordinals[content] += 1
    if ordinal:
        content = identity.content_key(stated, experiment, ordinal=ordinal)
    if named is stated:
        return (content, content), ordinal
    return (identity.content_key(named, experiment, ordinal=ordinal), content), ordinal


def _first_steps(record: RunRecord) -> list[Series]:
    """Every series cut to the first step of the log."""
    first = min((int(item.steps[0]) for item in record.series if len(item.steps)), default=0)
    return [  # copies: a view would hold all that was read from disk
        replace(item, steps=item.steps[:1], values=item.values[:1].copy(), wall_times=None)
        for item in record.series
        if len(item.steps) and int(item.steps[0]) == first
    ]


def _with_path(record: RunRecord, source: Source) -> RunRecord:
    """Fill what the file leaves open from its path: a model (weakly), a precision, a variant."""
    if record.identity is Identity.UID and record.model.name and record.precision:
        return record
    changes: dict[str, Any] = {}
    location = source.location
    if location is not None and not (record.model.name and record.precision):
        model, precision = path_hints(source.inner, location)
        if not record.model.name and model:
            changes["model"] = replace(record.model, name=model)
            changes["weak"] = record.weak | {"model"}
            text = f"model '{model}' is taken from the path"
            changes["notices"] = (*record.notices, Notice(record.place, text))
        if not record.precision and precision:
            changes["precision"] = precision
            changes["weak"] = changes.get("weak", record.weak) | {"precision"}
    # a run with an id of its own is the same wherever it is met
    if not record.variant and location is not None and record.identity is not Identity.UID:
        changes["variant"] = variant_of(source.name)
    return copied(record, **changes) if changes else record


def _with_commit(record: RunRecord, source: Source) -> RunRecord:
    """The record with the commit that its source was read from, where it states none itself."""
    if source.commit is None or record.git_commit:
        return record
    return copied(record, git_commit=source.commit.id, weak=record.weak | {"git_commit"})


def _contradicted_name(records: Sequence[RunRecord], source: Source) -> Notice | None:
    """The notice that the file's own name says a precision that none of its runs has."""
    name = PurePath(source.name)
    label = path_hints(name, name)[1]
    said = find_precision(label) if label else None
    stated = [find_precision(record.precision) for record in records]
    if said is None or not stated or None in stated:
        return None
    if any(found is not None and _alike(found[0], said[0]) for found in stated):
        return None
    names = ", ".join(dict.fromkeys(found[0].name for found in stated if found is not None))
    return Notice("", f"the file's name says {said[0].name}, its content {names}: that counts")


def _alike(one: Precision, other: Precision) -> bool:
    """True for formats of one kind and as many bits: int8 and int8_dynamic."""
    bits = one.weight_bits == other.weight_bits and one.is_float == other.is_float
    return one.name == other.name or (bits and one.weight_bits is not None)


def _with_names(record: RunRecord, source: Source) -> RunRecord:
    """The record with a model: the nearest folder that may be one where nobody names it, else an
    unknown one. A notice says what to do about that, and about a precision that is not named."""
    said = []
    if not record.model.name.strip():
        model = path_label(source.location) if source.location is not None else ""
        taken = f"'{model}' is taken from the path" if model else "is named nowhere"
        said.append(f"the model {taken}: --set model=NAME says it")
        record = copied(
            record,
            model=replace(record.model, name=model or UNKNOWN),
            weak=record.weak | {"model"},
        )
    if not record.precision:
        example = "int8" if record.kind is Kind.COMPRESSION else "fp32"
        said.append(f"the precision is named nowhere: --set precision={example} says it")
    if not said:
        return record
    return copied(record, notices=(*record.notices, *(Notice(record.place, text) for text in said)))
