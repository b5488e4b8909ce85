"""Comparisons of models summed up: by library, category or input shape.

Pure. A model, known by name and library, counts once per column: where it has several rows (two
devices, two batch sizes) their mean is its one number. Over the models, value, baseline and delta
are means and the ratio is the geometric mean, the one mean under which twice as fast and half as
fast cancel out. The test is Wilcoxon's on the models' deltas: models are the repetitions here.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace

from cetrack.analysis.significance import wilcoxon
from cetrack.compare.answer import By, Difference, Entry
from cetrack.compare.judging import Court, improved
from cetrack.report.table import Spread

UNKNOWN = "unknown"


def over_models(entries: Sequence[Entry], by: By, court: Court) -> list[Entry]:
    """Entries of models → entries of groups of models, by group; unadjusted and not flagged."""
    found: dict[tuple[str, str, str], list[Entry]] = defaultdict(list)
    for entry in entries:
        found[_group(entry, by), entry.column, entry.metric.name].append(entry)
    summed = [_summed(name, by, members, court) for (name, *_), members in found.items()]
    return sorted(summed, key=lambda entry: (entry.group, not entry.is_baseline))


def _group(entry: Entry, by: By) -> str:
    name = entry.fields[by.value]
    return UNKNOWN if name is None else str(name)


def _summed(name: str, by: By, members: Sequence[Entry], court: Court) -> Entry:
    # a model whose baseline lacks the metric has nothing to go with the others
    members = [entry for entry in members if entry.baseline is not None] or members
    models: dict[tuple[str, str | None], list[Entry]] = defaultdict(list)
    for entry in members:
        models[entry.fields["model"], entry.fields["library"]].append(entry)
    first = members[0]
    several = list(models.values())
    summed = replace(
        first,
        group=name,
        value=Spread(_mean(_mean(entry.value.mean for entry in one) for one in several)),
        baseline=None,
        delta=None,
        ratio=None,
        improved=None,
        p_unadjusted=None,
        test=None,
        uids=_distinct(uid for entry in members for uid in entry.uids),
        baseline_uids=_distinct(uid for entry in members for uid in entry.baseline_uids),
        like_for_like=all(entry.like_for_like for entry in members),
        differences=_distinct_differences(members),
        models=len(several),
        fields={by.value: first.fields[by.value]},
    )
    return summed if first.baseline is None else _with_deltas(summed, several, court)


def _with_deltas(summed: Entry, models: Sequence[Sequence[Entry]], court: Court) -> Entry:
    baseline = _mean(_mean(_baseline(entry) for entry in one) for one in models)
    deltas = [_mean(entry.value.mean - _baseline(entry) for entry in one) for one in models]
    ratios = [_geometric_mean(entry.ratio for entry in one) for one in models]
    verdict = court.ask(lambda: wilcoxon(deltas))
    delta, ratio = _mean(deltas), _geometric_mean(ratios)
    better = improved(delta, 0.0, summed.metric.direction)
    if ratio is not None and improved(ratio, 1.0, summed.metric.direction) is not better:
        better = None  # better by one mean and worse by the other: nobody can say
    return replace(
        summed,
        baseline=Spread(baseline),
        delta=delta if math.isfinite(delta) else None,
        ratio=ratio,
        improved=better,
        p_unadjusted=verdict.p_value if verdict else None,
        test=verdict.test if verdict else None,
    )


def _baseline(entry: Entry) -> float:
    return math.nan if entry.baseline is None else entry.baseline.mean


def _mean(numbers: Iterable[float]) -> float:
    known = list(numbers)
    return math.fsum(known) / len(known) if all(map(math.isfinite, known)) else sum(known)


def _geometric_mean(ratios: Iterable[float | None]) -> float | None:
    """None where a ratio is missing or negative: a mean of the others would be another question."""
    known = list(ratios)
    if any(item is None or item < 0 for item in known):
        return None
    if 0 in known:
        return 0.0
    return math.exp(_mean(math.log(item) for item in known if item))


def _distinct(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))


def _distinct_differences(members: Sequence[Entry]) -> tuple[Difference, ...]:
    return tuple(dict.fromkeys(item for entry in members for item in entry.differences))
