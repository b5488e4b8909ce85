"""Undoing an ingest: a source with the runs that only it held, or a single run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, delete, or_, select

from cetrack.errors import UsageError
from cetrack.linking import link
from cetrack.models import RunSource, Source, runs_view
from cetrack.store import Store, delete_runs, rows_where

MIN_UID_PREFIX = 6
_INSIDE = ("/", ":", "@")  # a file in a folder or an archive; of a repository; at a commit


@dataclass(frozen=True, slots=True, kw_only=True)
class ForgetReport:
    """What was, or would be, removed. ``kept`` runs are in other sources too."""

    runs: tuple[dict[str, Any], ...]
    sources: tuple[str, ...]
    kept: int = 0


def forget(
    store: Store, target: str, *, dry_run: bool = False, baseline_precision: str = "fp32"
) -> ForgetReport:
    """Remove a source (by path, or the first digits of its sha256) or a run (by uid prefix).

    The path of a folder, an archive or a repository means all sources that were found in it.

    A source's runs go with it unless another source holds them as well; runs that lose their
    baseline are linked to another one at ``baseline_precision``. Raises UsageError when
    nothing, or more than one run, is meant.
    """
    if dry_run:
        with store.read() as connection:
            return _report(connection, *_meant(connection, target))
    with store.write() as connection:
        sources, runs, kept = _meant(connection, target)
        report = _report(connection, sources, runs, kept)
        neighbours = _neighbours(connection, runs)
        delete_runs(connection, runs)
        for source in sources:
            connection.execute(delete(RunSource).where(RunSource.source_id == source))
            connection.execute(delete(Source).where(Source.id == source))
        link(connection, neighbours, baseline_precision=baseline_precision)
    return report


def _meant(connection: Connection, target: str) -> tuple[list[int], list[int], list[int]]:
    """(source ids, run ids to remove, run ids that other sources keep)."""
    sources = _find_sources(connection, target)
    if not sources:
        return [], [_find_run(connection, target)], []
    pair = [RunSource.run_id, RunSource.source_id]
    held = {row.run_id for row in rows_where(connection, pair, RunSource.source_id, sources)}
    rows = rows_where(connection, pair, RunSource.run_id, sorted(held))
    kept = {row.run_id for row in rows if row.source_id not in sources}
    return sources, sorted(held - kept), sorted(kept)


def _find_sources(connection: Connection, target: str) -> list[int]:
    uri = target if target == "-" else Path(target).absolute().as_posix()
    exact = list(connection.scalars(select(Source.id).where(Source.uri.in_([uri, target]))))
    found = exact or _find_inside(connection, target)
    if found or len(target) < MIN_UID_PREFIX:
        return found
    return list(connection.scalars(select(Source.id).where(Source.sha256.startswith(target))))


def _find_inside(connection: Connection, target: str) -> list[int]:
    """The sources in a folder or an archive, of a repository, or the versions of a file in it."""
    if not target:
        return []
    uri = Path(target).absolute().as_posix()
    begins = tuple(f"{uri.rstrip('/')}{mark}" for mark in _INSIDE)
    query = select(Source.id, Source.uri).where(
        or_(*(Source.uri.startswith(begin, autoescape=True) for begin in begins))
    )
    # a database may compare the letters of a pattern without their case
    return [row.id for row in connection.execute(query) if row.uri.startswith(begins)]


def _find_run(connection: Connection, target: str) -> int:
    query = select(runs_view.c.run_id, runs_view.c.uid).where(
        runs_view.c.uid.startswith(target, autoescape=True)
    )
    rows = connection.execute(query.limit(3)).all()
    if len(target) < MIN_UID_PREFIX or not rows:
        raise UsageError(
            f"no source and no run '{target}'",
            hint=f"name a file, or at least {MIN_UID_PREFIX} digits of a uid from: cetrack runs",
        )
    exact = [row for row in rows if row.uid == target]
    if len(rows) > 1 and not exact:
        raise UsageError(f"'{target}' begins more than one uid", hint="type more of it")
    return int((exact or rows)[0].run_id)


def _neighbours(connection: Connection, runs: Sequence[int]) -> list[int]:
    """The runs whose baseline goes: they need another one."""
    column = runs_view.c.baseline_run_id
    rows = rows_where(connection, [runs_view.c.run_id], column, runs)
    return sorted({row.run_id for row in rows} - set(runs))


def _report(
    connection: Connection, sources: Sequence[int], runs: Sequence[int], kept: Sequence[int]
) -> ForgetReport:
    columns = [runs_view.c[name] for name in ("uid", "model", "precision", "kind", "started_at")]
    found = rows_where(connection, columns, runs_view.c.run_id, runs)
    uris = rows_where(connection, [Source.uri], Source.id, sources)
    return ForgetReport(
        runs=tuple(dict(row._mapping) for row in sorted(found, key=lambda row: row.uid)),
        sources=tuple(row.uri for row in uris),
        kept=len(kept),
    )
