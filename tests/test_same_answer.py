"""A filter means the same in the command line, in Python and in the exporter."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

import cetrack
from cetrack.cli import main
from cetrack.store import Store
from tests.ingest.producing import compression, history, metrics, model, results, write
from tests.ingest.test_snapshots import take

FILTERS = {
    "library=timm": 21,
    "library=timm,torchvision": 23,
    "category=vision": 11,
    "input_shape=3x224x224": 21,
    "input_shape=3x*x*": 23,
    "input_shape=3x*": 0,
    "shape=3x32x32": 2,
    "precision=INT8": 12,
    "precision in (int8, fp16) and not category=medical": 7,
    "accuracy >= 0.9": 12,
    "accuracy.max > 0.905 or train/loss exists": 6,
    "energy_consumption_mw = 1500": 23,
    'model ~ "model[0-4]"': 11,
    "param.epochs >= 20": 22,
    "param.epochs = 20 and kind=training": 0,
    "tag.team=quant": 2,
    "started >= 2026-07-01": 2,
    "started = 2026-06-01": 22,
    "not (kind=training or kind=compression)": 22,
    "device=cpu and metric.size_ratio exists": 12,  # stated once, derived of every int8
    "baseline exists": 12,
    "experiment=default and seed=7": 1,
}


@pytest.fixture
def filled(store: Store, tmp_path: Path) -> Store:
    """Ten timm models, one of torchvision, a training, a compression."""
    june = datetime(2026, 6, 1, 12, tzinfo=UTC)
    ten = write(tmp_path / "in" / "a.json", {**results(10), "config": {"epochs": 20}})
    other = {**model(11), "model_info": {"library": "torchvision", "input_shape": [3, 32, 32]}}
    mine = write(tmp_path / "in" / "b.json", {"vgg": other, "config": {"epochs": 30}})
    trained = write(tmp_path / "in" / "h.json", history([2.0, 1.0, 0.5], seed=7))
    squeezed = compression(model(3)["fp32"], metrics(0.88, 4.1, 25))
    pressed = write(tmp_path / "in" / "c.json", squeezed)
    take(store, ten, trained, pressed, at=june)
    take(store, mine, at=june.replace(month=7), settings={"tag.team": "quant"})
    return store


@pytest.mark.parametrize("text", FILTERS)
def test_three_ways_one_answer(
    text: str,
    filled: Store,
    database_url: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["runs", "--filter", text, "--format", "json", "--db", database_url])
    assert ended.value.code == 0
    command_line = {run["uid"] for run in json.loads(capsys.readouterr().out)}
    with cetrack.open(database_url) as db:
        frame = set(db.runs(text)["uid"])
        db.export_tb(tmp_path / "tb", filter=text)
    folders = {
        path.parent.name.rpartition("_")[2] for path in (tmp_path / "tb" / "runs").rglob("events*")
    }

    assert frame == command_line
    assert folders == {uid[:10] for uid in command_line}
    assert len(command_line) == FILTERS[text]
