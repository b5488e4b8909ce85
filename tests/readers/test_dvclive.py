"""Folders of DVCLive: a summary, tables with steps, and parameters."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cetrack.domain import Identity, Kind
from cetrack.errors import ReadError
from cetrack.ingest import IngestOptions, ingest
from cetrack.readers.base import Match
from cetrack.readers.registry import choose
from cetrack.readers.source import Source
from tests.readers.reading import SAMPLES, Reading, claimed_by, points, read, sample
from tests.readers.test_realdata import FOLDER

PIPELINE = "metrics:\n- metrics.json\nplots:\n- plots/metrics:\n    x: step\n"
TSV = "step\tloss\n1\t0.5\n2\t0.25\n"


def folder_of(folder: Path, files: dict[str, Any]) -> Path:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        text = content if isinstance(content, (str, bytes)) else json.dumps(content)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return folder


def below(folder: Path, name: str = "metrics.json") -> Reading:
    path = folder / name
    return read(Source(str(path), path=path))


def claim(folder: Path, name: str) -> tuple[str, Match]:
    path = folder / name
    reader, match = choose(Source(str(path), path=path))
    return reader.name, match


def test_a_folder_is_one_run_with_the_steps_of_its_tables() -> None:
    reading = read(sample("dvclive/live/metrics.json"))

    (run,) = reading.runs
    assert (run.record.kind, run.record.identity) == (Kind.TRAINING, Identity.LOG)
    assert points(run) == {
        "eval/top/acc": {2: 0.5, 3: 0.625},
        "train/loss": {1: 1.5, 2: 1.0, 3: 0.75},
        "learning_rate": {3: 0.002},
        "eval/f1_score": {3: 0.5},
    }
    assert reading.said == []


def test_moments_in_milliseconds_are_wall_times() -> None:
    (run,) = read(sample("dvclive/live/metrics.json")).runs

    walls = {item.metric.name: item.wall_times for item in run.series}
    assert walls["train/loss"] is not None
    assert walls["train/loss"].tolist() == [1767225600.0, 1767225660.0, 1767225720.5]


def test_parameters_name_model_precision_and_batch() -> None:
    (run,) = read(sample("dvclive/live/metrics.json")).runs

    assert (run.model.name, run.precision.name) == ("squeezenet1_1", "amp")
    assert (run.record.batch_size, run.record.seed) == (16, 3)
    assert (run.params["lr"], run.params["best"]) == (0.002, "checkpoint-2")


def test_a_summary_alone_is_a_run_of_single_numbers() -> None:
    content = {"step": 12, "loss": 0.125, "eval": {"accuracy": 0.9375}}
    (run,) = read(content, "metrics.json").runs

    assert run.record.identity is Identity.SNAPSHOT
    assert points(run) == {"loss": {12: 0.125}, "eval/accuracy": {12: 0.9375}}


def test_a_pipeline_speaks_for_a_folder_without_a_summary() -> None:
    (run,) = read(sample("dvclive/pipeline/dvc.yaml")).runs

    assert points(run) == {"loss": {0: 2.5, 1: 2.25}}


def test_a_folder_that_is_ingested_has_one_run_and_no_error() -> None:
    report = ingest(None, [str(SAMPLES / "dvclive/live")], IngestOptions(dry_run=True))

    assert [item.status for item in report.sources if item.status == "new"] == ["new"]
    assert not report.rejected


@pytest.mark.parametrize(
    ("files", "name", "match"),
    [
        ({"metrics.json": {"step": 1, "a": 2}, "dvc.yaml": PIPELINE}, "metrics.json", Match.YES),
        ({"metrics.json": {"step": 1, "a": 2}}, "metrics.json", Match.MAYBE),
        ({"metrics.json": {"step": 1, "a": 2}, "dvc.yaml": PIPELINE}, "dvc.yaml", Match.COMPANION),
        ({"dvc.yaml": PIPELINE, "params.yaml": "a: 1\n"}, "params.yaml", Match.COMPANION),
        ({"metrics.json": {"step": 1, "a": 2}, "plots/metrics/loss.tsv": TSV},
         "plots/metrics/loss.tsv", Match.COMPANION),
        ({"metrics.json": {"step": 1, "a": 2}, "plots/sklearn/cm.json": [{"actual": "a"}]},
         "plots/sklearn/cm.json", Match.COMPANION),
    ],
)  # fmt: skip
def test_what_is_part_of_a_folder(
    tmp_path: Path, files: dict[str, Any], name: str, match: Match
) -> None:
    assert claim(folder_of(tmp_path, files), name) == ("dvclive", match)


@pytest.mark.parametrize(
    ("files", "name"),
    [
        pytest.param({"dvc.yaml": PIPELINE}, "dvc.yaml", id="a pipeline without tables"),
        pytest.param(
            {"dvc.yaml": "stages: {}\n", "plots/metrics/loss.tsv": TSV}, "dvc.yaml", id="stages"
        ),
        pytest.param({"params.yaml": "a: 1\n"}, "params.yaml", id="parameters of anything"),
        pytest.param(
            {"metrics.json": {"step": 1, "a": 2}, "params.yaml": "a: 1\n"},
            "params.yaml",
            id="beside a summary that may be anybody's",
        ),
        pytest.param({"plots/metrics/loss.tsv": TSV}, "plots/metrics/loss.tsv", id="no summary"),
        pytest.param(
            {"metrics.json": {"step": 1, "a": 2}, "plots/metrics/x.tsv": TSV},
            "plots/metrics/x.tsv",
            id="another table",
        ),
        pytest.param({"metrics.json": {"step": 1}}, "metrics.json", id="a step alone"),
        pytest.param({"metrics.json": {"step": True, "a": 1}}, "metrics.json", id="no step"),
        pytest.param({"metrics.json": {"step": 1, "a": [1]}}, "metrics.json", id="lists"),
        pytest.param({"metrics.json": {"loss": 1.0}}, "metrics.json", id="no step at all"),
    ],
)
def test_what_is_not(tmp_path: Path, files: dict[str, Any], name: str) -> None:
    with pytest.raises(ReadError):
        claim(folder_of(tmp_path, files), name)


def test_json_lines_with_a_step_are_not_claimed() -> None:
    assert claimed_by('{"step": 1, "a": 2}\n{"step": 2, "a": 3}\n') == []


@pytest.mark.parametrize(
    ("content", "notices"),
    [
        pytest.param("", 0, id="empty"),
        pytest.param("step\tloss\n", 0, id="a header alone"),
        pytest.param(b"step\tloss\n1\t\xff\n", 1, id="latin-1"),
        pytest.param("step\tloss\n1\t2\t3\n", 1, id="more cells"),
        pytest.param("step\tloss\n1\tx\n2\ty\n", 1, id="text"),
    ],
)
def test_a_broken_table_does_not_cost_the_others(
    tmp_path: Path, content: str | bytes, notices: int
) -> None:
    files = {
        "metrics.json": {"step": 2, "loss": 0.25},
        "plots/metrics/loss.tsv": TSV,
        "plots/metrics/acc.tsv": content,
    }
    reading = below(folder_of(tmp_path, files))

    assert points(reading.runs[0]) == {"loss": {1: 0.5, 2: 0.25}}
    assert len(reading.said) == notices
    assert all(item.startswith("plots/metrics/acc.tsv: ") for item in reading.said)


def test_a_table_called_like_something_else_is_a_metric(tmp_path: Path) -> None:
    files = {
        "metrics.json": {"step": 1, "epoch": 1.5},
        "plots/metrics/epoch.tsv": "step\tepoch\n0\t0.5\n1\t1.5\n",
        "plots/metrics/lr.group.tsv": "step\tlr.group\n0\t0.5\n",
    }
    (run,) = below(folder_of(tmp_path, files)).runs

    assert points(run) == {"epoch": {0: 0.5, 1: 1.5}, "lr.group": {0: 0.5}}


def test_nothing_measured_is_refused(tmp_path: Path) -> None:
    path = folder_of(tmp_path, {"dvc.yaml": PIPELINE, "plots/metrics/loss.tsv": "x\n"})

    with pytest.raises(ReadError, match="no metric in it"):
        below(path, "dvc.yaml")


@pytest.mark.skipif(not FOLDER.is_dir(), reason="no real files")
def test_a_real_folder() -> None:
    (folder,) = (FOLDER / "dvclive").glob("*/dvclive")
    reading = below(folder)

    (run,) = reading.runs
    found = points(run)
    assert (len(found["eval/loss"]), found["eval/loss"][213]) == (107, 0.7261927127838135)
    assert (found["train/loss"], len(found["epoch"])) == ({214: 0.8070883238426992}, 215)
    assert (run.precision.name, run.record.batch_size, run.record.seed) == ("amp_bf16", 8, 42)
    assert not [name for name in run.params if "token" in name and "TOKEN" in str(run.params[name])]
    assert reading.said == []
    for path in folder.rglob("*"):
        if path.is_file() and path.name != "metrics.json":
            assert claim(path.parent, path.name) == ("dvclive", Match.COMPANION)
