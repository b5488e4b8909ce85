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


def _next_steps(database: Path, logdir: Path) -> str:
    query = (
        "SELECT model, n, value FROM history "
        "WHERE metric = 'latency_mean_ms' AND precision = 'int8' AND kind = 'benchmark'"
    )
    db, logs = shlex.quote(str(database)), shlex.quote(str(logdir))
    return (
        f"\nDatabase: {db}\nTensorBoard logs: {logs}\n\n"
        "Look at them:\n"
        f"  tensorboard --logdir {logs}          (pip install tensorboard)\n"
        f"  cetrack runs --db {db} --filter 'precision=int8 and accuracy >= 0.95'\n"
        f'  cetrack sql --db {db} "{query}"\n'
    )
