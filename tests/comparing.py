"""Runs to compare: what ``tests.cli.filling`` stores, with repetitions and more of the set-up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from cetrack.domain import Environment, Sample, Series, Spread, copied
from cetrack.normalize import normalize
from cetrack.store import NewRun
from tests.cli.filling import Spec


@dataclass(frozen=True, kw_only=True)
class Measured(Spec):
    """A run; ``spreads``: metric → (mean, std, n); ``samples``: metric → raw repetitions."""

    seed: int | None = None
    method: str = ""
    variant: str = ""
    dataset: str = ""
    split: str = ""
    batch_size: int | None = None
    accelerator: str = ""
    runtime: str = ""
    spreads: Mapping[str, tuple[float, float, int]] = field(default_factory=dict)
    samples: Mapping[str, Sequence[float]] = field(default_factory=dict)

    def new_run(self) -> NewRun:
        new = Spec.new_run(self)
        record = new.run.record
        spread = [
            Series.scalar(name, mean, spread=Spread(std=std, n=n))
            for name, (mean, std, n) in self.spreads.items()
        ]
        full = copied(
            record,
            seed=self.seed,
            method=self.method,
            variant=self.variant,
            dataset=self.dataset,
            split=self.split,
            batch_size=self.batch_size,
            environment=Environment(
                device=self.device, accelerator=self.accelerator, runtime=self.runtime
            ),
            series=(*record.series, *spread),
            samples=tuple(
                Sample(name=name, values=np.array(values, np.float64))
                for name, values in self.samples.items()
            ),
        )
        return replace(new, run=normalize(full))
