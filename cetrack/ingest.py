"""Ingest: paths → readers → normalise → store. One file is one transaction.

A file that is met again unchanged costs one query. A bad file never stops the others: it is
listed with its place and reason. After all files models and baselines are linked.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, func, insert, select, update

from cetrack.db.engine import patiently
from cetrack.discover import discover
from cetrack.domain import Link, Notice, RunRecord
from cetrack.errors import ReadError
from cetrack.interning import Interner
from cetrack.linking import link
from cetrack.matching import Change, Match, fill_blanks, match_runs
from cetrack.models import Run, RunSource
from cetrack.models import Source as SourceRow
from cetrack.normalize import clean_name
from cetrack.preparing import IngestOptions as IngestOptions
from cetrack.preparing import Prepared, Preparer, checked
from cetrack.readers.base import Reader
from cetrack.readers.registry import choose, reader_named, readers
from cetrack.readers.source import Source
from cetrack.store import (
    NewRun,
    Store,
    insert_runs,
    link_sources,
    replace_belongings,
    rows_where,
    update_run,
    write_metrics,
)

Progress = Callable[[int, int, str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceReport:
    """What became of one source; ``planned`` describes the runs of a dry run."""

    uri: str
    reader: str | None = None
    status: str = "unchanged"
    runs_new: int = 0
    runs_updated: int = 0
    runs_unchanged: int = 0
    points: int = 0
    notices: tuple[Notice, ...] = ()
    problem: str | None = None
    hint: str | None = None
    planned: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestReport:
    """What an ingest did, a report per source in the order of their paths."""

    sources: tuple[SourceReport, ...]
    remarks: tuple[str, ...] = ()

    @property
    def rejected(self) -> tuple[SourceReport, ...]:
        """The sources that were not taken."""
        return tuple(item for item in self.sources if item.status == "rejected")


def ingest(
    store: Store | None,
    paths: Sequence[str],
    options: IngestOptions | None = None,
    *,
    progress: Progress | None = None,
) -> IngestReport:
    """Take in files, folders and globs; ``store`` None is a dry run without a database.

    Raises UsageError for a missing path or an unknown option, StoreError when the database cannot
    be used. Whatever is wrong with a file is in the report.
    """
    options = checked(options or IngestOptions())
    sources = discover(paths)
    work = _Work(store, options)
    reports = []
    for number, source in enumerate(sources):
        if progress:
            progress(number, len(sources), source.uri)
        reports.append(work.take(source))
    if progress:
        progress(len(sources), len(sources), "")
    return IngestReport(sources=tuple(reports), remarks=tuple(work.finish()))


class _Work:
    """One ingest command: what it has touched so far."""

    def __init__(self, store: Store | None, options: IngestOptions) -> None:
        self.store = store
        self.options = options
        self.preparer = Preparer(options)
        self.touched: list[int] = []
        self.fixed: set[int] = set()
        self.remarks: list[str] = []

    def take(self, source: Source) -> SourceReport:
        """Ingest one source; never raises for what is wrong with it."""
        try:
            known = self._known(source)
            if known is not None:
                return known
            reader = self._reader(source)
            records, notices = _read(reader, source)
            prepared = self.preparer.prepare(records, source, notices)
            if self.store is None or self.options.dry_run:
                return self._plan(source, reader, prepared, notices)
            store = self.store
            return patiently(lambda: self._store(store, source, reader, prepared, notices))
        except ReadError as error:
            return SourceReport(
                uri=source.uri, status="rejected", problem=error.problem, hint=error.hint
            )

    def finish(self) -> list[str]:
        """Link what the files of this command belong to."""
        if self.store is not None and not self.options.dry_run:
            store = self.store
            self.remarks += patiently(lambda: self._link(store))
        return sorted(set(self.remarks))

    def _link(self, store: Store) -> list[str]:
        with store.write() as connection:
            return link(
                connection,
                self.touched,
                fixed=self.fixed,
                baseline_precision=self.options.baseline_precision,
            )

    def _known(self, source: Source) -> SourceReport | None:
        """A report without reading the file, when these bytes were ingested like this before."""
        if self.store is None or self.options.repeat:
            return None
        with self.store.read() as connection:
            row = connection.execute(
                select(SourceRow)
                .where(
                    SourceRow.uri == source.key,
                    SourceRow.sha256 == source.sha256,
                    SourceRow.options_hash == self.options.hash,
                )
                .with_only_columns(*SourceRow.__table__.c)
            ).first()
        if row is None or self.options.reader not in (None, row.reader):
            return None
        current = readers().get(row.reader)
        if current is None or current.version != row.reader_version:
            return None
        return SourceReport(uri=source.uri, reader=row.reader, runs_unchanged=row.run_count)

    def _reader(self, source: Source) -> Reader:
        if not source.head.strip():
            raise ReadError(source.uri, "the file is empty")
        name = self.options.reader
        return reader_named(name) if name is not None else choose(source)

    # --- from prepared runs to the database --------------------------------------------------

    def _plan(
        self,
        source: Source,
        reader: Reader,
        prepared: Sequence[Prepared],
        notices: Sequence[Notice],
    ) -> SourceReport:
        changes = [Change.NEW] * len(prepared)
        if self.store is not None:
            with self.store.read() as connection:
                matches = match_runs(connection, prepared, repeat=self.options.repeat)
            changes = [_expected(match) for match in matches]
        planned = tuple(
            _description(item, change) for item, change in zip(prepared, changes, strict=True)
        )
        points = sum(
            len(series.steps)
            for item, change in zip(prepared, changes, strict=True)
            if change is Change.NEW
            for series in item.run.series
        )
        return _report(source, reader, changes, points, notices, planned=planned)

    def _store(
        self,
        store: Store,
        source: Source,
        reader: Reader,
        prepared: Sequence[Prepared],
        notices: Sequence[Notice],
    ) -> SourceReport:
        with store.write() as connection:
            interner = Interner(connection)
            matches = match_runs(connection, prepared, repeat=self.options.repeat)
            outdated = _outdated(connection, reader, matches)
            ids = _insert_new(connection, interner, prepared, matches)
            changes, points, extra = [], 0, list(notices)
            for item, match in zip(prepared, matches, strict=True):
                change, written, remarks = _settle(
                    connection, interner, item, match, outdated=match.run_id in outdated
                )
                changes.append(change)
                points += written
                extra.extend(Notice(item.run.record.place, text) for text in remarks)
            extra.extend(Notice("", text) for text in interner.conflicts)
            run_ids = [match.run_id or ids[match.uid] for match in matches]
            self.fixed |= _link_stated(connection, prepared, run_ids)
            report = _report(source, reader, changes, points, extra)
            source_id = self._source_row(connection, source, reader, report)
            _note_meetings(connection, interner, source_id, prepared, run_ids)
        self.touched.extend(run_ids)
        return report

    def _source_row(
        self, connection: Connection, source: Source, reader: Reader, report: SourceReport
    ) -> int:
        key = {
            "uri": source.key,
            "sha256": source.sha256,
            "reader": reader.name,
            "options_hash": self.options.hash,
        }
        values = {
            "reader_version": reader.version,
            "size_bytes": source.size_bytes,
            "mtime": source.mtime,
            "ingested_at": datetime.now(UTC),
            "run_count": report.runs_new + report.runs_updated + report.runs_unchanged,
            "point_count": report.points,
            "notice_count": len(report.notices),
        }
        same = [getattr(SourceRow, name) == value for name, value in key.items()]
        found = connection.scalar(select(SourceRow.id).where(*same))
        if found is not None:
            connection.execute(update(SourceRow).where(SourceRow.id == found).values(**values))
            return int(found)
        connection.execute(insert(SourceRow).values(**key, **values))
        return int(connection.execute(select(SourceRow.id).where(*same)).scalar_one())


# --- reading ---------------------------------------------------------------------------------


def _read(reader: Reader, source: Source) -> tuple[list[RunRecord], list[Notice]]:
    records: list[RunRecord] = []
    notices: list[Notice] = []
    for item in reader.read(source):
        if isinstance(item, Notice):
            notices.append(item)
        else:
            records.append(item)
    return records, notices


# --- storing ---------------------------------------------------------------------------------


def _expected(match: Match) -> Change:
    if match.run_id is None:
        return Change.NEW
    return Change.UPDATED if match.grown else Change.UNCHANGED


def _outdated(connection: Connection, reader: Reader, matches: Sequence[Match]) -> set[int]:
    """Known runs that only older versions of this reader have written."""
    known = [match.run_id for match in matches if match.run_id is not None]
    query = (
        select(RunSource.run_id, func.max(SourceRow.reader_version))
        .join(SourceRow, SourceRow.id == RunSource.source_id)
        .where(SourceRow.reader == reader.name, RunSource.run_id.in_(known))
        .group_by(RunSource.run_id)
    )
    rows = connection.execute(query).all()
    return {run_id for run_id, version in rows if version < reader.version}


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


def _settle(
    connection: Connection, interner: Interner, item: Prepared, match: Match, *, outdated: bool
) -> tuple[Change, int, list[str]]:
    """Bring a known run up to date: (what changed, points written, remarks)."""
    if match.run_id is None:
        return Change.NEW, sum(len(series.steps) for series in item.run.series), []
    filled, remarks = fill_blanks(connection, interner, match.run_id, item)
    if match.remark:
        remarks = [match.remark, *remarks]
    if outdated:
        replace_belongings(connection, interner, match.run_id, item.run)
        return Change.UPDATED, sum(len(series.steps) for series in item.run.series), remarks
    if match.grown:
        update_run(connection, match.run_id, {"content_key": match.content_key})
        written = write_metrics(
            connection, interner, [(match.run_id, series) for series in match.grown]
        )
        return Change.UPDATED, written, remarks
    return (Change.UPDATED if filled else Change.UNCHANGED), 0, remarks


def _link_stated(
    connection: Connection, prepared: Sequence[Prepared], run_ids: Sequence[int]
) -> set[int]:
    """Set the baselines and parents that the source itself states; returns the runs with one."""
    places = {item.run.record.place: run_id for item, run_id in zip(prepared, run_ids, strict=True)}
    records = [item.run.record for item in prepared]
    uids = [
        stated.uid
        for record in records
        for stated in (record.baseline, record.parent)
        if stated is not None and stated.uid
    ]
    by_uid = dict(map(tuple, rows_where(connection, [Run.uid, Run.id], Run.uid, uids)))

    def found(stated: Link | None) -> int | None:
        if stated is None:
            return None
        return by_uid.get(stated.uid) if stated.uid else places.get(stated.place or "")

    fixed = set()
    for record, run_id in zip(records, run_ids, strict=True):
        baseline, parent = found(record.baseline), found(record.parent)
        values: dict[str, Any] = {}
        if baseline is not None and baseline != run_id:
            rule = record.baseline_rule or "explicit"
            values |= {"baseline_run_id": baseline, "baseline_rule": rule}
            fixed.add(run_id)
        elif record.uid and record.time_source is not None and record.baseline is None:
            values["baseline_rule"] = ""  # written by export-runs: it had none, and keeps none
            fixed.add(run_id)
        if parent is not None and parent != run_id:
            values["parent_run_id"] = parent
        update_run(connection, run_id, values)
    return fixed


def _note_meetings(
    connection: Connection,
    interner: Interner,
    source_id: int,
    prepared: Sequence[Prepared],
    run_ids: Sequence[int],
) -> None:
    rows = [
        {
            "run_id": run_id,
            "source_id": source_id,
            "place": clean_name(item.run.record.place),
            "seen_at": item.started_at,
        }
        for item, run_id in zip(prepared, run_ids, strict=True)
    ]
    link_sources(connection, interner, rows)


# --- reporting -------------------------------------------------------------------------------


def _report(
    source: Source,
    reader: Reader,
    changes: Sequence[Change],
    points: int,
    notices: Sequence[Notice],
    *,
    planned: tuple[Mapping[str, Any], ...] = (),
) -> SourceReport:
    counts = Counter(changes)
    status = next((change for change in Change if counts[change]), Change.UNCHANGED)
    return SourceReport(
        uri=source.uri,
        reader=reader.name,
        status=str(status),
        runs_new=counts[Change.NEW],
        runs_updated=counts[Change.UPDATED],
        runs_unchanged=counts[Change.UNCHANGED],
        points=points,
        notices=tuple(dict.fromkeys(notices)),
        planned=planned,
    )


def _description(item: Prepared, change: Change) -> dict[str, Any]:
    """A run as a dry run shows it."""
    run, record = item.run, item.run.record
    return {
        "change": str(change),
        "place": record.place,
        "model": run.model.name,
        "library": run.model.library or None,
        "input_shape": run.model.input_shape or None,
        "precision": run.precision.name,
        "kind": record.kind.value,
        "started_at": item.started_at.isoformat(),
        "time_source": item.time_source.value,
        "metrics": {
            series.metric.name: {
                "from": series.source_name,
                "unit": series.metric.unit,
                "points": len(series.steps),
                "last": float(series.values[-1]),
            }
            for series in run.series
        },
        "samples": {sample.metric.name: len(sample.values) for sample in run.samples},
        "params": dict(run.params),
    }
