"""Number formats inside the names of benchmarks, and settings that state one."""

from __future__ import annotations

import pytest

from cetrack.readers.stated import read_stated, split_precision, without_piece


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("test_infer[resnet50-int8]", ("test_infer[resnet50]", "int8")),
        ("test_infer[int8-resnet50]", ("test_infer[resnet50]", "int8")),
        ("test_infer[int8]", ("test_infer", "int8")),
        ("test_infer_onnx_int8", ("test_infer", "onnx_int8")),
        ("BM_Resnet/int8/4", ("BM_Resnet/4", "int8")),
        ("BM_Resnet_int8/4", ("BM_Resnet/4", "int8")),
        ("BM_Resnet<int8>", ("BM_Resnet", "int8")),
        ("gemm_w_only_int8", ("gemm", "w_only_int8")),
        ("gemm.fp32", ("gemm", "fp32")),
        ("time_infer('resnet50', 'int8')", ("time_infer('resnet50')", "int8")),
        ("time_infer(dtype=int8, n=4)", ("time_infer(n=4)", "int8")),
        ("bitnet-1.58bit", ("bitnet", "1.58bit")),
        ("resnet-50-int8", ("resnet-50", "int8")),
        ("int8", ("", "int8")),
        ("x[int8-int8]", ("x", "int8")),
    ],
)
def test_a_format_at_the_end_of_a_piece_is_taken_out_of_a_name(
    name: str, expected: tuple[str, str]
) -> None:
    assert split_precision(name) == expected


@pytest.mark.parametrize(
    "name",
    [
        "test_int8_vs_fp32",
        "convert[fp32-int8]",
        "compare_fp32_to_int8",
        "test_int8[fp16]",
        "test_sum_float",
        "test_half[half]",
        "test_int8_speed",
        "sort[8]",
        "",
        "x" * 501 + "_int8",
    ],
)
def test_a_name_of_several_formats_or_of_ordinary_words_is_left_alone(name: str) -> None:
    assert split_precision(name) == (name, "")


@pytest.mark.parametrize(
    ("name", "piece", "expected"),
    [
        ("test_infer[resnet50-4]", "resnet50", "test_infer[4]"),
        ("test_infer[4-resnet50]", "resnet50", "test_infer[4]"),
        ("test_infer[ViT-B-4]", "ViT-B", "test_infer[4]"),
        ("test_resnet50[4]", "resnet50", "test_resnet50[4]"),
        ("test_infer[resnet501]", "resnet50", "test_infer[resnet501]"),
        ("test_infer", "", "test_infer"),
    ],
)
def test_a_piece_that_is_said_elsewhere_leaves_a_name(name: str, piece: str, expected: str) -> None:
    assert without_piece(name, piece) == expected


def test_a_format_is_a_text_that_spells_one_and_a_score_stays_a_score() -> None:
    stated = read_stated({"precision": 0.89, "DType": "torch.bfloat16", "model": "bert"}, "/x")

    assert (stated.model.name, stated.precision) == ("bert", "torch.bfloat16")
    assert list(stated.entry.series) == ["precision"]


def test_the_plainest_key_states_the_format_and_the_others_stay_parameters() -> None:
    stated = read_stated({"quantization": "int4", "precision": "int8", "format": "onnx"}, "/x")

    assert stated.precision == "int8"
    assert stated.entry.params == {"quantization": "int4", "format": "onnx"}
