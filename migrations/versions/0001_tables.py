"""Tables. Frozen: imports nothing of cetrack, so that it means the same for ever."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

BIG_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Create the tables, those that others refer to first."""
    _create_environment()
    _create_experiment()
    _create_metric()
    _create_model()
    _create_precision()
    _create_source()
    _create_run()
    _create_run_indexes()
    _create_artifact()
    _create_derived_value()
    _create_param()
    _create_point()
    _create_run_metric()
    _create_run_source()
    _create_sample()
    _create_tag()


def downgrade() -> None:
    """Back."""
    op.drop_table("tag")
    op.drop_table("sample")
    op.drop_index(op.f("ix_run_source_source_id"), table_name="run_source")
    op.drop_table("run_source")
    op.drop_index("ix_run_metric_metric_id_last", table_name="run_metric")
    op.drop_table("run_metric")
    op.drop_table("point")
    op.drop_index("ix_param_key_number", table_name="param")
    op.drop_table("param")
    op.drop_table("derived_value")
    op.drop_table("artifact")
    op.drop_index(op.f("ix_run_started_at"), table_name="run")
    op.drop_index(op.f("ix_run_series_key"), table_name="run")
    op.drop_index(op.f("ix_run_precision_id"), table_name="run")
    op.drop_index(op.f("ix_run_parent_run_id"), table_name="run")
    op.drop_index(op.f("ix_run_model_id"), table_name="run")
    op.drop_index(op.f("ix_run_like_key"), table_name="run")
    op.drop_index(op.f("ix_run_experiment_id"), table_name="run")
    op.drop_index(op.f("ix_run_environment_id"), table_name="run")
    op.drop_index(op.f("ix_run_content_key"), table_name="run")
    op.drop_index(op.f("ix_run_baseline_run_id"), table_name="run")
    op.drop_table("run")
    op.drop_index(op.f("ix_source_sha256"), table_name="source")
    op.drop_table("source")
    op.drop_table("precision")
    op.drop_table("model")
    op.drop_table("metric")
    op.drop_table("experiment")
    op.drop_table("environment")


def _create_environment() -> None:
    op.create_table(
        "environment",
        sa.Column("id", BIG_KEY, autoincrement=True, nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("device", sa.Text(), server_default="", nullable=False),
        sa.Column("accelerator", sa.Text(), server_default="", nullable=False),
        sa.Column("runtime", sa.Text(), server_default="", nullable=False),
        sa.Column("runtime_version", sa.Text(), server_default="", nullable=False),
        sa.Column("host", sa.Text(), server_default="", nullable=False),
        sa.Column("os", sa.Text(), server_default="", nullable=False),
        sa.Column("details", sa.JSON(none_as_null=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_environment")),
        sa.UniqueConstraint("fingerprint", name=op.f("uq_environment_fingerprint")),
    )


def _create_experiment() -> None:
    op.create_table(
        "experiment",
        sa.Column("id", BIG_KEY, autoincrement=True, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), server_default="", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_experiment")),
        sa.UniqueConstraint("name", name=op.f("uq_experiment_name")),
    )


def _create_metric() -> None:
    op.create_table(
        "metric",
        sa.Column("id", BIG_KEY, autoincrement=True, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("unit", sa.Text(), nullable=True),
        sa.Column("direction", sa.Text(), nullable=True),
        sa.Column("family", sa.Text(), server_default="", nullable=False),
        sa.Column("description", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_metric")),
        sa.UniqueConstraint("name", name=op.f("uq_metric_name")),
    )


def _create_model() -> None:
    op.create_table(
        "model",
        sa.Column("id", BIG_KEY, autoincrement=True, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("library", sa.Text(), server_default="", nullable=False),
        sa.Column("category", sa.Text(), server_default="", nullable=False),
        sa.Column("input_shape", sa.Text(), server_default="", nullable=False),
        sa.Column("description", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_model")),
        sa.UniqueConstraint(
            "name", "library", "input_shape", name=op.f("uq_model_name_library_input_shape")
        ),
    )


def _create_precision() -> None:
    op.create_table(
        "precision",
        sa.Column("id", BIG_KEY, autoincrement=True, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("weight_bits", sa.Double(), nullable=True),
        sa.Column("activation_bits", sa.Double(), nullable=True),
        sa.Column("is_float", sa.Boolean(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_precision")),
        sa.UniqueConstraint("name", name=op.f("uq_precision_name")),
    )


def _create_source() -> None:
    op.create_table(
        "source",
        sa.Column("id", BIG_KEY, autoincrement=True, nullable=False),
        sa.Column("uri", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("reader", sa.Text(), nullable=False),
        sa.Column("reader_version", sa.Integer(), nullable=False),
        sa.Column("options_hash", sa.Text(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("mtime", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ingested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("run_count", sa.Integer(), nullable=False),
        sa.Column("point_count", sa.BigInteger(), nullable=False),
        sa.Column("notice_count", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_source")),
        sa.UniqueConstraint(
            "uri",
            "sha256",
            "reader",
            "options_hash",
            name=op.f("uq_source_uri_sha256_reader_options_hash"),
        ),
    )
    op.create_index(op.f("ix_source_sha256"), "source", ["sha256"], unique=False)


def _blanks(*names: str) -> list[sa.Column[str]]:
    """Text columns in which blank means unknown."""
    return [sa.Column(name, sa.Text(), server_default="", nullable=False) for name in names]


def _create_run() -> None:
    op.create_table(
        "run",
        sa.Column("id", BIG_KEY, autoincrement=True, nullable=False),
        sa.Column("uid", sa.Text(), nullable=False),
        sa.Column("content_key", sa.Text(), nullable=False),
        sa.Column("experiment_id", BIG_KEY, nullable=False),
        sa.Column("model_id", BIG_KEY, nullable=False),
        sa.Column("precision_id", BIG_KEY, nullable=False),
        sa.Column("environment_id", BIG_KEY, nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        *_blanks("method", "name", "variant", "dataset", "split", "task"),
        sa.Column("seed", sa.BigInteger(), nullable=True),
        sa.Column("batch_size", sa.BigInteger(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("status_reason", sa.Text(), server_default="", nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("time_source", sa.Text(), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("git_commit", sa.Text(), server_default="", nullable=False),
        sa.Column("baseline_run_id", BIG_KEY, nullable=True),
        sa.Column("baseline_rule", sa.Text(), server_default="", nullable=False),
        sa.Column("parent_run_id", BIG_KEY, nullable=True),
        sa.Column("series_key", sa.Text(), nullable=False),
        sa.Column("like_key", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["baseline_run_id"],
            ["run.id"],
            name=op.f("fk_run_baseline_run_id_run"),
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(
            ["environment_id"], ["environment.id"], name=op.f("fk_run_environment_id_environment")
        ),
        sa.ForeignKeyConstraint(
            ["experiment_id"], ["experiment.id"], name=op.f("fk_run_experiment_id_experiment")
        ),
        sa.ForeignKeyConstraint(["model_id"], ["model.id"], name=op.f("fk_run_model_id_model")),
        sa.ForeignKeyConstraint(
            ["parent_run_id"],
            ["run.id"],
            name=op.f("fk_run_parent_run_id_run"),
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(
            ["precision_id"], ["precision.id"], name=op.f("fk_run_precision_id_precision")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_run")),
        sa.UniqueConstraint("uid", name=op.f("uq_run_uid")),
    )


def _create_run_indexes() -> None:
    op.create_index(op.f("ix_run_baseline_run_id"), "run", ["baseline_run_id"], unique=False)
    op.create_index(op.f("ix_run_content_key"), "run", ["content_key"], unique=False)
    op.create_index(op.f("ix_run_environment_id"), "run", ["environment_id"], unique=False)
    op.create_index(op.f("ix_run_experiment_id"), "run", ["experiment_id"], unique=False)
    op.create_index(op.f("ix_run_like_key"), "run", ["like_key"], unique=False)
    op.create_index(op.f("ix_run_model_id"), "run", ["model_id"], unique=False)
    op.create_index(op.f("ix_run_parent_run_id"), "run", ["parent_run_id"], unique=False)
    op.create_index(op.f("ix_run_precision_id"), "run", ["precision_id"], unique=False)
    op.create_index(op.f("ix_run_series_key"), "run", ["series_key"], unique=False)
    op.create_index(op.f("ix_run_started_at"), "run", ["started_at"], unique=False)


def _create_artifact() -> None:
    op.create_table(
        "artifact",
        sa.Column("run_id", BIG_KEY, autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("uri", sa.Text(), nullable=True),
        sa.Column("sha256", sa.Text(), nullable=True),
        sa.Column("size_bytes", sa.BigInteger(), nullable=True),
        sa.Column("content", sa.JSON(none_as_null=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["run_id"], ["run.id"], name=op.f("fk_artifact_run_id_run"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("run_id", "name", name=op.f("pk_artifact")),
    )


def _create_derived_value() -> None:
    op.create_table(
        "derived_value",
        sa.Column("run_id", BIG_KEY, autoincrement=False, nullable=False),
        sa.Column("metric_id", BIG_KEY, autoincrement=False, nullable=False),
        sa.Column("definition_hash", sa.Text(), nullable=False),
        sa.Column("value", sa.Double(), nullable=True),
        sa.ForeignKeyConstraint(
            ["metric_id"], ["metric.id"], name=op.f("fk_derived_value_metric_id_metric")
        ),
        sa.ForeignKeyConstraint(
            ["run_id"], ["run.id"], name=op.f("fk_derived_value_run_id_run"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint(
            "run_id", "metric_id", "definition_hash", name=op.f("pk_derived_value")
        ),
    )


def _create_param() -> None:
    op.create_table(
        "param",
        sa.Column("run_id", BIG_KEY, autoincrement=False, nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=True),
        sa.Column("number", sa.Double(), nullable=True),
        sa.ForeignKeyConstraint(
            ["run_id"], ["run.id"], name=op.f("fk_param_run_id_run"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("run_id", "key", name=op.f("pk_param")),
    )
    op.create_index("ix_param_key_number", "param", ["key", "number"], unique=False)


def _create_point() -> None:
    op.create_table(
        "point",
        sa.Column("run_id", BIG_KEY, autoincrement=False, nullable=False),
        sa.Column("metric_id", BIG_KEY, autoincrement=False, nullable=False),
        sa.Column("step", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("value", sa.Double(), nullable=True),
        sa.Column("wall_time", sa.Double(), nullable=True),
        sa.ForeignKeyConstraint(
            ["metric_id"], ["metric.id"], name=op.f("fk_point_metric_id_metric")
        ),
        sa.ForeignKeyConstraint(
            ["run_id"], ["run.id"], name=op.f("fk_point_run_id_run"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("run_id", "metric_id", "step", name=op.f("pk_point")),
        sqlite_with_rowid=False,
    )


def _create_run_metric() -> None:
    op.create_table(
        "run_metric",
        sa.Column("run_id", BIG_KEY, autoincrement=False, nullable=False),
        sa.Column("metric_id", BIG_KEY, autoincrement=False, nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("nan_count", sa.BigInteger(), nullable=False),
        sa.Column("first", sa.Double(), nullable=True),
        sa.Column("last", sa.Double(), nullable=True),
        sa.Column("last_step", sa.BigInteger(), nullable=False),
        sa.Column("min", sa.Double(), nullable=True),
        sa.Column("min_step", sa.BigInteger(), nullable=True),
        sa.Column("max", sa.Double(), nullable=True),
        sa.Column("max_step", sa.BigInteger(), nullable=True),
        sa.Column("mean", sa.Double(), nullable=True),
        sa.Column("std", sa.Double(), nullable=True),
        sa.Column("n", sa.BigInteger(), nullable=True),
        sa.Column("source_name", sa.Text(), server_default="", nullable=False),
        sa.Column("source_unit", sa.Text(), nullable=True),
        sa.Column("scale", sa.Double(), server_default="1", nullable=False),
        sa.ForeignKeyConstraint(
            ["metric_id"], ["metric.id"], name=op.f("fk_run_metric_metric_id_metric")
        ),
        sa.ForeignKeyConstraint(
            ["run_id"], ["run.id"], name=op.f("fk_run_metric_run_id_run"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("run_id", "metric_id", name=op.f("pk_run_metric")),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "ix_run_metric_metric_id_last", "run_metric", ["metric_id", "last"], unique=False
    )


def _create_run_source() -> None:
    op.create_table(
        "run_source",
        sa.Column("run_id", BIG_KEY, autoincrement=False, nullable=False),
        sa.Column("source_id", BIG_KEY, autoincrement=False, nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["run_id"], ["run.id"], name=op.f("fk_run_source_run_id_run"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["source_id"],
            ["source.id"],
            name=op.f("fk_run_source_source_id_source"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("run_id", "source_id", "place", name=op.f("pk_run_source")),
    )
    op.create_index(op.f("ix_run_source_source_id"), "run_source", ["source_id"], unique=False)


def _create_sample() -> None:
    op.create_table(
        "sample",
        sa.Column("run_id", BIG_KEY, autoincrement=False, nullable=False),
        sa.Column("metric_id", BIG_KEY, autoincrement=False, nullable=False),
        sa.Column("step", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.Text(), server_default="values", nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("values", sa.JSON(none_as_null=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["metric_id"], ["metric.id"], name=op.f("fk_sample_metric_id_metric")
        ),
        sa.ForeignKeyConstraint(
            ["run_id"], ["run.id"], name=op.f("fk_sample_run_id_run"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("run_id", "metric_id", "step", name=op.f("pk_sample")),
    )


def _create_tag() -> None:
    op.create_table(
        "tag",
        sa.Column("run_id", BIG_KEY, autoincrement=False, nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(
            ["run_id"], ["run.id"], name=op.f("fk_tag_run_id_run"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("run_id", "key", name=op.f("pk_tag")),
    )
