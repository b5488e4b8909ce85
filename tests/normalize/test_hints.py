"""What a path tells about the runs in its file."""

from __future__ import annotations

from pathlib import PurePosixPath

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cetrack.hints import path_hints, split_label, variant_of

quick = settings(database=None, deadline=None)


@pytest.mark.parametrize(
    ("label", "model", "precision"),
    [
        ("lenet_int8", "lenet", "int8"),
        ("resnet50-int8", "resnet50", "int8"),
        ("resnet50.int8", "resnet50", "int8"),
        ("int8_resnet50", "resnet50", "int8"),
        ("ResNet50_INT8", "ResNet50", "int8"),
        ("MobileNet-v2-fp16", "MobileNet-v2", "fp16"),
        ("vit_b_16_fp32", "vit_b_16", "fp32"),
        ("efficientnet_b0_fp8_e4m3", "efficientnet_b0", "fp8_e4m3"),
        ("bert-base-W-only-INT8", "bert-base", "int8_weight_only"),
        ("resnet_int8_dynamic", "resnet", "int8_dynamic"),
        ("lenet_4-bit", "lenet", "int4"),
        ("llama-3.1-8B-FP8", "llama-3.1-8B", "fp8"),
        ("qwen2.5-7b.Q4_K_M", "qwen2.5-7b", "q4_k_m"),
        ("lenet_onnx_int8", "lenet", "onnx_int8"),
        ("lenet_qat_int8", "lenet", "qat_int8"),
        ("lenet_fp32_2026-01-31", "lenet", "fp32"),
        ("modèle_int8", "modèle", "int8"),
        ("int8", "", "int8"),
        ("float", "", "fp32"),
        ("model_int8", "", "int8"),
        ("seed3_int8", "", "int8"),
        ("run_12", "", ""),
        ("results", "", ""),
        ("training_history", "", ""),
        ("2026-01-31", "", ""),
        ("deadbeef01", "", ""),
        ("fp32_vs_int8", "fp32_vs_int8", ""),
        ("binary_classifier", "binary_classifier", ""),
        ("q3_report", "q3_report", ""),
        ("quantization_report", "", ""),
        ("benchmark_comparison", "", ""),
        ("lenet_int8_summary", "lenet", "int8"),
        ("lenet", "lenet", ""),
        ("a/b", "a/b", ""),
        ("", "", ""),
    ],
)
def test_a_label_is_split_into_model_and_precision(label: str, model: str, precision: str) -> None:
    assert split_label(label) == (model, precision)


@pytest.mark.parametrize(
    ("named", "below", "model", "precision"),
    [
        # the path on the command line, and the file below it
        ("lenet_fp32.csv", "", "lenet", "fp32"),
        ("metrics.csv", "", "", ""),
        ("/home/me/lenet/int8/history.csv", "", "lenet", "int8"),
        ("/home/me/lenet_int8/history.csv", "", "lenet", "int8"),
        ("/home/me/lenet/history.csv", "", "", ""),
        ("/home/me", "lenet/history.csv", "lenet", ""),
        ("/home/me", "lenet/int8/run_3/log.jsonl", "lenet", "int8"),
        ("/home/me", "int8/lenet/log.jsonl", "lenet", "int8"),
        ("/home/me", "lenet/int8/metrics.csv.gz", "lenet", "int8"),
        ("/home/me", "a/b/c/d/e/fp16/log.csv", "e", "fp16"),
        ("/data/fp16", "vgg.csv", "vgg", "fp16"),
    ],
)
def test_paths(named: str, below: str, model: str, precision: str) -> None:
    path = PurePosixPath(named, below)
    inner = PurePosixPath(below) if below else PurePosixPath(path.name)

    assert path_hints(inner, path) == (model, precision)


@pytest.mark.parametrize(
    ("name", "variant"),
    [
        ("all_models_benchmark_100epochs_10PTG.json", "all_models_benchmark_100epochs_10PTG"),
        ("nightly_2026-01-31.json", "nightly"),
        ("nightly_20260131_0900.json.gz", "nightly"),
        ("nightly (3).json", "nightly"),
        ("nightly_v2.json", "nightly"),
        ("nightly_run3_deadbeef01.json", "nightly"),
        ("2026-01-31.json", ""),
        ("results_2026-01-16T15-23-47.285735.json", "results"),
        ("-", ""),
        ("", ""),
    ],
)
def test_the_variant_is_the_name_without_dates_counters_and_hashes(name: str, variant: str) -> None:
    assert variant_of(name) == variant


@quick
@given(st.text(), st.text())
def test_no_path_raises(first: str, second: str) -> None:
    path = PurePosixPath(first, second)
    split_label(first)
    path_hints(PurePosixPath(path.name), path)
    variant_of(first)


def test_a_long_label_takes_no_time() -> None:
    for label in ("x" * 10**5, "_" * 10**5, "int8_" * 10**4, "1-" * 10**5, "(" * 10**5):
        split_label(label)
        variant_of(label)
