"""JSON as people write it: NaN, Infinity, huge numbers, duplicate keys; but never a crash.

The standard parser is used: orjson would hide duplicate keys, turn 30-digit integers into floats
and refuse NaN.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass
from typing import Any

from cetrack.domain import Notice
from cetrack.errors import MalformedSourceError

MAX_DEPTH = 200
_MAX_DIGITS = 4000  # beyond, Python refuses to read an integer
# an unterminated string reaches to the end: no second attempt, so time stays linear
_STRINGS = re.compile(rb'"(?:[^"\\]|\\.)*+(?:"|\\?\Z)', re.DOTALL)
_BRACKETS = re.compile(rb"[\[{\]}]")


@dataclass(frozen=True, slots=True)
class JsonText:
    """A parsed document and the keys that stood twice in one of its objects."""

    value: Any
    duplicates: tuple[str, ...]

    @property
    def notices(self) -> list[Notice]:
        """One per key that stood twice."""
        text = "key '{}' stands twice in one object: the last one counts"
        return [Notice("", text.format(key)) for key in dict.fromkeys(self.duplicates)]


def parse_json(content: bytes, uri: str) -> JsonText:
    """The document in ``content``.

    Of a duplicate key the last value counts. Raises MalformedSourceError naming the byte.
    """
    if not content.strip():
        raise MalformedSourceError(uri, "", "the file is empty")
    depth_problem = _too_deep(content)
    if depth_problem is not None:
        raise MalformedSourceError(
            uri, f"byte {depth_problem}", f"nested more than {MAX_DEPTH} levels deep"
        )
    text = decoded(content, uri)
    duplicates: list[str] = []

    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(items)
        if len(found) < len(items):
            counts = Counter(name for name, _ in items)
            duplicates.extend(sorted(name for name, count in counts.items() if count > 1))
        return found

    try:
        value = json.loads(text, object_pairs_hook=pairs, parse_int=_integer)
    except json.JSONDecodeError as error:
        at = len(text[: error.pos].encode("utf-8", "surrogatepass"))
        raise MalformedSourceError(uri, f"byte {at}", f"invalid JSON: {error.msg}") from error
    return JsonText(value, tuple(duplicates))


def any_json(content: bytes) -> Any:
    """The document in ``content``, which is not nested deeply: as ``parse_json`` has it, but faster
    and with a bare ValueError where it does not parse."""
    return _DECODER.decode(content.decode("utf-8", "surrogatepass"))


def decoded(content: bytes, uri: str, *, offset: int = 0) -> str:
    """UTF-8 as text. Raises MalformedSourceError naming the byte that is none.

    ``offset`` is how many bytes of the file come before.
    """
    try:
        return content.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError as error:
        hint = "save the file as UTF-8"
        raise MalformedSourceError(
            uri, f"byte {offset + error.start}", "not UTF-8 text", hint=hint
        ) from error


def _integer(text: str) -> int | float:
    return int(text) if len(text) <= _MAX_DIGITS else float(text)


_DECODER = json.JSONDecoder(parse_int=_integer)


def _too_deep(content: bytes) -> int | None:
    """The byte where nesting passes the limit, without recursion; None when it never does."""
    if content.count(b"{") + content.count(b"[") <= MAX_DEPTH:
        return None
    depth = 0
    bare = _STRINGS.sub(lambda match: b" " * len(match.group()), content)
    for match in _BRACKETS.finditer(bare):
        depth += 1 if match.group() in b"[{" else -1
        if depth > MAX_DEPTH:
            return match.start()
    return None
