"""Conditions that SQLAlchemy has no words for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Boolean, ColumnElement, bindparam
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from cetrack.db.types import KeySet


class Condition(FunctionElement[bool]):
    """A condition that brings its own parentheses."""

    type = Boolean()
    inherit_cache = True

    def self_group(self, against: Any = None) -> Any:
        """As it is: SQLAlchemy would add ``= 1`` where a database has no booleans."""
        return self


class is_among(Condition):  # noqa: N801 - reads as SQL
    """Whether an integer column is one of these keys, in any number: an IN list has a limit."""

    inherit_cache = True

    def __init__(self, column: ColumnElement[Any], keys: Sequence[int]) -> None:
        super().__init__(column, bindparam(None, list(keys), KeySet(), unique=True))


@compiles(is_among, "sqlite")
def _compile_sqlite(element: is_among, compiler: SQLCompiler, **options: Any) -> str:
    column, keys = (compiler.process(clause, **options) for clause in element.clauses)
    return f"{column} IN (SELECT value FROM json_each({keys}))"  # noqa: S608 - a bound value


@compiles(is_among, "postgresql")
def _compile_postgres(element: is_among, compiler: SQLCompiler, **options: Any) -> str:
    column, keys = (compiler.process(clause, **options) for clause in element.clauses)
    return f"{column} = ANY ({keys})"
