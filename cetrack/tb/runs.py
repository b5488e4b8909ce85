"""The view of single runs: where each run's file goes, and what it holds.

Pure; rows are those of the ``runs`` view, params as stored: key → (text, number).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from cetrack.domain import FloatArray, IntArray
from cetrack.logdirs import CARD_TAG
from cetrack.metrics import catalogue
from cetrack.tb import hparams, text
from cetrack.tb.events import EventFile, file_name
from cetrack.tb.lines import started
from cetrack.tb.protos import Summary
from cetrack.tb.tags import Names, component, own_tags

Row = Mapping[str, Any]
Params = Mapping[str, tuple[str | None, float | None]]


@dataclass(frozen=True, slots=True)
class MetricName:
    """A metric, the tag of its own series, of values that follow from others, and of the histogram
    of its repetitions."""

    name: str
    tag: str
    derived_tag: str
    samples_tag: str
    direction: str | None
    unit: str | None


@dataclass(frozen=True, slots=True)
class Record:
    """What is no scalar, and its step."""

    value: Summary.Value
    step: int = 0


class RunSeries(Protocol):
    """One metric of one run, as it is read."""

    @property
    def metric_id(self) -> int:
        """What it measures."""

    @property
    def steps(self) -> IntArray:
        """int64[n]."""

    @property
    def values(self) -> FloatArray:
        """float64[n]."""

    @property
    def wall_times(self) -> FloatArray:
        """float64[n], NaN where unknown."""


def run_paths(rows: Sequence[Row], names: Names) -> dict[int, str]:
    """run id → path of its file; runs whose short uids are alike get their long ones as well."""
    folders = {row["run_id"]: names.run_directory(row) for row in rows}
    shared = Counter(folders.values())
    paths = {}
    for row in rows:
        folder = folders[row["run_id"]]
        if shared[folder] > 1:
            folder = f"{folder}_{component(row['uid'])}"
        paths[row["run_id"]] = f"{folder}/{file_name(started(row))}"
    return paths


def write_run(
    event_file: EventFile,
    records: Iterable[Record],
    series: Iterable[RunSeries],
    metrics: Mapping[int, MetricName],
    derived: Mapping[int, float],
) -> None:
    """Write what belongs to one run, in the order given; then metric id → what was derived."""
    for record in records:
        event_file.write_value(record.value, step=record.step)
    for item in series:
        tag = metrics[item.metric_id].tag
        event_file.write_series(tag, item.steps, item.values, item.wall_times)
    at_zero, unknown = np.zeros(1, np.int64), np.full(1, np.nan)
    for tag, value in sorted((metrics[key].derived_tag, value) for key, value in derived.items()):
        event_file.write_series(tag, at_zero, np.array([value], np.float64), unknown)


def histogram_tags(names: Iterable[str], metrics: Mapping[int, MetricName]) -> dict[str, str]:
    """Name of a log's own histogram → its tag, which no metric has."""
    taken = {
        tag
        for metric in metrics.values()
        for tag in (metric.tag, metric.derived_tag, metric.samples_tag)
    }
    return own_tags({name: name for name in names}, taken)


def hparams_of(row: Row, params: Params) -> dict[str, hparams.HParam]:
    """What a run was, without the values that TensorBoard cannot show."""
    values = {key: hparams.param_value(*stored) for key, stored in params.items()}
    return hparams.hparams_of(
        row, {key: value for key, value in values.items() if value is not None}
    )


def session(row: Row, params: Params, text_columns: frozenset[str]) -> list[Summary.Value]:
    """A run as a row of the HPARAMS table."""
    finished = row["finished_at"]
    values = hparams.typed(hparams_of(row, params), text_columns)
    return [
        hparams.session_start(values, started_at=started(row)),
        hparams.session_end(row["status"], finished_at=finished.timestamp() if finished else None),
    ]


def card(row: Row, params: Params, measured: Sequence[Row], compared: Sequence[Row]) -> Any:
    """A run as a card of the TEXT tab."""
    markdown = text.card(
        row,
        params=[(key, stored) for key, (stored, _) in params.items()],
        results=measured,
        compared={found["metric"]: found for found in compared},
    )
    return text.text_value(CARD_TAG, markdown)


def by_weight(shared: Counter[int], metrics: Mapping[int, MetricName]) -> list[MetricName]:
    """The metrics: those of most runs first, then as the catalogue has them."""
    places = {name: place for place, name in enumerate(catalogue())}

    def weight(metric_id: int) -> tuple[int, int, str]:
        metric = metrics[metric_id]
        return -shared[metric_id], places.get(metric.name, len(places)), metric.tag

    return [metrics[metric_id] for metric_id in sorted(shared, key=weight)]
