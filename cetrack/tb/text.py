"""A run as a Markdown card for TensorBoard's TEXT tab.

Pure. Everything that comes from outside is escaped: a model may be called anything, and must not
become a link, a heading or a piece of HTML.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from unicodedata import category

from cetrack.logdirs import CARD_FACTS, CARD_RUN
from cetrack.tb.protos import (
    Summary,
    SummaryMetadata,
    TensorProto,
    TensorShapeProto,
    TextPluginData,
)

_MAX_ROWS = 200
_MAX_CELL = 300
_ENTITIES = {ord(char): f"&#{ord(char)};" for char in "\\`*_{}[]()#+!|<>&~"}
_UNPRINTABLE = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_RESULT_HEADINGS = ("result", "value", "unit")
_COMPARED_HEADINGS = (*_RESULT_HEADINGS, "baseline", "difference", "ratio", "better")
_BETTER = {1: "yes", 0: "no", None: ""}


def card(
    row: Mapping[str, Any],
    *,
    params: Sequence[tuple[str, str | None]],
    results: Sequence[Mapping[str, Any]],
    compared: Mapping[str, Mapping[str, Any]],
) -> str:
    """A run's card: the results on top, for a card shows a dozen rows before one has to scroll.

    ``row`` is of the runs view, ``results`` of measurements, ``compared`` metric → row of
    comparisons.
    """
    sections = [f"### {escaped(row['model'])}, {escaped(row['precision'])}"]
    if results:
        headings = _COMPARED_HEADINGS if compared else _RESULT_HEADINGS
        lines = [_result(found, compared.get(found["metric"])) for found in results]
        sections.append(_table(headings, [line[: len(headings)] for line in lines]))
    facts = [(label, row[field]) for label, field in CARD_FACTS if row[field] is not None]
    sections += [CARD_RUN, _table(("uid", row["uid"]), facts)]
    if params:
        sections += ["#### Parameters", _table(("name", "value"), params)]
    return "\n\n".join(sections) + "\n"


def _result(found: Mapping[str, Any], against: Mapping[str, Any] | None) -> tuple[Any, ...]:
    value = float("nan") if found["value"] is None else found["value"]
    name = f"{found['metric']} (out of date)" if found["stale"] else found["metric"]
    plain = (name, value, found["unit"])
    if against is None:
        return (*plain, None, None, None, None)
    return (
        *plain,
        against["baseline_value"],
        against["delta"],
        against["ratio"],
        _BETTER[against["improved"]],
    )


def _table(headings: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    lines = [[escaped(heading) for heading in headings], ["---"] * len(headings)]
    lines += [[escaped(_cell(cell)) for cell in row] for row in rows[:_MAX_ROWS]]
    table = "\n".join("| " + " | ".join(line) + " |" for line in lines)
    left_out = len(rows) - _MAX_ROWS
    return table if left_out <= 0 else f"{table}\n\n… and {left_out} more"


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    return str(value)


def escaped(text: str) -> str:
    """``text`` as it stands, on one line, whatever Markdown or HTML would make of it."""
    cut = text if len(text) <= _MAX_CELL else f"{text[:_MAX_CELL]}…"
    if not cut.isprintable():
        cut = "".join(" " if category(char) in _UNPRINTABLE else char for char in cut)
    return cut.translate(_ENTITIES)


def text_value(tag: str, markdown: str) -> Summary.Value:
    """A summary value of the text plugin holding one string."""
    plugin = SummaryMetadata.PluginData(
        plugin_name="text", content=TextPluginData(version=0).SerializeToString()
    )
    tensor = TensorProto(
        dtype="DT_STRING", string_val=[markdown.encode()], tensor_shape=TensorShapeProto()
    )
    return Summary.Value(tag=tag, metadata=SummaryMetadata(plugin_data=plugin), tensor=tensor)
