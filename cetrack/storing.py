"""The readings of a few sources → the database, in the transaction of the caller.

Statements are per batch and not per run: what a source costs is reading it. Runs that are known
already are settled one by one; they are few, or nothing of them has changed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, func, select, update

from cetrack.cleaning import clean_name
from cetrack.db.engine import dialect_of
from cetrack.domain import Identity, Link, Notice
from cetrack.filling import Stored, fill_blanks
from cetrack.inserting import belongings, insert_rows, write_aggregates
from cetrack.interning import Interner
from cetrack.matching import Change, Match, match_runs
from cetrack.models import Param, Run, RunSource, Source
from cetrack.preparing import Prepared
from cetrack.reading import Reading
from cetrack.series import write_points
from cetrack.store import (
    NewRun,
    insert_runs,
    replace_belongings,
    rows_where,
    touch,
    update_run,
    update_runs,
)

MAX_POINTS = 100_000
MAX_RUNS = 2_000


@dataclass(slots=True, kw_only=True)
class Outcome:
    """What became of the runs of one source; ``fixed`` are those whose baseline was stated."""

    changes: list[Change] = field(default_factory=list)
    points: int = 0
    notices: list[Notice] = field(default_factory=list)
    run_ids: list[int] = field(default_factory=list)
    fixed: set[int] = field(default_factory=set)


def batches(readings: Iterator[Reading]) -> Iterator[list[Reading]]:
    """The readings in groups that can be matched together.

    No two sources of a group can hold the same run, or one run's continuation: those would be
    looked for in the database before they are there.
    """
    batch: list[Reading] = []
    keys: set[str] = set()
    runs = points = 0
    for reading in readings:
        own = {key for item in reading.prepared for key in item.keys}
        full = runs + len(reading.prepared) > MAX_RUNS or points + reading.points > MAX_POINTS
        if batch and (full or own & keys or _looks_for_others(reading)):
            yield batch
            batch, keys, runs, points = [], set(), 0, 0
        batch.append(reading)
        keys |= own
        runs += len(reading.prepared)
        points += reading.points
    if batch:
        yield batch


def _looks_for_others(reading: Reading) -> bool:
    """True for a source that repeats the numbers of runs which other sources may hold."""
    return any(item.run.record.is_baseline_copy for item in reading.prepared)


def store_batch(
    connection: Connection, readings: Sequence[Reading], *, options_hash: str, repeat: bool
) -> list[Outcome]:
    """Store what is new in the readings; an outcome for each."""
    interner = Interner(connection)
    everything = [item for reading in readings for item in reading.prepared]
    matches = match_runs(connection, everything, repeat=repeat)
    ids = _insert_new(connection, interner, everything, matches)
    known = [match.run_id for match in matches if match.run_id is not None]
    settling = _Settling(
        connection=connection,
        interner=interner,
        stored=Stored(connection, known),
        outdated=_outdated(connection, readings, known),
    )
    outcomes = []
    rest = iter(matches)
    for reading in readings:
        outcome = Outcome(notices=list(reading.notices))
        for item in reading.prepared:
            match = next(rest)
            outcome.run_ids.append(match.run_id or ids[match.uid])
            settling.settle(outcome, item, match, reading.reader)
        outcomes.append(outcome)
    _link_stated(connection, readings, outcomes)
    _note_sources(connection, interner, readings, outcomes, options_hash=options_hash)
    return outcomes


def _insert_new(
    connection: Connection,
    interner: Interner,
    prepared: Sequence[Prepared],
    matches: Sequence[Match],
) -> dict[str, int]:
    new = {
        match.uid: NewRun(
            run=item.run,
            uid=match.uid,
            content_key=match.content_key,
            experiment=item.experiment,
            started_at=item.started_at,
            time_source=item.time_source,
        )
        for item, match in zip(prepared, matches, strict=True)
        if match.run_id is None
    }
    return insert_runs(connection, interner, list(new.values()))


# --- runs that are known -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _Settling:
    """Brings known runs up to date; ``outdated`` maps readers to runs that only older versions
    of them have written."""

    connection: Connection
    interner: Interner
    stored: Stored
    outdated: Mapping[str, Collection[int]]

    def settle(self, outcome: Outcome, item: Prepared, match: Match, reader: str | None) -> None:
        """Note in ``outcome`` what meeting the run has changed, after changing it."""
        place = item.run.record.place
        points = item.points
        if match.run_id is None:
            remarks = self.interner.conflicts(item.run)
            change = Change.NEW
        else:
            filled, remarks = fill_blanks(
                self.connection, self.interner, self.stored, match.run_id, item
            )
            if match.remark:
                remarks = [match.remark, *remarks]
            change = Change.UPDATED if filled else Change.UNCHANGED
            if match.run_id in self.outdated.get(reader or "", ()):
                replace_belongings(self.connection, self.interner, match.run_id, item.run)
                change = Change.UPDATED
            elif match.grown:
                points = self._grow(match, match.run_id, item)
                change = Change.UPDATED
            else:
                points = 0
        outcome.changes.append(change)
        outcome.points += points
        outcome.notices.extend(Notice(place, text) for text in remarks)

    def _grow(self, match: Match, run_id: int, item: Prepared) -> int:
        """Write what a log has more than before; settings such as the best epoch follow it."""
        connection, interner = self.connection, self.interner
        update_run(connection, run_id, {"content_key": match.content_key})
        metrics = [(interner.metric(growth.whole.metric), growth) for growth in match.grown]
        write_aggregates(connection, interner, [(run_id, key, g.whole) for key, g in metrics])
        params = belongings(interner, [(run_id, item.run)])[Param]
        if params:
            connection.execute(interner.upsert(Param, ["run_id", "key"]), params)
        touch(connection, [run_id])
        return write_points(connection, [(run_id, key, growth.points) for key, growth in metrics])


def _outdated(
    connection: Connection, readings: Sequence[Reading], known: Sequence[int]
) -> dict[str, set[int]]:
    """Reader → known runs that only older versions of it have written, or, of a format that the
    user defines, another definition."""
    current = {reading.reader: reading.reader_version for reading in readings}
    defined = {reading.reader for reading in readings if reading.is_defined}
    query = (
        select(RunSource.run_id, Source.reader, func.max(Source.reader_version).label("version"))
        .select_from(RunSource)
        .join(Source, Source.id == RunSource.source_id)
        .group_by(RunSource.run_id, Source.reader)
    )
    found: dict[str, set[int]] = {}
    for row in rows_where(connection, query, RunSource.run_id, known):
        version = current.get(row.reader, 0)
        if row.version < version or (row.reader in defined and row.version != version):
            found.setdefault(row.reader, set()).add(row.run_id)
    return found


# --- what sources state about each other's runs, and where runs were met -------------------------


def _link_stated(
    connection: Connection, readings: Sequence[Reading], outcomes: Sequence[Outcome]
) -> None:
    """Set the baselines and parents that the sources themselves state."""
    records = [item.run.record for reading in readings for item in reading.prepared]
    stated = (link for record in records for link in (record.baseline, record.parent))
    uids = sorted({link.uid for link in stated if link is not None and link.uid})
    by_uid = dict(map(tuple, rows_where(connection, [Run.uid, Run.id], Run.uid, uids)))
    changes: list[tuple[int, dict[str, Any]]] = []
    for reading, outcome in zip(readings, outcomes, strict=True):
        pairs = list(zip(reading.prepared, outcome.run_ids, strict=True))
        places = {item.run.record.place: run_id for item, run_id in pairs}
        for item, run_id in pairs:
            values = _stated_links(item, run_id, places, by_uid)
            if "baseline_rule" in values:
                outcome.fixed.add(run_id)
            changes.append((run_id, values))
    update_runs(connection, changes)


def _stated_links(
    item: Prepared, run_id: int, places: Mapping[str, int], by_uid: Mapping[str, int]
) -> dict[str, Any]:
    """The columns of a run that its own source settles."""

    def found(stated: Link | None) -> int | None:
        if stated is None:
            return None
        return by_uid.get(stated.uid) if stated.uid else places.get(stated.place or "")

    record = item.run.record
    baseline, parent = found(record.baseline), found(record.parent)
    values: dict[str, Any] = {}
    if baseline is not None and baseline != run_id:
        rule = record.baseline_rule or "explicit"
        values |= {"baseline_run_id": baseline, "baseline_rule": rule}
    elif _is_written_back(item) and record.baseline is None:
        values["baseline_rule"] = ""  # it had none, and keeps none
    if parent is not None and parent != run_id:
        values["parent_run_id"] = parent
    return values


def _is_written_back(item: Prepared) -> bool:
    """True for a run that export-runs has written."""
    record = item.run.record
    return record.identity is Identity.UID and record.time_source is not None


def _note_sources(
    connection: Connection,
    interner: Interner,
    readings: Sequence[Reading],
    outcomes: Sequence[Outcome],
    *,
    options_hash: str,
) -> None:
    """Note which sources were read, and where in them runs were met."""
    rows = [
        _source_columns(reading, outcome, options_hash)
        for reading, outcome in zip(readings, outcomes, strict=True)
    ]
    known = _known_sources(connection, rows)
    new = [row for row in rows if _source_key(row) not in known]
    ids = dialect_of(connection).new_ids(connection, Source.__table__, len(new)) if new else []
    insert_rows(connection, Source, [{"id": key, **row} for key, row in zip(ids, new, strict=True)])
    for row in rows:
        if _source_key(row) in known:
            found = known[_source_key(row)]
            connection.execute(update(Source).where(Source.id == found).values(**row))
    fresh = {_source_key(row): key for key, row in zip(ids, new, strict=True)}
    first, again = (
        _meetings(readings, outcomes, rows, fresh),
        _meetings(readings, outcomes, rows, known),
    )
    insert_rows(connection, RunSource, first)
    if again:
        connection.execute(interner.insert_new(RunSource), again)


def _meetings(
    readings: Sequence[Reading],
    outcomes: Sequence[Outcome],
    rows: Sequence[Mapping[str, Any]],
    sources: Mapping[tuple[str, ...], int],
) -> list[dict[str, Any]]:
    """Where in those of the readings that are ``sources`` each run was met, once."""
    found: dict[tuple[int, int, str], datetime] = {}
    for reading, outcome, row in zip(readings, outcomes, rows, strict=True):
        source = sources.get(_source_key(row))
        if source is None:
            continue
        for item, run_id in zip(reading.prepared, outcome.run_ids, strict=True):
            place = clean_name(item.run.record.place)
            found.setdefault((run_id, source, place), item.started_at)
    return [
        {"run_id": run_id, "source_id": source, "place": place, "seen_at": seen}
        for (run_id, source, place), seen in found.items()
    ]


def _source_key(row: Mapping[str, Any]) -> tuple[str, ...]:
    return row["uri"], row["sha256"], row["reader"], row["options_hash"]


def _known_sources(
    connection: Connection, rows: Sequence[Mapping[str, Any]]
) -> dict[tuple[str, ...], int]:
    columns = [Source.id, Source.uri, Source.sha256, Source.reader, Source.options_hash]
    found = rows_where(connection, columns, Source.uri, [row["uri"] for row in rows])
    return {_source_key(row._mapping): row.id for row in found}


def _source_columns(reading: Reading, outcome: Outcome, options_hash: str) -> dict[str, Any]:
    return {
        "uri": reading.key,
        "sha256": reading.sha256,
        "reader": reading.reader,
        "reader_version": reading.reader_version,
        "options_hash": options_hash,
        "size_bytes": reading.size_bytes,
        "mtime": reading.mtime,
        "ingested_at": datetime.now(UTC),
        "run_count": len(outcome.changes),
        "point_count": outcome.points,
        "notice_count": len(set(outcome.notices)),
    }
