"""What an ingest did, as people and programs read it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cetrack.cli import output
from cetrack.report import Column, Format, Kind, Section, Table
from cetrack.report.table import without_blank_columns

if TYPE_CHECKING:
    from cetrack.ingest import IngestReport, SourceReport

_USUAL_STATUS = "finished"
_REPETITIONS = "(repetitions)"  # what a sample is read from
_MANY = 50  # above this many files only those with something to say are listed
_MOST_NOTICES = 3  # of a file
_MOST_FILES = 20  # whose notices are shown
_WIDEST_PATH = 60
_MOST_ALIKE = 20  # rejected for one reason: the versions of a file in a repository
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


def as_json(report: IngestReport) -> str:
    """The whole report as one JSON object."""
    from cetrack.report.json import dumps, plain

    sources = [
        {**asdict(item), "notices": list(map(asdict, item.notices))} for item in report.sources
    ]
    whole = {"sources": sources, "remarks": report.remarks, "total": _totals(report.sources)}
    return dumps(plain(whole)) + "\n"


def _totals(sources: Sequence[SourceReport]) -> dict[str, int]:
    return {name: sum(getattr(item, name) for item in sources) for name in _COUNTS}


def show(report: IngestReport, *, planned: bool) -> None:
    """The table on stdout; warnings, rejections, remarks and the sum on stderr."""
    many = len(report.sources) > _MANY
    skipped = [item for item in report.sources if item.status == "skipped"]
    read = [item for item in report.sources if item.status not in ("companion", "skipped")]
    listed = [item for item in read if not many or _is_notable(item)]
    if planned:
        output.emit_sections(_plan(report.sources, report), Format.TABLE)
    else:
        output.emit(_sources_table(listed), Format.TABLE, empty="nothing to say about any file")
    doubtful = [item for item in report.sources if item.notices]
    for item in doubtful[:_MOST_FILES]:
        say_notices(item)
    _say_more(doubtful[_MOST_FILES:])
    _say_rejections(report.rejected)
    _say_skipped(skipped)
    for remark in report.remarks:
        output.say(f"note: {remark}")
    output.say(_sum(report, planned=planned))


def _say_rejections(rejected: Sequence[SourceReport]) -> None:
    """The rejected files with their reasons; what to do is said once for all that it helps."""
    for hint in dict.fromkeys(item.hint for item in rejected):
        alike = Counter(item.problem for item in rejected if item.hint == hint)
        told: Counter[str | None] = Counter()
        for item in rejected:
            if item.hint == hint and told[item.problem] < _MOST_ALIKE:
                told[item.problem] += 1
                output.say(f"rejected: {shown(item.uri)}: {item.problem}")
        for problem, count in (alike - told).items():
            output.say(f"rejected: {count:,} more: {problem}; --format json has them all")
        if hint:
            output.say(f"  hint: {hint}")


def _is_notable(item: SourceReport) -> bool:
    return item.status == "rejected" or bool(item.notices)


def _say_skipped(sources: Sequence[SourceReport]) -> None:
    """What lies beside the results and is none of them, in one line."""
    if sources:
        names = ", ".join(shown(item.uri) for item in sources[:_MOST_NOTICES])
        more = f" and {len(sources) - _MOST_NOTICES:,} more" if len(sources) > _MOST_NOTICES else ""
        output.say(f"note: no results that a reader knows in {names}{more}")
        output.say("  hint: name one of them to see why; 'cetrack formats' lists what is read")


def _sources_table(sources: Sequence[SourceReport]) -> Table:
    rows = [
        (
            _elided(shown(item.uri)),
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


def say_notices(item: SourceReport) -> None:
    """What is doubtful in a file, the first of it."""
    for notice in item.notices[:_MOST_NOTICES]:
        place = f" {notice.place}" if notice.place else ""
        output.say(f"warning: {shown(item.uri)}{place}: {notice.text}")
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


def _elided(path: str) -> str:
    """The end of a long path: what a table has room for."""
    if len(path) <= _WIDEST_PATH:
        return path
    end = path[1 - _WIDEST_PATH :]
    return f"…{end[end.find('/') :]}" if "/" in end else f"…{end}"


def shown(uri: str) -> str:
    """A path as short as it can be said from here."""
    here = f"{Path.cwd().as_posix()}/"
    return uri.removeprefix(here)
