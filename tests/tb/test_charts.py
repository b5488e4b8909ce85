"""The CUSTOM SCALARS tab: the precisions of a model side by side, metric by metric."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest

from cetrack.domain import Kind
from cetrack.errors import UsageError
from cetrack.export_tb import TagOrder, View, export_tb
from cetrack.filter import parse_all
from cetrack.store import Store
from cetrack.tb.charts import MOST_METRICS, MOST_MODELS
from tests.tb.building import Spec, fill, nights
from tests.tb.reading import runs, times, tree
from tests.tb.serving import LOADERS, served_by_python

ACCURACY = "accuracy (fraction, higher is better)"
LATENCY = "latency_mean_ms (ms, lower is better)"
DERIVED = {
    "speedup (higher is better)",
    "accuracy_drop (fraction, lower is better)",
    "accuracy_retention_pct (%, higher is better)",
}
LINES = [View.TREND, View.COMPARE, View.CHARTS]


def singles(*values: float) -> list[float]:
    return [float(np.float32(value)) for value in values]


def charts(store: Store, logs: Path, **how: object) -> dict[str, dict[str, dict[str, object]]]:
    export_tb(store, logs, **how)  # type: ignore[arg-type]
    with served_by_python(logs) as served:
        return served.charts()  # type: ignore[return-value]


@pytest.mark.parametrize("loader", LOADERS)
def test_a_category_per_metric_and_a_chart_per_model(
    sqlite_store: Store, logs: Path, loader: str
) -> None:
    fill(sqlite_store, [*nights("resnet50", 2), *nights("vgg16", 1)])
    export_tb(sqlite_store, logs)

    with LOADERS[loader](logs) as served:
        found = served.charts()

    assert set(found) >= DERIVED
    assert [title for title in found if title not in DERIVED] == [
        ACCURACY,
        LATENCY,
        "accuracy (ratio to the baseline, higher is better)",
        "latency_mean_ms (ratio to the baseline, lower is better)",
    ]
    assert all(list(models) == ["resnet50", "vgg16"] for models in found.values())
    assert found[ACCURACY]["resnet50"] == {
        "trend/fp32": {"resnet50/accuracy": singles(0.76, 0.761)},
        "trend/int8": {"resnet50/accuracy": singles(0.75, 0.751)},
    }
    assert found["latency_mean_ms (ratio to the baseline, lower is better)"]["vgg16"] == {
        "compare/int8": {"vgg16/latency_mean_ms_ratio": singles(12 / 30)},
    }


@pytest.mark.parametrize("order", TagOrder)
def test_names_are_no_patterns(store: Store, logs: Path, order: TagOrder) -> None:
    names = ["a.c", "abc", "a+(b|c)*[x]$", "模型 \\d", "x" * 300, "facebook/opt", "{2}^"]
    fill(
        store, [Spec(model=name, metrics={"accuracy": 0.5, "top1.acc (%)": 1.0}) for name in names]
    )

    with warnings.catch_warnings():
        warnings.simplefilter("error")  # TensorBoard compiles the patterns
        found = charts(store, logs, tags=order)

    assert all(list(models) == sorted(names) for models in found.values())
    drawn = [runs for models in found.values() for runs in models.values()]
    assert len(drawn) == 2 * len(names)
    assert all(list(lines) == ["trend/fp32"] for lines in drawn)
    assert all(len(tags) == 1 for lines in drawn for tags in lines.values())


def test_every_chart_draws_something(store: Store, logs: Path) -> None:
    training = Spec(
        model="vgg16",
        kind=Kind.TRAINING,
        metrics={"val/loss": [(1, 2.0), (2, 1.0)], "learning_rate": 0.1},
    )
    alone = Spec(model="vgg16", precision="int4", metrics={"accuracy": 0.5}, baseline=training)
    fill(store, [training, alone, *nights()])

    found = charts(store, logs)

    assert all(lines for models in found.values() for lines in models.values())
    assert "vgg16" not in found["accuracy (ratio to the baseline, higher is better)"]
    assert not [title for title in found if "learning_rate" in title]
    assert found["val/loss (lower is better)"]["vgg16"] == {"trend/fp32": {"vgg16/val/loss": [1.0]}}


def test_a_baseline_that_is_not_selected_counts(store: Store, logs: Path) -> None:
    fill(store, nights(count=1))

    found = charts(store, logs, where=parse_all(["precision=int8"]))

    assert list(found["latency_mean_ms (ratio to the baseline, lower is better)"]["resnet50"]) == [
        "compare/int8"
    ]


def test_the_most_used_are_shown_and_the_others_counted(store: Store, logs: Path) -> None:
    metrics = {f"m{number:03}": 1.0 for number in range(MOST_METRICS)}
    models = [f"model{number:03}" for number in range(MOST_MODELS + 1)]
    many = [Spec(model=name, metrics={"accuracy": 0.5}) for name in models]
    again = [Spec(model=name, day=1, metrics={"accuracy": 0.5, **metrics}) for name in models[1:]]
    fill(store, [*many, *again])

    found = charts(store, logs)

    assert len(found) == MOST_METRICS
    first = f"accuracy (fraction, higher is better; {MOST_MODELS} of {MOST_MODELS + 1} models)"
    assert list(found)[:2] == [first, "m000"]
    assert list(found[first]) == models[1:]
    assert f"m{MOST_METRICS - 1:03}" not in found


def test_only_the_first_category_is_open(sqlite_store: Store, logs: Path) -> None:
    fill(sqlite_store, nights())
    export_tb(sqlite_store, logs)

    with served_by_python(logs) as served:
        categories = served.layout()["category"]

    assert [category.get("closed", False) for category in categories] == [False] + 6 * [True]


def test_of_a_view_that_is_left_out_nothing_is_charted(store: Store, logs: Path) -> None:
    fill(store, nights())

    only_trend = charts(store, logs, views=[View.TREND, View.CHARTS])
    assert set(only_trend) == {ACCURACY, LATENCY, *DERIVED}
    assert runs(logs) == ["_hparams", "trend/fp32", "trend/int8"]

    export_tb(store, logs, views=[View.TREND])
    assert runs(logs) == ["trend/fp32", "trend/int8"]


def test_charts_of_nothing_are_refused(sqlite_store: Store, logs: Path) -> None:
    fill(sqlite_store, nights())

    with pytest.raises(UsageError, match="charts arranges lines that are not exported"):
        export_tb(sqlite_store, logs, views=[View.RUNS, View.CHARTS])
    assert not logs.exists()


def test_again_is_the_same_and_nothing_is_written(store: Store, logs: Path) -> None:
    fill(store, nights())
    export_tb(store, logs, views=LINES)
    before, content = times(logs), tree(logs)

    export_tb(store, logs, views=LINES)

    assert times(logs) == before
    assert tree(logs) == content
