"""A number per run that changes with what belongs to it. Frozen: imports nothing of cetrack."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

DRAW = {
    "sqlite": "UPDATE run SET revision = abs(random() / 2)",
    "postgresql": "UPDATE run SET revision = floor(random() * 9e18)::bigint",
}


def upgrade() -> None:
    """Add the column; runs that are there get a number nobody has seen."""
    column = sa.Column("revision", sa.BigInteger(), server_default="0", nullable=False)
    op.add_column("run", column)
    connection = op.get_bind()
    connection.exec_driver_sql(DRAW[connection.dialect.name])


def downgrade() -> None:
    """Drop it; only the next export has more to do."""
    op.drop_column("run", "revision")
