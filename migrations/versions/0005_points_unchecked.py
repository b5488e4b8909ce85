"""No foreign keys on the points of PostgreSQL. Frozen: imports nothing of cetrack.

It asks for the run and the metric of every single point: five times the time of storing them.
Points are written in the transaction that makes or finds their run, and deleted before it; SQLite
checks almost for free, and keeps its keys.
"""

from __future__ import annotations

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

KEYS = (
    ("fk_point_run_id_run", "run", "run_id", "CASCADE"),
    ("fk_point_metric_id_metric", "metric", "metric_id", None),
)


def upgrade() -> None:
    """Drop them."""
    if op.get_bind().dialect.name == "postgresql":
        for name, *_ in KEYS:
            op.drop_constraint(name, "point", type_="foreignkey")


def downgrade() -> None:
    """Make them again; the server checks what is there."""
    if op.get_bind().dialect.name == "postgresql":
        for name, table, column, deleted in KEYS:
            op.create_foreign_key(name, "point", table, [column], ["id"], ondelete=deleted)
