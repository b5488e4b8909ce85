"""How much work: the sizes of the bars, and small ones for a quick look."""

from __future__ import annotations

from dataclasses import dataclass

METRICS = 20  # of a training log
STEPS = 500  # of each log in a folder of many
RUNS_PER_FILE = 20  # of a benchmark file: 10 models at 2 precisions
METRICS_PER_RUN = 11  # of a benchmark run
WORKERS = 2  # where work is shared out
CATALOGUE_METRICS = 10  # of each run of the database that is filtered
CATALOGUE_STEPS = 10  # of each metric where a trend is looked for among many points


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """Points are those of folders of training logs; ``repeats`` is how often work is measured."""

    name: str
    judged: bool
    small: int
    medium: int
    large: int
    single_log: int
    files: int
    events: int
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
    files=2_000,
    events=1_000_000,
    catalogue=100_000,
    tensorboardx=100_000,
    mlflow=20_000,
    mlflow_runs=100,
    trackio=1_000_000,
    aim=20_000,
    repeats=3,
    short_repeats=15,
)
QUICK = Sizes(
    name="quick",
    judged=False,
    small=10_000,
    medium=100_000,
    large=200_000,
    single_log=20_000,
    files=5,
    events=4_000,
    catalogue=1_000,
    tensorboardx=4_000,
    mlflow=1_000,
    mlflow_runs=5,
    trackio=20_000,
    aim=1_000,
    repeats=1,
    short_repeats=2,
)
