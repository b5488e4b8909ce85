"""The runs of one export, and what tells whether anything about them has changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Self

from sqlalchemy import Connection

from cetrack.exporting import reading
from cetrack.exporting.following import Definitions, Following
from cetrack.exporting.reading import Metrics, State
from cetrack.store import RunRow
from cetrack.tb import runs
from cetrack.tb.stamps import known, stamp
from cetrack.tb.views import TagOrder, View


@dataclass(slots=True, kw_only=True)
class Selection:
    """Rows of the runs view by start, and what is known of them without reading any point.

    ``states`` and ``metric_ids`` (run id → ids of measured metrics) are those of the runs and of
    their baselines; ``derived_ids`` maps the runs alone to the ids of what is derived. For the view
    of histograms alone: ``sampled_ids`` to those of which there are repetitions,
    ``histogram_names`` to the histograms of their logs, which ``histogram_tags`` maps on.
    """

    connection: Connection
    rows: Sequence[RunRow]
    views: frozenset[View]
    order: TagOrder
    metrics: Metrics
    definitions: Definitions
    states: Mapping[int, State]
    metric_ids: Mapping[int, tuple[int, ...]]
    following: Following
    derived_ids: Mapping[int, tuple[int, ...]]
    sampled_ids: Mapping[int, tuple[int, ...]]
    histogram_names: Mapping[int, tuple[str, ...]]
    histogram_tags: Mapping[str, str]
    _stamps: dict[int, str | None] = field(default_factory=dict)
    _metric_stamps: dict[tuple[int, ...], str] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        connection: Connection,
        rows: Sequence[RunRow],
        *,
        views: frozenset[View],
        order: TagOrder,
    ) -> Self:
        """What there is to know of ``rows``, read in a few statements."""
        run_ids = [row["run_id"] for row in rows]
        both = sorted({*run_ids, *(row["baseline_run_id"] for row in rows)} - {None})
        drawn = run_ids if View.HISTOGRAMS in views else []
        metrics = reading.metrics(connection)
        definitions = Definitions.of(connection)
        states = reading.states(connection, both)
        metric_ids = reading.metrics_of(connection, both)
        defined = definitions.numbers(connection, both)
        following = Following.of(connection, metrics, metric_ids, states, defined)
        histogram_names = reading.histogram_names(connection, drawn)
        return cls(
            connection=connection,
            rows=rows,
            views=views,
            order=order,
            metrics=metrics,
            definitions=definitions,
            states=states,
            metric_ids=metric_ids,
            following=following,
            derived_ids=_derived_ids(rows, metric_ids, following),
            sampled_ids=reading.sampled_metrics_of(connection, drawn),
            histogram_names=histogram_names,
            histogram_tags=runs.histogram_tags(chain(*histogram_names.values()), metrics),
        )

    def results_of(self, run_id: int) -> tuple[int, ...]:
        """The ids of the metrics of a run, measured or derived."""
        return self.metric_ids[run_id] + self.derived_ids[run_id]

    def shared_by(self, run_id: int, baseline_run_id: int) -> tuple[int, ...]:
        """The ids of what a run and its baseline both have measured, or both derived."""
        measured = set(self.metric_ids[baseline_run_id])
        derived = set(self.following.ids_of(baseline_run_id, None))
        return tuple(
            key
            for ids, others in (
                (self.metric_ids[run_id], measured),
                (self.derived_ids[run_id], derived),
            )
            for key in ids
            if key in others
        )

    def is_relative(self, metric_id: int) -> bool:
        """Whether a metric compares with the baseline itself."""
        return self.metrics[metric_id].name in self.definitions.relative

    @property
    def stale(self) -> int:
        """How many numbers that ``cetrack.toml`` defines are out of date."""
        defined = self.following.defined
        return sum(number.is_stale for key in self.derived_ids for number in defined.get(key, ()))

    def stamp_of(self, row: RunRow) -> str | None:
        """A hash of the run with all that belongs to it, of what its baseline holds and of how
        its metrics are called; None where nobody has noted that."""
        run_id = row["run_id"]
        if run_id not in self._stamps:
            self._stamps[run_id] = self._stamp(row)
        return self._stamps[run_id]

    def _stamp(self, row: RunRow) -> str | None:
        state = self.states[row["run_id"]]
        baseline = self.states.get(row["baseline_run_id"])
        if not known(it.revision for it in (state, baseline) if it is not None):
            return None
        run_id = row["run_id"]
        metrics = self._stamp_of_metrics(self.metric_ids[run_id])
        derived = self._stamp_of_metrics(self.derived_ids[run_id])
        # no revision knows of definitions: the numbers themselves tell, and those of the baseline
        both = (run_id, row["baseline_run_id"])
        defined = [self.following.defined.get(key, ()) for key in both]
        sampled = self._stamp_of_metrics(self.sampled_ids.get(run_id, ()))
        names = self.histogram_names.get(run_id, ())
        own = [(name, self.histogram_tags[name]) for name in names]
        return stamp(dict(row), state, baseline, metrics, derived, defined, sampled, own)

    def _stamp_of_metrics(self, ids: tuple[int, ...]) -> str:
        if ids not in self._metric_stamps:
            found = [self.metrics[key] for key in ids]
            self._metric_stamps[ids] = stamp(sorted(found, key=lambda metric: metric.name))
        return self._metric_stamps[ids]


def _derived_ids(
    rows: Sequence[RunRow], metric_ids: Mapping[int, tuple[int, ...]], following: Following
) -> dict[int, tuple[int, ...]]:
    """run id → the ids of what follows from its numbers, and is not stated; one tuple for all that
    are alike."""
    alike: dict[tuple[tuple[int, ...], tuple[int, ...]], tuple[int, ...]] = {}
    found = {}
    for row in rows:
        run_id = row["run_id"]
        stated, follows = metric_ids[run_id], following.ids_of(run_id, row["baseline_run_id"])
        if (stated, follows) not in alike:
            taken = set(stated)
            alike[stated, follows] = tuple(key for key in follows if key not in taken)
        found[run_id] = alike[stated, follows]
    return found
