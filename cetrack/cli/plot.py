"""``cetrack plot``: figures for papers."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from cetrack.cli import opening, output
from cetrack.cli.figures import FigureFormat, FigureSize, Target, write_figure
from cetrack.cli.options import Db, Filter
from cetrack.plots.forms import Size

if TYPE_CHECKING:
    from cetrack.filter import Expr
    from cetrack.selecting import Which
    from cetrack.store import Store

app = typer.Typer(
    help="Draw figures for papers: PNG, SVG or PDF.", no_args_is_help=True, rich_markup_mode=None
)
Answer = TypeVar("Answer")

MetricName = Annotated[
    str, typer.Argument(metavar="METRIC", help="A metric; 'cetrack metrics' lists them.")
]
AllRuns = Annotated[
    bool, typer.Option("--all", help="Every finished run, not only the newest of each series.")
]


@app.command("pareto")
def pareto(
    x: Annotated[str, typer.Option("--x", metavar="METRIC", help="What it costs.")] = (
        "latency_mean_ms"
    ),
    y: Annotated[str, typer.Option("--y", metavar="METRIC", help="What it is worth.")] = "accuracy",
    filter: Filter = None,
    all_runs: AllRuns = False,
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
        db, filter, lambda store, where: find(store, x, y, where=where, which=_which(all_runs))
    )
    _say_notes(found.notes)
    name = f"pareto-{found.x.name}-{found.y.name}"
    write_figure(
        lambda kind: pareto_plot(found, format=kind, size=size),
        name=name,
        target=target,
        format=format,
    )


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
        lambda kind: trend_plot(found, format=kind, size=size),
        name=f"trend-{found.metric.name}",
        target=target,
        format=format,
    )


@app.command("compare")
def compare(
    filter: Filter = None,
    baseline: Annotated[
        str,
        typer.Option("--baseline", metavar="PRECISION", help="What the others are set against."),
    ] = "fp32",
    metrics: Annotated[
        list[str] | None,
        typer.Option(
            "--metrics",
            metavar="NAMES",
            help="Metrics, by commas; all for every one.",
            show_default="the most telling ones",
        ),
    ] = None,
    by: Annotated[
        str,
        typer.Option("--by", metavar="FIELD", help="model, library, category or input_shape."),
    ] = "model",
    allow_mixed: Annotated[
        bool, typer.Option("--allow-mixed", help="Compare what is not like for like, too.")
    ] = False,
    all_runs: AllRuns = False,
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
    from cetrack.compare import By
    from cetrack.compare import compare as find
    from cetrack.plots import compare_plot
    from cetrack.report.table import unknown_name

    if by not in list(By):
        raise unknown_name("group", by, list(By))
    names = [name for text in metrics or [] for name in text.split(",")]
    found = _asked(
        db,
        filter,
        lambda store, where: find(
            store,
            where=where,
            baseline=baseline,
            metrics=names,
            by=By(by),
            which=_which(all_runs),
            allow_mixed=allow_mixed,
        ),
    )
    _say_notes(found.notes)
    if found.refusals:
        output.say(f"{len(found.refusals)} not comparable; 'cetrack compare' says why")
    title = "-".join(metric.name for metric in found.metrics) if names else str(by)
    write_figure(
        lambda kind: compare_plot(found, format=kind, size=size),
        name=f"compare-{title}",
        target=target,
        format=format,
    )


@app.command("epochs")
def epochs(
    metric: MetricName,
    filter: Filter = None,
    all_runs: AllRuns = False,
    limit: Annotated[
        int, typer.Option("--limit", min=1, metavar="N", help="At most the newest N runs.")
    ] = 36,
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
        lambda store, where: read_curves(
            store, metric, where=where, which=_which(all_runs), limit=limit
        ),
    )
    name = f"epochs-{found.metric.name}"
    write_figure(
        lambda kind: epochs_plot(found, format=kind, size=size),
        name=name,
        target=target,
        format=format,
    )


def _asked(
    db: str | None, filters: list[str] | None, ask: Callable[[Store, Expr | None], Answer]
) -> Answer:
    from cetrack import queries
    from cetrack.plots.figure import require_matplotlib

    require_matplotlib()  # said before anything is read
    with opening.open_store(db) as store:
        return ask(store, queries.parse_filter(store, filters or []))


def _which(all_runs: bool) -> Which:
    from cetrack.selecting import Which

    return Which.ALL if all_runs else Which.LATEST


def _say_notes(notes: Iterable[str]) -> None:
    for note in notes:
        output.say(f"note: {note}")
