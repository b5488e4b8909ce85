"""``cetrack ingest``: files, archives, folders and the history of a repository."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cetrack.cli import ingest_report, opening, output
from cetrack.cli.options import (
    BaselinePrecision,
    Cluster,
    Db,
    DryRun,
    Experiment,
    Facts,
    ReaderName,
    Workers,
)
from cetrack.errors import UsageError

if TYPE_CHECKING:
    from cetrack.ingest import IngestOptions, IngestReport
    from cetrack.inside import Origin
    from cetrack.mappings import Format
    from cetrack.store import Store

_REJECTED = 3


class Answer(StrEnum):
    """How the report is written."""

    TABLE = "table"
    JSON = "json"


Paths = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="PATH",
        help="Files, folders, archives, globs; - reads stdin. With --git-history: pathspecs.",
        show_default=False,
    ),
]
GitHistory = Annotated[
    str | None,
    typer.Option(
        "--git-history",
        metavar="REPO",
        help="Every committed version of the files in this git repository, oldest first.",
        show_default=False,
    ),
]
Rev = Annotated[
    str | None,
    typer.Option(
        "--rev",
        "--branch",
        metavar="REV",
        help="With --git-history: the commit or branch to go back from.",
        show_default="HEAD",
    ),
]
At = Annotated[
    str | None,
    typer.Option(
        "--at", metavar="TIME", help="When the runs were made, if the files do not say (UTC)."
    ),
]
Repeat = Annotated[
    bool, typer.Option("--repeat", help="Take known runs as new: measured again, same result.")
]
AnswerFormat = Annotated[Answer, typer.Option("--format", help="How to write the report.")]


def ingest(
    paths: Paths = None,
    git_history: GitHistory = None,
    rev: Rev = None,
    experiment: Experiment = None,
    reader: ReaderName = None,
    at: At = None,
    set_: Facts = None,
    repeat: Repeat = False,
    dry_run: DryRun = False,
    baseline_precision: BaselinePrecision = None,
    workers: Workers = None,
    cluster: Cluster = None,
    format: AnswerFormat = Answer.TABLE,
    db: Db = None,
) -> None:
    """Read result files and training logs into the database.

    Formats are recognised by content. Reading a file again is safe: what is known stays as it is,
    a rewritten file adds its new results, a grown log continues. Archives and packed files are
    opened. A file that cannot be read is rejected with the reason and never stops the others: exit
    code 3 says so. The first ingest makes the database.

    \b
    Examples:
      cetrack ingest results/
      cetrack ingest nightly.json --set device=jetson --experiment nightly
      cetrack ingest old/*.json --at 2025-11-03
      cetrack ingest results/ --dry-run
      cetrack ingest results-2025.tar.zst --workers 8
      cetrack ingest --git-history . results/
      cetrack ingest postgresql://reader@tracking/mlflow
    """
    options = ingest_options(
        experiment,
        reader,
        set_,
        baseline_precision,
        at=parse_time(at) if at else None,
        repeat=repeat,
        dry_run=dry_run,
    )
    origins = _origins(paths or [], git_history, rev, options.formats)
    report = _ingest(origins, options, db, workers=workers, cluster=cluster)
    if format is Answer.JSON:
        output.write(ingest_report.as_json(report))
    else:
        ingest_report.show(report, planned=dry_run)
    if report.rejected:
        raise typer.Exit(_REJECTED)


def ingest_options(
    experiment: str | None,
    reader: str | None,
    facts: Sequence[str] | None,
    baseline_precision: str | None,
    **more: Any,
) -> IngestOptions:
    """What a command line and ``cetrack.toml`` say about the runs of an ingest."""
    from cetrack.preparing import IngestOptions, checked

    settings = opening.settings()
    return checked(
        IngestOptions(
            experiment=experiment,
            default_experiment=settings.experiment,
            reader=reader,
            settings=parse_settings(facts or []),
            baseline_precision=baseline_precision or settings.baseline_precision or "fp32",
            formats=settings.formats,
            definitions=settings.definitions or (),
            **more,
        )
    )


def _origins(
    paths: Sequence[str], git_history: str | None, rev: str | None, formats: tuple[Format, ...]
) -> Sequence[Origin]:
    if git_history is None:
        if rev is not None:
            raise UsageError("--rev is for --git-history", hint="add --git-history REPO")
        if not paths:
            raise UsageError("nothing to ingest was named", hint="cetrack ingest results/")
        from cetrack.discover import discover

        return discover(paths, formats)
    from cetrack.history import History

    return [History(git_history, paths, rev=rev or "HEAD", formats=formats)]


def _ingest(
    origins: Sequence[Origin], options: IngestOptions, db: str | None, **hands: Any
) -> IngestReport:
    from cetrack.ingest import take_in

    def watched(store: Store | None) -> IngestReport:
        with output.progress("reading") as progress:
            return take_in(store, origins, options, progress=progress, **hands)

    if options.dry_run and not opening.exists(db):
        return watched(None)
    with opening.open_store(db, create=not options.dry_run) as store:
        return watched(store)


def parse_settings(texts: Sequence[str]) -> dict[str, str]:
    """``key=value`` texts as a mapping."""
    settings: dict[str, str] = {}
    for text in texts:
        key, sign, value = text.partition("=")
        if not sign or not key.strip():
            raise UsageError(f"--set {text}: not KEY=VALUE", hint="write --set device=jetson")
        settings[key.strip()] = value.strip()
    return settings


def parse_time(text: str) -> datetime:
    """An ISO 8601 date or time; UTC where it does not say otherwise."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(
            f"--at {text}: not a time", hint="write 2026-01-31 or 2026-01-31T14:00+01:00"
        ) from None
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
