"""``cetrack demo``: the whole main job on real results."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from cetrack.cli import output
from cetrack.report import Format


def demo(
    directory: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="Where the database and the logs go.")
    ] = Path("cetrack-demo"),
) -> None:
    """Ingest real results of four nights, compare them, and export them to TensorBoard.

    Three small models, trained in FP32, quantised to INT8 and pruned. Repeating it changes
    nothing.

    \b
    Examples:
      cetrack demo
      cetrack demo /tmp/demo
    """
    from cetrack.demo import demo as make

    with output.progress("working"):
        made = make(directory)
    runs = sum(
        item.runs_new + item.runs_updated + item.runs_unchanged for item in made.ingested.sources
    )
    output.write(
        f"{len(made.ingested.sources)} result files, {runs} runs met. "
        "The newest compressed runs beside their baselines:\n\n"
    )
    output.emit(made.comparison, Format.TABLE)
    output.write(_next_steps(made.database, made.logdir))


_COMMANDS = (
    "compare --filter kind=benchmark",
    "trend accuracy --filter kind=benchmark",
    "table --filter kind=benchmark --baseline fp32 --best row",
    "plot pareto --x model_size_mb --filter kind=benchmark",
    "runs --filter 'precision=int8 and accuracy >= 0.95'",
)


def _next_steps(database: Path, logdir: Path) -> str:
    db, logs = shlex.quote(str(database)), shlex.quote(str(logdir))
    commands = [f"cetrack {command} --db {db}" for command in _COMMANDS]
    lines = [f"tensorboard --logdir {logs}          (pip install tensorboard)", *commands]
    shown = "".join(f"  {line}\n" for line in lines)
    return f"\nDatabase: {db}\nTensorBoard logs: {logs}\n\nLook at them:\n{shown}"
