"""Indexes that answer filters by model, precision and value. Frozen: imports nothing of cetrack."""

from __future__ import annotations

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

# table: the index until now and the one from now on, each with its columns
REPLACED = {
    "run": (
        ("ix_run_model_id", ["model_id"]),
        ("ix_run_model_id_precision_id", ["model_id", "precision_id"]),
    ),
    "run_metric": (
        ("ix_run_metric_metric_id_last", ["metric_id", "last"]),
        ("ix_run_metric_metric_id_last_run_id", ["metric_id", "last", "run_id"]),
    ),
}


def upgrade() -> None:
    """Widen them."""
    for table, (before, after) in REPLACED.items():
        op.drop_index(before[0], table)
        op.create_index(after[0], table, after[1])


def downgrade() -> None:
    """Narrow them again."""
    for table, (before, after) in REPLACED.items():
        op.drop_index(after[0], table)
        op.create_index(before[0], table, before[1])
