"""The numbers that formulas ask of runs and of their baselines, from the database, as arrays.

Speaks SQL; reads some thousand runs with a few statements. What a file states wins over what could
be derived, as an operand too.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection, func, select

from cetrack.db.conditions import is_among
from cetrack.definitions import Definition
from cetrack.derive import derived_metrics, evaluate_refs
from cetrack.domain import FloatArray, IntArray
from cetrack.formula import Of, Ref
from cetrack.formula.tree import LAST
from cetrack.models import Param, Precision, Run, RunMetric

Mask = npt.NDArray[np.bool_]
_NOBODY = -1


@dataclass(frozen=True, slots=True, eq=False)
class Runs:
    """Some runs as columns of equal length n, sorted by id; 0 stands for no baseline."""

    id: IntArray
    baseline_id: IntArray
    revision: IntArray
    baseline_revision: IntArray

    def __len__(self) -> int:
        return len(self.id)


def runs_of(connection: Connection, run_ids: Sequence[int]) -> Runs:
    """The runs among these ids that there are.

    Their revisions are to be read before their numbers: what changes in between is then stale.
    """
    baseline = Run.__table__.alias("baseline_run")
    query = (
        select(
            Run.id,
            func.coalesce(Run.baseline_run_id, 0),
            Run.revision,
            func.coalesce(baseline.c.revision, 0),
        )
        .select_from(Run.__table__.outerjoin(baseline, baseline.c.id == Run.baseline_run_id))
        .where(is_among(Run.id, run_ids))
        .order_by(Run.id)
    )
    rows = np.array([tuple(row) for row in connection.execute(query)], np.int64).reshape(-1, 4)
    return Runs(*rows.T)


class Definitions:
    """Definitions by name, and what each of them asks for in the end."""

    def __init__(self, definitions: Iterable[Definition]) -> None:
        """``definitions`` come from :func:`cetrack.definitions.ordered`."""
        self.by_name = {item.name: item for item in definitions}
        self._leaves: dict[str, frozenset[Ref]] = {}
        for name in self.by_name:
            self._leaves[name] = self.leaves(self.by_name[name].refs)

    def leaves(self, refs: Iterable[Ref]) -> frozenset[Ref]:
        """What has to be read to work out these: also the derived ones, which may be stated."""
        found: set[Ref] = set()
        for ref in refs:
            found.add(ref)
            found.update(_beside(inner, ref) for inner in self._inside(ref))
        return frozenset(found)

    def _inside(self, ref: Ref) -> Collection[Ref]:
        if ref.of is not Of.METRIC:
            return ()
        if ref.name in self._leaves:
            return self._leaves[ref.name]
        builtin = derived_metrics().get(ref.name) if ref.aggregate == LAST else None
        return builtin.refs if builtin else ()


def _beside(inner: Ref, outer: Ref) -> Ref:
    """What ``inner`` is of: the baseline if one of the two is."""
    return replace(inner, of_baseline=inner.of_baseline or outer.of_baseline)


@dataclass(slots=True, eq=False)
class _Side:
    """The numbers of n runs, or of n baselines: read, or worked out when first asked for."""

    size: int
    definitions: Definitions
    read: dict[Ref, FloatArray] = field(default_factory=dict)
    stated: dict[str, Mask] = field(default_factory=dict)  # metric → which runs have it
    baseline: _Side | None = None
    at: IntArray = field(default_factory=lambda: np.zeros(0, np.int64))  # places among baselines
    found: dict[Ref, FloatArray] = field(default_factory=dict)

    def value(self, ref: Ref) -> FloatArray:
        """float64[n]; NaN: none."""
        if ref not in self.found:
            self.found[ref] = self._value(ref)
        return self.found[ref]

    def _value(self, ref: Ref) -> FloatArray:
        if ref.of_baseline:
            return self._of_baseline(ref)
        missing = np.full(self.size, np.nan)
        read = self.read.get(ref, missing)
        if ref.of is not Of.METRIC or ref.aggregate != LAST:
            return read
        derived = self._derived(ref.name)
        return read if derived is None else np.where(self.is_stated(ref.name), read, derived)

    def _derived(self, name: str) -> FloatArray | None:
        definition = self.definitions.by_name.get(name)
        if definition is not None:
            found = definition.evaluate({ref: self.value(ref) for ref in definition.refs})
            return np.broadcast_to(found, (self.size,))
        builtin = derived_metrics().get(name)
        if builtin is None:
            return None
        return evaluate_refs(name, {ref: self.value(ref) for ref in builtin.refs})

    def _of_baseline(self, ref: Ref) -> FloatArray:
        if self.baseline is None or not self.baseline.size:
            return np.full(self.size, np.nan)
        values = self.baseline.value(ref.own)
        return np.where(self.at == _NOBODY, np.nan, values[self.at])

    def is_stated(self, metric: str) -> Mask:
        """Which runs have the metric from a file, bool[n]."""
        return self.stated.get(metric, np.zeros(self.size, np.bool_))


class Operands:
    """The numbers of n runs, in their order."""

    def __init__(
        self,
        connection: Connection,
        runs: Runs,
        definitions: Definitions,
        wanted: Iterable[str],
        metric_ids: Mapping[str, int],
    ) -> None:
        """Read what the derived metrics ``wanted`` ask for; ``metric_ids``: those there are."""
        names = [Ref(Of.METRIC, name) for name in wanted]
        refs = definitions.leaves(names)
        reader = _Reader(connection, definitions, metric_ids)
        own = {ref for ref in refs if not ref.of_baseline}
        beside = {ref.own for ref in refs if ref.of_baseline}
        self._side = reader.side(runs.id, own)
        if beside:
            ids = np.unique(runs.baseline_id[runs.baseline_id != 0])
            self._side.baseline = _in_turn(reader.side(ids, beside), beside)
            places = np.searchsorted(ids, runs.baseline_id)
            self._side.at = np.where(runs.baseline_id == 0, _NOBODY, places)
        _in_turn(self._side, own)

    def value(self, name: str) -> FloatArray:
        """A metric, stated or derived, float64[n]; NaN: none."""
        return self._side.value(Ref(Of.METRIC, name))

    def is_stated(self, name: str) -> Mask:
        """Which runs have it from a file, bool[n]."""
        return self._side.is_stated(name)


def _in_turn(side: _Side, refs: Collection[Ref]) -> _Side:
    """Work out the definitions among ``refs`` in their order: however long a chain of them is,
    none is reached through another."""
    for name in side.definitions.by_name:
        ref = Ref(Of.METRIC, name)
        if ref in refs:
            side.value(ref)
    return side


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads the numbers of one side."""

    connection: Connection
    definitions: Definitions
    metric_ids: Mapping[str, int]

    def side(self, ids: IntArray, refs: Collection[Ref]) -> _Side:
        side = _Side(len(ids), self.definitions)
        for of, read in _READ.items():
            asked = sorted(ref for ref in refs if ref.of is of)
            if asked and side.size:
                read(self, side, ids, asked)
        return side

    def metrics(self, side: _Side, ids: IntArray, refs: Sequence[Ref]) -> None:
        names = {self.metric_ids[ref.name]: ref.name for ref in refs if ref.name in self.metric_ids}
        aggregates = sorted({ref.aggregate for ref in refs})
        table = RunMetric.__table__.c
        query = select(table.run_id, table.metric_id, *(table[name] for name in aggregates)).where(
            is_among(table.run_id, ids.tolist()),
            is_among(table.metric_id, list(names)),
            table.count > 0,  # what was worked out earlier has no points
        )
        run_ids, metric_ids, *columns = _columns(self.connection, query, 2 + len(aggregates))
        places = np.searchsorted(ids, run_ids.astype(np.int64))
        for metric_id, name in names.items():
            those = metric_ids == metric_id
            at = places[those]
            side.stated[name] = np.zeros(side.size, np.bool_)
            side.stated[name][at] = True
            for aggregate, column in zip(aggregates, columns, strict=True):
                ref = Ref(Of.METRIC, name, aggregate)
                side.read[ref] = _placed(side.size, at, column[those])

    def params(self, side: _Side, ids: IntArray, refs: Sequence[Ref]) -> None:
        for ref in refs:
            query = select(Param.run_id, Param.number).where(
                Param.key == ref.name, is_among(Param.run_id, ids.tolist())
            )
            run_ids, numbers = _columns(self.connection, query, 2)
            at = np.searchsorted(ids, run_ids.astype(np.int64))
            side.read[ref] = _placed(side.size, at, numbers)

    def fields(self, side: _Side, ids: IntArray, refs: Sequence[Ref]) -> None:
        columns = {
            "batch_size": Run.batch_size,
            "weight_bits": Precision.weight_bits,
            "activation_bits": Precision.activation_bits,
        }
        query = (
            select(Run.id, *(columns[ref.name] for ref in refs))
            .join(Precision, Precision.id == Run.precision_id)
            .where(is_among(Run.id, ids.tolist()))
        )
        run_ids, *values = _columns(self.connection, query, 1 + len(refs))
        at = np.searchsorted(ids, run_ids.astype(np.int64))
        for ref, column in zip(refs, values, strict=True):
            side.read[ref] = _placed(side.size, at, column)


_READ: Mapping[Of, Callable[[_Reader, _Side, IntArray, Sequence[Ref]], None]] = {
    Of.METRIC: _Reader.metrics,
    Of.PARAM: _Reader.params,
    Of.FIELD: _Reader.fields,
}


def _columns(connection: Connection, query: Any, width: int) -> list[FloatArray]:
    """The rows of a query by column, float64[n] each; NULL is NaN. Ids stay exact below 2**53."""
    rows = connection.execute(query).all()
    if not rows:
        return [np.zeros(0)] * width
    return [np.array(column, np.float64) for column in zip(*rows, strict=True)]


def _placed(size: int, at: IntArray, values: FloatArray) -> FloatArray:
    found = np.full(size, np.nan)
    found[at] = values
    return found
