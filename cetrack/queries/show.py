"""Everything about one run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, func, select

from cetrack.errors import UsageError
from cetrack.models import (
    Artifact,
    Param,
    RunSource,
    Source,
    Tag,
    comparisons_view,
    measurements_view,
    runs_view,
)
from cetrack.queries.runs import param_cell
from cetrack.report.cells import UID_LENGTH
from cetrack.report.table import Cell, Column, Kind, Row, Section, Table
from cetrack.store import RunRow, Store

_CANDIDATES = 3
_INTERNAL = frozenset({"run_id", "baseline_run_id", "parent_run_id"})
_MAPPING = (Column(name="name"), Column(name="value"))
_METRIC_COLUMNS = {
    "metric": Kind.TEXT,
    "value": Kind.NUMBER,
    "unit": Kind.TEXT,
    "min": Kind.NUMBER,
    "max": Kind.NUMBER,
    "mean": Kind.NUMBER,
    "std": Kind.NUMBER,
    "n": Kind.NUMBER,
    "count": Kind.NUMBER,
    "last_step": Kind.NUMBER,
}
_METRIC_RANKS = {"last_step": 6, "count": 5, "n": 3, "std": 1, "mean": 4, "min": 2, "max": 2}
_DERIVED_COLUMNS = {
    "metric": Kind.TEXT,
    "value": Kind.NUMBER,
    "unit": Kind.TEXT,
    "stale": Kind.TEXT,
}
_COMPARISON_COLUMNS = {
    "metric": Kind.TEXT,
    "value": Kind.NUMBER,
    "baseline_value": Kind.NUMBER,
    "delta": Kind.NUMBER,
    "ratio": Kind.NUMBER,
    "unit": Kind.TEXT,
    "improved": Kind.TEXT,
}


def find_uid(store: Store, prefix: str) -> str:
    """The uid of the one run whose uid begins with ``prefix``.

    Raises UsageError when there is none, or when there are several: then it names them.
    """
    with store.read() as connection:
        return str(_find(connection, prefix)["uid"])


def show_run(store: Store, prefix: str) -> list[Section]:
    """Fields, metrics, what follows from them, comparison with the baseline, params, tags,
    artifacts and sources."""
    with store.read() as connection:
        run = _find(connection, prefix)
        parts = (_metrics, _derived, _comparison, _params, _tags, _artifacts, _sources)
        return [_fields(run), *(part(connection, run) for part in parts)]


def _find(connection: Connection, prefix: str) -> RunRow:
    """The row of the ``runs`` view; a whole uid wins over those that it begins."""
    uid = runs_view.c.uid
    begins = func.substr(uid, 1, len(prefix)) == prefix.lower()
    query = select(runs_view).where(begins | (uid == prefix)).order_by(uid).limit(_CANDIDATES + 1)
    rows = [dict(row) for row in connection.execute(query).mappings()] if prefix else []
    exact = [row for row in rows if row["uid"] == prefix]
    if not rows:
        raise UsageError(f"no run begins with '{prefix}'", hint="'cetrack runs' lists the runs")
    if len(rows) > 1 and not exact:
        raise UsageError(f"'{prefix}' begins several runs", hint=_named(rows))
    return (exact or rows)[0]


def _named(rows: Sequence[RunRow]) -> str:
    names = [f"{row['uid'][:UID_LENGTH]} ({row['model']} {row['precision']})" for row in rows]
    more = " …" if len(rows) > _CANDIDATES else ""
    return f"give more characters: {', '.join(names[:_CANDIDATES])}{more}"


def _fields(run: RunRow) -> Section:
    rows = [(name, cell) for name, cell in run.items() if name not in _INTERNAL]
    known = [(name, cell) for name, cell in rows if cell is not None]
    return Section(
        key="",
        title=f"run {run['uid']}",
        table=Table(columns=_MAPPING, rows=tuple(known)),
        is_mapping=True,
    )


def _table(
    connection: Connection,
    query: Any,
    kinds: Mapping[str, Kind],
    ranks: Mapping[str, int] | None = None,
) -> Table:
    rows = connection.execute(query).mappings()
    return Table(
        columns=tuple(
            Column(name=name, kind=kind, rank=(ranks or {}).get(name, 0), alike=False)
            for name, kind in kinds.items()
        ),
        rows=tuple(tuple(row[name] for name in kinds) for row in rows),
    )


def _metrics(connection: Connection, run: RunRow) -> Section:
    view = measurements_view.c
    query = select(measurements_view).where(view.run_id == run["run_id"], view.derived == 0)
    query = query.order_by(view.family, view.metric)
    table = _table(connection, query, _METRIC_COLUMNS, _METRIC_RANKS)
    return Section(key="metrics", title="metrics", table=table)


def _derived(connection: Connection, run: RunRow) -> Section:
    view = measurements_view.c
    query = select(view.metric, view.value, view.unit, view.stale).where(
        view.run_id == run["run_id"], view.derived == 1
    )
    rows = connection.execute(query.order_by(view.family, view.metric)).all()
    stale = any(row.stale for row in rows)
    title = "derived metrics (stale ones: cetrack derive)" if stale else "derived metrics"
    return Section(
        key="derived",
        title=title,
        table=Table(
            columns=tuple(
                Column(name=name, kind=kind, alike=False) for name, kind in _DERIVED_COLUMNS.items()
            ),
            rows=tuple((row.metric, row.value, row.unit, bool(row.stale)) for row in rows),
        ),
    )


def _comparison(connection: Connection, run: RunRow) -> Section:
    view = comparisons_view.c
    query = select(comparisons_view).where(view.run_id == run["run_id"], view.derived == 0)
    rows = connection.execute(query.order_by(view.family, view.metric)).mappings().all()
    title = "comparison"
    if rows:
        first = rows[0]
        unlike = "" if first["like_for_like"] else ", NOT like for like"
        title = (
            f"compared with {first['baseline_precision']} run "
            f"{first['baseline_uid'][:UID_LENGTH]} ({first['baseline_rule']}{unlike})"
        )
    return Section(key="comparison", title=title, table=_compared(rows))


def _compared(rows: Sequence[Any]) -> Table:
    return Table(
        columns=tuple(
            Column(name=name, kind=kind, alike=False) for name, kind in _COMPARISON_COLUMNS.items()
        ),
        rows=tuple(_compared_row(row) for row in rows),
    )


def _compared_row(row: Mapping[str, Any]) -> Row:
    improved = None if row["improved"] is None else bool(row["improved"])
    return tuple({**row, "improved": improved}[name] for name in _COMPARISON_COLUMNS)


def _params(connection: Connection, run: RunRow) -> Section:
    query = select(Param.key, Param.text, Param.number).where(Param.run_id == run["run_id"])
    rows = connection.execute(query)
    return _pairs("params", {key: param_cell(text, number) for key, text, number in rows})


def _tags(connection: Connection, run: RunRow) -> Section:
    query = select(Tag.key, Tag.value).where(Tag.run_id == run["run_id"])
    return _pairs("tags", {row.key: row.value for row in connection.execute(query)})


def _pairs(key: str, values: Mapping[str, Cell]) -> Section:
    table = Table(columns=_MAPPING, rows=tuple(sorted(values.items())))
    return Section(key=key, title=key, table=table, is_mapping=True)


def _artifacts(connection: Connection, run: RunRow) -> Section:
    columns = {"name": Kind.TEXT, "kind": Kind.TEXT, "size_bytes": Kind.NUMBER, "uri": Kind.TEXT}
    table = Artifact.__table__.c
    query = select(*(table[name] for name in columns)).where(table.run_id == run["run_id"])
    found = _table(connection, query.order_by(table.name), columns)
    return Section(key="artifacts", title="artifacts", table=found)


def _sources(connection: Connection, run: RunRow) -> Section:
    columns = {"uri": Kind.TEXT, "place": Kind.TEXT, "reader": Kind.TEXT, "seen_at": Kind.TIME}
    query = (
        select(Source.uri, RunSource.place, Source.reader, RunSource.seen_at)
        .select_from(Source)
        .join(RunSource, RunSource.source_id == Source.id)
        .where(RunSource.run_id == run["run_id"])
        .order_by(RunSource.seen_at, Source.uri, RunSource.place)
    )
    return Section(key="sources", title="sources", table=_table(connection, query, columns))
