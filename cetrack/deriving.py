"""Derived metrics and scores of a database: which there are, and bringing their values up to date.

The built-in ones are always up to date; those that ``cetrack.toml`` defines are materialised.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.resources import files

from sqlalchemy import Connection, func, select

from cetrack.db.engine import patiently
from cetrack.definitions import Definition, Version, versions
from cetrack.derive import derived_metrics
from cetrack.filter import Expr
from cetrack.filter.sql import matching_runs
from cetrack.materialising import Count, Materialiser, is_stale, parts
from cetrack.models import DerivedValue, Metric, Run, derived_values_view, measurements_view
from cetrack.registering import current, expected, register
from cetrack.report.table import Column, Kind, Row, Table
from cetrack.store import Store

Progress = Callable[[int, int, str], None]
SHOWN_HASH = 10  # hex digits
_BUILT_IN, _FILE, _DATABASE = "built in", "cetrack.toml", "database only"
_COLUMNS = (
    Column(name="metric"),
    Column(name="unit", rank=3),
    Column(name="direction", rank=4),
    Column(name="formula", fold_at=40),
    Column(name="version", rank=2),
    Column(name="runs", kind=Kind.NUMBER),
    Column(name="stale", kind=Kind.NUMBER),
    Column(name="source", rank=1),
)


@dataclass(frozen=True, slots=True)
class Derivation:
    """What became of one definition: ``change`` is new, changed, unchanged or retired; ``values``
    were worked out, and ``none`` runs were looked at that have none."""

    metric: str
    version: str
    change: str
    values: int = 0
    none: int = 0


@dataclass(frozen=True, slots=True)
class DeriveReport:
    """What :func:`derive` did, or would do, to how many runs."""

    derivations: tuple[Derivation, ...]
    runs: int


def derive(
    store: Store,
    definitions: Iterable[Definition] | None,
    *,
    where: Expr | None = None,
    everything: bool = False,
    dry_run: bool = False,
    progress: Progress | None = None,
) -> DeriveReport:
    """Make ``definitions`` those of the database, and work out what is missing or stale.

    Without definitions (None) those of the database are used as they are. ``where`` limits the runs
    and ``everything`` works out also what is up to date. Raises UsageError for a definition that
    names an unknown metric.
    """
    known = None if definitions is None else tuple(definitions)
    with store.read() as connection:
        before = {item.name: item.version.hash for item in current(connection)}
        wanted = _wanted(connection, known)
        run_ids = sorted(connection.scalars(matching_runs(where)))
    if not dry_run and known is not None:
        patiently(partial(_register, store, known))
    totals = {version.definition.name: Count() for version in wanted}
    done = 0
    for some in parts(run_ids) if wanted else ():
        if progress is not None:
            progress(done, len(run_ids), "")
        done += len(some)
        work = partial(_work, store, wanted, some, everything=everything, writes=not dry_run)
        for name, count in patiently(work).items():
            totals[name].values += count.values
            totals[name].none += count.none
    if progress is not None:
        progress(len(run_ids), len(run_ids), "")
    found = [_derivation(version, before, totals) for version in wanted]
    names = {version.definition.name for version in wanted}
    retired = [Derivation(name, before[name], "retired") for name in sorted(before.keys() - names)]
    return DeriveReport((*found, *retired), len(run_ids))


def _wanted(
    connection: Connection, definitions: Sequence[Definition] | None
) -> tuple[Version, ...]:
    known = {item.name: item for item in current(connection)}
    if definitions is None:
        return tuple(item.version for item in known.values())
    return expected(connection, definitions, known, complete=True)


def _register(store: Store, definitions: Sequence[Definition]) -> None:
    with store.write() as connection:
        register(connection, definitions, complete=True)


def _work(
    store: Store, versions: Sequence[Version], run_ids: Sequence[int], *, everything: bool,
    writes: bool,
) -> dict[str, Count]:  # fmt: skip
    """One transaction."""
    opened = store.write(checks_rows=False) if writes else store.read()
    with opened as connection:
        materialiser = Materialiser(connection, versions, everything=everything, writes=writes)
        materialiser.work(run_ids)
        return materialiser.counts


def _derivation(version: Version, before: dict[str, str], totals: dict[str, Count]) -> Derivation:
    name = version.definition.name
    change = "unchanged" if before.get(name) == version.hash else "changed"
    count = totals[name]
    return Derivation(
        name, version.hash, change if name in before else "new", count.values, count.none
    )


# --- what there is --------------------------------------------------------------------------


def list_derived(store: Store, definitions: Iterable[Definition] | None) -> Table:
    """Every derived metric and score: its formula, its version, how many runs have a value, and of
    how many of those it is stale."""
    own = tuple(definitions or ())
    with store.read() as connection:
        known = {item.name: item for item in current(connection)}
        wanted = expected(connection, own, known, complete=False)
        rows = _builtin_rows(connection)
        names = {item.name for item in own}
        for version in wanted:
            source = _FILE if version.definition.name in names else _DATABASE
            rows.append(_row(connection, version, source))
    return Table(columns=_COLUMNS, rows=tuple(rows))


def _builtin_rows(connection: Connection) -> list[Row]:
    counts = _builtin_counts(connection)
    return [
        (name, item.metric.unit, item.metric.direction, item.expr, None, counts[name], 0, _BUILT_IN)
        for name, item in derived_metrics().items()
    ]


def _builtin_counts(connection: Connection) -> Counter[str]:
    """How many runs have each built-in derived metric, stated or derived."""
    view = measurements_view.c
    query = (
        select(view.metric, func.count())
        .where(view.metric.in_(list(derived_metrics())), view.value.is_not(None))
        .group_by(view.metric)
    )
    return Counter({row.metric: row[1] for row in connection.execute(query)})


def _row(connection: Connection, version: Version, source: str) -> Row:
    definition = version.definition
    values, baseline = DerivedValue.__table__.c, Run.__table__.alias("baseline_run")
    of_metric = (
        select(func.count(values.run_id.distinct()))
        .join(Metric, Metric.id == values.metric_id)
        .where(Metric.name == definition.name)
    )
    fresh = (
        of_metric.join(Run, Run.id == values.run_id)
        .outerjoin(baseline, baseline.c.id == Run.baseline_run_id)
        .where(values.definition_hash == version.hash, ~is_stale(baseline))
    )
    runs = connection.execute(of_metric).scalar_one()
    stale = runs - connection.execute(fresh).scalar_one()
    direction = definition.direction.value if definition.direction else None
    return (
        definition.name, definition.unit, direction, definition.formula,
        version.hash[:SHOWN_HASH], runs, stale, source,
    )  # fmt: skip


def out_of_date(store: Store, definitions: Iterable[Definition] | None) -> list[str]:
    """A sentence for every metric whose values are not what they would be now: because its
    definition, its run or the run's baseline has changed since."""
    view = derived_values_view.c
    own = tuple(definitions or ())
    with store.read() as connection:
        known = {item.name: item.version.hash for item in current(connection)}
        counted = (
            select(view.metric, func.count())
            .where(view.metric.in_(list(known)), view.stale == 1)
            .group_by(view.metric)
        )
        stale = {row.metric: row[1] for row in connection.execute(counted)} if known else {}
    changed = {
        version.definition.name
        for version in versions(own)
        if known.get(version.definition.name) != version.hash
    }
    hint = "'cetrack derive' works them out"
    lines = [f"{name}: cetrack.toml defines it anew; {hint}" for name in sorted(changed)]
    return lines + [
        f"{name}: {count:,} values are stale; {hint}"
        for name, count in sorted(stale.items())
        if name not in changed
    ]


def example() -> str:
    """The score that is documented as an example, as text for ``cetrack.toml``."""
    return files("cetrack").joinpath("aurora.toml").read_text(encoding="utf-8")
