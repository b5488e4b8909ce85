"""Run files written by other processes: each opens the database itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from sqlalchemy import Connection, Engine

from cetrack.errors import UsageError
from cetrack.exporting.run_files import Unit, write_unit
from cetrack.parallel import Crew
from cetrack.store import Store
from cetrack.tb.folder import Written


@dataclass(frozen=True, slots=True)
class _Job:
    """A unit for a process that has to find the database by itself."""

    url: str
    unit: Unit


def write_units(
    hands: Crew, connection: Connection, units: Iterator[Unit]
) -> Iterator[tuple[Unit, Sequence[Written]]]:
    """Every unit with what is known of its files, in the order of the units.

    One process alone reads from ``connection``. Others may see a run that has changed since: its
    file then is newer than its stamp says, and is written again the next time.
    """
    if not hands.elsewhere:
        yield from ((unit, list(write_unit(connection, unit))) for unit in units)
        return
    url = connection.engine.url.render_as_string(hide_password=False)
    sent: list[Unit] = []

    def jobs() -> Iterator[_Job]:
        for unit in units:
            sent.append(unit)
            yield _Job(url, replace(unit, root=unit.root.absolute()))

    for files in hands.ordered(_write, jobs()):
        yield sent.pop(0), files


def _write(job: _Job) -> list[Written]:
    with _store(job.url).read() as connection:
        return list(write_unit(connection, job.unit))


@lru_cache(maxsize=1)
def _store(url: str) -> Store:
    """Opened once in each process."""
    return Store.open(url)


def require_shared(engine: Engine) -> None:
    """Raise UsageError for a database that other machines cannot reach."""
    if engine.dialect.name == "sqlite":
        raise UsageError(
            "--cluster needs PostgreSQL: other machines cannot share a SQLite file",
            hint="--workers N uses the processors of this one",
        )
