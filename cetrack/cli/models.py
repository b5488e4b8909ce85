"""``cetrack models``: what was measured."""

from __future__ import annotations

from cetrack.cli import opening, output
from cetrack.cli.options import Columns, Db, Filter, Limit, OutputFormat, Sort
from cetrack.report import Format
from cetrack.report.table import arrange


def models(
    filter: Filter = None,
    sort: Sort = None,
    columns: Columns = None,
    limit: Limit = None,
    format: OutputFormat = Format.TABLE,
    db: Db = None,
) -> None:
    """List models.

    Where they come from, in which precisions they were run, how often.

    \b
    Examples:
      cetrack models
      cetrack models --filter library=timm --sort -runs
      cetrack models --columns model,runs,last_run --format md
    """
    from cetrack import queries

    with opening.open_store(db) as store:
        table = queries.list_models(store, where=queries.parse_filter(store, filter or []))
    names = [name for text in columns or [] for name in text.split(",")]
    keys = [name for text in sort or [] for name in text.split(",")]
    shown = arrange(table, sort=keys, columns=names, limit=limit or None)
    output.emit(shown, format, empty="no models" + (" match" if filter else " yet"))
