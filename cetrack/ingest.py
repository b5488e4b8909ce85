"""Ingest: paths → readers → normalise → store. A file is wholly in, or wholly absent.

Small files share a transaction; one that is met again unchanged costs its hash. A bad file never
stops the others: it is listed with its place and reason. After all files models and baselines are
linked, and the user's derived metrics worked out.
"""

from __future__ import annotations

import itertools
import os
import uuid
from collections import Counter, defaultdict
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from cetrack.db.engine import dialect_of, patiently
from cetrack.discover import discover
from cetrack.domain import Notice
from cetrack.errors import ReadError
from cetrack.inside import Origin
from cetrack.linking import link
from cetrack.matching import Change, Match, match_runs
from cetrack.materialising import derive_ingested
from cetrack.models import Source as SourceRow
from cetrack.parallel import ALONE, Crew, crew
from cetrack.preparing import IngestOptions as IngestOptions
from cetrack.preparing import Prepared, checked
from cetrack.readers.source import Source
from cetrack.reading import Reading, Standing, Unit, Version, read_unit
from cetrack.store import Store, rows_where
from cetrack.storing import Outcome, batches, store_batch

_LOOKED_UP = 500  # sources asked for at once
_FILES_A_UNIT = 40  # a batch that is stored holds some 100 files: readers are not to wait
_MANY_FILES = 200
_MOST_WORKERS = 4  # one process stores, and is busy then
_BYTES_A_UNIT = 4 * 2**20
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
    workers: int | None = 1,
    cluster: str | None = None,
) -> IngestReport:
    """Take in files, archives, folders and globs: see :func:`take_in`.

    Raises UsageError also for a path that names nothing.
    """
    origins = discover(paths, options.formats if options else ())
    return take_in(store, origins, options, progress=progress, workers=workers, cluster=cluster)


def take_in(
    store: Store | None,
    origins: Sequence[Origin],
    options: IngestOptions | None = None,
    *,
    progress: Progress | None = None,
    workers: int | None = 1,
    cluster: str | None = None,
) -> IngestReport:
    """Take in all sources of some origins; ``store`` None is a dry run without a database.

    Files are read by ``workers`` processes (None: as many as help), or by the Dask cluster whose
    scheduler is at ``cluster``, and stored by this process in the order given: the result is the
    same.

    Raises UsageError for an unknown option, StoreError when the database cannot be used. Whatever
    is wrong with a file is in the report.
    """
    work = _Work(store, checked(options or IngestOptions()))
    files = sum(map(len, origins))
    others = _helpful(files) if workers is None else (workers if workers > 1 else 0)
    with (
        crew(others=others, cluster=cluster) as hands,
        closing(work.read(origins, hands, progress or _silent)) as readings,
    ):
        reports = [report for batch in batches(readings) for report in work.take(batch)]
    return IngestReport(sources=tuple(reports), remarks=(*work.remarks, *work.finish()))


def _helpful(files: int) -> int:
    """How many processes are worth starting beside this one, which stores."""
    spare = (os.cpu_count() or 1) - 1
    return min(spare, _MOST_WORKERS) if files >= _MANY_FILES else 0


def _silent(done: int, total: int, current: str) -> None:
    """No progress is shown."""


class _Work:
    """One ingest command: what it has touched so far."""

    def __init__(self, store: Store | None, options: IngestOptions) -> None:
        self.store = store
        self.target = None if options.dry_run else store
        self.options = options
        self.command = uuid.uuid4().hex
        self.touched: list[int] = []
        self.fixed: set[int] = set()
        self.remarks: list[str] = []

    def read(
        self, origins: Sequence[Origin], hands: Crew, progress: Progress
    ) -> Generator[Reading, None, None]:
        """What each source gives, in order."""
        done, total = 0, sum(map(len, origins))
        for origin in origins:
            # what only this machine sees is read by this process
            reading = hands if origin.is_shared or not hands.far else ALONE
            with origin.opened() as sources:
                total += len(sources) - len(origin)
                units = self._units(sources, travels=reading.elsewhere)
                for result in itertools.chain.from_iterable(reading.ordered(read_unit, units)):
                    progress(done, total, result.uri)
                    yield result
                    done += 1
            self.remarks += origin.remarks
        progress(done, total, "")

    def _units(self, sources: Sequence[Source], *, travels: bool) -> Iterator[Unit]:
        """The sources one by one; several small ones together where each unit is a journey."""
        for start in range(0, len(sources), _LOOKED_UP):
            part = sources[start : start + _LOOKED_UP]
            known = self._known(part)
            for group in _travelling(part) if travels else ([source] for source in part):
                pairs = tuple((source, tuple(known[source.key])) for source in group)
                yield Unit(self.command, self.options, pairs, travels)

    def _known(self, sources: Sequence[Source]) -> dict[str, list[Version]]:
        """Key → the versions of a source that were ingested with these options before."""
        known: dict[str, list[Version]] = defaultdict(list)
        if self.store is None or self.options.repeat:
            return known
        query = select(
            SourceRow.uri, SourceRow.sha256, SourceRow.reader, SourceRow.reader_version,
            SourceRow.run_count,
        ).where(SourceRow.options_hash == self.options.hash)  # fmt: skip
        with self.store.read() as connection:
            keys = [source.key for source in sources]
            for uri, *version in rows_where(connection, query, SourceRow.uri, keys):
                known[uri].append(Version(*version))
        return known

    def take(self, batch: Sequence[Reading]) -> list[SourceReport]:
        """Store, or plan, what was read; a report for each source."""
        fresh = [
            item for item in batch if item.standing is Standing.READ and item.unchanged is None
        ]
        if self.target is None:
            reports = [self._plan(reading) for reading in fresh]
        else:
            store = self.target
            outcomes = patiently(lambda: self._store(store, fresh)) if fresh else []
            reports = [
                _report(reading, outcome.changes, outcome.points, outcome.notices)
                for reading, outcome in zip(fresh, outcomes, strict=True)
            ]
            for outcome in outcomes:
                self.touched.extend(outcome.run_ids)
                self.fixed |= outcome.fixed
        done = dict(zip(map(id, fresh), reports, strict=True))
        return [done.get(id(reading)) or _untouched(reading) for reading in batch]

    def _store(self, store: Store, readings: Sequence[Reading]) -> list[Outcome]:
        with store.write() as connection:
            return store_batch(
                connection,
                readings,
                options_hash=self.options.hash,
                repeat=self.options.repeat,
            )

    def _plan(self, reading: Reading) -> SourceReport:
        """What storing would do; it is not done."""
        changes = [Change.NEW] * len(reading.prepared)
        if self.store is not None:
            with self.store.read() as connection:
                matches = match_runs(connection, reading.prepared, repeat=self.options.repeat)
            changes = [_expected(match) for match in matches]
        pairs = list(zip(reading.prepared, changes, strict=True))
        points = sum(item.points for item, change in pairs if change is Change.NEW)
        planned = tuple(_description(item, change) for item, change in pairs)
        return _report(reading, changes, points, reading.notices, planned=planned)

    def finish(self) -> list[str]:
        """Link what the files of this command belong to, and derive what follows; remarks."""
        if self.target is None:
            return []
        store = self.target
        return sorted(set(patiently(lambda: self._link(store))))

    def _link(self, store: Store) -> list[str]:
        with store.write(checks_rows=False) as connection:
            remarks = link(
                connection,
                self.touched,
                fixed=self.fixed,
                baseline_precision=self.options.baseline_precision,
            )
            remarks += derive_ingested(connection, self.options.definitions, self.touched)
            dialect_of(connection).after_bulk_write(connection, len(self.touched))
            return remarks


def _travelling(sources: Sequence[Source]) -> Iterator[list[Source]]:
    """The sources in groups that are worth a journey, and no larger than need be."""
    group: list[Source] = []
    size = 0
    for source in sources:
        group.append(source)
        size += _size(source)
        if len(group) == _FILES_A_UNIT or size >= _BYTES_A_UNIT:
            yield group
            group, size = [], 0
    if group:
        yield group


def _size(source: Source) -> int:
    try:
        return source.size_bytes
    except ReadError:  # said when it is read
        return 0


def _expected(match: Match) -> Change:
    if match.run_id is None:
        return Change.NEW
    return Change.UPDATED if match.grown else Change.UNCHANGED


# --- reporting -------------------------------------------------------------------------------


def _untouched(reading: Reading) -> SourceReport:
    """A source that nothing is stored of: known in this version, or of another standing."""
    if reading.unchanged is None:
        return SourceReport(
            uri=reading.uri,
            reader=reading.reader,
            status=reading.standing.value,
            problem=reading.problem,
            hint=reading.hint,
        )
    runs = reading.unchanged.run_count
    return SourceReport(uri=reading.uri, reader=reading.reader, runs_unchanged=runs)


def _report(
    reading: Reading,
    changes: Sequence[Change],
    points: int,
    notices: Sequence[Notice],
    *,
    planned: tuple[Mapping[str, Any], ...] = (),
) -> SourceReport:
    counts = Counter(changes)
    status = next((change for change in Change if counts[change]), Change.UNCHANGED)
    return SourceReport(
        uri=reading.uri,
        reader=reading.reader,
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
        "status": record.status.value,
        "method": record.method or None,
        "variant": record.variant or None,
        "dataset": record.dataset or None,
        "device": record.environment.device or None,
        "runtime": record.environment.runtime or None,
        "batch_size": record.batch_size,
        "seed": record.seed,
        "started_at": item.started_at.isoformat(),
        "time_source": item.time_source.value,
        "metrics": {
            series.metric.name: {
                "from": series.source_name,
                "unit": series.metric.unit,
                "source_unit": series.source_unit,
                "scale": series.scale,
                "points": len(series.steps),
                "last": float(series.values[-1]),
            }
            for series in run.series
        },
        "samples": {
            sample.metric.name: {"unit": sample.metric.unit, "values": len(sample.values)}
            for sample in run.samples
        },
        "params": dict(run.params),
    }
