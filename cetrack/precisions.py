"""Number formats: how people spell them, what cetrack calls them, how many bits they have.

Pure. ``parse_precision`` knows spellings; ``find_precision`` looks for one inside a longer label.
The word *precision* is as often a classification metric: nothing here reads a number as a format.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache

from cetrack.domain import Precision

# canonical name: weight bits, activation bits, is_float, further spellings
_FORMATS: dict[str, tuple[float | None, float | None, bool | None, tuple[str, ...]]] = {
    "amp": (16, 16, True, ("automatic_mixed_precision", "mixed_precision", "amp_fp16")),
    "amp_bf16": (16, 16, True, ()),
    "awq": (4, 16, False, ("awq_4bit", "awq_int4", "int4_awq")),
    "bf16": (16, 16, True, ("bfloat16", "bfloat", "brain_float16")),
    "binary": (1, 1, False, ("1bit", "int1")),
    "fp4": (4, 16, True, ("float4", "f4", "fp4_e2m1")),
    "fp8": (8, 8, True, ("float8", "f8", "fbgemm_fp8", "compressed_fp8")),
    "fp8_e4m3": (
        8,
        8,
        True,
        ("float8_e4m3", "float8_e4m3fn", "e4m3", "e4m3fn", "fp8_e4m3fn", "fp8e4m3"),
    ),
    "fp8_e5m2": (8, 8, True, ("float8_e5m2", "e5m2", "fp8e5m2")),
    "fp16": (16, 16, True, ("float16", "f16", "half", "half_precision")),
    "fp32": (
        32,
        32,
        True,
        ("float32", "float", "f32", "single", "full_precision", "fp32_baseline"),
    ),
    "fp64": (64, 64, True, ("float64", "double", "f64")),
    "gptq": (4, 16, False, ("gptq_4bit", "gptq_int4", "int4_gptq")),
    "gptq_2bit": (2, 16, False, ()),
    "int2": (2, 2, False, ("i2", "2bit")),
    "int3": (3, 3, False, ("i3", "3bit")),
    "int4": (4, 4, False, ("i4", "4bit", "w4a4", "int4_uniform", "u4", "uint4")),
    "int4_weight_only": (4, 16, False, ("int4wo", "w4a16", "w4", "w_only_int4", "int4_wo")),
    "int5": (5, 5, False, ("5bit",)),
    "int6": (6, 6, False, ("6bit",)),
    "int8": (
        8,
        8,
        False,
        ("i8", "u8", "8bit", "w8a8", "a8w8", "int8_all", "w8a8_int8", "uint8", "quint8", "qint8"),
    ),
    "int8_dynamic": (8, 8, False, ("dynamic_int8", "int8_dyn", "int8dq")),
    "int8_static": (8, 8, False, ("static_int8",)),
    "int8_weight_only": (8, 16, False, ("int8wo", "w8a16", "w8", "w_only_int8", "int8_wo")),
    "int12": (12, 12, False, ("12bit",)),
    "int16": (16, 16, False, ("i16", "w16a16")),
    "16bit": (16, None, None, ()),
    "mixed": (None, None, None, ("mixed_bits", "mixed_int")),
    "mxfp4": (4, 16, True, ()),
    "mxfp8": (8, 8, True, ("w8a8_mxfp8",)),
    "nf4": (4, 16, True, ("bnb_nf4", "normal_float4")),
    "nvfp4": (4, 4, True, ()),
    "ternary": (1.58, None, False, ("1.58bit", "ternary_weights")),
    "tf32": (19, 19, True, ("tensorfloat32",)),
    "w4a8": (4, 8, False, ()),
    "w8a16_mixed_int16": (8, 16, False, ()),
}
_BY_SPELLING = {
    spelling: name for name, entry in _FORMATS.items() for spelling in (name, *entry[3])
}
RUNTIMES = {
    "bnb": "bitsandbytes",
    "eetq": "eetq",
    "higgs": "higgs",
    "hqq": "hqq",
    "onnx": "onnxruntime",
    "ort": "onnxruntime",
    "openvino": "openvino",
    "pytorch": "pytorch",
    "quanto": "quanto",
    "tensorrt": "tensorrt",
    "tflite": "tflite",
    "torch": "pytorch",
    "torchao": "torchao",
    "trt": "tensorrt",
}
METHODS = {
    "distill": "distillation",
    "distillation": "distillation",
    "distilled": "distillation",
    "dynamic": "ptq_dynamic",
    "dynamic_quantization": "ptq_dynamic",
    "kd": "distillation",
    "knowledge_distillation": "distillation",
    "post_training_quantization": "ptq",
    "prune": "pruning",
    "pruned": "pruning",
    "pruning": "pruning",
    "ptq": "ptq",
    "ptq_dynamic": "ptq_dynamic",
    "qat": "qat",
    "quantization_aware_training": "qat",
}
# what people call the model that was not compressed yet, in its usual format
UNCOMPRESSED = frozenset(
    {"baseline", "baselines", "dense", "original", "originals", "reference", "unquantized"}
)
UNKNOWN_PRECISION = "unknown"  # where nobody names one
MAX_LABEL = 200  # longer text names no format, and would only cost time
# words that mean a format only where they stand alone, or among words of the trade
_ORDINARY = frozenset({"binary", "double", "half", "mixed", "single"})
# and these are a format where someone says so, but no proof that a label is one
_WEAK = _ORDINARY | {"amp", "float", "ternary"}
_TRADE = frozenset({*RUNTIMES, *METHODS})
# what people write beside a format
_QUALIFIERS = frozenset(
    {
        "activation", "activations", "asymmetric", "aware", "baseline", "calibrated", "channel",
        "cpu", "cuda", "engine", "fake", "gpu", "legacy", "model", "npu", "only", "optimized",
        "original", "per", "post", "qdq", "quant", "quantised", "quantization", "quantized", "real",
        "sim", "simulated", "static", "symmetric", "tensor", "training", "weight", "weights",
        *_TRADE,
    }
)  # fmt: skip
_TAG = re.compile(r"^([a-z]?\d{1,2}|g\d{2,3})$")  # M2 — PTQ INT8, int4_g128
# fp-32, 4 bit; a single letter before the number is rather the name of something else
_SPLIT_NUMBER = re.compile(r"(?<=[a-z]{2})_(?=\d+$)|(?<=\d)_(?=bit$)")
_NAMESPACE = re.compile(r"^(torch|np|numpy|jnp|tf)[._]")
# what looks like a format, beside a mere count of bits
_OTHER = re.compile(r"^(?!vit)[a-z]{2,3}[48]$")
_COMMENT = re.compile(r"\s*\([^)]*\)")
_BITS = re.compile(r"^w(\d{1,2})a(\d{1,2})$")
_GGUF = re.compile(r"^i?q([1-8])_(0|1|k(_(s|m|l|xl))?|xxs|xs|s|m|nl)$")
# a dot inside a number is part of it: 1.58bit
_GAP = re.compile(r"[^0-9a-z.+]+|\.(?!\d)|(?<!\d)\.")
_LONGEST = 3  # words of a spelling: w_only_int8


def parse_precision(text: str) -> Precision | None:
    """The format that ``text`` spells, None when it is not one that we know.

    Case, a comment in brackets (``FP32 (baseline)``) and a namespace (``torch.float16``) do not
    matter; ``FP32+INT8`` is a combination of two.
    """
    if len(text) > MAX_LABEL:
        return None
    slug = _slug(text)
    name = _BY_SPELLING.get(slug) or _BY_SPELLING.get(_SPLIT_NUMBER.sub("", slug))
    if name is not None:
        return _precision(name)
    if "+" in text:
        parts = [parse_precision(part) for part in text.split("+")]
        known = [part for part in parts if part is not None]
        return _combination(known) if len(known) == len(parts) else None
    return _patterned(slug)


def _patterned(slug: str) -> Precision | None:
    """A format whose spelling states its bits: ``w2a8``, ``q4_k_m`` (GGUF)."""
    bits = _BITS.match(slug)
    if bits:
        weight, activation = (float(number) for number in bits.groups())
        return Precision(name=slug, weight_bits=weight, activation_bits=activation)
    gguf = _GGUF.match(slug)
    return Precision(name=slug, weight_bits=float(gguf[1]), is_float=False) if gguf else None


@lru_cache(maxsize=1024)
def find_precision(label: str) -> tuple[Precision, tuple[str, ...]] | None:
    """A format inside a longer label, with the words beside it: ``onnx_int8`` → int8, (onnx,).

    None when there is no format in it, or more than one.
    """
    exact = parse_precision(label)
    if exact is not None:
        return exact, ()
    if len(label) > MAX_LABEL:
        return None
    words = label_words(label)
    for size in range(_LONGEST, 0, -1):  # the longest spelling wins: int8_dynamic before int8
        found = [
            (known, "_".join(words[start : start + size]), (*words[:start], *words[start + size :]))
            for start in range(len(words) - size + 1)
            if (known := parse_precision("_".join(words[start : start + size]))) is not None
        ]
        sure = [item for item in found if item[1] not in _ORDINARY or _TRADE.issuperset(item[2])]
        if any(_BITS.match(item[1]) and any(map(_OTHER.match, item[2])) for item in sure):
            return None  # W8A8 QF8: as many bits, of a format that we do not know
        if len({known.name for known, _, _ in sure}) == 1:
            return sure[0][0], sure[0][2]
        if sure:
            return None
    return None


def label_words(label: str) -> list[str]:
    """The words of a label in lower case, without a comment in brackets."""
    return [word for word in _GAP.split(_COMMENT.sub("", label).lower()) if word]


@lru_cache(maxsize=1024)
def is_precision(label: str) -> bool:
    """True for a label that can hardly be anything but a format: ``INT8``, ``onnx_int8``.

    A word that has other meanings (``binary``, ``mixed``), or a format inside the name of something
    else (``resnet18_fp32``), proves nothing.
    """
    found = find_precision(label)
    return found is not None and _slug(label) not in _WEAK and _qualify(found[1])


def _qualify(words: Iterable[str]) -> bool:
    return all(word in _QUALIFIERS or _TAG.match(word) for word in words)


@lru_cache(maxsize=1024)
def canonical_method(text: str) -> str:
    """What cetrack calls a compression method; an unknown one keeps its name."""
    return METHODS.get(_slug(text), text)


def spellings() -> Iterator[tuple[Precision, tuple[str, ...]]]:
    """Every format that we know by name, with its other spellings."""
    for name, entry in sorted(_FORMATS.items()):
        yield _precision(name), entry[3]


def is_uncompressed(text: str) -> bool:
    """True for a word that stands for the model as it was: its format is a guess, fp32."""
    return _slug(text) in UNCOMPRESSED


def unknown_precision(text: str) -> Precision:
    """A format that we do not know: its name as a slug, no bits."""
    return Precision(name=_slug(text) or UNKNOWN_PRECISION)


def _slug(text: str) -> str:
    bare = _NAMESPACE.sub("", _COMMENT.sub("", text).strip().lower())
    return re.sub(r"[\s\-_/]+", "_", bare).strip("_")


def _precision(name: str) -> Precision:
    weight, activation, is_float, _ = _FORMATS[name]
    return Precision(name=name, weight_bits=weight, activation_bits=activation, is_float=is_float)


def _combination(parts: list[Precision]) -> Precision:
    unique = {part.name: part for part in parts}
    if len(unique) == 1:
        return parts[0]
    ordered = sorted(unique.values(), key=lambda part: (-(part.weight_bits or 0), part.name))
    return Precision(name="+".join(part.name for part in ordered))
