"""Home-made result files: FP32 beside INT8 in any shape, and what is too unsure to be one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cetrack.domain import NormalRun, Status
from cetrack.errors import ReadError, UnknownFormatError
from cetrack.ingest import IngestOptions, ingest
from cetrack.readers.registry import choose
from cetrack.readers.results import ResultsReader
from cetrack.readers.source import Source
from tests.readers.reading import Reading, claimed_by, read, sample, source, values
from tests.readers.test_realdata import FOLDER


def reading(content: Any, name: str = "file.json") -> Reading:
    found = read(content, name)
    assert found.reader == "results"
    return found


def told(content: Any, name: str = "file.json") -> dict[tuple[str, str], dict[str, float]]:
    """(model, precision) → metrics; the runs of a file that has one of each."""
    runs = reading(content, name).runs
    found = {(run.model.name, run.precision.name): values(run) for run in runs}
    assert len(found) == len(runs)
    return found


def sampled(name: str) -> Reading:
    found = read(sample(f"results/{name}"))
    assert found.reader == "results"
    return found


# --- the samples -----------------------------------------------------------------------------


def test_models_and_variants_under_keys_that_say_so() -> None:
    found = sampled("variants.json")
    runs = {(run.model.name, run.precision.name): run for run in found.runs}

    assert list(runs) == [
        ("squeeze", "fp32"), ("squeeze", "fp16"), ("squeeze", "int8"),
        ("shuffle", "fp32"), ("shuffle", "int8"),
    ]  # fmt: skip
    int8 = runs["squeeze", "int8"]
    assert values(int8) == {"megabytes": 1.3, "test/accuracy": 0.856, "latency_mean_ms": 11.9}
    assert int8.params["runs"] == 50
    assert int8.params["onnx_bytes"] == 5012345
    assert int8.params["host.platform"] == "Linux-6.8-aarch64"
    assert "onnx_bytes" not in runs["shuffle", "fp32"].params
    failed = runs["shuffle", "int8"].record
    assert (failed.status, failed.status_reason) == (
        Status.FAILED,
        "no kernel for channel shuffle",
    )
    assert failed.place == "/models/shuffle/variants/int8"


def test_rows_that_say_their_precision_in_a_label_and_in_bits() -> None:
    found = sampled("stages.csv")
    runs = found.runs

    assert [run.precision.name for run in runs] == ["fp32", "ternary", "int2", "gptq", "awq"]
    assert [run.record.variant for run in runs][3:] == ["cited", "cited"]
    assert runs[3].tags == {"source": "cited: someone, 2023"}
    assert runs[0].params["source"] == "measured"
    assert runs[2].record.method == "Ours (adaptive)"
    assert values(runs[1]) == {"perplexity": 90210.5, "model_size_mb": 33.1}
    assert "row 5: cited, not measured: kept as variant 'cited' (2 runs)" in found.said
    assert "row 6: 'size_mb' is 0, which may mean not measured: kept as read" in found.said


def test_a_row_with_a_column_per_precision_is_a_run_for_each() -> None:
    found = told(sample("results/wide.csv"))

    assert found["vgg11", "fp32"] == {"latency_ms": 40.5, "accuracy": 0.902}
    assert found["vgg11", "int8"] == {
        "latency_ms": 51.2, "accuracy": 0.881, "delta_latency_ms": 10.7,
    }  # fmt: skip
    assert len(found) == 4


def test_precisions_as_the_beginning_of_names() -> None:
    found = sampled("prefixes.json")
    runs = {run.precision.name: run for run in found.runs}

    assert list(runs) == ["fp32", "int8", "rtn"]
    assert {run.model.name for run in runs.values()} == {"opt-tiny"}
    assert {run.record.dataset for run in runs.values()} == {"wikitext-2"}
    assert values(runs["int8"]) == {"perplexity": 31.9, "model_size_mb": 64.0}
    assert values(runs["rtn"]) == {"perplexity": 45012.5, "effective_size_mb": 17.2}
    assert runs["rtn"].params["max_batches"] == 20
    assert ": unknown precision 'rtn': kept as such" in found.said


def test_rows_with_the_format_in_a_block_of_the_quantisation() -> None:
    found = sampled("rows.json")
    runs = found.runs

    assert [run.precision.name for run in runs] == ["fp32", "fp8_e4m3", "int8"]
    assert [run.record.method for run in runs] == ["", "ptq", "GPTQ"]
    assert {run.model.name for run in runs} == {"regnet_y"}
    assert runs[1].params["model_path"] == "regnet_y_best.pth"
    assert runs[1].params["quant_config.weight_mantissa"] == 3
    assert values(runs[1])["per_corruption.fog_accuracy"] == 0.72
    assert {run.record.seed for run in runs} == {7}
    assert "/2: 'GPTQ' and w8a8 in one row: taken as w8a8" in found.said


def test_platforms_variants_and_spreads() -> None:
    found = sampled("platforms.yaml")
    first, second = found.runs

    assert first.record.environment.device == second.record.environment.device == "rpi5"
    assert [first.precision.name, second.precision.name] == ["fp32", "int8"]
    assert second.record.method == "ptq"
    assert second.record.variant == "M2 — PTQ INT8"
    latency = next(item for item in second.series if item.spread is not None)
    assert (latency.metric.name, latency.metric.unit) == ("latency_ms", "ms")
    spread = latency.spread
    assert spread is not None
    assert (spread.std, spread.min, spread.max) == (0.2, 5.9, 6.8)


def test_repetitions_become_a_mean_with_its_spread_and_the_values() -> None:
    found = sampled("repeated.csv")
    first, second = found.runs

    assert values(first) == {"latency_ms": pytest.approx(2.2)}
    assert values(second) == {"latency_ms": 1.5}
    spread = second.series[0].spread
    assert spread is not None
    assert (spread.std, spread.min, spread.max, spread.n) == (0.5, 1.0, 2.0, 3)
    assert second.samples[0].values.tolist() == [1.0, 1.5, 2.0]
    assert "row 5: 3 repetitions by 'run': their mean, spread and values are kept" in found.notices


def test_a_precision_that_only_the_folder_names() -> None:
    path = sample("results/int8_board/summary.json").path
    assert path is not None

    report = ingest(None, [str(path)], IngestOptions(dry_run=True)).sources[0]

    assert report.reader == "results"
    assert report.planned[0]["precision"] == "int8"
    assert report.planned[0]["model"] == "lenet"


# --- where a precision may stand -------------------------------------------------------------

A, B = {"accuracy": 0.9, "latency_ms": 3.0}, {"accuracy": 0.8, "latency_ms": 1.0}
FP32, INT8 = ("lenet", "fp32"), ("lenet", "int8")


@pytest.mark.parametrize(
    "content",
    [
        pytest.param({"results": {"summary": {"lenet": {"fp32": A, "int8": B}}}}, id="deep"),
        pytest.param({"fp32": {"lenet": A}, "int8": {"lenet": B}}, id="precision, then model"),
        pytest.param({"benchmarks": {"lenet_fp32": A, "lenet_int8": B}}, id="glued key"),
        pytest.param(
            {"lenet": {name: {"fp32": A[name], "int8": B[name]} for name in A}}, id="metric first"
        ),
        pytest.param(
            {"results": [{"model": "lenet", "fp32": A, "int8": B}]}, id="branches of a row"
        ),
        pytest.param(
            {"model": "lenet", "results": [{"dtype": "torch.float32", **A}, {"dtype": "i8", **B}]},
            id="rows below facts",
        ),
        pytest.param(
            [{"network": "lenet", "bits": 32, **A}, {"network": "lenet", "bits": 8, **B}],
            id="bits",
        ),
        pytest.param(
            [{"net": "lenet", "precision": 32, **A}, {"net": "lenet", "precision": 8, **B}],
            id="bits under precision",
        ),
        pytest.param(
            [{"arch": "lenet", "cond": "fp32", **A}, {"arch": "lenet", "cond": "int8", **B}],
            id="label",
        ),
        pytest.param(
            {"lenet": {f"{name}_{key}": item[key] for name, item in (("fp32", A), ("int8", B))
                       for key in item}},
            id="prefix",
        ),
        pytest.param(
            {"lenet": {"accuracy_fp32": 0.9, "latency_fp32_ms": 3.0, "accuracy_int8": 0.8,
                       "latency_int8_ms": 1.0}},
            id="suffix, and before the unit",
        ),
    ],
)  # fmt: skip
def test_one_meaning_in_many_shapes(content: Any) -> None:
    assert told(content) == {FP32: A, INT8: B}


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("model,precision,accuracy,latency_ms\nlenet,fp32,.9,3\nlenet,int8,.8,1\n", "a.csv"),
        ("model\tdtype\tacc\tlatency_ms\nlenet\tfloat32\t.9\t3\nlenet\tint8\t.8\t1\n", "a.tsv"),
        ("model;format;accuracy;latency_ms\r\nlenet;FP32;0,9;3\r\nlenet;INT8;0,8;1\r\n", "a.csv"),
        ("model , variant , accuracy , latency_ms\nlenet , FP32 , .9 , 3\nlenet , INT8 , .8 , 1\n",
         "padded.csv"),
        ("\ufeffmodel,bit_size,accuracy,latency_ms\nlenet,32,.9,3\nlenet,8,.8,1\n", "a.csv"),
        ("model,precision,metric,value,unit\nlenet,fp32,accuracy,.9,\nlenet,fp32,latency,3,ms\n"
         "lenet,int8,accuracy,.8,\nlenet,int8,latency,1,ms\n", "long.csv"),
        ('{"model":"lenet","precision":"fp32","accuracy":0.9,"latency_ms":3}\n'
         '{"model":"lenet","precision":"int8","accuracy":0.8,"latency_ms":1}\n', "a.jsonl"),
        ("models:\n  lenet:\n    fp32: {accuracy: 0.9, latency_ms: 3}\n"
         "    int8: {accuracy: 0.8, latency_ms: 1}\n", "a.yaml"),
        ("- {model: lenet, dtype: float32, accuracy: 0.9, latency_ms: 3}\n"
         "- {model: lenet, dtype: int8, accuracy: 0.8, latency_ms: 1}\n", "a.yml"),
    ],
)  # fmt: skip
def test_one_meaning_in_many_texts(text: str, name: str) -> None:
    assert told(text, name) == {FP32: A, INT8: B}
    assert told(text.encode("utf-16"), name) == {FP32: A, INT8: B}


@pytest.mark.parametrize(
    ("content", "precision"),
    [
        ({"model": "lenet", "precision": "int8", **A}, "int8"),
        ({"config": {"model": "lenet", "dtype": "bfloat16"}, "results": A}, "bf16"),
        ({"model": "lenet", "bits": 4, **A}, "int4"),
        ({"model": "lenet", "weight_bits": 4, "act_bits": 8, **A}, "w4a8"),
        ({"model": "lenet", "weight_bits": 16, **A}, "16bit"),
        ({"model": "lenet", "quantization": {"name": "NF4"}, **A}, "nf4"),
    ],
)
def test_a_single_run_states_its_precision(content: Any, precision: str) -> None:
    (run,) = reading(content).runs

    assert run.precision.name == precision
    assert run.model.name == "lenet"
    assert {"accuracy", "latency_ms"} <= set(values(run)) or {
        "results.accuracy", "results.latency_ms",
    } <= set(values(run))  # fmt: skip


def test_the_word_precision_is_a_metric_where_its_value_is_one() -> None:
    row = {"model": "a", "precision": 0.89, "recall": 0.9, "latency_ms": 3.0}
    assert claimed_by([row]) == []

    (run,) = reading([{**row, "dtype": "int8"}]).runs

    assert run.precision.name == "int8"
    assert values(run) == {"precision_score": 0.89, "recall": 0.9, "latency_ms": 3.0}


def test_branches_of_an_original_and_what_became_of_it() -> None:
    found = reading(
        {
            "original": {"accuracy": 0.9, "size_mb": 10.0},
            "quantized": {"accuracy": 0.89, "size_mb": 3.0},
            "pruned": {"30pct": {"accuracy": 0.88}, "50pct": {"accuracy": 0.95}},
        }
    )
    rows = [
        (run.precision.name, run.record.method, run.record.variant, values(run)["accuracy"])
        for run in found.runs
    ]

    assert rows == [
        ("fp32", "", "", 0.9),
        ("quantized", "", "", 0.89),
        ("fp32", "pruning", "pruned_30pct", 0.88),
        ("fp32", "pruning", "pruned_50pct", 0.95),
    ]
    assert "/original: 'original' is taken as fp32" in found.notices
    assert "/pruned: 'pruned' is taken as fp32: pruning keeps the number format" in found.notices


def test_two_branches_whose_keys_differ() -> None:
    found = told(
        {"baselines": {"tier1": {"accuracy": 0.9}}, "quantized": {"tier1_ptq": {"accuracy": 0.8}}}
    )

    assert found == {
        ("tier1", "fp32"): {"accuracy": 0.9},
        ("tier1", "quantized"): {"accuracy": 0.8},
    }


def test_stages_of_one_model() -> None:
    rows = [{"stage": stage, "accuracy": 0.5} for stage in ("fp32", "ptq", "qat", "prune30")]
    found = reading(rows)

    assert [(run.precision.name, run.record.method) for run in found.runs] == [
        ("fp32", ""), ("ptq", "ptq"), ("qat", "qat"), ("fp32", "pruning"),
    ]  # fmt: skip


def test_a_name_with_the_data_set_glued_in_and_the_model_twice() -> None:
    key = "lenet_SVHN_lenet_SVHN"
    found = reading({"summary": {f"{key}_fp32": A, f"{key}_int8": B},
                     "tests": {key: {"fp32_ms": 3.5, "int8_ms": 1.5, "speedup": 2.3}}})  # fmt: skip
    first, second = found.runs

    assert first.model.name == "lenet"
    assert first.record.dataset == "SVHN"
    assert values(first) == {**A, "tests.ms": 3.5}
    assert values(second) == {**B, "tests.ms": 1.5, "speedup": 2.3}
    assert first.series[2].metric.unit == "ms"
    assert (
        f"/summary/{key}_fp32: '{key}' is taken as model 'lenet' and data set 'SVHN' (2 runs)"
        in (found.notices)
    )


def test_numbers_around_a_pair_compare_it() -> None:
    found = reading(
        {"fp32_size_mb": 80.0, "int8_size_mb": 21.0, "compression_percent": 73.75,
         "calibration_frames": 400, "accuracy_comparison": {"agreement_rate": 99.0}}
    )  # fmt: skip
    first, second = found.runs

    assert values(first) == {"model_size_mb": 80.0}
    assert values(second) == {
        "model_size_mb": 21.0, "compression_percent": 73.75,
        "accuracy_comparison.agreement_rate": 99.0,
    }  # fmt: skip
    assert first.params["calibration_frames"] == second.params["calibration_frames"] == 400


def test_compression_that_hurts_is_data() -> None:
    found = reading([{"bits": 32, "perplexity": 35.7}, {"bits": 2, "perplexity": 1320411.61}])

    assert [values(run)["perplexity"] for run in found.runs] == [35.7, 1320411.61]
    assert not found.notices


def test_the_lists_of_a_training_are_its_steps() -> None:
    found = reading({"config": {"model": "gpt-tiny", "seed": 3, "device": "cuda"},
                     "runs": [{"name": "FP32", "final_loss": 2.0, "train_losses": [3.0, 2.5, 2.0],
                               "times": [0.1, None, 0.3], "lr_range": [1, 2]}]})  # fmt: skip
    (run,) = found.runs
    loss = next(item for item in run.series if item.source_name == "train_losses")

    assert run.record.kind == "training"
    assert (run.model.name, run.record.seed, run.record.environment.device) == (
        "gpt-tiny", 3, "cuda",
    )  # fmt: skip
    assert loss.steps.tolist() == [1, 2, 3]
    assert loss.values.tolist() == [3.0, 2.5, 2.0]
    times = next(item for item in run.series if item.source_name == "times")
    assert times.steps.tolist() == [1, 3]


def test_failed_and_unmeasured_rows_are_told() -> None:
    found = reading(
        [
            {"model": "a", "precision": "fp32", "latency_ms": 3.0},
            {"model": "a", "precision": "int8", "status": "failed", "error": "out of memory"},
            {"model": "b", "precision": "fp16", "measured": False, "reason": "no board"},
        ]
    )

    assert [(run.record.status, run.record.status_reason) for run in found.runs] == [
        ("finished", ""), ("failed", "out of memory"),
    ]  # fmt: skip
    assert found.notices == ["/2: not measured: no board: left out"]


@pytest.mark.parametrize(
    ("value", "doubt"),
    [
        (0, "'latency_ms' is 0, which may mean not measured: kept as read"),
        (-1, "'latency_ms' is -1, which may mean not measured: kept as read"),
    ],
)
def test_sentinels_are_kept_and_said(value: float, doubt: str) -> None:
    found = reading([{"model": "a", "dtype": "int8", "accuracy": 0.0, "latency_ms": value}])

    assert values(found.runs[0]) == {"accuracy": 0.0, "latency_ms": value}
    assert found.notices == [f"/0: {doubt}"]


def test_numbers_written_as_text_and_cells_that_hold_none() -> None:
    text = "model,precision,acc,size,note\na,fp32,49.9%,N/A,x\na,int8,48%,2.5,y\n"
    found = reading(text, "a.csv")
    first, second = found.runs

    assert values(first) == {"accuracy": pytest.approx(0.499)}
    assert values(second) == {"accuracy": pytest.approx(0.48), "size": 2.5}
    assert "row 2: 'size': 1 cells are no numbers: left out" in found.notices


# --- what is not sure ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ({"models": ["a", "b"], "fp32": [1, 2], "int8": [1, 2]}, "lists by position"),
        ({"resnet": {"fp32": 12.1, "int8": 4.2}}, "nothing says of which metric"),
        ({"measured": False, "reason": "plugged in"}, "it says itself that nothing was measured"),
        ({"average_fps": 10.1, "latency_ms": 3.0}, "numbers, but no precision"),
        ([{"name": "QF8", "accuracy": 0.9, "latency_ms": 3.0}], "numbers, but no precision"),
        ([{"precision": "QF8", "accuracy": 0.9}], "'QF8' is no precision that cetrack knows"),
        ({"cpu": {"bits": 32, "l2_cache_size": 6}, "accuracy": 0.9}, "numbers, but no precision"),
    ],
)
def test_what_is_not_sure_is_left_alone_and_told(content: Any, why: str) -> None:
    with pytest.raises(UnknownFormatError) as caught:
        choose(source(content))

    assert "nearest are " in caught.value.problem
    assert f"results: {why}" in caught.value.problem or why in caught.value.problem


@pytest.mark.parametrize(
    ("content", "name"),
    [
        ({"ptq": {"quantization": {"int8": {"bits": 8, "group_size": 128}}}}, "config.json"),
        ({"precision": "bf16", "learning_rate": 0.1, "epochs": 3, "timeout_s": 60}, "train.json"),
        ({"dtype": "float16", "hidden_size": 768, "num_layers": 12}, "config.json"),
        ({"int8_layers": 4, "fp32_layers": 2, "enable_fp16": True}, "layers.json"),
        ({"int8_calibration_time_s": 30.0}, "one.json"),
        ("quantization:\n  int8: {bits: 8}\n", "config.yaml"),
        ("layer,dtype\nconv1,int8\n", "layers.csv"),
        ("name,precision\n", "header.csv"),
        ("int8 is faster, says the latency log\n", "notes.txt"),
        ([1, 2, 3], "list.json"),
        ([{"accuracy": 1}], "int8_one_number.json"),
        ("null", "null.json"),
    ],
)
def test_settings_and_mentions_are_no_results(content: Any, name: str) -> None:
    assert claimed_by(content, name) == []


def test_the_name_of_the_file_counts_for_two_numbers_or_more() -> None:
    assert claimed_by(A, "lenet_int8.json") == ["results"]
    assert claimed_by(A, "lenet.json") == []
    assert claimed_by("latency_ms,accuracy\n1,0.5\n", "lenet_int8.csv") == ["results"]


def test_other_readers_go_first() -> None:
    assert claimed_by({"lenet": {"fp32": A, "int8": B}}) == ["benchmark"]
    assert claimed_by("epoch,precision,loss\n1,fp32,0.5\n", "a.csv") == ["epochs"]


def test_a_file_without_a_precision_is_read_where_the_user_says_so(tmp_path: Path) -> None:
    path = tmp_path / "fps.json"
    path.write_text(json.dumps({"average_fps": 10.1, "stages_ms": {"capture": 98.0, "hud": 0.0}}))
    options = IngestOptions(dry_run=True, reader="results", settings={"precision": "int8"})

    (report,) = ingest(None, [str(path)], options).sources

    (run,) = report.planned
    assert run["precision"] == "int8"
    assert run["metrics"]["stages_ms.capture"]["last"] == 98.0


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("lenet_int8.json", {"model": "lenet", "dtype": "float16", **A},
         "the file's name says int8, its content fp16: that counts"),
        ("int8_static.json", {"model": "lenet", "dtype": "int8", **A}, None),
        ("fp32_vs_int8.json", {"model": "lenet", "dtype": "float16", **A}, None),
    ],
)  # fmt: skip
def test_a_name_that_contradicts_the_content_is_told(
    tmp_path: Path, name: str, content: Any, said: str | None
) -> None:
    (tmp_path / name).write_text(json.dumps(content))

    (report,) = ingest(None, [str(tmp_path / name)], IngestOptions(dry_run=True)).sources

    assert report.planned[0]["precision"] in ("fp16", "int8")
    assert [notice.text for notice in report.notices] == ([said] if said else [])


def test_absurd_input_is_refused() -> None:
    deep: Any = {"int8": A}
    for _ in range(40):
        deep = {"x": deep}

    assert claimed_by(deep) == []
    large = Source("large.json", content=b'{"fp32_ms": 1, "x": "' + b"x" * (33 * 2**20) + b'"}')
    assert claimed_by(large) == []
    with pytest.raises(ReadError, match="larger than 32 MiB"):
        list(ResultsReader().read(large))


def test_a_document_without_any_number_is_an_error_that_says_what_to_do() -> None:
    with pytest.raises(ReadError, match="no measurements of a precision") as caught:
        list(ResultsReader().read(source({"note": "nothing"})))

    assert caught.value.hint == "cetrack formats suggest FILE drafts a mapping for it"


# --- real files ------------------------------------------------------------------------------


def real(name: str) -> list[NormalRun]:
    (path,) = FOLDER.glob(f"fp32_vs_int8/**/{name}")
    found = read(Source(str(path), path=path))
    assert found.reader == "results"
    return found.runs


@pytest.mark.skipif(not FOLDER.is_dir(), reason=f"no real files in {FOLDER}")
@pytest.mark.parametrize(
    ("name", "count", "precisions"),
    [
        ("tflite_benchmark.json", 6, {"fp32", "fp16", "int8"}),
        ("enhanced_analysis.json", 8, {"fp32", "int8"}),
        ("latency_logs.csv", 32, {"fp32", "int8"}),
        ("quantization_report.json", 2, {"fp32", "int8"}),
        ("ptq_results.json", 12, {"fp32", "qf8", "mxfp8", "int8"}),
        ("w8a8_results.json", 21,
         {"fp32", "w_only_qf8", "w8a8_qf8", "mxfp8", "int8_weight_only", "int8"}),
        ("fp32_seed42.json", 1, {"fp32"}),
        ("benchmark_comparison.csv", 5, {"fp32", "ternary", "int2", "gptq", "awq"}),
        ("compression_results.json", 3, {"fp32", "rtn", "atq"}),
        ("quant_results_matrix_*.json", 7, {"fp32", "fp8_e4m3", "fp8_e5m2", "fp4"}),
        ("RESULTS_TORCHVISION_*.csv", 180, {"w4a8", "w6a8", "int8"}),
    ],
)  # fmt: skip
def test_real_files(name: str, count: int, precisions: set[str]) -> None:
    runs = real(name)

    assert len(runs) == count
    assert {run.precision.name for run in runs} == precisions
    assert all(run.series for run in runs)


@pytest.mark.skipif(not FOLDER.is_dir(), reason=f"no real files in {FOLDER}")
@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("fps_report.json", "numbers, but no precision"),
        ("power_report.json", "it says itself that nothing was measured"),
        ("shufflenetv2_cifar10_baselines.json", "numbers, but no precision"),
        ("qf8_seed42.json", "numbers, but no precision"),
        ("benchmark_results_20250711_135852.json", "numbers, but no precision"),
    ],
)
def test_real_files_that_state_no_precision(name: str, why: str) -> None:
    (path,) = FOLDER.glob(f"fp32_vs_int8/**/{name}")

    objection = ResultsReader().objection(Source(str(path), path=path))

    assert objection is not None
    assert objection.why.startswith(why)
