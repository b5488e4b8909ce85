"""Runs written out as values, put into a store through its own functions."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import numpy as np

from cetrack import metrics
from cetrack.domain import (
    Artifact,
    Environment,
    Identity,
    Kind,
    MetricSample,
    MetricSeries,
    ModelHint,
    NormalRun,
    ParamValue,
    Precision,
    RunRecord,
    Status,
    TimeSource,
)
from cetrack.interning import Interner
from cetrack.store import NewRun, Store, insert_runs, update_run

MORNING = datetime(2026, 3, 1, 3, 0, tzinfo=UTC)

Points = Sequence[tuple[int, float]] | Sequence[tuple[int, float, float]]


@dataclass(frozen=True, kw_only=True)
class Spec:
    """A run. A metric is a number, or its points: (step, value) or (step, value, wall time)."""

    model: str = "resnet50"
    precision: str = "fp32"
    library: str = "torchvision"
    category: str = "vision"
    shape: str = "3x224x224"
    description: str = ""
    kind: Kind = Kind.BENCHMARK
    method: str = ""
    variant: str = ""
    dataset: str = ""
    experiment: str = "default"
    day: int = 0
    device: str = "cpu"
    batch_size: int | None = None
    status: Status = Status.FINISHED
    finished_after_s: float | None = None
    metrics: Mapping[str, float | Points] = field(default_factory=dict)
    params: Mapping[str, ParamValue] = field(default_factory=dict)
    samples: Mapping[str, Sequence[float]] = field(default_factory=dict)
    histograms: Mapping[str, object] = field(default_factory=dict)  # name → content
    own_uid: str = ""
    baseline: Spec | None = None

    @property
    def uid(self) -> str:
        """Its own, or a hash of everything."""
        return self.own_uid or hashlib.sha256(repr(self).encode()).hexdigest()[:32]

    @property
    def started_at(self) -> datetime:
        return MORNING + timedelta(days=self.day)

    def new_run(self) -> NewRun:
        finished = self.finished_after_s
        record = RunRecord(
            format="test",
            place="/",
            kind=self.kind,
            identity=Identity.UID,
            model=self._hint(),
            precision=self.precision,
            environment=Environment(device=self.device),
            method=self.method,
            variant=self.variant,
            dataset=self.dataset,
            batch_size=self.batch_size,
            status=self.status,
            finished_at=None if finished is None else self.started_at + timedelta(seconds=finished),
            artifacts=tuple(
                Artifact(name=name, kind="histogram", content=content)
                for name, content in self.histograms.items()
            ),
        )
        run = NormalRun(
            record=record,
            model=self._hint(),
            precision=Precision(name=self.precision),
            series=tuple(_series(name, points) for name, points in self.metrics.items()),
            samples=tuple(
                MetricSample(metric=metrics.resolve(name).metric, values=np.array(values))
                for name, values in self.samples.items()
            ),
            params=self.params,
            tags={},
            notices=(),
        )
        return NewRun(
            run=run,
            uid=self.uid,
            content_key=self.uid,
            experiment=self.experiment,
            started_at=self.started_at,
            time_source=TimeSource.FILE,
        )

    def _hint(self) -> ModelHint:
        return ModelHint(
            name=self.model,
            library=self.library,
            category=self.category,
            input_shape=self.shape,
            description=self.description,
        )


def _series(name: str, points: float | Points) -> MetricSeries:
    if isinstance(points, float | int):
        points = [(0, points)]
    metric = metrics.resolve(name).metric
    return MetricSeries(
        metric=metric,
        steps=np.array([point[0] for point in points], np.int64),
        values=np.array([point[1] for point in points], np.float64),
        wall_times=np.array([point[2] if len(point) > 2 else np.nan for point in points]),
        spread=None,
        source_name=name,
        source_unit=metric.unit,
        scale=1.0,
    )


def fill(store: Store, specs: Sequence[Spec]) -> dict[str, int]:
    """Store the runs and link their baselines; returns uid → run id."""
    with store.write() as connection:
        ids = insert_runs(connection, Interner(connection), [spec.new_run() for spec in specs])
        for spec in specs:
            if spec.baseline is not None:
                linked = {"baseline_run_id": ids[spec.baseline.uid], "baseline_rule": "stated"}
                update_run(connection, ids[spec.uid], linked)
    return ids


def nights(model: str = "resnet50", count: int = 3, **fields: object) -> list[Spec]:
    """fp32 and int8 of a model, every night a little different."""
    specs: list[Spec] = []
    for day in range(count):
        baseline = Spec(
            model=model,
            day=day,
            metrics={"accuracy": 0.76 + day / 1000, "latency_mean_ms": 30.0 + day},
            **fields,  # type: ignore[arg-type]
        )
        compressed = Spec(
            model=model,
            precision="int8",
            day=day,
            metrics={"accuracy": 0.75 + day / 1000, "latency_mean_ms": 12.0 + day},
            baseline=baseline,
            **fields,  # type: ignore[arg-type]
        )
        specs += [baseline, compressed]
    return specs
