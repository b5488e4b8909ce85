"""Settings beside results, tables of runs, and cells that are arrays."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cetrack.domain import Notice
from cetrack.errors import ReadError
from cetrack.ingest import IngestOptions, ingest
from cetrack.readers.arrays import with_elements
from cetrack.readers.beside import (
    base_name,
    fields_from,
    first_flag,
    first_text,
    model_name,
    parameters,
    settings_beside,
)
from cetrack.readers.csv_text import csv_rows
from cetrack.readers.source import Source
from cetrack.readers.table import entries
from tests.readers.reading import points, read, sample, source


@pytest.mark.parametrize(
    ("settings", "params"),
    [
        ({"a": 1, "b": {"c": "x", "d": {"e": True}}}, {"a": 1, "b.c": "x", "b.d.e": True}),
        ({"a": None, "b": "", "c": [], "d": {}}, {}),
        ({"a": [1, 2, "x"]}, {"a": "1, 2, x"}),
        ({"a": 10**30}, {"a": str(10**30)}),
        ({"mail": "a.b@example.org", "text": "ask a@b or c"}, {"text": "ask a@b or c"}),
        (
            {"hub_token": "x", "wandb_api_key": "x", "password": "x", "db": {"secret": "x"}},
            {},
        ),
        ({"eos_token": "</s>", "num_tokens": 5}, {"eos_token": "</s>", "num_tokens": 5}),
        ({"api_key": 5, "use_auth_token": True}, {"api_key": 5, "use_auth_token": True}),
    ],
)
def test_settings_are_parameters(settings: Any, params: Any) -> None:
    assert parameters(settings) == (params, ())


@pytest.mark.parametrize(
    ("value", "large"),
    [
        (list(range(100)), False),
        (list(range(101)), True),
        (["x" * 1000], False),
        (["x" * 1001], True),
        ({str(n): n for n in range(101)}, True),
        ({"a": [{"b": list(range(101))}]}, True),
        ("x" * 5000, False),
    ],
)
def test_what_nobody_would_read_as_parameters_is_an_artifact(value: Any, large: bool) -> None:
    params, artifacts = parameters({"a": value}, "model.")

    assert [(item.name, item.content) for item in artifacts] == (
        [("model.a", value)] if large else []
    )
    assert bool(params) is not large


@pytest.mark.parametrize(
    ("path", "base", "model"),
    [
        ("yolov8n.pt", "yolov8n.pt", "yolov8n"),
        ("runs/a/best.onnx", "best.onnx", "best"),
        ("C:\\x\\net.ENGINE", "net.ENGINE", "net"),
        ("org/llama-2-7b/", "llama-2-7b", "llama-2-7b"),
        ("resnet18.a1_in1k", "resnet18.a1_in1k", "resnet18.a1_in1k"),
        ("", "", ""),
        (" / ", "", ""),
    ],
)
def test_what_a_path_is_called(path: str, base: str, model: str) -> None:
    assert (base_name(path), model_name(path)) == (base, model)


def test_fields_are_taken_out_of_settings() -> None:
    settings = {"batch": 8, "b2": 9, "seed": True, "size": 0, "task": "", "split": "val", "x": 1}
    keys = {"batch": "batch_size", "b2": "batch_size", "seed": "seed", "size": "batch_size"}

    found = fields_from(settings, {**keys, "task": "task", "split": "split"})

    assert found == {"batch_size": 8, "split": "val"}
    assert settings == {"b2": 9, "seed": True, "size": 0, "task": "", "x": 1}


def test_the_first_flag_and_text_count() -> None:
    settings = {"a": "yes", "b": True, "c": True, "d": " ", "e": 5, "f": "text"}

    assert first_flag(settings, [("a", "A"), ("b", "B"), ("c", "C")]) == "B"
    assert first_flag(settings, []) == ""
    assert first_text(settings, ["d", "e", "none", "f", "a"]) == "text"
    assert first_text(settings, ["e"]) == ""


@pytest.mark.parametrize(
    ("name", "content", "values", "said"),
    [
        ("a.yaml", b"a: 1\n", {"a": 1}, []),
        ("a.json", b'{"a": 1}', {"a": 1}, []),
        ("a.yaml", b"", {}, []),
        ("a.json", b"[1]", {}, ["no mapping of settings: left out"]),
        ("a.json", b"", {}, ["the file is empty: left out"]),
        ("a.yaml", b"a: {\n", {}, 1),
        ("a.yaml", b"\x00\x01", {}, 1),
        ("b.yaml", b"a: 1\n", {}, []),
    ],
)
def test_a_file_beside_that_is_broken_is_a_notice(
    tmp_path: Path, name: str, content: bytes, values: Any, said: Any
) -> None:
    (tmp_path / name).write_bytes(content)
    asked = "a.yaml" if name == "b.yaml" else name
    found, notices = settings_beside(Source("log.csv", path=tmp_path / "log.csv"), asked)

    assert found == values
    texts = [item.text for item in notices]
    assert texts == said if isinstance(said, list) else len(texts) == said
    assert all(item.place == asked for item in notices)


# --- tables ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "expected", "said"),
    [
        pytest.param("a,b\n1,\n,2\n", [(2, {"a": "1"}), (3, {"b": "2"})], [], id="gaps"),
        pytest.param("\n a , b\n\n1 ,x y\n", [(4, {"a": "1", "b": "x y"})], [], id="blanks"),
        pytest.param('a,b\n"1,5","x\ny"\n', [(3, {"a": "1,5", "b": "x\ny"})], [], id="quoted"),
        pytest.param("a,b\n1,2", [(2, {"a": "1", "b": "2"})], [], id="no end of line"),
        pytest.param("a,b\n1\n", [(2, {"a": "1"})], [], id="short"),
        pytest.param("a,b\n1", [], ["row 2"], id="cut off"),
        pytest.param("a,b\n1,2\na,b\n3,4\n", [(2, {"a": "1", "b": "2"}), (4, {"a": "3", "b": "4"})],
                     [], id="header again"),
        pytest.param(",a,a\n0,1,2\n", [(2, {"a": "1"})], [], id="index and a name twice"),
        pytest.param("a,b\n1,2,,\n", [(2, {"a": "1", "b": "2"})], [], id="commas at the end"),
        pytest.param("", [], [], id="empty"),
    ],
)  # fmt: skip
def test_a_row_is_an_entry(content: str, expected: Any, said: list[str]) -> None:
    notices: list[Notice] = []

    assert list(entries(source(content), notices)) == expected
    assert [item.place for item in notices] == said


@pytest.mark.parametrize("content", ["a,b\n1,2,3\n", b"a\n\xff\n", 'a\n"' + "x" * 140_000])
def test_what_is_no_table_is_refused(content: str | bytes) -> None:
    with pytest.raises(ReadError):
        list(entries(source(content), []))


# --- arrays ----------------------------------------------------------------------------------


def test_arrays_of_keras_are_a_series_per_element() -> None:
    reading = read(sample("epochs/keras.log"))

    assert reading.reader == "epochs"
    assert points(reading.runs[0]) == {
        "accuracy": {0: 0.5, 1: 0.625, 2: 0.75},
        "class_recall.0": {0: 0.25, 1: 0.5, 2: 0.625},
        "class_recall.1": {0: 0.75, 1: 0.75, 2: 0.875},
        "loss": {0: 1.25, 1: 1.0, 2: 0.75},
        "val/accuracy": {1: 0.5625, 2: 0.6875},
        "val/loss": {1: 1.125, 2: 0.875},
    }


def test_logs_of_keras_are_found_in_a_folder(tmp_path: Path) -> None:
    (tmp_path / "training.log").write_text("epoch,loss\n0,0.5\n1,0.25\n")
    (tmp_path / "server.log").write_text("12:00 started\n12:01 ended\n")

    report = ingest(None, [str(tmp_path)], IngestOptions(dry_run=True))

    assert [(Path(item.uri).name, item.status) for item in report.sources if not item.problem] == [
        ("training.log", "new")
    ]
    assert not report.rejected


@pytest.mark.parametrize(
    ("cells", "names"),
    [
        (['"[1, 2]"', '"[3, 4]"'], ["a.0", "a.1"]),
        (["[1 2]", "[3   4]"], ["a.0", "a.1"]),
        (['"[nan, 2e-3]"', "NA"], ["a.0", "a.1"]),
        (['"[1, 2]"', '"[3]"'], ["a"]),
        (['"[1, 2]"', "5 apples"], ["a"]),
        (['"[]"', '"[]"'], ["a"]),
        (['"[1, x]"', '"[3, y]"'], ["a"]),
        (['"[1 ms]"', '"[2 ms]"'], ["a"]),
        (["[" + " ".join(["1"] * 1001) + "]"] * 2, ["a"]),
        (["NA", "NA"], []),
    ],
)
def test_only_arrays_of_one_length_are_taken_apart(cells: list[str], names: list[str]) -> None:
    table = "epoch,loss,a\n" + "".join(f"{n},0.5,{cell}\n" for n, cell in enumerate(cells))

    found = with_elements(csv_rows(source(table))).columns

    assert [name for name in found if name.startswith("a")] == names


def test_a_batch_size_that_never_changes_is_no_metric() -> None:
    (run,) = read("epoch,loss,batch_size\n1,0.5,32\n2,0.25,32\n", "log.csv").runs
    assert (run.record.batch_size, points(run)) == (32, {"loss": {1: 0.5, 2: 0.25}})

    (run,) = read("epoch,loss,batch_size\n1,0.5,32\n2,0.25,64\n", "log.csv").runs
    assert run.record.batch_size is None
    assert points(run)["batch_size"] == {1: 32.0, 2: 64.0}
