"""``cetrack export-tb``: runs as TensorBoard event files."""

from __future__ import annotations

import shlex
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cetrack.cli import opening, output
from cetrack.cli.ingest import Answer, AnswerFormat
from cetrack.cli.options import Cluster, Db, Filter, Workers
from cetrack.errors import UsageError
from cetrack.report import Column, Format, Kind, Table
from cetrack.tb.views import DEFAULT_VIEWS, Layout, TagOrder, View

if TYPE_CHECKING:
    from cetrack.export_tb import ExportReport

_COUNTS = ("runs", "scalars", "files", "unchanged", "removed")
_COLUMNS = (Column(name="logdir"), *(Column(name=name, kind=Kind.NUMBER) for name in _COUNTS))


Folder = Annotated[Path | None, typer.Argument(metavar="LOGDIR", help="Where the event files go.")]
Logdir = Annotated[
    Path | None,
    typer.Option("--logdir", metavar="LOGDIR", help="The same, as an option.", show_default=False),
]
Views = Annotated[
    list[View] | None,
    typer.Option(
        "--view",
        help="Only this part; may be given several times.",
        show_default="all but changes and plots",
    ),
]
LayoutName = Annotated[
    Layout,
    typer.Option("--layout", help="compression-board: what the COMPRESSION plugin reads."),
]
Tags = Annotated[
    TagOrder | None,
    typer.Option(
        "--tags",
        help="Cards of trend, changes and compare grouped by model or by metric.",
        show_default="by-model",
    ),
]


def export_tb(
    folder: Folder = None,
    logdir: Logdir = None,
    filter: Filter = None,
    view: Views = None,
    layout: LayoutName = Layout.DEFAULT,
    tags: Tags = None,
    workers: Workers = None,
    cluster: Cluster = None,
    format: AnswerFormat = Answer.TABLE,
    db: Db = None,
) -> None:
    """Write runs as TensorBoard event files.

    runs: every run's own series. trend: the last value of every metric, run by run, with the
    precisions of a model in one chart. compare: the same for ratio and difference to the
    baseline. hparams: the HPARAMS table. text: a card per run. histograms: the
    repetitions behind a number. charts: the tab CUSTOM SCALARS, precisions side by side.

    Where they are asked for: changes, the levels of the lines that have moved (needs the extra
    stats); plots, Pareto fronts and trends as images (needs the extra plots).

    The same runs give the same bytes. Exporting again touches only what has changed and removes
    what is no longer selected; a folder that cetrack has not written is left alone.

    \b
    Examples:
      cetrack export-tb logs/
      cetrack export-tb --logdir logs/ --filter category=vision --filter 'precision in (fp32, int8)'
      cetrack export-tb logs/ --view trend --view compare --tags by-metric
      cetrack export-tb logs/ --view trend --view changes --view plots
      cetrack export-tb board/ --layout compression-board
      cetrack export-tb logs/ --workers 4
    """
    if layout is Layout.BOARD and (view or tags):
        raise UsageError(
            "--view and --tags belong to the default layout",
            hint=f"leave them out, or leave out --layout {Layout.BOARD}",
        )
    report = _export(
        _target(folder, logdir),
        filter or [],
        db,
        views=view or [*DEFAULT_VIEWS],
        layout=layout,
        tags=tags or TagOrder.BY_MODEL,
        workers=workers,
        cluster=cluster,
    )
    _show(report, format)


def _show(report: ExportReport, format: Answer) -> None:
    """The report on stdout; warnings, and what to do next, on stderr."""
    if format is Answer.JSON:
        output.write(_as_json(report))
    else:
        row = (str(report.logdir), *(getattr(report, name) for name in _COUNTS))
        output.emit(Table(columns=_COLUMNS, rows=(row,)), Format.TABLE)
    for warning in report.warnings:
        output.say(f"warning: {warning}")
    if report.files:
        output.say(f"next: tensorboard --logdir {shlex.quote(str(report.logdir))}")


def _target(folder: Path | None, logdir: Path | None) -> Path:
    if folder is not None and logdir is not None and folder != logdir:
        raise UsageError(f"two folders: {folder} and --logdir {logdir}", hint="name one of them")
    target = folder or logdir
    if target is None:
        raise UsageError("no folder to write to", hint="cetrack export-tb LOGDIR")
    return target


def _export(target: Path, filters: list[str], db: str | None, **how: Any) -> ExportReport:
    from cetrack import queries
    from cetrack.export_tb import export_tb as export

    with opening.open_store(db) as store, output.progress("exporting") as progress:
        where = queries.parse_filter(store, filters)
        return export(store, target, where=where, progress=progress, **how)


def _as_json(report: ExportReport) -> str:
    from cetrack.report.json import dumps, plain

    return dumps(plain({**asdict(report), "logdir": str(report.logdir)})) + "\n"
