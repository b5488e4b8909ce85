"""A page of its own with the table: no script, nothing from elsewhere, fit for print and for dark
screens.

Every text is escaped, control characters are shown as escapes, and each text has its own reading
direction, so that a name in Arabic does not reorder what is beside it.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Sequence
from itertools import groupby

from cetrack.report.cells import column_texts, visible
from cetrack.report.numbers import PLUS_MINUS, is_number, widest_std
from cetrack.report.table import Cell, Column, Section, Table

_MISSING = "–"
_TITLE = "cetrack"
_EXPONENT = re.compile(r"e([+-])0*(\d+)")
_STYLE = """\
:root { color-scheme: light dark; font: 16px/1.4 system-ui, sans-serif; }
body { margin: 2rem; color: CanvasText; background: Canvas; }
h2 { font-size: 1.1rem; margin: 1.5rem 0 .5rem; }
table { border-collapse: collapse; border-block: 2px solid; }
caption { text-align: left; font-weight: 600; padding-bottom: .5em; }
thead { border-bottom: 1px solid; }
th, td { padding: .2em .7em; text-align: left; vertical-align: baseline; }
th { font-weight: 600; vertical-align: bottom; }
tbody th { font-weight: inherit; vertical-align: baseline; }
th[scope="colgroup"] { text-align: center; padding-bottom: 0; }
th[scope="colgroup"]::after { content: ""; display: block; border-bottom: 1px solid; }
th.number, td.number { text-align: right; white-space: nowrap; }
td.number { font-variant-numeric: lining-nums tabular-nums; }
td[data-blank]::after { content: attr(data-blank); visibility: hidden; }
sup { line-height: 0; }
p { margin: .5em 0; font-size: .85rem; max-width: 60em; }
@media print {
  :root { color-scheme: light; font-size: 10pt; }
  body { margin: 0; }
  tr, h2 { break-inside: avoid; }
  h2 { break-after: avoid; }
}
"""


def render(table: Table) -> str:
    """A page with one table, its notes, and where its numbers come from as a comment."""
    return _page(_TITLE, _table(table, with_headings=True))


def render_sections(sections: Sequence[Section]) -> str:
    """A page with each table under its title; a mapping without headings."""
    titles = [section.title for section in sections if section.title]
    parts = []
    for section in sections:
        heading = f'<h2 dir="auto">{escaped(section.title)}</h2>\n' if section.title else ""
        body = _table(section.table, with_headings=not section.is_mapping)
        parts.append(f"<section>\n{heading}{body}</section>\n")
    return _page(titles[0] if titles else _TITLE, "".join(parts))


def escaped(text: str) -> str:
    """Text without any meaning to HTML, in an element and in an attribute."""
    return html.escape(visible(text))


def comment(lines: Sequence[str]) -> str:
    """The lines as a comment that nothing in them can end; nothing for none."""
    if not lines:
        return ""
    # nothing is unescaped in a comment; a shell reads -\\-filter as --filter
    inside = [re.sub("-(?=-)", r"-\\", visible(line)) for line in lines]
    return "".join(["<!--\n", *(f"  {line}\n" for line in inside), "-->\n"])


def _page(title: str, body: str) -> str:
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escaped(title)}</title>\n<style>\n{_STYLE}</style>\n</head>\n"
        f"<body>\n{body}</body>\n</html>\n"
    )


def _table(table: Table, *, with_headings: bool) -> str:
    columns = [_cells(column, index, table) for index, column in enumerate(table.columns)]
    rows = (f"<tr>{''.join(cells)}</tr>\n" for cells in zip(*columns, strict=True))
    head = "".join(_head(table.columns)) if with_headings else ""
    notes = "".join(f'<p dir="auto">{escaped(note)}</p>\n' for note in table.notes)
    body = f"<tbody>\n{''.join(rows)}</tbody>\n"
    caption = f'<caption dir="auto">{escaped(table.caption)}</caption>\n' if table.caption else ""
    return f"<table>\n{caption}{head}{body}</table>\n{notes}{comment(table.provenance)}"


# --- headings -----------------------------------------------------------------------------------


def _head(columns: Sequence[Column]) -> Iterator[str]:
    groups = [(name, list(members)) for name, members in groupby(columns, lambda one: one.group)]
    if not any(name for name, _ in groups):
        yield f"<thead>\n<tr>{''.join(map(_heading, columns))}</tr>\n</thead>\n"
        return
    yield "".join(f'<colgroup span="{len(members)}"></colgroup>\n' for _, members in groups)
    above = "".join(_above(name, members) for name, members in groups)
    below = "".join(_heading(column) for column in columns if column.group)
    yield f"<thead>\n<tr>{above}</tr>\n<tr>{below}</tr>\n</thead>\n"


def _above(group: str | None, members: Sequence[Column]) -> str:
    """A heading that neighbours share, or those of columns that have none, two rows high."""
    if not group:
        return "".join(_heading(column, rows=2) for column in members)
    span = f' colspan="{len(members)}"' if len(members) > 1 else ""
    return f'<th scope="colgroup"{span} dir="auto">{escaped(group)}</th>'


def _heading(column: Column, rows: int = 1) -> str:
    high = f' rowspan="{rows}"' if rows > 1 else ""
    return f'<th scope="col"{high}{_class(column)} dir="auto">{escaped(column.heading)}</th>'


def _class(column: Column) -> str:
    return ' class="number"' if column.is_numeric else ""


# --- cells --------------------------------------------------------------------------------------


def _cells(column: Column, index: int, table: Table) -> list[str]:
    """The cells of a column; the first column names its row where it is no number."""
    cells = table.cells(index)
    texts = column_texts(column, cells, missing=table.missing or _MISSING)
    if column.is_numeric:
        return _numbers(table, index, texts)
    tag = 'th scope="row"' if index == 0 else "td"
    return [
        f'<{tag} dir="auto">{_emphasised(escaped(text), (row, index) in table.best)}</{tag[:2]}>'
        for row, text in enumerate(texts)
    ]


def _numbers(table: Table, index: int, texts: Sequence[str]) -> list[str]:
    """Means without a standard deviation stand below the means of the others."""
    widest = widest_std(texts)
    written = []
    for row, (cell, text) in enumerate(zip(table.cells(index), texts, strict=True)):
        alone = widest and is_number(cell) and PLUS_MINUS not in text
        blank = f' data-blank="{PLUS_MINUS}{widest}"' if alone else ""
        content = _emphasised(_content(cell, text), (row, index) in table.best)
        written.append(f'<td class="number"{blank}>{content}</td>')
    return written


def _emphasised(content: str, is_best: bool) -> str:
    return f"<strong>{content}</strong>" if is_best else content


def _content(cell: Cell, text: str) -> str:
    if not is_number(cell):
        return escaped(text)
    signed = text.replace("inf", "∞").replace("nan", "NaN")
    raised = _EXPONENT.sub(lambda found: f"×10<sup>{found[1].strip('+')}{found[2]}</sup>", signed)
    return raised.replace("-", "−")
