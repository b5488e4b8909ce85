"""``cetrack trend``: the history of a metric, and where it moved."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cetrack.cli import output
from cetrack.cli.figures import figure_format, write_figure
from cetrack.cli.options import Db, Filter, OutputFormat
from cetrack.cli.stale import open_answering
from cetrack.report import Format

if TYPE_CHECKING:
    from cetrack.trend import Trend

_SCREENFUL = 20


MetricArgument = Annotated[str, typer.Argument(metavar="METRIC", help="The metric, or an alias.")]
AxisName = Annotated[
    str,
    typer.Option(
        "--by", metavar="AXIS", help="What a value stands for: run, commit, date or tag.NAME."
    ),
]
Alpha = Annotated[
    float,
    typer.Option("--alpha", metavar="P", help="A change has a p-value smaller than this."),
]
Points = Annotated[bool, typer.Option("--points", help="List the values instead of the changes.")]
Lines = Annotated[
    int | None,
    typer.Option("--limit", min=0, metavar="N", help="At most N lines; 0 for all."),
]
Plot = Annotated[
    Path | None,
    typer.Option(
        "--plot",
        metavar="FILE",
        help="Draw the lines into a .png, .svg or .pdf file too.",
        show_default=False,
    ),
]


def trend(
    metric: MetricArgument,
    filter: Filter = None,
    by: AxisName = "run",
    alpha: Alpha = 0.01,
    points: Points = False,
    limit: Lines = None,
    format: OutputFormat = Format.TABLE,
    plot: Plot = None,
    db: Db = None,
) -> None:
    """Show the history of a metric and where it moved.

    A line per series: the same model, precision, kind, method, variant, dataset, split, batch,
    device and runtime. Values are numbered along the whole series; a filter leaves some out. By
    commit, date (UTC) or tag a value is the mean of those runs. Failed runs show no value.

    A change is a step of the level that is significant; outliers and slow drift are none. Lines
    that became worse come first. JSON holds lines, values and changes; CSV the changes, or with
    --points the values. A terminal shows the first 20 lines unless --limit says otherwise.

    \b
    Examples:
      cetrack trend latency_mean_ms --filter precision=int8
      cetrack trend accuracy --filter model=resnet50 --by commit
      cetrack trend model_size_mb --by date --plot size.svg
      cetrack trend latency_mean_ms --points --format csv > history.csv
    """
    from cetrack import queries
    from cetrack import trend as histories

    figure_format(plot)  # before any work is done for a file that cannot be drawn
    with open_answering(db) as store:
        found = histories.trend(
            store,
            metric,
            where=queries.parse_filter(store, filter or []),
            by=histories.parse_axis(by),
            alpha=alpha,
        )
    _show(found, format, points=points, limit=limit)
    if plot is not None:
        from cetrack.plots import trend_plot

        write_figure(partial(trend_plot, found), "trend", plot)


def _show(found: Trend, format: Format, *, points: bool, limit: int | None) -> None:
    from cetrack.cli import trend_report
    from cetrack.report.sparkline import BLOCKS

    for_people = format in (Format.TABLE, Format.MD)
    on_screen = format is Format.TABLE and output.is_terminal()
    most = (_SCREENFUL if on_screen else None) if limit is None else limit or None
    shown = trend_report.first_lines(found, most)
    for note in found.notes:
        output.say(note)
    if for_people and not shown.lines:
        output.say(f"no run that matches has {found.metric.name}")
    elif for_people:
        blocks = output.can_show(BLOCKS)
        output.emit_sections(trend_report.sections(shown, points=points, blocks=blocks), format)
    elif format is Format.JSON:
        output.write(trend_report.json_text(shown))
    else:
        table = trend_report.point_table if points else trend_report.change_table
        output.emit(table(shown), format)
    if len(shown.lines) < len(found.lines) and limit is None:
        output.say(f"{len(shown.lines)} of {len(found.lines):,} lines; --limit 0 shows all")
