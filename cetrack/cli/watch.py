"""``cetrack watch``: ingest as files appear and grow."""

from __future__ import annotations

import signal
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cetrack.cli import ingest_report, opening, output
from cetrack.cli.ingest import ingest_options
from cetrack.cli.options import BaselinePrecision, Db, Experiment, Facts, ReaderName, Workers

if TYPE_CHECKING:
    from cetrack.ingest import SourceReport
    from cetrack.watch import Totals

Folders = Annotated[list[str], typer.Argument(metavar="DIR", help="Folders, with all below them.")]
Poll = Annotated[
    float | None,
    typer.Option(
        "--poll",
        min=0.1,
        metavar="SECONDS",
        help="Look at all files so often, where a (network) file system has no events.",
        show_default=False,
    ),
]
Settle = Annotated[
    float,
    typer.Option(
        "--settle",
        min=0.05,
        metavar="SECONDS",
        help="How long a file has to be unchanged before it is read.",
    ),
]


def watch(
    folders: Folders,
    poll: Poll = None,
    settle: Settle = 1.0,
    experiment: Experiment = None,
    reader: ReaderName = None,
    set_: Facts = None,
    baseline_precision: BaselinePrecision = None,
    workers: Workers = None,
    db: Db = None,
) -> None:
    """Ingest new and grown files as they appear, until interrupted.

    What is there already comes first, as with ingest, which is the command for once. A file is
    read when it has not changed for a moment; a log that is written to all the time now and then,
    as far as its lines are whole. All state is in the database: a watch may end and start at any
    time. Where the database cannot be used for a while, it tries again.

    Every file that gave something is a line on stderr. Ctrl-C ends it with a summary and exit code
    130, SIGTERM (a service that is stopped) with 0.

    \b
    Examples:
      cetrack watch results/
      cetrack watch results/ /mnt/lab/runs --set device=jetson --experiment nightly
      cetrack watch /mnt/nfs/results --poll 10
    """
    from cetrack.watch import Watch, check_folders

    check_folders(folders)
    options = ingest_options(experiment, reader, set_, baseline_precision)
    stopped = _Stopped()
    with opening.open_store(db, create=True) as store:
        watching = Watch(
            store,
            folders,
            options,
            tell=_tell,
            say=_say,
            settle_s=settle,
            poll_s=poll,
            workers=workers,
        )
        try:
            watching.run()
        except KeyboardInterrupt:
            output.say(_sum(watching.totals))
            if not stopped.is_asked:
                raise


class _Stopped:
    """A service that is stopped ends as one that is interrupted, and content."""

    def __init__(self) -> None:
        self.is_asked = False
        signal.signal(signal.SIGTERM, self._note)

    def _note(self, *_: Any) -> None:
        self.is_asked = True
        raise KeyboardInterrupt


def _tell(item: SourceReport) -> None:
    uri = ingest_report.shown(item.uri)
    if item.status == "rejected":
        _say(f"rejected: {uri}: {item.problem}")
        if item.hint:
            output.say(f"  hint: {item.hint}")
        return
    runs = ", ".join(
        f"{count:,} {what}"
        for count, what in (
            (item.runs_new, "new"),
            (item.runs_updated, "updated"),
            (item.runs_unchanged, "unchanged"),
        )
        if count
    )
    _say(f"{uri}: {item.reader}; runs: {runs or 'none'}; {item.points:,} points")
    ingest_report.say_notices(item)


def _say(text: str) -> None:
    output.say(f"{datetime.now().astimezone():%Y-%m-%d %H:%M:%S} {text}")


def _sum(totals: Totals) -> str:
    files = f"{len(totals.taken):,} file{'' if len(totals.taken) == 1 else 's'} ingested"
    rejected = f", {len(totals.rejected):,} rejected" if totals.rejected else ""
    return f"{files}{rejected}; runs: {totals.runs_new:,} new, {totals.runs_updated:,} updated"
