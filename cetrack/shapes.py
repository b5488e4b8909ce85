"""Input shapes: many spellings, one canonical text, the batch kept apart.

Canonical: dimensions joined by ``x``, a dynamic one as ``?``, without the batch: ``3x224x224``.
Several inputs are joined by ``;`` as ``name:128;mask:128``. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_DYNAMIC = frozenset({"-1", "?", "none", "null", "batch", "batch_size", "n", "b", "dynamic", "*"})
_SPLIT = re.compile(r"\s*[x×,\s]\s*")
_INPUT = re.compile(r"^(?P<name>[^:\[\](){}]+):\s*(?P<dims>[\[(]?[-?\w*]+(?:\s*[x×,].*)?)$")
_TORCH = re.compile(r"^(?:torch\.size|tensorshape)\((.*)\)$")
# a layout or a type before the brackets: NCHW[1,3,8,8], float32[1,3,8,8]
_TYPED = re.compile(r"^(?:n?c?d?hwc?|[a-z]+\d{1,2})(?=[\[(])")
_TIMES = re.compile(r"(?<=\d)\s*\*\s*(?=\d)")
_RANGE = re.compile(r"\b\d{1,9}\.\.\d{1,9}\b")
# between inputs: ids:1x128,mask:1x128
_NEXT_INPUT = re.compile(r",\s*(?=[A-Za-z_][^:,\[\](){}]*:)")
_SEPARATORS = re.compile(r"[;:\s]+")
_WITH_BATCH = 4  # from this rank on a leading 1 is the batch: NCHW
MAX_RANK = 12
MAX_TEXT = 1000


def parse_shape(value: Any) -> str | None:
    """The canonical text of a shape given as list, number, mapping or text; None if it is none.

    ``[3, 224, 224]``, ``3x224x224``, ``(1, 3, 224, 224)``, ``images:1x3x224x224``,
    ``NCHW[1, 3, 224, 224]`` and ``3*224*224`` are the same.
    A leading dimension is the batch, and dropped, when it is dynamic, or 1 in a shape of rank four
    or more.
    """
    split = split_batch(value)
    return None if split is None else split[0]


def split_batch(value: Any) -> tuple[str, int | None] | None:
    """The canonical shape and the batch that its first dimension stated, if it did."""
    if isinstance(value, Mapping):
        return _several([(str(name), dims) for name, dims in value.items()])
    if isinstance(value, str):
        text = value.strip()
        if len(text) > MAX_TEXT:
            return None
        if text.startswith("{") and text.endswith("}") and ":" in text:
            text = text[1:-1].strip()
        text = _NEXT_INPUT.sub(";", text)
        if ";" in text:
            return _several([_named(part) for part in text.split(";") if part.strip()])
        named = _INPUT.match(text)
        if named:
            return _several([(named["name"], named["dims"])])
        value = text
    return _without_batch(_dimensions(value))


def _without_batch(dims: list[str] | None) -> tuple[str, int | None] | None:
    if not dims or len(dims) > MAX_RANK:
        return None
    batch: int | None = None
    rest = dims
    # until none is left: with or without its batch a shape comes out the same
    while len(rest) >= 2 and (rest[0] == "?" or (rest[0] == "1" and len(rest) >= _WITH_BATCH)):
        batch = batch or (1 if rest[0] == "1" else None)
        rest = rest[1:]
    return "x".join(rest), batch


def _several(inputs: list[tuple[str, Any]]) -> tuple[str, int | None] | None:
    known: list[tuple[str, tuple[str, int | None]]] = []
    for name, dims in inputs:
        if isinstance(dims, Mapping) or (isinstance(dims, str) and (":" in dims or ";" in dims)):
            return None  # inputs inside an input
        found = split_batch(dims)
        if found is None:
            return None
        known.append((_SEPARATORS.sub("_", name.strip()), found))
    if not known:
        return None
    batch = next((batch for _, (_, batch) in known if batch is not None), None)
    if len(known) == 1:
        return known[0][1][0], batch
    text = ";".join(f"{name}:{shape}" if name else shape for name, (shape, _) in known)
    return (text, batch) if len(text) <= MAX_TEXT else None


def _named(part: str) -> tuple[str, str]:
    name, colon, dims = part.rpartition(":")
    return (name, dims) if colon else ("", part)


def _dimensions(value: Any) -> list[str] | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        items = [str(value)] if 0 < value < 10**9 else []
    elif isinstance(value, (list, tuple)):
        items = [str(item) for item in value[: MAX_RANK + 1]]
    elif isinstance(value, str):
        lowered = value.strip().lower()
        torch = _TORCH.match(lowered)
        bare = _TYPED.sub("", torch.group(1) if torch else lowered)
        bare = _RANGE.sub("?", _TIMES.sub("x", bare))
        items = _SPLIT.split(bare.strip("[](){}<>").strip(" ,"))
    else:
        return None
    dims = [_dimension(item.strip().strip("'\"").lower()) for item in items]
    return None if any(dim is None for dim in dims) else [dim for dim in dims if dim]


def _dimension(text: str) -> str | None:
    if text in _DYNAMIC:
        return "?"
    return str(int(text)) if re.fullmatch(r"[0-9]{1,9}", text) and int(text) > 0 else None
