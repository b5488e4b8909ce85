"""The Python API: a database as pandas frames, and its answers as dataclasses.

::

    with cetrack.open("results.db") as db:
        db.ingest(["results/"])
        drops = db.comparisons("precision=int8 and metric.accuracy exists")
        history = db.history("latency_mean_ms", "model=resnet50")
        best = db.frame("SELECT model, MIN(value) FROM measurements GROUP BY model")
        moved = [line.name for line in db.trend("accuracy").lines if line.changes]

Thin: every method is one use-case. Knows nothing of SQL or of files.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeVar

from cetrack import config
from cetrack.errors import UsageError

if TYPE_CHECKING:
    import pandas as pd

    from cetrack.compare import Comparison, Pareto
    from cetrack.deriving import DeriveReport
    from cetrack.filter import Expr
    from cetrack.gate import CheckReport
    from cetrack.ingest import IngestReport
    from cetrack.inside import Origin
    from cetrack.plots.shapes import Curves
    from cetrack.report import Table
    from cetrack.store import Store
    from cetrack.trend import Trend

Filter = str | Sequence[str] | None
Choice = TypeVar("Choice", bound=StrEnum)


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

    def frame(self, query: str, *, timeout_s: float = 30.0) -> pd.DataFrame:
        """The rows of one reading SQL statement; docs/sql.md has statements to start from.

        Values are as the driver gives them: times are text on SQLite. Raises UsageError when the
        statement fails, would write, or takes longer than ``timeout_s``.
        """
        import pandas as pd

        from cetrack.db.engine import raw_rows

        names, rows = raw_rows(self._opened().engine, query, timeout_s=timeout_s)
        return pd.DataFrame.from_records([tuple(row) for row in rows], columns=names)

    def sql(self, query: str, *, timeout_s: float = 30.0) -> pd.DataFrame:
        """Another name of :meth:`frame`."""
        return self.frame(query, timeout_s=timeout_s)

    def compare(
        self, filter: Filter = None, *, by: str = "model", which: str = "latest", **options: Any
    ) -> Comparison:
        """Every precision beside its baseline, like for like; see docs/compare.md.

        ``by`` is model, library, category or input_shape; ``which`` is latest or all. ``options``
        are those of :func:`cetrack.compare.compare`: baseline, metrics, allow_mixed …::

            for entry in db.compare("category=vision", metrics=["accuracy"]).entries:
                print(entry.group, entry.column, entry.value.mean, entry.delta, entry.p_value)
        """
        from cetrack.choices import By, Which
        from cetrack.compare import compare

        rows, runs = _choice(By, by, "grouping"), _choice(Which, which, "choice of runs")
        return compare(self._opened(), where=self._parsed(filter), by=rows, which=runs, **options)

    def pareto(
        self,
        x: str = "latency_mean_ms",
        y: str = "accuracy",
        filter: Filter = None,
        *,
        which: str = "latest",
        **options: Any,
    ) -> Pareto:
        """Every series between two metrics, and whether any other beats it.

        ``which`` is latest or all; ``options`` are those of :func:`cetrack.compare.pareto`::

            front = [point.label for point in db.pareto("model_size_mb").points if point.on_front]
        """
        from cetrack.choices import Which
        from cetrack.compare import pareto

        runs = _choice(Which, which, "choice of runs")
        return pareto(self._opened(), x, y, where=self._parsed(filter), which=runs, **options)

    def trend(
        self, metric: str, filter: Filter = None, *, by: str = "run", **options: Any
    ) -> Trend:
        """The history of a metric, a line per series, and where its level moved.

        ``by`` is run, commit, date or tag.NAME; ``options`` are those of
        :func:`cetrack.trend.trend`: alpha::

            for line in db.trend("latency_mean_ms", "precision=int8", by="commit").lines:
                print(line.name, [(change.label, change.ratio) for change in line.changes])
        """
        from cetrack.trend import parse_axis, trend

        return trend(
            self._opened(), metric, where=self._parsed(filter), by=parse_axis(by), **options
        )

    def curves(
        self, metric: str, filter: Filter = None, *, which: str = "latest", **options: Any
    ) -> Curves:
        """A metric over the steps of training runs, the newest runs; what a plot of epochs shows.

        ``which`` is latest or all; ``options`` are those of :func:`cetrack.curves.read_curves`.
        """
        from cetrack.choices import Which
        from cetrack.curves import read_curves

        runs = _choice(Which, which, "choice of runs")
        return read_curves(
            self._opened(), metric, where=self._parsed(filter), which=runs, **options
        )

    def table(self, filter: Filter = None, **request: Any) -> Table:
        """Results side by side, as a paper prints them; see docs/tables.md.

        ``request`` has the keys of a report in ``cetrack.toml``: rows, columns, metrics, baseline,
        show, best …; :func:`cetrack.report.render` writes the table in any format::

            text = render(db.table(metrics="accuracy", baseline="fp32"), Format.LATEX)
        """
        from cetrack.mappings import MappingError
        from cetrack.table_request import parse_request
        from cetrack.tables import paper_table

        texts = [filter] if isinstance(filter, str) else list(filter or ())
        try:
            asked = parse_request({**request, "filter": texts})
        except MappingError as error:
            raise UsageError(f"{error.key}: {error.problem}", hint=error.hint) from None
        return paper_table(self._opened(), asked)

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


def _choice(kind: type[Choice], text: str, what: str) -> Choice:
    """The word as one of a few. Raises UsageError with the nearest."""
    from cetrack.report.table import unknown_name

    if text not in list(kind):
        raise unknown_name(what, text, list(kind))
    return kind(text)


def open_database(url: str | None = None) -> Database:
    """The database at ``url``; without one, that of CETRACK_DB, of cetrack.toml or the default."""
    return Database(url)
