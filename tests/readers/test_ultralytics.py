"""Ultralytics YOLO: results of trainings with their arguments, and benchmarks of formats."""

from __future__ import annotations

import math
import time
from pathlib import Path

import pytest

from cetrack.domain import Direction, Identity, Kind, NormalRun, Status
from cetrack.errors import ReadError
from cetrack.readers.base import Match
from cetrack.readers.registry import choose
from cetrack.readers.source import Source
from cetrack.readers.ultralytics.formats import dataset_name
from tests.readers.reading import Reading, claimed_by, points, read, sample, values
from tests.readers.test_realdata import FOLDER

TABLE = "epoch,metrics/mAP50(B),lr/pg0\n1,0.25,0.1\n2,0.5,0.2\n"
ARGS = "task: detect\nmode: train\nmodel: yolov8n.pt\nimgsz: 640\nmosaic: 1.0\n"


def below(folder: Path, args: str | bytes, table: str = TABLE) -> Reading:
    (folder / "args.yaml").write_bytes(args if isinstance(args, bytes) else args.encode())
    path = folder / "results.csv"
    path.write_text(table)
    return read(Source(str(path), path=path))


def only(content: str | bytes, name: str = "results.csv") -> NormalRun:
    reading = read(content, name)
    assert reading.reader == "ultralytics"
    (run,) = reading.runs
    return run


# --- trainings -------------------------------------------------------------------------------


def test_padded_results_and_their_arguments_are_a_run() -> None:
    (run,) = read(sample("ultralytics/train/results.csv")).runs

    assert (run.record.kind, run.record.identity) == (Kind.TRAINING, Identity.LOG)
    assert (run.model.name, run.model.library) == ("yolov8s", "ultralytics")
    assert (run.model.input_shape, run.precision.name) == ("3x320x320", "fp16")
    record = run.record
    assert (record.batch_size, record.seed, record.dataset) == (24, 11, "forklifts")
    assert (record.task, record.split, record.name) == ("detect", "val", "forklifts2")
    assert record.environment.device == "cuda:0"
    assert points(run) == {
        "train/box_loss": {1: 1.9105, 2: 1.7011, 3: 1.5518},
        "metrics/precision(B)": {1: 0.21035, 2: 0.30114, 3: 0.41102},
        "metrics/mAP50-95(B)": {1: 0.08112, 2: 0.11255, 3: 0.17481},
        "val/box_loss": {1: 1.8127, 2: math.inf, 3: 1.5502},
        "lr/pg0": {1: 0.0033333, 2: 0.0065556, 3: 0.0097122},
    }
    assert (run.params["lr0"], run.params["amp"]) == (0.01, True)
    assert "project" not in run.params


def test_more_of_a_quality_is_better() -> None:
    run = only("epoch,time,metrics/mAP50-95(M),metrics/silog,lr/pg0\n1,20.5,0.5,0.1,0.1\n")

    found = {item.metric.name: (item.metric.unit, item.metric.direction) for item in run.series}
    assert found == {
        "time": ("s", None),
        "metrics/mAP50-95(M)": ("fraction", Direction.HIGHER),
        "metrics/silog": (None, None),
        "lr/pg0": (None, None),
    }
    assert points(run)["time"] == {1: 20.5}


FIELDS = [
    ("model: runs/detect/train/weights/best.pt", "name", "best"),
    ("model: C:\\nets\\yolo11x.yaml", "name", "yolo11x"),
    ("imgsz: [320, 640]", "shape", "3x320x640"),
    ("imgsz: -1", "shape", ""),
    ("imgsz: [1, 2, 3]", "shape", ""),
    ("batch: -1", "batch", None),
    ("batch: 0.7", "batch", None),
    ("batch: 8", "batch", 8),
    ("device: null", "device", ""),
    ("device: cpu", "device", "cpu"),
    ("device: '0,1'", "device", "cuda:0,1"),
    ("device: [2, 3]", "device", "cuda:2,3"),
    ("device: cuda:1", "device", "cuda:1"),
    ("device: ''", "device", ""),
    ("device: {a: 1}", "device", ""),
    ("seed: true", "seed", None),
    ("half: false", "precision", "unknown"),
    ("half: true", "precision", "fp16"),
    ("amp: true", "precision", "unknown"),
    ("data: coco128.yaml", "dataset", "coco128"),
    ("data: null", "dataset", ""),
]


@pytest.mark.parametrize(("line", "field", "expected"), FIELDS)
def test_what_arguments_state(tmp_path: Path, line: str, field: str, expected: object) -> None:
    key = line.partition(":")[0]
    kept = "".join(f"{row}\n" for row in ARGS.splitlines() if not row.startswith(f"{key}:"))
    reading = below(tmp_path, f"{kept}{line}\n")

    (run,) = reading.runs
    record = run.record
    found = {
        "name": run.model.name,
        "shape": run.model.input_shape,
        "batch": record.batch_size,
        "device": record.environment.device,
        "seed": record.seed,
        "precision": run.precision.name,
        "dataset": record.dataset,
    }
    assert found[field] == expected
    assert reading.said == []


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("coco8.yaml", "coco8"), ("/data/sets/person/data.yaml", "person"), ("data.yaml", "data"),
        ("data\\processed\\ppe\\data.yaml", "ppe"), ("https://example.org/x/VOC.yaml", "VOC"),
        ("imagenet10", "imagenet10"), ("/", ""), ("dataset/", "dataset"),
    ],
)  # fmt: skip
def test_what_a_data_set_is_called(path: str, name: str) -> None:
    assert dataset_name(path) == name


def test_epochs_that_were_appended_count_once() -> None:
    """A training that was resumed wrote epoch 2 again, and its header."""
    again = "2,0.75,0.3\nepoch,metrics/mAP50(B),lr/pg0\n3,1.0,0.4\n"
    reading = read(TABLE + again, "results.csv")

    assert points(reading.runs[0])["metrics/mAP50(B)"] == {1: 0.25, 2: 0.75, 3: 1.0}
    assert reading.said == [": 2 values of repeated steps: the last one counts"]


def test_early_releases_count_from_zero() -> None:
    header = "epoch,train/obj_loss,metrics/mAP_0.5,metrics/mAP_0.5:0.95,x/lr0"
    run = only(f"  {header.replace(',', ',   ')}\n 0, 0.5, 0.25, 0.125, 0.1\n")

    assert points(run)["metrics/mAP_0.5:0.95"] == {0: 0.125}


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ("a: [", 1),
        ("- 1\n", ["args.yaml: no mapping of settings: left out"]),
        ("model: timm_model\nopt: sgd\n", []),
        (b"\xff\xfe\x00", 1),
    ],
)
def test_arguments_that_are_none_do_not_cost_the_results(
    tmp_path: Path, args: str | bytes, said: list[str] | int
) -> None:
    reading = below(tmp_path, args)

    (run,) = reading.runs
    assert (run.model.name, run.params) == ("", {})
    assert reading.said == said if isinstance(said, list) else len(reading.said) == said


@pytest.mark.parametrize(
    ("content", "claimed"),
    [
        (TABLE, ["ultralytics"]),
        ("epoch,metrics/acc\n1,2\n", ["epochs"]),
        ("epoch,train/loss,lr/pg0\n1,2,3\n", ["epochs"]),
        ("metrics/mAP50(B),lr/pg0\n1,2\n", []),
        ("Format,FPS\nONNX,2\n", []),
    ],
)
def test_what_is_its_table(content: str, claimed: list[str]) -> None:
    assert claimed_by(content, "results.csv") == claimed


def test_the_arguments_of_another_tool_are_not_claimed(tmp_path: Path) -> None:
    path = tmp_path / "args.yaml"
    path.write_text(ARGS)
    reader, match = choose(Source(str(path), path=path))
    assert (reader.name, match) == ("ultralytics", Match.COMPANION)

    path.write_text(ARGS.replace("mosaic", "cutmix"))
    with pytest.raises(ReadError):
        choose(Source(str(path), path=path))


BAD = [
    pytest.param("epoch,metrics/a,lr/pg0\n", 0, id="a header alone"),
    pytest.param("epoch,metrics/a,lr/pg0\n1,0.5,0.1\n2,0.", 1, id="cut off"),
    pytest.param("epoch,metrics/a,lr/pg0\n1,,\n2,nan,-\n", 1, id="gaps"),
    pytest.param(TABLE.encode("utf-16"), 1, id="UTF-16"),
    pytest.param(b"\xef\xbb\xbf" + TABLE.replace("\n", "\r\n").encode(), 1, id="BOM and CRLF"),
    pytest.param("epoch,metrics/a,lr/pg0\n1,1e999,-1e999\n", 1, id="huge"),
]


@pytest.mark.parametrize(("content", "runs"), BAD)
def test_odd_results_are_read_or_said(content: str | bytes, runs: int) -> None:
    reading = read(content, "results.csv")

    assert len(reading.records) == runs
    assert runs or reading.said


def test_a_row_with_more_cells_than_headings_is_refused() -> None:
    with pytest.raises(ReadError, match="row 3: 4 cells under 3 headings"):
        read("epoch,metrics/a,lr/pg0\n1,0.5,0.1\n2,31.5,0.5,0.1\n", "results.csv")


# --- formats ---------------------------------------------------------------------------------

MIB = 1.048576


def test_a_log_of_benchmarks_is_a_run_per_format_and_block() -> None:
    reading = read(sample("ultralytics/benchmarks.log"))

    assert [(run.model.name, run.record.variant, run.record.dataset) for run in reading.runs] == [
        ("yolo11n", "PyTorch", "coco8"),
        ("yolo11n", "TorchScript", "coco8"),
        ("yolo11n", "ONNX", "coco8"),
        ("yolo11n", "TensorFlow SavedModel", "coco8"),
        ("yolo11n-seg", "PyTorch", "coco8-seg"),
        ("yolo11n-seg", "MNN", "coco8-seg"),
    ]
    assert {run.model.input_shape for run in reading.runs} == {"3x320x320", "3x640x640"}
    assert {run.record.batch_size for run in reading.runs} == {1}
    assert values(reading.runs[1]) == {
        "model_size_mb": pytest.approx(10.5 * MIB),
        "metrics/mAP50-95(B)": 0.4998,
        "latency_mean_ms": 24.5,
        "throughput_ips": 40.81,
    }
    assert values(reading.runs[5])["metrics/mAP50-95(M)"] == 0.4301
    assert reading.said == ["row 7: size 0: nothing was exported"]


def test_formats_that_failed_are_runs_that_failed() -> None:
    runs = read(sample("ultralytics/benchmarks.log")).runs

    assert [(run.record.status, run.record.status_reason) for run in runs[1:4]] == [
        (Status.FINISHED, ""),
        (Status.FAILED, "exported, but the validation failed"),
        (Status.FAILED, "the export failed"),
    ]
    assert list(values(runs[2])) == ["model_size_mb"]


def test_a_table_of_formats_as_csv() -> None:
    runs = read(sample("ultralytics/formats.csv")).runs

    assert [(run.record.environment.runtime, run.record.status) for run in runs] == [
        ("pytorch", Status.FINISHED),
        ("tensorrt", Status.FINISHED),
        ("coreml", Status.FAILED),
    ]
    assert values(runs[1])["metrics/accuracy_top1"] == 0.7475
    assert (runs[0].record.kind, runs[0].record.identity) == (Kind.BENCHMARK, Identity.SNAPSHOT)


def test_headings_that_stand_one_blank_apart() -> None:
    """Pandas sets columns of text apart by one blank only: those in which a dash stands."""
    log = (
        "Benchmarks complete for nets/yolov8n.pt on data/person/data.yaml at imgsz=[320, 640]\n"
        "         Format Status❔  Size (MB) metrics/mAP50-95(B) Inference time (ms/im)   FPS\n"
        "0       PyTorch       ✅        6.2              0.6117                  25.79 38.77\n"
        "1 TensorFlow.js      ❎        6.1                   -                      -     -\n"
        "2          ONNX       ✅\n"
        "done\n"
    )
    reading = read(log, "benchmarks.log")

    first, second = reading.runs
    assert (first.model.name, first.model.input_shape) == ("yolov8n", "3x320x640")
    assert (first.record.dataset, values(first)["throughput_ips"]) == ("person", 38.77)
    assert (second.record.variant, second.record.status) == ("TensorFlow.js", Status.FAILED)
    assert reading.said == ["line 5: fewer cells than headings: left out"]


def test_a_line_without_end_costs_no_time() -> None:
    line = "Benchmarks complete for " + "a on b at imgsz=" * 100_000

    begun = time.perf_counter()
    assert claimed_by(line, "benchmarks.log") == []
    with pytest.raises(ReadError):
        read(f"{line}\n", "benchmarks.log", reader="ultralytics")
    assert time.perf_counter() - begun < 5


def test_a_cell_that_is_no_number_is_said() -> None:
    reading = read(
        "Format,Status,Size (MB),Inference time (ms/im),FPS\nONNX,✅,small,nan,12\n", "a.csv"
    )

    assert values(reading.runs[0]) == {"throughput_ips": 12.0}
    assert reading.said == ["row 2: 'Size (MB)': 'small' is no number: left out"]


# --- real files ------------------------------------------------------------------------------


@pytest.mark.skipif(not FOLDER.is_dir(), reason="no real files")
@pytest.mark.parametrize(
    ("name", "dataset", "last"), [("train", "person", 0.37201), ("train2", "ppe", 0.00957)]
)
def test_real_results(name: str, dataset: str, last: float) -> None:
    folder = FOLDER / "keras_yolo/Aarya01Patil__Person_PPE_Detection_Model/runs/detect" / name
    path = folder / "results.csv"
    reading = read(Source(str(path), path=path))

    (run,) = reading.runs
    assert (run.model.name, run.record.dataset, run.record.batch_size) == ("yolov8n", dataset, 16)
    found = points(run)["metrics/mAP50-95(B)"]
    assert (len(found), found[100]) == (100, last)
    args = folder / "args.yaml"
    assert choose(Source(str(args), path=args))[1] is Match.COMPANION
    assert reading.said == []
