"""Writes the generated pages of this folder: ``python docs/generate.py``.

With ``--check`` nothing is written; the exit code is 1 when a page is not what it should be.
A page is a name and a function that returns its text: add it to ``PAGES``.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))  # this checkout's cetrack, whichever is installed
_MADE = "<!-- made by docs/generate.py from cetrack/derive.py -->"
_END = "<!-- end -->"
_WIDTH = 80  # whatever the width of the terminal
_INTRODUCTION = """\
# Command line

`cetrack`, `python -m cetrack` and, in a checkout, `python cli.py` are one program. Results go to
stdout, messages to stderr.

| exit code | meaning |
|---|---|
| 0 | it worked |
| 1 | a negative answer: a check found something, a question was answered with no |
| 2 | the command line, a filter or a path is wrong |
| 3 | some or all sources were rejected |
| 4 | the database cannot be used |
| 130 | interrupted |
"""


def cli_page() -> str:
    """The ``--help`` of every command."""
    from typer.main import get_command

    from cetrack.cli import app

    parts = [f"## {path}\n\n```text\n{text}\n```\n" for path, text in _helps(get_command(app))]
    return "\n".join([_INTRODUCTION, *parts])


def _helps(command: Any, parent: Any = None) -> Iterator[tuple[str, str]]:
    """(path, help text) of a command and of those below it."""
    context = command.context_class(
        command,
        info_name=command.name,
        parent=parent,
        help_option_names=["-h", "--help"],
        terminal_width=_WIDTH,
    )
    yield context.command_path, _help(command, context)
    for below in getattr(command, "commands", {}).values():
        yield from _helps(below, context)


def _help(command: Any, context: Any) -> str:
    lines = command.get_help(context).rstrip().splitlines()
    return "\n".join(line.rstrip() for line in lines)


_SCHEMA = """\
# Schema

The same on SQLite and PostgreSQL. Write your own queries against the **views**: they stay the same
from release to release, and [sql.md](sql.md) has examples. The **tables** below them are joined by
integer keys; only cetrack writes them. Times are UTC. NaN is stored as NULL, infinities as they
are. Blank text in a table means unknown; the views show it as NULL.
"""


def schema_page() -> str:
    """Views and tables, with their columns, from the models."""
    from cetrack.models import Base, views

    parts = [_SCHEMA, "## Views\n"]
    parts += [_view_section(view) for view in views.tables.values()]
    parts.append("## Tables\n")
    classes = {model.__tablename__: model for model in Base.__subclasses__()}
    parts += [_table_section(table, classes[table.name]) for table in Base.metadata.sorted_tables]
    return "\n".join(parts)


def _view_section(view: Any) -> str:
    rows = [f"| `{column.name}` | {column.comment} |" for column in view.columns]
    return "\n".join(
        [f"### {view.name}\n\n{view.comment}\n", "| column | |", "|---|---|", *rows, ""]
    )


def _table_section(table: Any, model: Any) -> str:
    words = " ".join(line.strip() for line in (model.__doc__ or "").replace("``", "`").splitlines())
    rows = [f"| `{column.name}` | {column.type} | {_role(column)} |" for column in table.columns]
    return "\n".join(
        [
            f"### {table.name}\n\n{words.strip()}\n",
            "| column | type | |",
            "|---|---|---|",
            *rows,
            "",
        ]
    )


def _role(column: Any) -> str:
    parts = ["primary key"] if column.primary_key else []
    parts += [f"→ {key.target_fullname}" for key in column.foreign_keys]
    parts += ["unique"] if column.unique else []
    parts += ["may be NULL"] if column.nullable else []
    return ", ".join(parts)


def formats_page() -> str:
    """What each reader recognises, from the registry."""
    from cetrack.readers.registry import formats_markdown

    return formats_markdown()


def metrics_page() -> str:
    """The catalogue of metrics."""
    from cetrack.metrics import metrics_markdown

    return metrics_markdown()


def derived_page() -> str:
    """The page on derived metrics, written by hand but for the table of the built-in ones."""
    from cetrack.derive import derived_markdown

    page = _written("derived.md") or ""
    before, mark, rest = page.partition(_MADE)
    _, end, after = rest.partition(_END)
    return f"{before}{mark}\n{derived_markdown()}{end}{after}"


PAGES: Mapping[str, Callable[[], str]] = {
    "cli.md": cli_page,
    "derived.md": derived_page,
    "formats.md": formats_page,
    "metrics.md": metrics_page,
    "schema.md": schema_page,
}


def stale() -> list[str]:
    """The names of the pages whose files are not up to date."""
    return [name for name, page in PAGES.items() if _written(name) != page()]


def _written(name: str) -> str | None:
    path = HERE / name
    return path.read_text(encoding="utf-8") if path.exists() else None


def main() -> int:
    """Write the pages, or check them."""
    names = stale()
    if "--check" in sys.argv[1:]:
        for name in names:
            sys.stderr.write(f"docs/{name} is stale: python docs/generate.py\n")
        return 1 if names else 0
    for name in names:
        (HERE / name).write_text(PAGES[name](), encoding="utf-8")
        sys.stderr.write(f"wrote docs/{name}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
