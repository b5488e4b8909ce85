"""The demo: real results of four nights, ingested, compared and exported.

The files under ``data/`` were written by ``examples/compress_digits.py``; see ``data/README.md``.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

from sqlalchemy import select

from cetrack.errors import OutputError
from cetrack.export_tb import ExportReport, export_tb
from cetrack.ingest import IngestOptions, IngestReport, ingest
from cetrack.models import comparisons_view
from cetrack.store import Store

_METRICS = ("accuracy", "latency_mean_ms", "model_size_mb")


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoReport:
    """What the demo made: the database, the event files, and the comparison to show."""

    database: Path
    logdir: Path
    ingested: IngestReport
    exported: ExportReport
    comparison: tuple[dict[str, Any], ...]


def demo(directory: Path) -> DemoReport:
    """Ingest the packaged results into ``directory/cetrack.db`` and export ``directory/tb``.

    Repeating it changes nothing. Raises OutputError when the folder cannot be written.
    """
    database = directory / "cetrack.db"
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{directory}: {error.strerror}", hint="cetrack demo DIR") from error
    packaged = files("cetrack.demo").joinpath("data")
    with as_file(packaged) as folder, Store.open(str(database), create=True) as store:
        ingested = ingest(store, [str(folder)], IngestOptions(experiment="demo"))
        exported = export_tb(store, directory / "tb")
        comparison = tuple(_comparison(store))
    return DemoReport(
        database=database,
        logdir=directory / "tb",
        ingested=ingested,
        exported=exported,
        comparison=comparison,
    )


def _comparison(store: Store) -> list[dict[str, Any]]:
    """The last benchmark of every compressed model beside its baseline: a row per metric."""
    columns = comparisons_view.c
    query = (
        select(
            columns.model, columns.precision, columns.method, columns.metric, columns.unit,
            columns.baseline_value, columns.value, columns.delta, columns.ratio, columns.improved,
            columns.started_at,
        )
        .where(columns.metric.in_(_METRICS), columns.kind == "compression")
        .order_by(columns.model, columns.precision, columns.method, columns.metric)
        .order_by(columns.started_at)
    )  # fmt: skip
    with store.read() as connection:
        rows = [dict(row._mapping) for row in connection.execute(query)]
    newest = {(row["model"], row["precision"], row["method"], row["metric"]): row for row in rows}
    return list(newest.values())
