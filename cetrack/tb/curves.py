"""The curves of the COMPRESSION plugin: how a model was trained, beside what became of it.

Pure. The plugin's answer is JSON, which has no NaN and no infinity: such points are left out.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

import numpy as np

from cetrack.domain import Kind
from cetrack.tb.board import BASELINE, Pair, Row, age
from cetrack.tb.events import EventFile
from cetrack.tb.runs import RunSeries
from cetrack.tb.tags import tag

# phase of a training's metric → where the plugin has its curve
PHASES = {"train": "training", "val": "validation"}


def trainings(rows: Iterable[Row], pairs: Sequence[Pair]) -> dict[str, Row]:
    """Run name of a pair → the training whose curves it shows.

    The newest at the baseline's precision, else the newest. A log that does not state library or
    input shape belongs to the only model of its name, and to none of several.
    """
    by_model: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        if row["kind"] == Kind.TRAINING:
            by_model[row["model"]].append(row)
    namesakes = Counter(pair.compressed["model"] for pair in pairs)
    found = {}
    for pair in pairs:
        model = pair.compressed
        may_be_blank = namesakes[model["model"]] == 1
        own = [row for row in by_model[model["model"]] if _is_of(row, model, may_be_blank)]
        if own:
            found[pair.run] = max(own, key=lambda row: (row["precision"] == BASELINE, age(row)))
    return found


def _is_of(row: Row, model: Row, may_be_blank: bool) -> bool:
    """True for a training of just this model."""
    return all(
        row[field] == model[field] or (may_be_blank and row[field] is None)
        for field in ("library", "input_shape")
    )


def curve_tag(run: str, metric: str) -> str | None:
    """Where the plugin has the curve of a training's metric; None where it has none."""
    phase, _, name = metric.partition("/")
    return f"{run}/{PHASES[phase]}/{tag(name)}" if name and phase in PHASES else None


def write_curves(event_file: EventFile, run: str, series: Iterable[tuple[str, RunSeries]]) -> None:
    """Write the whole curves of a training, given as (metric, series), by tag."""
    found = ((curve_tag(run, metric), one) for metric, one in series)
    shown = [(place, one) for place, one in found if place is not None]
    for place, one in sorted(shown, key=lambda item: item[0]):
        kept = np.isfinite(one.values)
        if kept.any():
            event_file.write_series(place, one.steps[kept], one.values[kept], one.wall_times[kept])
