"""Number formats under the spellings that people use."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cetrack.precisions import (
    METHODS,
    RUNTIMES,
    canonical_method,
    find_precision,
    is_precision,
    parse_precision,
    spellings,
    unknown_precision,
)

quick = settings(database=None, deadline=None)

# every spelling met in public result files: format and the words beside it; None: no format in it
MET = {
    "fp32": ("fp32", ()),
    "FP32": ("fp32", ()),
    "f32": ("fp32", ()),
    "float": ("fp32", ()),
    "float32": ("fp32", ()),
    "torch.float32": ("fp32", ()),
    "FP32 (baseline)": ("fp32", ()),
    "M1 — FP32 Baseline": ("fp32", ("m1",)),
    "original": None,
    "baseline": None,
    "fp16": ("fp16", ()),
    "FP16": ("fp16", ()),
    "float16": ("fp16", ()),
    "half": ("fp16", ()),
    "Half": ("fp16", ()),
    "bf16": ("bf16", ()),
    "bfloat16": ("bf16", ()),
    "torch.bfloat16": ("bf16", ()),
    "amp": ("amp", ()),
    "amp_bf16": ("amp_bf16", ()),
    "int8": ("int8", ()),
    "INT8": ("int8", ()),
    "i8": ("int8", ()),
    "u8": ("int8", ()),
    "int8_all": ("int8", ()),
    "onnx_int8": ("int8", ("onnx",)),
    "pytorch_fp32": ("fp32", ("pytorch",)),
    "tflite_int8": ("int8", ("tflite",)),
    "w8a8": ("int8", ()),
    "W8A8 INT8": ("int8", ()),
    "W8A8 MXFP8": ("mxfp8", ()),
    "W-only INT8": ("int8_weight_only", ()),
    "W-only MXFP8": ("mxfp8", ("w", "only")),
    # as many bits of a format that we do not know
    "W8A8 QF8": None,
    "w4a8_hf4": None,
    "vit8_w8a8": ("int8", ("vit8",)),
    "16-bit": ("16bit", ()),
    "w8a16": ("int8_weight_only", ()),
    "w8a16_mixed_int16": ("w8a16_mixed_int16", ()),
    "int8wo": ("int8_weight_only", ()),
    "torchao_int8wo": ("int8_weight_only", ("torchao",)),
    "quantized": None,
    "ptq": None,
    "qat": None,
    "PTQ_legacy": None,
    "M2 — PTQ INT8": ("int8", ("m2", "ptq")),
    "PTQ_FP8_E4M3": ("fp8_e4m3", ("ptq",)),
    "int16": ("int16", ()),
    "fp8": ("fp8", ()),
    "FP8_E4M3": ("fp8_e4m3", ()),
    "E5M2": ("fp8_e5m2", ()),
    "MXFP8": ("mxfp8", ()),
    "fbgemm_fp8": ("fp8", ()),
    "compressed_fp8": ("fp8", ()),
    "int4": ("int4", ()),
    "INT4": ("int4", ()),
    "int4_uniform": ("int4", ()),
    "INT4 (Simulated)": ("int4", ()),
    "w4": ("int4_weight_only", ()),
    "w4a16": ("int4_weight_only", ()),
    "int4wo": ("int4_weight_only", ()),
    "nf4": ("nf4", ()),
    "NF4": ("nf4", ()),
    "nvfp4": ("nvfp4", ()),
    "fp4": ("fp4", ()),
    "awq": ("awq", ()),
    "AWQ-INT4": ("awq", ()),
    "AWQ (4-bit)": ("awq", ()),
    "gptq": ("gptq", ()),
    "GPTQ-INT4": ("gptq", ()),
    "GPTQ 4-bit": ("gptq", ()),
    "gptq_2bit": ("gptq_2bit", ()),
    "Q4_K_M": ("q4_k_m", ()),
    "Q8_0": ("q8_0", ()),
    "IQ2_XXS": ("iq2_xxs", ()),
    "higgs_int4": ("int4", ("higgs",)),
    "hqq_int8": ("int8", ("hqq",)),
    "eetq_int8": ("int8", ("eetq",)),
    "quanto_int8wo": ("int8_weight_only", ("quanto",)),
    "bnb_8bit": ("int8", ("bnb",)),
    "aqlm 2Bit-1x16": ("int2", ("aqlm", "1x16")),
    "vptq": None,
    "ternary": ("ternary", ()),
    "RTN Ternary": ("ternary", ("rtn",)),
    "binary": ("binary", ()),
    "FP32+FP16": ("fp32+fp16", ()),
    "INT8+FP32": ("fp32+int8", ()),
    "w2a8": ("w2a8", ()),
    "fp-32": ("fp32", ()),
    "INT 8": ("int8", ()),
    "4-bit": ("int4", ()),
    "resnet50.int8": ("int8", ("resnet50",)),
    "infer-amp-nchw": ("amp", ("infer", "nchw")),
    # plain bit counts are numbers, and numbers are never a format
    "32": None,
    "16": None,
    "8": None,
    "0.89": None,
    # two formats in one label, or words that mean something else
    "fp32_vs_int8": None,
    "int8/fp16": None,
    "binary_classifier": None,
    "first_half": None,
    "single_gpu": None,
    "q3_report": None,
    "vit_i_8": None,
    "dynamic": None,
    "": None,
    " ": None,
    "x" * 5000: None,
    "int8 " * 100: None,
}


@pytest.mark.parametrize(("label", "expected"), MET.items(), ids=lambda value: f"{value!r:.30}")
def test_spellings_met_in_the_wild(
    label: str, expected: tuple[str, tuple[str, ...]] | None
) -> None:
    found = find_precision(label)

    assert (None if found is None else (found[0].name, found[1])) == expected


@pytest.mark.parametrize(
    ("name", "bits"),
    [
        ("fp32", (32, 32, True)),
        ("bf16", (16, 16, True)),
        ("fp8_e4m3", (8, 8, True)),
        ("int8", (8, 8, False)),
        ("int8_weight_only", (8, 16, False)),
        ("int4_weight_only", (4, 16, False)),
        ("nf4", (4, 16, True)),
        ("w2a8", (2, 8, None)),
        ("q4_k_m", (4, None, False)),
        ("ternary", (1.58, None, False)),
        ("mixed", (None, None, None)),
        ("16bit", (16, None, None)),
        ("fp32+int8", (None, None, None)),
    ],
)
def test_bits(name: str, bits: tuple[float | None, float | None, bool | None]) -> None:
    found = parse_precision(name)

    assert found is not None
    assert (found.weight_bits, found.activation_bits, found.is_float) == bits


def test_a_canonical_name_spells_itself() -> None:
    for precision, others in spellings():
        for text in (precision.name, precision.name.upper(), *others):
            assert parse_precision(text) == precision


def test_no_spelling_means_two_formats() -> None:
    texts = [text for precision, others in spellings() for text in (precision.name, *others)]

    assert len(set(texts)) == len(texts)


@pytest.mark.parametrize(
    ("label", "sure"),
    [
        ("fp32", True), ("INT8", True), ("onnx_int8", True), ("M2 — PTQ INT8", True),
        ("INT4 (Simulated)", True), ("int8 per-channel", True), ("w4a16_g128", True),
        ("fp16.onnx", True), ("awq", True), ("amp_bf16", True),
        ("float", False), ("half", False), ("binary", False), ("mixed", False), ("amp", False),
        ("single", False), ("ternary", False),
        ("resnet18_fp32", False), ("summary_int8", False), ("fp32_vs_int8", False),
        ("baseline", False), ("8", False), ("", False),
    ],
)  # fmt: skip
def test_which_labels_prove_a_format(label: str, sure: bool) -> None:
    assert is_precision(label) is sure


@pytest.mark.parametrize(
    ("text", "name"),
    [("mystery", "mystery"), (" Zz 9 ", "zz_9"), ("", "unknown"), ("---", "unknown")],
)
def test_an_unknown_format_keeps_its_name(text: str, name: str) -> None:
    found = unknown_precision(text)

    assert (found.name, found.weight_bits, found.is_float) == (name, None, None)


@pytest.mark.parametrize(
    ("text", "method"),
    [
        ("PTQ", "ptq"),
        ("post-training quantization", "ptq"),
        ("Quantization Aware Training", "qat"),
        ("pruned", "pruning"),
        ("KD", "distillation"),
        ("SmoothQuant", "SmoothQuant"),
        ("", ""),
    ],
)
def test_methods(text: str, method: str) -> None:
    assert canonical_method(text) == method


def test_a_method_is_its_own_canonical_name() -> None:
    for method in METHODS.values():
        assert canonical_method(method) == method
    assert not set(METHODS) & set(RUNTIMES)


@quick
@given(st.text())
def test_no_text_raises_and_what_is_found_spells_itself(text: str) -> None:
    found = find_precision(text)
    is_precision(text)
    unknown_precision(text)

    if found is not None:
        assert parse_precision(found[0].name) == found[0]


words = st.sampled_from(
    ["fp32", "int8", "w8a8", "onnx", "PTQ", "resnet", "4", "bit", "+", "_", "-"]
)


@quick
@given(st.lists(words, max_size=6), st.sampled_from(["", "_", " ", "-", "."]))
def test_what_is_found_in_glued_words_spells_itself(parts: list[str], glue: str) -> None:
    found = find_precision(glue.join(parts))

    if found is not None:
        assert parse_precision(found[0].name) == found[0]
