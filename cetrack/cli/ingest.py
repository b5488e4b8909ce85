"""``cetrack ingest``: files and folders into the database."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cetrack.cli import opening, output
from cetrack.cli.options import Cluster, Db, DryRun, Workers
from cetrack.errors import UsageError
from cetrack.report import Column, Format, Kind, Section, Table
from cetrack.report.table import without_blank_columns

if TYPE_CHECKING:
    from cetrack.ingest import IngestOptions, IngestReport, SourceReport
    from cetrack.store import Store

_USUAL_STATUS = "finished"
_REPETITIONS = "(repetitions)"  # what a sample is read from
_MANY = 50  # above this many files only those with something to say are listed
_MOST_NOTICES = 3  # of a file
_MOST_FILES = 20  # whose notices are shown
_REJECTED = 3
_COUNTS = ("runs_new", "runs_updated", "runs_unchanged", "points")
_COLUMNS = (
    Column(name="source", fold_at=40),
    Column(name="format", rank=1),
    Column(name="status"),
    Column(name="new", kind=Kind.NUMBER),
    Column(name="updated", kind=Kind.NUMBER),
    Column(name="unchanged", kind=Kind.NUMBER),
    Column(name="points", kind=Kind.NUMBER, rank=3),
    Column(name="warnings", kind=Kind.NUMBER, rank=2),
)
# what else tells one run from another: shown where any has it
_TOLD_APART = ("method", "variant", "dataset", "device", "runtime", "batch_size", "seed")
_PLAN_COLUMNS = (
    Column(name="change"),
    Column(name="model"),
    Column(name="precision"),
    Column(name="kind", rank=1),
    Column(name="status", rank=3),
    *(Column(name=name, rank=4) for name in _TOLD_APART),
    Column(name="place", rank=5),
    Column(name="started_at", kind=Kind.TIME, rank=2),
    Column(name="metrics", kind=Kind.NUMBER, rank=3),
    Column(name="samples", kind=Kind.NUMBER, rank=6),
)
_NAMES_COLUMNS = (
    Column(name="metric"),
    Column(name="unit"),
    Column(name="read_from"),
    Column(name="read_in", rank=2),
    Column(name="runs", kind=Kind.NUMBER, rank=1),
)


class Answer(StrEnum):
    """How the report is written."""

    TABLE = "table"
    JSON = "json"


Paths = Annotated[
    list[str], typer.Argument(metavar="PATH", help="Files, folders, globs; - reads stdin.")
]
Experiment = Annotated[
    str | None, typer.Option("--experiment", metavar="NAME", help="The campaign of the runs.")
]
ReaderName = Annotated[
    str | None,
    typer.Option("--reader", metavar="NAME", help="Read as this format; see 'cetrack formats'."),
]
At = Annotated[
    str | None,
    typer.Option(
        "--at", metavar="TIME", help="When the runs were made, if the files do not say (UTC)."
    ),
]
Facts = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="A fact that the files leave open: device=, dataset=, model=, param.X=, tag.X= …",
    ),
]
Repeat = Annotated[
    bool, typer.Option("--repeat", help="Take known runs as new: measured again, same result.")
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
AnswerFormat = Annotated[Answer, typer.Option("--format", help="How to write the report.")]


def ingest(
    paths: Paths,
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
    a rewritten file adds its new results, a grown log continues. A file that cannot be read is
    rejected with the reason and never stops the others. The first ingest makes the database.

    Exit code 3 says that some file was rejected.

    \b
    Examples:
      cetrack ingest results/
      cetrack ingest nightly.json --set device=jetson --experiment nightly
      cetrack ingest old/*.json --at 2025-11-03
      cetrack ingest results/ --dry-run
      cetrack ingest archive/ --workers 8
    """
    settings = opening.settings()
    options = _options(
        experiment=experiment,
        default_experiment=settings.experiment,
        reader=reader,
        at=None if at is None else parse_time(at),
        settings=parse_settings(set_ or []),
        repeat=repeat,
        dry_run=dry_run,
        baseline_precision=baseline_precision or settings.baseline_precision or "fp32",
        formats=settings.formats,
    )
    report = _ingest(paths, options, db, workers=workers, cluster=cluster)
    if format is Answer.JSON:
        output.write(_as_json(report))
    else:
        _show(report, planned=dry_run)
    if report.rejected:
        raise typer.Exit(_REJECTED)


def _options(**values: Any) -> IngestOptions:
    from cetrack.ingest import IngestOptions

    return IngestOptions(**values)


def _ingest(
    paths: Sequence[str], options: IngestOptions, db: str | None, **hands: Any
) -> IngestReport:
    from cetrack.ingest import ingest as take_in

    def watched(store: Store | None) -> IngestReport:
        with output.progress("reading") as progress:
            return take_in(store, paths, options, progress=progress, **hands)

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


# --- the report ---------------------------------------------------------------------------------


def _as_json(report: IngestReport) -> str:
    from cetrack.report.json import dumps, plain

    sources = [
        {**asdict(item), "notices": list(map(asdict, item.notices))} for item in report.sources
    ]
    whole = {"sources": sources, "remarks": report.remarks, "total": _totals(report.sources)}
    return dumps(plain(whole)) + "\n"


def _totals(sources: Sequence[SourceReport]) -> dict[str, int]:
    return {name: sum(getattr(item, name) for item in sources) for name in _COUNTS}


def _show(report: IngestReport, *, planned: bool) -> None:
    """The table on stdout; warnings, rejections, remarks and the sum on stderr."""
    many = len(report.sources) > _MANY
    skipped = [item for item in report.sources if item.status == "skipped"]
    read = [item for item in report.sources if item.status not in ("companion", "skipped")]
    listed = [item for item in read if not many or _is_notable(item)]
    if planned:
        output.emit_sections(_plan(listed, report), Format.TABLE)
    else:
        output.emit(_sources_table(listed), Format.TABLE, empty="nothing to say about any file")
    doubtful = [item for item in report.sources if item.notices]
    for item in doubtful[:_MOST_FILES]:
        _say_notices(item)
    _say_more(doubtful[_MOST_FILES:])
    _say_rejections(report.rejected)
    _say_skipped(skipped)
    for remark in report.remarks:
        output.say(f"note: {remark}")
    output.say(_sum(report, planned=planned))


def _say_rejections(rejected: Sequence[SourceReport]) -> None:
    """Every rejected file with its reason; what to do is said once for all that it helps."""
    for hint in dict.fromkeys(item.hint for item in rejected):
        for item in rejected:
            if item.hint == hint:
                output.say(f"rejected: {_shown(item.uri)}: {item.problem}")
        if hint:
            output.say(f"  hint: {hint}")


def _is_notable(item: SourceReport) -> bool:
    return item.status == "rejected" or bool(item.notices)


def _say_skipped(sources: Sequence[SourceReport]) -> None:
    """What lies beside the results and is none of them, in one line."""
    if sources:
        names = ", ".join(_shown(item.uri) for item in sources[:_MOST_NOTICES])
        more = f" and {len(sources) - _MOST_NOTICES:,} more" if len(sources) > _MOST_NOTICES else ""
        output.say(f"note: no results that a reader knows in {names}{more}")
        output.say("  hint: name one of them to see why; 'cetrack formats' lists what is read")


def _sources_table(sources: Sequence[SourceReport]) -> Table:
    rows = [
        (
            _shown(item.uri),
            item.reader,
            item.status,
            *(getattr(item, name) or None for name in _COUNTS),
            len(item.notices) or None,
        )
        for item in sources
    ]
    return Table(columns=_COLUMNS, rows=tuple(rows))


def _plan(listed: Sequence[SourceReport], report: IngestReport) -> list[Section]:
    """What a dry run found: files, runs, and what became of the names of metrics."""
    runs = [run for item in report.sources for run in item.planned]
    shown = runs[:_MANY]
    more = f" (the first {_MANY} of {len(runs):,}; --format json has them all)"
    table = without_blank_columns(Table(columns=_PLAN_COLUMNS, rows=tuple(map(_plan_row, shown))))
    return [
        Section(key="files", title="files", table=_sources_table(listed)),
        Section(key="runs", title=f"runs{more if len(runs) > _MANY else ''}", table=table),
        Section(key="metrics", title="metrics", table=_names_table(runs)),
    ]


def _plan_row(run: Mapping[str, Any]) -> tuple[Any, ...]:
    started = datetime.fromisoformat(run["started_at"])
    status = run["status"] if run["status"] != _USUAL_STATUS else None
    return (
        *(run[name] for name in ("change", "model", "precision", "kind")),
        status,
        *(run[name] for name in _TOLD_APART),
        run["place"] or None,
        started,
        len(run["metrics"]),
        len(run["samples"]) or None,
    )


def _names_table(runs: Sequence[Mapping[str, Any]]) -> Table:
    """Which name in the files became which metric: the thing to check before the real run."""
    counts = Counter(
        (name, metric["unit"], metric["from"], metric["source_unit"])
        for run in runs
        for name, metric in run["metrics"].items()
    )
    counts.update(
        (name, sample["unit"], _REPETITIONS, None)
        for run in runs
        for name, sample in run["samples"].items()
    )
    rows = sorted(counts.items(), key=lambda item: (item[0][0], item[0][2], item[0][3] or ""))
    return Table(columns=_NAMES_COLUMNS, rows=tuple((*names, count) for names, count in rows))


def _say_notices(item: SourceReport) -> None:
    for notice in item.notices[:_MOST_NOTICES]:
        place = f" {notice.place}" if notice.place else ""
        output.say(f"warning: {_shown(item.uri)}{place}: {notice.text}")
    more = len(item.notices) - _MOST_NOTICES
    if more > 0:
        output.say(f"  and {more} more in this file; --format json has them all")


def _say_more(sources: Sequence[SourceReport]) -> None:
    """Of a whole archive the first files show what is doubtful."""
    if sources:
        count = sum(len(item.notices) for item in sources)
        output.say(
            f"warning: {count:,} more in {len(sources):,} other files; --format json has them all"
        )


def _sum(report: IngestReport, *, planned: bool) -> str:
    total = _totals(report.sources)
    parts = [
        f"{total['runs_new']:,} new",
        f"{total['runs_updated']:,} updated",
        f"{total['runs_unchanged']:,} unchanged",
    ]
    files = f"{len(report.sources):,} file{'' if len(report.sources) == 1 else 's'}"
    rejected = f", {len(report.rejected):,} of them rejected" if report.rejected else ""
    begin = "dry run, nothing was stored: " if planned else ""
    return f"{begin}{files}{rejected}; runs: {', '.join(parts)}; {total['points']:,} points"


def _shown(uri: str) -> str:
    """A path as short as it can be said from here."""
    here = f"{Path.cwd().as_posix()}/"
    return uri.removeprefix(here)
