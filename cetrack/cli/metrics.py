"""``cetrack metrics``: which numbers there are."""

from __future__ import annotations

from cetrack.cli import opening, output
from cetrack.cli.options import Columns, Db, Filter, Limit, OutputFormat, Sort
from cetrack.report import Format
from cetrack.report.table import arrange


def metrics(
    filter: Filter = None,
    sort: Sort = None,
    columns: Columns = None,
    limit: Limit = None,
    format: OutputFormat = Format.TABLE,
    db: Db = None,
) -> None:
    """List metrics.

    Their units, which way is better, how many runs have them.

    \b
    Examples:
      cetrack metrics
      cetrack metrics --filter kind=training --sort -runs
      cetrack metrics --columns metric,unit,description --format md
    """
    from cetrack import queries

    with opening.open_store(db) as store:
        table = queries.list_metrics(store, where=queries.parse_filter(store, filter or []))
    names = [name for text in columns or [] for name in text.split(",")]
    keys = [name for text in sort or [] for name in text.split(",")]
    shown = arrange(table, sort=keys, columns=names, limit=limit or None)
    output.emit(shown, format, empty="no metrics" + (" match" if filter else " yet"))
