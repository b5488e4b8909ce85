"""What a frozen table holds beside its cells: everything that they are made of. SQL."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, select

from cetrack.db.conditions import is_among
from cetrack.models import Definition, RunSource, Source
from cetrack.report.exact import encoded, encoded_table
from cetrack.report.frozen import sealed
from cetrack.report.json import iso
from cetrack.store import RunRow
from cetrack.table_request import as_words
from cetrack.tables.making import Made
from cetrack.tables.sayings import newest

_INTERNAL = frozenset({"run_id", "baseline_run_id", "parent_run_id"})  # mean nothing elsewhere


def freeze(connection: Connection, made: Made, *, name: str, version: str) -> str:
    """The text of the file; the same for the same runs. ``version`` is that of cetrack."""
    content = {
        "cetrack": version,
        "definitions": _definitions(connection, made),
        "name": name,
        "newest_run": iso(newest(made.runs)),
        "request": as_words(made.request),
        "runs": _runs(connection, made),
        "schema": made.schema,
        "table": encoded_table(made.table),
    }
    return sealed(content)


def _runs(connection: Connection, made: Made) -> list[dict[str, Any]]:
    sources = _sources(connection, [run["run_id"] for run in made.runs])
    return [
        {
            "fields": {key: encoded(cell) for key, cell in run.items() if key not in _INTERNAL},
            "sources": sources[run["run_id"]],
            "values": _values(made, run),
        }
        for run in made.runs
    ]


def _values(made: Made, run: RunRow) -> dict[str, Any]:
    """The run's values of the table's metrics, each with its own repetitions."""
    known = (
        (metric.name, made.selection.values.get((run["run_id"], metric.name)))
        for metric in made.selection.metrics
    )
    return {
        name: {"value": encoded(it.value), "std": encoded(it.std), "n": it.n}
        for name, it in known
        if it is not None
    }


def _sources(connection: Connection, run_ids: Sequence[int]) -> Mapping[int, list[dict[str, Any]]]:
    """Run id → the file that each version of it was first met in."""
    query = (
        select(
            RunSource.run_id, RunSource.place, Source.uri, Source.sha256, Source.reader,
            Source.reader_version,
        )
        .select_from(RunSource)
        .join(Source, Source.id == RunSource.source_id)
        .where(is_among(RunSource.run_id, run_ids))
    )  # fmt: skip
    found: dict[int, list[dict[str, Any]]] = defaultdict(list)
    rows: list[tuple[Any, ...]] = sorted(tuple(row) for row in connection.execute(query))
    for run_id, place, uri, sha256, reader, version in rows:
        found[run_id].append(
            {
                "uri": uri,
                "sha256": sha256,
                "place": place,
                "reader": reader,
                "reader_version": version,
            }
        )
    return found


def _definitions(connection: Connection, made: Made) -> dict[str, Any]:
    """How the metrics that ``cetrack.toml`` defines are worked out, as of now."""
    names = {metric.id: metric.name for metric in made.selection.metrics}
    query = select(
        Definition.metric_id, Definition.kind, Definition.definition_hash, Definition.content
    ).where(is_among(Definition.metric_id, list(names)), Definition.is_current)
    return {
        names[row.metric_id]: {
            "kind": row.kind,
            "hash": row.definition_hash,
            "content": row.content,
        }
        for row in connection.execute(query)
    }
