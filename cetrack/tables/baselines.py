"""How a cell compares with the one at the baseline precision of the same row. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cetrack.errors import UsageError
from cetrack.identity import LIKE_FIELDS
from cetrack.report.table import Spread
from cetrack.store import RunRow
from cetrack.table_request import Show
from cetrack.tables.grid import Grid, Place, central

_PLAIN: Mapping[str, Any] = {"method": None, "kind": "benchmark", "variant": None}
# what may be another in a baseline than in what is compared with it
_FREE = frozenset({"precision", "weight_bits", "activation_bits", *_PLAIN})

Numbers = Mapping[Place, float | Spread]


@dataclass(frozen=True, slots=True)
class Compared:
    """The baseline of every place that has one, and the LIKE_FIELDS in which any two differ."""

    baselines: Mapping[Place, Place]
    unlike: tuple[str, ...] = ()


def compared(grid: Grid, baseline: str, *, allow_mixed: bool = False) -> Compared:
    """Which cell each is compared with: same row and column but for how it was compressed.

    Raises UsageError where there is no such precision, or where two are not like for like: the
    device, the batch size, the dataset … differ; ``allow_mixed`` insists.
    """
    if "precision" not in grid.fields:
        hint = "add precision to --rows or --columns"
        raise UsageError(
            "a baseline is a precision, and the table does not tell them apart", hint=hint
        )
    at_baseline = [place for place in grid.runs if _facts(grid, place)["precision"] == baseline]
    if not at_baseline:
        known = sorted({run["precision"] for runs in grid.runs.values() for run in runs})
        hint = f"there are: {', '.join(known)}"
        raise UsageError(f"no {baseline} run to compare with among those selected", hint=hint)
    candidates: dict[tuple[Any, ...], list[Place]] = {}
    for place in at_baseline:
        candidates.setdefault(_fixed(grid, place), []).append(place)
    found: dict[Place, Place] = {}
    unlike: set[str] = set()
    for place in grid.runs:
        nearest = _plainest(grid, candidates.get(_fixed(grid, place), []), place)
        if nearest is not None and nearest != place:
            unlike.update(_unlike(grid, place, nearest, allow_mixed=allow_mixed))
            found[place] = nearest
    return Compared(found, tuple(field for field in LIKE_FIELDS if field in unlike))


def _facts(grid: Grid, place: Place) -> dict[str, Any]:
    return dict(zip(grid.fields, (*place[0], *place[1]), strict=True))


def _fixed(grid: Grid, place: Place) -> tuple[Any, ...]:
    """What a baseline has in common with what is compared with it."""
    facts = _facts(grid, place)
    return (place[2], *(value for field, value in facts.items() if field not in _FREE))


def _plainest(grid: Grid, candidates: Sequence[Place], place: Place) -> Place | None:
    """The uncompressed one, a benchmark rather than a training, of the same variant."""
    own = _facts(grid, place)

    def oddity(candidate: Place) -> tuple[bool, ...]:
        facts = _facts(grid, candidate)
        odd = [facts[field] != plain for field, plain in _PLAIN.items() if field in facts]
        return (*odd, facts.get("variant") != own.get("variant"))

    return min(candidates, key=oddity, default=None)


def _unlike(grid: Grid, place: Place, baseline: Place, *, allow_mixed: bool) -> list[str]:
    """The fields in which two cells are not like for like. Raises UsageError unless allowed."""
    both = grid.runs[place] + grid.runs[baseline]
    if all(run["like_key"] == both[0]["like_key"] for run in both):
        return []
    fields = [field for field in LIKE_FIELDS if len({run[field] for run in both}) > 1]
    if allow_mixed:
        return fields
    where = " ".join(str(value) for value in (*place[0], *place[1]) if value is not None)
    differences = "; ".join(_difference(grid.runs[place], grid.runs[baseline], f) for f in fields)
    raise UsageError(
        f"{place[2]} of {where} is not like for like with its baseline ({differences})",
        hint=f"add {','.join(fields)} to --rows, filter by one, or insist with --allow-mixed",
    )


def _difference(runs: Sequence[RunRow], baseline: Sequence[RunRow], field: str) -> str:
    def named(several: Sequence[RunRow]) -> str:
        values = {run[field] for run in several}
        return "/".join(sorted("unknown" if value is None else str(value) for value in values))

    return f"{field}: {named(runs)} against {named(baseline)}"


_CHANGES: Mapping[Show, Callable[[float, float], float]] = {
    Show.DELTA: lambda value, baseline: value - baseline,
    Show.DELTA_PCT: lambda value, baseline: (value - baseline) / baseline * 100,
    Show.RATIO: lambda value, baseline: value / baseline,
}


def change(show: Show, cell: float | Spread, baseline: float | Spread) -> float | None:
    """The difference to the baseline; None for a share of a baseline that is not above 0."""
    if show is not Show.DELTA and not central(baseline) > 0:
        return None
    return _CHANGES[show](central(cell), central(baseline))
