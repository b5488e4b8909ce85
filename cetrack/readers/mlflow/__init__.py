"""MLflow's stores: the folders of ``mlruns``, its SQLite file, its PostgreSQL database.

A run is known by MLflow's own id, so that it is one run wherever it is met.
"""

from __future__ import annotations

from collections.abc import Iterator

from cetrack.domain import Notice, RunRecord
from cetrack.errors import ReadError
from cetrack.readers.base import Match, Objection, Reader, lacking, matched
from cetrack.readers.mlflow import files as mlflow_files
from cetrack.readers.mlflow.database import TABLES, read_database
from cetrack.readers.mlflow.files import COMPANIONS, META
from cetrack.readers.mlflow.runs import FORMAT
from cetrack.readers.source import Source
from cetrack.readers.tables import JOURNALS, SUFFIXES, is_ours, opened_tables, table_names

_OURS = "a database of cetrack itself"
_HINT = "'cetrack export-runs' writes its runs for another one"


class MlflowReader(Reader):
    """See :class:`cetrack.readers.base.Reader`."""

    name = FORMAT
    version = 1
    suffixes = SUFFIXES
    patterns = (META,)
    companions = (*COMPANIONS, *JOURNALS)
    description = "MLflow's file store (`mlruns`), SQLite database, or PostgreSQL by its URL"
    recognises = (
        "`meta.yaml` with `run_id`, `experiment_id` and `lifecycle_stage`, in the folder of a run; "
        "a database with the tables `experiments`, `runs`, `metrics`, `params` and `tags`"
    )
    maps_to = (
        "one run per run that was not deleted, known by its own id: a training where it logged "
        "more than one step, else a benchmark"
    )
    example = """\
artifact_uri: file:///srv/mlruns/0/5f0c1d2e3b4a59687786958493a2b1c0/artifacts
end_time: 1767225720000
experiment_id: '0'
lifecycle_stage: active
run_id: 5f0c1d2e3b4a59687786958493a2b1c0
run_name: lenet-int8
start_time: 1767225600000
status: 3
"""

    def sniff(self, source: Source) -> Match:
        """YES for a run or a database; COMPANION for what belongs to one."""
        if source.server is not None:  # what it holds is said where it is read
            return Match.YES if matched(_is_database, source) is Match.YES else Match.MAYBE
        for test, match in _TESTS:
            found = matched(test, source, match)
            if found is not Match.NO:
                return found
        return Match.NO

    def read(self, source: Source) -> Iterator[RunRecord | Notice]:
        """One run of a folder, or all of a database."""
        names = table_names(source)
        if is_ours(names):
            raise ReadError(source.uri, _OURS, hint=_HINT)
        if not names and source.server is None:
            yield from mlflow_files.read_run(source)
            return
        missing = sorted(set(TABLES) - names)
        if missing:
            tables = "tables" if len(missing) > 1 else "table"
            problem = f"no database of MLflow: no {tables} {', '.join(map(repr, missing))}"
            raise ReadError(source.uri, problem)
        with opened_tables(source) as tables_of_it:
            yield from read_database(tables_of_it)

    def objection(self, source: Source) -> Objection | None:
        """Tables or marks that are missing."""
        try:
            names = table_names(source)
            if is_ours(names):
                return Objection(1, f"{_OURS}: {_HINT}")
            if names:
                return lacking(TABLES, names, "table")
            return lacking(*mlflow_files.missing_marks(mlflow_files.meta_of(source)), "entry")
        except ReadError:
            return None


def _is_database(source: Source) -> bool:
    names = table_names(source)
    return names.issuperset(TABLES) and not is_ours(names)


def _is_our_own(source: Source) -> bool:
    return source.found and is_ours(table_names(source))


def _is_run(source: Source) -> bool:
    return mlflow_files.is_run(mlflow_files.meta_of(source))


def _is_beside_runs(source: Source) -> bool:
    return mlflow_files.is_beside_runs(mlflow_files.meta_of(source))


_TESTS = (
    (_is_run, Match.YES),
    (_is_database, Match.YES),
    (_is_beside_runs, Match.COMPANION),
    (mlflow_files.is_part_of_run, Match.COMPANION),
    (_is_our_own, Match.COMPANION),
)
