"""Versions of definitions, what derived values were made of, accepted changes, and a wider index.

Frozen: imports nothing of cetrack.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INDEX = "ix_derived_value_metric_id_definition_hash_run_id"
ADDED = ("run_revision", "baseline_revision")
# the newest run of every seed of a series is found by it, without sorting all runs
SERIES = ("ix_run_series_key_seed_started_at_uid", ["series_key", "seed", "started_at", "uid"])


def upgrade() -> None:
    """Add two tables, two columns and an index, and widen another."""
    op.drop_index("ix_run_series_key", "run")
    op.create_index(SERIES[0], "run", SERIES[1])
    op.create_table(
        "definition",
        sa.Column("metric_id", BIG, autoincrement=False, nullable=False),
        sa.Column("definition_hash", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("is_current", sa.Boolean(), nullable=False),
        sa.Column("defined_at", sa.DateTime(timezone=True), nullable=False),
        _reference("definition", "metric"),
        sa.PrimaryKeyConstraint("metric_id", "definition_hash", name="pk_definition"),
    )
    op.create_table(
        "acceptance",
        sa.Column("run_id", BIG, autoincrement=False, nullable=False),
        sa.Column("metric_id", BIG, autoincrement=False, nullable=False),
        sa.Column("value", sa.Double(), nullable=True),
        sa.Column("accepted_by", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("accepted_at", sa.DateTime(timezone=True), nullable=False),
        _reference("acceptance", "run", ondelete="CASCADE"),
        _reference("acceptance", "metric"),
        sa.PrimaryKeyConstraint("run_id", "metric_id", name="pk_acceptance"),
    )
    for name in ADDED:
        column = sa.Column(name, sa.BigInteger(), server_default="0", nullable=False)
        op.add_column("derived_value", column)
    op.create_index(INDEX, "derived_value", ["metric_id", "definition_hash", "run_id"])


def downgrade() -> None:
    """Drop them; definitions and acceptances are lost."""
    op.drop_index(INDEX, "derived_value")
    for name in reversed(ADDED):
        op.drop_column("derived_value", name)
    op.drop_table("acceptance")
    op.drop_table("definition")
    op.drop_index(SERIES[0], "run")
    op.create_index("ix_run_series_key", "run", ["series_key"])


def _reference(table: str, other: str, **options: str) -> sa.ForeignKeyConstraint:
    name = f"fk_{table}_{other}_id_{other}"
    return sa.ForeignKeyConstraint([f"{other}_id"], [f"{other}.id"], name=name, **options)
