"""What is compared with what: series, their columns, their baselines, and what is refused.

Pure; rows are those of the ``runs`` view. A series is compared with one of the asked precision that
has the same like_key: model, shape, dataset, batch, device and runtime are the same, or unknown on
both sides. Trainings are compared with trainings only.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from cetrack.compare.answer import Difference, Refusal
from cetrack.domain import Kind
from cetrack.identity import LIKE_FIELDS
from cetrack.precisions import parse_precision
from cetrack.report.cells import UID_LENGTH
from cetrack.store import RunRow
from cetrack.tb.lines import qualified

_COMPRESSED_BITS = 16  # a format with fewer is one that models are compressed to
_SET_UP = ("precision", "method", "kind")
_PLACE = LIKE_FIELDS[1:]  # without the model


@dataclass(frozen=True, slots=True)
class Series:
    """The runs that stand for a series, the newest last; ``column`` once it is known.

    ``key`` is the series_key, ``uids`` are the runs by name.
    """

    rows: tuple[RunRow, ...]
    key: str
    uids: tuple[str, ...]
    column: str = ""

    @property
    def newest(self) -> RunRow:
        """What the series says of itself."""
        return self.rows[-1]


@dataclass(frozen=True, slots=True)
class Pair:
    """A series and the one that it is compared with; the ``differences`` between the two."""

    series: Series
    baseline: Series
    differences: tuple[Difference, ...] = ()


@dataclass(frozen=True, slots=True)
class Group:
    """A row of the comparison: everything that is compared with the runs of one like_key."""

    name: str
    baselines: tuple[Series, ...]
    pairs: tuple[Pair, ...]


@dataclass(frozen=True, slots=True)
class Matching:
    """``alone`` counts the like_keys with runs of the baseline's precision and nothing else."""

    groups: tuple[Group, ...]
    refusals: tuple[Refusal, ...]
    alone: int


def series_of(rows: Iterable[RunRow]) -> list[Series]:
    """The series that rows, ordered by start, belong to."""
    found: dict[str, list[RunRow]] = defaultdict(list)
    for row in rows:
        found[row["series_key"]].append(row)
    return [
        Series(tuple(members), key, tuple(row["uid"] for row in members))
        for key, members in found.items()
    ]


def is_baseline(row: RunRow, precision: str) -> bool:
    """Whether a run is what others are compared with: of that precision, and not compressed.

    What was pruned is in fp32 as well. Where the precision itself is a compressed one, its
    compressions are meant.
    """
    if row["precision"] != precision:
        return False
    return row["kind"] != Kind.COMPRESSION or _is_compressed(precision)


def _is_compressed(precision: str) -> bool:
    known = parse_precision(precision)
    bits = known.weight_bits if known else None
    return bits is not None and bits < _COMPRESSED_BITS


def like(row: RunRow) -> tuple[str, bool]:
    """What two runs share that may be compared."""
    return row["like_key"], row["kind"] == Kind.TRAINING


def match(
    series: Sequence[Series],
    baselines: Sequence[Series],
    links: Mapping[int, str],
    *,
    precision: str,
    allow_mixed: bool,
) -> Matching:
    """Each of ``series`` beside one of ``baselines``, or refused.

    ``links``: run id → series_key, of the runs that are stored as someone's baseline.
    """
    named = _with_columns([*baselines, *series])
    baselines, series = named[: len(baselines)], named[len(baselines) :]
    choice = _Choice(baselines, links)
    pairs: dict[tuple[str, bool], list[Pair]] = defaultdict(list)
    refused: list[Series] = []
    for one in series:
        found = choice.alike(one) or (choice.nearest(one) if allow_mixed else None)
        if found is None:
            refused.append(one)
            continue
        pair = Pair(one, found, _differences(one.newest, found.newest))
        pairs[like(found.newest)].append(pair)
    there = _precisions(named)
    refusals = [_refusal(one, choice.nearest(one), precision, there) for one in refused]
    alone = choice.by_like.keys() - pairs.keys() - {like(one.newest) for one in refused}
    return Matching(_groups(choice.by_like, pairs), tuple(refusals), len(alone))


class _Choice:
    """The baselines, and which of them is a series' own."""

    def __init__(self, baselines: Sequence[Series], links: Mapping[int, str]) -> None:
        self.by_like: dict[tuple[str, bool], list[Series]] = defaultdict(list)
        self._by_model: dict[tuple[str, bool], list[Series]] = defaultdict(list)
        self._links = links
        for one in baselines:
            self.by_like[like(one.newest)].append(one)
            self._by_model[one.newest["model"], like(one.newest)[1]].append(one)

    def alike(self, series: Series) -> Series | None:
        """The linked one among the like ones, else that of the same variant, else the newest."""
        return self._best(series, self.by_like.get(like(series.newest), ()))

    def nearest(self, series: Series) -> Series | None:
        """The linked one of the same model, else the one that differs in the fewest fields."""
        row = series.newest
        return self._best(series, self._by_model.get((row["model"], like(row)[1]), ()))

    def _best(self, series: Series, candidates: Sequence[Series]) -> Series | None:
        if len(candidates) < 2:
            return candidates[0] if candidates else None
        linked = Counter(self._links.get(row["baseline_run_id"]) for row in series.rows)
        row = series.newest
        return max(
            candidates,
            key=lambda one: (
                linked[one.key],
                -len(_differences(row, one.newest)),
                one.newest["variant"] == row["variant"],
                one.newest["started_at"],
                one.newest["uid"],
            ),
        )


def _differences(row: RunRow, baseline: RunRow) -> tuple[Difference, ...]:
    if row["like_key"] == baseline["like_key"]:
        return ()
    return tuple(
        Difference(name, row[name], baseline[name])
        for name in LIKE_FIELDS
        if row[name] != baseline[name]
    )


# --- names --------------------------------------------------------------------------------------


def _with_columns(series: Sequence[Series]) -> list[Series]:
    """Each with its column: the precision, with the method or kind where there are several.

    The same set-up has the same name in every group of the answer.
    """
    methods: dict[str, dict[Any, RunRow]] = defaultdict(dict)
    kinds: dict[tuple[str, Any], dict[Any, RunRow]] = defaultdict(dict)
    for row in (one.newest for one in series):
        methods[row["precision"]].setdefault(row["method"], row)
        kinds[row["precision"], row["method"]].setdefault(row["kind"], row)
    names = {
        (precision, method): name
        for precision, things in methods.items()
        for method, name in _named(precision, things, ("method",)).items()
    }
    columns = {
        (*key, kind): name
        for key, things in kinds.items()
        for kind, name in _named(names[key], things, ("kind",)).items()
    }
    return [
        replace(one, column=columns[tuple(one.newest[name] for name in _SET_UP)]) for one in series
    ]


def _named(name: str, things: Mapping[Any, RunRow], fields: Sequence[str]) -> dict[Any, str]:
    """As ``qualified``, of which the keys are text."""
    keys = {str(number): key for number, key in enumerate(things)}
    rows = {text: things[key] for text, key in keys.items()}
    return {keys[text]: found for text, found in qualified(name, rows, fields=fields).items()}


def _groups(
    by_like: Mapping[tuple[str, bool], Sequence[Series]],
    pairs: Mapping[tuple[str, bool], Sequence[Pair]],
) -> tuple[Group, ...]:
    """A group per like_key with something to compare, by name."""
    models: dict[str, dict[tuple[str, bool], RunRow]] = defaultdict(dict)
    for key in pairs:
        row = by_like[key][0].newest
        models[row["model"]][key] = row
    fields = ("kind", *_PLACE)
    names = {
        key: name
        for model, things in models.items()
        for key, name in _named(model, things, fields).items()
    }
    groups = [_group(names[key], by_like[key], pairs[key]) for key in pairs]
    return tuple(sorted(groups, key=lambda group: group.name))


def _group(name: str, baselines: Sequence[Series], pairs: Sequence[Pair]) -> Group:
    """Columns of the same name are told apart by what else differs."""
    several: dict[str, dict[str, RunRow]] = defaultdict(dict)
    for one in (*baselines, *(pair.series for pair in pairs)):
        several[one.column][one.key] = one.newest
    names = {
        key: text
        for column, things in several.items()
        for key, text in qualified(column, things, fields=("variant", *_PLACE)).items()
    }
    named = {one.key: replace(one, column=names[one.key]) for one in baselines}
    beside = [
        Pair(
            replace(pair.series, column=names[pair.series.key]),
            named[pair.baseline.key],
            pair.differences,
        )
        for pair in pairs
    ]
    return Group(
        name,
        tuple(sorted(named.values(), key=_column_order)),
        tuple(sorted(beside, key=lambda pair: _column_order(pair.series))),
    )


def _column_order(series: Series) -> tuple[Any, ...]:
    """The widest format first."""
    row = series.newest
    return -(row["weight_bits"] or 0), row["precision"], series.column, row["uid"]


# --- refusals -----------------------------------------------------------------------------------


def _precisions(series: Iterable[Series]) -> Mapping[tuple[str, bool], list[str]]:
    """(model, is a training) → the columns that there are."""
    found: dict[tuple[str, bool], set[str]] = defaultdict(set)
    for one in series:
        found[one.newest["model"], like(one.newest)[1]].add(one.column)
    return {key: sorted(names) for key, names in found.items()}


def _refusal(
    series: Series,
    nearest: Series | None,
    precision: str,
    there: Mapping[tuple[str, bool], list[str]],
) -> Refusal:
    row = series.newest
    refusal = Refusal(row["model"], series.column, row["uid"], "")
    if nearest is None:
        training = like(row)[1]
        what = f"{precision} training run" if training else f"{precision} run"
        known = ", ".join(there[row["model"], training])
        return replace(refusal, reason=f"no {what} of {row['model']} (there are: {known})")
    uid = nearest.newest["uid"]
    differences = _differences(row, nearest.newest)
    return replace(
        refusal,
        reason=differing(differences, uid),
        baseline_uid=uid,
        differences=differences,
    )


def differing(differences: Sequence[Difference], baseline_uid: str) -> str:
    """``device is cpu, baseline 4f2a… has gpu``."""
    baseline = f"baseline {baseline_uid[:UID_LENGTH]}"
    if not differences:
        return f"{baseline} is not known to be alike"
    parts = [
        f"{item.field} is {_said(item.value)}, "
        f"{'there' if number else f'{baseline} has'} {_said(item.baseline_value)}"
        for number, item in enumerate(differences)
    ]
    return "; ".join(parts)


def _said(value: Any) -> str:
    return "unknown" if value is None else str(value)
