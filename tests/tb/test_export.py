"""Exports of real databases, read back with TensorBoard's own loaders."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import event, select

from cetrack.domain import Kind, Status
from cetrack.errors import OutputError, UsageError
from cetrack.export_tb import Layout, TagOrder, View, export_tb
from cetrack.filter import parse_all
from cetrack.models import history_view, measurements_view
from cetrack.store import Store
from tests.tb.building import MORNING, Spec, fill, nights
from tests.tb.reading import events, runs, scalars, summary_values, times, tree

MORNING_S = MORNING.timestamp()
DAY = 86_400.0

TRAINING = Spec(
    kind=Kind.TRAINING,
    experiment="paper",
    device="gpu",
    metrics={
        "train/loss": [(step, 1.0 / (step + 1), MORNING_S + step) for step in range(50)],
        "val/accuracy": [(9, 0.5), (19, 0.61), (49, math.nan)],
        "learning_rate": [(0, 0.1), (49, 0.001)],
    },
    params={"lr": 0.1, "optimizer": "sgd", "nesterov": True},
)


def one_run(logdir: Path, pattern: str = "runs/*/*/*/*") -> Path:
    """The only run directory that matches."""
    (found,) = logdir.glob(pattern)
    return found


# --- runs ---------------------------------------------------------------------------------------


def test_every_value_is_the_databases_own_in_float32(store: Store, logs: Path) -> None:
    fill(store, [TRAINING])

    export_tb(store, logs, views=[View.RUNS])
    found = scalars(one_run(logs, "runs/paper/resnet50/fp32/20260301-030000_*"))

    assert sorted(found) == ["train/loss", "training/learning_rate", "val/accuracy"]
    assert found["train/loss"] == [
        (step, float(np.float32(1.0 / (step + 1))), MORNING_S + step) for step in range(50)
    ]
    assert [(step, wall) for step, _, wall in found["val/accuracy"]] == [
        (9, MORNING_S),
        (19, MORNING_S),
        (49, MORNING_S),
    ]
    assert math.isnan(found["val/accuracy"][2][1])


def test_benchmark_metrics_are_grouped_by_family(sqlite_store: Store, logs: Path) -> None:
    fill(sqlite_store, [Spec(metrics={"accuracy": 0.75, "latency_mean_ms": 12.5, "my_metric": 1})])

    export_tb(sqlite_store, logs, views=[View.RUNS])

    assert sorted(scalars(one_run(logs))) == [
        "latency/latency_mean_ms",
        "other/my_metric",
        "quality/accuracy",
    ]


def test_only_selected_runs_appear(store: Store, logs: Path) -> None:
    fill(store, [*nights("resnet50"), *nights("vgg16")])

    report = export_tb(store, logs, where=parse_all(["model=vgg16 and precision=int8"]))

    assert report.runs == 3
    assert [run for run in runs(logs) if not run.startswith("runs/default/vgg16/int8/")] == [
        "_hparams",
        "compare/int8",
        "trend/int8",
    ]
    assert all(tag.startswith("vgg16/") for tag in scalars(logs / "trend" / "int8"))


def test_the_report_counts(store: Store, logs: Path) -> None:
    fill(store, nights(count=2))

    first = export_tb(store, logs)
    second = export_tb(store, logs, where=parse_all(["precision=int8"]))

    # 4 runs and the table, 2 lines of trend, 1 of compare
    assert (first.runs, first.files, first.unchanged, first.removed) == (4, 8, 0, 0)
    # per run 2 metrics with ratio and difference, compressed 3 derived ones that are comparisons
    assert first.scalars == (4 * 2 + 2 * 3) + (4 * 2 + 2 * 3) + 2 * (2 * 2 + 3)
    assert first.logdir == logs
    assert (second.runs, second.files, second.removed) == (2, 5, 3)


def test_values_beyond_float32_are_counted_and_said(store: Store, logs: Path) -> None:
    fill(store, [Spec(metrics={"loss": [(0, 1e300), (1, -1e300), (2, math.inf), (3, 1.0)]})])

    report = export_tb(store, logs, views=[View.RUNS])

    assert report.beyond_float32 == 2
    assert report.warnings == (
        "values beyond float32, written as infinity: 2; the database keeps them",
    )
    found = scalars(one_run(logs))["quality/loss"]
    assert [value for _, value, _ in found] == [math.inf, -math.inf, math.inf, 1.0]


def test_negative_and_huge_steps(sqlite_store: Store, logs: Path) -> None:
    steps = [-(2**62), -1, 0, 2**40, 2**62]
    fill(sqlite_store, [Spec(metrics={"loss": [(step, 1.0) for step in steps]})])

    export_tb(sqlite_store, logs, views=[View.RUNS])

    found = scalars(one_run(logs))["quality/loss"]
    assert [step for step, _, _ in found] == steps


def test_runs_without_any_metric_have_a_card(sqlite_store: Store, logs: Path) -> None:
    fill(sqlite_store, [Spec(), Spec(day=1, metrics={"loss": 1.0}), Spec(day=2)])

    report = export_tb(sqlite_store, logs)

    assert report.runs == 3
    assert len(list(logs.glob("runs/*/*/*/*"))) == 3


def test_uids_that_begin_alike_do_not_share_a_folder(sqlite_store: Store, logs: Path) -> None:
    uids = ["0123456789aa", "0123456789bb", "run-1", "run-2"]
    fill(sqlite_store, [Spec(own_uid=uid, metrics={"loss": 1.0}) for uid in uids])

    export_tb(sqlite_store, logs, views=[View.RUNS])

    folders = sorted(path.name for path in logs.glob("runs/*/*/*/*"))
    assert len(folders) == 4
    assert "20260301-030000_0123456789_0123456789aa" in folders


# --- trend and compare --------------------------------------------------------------------------


def test_a_model_has_one_card_with_its_precisions_over_time(store: Store, logs: Path) -> None:
    fill(store, nights(count=3))

    export_tb(store, logs, views=[View.TREND])

    assert runs(logs) == ["trend/fp32", "trend/int8"]
    found = scalars(logs / "trend" / "int8")
    derived = {"accuracy_drop", "accuracy_retention_pct", "speedup"}
    assert {tag for tag in found if tag.split("/")[1] in derived} == {
        f"resnet50/{name}" for name in derived
    }
    assert {tag: points for tag, points in found.items() if tag.split("/")[1] not in derived} == {
        "resnet50/accuracy": [
            (n, float(np.float32(0.75 + (n - 1) / 1000)), MORNING_S + (n - 1) * DAY)
            for n in (1, 2, 3)
        ],
        "resnet50/latency_mean_ms": [
            (n, float(np.float32(11.0 + n)), MORNING_S + (n - 1) * DAY) for n in (1, 2, 3)
        ],
    }


def test_the_step_is_the_place_in_the_whole_series(store: Store, logs: Path) -> None:
    fill(store, nights(count=5))

    export_tb(
        store,
        logs,
        where=parse_all(["started >= 2026-03-03"]),
        views=[View.TREND, View.COMPARE],
    )

    for tag in scalars(logs / "trend" / "int8"), scalars(logs / "compare" / "int8"):
        assert {tuple(step for step, _, _ in points) for points in tag.values()} == {(3, 4, 5)}


def test_trend_equals_the_history_view(store: Store, logs: Path) -> None:
    fill(store, [*nights("a", 4), *nights("b", 2, device="gpu"), *nights("b", 3)])

    export_tb(store, logs, views=[View.TREND])

    found = {
        (point[0], round(point[2]), run.split("/")[1].split(",")[0], *tag.split("/"), point[1])
        for run in runs(logs)
        for tag, points in scalars(logs / run).items()
        for point in points
    }
    with store.read() as connection:
        view = history_view.c
        rows = connection.execute(
            select(view.n, view.started_at, view.precision, view.model, view.metric, view.value)
        ).all()
    assert found == {
        (row.n, round(row.started_at.timestamp()), *row[2:5], float(np.float32(row.value)))
        for row in rows
    }
    assert runs(logs) == [
        "trend/fp32",
        "trend/fp32,device=cpu",
        "trend/fp32,device=gpu",
        "trend/int8",
        "trend/int8,device=cpu",
        "trend/int8,device=gpu",
    ]


def test_a_training_ends_with_results_not_with_settings(sqlite_store: Store, logs: Path) -> None:
    fill(sqlite_store, [TRAINING, *nights(count=1)])

    export_tb(sqlite_store, logs, views=[View.TREND])

    assert sorted(scalars(logs / "trend" / "fp32,kind=training")) == [
        "resnet50/train/loss",
        "resnet50/val/accuracy",
    ]
    assert sorted(scalars(logs / "trend" / "fp32")) == [
        "resnet50/accuracy",
        "resnet50/latency_mean_ms",
    ]


def test_ratio_and_difference_to_the_baseline(store: Store, logs: Path) -> None:
    zero = Spec(metrics={"accuracy": 0.0, "latency_mean_ms": 10.0})
    compressed = Spec(
        precision="int8", metrics={"accuracy": 0.5, "latency_mean_ms": 2.5}, baseline=zero
    )
    fill(store, [zero, compressed])

    export_tb(store, logs, views=[View.COMPARE])

    assert runs(logs) == ["compare/int8"]
    assert scalars(logs / "compare" / "int8") == {
        "resnet50/accuracy_delta": [(1, 0.5, MORNING_S)],
        "resnet50/accuracy_drop": [(1, -0.5, MORNING_S)],
        "resnet50/speedup": [(1, 4.0, MORNING_S)],
        "resnet50/latency_mean_ms_delta": [(1, -7.5, MORNING_S)],
        "resnet50/latency_mean_ms_ratio": [(1, 0.25, MORNING_S)],
    }


def test_what_is_not_like_for_like_is_kept_apart(sqlite_store: Store, logs: Path) -> None:
    fp32 = Spec(metrics={"accuracy": 0.8})
    fair = Spec(precision="int8", metrics={"accuracy": 0.7}, baseline=fp32)
    unfair = Spec(precision="int4", device="npu", metrics={"accuracy": 0.4}, baseline=fp32)
    fill(sqlite_store, [fp32, fair, unfair])

    report = export_tb(sqlite_store, logs, views=[View.COMPARE])

    assert runs(logs) == ["compare/int4,like_for_like=no", "compare/int8"]
    assert "not like for like" in report.warnings[0]


def test_tags_by_metric(sqlite_store: Store, logs: Path) -> None:
    fill(sqlite_store, nights("facebook/opt-125m", 1))

    export_tb(sqlite_store, logs, views=[View.TREND, View.COMPARE], tags=TagOrder.BY_METRIC)

    assert sorted(scalars(logs / "trend" / "int8")) == [
        "accuracy/facebook--opt-125m",
        "accuracy_drop/facebook--opt-125m",
        "accuracy_retention_pct/facebook--opt-125m",
        "latency_mean_ms/facebook--opt-125m",
        "speedup/facebook--opt-125m",
    ]
    assert "accuracy_ratio/facebook--opt-125m" in scalars(logs / "compare" / "int8")


# --- again --------------------------------------------------------------------------------------


def test_two_exports_are_the_same_byte_for_byte(store: Store, logs: Path) -> None:
    fill(store, [TRAINING, *nights("a"), *nights("b")])

    export_tb(store, logs / "one")
    export_tb(store, logs / "two")

    assert tree(logs / "one") == tree(logs / "two")
    assert len(tree(logs / "one")) > 10


def test_the_bytes_do_not_depend_on_the_order_of_ingest(
    database_url: str, sqlite_store: Store, logs: Path
) -> None:
    specs = [*nights("a"), *nights("B"), *nights("Ä"), TRAINING]
    fill(sqlite_store, specs)
    with Store.open(database_url) as other:
        for spec in sorted(specs, key=lambda spec: spec.uid):
            fill(other, [replace(spec, own_uid=spec.uid, baseline=None)])
        fill_baselines(other, specs)
        export_tb(other, logs / "other")
    export_tb(sqlite_store, logs / "one")

    assert events(logs / "other") == events(logs / "one")


def fill_baselines(store: Store, specs: list[Spec]) -> None:
    """Link the baselines of runs that are stored already."""
    from sqlalchemy import update

    from cetrack.models import Run

    with store.write() as connection:
        ids = dict(map(tuple, connection.execute(select(Run.uid, Run.id))))
        for spec in specs:
            if spec.baseline is not None:
                values = {"baseline_run_id": ids[spec.baseline.uid], "baseline_rule": "stated"}
                connection.execute(update(Run).where(Run.uid == spec.uid).values(**values))


def test_an_export_again_touches_nothing(store: Store, logs: Path) -> None:
    fill(store, [TRAINING, *nights()])
    first = export_tb(store, logs)
    before = times(logs)

    again = export_tb(store, logs)

    assert times(logs) == before
    assert (again.files, again.unchanged) == (first.files, first.files)


def test_another_night_touches_its_own_files_and_the_lines(store: Store, logs: Path) -> None:
    fill(store, nights(count=2))
    export_tb(store, logs)
    before = times(logs)

    fill(store, nights(count=3)[4:])
    report = export_tb(store, logs)

    after = times(logs)
    same = {path for path in before if after.get(path) == before[path]}
    assert {path.split("/")[0] for path in before.keys() - same} == {
        ".cetrack-export.json",
        "trend",
        "compare",
    }
    assert report.unchanged == 5
    assert report.removed == 3  # the lines' files are named after their newest run


def test_stale_runs_go_when_the_selection_changes(sqlite_store: Store, logs: Path) -> None:
    fill(sqlite_store, [*nights("a"), *nights("b")])
    export_tb(sqlite_store, logs)

    export_tb(sqlite_store, logs, where=parse_all(["model=a"]), views=[View.RUNS])

    assert {run.split("/")[2] for run in runs(logs)} == {"a"}
    assert sorted(path.name for path in logs.iterdir()) == [".cetrack-export.json", "runs"]


def test_an_empty_selection_leaves_a_valid_empty_folder(sqlite_store: Store, logs: Path) -> None:
    fill(sqlite_store, nights())
    export_tb(sqlite_store, logs)

    report = export_tb(sqlite_store, logs, where=parse_all(["model=nothing"]))

    assert (report.runs, report.files) == (0, 0)
    assert report.warnings == ("no run matches the filter",)
    assert list(tree(logs)) == [".cetrack-export.json"]
    assert export_tb(sqlite_store, logs).runs == 6


@pytest.mark.parametrize("layout", Layout)
def test_an_empty_database(sqlite_store: Store, logs: Path, layout: Layout) -> None:
    report = export_tb(sqlite_store, logs, layout=layout)

    assert (report.runs, report.warnings) == (0, ("the database holds no runs",))


def test_a_folder_that_is_not_ours_is_refused_before_anything_is_read(
    sqlite_store: Store, logs: Path
) -> None:
    logs.mkdir()
    (logs / "thesis.tex").write_text("mine")

    with pytest.raises(OutputError):
        export_tb(sqlite_store, logs)

    assert [path.name for path in logs.iterdir()] == ["thesis.tex"]


def test_no_view_at_all_is_a_mistake(sqlite_store: Store, logs: Path) -> None:
    with pytest.raises(UsageError, match="no view"):
        export_tb(sqlite_store, logs, views=[])


# --- names --------------------------------------------------------------------------------------

HOSTILE = [
    "../../etc/x",
    "a/b",
    "a--b",
    "'; drop table run; --",
    "😀",
    "x" * 5000,
    "x" * 5001,
    "مرحبا",
    "\u202egnp.exe",
    "ResNet",
    "resnet",
    "con",
    ".",
    "..",
    "",
    "/",
    "<script>",
    "%n %s",
]


def test_hostile_names_stay_inside_and_apart(store: Store, logs: Path) -> None:
    specs = [
        Spec(
            model=name,
            experiment=name,
            precision=name,
            dataset=name,
            variant=name,
            device=name,
            metrics={name or "blank": 0.25},
            params={name: name},
        )
        for name in HOSTILE
    ]
    fill(store, specs)

    report = export_tb(store, logs / "in" / "logs")

    assert report.runs == len(HOSTILE)
    assert [path.name for path in logs.iterdir() if path.is_dir()] == ["in"]
    folders = list((logs / "in" / "logs").glob("runs/*/*/*/*"))
    assert len({str(path).casefold() for path in folders}) == len(HOSTILE)
    for folder in folders:
        assert [points[0][1] for points in scalars(folder).values()] == [0.25]
    assert all(len(part.encode()) <= 100 for folder in folders for part in folder.parts)


def test_models_that_clean_to_one_name_are_two_tags(sqlite_store: Store, logs: Path) -> None:
    fill(sqlite_store, [*nights("a:b", 1), *nights("a?b", 1)])

    export_tb(sqlite_store, logs, views=[View.TREND])

    assert len(scalars(logs / "trend" / "fp32")) == 4


# --- hparams and text ---------------------------------------------------------------------------


def test_one_experiment_record_in_a_run_of_its_own(sqlite_store: Store, logs: Path) -> None:
    fill(sqlite_store, [TRAINING, *nights()])

    export_tb(sqlite_store, logs)

    holders = [run for run in runs(logs) if "_hparams_/experiment" in summary_values(logs / run)]
    assert holders == ["_hparams"]
    assert set(summary_values(logs / "_hparams")) == {
        "_hparams_/experiment",
        "custom_scalars__config__",
    }


def test_hparams_alone_hold_the_last_values(sqlite_store: Store, logs: Path) -> None:
    fill(sqlite_store, [TRAINING])

    export_tb(sqlite_store, logs, views=[View.HPARAMS])

    found = scalars(one_run(logs))
    assert found["train/loss"] == [(49, float(np.float32(0.02)), MORNING_S)]
    assert len(found["val/accuracy"]) == 1


def test_text_alone_holds_no_scalars(store: Store, logs: Path) -> None:
    fill(store, nights(count=1))

    report = export_tb(store, logs, views=[View.TEXT])

    assert (report.scalars, report.files) == (0, 2)
    (compressed,) = logs.glob("runs/*/*/int8/*")
    card = summary_values(compressed)["card"]
    (markdown,) = card.tensor.string_val  # type: ignore[attr-defined]
    assert "| accuracy | 0.75 | fraction | 0.76 | -0.01 | 0.986842 | no |" in markdown.decode()


def test_times_and_status_of_sessions(sqlite_store: Store, logs: Path) -> None:
    from tensorboard.plugins.hparams import api_pb2, metadata

    fill(sqlite_store, [Spec(status=Status.FAILED, finished_after_s=90.0, metrics={"loss": 1.0})])

    export_tb(sqlite_store, logs)

    values = summary_values(one_run(logs))
    content = {
        tag: value.metadata.plugin_data.content  # type: ignore[attr-defined]
        for tag, value in values.items()
    }
    start = metadata.parse_session_start_info_plugin_data(content["_hparams_/session_start_info"])
    end = metadata.parse_session_end_info_plugin_data(content["_hparams_/session_end_info"])
    assert start.start_time_secs == MORNING_S
    assert start.hparams["model"].string_value == "resnet50"
    assert (end.status, end.end_time_secs) == (api_pb2.STATUS_FAILURE, MORNING_S + 90)


# --- effort -------------------------------------------------------------------------------------


def test_the_number_of_statements_does_not_depend_on_the_number_of_runs(
    store: Store, logs: Path
) -> None:
    fill(store, nights(count=2))
    few = _statements(store, logs / "few")
    fill(store, nights("other", count=90))
    many = _statements(store, logs / "many")

    assert few == many < 25


def _statements(store: Store, logdir: Path) -> int:
    seen: list[str] = []

    def note(*args: object) -> None:
        seen.append(str(args[2]))

    event.listen(store.engine, "before_cursor_execute", note)
    export_tb(store, logdir)
    event.remove(store.engine, "before_cursor_execute", note)
    return len(seen)


def test_chunks_do_not_show(
    sqlite_store: Store, logs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(sqlite_store, [TRAINING, *nights("a", 4), *nights("b", 4)])
    export_tb(sqlite_store, logs / "whole")

    monkeypatch.setattr("cetrack.export_tb._RUNS_AT_ONCE", 3)
    monkeypatch.setattr("cetrack.tb.lines._RUNS_AT_ONCE", 3)
    steps: list[tuple[int, int]] = []
    export_tb(
        sqlite_store,
        logs / "pieces",
        progress=lambda done, total, current: steps.append((done, total)),
    )

    assert tree(logs / "whole") == tree(logs / "pieces")
    assert steps[0] == (3, 17)
    assert steps[-1] == (17, 17)


def test_the_marker_is_the_same_wherever_it_is_written(sqlite_store: Store, logs: Path) -> None:
    fill(sqlite_store, nights())
    export_tb(sqlite_store, logs)

    marker = json.loads((logs / ".cetrack-export.json").read_text())

    assert marker["files"].keys() == tree(logs).keys() - {".cetrack-export.json"}
    assert str(logs) not in json.dumps(marker)


def test_every_metric_of_every_run_is_there(store: Store, logs: Path) -> None:
    fill(store, [*nights("a"), *nights("b")])

    export_tb(store, logs, views=[View.RUNS])

    with store.read() as connection:
        view = measurements_view.c
        expected = sorted(
            (row.uid[:10], row.metric, float(np.float32(row.value)))
            for row in connection.execute(select(view.uid, view.metric, view.value))
        )
    found = sorted(
        (folder.name.split("_")[1], tag.split("/")[1], points[0][1])
        for folder in logs.glob("runs/*/*/*/*")
        for tag, points in scalars(folder).items()
    )
    assert found == expected
