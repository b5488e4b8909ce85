"""``cetrack check``: gates for CI."""

from __future__ import annotations

import getpass
import shlex
import subprocess
from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cetrack import config
from cetrack.cli import output
from cetrack.cli.options import Db, Filter
from cetrack.cli.stale import open_answering
from cetrack.errors import OutputError, UsageError
from cetrack.report import Format

if TYPE_CHECKING:
    from cetrack.filter import Expr
    from cetrack.gate import CheckReport, Consent, Gate
    from cetrack.store import Store

_REFUSED = 1


class CheckFormat(StrEnum):
    """How a check is written."""

    TABLE = "table"
    JSON = "json"
    MD = "md"
    JUNIT = "junit"


GateFile = Annotated[
    Path | None,
    typer.Argument(
        metavar="FILE",
        help="The gates; gates.toml here or beside cetrack.toml unless it is named.",
        show_default=False,
    ),
]
How = Annotated[CheckFormat, typer.Option("--format", help="How to write the result.")]


JUnitFile = Annotated[
    Path | None,
    typer.Option(
        "--junit", metavar="FILE", help="Write JUnit XML to this file too.", show_default=False
    ),
]
MarkdownFile = Annotated[
    Path | None,
    typer.Option(
        "--md", metavar="FILE", help="Write Markdown to this file too.", show_default=False
    ),
]
JsonFile = Annotated[
    Path | None,
    typer.Option("--json", metavar="FILE", help="Write JSON to this file too.", show_default=False),
]
Targets = Annotated[
    list[str] | None,
    typer.Option(
        "--accept",
        metavar="GATE[:WHICH]",
        help="Accept what a gate refuses; WHICH is a model or how a uid begins. Needs --why.",
        show_default=False,
    ),
]
Why = Annotated[
    str | None,
    typer.Option("--why", metavar="TEXT", help="Why it is accepted.", show_default=False),
]
Who = Annotated[
    str | None,
    typer.Option(
        "--who", metavar="NAME", help="Who accepts it.", show_default="git's user.name, or login"
    ),
]
Accepted = Annotated[
    bool, typer.Option("--accepted", help="List what was accepted, and check nothing.")
]


def check(
    file: GateFile = None,
    filter: Filter = None,
    format: How = CheckFormat.TABLE,
    junit: JUnitFile = None,
    md: MarkdownFile = None,
    json: JsonFile = None,
    accept: Targets = None,
    why: Why = None,
    who: Who = None,
    accepted: Accepted = False,
    db: Db = None,
) -> None:
    """Check the newest runs against gates: exit code 0 if all pass, 1 if not.

    A gate is a table of a TOML file: a metric, a filter that says for which runs, and limits:
    absolute, against the baseline, against the past of the series, or Pareto. A number that is
    missing is a failure unless the gate says otherwise. docs/check.md has every key.

    \b
    Examples:
      cetrack check
      cetrack check gates.toml --filter category=vision
      cetrack check --junit report.xml --md summary.md
      cetrack check --accept accuracy:resnet50 --why "new calibration set, agreed with QA"
      cetrack check --accepted
    """
    from cetrack import queries

    if accepted:
        _list_accepted(format, db)
        return
    _require_consent(accept, why, who)
    gates = _load(file)
    with open_answering(db) as store:
        where = queries.parse_filter(store, filter or [])
        if accept:
            _accept(store, gates, accept, _consent(why, who), where)
        report = _checked(store, gates, where)
    files = {CheckFormat.JUNIT: junit, CheckFormat.MD: md, CheckFormat.JSON: json}
    _write_files(report, files)
    _show(report, format)
    if not report.passed:
        raise typer.Exit(_REFUSED)


# --- gates -----------------------------------------------------------------------------------


def _load(file: Path | None) -> tuple[Gate, ...]:
    from cetrack.gates import FILE_NAME, load_gates

    if file is not None:
        return load_gates(file)
    here = Path.cwd()
    settings = config.settings_file(here)
    places = [here, *([settings.parent] if settings else [])]
    found = next((path for place in places if (path := place / FILE_NAME).is_file()), None)
    if found is None:
        raise UsageError(
            f"no {FILE_NAME} here or beside cetrack.toml", hint="cetrack check FILE; docs/check.md"
        )
    return load_gates(found)


def _checked(store: Store, gates: Sequence[Gate], where: Expr | None) -> CheckReport:
    from cetrack.gate import check as check_gates

    return check_gates(store, gates, where=where)


# --- what is said ----------------------------------------------------------------------------


def _show(report: CheckReport, format: CheckFormat) -> None:
    """The result on stdout; how many passed on stderr."""
    from cetrack.gate import rendering

    if format is CheckFormat.TABLE:
        output.emit_sections(rendering.as_sections(report), Format.TABLE)
    else:
        output.write(rendering.RENDERERS[format](report))
    output.say(rendering.summary(report))
    refused = next((result for result in report.refused if result.is_complete), None)
    if refused is not None:
        target = shlex.quote(f"{refused.gate}:{refused.model}")
        output.say(f"accept it: cetrack check --accept {target} --why TEXT")


def _write_files(report: CheckReport, files: Mapping[CheckFormat, Path | None]) -> None:
    from cetrack.gate import rendering

    for format, path in files.items():
        if path is None:
            continue
        try:
            path.write_text(rendering.RENDERERS[format](report), encoding="utf-8")
        except OSError as error:
            raise OutputError(f"{path}: {error.strerror}") from error


# --- accepted changes ------------------------------------------------------------------------


def _require_consent(accept: list[str] | None, why: str | None, who: str | None) -> None:
    if accept and not (why or "").strip():
        raise UsageError("nothing is accepted without a reason", hint="add --why TEXT")
    if not accept and (why is not None or who is not None):
        raise UsageError("--why and --who belong to --accept", hint="add --accept GATE")


def _consent(why: str | None, who: str | None) -> Consent:
    from cetrack.gate import Consent

    name = (who or "").strip() or _git_name() or _login()
    return Consent(by=name, reason=(why or "").strip())


def _git_name() -> str:
    from cetrack.repository import ask_git

    try:
        return ask_git(Path.cwd(), "config", "user.name").strip()
    except (OSError, subprocess.SubprocessError):
        return ""


def _login() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # a container without a user of that number
        raise UsageError("nobody knows who accepts this", hint="add --who NAME") from None


def _accept(
    store: Store,
    gates: Sequence[Gate],
    targets: Sequence[str],
    consent: Consent,
    where: Expr | None,
) -> None:
    from cetrack.gate import accept

    for item in accept(store, gates, targets, consent, where=where):
        output.say(f"{item.metric} of {item.model} {item.precision} {item.uid[:10]}: {item.words}")


def _list_accepted(format: CheckFormat, db: str | None) -> None:
    from cetrack.gate import list_acceptances, rendering

    if format is CheckFormat.JUNIT:
        raise UsageError("a list is no test report", hint="--format table, json or md")
    with open_answering(db) as store:
        items = list_acceptances(store)
    output.emit(rendering.accepted_table(items), Format(format), empty="nothing was accepted yet")
