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
MAX_RANK = 12


def parse_shape(value: Any) -> str | None:
    """The canonical text of a shape given as list, number, mapping or text; None if it is none.

    ``[3, 224, 224]``, ``3x224x224``, ``(1, 3, 224, 224)`` and ``images:1x3x224x224`` are the same.
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
        named = _INPUT.match(value.strip())
        if ";" in value:
            return _several([_named(part) for part in value.split(";") if part.strip()])
        if named:
            return _several([(named["name"], named["dims"])])
    dims = _dimensions(value)
    if not dims or len(dims) > MAX_RANK:
        return None
    if len(dims) >= 4 and dims[0] == "1":
        return "x".join(dims[1:]), 1
    if len(dims) >= 2 and dims[0] == "?":
        return "x".join(dims[1:]), None
    return "x".join(dims), None


def _several(inputs: list[tuple[str, Any]]) -> tuple[str, int | None] | None:
    split = [(name, split_batch(dims)) for name, dims in inputs]
    if not split or any(found is None for _, found in split):
        return None
    known = [(name.strip(), found) for name, found in split if found is not None]
    batch = next((batch for _, (_, batch) in known if batch is not None), None)
    if len(known) == 1:
        return known[0][1][0], batch
    return ";".join(f"{name}:{shape}" if name else shape for name, (shape, _) in known), batch


def _named(part: str) -> tuple[str, str]:
    name, colon, dims = part.rpartition(":")
    return (name, dims) if colon else ("", part)


def _dimensions(value: Any) -> list[str] | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return [str(value)] if value > 0 else None
    if isinstance(value, (list, tuple)):
        items = [str(item) for item in value]
    elif isinstance(value, str):
        items = _SPLIT.split(value.strip().strip("[](){}<>").strip(" ,"))
    else:
        return None
    dims = [_dimension(item.strip().strip("'\"").lower()) for item in items]
    return None if any(dim is None for dim in dims) else [dim for dim in dims if dim]


def _dimension(text: str) -> str | None:
    if text in _DYNAMIC:
        return "?"
    return str(int(text)) if re.fullmatch(r"[0-9]{1,9}", text) and int(text) > 0 else None
