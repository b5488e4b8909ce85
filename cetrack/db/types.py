"""Column types that behave the same on every database."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ARRAY, JSON, BigInteger, DateTime, Double, Integer, Text
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator, TypeEngine

# SQLite gives out row ids only for INTEGER PRIMARY KEY; elsewhere keys are 64 bits wide.
BigKey = BigInteger().with_variant(Integer(), "sqlite")
Json = JSON(none_as_null=True)


class MetricValue(TypeDecorator[float]):
    """A double in which NaN is NULL, on every database; ±Inf is kept.

    Left alone, PostgreSQL sorts NaN above everything and SQLite turns it into NULL: filters and
    ordering would differ between the two.
    """

    impl = Double
    cache_ok = True

    def process_bind_param(self, value: float | None, dialect: Dialect) -> float | None:
        """NaN becomes NULL."""
        return None if value is None or math.isnan(value) else value


class UtcDateTime(TypeDecorator[datetime]):
    """An aware datetime, stored and returned in UTC. Refuses naive values."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Aware in, UTC stored."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"naive datetime {value!r}: times in cetrack are aware")
        return value.astimezone(UTC)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """UTC stored, aware out."""
        if value is None:
            return None
        moment: datetime = value
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


class KeySet(TypeDecorator[Sequence[int]]):
    """Any number of integer keys as one bound value: an array, or a JSON list on SQLite."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """An array where the database has arrays."""
        kind: TypeEngine[Any] = Text() if dialect.name == "sqlite" else ARRAY(BigInteger)
        return dialect.type_descriptor(kind)

    def process_bind_param(self, value: Sequence[int] | None, dialect: Dialect) -> Any:
        """The list as it is, or as text."""
        return json.dumps(value) if dialect.name == "sqlite" else value
