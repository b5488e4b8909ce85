"""What stands below a table: what its signs mean, and where its numbers come from. Pure."""

from __future__ import annotations

import hashlib
import textwrap
from collections.abc import Container, Iterator, Sequence
from datetime import datetime

from cetrack.choices import Which
from cetrack.identity import canonical_json
from cetrack.report.cells import visible
from cetrack.report.exact import encoded
from cetrack.report.json import iso
from cetrack.report.measures import paper_column
from cetrack.report.table import Spread, Table
from cetrack.store import RunRow
from cetrack.table_request import Best, Show, TableRequest, as_command
from cetrack.tables.baselines import Compared, Numbers, change
from cetrack.tables.choosing import Selection
from cetrack.tables.grid import Grid
from cetrack.tables.headings import SIGNS
from cetrack.tables.layout import shows_of

_WIDTH = 90  # characters of a line of uids


def notes(
    request: TableRequest,
    selection: Selection,
    grid: Grid,
    numbers: Numbers,
    compared: Compared | None,
    table: Table,
) -> tuple[str, ...]:
    """Sentences about what occurs in the table, and nothing else."""
    found = [
        *_about_spreads(request, selection, grid, numbers),
        *_about_changes(request, selection, numbers, compared),
    ]
    if table.best:
        where = "of each metric in a row" if request.best is Best.ROW else "in each column"
        found.append(f"Bold: the best {where}.")
    if grid.mixed:
        found.append(f"Means over series that differ in {', '.join(grid.mixed)}.")
    if compared and compared.unlike:
        differing = ", ".join(compared.unlike)
        found.append(f"Compared although not like for like: {differing} differ.")
    return tuple(found)


def _about_spreads(
    request: TableRequest, selection: Selection, grid: Grid, numbers: Numbers
) -> Iterator[str]:
    spreads = [
        (len(grid.runs[place]), cell)
        for place, cell in numbers.items()
        if isinstance(cell, Spread) and cell.std is not None
    ]
    several = [runs for runs, _ in spreads if runs > 1]
    single = [cell.n for runs, cell in spreads if runs == 1 and cell.n]
    if several:
        what = _repetitions(request, grid)
        yield f"±: standard deviation (n-1) over {_extent(several)} {what}."
    if single:
        yield f"±: standard deviation (n-1) over the {_extent(single)} repetitions of one run."
    repeated = {place[2]: cell for place, cell in numbers.items() if len(grid.runs[place]) > 1}
    constant = {name for name, cell in repeated.items() if not isinstance(cell, Spread)}
    if constant:
        yield f"The same in all {_repetitions(request, grid)}: {_titles(selection, constant)}."


def _titles(selection: Selection, names: Container[str]) -> str:
    """What the table calls these metrics."""
    columns = (paper_column(it.name, unit=it.unit) for it in selection.metrics if it.name in names)
    return ", ".join(column.title or column.name for column in columns)


def _repetitions(request: TableRequest, grid: Grid) -> str:
    return "seeds" if request.runs is Which.LATEST and not grid.mixed else "runs"


def _extent(counts: Sequence[int]) -> str:
    low, high = min(counts), max(counts)
    return str(low) if low == high else f"{low} to {high}"


def _about_changes(
    request: TableRequest, selection: Selection, numbers: Numbers, compared: Compared | None
) -> Iterator[str]:
    shows = [show for show in shows_of(request) if show is not Show.VALUE]
    if compared is None or not shows:
        return
    signs = ", ".join(SIGNS[show] for show in shows)
    yield f"{signs}: against {selection.baseline} of the same model and conditions."
    refused = {
        place[2]
        for place, baseline in compared.baselines.items()
        for show in shows
        if change(show, numbers[place], numbers[baseline]) is None
    }
    if refused:
        yield f"No share of a baseline that is not above 0: {_titles(selection, refused)}."


# --- provenance --------------------------------------------------------------------------------


def provenance(
    request: TableRequest, runs: Sequence[RunRow], table: Table, *, schema: str
) -> tuple[str, ...]:
    """Where the numbers come from: the same lines for the same runs, whenever they are printed."""
    lines = (
        as_command(request),
        f"filter: {_joined(request.filter)}; runs: {request.runs}",
        f"{len(runs)} runs, the newest of {iso(newest(runs))}:",
        *textwrap.wrap(" ".join(run["uid"] for run in runs), _WIDTH, break_on_hyphens=False),
        f"schema {schema}, cells sha256 {cells_hash(table)}",
    )
    return tuple(map(visible, lines))


def _joined(filters: Sequence[str]) -> str:
    if len(filters) > 1:
        return " and ".join(f"({text})" for text in filters)
    return "".join(filters) or "none"


def newest(runs: Sequence[RunRow]) -> datetime:
    """When the newest of some runs started."""
    started: list[datetime] = [run["started_at"] for run in runs]
    return max(started)


def cells_hash(table: Table) -> str:
    """sha256 of the names of the columns and of every cell with all its digits."""
    cells = [[encoded(cell) for cell in row] for row in table.rows]
    text = canonical_json([table.names, cells])
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
