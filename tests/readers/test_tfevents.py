"""Event files: every form of every writer, what is broken, and the fast way against the slow."""

from __future__ import annotations

import gzip
import io
import math
import random
import struct
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cetrack.domain import Kind, RunRecord, Status
from cetrack.errors import ReadError
from cetrack.hints import path_hints, variant_of
from cetrack.ingest import IngestOptions, ingest
from cetrack.normalize import normalize
from cetrack.readers.base import Match
from cetrack.readers.registry import choose, readers
from cetrack.readers.source import Source
from cetrack.readers.tfevents import framing, log, points
from cetrack.readers.tfevents.framing import Records
from cetrack.readers.tfevents.log import Log
from cetrack.tb.records import framed
from tests.readers.event_files import (
    BEGAN,
    Event,
    HistogramProto,
    Summary,
    event,
    file_of,
    scalar,
    session,
    simple,
    starts,
    tensor,
    text,
)
from tests.readers.reading import Reading, claimed_by, read, sample, source
from tests.readers.reading import points as points_of
from tests.readers.test_realdata import FOLDER

NAME = "events.out.tfevents.1780000000.gpu01.4711.0"
EVERYTHING = {"scalars": 0, "tensors": 0}


def read_file(*events: Any) -> Reading:
    return read(file_of(*events), NAME)


def only(reading: Reading) -> RunRecord:
    (record,) = reading.records
    return record


def series(record: RunRecord) -> dict[str, list[tuple[int, float]]]:
    return {
        item.name: list(zip(item.steps.tolist(), item.values.tolist(), strict=True))
        for item in record.series
    }


def losses(count: int, tag: str = "loss", first: int = 1) -> list[Event]:
    return [event(step, simple(tag, 1 / step)) for step in range(first, first + count)]


def single(value: float) -> float:
    return float(np.float32(value))


# --- samples ---------------------------------------------------------------------------------


def test_a_pytorch_run_with_its_hyperparameters() -> None:
    record = only(read(sample("tfevents/torch/resnet18_qat/" + NAME)))
    run = normalize(record)

    assert (record.name, record.kind, record.status) == (
        "resnet18_qat", Kind.TRAINING, Status.FINISHED,
    )  # fmt: skip
    assert (record.model.name, run.precision.name) == ("resnet18", "int8")
    assert (record.batch_size, record.seed, record.environment.host) == (64, 7, "gpu01")
    assert record.params == {"lr": 0.05, "optimizer": "sgd", "per_channel": True, "epochs": 3}
    assert points_of(run)["train/loss"] == {
        1: single(0.9), 2: single(0.6), 3: single(0.45),
    }  # fmt: skip
    assert record.series[0].wall_times is not None
    assert record.series[0].wall_times.tolist() == [BEGAN + 60, BEGAN + 120, BEGAN + 180]


def test_the_halves_of_a_keras_training_are_two_runs() -> None:
    train = only(read(sample("tfevents/keras/train/" + NAME + ".v2")))
    validation = only(read(sample("tfevents/keras/validation/" + NAME + ".v2")))

    assert (train.split, validation.split) == ("train", "val")
    assert series(train)["epoch_loss"] == [(0, single(1.5)), (1, single(0.75))]
    assert series(validation)["epoch_accuracy"] == [(0, 0.5), (1, 0.625)]


def test_a_resumed_run_is_one_run_of_two_files() -> None:
    first = sample("tfevents/resumed/events.out.tfevents.1780000000.node.11.0")
    second = sample("tfevents/resumed/events.out.tfevents.1780003600.node.12.0")
    reading = read(first)

    assert choose(second)[1] is Match.COMPANION
    assert series(only(reading))["loss"] == [
        (step, single(value)) for step, value in enumerate([1.0, 0.8, 0.5, 0.4, 0.3])
    ]
    assert reading.notices == [": 2 values of repeated steps: the last one counts"]


# --- writers ---------------------------------------------------------------------------------


def test_what_pytorch_writes(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from torch.utils.tensorboard import SummaryWriter

    with SummaryWriter(tmp_path / "lenet_int8") as writer:
        for step in range(300):
            writer.add_scalar("plain", step / 7, step)
            writer.add_scalar("new", step / 7, step, new_style=True)
            writer.add_scalar("double", step / 7, step, new_style=True, double_precision=True)
        writer.add_histogram("weights", np.arange(100.0), 5)
        writer.add_text("note", "a *long* story\nin two lines", 1)
        writer.add_image("image", np.zeros((3, 4, 4)))
        writer.add_pr_curve("curve", np.array([0, 1]), np.array([0.1, 0.9]), 2)
        writer.add_hparams({"lr": 0.1, "bn": True, "model": "lenet"}, {"best": 0.5}, run_name=".")
    (path, *rest) = sorted((tmp_path / "lenet_int8").glob("*tfevents*"))
    reading = read(Source(str(path), path=path))
    record = only(reading)

    assert len(rest) == 1
    assert series(record)["plain"] == [(step, single(step / 7)) for step in range(300)]
    assert series(record)["new"] == series(record)["plain"]
    assert series(record)["double"] == [(step, step / 7) for step in range(300)]
    assert series(record)["best"] == [(0, 0.5)]
    assert record.params == {"lr": 0.1, "bn": 1}  # PyTorch takes True for a number
    assert record.model.name == "lenet"
    assert {item.name: item.kind for item in record.artifacts} == {
        "note": "text", "weights": "histogram",
    }  # fmt: skip
    assert reading.notices == [": left out: 1 images, 1 values of the plugin pr_curves"]


def test_what_tensorboardx_writes(tmp_path: Path) -> None:
    from tensorboardX import SummaryWriter

    with SummaryWriter(str(tmp_path)) as writer:
        for step in range(200, 0, -1):
            writer.add_scalar("loss", step, step, walltime=1e9 + step)
        writer.add_text("tag", "short")
    (path,) = tmp_path.glob("*tfevents*")
    record = only(read(Source(str(path), path=path)))

    assert series(record) == {"loss": [(step, step) for step in range(1, 201)]}
    assert record.series[0].wall_times is not None
    assert record.series[0].wall_times.tolist() == [1e9 + step for step in range(1, 201)]
    assert record.params == {"tag": "short"}


def test_tensorflow_1_merges_many_scalars_into_one_event() -> None:
    events = [event(step, *(simple(f"t{n}", n + step) for n in range(30))) for step in range(40)]
    record = only(read_file(*events))

    assert series(record) == {f"t{n}": [(step, n + step) for step in range(40)] for n in range(30)}
    assert [item.name for item in record.series] == [f"t{n}" for n in range(30)]


@pytest.mark.parametrize("count", [1, 40])
@pytest.mark.parametrize(
    ("fields", "value"),
    [
        ({"dtype": "DT_FLOAT", "float_val": [0.1]}, single(0.1)),
        ({"dtype": "DT_FLOAT", "tensor_content": struct.pack("<f", 0.1)}, single(0.1)),
        ({"dtype": "DT_FLOAT"}, 0.0),
        ({"dtype": "DT_DOUBLE", "double_val": [0.1]}, 0.1),
        ({"dtype": "DT_DOUBLE", "tensor_content": struct.pack("<d", 0.1)}, 0.1),
        ({"dtype": "DT_HALF", "half_val": [0x3555]}, float(np.float16(1 / 3))),
        ({"dtype": "DT_HALF", "tensor_content": b"\x55\x35"}, float(np.float16(1 / 3))),
        ({"dtype": "DT_BFLOAT16", "half_val": [0x3EAB]}, 0.333984375),
        ({"dtype": "DT_BFLOAT16", "tensor_content": b"\xab\x3e"}, 0.333984375),
        ({"dtype": "DT_INT32", "int_val": [-5]}, -5.0),
        ({"dtype": "DT_INT32", "tensor_content": struct.pack("<i", -5)}, -5.0),
        ({"dtype": "DT_INT8", "int_val": [-5]}, -5.0),
        ({"dtype": "DT_UINT8", "int_val": [200]}, 200.0),
        ({"dtype": "DT_INT16", "tensor_content": struct.pack("<h", -300)}, -300.0),
        ({"dtype": "DT_UINT16", "int_val": [65535]}, 65535.0),
        ({"dtype": "DT_INT64", "int64_val": [-(2**53)]}, -(2.0**53)),
        ({"dtype": "DT_INT64", "tensor_content": struct.pack("<q", 2**40)}, 2.0**40),
        ({"dtype": "DT_UINT32", "uint32_val": [2**32 - 1]}, 2.0**32 - 1),
        ({"dtype": "DT_UINT64", "uint64_val": [2**63]}, 2.0**63),
        ({"dtype": "DT_BOOL", "bool_val": [True]}, 1.0),
        ({"dtype": "DT_FLOAT", "float_val": [math.nan]}, math.nan),
        ({"dtype": "DT_DOUBLE", "double_val": [-math.inf]}, -math.inf),
    ],
    ids=str,
)
def test_scalars_are_tensors_of_any_type(fields: dict[str, Any], value: float, count: int) -> None:
    record = only(read_file(*(event(n, tensor("a", **fields)) for n in range(count))))

    assert repr(series(record)["a"]) == repr([(n, value) for n in range(count)])


@pytest.mark.parametrize(
    ("value", "left_out"),
    [
        (
            tensor("a", "pr_curves", (2,), dtype="DT_FLOAT", float_val=[1, 2]),
            "values of the plugin",
        ),
        (tensor("a", "", (2,), dtype="DT_FLOAT", float_val=[1, 2]), "1 tensors"),
        (tensor("a", dtype="DT_COMPLEX64", scomplex_val=[1, 2]), "values of the plugin scalars"),
        (tensor("a", dtype="DT_STRING", string_val=[b"x"]), "values of the plugin scalars"),
        (Summary.Value(tag="a", audio=Summary.Audio(sample_rate=1)), "1 audio clips"),
        (Summary.Value(tag="a", image=Summary.Image(height=1)), "1 images"),
        (text("a", "x" * (2**20 + 1)), "1 texts beyond 1 MiB"),
    ],
)
def test_what_is_no_number_is_counted(value: Summary.Value, left_out: str) -> None:
    reading = read_file(event(1, value, simple("loss", 1)))

    assert series(only(reading)) == {"loss": [(1, 1.0)]}
    assert len(reading.notices) == 1
    assert left_out in reading.notices[0]


def test_graphs_and_messages_are_counted() -> None:
    graph = Event(wall_time=BEGAN, graph_def=b"x" * 9000)
    reading = read_file(graph, graph, Event(meta_graph_def=b"y"), *losses(1))

    assert reading.notices == [": left out: 3 graphs"]


def test_a_writer_need_not_repeat_what_plugin_a_tag_belongs_to() -> None:
    bare = tensor("note", "", (1,), dtype="DT_STRING", string_val=[b"second"])
    curve = tensor("c", "pr_curves", (1,), dtype="DT_FLOAT", float_val=[1])
    later = tensor("c", "", (1,), dtype="DT_FLOAT", float_val=[1])
    reading = read_file(event(1, text("note", "first"), curve), event(2, bare, later), *losses(1))

    assert only(reading).params == {"note": "second"}
    assert reading.notices == [
        ": left out: 2 values of the plugin pr_curves",
        ": 1 earlier texts of 1 tags: the last is kept",
    ]


# --- steps -----------------------------------------------------------------------------------


def test_the_last_value_of_a_step_counts() -> None:
    reading = read_file(
        *(event(step, simple("loss", value)) for value, step in enumerate([1, 2, 3, 2, 3, 4, 4]))
    )

    assert series(only(reading))["loss"] == [(1, 0.0), (2, 3.0), (3, 4.0), (4, 6.0)]
    assert reading.notices == [": 3 values of repeated steps: the last one counts"]


@pytest.mark.parametrize("count", [4, 400])
def test_a_session_that_starts_anew_voids_later_steps(count: int) -> None:
    again = [event(step, simple("loss", -1)) for step in range(count // 2, count // 2 + 2)]
    reading = read_file(starts(0), *losses(count), starts(count // 2), *again)
    found = dict(series(only(reading))["loss"])

    assert list(found) == list(range(1, count // 2 + 2))
    assert (found[count // 2 - 1], found[count // 2]) == (single(2 / (count - 2)), -1.0)
    void = count - count // 2 + 1
    assert reading.notices == [
        f": {void} values of steps at which a later session starts anew: left out"
    ]


def test_steps_of_any_size_and_sign() -> None:
    steps = [-(2**63), -1, 0, 127, 128, 16383, 16384, 2**31, 2**63 - 1]
    once = [event(step, simple("a", n), wall=BEGAN) for n, step in enumerate(steps)]
    found = series(only(read_file(*once)))["a"]

    assert found == list(zip(steps, map(float, range(9)), strict=True))


def test_wall_times_that_are_none_are_unknown() -> None:
    walls = [0.0, -1.0, math.nan, math.inf, 1e300, BEGAN]
    events = [event(n, simple("a", n), simple("b", n), wall=wall) for n, wall in enumerate(walls)]
    first, _ = only(read_file(*events)).series
    (unknown,) = only(read_file(*events[:5][:1], event(7, simple("a", 1), wall=1e300))).series[:1]

    assert first.wall_times is not None
    assert [repr(wall) for wall in first.wall_times.tolist()] == ["nan"] * 5 + [repr(BEGAN)]
    assert unknown.wall_times is None


# --- what is said beside the numbers ---------------------------------------------------------


def test_a_session_states_fields_and_parameters() -> None:
    settings = {
        "model": "vit_b_16", "precision": "INT8", "batch_size": 32, "seed": 3, "lr": 0.25,
        "ema": False, "author": "someone@example.org", "dataset": "cifar10", "layers": 12,
    }  # fmt: skip
    start = session(hparams=settings, start_time_secs=BEGAN - 5, group_name="g", model_uri="s3://m")
    record = only(read_file(event(0, start), *losses(1), event(9, session(2, finished=BEGAN + 60))))

    assert (record.model.name, record.precision, record.dataset) == ("vit_b_16", "INT8", "cifar10")
    assert (record.batch_size, record.seed) == (32, 3)
    assert record.params == {"lr": 0.25, "ema": False, "layers": 12, "model_uri": "s3://m"}
    assert record.tags == {"group": "g"}
    assert (record.status, record.status_reason) == (Status.FAILED, "STATUS_FAILURE")
    assert record.started_at is not None
    assert record.started_at.timestamp() == BEGAN - 5
    assert record.finished_at is not None
    assert record.finished_at.timestamp() == BEGAN + 60


@pytest.mark.parametrize(
    ("status", "expected"),
    [(0, Status.FINISHED), (1, Status.FINISHED), (2, Status.FAILED), (3, Status.RUNNING)],
)
def test_how_a_session_ended(status: int, expected: Status) -> None:
    assert only(read_file(*losses(1), event(0, session(status)))).status is expected


def test_a_text_that_is_a_program_s_own_is_no_model_name() -> None:
    odd = {"model": "<net.LeNet object at 0x7f>", "precision": 16.0}
    record = only(read_file(event(0, session(hparams=odd)), *losses(1)))

    assert (record.model.name, record.precision) == ("", "")
    assert record.params == {"model": "<net.LeNet object at 0x7f>", "precision": 16}


def test_the_settings_of_a_trainer_are_parameters() -> None:
    arguments = (
        '{"learning_rate": 5e-05, "seed": 42, "run_name": "x", "fp16": false, "a": {"b": 1}}'
    )
    config = '{"_name_or_path": "%s", "hidden_size": 768}'
    for path, model in (("org/bert-base", "org/bert-base"), ("./out/bert-tiny", "bert-tiny")):
        record = only(
            read_file(
                event(0, text("args/text_summary", arguments)),
                event(0, text("model_config/text_summary", config % path)),
                *losses(1),
            )
        )
        assert (record.model.name, record.seed, record.name) == (model, 42, "")
        assert record.params["args.learning_rate"] == 5e-05
        assert record.params["args.a.b"] == 1
        assert record.params["model_config.hidden_size"] == 768


def test_the_last_histogram_of_a_tag_is_kept_with_its_counts() -> None:
    proto = HistogramProto(
        min=-1, max=2, num=5, sum=3, sum_squares=7, bucket_limit=[0, 1, 1e308], bucket=[2, 2, 1]
    )
    rows = np.array([[0, 1, 4], [1, 2, 6]], np.float32)
    tensors = tensor("t", "histograms", (2, 3), dtype="DT_FLOAT", tensor_content=rows.tobytes())
    histogram = Summary.Value(tag="h", histo=proto)
    reading = read_file(event(1, histogram), event(2, histogram, tensors), *losses(1))

    assert {item.name: item.content for item in only(reading).artifacts} == {
        "h": {
            "step": 2, "steps": 2, "buckets": [[-1, 0, 2], [0, 1, 2], [1, 2, 1]],
            "min": -1, "max": 2, "count": 5, "sum": 3, "sum_squares": 7,
        },
        "t": {"step": 2, "steps": 1, "buckets": [[0, 1, 4], [1, 2, 6]]},
    }  # fmt: skip
    assert reading.notices == [": 1 earlier histograms of 2 tags: the last is kept"]


def test_artifacts_of_one_name_are_told_apart() -> None:
    long, histogram = text("a", "x" * 300), Summary.Value(tag="a", histo=HistogramProto())
    record = only(read_file(event(0, long), event(0, histogram), *losses(1)))

    assert [item.name for item in record.artifacts] == ["a", "a#2"]


def test_the_placeholder_of_lightning_is_kept_and_said() -> None:
    reading = read_file(event(0, simple("hp_metric", -1)), *losses(1))

    assert series(only(reading))["hp_metric"] == [(0, -1.0)]
    assert "placeholder" in reading.notices[0]


@pytest.mark.parametrize(
    ("name", "host"),
    [
        ("events.out.tfevents.1780000000.my-mac.local", "my-mac.local"),
        ("events.out.tfevents.1780000000.my-mac.lan.86059.0", "my-mac.lan"),
        ("events.out.tfevents.1780000000.box.12.0.v2", "box"),
        ("events.out.tfevents.1780000000.box.12.0.v2.gz", "box"),
        ("my.tfevents", ""),
    ],
)
def test_the_host_is_in_the_name(name: str, host: str) -> None:
    assert only(read(file_of(*losses(1)), name)).environment.host == host


def test_a_file_s_name_is_neither_model_nor_variant() -> None:
    name = "events.out.tfevents.1780000000.lenet-box.1.0"
    run = Path("runs") / "Apr25_17-17-47_lenet-box" / name

    assert variant_of(name) == ""
    assert path_hints(run, "/x" / run) == ("", "")
    inner = Path("runs/resnet18_int8") / name
    assert path_hints(inner, "/x" / inner) == ("resnet18", "int8")
    inner = Path("Apr25_17-17-47_box_vgg_fp16") / name
    assert path_hints(inner, "/x" / inner) == ("vgg", "fp16")


def test_without_numbers_there_is_no_run() -> None:
    reading = read_file(event(0, session(hparams={"lr": 1})), event(0, text("a", "b")))

    assert reading.records == []
    assert reading.notices == [": no numbers: no run made"]


# --- files of one folder ---------------------------------------------------------------------


def written(folder: Path, **files: bytes) -> list[Source]:
    folder.mkdir(parents=True, exist_ok=True)
    found = []
    for name, content in files.items():
        path = folder / f"events.out.tfevents.{name}.h"
        path.write_bytes(content)
        found.append(Source(str(path), path=path))
    return found


def test_what_stands_beside_and_is_no_event_file_is_not_the_first(tmp_path: Path) -> None:
    empty, strange, first, second = written(
        tmp_path,
        a=b"",
        b=b"<html>",
        c=file_of(*losses(2)),
        d=gzip.compress(file_of(*losses(1, "x"))),
    )
    record = only(read(first))

    assert choose(first)[1] is Match.YES
    assert choose(second)[1] is Match.COMPANION
    assert series(record) == {"loss": [(1, 1.0), (2, 0.5)], "x": [(1, 1.0)]}
    for broken in (empty, strange):
        with pytest.raises(ReadError):
            choose(broken)


def test_what_is_wrong_with_another_file_is_said_of_it(tmp_path: Path) -> None:
    whole = file_of(*losses(2, "x"))
    first, _ = written(tmp_path, a=file_of(*losses(1)), b=whole[:-3])
    reading = read(first)

    assert series(only(reading))["x"] == [(1, 1.0)]
    place = len(file_of(*losses(1, "x")))
    assert reading.notices[0].startswith(f"events.out.tfevents.b.h: byte {place}: the file ends")


def test_a_folder_grows(store: Any, tmp_path: Path) -> None:
    folder = tmp_path / "lenet_int8"
    written(folder, a=file_of(*losses(5)))
    first = ingest(store, [str(tmp_path)])
    written(folder, a=file_of(*losses(7)), b=file_of(*losses(3, first=8)))
    second = ingest(store, [str(tmp_path)])
    third = ingest(store, [str(tmp_path)])

    assert [(item.status, item.points) for item in first.sources] == [("new", 5)]
    assert [(item.status, item.points) for item in second.sources] == [
        ("updated", 5), ("companion", 0),
    ]  # fmt: skip
    assert [item.status for item in third.sources] == ["unchanged", "companion"]


# --- broken files ----------------------------------------------------------------------------

WHOLE = file_of(*losses(20))
RECORDS = [len(file_of(*losses(count))) for count in range(21)]  # where each record begins


def test_a_file_may_end_anywhere() -> None:
    for end in range(RECORDS[0], len(WHOLE)):
        count = sum(place <= end for place in RECORDS) - 1
        found = source(WHOLE[:end], NAME)
        reading = read(found)
        if count:
            assert len(series(only(reading))["loss"]) == count
        cut = end - RECORDS[count]
        said = [item for item in reading.notices if "ends inside a record" in item]
        assert len(said) == (cut > 0)
        assert all(item.startswith(f"byte {RECORDS[count]}: ") for item in said)
        assert all(f"of which it has {cut:,} bytes" in item for item in said)


@pytest.mark.parametrize("offset", [13, 20, 30, 40, 44])
@pytest.mark.parametrize("number", [0, 7, 19])
def test_a_damaged_record_is_left_out_and_said(number: int, offset: int) -> None:
    content = bytearray(WHOLE)
    place = RECORDS[number] + min(offset, RECORDS[number + 1] - RECORDS[number] - 1)
    content[place] ^= 0x10
    reading = read(bytes(content), NAME)

    assert [step for step, _ in series(only(reading))["loss"]] == [
        step for step in range(1, 21) if step != number + 1
    ]
    assert reading.notices == [
        f"byte {RECORDS[number]}: 1 records do not agree with their checksums: left out"
    ]


@pytest.mark.parametrize("offset", [0, 5, 7, 8, 11])
def test_after_a_damaged_length_nothing_can_be_read(offset: int) -> None:
    content = bytearray(WHOLE)
    content[RECORDS[10] + offset] ^= 0x40
    reading = read(bytes(content), NAME)

    assert len(series(only(reading))["loss"]) == 10
    assert reading.notices == [
        f"byte {RECORDS[10]}: a length does not agree with its checksum: "
        "what follows cannot be read"
    ]


def test_zeros_at_the_end_as_a_crash_leaves_them() -> None:
    reading = read(WHOLE + bytes(5000), NAME)

    assert len(series(only(reading))["loss"]) == 20
    assert reading.notices[0].startswith(f"byte {len(WHOLE)}: a length does not agree")


@pytest.mark.parametrize(
    "strange", [b"\x0a", b"\x0b\x01", b"\x09abc", b"\x10" + b"\xff" * 11, b"\x2a\x02\x0a\x05"]
)
def test_a_record_that_is_no_event_is_counted(strange: bytes) -> None:
    reading = read_file(*losses(1), framed(strange), framed(strange))

    assert reading.notices == [f"byte {RECORDS[1]}: 2 records are no events: left out"]


def test_a_huge_record_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(framing, "MAX_RECORD_BYTES", 5000)
    graph = Event(graph_def=b"g" * 20_000)
    content = file_of(*losses(1), graph, *losses(1, first=2))
    records = Records(io.BytesIO(content), block=300)
    found = [block.place(n) for block in records.blocks() for n in range(len(block.starts))]

    assert (len(found), records.oversized, records.said) == (3, 1, [])
    cut = Records(io.BytesIO(content[:10_000]), block=300)
    assert len(list(cut.blocks())) > 0
    assert [place for place, _ in cut.said] == [RECORDS[1]]
    assert f"{10_000 - RECORDS[1]:,} bytes of" in cut.said[0][1]


@pytest.mark.parametrize(
    "content",
    [
        b"", b"\x00" * 40, b"\x12" + bytes(30), WHOLE[:20], WHOLE[1:],
        framed(b"\x0a\x03abc"), framed(b""), framed(Event(step=1).SerializeToString()),
        b"<html>Not Found</html>" * 10, "events".encode("utf-16"),
    ],
)  # fmt: skip
def test_what_is_no_event_file(content: bytes) -> None:
    reader = readers()["tfevents"]

    assert reader.sniff(source(content, NAME)) is Match.NO
    with pytest.raises(ReadError, match="no record of an event file"):
        list(reader.read(source(content, NAME)))
    with pytest.raises(ReadError):
        choose(source(content, NAME))


def test_a_page_that_is_called_an_event_file_is_told_from_one() -> None:
    with pytest.raises(ReadError, match="nearest are tfevents: its first record does not agree"):
        choose(source("<html>", NAME))


def test_hostile_names() -> None:
    tags = ["", "../../etc", "a\0b", "x" * 5000, "\ud800".encode("utf-8", "replace").decode(), "é"]
    events = [event(step, *(simple(tag, 1) for tag in tags)) for step in range(20)]
    bad = event(1, simple("?", 1)).SerializeToString().replace(b"?", b"\xff")
    run = normalize(only(read_file(*events, framed(bad))))

    assert len({item.metric.name for item in run.series}) == 7
    assert all(len(item.metric.name) <= 200 for item in run.series)


# --- the fast way and the slow ---------------------------------------------------------------


def slowly(block: framing.Block) -> points.Found:
    """Leaves everything to the slow way."""
    return points.Found([], [np.arange(len(block.starts))], [])


def gathered(content: bytes, **options: Any) -> tuple[Any, ...]:
    found = Log(**options)
    found.read(Source(NAME, content=content))
    numbers = {
        item.name: [
            repr(column.tolist())
            for column in (item.steps, item.values, item.wall_times)
            if column is not None
        ]
        for item in found.series()
    }
    return numbers, found.notices, found.left_out, list(found.texts)


TAGS = st.sampled_from(["a", "b", "cc", "train/loss", "é", "x" * 140])
FLOATS = st.floats(width=32)
VALUES = st.one_of(
    st.builds(simple, TAGS, FLOATS),
    st.builds(simple, TAGS, FLOATS),
    st.builds(scalar, TAGS, FLOATS),
    st.builds(
        lambda tag, value: tensor(tag, "", dtype="DT_DOUBLE", double_val=[value]), TAGS, st.floats()
    ),
    st.builds(text, TAGS, st.text(max_size=5)),
    st.builds(lambda tag: Summary.Value(tag=tag, node_name="n", simple_value=1), TAGS),
)
EVENTS = st.one_of(
    st.builds(
        lambda step, values, wall: event(step, *values, wall=wall),
        st.one_of(st.integers(-(2**63), 2**63 - 1), st.integers(0, 300)),
        st.lists(VALUES, min_size=1, max_size=3),
        st.floats(allow_nan=False),
    ),
    st.builds(starts, st.integers(0, 300)),
)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(EVENTS, st.integers(1, 12)), max_size=12),
    st.integers(0, 2**32),
    st.booleans(),
)
def test_the_fast_way_reads_what_the_slow_way_reads(
    several: list[tuple[Event, int]], seed: int, damaged: bool
) -> None:
    chosen = random.Random(seed)
    events = [event for event, count in several for _ in range(count)]
    chosen.shuffle(events)
    content = bytearray(file_of(*events))
    if damaged and events:
        content[chosen.randrange(RECORDS[0], len(content))] ^= 1 << chosen.randrange(8)
    fast = gathered(bytes(content))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(log, "scalars", slowly)
        slow = gathered(bytes(content))

    assert fast == slow


def many(tags: Sequence[str], steps: Sequence[int], value: Callable[[int], float]) -> bytes:
    return file_of(*(event(step, simple(tag, value(step))) for step in steps for tag in tags))


LONG = many([f"layer{n}/norm" for n in range(12)], range(120, 20_000, 150), lambda step: 1 / step)


def test_the_fast_way_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    left = []

    def watched(block: framing.Block) -> points.Found:
        found = points.scalars(block)
        left.extend(np.concatenate(found.others).tolist())
        return found

    monkeypatch.setattr(log, "scalars", watched)
    gathered(LONG)

    assert len(left) < 10  # the version, and a few of lengths that are rare


@pytest.mark.parametrize("size", [50, 333, 4096, 100_000])
def test_blocks_may_end_anywhere(size: int) -> None:
    def spans(block: int) -> list[tuple[int, bytes]]:
        return [
            (found.place(n), found.content[start : start + length])
            for found in Records(io.BytesIO(LONG), block=block).blocks()
            for n, (start, length) in enumerate(
                zip(found.starts.tolist(), found.lengths.tolist(), strict=True)
            )
        ]

    assert spans(size) == spans(10**7)
    assert len(spans(size)) == 1 + 12 * 133


def test_a_large_log_lies_on_disk_and_is_the_same() -> None:
    assert gathered(LONG, held=2_000) == gathered(LONG)


def test_ten_thousand_tags() -> None:
    tags = [f"tag{n:05}" for n in range(10_000)]
    numbers, notices, *_ = gathered(many(tags, [1, 2, 3], float))

    assert list(numbers) == tags
    assert {steps for steps, *_ in numbers.values()} == {"[1, 2, 3]"}
    assert notices == []


def test_tensorboard_reads_the_same(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    (tmp_path / NAME).write_bytes(LONG)
    loaded = EventAccumulator(str(tmp_path), size_guidance=EVERYTHING).Reload()
    record = only(read(Source(str(tmp_path / NAME), path=tmp_path / NAME)))

    assert loaded.Tags()["scalars"] == [item.name for item in record.series]
    for item in record.series:
        theirs = [(it.step, it.value, it.wall_time) for it in loaded.Scalars(item.name)]
        assert item.wall_times is not None
        ours = zip(item.steps.tolist(), item.values.tolist(), item.wall_times.tolist(), strict=True)
        assert theirs == list(ours)


# --- real files ------------------------------------------------------------------------------

# part of the path → points by metric (None: no run), and what is said
REAL: dict[str, tuple[dict[str, int] | None, str]] = {
    "InfectionMedicine": (
        {"hp_metric": 1, "train_loss": 39, "train_acc": 39, "epoch": 39}, "placeholder",
    ),
    "trackio": ({"loss": 10, "accuracy": 10}, ""),
    "guildai": ({"loss": 1}, ""),
    "strict": ({"strict/foo": 100}, ""),
    "duplicate_steps": ({"dup_steps/foo": 200, "dup_steps/bar": 200}, "20 values of repeated"),
    "keras-cv": (None, "1 values of the plugin graph_keras_model"),
    "ptq_static_Apr25_17-17-47__": (None, "no numbers"),
    "testdata/eval": ({"loss": 2}, "2 graphs"),
}  # fmt: skip


@pytest.mark.skipif(not FOLDER.is_dir(), reason=f"no real files in {FOLDER}")
@pytest.mark.parametrize("part", REAL)
def test_real_files(part: str) -> None:
    (path,) = (p for p in (FOLDER / "tfevents").rglob("*") if p.is_file() and part in str(p))
    found = Source(str(path), path=path)
    expected, said = REAL[part]
    reading = read(found)

    assert claimed_by(found) == ["tfevents"]
    counts = [{s.name: len(s.steps) for s in record.series} for record in reading.records]
    assert counts == ([] if expected is None else [expected])
    assert said in " ".join(reading.notices)
    assert bool(said) == bool(reading.notices)


@pytest.mark.skipif(not FOLDER.is_dir(), reason=f"no real files in {FOLDER}")
def test_real_histograms() -> None:
    (path,) = (FOLDER / "tfevents").rglob("*tayo-glaptop")
    record = only(read(Source(str(path), path=path)))

    assert len(record.series) == 19
    assert {item.kind for item in record.artifacts} == {"histogram"}
    for item in record.artifacts:
        assert sum(count for _, _, count in item.content["buckets"]) == item.content["count"]


def test_a_dry_run_needs_no_name_of_a_model(tmp_path: Path) -> None:
    written(tmp_path / "runs" / "v1", a=file_of(*losses(3)))
    (found,) = ingest(None, [str(tmp_path)], IngestOptions(dry_run=True)).sources

    assert (found.reader, found.status, found.points) == ("tfevents", "new", 3)
