"""The history of a metric, on both databases."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import update

from cetrack.errors import UsageError
from cetrack.filter import Expr
from cetrack.filter.tree import TagRef
from cetrack.ingest import IngestOptions, ingest
from cetrack.models import Run, history_view
from cetrack.queries import parse_filter
from cetrack.store import Store
from cetrack.trend import Axis, Line, Trend, parse_axis, trend
from tests.ingest.producing import write

STEADY = [10.0, 10.2, 9.9, 10.1, 10.0, 9.8, 10.1, 9.9]
SLOWER = [12.1, 11.9, 12.0, 12.2, 11.8, 12.1]

Night = Callable[..., None]


@pytest.fixture
def night(store: Store, tmp_path: Path) -> Night:
    """``night(day, {"int8": {…}}, model=…, git_commit=…)``: ingests the results of a night."""

    def take(day: int, precisions: Mapping[str, Any], model: str = "m", **settings: str) -> None:
        path = tmp_path / f"r_2026-06-{day:02}.json"
        write(path, {model: dict(precisions)})
        options = {key.replace("tag_", "tag."): value for key, value in settings.items()}
        report = ingest(store, [str(path)], IngestOptions(settings={"variant": "v", **options}))
        assert not report.rejected, report.rejected

    return take


def nights(night: Night, values: Sequence[float], **settings: str) -> None:
    for day, value in enumerate(values, 1):
        night(day, {"int8": {"latency_mean_ms": value, "accuracy": 0.9 + day / 1000}}, **settings)


def where(store: Store, *texts: str) -> Expr | None:
    return parse_filter(store, texts)


def only(found: Trend) -> Line:
    (line,) = found.lines
    return line


def test_a_line_is_what_the_view_history_holds(store: Store, night: Night) -> None:
    nights(night, STEADY)
    line = only(trend(store, "latency_mean_ms"))
    with store.read() as connection:
        query = history_view.select().where(history_view.c.metric == "latency_mean_ms")
        rows = connection.execute(query.order_by(history_view.c.n)).all()
    assert line.name == "m,int8"
    assert line.n.tolist() == [row.n for row in rows] == list(range(1, 9))
    assert line.values.tolist() == [row.value for row in rows] == STEADY
    assert line.uids == tuple(row.uid for row in rows)
    assert line.started_at == tuple(row.started_at for row in rows)
    assert line.labels == tuple("12345678")
    assert line.fields["uid"] == line.uids[-1]
    assert line.changes == ()


def test_a_shift_is_found_and_judged_by_the_direction(store: Store, night: Night) -> None:
    nights(night, STEADY + SLOWER)
    (change,) = only(trend(store, "latency_mean_ms")).changes
    line = only(trend(store, "latency_mean_ms"))
    assert (change.index, change.n, change.label) == (8, 9, "9")
    assert change.uid == line.uids[8]
    assert change.started_at == datetime(2026, 6, 9, tzinfo=UTC)
    assert change.before == pytest.approx(np.mean(STEADY))
    assert change.after == pytest.approx(np.mean(SLOWER))
    assert change.delta == pytest.approx(change.after - change.before)
    assert change.ratio == pytest.approx(change.after / change.before)
    assert change.p_value < 1e-6
    assert change.improved is False


def test_higher_is_better_where_the_metric_says_so(store: Store, night: Night) -> None:
    for day in range(1, 13):
        accuracy = 0.7 if day <= 6 else 0.8
        night(day, {"int8": {"accuracy": accuracy, "puzzle": accuracy, "latency_mean_ms": day}})
    (change,) = only(trend(store, "accuracy")).changes
    assert (change.n, change.before, change.after, change.improved) == (7, 0.7, 0.8, True)
    (unknown,) = only(trend(store, "puzzle")).changes
    assert unknown.improved is None


@pytest.mark.parametrize("levels", [(0.0, 1.0), (-1.0, -2.0), (1.0, 0.0), (-1.0, 1.0)])
def test_there_is_no_ratio_to_zero_or_below(
    store: Store, night: Night, levels: tuple[float, float]
) -> None:
    for day in range(1, 13):
        night(day, {"int8": {"margin": levels[day > 6], "accuracy": 0.5, "latency_mean_ms": day}})
    (change,) = only(trend(store, "margin")).changes
    assert (change.before, change.after) == levels
    assert change.delta == levels[1] - levels[0]
    assert change.ratio is None


def test_a_filter_leaves_runs_out_and_does_not_renumber(store: Store, night: Night) -> None:
    nights(night, STEADY)
    line = only(trend(store, "latency_mean_ms", where=where(store, "started >= 2026-06-04")))
    assert line.n.tolist() == [4, 5, 6, 7, 8]
    assert line.values.tolist() == STEADY[3:]
    metric = only(trend(store, "latency_mean_ms", where=where(store, "latency_mean_ms > 10")))
    assert metric.n.tolist() == [2, 4, 7]


def test_nan_is_a_gap_that_keeps_its_number(store: Store, night: Night) -> None:
    values = [*STEADY[:4], math.nan, *STEADY[4:], *SLOWER[:3], math.nan, *SLOWER[3:]]
    nights(night, values)
    line = only(trend(store, "latency_mean_ms"))
    assert np.isnan(line.values).nonzero()[0].tolist() == [4, 12]
    assert [(it.index, it.n) for it in line.changes] == [(9, 10)]


def test_a_run_without_the_metric_has_no_number(store: Store, night: Night) -> None:
    night(1, {"int8": {"latency_mean_ms": 1.0, "accuracy": 0.5}})
    night(2, {"int8": {"accuracy": 0.5, "model_size_mb": 1.0}})
    night(3, {"int8": {"latency_mean_ms": 3.0, "accuracy": 0.5}})
    assert only(trend(store, "latency_mean_ms")).n.tolist() == [1, 2]


def test_a_failed_run_shows_no_value_and_keeps_its_number(store: Store, night: Night) -> None:
    nights(night, STEADY[:4])
    second = only(trend(store, "latency_mean_ms")).uids[1]
    with store.write() as connection:
        connection.execute(update(Run).where(Run.uid == second).values(status="failed"))
    assert only(trend(store, "latency_mean_ms")).n.tolist() == [1, 3, 4]


# --- axes ---------------------------------------------------------------------------------------


def test_runs_of_one_commit_are_one_point(store: Store, night: Night) -> None:
    commits = ["b" * 40, "a" * 40, "a" * 40, "b" * 40, "c" * 40]
    for day, (value, commit) in enumerate(
        zip([1.0, 2.0, 4.0, 3.0, math.nan], commits, strict=True), 1
    ):
        night(day, {"int8": {"latency_mean_ms": value, "accuracy": day}}, git_commit=commit)
    night(6, {"int8": {"latency_mean_ms": 9.0, "accuracy": 6}})
    found = trend(store, "latency_mean_ms", by=Axis.COMMIT)
    line = only(found)
    assert line.labels == line.commits == ("b" * 40, "a" * 40, "c" * 40)
    assert line.values[:2].tolist() == [2.0, 3.0]
    assert math.isnan(line.values[2])
    assert line.n.tolist() == [1, 2, 5]
    runs = only(trend(store, "latency_mean_ms"))
    assert line.uids == (runs.uids[0], runs.uids[1], runs.uids[4])
    assert found.notes == ("1 of 6 runs are left out: they have no commit",)


def test_a_day_is_one_point(store: Store, night: Night) -> None:
    for number, (day, value) in enumerate([(3, 1.0), (1, 5.0), (3, 2.0), (2, 7.0)]):
        night(day, {"int8": {"latency_mean_ms": value, "accuracy": number}})
    line = only(trend(store, "latency_mean_ms", by=Axis.DATE))
    assert line.labels == ("2026-06-01", "2026-06-02", "2026-06-03")
    assert line.values.tolist() == [5.0, 7.0, 1.5]


def test_a_value_of_a_tag_is_one_point(store: Store, night: Night) -> None:
    for day, release in enumerate(["v2", "v10", "v2", "v10", "v1"], 1):
        night(day, {"int8": {"latency_mean_ms": float(day), "accuracy": 0.5}}, tag_release=release)
    line = only(trend(store, "latency_mean_ms", by=TagRef("release")))
    assert line.labels == ("v2", "v10", "v1")
    assert line.values.tolist() == [2.0, 3.0, 5.0]
    with pytest.raises(UsageError, match="no tag called 'releas'") as raised:
        trend(store, "latency_mean_ms", by=TagRef("releas"))
    assert raised.value.hint == "did you mean release?"


def test_an_axis_is_read_and_a_wrong_one_refused() -> None:
    assert parse_axis("commit") is Axis.COMMIT
    assert parse_axis("tag.a b.c") == TagRef("a b.c")
    with pytest.raises(UsageError, match="no axis called 'dates'") as raised:
        parse_axis("dates")
    assert raised.value.hint == "did you mean date?"
    with pytest.raises(UsageError, match="axis"):
        parse_axis("tag.")


# --- lines --------------------------------------------------------------------------------------


def test_lines_are_named_by_what_tells_them_apart(store: Store, night: Night) -> None:
    values = {"latency_mean_ms": 1.0, "accuracy": 0.5}
    night(1, {"int8": values, "fp32": values}, device="cpu", dataset="d")
    night(2, {"int8": values}, device="gpu", dataset="d")
    night(3, {"int8": values}, model='=x,"y"[b]', device="gpu", dataset="d")
    names = [line.name for line in trend(store, "latency_mean_ms").lines]
    assert names == sorted(["m,fp32", "m,int8,device=cpu", "m,int8,device=gpu", '=x,"y"[b],int8'])


def test_what_cannot_be_answered_is_refused_or_empty(store: Store, night: Night) -> None:
    nights(night, [1.0])
    with pytest.raises(UsageError, match="no metric called 'latency_mean'") as raised:
        trend(store, "latency_mean")
    assert raised.value.hint is not None
    for alpha in (0.0, 1.0, -1.0, math.nan):
        with pytest.raises(UsageError, match="alpha"):
            trend(store, "accuracy", alpha=alpha)
    assert trend(store, "accuracy", where=where(store, "model=other")).lines == ()
    assert only(trend(store, "acc")).values.tolist() == [0.901]
    assert only(trend(store, "accuracy")).changes == ()
