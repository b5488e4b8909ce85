"""Derived metrics and scores that people define in ``cetrack.toml``.

``docs/derived.md`` is the page about them. A definition is a value: it travels with the options of
an ingest, and comes back from the database the same. Pure.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from graphlib import CycleError, TopologicalSorter
from typing import Any, ClassVar

import numpy as np

from cetrack.derive import derived_metrics
from cetrack.domain import Direction, FloatArray
from cetrack.formula import (
    Name,
    Node,
    Of,
    Ref,
    evaluate,
    format_formula,
    format_ref,
    parse,
    parse_name,
    refs,
)
from cetrack.formula.tree import LAST
from cetrack.mappings import MappingError
from cetrack.metrics import catalogue

DERIVED, SCORES = "derived", "scores"  # the tables of cetrack.toml
# what a filter takes for something else: its keywords, its namespaces, the fields of a run
RESERVED = frozenset(
    {
        "accelerator", "activation_bits", "and", "baseline", "baseline_rule", "baseline_uid",
        "batch", "batch_size", "category", "commit", "dataset", "device", "env", "exists",
        "experiment", "finished", "finished_at", "git_commit", "host", "in", "input_shape", "kind",
        "library", "like_key", "method", "metric", "model", "model_description", "name", "not",
        "or", "os", "param", "parent", "parent_uid", "precision", "runtime", "runtime_version",
        "seed", "series_key", "shape", "split", "started", "started_at", "status", "status_reason",
        "tag", "task", "time_source", "uid", "variant", "weight_bits",
    }
)  # fmt: skip
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}")


class Missing(StrEnum):
    """What a score is where one of its metrics is missing."""

    NONE = "none"  # there is no score
    RENORMALISE = "renormalise"  # the others make it, by their weights


@dataclass(frozen=True, slots=True, kw_only=True)
class Derived:
    """A metric that is a formula over others."""

    kind: ClassVar[str] = "derived"
    name: str
    node: Node
    unit: str | None = None
    direction: Direction | None = None
    description: str = ""

    @property
    def formula(self) -> str:
        """The formula in its canonical text."""
        return format_formula(self.node)

    @property
    def refs(self) -> tuple[Ref, ...]:
        """The numbers that it is made of."""
        return refs(self.node)

    @property
    def said(self) -> dict[str, Any]:
        """What decides its values, for JSON."""
        return {"expr": self.formula}

    def evaluate(self, values: Mapping[Ref, FloatArray]) -> FloatArray:
        """Its value for n runs, float64[n]; NaN: none."""
        return evaluate(self.node, values)


@dataclass(frozen=True, slots=True)
class Part:
    """A metric in a score: 0 at ``worst`` and beyond, 1 at ``best`` and beyond."""

    ref: Ref
    weight: float
    worst: float
    best: float

    @property
    def formula(self) -> str:
        """The part as a formula, without its weight."""
        span = format_number(self.best - self.worst)
        offset = f"- {format_number(self.worst)}"
        if self.worst < 0:
            offset = f"+ {format_number(-self.worst)}"
        return f"clamp(({format_ref(self.ref)} {offset}) / {span}, 0, 1)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """The weighted mean of metrics, each between its declared bounds; 0 is worst and 1 best.

    ``parts`` are sorted by metric, so that their order in a file does not matter.
    """

    kind: ClassVar[str] = "score"
    name: str
    parts: tuple[Part, ...]
    missing: Missing = Missing.NONE
    unit: str | None = None
    direction: Direction | None = Direction.HIGHER
    description: str = ""

    @property
    def formula(self) -> str:
        """What it is where no metric is missing."""
        terms = " + ".join(f"{format_number(part.weight)} * {part.formula}" for part in self.parts)
        return f"({terms}) / {format_number(math.fsum(part.weight for part in self.parts))}"

    @property
    def refs(self) -> tuple[Ref, ...]:
        """The numbers that it is made of."""
        return tuple(part.ref for part in self.parts)

    @property
    def said(self) -> dict[str, Any]:
        """What decides its values, for JSON."""
        parts = {format_ref(part.ref): [part.weight, part.worst, part.best] for part in self.parts}
        return {"missing": self.missing.value, "parts": parts}

    def evaluate(self, values: Mapping[Ref, FloatArray]) -> FloatArray:
        """Its value for n runs, float64[n]; NaN: none."""
        rows = [
            np.clip(
                (evaluate(Name(part.ref), values) - part.worst) / (part.best - part.worst), 0, 1
            )
            for part in self.parts
        ]
        reached = np.stack(rows)
        weights = np.array([part.weight for part in self.parts])[:, np.newaxis]
        present = ~np.isnan(reached)
        total = np.where(present, weights, 0).sum(axis=0)
        known = present.all(axis=0) if self.missing is Missing.NONE else total > 0
        weighted = np.where(present, reached * weights, 0).sum(axis=0)
        return np.where(known, weighted / np.where(known, total, 1), np.nan)


Definition = Derived | Score


def format_number(value: float) -> str:
    """The number as a formula writes it."""
    return repr(float(value)).removesuffix(".0")


def check_name(name: str) -> None:
    """Raise MappingError for a name that means something else already."""
    if not _NAME.fullmatch(name):
        raise MappingError("", f"'{name}' is no name of a metric", "letters, digits and _")
    other = "call it something else"
    if name.lower() in RESERVED:
        raise MappingError("", f"'{name}' is a field of runs or a word of filters", other)
    if name in derived_metrics():
        raise MappingError("", f"'{name}' is derived by cetrack itself", other)
    if name in catalogue():
        raise MappingError("", f"'{name}' is a metric that files state", other)


# --- several definitions --------------------------------------------------------------------


def section_of(definition: Definition) -> str:
    """The table of ``cetrack.toml`` that a definition stands in."""
    return DERIVED if isinstance(definition, Derived) else SCORES


def ordered(definitions: Iterable[Definition]) -> tuple[Definition, ...]:
    """The definitions, each behind those that it uses; else in the order of their names.

    Raises MappingError with ``section.name.key`` as key: for two of one name, a cycle, an aggregate
    of what has only one value, and a baseline of a baseline.
    """
    by_name: dict[str, Definition] = {}
    for item in sorted(definitions, key=lambda item: item.name):
        if item.name in by_name:
            raise MappingError(_place(item), f"'{item.name}' is defined twice", "one needs a name")
        by_name[item.name] = item
    sorter = TopologicalSorter({name: _uses(item, by_name) for name, item in by_name.items()})
    try:
        found = tuple(by_name[name] for name in sorter.static_order())
    except CycleError as error:
        names = error.args[1][::-1]
        problem = f"a formula that needs its own result: {' → '.join(names)}"
        raise MappingError(_place(by_name[names[0]]), problem) from None
    relative = relative_names(found)
    for item in found:
        _check_refs(item, by_name, relative)
    return found


def relative_names(definitions: Iterable[Definition]) -> frozenset[str]:
    """The names of all metrics that compare with a baseline themselves: of those that are built in,
    and of ``definitions`` in the order of :func:`ordered`."""
    found = {name for name, item in derived_metrics().items() if _asks_baseline(item.refs)}
    for item in definitions:
        if _asks_baseline(item.refs) or found.intersection(ref.name for ref in _metrics(item)):
            found.add(item.name)
    return frozenset(found)


def _uses(definition: Definition, known: Mapping[str, Any]) -> list[str]:
    return sorted({ref.name for ref in _metrics(definition) if ref.name in known})


def _metrics(definition: Definition) -> list[Ref]:
    return [ref for ref in definition.refs if ref.of is Of.METRIC]


def _asks_baseline(names: Iterable[Ref]) -> bool:
    return any(ref.of_baseline for ref in names)


def _place(definition: Definition) -> str:
    key = "expr" if isinstance(definition, Derived) else "parts"
    return f"{section_of(definition)}.{definition.name}.{key}"


def _check_refs(
    definition: Definition, known: Mapping[str, Definition], relative: frozenset[str]
) -> None:
    for ref in _metrics(definition):
        if ref.of_baseline and ref.name in relative:
            problem = f"{ref.name} is itself relative to a baseline"
            hint = f"write {ref.name} without 'baseline.'"
            raise MappingError(_place(definition), problem, hint)
        if ref.name in known and ref.aggregate != LAST:
            problem = f"{ref.name} is one value of a run and has no .{ref.aggregate}"
            raise MappingError(_place(definition), problem, f"write {ref.name}")


@dataclass(frozen=True, slots=True)
class Version:
    """A definition as the database keeps it: canonical JSON of all that decides its values, with
    the versions of what it uses, and the hash of that."""

    definition: Definition
    content: str
    hash: str


def versions(definitions: Iterable[Definition]) -> tuple[Version, ...]:
    """The versions of definitions that come from :func:`ordered`, in the same order."""
    uses = {
        name: {"expr": item.expr, "positive": list(item.positive)}
        for name, item in derived_metrics().items()
    }
    known: dict[str, Any] = dict(uses)
    found = []
    for item in definitions:
        used = {ref.name: known[ref.name] for ref in _metrics(item) if ref.name in known}
        content = json.dumps(
            {"kind": item.kind, **item.said, "uses": used},
            sort_keys=True,
            separators=(",", ":"),
            allow_nan=False,
        )
        digest = hashlib.sha256(content.encode()).hexdigest()
        known[item.name] = digest
        found.append(Version(item, content, digest))
    return tuple(found)


def restored(
    name: str, content: str, *, unit: str | None, direction: str | None, description: str
) -> Definition:
    """The definition that a version in the database is of. Raises FormulaError for a formula that
    only a newer cetrack understands."""
    said = json.loads(content)
    about: dict[str, Any] = {
        "name": name,
        "unit": unit,
        "direction": Direction(direction) if direction else None,
        "description": description,
    }
    if said["kind"] == Derived.kind:
        return Derived(node=parse(said["expr"]), **about)
    parts = [Part(parse_name(metric), *numbers) for metric, numbers in said["parts"].items()]
    return Score(
        parts=tuple(sorted(parts, key=lambda part: part.ref)),
        missing=Missing(said["missing"]),
        **about,
    )
