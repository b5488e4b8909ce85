"""Column types that behave the same on every database."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, DateTime, Double, Integer
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

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
