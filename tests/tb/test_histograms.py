"""Repetitions and a log's own histograms, as TensorBoard's HISTOGRAMS tab has them."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select, update
from tensorboard.plugins.histogram import metadata, summary_v2
from tensorboard.util import tensor_util

from cetrack.export_tb import DEFAULT_VIEWS, View, export_tb
from cetrack.models import Metric, Run, Sample
from cetrack.store import Store, touch
from cetrack.tb.histograms import BUCKETS, buckets_of, sample_value, stored_buckets
from tests.tb.building import MORNING, Spec, fill
from tests.tb.reading import runs, summary_values, times, tree
from tests.tb.serving import CONTEXT, LOADERS

LATENCIES = [3.0, 1.0, 2.0, 1.0]
OWN = {"step": 7, "steps": 3, "buckets": [[0.0, 1.0, 5.0], [1.0, 3.0, 2.0]], "min": 0.0}
BENCHMARK = Spec(
    metrics={"latency_mean_ms": 1.75},
    samples={"latency_mean_ms": LATENCIES, "accuracy": [0.5, math.nan, 0.75, math.inf]},
    histograms={"layer1/weights": OWN},
)

numbers = st.floats(allow_nan=False, allow_infinity=False)


def folder_of(logs: Path, spec: Spec) -> Path:
    (found,) = logs.glob(f"runs/*/*/*/*_{spec.uid[:10]}")
    return found


@given(st.lists(numbers, min_size=1))
def test_every_value_is_in_one_bucket(values: list[float]) -> None:
    array = np.array(values)

    buckets = buckets_of(array)

    left, right, counts = buckets.T
    assert buckets.shape == (BUCKETS, 3)
    assert counts.sum() == len(values)
    assert (left[0], right[-1]) == (array.min(), array.max())
    assert (left[1:] == right[:-1]).all()
    assert (left <= right).all()
    for low, high, count in buckets.tolist():
        assert count <= np.count_nonzero((array >= low) & (array <= high))


@given(st.lists(st.integers(-1_000_000, 1_000_000), min_size=1))
def test_buckets_are_those_of_tensorboard(values: list[int]) -> None:
    array = np.array(values, np.float64) / 1000
    tensor = summary_v2.histogram_pb("tag", array).value[0].tensor
    theirs = np.frombuffer(tensor.tensor_content, np.float64).reshape(-1, 3)

    ours = buckets_of(array)

    assert np.allclose(ours[:, :2], theirs[:, :2], rtol=0, atol=1e-9 * (np.ptp(array) or 1))
    near = np.isclose(array[:, None], theirs[None, :, 0], rtol=1e-9, atol=1e-9 * np.ptp(array))
    if not near[:, 1:].any():  # where rounding decides, a value may be one bucket further
        assert (ours[:, 2] == theirs[:, 2]).all()


def test_beyond_what_a_double_can_subtract() -> None:
    buckets = buckets_of(np.array([-1.7e308, 1.7e308]))

    assert np.isfinite(buckets).all()
    assert buckets[0, 2] == buckets[-1, 2] == 1


@pytest.mark.parametrize("values", [[4.0], [4.0, 4.0, 4.0]])
def test_one_value_has_no_width(values: list[float]) -> None:
    buckets = buckets_of(np.array(values))

    assert buckets[-1].tolist() == [4.0, 4.0, len(values)]
    assert buckets[:, 2].sum() == len(values)


def test_values_without_a_number_have_no_histogram() -> None:
    assert sample_value("tag", np.array([]), "ms") is None
    assert sample_value("tag", np.array([math.nan, math.inf]), "ms") is None


@pytest.mark.parametrize(
    "content",
    [
        None,
        3,
        [],
        {"step": 1},
        {"buckets": []},
        {"buckets": [[1, 2]]},
        {"buckets": [[1, 2, 3], [1, 2]]},
        {"buckets": [["a", "b", "c"]]},
        {"buckets": [[0, 1, math.nan]]},
        {"buckets": [[0, math.inf, 1]]},
        {"buckets": [[1, 0, 1]]},
        {"buckets": [[0, 1, -1]]},
        {"buckets": [[0, 1, 1]], "step": "x"},
        {"buckets": [[0, 1, 1]], "step": True},
        {"buckets": [[0, 1, 1]], "step": 1 << 63},
        {"buckets": [[0, 1, 10**400]]},
    ],
)
def test_an_artifact_that_holds_no_histogram(content: Any) -> None:
    assert stored_buckets(content) is None


@pytest.mark.parametrize("loader", LOADERS)
def test_tensorboard_shows_them(sqlite_store: Store, logs: Path, loader: str) -> None:
    fill(sqlite_store, [BENCHMARK])
    export_tb(sqlite_store, logs)

    with LOADERS[loader](logs) as served:
        (found,) = served.histograms().values()

    assert set(found) == {
        "latency/latency_mean_ms/samples",
        "quality/accuracy/samples",
        "layer1/weights",
    }
    ((step, latency),) = found["latency/latency_mean_ms/samples"]
    full = [bucket for bucket in latency if bucket[2]]
    assert step == 0
    assert [count for _, _, count in full] == [2, 1, 1]
    assert full[0][:1] == [1.0]
    assert full[1][0] <= 2.0 <= full[1][1]
    assert full[2][1] == 3.0
    assert found["layer1/weights"] == [(7, OWN["buckets"])]


def test_what_is_no_number_is_counted(store: Store, logs: Path) -> None:
    fill(store, [BENCHMARK])

    export_tb(store, logs)

    value: Any = summary_values(folder_of(logs, BENCHMARK))["quality/accuracy/samples"]
    assert value.metadata.summary_description == (
        "repetitions: 2; unit: fraction; NaN or infinite, left out: 2"
    )
    buckets = tensor_util.make_ndarray(value.tensor)
    assert buckets.shape == (BUCKETS, 3)
    assert buckets[:, 2].sum() == 2
    assert metadata.parse_plugin_metadata(value.metadata.plugin_data.content).version == 0
    latency: Any = summary_values(folder_of(logs, BENCHMARK))["latency/latency_mean_ms/samples"]
    assert latency.metadata.summary_description == "repetitions: 4; unit: ms"


def test_every_step_is_a_histogram(store: Store, logs: Path) -> None:
    ids = fill(store, [BENCHMARK])
    with store.write() as connection:
        latency = select(Metric.id).where(Metric.name == "latency_mean_ms").scalar_subquery()
        row = {"run_id": ids[BENCHMARK.uid], "metric_id": latency, "step": 9, "count": 1}
        connection.execute(Sample.__table__.insert().values(**row, values=[5.0]))

    export_tb(store, logs)

    with LOADERS["python"](logs) as served:
        (found,) = served.histograms().values()
    assert [step for step, _ in found["latency/latency_mean_ms/samples"]] == [0, 9]


def test_a_tag_holds_numbers_or_histograms(store: Store, logs: Path) -> None:
    """Names that a log chose may be those that an export would give."""
    run = Spec(
        metrics={"latency_mean_ms": 1.0, "latency/latency_mean_ms/samples": 2.0, "a/b": 3.0},
        samples={"latency_mean_ms": [1.0]},
        histograms={"a/b": OWN, "quality/accuracy/samples": OWN},
    )
    other = Spec(day=1, samples={"accuracy": [0.5]})
    fill(store, [run, other])

    export_tb(store, logs)

    with LOADERS["python"](logs) as served:
        drawn = served.histograms()
        plain = served.scalars()
    name = f"runs/default/resnet50/fp32/20260301-030000_{run.uid[:10]}"
    assert len(drawn[name]) == 3
    assert plain[name].keys() == {
        "latency/latency_mean_ms",
        "latency/latency_mean_ms/samples",
        "a/b",
    }
    assert not drawn[name].keys() & plain[name].keys()
    assert {tag.partition("~")[0] for tag in drawn[name]} == {
        "latency/latency_mean_ms/samples",
        "a/b",
        "quality/accuracy/samples",
    }


def test_only_histograms(store: Store, logs: Path) -> None:
    fill(store, [BENCHMARK])

    export_tb(store, logs, views=[View.HISTOGRAMS])

    (folder,) = runs(logs)
    assert folder.startswith("runs/")
    assert len(summary_values(logs / folder)) == 3


def test_they_are_in_the_order_of_their_tags(store: Store, logs: Path) -> None:
    fill(store, [BENCHMARK])

    export_tb(store, logs)

    values = summary_values(folder_of(logs, BENCHMARK))
    assert [tag for tag in values if "samples" in tag or "layer" in tag] == [
        "latency/latency_mean_ms/samples",
        "layer1/weights",
        "quality/accuracy/samples",
    ]


def other_values(connection: Any, run_id: int) -> None:
    connection.execute(update(Sample).where(Sample.run_id == run_id).values(values=[9.0]))
    touch(connection, [run_id])


def other_unit(connection: Any, run_id: int) -> None:
    connection.execute(update(Metric).where(Metric.name == "accuracy").values(unit="%"))


@pytest.mark.parametrize("change", [other_values, other_unit])
def test_what_has_changed_is_written_and_nothing_else(
    change: Any, store: Store, logs: Path
) -> None:
    still = Spec(day=1, samples={"latency_mean_ms": LATENCIES})
    ids = fill(store, [BENCHMARK, still])
    export_tb(store, logs / "again")
    before = times(logs / "again")

    with store.write() as connection:
        change(connection, ids[BENCHMARK.uid])
    export_tb(store, logs / "again")
    export_tb(store, logs / "new")

    after = times(logs / "again")
    touched = {path for path in after if before.get(path) != after[path] and "runs/" in path}
    assert tree(logs / "again") == tree(logs / "new")
    assert [path for path in touched if BENCHMARK.uid[:10] in path] == sorted(touched)
    assert touched


def test_samples_of_unchanged_runs_are_not_read(sqlite_store: Store, logs: Path) -> None:
    fill(sqlite_store, [BENCHMARK])
    export_tb(sqlite_store, logs)
    before = times(logs)

    with sqlite_store.write() as connection:
        connection.execute(update(Sample).values(values=[9.0]))
    export_tb(sqlite_store, logs)

    assert times(logs) == before


@pytest.mark.parametrize("left_out", DEFAULT_VIEWS)
def test_a_view_less_and_back(left_out: View, sqlite_store: Store, logs: Path) -> None:
    fill(sqlite_store, [BENCHMARK])
    export_tb(sqlite_store, logs)
    whole = tree(logs)

    export_tb(sqlite_store, logs, views=[view for view in DEFAULT_VIEWS if view != left_out])
    assert tree(logs) != whole
    export_tb(sqlite_store, logs)

    assert tree(logs) == whole


def test_the_wall_time_is_the_start_of_the_run(sqlite_store: Store, logs: Path) -> None:
    fill(sqlite_store, [BENCHMARK])
    export_tb(sqlite_store, logs)

    with LOADERS["python"](logs) as served:
        listed = served.provider.list_tensors(CONTEXT, experiment_id="", plugin_name="histograms")

    assert {item.max_wall_time for tags in listed.values() for item in tags.values()} == {
        MORNING.timestamp()
    }


def test_runs_without_repetitions(store: Store, logs: Path) -> None:
    fill(store, [Spec(metrics={"accuracy": 0.5})])
    with store.write() as connection:
        connection.execute(update(Run).values(name="x"))

    export_tb(store, logs, views=[View.HISTOGRAMS])

    (folder,) = runs(logs)
    assert summary_values(logs / folder) == {}
