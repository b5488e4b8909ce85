"""What a file's path tells about the runs in it. Pure.

A path is a weak witness: it only fills what the file and the user left open, and a run that is met
again under another path stays the run it was.
"""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import PurePath

from cetrack.packing import unpacked_name
from cetrack.precisions import METHODS, RUNTIMES, find_precision, label_words

_GENERIC = frozenset(
    {
        "accuracy", "all", "analysis", "artifacts", "benchmark", "benchmarks", "best", "checkpoint",
        "checkpoints", "comparison", "comparisons", "config", "cout", "csv", "curves", "data",
        "database", "db", "epoch", "epochs", "eval", "exp", "experiment", "experiments", "files",
        "final", "fold", "histories", "history", "json", "last", "latest", "lightning", "log",
        "logs", "loss", "meta", "metadata", "metric", "metrics", "mlflow", "mlruns", "model",
        "models", "nni", "optuna", "out", "output", "outputs", "performance", "progress",
        "quantisation", "quantization", "result", "results", "run", "runs", "sacred", "seed",
        "state", "stats", "storage", "store", "studies", "study", "summary", "tmp", "train",
        "trainer", "training", "trials", "trtexec", "val", "validation", "version", "wandb",
    }
)  # fmt: skip
_NO_NAME = frozenset({"report", "reports"})  # unless something stands beside it
_COUNTER = re.compile(r"^(run|seed|fold|night|day|rep|copy|checkpoint|epoch)[-_]?\d{1,9}$")
_NUMBER = re.compile(r"^(v|version)?[-_]?\d{1,9}$")
_IN_BRACKETS = re.compile(r"\(\d{1,4}\)")
_HASH = re.compile(r"^(?=[0-9a-f]*\d)(?=[0-9a-f]*[a-f])[0-9a-f]{7,64}$")
_DATE = re.compile(
    r"(?<!\d)(?:20\d\d[-_.]?[01]\d[-_.]?[0-3]\d)"
    r"(?:[T_\-. ]?[0-2]\d[-_.:h]?[0-5]\d(?:[-_.:m]?[0-5]\d(?:\.\d{1,9})?)?)?Z?(?!\d)"
)
# what a program calls its files and folders: a clock, a host, a process
_MADE_UP = re.compile(r"tfevents")
_CLOCK_AND_HOST = re.compile(r"^[A-Z][a-z]{2}\d\d_\d\d-\d\d-\d\d_[^_]*")
# a dot inside a number is part of it: Llama-3.1-8B
_PIECES = re.compile(r"(?<=\w)(?:-|\.(?!\d)|(?<!\d)\.)(?=\w)")
_TRACKED = re.compile(r"^(offline-)?run-\d{8}_\d{6}-\w+$")  # a folder of Weights & Biases
_MAX_LEVELS = 3
_MAX_LABELS = 6


@lru_cache(maxsize=1024)
def path_hints(inner: PurePath, path: PurePath) -> tuple[str, str]:
    """(model, precision) that a path names, blank where it does not.

    ``inner`` is the path below the folder that the user named. Above it a folder names a model
    only beside a precision: ``lenet/int8/history.csv``, ``lenet_int8/history.csv``.
    """
    parts = _parts(path)
    trusted = len(_parts(inner))
    model = precision = ""
    for level, part in enumerate(parts[: _MAX_LEVELS + 1]):
        words, found = split_label(part)
        if found and not precision:
            precision = found
        if words and not model and (level < trusted or found or precision):
            model = words
        if model and precision:
            break
    return model, precision


@lru_cache(maxsize=1024)
def path_label(path: PurePath) -> str:
    """The innermost part of a path that may be a model's name, for a run that has none at all."""
    labels = (split_label(part)[0] for part in _parts(path)[:_MAX_LABELS])
    return next(filter(None, labels), "")


def _parts(path: PurePath) -> list[str]:
    """The stem, then the folders from the inside out."""
    parts = [part for part in path.parts if part not in ("/", "\\", ".", "..")]
    return [_stem(parts[-1]), *reversed(parts[:-1])] if parts else []


def _stem(name: str) -> str:
    """A file's name without its suffix; blank where it says nothing."""
    if _MADE_UP.search(name):
        return ""
    bare = unpacked_name(name)
    return bare.rpartition(".")[0] or bare


@lru_cache(maxsize=4096)
def split_label(part: str) -> tuple[str, str]:
    """(what may be a model's name, precision) of a part of a path, or of another label.

    Dates, counters, hashes and words such as ``results`` are no name. A runtime or a method beside
    the precision stays with it: ``lenet_onnx_int8`` is ``lenet`` at ``onnx_int8``.
    """
    if _TRACKED.match(part):
        return "", ""
    dated = _DATE.sub(" ", _CLOCK_AND_HOST.sub(" ", part))
    found = find_precision(dated)
    name, beside = (found[0].name, found[1]) if found else ("", ())
    trade = [word for word in beside if word in RUNTIMES or word in METHODS]
    words = re.split(r"[_\s]+", dated)
    if found:
        words = [_without(word, set(beside) - set(trade)) for word in words]
    kept = [word for word in words if _NUMBER.match(word.lower()) or not _is_noise(word)]
    model = "_".join(kept).strip("-_. ")
    nameless = _is_noise(model) or model.lower() in _NO_NAME
    return ("" if nameless else model), "_".join([*trade, name]) if name else ""


def _without(word: str, beside: set[str]) -> str:
    """A word less its pieces that are not ``beside`` the precision: ``lenet-int8`` → ``lenet``."""
    pieces = _PIECES.split(word)
    own = [p for p in pieces if not (found := label_words(p)) or beside.intersection(found)]
    return word if len(own) == len(pieces) else "-".join(own)


def _is_noise(word: str) -> bool:
    lowered = word.lower().strip("-_. ")
    return (
        not lowered
        or lowered in _GENERIC
        or all(piece in _GENERIC or _NUMBER.match(piece) for piece in re.split(r"[-_]", lowered))
        or bool(_COUNTER.match(lowered) or _HASH.match(lowered))
    )


@lru_cache(maxsize=1024)
def variant_of(name: str) -> str:
    """Which of several set-ups a file is of: its stem without dates, counters and hashes."""
    dated = _IN_BRACKETS.sub(" ", _DATE.sub(" ", _stem(name)))
    words = [word for word in re.split(r"[_\s]+", dated) if word and not _is_counter(word.lower())]
    return "_".join(words).strip("-_. ()")


def _is_counter(word: str) -> bool:
    return any(pattern.match(word) for pattern in (_COUNTER, _NUMBER, _HASH))
