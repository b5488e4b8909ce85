"""What the user sees: results on stdout, everything else on stderr. Only this module prints.

A table goes to a terminal with a bold header and no wider than the window; to a pipe or a file as
plain aligned text, whole.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import typer

from cetrack.errors import UsageError
from cetrack.report import (
    Format,
    Kind,
    Section,
    Table,
    render,
    render_bytes,
    render_sections,
    render_sections_bytes,
)
from cetrack.report.cells import MISSING, column_texts, visible, width
from cetrack.report.table import Column, with_columns

if TYPE_CHECKING:
    from rich.table import Table as RichTable

Progress = Callable[[int, int, str], None]
_GAP = 2
_NAMED = 8  # so many columns that were left out are named


def write(text: str) -> None:
    """Part of the result. A reader that has gone away ends the program without a word."""
    with _reader_may_go():
        sys.stdout.write(text)
        sys.stdout.flush()


def write_bytes(content: bytes) -> None:
    """A result that is no text. Raises UsageError where a person looks."""
    if is_terminal():
        raise UsageError(
            "this result is no text, and stdout is a terminal",
            hint="send it to a file: cetrack … > FILE",
        )
    with _reader_may_go():
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()


@contextmanager
def _reader_may_go() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        # the interpreter flushes once more at its end, and would complain
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(0) from None


def say(text: str) -> None:
    """A message about the work, not part of the result."""
    print("\n".join(visible(line) for line in text.split("\n")), file=sys.stderr)  # noqa: T201


def complain(problem: str, hint: str | None = None) -> None:
    """An error, and what to do about it."""
    say(f"cetrack: error: {problem}")
    if hint:
        say(f"hint: {hint}")


def emit(table: Table, format: Format, *, empty: str = "") -> None:
    """Write a result; ``empty`` is said instead of a table without rows."""
    if format is Format.TABLE and not table.rows and empty:
        say(empty)
    elif format is Format.TABLE and is_terminal():
        _print_tables([Section(key="", title=table.caption, table=table)])
    elif format.is_binary:
        write_bytes(render_bytes(table, format))
    else:
        write(render(table, format))


def emit_sections(sections: Sequence[Section], format: Format) -> None:
    """Write an answer of several tables; people do not see the empty ones."""
    shown = [item for item in sections if item.table.rows or not format.is_for_people]
    if format is Format.TABLE and is_terminal():
        _print_tables(shown)
    elif format.is_binary:
        write_bytes(render_sections_bytes(shown, format))
    else:
        write(render_sections(shown, format))


def is_terminal() -> bool:
    """True when a person looks at stdout."""
    return sys.stdout.isatty()


def can_show(text: str) -> bool:
    """True when stdout takes these characters as they are."""
    try:
        text.encode(sys.stdout.encoding or "ascii")
    except (LookupError, UnicodeEncodeError):
        return False
    return True


def confirm(question: str, *, yes: bool) -> None:
    """Go on if ``yes`` or if the person at the terminal agrees.

    Raises UsageError where nobody can be asked, and Exit where the answer is no.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        raise UsageError("nobody is there to confirm this", hint="add --yes to do it anyway")
    if not typer.confirm(question, err=True):
        say("nothing was changed")
        raise typer.Exit(1)


@contextmanager
def progress(what: str) -> Iterator[Progress | None]:
    """A bar on stderr while something long goes on; None where nobody looks."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
    from rich.progress import Progress as Bar

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    name = TextColumn("{task.fields[current]}", markup=False)
    with Bar(*columns, name, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=None, current="")

        def advance(done: int, total: int, current: str) -> None:
            shown = visible(os.path.basename(current))  # noqa: PTH119 - may be a URL
            bar.update(task, completed=done, total=total, current=shown)

        yield advance


# --- terminal -----------------------------------------------------------------------------------


def _print_tables(sections: Sequence[Section]) -> None:
    from rich.console import Console
    from rich.padding import Padding
    from rich.text import Text

    console = Console(highlight=False, soft_wrap=False)
    for number, section in enumerate(sections):
        indent = 2 if section.title else 0
        if section.title:
            console.print(Text(("\n" if number else "") + visible(section.title), style="bold"))
        table, left_out = fitting(section.table, console.width - indent)
        with_headers = not section.is_mapping
        console.print(Padding(_rich_table(table, with_headers=with_headers), (0, 0, 0, indent)))
        for note in table.notes:
            console.print(Padding(Text(visible(note)), (0, 0, 0, indent)))
        if left_out:
            say(_left_out(left_out))


def _left_out(names: Sequence[str]) -> str:
    more = ""
    if len(names) > _NAMED:
        more = f" and {len(names) - _NAMED} more; --format csv has everything"
    return f"left out, the window is too narrow: {', '.join(names[:_NAMED])}{more}"


def _rich_table(table: Table, *, with_headers: bool) -> RichTable:
    """Cells are Text objects: a name in square brackets is not markup."""
    from rich.table import Table as RichTable
    from rich.text import Text

    made = RichTable(box=None, pad_edge=False, padding=(0, _GAP, 0, 0), show_header=with_headers)
    columns = _texts(table)
    headers = [_header(*pair) for pair in zip(table.columns, columns, strict=True)]
    lines = max((header.count("\n") for header in headers), default=0)
    for column, header in zip(table.columns, headers, strict=True):
        made.add_column(
            Text("\n" * (lines - header.count("\n")) + header),
            justify="right" if column.is_numeric else "left",
            no_wrap=column.kind is not Kind.TEXT,
            overflow="fold",
            style="dim" if column.kind is Kind.UID else "",
        )
    for number, row in enumerate(zip(*columns, strict=True)):
        made.add_row(
            *(
                Text(text, style="bold" if (number, index) in table.best else "")
                for index, text in enumerate(row)
            )
        )
    return made


def fitting(table: Table, room: int) -> tuple[Table, list[str]]:
    """The columns that fit into ``room`` characters, and the names of those that do not.

    Where no column has a rank, those at the right are left out first.
    """
    if not any(column.rank for column in table.columns):
        ranked = [replace(column, rank=index) for index, column in enumerate(table.columns)]
        table = replace(table, columns=tuple(ranked))
    kept = list(range(len(table.columns)))
    widths = [
        _needed(column, texts) for column, texts in zip(table.columns, _texts(table), strict=True)
    ]
    while sum(widths[i] + _GAP for i in kept) - _GAP > room:
        last = max(kept, key=lambda index: (table.columns[index].rank, index))
        if table.columns[last].rank == 0:
            break
        kept.remove(last)
    left_out = [name for index, name in enumerate(table.names) if index not in kept]
    return with_columns(table, kept), list(dict.fromkeys(left_out))


def _texts(table: Table) -> list[list[str]]:
    missing = table.missing or MISSING
    return [
        column_texts(column, table.cells(index), missing=missing)
        for index, column in enumerate(table.columns)
    ]


def _needed(column: Column, texts: Sequence[str]) -> int:
    most = max(map(width, [*texts, *_header(column, texts).split("\n")]), default=0)
    return min(most, column.fold_at) if column.kind is Kind.TEXT else most


def _header(column: Column, texts: Sequence[str]) -> str:
    """The header, broken after ``_``, ``/``, ``.`` or a blank where it is wider than the cells."""
    room = max(map(width, texts), default=0)
    pieces = re.split(r"(?<=[_/. ])", visible(column.header))
    lines = [""]
    for piece in pieces:
        if lines[-1] and len(lines[-1]) + len(piece) > max(room, *map(len, pieces)):
            lines.append("")
        lines[-1] += piece
    return "\n".join(line.rstrip() for line in lines)
