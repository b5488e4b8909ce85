"""The comparison itself: read, match, judge, sum up, and say what has to be said."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import chain

from cetrack.analysis.significance import CORRECTION
from cetrack.compare.answer import By, Comparison, Entry, Refusal
from cetrack.compare.groups import over_models
from cetrack.compare.judging import (
    ACCURACY_DROP,
    Court,
    Numbers,
    entries_of,
    flagged,
    rules,
    with_adjusted,
)
from cetrack.compare.matching import Matching, match
from cetrack.compare.reading import (
    ALL_METRICS,
    canonical_precision,
    chosen_metrics,
    read_numbers,
    read_selection,
)
from cetrack.errors import UsageError
from cetrack.filter import Expr
from cetrack.identity import LIKE_FIELDS
from cetrack.selecting import MetricFacts, Which, metric_facts
from cetrack.store import Store

__all__ = ["ALL_METRICS", "compare"]
_NAMED_REFUSALS = 3


def compare(
    store: Store,
    *,
    where: Expr | None = None,
    baseline: str = "fp32",
    metrics: Sequence[str] = (),
    by: By = By.MODEL,
    which: Which = Which.LATEST,
    allow_mixed: bool = False,
    accuracy_drop: float = ACCURACY_DROP,
) -> Comparison:
    """Every series that ``where`` selects beside its baseline of the asked precision.

    ``metrics`` are names or ``all``; without any, the most telling ones. With ``allow_mixed``, what
    has no baseline like it is compared with the nearest one of its model, and flagged, instead of
    refused. ``accuracy_drop`` is what a lost accuracy must exceed to be flagged where no
    repetitions tell its noise. Raises UsageError where nothing can be compared, with the reasons.
    """
    precision = canonical_precision(baseline)
    with store.read() as connection:
        facts = metric_facts(connection)
        if metrics and list(metrics) != [ALL_METRICS]:
            chosen_metrics(connection, metrics, facts, (), ())  # a wrong name is said first
        selection = read_selection(connection, where, which, precision)
        matching = match(
            selection.series,
            selection.baselines,
            selection.links,
            precision=precision,
            allow_mixed=allow_mixed,
        )
        _require_pairs(matching, precision)
        ours, theirs = _run_ids(matching)
        chosen = chosen_metrics(connection, metrics, facts, ours, theirs)
        numbers = read_numbers(connection, [*ours, *theirs], chosen)
    entries, court = _judged(matching, chosen, numbers, by, accuracy_drop)
    if not any(entry.baseline_uids for entry in entries):
        names = ", ".join(metric.name for metric in chosen)
        raise UsageError(f"none of the compared runs has {names}")
    return Comparison(
        entries=tuple(entries),
        refusals=matching.refusals,
        notes=tuple(_notes(matching, selection.outside, precision, court)),
        baseline=precision,
        by=by,
        metrics=tuple(chosen),
        tests=tuple(sorted({entry.test for entry in entries if entry.test})),
        correction=CORRECTION,
        test_count=sum(entry.p_unadjusted is not None for entry in entries),
    )


def _judged(
    matching: Matching,
    metrics: Sequence[MetricFacts],
    numbers: Numbers,
    by: By,
    accuracy_drop: float,
) -> tuple[list[Entry], Court]:
    court = Court()
    # the models of a group are its repetitions: none is tested for itself
    each = court if by is By.MODEL else Court(is_closed=True)
    models = (entries_of(group, metrics, numbers, each) for group in matching.groups)
    entries = list(chain.from_iterable(models))
    if by is not By.MODEL:
        entries = over_models(entries, by, court)
    all_rules = rules(accuracy_drop)
    return [flagged(entry, all_rules) for entry in with_adjusted(entries)], court


def _run_ids(matching: Matching) -> tuple[list[int], list[int]]:
    """The ids of the compared runs, and of the baselines of their groups."""
    ours = {
        row["run_id"]
        for group in matching.groups
        for pair in group.pairs
        for row in pair.series.rows
    }
    theirs = {
        row["run_id"] for group in matching.groups for one in group.baselines for row in one.rows
    }
    return sorted(ours), sorted(theirs)


def _require_pairs(matching: Matching, precision: str) -> None:
    if matching.groups:
        return
    if not matching.refusals:
        raise UsageError(
            f"there is nothing to compare: all runs are {precision}",
            hint="--baseline names another precision; 'cetrack models' lists what there is",
        )
    raise UsageError(
        f"nothing can be compared with {precision}:\n{refusals_text(matching.refusals)}",
        hint=mixed_hint(matching.refusals) or "--baseline names another precision",
    )


def refusals_text(refusals: Sequence[Refusal], most: int = _NAMED_REFUSALS) -> str:
    """The first refusals, one a line, and how many more there are."""
    lines = [f"  {refusal}" for refusal in refusals[:most]]
    if len(refusals) > most:
        lines.append(f"  and {len(refusals) - most} more")
    return "\n".join(lines)


def mixed_hint(refusals: Iterable[Refusal]) -> str | None:
    """How to insist, where that would help."""
    if any(refusal.baseline_uid for refusal in refusals):
        return "--allow-mixed compares them all the same, and says so"
    return None


# --- notes --------------------------------------------------------------------------------------


def _notes(
    matching: Matching, outside: frozenset[str], precision: str, court: Court
) -> Iterable[str]:
    if matching.alone:
        what = "model has" if matching.alone == 1 else "models or set-ups have"
        yield f"{matching.alone} {what} {precision} runs only"
    used = {uid for group in matching.groups for pair in group.pairs for uid in pair.baseline.uids}
    if outside & used:
        yield f"{len(outside & used)} of the baselines are outside the filter"
    unknown = _unknown_fields(matching)
    if unknown:
        yield f"unknown on both sides and taken as equal: {', '.join(unknown)}"
    if court.missing is not None:
        yield f"{court.missing.message}: {court.missing.hint}"


def _unknown_fields(matching: Matching) -> list[str]:
    """The fields that nobody knows of some run or of its baseline, most frequent first."""
    counts = Counter(
        name
        for group in matching.groups
        for pair in group.pairs
        for name in LIKE_FIELDS
        if pair.series.newest[name] is None and pair.baseline.newest[name] is None
    )
    total = sum(len(group.pairs) for group in matching.groups)
    return [
        name if count == total else f"{name} ({count} of {total})"
        for name, count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    ]
