"""A request becomes a table: choose, arrange, compare, lay out, say where it comes from."""

from __future__ import annotations

from dataclasses import dataclass, replace

from sqlalchemy import Connection

from cetrack.db import schema
from cetrack.report.table import Table
from cetrack.store import RunRow
from cetrack.table_request import TableRequest
from cetrack.tables.baselines import compared
from cetrack.tables.choosing import Selection, choose
from cetrack.tables.grid import Grid, grid_of
from cetrack.tables.layout import laid_out
from cetrack.tables.sayings import notes, provenance


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A table, the selection that it is made of, and its runs by start."""

    request: TableRequest
    table: Table
    selection: Selection
    runs: tuple[RunRow, ...]
    schema: str


def make(connection: Connection, request: TableRequest) -> Made:
    """The table that a request asks for. Raises UsageError where it cannot be made honestly."""
    selection = choose(connection, request)
    grid = grid_of(selection, allow_mixed=request.allow_mixed)
    baselines = None
    if selection.baseline:
        baselines = compared(grid, selection.baseline, allow_mixed=request.allow_mixed)
    table, numbers = laid_out(request, selection, grid, baselines)
    runs = _runs_in(grid, selection)
    revision = schema.current(connection) or ""
    table = replace(
        table,
        notes=notes(request, selection, grid, numbers, baselines, table),
        provenance=provenance(request, runs, table, schema=revision),
        caption=request.caption,
        missing=request.missing or None,
    )
    return Made(request=request, table=table, selection=selection, runs=runs, schema=revision)


def _runs_in(grid: Grid, selection: Selection) -> tuple[RunRow, ...]:
    used = {run["run_id"] for runs in grid.runs.values() for run in runs}
    return tuple(run for run in selection.runs if run["run_id"] in used)
