"""Model and number format from the settings of language models' tools."""

from __future__ import annotations

from typing import Any

import pytest

from cetrack.precisions import find_precision
from cetrack.readers.quantization import model_and_format, stated_quantization


@pytest.mark.parametrize(
    ("settings", "named", "precision", "method"),
    [
        ({}, "", "", ""),
        ({"torch_dtype": "float16"}, "", "float16", ""),
        ({"dtype": "auto", "model_dtype": "torch.bfloat16"}, "", "torch.bfloat16", ""),
        ({"dtype": None}, "fp16", "fp16", ""),
        # the dtype of the container goes behind the weights that the model's name states
        ({"dtype": "bfloat16"}, "nvfp4", "nvfp4", ""),
        ({"dtype": "bfloat16"}, "fp16", "bfloat16", ""),
        ({"load_in_8bit": True, "dtype": "float16"}, "", "int8", "bnb"),
        ({"load_in_4bit": "True"}, "", "int4_weight_only", "bnb"),
        ({"load_in_4bit": False, "dtype": "float32"}, "", "float32", ""),
        (
            {"quantization_scheme": "bnb",
             "quantization_config": {"load_in_4bit": True, "bnb_4bit_quant_type": "nf4"}},
            "", "nf4", "bnb",
        ),
        ({"quantization_scheme": "gptq", "torch_dtype": "float16"}, "", "gptq", "gptq"),
        ({"quantization_strategy": "GPTQ", "quantization_config": {"bits": 4}}, "", "gptq", "gptq"),
        ({"quantization_scheme": "awq", "bits": 8.0}, "", "w8a16", "awq"),
        ({"gptq": "True", "bits": "3"}, "", "w3a16", "gptq"),
        ({"quantization": "fp8"}, "", "fp8", "fp8"),
        ({"quantization": True, "weights_dtype": "QInt8"}, "", "QInt8", ""),
        ({"quantization_scheme": "quanto", "weights": "int8"}, "", "int8_weight_only", "quanto"),
        ({"quantization_scheme": "quanto", "weights": "int8", "activations": "int8"}, "", "int8",
         "quanto"),
        ({"quantization_scheme": "torchao", "quant_type": "int4_weight_only"}, "",
         "int4_weight_only", "torchao"),
        ({"quantization_scheme": "hqq", "bits": 2}, "", "w2a16", "hqq"),
        ({"quantize": "vptq"}, "", "vptq", "vptq"),
        ({"quantize": None, "quantization": "none"}, "", "", ""),
        ({"amp_autocast": "True", "amp_dtype": "bfloat16"}, "", "amp_bf16", ""),
        ({"amp_autocast": True}, "", "amp", ""),
        ({"bits": "many", "quantization_config": [1], "dtype": 16}, "", "", ""),
    ],
)  # fmt: skip
def test_quantised_weights_go_before_the_type_that_holds_them(
    settings: dict[str, Any], named: str, precision: str, method: str
) -> None:
    assert stated_quantization(settings, named) == (precision, method)


@pytest.mark.parametrize("text", ["int4_weight_only", "w3a16", "w8a16", "QInt8", "nf4", "amp_bf16"])
def test_what_is_made_of_flags_is_a_spelling_that_is_known(text: str) -> None:
    assert find_precision(text) is not None


@pytest.mark.parametrize(
    ("identifier", "name", "precision"),
    [
        ("tinylab/river-3b", "river-3b", ""),
        ("tinylab/River-3.1-8B-Instruct-FP8", "River-3.1-8B-Instruct", "fp8"),
        ("lab/Stream-7B-GPTQ", "Stream-7B", "gptq"),
        ("/srv/models/Brook-30B_nvfp4_PTQ/quantized_model_nvfp4", "Brook-30B", "nvfp4"),
        ("C:\\models\\brook-8b.Q4_K_M.gguf", "brook-8b", "q4_k_m"),
        ("/data/llms/7B", "7B", ""),
        ("/srv/Llama/lm/huggingface/1.5b", "Llama-1.5b", ""),
        ("./out/fp16", "fp16", "fp16"),
        ("river", "river", ""),
        ("", "", ""),
        ("///", "", ""),
        (" tinylab/river ", "river", ""),
    ],
)
def test_the_name_of_a_model_is_the_innermost_part_that_is_one(
    identifier: str, name: str, precision: str
) -> None:
    assert model_and_format(identifier) == (name, precision)
