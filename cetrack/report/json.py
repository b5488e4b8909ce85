"""Strict JSON: a list of objects, a line per row; every digit of every number.

JSON has no NaN and no infinities: NaN is null, the infinities are "Infinity" and "-Infinity".
Times are ISO 8601 in UTC.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from cetrack.report.flat import flat
from cetrack.report.table import Section, Spread, Table


def render(table: Table) -> str:
    """A list of objects, an object per line."""
    lines = ",\n ".join(dumps(item) for item in objects(table))
    return f"[{lines}]\n"


def render_sections(sections: Sequence[Section]) -> str:
    """One object: a key per section, and the names of a mapping that has no key."""
    whole: dict[str, Any] = {}
    for section in sections:
        content = _content(section)
        whole.update({section.key: content} if section.key else content)
    lines = ",\n ".join(f"{dumps(key)}: {dumps(value)}" for key, value in whole.items())
    return f"{{{lines}}}\n"


def _content(section: Section) -> Any:
    if section.is_mapping:
        return {str(name): plain(value) for name, value in section.table.rows}
    return objects(section.table)


def objects(table: Table) -> list[dict[str, Any]]:
    """The rows as objects that strict JSON can hold."""
    flattened = flat(table)
    names = flattened.names
    return [dict(zip(names, map(plain, row), strict=True)) for row in flattened.rows]


def plain(value: Any) -> Any:
    """A cell, or a tree of them, as strict JSON has it."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, datetime):
        return iso(value)
    if isinstance(value, Spread):
        return {"mean": plain(value.mean), "std": plain(value.std), "n": value.n}
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value


def iso(moment: datetime) -> str:
    """ISO 8601; an aware time in UTC with a Z."""
    if moment.tzinfo is None:
        return moment.isoformat()
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"


def dumps(value: Any) -> str:
    """JSON text that any UTF-8 stream can take: a lone surrogate is written as an escape."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
