"""How much work: the sizes of the bars, and small ones for a quick look."""

from __future__ import annotations

from dataclasses import dataclass

METRICS = 20  # of a training log
STEPS = 500  # of each log in a folder of many
RUNS_PER_FILE = 20  # of a benchmark file: 10 models at 2 precisions
METRICS_PER_RUN = 11  # of a benchmark run
CATALOGUE_METRICS = 10  # of each run of the database that is filtered


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """Points are those of folders of training logs; ``repeats`` is how often work is measured."""

    name: str
    judged: bool
    small: int
    medium: int
    large: int
    single_log: int
    huge_log: int
    files: int
    catalogue: int
    tensorboardx: int
    mlflow: int
    mlflow_runs: int
    trackio: int
    aim: int
    repeats: int
    short_repeats: int


FULL = Sizes(
    name="full",
    judged=True,
    small=1_000_000,
    medium=10_000_000,
    large=50_000_000,
    single_log=1_000_000,
    huge_log=10_000_000,
    files=2_000,
    catalogue=100_000,
    tensorboardx=100_000,
    mlflow=40_000,
    mlflow_runs=200,
    trackio=200_000,
    aim=20_000,
    repeats=3,
    short_repeats=15,
)
QUICK = Sizes(
    name="quick",
    judged=False,
    small=20_000,
    medium=200_000,
    large=400_000,
    single_log=100_000,
    huge_log=200_000,
    files=25,
    catalogue=2_000,
    tensorboardx=10_000,
    mlflow=4_000,
    mlflow_runs=10,
    trackio=20_000,
    aim=4_000,
    repeats=1,
    short_repeats=3,
)
