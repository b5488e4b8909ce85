"""What tells which derived metrics runs have: the views say the same, and need not be asked."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import event, select, update

from cetrack.config import load_settings
from cetrack.definitions import Definition
from cetrack.deriving import derive
from cetrack.export_tb import DEFAULT_VIEWS, TagOrder, View, export_tb
from cetrack.exporting import reading
from cetrack.exporting.selection import Selection
from cetrack.filter import parse_all
from cetrack.models import Metric, RunMetric
from cetrack.registering import register
from cetrack.store import Store, select_runs, touch
from tests.tb.building import Spec, fill, nights
from tests.tb.reading import scalars, summary_values, times, tree
from tests.tb.serving import served_by_python

NIGHTS = nights(count=2)
WORKED_OUT = re.compile(r"\b(derived_values|measurements|comparisons|history)\b")
LINES = [View.TREND, View.COMPARE]


def defined(text: str, folder: Path) -> tuple[Definition, ...]:
    path = folder / "cetrack.toml"
    path.write_text(text)
    return load_settings(path).definitions or ()


@contextmanager
def statements(store: Store) -> Iterator[list[str]]:
    """What is sent to the database meanwhile."""
    found: list[str] = []

    def note(connection: Any, cursor: Any, statement: str, *others: Any) -> None:
        found.append(statement)

    event.listen(store.engine, "before_cursor_execute", note)
    yield found
    event.remove(store.engine, "before_cursor_execute", note)


@pytest.mark.parametrize("where", [[], ["precision=int8"]])
def test_an_unchanged_export_works_out_no_value(
    where: list[str], store: Store, logs: Path, tmp_path: Path
) -> None:
    fill(store, nights(count=4))
    derive(store, defined('[derived.half]\nexpr = "accuracy / 2"\n', tmp_path))
    selected = parse_all(where) if where else None
    with statements(store) as first:
        export_tb(store, logs, where=selected)
    before = times(logs)

    with statements(store) as again:
        export_tb(store, logs, where=selected)

    assert any(map(WORKED_OUT.search, first))
    assert again
    assert not [text for text in again if WORKED_OUT.search(text)]
    assert times(logs) == before


def test_an_unchanged_export_asks_no_more_for_more_runs(store: Store, logs: Path) -> None:
    counts = []
    for model in ("resnet50", "vgg16", "alexnet"):
        fill(store, nights(model, count=5))
        export_tb(store, logs)
        with statements(store) as again:
            export_tb(store, logs)
        counts.append(len(again))

    assert len(set(counts)) == 1


def test_values_are_worked_out_for_the_runs_that_are_written(store: Store, logs: Path) -> None:
    ids = fill(store, NIGHTS)
    views = [view for view in DEFAULT_VIEWS if view is not View.TEXT]
    export_tb(store, logs, views=views)
    asked: list[list[int]] = []
    original = reading.derived

    with store.write() as connection:
        touch(connection, [ids[NIGHTS[1].uid]])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            reading, "derived", lambda *given: (asked.append(sorted(given[1])), original(*given))[1]
        )
        export_tb(store, logs, views=views)

    of_line = sorted(ids[spec.uid] for spec in NIGHTS if spec.precision == "int8")
    assert asked == [of_line, [ids[NIGHTS[1].uid]]]


HARD = (float("nan"), float("inf"), float("-inf"), 0.0, -1.0, 1e120, None, *[0.5, 2.0] * 5)
INPUTS = ("accuracy", "latency_mean_ms", "model_size_mb", "power_mw", "memory_usage_mb")


def hard(rng: np.random.Generator, number: int) -> list[Spec]:
    """A baseline and a run, with numbers that formulas refuse, without, and with stated results."""

    def some(names: tuple[str, ...]) -> dict[str, float]:
        drawn = {name: HARD[rng.integers(len(HARD))] for name in names}
        return {"loss": 1.0} | {name: value for name, value in drawn.items() if value is not None}

    batches = [int(size) or None for size in rng.integers(0, 3, 2)]
    stated = ("speedup", "throughput_ips") if rng.integers(2) else ()
    baseline = Spec(day=number, metrics=some((*INPUTS, *stated[1:])), batch_size=batches[0])
    run = Spec(
        precision="int8",
        day=number,
        metrics=some((*INPUTS, *stated)),
        batch_size=batches[1],
        baseline=baseline,
    )
    return [baseline, run]


def test_the_views_say_the_same(store: Store) -> None:
    rng = np.random.default_rng(3)
    fill(store, [spec for number in range(150) for spec in hard(rng, number)])

    with store.read() as connection:
        rows = select_runs(connection)
        views = frozenset(DEFAULT_VIEWS)
        selection = Selection.of(connection, rows, views=views, order=TagOrder.BY_MODEL)
        worked_out = reading.derived(connection, [row["run_id"] for row in rows])

    assert sum(map(len, worked_out.values())) > 300
    assert {key: set(ids) for key, ids in selection.derived_ids.items() if ids} == {
        key: set(values) for key, values in worked_out.items()
    }


def set_last(connection: Any, run_id: int, metric: str, value: float | None) -> None:
    metric_id = connection.scalar(select(Metric.id).where(Metric.name == metric))
    place = (RunMetric.run_id == run_id) & (RunMetric.metric_id == metric_id)
    assert connection.execute(update(RunMetric).where(place).values(last=value)).rowcount == 1
    touch(connection, [run_id])


def test_what_a_run_that_is_not_selected_derives_is_counted(store: Store, logs: Path) -> None:
    """Its baseline was measured wrong, so it has no speed-up, and the next run is the first."""
    where = parse_all(["started >= 2026-03-02"])
    ids = fill(store, NIGHTS)
    export_tb(store, logs / "again", where=where)
    line = logs / "again" / "trend" / "int8"
    assert [n for n, _, _ in scalars(line)["resnet50/speedup"]] == [2]

    with store.write() as connection:
        set_last(connection, ids[NIGHTS[0].uid], "latency_mean_ms", None)
    export_tb(store, logs / "again", where=where)
    export_tb(store, logs / "new", where=where)

    assert [n for n, _, _ in scalars(line)["resnet50/speedup"]] == [1]
    assert tree(logs / "again") == tree(logs / "new")


HALF = '[derived.half]\nexpr = "accuracy / {}"\n'


def redefined(store: Store, ids: Any, folder: Path) -> None:
    with store.write() as connection:
        register(connection, defined(HALF.format(3), folder), complete=True)


def measured_again(store: Store, ids: Any, folder: Path) -> None:
    with store.write() as connection:
        set_last(connection, ids[NIGHTS[0].uid], "accuracy", 0.9)


def measured_and_derived(store: Store, ids: Any, folder: Path) -> None:
    measured_again(store, ids, folder)
    derive(store, None)


def lost(store: Store, ids: Any, folder: Path) -> None:
    with store.write() as connection:
        register(connection, (), complete=True)


def derived_for_the_baselines(store: Store, ids: Any, folder: Path) -> None:
    redefined(store, ids, folder)
    derive(store, None, where=parse_all(["precision=fp32"]))


@pytest.mark.parametrize(
    "change", [redefined, measured_again, measured_and_derived, lost, derived_for_the_baselines]
)
def test_a_definition_that_changes_and_values_that_follow_later(
    change: Callable[..., None], store: Store, logs: Path, tmp_path: Path
) -> None:
    ids = fill(store, NIGHTS)
    derive(store, defined(HALF.format(2), tmp_path))
    export_tb(store, logs / "again")

    change(store, ids, tmp_path)
    again = export_tb(store, logs / "again")
    new = export_tb(store, logs / "new")

    assert tree(logs / "again") == tree(logs / "new")
    assert again.warnings == new.warnings

    derive(store, None)
    export_tb(store, logs / "again")
    assert tree(logs / "again") != tree(logs / "new") or change in (lost, measured_and_derived)
    export_tb(store, logs / "later")
    assert tree(logs / "again") == tree(logs / "later")


def test_a_card_says_that_a_definition_has_changed(
    store: Store, logs: Path, tmp_path: Path
) -> None:
    ids = fill(store, NIGHTS)
    derive(store, defined(HALF.format(2), tmp_path))
    export_tb(store, logs)

    redefined(store, ids, tmp_path)
    (warning,) = export_tb(store, logs).warnings

    assert warning.startswith("4 derived values are out of date")
    (path,) = logs.glob(f"runs/*/*/int8/*_{NIGHTS[1].uid[:10]}")
    card: Any = summary_values(path)["card"]
    assert "half &#40;out of date&#41;" in card.tensor.string_val[0].decode()


# --- the view compare ---------------------------------------------------------------------------

RELATIVE = """\
[derived.density]
expr = "accuracy / latency_mean_ms"
[derived.lost_points]
expr = "100 * (baseline.accuracy - accuracy)"
[derived.gained]
expr = "speedup - 1"
[scores.worth]
parts.speedup = { weight = 1, worst = 0, best = 10 }
"""


def test_what_compares_itself_is_written_once(store: Store, logs: Path, tmp_path: Path) -> None:
    fill(store, nights(count=1, batch_size=1))
    derive(store, defined(RELATIVE, tmp_path))

    export_tb(store, logs, views=LINES)

    compared = scalars(logs / "compare" / "int8")
    values = scalars(logs / "trend" / "int8")
    themselves = {"speedup", "accuracy_drop", "accuracy_retention_pct"}
    themselves |= {"lost_points", "gained", "worth"}
    beside = {"accuracy", "latency_mean_ms", "density", "throughput_ips"}
    assert compared.keys() == {f"resnet50/{name}" for name in themselves} | {
        f"resnet50/{name}_{what}" for name in beside for what in ("ratio", "delta")
    }
    assert all(compared[f"resnet50/{name}"] == values[f"resnet50/{name}"] for name in themselves)
    assert compared["resnet50/throughput_ips_ratio"][0][1] == 2.5


def test_a_stated_comparison_is_written_as_itself(store: Store, logs: Path) -> None:
    baseline = Spec(metrics={"latency_mean_ms": 10.0, "speedup": 1.0})
    stated = Spec(
        precision="int8", baseline=baseline, metrics={"latency_mean_ms": 5.0, "speedup": 9.0}
    )
    unknown = Spec(
        precision="int8", day=1, baseline=baseline, metrics={"speedup": float("nan"), "loss": 1.0}
    )
    fill(store, [baseline, stated, unknown])

    export_tb(store, logs, views=LINES)

    found = scalars(logs / "compare" / "int8")
    assert [(n, value) for n, value, _ in found["resnet50/speedup"]] == [(1, 9.0)]
    assert not {"resnet50/speedup_ratio", "resnet50/speedup_delta"} & found.keys()
    assert not (logs / "compare" / "fp32").exists()


def test_comparisons_that_are_not_like_for_like_are_kept_apart(store: Store, logs: Path) -> None:
    baseline, run = nights(count=1)
    npu = Spec(precision="int4", device="npu", metrics=run.metrics, baseline=baseline)
    fill(store, [baseline, run, npu])

    export_tb(store, logs, views=LINES)

    assert "resnet50/speedup" in scalars(logs / "compare" / "int4,like_for_like=no")
    assert not (logs / "compare" / "int4").exists()
    assert "resnet50/speedup" in scalars(logs / "compare" / "int8")


def test_a_ratio_never_takes_the_tag_of_a_comparison(store: Store, logs: Path) -> None:
    baseline = Spec(metrics={"power_mw": 40.0, "power": 3.0})
    run = Spec(precision="int8", metrics={"power_mw": 10.0, "power": 6.0}, baseline=baseline)
    fill(store, [baseline, run])

    export_tb(store, logs, views=[*LINES, View.CHARTS])

    found = scalars(logs / "compare" / "int8")
    assert found["resnet50/power_ratio"][0][1] == 4.0
    (other,) = [tag for tag in found if tag.startswith("resnet50/power_ratio~")]
    assert found[other][0][1] == 2.0
    layout: Any = summary_values(logs / "_hparams")["custom_scalars__config__"]
    assert other in layout.tensor.string_val[0].decode(errors="replace").replace("\\", "")


def test_charts_without_trend_show_what_compares_itself(store: Store, logs: Path) -> None:
    fill(store, nights(count=1, batch_size=1))
    export_tb(store, logs, views=[View.COMPARE, View.CHARTS])

    with served_by_python(logs) as served:
        found = served.charts()

    assert found.keys() == {
        "speedup (higher is better)",
        "accuracy_drop (fraction, lower is better)",
        "accuracy_retention_pct (%, higher is better)",
        "accuracy (ratio to the baseline, higher is better)",
        "latency_mean_ms (ratio to the baseline, lower is better)",
        "throughput_ips (ratio to the baseline, higher is better)",
    }
    assert all(list(lines) == ["compare/int8"] for of in found.values() for lines in of.values())
