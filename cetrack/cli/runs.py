"""``cetrack runs``: what is stored, a line per run."""

from __future__ import annotations

from cetrack.cli import output
from cetrack.cli.options import Columns, Db, Filter, Limit, OutputFormat, Sort
from cetrack.cli.stale import open_answering
from cetrack.report import Format

_SCREENFUL = 50


def runs(
    filter: Filter = None,
    sort: Sort = None,
    columns: Columns = None,
    limit: Limit = None,
    format: OutputFormat = Format.TABLE,
    db: Db = None,
) -> None:
    """List runs, the newest first.

    A column is a field (model, precision, started_at …), a metric, a metric's .min, .max, .mean
    or .std, param.NAME or tag.NAME. JSON, CSV and Parquet hold every field and every metric
    unless --columns says otherwise. A terminal shows the first 50 runs unless --limit says
    otherwise.

    \b
    Examples:
      cetrack runs
      cetrack runs --filter category=vision --filter 'precision in (int8, int4)'
      cetrack runs --sort -accuracy --limit 10
      cetrack runs --columns model,precision,accuracy,latency_mean_ms.max,param.lr
      cetrack runs --format csv > runs.csv
      cetrack runs --format parquet > runs.parquet
    """
    from cetrack import queries

    on_screen = format is Format.TABLE and output.is_terminal()
    most = (_SCREENFUL if on_screen else None) if limit is None else limit or None
    with open_answering(db) as store:
        table = queries.list_runs(
            store,
            where=queries.parse_filter(store, filter or []),
            sort=sort or [],
            columns=columns or [],
            limit=most,
            detail=queries.Detail.BRIEF if format.is_for_people else queries.Detail.FULL,
        )
    output.emit(table, format, empty="no runs match" if filter else "no runs yet")
    if table.total is not None and table.total > len(table.rows) and limit is None:
        output.say(f"{len(table.rows)} of {table.total:,} runs; --limit 0 shows all")
