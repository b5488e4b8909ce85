"""Comparisons and fronts as tables: side by side for people, in the long form for programs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from cetrack.analysis.significance import TEST_NAMES
from cetrack.compare.answer import By, Comparison, Entry, Refusal
from cetrack.compare.fronts import Pareto
from cetrack.compare.judging import ALPHA
from cetrack.report.measures import metric_column
from cetrack.report.table import Cell, Column, Kind, Row, Section, Table

BETTER, WORSE, EQUAL, SIGNIFICANT = "✓", "✗", "=", "*"
_SMALLEST_P = 0.001
_NAMED = 3  # so many entries with the same flag are named


# --- side by side -------------------------------------------------------------------------------


def side_by_side(comparison: Comparison) -> Table:
    """A row per group and column, the baseline first; per metric the value, its change and p.

    A group is named on its first row. A terminal that is too narrow loses the p-values first,
    then the last metrics.
    """
    rows: dict[tuple[str, str], dict[str, Entry]] = defaultdict(dict)
    for entry in comparison.entries:
        rows[entry.group, entry.column][entry.metric.name] = entry
    columns = [Column(name=comparison.by.value), Column(name="precision", fold_at=30)]
    cells: list[list[Cell]] = [
        _first_of_each([group for group, _ in rows]),
        [column for _, column in rows],
    ]
    if comparison.by is not By.MODEL:
        columns.append(Column(name="models", kind=Kind.NUMBER))
        cells.append([max(entry.models for entry in row.values()) for row in rows.values()])
    for number, metric in enumerate(comparison.metrics):
        entries = [row.get(metric.name) for row in rows.values()]
        if not any(entries):
            continue
        value = metric_column(metric.name, metric.unit, rank=2 * number)
        columns += [value, Column(name="change", rank=2 * number, fold_at=40)]
        cells += [[entry.value.mean if entry else None for entry in entries], _changes(entries)]
        if any(entry and entry.p_value is not None for entry in entries):
            columns.append(Column(name="p", rank=100 + number))
            cells.append([_p_text(entry) for entry in entries])
    return Table(columns=tuple(columns), rows=tuple(zip(*cells, strict=True)))


def _first_of_each(names: Sequence[str]) -> list[Cell]:
    before = ["", *names]
    return ["" if number and name == before[number] else name for number, name in enumerate(names)]


def _changes(entries: Sequence[Entry | None]) -> list[Cell]:
    """Numbers at the right of one another, marks behind them."""
    numbers = [change_text(entry) if entry else "" for entry in entries]
    most = max(map(len, numbers))
    return [
        f"{number:>{most}} {mark_of(entry)}".rstrip() if entry else ""
        for number, entry in zip(numbers, entries, strict=True)
    ]


def change_text(entry: Entry) -> str:
    """The change in per cent; of shares and scores, and where there is no ratio, the difference."""
    if not entry.delta:
        return "" if entry.delta is None else "0"
    if entry.metric.unit == "fraction" or entry.ratio is None:
        return f"{entry.delta:+.2g}"
    share = 100 * (entry.ratio - 1)
    return f"{share:+.1f} %" if abs(share) < 1000 else f"×{entry.ratio:.3g}"


def mark_of(entry: Entry) -> str:
    """Whether it is better, and whether that is significant."""
    if entry.delta is None:
        return ""
    if entry.improved is None:
        mark = EQUAL if entry.delta == 0 else " "
    else:
        mark = BETTER if entry.improved else WORSE
    return mark + (SIGNIFICANT if is_significant(entry) else "")


def is_significant(entry: Entry) -> bool:
    """Whether the adjusted p-value is small enough to claim a difference."""
    return entry.p_value is not None and entry.p_value < ALPHA


def _p_text(entry: Entry | None) -> str:
    if entry is None or entry.p_value is None:
        return ""
    return "<0.001" if entry.p_value < _SMALLEST_P else f"{entry.p_value:.3f}"


# --- in words -----------------------------------------------------------------------------------


def legend(comparison: Comparison) -> str:
    """What the marks mean, and which tests were made."""
    marks = f"{BETTER} better, {WORSE} worse than {comparison.baseline}"
    if not comparison.test_count:
        return f"{marks}; significance unknown: it needs repetitions on both sides"
    tests = ", ".join(TEST_NAMES[name] for name in comparison.tests)
    count = f"{comparison.test_count} test{'s' * (comparison.test_count > 1)}"
    return (
        f"{marks}; {SIGNIFICANT} p < {ALPHA} ({tests}, adjusted for {count} by Benjamini–Hochberg)"
    )


def flag_lines(comparison: Comparison) -> list[str]:
    """A line per flag: what it was raised for, the worst first."""
    raised: dict[str, list[Entry]] = defaultdict(list)
    for entry in comparison.entries:
        for flag in entry.flags:
            raised[flag].append(entry)
    return [_flag_line(flag, entries) for flag, entries in raised.items()]


def _flag_line(flag: str, entries: Sequence[Entry]) -> str:
    """The metric is named once where it is the same for all."""
    metrics = {entry.metric.name for entry in entries}
    worst = sorted(entries, key=lambda entry: -abs((entry.ratio or 1.0) - 1))
    names = [_flagged(entry, with_metric=len(metrics) > 1) for entry in worst]
    about = f" ({metrics.pop()})" if len(metrics) == 1 else ""
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return f"{flag}{about}: {', '.join(names[:_NAMED])}{more}"


def _flagged(entry: Entry, *, with_metric: bool) -> str:
    parts = (entry.group, entry.column, entry.metric.name if with_metric else "")
    return " ".join(part for part in (*parts, change_text(entry)) if part)


# --- the long form ------------------------------------------------------------------------------


def _number(name: str) -> Column:
    return Column(name=name, kind=Kind.NUMBER, alike=False)


def long_form(comparison: Comparison) -> Table:
    """A row per entry with everything that is known of it, every digit."""
    columns = (
        Column(name=comparison.by.value),
        Column(name="column"),
        Column(name="metric"),
        Column(name="unit"),
        Column(name="direction"),
        Column(name="is_baseline"),
        *map(_number, ("value", "std", "n")),
        Column(name="baseline_column"),
        *map(_number, ("baseline", "baseline_std", "baseline_n", "delta", "ratio")),
        Column(name="improved"),
        *map(_number, ("p_value", "p_unadjusted")),
        Column(name="test"),
        Column(name="like_for_like"),
        _number("models"),
        Column(name="flags"),
        Column(name="uids"),
        Column(name="baseline_uids"),
    )
    return Table(columns=columns, rows=tuple(_long_row(entry) for entry in comparison.entries))


def _long_row(entry: Entry) -> Row:
    value, baseline = entry.value, entry.baseline
    return (
        entry.group,
        entry.column,
        entry.metric.name,
        entry.metric.unit,
        entry.metric.direction,
        entry.is_baseline,
        value.mean,
        value.std,
        value.n,
        entry.baseline_column,
        baseline.mean if baseline else None,
        baseline.std if baseline else None,
        baseline.n if baseline else None,
        entry.delta,
        entry.ratio,
        entry.improved,
        entry.p_value,
        entry.p_unadjusted,
        entry.test,
        entry.like_for_like,
        entry.models,
        _joined(entry.flags),
        _joined(entry.uids),
        _joined(entry.baseline_uids),
    )


def _joined(texts: Iterable[str]) -> str | None:
    return "; ".join(texts) or None


def sections(comparison: Comparison) -> list[Section]:
    """The whole answer: how it was made, its entries, what was refused, and notes."""
    facts: tuple[tuple[str, Cell], ...] = (
        ("baseline", comparison.baseline),
        ("by", comparison.by.value),
        ("tests", _joined(comparison.tests)),
        ("test_count", comparison.test_count),
        ("correction", comparison.correction if comparison.test_count else None),
    )
    pair = (Column(name="name"), Column(name="value"))
    notes = Table(columns=(Column(name="note"),), rows=tuple((note,) for note in comparison.notes))
    return [
        Section(key="", title="", table=Table(columns=pair, rows=facts), is_mapping=True),
        Section(key="entries", title="Comparison", table=long_form(comparison)),
        Section(key="refusals", title="Not compared", table=_refused(comparison.refusals)),
        Section(key="notes", title="Notes", table=notes),
    ]


def _refused(refusals: Sequence[Refusal]) -> Table:
    columns = (
        Column(name="model"),
        Column(name="column"),
        Column(name="uid", kind=Kind.UID),
        Column(name="baseline_uid", kind=Kind.UID),
        Column(name="fields"),
        Column(name="reason"),
    )
    rows = tuple(
        (
            refusal.group,
            refusal.column,
            refusal.uid,
            refusal.baseline_uid,
            _joined(item.field for item in refusal.differences),
            refusal.reason,
        )
        for refusal in refusals
    )
    return Table(columns=columns, rows=rows)


# --- fronts -------------------------------------------------------------------------------------


def front_table(pareto: Pareto, *, whole: bool, for_people: bool) -> Table:
    """The points of the front by x, or, with ``whole``, all points and whether they are on it."""
    x, y = (
        metric_column(metric.name, metric.unit, rank=rank)
        for rank, metric in enumerate((pareto.x, pareto.y))
    )
    rows = tuple(
        (
            point.label,
            *(() if for_people else (point.model, point.precision)),
            point.x,
            point.y,
            point.uid,
            *((point.on_front,) if whole or not for_people else ()),
        )
        for point in pareto.points
        if whole or point.on_front
    )
    columns = (
        Column(name="run", fold_at=40),
        *(() if for_people else (Column(name="model"), Column(name="precision"))),
        x,
        y,
        Column(name="uid", kind=Kind.UID, rank=2),
        *((Column(name="on_front"),) if whole or not for_people else ()),
    )
    return Table(columns=columns, rows=rows)
