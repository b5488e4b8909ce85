"""Words of home-made result files: which of them name a precision, a model, a device or a metric.

Pure; knows words, no shapes of files.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import PureWindowsPath
from typing import Any, NamedTuple

from cetrack.hints import split_label
from cetrack.metrics import is_known, resolve
from cetrack.precisions import (
    METHODS,
    RUNTIMES,
    canonical_method,
    find_precision,
    is_precision,
    is_uncompressed,
)
from cetrack.readers.numbers import is_number, number_in_text, whole_number
from cetrack.units import split_suffix

# keys that are made for a number format; the value decides, for precision is a metric as well
FORMAT_KEYS = frozenset(
    {
        "compute_type", "data_type", "dtype", "model_dtype", "number_format", "precision", "quant",
        "quant_format", "quant_type", "quantisation", "quantization", "quantization_scheme",
        "quantization_type", "torch_dtype", "weight_data_types", "weight_dtype", "weights_dtype",
    }
)  # fmt: skip
# keys that as often say something else: only a known format in the same column makes them one
LABEL_KEYS = (
    "format", "variant", "stage", "label", "cond", "condition", "config", "configuration", "method",
    "scheme", "mode", "type", "name", "run", "model_variant", "experiment", "tag",
)  # fmt: skip
_WEIGHT_BITS = frozenset(
    {
        "bit", "bit_count", "bit_size", "bit_width", "bits", "bitsize", "bitwidth", "n_bits",
        "nbits", "num_bits", "quant_bits", "quantization_bits", "w_bits", "wbits", "weight_bit",
        "weight_bit_width", "weight_bits", "weight_bitwidth", "weight_bw", "weights_bits",
    }
)  # fmt: skip
_ACTIVATION_BITS = frozenset(
    {
        "a_bits", "abits", "act_bit_width", "act_bits", "act_bw", "activation_bit_width",
        "activation_bits", "activation_bitwidth", "activation_bw", "activations_bits",
    }
)  # fmt: skip
_COUNTS = frozenset({1, 2, 3, 4, 5, 6, 8, 12, 16, 32})
_SURE_COUNTS = frozenset({16, 32})
MODEL_PATHS = frozenset({"checkpoint", "model_file", "model_path", "onnx", "weights_path"})
_MODEL_WORDS = frozenset({"arch", "architecture", "backbone", "net", "network"})
# the keys under such a word are names of that kind
PLURALS: Mapping[str, str] = {
    "architectures": "model", "backends": "runtime", "batch_sizes": "batch_size",
    "by_device": "device", "by_model": "model", "by_precision": "precision", "configs": "precision",
    "components": "model", "datasets": "dataset", "devices": "device", "dtypes": "precision",
    "engines": "runtime",
    "formats": "precision", "hosts": "device", "methods": "precision", "models": "model",
    "networks": "model", "platforms": "device", "precisions": "precision",
    "quantizations": "precision", "runtimes": "runtime", "stages": "precision",
    "targets": "device", "variants": "precision",
}  # fmt: skip
_DEVICE = re.compile(
    r"^(cpu|gpu|cuda|npu|tpu|dsp|mps|a100|h100|v100|t4|l4|edge_?tpu|coral"
    r"|(jetson|raspberry|rpi|stm32|esp32|cortex|rtx|gtx|orin|xavier|snapdragon|pixel).*)(:\d)?$"
)
# what many files call the object around their results: it names nothing
_BLANK = frozenset(
    {
        "accuracy_results", "all", "all_results", "benchmark", "benchmark_results", "benchmarks",
        "comparison", "comparisons", "data", "details", "evaluation", "evaluations", "experiments",
        "measurements", "metrics", "output", "performance", "per_model", "quantization_results",
        "report", "result", "results", "runs", "summary",
    }
)  # fmt: skip
# and words of one that tells its numbers from those of another
_GROUP_WORDS = frozenset(
    {
        "analysis", "benchmark", "breakdown", "confidence", "evaluation", "intervals",
        "performance", "profile", "quality", "report", "statistical", "statistics", "stats",
        "tests", "timing",
    }
)  # fmt: skip
_MEASURED_WORDS = frozenset(
    {
        "acc", "accuracy", "auc", "bleu", "energy", "error", "f1", "flash", "footprint", "fps",
        "inference", "iou", "latency", "loss", "losses", "macs", "map", "memory", "miou", "mse",
        "nll", "perplexity", "power", "ppl", "psnr", "qps", "ram", "recall", "rmse", "rouge",
        "score", "sparsity", "speedup", "ssim", "throughput", "top1", "top5", "wer",
    }
)  # fmt: skip
# of what is chosen although it is known, or has a unit: a learning rate, a timeout
_CHOSEN = frozenset(
    {
        "budget", "epoch", "epochs", "interval", "learning", "limit", "lr", "n", "num",
        "parameters", "params", "target", "threshold", "timeout",
    }
)  # fmt: skip
_SETTING_WORDS = frozenset(
    {
        "act", "batch", "batches", "bias", "bit", "bits", "block", "bw", "calib", "calibration",
        "channel", "channels", "dim", "exponent", "frames", "graph", "group", "gptq", "iter",
        "iterations", "iters", "layers", "len", "length", "mantissa", "nodes", "opset", "rank",
        "repeats", "rounds", "runs", "samples", "seed", "seq", "steps", "stride", "threads",
        "tokens", "version", "warmup", "width", "workers",
    }
)  # fmt: skip
_COMPARING = frozenset(
    {
        "agreement", "change", "comparison", "comparisons", "compression", "degradation", "delta",
        "diff", "difference", "drop", "gain", "improvement", "improvements", "ratio", "ratios",
        "reduction", "retention", "savings", "speedup", "vs",
    }
)  # fmt: skip
_CHANGED = frozenset({"compressed", "optimized", "ptq", "qat", "quantised", "quantized"})
_PRUNED = re.compile(r"^(prun(e|ed|ing)|sparse)[_-]?\d*(pct|percent|%)?$")
_DATASETS = frozenset(
    {
        "ade20k", "cifar10", "cifar100", "cityscapes", "coco", "fashionmnist", "imagenet",
        "imagenet1k", "kmnist", "librispeech", "mnist", "squad", "sst2", "stl10", "svhn",
        "tinyimagenet", "voc", "wikitext2",
    }
)  # fmt: skip
CITED = re.compile(r"^(cited|citation|paper|reported|literature|published|from paper)\b", re.I)


class Label(NamedTuple):
    """A precision as a file names it: ``text``, what else the name says, and a doubt about it.

    ``branch`` is ``original`` or ``changed`` for a word that is no format: two of them beside each
    other are a baseline and what became of it.
    """

    text: str
    method: str = ""
    variant: str = ""
    doubt: str = ""
    branch: str = ""


def slug(key: str) -> str:
    """A key in one spelling: ``Weight bit width`` → ``weight_bit_width``."""
    return re.sub(r"[\s\-.]+", "_", key.strip().lower())


def words_of(key: str) -> set[str]:
    """The words of a key in lower case."""
    return set(re.split(r"[^a-z0-9]+", key.lower()))


# --- metrics and settings --------------------------------------------------------------------


@lru_cache(maxsize=4096)
def is_measure(key: str) -> bool:
    """True for the name of something that is measured: known, with a unit, or a common word."""
    words = words_of(key)
    if slug(key) in FORMAT_KEYS or words & _CHOSEN:
        return False
    return is_known(key) or split_suffix(key) is not None or bool(words & _MEASURED_WORDS)


@lru_cache(maxsize=4096)
def is_setting(name: str) -> bool:
    """True for the name of a number that was chosen, not measured."""
    if is_known(name) or split_suffix(name) is not None or words_of(name) & _COMPARING:
        return False
    lowered = words_of(name)
    return bool(lowered & _SETTING_WORDS) and not lowered & {"accuracy", "acc", "loss", "latency"}


def is_comparison(key: str) -> bool:
    """True for a name that compares two precisions: it belongs to the compressed one."""
    return bool(words_of(key) & _COMPARING)


@lru_cache(maxsize=4096)
def needs_more_than_zero(name: str) -> bool:
    """True for what cannot be measured as 0: then it was not."""
    if resolve(name).metric.family in ("latency", "size", "memory", "throughput"):
        return True
    return bool(words_of(name) & {"perplexity", "ppl", "nll", "latency", "fps", "throughput"})


# --- precisions ------------------------------------------------------------------------------


def is_format_text(value: Any) -> bool:
    """True for text that may name a number format: 0.89 is a classification metric."""
    if not isinstance(value, str) or not value.strip():
        return False
    return find_precision(value) is not None or number_in_text(value) is None


def bit_label(values: Mapping[str, Any]) -> tuple[str, tuple[str, ...]]:
    """(label, keys) of the precision that fields with bit counts state; blank without them."""
    weight = _bits_under(values, _WEIGHT_BITS)
    if weight is None:
        return "", ()
    activation = _bits_under(values, _ACTIVATION_BITS)
    keys = (weight[0],) if activation is None else (weight[0], activation[0])
    return _spelt(weight[1], None if activation is None else activation[1]), keys


def _spelt(weight: int, activation: int | None) -> str:
    """The label of so many bits: 32 are a float's, of 16 nobody knows whether they are."""
    if activation is not None and activation != weight:
        return f"w{weight}a{activation}"
    return {16: "16bit", 32: "fp32"}.get(weight) or (
        f"int{weight}" if activation is None else f"w{weight}a{weight}"
    )


def _bits_under(values: Mapping[str, Any], names: frozenset[str]) -> tuple[str, int] | None:
    for key, value in values.items():
        if slug(key) in names and not isinstance(value, bool):
            count = whole_number(value)
            if count in _COUNTS:
                return key, int(count or 0)
    return None


def is_bit_field(key: str) -> bool:
    """True for a field that counts the bits of weights."""
    return slug(key) in _WEIGHT_BITS


def are_bit_counts(cells: Sequence[Any]) -> bool:
    """True for numbers under ``precision`` that can only be bits: 32 and 8, never 0.89."""
    counts = {whole_number(cell) if is_number(cell) else None for cell in cells}
    return bool(counts & _SURE_COUNTS) and counts <= _COUNTS


def branch_label(key: str) -> Label | None:
    """What a key or a cell without a format says about one: ``original``, ``ptq``, ``prune30``."""
    bare = slug(key)
    if is_uncompressed(key):
        return Label("fp32", doubt=f"'{key}' is taken as fp32", branch="original")
    if bare in _CHANGED:
        method = canonical_method(bare)
        known = method != bare or bare in ("ptq", "qat")
        return Label(key, method=method if known else "", branch="changed")
    if _PRUNED.match(bare):
        doubt = f"'{key}' is taken as fp32: pruning keeps the number format"
        return Label("fp32", method="pruning", variant=key, doubt=doubt, branch="changed")
    return None


class Split(NamedTuple):
    """A key that names a precision and something else: ``fp32_size_mb``, ``resnet18_int8``."""

    precision: str
    rest: str


@lru_cache(maxsize=4096)
def split_key(key: str) -> Split | None:
    """``fp32_size_mb`` → (fp32, size_mb), ``latency_int8_ms`` → (int8, latency_ms).

    None where no precision is in it, where it has two, or where it is nothing but one.
    """
    words = [word for word in re.split(r"[_\s/]+", key) if word]
    at = [index for index, word in enumerate(words) if is_precision(word) and not word.isdigit()]
    if len(at) != 1 or len(words) < 2:
        return None
    (index,) = at
    return Split(words[index], "_".join(words[:index] + words[index + 1 :]))


_NO_LABELS = frozenset(
    {
        "abs", "average", "avg", "best", "eval", "final", "first", "host", "last", "max", "mean",
        "median", "min", "model", "norm", "peak", "rel", "std", "sum", "test", "top", "total",
        "train", "val", "valid", "validation", "worst",
    }
)  # fmt: skip


def names_precision(word: str) -> bool:
    """True for a word that may name a precision where others beside it do: ``rtn_perplexity``."""
    lowered = word.lower()
    plain = word.isidentifier() and lowered not in _NO_LABELS and not is_measure(word)
    return plain and not is_comparison(word) and not is_setting(word)


# --- names -----------------------------------------------------------------------------------


def is_device(key: str) -> bool:
    """True for a name of hardware."""
    return _DEVICE.match(key.strip().lower().replace(" ", "_")) is not None


def is_runtime(key: str) -> bool:
    """True for a name of a runtime."""
    return key.strip().lower() in {*RUNTIMES, *RUNTIMES.values(), "onnxruntime"}


def is_blank(key: str) -> bool:
    """True for a key around results that names nothing."""
    return slug(key) in _BLANK


def is_group(key: str) -> bool:
    """True for a key that tells a group of numbers from others: ``confidence_intervals``."""
    return is_measure(key) or bool(words_of(key) & _GROUP_WORDS)


def is_model_key(key: str) -> bool:
    """True for a field that names the model, beyond those which all readers know."""
    return slug(key) in _MODEL_WORDS


def model_of_path(text: str) -> str:
    """The model that a file's name says, on any system: ``D:/m/lenet_int8.onnx`` → ``lenet``."""
    stem = PureWindowsPath(text.strip()).name
    stem = stem.rpartition(".")[0] or stem
    return split_label(stem)[0]


def split_method(name: str) -> tuple[str, str]:
    """(model, method) of a name that ends in one: ``tier1_ptq`` → (``tier1``, ``ptq``)."""
    model, _, last = name.rpartition("_")
    return (model, canonical_method(last)) if model and last.lower() in METHODS else (name, "")


def plain_model(name: str, dataset: str = "") -> tuple[str, str]:
    """(model, data set) of a name into which both are glued, the model perhaps twice.

    ``lenet_MNIST_lenet_MNIST`` → (``lenet``, ``MNIST``). A name that stands once stays as it is,
    but for the data set that is stated as ``dataset``.
    """
    words = [word for word in name.split("_") if word]
    wanted = _DATASETS | {dataset.lower().replace("-", "")} - {""}
    found = [word for word in words if word.lower().replace("-", "") in wanted]
    rest = [word for word in words if word not in found]
    half = len(rest) // 2
    if half and rest[:half] == rest[half:]:
        rest = rest[:half]
    elif not (dataset and found):
        return name, dataset
    if not rest or len({word.lower() for word in found}) > 1:
        return name, dataset
    return "_".join(rest), dataset or (found[0] if found else "")
