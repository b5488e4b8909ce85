"""From the words of a source to cetrack's own: the only place that renames and converts.

Pure. Metric names and units by the catalogue, precisions and shapes by their tables, text made
safe for every database. What could not be decided is a notice, never a silent guess.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache
from itertools import count
from typing import Any

import numpy as np

from cetrack.cleaning import clean_json, clean_key, clean_name, clean_param, clean_text
from cetrack.domain import (
    Artifact,
    Environment,
    FloatArray,
    Kept,
    MetricDef,
    MetricSample,
    MetricSeries,
    ModelHint,
    NormalRun,
    Notice,
    ParamValue,
    Precision,
    RunRecord,
    Sample,
    Series,
    Spread,
    copied,
    kept_values,
    made,
)
from cetrack.metrics import Resolution, catalogue, resolve
from cetrack.plain import Layout, PlainMetrics, PlainSeries
from cetrack.precisions import (
    METHODS,
    RUNTIMES,
    canonical_method,
    find_precision,
    is_uncompressed,
    unknown_precision,
)
from cetrack.readers.spool import changed
from cetrack.shapes import split_batch
from cetrack.units import convert, convert_one

_split_batch = lru_cache(maxsize=4096)(split_batch)  # a file has few shapes
_HIGHEST = 1.5  # a fraction above is a percentage that nobody says to be one
# what no measurement of these families can be
_NEVER_NEGATIVE = frozenset({"latency", "size", "memory", "throughput"})


def normalize(record: RunRecord) -> NormalRun:
    """The run in canonical names and units, with notices of all that was doubtful."""
    notices = list(record.notices)
    precision, changes = _precision(record, notices)
    model, batch, params = _model(record, notices)
    series = _series(record, notices)
    return NormalRun(
        record=_clean_record(record, {**changes, "batch_size": batch, "params": params}),
        model=model,
        precision=precision,
        series=series,
        samples=tuple(_samples(record.samples, record.metric_defs)),
        params={clean_key(key): clean_param(value) for key, value in params.items()},
        tags={clean_key(key): clean_text(value) for key, value in record.tags.items()},
        notices=tuple(notices),
    )


# --- model and precision ---------------------------------------------------------------------


def _precision(record: RunRecord, notices: list[Notice]) -> tuple[Precision, dict[str, str]]:
    """The precision, and the fields of the record that its label fills."""
    found = find_precision(record.precision)
    if found is None and is_uncompressed(record.precision):
        text = f"{record.precision!r:.60} is taken as fp32"
        notices.append(Notice(record.place, text))
        found = find_precision("fp32")
    if found is None:
        unknown = unknown_precision(clean_name(record.precision))
        if record.precision:
            text = f"unknown precision {record.precision!r:.60}: kept as such"
            notices.append(Notice(record.place, text))
        return unknown, {}
    precision, words = found
    runtime = next((RUNTIMES[word] for word in words if word in RUNTIMES), "")
    method = next((METHODS[word] for word in words if word in METHODS), "")
    changes = {
        "runtime": record.environment.runtime or runtime,
        "method": record.method or method,
    }
    if any(word not in RUNTIMES and word not in METHODS for word in words):
        changes["variant"] = record.variant or clean_name(record.precision)
    return precision, changes


def _model(
    record: RunRecord, notices: list[Notice]
) -> tuple[ModelHint, int | None, dict[str, ParamValue]]:
    """The model, the batch size, which may be part of its shape, and the parameters."""
    hint = record.model
    shape, batch = hint.input_shape, record.batch_size
    if shape:
        split = _split_batch(shape)
        if split is None:
            notices.append(Notice(record.place, f"{shape!r:.60} is no shape: kept as text"))
        else:
            shape, batch = split[0], record.batch_size or split[1]
        shape = clean_name(shape)
    name = clean_name(hint.name)
    params = dict(record.params)
    if name != hint.name:
        notices.append(Notice(record.place, "model name cut or cleaned: see parameter model_name"))
        params["model_name"] = hint.name
    model = _clean_model(name, hint.library, hint.category, shape, hint.description)
    return model, batch, params


@lru_cache(maxsize=4096)
def _clean_model(name: str, library: str, category: str, shape: str, description: str) -> ModelHint:
    """The precisions and nights of a model share one hint."""
    return ModelHint(
        name=name,
        library=clean_name(library),
        category=clean_name(category),
        input_shape=shape,
        description=clean_text(description),
    )


# --- metrics ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Meaning:
    """What every series of a name and a unit comes to."""

    found: Resolution
    metric: MetricDef
    source_name: str
    source_unit: str | None
    scale: float
    never_negative: bool
    is_fraction: bool


@lru_cache(maxsize=16_384)
def _meaning(name: str, unit: str | None) -> _Meaning:
    found = resolve(name, unit)
    return _Meaning(
        found=found,
        metric=_definition(found.metric, None),
        source_name=clean_key(name),
        source_unit=_clean_unit(found.source_unit),
        scale=float(found.scale),
        never_negative=found.metric.family in _NEVER_NEGATIVE,
        is_fraction=found.metric.unit == "fraction",
    )


@dataclass(frozen=True, slots=True)
class _Plan:
    """What is done to the numbers of every run with some names.

    ``scaled`` are those of another unit than the metric's: (index, scale). ``signed`` may not be
    negative, ``fractions`` not above 1.5 / scale: (index, that limit).
    """

    layout: Layout
    scaled: tuple[tuple[int, Fraction], ...]
    signed: tuple[int, ...]
    fractions: tuple[tuple[int, float], ...]


@lru_cache(maxsize=4096)
def _plan(names: tuple[str, ...]) -> _Plan | None:
    """None for names of which some are doubtful, or two the same metric."""
    means = [_meaning(name, None) for name in names]
    unclear = any(item.found.doubt for item in means)
    if unclear or len({item.metric.name for item in means}) < len(means):
        return None
    places = list(enumerate(means))
    return _Plan(
        layout=Layout(
            tuple(item.metric for item in means),
            tuple(item.source_name for item in means),
            tuple(item.source_unit for item in means),
            tuple(item.scale for item in means),
        ),
        scaled=tuple((at, item.found.scale) for at, item in places if item.scale != 1),
        signed=tuple(at for at, item in places if item.never_negative),
        fractions=tuple((at, _HIGHEST / item.scale) for at, item in places if item.is_fraction),
    )


def _plain(series: PlainSeries) -> PlainMetrics | None:
    """The numbers of a plain run; None where something is to be said about one of them."""
    plan = _plan(tuple(series.numbers))
    if plan is None:
        return None
    values = list(series.numbers.values())
    if any(values[at] < 0 for at in plan.signed):
        return None
    if any(values[at] > limit for at, limit in plan.fractions):
        return None
    for at, scale in plan.scaled:
        values[at] = convert_one(values[at], scale)
    return PlainMetrics(plan.layout, values)


def _series(record: RunRecord, notices: list[Notice]) -> Sequence[MetricSeries]:
    """The series under canonical names; of two that become one the second keeps its own name."""
    if isinstance(record.series, PlainSeries) and not (record.origins or record.metric_defs):
        plain = _plain(record.series)
        if plain is not None:
            return plain
    doubts: list[Notice] = []
    found = [_normal_series(item, record, doubts) for item in record.series]
    notices.extend(doubts)
    if len({series.metric.name for series in found}) == len(found):
        return tuple(found)
    taken: dict[str, tuple[int, MetricSeries]] = {}
    # a canonical name wins over an alias of it, whatever their order in the file
    pairs = list(enumerate(zip(record.series, found, strict=True)))
    for index, (item, series) in sorted(pairs, key=lambda pair: pair[1][0].name not in catalogue()):
        _, other = taken.get(series.metric.name, (0, None))
        if other is not None:
            if _same_values(other, series):
                continue
            text = f"'{item.name}' is another '{series.metric.name}': kept under its own name"
            notices.append(Notice(item.place or record.place, text))
            metric = replace(series.metric, name=_free(item.name, taken))
            series = replace(series, metric=metric, values=kept_values(series))
        taken[series.metric.name] = (index, series)
    return tuple(series for _, series in sorted(taken.values(), key=lambda pair: pair[0]))


def _free(name: str, taken: Mapping[str, Any]) -> str:
    own = clean_key(name)
    numbered = (own if number == 1 else f"{own}#{number}" for number in count(1))
    return next(candidate for candidate in numbered if candidate not in taken)


def _normal_series(item: Series, record: RunRecord, notices: list[Notice]) -> MetricSeries:
    origin = record.origins.get(item.name)
    if origin is not None:
        source_name, source_unit, scale = origin
        return MetricSeries(
            metric=_known_definition(item.name, record.metric_defs.get(item.name)),
            steps=item.steps,
            values=kept_values(item),
            wall_times=item.wall_times,
            spread=item.spread,
            source_name=clean_key(source_name),
            source_unit=_clean_unit(source_unit),
            scale=scale,
        )
    means = _meaning(item.name, item.unit)
    _doubt(item, means, record.place, notices)
    stated = record.metric_defs.get(item.name)
    values = kept_values(item)
    return made(
        MetricSeries,
        metric=means.metric if stated is None else _definition(means.found.metric, stated),
        steps=item.steps,
        values=values if means.scale == 1 else converted(values, means.found.scale),
        wall_times=item.wall_times,
        spread=_scaled(item.spread, means.found),
        source_name=clean_key(item.source_name) if item.source_name else means.source_name,
        source_unit=means.source_unit,
        scale=means.scale,
    )


def converted(values: FloatArray | Kept, scale: Fraction) -> FloatArray | Kept:
    """The values × scale: at once, or when they are read from where they are kept."""
    return values if scale == 1 else changed(values, lambda found: convert(found, scale))


def _known_definition(name: str, stated: MetricDef | None) -> MetricDef:
    """The definition of a metric that was normalised before; a blank description is ours."""
    metric = _clean_definition(name, stated or MetricDef(name=name))
    known = catalogue().get(metric.name)
    if known is None or metric.description:
        return metric
    return replace(metric, description=known.description)


def _definition(metric: MetricDef, stated: MetricDef | None) -> MetricDef:
    """What the source states about a metric counts where the catalogue does not know it."""
    if stated is None or metric.name in catalogue():
        return _clean_definition(metric.name, metric)
    return _clean_definition(metric.name, replace(stated, unit=metric.unit))


def _clean_definition(name: str, metric: MetricDef) -> MetricDef:
    return replace(
        metric,
        name=clean_key(name),
        unit=_clean_unit(metric.unit),
        family=clean_name(metric.family) or "other",
        description=clean_text(metric.description),
    )


def _clean_unit(unit: str | None) -> str | None:
    return clean_name(unit) or None if unit is not None else None


def _doubt(item: Series, means: _Meaning, place: str, notices: list[Notice]) -> None:
    if not (means.found.doubt or means.never_negative or means.is_fraction):
        return
    where = item.place or place
    metric = means.found.metric
    if means.found.doubt:
        notices.append(Notice(where, means.found.doubt))
    checked = means.never_negative or means.is_fraction
    low, high = _range(item.values) if checked else (0.0, 0.0)
    if means.never_negative and low < 0:
        notices.append(Notice(where, f"negative {metric.family} {low:g}: kept as read"))
    if means.is_fraction and high > _HIGHEST / means.scale:
        text = f"{metric.name} {high:g} looks like a percentage: kept as read"
        notices.append(Notice(where, text))


def _range(values: FloatArray) -> tuple[float, float]:
    """The least and the greatest finite value; (0, 0) where there is none."""
    if len(values) == 1:  # most series by far
        only = float(values[0])
        return (only, only) if math.isfinite(only) else (0.0, 0.0)
    numbers = values[np.isfinite(values)]
    return (float(numbers.min()), float(numbers.max())) if numbers.size else (0.0, 0.0)


def _scaled(spread: Spread | None, found: Resolution) -> Spread | None:
    if spread is None or found.scale == 1:
        return spread
    return Spread(
        std=_scaled_number(spread.std, found),
        min=_scaled_number(spread.min, found),
        max=_scaled_number(spread.max, found),
        n=spread.n,
    )


def _scaled_number(value: float | None, found: Resolution) -> float | None:
    return None if value is None else float(convert(np.array([value]), found.scale)[0])


def _same_values(first: MetricSeries, second: MetricSeries) -> bool:
    return np.array_equal(first.steps, second.steps) and np.array_equal(
        first.values, second.values, equal_nan=True
    )


def _samples(samples: Iterable[Sample], stated: Mapping[str, MetricDef]) -> Iterable[MetricSample]:
    taken: dict[str, MetricSample] = {}
    for item in samples:
        found = resolve(item.name, item.unit)
        metric = _definition(found.metric, stated.get(item.name))
        if metric.name in taken:
            metric = replace(metric, name=_free(item.name, taken))
        taken[metric.name] = MetricSample(metric=metric, values=convert(item.values, found.scale))
    return taken.values()


# --- the record -------------------------------------------------------------------------------


_NAMES = ("method", "name", "variant", "dataset", "split", "task", "git_commit", "status_reason")
_PLACES = ("device", "accelerator", "runtime", "runtime_version", "host", "os")


def _clean_record(record: RunRecord, changes: Mapping[str, Any]) -> RunRecord:
    """The record with these fields, among them those of its environment, and clean text."""
    environment = _clean_environment(record.environment, changes.get("runtime", ""))
    method = canonical_method(changes.get("method") or record.method)
    variant = changes.get("variant") or record.variant
    names = _clean_names(
        method, record.name, variant, record.dataset, record.split, record.task,
        record.git_commit, record.status_reason,
    )  # fmt: skip
    return copied(
        record,
        environment=environment,
        artifacts=tuple(map(_clean_artifact, record.artifacts)),
        batch_size=changes["batch_size"],
        params=changes["params"],
        **names,
    )


def _clean_environment(environment: Environment, runtime: str) -> Environment:
    places = [getattr(environment, name) for name in _PLACES]
    places[_PLACES.index("runtime")] = runtime or environment.runtime
    if not environment.details:
        return _plain_environment(*places)
    details = clean_json(environment.details)
    return replace(_plain_environment(*places), details=details)


@lru_cache(maxsize=4096)
def _plain_environment(*places: str) -> Environment:
    names: dict[str, Any] = dict(zip(_PLACES, map(clean_name, places), strict=True))
    return Environment(**names)


@lru_cache(maxsize=4096)
def _clean_names(*texts: str) -> Mapping[str, str]:
    """The names of a record, in the order of ``_NAMES``: those of most runs are the same."""
    return dict(zip(_NAMES, map(clean_name, texts), strict=True))


def _clean_artifact(item: Artifact) -> Artifact:
    return replace(
        item,
        name=clean_key(item.name),
        kind=clean_key(item.kind),
        uri=None if item.uri is None else clean_text(item.uri),
        sha256=None if item.sha256 is None else clean_name(item.sha256),
        content=clean_json(item.content),
    )
