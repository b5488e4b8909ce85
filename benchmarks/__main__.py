"""``python -m benchmarks``: measures, prints what it finds, and writes the page of results."""

from __future__ import annotations

import argparse
import compileall
import datetime as dt
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

import cetrack
from benchmarks import databases, machine, report
from benchmarks.bench import Bench, WrongWorkError
from benchmarks.case import Case, Row
from benchmarks.cases import CASES
from benchmarks.commands import CommandError
from benchmarks.peers import WORK
from benchmarks.sizes import FULL, QUICK
from cetrack.errors import CetrackError

_RESULTS = Path(__file__).with_name("RESULTS.md")
_FAILURES = (
    CetrackError,
    CommandError,
    WrongWorkError,
    OSError,
    SQLAlchemyError,
    subprocess.CalledProcessError,
)


_interrupted = threading.Event()


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 1 when a case failed; a bar that is missed is a result like any other."""
    chosen = _parser().parse_args(arguments)
    sizes = QUICK if chosen.quick else FULL
    cases = [case for case in CASES if not chosen.only or case.name in chosen.only]
    # as an installed package is: otherwise every start would compile it
    compileall.compile_dir(Path(cetrack.__file__).parent, quiet=1)
    before, started = machine.describe(), time.monotonic()
    pythons = _pythons(chosen.peer_python)
    with (
        tempfile.TemporaryDirectory(dir=chosen.folder, prefix="cetrack-bench-") as folder,
        Bench(sizes, Path(folder), chosen.db_postgres, pythons, _say) as bench,
    ):
        rows = list(_measured(bench, cases))
        facts = _facts(bench, before)
    page = report.render(
        rows,
        facts,
        date=f"{dt.datetime.now(dt.UTC):%Y-%m-%d}",
        judged=sizes.judged,
        command=_command(quick=chosen.quick, only=chosen.only),
    )
    print(page)
    whole = not chosen.quick and not chosen.only
    output = chosen.output or (_RESULTS if whole else None)
    if output is not None:
        output.write_text(page, "utf-8")
    print(f"{time.monotonic() - started:.0f} s", file=sys.stderr)
    return int(any(row.failed for row in rows))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    names = [case.name for case in CASES]
    parser.add_argument("--quick", action="store_true", help="small sizes, within two minutes")
    only = f"these cases, always in this order: {', '.join(names)}"
    parser.add_argument("--only", nargs="+", metavar="NAME", choices=names, help=only)
    parser.add_argument("--output", type=Path, help="page of results; RESULTS.md of a whole run")
    parser.add_argument("--folder", type=Path, help="where data goes; not a RAM disk")
    parser.add_argument("--db-postgres", metavar="URL", help="a server to use; else one is started")
    parser.add_argument(
        "--peer-python",
        action="append",
        default=[],
        metavar="PEER=PYTHON",
        help=f"the interpreter that has a peer, one of {', '.join(WORK)}",
    )
    return parser


def _pythons(texts: Iterable[str]) -> dict[str, str]:
    return {name: python for name, _, python in (text.partition("=") for text in texts)}


def _measured(bench: Bench, cases: Sequence[Case]) -> Iterator[Row]:
    """The rows of all cases; one that fails does not stop the others, an interrupt does."""
    for number, case in enumerate(cases, 1):
        try:
            bench.say(f"{number}/{len(cases)} {case.name}: {case.about}")
            yield from _rows(bench, case)
        except KeyboardInterrupt:
            missing = ", ".join(later.name for later in cases[number:]) or "nothing else"
            yield _failed(case, f"interrupted; not run: {missing}")
            return


def _rows(bench: Bench, case: Case) -> Iterator[Row]:
    try:
        for row in case.run(bench):
            bench.say(f"    {row.work}: {report.figure(row.measured, row.unit)} {row.note}")
            yield row
    except _FAILURES as error:
        bench.say(f"    failed: {error}")
        yield _failed(case, str(error))


def _interrupt(*_: object) -> None:
    _interrupted.set()
    raise KeyboardInterrupt


def _say(text: str) -> None:
    """Tell how far it is. Python prints and forgets an interrupt in the callback of a weak
    reference, of which SQLAlchemy has many: it is raised here again."""
    if _interrupted.is_set():
        raise KeyboardInterrupt
    print(text, file=sys.stderr, flush=True)


def _failed(case: Case, why: str) -> Row:
    return Row(work=case.about, measured=None, unit="", note=why, failed=True)


def _facts(bench: Bench, facts: dict[str, str]) -> Mapping[str, str]:
    """What is known of the machine, and the versions of what was measured."""
    if "server" in vars(bench):  # it was started for a case
        facts["PostgreSQL"] = databases.server_version(bench.server)
    peers = [f"{peer.name} {peer.version or peer.problem}" for peer in bench.measured_peers]
    if peers:
        facts["peers"] = ", ".join(peers)
    return facts


def _command(*, quick: bool, only: Sequence[str] | None) -> str:
    options = [*(["--quick"] if quick else []), *(["--only", *only] if only else [])]
    return " ".join(["python -m benchmarks", *options])


if __name__ == "__main__":
    for number in (signal.SIGINT, signal.SIGTERM):  # clean up, and show what there is
        signal.signal(number, _interrupt)
    sys.exit(main())
