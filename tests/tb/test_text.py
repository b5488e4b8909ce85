"""The card of a run."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from cetrack.logdirs import CARD_FACTS
from cetrack.tb.text import card, escaped
from tests.tb.reading import plugin_util

ROW: dict[str, Any] = dict.fromkeys(field for _, field in CARD_FACTS) | {
    "model": "resnet50",
    "precision": "int8",
    "uid": "00ff",
    "started_at": datetime(2026, 3, 1, tzinfo=UTC),
}
HOSTILE = [
    "<script>alert(1)</script>",
    "| a | b |",
    "[click](http://evil.example)",
    "![x](http://evil.example/x.png)",
    "**bold** _it_ `code` ~~s~~ # h",
    "line\nbreak\r\n\n# heading",
    "http://evil.example",
    "&lt;b&gt;",
    "\u202egnp.exe",
    "  * item",
    "a\\|b",
    "😀 模型",
]


def html(markdown: str) -> str:
    return str(plugin_util.markdown_to_safe_html(markdown))


@pytest.mark.parametrize("name", HOSTILE)
def test_a_name_is_text_and_nothing_else(name: str) -> None:
    found = html(f"| name |\n| --- |\n| {escaped(name)} |\n")

    assert found.count("<td") == 1
    assert not any(tag in found for tag in ("<script", "<a ", "<img", "<em", "<strong", "<code"))
    assert "<h1" not in found


def test_a_card_of_a_compressed_run() -> None:
    found = card(
        ROW,
        params=[("lr", "0.1"), ("note", None)],
        results=[
            {"metric": "accuracy", "value": 0.75, "unit": "fraction", "stale": 0},
            {"metric": "loss", "value": None, "unit": None, "stale": 0},
        ],
        compared={
            "accuracy": {
                "baseline_value": 0.76,
                "delta": -0.01,
                "ratio": 0.98684,
                "improved": 0,
            }
        },
    )

    assert found == (
        "### resnet50, int8\n\n"
        "| result | value | unit | baseline | difference | ratio | better |\n"
        "| --- | --- | --- | --- | --- | --- | --- |\n"
        "| accuracy | 0.75 | fraction | 0.76 | -0.01 | 0.98684 | no |\n"
        "| loss | nan |  |  |  |  |  |\n\n"
        "#### Run\n\n"
        "| uid | 00ff |\n"
        "| --- | --- |\n"
        "| model | resnet50 |\n"
        "| precision | int8 |\n"
        "| started | 2026-03-01 00:00:00 UTC |\n\n"
        "#### Parameters\n\n"
        "| name | value |\n"
        "| --- | --- |\n"
        "| lr | 0.1 |\n"
        "| note |  |\n"
    )


def test_a_run_without_baseline_has_no_columns_for_it() -> None:
    results = [{"metric": "accuracy", "value": 0.75, "unit": None, "stale": 0}]

    assert "| result | value | unit |\n" in card(ROW, params=[], results=results, compared={})


def test_a_card_stays_readable_however_much_there_is() -> None:
    params = [(f"p{i:04}", "x" * 1000) for i in range(1000)]

    found = card(ROW, params=params, results=[], compared={})

    assert "… and 800 more" in found
    assert max(map(len, found.splitlines())) < 400
