"""Alembic's environment. cetrack hands its own connection over; the ``alembic`` command, used
while writing a migration, gets one for the database named by CETRACK_DB."""

from __future__ import annotations

import os
from typing import Any, Literal

from alembic import context
from sqlalchemy import Connection

from cetrack.db.engine import make_engine, normalize_url, transaction
from cetrack.db.schema import is_compared
from cetrack.models import Base


def render_item(kind: str, item: Any, autogen_context: Any) -> str | Literal[False]:
    """Write our column types as SQLAlchemy's own, so that old migrations import no cetrack."""
    plain = {
        "MetricValue": "sa.Double()",
        "UtcDateTime": "sa.DateTime(timezone=True)",
    }
    return plain.get(type(item).__name__, False) if kind == "type" else False


def run(connection: Connection) -> None:
    """Run the migrations inside the connection's open transaction."""
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        render_item=render_item,
        include_object=is_compared,
    )
    with context.begin_transaction():
        context.run_migrations()


handed_over = context.config.attributes.get("connection")
if handed_over is not None:
    run(handed_over)
else:
    engine = make_engine(normalize_url(os.environ.get("CETRACK_DB", "cetrack.db")))
    with transaction(engine, writes=True) as own:
        run(own)
    engine.dispose()
