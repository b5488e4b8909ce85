"""Aim's repositories: only said why they are not read.

``run_metadata.sqlite`` holds the names of runs; their values lie in RocksDB files beside it, which
nothing but Aim reads.
"""

from __future__ import annotations

from collections.abc import Iterator

from cetrack.domain import Notice, RunRecord
from cetrack.errors import ReadError
from cetrack.readers.base import Match, Reader, matched
from cetrack.readers.source import Source
from cetrack.readers.tables import SUFFIXES, is_ours, table_names

FORMAT = "aim"
_TABLES = frozenset({"alembic_version", "experiment", "note", "run", "run_tag", "tag"})


class AimReader(Reader):
    """See :class:`cetrack.readers.base.Reader`."""

    name = FORMAT
    version = 1
    suffixes = SUFFIXES
    description = "Aim's repository, to say how its runs can be had"
    recognises = "`run_metadata.sqlite`, with the tables `experiment`, `run`, `run_tag` and `note`"
    maps_to = (
        "nothing: it holds names, and the values are in RocksDB files that only Aim reads; with "
        "`aim.Repo(FOLDER).query_metrics().dataframe().to_csv(FILE)` it writes them as CSV"
    )
    example = "alembic_version, experiment, tag, run, run_tag, note, …\n"
    is_binary = True

    def sniff(self, source: Source) -> Match:
        """YES for the names of Aim's runs."""
        return matched(_is_metadata, source)

    def read(self, source: Source) -> Iterator[RunRecord | Notice]:
        """Always raises ReadError."""
        raise ReadError(
            source.uri,
            "Aim keeps only the names of runs here: their values are in RocksDB",
            hint="write them with Aim: aim.Repo(FOLDER).query_metrics().dataframe().to_csv(FILE)",
        )


def _is_metadata(source: Source) -> bool:
    names = table_names(source)
    return names >= _TABLES and not is_ours(names)
