"""``cetrack db``: make, upgrade, check and measure a database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from cetrack.cli import opening, output
from cetrack.cli.options import Db, OutputFormat, Yes
from cetrack.report import Format

if TYPE_CHECKING:
    from sqlalchemy import Engine

app = typer.Typer(
    help="Make, upgrade, check and measure a database.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.command("init")
def init(db: Db = None) -> None:
    """Make an empty database; one that exists is left as it is.

    \b
    Examples:
      cetrack db init
      cetrack db init --db postgresql://lab@server/results
    """
    from cetrack.db import schema

    with opening.open_engine(db) as engine:
        fresh = schema.is_fresh(engine)
        if fresh:
            schema.upgrade(engine)
        schema.require_current(engine)
        begin = "made" if fresh else "exists already:"
        output.write(f"{begin} {_shown(engine)}, schema {schema.head()}\n")


@app.command("upgrade")
def upgrade(db: Db = None) -> None:
    """Bring the database up to this version of cetrack.

    A SQLite file is copied aside first. In a database that is up to date only the statistics are
    renewed by which it plans its queries.

    \b
    Examples:
      cetrack db upgrade
    """
    from cetrack.db import schema

    with opening.open_engine(db) as engine:
        before = _revision(engine)
        if before != schema.head():
            schema.upgrade(engine)
        schema.note_sizes(engine)
        after = _revision(engine)
        output.write(f"{_shown(engine)}: schema {before or 'none'} -> {after}\n")


@app.command("downgrade")
def downgrade(
    revision: Annotated[str, typer.Argument(help="A revision such as 0001; base drops all.")],
    yes: Yes = False,
    db: Db = None,
) -> None:
    """Take the database back to an older schema; what that cannot hold is lost.

    \b
    Examples:
      cetrack db downgrade 0001
    """
    from cetrack.db import schema

    with opening.open_engine(db) as engine:
        before = _revision(engine) or "none"
        output.confirm(f"Take {_shown(engine)} from schema {before} back to {revision}?", yes=yes)
        schema.downgrade(engine, revision)
        after = _revision(engine) or "none"
        output.write(f"{_shown(engine)}: schema {before} -> {after}\n")


@app.command("current")
def current(db: Db = None) -> None:
    """Print the schema's revision; 'none' where there is no cetrack database.

    \b
    Examples:
      cetrack db current
    """
    from cetrack.db import schema

    with opening.open_engine(db) as engine:
        revision = _revision(engine)
        output.write(f"{revision or 'none'}\n")
        if revision != schema.head():
            output.say(f"{_shown(engine)}: this cetrack works with schema {schema.head()}")


@app.command("check")
def check(db: Db = None) -> None:
    """Compare the database with what this version expects; exit code 1 when they differ.

    \b
    Examples:
      cetrack db check
    """
    from cetrack.db import schema

    with opening.open_store(db) as store:
        found = schema.differences(store.engine)
        place = _shown(store.engine)
    for line in found:
        output.write(f"{line}\n")
    if found:
        output.say(f"{place}: {len(found)} difference{'' if len(found) == 1 else 's'}")
        raise typer.Exit(1)
    output.write(f"{place}: no difference, schema {schema.head()}\n")


@app.command("stats")
def stats(format: OutputFormat = Format.TABLE, db: Db = None) -> None:
    """Count what is stored: runs, points, sources …, and the size on disk.

    \b
    Examples:
      cetrack db stats
      cetrack db stats --format json
    """
    from cetrack import queries

    with opening.open_store(db) as store:
        table = queries.database_size(store)
        output.say(_shown(store.engine))
    output.emit(table, format)


def _shown(engine: Engine) -> str:
    """The URL without any password."""
    from cetrack.db.engine import shown_url

    return shown_url(engine.url)


def _revision(engine: Engine) -> str | None:
    from cetrack.db import schema
    from cetrack.db.engine import transaction

    if schema.is_fresh(engine):
        return None
    with transaction(engine, writes=False) as connection:
        return schema.current(connection)
