"""``cetrack plot``: figures for papers."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from cetrack.choices import By, Which
from cetrack.cli import output
from cetrack.cli.figures import FigureFormat, FigureSize, Target, write_figure
from cetrack.cli.options import Db, Filter, MetricNames, Runs, XBetter, YBetter
from cetrack.cli.stale import open_answering
from cetrack.plots.forms import MOST_CURVES, Size

if TYPE_CHECKING:
    from cetrack.filter import Expr
    from cetrack.store import Store

app = typer.Typer(
    help="Draw figures for papers: PNG, SVG or PDF.", no_args_is_help=True, rich_markup_mode=None
)
Answer = TypeVar("Answer")

MetricName = Annotated[
    str, typer.Argument(metavar="METRIC", help="A metric; 'cetrack metrics' lists them.")
]


@app.command("pareto")
def pareto(
    x: Annotated[str, typer.Option("--x", metavar="METRIC", help="What it costs.")] = (
        "latency_mean_ms"
    ),
    y: Annotated[str, typer.Option("--y", metavar="METRIC", help="What it is worth.")] = "accuracy",
    filter: Filter = None,
    x_better: XBetter = None,
    y_better: YBetter = None,
    runs: Runs = Which.LATEST,
    target: Target = None,
    format: FigureFormat = None,
    size: FigureSize = Size.COLUMN,
    db: Db = None,
) -> None:
    """Draw runs between two metrics, with the front that no other run beats.

    \b
    Examples:
      cetrack plot pareto
      cetrack plot pareto --x model_size_mb --y accuracy --filter category=vision -o front.pdf
    """
    from cetrack.compare import pareto as find
    from cetrack.plots import pareto_plot

    found = _asked(
        db,
        filter,
        lambda store, where: find(
            store, x, y, where=where, which=runs, x_better=x_better, y_better=y_better
        ),
    )
    _say_notes(found.notes)
    name = f"pareto-{found.x.name}-{found.y.name}"
    write_figure(partial(pareto_plot, found, size=size), name, target, format)


@app.command("trend")
def trend(
    metric: MetricName,
    filter: Filter = None,
    by: Annotated[
        str,
        typer.Option(
            "--by", metavar="AXIS", help="What a value stands for: run, commit, date or tag.NAME."
        ),
    ] = "run",
    target: Target = None,
    format: FigureFormat = None,
    size: FigureSize = Size.COLUMN,
    db: Db = None,
) -> None:
    """Draw the history of a metric, with the places where its level moved.

    \b
    Examples:
      cetrack plot trend latency_mean_ms
      cetrack plot trend accuracy --filter model=resnet50 --by commit --output accuracy.pdf
    """
    from cetrack import trend as histories
    from cetrack.plots import trend_plot

    axis = histories.parse_axis(by)
    found = _asked(
        db, filter, lambda store, where: histories.trend(store, metric, where=where, by=axis)
    )
    _say_notes(found.notes)
    write_figure(
        partial(trend_plot, found, size=size), f"trend-{found.metric.name}", target, format
    )


@app.command("compare")
def compare(
    filter: Filter = None,
    baseline: Annotated[
        str,
        typer.Option("--baseline", metavar="PRECISION", help="What the others are set against."),
    ] = "fp32",
    metrics: MetricNames = None,
    by: Annotated[
        By, typer.Option("--by", help="A row per model, or means over the models of each group.")
    ] = By.MODEL,
    allow_mixed: Annotated[
        bool, typer.Option("--allow-mixed", help="Compare what is not like for like, too.")
    ] = False,
    runs: Runs = Which.LATEST,
    target: Target = None,
    format: FigureFormat = None,
    size: FigureSize = Size.COLUMN,
    db: Db = None,
) -> None:
    """Draw how far compressed models are from their baselines, metric by metric.

    \b
    Examples:
      cetrack plot compare
      cetrack plot compare --metrics latency_mean_ms,accuracy --by library --output drop.svg
    """
    from cetrack.compare import compare as find
    from cetrack.plots import compare_plot
    from cetrack.queries.columns import split_names

    names = split_names(metrics or [])
    found = _asked(
        db,
        filter,
        lambda store, where: find(
            store,
            where=where,
            baseline=baseline,
            metrics=names,
            by=by,
            which=runs,
            allow_mixed=allow_mixed,
        ),
    )
    refused = len(found.refusals)
    why = [f"{refused} not comparable; 'cetrack compare' says why"] if refused else []
    _say_notes([*why, *found.notes])
    what = "-".join(metric.name for metric in found.metrics) if names else by
    write_figure(partial(compare_plot, found, size=size), f"compare-{what}", target, format)


@app.command("epochs")
def epochs(
    metric: MetricName,
    filter: Filter = None,
    runs: Runs = Which.LATEST,
    limit: Annotated[
        int, typer.Option("--limit", min=1, metavar="N", help="At most the newest N runs.")
    ] = MOST_CURVES,
    target: Target = None,
    format: FigureFormat = None,
    size: FigureSize = Size.COLUMN,
    db: Db = None,
) -> None:
    """Draw a metric over the steps of training runs.

    \b
    Examples:
      cetrack plot epochs val/accuracy
      cetrack plot epochs train/loss --filter model=resnet50 --size page --output loss.pdf
    """
    from cetrack.curves import read_curves
    from cetrack.plots import epochs_plot

    found = _asked(
        db,
        filter,
        lambda store, where: read_curves(store, metric, where=where, which=runs, limit=limit),
    )
    name = f"epochs-{found.metric.name}"
    write_figure(partial(epochs_plot, found, size=size), name, target, format)


def _asked(
    db: str | None, filters: list[str] | None, ask: Callable[[Store, Expr | None], Answer]
) -> Answer:
    from cetrack import queries
    from cetrack.plots.figure import require_matplotlib

    require_matplotlib()  # said before anything is read
    with open_answering(db) as store:
        return ask(store, queries.parse_filter(store, filters or []))


def _say_notes(notes: Iterable[str]) -> None:
    for note in notes:
        output.say(f"note: {note}")
