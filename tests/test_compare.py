"""Comparisons and fronts on both databases, with numbers worked out by hand or by scipy."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from scipy import stats

from cetrack.choices import Better
from cetrack.compare import By, Comparison, Entry, Refusal, compare, pareto
from cetrack.compare.judging import ACCURACY, BIGGER, NO_RATIO, SLOWER, UNLIKE
from cetrack.errors import UsageError
from cetrack.filter import parse
from cetrack.report.table import Spread
from cetrack.selecting import Which
from cetrack.store import Store
from tests.cli.filling import fill, uid
from tests.comparing import Measured

RESNET = Measured(
    uid=uid(1),
    dataset="imagenet",
    batch_size=1,
    runtime="onnxruntime",
    metrics={"accuracy": 0.80, "latency_mean_ms": 8.0, "model_size_mb": 100.0},
)
INT8 = replace(
    RESNET,
    uid=uid(2),
    precision="int8",
    metrics={"accuracy": 0.79, "latency_mean_ms": 5.0, "model_size_mb": 25.0},
)


def entry(comparison: Comparison, column: str, metric: str, group: str = "resnet50") -> Entry:
    """The only entry of that column and metric."""
    found = [
        one
        for one in comparison.entries
        if (one.group, one.column, one.metric.name) == (group, column, metric)
    ]
    assert len(found) == 1, [(one.group, one.column, one.metric.name) for one in found]
    return found[0]


def named(comparison: Comparison) -> list[tuple[str, str]]:
    """Groups and columns in their order."""
    return list(dict.fromkeys((one.group, one.column) for one in comparison.entries))


# --- values -------------------------------------------------------------------------------------


def test_precisions_stand_beside_their_baseline(store: Store) -> None:
    fill(store, [RESNET, INT8])
    found = compare(store)
    assert named(found) == [("resnet50", "fp32"), ("resnet50", "int8")]
    assert [metric.name for metric in found.metrics] == [
        "accuracy",
        "latency_mean_ms",
        "model_size_mb",
    ]
    latency = entry(found, "int8", "latency_mean_ms")
    assert (latency.value, latency.baseline) == (Spread(5.0), Spread(8.0))
    assert (latency.delta, latency.ratio, latency.improved) == (-3.0, 0.625, True)
    assert (latency.uids, latency.baseline_uids) == ((uid(2),), (uid(1),))
    accuracy = entry(found, "int8", "accuracy")
    assert accuracy.delta == pytest.approx(-0.01)
    assert accuracy.improved is False
    assert (accuracy.test, accuracy.p_value) == (None, None)
    base = entry(found, "fp32", "latency_mean_ms")
    assert base.is_baseline
    assert (base.value, base.baseline, base.delta, base.ratio) == (Spread(8.0), None, None, None)
    assert (found.tests, found.test_count, found.refusals) == ((), 0, ())


def test_several_seeds_are_repetitions(store: Store) -> None:
    baseline, ours = [8.0, 8.4, 7.9, 8.1], [5.0, 5.3, 5.1]
    runs = [
        replace(RESNET, uid=uid(10 + n), seed=n, metrics={"latency_mean_ms": value})
        for n, value in enumerate(baseline)
    ] + [
        replace(INT8, uid=uid(20 + n), seed=n, metrics={"latency_mean_ms": value})
        for n, value in enumerate(ours)
    ]
    fill(store, runs)
    found = entry(compare(store), "int8", "latency_mean_ms")
    assert found.value.mean == pytest.approx(5.133333333333333)
    assert found.value.std == pytest.approx(0.15275252316519466)
    assert found.value.n == 3
    expected = stats.ttest_ind(ours, baseline, equal_var=False).pvalue
    assert found.test == "welch"
    assert found.p_value == pytest.approx(expected)  # a single test needs no correction
    assert len(found.uids) == 3


def test_only_the_newest_run_of_a_seed_stands_for_it_unless_all_are_asked_for(store: Store) -> None:
    nights = [
        replace(run, uid=f"{run.uid[:-1]}{night}", day=f"2026-06-0{night + 1}",
                metrics={"latency_mean_ms": value + night})
        for night in range(3)
        for run, value in ((RESNET, 8.0), (INT8, 5.0))
    ]  # fmt: skip
    fill(store, nights)
    newest = entry(compare(store), "int8", "latency_mean_ms")
    assert (newest.value, newest.baseline, newest.test) == (Spread(7.0), Spread(10.0), None)
    every = entry(compare(store, which=Which.ALL), "int8", "latency_mean_ms")
    assert (every.value, every.baseline) == (Spread(6.0, 1.0, 3), Spread(9.0, 1.0, 3))
    assert every.p_value == pytest.approx(
        stats.ttest_ind([5.0, 6.0, 7.0], [8.0, 9.0, 10.0], equal_var=False).pvalue
    )


def test_mean_std_and_n_on_both_sides_are_tested(store: Store) -> None:
    fill(
        store,
        [
            replace(RESNET, metrics={}, spreads={"latency_mean_ms": (8.0, 1.0, 30)}),
            replace(INT8, metrics={}, spreads={"latency_mean_ms": (7.5, 0.8, 40)}),
        ],
    )
    found = entry(compare(store), "int8", "latency_mean_ms")
    assert (found.value, found.baseline) == (Spread(7.5, 0.8, 40), Spread(8.0, 1.0, 30))
    expected = stats.ttest_ind_from_stats(7.5, 0.8, 40, 8.0, 1.0, 30, equal_var=False).pvalue
    assert (found.test, found.p_value) == ("welch", pytest.approx(expected))


def test_raw_repetitions_are_tested_by_their_ranks(store: Store) -> None:
    ours = [5.0, 5.1, 5.2, 9.0, 5.05, 5.15, 5.3]
    theirs = [5.4, 5.5, 5.25, 5.6, 30.0, 5.45]
    fill(
        store,
        [
            replace(RESNET, samples={"latency_mean_ms": theirs}),
            replace(INT8, samples={"latency_mean_ms": ours}),
        ],
    )
    found = entry(compare(store, metrics=["latency_mean_ms"]), "int8", "latency_mean_ms")
    expected = stats.mannwhitneyu(ours, theirs, method="exact").pvalue
    assert (found.test, found.p_value) == ("mann-whitney", pytest.approx(expected))


_ONE = {"metrics": {"latency_mean_ms": 7.5}}
_REPEATED = {"spreads": {"latency_mean_ms": (8.0, 1.0, 9)}}


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ([{"spreads": {"latency_mean_ms": (7.5, 0.8, 1)}}], [_REPEATED]),
        ([_ONE], [_REPEATED]),
        ([_ONE | {"seed": 1}, _ONE | {"seed": 2}], [_REPEATED]),
        ([_ONE | {"seed": 1}, _ONE | {"seed": 2}], [_ONE]),
    ],
    ids=["one", "none on one side", "runs against repetitions inside a run", "runs against one"],
)
def test_what_one_side_does_not_repeat_is_not_significant(
    store: Store, ours: Sequence[dict[str, Any]], theirs: Sequence[dict[str, Any]]
) -> None:
    bare: dict[str, Any] = {"metrics": {}}
    fill(
        store,
        [
            *(replace(RESNET, uid=uid(10 + n), **(bare | it)) for n, it in enumerate(theirs)),
            *(replace(INT8, uid=uid(20 + n), **(bare | it)) for n, it in enumerate(ours)),
        ],
    )
    found = entry(compare(store), "int8", "latency_mean_ms")
    assert (found.p_value, found.test) == (None, None)
    assert found.delta is not None


def test_all_p_values_of_an_answer_are_adjusted_together(store: Store) -> None:
    means = {"accuracy": (0.80, 0.79), "latency_mean_ms": (8.0, 7.9), "f1_score": (0.7, 0.6)}
    stds = {"accuracy": 0.02, "latency_mean_ms": 0.3, "f1_score": 0.05}
    fill(
        store,
        [
            replace(RESNET, metrics={}, spreads={k: (v[0], stds[k], 20) for k, v in means.items()}),
            replace(INT8, metrics={}, spreads={k: (v[1], stds[k], 20) for k, v in means.items()}),
        ],
    )
    found = compare(store)
    raw = [
        stats.ttest_ind_from_stats(
            means[it.name][1], stds[it.name], 20, means[it.name][0], stds[it.name], 20,
            equal_var=False,
        ).pvalue
        for it in found.metrics
    ]  # fmt: skip
    ours = [entry(found, "int8", it.name) for it in found.metrics]
    assert [it.p_unadjusted for it in ours] == pytest.approx(raw)
    assert [it.p_value for it in ours] == pytest.approx(stats.false_discovery_control(raw))
    assert (found.test_count, found.correction) == (3, "benjamini-hochberg")
    assert found.tests == ("welch",)


@pytest.mark.parametrize(
    ("value", "baseline", "delta", "ratio", "improved", "flags"),
    [
        (2.0, 0.0, 2.0, None, False, {NO_RATIO}),
        (2.0, -1.0, 3.0, None, False, {NO_RATIO}),
        (-2.0, 1.0, -3.0, -2.0, True, set()),
        (3.0, 3.0, 0.0, 1.0, None, set()),
        (math.inf, 3.0, None, None, False, set()),
        (3.0, math.inf, None, None, True, set()),
        (math.inf, math.inf, None, None, None, set()),
        (1e300, 1e-300, 1e300, None, False, set()),
    ],
)
def test_odd_numbers(
    store: Store,
    value: float,
    baseline: float,
    delta: float | None,
    ratio: float | None,
    improved: bool | None,
    flags: set[str],
) -> None:
    fill(
        store,
        [
            replace(RESNET, metrics={"loss": baseline}),
            replace(INT8, metrics={"loss": value}),
        ],
    )
    found = entry(compare(store), "int8", "loss")
    assert (found.delta, found.ratio, found.improved) == (delta, ratio, improved)
    assert set(found.flags) == flags


def test_nan_is_no_value(store: Store) -> None:
    fill(
        store,
        [
            RESNET,
            replace(INT8, metrics={"accuracy": math.nan, "latency_mean_ms": 5.0}),
            replace(INT8, uid=uid(3), precision="fp16", metrics={"accuracy": 0.8}),
        ],
    )
    found = compare(store, metrics=["accuracy"])
    assert named(found) == [("resnet50", "fp32"), ("resnet50", "fp16")]


def test_a_metric_that_the_baseline_lacks_has_a_value_and_no_delta(store: Store) -> None:
    fill(store, [RESNET, replace(INT8, metrics={**INT8.metrics, "pruned_share": 0.4})])
    found = entry(compare(store, metrics=["all"]), "int8", "pruned_share")
    assert (found.value, found.baseline, found.delta, found.ratio) == (
        Spread(0.4),
        None,
        None,
        None,
    )
    assert found.is_baseline is False
    assert "pruned_share" not in [it.name for it in compare(store).metrics]


# --- columns and groups -------------------------------------------------------------------------


def test_several_series_of_a_precision_are_told_apart_and_pruned_fp32_is_no_baseline(
    store: Store,
) -> None:
    fill(
        store,
        [
            RESNET,
            INT8,
            replace(INT8, uid=uid(3), method="qat", kind="compression"),
            replace(RESNET, uid=uid(4), method="pruning", kind="compression"),
            replace(INT8, uid=uid(5), precision="fp16"),
            replace(INT8, uid=uid(6), variant="b"),
        ],
    )
    assert [column for _, column in named(compare(store))] == [
        "fp32",
        "fp32,method=pruning",
        "fp16",
        "int8",
        "int8,method=qat",
        "int8,variant=b",
    ]


def test_columns_have_one_name_in_all_groups(store: Store) -> None:
    other = {"model": "vit", "shape": "3x384x384"}
    fill(
        store,
        [
            RESNET,
            replace(INT8, method="ptq"),
            replace(RESNET, uid=uid(3), **other),
            replace(INT8, uid=uid(4), method="qat", **other),
        ],
    )
    assert named(compare(store)) == [
        ("resnet50", "fp32"),
        ("resnet50", "int8,method=ptq"),
        ("vit", "fp32"),
        ("vit", "int8,method=qat"),
    ]


def test_groups_of_one_model_are_qualified_by_what_tells_them_apart(store: Store) -> None:
    gpu = {"device": "gpu", "runtime": "tensorrt"}
    fill(
        store,
        [RESNET, INT8, replace(RESNET, uid=uid(3), **gpu), replace(INT8, uid=uid(4), **gpu)],
    )
    found = compare(store)
    assert [group for group, _ in named(found)] == ["resnet50,device=cpu"] * 2 + [
        "resnet50,device=gpu"
    ] * 2
    assert found.refusals == ()


def test_trainings_are_compared_with_trainings(store: Store) -> None:
    epochs = {"accuracy": [0.1, 0.5, 0.7]}
    fill(
        store,
        [
            RESNET,
            INT8,
            replace(RESNET, uid=uid(3), kind="training", metrics=epochs),
            replace(INT8, uid=uid(4), kind="training", metrics={"accuracy": [0.2, 0.6]}),
        ],
    )
    found = compare(store, metrics=["accuracy"])
    trained = entry(found, "int8,kind=training", "accuracy", "resnet50,kind=training")
    assert (trained.value, trained.baseline) == (Spread(0.6), Spread(0.7))
    assert (trained.test, trained.baseline_uids) == (None, (uid(3),))  # epochs are no repetitions
    alone = compare(store, where=parse("kind=benchmark"), metrics=["accuracy"])
    assert [group for group, _ in named(alone)] == ["resnet50"] * 2


def test_the_linked_baseline_comes_first_among_those_alike(store: Store) -> None:
    older = replace(RESNET, uid=uid(3), variant="a", metrics={"accuracy": 0.5})
    newer = replace(RESNET, uid=uid(4), variant="b", day="2026-06-09", metrics={"accuracy": 0.6})
    fill(store, [older, newer, replace(INT8, variant="b", baseline=uid(3))])
    linked = entry(compare(store, metrics=["accuracy"]), "int8", "accuracy")
    assert linked.baseline == Spread(0.5)
    assert linked.baseline_column == "fp32,variant=a"


def test_without_a_link_the_same_variant_comes_first_then_the_newest(store: Store) -> None:
    older = replace(RESNET, uid=uid(3), variant="a", metrics={"accuracy": 0.5})
    newer = replace(RESNET, uid=uid(4), variant="b", day="2026-06-09", metrics={"accuracy": 0.6})
    same = replace(INT8, variant="a")
    neither = replace(INT8, uid=uid(5), variant="c", precision="fp16")
    fill(store, [older, newer, same, neither])
    found = compare(store, metrics=["accuracy"])
    assert entry(found, "int8", "accuracy").baseline == Spread(0.5)
    assert entry(found, "fp16", "accuracy").baseline == Spread(0.6)


def test_any_precision_can_be_the_baseline(store: Store) -> None:
    fill(store, [RESNET, INT8, replace(INT8, uid=uid(3), precision="fp16")])
    found = compare(store, baseline="FP16")
    assert found.baseline == "fp16"
    assert [column for _, column in named(found)] == ["fp16", "fp32", "int8"]
    compressed = replace(INT8, uid=uid(4), kind="compression", method="ptq", device="npu")
    fill_more(store, [compressed, replace(RESNET, uid=uid(5), device="npu")])
    npu = compare(store, baseline="int8", where=parse("device=npu"))
    assert [column for _, column in named(npu)] == ["int8", "fp32"]


def fill_more(store: Store, runs: Sequence[Measured]) -> None:
    from cetrack.interning import Interner
    from cetrack.store import insert_runs

    with store.write() as connection:
        insert_runs(connection, Interner(connection), [run.new_run() for run in runs])


def test_a_filter_chooses_what_is_compared_and_not_its_baseline(store: Store) -> None:
    fill(store, [RESNET, INT8, replace(RESNET, uid=uid(3), model="vit")])
    found = compare(store, where=parse("precision=int8"))
    assert named(found) == [("resnet50", "fp32"), ("resnet50", "int8")]
    assert "1 of the baselines are outside the filter" in found.notes
    assert not any("outside" in note for note in compare(store).notes)


def test_what_nobody_knows_is_equal_and_said(store: Store) -> None:
    blank = {"runtime": "", "batch_size": None}
    fill(store, [replace(RESNET, **blank), replace(INT8, **blank)])
    found = compare(store)
    assert found.notes == (
        "unknown on both sides and taken as equal: accelerator, batch_size, runtime, split",
    )


# --- refusals -----------------------------------------------------------------------------------

_DIFFERENT: list[tuple[str, dict[str, Any], Any, Any]] = [
    ("device", {"device": "gpu"}, "gpu", "cpu"),
    ("accelerator", {"accelerator": "A100"}, "A100", None),
    ("runtime", {"runtime": "tensorrt"}, "tensorrt", "onnxruntime"),
    ("batch_size", {"batch_size": 8}, 8, 1),
    ("dataset", {"dataset": "coco"}, "coco", "imagenet"),
    ("split", {"split": "test"}, "test", None),
    ("input_shape", {"shape": "3x160x160"}, "3x160x160", "3x224x224"),
    ("library", {"library": "timm"}, "timm", "torchvision"),
]


@pytest.mark.parametrize(
    ("field", "change", "ours", "theirs"), _DIFFERENT, ids=[it[0] for it in _DIFFERENT]
)
def test_what_is_not_alike_is_refused_with_the_field_named_or_flagged(
    store: Store, field: str, change: dict[str, Any], ours: Any, theirs: Any
) -> None:
    fill(store, [RESNET, INT8, replace(INT8, uid=uid(3), **change)])
    found = compare(store)
    (refusal,) = found.refusals
    assert (refusal.uid, refusal.column, refusal.baseline_uid) == (uid(3), "int8", uid(1))
    (difference,) = refusal.differences
    assert (difference.field, difference.value, difference.baseline_value) == (field, ours, theirs)
    said = "unknown" if theirs is None else theirs
    assert refusal.reason == f"{field} is {ours}, baseline a100000000 has {said}"
    assert [one.uids for one in found.entries if not one.is_baseline] == [(uid(2),)] * 3

    mixed = compare(store, allow_mixed=True, metrics=["latency_mean_ms"])
    assert mixed.refusals == ()
    (odd,) = [one for one in mixed.entries if one.uids == (uid(3),)]
    assert (odd.group, odd.column) == ("resnet50", f"int8,{field}={ours}")
    assert (odd.like_for_like, odd.flags, odd.delta) == (False, (UNLIKE,), -3.0)
    assert [it.field for it in odd.differences] == [field]
    assert entry(mixed, _own_column(field), "latency_mean_ms").like_for_like


def _own_column(field: str) -> str:
    """The other int8 column, told apart by the same field unless that is unknown."""
    value = {"accelerator": None, "split": None, "input_shape": "3x224x224"}
    known = {"device": "cpu", "runtime": "onnxruntime", "batch_size": 1, "dataset": "imagenet",
             "library": "torchvision"} | value  # fmt: skip
    return "int8" if known[field] is None else f"int8,{field}={known[field]}"


def test_a_model_without_any_baseline_is_refused_with_what_there_is(store: Store) -> None:
    fill(
        store,
        [
            RESNET,
            INT8,
            replace(INT8, uid=uid(3), model="vit"),
            replace(INT8, uid=uid(4), model="vit", precision="fp16"),
        ],
    )
    reasons = [str(refusal) for refusal in compare(store).refusals]
    assert reasons == [
        "vit int8 (a300000000): no fp32 run of vit (there are: fp16, int8)",
        "vit fp16 (a400000000): no fp32 run of vit (there are: fp16, int8)",
    ]
    assert len(compare(store, allow_mixed=True).refusals) == 2


def test_the_nearest_baseline_is_the_linked_one_then_the_most_alike_then_the_newest(
    store: Store,
) -> None:
    fill(
        store,
        [
            RESNET,  # differs in the device only
            replace(RESNET, uid=uid(3), batch_size=4, day="2026-06-08"),  # in two fields
            replace(RESNET, uid=uid(4), accelerator="M1", day="2026-06-09"),
            replace(INT8, device="npu"),
            replace(INT8, uid=uid(5), device="npu", precision="fp16", baseline=uid(3)),
        ],
    )
    refusals = {refusal.column: refusal.baseline_uid for refusal in compare_refused(store)}
    assert refusals == {"int8": uid(1), "fp16": uid(3)}


def compare_refused(store: Store) -> tuple[Refusal, ...]:
    fill_more(
        store,
        [replace(INT8, uid=uid(90), model="other"), replace(RESNET, uid=uid(91), model="other")],
    )
    return compare(store).refusals


def test_nothing_to_compare_is_an_error_that_says_why(store: Store) -> None:
    fill(store, [RESNET])
    with pytest.raises(UsageError, match="nothing to compare: all runs are fp32"):
        compare(store)
    with pytest.raises(UsageError, match="no precision called 'int8'") as raised:
        compare(store, baseline="int8")
    assert raised.value.hint == "there are: fp32"
    fill_more(store, [replace(INT8, device="gpu")])
    with pytest.raises(UsageError, match="device is gpu, baseline a100000000 has cpu") as raised:
        compare(store)
    assert "--allow-mixed" in str(raised.value.hint)


def test_an_empty_answer_and_wrong_names_are_errors(store: Store) -> None:
    with pytest.raises(UsageError, match="no run has results yet"):
        compare(store)
    fill(store, [RESNET, replace(INT8, metrics={"f1_score": 0.5})])
    with pytest.raises(UsageError, match="no metric called 'acuracy'") as raised:
        compare(store, metrics=["acuracy"])
    assert raised.value.hint == "did you mean accuracy or accuracy_drop?"
    with pytest.raises(UsageError, match="no metric in common"):
        compare(store)
    with pytest.raises(UsageError, match="none of the compared runs has accuracy"):
        compare(store, metrics=["accuracy"])


# --- flags --------------------------------------------------------------------------------------


def test_single_runs_are_flagged_by_how_much_worse_they_are(store: Store) -> None:
    cases = [
        ({"latency_mean_ms": 8.01}, {"latency_mean_ms": (SLOWER,)}),
        ({"latency_mean_ms": 7.99}, {"latency_mean_ms": ()}),
        ({"throughput_ips": 99.0}, {"throughput_ips": (SLOWER,)}),
        ({"model_size_mb": 101.0}, {"model_size_mb": (BIGGER,)}),
        ({"model_size_mb": 100.05}, {"model_size_mb": ()}),  # a longer header
        ({"accuracy": 0.79}, {"accuracy": ()}),
        ({"accuracy": 0.789}, {"accuracy": (ACCURACY,)}),
        ({"accuracy": 0.9}, {"accuracy": ()}),
        ({"loss": 3.0}, {"loss": ()}),
    ]
    base = {"latency_mean_ms": 8.0, "throughput_ips": 100.0, "model_size_mb": 100.0,
            "accuracy": 0.8, "loss": 1.0}  # fmt: skip
    pairs = [
        (
            replace(RESNET, uid=uid(100 + n), model=f"m{n}", metrics=base),
            replace(INT8, uid=uid(200 + n), model=f"m{n}", metrics=metrics),
        )
        for n, (metrics, _) in enumerate(cases)
    ]
    fill(store, [run for pair in pairs for run in pair])
    measured = ["latency_mean_ms", "throughput_ips", "model_size_mb", "accuracy", "loss"]
    found = compare(store, metrics=measured)
    seen = [
        {
            one.metric.name: one.flags
            for one in found.entries
            if one.group == f"m{n}" and one.metric.name in cases[n][0] and not one.is_baseline
        }
        for n in range(len(cases))
    ]
    assert seen == [flags for _, flags in cases]
    strict = compare(store, metrics=["accuracy"], accuracy_drop=0.005)
    assert entry(strict, "int8", "accuracy", "m5").flags == (ACCURACY,)


@pytest.mark.parametrize(
    ("metric", "ours", "theirs", "flags"),
    [
        ("accuracy", (0.795, 0.001, 20), (0.8, 0.001, 20), (ACCURACY,)),
        ("accuracy", (0.77, 0.2, 5), (0.8, 0.2, 5), ()),  # noise
        ("latency_mean_ms", (8.2, 1.0, 5), (8.0, 1.0, 5), ()),  # noise
        ("latency_mean_ms", (9.0, 2.0, 5), (8.0, 2.0, 5), (SLOWER,)),  # too much to pass over
        ("latency_mean_ms", (8.2, 0.01, 50), (8.0, 0.01, 50), (SLOWER,)),
    ],
)
def test_repetitions_decide_what_is_noise(
    store: Store,
    metric: str,
    ours: tuple[float, float, int],
    theirs: tuple[float, float, int],
    flags: tuple[str, ...],
) -> None:
    fill(
        store,
        [
            replace(RESNET, metrics={}, spreads={metric: theirs}),
            replace(INT8, metrics={}, spreads={metric: ours}),
        ],
    )
    assert entry(compare(store), "int8", metric).flags == flags


# --- groups of models ---------------------------------------------------------------------------


def test_by_library_is_means_of_deltas_and_geometric_means_of_ratios(store: Store) -> None:
    """timm: a 10 → 5 ms, b 20 → 40 ms; torchvision: c 8 → 6 ms."""
    numbers = {"a": ("timm", 10.0, 5.0), "b": ("timm", 20.0, 40.0), "c": ("torchvision", 8.0, 6.0)}
    fill(
        store,
        [
            run
            for n, (name, (library, before, after)) in enumerate(numbers.items())
            for run in (
                replace(RESNET, uid=uid(10 + n), model=name, library=library,
                        metrics={"latency_mean_ms": before}),
                replace(INT8, uid=uid(20 + n), model=name, library=library,
                        metrics={"latency_mean_ms": after}),
            )
        ],
    )  # fmt: skip
    found = compare(store, by=By.LIBRARY)
    assert named(found) == [
        ("timm", "fp32"),
        ("timm", "int8"),
        ("torchvision", "fp32"),
        ("torchvision", "int8"),
    ]
    timm = entry(found, "int8", "latency_mean_ms", "timm")
    assert (timm.models, timm.value, timm.baseline) == (2, Spread(22.5), Spread(15.0))
    assert timm.delta == 7.5  # the mean of -5 and 20
    assert timm.ratio == pytest.approx(1.0)  # half and twice cancel out
    assert timm.improved is None  # worse by one mean, equal by the other
    assert (timm.test, timm.p_unadjusted) == ("wilcoxon", 1.0)
    assert timm.fields == {"library": "timm"}
    assert timm.uids == (uid(20), uid(21))
    one = entry(found, "int8", "latency_mean_ms", "torchvision")
    assert (one.models, one.delta, one.ratio, one.test) == (1, -2.0, 0.75, None)
    base = entry(found, "fp32", "latency_mean_ms", "timm")
    assert (base.value, base.is_baseline, base.models) == (Spread(15.0), True, 2)


def test_a_model_counts_once_and_only_where_it_has_a_baseline(store: Store) -> None:
    gpu = {"device": "gpu"}
    fill(
        store,
        [
            replace(RESNET, metrics={"accuracy": 0.8}),
            replace(INT8, metrics={"accuracy": 0.7}),
            replace(RESNET, uid=uid(3), **gpu, metrics={"accuracy": 0.8}),
            replace(INT8, uid=uid(4), **gpu, metrics={"accuracy": 0.5}),
            replace(RESNET, uid=uid(5), model="vit", metrics={"accuracy": 0.9}),
            replace(INT8, uid=uid(6), model="vit", metrics={"accuracy": 0.8}),
            replace(RESNET, uid=uid(7), model="bare", metrics={"f1_score": 0.9}),
            replace(INT8, uid=uid(8), model="bare", metrics={"accuracy": 0.1, "f1_score": 0.8}),
        ],
    )
    found = entry(compare(store, by=By.CATEGORY), "int8", "accuracy", "vision")
    assert found.models == 2
    assert found.delta == pytest.approx((-0.2 + -0.1) / 2)  # -0.2 is the mean of -0.1 and -0.3
    assert found.ratio == pytest.approx(math.sqrt(math.sqrt(0.7 / 0.8 * 0.5 / 0.8) * 0.8 / 0.9))
    assert found.value.mean == pytest.approx((0.6 + 0.8) / 2)


def test_models_are_the_repetitions_of_a_group(store: Store) -> None:
    drops = [0.011, 0.02, 0.013, 0.005, 0.03, 0.017, 0.001, -0.002]
    fill(
        store,
        [
            run
            for n, drop in enumerate(drops)
            for run in (
                replace(RESNET, uid=uid(100 + n), model=f"m{n}", metrics={"accuracy": 0.8}),
                replace(INT8, uid=uid(200 + n), model=f"m{n}", metrics={"accuracy": 0.8 - drop}),
            )
        ],
    )
    found = compare(store, by=By.INPUT_SHAPE)
    one = entry(found, "int8", "accuracy", "3x224x224")
    assert one.p_value == pytest.approx(stats.wilcoxon(drops, method="exact").pvalue)
    assert (found.test_count, found.tests) == (1, ("wilcoxon",))
    assert one.flags == (ACCURACY,)


def test_models_without_the_field_are_a_group(store: Store) -> None:
    fill(store, [replace(RESNET, category=""), replace(INT8, category="")])
    assert [group for group, _ in named(compare(store, by=By.CATEGORY))] == ["unknown"] * 2


# --- without scipy ------------------------------------------------------------------------------


def test_without_scipy_everything_else_is_said(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(
        store,
        [
            replace(RESNET, metrics={}, spreads={"latency_mean_ms": (8.0, 1.0, 30)}),
            replace(INT8, metrics={}, spreads={"latency_mean_ms": (7.0, 0.8, 40)}),
        ],
    )
    monkeypatch.setitem(sys.modules, "scipy.special", None)
    found = compare(store)
    one = entry(found, "int8", "latency_mean_ms")
    assert (one.delta, one.ratio, one.p_value, one.test) == (-1.0, 0.875, None, None)
    assert 'significance needs scipy: pip install "cetrack[stats]"' in found.notes


# --- fronts -------------------------------------------------------------------------------------


def test_a_front_of_series(store: Store) -> None:
    fill(
        store,
        [
            RESNET,
            INT8,
            replace(INT8, uid=uid(3), precision="fp16",
                    metrics={"accuracy": 0.78, "latency_mean_ms": 6.0}),
            replace(INT8, uid=uid(4), precision="int4", metrics={"accuracy": 0.5}),
            replace(INT8, uid=uid(5), precision="int2",
                    metrics={"accuracy": math.nan, "latency_mean_ms": 0.1}),
        ],
    )  # fmt: skip
    found = pareto(store)
    assert [(it.label, it.x, it.y, it.on_front) for it in found.points] == [
        ("resnet50 int8", 5.0, 0.79, True),
        ("resnet50 fp16", 6.0, 0.78, False),
        ("resnet50 fp32", 8.0, 0.80, True),
    ]
    assert (found.x.direction, found.y.direction, found.notes) == ("lower", "higher", ())
    assert found.points[0].uid == uid(2)
    upside = pareto(store, y_better=Better.LOWER)
    assert [it.label for it in upside.points if it.on_front] == ["resnet50 int8", "resnet50 fp16"]


def test_a_point_is_the_mean_over_seeds(store: Store) -> None:
    fill(
        store,
        [
            replace(INT8, uid=uid(n), seed=n, day=f"2026-06-0{n}",
                    metrics={"accuracy": 0.7 + n / 10, "latency_mean_ms": float(n)})
            for n in (1, 2)
        ],
    )  # fmt: skip
    (point,) = pareto(store).points
    assert (point.x, point.uid) == (1.5, uid(2))
    assert point.y == pytest.approx(0.85)


def test_a_front_over_two_devices_is_said(store: Store) -> None:
    fill(store, [RESNET, replace(RESNET, uid=uid(2), device="gpu", runtime="")])
    found = pareto(store)
    assert found.notes == (
        "the points differ in device: cpu, gpu",
        "the points differ in runtime: onnxruntime, unknown",
    )
    assert len({point.label for point in found.points}) == 2


def test_fronts_that_make_no_sense_are_refused(store: Store) -> None:
    fill(store, [replace(RESNET, metrics={"accuracy": 0.8, "oddity": 3.0}),
                 replace(INT8, metrics={"latency_mean_ms": 3.0})])  # fmt: skip
    with pytest.raises(UsageError, match="neither way is known to be better for oddity") as raised:
        pareto(store, "oddity")
    assert raised.value.hint == "say it: --x-better lower or --x-better higher"
    assert len(pareto(store, "oddity", x_better=Better.LOWER).points) == 1
    with pytest.raises(UsageError, match="no run has both latency_mean_ms and accuracy"):
        pareto(store)
    with pytest.raises(UsageError, match="both axes are accuracy"):
        pareto(store, "acc", "accuracy")
    with pytest.raises(UsageError, match="no metric called 'latency'"):
        pareto(store, "latency")
