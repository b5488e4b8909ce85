"""Which model and which number format the settings of a language model's tool state. Pure.

Settings are those of transformers and of what is built on it: ``quantization_scheme``, ``bits``,
``load_in_4bit``, ``torch_dtype``. The format of quantised weights goes before the type of what
holds them: a model of int8 weights reports bfloat16 as its dtype.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from cetrack.hints import split_label
from cetrack.precisions import find_precision
from cetrack.readers.numbers import whole_number

_SCHEMES = (
    "quantization_scheme", "quantization_strategy", "quantization", "quantize", "quant_method",
)  # fmt: skip
_FLAGS = {"autogptq": "gptq", "gptq": "gptq", "load_in_4bit": "bnb", "load_in_8bit": "bnb"}
_DTYPES = ("torch_dtype", "dtype", "model_dtype")
_WEIGHTS = ("weights_dtype", "weight_dtype", "weights", "quant_type")
_BITS = ("bits", "wbits", "w_bit")
_NOTHING = frozenset({"", "auto", "false", "none", "null", "true"})
_WEIGHTS_ONLY = frozenset({"hqq", "optimum-quanto", "quanto"})
_SCALED = frozenset({"gptq", "awq"})  # named like a format, which it is at 4 bits
_SUFFIX = re.compile(r"\.(gguf|onnx|safetensors|engine|plan|xml|bin|pth?)$", re.IGNORECASE)
_SIZE = re.compile(r"\d+(\.\d+)?[BM]", re.IGNORECASE)
_GENERIC = frozenset(
    {"checkpoints", "compressed", "data", "hf", "huggingface", "llm", "llms", "lm", "model",
     "models", "pruned", "quantised", "quantized", "snapshots", "weights"}
)  # fmt: skip
_MAX_LEVELS = 4
_QUANTISED_BITS = 16  # weights of fewer bits are


class Quantization(NamedTuple):
    """A precision as text, and the method that made it; blank where nothing says so."""

    precision: str
    method: str = ""


def stated_quantization(settings: Mapping[str, Any], named: str = "") -> Quantization:
    """What settings say about the format of the weights; ``named`` is what the model's name says.

    Keys of a ``quantization_config`` count like those around it. Values may be text.
    """
    values = {str(key).lower(): value for key, value in settings.items()}
    inner = values.get("quantization_config")
    if isinstance(inner, Mapping):
        values.update({str(key).lower(): value for key, value in inner.items()})
    scheme = _first(values, _SCHEMES) or next(
        (method for flag, method in _FLAGS.items() if _is_on(values.get(flag))), ""
    )
    label = _weights(scheme.lower(), values)
    if label:
        return Quantization(label, scheme.lower())
    found = find_precision(named) if named else None
    if found is not None and (found[0].weight_bits or _QUANTISED_BITS) < _QUANTISED_BITS:
        return Quantization(named, scheme.lower())
    if _is_on(values.get("amp_autocast")):
        is_bf16 = "bf" in _first(values, ("amp_dtype",)).lower()
        return Quantization("amp_bf16" if is_bf16 else "amp")
    return Quantization(_first(values, _DTYPES) or named)


def _weights(scheme: str, values: Mapping[str, Any]) -> str:
    """The format of the weights, blank where they are not quantised."""
    if _is_on(values.get("load_in_4bit")):
        return _first(values, ("bnb_4bit_quant_type",)) or "int4_weight_only"
    if _is_on(values.get("load_in_8bit")):
        return "int8"
    bits = next((n for key in _BITS if (n := whole_number(values.get(key)))), None)
    if scheme in _SCALED:
        return scheme if bits in (None, 4) else f"w{bits}a16"
    weights = _first(values, _WEIGHTS)
    if weights and find_precision(weights) is not None:
        only = scheme in _WEIGHTS_ONLY and not _first(values, ("activations",))
        return f"{weights}_weight_only" if only and weights.startswith("int") else weights
    if bits and 0 < bits < _QUANTISED_BITS:
        return f"w{bits}a16"
    return scheme


def _first(values: Mapping[str, Any], keys: tuple[str, ...]) -> str:
    """The first text under one of the keys that says something."""
    texts = (values.get(key) for key in keys)
    return next((t for t in texts if isinstance(t, str) and t.lower() not in _NOTHING), "")


def _is_on(value: Any) -> bool:
    return value is True or (isinstance(value, str) and value.strip().lower() == "true")


def model_and_format(identifier: str) -> tuple[str, str]:
    """(name, precision) in a model's id on a hub, or its path; blank where it names none.

    ``org/Llama-2-7B-GPTQ`` is Llama-2-7B at gptq. Of a path the innermost folder counts whose name
    is not only a format or a word such as ``quantized_model``; one that is a size has the next
    before it: ``llama/hf/7B`` is llama-7B.
    """
    parts = [part for part in re.split(r"[/\\]", identifier.strip()) if part not in ("", ".", "..")]
    levels = 1 if len(parts) == 2 and not identifier.startswith((".", "/")) else _MAX_LEVELS
    name = precision = ""
    for part in list(reversed(parts))[:levels]:
        label, found = split_label(_SUFFIX.sub("", part))
        precision = precision or found
        if label and not _is_generic(label):
            name = f"{label}-{name}" if name else label
            if not _SIZE.fullmatch(label):
                break
    return name or (parts[-1] if parts else ""), precision


def _is_generic(label: str) -> bool:
    return all(word in _GENERIC for word in re.split(r"[-_ ]", label.lower()))
