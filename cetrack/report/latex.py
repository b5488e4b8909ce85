r"""A LaTeX table in the manner of booktabs, to be read with ``\input``.

Every text is escaped (see :mod:`cetrack.report.tex`), so that any name compiles with pdflatex.
Numbers are in math mode, aligned at the right with the decimals of their column.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Sequence
from itertools import groupby

from cetrack.report.cells import column_texts, visible, width
from cetrack.report.numbers import PLUS_MINUS, is_number, widest_std
from cetrack.report.table import Column, Section, Table
from cetrack.report.tex import escaped

_REQUIRED = "% needs \\usepackage{booktabs} in the preamble\n"
_MISSING = "--"
_LINE = 96  # characters of a comment line: TeX cannot read a line of any length
_NARROWEST_NOTE = 40  # characters
_SMALLER = 1.25  # times as many characters of a note as of the table fit into a line
_EXPONENT = re.compile(r"e([+-])0*(\d+)")


def render(table: Table) -> str:
    """A ``tabular`` with the notes below, and where the numbers come from as comments."""
    return _REQUIRED + _float(table) + _comments(table.provenance)


def _float(table: Table) -> str:
    """A table with a caption floats; one without stands where it is read."""
    tabular = _tabular(table, with_headings=True)
    if not table.caption:
        return tabular
    caption = f"\\caption{{{escaped(table.caption)}}}"
    return f"\\begin{{table}}\n\\centering\n{caption}\n\\smallskip\n{tabular}\\end{{table}}\n"


def render_sections(sections: Sequence[Section]) -> str:
    """Each table under its title; a mapping without headings."""
    parts = [_REQUIRED]
    for section in sections:
        if section.title:
            parts.append(f"\\par\\medskip\\noindent\\textbf{{{escaped(section.title)}}}\\par\n")
        parts.append("\\smallskip\\noindent\n")
        parts.append(_tabular(section.table, with_headings=not section.is_mapping))
        parts.append(_comments(section.table.provenance))
    return "".join(parts)


def _tabular(table: Table, *, with_headings: bool) -> str:
    texts = [
        column_texts(column, table.cells(index), missing=table.missing or _MISSING)
        for index, column in enumerate(table.columns)
    ]
    columns = [_column(table, index, shown) for index, shown in enumerate(texts)]
    rows = [f"  {' & '.join(cells)} \\\\" for cells in zip(*columns, strict=True)]
    heads = [*_group_rows(table.columns), *rows[:1], r"  \midrule"] if with_headings else []
    alignment = "".join("r" if column.is_numeric else "l" for column in table.columns) or "l"
    lines = [
        f"\\begin{{tabular}}{{@{{}}{alignment}@{{}}}}",
        r"  \toprule",
        *heads,
        *rows[1:],
        r"  \bottomrule",
        *_note_rows(table, texts),
        r"\end{tabular}",
    ]
    return "\n".join(lines) + "\n"


# --- cells --------------------------------------------------------------------------------------


def _column(table: Table, index: int, texts: Sequence[str]) -> list[str]:
    """The heading and the cells of a column, as wide as its widest in the source."""
    widest = widest_std(texts) if table.columns[index].is_numeric else ""
    cells = [_heading(table.columns[index])]
    for row, (cell, text) in enumerate(zip(table.cells(index), texts, strict=True)):
        bold = (row, index) in table.best
        if cell is None:
            cells.append(escaped(table.missing) if table.missing else _MISSING)
        elif is_number(cell):
            cells.append(_number(text, widest, bold=bold))
        else:
            cells.append(f"\\textbf{{{escaped(text)}}}" if bold else escaped(text))
    return _padded(cells, right=table.columns[index].is_numeric)


def _heading(column: Column) -> str:
    return escaped(column.heading)


def _number(text: str, widest: str, *, bold: bool) -> str:
    r"""A number in math mode, with blanks so that every ``\pm`` of the column is below the last.

    ``widest`` is the widest standard deviation of the column, "" where there is none.
    """
    mean, _, std = text.partition(PLUS_MINUS)
    if std:
        blank = _phantom("0" * (len(widest) - len(std)))
        shown = f"{_math(mean)} \\pm {blank}{_math(std)}"
    else:
        shown = _math(mean) + (_phantom(f"{{}} \\pm {widest}") if widest else "")
    return f"{{\\boldmath${shown}$}}" if bold else f"${shown}$"


def _phantom(blank: str) -> str:
    return f"\\phantom{{{blank}}}" if blank else ""


def _math(number: str) -> str:
    """``-1.2e-05`` → ``-1.2\\times10^{-5}``."""
    named = number.replace("inf", r"\infty").replace("nan", r"\mathrm{NaN}")
    return _EXPONENT.sub(lambda found: f"\\times10^{{{_sign(found)}{found[2]}}}", named)


def _sign(exponent: re.Match[str]) -> str:
    return exponent[1].removeprefix("+")


def _padded(cells: Sequence[str], *, right: bool) -> list[str]:
    most = max(map(len, cells))
    return [cell.rjust(most) if right else cell.ljust(most) for cell in cells]


# --- above and below ----------------------------------------------------------------------------


def _group_rows(columns: Sequence[Column]) -> Iterator[str]:
    """The headings that neighbours share, and a rule below each; nothing where there are none."""
    if not any(column.group for column in columns):
        return
    headings, rules, start = [], [], 1
    for group, members in groupby(columns, key=lambda column: column.group):
        span = len(list(members))
        end = start + span - 1
        if group:
            headings.append(f"\\multicolumn{{{span}}}{{c}}{{{escaped(group)}}}")
            trim = ("l" if start > 1 else "") + ("r" if end < len(columns) else "")
            rules.append(f"\\cmidrule({trim}){{{start}-{end}}}")
        else:
            headings.append("&" * (span - 1))
        start = end + 1
    yield f"  {' & '.join(headings)} \\\\"
    yield f"  {' '.join(rules)}"


def _note_rows(table: Table, texts: Sequence[Sequence[str]]) -> Iterator[str]:
    """Rows across the table, broken so that they are not wider than it.

    In the table, because a paragraph after it would come beside it in a ``\\resizebox``.
    """
    if not table.notes:
        return
    pairs = zip(table.columns, texts, strict=True)
    widths = [max(map(width, [column.heading, *shown])) for column, shown in pairs]
    room = max(_NARROWEST_NOTE, round(_SMALLER * (sum(widths) + 2 * (len(widths) - 1))))
    yield r"  \addlinespace"
    for note in table.notes:
        for line in textwrap.wrap(visible(note), room, break_on_hyphens=False):
            across = f"\\multicolumn{{{max(1, len(widths))}}}{{@{{}}l@{{}}}}"
            yield f"  {across}{{\\footnotesize {escaped(line)}}} \\\\"


def _comments(lines: Sequence[str]) -> str:
    """Comment lines that nothing in them can end."""
    wrapped = [
        part
        for line in lines
        for part in textwrap.wrap(
            visible(line), _LINE, subsequent_indent="  ", break_on_hyphens=False
        )
    ]
    return "".join(f"% {line}\n" for line in wrapped)
