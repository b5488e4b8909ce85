"""The catalogue of metrics: from the name in a file to the canonical name, unit and direction.

Pure; the entries are in ``metrics.toml``. An unknown name stays what it is, with the unit that it
ends in, if any. A known name without a unit where one is needed (``latency: 3.2``) is not guessed:
it stays under its own name, without a unit.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any

from cetrack.domain import Direction, MetricDef
from cetrack.units import Unit, bracket_unit, find_unit, scale_between, split_suffix

PHASES = {
    "train": "train",
    "training": "train",
    "tr": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "eval": "eval",
    "evaluation": "eval",
    "test": "test",
}
_PHASE = re.compile(r"^(?P<phase>[a-z]+)[_/.\- ](?P<rest>.+)$")
_UNIT_IN_BRACKETS = re.compile(r"^(?P<name>.+?)(?P<gap>\s*)[(\[](?P<unit>[^()\[\]]+)[)\]]$")
_DIMENSIONLESS = "number"
_LONGEST_NAME = 200
# what the values of a name of its own are kept in where their unit stands beside them
_KEPT_IN = {"energy": "mJ", "power": "mW", "size": "MB", "time": "ms"}
_NO_UNIT = frozenset({"", "-", "1", "dimensionless", "n/a", "none", "unitless"})


@dataclass(frozen=True, slots=True)
class Resolution:
    """What a name means: the metric, the unit it was written in, and value × ``scale``.

    ``doubt`` says what could not be decided.
    """

    metric: MetricDef
    source_unit: str | None
    scale: Fraction
    doubt: str | None = None


@cache
def catalogue() -> Mapping[str, MetricDef]:
    """All known metrics by canonical name."""
    return {name: _definition(name, entry) for name, entry in _entries().items()}


@cache
def _entries() -> dict[str, dict[str, Any]]:
    return tomllib.loads(files("cetrack").joinpath("metrics.toml").read_text(encoding="utf-8"))


def _definition(name: str, entry: Mapping[str, Any]) -> MetricDef:
    direction = entry.get("direction")
    return MetricDef(
        name=name,
        unit=entry.get("unit"),
        direction=Direction(direction) if direction else None,
        family=entry["family"],
        description=entry["description"],
    )


def aliases(name: str) -> list[str]:
    """The other names of a canonical metric, without units."""
    return list(_entries()[name]["aliases"])


@cache
def _by_stem() -> dict[tuple[str, str], str]:
    """(name without unit, dimension) → canonical name."""
    found: dict[tuple[str, str], str] = {}
    for name, metric in catalogue().items():
        unit = find_unit(metric.unit) if metric.unit else None
        dimension = unit.dimension if unit else _DIMENSIONLESS
        suffixed = split_suffix(name)
        stems = [name, *aliases(name)]
        if suffixed and suffixed[1].dimension == dimension:
            stems.append(suffixed[0])
        for stem in stems:
            found.setdefault((stem, dimension), name)
    return found


def resolve(name: str, stated_unit: str | None = None) -> Resolution:
    """What ``name`` means, with the unit stated beside the value where there is one."""
    if stated_unit is not None and stated_unit.strip().lower() in _NO_UNIT:
        stated_unit = None
    if len(name) > _LONGEST_NAME:  # no name that we know, and slow to take apart
        return Resolution(MetricDef(name=name, unit=stated_unit), stated_unit, Fraction(1))
    return _resolve(name, stated_unit)


@lru_cache(maxsize=16_384)
def _resolve(name: str, stated_unit: str | None) -> Resolution:
    known = catalogue().get(name)
    if known is not None and stated_unit in (None, known.unit):
        return Resolution(known, stated_unit or known.unit, Fraction(1))
    phase, rest = _split_phase(name)
    if phase is None:
        return _resolve_plain(name, stated_unit)
    inner = _resolve_plain(rest, stated_unit)
    if inner.metric.name not in catalogue():  # train/foo; but train_foo may be any word
        renamed = "/" in name or inner.metric.name != rest
        own = f"{phase}/{inner.metric.name}" if renamed else name
        return replace(inner, metric=replace(inner.metric, name=own))
    metric = replace(inner.metric, name=f"{phase}/{inner.metric.name}", family=phase)
    return replace(inner, metric=metric)


def canonical_name(name: str) -> str:
    """The canonical name of a metric; an unknown one is its own."""
    return resolve(name).metric.name


def is_known(name: str, stated_unit: str | None = None) -> bool:
    """True for a name of the catalogue or an alias, with any unit and phase, or without one."""
    found = resolve(name, stated_unit)
    canonical = found.metric.name
    return (
        canonical in catalogue()
        or canonical.partition("/")[2] in catalogue()
        or found.doubt is not None
    )


def _split_phase(name: str) -> tuple[str | None, str]:
    match = _PHASE.match(name.strip())
    if match is None:
        match = _PHASE.match(name.strip().lower())
    if match is None or match["phase"] not in PHASES:
        return None, name
    return PHASES[match["phase"]], name.strip()[match.start("rest") :]


def _resolve_plain(name: str, stated_unit: str | None) -> Resolution:
    base, unit, written = _unit_of(name, stated_unit)
    stem = _slug(base)
    if unit is not None:
        canonical = _by_stem().get((stem, unit.dimension))
        if canonical is not None:
            found = _converted(catalogue()[canonical], unit, written)
            return replace(found, doubt=_contradiction(name, unit, stated_unit))
        own = _unknown(name, unit.symbol, written, _family(stem))
        return _in_common_unit(own, name, unit) if stated_unit else own
    if stated_unit:
        return _unknown(name, stated_unit, stated_unit, "other")
    for dimension in (_DIMENSIONLESS, "fraction"):
        canonical = _by_stem().get((stem, dimension))
        if canonical is not None and not _needs_unit(canonical, stem):
            metric = catalogue()[canonical]
            return Resolution(metric, metric.unit, Fraction(1))
    return _without_unit(name, stem)


def _unknown(name: str, unit: str, written: str | None, family: str) -> Resolution:
    """A metric of its own; never one with the name of a known metric in another unit."""
    own = f"{name} [{unit}]" if name in catalogue() else name
    return Resolution(MetricDef(name=own, unit=unit, family=family), written, Fraction(1))


def _in_common_unit(own: Resolution, name: str, stated: Unit) -> Resolution:
    """In the unit that the name ends in, else one per dimension: files may state several."""
    said = _unit_in(name)
    unit = said[1] if said else find_unit(_KEPT_IN.get(stated.dimension, ""))
    if own.metric.name != name or unit is None or unit.dimension != stated.dimension:
        return own
    metric = replace(own.metric, unit=unit.symbol)
    doubt = _contradiction(name, stated, stated.symbol)
    return replace(own, metric=metric, scale=scale_between(stated, unit), doubt=doubt)


def _contradiction(name: str, unit: Unit, stated: str | None) -> str | None:
    said = _unit_in(name) if stated else None
    if said is None or said[1] == unit:
        return None
    return f"'{name}' ends in {said[1].symbol}, its unit is {stated}: taken as {stated}"


def _unit_of(name: str, stated: str | None) -> tuple[str, Unit | None, str | None]:
    """(name without unit, unit, unit as written): stated, else as the name says it."""
    said = _unit_in(name)
    if stated:
        unit = find_unit(stated)
        same = said is not None and unit is not None and said[1].dimension == unit.dimension
        return (said[0] if said and same else name), unit, stated
    if said:
        return said
    whole = find_unit(name)
    if whole is not None and whole.dimension == "rate":  # fps
        return "throughput", whole, name
    return name, None, None


def _unit_in(name: str) -> tuple[str, Unit, str] | None:
    """(name without unit, unit, unit as written) of a name with one in brackets or at its end."""
    bracketed = _UNIT_IN_BRACKETS.match(name)
    if bracketed:
        unit = bracket_unit(bracketed["name"], bracketed["unit"], spaced=bool(bracketed["gap"]))
        if unit is not None:
            return bracketed["name"], unit, bracketed["unit"]
    suffixed = split_suffix(name)
    if suffixed:
        return suffixed[0], suffixed[1], suffixed[1].symbol
    head, dot, tail = name.rpartition(".")
    inner = split_suffix(head) if dot else None
    if inner:  # latency_ms.p99: the unit stands before the statistic
        return f"{inner[0]}_{tail}", inner[1], inner[1].symbol
    return None


def _converted(metric: MetricDef, unit: Unit, written: str | None) -> Resolution:
    target = find_unit(metric.unit or "")
    if target is None:
        return Resolution(metric, written, Fraction(1))
    return Resolution(metric, written, scale_between(unit, target))


def _needs_unit(canonical: str, stem: str) -> bool:
    """size_reduction alone may be a percentage or a fraction: only the full name is sure."""
    return catalogue()[canonical].unit == "%" and stem != canonical


@cache
def _same_stem() -> Mapping[str, list[MetricDef]]:
    """The metrics of every name without a unit, whatever they measure."""
    found: dict[str, list[MetricDef]] = {}
    for (stem, _), canonical in _by_stem().items():
        found.setdefault(stem, []).append(catalogue()[canonical])
    return found


def _without_unit(name: str, stem: str) -> Resolution:
    metric = next((item for item in _same_stem().get(stem, ()) if item.unit), None)
    if metric is None:
        return Resolution(MetricDef(name=name), None, Fraction(1))
    unsure = replace(metric, name=name, unit=None, description="")
    doubt = f"'{name}' has no unit: kept under its own name, not taken as {metric.name}"
    return Resolution(unsure, None, Fraction(1), doubt)


def _family(stem: str) -> str:
    return next((item.family for item in _same_stem().get(stem, ())), "other")


def _slug(name: str) -> str:
    return re.sub(r"[\s\-.]+", "_", name.strip().lower())


# --- documentation ---------------------------------------------------------------------------

_INTRODUCTION = """\
# Metrics

The metrics that cetrack knows by name, made from the catalogue (`cetrack/metrics.toml`). A name in
a file is taken apart into a phase (`val_`), a stem and a unit (`_us`, `(us)`, or a `unit` beside
the value): `Latency Avg (s)` and `latency_mean_us` are both `latency_mean_ms`, converted once and
rounded once. MB is 10^6 bytes and MiB 2^20.

A name that is not listed stays what it is, with the unit that it ends in; where the unit stands
beside the value, times are kept in ms, sizes in MB, powers in mW and energies in mJ. A listed name
that needs a unit and has none (`latency: 3.2`) is not guessed: it stays under its own name, with a
warning.
Metrics of a training carry their phase: `train/loss`, `val/accuracy`.
"""


def metrics_markdown() -> str:
    """The text of docs/metrics.md."""
    rows = [
        f"| `{metric.name}` | {metric.unit or ''} | {metric.direction or ''} | {metric.family} "
        f"| {', '.join(f'`{alias}`' for alias in aliases(metric.name))} | {metric.description} |\n"
        for metric in catalogue().values()
    ]
    head = "| name | unit | better | family | other names, less their units | meaning |\n"
    return f"{_INTRODUCTION}\n{head}|---|---|---|---|---|---|\n{''.join(rows)}"
