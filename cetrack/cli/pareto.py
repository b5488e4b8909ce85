"""``cetrack pareto``: the runs that nothing else beats in two metrics."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cetrack.choices import Which
from cetrack.cli import output
from cetrack.cli.figures import figure_format, write_figure
from cetrack.cli.options import Db, Filter, OutputFormat, Runs, XBetter, YBetter
from cetrack.cli.stale import open_answering
from cetrack.report import Format

if TYPE_CHECKING:
    from cetrack.compare import Pareto

_FOR_PEOPLE = frozenset({"table", "md", "latex", "html"})


X = Annotated[str, typer.Option("--x", metavar="METRIC", help="What the first axis shows.")]
Y = Annotated[str, typer.Option("--y", metavar="METRIC", help="What the second axis shows.")]
AllPoints = Annotated[bool, typer.Option("--all", help="All points, not only those on the front.")]
Plot = Annotated[
    Path | None,
    typer.Option("--plot", metavar="FILE", help="Draw it: a .png, .svg or .pdf file."),
]


def pareto(
    x: X = "latency_mean_ms",
    y: Y = "accuracy",
    filter: Filter = None,
    x_better: XBetter = None,
    y_better: YBetter = None,
    runs: Runs = Which.LATEST,
    all_points: AllPoints = False,
    plot: Plot = None,
    format: OutputFormat = Format.TABLE,
    db: Db = None,
) -> None:
    """Show what nothing else beats in two metrics: the Pareto front.

    A point is a series: the mean over the newest run of every seed. It is on the front when no
    other is better in one metric and at least as good in the other.

    \b
    Examples:
      cetrack pareto
      cetrack pareto --x model_size_mb --filter category=vision --all
      cetrack pareto --plot front.pdf
    """
    from cetrack import queries
    from cetrack.compare import pareto as on_front
    from cetrack.compare import tables

    figure_format(plot)  # before any work is done for a file that cannot be drawn
    with open_answering(db) as store:
        found = on_front(
            store,
            x,
            y,
            where=queries.parse_filter(store, filter or []),
            which=runs,
            x_better=x_better,
            y_better=y_better,
        )
    for_people = format.value in _FOR_PEOPLE
    output.emit(tables.front_table(found, whole=all_points, for_people=for_people), format)
    _explain(found)
    if plot:
        from cetrack.plots import pareto_plot

        write_figure(partial(pareto_plot, found), "pareto", plot)


def _explain(found: Pareto) -> None:
    """How many are on the front, which way is better, and what else has to be said."""
    best = sum(point.on_front for point in found.points)
    output.say(
        f"{best} of {len(found.points)} on the front: {found.x.name} {found.x.direction} is better,"
        f" {found.y.name} {found.y.direction} is better"
    )
    for note in found.notes:
        output.say(note)
