"""cetrack: experiment tracking for neural-network compression.

::

    import cetrack

    with cetrack.open("results.db") as db:
        frame = db.runs(filter="category=vision and precision=int8")

    with cetrack.start_run(model="lenet", precision="fp32", kind="training") as run:
        run.log({"train/loss": 0.1}, step=1)

Names are loaded when they are used: ``import cetrack`` alone costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cetrack.database import Database as Database
    from cetrack.database import open_database as open
    from cetrack.live import ActiveRun as ActiveRun
    from cetrack.live import start_run as start_run

__version__ = "0.1.0"
__all__ = ["ActiveRun", "Database", "__version__", "open", "start_run"]

_WHERE = {
    "ActiveRun": ("cetrack.live", "ActiveRun"),
    "Database": ("cetrack.database", "Database"),
    "open": ("cetrack.database", "open_database"),
    "start_run": ("cetrack.live", "start_run"),
}


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module 'cetrack' has no attribute {name!r}")
    module, attribute = _WHERE[name]
    return getattr(import_module(module), attribute)
