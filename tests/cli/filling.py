"""A small store: runs written out as values, put in through the store's own functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
from sqlalchemy import insert

from cetrack.domain import (
    Environment,
    Identity,
    Kind,
    ModelHint,
    ParamValue,
    RunRecord,
    Series,
    TimeSource,
)
from cetrack.inserting import insert_rows
from cetrack.interning import Interner
from cetrack.models import RunSource, Source
from cetrack.normalize import normalize
from cetrack.store import NewRun, Store, insert_runs, update_run


@dataclass(frozen=True, kw_only=True)
class Spec:
    """A run; a metric is a number, or a list of numbers: one per epoch from 1."""

    uid: str
    model: str = "resnet50"
    precision: str = "fp32"
    library: str = "torchvision"
    category: str = "vision"
    shape: str = "3x224x224"
    kind: str = "benchmark"
    day: str = "2026-06-01"
    device: str = "cpu"
    seed: int | None = None
    metrics: Mapping[str, float | list[float]] = field(default_factory=dict)
    params: Mapping[str, ParamValue] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    baseline: str = ""

    def new_run(self) -> NewRun:
        record = RunRecord(
            format="test",
            place=f"/{self.uid}",
            kind=Kind(self.kind),
            identity=Identity.UID,
            uid=self.uid,
            model=ModelHint(
                name=self.model,
                library=self.library,
                category=self.category,
                input_shape=self.shape,
            ),
            precision=self.precision,
            seed=self.seed,
            environment=Environment(device=self.device),
            series=tuple(_series(name, value) for name, value in self.metrics.items()),
            params=self.params,
            tags=self.tags,
        )
        return NewRun(
            run=normalize(record),
            uid=self.uid,
            content_key=self.uid,
            experiment="paper",
            started_at=datetime.fromisoformat(f"{self.day}T00:00:00+00:00"),
            time_source=TimeSource.FILE,
        )


def _series(name: str, value: float | list[float]) -> Series:
    if not isinstance(value, list):
        return Series.scalar(name, value)
    steps = np.arange(1, len(value) + 1, dtype=np.int64)
    return Series(name=name, steps=steps, values=np.array(value, np.float64))


def fill(store: Store, specs: Sequence[Spec], *, uri: str = "/results/nightly.json") -> None:
    """Store the runs, their baselines and the one source that they were met in."""
    with store.write() as connection:
        interner = Interner(connection)
        ids = insert_runs(connection, interner, [spec.new_run() for spec in specs])
        for spec in specs:
            if spec.baseline:
                link = {"baseline_run_id": ids[spec.baseline], "baseline_rule": "source"}
                update_run(connection, ids[spec.uid], link)
        source = {
            "id": 1,
            "uri": uri,
            "sha256": "0" * 64,
            "reader": "benchmark",
            "reader_version": 1,
            "options_hash": "",
            "size_bytes": 1,
            "mtime": None,
            "ingested_at": datetime.fromisoformat("2026-06-02T00:00:00+00:00"),
            "run_count": len(specs),
            "point_count": 1,
            "notice_count": 0,
        }
        connection.execute(insert(Source).values(**source))
        seen = datetime.fromisoformat("2026-06-02T00:00:00+00:00")
        insert_rows(
            connection,
            RunSource,
            [
                {"run_id": ids[spec.uid], "source_id": 1, "place": f"/{spec.uid}", "seen_at": seen}
                for spec in specs
            ],
        )


def uid(number: int) -> str:
    """A uid as cetrack makes them, that is easy to recognise: a1000…"""
    return f"a{number}".ljust(32, "0")
