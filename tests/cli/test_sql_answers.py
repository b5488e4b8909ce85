"""Queries of docs/sql.md for what compare, trend, check and derive say; both databases.

The expected numbers are worked out here from the values below, by Python's ``statistics``.
"""

from __future__ import annotations

from datetime import UTC, datetime
from math import exp, log, sqrt
from pathlib import Path
from statistics import fmean, geometric_mean, median, stdev, variance
from typing import Any

import pytest
from sqlalchemy import insert, select

from cetrack.compare import compare
from cetrack.config import load_settings
from cetrack.deriving import derive
from cetrack.filter import parse
from cetrack.gate import check, load_gates
from cetrack.models import Acceptance, Metric, Run
from cetrack.store import Store, touch
from tests.cli.conftest import Filler
from tests.cli.filling import Spec, uid
from tests.cli.sql_page import PAGE, QUERIES, about, columns, rows_of

SEEDS = (1, 2, 3)
FP32_ACCURACY, FP32_LATENCY = (0.90, 0.91, 0.92), (10.0, 11.0, 12.0)
INT8_ACCURACY, INT8_LATENCY = (0.89, 0.90, 0.87), (5.0, 5.5, 4.0)
NIGHTS = (5.0, 5.2, 4.9, 5.1, 7.0, 7.2, 6.9, 7.4)
SMALL = {"model": "small", "library": "timm"}
TINY = {"model": "tiny", "library": "timm"}


def measured(
    accuracy: float, latency: float, size: float, memory: float, power: float
) -> dict[str, float]:
    return {
        "accuracy": accuracy,
        "latency_mean_ms": latency,
        "model_size_mb": size,
        "memory_usage_mb": memory,
        "power_mw": power,
    }


def edge() -> list[Spec]:
    """Three seeds of FP32 and INT8, one of FP16, and an older INT8 that a newer one replaces."""
    runs = [
        Spec(uid=uid(100), model="edge", precision="int8", seed=1, day="2026-05-01",
             metrics=measured(0.5, 50.0, 10.0, 80.0, 500.0), baseline=uid(101)),
        Spec(uid=uid(121), model="edge", precision="fp16", seed=1, baseline=uid(101),
             metrics=measured(0.905, 6.0, 20.0, 120.0, 900.0)),
    ]  # fmt: skip
    for seed in SEEDS:
        full = measured(FP32_ACCURACY[seed - 1], FP32_LATENCY[seed - 1], 40.0, 200.0, 1000.0)
        small = measured(INT8_ACCURACY[seed - 1], INT8_LATENCY[seed - 1], 10.0, 80.0, 500.0)
        base = Spec(uid=uid(100 + seed), model="edge", seed=seed, metrics=full)
        runs.append(base)
        runs.append(
            Spec(uid=uid(110 + seed), model="edge", precision="int8", seed=seed,
                 metrics=small, baseline=base.uid)
        )  # fmt: skip
    return runs


RUNS = (
    *edge(),
    Spec(uid=uid(200), **TINY, metrics=measured(0.70, 4.0, 16.0, 60.0, 300.0)),
    Spec(uid=uid(201), **TINY, precision="int8", baseline=uid(200),
         metrics=measured(0.66, 2.0, 4.0, 30.0, 200.0)),
    Spec(uid=uid(300), **SMALL, metrics=measured(0.80, 8.0, 32.0, 90.0, 400.0)),
    Spec(uid=uid(301), **SMALL, precision="int8", baseline=uid(300),
         metrics=measured(0.80, 10.0, 8.0, 45.0, 300.0)),
    *(Spec(uid=uid(400 + night), model="night", precision="int8", day=f"2026-06-{night:02}",
           metrics={"latency_mean_ms": value}) for night, value in enumerate(NIGHTS, start=1)),
    Spec(uid=uid(500), model="lenet", kind="training",
         metrics={"val/accuracy": [0.5, 0.8, 0.9]}, params={"lr": 0.1}),
    Spec(uid=uid(501), model="lenet", kind="training", metrics={"val/accuracy": [0.7, 0.6]}),
    Spec(uid=uid(502), model="lenet", kind="training", metrics={"val/accuracy": [0.1, 0.6]}),
    Spec(uid=uid(600), metrics={"accuracy": 0.6, "latency_mean_ms": 3.0}),
    Spec(uid=uid(601), precision="int8", device="gpu", baseline=uid(600),
         metrics={"accuracy": 0.6}),
)  # fmt: skip


@pytest.fixture(scope="module")
def filled(filled_with: Filler, tmp_path_factory: pytest.TempPathFactory) -> Store:
    """The runs, an accepted change, and a metric of cetrack.toml in two versions, once stale."""
    store = filled_with("sql_answers", RUNS)
    folder = tmp_path_factory.mktemp("settings")
    for expr in ("accuracy / model_size_mb", "100 * accuracy / model_size_mb"):
        (folder / "cetrack.toml").write_text(f'[derived.density]\nexpr = "{expr}"\n')
        derive(store, load_settings(folder / "cetrack.toml").definitions)
    with store.write() as connection:
        run_id = connection.scalars(select(Run.id).where(Run.uid == uid(201))).one()
        metric_id = connection.scalars(select(Metric.id).where(Metric.name == "accuracy")).one()
        accepted = {"run_id": run_id, "metric_id": metric_id, "value": 0.66}
        when = datetime(2026, 6, 9, tzinfo=UTC)
        connection.execute(
            insert(Acceptance).values(
                **accepted, accepted_by="Ann", reason="new calibration set", accepted_at=when
            )
        )
        touch(connection, [run_id])
    return store


def answer(store: Store, title: str, *names: str) -> list[tuple[Any, ...]]:
    return columns(rows_of(store, title), *names)


def test_there_are_enough_queries_and_all_are_found() -> None:
    assert len(QUERIES) >= 30
    assert len(QUERIES) == PAGE.read_text(encoding="utf-8").count("```sql")


def test_every_query_runs_and_finds_something(filled: Store) -> None:
    empty = [title for title in QUERIES if not rows_of(filled, title)]

    assert empty == []


def test_precisions_stand_beside_their_baseline(filled: Store) -> None:
    found = rows_of(filled, "Every precision beside its baseline")
    latency = [row for row in found if row["metric"] == "latency_mean_ms"]
    assert columns(
        latency, "model", "precision", "runs", "baseline", "value", "delta", "ratio"
    ) == [
        about("edge", "fp16", 1, 10.0, 6.0, -4.0, 0.6),
        about("edge", "int8", 3, 11.0, 14.5 / 3, 14.5 / 3 - 11.0, 14.5 / 33),
        about("small", "int8", 1, 8.0, 10.0, 2.0, 1.25),
        about("tiny", "int8", 1, 4.0, 2.0, -2.0, 0.5),
    ]
    assert "resnet50" not in {row["model"] for row in found}  # another device


def test_they_say_what_compare_says(filled: Store) -> None:
    found = rows_of(filled, "Every precision beside its baseline")
    ours = {
        (row["model"], row["precision"], row["metric"]): (row["value"], row["delta"], row["ratio"])
        for row in found
        if row["precision"] == "int8"
    }
    names = ["accuracy", "latency_mean_ms", "memory_usage_mb", "model_size_mb", "power_mw"]
    theirs = {
        (entry.group, entry.column, entry.metric.name): (entry.value.mean, entry.delta, entry.ratio)
        for entry in compare(
            filled, where=parse("model in (edge, tiny, small)"), metrics=names
        ).entries
        if entry.column == "int8"
    }
    assert ours.keys() == theirs.keys()
    for key, numbers in theirs.items():
        assert ours[key] == pytest.approx(numbers), key


def test_a_drop_has_what_a_test_needs(filled: Store) -> None:
    edge_drop = fmean([0.4, 0.01, 0.01, 0.05])  # with the run that was replaced
    timm = (0.04, 0.0)
    names = ("library", "models", "mean_drop", "std", "t")
    assert answer(filled, "INT8 drop per library, and how far it scatters", *names) == [
        about("torchvision", 1, edge_drop, None, None),
        about("timm", 2, fmean(timm), stdev(timm), fmean(timm) / (stdev(timm) / sqrt(2))),
    ]


def test_speedups_have_a_geometric_mean(filled: Store) -> None:
    int8 = [10 / 50, 10 / 5, 11 / 5.5, 12 / 4, 4 / 2, 8 / 10]
    names = ("precision", "runs", "geometric_mean", "least", "most")
    assert answer(filled, "Geometric mean of the speed-ups", *names) == [
        about("fp16", 1, 10 / 6, 10 / 6, 10 / 6),
        about("int8", 6, geometric_mean(int8), 0.2, 3.0),
    ]
    assert geometric_mean(int8) == pytest.approx(exp(fmean(map(log, int8))))


def test_seeds_have_a_mean_and_a_standard_deviation(filled: Store) -> None:
    names = ("model", "precision", "metric", "seeds", "mean", "std")
    assert answer(filled, "Mean and standard deviation over seeds", *names)[:4] == [
        about("edge", precision, metric, 3, fmean(values), stdev(values))
        for precision, metric, values in (
            ("fp32", "accuracy", FP32_ACCURACY),
            ("fp32", "latency_mean_ms", FP32_LATENCY),
            ("int8", "accuracy", INT8_ACCURACY),
            ("int8", "latency_mean_ms", INT8_LATENCY),
        )
    ]


def test_welch_is_that_of_scipy(filled: Store) -> None:
    from scipy import stats

    expected = stats.ttest_ind(INT8_LATENCY, FP32_LATENCY, equal_var=False)
    (row,) = rows_of(filled, "Is the difference more than noise? Welch's t")

    assert (row["model"], row["fp32"], row["int8"]) == about("edge", 11.0, 14.5 / 3)
    assert row["t"] == pytest.approx(expected.statistic)
    assert row["df"] == pytest.approx(expected.df)
    assert 2 * stats.t.sf(abs(row["t"]), row["df"]) == pytest.approx(expected.pvalue)
    errors = [variance(values) / 3 for values in (INT8_LATENCY, FP32_LATENCY)]
    assert row["t"] == pytest.approx((14.5 / 3 - 11) / sqrt(sum(errors)))


def test_precisions_of_a_model_have_places(filled: Store) -> None:
    names = ("model", "precision", "latency_mean_ms", "place")
    found = answer(filled, "Which precision is the fastest, model by model", *names)
    assert found[:3] == [
        about("edge", "fp16", 6.0, 1),
        about("edge", "fp32", 11.0, 2),
        about("edge", "int8", (50 + 14.5) / 4, 3),
    ]
    assert found[-2:] == [about("tiny", "int8", 2.0, 1), about("tiny", "fp32", 4.0, 2)]


def test_what_got_slower_is_found(filled: Store) -> None:
    names = ("model", "uid", "metric", "value")
    assert answer(filled, "Compressed, and slower or bigger for it", *names) == [
        about("edge", uid(100), "speedup", 0.2),
        about("small", uid(301), "speedup", 0.8),
    ]


def test_the_smallest_within_a_budget(filled: Store) -> None:
    names = ("model", "precision", "uid", "size_ratio", "accuracy_drop")
    found = answer(filled, "The smallest version of a model within an accuracy budget", *names)
    assert [(*row[:4], pytest.approx(row[4])) for row in found] == [
        ("edge", "int8", found[0][2], 4.0, 0.01),
        ("small", "int8", uid(301), 4.0, 0.0),  # tiny loses four points
    ]
    assert found[0][2] in (uid(111), uid(112))  # 0.90 - 0.89 and 0.91 - 0.90, which round apart


def test_energy_and_memory(filled: Store) -> None:
    energy = answer(filled, "Energy per inference", "model", "precision", "baseline_uj", "uj")
    assert energy[-1] == about("small", "int8", 8 * 400.0, 10 * 300.0)
    assert about("tiny", "int8", 4 * 300.0, 2 * 200.0) in energy

    saved = answer(filled, "Memory saved", "model", "precision", "baseline_mb", "mb", "saved_mb")
    assert saved == [
        about("edge", "int8", 200.0, 80.0, 120.0),
        about("edge", "fp16", 200.0, 120.0, 80.0),
        about("small", "int8", 90.0, 45.0, 45.0),
        about("tiny", "int8", 60.0, 30.0, 30.0),
    ]


def test_all_gains_in_one_row(filled: Store) -> None:
    names = ("model", "uid", "speedup", "size_ratio", "accuracy_retention_pct", "power_ratio")
    found = answer(filled, "All that was gained, in one row", *names)
    assert found[-1] == about("tiny", uid(201), 2.0, 4.0, 100 * 0.66 / 0.70, 1.5)
    assert found[-2] == about("small", uid(301), 0.8, 4.0, 100.0, 400 / 300)


def test_a_moving_average(filled: Store) -> None:
    found = rows_of(filled, "A moving average")
    night = [row for row in found if row["model"] == "night"]
    assert columns(night, "n", "value", "moving_mean") == [
        about(n, NIGHTS[n - 1], fmean(NIGHTS[max(0, n - 3) : n])) for n in range(1, 9)
    ]


def test_the_largest_step(filled: Store) -> None:
    (row,) = rows_of(filled, "The largest step of every series")
    assert (row["model"], row["n"]) == ("night", 5)
    assert row["mean_before"] == pytest.approx(fmean(NIGHTS[1:4]))
    assert row["mean_after"] == pytest.approx(fmean(NIGHTS[4:7]))
    assert row["ratio"] == pytest.approx(fmean(NIGHTS[4:7]) / fmean(NIGHTS[1:4]))


def test_regressions_since_a_date(filled: Store) -> None:
    before, since = fmean(NIGHTS[:4]), fmean(NIGHTS[4:])
    names = ("model", "metric", "mean_before", "mean_since", "change_pct")
    assert answer(filled, "The worst regressions since a date", *names) == [
        about("night", "latency_mean_ms", before, since, (since - before) / before * 100)
    ]


def test_the_distance_from_the_past_is_that_of_a_gate(filled: Store, tmp_path: Path) -> None:
    past, newest = NIGHTS[:-1], NIGHTS[-1]
    level = median(past)
    spread = 1.4826 * median(abs(value - level) for value in past)
    found = rows_of(filled, "How far the newest run is from its past")
    assert columns(found, "model", "runs", "median", "spread", "z")[0] == about(
        "night", 7, level, spread, (newest - level) / spread
    )

    gates = tmp_path / "gates.toml"
    gates.write_text(
        '[gates.z]\nmetric = "latency_mean_ms"\nfilter = "model=night"\n'
        "history = { max_z = 1, min_runs = 3 }\n"
    )
    (result,) = check(filled, load_gates(gates)).results
    assert result.reference == pytest.approx(level)


def test_epochs_to_an_accuracy(filled: Store) -> None:
    assert answer(filled, "Epochs to an accuracy", "uid", "epochs") == [
        (uid(501), 1),
        (uid(500), 2),
    ]


def test_limits_and_what_was_accepted(filled: Store) -> None:
    names = ("model", "uid", "accuracy_drop", "accepted_by")
    assert answer(filled, "Which models break a limit", *names) == [
        about("edge", uid(113), 0.05, None),
        about("tiny", uid(201), 0.04, "Ann"),
    ]
    names = ("model", "uid", "metric", "value", "accepted_by", "reason")
    assert answer(filled, "Accepted changes", *names) == [
        about("tiny", uid(201), "accuracy", 0.66, "Ann", "new calibration set")
    ]


def test_metrics_of_ones_own_and_their_versions(filled: Store) -> None:
    scores = rows_of(filled, "Scores of your own, the best first")
    assert columns(scores, "model", "metric", "value", "stale")[0] == about(
        "tiny", "density", 100 * 0.66 / 4, 1
    )
    versions = rows_of(filled, "A score under each of its formulas")
    assert [(row["metric"], row["version"]) for row in versions] == [
        ("density", "current"),
        ("density", "former"),
    ]
    assert versions[0]["mean"] == pytest.approx(100 * versions[1]["mean"])
    assert {row["definition"] for row in scores} == {versions[0]["definition_hash"]}
    assert len({row["definition_hash"] for row in versions}) == 2

    assert answer(filled, "What is out of date", "model", "uid", "metric", "value") == [
        about("tiny", uid(201), "density", 100 * 0.66 / 4)
    ]


def test_three_precisions_in_a_row(filled: Store) -> None:
    found = rows_of(filled, "The table of the paper: precisions side by side")
    size = [row for row in found if (row["model"], row["metric"]) == ("edge", "model_size_mb")]
    assert columns(size, "fp32", "fp16", "int8") == [(40.0, 20.0, 10.0)]
