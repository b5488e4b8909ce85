"""A table in a file of its own, with all that it is made of: to be cited, and read years later.

Strict JSON with sorted keys. ``content`` holds the request, the table cell by cell, the runs with
their fields, values and sources, the definitions of its derived metrics, and which database and
cetrack made it; ``sha256`` is that of the JSON of ``content`` with sorted keys, without blanks and
in ASCII.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from cetrack.errors import CetrackError, UsageError
from cetrack.report.exact import decoded_table
from cetrack.report.table import Table

FORMAT = "cetrack.frozen-table"
VERSION = 1


class FrozenError(CetrackError):
    """A frozen table is not what was frozen."""

    exit_code = 1


def sealed(content: Mapping[str, Any]) -> str:
    """The text of the file: the same for the same content."""
    whole = {"format": FORMAT, "version": VERSION, "sha256": _hash(content), "content": content}
    return json.dumps(whole, sort_keys=True, indent=1, allow_nan=False) + "\n"


def _hash(content: Any) -> str:
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def thaw(text: str, where: str, *, name: str | None = None) -> Table:
    """The table of a frozen file's text; ``where`` names the file in errors.

    Raises FrozenError where it was changed since, UsageError where it is no such file, was made
    by a newer cetrack, or is called otherwise than ``name``.
    """
    try:
        whole = json.loads(text)
        format, version = whole["format"], whole["version"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise _no_table(where) from None
    if format != FORMAT or not isinstance(version, int):
        raise _no_table(where)
    if version > VERSION:
        problem = f"{where}: made by a newer cetrack (version {version} of the file format)"
        raise UsageError(problem, hint="pip install --upgrade cetrack")
    content = whole.get("content")
    try:
        is_whole = whole.get("sha256") == _hash(content)
    except (ValueError, RecursionError):  # NaN is no JSON
        is_whole = False
    if not is_whole:
        raise FrozenError(
            f"{where}: its content is not what was frozen: the sha256 does not fit",
            hint="take the file as it was published, or freeze the table again",
        )
    if name not in (None, content.get("name")):
        problem = f"{where}: holds '{content.get('name')}', not '{name}'"
        raise UsageError(problem, hint="leave the name out to take what is in the file")
    try:
        return decoded_table(content["table"])
    except (KeyError, TypeError, ValueError, AssertionError) as error:
        raise FrozenError(f"{where}: no table in it ({error})") from None


def _no_table(where: str) -> UsageError:
    return UsageError(f"{where}: not a frozen table", hint="cetrack freeze NAME writes one")
