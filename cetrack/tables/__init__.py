"""Tables for papers: rows and columns are fields of runs, cells are metrics.

``paper_table`` makes one of the runs that stand for their series; ``frozen_table`` keeps it, with
all that it is made of, as a text that ``cetrack.report.frozen.thaw`` makes the same table of
years later, without a database.
"""

from __future__ import annotations

from cetrack.report.table import Table
from cetrack.store import Store
from cetrack.table_request import TableRequest
from cetrack.tables.freezing import freeze
from cetrack.tables.making import make

__all__ = ["frozen_table", "paper_table"]


def paper_table(store: Store, request: TableRequest) -> Table:
    """The table that a request asks for.

    Raises UsageError for a name that is not there, where nothing matches, and where a cell would
    hold several series or a comparison would not be like for like.
    """
    with store.read() as connection:
        return make(connection, request).table


def frozen_table(store: Store, request: TableRequest, *, name: str, version: str) -> str:
    """The text of ``NAME.cetrack.json``; raises UsageError like ``paper_table``."""
    with store.read() as connection:
        return freeze(connection, make(connection, request), name=name, version=version)
