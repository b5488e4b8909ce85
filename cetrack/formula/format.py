"""Tree → formula text that parses to the same tree: the canonical text, which is what is hashed."""

from __future__ import annotations

import json
import re

from cetrack.formula.tree import (
    AGGREGATES,
    FIELDS,
    LAST,
    Binary,
    Call,
    Name,
    Negative,
    Node,
    Number,
    Of,
    Op,
    Ref,
)

_SUM, _PRODUCT, _SIGNED, _POWER, _ATOM = range(5)  # how tightly the parts of the grammar bind
_BINDS = {Op.PLUS: _SUM, Op.MINUS: _SUM, Op.TIMES: _PRODUCT, Op.OVER: _PRODUCT, Op.POWER: _POWER}
_AT_LEAST = {_SUM: (_SUM, _PRODUCT), _PRODUCT: (_PRODUCT, _SIGNED), _POWER: (_ATOM, _SIGNED)}
_BARE = re.compile(r"[^\W\d]\w*(?:\.\w+)*")
_WORDS = re.compile(r"\w+(?:\.\w+)*")
_NAMESPACES = ("baseline", "metric", "param")


def format_formula(node: Node) -> str:
    """The canonical text of a formula: no more parentheses than it needs."""
    return _text(node, _SUM)


def _text(node: Node, least: int) -> str:
    """The text of a node in a place where one that binds less than ``least`` needs parentheses."""
    match node:
        case Number(value):
            return repr(value).removesuffix(".0")
        case Name(ref):
            return format_ref(ref)
        case Call(function, arguments):
            return f"{function}({', '.join(_text(part, _SUM) for part in arguments)})"
        case Negative(part):
            binds, text = _SIGNED, f"-{_text(part, _SIGNED)}"
        case Binary(op, left, right):
            binds = _BINDS[op]
            before, after = _AT_LEAST[binds]
            text = f"{_text(left, before)} {op} {_text(right, after)}"
    return text if binds >= least else f"({text})"


def format_ref(ref: Ref) -> str:
    """The name as a formula writes it."""
    prefix = "baseline." if ref.of_baseline else ""
    match ref.of:
        case Of.FIELD:
            return prefix + ref.name
        case Of.PARAM:
            return f"{prefix}param.{_quoted_if(ref.name, not _WORDS.fullmatch(ref.name))}"
    suffix = "" if ref.aggregate == LAST else f".{ref.aggregate}"
    if _BARE.fullmatch(ref.name) and not _is_mistaken(ref.name):
        return f"{prefix}{ref.name}{suffix}"
    mistaken = not _WORDS.fullmatch(ref.name) or ref.name.split(".")[-1] in AGGREGATES
    return f"{prefix}metric.{_quoted_if(ref.name, mistaken)}{suffix}"


def _is_mistaken(metric: str) -> bool:
    """Whether the bare name of a metric would be read as something else."""
    parts = metric.split(".")
    aggregated = len(parts) > 1 and parts[-1] in AGGREGATES
    return metric in FIELDS or parts[0] in _NAMESPACES or aggregated


def _quoted_if(name: str, needed: bool) -> str:
    return json.dumps(name, ensure_ascii=False) if needed else name
