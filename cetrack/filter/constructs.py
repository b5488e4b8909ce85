"""What SQLAlchemy has no words for, and what each database is to be told in its own.

Both databases are asked the same; how it is written decides whether the planner of each sees
that an index answers it. ``tests/db/test_plans.py`` holds the plans.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Exists, Select, Text, literal_column
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from cetrack.db.conditions import Condition


class formula(Condition):  # noqa: N801 - reads as SQL
    """A template such as ``({} AND ({} OR {}))`` and the conditions to be put into it.

    One flat element however deep the filter is: SQLAlchemy's own ``and_`` and ``or_`` recurse, and
    run out of stack where the filter is still legal.
    """

    inherit_cache = True

    def __init__(self, template: str, conditions: Sequence[ColumnElement[bool]]) -> None:
        super().__init__(literal_column(template), *conditions)


class glob_match(Condition):  # noqa: N801 - reads as SQL
    """Folded text, the glob for SQLite, the regular expression for PostgreSQL."""

    inherit_cache = True


class is_one_of(Condition):  # noqa: N801 - reads as SQL
    """Whether a key is among those that a sub-query finds, in a place where that narrows the rows.

    PostgreSQL takes an array for some ten keys and searches by the index of ``key``; an IN it
    joins, and misjudges how many rows are left. Where nothing is narrowed (beside an OR, below a
    NOT) an array would be gone through row by row: there IN is right, which hashes the keys.
    """

    inherit_cache = True

    def __init__(self, key: ColumnElement[Any], keys: Select[Any]) -> None:
        super().__init__(key, keys.correlate(None).scalar_subquery())


class owns_row(Condition):  # noqa: N801 - reads as SQL
    """Whether a run is among the run ids that a sub-query finds by an index alone.

    SQLite reads the index once; one EXISTS per run took three times as long. PostgreSQL knows
    both ways for an EXISTS, and for a large IN below a NOT only a bad one.
    """

    inherit_cache = True

    def __init__(self, run_id: ColumnElement[Any], found: Select[Any], exists: Exists) -> None:
        super().__init__(run_id, found.correlate(None).scalar_subquery(), exists)


class unjoined(Condition):  # noqa: N801 - reads as SQL
    """A sub-query that PostgreSQL is to ask row by row.

    It would make a join of it and think about the order of all joins: of a filter with a hundred
    conditions for ten seconds and more.
    """

    inherit_cache = True


class ascii_lower(FunctionElement[str]):  # noqa: N801 - reads as SQL
    """Text with A–Z in lower case, whatever the locale of the database."""

    type = Text()
    inherit_cache = True


@compiles(formula)
def _compile_formula(element: formula, compiler: SQLCompiler, **options: Any) -> str:
    template, *conditions = element.clauses
    parts = [compiler.process(condition, **options) for condition in conditions]
    return compiler.process(template, **options).format(*parts)


@compiles(glob_match, "sqlite")
def _compile_sqlite_glob(element: glob_match, compiler: SQLCompiler, **options: Any) -> str:
    text, glob, _ = (compiler.process(clause, **options) for clause in element.clauses)
    return f"({text} GLOB {glob})"


@compiles(glob_match, "postgresql")
def _compile_postgres_glob(element: glob_match, compiler: SQLCompiler, **options: Any) -> str:
    text, _, regex = (compiler.process(clause, **options) for clause in element.clauses)
    return f"({text} ~ {regex})"


@compiles(is_one_of, "sqlite")
def _compile_sqlite_one_of(element: is_one_of, compiler: SQLCompiler, **options: Any) -> str:
    key, keys = (compiler.process(clause, **options) for clause in element.clauses)
    return f"{key} IN {keys}"


@compiles(is_one_of, "postgresql")
def _compile_postgres_one_of(element: is_one_of, compiler: SQLCompiler, **options: Any) -> str:
    key, keys = (compiler.process(clause, **options) for clause in element.clauses)
    return f"{key} = ANY (ARRAY{keys})"


@compiles(owns_row, "sqlite")
def _compile_sqlite_owns_row(element: owns_row, compiler: SQLCompiler, **options: Any) -> str:
    run_id, found, _ = element.clauses
    return f"{compiler.process(run_id, **options)} IN {compiler.process(found, **options)}"


@compiles(owns_row, "postgresql")
def _compile_postgres_owns_row(element: owns_row, compiler: SQLCompiler, **options: Any) -> str:
    _, _, exists = element.clauses
    return str(compiler.process(exists, **options))


@compiles(unjoined, "sqlite")
def _compile_sqlite_unjoined(element: unjoined, compiler: SQLCompiler, **options: Any) -> str:
    return str(compiler.process(element.clauses, **options))


@compiles(unjoined, "postgresql")
def _compile_postgres_unjoined(element: unjoined, compiler: SQLCompiler, **options: Any) -> str:
    return f"coalesce({compiler.process(element.clauses, **options)}, false)"


@compiles(ascii_lower, "sqlite")
def _compile_sqlite_lower(element: ascii_lower, compiler: SQLCompiler, **options: Any) -> str:
    return f"lower({compiler.process(element.clauses, **options)})"


@compiles(ascii_lower, "postgresql")
def _compile_postgres_lower(element: ascii_lower, compiler: SQLCompiler, **options: Any) -> str:
    return f'lower({compiler.process(element.clauses, **options)} COLLATE "C")'
