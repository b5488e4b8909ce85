"""Logging from code: a run that is written while it happens.

::

    with cetrack.start_run(model="lenet", precision="fp32", kind="training") as run:
        for epoch in range(1, 21):
            run.log({"train/loss": loss, "val/accuracy": accuracy}, step=epoch)

Points go into the same store, under the same names and units, as ingested ones. ``log`` keeps them
in memory for up to a second and then writes; a process that is killed loses at most that second.
What the database refuses is raised.
"""

from __future__ import annotations

import os
import platform
import socket
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from sqlalchemy import Connection, select

from cetrack import config
from cetrack.domain import (
    Environment,
    Identity,
    Kind,
    Link,
    MetricSeries,
    ModelHint,
    RunRecord,
    Sample,
    Series,
    Status,
    TimeSource,
)
from cetrack.errors import UsageError
from cetrack.inserting import write_aggregates
from cetrack.interning import Interner
from cetrack.linking import inherit, link
from cetrack.matching import match_runs
from cetrack.materialising import derive_ingested
from cetrack.models import Run
from cetrack.normalize import normalize
from cetrack.preparing import DEFAULT_EXPERIMENT, prepared_alone
from cetrack.readers.compression import compression_records
from cetrack.series import write_points
from cetrack.store import (
    NewRun,
    Store,
    add_belongings,
    insert_runs,
    touch,
    update_run,
    write_metrics,
)

FLUSH_EVERY_S = 1.0


@dataclass(eq=False)
class _Buffer:
    """Points of one metric: all so far, and how many of them are stored."""

    steps: list[int] = field(default_factory=list)
    values: list[float] = field(default_factory=list)
    walls: list[float] = field(default_factory=list)
    stored: int = 0

    def series(self, name: str, first: int = 0) -> Series:
        """The points from ``first`` on, each step once: the last value wins."""
        steps = np.array(self.steps[first:], np.int64)
        kept, last = np.unique(steps[::-1], return_index=True)
        pick = len(steps) - 1 - last
        return Series(
            name=name,
            steps=kept,
            values=np.array(self.values[first:], np.float64)[pick],
            wall_times=np.array(self.walls[first:], np.float64)[pick],
        )


class ActiveRun:
    """A run that is being written. Use as a context manager, or call ``finish``.

    ``uid`` names it. Made by :func:`start_run`.
    """

    def __init__(
        self,
        store: Store,
        record: RunRecord,
        experiment: str,
        *,
        baseline_precision: str = "fp32",
    ) -> None:
        self.uid = str(record.uid)
        self._store = store
        self._record = record
        self._experiment = experiment
        self._baseline_precision = baseline_precision
        self._buffers: dict[str, _Buffer] = {}
        self._flushed_at = time.monotonic()
        self._finished = False
        self._run_id = self._begin()

    def log(
        self, values: Mapping[str, Any], step: int | None = None, *, wall_time: float | None = None
    ) -> None:
        """Add one value per name at ``step``; without one, at the step after the last.

        Anything that ``float`` takes is a value (numpy and torch scalars too); None is left out.
        """
        self._require_active()
        moment = time.time() if wall_time is None else wall_time
        for name, value in values.items():
            if value is None:
                continue
            buffer = self._buffers.setdefault(name, _Buffer())
            last = buffer.steps[-1] if buffer.steps else 0
            buffer.steps.append(last + 1 if step is None else int(step))
            buffer.values.append(float(value))
            buffer.walls.append(moment)
        if time.monotonic() - self._flushed_at >= FLUSH_EVERY_S:
            self.flush()

    def log_params(self, params: Mapping[str, Any]) -> None:
        """Add settings; a key that is there keeps its value."""
        self._add(params={key: _plain(value) for key, value in params.items()})

    def set_tags(self, tags: Mapping[str, str]) -> None:
        """Add labels; a key that is there keeps its value."""
        self._add(tags={key: str(value) for key, value in tags.items()})

    def log_samples(self, name: str, values: Sequence[float]) -> None:
        """Keep the raw repetitions behind a number, in the unit that ``name`` ends in."""
        self._add(samples=(Sample(name=name, values=np.asarray(values, np.float64)),))

    def log_compression(
        self,
        *,
        metrics: Mapping[str, Any],
        baseline: Mapping[str, Any] | str,
        method: str,
        **facts: Any,
    ) -> None:
        """Record what a compress() call returned, and link this run to its baseline.

        ``metrics`` and ``baseline`` are entries as in a results file (numbers, ``{mean, std}``
        objects, lists of samples); ``baseline`` may also be the uid of a run. ``facts`` are
        everything else: ratios, calibration settings. A baseline that the database knows with
        these numbers is that run; else a new benchmark run is made.
        """
        self._require_active()
        item = {
            **facts,
            "model": self._record.model.name,
            "method": method,
            "precision": self._record.precision,
            "baseline": {} if isinstance(baseline, str) else dict(baseline),
            "compressed": dict(metrics),
        }
        stated, compressed = compression_records(item, "")
        own = replace(compressed, model=self._record.model, environment=self._record.environment)
        with self._store.write() as connection:
            interner = Interner(connection)
            run = normalize(own)
            write_metrics(connection, interner, [(self._run_id, item) for item in run.series])
            add_belongings(connection, interner, self._run_id, run)
            known = (
                _run_id(connection, baseline)
                if isinstance(baseline, str)
                else self._baseline(connection, interner, stated)
            )
            linked = {"baseline_run_id": known, "baseline_rule": "explicit"}
            values = {"kind": Kind.COMPRESSION.value, "method": run.record.method, **linked}
            update_run(connection, self._run_id, values)
            if not isinstance(baseline, str):
                inherit(connection, self._run_id, known)
            self._link(connection, known)

    def flush(self) -> None:
        """Write what is still in memory."""
        pending = {name: item for name, item in self._buffers.items() if _pending(item)}
        if not pending:
            return
        whole = {name: item.series(name) for name, item in pending.items()}
        new = {name: item.series(name, item.stored) for name, item in pending.items()}
        with self._store.write() as connection:
            interner = Interner(connection)
            keyed = [
                [
                    (self._run_id, interner.metric(series.metric), series)
                    for series in self._normal(part)
                ]
                for part in (whole, new)
            ]
            write_aggregates(connection, interner, keyed[0])
            write_points(connection, keyed[1])
            touch(connection, [self._run_id])
        for item in pending.values():
            item.stored = len(item.steps)
        self._flushed_at = time.monotonic()

    def finish(self, status: Status = Status.FINISHED, reason: str = "") -> None:
        """Write the rest and the run's end; a second call does nothing."""
        if self._finished:
            return
        self.flush()
        with self._store.write() as connection:
            values = {
                "status": status.value,
                "status_reason": reason[:200],
                "finished_at": datetime.now(UTC),
            }
            update_run(connection, self._run_id, values)
            self._link(connection)
            derive_ingested(connection, (), [self._run_id])
        self._finished = True
        self._store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if kind is None:
            self.finish()
        elif issubclass(kind, KeyboardInterrupt):
            self.finish(Status.KILLED, "interrupted")
        else:
            self.finish(Status.FAILED, f"{kind.__name__}: {error}")

    def _begin(self) -> int:
        run = normalize(self._record)
        with self._store.write() as connection:
            interner = Interner(connection)
            new = NewRun(
                run=run,
                uid=self.uid,
                content_key=self.uid,
                experiment=self._experiment,
                started_at=self._record.started_at or datetime.now(UTC),
                time_source=TimeSource.LIVE,
            )
            run_id = insert_runs(connection, interner, [new])[self.uid]
            if self._record.baseline is not None:
                known = _run_id(connection, str(self._record.baseline.uid))
                linked = {"baseline_run_id": known, "baseline_rule": "explicit"}
                update_run(connection, run_id, linked)
        return run_id

    def _normal(self, series: Mapping[str, Series]) -> Sequence[MetricSeries]:
        return normalize(replace(self._record, series=tuple(series.values()))).series

    def _add(self, **belongings: Any) -> None:
        self._require_active()
        run = normalize(replace(self._record, **{"params": {}, "tags": {}, **belongings}))
        with self._store.write() as connection:
            add_belongings(connection, Interner(connection), self._run_id, run)

    def _baseline(self, connection: Connection, interner: Interner, stated: RunRecord) -> int:
        """The id of the run with the baseline's numbers, made where it is missing."""
        record = replace(stated, model=self._record.model, environment=self._record.environment)
        prepared = prepared_alone(
            record,
            experiment=self._experiment,
            started_at=self._record.started_at or datetime.now(UTC),
            time_source=TimeSource.LIVE,
        )
        (match,) = match_runs(connection, [prepared], repeat=False)
        if match.run_id is not None:
            return match.run_id
        new = NewRun(
            run=prepared.run,
            uid=match.uid,
            content_key=match.content_key,
            experiment=self._experiment,
            started_at=prepared.started_at,
            time_source=TimeSource.LIVE,
        )
        return insert_runs(connection, interner, [new])[match.uid]

    def _link(self, connection: Connection, *others: int) -> None:
        link(connection, [self._run_id, *others], baseline_precision=self._baseline_precision)

    def _require_active(self) -> None:
        if self._finished:
            raise UsageError(f"run {self.uid[:10]} is finished: nothing can be added")


def start_run(
    *,
    model: str,
    precision: str,
    kind: str = "training",
    experiment: str | None = None,
    name: str = "",
    library: str = "",
    category: str = "",
    input_shape: Sequence[int] | str = "",
    dataset: str = "",
    seed: int | None = None,
    batch_size: int | None = None,
    device: str = "",
    params: Mapping[str, Any] | None = None,
    tags: Mapping[str, str] | None = None,
    baseline: str | None = None,
    db: str | None = None,
) -> ActiveRun:
    """Begin a run in the database: ``db``, else CETRACK_DB, cetrack.toml, ``cetrack.db``.

    ``kind`` is training, benchmark or compression; ``input_shape`` is without the batch;
    ``baseline`` is the uid of the run to compare with. Raises UsageError for an unknown kind or
    baseline, StoreError when the database cannot be used.
    """
    settings = config.find_settings(Path.cwd())
    shape = input_shape if isinstance(input_shape, str) else str(list(input_shape))
    record = RunRecord(
        format="live",
        place="",
        kind=_kind(kind),
        identity=Identity.UID,
        uid=uuid.uuid4().hex,
        model=ModelHint(name=model, library=library, category=category, input_shape=shape),
        precision=precision,
        environment=Environment(
            device=device, host=socket.gethostname(), os=platform.platform(terse=True)
        ),
        name=name,
        dataset=dataset,
        seed=seed,
        batch_size=batch_size,
        status=Status.RUNNING,
        started_at=datetime.now(UTC),
        baseline=Link(uid=baseline) if baseline else None,
        params={key: _plain(value) for key, value in (params or {}).items()},
        tags={key: str(value) for key, value in (tags or {}).items()},
    )
    return _started(record, db, experiment or settings.experiment, settings)


def _started(
    record: RunRecord, db: str | None, experiment: str | None, settings: config.Settings
) -> ActiveRun:
    if not record.model.name.strip() or not record.precision.strip():
        raise UsageError("a run needs a model and a precision")
    url = config.database_url(db, os.environ, settings)
    timeout = config.busy_timeout_s(os.environ)
    return ActiveRun(
        Store.open(url, create=True, busy_timeout_s=timeout),
        record,
        experiment or DEFAULT_EXPERIMENT,
        baseline_precision=settings.baseline_precision or "fp32",
    )


def _kind(text: str) -> Kind:
    if text not in list(Kind):
        raise UsageError(f"kind is {text!r}, not one of {', '.join(Kind)}")
    return Kind(text)


def _pending(buffer: _Buffer) -> bool:
    return buffer.stored < len(buffer.steps)


def _run_id(connection: Connection, uid: str) -> int:
    found = connection.scalar(select(Run.id).where(Run.uid == uid))
    if found is None:
        raise UsageError(f"no run with the uid '{uid}'", hint="cetrack runs lists them")
    return int(found)


def _plain(value: Any) -> Any:
    """A parameter as text, number or bool."""
    if value is None or isinstance(value, (str, bool, int, float)):
        return value
    item = getattr(value, "item", None)
    return item() if callable(item) and getattr(value, "ndim", 1) == 0 else str(value)
