"""``cetrack table``: results side by side, as a paper prints them."""

from __future__ import annotations

from cetrack.choices import Which
from cetrack.cli import opening, output
from cetrack.cli.files import FormatOrSuffix, Output
from cetrack.cli.options import Db, Filter, MetricNames, Runs, Sort
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
    Save,
    Shown,
    deliver,
    named,
    request_of,
)
from cetrack.errors import UsageError
from cetrack.table_request import Best, Order, TableRequest, as_toml


def table(
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
    save: Save = None,
    format: FormatOrSuffix = None,
    output_file: Output = None,
    db: Db = None,
) -> None:
    """Make a table of results: a row per model, under each metric a column per precision.

    Several seeds become mean ± standard deviation. A cell never mixes series: where one would, its
    method, device, batch … become rows or columns too, or the table is refused with the fields
    that differ. docs/tables.md explains all of it.

    \b
    Examples:
      cetrack table
      cetrack table --metrics accuracy,latency_mean_ms --filter kind=benchmark --best row
      cetrack table --filter library=timm --baseline fp32 --show value,delta_pct --output paper.tex
      cetrack table --rows model,precision --metrics accuracy,model_size_mb --digits accuracy=3
      cetrack table --baseline fp32 --save paper >> cetrack.toml
    """
    request = request_of(
        rows=rows, columns=columns, metrics=metrics, filter=filter, baseline=baseline, show=show,
        runs=runs, best=best, order=order, digits=digits, sort=sort, missing=missing,
        caption=caption, allow_mixed=allow_mixed,
    )  # fmt: skip
    if save is not None:
        output.write(_saved(save, request))
        return
    from cetrack import tables

    with opening.open_store(db) as store:
        made = tables.paper_table(store, request)
    deliver(made, format, output_file)


def _saved(name: str, request: TableRequest) -> str:
    """The lines to add to ``cetrack.toml``, apart from what stands there."""
    if any(report.name == name for report in opening.settings().reports):
        raise UsageError(f"there is a report called '{name}'", hint=f"cetrack report {name}")
    return f"\n{as_toml(named(name), request)}"
