"""Every case, in the order in which they run: the last one changes a database of the others."""

from benchmarks.cases.events import EVENTS
from benchmarks.cases.export import EXPORT_POSTGRES, EXPORT_SQLITE, INCREMENTAL, SELECTED
from benchmarks.cases.ingest import FILES, SINGLE_LOG
from benchmarks.cases.memory import MEMORY
from benchmarks.cases.queries import COMPARE, FILTER, TREND
from benchmarks.cases.size import SIZE
from benchmarks.cases.startup import STARTUP

CASES = (
    EXPORT_SQLITE,
    EXPORT_POSTGRES,
    SINGLE_LOG,
    FILES,
    EVENTS,
    MEMORY,
    FILTER,
    COMPARE,
    TREND,
    SELECTED,
    STARTUP,
    SIZE,
    INCREMENTAL,
)
__all__ = ["CASES"]
