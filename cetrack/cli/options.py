"""Options that several commands share, each with one spelling and one help text."""

from __future__ import annotations

from typing import Annotated

import typer

from cetrack.choices import Better, Which
from cetrack.report import Format

Db = Annotated[
    str | None,
    typer.Option(
        "--db",
        metavar="URL",
        help="Database: a file, sqlite:///FILE or postgresql://USER@HOST/NAME.",
        show_default=False,
    ),
]
Filter = Annotated[
    list[str] | None,
    typer.Option(
        "--filter",
        "-f",
        metavar="FILTER",
        help="Only runs that match, e.g. 'precision=int8 and accuracy >= 0.9'. "
        "May be given several times: all have to hold.",
        show_default=False,
    ),
]
OutputFormat = Annotated[
    Format,
    typer.Option("--format", help="How to write the result."),
]
Sort = Annotated[
    list[str] | None,
    typer.Option(
        "--sort",
        metavar="COLUMN",
        help="Column to sort by; -COLUMN for descending. Several by commas.",
        show_default=False,
    ),
]
Columns = Annotated[
    list[str] | None,
    typer.Option(
        "--columns", metavar="NAMES", help="Columns to show, by commas.", show_default=False
    ),
]
Limit = Annotated[
    int | None,
    typer.Option("--limit", min=0, metavar="N", help="At most N rows; 0 for all."),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Say what would happen, and change nothing.")
]
Workers = Annotated[
    int | None,
    typer.Option(
        "--workers",
        min=1,
        metavar="N",
        help="Work in N processes.",
        show_default="several where there is much to do",
    ),
]
Cluster = Annotated[
    str | None,
    typer.Option(
        "--cluster",
        metavar="ADDRESS",
        help="Work on the Dask cluster with its scheduler there, e.g. tcp://head:8786.",
        show_default=False,
    ),
]
Experiment = Annotated[
    str | None, typer.Option("--experiment", metavar="NAME", help="The campaign of the runs.")
]
ReaderName = Annotated[
    str | None,
    typer.Option("--reader", metavar="NAME", help="Read as this format; see 'cetrack formats'."),
]
Facts = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="A fact that the files leave open: device=, dataset=, model=, param.X=, tag.X= …",
    ),
]
BaselinePrecision = Annotated[
    str | None,
    typer.Option(
        "--baseline-precision",
        metavar="PRECISION",
        help="What compressed runs are compared with; fp32 unless told otherwise.",
        show_default=False,
    ),
]
MetricNames = Annotated[
    list[str] | None,
    typer.Option(
        "--metrics",
        metavar="NAMES",
        help="Metrics to show, by commas, or all; the most telling ones unless given.",
        show_default=False,
    ),
]
Runs = Annotated[
    Which,
    typer.Option("--runs", help="What stands for a series: the newest run of every seed, or all."),
]
XBetter = Annotated[
    Better | None,
    typer.Option("--x-better", help="Which way is better, if the metric does not say."),
]
YBetter = Annotated[Better | None, typer.Option("--y-better", help="The same of the second axis.")]
