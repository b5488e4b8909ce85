"""HTML: how a page looks, and that no name can be more than text."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from html.parser import HTMLParser

from hypothesis import given

from cetrack.report import Column, Format, Kind, Section, Spread, Table, render, render_sections
from cetrack.report.cells import visible
from tests.report.papers import HOSTILE, of_texts, paper, texts

EXPECTED = """\
<table>
<colgroup span="1"></colgroup>
<colgroup span="1"></colgroup>
<colgroup span="2"></colgroup>
<thead>
<tr><th scope="col" rowspan="2" dir="auto">Model</th>\
<th scope="colgroup" dir="auto">FP32</th>\
<th scope="colgroup" colspan="2" dir="auto">INT8</th></tr>
<tr><th scope="col" class="number" dir="auto">Accuracy ↑</th>\
<th scope="col" class="number" dir="auto">Latency mean (ms) ↓</th>\
<th scope="col" class="number" dir="auto">Accuracy drop ↓</th></tr>
</thead>
<tbody>
<tr><th scope="row" dir="auto"><strong>resnet18</strong></th>\
<td class="number"><strong>0.912 ± 0.003</strong></td>\
<td class="number">12.50 ± 0.25</td>\
<td class="number"><strong>−0.001</strong></td></tr>
<tr><th scope="row" dir="auto">vit_tiny</th>\
<td class="number" data-blank=" ± 0.003">0.888</td>\
<td class="number">104.21 ± 11.00</td>\
<td class="number">0.000</td></tr>
<tr><th scope="row" dir="auto">a &amp; b</th>\
<td class="number">–</td>\
<td class="number" data-blank=" ± 11.00"><strong>3.14</strong></td>\
<td class="number">0.020</td></tr>
</tbody>
</table>
<p dir="auto">Mean ± standard deviation over 5 seeds.</p>
<!--
  cetrack table -\\-filter &#x27;precision=int8&#x27;
  revision 12
-->
""".replace("&#x27;", "'")
VOID = {"meta"}
ATTRIBUTES = {
    "html": {"lang": "en"},
    "meta": {"charset": "utf-8", "name": "viewport|color-scheme", "content": "width=.*"},
    "colgroup": {"span": r"\d+"},
    "th": {
        "scope": "col|row|colgroup",
        "class": "number",
        "dir": "auto",
        "rowspan": "2",
        "colspan": r"\d+",
    },
    "td": {"class": "number", "dir": "auto", "data-blank": r" ± [\d.]+"},
    "p": {"dir": "auto"},
    "h2": {"dir": "auto"},
} | {
    name: {}
    for name in (
        *("head", "title", "style", "body", "section", "table", "thead", "tbody", "tr"),
        *("strong", "sup"),
    )
}


@dataclass
class Page(HTMLParser):
    """What a browser makes of a page: the texts by element, and the comments."""

    texts: list[tuple[str, str]] = field(default_factory=list)
    comments: list[str] = field(default_factory=list)
    open: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            assert re.fullmatch(ATTRIBUTES[tag][name], value or "")
        if tag not in VOID:
            self.open.append(tag)
        if tag in ("th", "td", "p", "h2"):
            self.texts.append((tag, ""))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if {"th", "td", "p", "h2"} & set(self.open):
            tag, before = self.texts[-1]
            self.texts[-1] = (tag, before + data)

    def handle_comment(self, data: str) -> None:
        self.comments.append(data)

    def handle_decl(self, decl: str) -> None:
        assert decl == "doctype html"

    def handle_pi(self, data: str) -> None:
        raise AssertionError(data)

    def unknown_decl(self, data: str) -> None:
        raise AssertionError(data)


def read(text: str) -> Page:
    page = Page()
    page.feed(text)
    page.close()
    assert page.open == []
    return page


def contents(*cells: object) -> list[str]:
    """What is in the cells of one column of numbers."""
    made = Column(name="x", kind=Kind.NUMBER)
    table = Table(columns=(made,), rows=tuple((cell,) for cell in cells))  # type: ignore[arg-type]
    return re.findall(r"<td[^>]*>(.*)</td>", render(table, Format.HTML))


def test_a_table_for_a_paper() -> None:
    page = render(paper(), Format.HTML)

    assert page.partition("<body>\n")[2].partition("</body>")[0] == EXPECTED


def test_a_page_is_whole_and_needs_nothing_else() -> None:
    page = render(paper(), Format.HTML)

    assert page.startswith('<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n')
    assert "<title>cetrack</title>" in page
    assert "color-scheme: light dark" in page
    assert not re.search(r"https?:|url\(|@import|<script|<link", page)
    read(page)


def test_numbers_have_a_minus_and_powers_of_ten() -> None:
    odd = contents(1.2e-5, -1.5e20, math.inf, -math.inf, math.nan, None, -3, Spread(1e-7, 1e-10))

    assert odd == [
        "1.2×10<sup>−5</sup>",
        "−1.5×10<sup>20</sup>",
        "∞",
        "−∞",
        "NaN",
        "–",
        "−3",
        "1×10<sup>−7</sup> ± 1×10<sup>−10</sup>",
    ]


@given(texts)
def test_every_text_is_read_back_and_nothing_more(names: list[str]) -> None:
    page = read(render(of_texts(names), Format.HTML))

    shown = [visible(name) for name in names]
    cells = [text for tag, text in page.texts if tag in ("th", "td")]
    assert cells[-2 * len(names) - 2 :] == [*shown, "0.50", *reversed(shown), "0.50 ± 0.10"]
    assert [text for tag, text in page.texts if tag == "p"] == shown
    headings = [f"{visible(name)}{f' ({visible(name)})' if name else ''} ↓" for name in names]
    assert {*headings} - {" ↓"} <= {*cells}


@given(texts)
def test_nothing_ends_a_comment(lines: list[str]) -> None:
    page = render(of_texts(lines), Format.HTML)

    (comment,) = read(page).comments
    assert comment.replace("-\\", "-") == "\n" + "".join(
        f"  {visible(line)}\n".replace("-\\", "-") for line in lines
    )
    inside = page.partition("<!--")[2].partition("-->")[0]
    assert "--" not in inside
    assert not inside.startswith((">", "->"))


def test_sections_are_tables_under_titles() -> None:
    pairs = Table(columns=(Column(name="name"), Column(name="value")), rows=(("uid", "a1"),))
    sections = [
        Section(key="", title=HOSTILE[1], table=pairs, is_mapping=True),
        Section(key="metrics", title="metrics", table=paper()),
    ]

    page = read(render_sections(sections, Format.HTML))

    assert page.texts[:3] == [("h2", HOSTILE[1]), ("th", "uid"), ("td", "a1")]
    assert page.texts[3] == ("h2", "metrics")


def test_right_to_left_names_do_not_reorder_their_neighbours() -> None:
    page = render(of_texts(["اسم"]), Format.HTML)

    around = re.findall(r"<(?:th|td|p)([^>]*)>(?:<strong>)?اسم", page)
    assert len(around) == 5
    assert all('dir="auto"' in attributes for attributes in around)
