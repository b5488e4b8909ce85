"""``cetrack freeze``: a table and all that it is made of, in one file to cite."""

from __future__ import annotations

from typing import Annotated

import typer

from cetrack.choices import Which
from cetrack.cli import files, opening, output
from cetrack.cli.files import Output
from cetrack.cli.options import Db, Filter, MetricNames, Runs, Sort
from cetrack.cli.report import saved
from cetrack.cli.table_options import (
    AllowMixed,
    Baseline,
    BestIn,
    Caption,
    ColumnFields,
    Digits,
    Missing,
    OrderBy,
    Rows,
    Shown,
    named,
    request_of,
)
from cetrack.errors import UsageError
from cetrack.table_request import Best, Order, TableRequest, as_words

SUFFIX = ".cetrack.json"


def freeze(
    name: Annotated[
        str,
        typer.Argument(metavar="NAME", help="A report of cetrack.toml, or a name for this table."),
    ],
    rows: Rows = None,
    columns: ColumnFields = None,
    metrics: MetricNames = None,
    filter: Filter = None,
    baseline: Baseline = None,
    show: Shown = None,
    runs: Runs = Which.LATEST,
    best: BestIn = Best.NONE,
    order: OrderBy = Order.METRIC,
    digits: Digits = None,
    sort: Sort = None,
    missing: Missing = None,
    caption: Caption = None,
    allow_mixed: AllowMixed = False,
    output_file: Output = None,
    db: Db = None,
) -> None:
    """Write a table, its runs, their values and sources to NAME.cetrack.json.

    'cetrack report --from FILE' makes the same table of it in every format, byte by byte, without
    a database, and refuses a file that was changed. The options are those of 'cetrack table'.

    \b
    Examples:
      cetrack freeze paper
      cetrack freeze table2 --filter library=timm --baseline fp32 --output supplement/table2.json
      cetrack report --from paper.cetrack.json --format latex
    """
    request = request_of(
        rows=rows, columns=columns, metrics=metrics, filter=filter, baseline=baseline, show=show,
        runs=runs, best=best, order=order, digits=digits, sort=sort, missing=missing,
        caption=caption, allow_mixed=allow_mixed,
    )  # fmt: skip
    from importlib.metadata import version
    from pathlib import Path

    from cetrack import tables

    request = _requested(named(name), request)
    with opening.open_store(db) as store:
        text = tables.frozen_table(store, request, name=name, version=version("cetrack"))
    target = output_file or Path(f"{name}{SUFFIX}")
    files.write_whole(target, text.encode())
    output.write(f"{target}\n")


def _requested(name: str, request: TableRequest) -> TableRequest:
    """The saved report, or what the options say; both at once would hide one of them."""
    reports = opening.settings().reports
    if not as_words(request):
        return saved(name, reports)
    if any(report.name == name for report in reports):
        problem = f"'{name}' is a report of cetrack.toml, and the options say something else"
        raise UsageError(problem, hint="leave the options out, or take another name")
    return request
