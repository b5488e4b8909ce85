"""YAML as plain values: no tag makes an object, no alias a bomb.

Scalars follow the core schema of YAML 1.2 (https://yaml.org/spec/1.2.2, chapter 10.3): ``1e-3`` is
a number, ``12:30`` and ``2026-01-31`` are text; by the 1.1 rules of the library they are not.
"""

from __future__ import annotations

import re
from typing import Any

from cetrack.errors import MalformedSourceError, ReadError
from cetrack.readers.json_text import MAX_DEPTH, decoded

MAX_YAML_BYTES = 16 * 2**20
_MAX_NODES = 1_000_000
_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_BOOLS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INTEGER = re.compile(r"[-+]?[0-9]{1,4000}", re.ASCII)
_HEX = re.compile(r"0x[0-9a-fA-F]{1,3000}")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", re.ASCII)
_SPECIAL = re.compile(r"([-+]?)\.(inf|Inf|INF)|\.(nan|NaN|NAN)")


def parse_yaml(content: bytes, uri: str) -> Any:
    """The first document in ``content``; what a tag such as ``!!python/object`` names stays a
    mapping, a list or text.

    Raises MalformedSourceError with the line of the problem.
    """
    import yaml  # few files are YAML, and every command would pay for it

    if len(content) > MAX_YAML_BYTES:
        raise ReadError(uri, f"YAML of more than {MAX_YAML_BYTES // 2**20} MiB")
    text = decoded(content, uri)
    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        _check_depth(yaml.parse(text, Loader=loader), uri)
        node = next(iter(yaml.compose_all(text, Loader=loader)), None)
    except yaml.MarkedYAMLError as error:
        line = f"line {error.problem_mark.line + 1}" if error.problem_mark else ""
        problem = " ".join(str(error.problem or error.context).split())
        raise MalformedSourceError(uri, line, f"invalid YAML: {problem}") from error
    except yaml.YAMLError as error:  # characters that no YAML has
        raise MalformedSourceError(uri, "", "invalid YAML: a character that is not text") from error
    return None if node is None else _Values(uri).value(node)


def _check_depth(events: Any, uri: str) -> None:
    """Raise where nesting passes the limit: composing is recursive, taking events is not."""
    depth = 0
    for event in events:
        name = type(event).__name__
        if name in ("MappingStartEvent", "SequenceStartEvent"):
            depth += 1
            if depth > MAX_DEPTH:
                line = f"line {event.start_mark.line + 1}"
                text = f"nested more than {MAX_DEPTH} levels deep"
                raise MalformedSourceError(uri, line, text)
        elif name in ("MappingEndEvent", "SequenceEndEvent"):
            depth -= 1


class _Values:
    """Nodes to values; counts them, for an alias may repeat a million of them."""

    def __init__(self, uri: str) -> None:
        self._uri = uri
        self._left = _MAX_NODES
        self._open: set[int] = set()

    def value(self, node: Any) -> Any:
        """A dict with text keys, a list, or a scalar."""
        self._left -= 1
        if self._left < 0 or id(node) in self._open:
            raise ReadError(self._uri, "YAML whose aliases stand for more than a file can hold")
        if isinstance(node.value, str):
            return _scalar(node)
        self._open.add(id(node))
        try:
            if node.id == "sequence":
                return [self.value(item) for item in node.value]
            return {str(self.value(key)): self.value(item) for key, item in node.value}
        finally:
            self._open.discard(id(node))


def _scalar(node: Any) -> Any:
    text: str = node.value
    if node.style:  # quoted, or a block: text
        return text
    if text in _NULLS:
        return None
    if text in _BOOLS:
        return _BOOLS[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    if _HEX.fullmatch(text):
        return int(text, 16)
    if _FLOAT.fullmatch(text):
        return float(text)
    special = _SPECIAL.fullmatch(text)
    if special is None:
        return text
    return float(f"{special[1]}inf") if special[2] else float("nan")
