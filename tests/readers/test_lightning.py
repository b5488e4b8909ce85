"""PyTorch Lightning's CSVLogger, with the settings beside its table."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from cetrack.domain import Identity, Kind
from cetrack.errors import ReadError
from cetrack.readers.base import Match
from cetrack.readers.registry import choose
from cetrack.readers.source import Source
from tests.readers.reading import Reading, claimed_by, points, read, sample
from tests.readers.test_realdata import FOLDER

TABLE = "epoch,step,train_loss\n0,9,0.5\n1,19,0.25\n"


def below(folder: Path, files: dict[str, str | bytes]) -> Reading:
    for name, content in files.items():
        path = folder / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    path = folder / "metrics.csv"
    return read(Source(str(path), path=path))


def test_sparse_rows_are_counted_by_the_step_of_the_trainer() -> None:
    (run,) = read(sample("lightning/version_0/metrics.csv")).runs

    assert (run.record.kind, run.record.identity) == (Kind.TRAINING, Identity.LOG)
    found = points(run)
    assert math.isnan(found["train_loss_step"].pop(19))
    assert found == {
        "epoch": {4: 0.0, 9: 0.0, 14: 1.0, 19: 1.0},
        "lr-AdamW": {4: 0.001},
        "train/loss": {9: 2.14, 19: 1.61},
        "train_loss_step": {4: 2.31, 9: 1.97, 14: 1.52},
        "val/accuracy": {9: 0.41, 19: 0.55},
        "val/loss": {9: 1.88, 19: 1.41},
    }


def test_hyper_parameters_are_read_whatever_python_objects_they_name() -> None:
    reading = read(sample("lightning/version_0/metrics.csv"))

    (run,) = reading.runs
    assert (run.model.name, run.precision.name) == ("mobilenet_v3_small", "amp")
    assert (run.record.batch_size, run.record.seed) == (64, 7)
    assert run.params == {
        "lr": 0.001,
        "model_name": "mobilenet_v3_small",
        "precision": "16-mixed",
        "schedule.kind": "cosine",
        "schedule.warmup": 5,
    }
    assert reading.said == []


def test_the_config_of_the_command_line_is_read_too() -> None:
    (run,) = read(sample("lightning/cli/metrics.csv")).runs

    assert (run.model.name, run.precision.name) == ("KeywordSpotter", "bf16")
    assert (run.record.batch_size, run.record.seed) == (128, 42)
    assert (run.params["hidden"], run.params["trainer.max_epochs"]) == (96, 2)
    assert points(run)["train/loss"] == {24: 0.69, 49: 0.64}


@pytest.mark.parametrize(
    ("precision", "name"),
    [
        ("16", "amp"), ("'16-mixed'", "amp"), ("bf16-mixed", "amp_bf16"), ("32", "fp32"),
        ("64-true", "fp64"), ("int8", "int8"), ("true", "unknown"), ("0.91", "unknown"),
        ("null", "unknown"), ("[1]", "unknown"),
    ],
)  # fmt: skip
def test_precisions_of_the_trainer(tmp_path: Path, precision: str, name: str) -> None:
    reading = below(tmp_path, {"metrics.csv": TABLE, "hparams.yaml": f"precision: {precision}\n"})

    assert reading.runs[0].precision.name == name


@pytest.mark.parametrize(
    ("content", "said"),
    [
        pytest.param("{}\n", [], id="none"),
        pytest.param("", [], id="empty"),
        pytest.param("- 1\n", ["hparams.yaml: no mapping of settings: left out"], id="a list"),
        pytest.param(
            "a: [1\n",
            ["hparams.yaml: line 2: invalid YAML: did not find expected ',' or ']': left out"],
            id="broken",
        ),
        pytest.param(
            b"a: \xff\n", ["hparams.yaml: byte 3: not UTF-8 text: left out"], id="latin-1"
        ),
        pytest.param("a: &x [*x]\n", 1, id="a loop"),
    ],
)
def test_odd_hyper_parameters_do_not_cost_the_metrics(
    tmp_path: Path, content: str | bytes, said: list[str] | int
) -> None:
    reading = below(tmp_path, {"metrics.csv": TABLE, "hparams.yaml": content})

    assert points(reading.runs[0])["train/loss"] == {9: 0.5, 19: 0.25}
    assert reading.said == said if isinstance(said, list) else len(reading.said) == said


def test_two_megabytes_of_hyper_parameters_are_an_artifact(tmp_path: Path) -> None:
    words = "\n".join(f"  - class_{number:05}" for number in range(120_000))
    reading = below(tmp_path, {"metrics.csv": TABLE, "hparams.yaml": f"lr: 0.5\nnames:\n{words}\n"})

    (run,) = reading.runs
    assert run.params == {"lr": 0.5}
    (artifact,) = run.record.artifacts
    assert (artifact.name, len(artifact.content)) == ("names", 120_000)


def test_another_tools_config_says_nothing(tmp_path: Path) -> None:
    files = {"metrics.csv": TABLE, "config.yaml": "model: {class_path: a.B}\nseed: 5\n"}

    (run,) = below(tmp_path, files).runs
    assert (run.model.name, run.record.seed, run.params) == ("", None, {})


@pytest.mark.parametrize(
    ("content", "name", "claimed"),
    [
        pytest.param(TABLE, "metrics.csv", ["lightning"], id="by its name"),
        pytest.param(TABLE, "log.csv", ["epochs"], id="any log"),
        pytest.param("step,epoch,loss_epoch\n1,0,2\n", "a.csv", ["lightning"], id="suffix"),
        pytest.param("step,epoch,lr-SGD\n1,0,2\n", "a.csv", ["lightning"], id="monitor"),
        pytest.param("step,loss\n1,2\n", "metrics.csv", [], id="no epoch"),
        pytest.param("epoch,step\n1,2\n", "metrics.csv", [], id="no metric"),
        pytest.param("epoch,loss_epoch\n1,2\n", "metrics.csv", ["epochs"], id="no step"),
        pytest.param("Epoch,Step,loss_step\n1,2,3\n", "a.csv", ["epochs"], id="capitals"),
    ],
)
def test_what_is_its_table(content: str, name: str, claimed: list[str]) -> None:
    assert claimed_by(content, name) == claimed


def test_a_table_by_steps_is_its_own_with_hyper_parameters_beside_it(tmp_path: Path) -> None:
    reading = below(tmp_path, {"metrics.csv": "loss,step\n0.5,3\n0.25,6\n", "hparams.yaml": "{}\n"})

    assert reading.reader == "lightning"
    assert points(reading.runs[0]) == {"loss": {3: 0.5, 6: 0.25}}


def test_settings_belong_to_a_table_beside_them(tmp_path: Path) -> None:
    hparams = tmp_path / "hparams.yaml"
    hparams.write_text("lr: 1\n")
    with pytest.raises(ReadError):
        choose(Source(str(hparams), path=hparams))

    (tmp_path / "metrics.csv").write_text(TABLE)
    assert choose(Source(str(hparams), path=hparams))[1] is Match.COMPANION


BAD = [
    pytest.param("epoch,step,train_loss\n", 1, 0, id="a header alone"),
    pytest.param("epoch,step,train_loss\n0,1,x\n", 1, 0, id="text"),
    pytest.param("epoch,step,train_loss\n0,1,0.5\n0,2", 1, 1, id="cut off"),
    pytest.param(
        "epoch,step,train_loss\n0,1,0.5\nepoch,step,train_loss\n0,2,0.25\n", 0, 1, id="header again"
    ),
    pytest.param("epoch,step,train_loss\n0,1.5,0.5\n", 1, 1, id="half a step"),
    pytest.param(" epoch , step , train_loss \n 0 , 1 , 0.5 \n", 0, 1, id="padded"),
    pytest.param(TABLE.replace("\n", "\r\n"), 0, 1, id="CRLF"),
    pytest.param(TABLE.encode("utf-16"), 0, 1, id="UTF-16"),
    pytest.param(b"\xef\xbb\xbf" + TABLE.encode(), 0, 1, id="BOM"),
    pytest.param("epoch,step,train_loss\n0,1,1e400\n0,2,1e24\n", 0, 1, id="huge"),
]


@pytest.mark.parametrize(("content", "notices", "runs"), BAD)
def test_odd_tables_are_read_or_said(content: str | bytes, notices: int, runs: int) -> None:
    reading = read(content, "metrics.csv", reader="lightning")

    assert (len(reading.records), len(reading.said)) == (runs, notices)


def test_a_table_that_is_none_is_refused() -> None:
    for content in (b"epoch,step,a\n0,1,\xff\n", "epoch,step,a\n0,1,2,3\n"):
        with pytest.raises(ReadError):
            read(content, "metrics.csv", reader="lightning")


def test_models_in_a_column_are_runs_of_their_own() -> None:
    reading = read("model,epoch,step,loss_step\na,0,1,0.5\nb,0,1,0.25\n", "x.csv")

    assert [(run.model.name, points(run)["loss_step"]) for run in reading.runs] == [
        ("a", {1: 0.5}),
        ("b", {1: 0.25}),
    ]


@pytest.mark.skipif(not FOLDER.is_dir(), reason="no real files")
@pytest.mark.parametrize(
    ("name", "metric", "count", "last"),
    [
        ("InfectionMedicineProteomics__BINN-fork/lightning_logs/version_0", "train/loss", 3, 74),
        ("LiuTaowen-Tony__xKV/lightning_logs/version_0", "train_loss_step", 2, 19),
        ("manuel-rhdt__ml-pws/experiments/neurons/neuron_0", "val/loss", 10, 539),
        ("AIRI-Institute__genrisk/lightning_logs/version_10", "train_gen_loss", 320, 319),
        ("AIRI-Institute__genrisk/lightning_logs/version_0", "train_gen_loss", 320, 319),
    ],
)
def test_real_tables(name: str, metric: str, count: int, last: int) -> None:
    path = FOLDER / "lightning_csv" / name / "metrics.csv"
    reading = read(Source(str(path), path=path))

    found = points(reading.runs[0])[metric]
    assert (reading.reader, len(found), max(found)) == ("lightning", count, last)
    assert reading.said == []


@pytest.mark.skipif(not FOLDER.is_dir(), reason="no real files")
def test_real_hyper_parameters_with_an_object_of_python() -> None:
    path = FOLDER / "lightning_csv/LiuTaowen-Tony__xKV/lightning_logs/version_0/metrics.csv"

    (run,) = read(Source(str(path), path=path)).runs
    assert run.params["config.__dict__.hidden_dim"] == 2048
    assert (run.params["weight_decay"], run.params["use_vae"]) == (1e-05, False)
