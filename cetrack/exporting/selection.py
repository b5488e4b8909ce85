"""The runs of one export, and what tells whether anything about them has changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Self

from sqlalchemy import Connection

from cetrack.exporting import reading
from cetrack.exporting.reading import Metrics, State
from cetrack.store import RunRow
from cetrack.tb import runs
from cetrack.tb.stamps import known, stamp
from cetrack.tb.views import TagOrder, View


@dataclass(slots=True, kw_only=True)
class Selection:
    """Rows of the runs view by start, and what is known of them without reading any point.

    ``states`` are those of the runs and of their baselines; ``metric_ids`` maps run ids to the ids
    of their metrics, ``derived`` to metric ids and values of those that follow from others, and
    ``derived_ids`` to their ids. For the view of histograms alone: ``sampled_ids`` to those of
    which there are repetitions, ``histogram_names`` to the histograms of their logs, which
    ``histogram_tags`` maps on.
    """

    connection: Connection
    rows: Sequence[RunRow]
    views: frozenset[View]
    order: TagOrder
    metrics: Metrics
    states: Mapping[int, State]
    metric_ids: Mapping[int, tuple[int, ...]]
    derived: Mapping[int, Mapping[int, float]]
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
        drawn = run_ids if View.HISTOGRAMS in views else []
        metrics = reading.metrics(connection)
        histogram_names = reading.histogram_names(connection, drawn)
        derived = reading.derived(connection, run_ids)
        return cls(
            connection=connection,
            rows=rows,
            views=views,
            order=order,
            metrics=metrics,
            states=reading.states(connection, rows),
            metric_ids=reading.metrics_of(connection, run_ids),
            derived=derived,
            derived_ids=reading.ids_of(derived),
            sampled_ids=reading.sampled_metrics_of(connection, drawn),
            histogram_names=histogram_names,
            histogram_tags=runs.histogram_tags(chain(*histogram_names.values()), metrics),
        )

    def results_of(self, run_id: int) -> tuple[int, ...]:
        """The ids of the metrics of a run, measured or derived."""
        return self.metric_ids[run_id] + self.derived_ids.get(run_id, ())

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
        derived = self._stamp_of_metrics(self.derived_ids.get(run_id, ()))
        # no revision knows of definitions: the values themselves tell
        values = sorted(self.derived.get(run_id, {}).items())
        sampled = self._stamp_of_metrics(self.sampled_ids.get(run_id, ()))
        names = self.histogram_names.get(run_id, ())
        own = [(name, self.histogram_tags[name]) for name in names]
        return stamp(dict(row), state, baseline, metrics, derived, values, sampled, own)

    def _stamp_of_metrics(self, ids: tuple[int, ...]) -> str:
        if ids not in self._metric_stamps:
            found = [self.metrics[key] for key in ids]
            self._metric_stamps[ids] = stamp(sorted(found, key=lambda metric: metric.name))
        return self._metric_stamps[ids]
