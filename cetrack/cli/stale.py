"""Saying what is out of date among the numbers of an answer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from cetrack.cli import opening, output

if TYPE_CHECKING:
    from cetrack.store import Store


@contextmanager
def open_answering(db: str | None) -> Iterator[Store]:
    """The store of a command that shows numbers; a line on stderr for each metric of
    ``cetrack.toml`` whose values are not what it says now."""
    with opening.open_store(db) as store:
        for line in _out_of_date(store):
            output.say(line)
        yield store


def _out_of_date(store: Store) -> list[str]:
    """Nothing is loaded, and one small table looked at, where nobody has defined anything."""
    from sqlalchemy import select

    from cetrack.models import Definition

    definitions = opening.settings().definitions
    with store.read() as connection:
        defined = connection.scalar(select(Definition.metric_id).limit(1)) is not None
    if not defined and not definitions:
        return []
    from cetrack.deriving import out_of_date

    return out_of_date(store, definitions)
