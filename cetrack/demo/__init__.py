"""The demo: real results of four nights, ingested, compared and exported.

The files under ``data/`` were written by ``examples/compress_digits.py``; see ``data/README.md``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

from sqlalchemy import select

from cetrack.errors import OutputError
from cetrack.export_tb import ExportReport, export_tb
from cetrack.ingest import IngestOptions, IngestReport, ingest
from cetrack.models import comparisons_view
from cetrack.report.table import Cell, Column, Kind, Table
from cetrack.store import Store

_METRICS = ("accuracy", "latency_mean_ms", "model_size_mb")
_COLUMNS = (
    Column(name="model"),
    Column(name="compared"),
    Column(name="method"),
    Column(name="accuracy", kind=Kind.NUMBER),
    Column(name="drop", kind=Kind.NUMBER),
    Column(name="latency_mean_ms", kind=Kind.NUMBER),
    Column(name="speedup", kind=Kind.NUMBER),
    Column(name="model_size_mb", kind=Kind.NUMBER),
    Column(name="size_ratio", kind=Kind.NUMBER),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoReport:
    """What the demo made: the database, the event files, and the comparison to show."""

    database: Path
    logdir: Path
    ingested: IngestReport
    exported: ExportReport
    comparison: Table


def demo(directory: Path) -> DemoReport:
    """Ingest the packaged results into ``directory/cetrack.db`` and export ``directory/tb``.

    Repeating it changes nothing. Raises OutputError when the folder cannot be written.
    """
    database = directory / "cetrack.db"
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{directory}: {error.strerror}", hint="cetrack demo FOLDER") from error
    packaged = files("cetrack.demo").joinpath("data")
    with as_file(packaged) as folder, Store.open(str(database), create=True) as store:
        ingested = ingest(store, [str(folder)], IngestOptions(experiment="demo"))
        exported = export_tb(store, directory / "tb")
        comparison = _comparison(store)
    return DemoReport(
        database=database,
        logdir=directory / "tb",
        ingested=ingested,
        exported=exported,
        comparison=comparison,
    )


def _comparison(store: Store) -> Table:
    """A row per model and method: the newest compressed run beside its baseline."""
    columns = comparisons_view.c
    query = (
        select(comparisons_view)
        .where(columns.metric.in_(_METRICS), columns.kind == "compression")
        .order_by(columns.model, columns.precision.desc(), columns.method, columns.started_at)
    )
    newest: dict[tuple[str, str, str], dict[str, Mapping[str, Any]]] = {}
    with store.read() as connection:
        for row in connection.execute(query).mappings():
            key = (row["model"], row["precision"], row["method"])
            newest.setdefault(key, {})[row["metric"]] = dict(row)
    return Table(
        columns=_COLUMNS, rows=tuple(_row(*key, found) for key, found in sorted(newest.items()))
    )


def _row(
    model: str, precision: str, method: str, found: Mapping[str, Mapping[str, Any]]
) -> tuple[Cell, ...]:
    accuracy, latency, size = (found[name] for name in _METRICS)
    return (
        model,
        f"{accuracy['baseline_precision']} -> {precision}",
        method,
        accuracy["value"],
        accuracy["baseline_value"] - accuracy["value"],
        latency["value"],
        latency["baseline_value"] / latency["value"],
        size["value"],
        size["baseline_value"] / size["value"],
    )
