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
    Spec(uid=uid(1), metrics={"accuracy": 0.80, "loss": math.nan}),
    Spec(uid=uid(2), precision="int8", metrics={"accuracy": 0.79}, baseline=uid(1)),
    Spec(uid=uid(3), day="2026-06-05", precision="int8", metrics={"accuracy": 0.77}),
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

    assert list(runs.uid) == [uid(1), uid(2), uid(3)]
    assert str(runs.dtypes["started_at"]) == "datetime64[us, UTC]"
    assert runs.started_at.iloc[2] == pd.Timestamp("2026-06-05", tz="UTC")
    assert str(runs.dtypes["seed"]) == "Int64"
    assert str(runs.dtypes["weight_bits"]) == "float64"
    assert math.isnan(measurements.set_index("metric").value["loss"])
    measured = comparisons[comparisons.derived == 0]
    assert measured.delta.round(6).tolist() == [-0.01]
    drop = comparisons.set_index("metric").loc["accuracy_drop"]
    assert (round(drop.value, 6), drop.baseline_value) == (0.01, 0.0)


def test_history_keeps_the_numbering_of_the_whole_series(url: str) -> None:
    with cetrack.open(url) as db:
        later = db.history("top1", filter="precision=int8 and started >= 2026-06-02")
        everything = db.history()

    assert later[["n", "value", "previous"]].values.tolist() == [[2, 0.77, 0.79]]
    derived = {"accuracy_drop", "accuracy_retention_pct"}
    assert set(everything.metric) == {"accuracy", "loss"} | derived
    assert len(everything) == 6


def test_frames_without_rows_have_their_columns_and_types(url: str) -> None:
    with cetrack.open(url) as db:
        runs = db.runs("accuracy > 1")

    assert len(runs) == 0
    assert "uid" in runs.columns
    assert str(runs.dtypes["started_at"]) == "datetime64[us, UTC]"


def test_sql(url: str) -> None:
    with cetrack.open(url) as db:
        frame = db.sql("SELECT precision, COUNT(*) AS n FROM runs GROUP BY precision ORDER BY n")
        with pytest.raises(UsageError):
            db.sql("DROP TABLE run")

    assert frame.values.tolist() == [["fp32", 1], ["int8", 2]]


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
        report = db.export_tb(tmp_path / "tb", filter="precision=fp32")

    assert report.runs == 1
    assert list((tmp_path / "tb").rglob("events.out.tfevents.*"))
