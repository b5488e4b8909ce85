"""Definitions ↔ the database: which versions there are, and which of them are current. SQL."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, delete, exists, select, update

from cetrack.db.conditions import is_among
from cetrack.definitions import Definition, Version, ordered, restored, section_of, versions
from cetrack.derive import derived_metrics
from cetrack.domain import MetricDef
from cetrack.errors import UsageError
from cetrack.formula import Of, format_ref
from cetrack.interning import Interner
from cetrack.mappings import MappingError
from cetrack.metrics import canonical_name, catalogue
from cetrack.models import Definition as DefinitionRow
from cetrack.models import Metric, RunMetric

_ELSEWHERE = "cetrack.toml"
STORED = "stored"  # the form of a metric whose numbers are worked out here, not by the views


@dataclass(frozen=True, slots=True)
class Registered:
    """A current version and the metric that it is the definition of."""

    version: Version
    metric_id: int

    @property
    def definition(self) -> Definition:
        """What it says."""
        return self.version.definition

    @property
    def name(self) -> str:
        """The name of the metric."""
        return self.version.definition.name


def current(connection: Connection) -> tuple[Registered, ...]:
    """The current definitions of the database, each behind those that it uses."""
    metric, row = Metric.__table__.c, DefinitionRow.__table__.c
    query = (
        select(
            metric.id, metric.name, metric.unit, metric.direction, metric.description,
            row.definition_hash, row.content,
        )
        .join(DefinitionRow, row.metric_id == metric.id)
        .where(row.is_current)
    )  # fmt: skip
    found = {}
    for item in connection.execute(query):
        definition = restored(
            item.name,
            item.content,
            unit=item.unit,
            direction=item.direction,
            description=item.description,
        )
        version = Version(definition, item.content, item.definition_hash)
        found[item.name] = Registered(version, item.id)
    return tuple(
        found[definition.name]
        for definition in _in_order([item.definition for item in found.values()])
    )


def _in_order(definitions: Collection[Definition]) -> tuple[Definition, ...]:
    if not definitions:
        return ()
    try:
        return ordered(definitions)
    except MappingError as error:
        raise UsageError(f"{error.key}: {error.problem}", hint=error.hint) from None


def expected(
    connection: Connection,
    definitions: Iterable[Definition],
    before: Mapping[str, Registered],
    *,
    complete: bool,
) -> tuple[Version, ...]:
    """What will be current once these definitions are: with ``complete`` no others, else with what
    there is ``before`` under other names.

    Raises UsageError where they do not go together, or name a metric that nobody knows.
    """
    merged = {} if complete else {name: item.definition for name, item in before.items()}
    merged.update({item.name: item for item in definitions})
    wanted = versions(_in_order(merged.values()))
    if not _is_known(before, wanted):
        _check_names(connection, wanted)
    return wanted


def register(
    connection: Connection, definitions: Iterable[Definition], *, complete: bool
) -> tuple[str, ...]:
    """Make definitions current, as :func:`expected`; the names of those that are new or changed.

    Versions that were current stay in the database. Nothing is written where all is as it was.
    """
    before = {item.name: item for item in current(connection)}
    wanted = expected(connection, definitions, before, complete=complete)
    if _is_known(before, wanted):
        return ()
    interner = Interner(connection)
    changed = []
    for version in wanted:
        definition = version.definition
        metric_id = interner.metric(_metric(definition))
        known = before.pop(definition.name, None)
        if known is None or known.definition != definition:
            _describe(connection, metric_id, definition)
        if known is None or known.version.hash != version.hash:
            _make_current(connection, interner, metric_id, version)
            changed.append(definition.name)
    gone = [item.metric_id for item in before.values()]
    _retire(connection, gone)
    forget_shown(connection, gone)
    return tuple(changed)


def forget_shown(
    connection: Connection, metric_ids: Sequence[int], run_ids: Sequence[int] | None = None
) -> None:
    """Take derived numbers, of all runs or of these, from where measured ones stand."""
    if not metric_ids:
        return
    table = RunMetric.__table__
    those = [is_among(table.c.metric_id, metric_ids), table.c.count == 0]
    if run_ids is not None:
        those.append(is_among(table.c.run_id, run_ids))
    connection.execute(delete(table).where(*those))


def _is_known(before: Mapping[str, Registered], wanted: Sequence[Version]) -> bool:
    """Whether the database says the same already."""
    said = {name: (item.version.hash, item.definition) for name, item in before.items()}
    return said == {item.definition.name: (item.hash, item.definition) for item in wanted}


def _metric(definition: Definition) -> MetricDef:
    return MetricDef(
        name=definition.name,
        unit=definition.unit,
        direction=definition.direction,
        family=definition.kind,
        description=definition.description,
    )


def _describe(connection: Connection, metric_id: int, definition: Definition) -> None:
    """The metric says what its definition says, whatever it said before."""
    direction = definition.direction.value if definition.direction else None
    connection.execute(
        update(Metric)
        .where(Metric.id == metric_id)
        .values(
            unit=definition.unit,
            direction=direction,
            family=definition.kind,
            description=definition.description,
            form=STORED,
        )
    )


def _make_current(
    connection: Connection, interner: Interner, metric_id: int, version: Version
) -> None:
    _retire(connection, [metric_id])
    row: dict[str, Any] = {
        "metric_id": metric_id,
        "definition_hash": version.hash,
        "kind": version.definition.kind,
        "content": version.content,
        "is_current": True,
        "defined_at": datetime.now(UTC),
    }
    key = ["metric_id", "definition_hash"]
    connection.execute(interner.upsert(DefinitionRow, key), [row])


def _retire(connection: Connection, metric_ids: Sequence[int]) -> None:
    if metric_ids:
        those = is_among(DefinitionRow.metric_id, metric_ids)
        connection.execute(update(DefinitionRow).where(those).values(is_current=False))


# --- names ------------------------------------------------------------------------------------


def _check_names(connection: Connection, wanted: Sequence[Version]) -> None:
    own = {version.definition.name for version in wanted}
    stored = set(connection.scalars(select(Metric.name)))
    known = {*stored, *catalogue(), *derived_metrics(), *own}
    for version in wanted:
        definition = version.definition
        for ref in definition.refs:
            if ref.of is Of.METRIC and ref.name not in known:
                raise _unknown(definition, format_ref(ref), ref.name, known)
    _check_stated(connection, own & stored)


def _unknown(definition: Definition, written: str, name: str, known: Collection[str]) -> UsageError:
    canonical = canonical_name(name)
    near = [canonical] if canonical in known else difflib.get_close_matches(name, known, n=3)
    hint = f"did you mean {' or '.join(near)}?" if near else "'cetrack metrics' lists them"
    place = f"{section_of(definition)}.{definition.name}"
    return UsageError(f"{place}: no metric called '{name}' in {written}", hint=hint)


def _check_stated(connection: Connection, names: Collection[str]) -> None:
    """A name is that of a definition or of what files state."""
    stated = select(Metric.name).where(
        Metric.name.in_(sorted(names)),
        exists().where(RunMetric.metric_id == Metric.id, RunMetric.count > 0),
    )
    name = connection.scalars(stated.order_by(Metric.name)).first()
    if name is not None:
        hint = "call it something else in cetrack.toml"
        raise UsageError(f"'{name}' is a metric that files of this database state", hint=hint)
