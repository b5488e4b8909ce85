"""``cetrack forget``: undo an ingest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from cetrack.cli import opening, output
from cetrack.cli.options import Db, DryRun, Yes
from cetrack.report import Column, Format, Kind, Table

if TYPE_CHECKING:
    from cetrack.forget import ForgetReport

_COLUMNS = (
    Column(name="uid", kind=Kind.UID),
    Column(name="model"),
    Column(name="precision"),
    Column(name="kind", rank=1),
    Column(name="started_at", kind=Kind.TIME, rank=2),
)


def forget(
    target: Annotated[
        str,
        typer.Argument(
            metavar="SOURCE|RUN",
            help="An ingested file, a folder, archive or repository of them, or how a uid begins.",
        ),
    ],
    dry_run: DryRun = False,
    yes: Yes = False,
    db: Db = None,
) -> None:
    """Undo an ingest: remove a source, or a single run.

    With a source go the runs that only it holds.
    Shows what goes and asks first. The file itself is not touched; ingesting it again brings the
    runs back.

    \b
    Examples:
      cetrack forget results/broken.json --dry-run
      cetrack forget results/broken.json
      cetrack forget results-2025.zip --dry-run
      cetrack forget 3f2a91c0 --yes
    """
    from cetrack.forget import forget as remove

    with opening.open_store(db) as store:
        planned = remove(store, target, dry_run=True)
        _show(planned)
        if dry_run:
            output.say(f"dry run, nothing was removed; this would be {_amount(planned)}")
            return
        output.confirm(f"Remove {_amount(planned)}?", yes=yes)
        baseline = opening.settings().baseline_precision or "fp32"
        removed = remove(store, target, dry_run=False, baseline_precision=baseline)
        output.say(f"removed {_amount(removed)}")


def _show(report: ForgetReport) -> None:
    names = [column.name for column in _COLUMNS]
    rows = tuple(tuple(run[name] for name in names) for run in report.runs)
    output.emit(Table(columns=_COLUMNS, rows=rows), Format.TABLE, empty="no run is removed")
    if report.kept:
        output.say(f"{_counted(report.kept, 'run')} stay: other sources hold them too")


def _amount(report: ForgetReport) -> str:
    parts = [_counted(len(report.runs), "run")]
    if report.sources:
        parts.append(_counted(len(report.sources), "source"))
    return " and ".join(parts)


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
