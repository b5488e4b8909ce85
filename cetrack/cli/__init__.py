"""The command line: one file per command, and the one place where errors become exit codes.

Command modules import what they need inside their functions: ``cetrack --help`` loads neither
SQLAlchemy nor pandas.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Sequence
from typing import Annotated, Any, NoReturn

import typer

from cetrack.cli import (
    check,
    compare,
    database,
    demo,
    derive,
    export_runs,
    export_tb,
    forget,
    formats,
    freeze,
    ingest,
    metrics,
    model,
    models,
    output,
    pareto,
    plot,
    report,
    runs,
    show,
    sql,
    table,
    trend,
    watch,
)
from cetrack.errors import CetrackError

# typer carries its own copy of click in some versions: this is its UsageError in every one
_CommandLineError: type[Any] = typer.BadParameter.__bases__[0]

app = typer.Typer(
    name="cetrack",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version  # keeps --help fast

        output.write(f"cetrack {version('cetrack')}\n")
        raise typer.Exit


@app.callback()
def _root(
    context: typer.Context,
    debug: Annotated[
        bool,
        typer.Option("--debug", envvar="CETRACK_DEBUG", help="Show a traceback with every error."),
    ] = False,
    version: Annotated[
        bool,
        typer.Option(
            "--version", is_eager=True, callback=_print_version, help="Show the version and exit."
        ),
    ] = False,
) -> None:
    """The database for neural-network compression results.

    Ingest anything once, keep it exactly, and make every view a query: tables, comparisons,
    TensorBoard.

    \b
    Start:
      cetrack demo                      a database of example results to try things on
      cetrack ingest results/           read result files; again and again is fine
      cetrack runs --filter precision=int8 --sort -accuracy
      cetrack export-tb --logdir tb     then: tensorboard --logdir tb

    The database is --db, else CETRACK_DB, else db in the nearest cetrack.toml, else cetrack.db
    in this folder.
    """
    context.ensure_object(dict)["debug"] = debug


_COMMANDS: dict[str, Callable[..., None]] = {
    "ingest": ingest.ingest,
    "watch": watch.watch,
    "runs": runs.runs,
    "show": show.show,
    "models": models.models,
    "metrics": metrics.metrics,
    "compare": compare.compare,
    "pareto": pareto.pareto,
    "trend": trend.trend,
    "sql": sql.sql,
    "check": check.check,
    "table": table.table,
    "report": report.report,
    "freeze": freeze.freeze,
    "derive": derive.derive,
    "export-runs": export_runs.export_runs,
    "export-tb": export_tb.export_tb,
    "forget": forget.forget,
    "formats": formats.formats,
    "demo": demo.demo,
}
for _name, _command in _COMMANDS.items():
    app.command(_name)(_command)
app.add_typer(plot.app, name="plot")
app.add_typer(model.app, name="model")
app.add_typer(database.app, name="db")


_INTERRUPTED = 130


def main(args: Sequence[str] | None = None) -> NoReturn:
    """Run the program and exit with its code."""
    for stream in (sys.stdout, sys.stderr):
        _take_any_text(stream)
    # what is loaded stays, and rows are no cycles: looking for garbage costs a fifth of an ingest
    gc.freeze()
    gc.set_threshold(100_000, 20, 100)
    sys.exit(_run(sys.argv[1:] if args is None else list(args)))


def _run(args: Sequence[str]) -> int:
    """The exit code of one run of the program: what went wrong is said on stderr."""
    state = {"debug": False}
    try:
        code = app(args=args, prog_name="cetrack", standalone_mode=False, obj=state)
        if code == _INTERRUPTED:  # typer has caught it
            raise KeyboardInterrupt
        return code if isinstance(code, int) else 0
    except CetrackError as error:
        if state["debug"]:
            import traceback  # only where it is wanted

            traceback.print_exception(error)
        output.complain(error.message, error.hint)
        return error.exit_code
    except _CommandLineError as error:
        return _usage_error(error)
    except (KeyboardInterrupt, typer.Abort):
        output.say("interrupted; what is done stays done")
        return _INTERRUPTED
    except BrokenPipeError:
        return 0


def _usage_error(error: Any) -> int:
    """What is wrong with the command line, in one line; a bare command shows its help."""
    if type(error).__name__ == "NoArgsIsHelpError":
        error.show()
    else:
        path = error.ctx.command_path if error.ctx else "cetrack"
        output.complain(error.format_message(), f"{path} --help")
    return int(error.exit_code)


def _take_any_text(stream: Any) -> None:
    """No name may break the output: what the stream cannot encode is written as an escape."""
    if hasattr(stream, "reconfigure"):
        piped = {} if stream.isatty() else {"encoding": "utf-8"}
        stream.reconfigure(errors="backslashreplace", **piped)
