"""The Python API: use-cases as pandas frames."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pandas as pd
import pytest

import cetrack
from cetrack.errors import DatabaseUnavailableError, FilterError, UsageError
from cetrack.store import Store
from tests.cli.conftest import Filler
from tests.cli.filling import Spec, uid

RUNS = (
    Spec(uid=uid(1), metrics={"accuracy": 0.80, "loss": math.nan, "model_size_mb": 9.0}),
    Spec(
        uid=uid(2),
        precision="int8",
        metrics={"accuracy": 0.79, "model_size_mb": 4.0},
        baseline=uid(1),
    ),
    Spec(uid=uid(3), day="2026-06-05", precision="int8", metrics={"accuracy": 0.77}),
    Spec(uid=uid(4), kind="training", day="2026-06-09", metrics={"val/accuracy": [0.5, 0.7, 0.6]}),
)


@pytest.fixture
def url(filled_with: Filler) -> str:
    store: Store = filled_with("api", RUNS)
    return store.engine.url.render_as_string(hide_password=False)


def test_views_are_frames(url: str) -> None:
    with cetrack.open(url) as db:
        runs = db.runs()
        measurements = db.measurements("accuracy exists")
        comparisons = db.comparisons(["precision=int8", "model=resnet50"])

    assert list(runs.uid) == [uid(1), uid(2), uid(3), uid(4)]
    assert str(runs.dtypes["started_at"]) == "datetime64[us, UTC]"
    assert runs.started_at.iloc[2] == pd.Timestamp("2026-06-05", tz="UTC")
    assert str(runs.dtypes["seed"]) == "Int64"
    assert str(runs.dtypes["weight_bits"]) == "float64"
    assert math.isnan(measurements.set_index("metric").value["loss"])
    measured = comparisons[comparisons.derived == 0].set_index("metric").delta
    assert measured.round(6).to_dict() == {"accuracy": -0.01, "model_size_mb": -5.0}
    assert comparisons.set_index("metric").value["size_ratio"] == 9.0 / 4.0


def test_history_keeps_the_numbering_of_the_whole_series(url: str) -> None:
    with cetrack.open(url) as db:
        later = db.history("top1", filter="precision=int8 and started >= 2026-06-02")
        everything = db.history()

    assert later[["n", "value", "previous"]].values.tolist() == [[2, 0.77, 0.79]]
    assert everything[everything.metric == "accuracy"].uid.tolist() == [uid(1), uid(2), uid(3)]


def test_frames_without_rows_have_their_columns_and_types(url: str) -> None:
    with cetrack.open(url) as db:
        runs = db.runs("accuracy > 1")

    assert len(runs) == 0
    assert "uid" in runs.columns
    assert str(runs.dtypes["started_at"]) == "datetime64[us, UTC]"


def test_any_reading_statement_is_a_frame(url: str) -> None:
    query = "SELECT precision, COUNT(*) AS n FROM runs GROUP BY precision ORDER BY n"
    with cetrack.open(url) as db:
        frame = db.frame(query)
        older_name = db.sql(query)
        with pytest.raises(UsageError):
            db.frame("DROP TABLE run")

    assert list(frame.columns) == ["precision", "n"]
    assert sorted(frame.values.tolist()) == [["fp32", 2], ["int8", 2]]
    pd.testing.assert_frame_equal(older_name, frame)


def test_derived_metrics_are_rows_of_the_frames(url: str) -> None:
    with cetrack.open(url) as db:
        drops = db.frame("SELECT value FROM comparisons WHERE metric = 'accuracy_drop'")
        measured = db.frame("SELECT DISTINCT metric FROM measurements WHERE derived = 0")

    assert drops.value.round(6).tolist() == [0.01]
    assert sorted(measured.metric) == ["accuracy", "loss", "model_size_mb", "val/accuracy"]


def test_precisions_are_compared(url: str) -> None:
    with cetrack.open(url) as db:
        answer = db.compare("started < 2026-06-02", metrics=["top1"])
        by_library = db.compare(by="library", which="all", metrics=["accuracy"])
        with pytest.raises(UsageError, match="libary"):
            db.compare(by="libary")

    (int8,) = [entry for entry in answer.entries if not entry.is_baseline]
    assert (int8.group, int8.column, int8.baseline_uids) == ("resnet50", "int8", (uid(1),))
    assert (int8.value.mean, int8.delta, int8.improved) == (0.79, pytest.approx(-0.01), False)
    (grouped,) = [entry for entry in by_library.entries if not entry.is_baseline]
    assert (grouped.group, grouped.value.mean) == ("torchvision", pytest.approx(0.78))


def test_a_front_is_drawn_between_two_metrics(url: str) -> None:
    with cetrack.open(url) as db:
        found = db.pareto("model_size_mb", filter="precision in (fp32, int8)", which="all")

    assert [(point.precision, point.x, point.on_front) for point in found.points] == [
        ("int8", 4.0, True),
        ("fp32", 9.0, True),
    ]


def test_a_trend_has_a_line_per_series(url: str) -> None:
    with cetrack.open(url) as db:
        found = db.trend("accuracy", "precision=int8", by="date")
        with pytest.raises(UsageError, match="dat"):
            db.trend("accuracy", by="dat")

    (line,) = found.lines
    assert line.labels == ("2026-06-01", "2026-06-05")
    assert line.values.tolist() == [0.79, 0.77]


def test_a_metric_over_epochs_is_a_curve(url: str) -> None:
    with cetrack.open(url) as db:
        found = db.curves("val/accuracy", which="all")
        with pytest.raises(UsageError, match="accuracy at more than one step"):
            db.curves("accuracy")

    (curve,) = found.curves
    assert (curve.steps.tolist(), curve.values.tolist()) == ([1, 2, 3], [0.5, 0.7, 0.6])


def test_a_table_is_that_of_a_report(url: str) -> None:
    with cetrack.open(url) as db:
        table = db.table(
            "started < 2026-06-02", metrics="accuracy", baseline="fp32", show="value,delta"
        )
        with pytest.raises(UsageError, match="metrcs"):
            db.table(metrcs="accuracy")

    assert table.names == ["model", "accuracy.fp32", "accuracy.int8", "accuracy.int8.delta"]
    assert table.rows == (("resnet50", 0.80, 0.79, pytest.approx(-0.01)),)


def test_a_wrong_filter_is_an_error(url: str) -> None:
    with cetrack.open(url) as db, pytest.raises(FilterError):
        db.runs("accurcy > 1")


def test_ingest_makes_the_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "cetrack.toml").write_text('db = "lab.db"\nexperiment = "july"\n')
    results = tmp_path / "r.json"
    results.write_text(json.dumps({"lenet": {"fp32": {"accuracy": 0.5}}}))

    with cetrack.open() as db:
        with pytest.raises(DatabaseUnavailableError):
            db.runs()
        report = db.ingest(results)
        again = db.ingest([str(results)])

        assert report.sources[0].runs_new == 1
        assert again.sources[0].runs_unchanged == 1
        assert db.runs().experiment.tolist() == ["july"]
    assert (tmp_path / "lab.db").exists()


def test_export_writes_event_files(url: str, tmp_path: Path) -> None:
    with cetrack.open(url) as db:
        report = db.export_tb(tmp_path / "tb", filter="kind=benchmark and precision=fp32")

    assert report.runs == 1
    assert list((tmp_path / "tb").rglob("events.out.tfevents.*"))
