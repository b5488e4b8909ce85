"""The Python API: a database as pandas frames.

::

    with cetrack.open("results.db") as db:
        db.ingest(["results/"])
        drops = db.comparisons("precision=int8 and metric.accuracy exists")
        trend = db.history("latency_mean_ms", "model=resnet50")
        best = db.sql("SELECT model, MIN(value) FROM measurements GROUP BY model")

Thin: every method is one use-case. Knows nothing of SQL or of files.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from cetrack import config

if TYPE_CHECKING:
    import pandas as pd

    from cetrack.deriving import DeriveReport
    from cetrack.filter import Expr
    from cetrack.gate import CheckReport
    from cetrack.ingest import IngestReport
    from cetrack.inside import Origin
    from cetrack.store import Store

Filter = str | Sequence[str] | None


class Database:
    """One database. Use as a context manager, or call ``close``.

    It is opened when it is first used; the first ``ingest`` makes one where there is none.
    """

    def __init__(self, url: str | None = None) -> None:
        settings = config.find_settings(Path.cwd())
        self.url = config.database_url(url, os.environ, settings)
        self._settings = settings
        self._store: Store | None = None

    def runs(self, filter: Filter = None) -> pd.DataFrame:
        """The ``runs`` view: a row per run that matches, the oldest first."""
        return self._view("runs", filter)

    def measurements(self, filter: Filter = None) -> pd.DataFrame:
        """The ``measurements`` view: a row per run and metric, with min, max, mean and std."""
        return self._view("measurements", filter)

    def history(self, metric: str | None = None, filter: Filter = None) -> pd.DataFrame:
        """The ``history`` view: a row per run and metric, numbered along its series."""
        return self._view("history", filter, metric=metric)

    def comparisons(self, filter: Filter = None) -> pd.DataFrame:
        """The ``comparisons`` view: a row per compressed run and metric, beside its baseline."""
        return self._view("comparisons", filter)

    def sql(self, query: str, *, timeout_s: float = 30.0) -> pd.DataFrame:
        """The rows of one reading statement. Raises UsageError when it fails."""
        import pandas as pd

        from cetrack.db.engine import raw_rows

        names, rows = raw_rows(self._opened().engine, query, timeout_s=timeout_s)
        return pd.DataFrame.from_records([tuple(row) for row in rows], columns=names)

    def ingest(
        self,
        paths: str | Path | Sequence[str | Path],
        *,
        workers: int = 1,
        cluster: str | None = None,
        **options: Any,
    ) -> IngestReport:
        """Read files, archives and folders; ``options`` are those of ``IngestOptions``.

        ``workers`` processes read them, or the Dask cluster whose scheduler is at ``cluster``.
        Raises nothing for a file that is rejected: the report says why.
        """
        from cetrack.discover import discover

        several = [paths] if isinstance(paths, str | Path) else list(paths)
        origins = discover([str(path) for path in several], self._settings.formats)
        return self._take_in(origins, options, workers=workers, cluster=cluster)

    def ingest_git_history(
        self,
        repository: str | Path,
        pathspecs: Sequence[str] = (),
        *,
        rev: str = "HEAD",
        **options: Any,
    ) -> IngestReport:
        """Read every committed version of files in a git repository, oldest first."""
        from cetrack.history import History

        formats = self._settings.formats
        history = History(str(repository), pathspecs, rev=rev, formats=formats)
        return self._take_in([history], options)

    def _take_in(
        self, origins: Sequence[Origin], options: Mapping[str, Any], **hands: Any
    ) -> IngestReport:
        from cetrack.ingest import IngestOptions, take_in

        defaults = {
            "default_experiment": self._settings.experiment,
            "baseline_precision": self._settings.baseline_precision,
            "formats": self._settings.formats,
            "definitions": self._settings.definitions,
        }
        known = {name: value for name, value in defaults.items() if value is not None}
        asked = IngestOptions(**{**known, **options})
        return take_in(self._opened(create=True), origins, asked, **hands)

    def derive(self, filter: Filter = None, **options: Any) -> DeriveReport:
        """Work out the metrics and scores that ``cetrack.toml`` defines, for the runs that match.

        ``options`` are those of :func:`cetrack.deriving.derive`: everything, dry_run.
        """
        from cetrack.deriving import derive

        where = self._parsed(filter)
        return derive(self._opened(), self._settings.definitions, where=where, **options)

    def export_tb(self, directory: str | Path, *, filter: Filter = None, **options: Any) -> Any:
        """Write TensorBoard event files for the runs that match."""
        from cetrack.export_tb import export_tb

        return export_tb(self._opened(), Path(directory), where=self._parsed(filter), **options)

    def check(self, gates: str | Path, *, filter: Filter = None) -> CheckReport:
        """What the gates of a file say of the newest runs; see docs/check.md."""
        from cetrack.gate import check, load_gates

        return check(self._opened(), load_gates(Path(gates)), where=self._parsed(filter))

    def close(self) -> None:
        """Give back the connections."""
        if self._store is not None:
            self._store.close()
            self._store = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _opened(self, *, create: bool = False) -> Store:
        from cetrack.store import Store  # "import cetrack" does not load SQLAlchemy

        if self._store is None:
            timeout = config.busy_timeout_s(os.environ)
            self._store = Store.open(self.url, create=create, busy_timeout_s=timeout)
        return self._store

    def _parsed(self, filter: Filter) -> Expr | None:
        from cetrack.queries import parse_filter

        texts = [filter] if isinstance(filter, str) else list(filter or ())
        return parse_filter(self._opened(), texts)

    def _view(self, view: str, filter: Filter, *, metric: str | None = None) -> pd.DataFrame:
        import pandas as pd

        from cetrack.queries import view_dtypes, view_rows

        names, rows = view_rows(self._opened(), view, self._parsed(filter), metric=metric)
        frame = pd.DataFrame.from_records(rows, columns=names)
        return frame.astype(view_dtypes(view))


def open_database(url: str | None = None) -> Database:
    """The database at ``url``; without one, that of CETRACK_DB, of cetrack.toml or the default."""
    return Database(url)
