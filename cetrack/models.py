"""Tables and views of the database. No queries, no logic.

Tables are singular and joined by integer keys; views are plural and made for people. Only the
migrations create them; ``cetrack db check`` holds this file against both. Blank text means
unknown in a table; the views show it as NULL. Every unique constraint of the tables that grow
(``point``, ``run_metric``, ``sample``, ``param``, ``tag``) begins with ``run_id``, so that they
can be partitioned and sharded by run.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from cetrack.db.types import BigKey, Json, MetricValue, UtcDateTime

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    """Shared metadata: every constraint has a name that both databases agree on."""

    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map = {  # noqa: RUF012 - read by SQLAlchemy as a class attribute
        str: Text(),
        int: Integer(),
        float: Double(),
        bool: Boolean(),
        datetime: UtcDateTime(),
    }


def _key() -> Mapped[int]:
    return mapped_column(BigKey, primary_key=True, autoincrement=True)


def _ref(target: str, *, primary_key: bool = False, index: bool = False) -> Mapped[int]:
    return mapped_column(
        BigKey,
        ForeignKey(target, ondelete="CASCADE"),
        primary_key=primary_key,
        autoincrement=False,
        index=index,
    )


def _blank() -> Mapped[str]:
    return mapped_column(Text, nullable=False, server_default="")


class Experiment(Base):
    """A campaign of runs."""

    __tablename__ = "experiment"
    id: Mapped[int] = _key()
    name: Mapped[str] = mapped_column(Text, unique=True)
    description: Mapped[str] = _blank()
    created_at: Mapped[datetime]


class Model(Base):
    """What is measured. ``input_shape`` is canonical text without the batch: ``3x224x224``."""

    __tablename__ = "model"
    __table_args__ = (UniqueConstraint("name", "library", "input_shape"),)
    id: Mapped[int] = _key()
    name: Mapped[str]
    library: Mapped[str] = _blank()
    category: Mapped[str] = _blank()
    input_shape: Mapped[str] = _blank()
    description: Mapped[str] = _blank()


class Precision(Base):
    """A number format, with the bits of its weights and activations where they are known."""

    __tablename__ = "precision"
    id: Mapped[int] = _key()
    name: Mapped[str] = mapped_column(Text, unique=True)
    weight_bits: Mapped[float | None]
    activation_bits: Mapped[float | None]
    is_float: Mapped[bool | None]


class Environment(Base):
    """Where runs were executed; ``fingerprint`` is a hash of all the other columns."""

    __tablename__ = "environment"
    id: Mapped[int] = _key()
    fingerprint: Mapped[str] = mapped_column(Text, unique=True)
    device: Mapped[str] = _blank()
    accelerator: Mapped[str] = _blank()
    runtime: Mapped[str] = _blank()
    runtime_version: Mapped[str] = _blank()
    host: Mapped[str] = _blank()
    os: Mapped[str] = _blank()
    details: Mapped[dict[str, Any] | None] = mapped_column(Json)


class Source(Base):
    """A file that was ingested, in one version (``sha256``), by one reader with its options."""

    __tablename__ = "source"
    __table_args__ = (UniqueConstraint("uri", "sha256", "reader", "options_hash"),)
    id: Mapped[int] = _key()
    uri: Mapped[str]
    sha256: Mapped[str] = mapped_column(Text, index=True)
    reader: Mapped[str]
    reader_version: Mapped[int]
    options_hash: Mapped[str]
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    mtime: Mapped[datetime | None]
    ingested_at: Mapped[datetime]
    run_count: Mapped[int]
    point_count: Mapped[int] = mapped_column(BigInteger)
    notice_count: Mapped[int]


class Run(Base):
    """One execution of one model at one precision.

    ``content_key`` is the identity as the source alone states it (without ``--set``); a log's is
    the hash of its first step. ``series_key`` tells what one line of a trend is, ``like_key`` what
    may be compared with what. ``revision`` is a random number that is drawn again whenever the
    points, parameters or other belongings of the run change.
    """

    __tablename__ = "run"
    id: Mapped[int] = _key()
    uid: Mapped[str] = mapped_column(Text, unique=True)
    content_key: Mapped[str] = mapped_column(Text, index=True)
    experiment_id: Mapped[int] = mapped_column(BigKey, ForeignKey("experiment.id"), index=True)
    model_id: Mapped[int] = mapped_column(BigKey, ForeignKey("model.id"))
    precision_id: Mapped[int] = mapped_column(BigKey, ForeignKey("precision.id"), index=True)
    environment_id: Mapped[int | None] = mapped_column(
        BigKey, ForeignKey("environment.id"), index=True
    )
    kind: Mapped[str]
    method: Mapped[str] = _blank()
    name: Mapped[str] = _blank()
    variant: Mapped[str] = _blank()
    dataset: Mapped[str] = _blank()
    split: Mapped[str] = _blank()
    task: Mapped[str] = _blank()
    seed: Mapped[int | None] = mapped_column(BigInteger)
    batch_size: Mapped[int | None] = mapped_column(BigInteger)
    status: Mapped[str]
    status_reason: Mapped[str] = _blank()
    started_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    time_source: Mapped[str]
    finished_at: Mapped[datetime | None]
    git_commit: Mapped[str] = _blank()
    baseline_run_id: Mapped[int | None] = mapped_column(
        BigKey, ForeignKey("run.id", ondelete="SET NULL"), index=True
    )
    baseline_rule: Mapped[str] = _blank()
    parent_run_id: Mapped[int | None] = mapped_column(
        BigKey, ForeignKey("run.id", ondelete="SET NULL"), index=True
    )
    series_key: Mapped[str] = mapped_column(Text, index=True)
    like_key: Mapped[str] = mapped_column(Text, index=True)
    revision: Mapped[int] = mapped_column(BigInteger, server_default="0")
    __table_args__ = (Index("ix_run_model_id_precision_id", "model_id", "precision_id"),)


class RunSource(Base):
    """Where a run was met: a run can be met in many sources, a source holds many runs."""

    __tablename__ = "run_source"
    run_id: Mapped[int] = _ref("run.id", primary_key=True)
    source_id: Mapped[int] = _ref("source.id", primary_key=True, index=True)
    place: Mapped[str] = mapped_column(Text, primary_key=True)
    seen_at: Mapped[datetime]


class Metric(Base):
    """What is measured. ``direction`` is ``lower`` or ``higher`` (better), or NULL."""

    __tablename__ = "metric"
    id: Mapped[int] = _key()
    name: Mapped[str] = mapped_column(Text, unique=True)
    unit: Mapped[str | None]
    direction: Mapped[str | None]
    family: Mapped[str] = _blank()
    description: Mapped[str] = _blank()


class Point(Base):
    """One value of one metric of one run at one step; ``wall_time`` is seconds since the epoch.

    PostgreSQL does not check its references: see migration 0005.
    """

    __tablename__ = "point"
    run_id: Mapped[int] = _ref("run.id", primary_key=True)
    metric_id: Mapped[int] = mapped_column(
        BigKey, ForeignKey("metric.id"), primary_key=True, autoincrement=False
    )
    step: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    value: Mapped[float | None] = mapped_column(MetricValue)
    wall_time: Mapped[float | None] = mapped_column(MetricValue)
    __table_args__ = {"sqlite_with_rowid": False}  # noqa: RUF012 - read by SQLAlchemy


class RunMetric(Base):
    """The aggregates of one series: what lists, sorting, filters and trends read."""

    __tablename__ = "run_metric"
    run_id: Mapped[int] = _ref("run.id", primary_key=True)
    metric_id: Mapped[int] = mapped_column(
        BigKey, ForeignKey("metric.id"), primary_key=True, autoincrement=False
    )
    count: Mapped[int] = mapped_column(BigInteger)
    nan_count: Mapped[int] = mapped_column(BigInteger)
    first: Mapped[float | None] = mapped_column(MetricValue)
    last: Mapped[float | None] = mapped_column(MetricValue)
    last_step: Mapped[int] = mapped_column(BigInteger)
    min: Mapped[float | None] = mapped_column(MetricValue)
    min_step: Mapped[int | None] = mapped_column(BigInteger)
    max: Mapped[float | None] = mapped_column(MetricValue)
    max_step: Mapped[int | None] = mapped_column(BigInteger)
    mean: Mapped[float | None] = mapped_column(MetricValue)
    std: Mapped[float | None] = mapped_column(MetricValue)
    n: Mapped[int | None] = mapped_column(BigInteger)
    source_name: Mapped[str] = _blank()
    source_unit: Mapped[str | None]
    scale: Mapped[float] = mapped_column(Double, server_default="1")
    # with the run's id, which a filter by value asks for: the rows themselves are not read
    __table_args__ = (
        Index("ix_run_metric_metric_id_last_run_id", "metric_id", "last", "run_id"),
        {"sqlite_with_rowid": False},
    )


class Sample(Base):
    """Raw repetitions (``values``, a JSON list) or a histogram of a run's metric."""

    __tablename__ = "sample"
    run_id: Mapped[int] = _ref("run.id", primary_key=True)
    metric_id: Mapped[int] = mapped_column(
        BigKey, ForeignKey("metric.id"), primary_key=True, autoincrement=False
    )
    step: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    kind: Mapped[str] = mapped_column(Text, server_default="values")
    count: Mapped[int] = mapped_column(BigInteger)
    values: Mapped[Any] = mapped_column(Json)


class Param(Base):
    """A setting of a run; ``number`` is set as well where the text is one."""

    __tablename__ = "param"
    run_id: Mapped[int] = _ref("run.id", primary_key=True)
    key: Mapped[str] = mapped_column(Text, primary_key=True)
    text: Mapped[str | None]
    number: Mapped[float | None] = mapped_column(MetricValue)
    __table_args__ = (Index("ix_param_key_number", "key", "number"),)


class Tag(Base):
    """A label of a run that people may change."""

    __tablename__ = "tag"
    run_id: Mapped[int] = _ref("run.id", primary_key=True)
    key: Mapped[str] = mapped_column(Text, primary_key=True)
    value: Mapped[str] = _blank()


class Artifact(Base):
    """Something of a run that is not a number, by reference or, when small, as JSON."""

    __tablename__ = "artifact"
    run_id: Mapped[int] = _ref("run.id", primary_key=True)
    name: Mapped[str] = mapped_column(Text, primary_key=True)
    kind: Mapped[str]
    uri: Mapped[str | None]
    sha256: Mapped[str | None]
    size_bytes: Mapped[int | None] = mapped_column(BigInteger)
    content: Mapped[Any] = mapped_column(Json, nullable=True)


class DerivedValue(Base):
    """A user-defined derived metric or score of a run, under the hash of its definition."""

    __tablename__ = "derived_value"
    run_id: Mapped[int] = _ref("run.id", primary_key=True)
    metric_id: Mapped[int] = mapped_column(
        BigKey, ForeignKey("metric.id"), primary_key=True, autoincrement=False
    )
    definition_hash: Mapped[str] = mapped_column(Text, primary_key=True)
    value: Mapped[float | None] = mapped_column(MetricValue)


# --- views: columns and what they mean; their SQL is in the migrations -------------------------

views = MetaData()


def _view(name: str, comment: str, *columns: Column[Any]) -> Table:
    return Table(name, views, *columns, comment=comment)


def _text(name: str, comment: str) -> Column[Any]:
    return Column(name, Text, comment=comment)


def _int(name: str, comment: str) -> Column[Any]:
    return Column(name, BigInteger, comment=comment)


def _float(name: str, comment: str) -> Column[Any]:
    return Column(name, MetricValue, comment=comment)


def _time(name: str, comment: str) -> Column[Any]:
    return Column(name, UtcDateTime, comment=comment)


def _who() -> list[Column[Any]]:
    return [
        _int("run_id", "joins the tables"),
        _text("uid", "the run's name for people and files"),
        _text("experiment", "campaign"),
        _text("model", "model name"),
        _text("library", "where the model comes from"),
        _text("category", "kind of task, e.g. vision"),
        _text("input_shape", "without the batch, e.g. 3x224x224"),
        _text("precision", "number format, e.g. int8"),
        Column("weight_bits", Double, comment="bits of a weight"),
        Column("activation_bits", Double, comment="bits of an activation"),
        _text("kind", "benchmark, training or compression"),
        _text("method", "compression method, e.g. ptq"),
        _text("variant", "which of several set-ups of the same producer"),
        _text("dataset", "what it was measured on"),
        _text("split", "part of the dataset"),
        _int("batch_size", "samples per inference or training step"),
        _text("device", "cpu, gpu …"),
        _text("accelerator", "name of the chip"),
        _text("runtime", "what executed the model"),
        _time("started_at", "when it ran, UTC"),
    ]


runs_view = _view(
    "runs",
    "One row per run, everything in plain columns.",
    *_who(),
    _text("runtime_version", "version of the runtime"),
    _text("host", "machine name"),
    _text("os", "operating system"),
    _text("name", "the run's own name"),
    _text("task", "what the model was asked to do"),
    _int("seed", "random seed"),
    _text("status", "running, finished, failed or killed"),
    _text("status_reason", "why it failed"),
    _text("time_source", "where started_at was found"),
    _time("finished_at", "when it ended, UTC"),
    _text("git_commit", "commit of the code that was measured"),
    _text("baseline_uid", "the run it is compared with"),
    _text("baseline_rule", "which rule chose the baseline"),
    _text("parent_uid", "the run it is a part of"),
    _int("baseline_run_id", "joins the tables"),
    _int("parent_run_id", "joins the tables"),
    _text("model_description", "free text about the model"),
    _text("series_key", "runs of one line of a trend share it"),
    _text("like_key", "runs that may be compared share it"),
)

measurements_view = _view(
    "measurements",
    "One row per run and metric: the long form.",
    *_who(),
    _text("metric", "canonical metric name"),
    _text("unit", "unit of every number of this row"),
    _text("direction", "which way is better: lower or higher"),
    _text("family", "group of metrics, e.g. latency"),
    _float("value", "value of the last step"),
    _float("first", "value of the first step"),
    _float("min", "smallest value"),
    _int("min_step", "where it was smallest"),
    _float("max", "largest value"),
    _int("max_step", "where it was largest"),
    _float("mean", "mean over the steps"),
    _float("std", "standard deviation (n-1)"),
    _int("n", "repetitions behind the number"),
    _int("count", "points"),
    _int("nan_count", "points that are not a number"),
    _int("last_step", "the last step"),
    _text("source_name", "the name in the file"),
)

comparisons_view = _view(
    "comparisons",
    "One row per compressed run and metric, beside its baseline.",
    *_who(),
    _text("metric", "canonical metric name"),
    _text("unit", "unit of value, baseline_value and delta"),
    _text("direction", "which way is better"),
    _text("family", "group of metrics"),
    _float("value", "of this run"),
    _float("baseline_value", "of the baseline"),
    _float("delta", "value - baseline_value"),
    _float("ratio", "value / baseline_value; NULL where the baseline is 0"),
    Column("improved", Integer, comment="1 better, 0 not better, NULL where nobody can say"),
    Column("like_for_like", Integer, comment="1 if device, batch, dataset … are the same"),
    _text("baseline_uid", "the run compared with"),
    _text("baseline_precision", "its precision"),
    _text("baseline_rule", "which rule chose it"),
    _time("baseline_started_at", "when the baseline ran"),
)

history_view = _view(
    "history",
    "One row per run and metric, numbered along its series: the trend.",
    *_who(),
    _text("metric", "canonical metric name"),
    _text("unit", "unit of value"),
    _text("direction", "which way is better"),
    _text("series_key", "one line of the trend"),
    _int("n", "nth run of the series, from 1"),
    _float("value", "value of the last step"),
    _float("previous", "value of the run before, NULL for the first"),
)
