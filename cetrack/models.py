"""Tables and views of the database. No queries, no logic.

Tables are singular and joined by integer keys; views are plural and made for people. Only the
migrations create them; ``cetrack db check`` holds this file against both. Blank text means
unknown in a table; the views show it as NULL. Every unique constraint of the tables that grow
(``point``, ``run_metric``, ``sample``, ``param``, ``tag``) begins with ``run_id``, so that they
can be partitioned and sharded by run.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, TypeVar

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
from sqlalchemy.sql.elements import NamedColumn
from sqlalchemy.types import TypeEngine

from cetrack.db.types import BigKey, Json, MetricValue, UtcDateTime
from cetrack.db.views import comparisons_view as comparisons_view
from cetrack.db.views import derived_values_view as derived_values_view
from cetrack.db.views import history_view as history_view
from cetrack.db.views import measurements_view as measurements_view
from cetrack.db.views import runs_view as runs_view
from cetrack.db.views import views as views

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}
T = TypeVar("T")
_Kind = type[TypeEngine[T]] | TypeEngine[T]
WITHOUT_ROWID: Mapping[str, Any] = {"sqlite_with_rowid": False}


class Base:
    """A class per table: its columns are the table's own, and it stands for the table in
    statements.

    SQLAlchemy's own base maps classes to objects, which nobody here asks for, and loading that
    takes as long as the rest of a short command.
    """

    metadata: ClassVar[MetaData] = MetaData(naming_convention=NAMING)
    __tablename__: ClassVar[str]
    __table__: ClassVar[Table]
    __table_args__: ClassVar[tuple[Any, ...]] = ()
    __table_options__: ClassVar[Mapping[str, Any]] = {}

    def __init_subclass__(cls) -> None:
        columns = {name: item for name, item in vars(cls).items() if isinstance(item, Column)}
        for name, column in columns.items():
            column.name = column.key = name
        cls.__table__ = Table(
            cls.__tablename__,
            Base.metadata,
            *columns.values(),
            *cls.__table_args__,
            **cls.__table_options__,
        )

    @classmethod
    def __clause_element__(cls) -> Table:
        """What SQLAlchemy takes the class for."""
        return cls.__table__


def _column(kind: _Kind[T], *args: Any, **options: Any) -> NamedColumn[T]:
    """A column that always holds something."""
    return Column(kind, *args, nullable=False, **options)


def _optional(kind: _Kind[T], *args: Any, **options: Any) -> NamedColumn[T | None]:
    """A column that may be NULL."""
    return Column(kind, *args, nullable=True, **options)


def _key() -> NamedColumn[int]:
    return _column(BigKey, primary_key=True, autoincrement=True)


def _ref(target: str, *, primary_key: bool = False, index: bool = False) -> NamedColumn[int]:
    return _column(
        BigKey,
        ForeignKey(target, ondelete="CASCADE"),
        primary_key=primary_key,
        autoincrement=False,
        index=index,
    )


def _blank() -> NamedColumn[str]:
    return _column(Text, server_default="")


class Experiment(Base):
    """A campaign of runs."""

    __tablename__ = "experiment"
    id = _key()
    name = _column(Text, unique=True)
    description = _blank()
    created_at = _column(UtcDateTime)


class Model(Base):
    """What is measured. ``input_shape`` is canonical text without the batch: ``3x224x224``."""

    __tablename__ = "model"
    __table_args__ = (UniqueConstraint("name", "library", "input_shape"),)
    id = _key()
    name = _column(Text)
    library = _blank()
    category = _blank()
    input_shape = _blank()
    description = _blank()


class Precision(Base):
    """A number format, with the bits of its weights and activations where they are known."""

    __tablename__ = "precision"
    id = _key()
    name = _column(Text, unique=True)
    weight_bits = _optional(Double)
    activation_bits = _optional(Double)
    is_float = _optional(Boolean)


class Environment(Base):
    """Where runs were executed; ``fingerprint`` is a hash of all the other columns."""

    __tablename__ = "environment"
    id = _key()
    fingerprint = _column(Text, unique=True)
    device = _blank()
    accelerator = _blank()
    runtime = _blank()
    runtime_version = _blank()
    host = _blank()
    os = _blank()
    details = _optional(Json)


class Source(Base):
    """A file that was ingested, in one version, by one reader with its options.

    ``sha256`` is that of the file, or, where it is read with companions, one over all of them.
    """

    __tablename__ = "source"
    __table_args__ = (UniqueConstraint("uri", "sha256", "reader", "options_hash"),)
    id = _key()
    uri = _column(Text)
    sha256 = _column(Text, index=True)
    reader = _column(Text)
    reader_version = _column(Integer)
    options_hash = _column(Text)
    size_bytes = _column(BigInteger)
    mtime = _optional(UtcDateTime)
    ingested_at = _column(UtcDateTime)
    run_count = _column(Integer)
    point_count = _column(BigInteger)
    notice_count = _column(Integer)


class Run(Base):
    """One execution of one model at one precision.

    ``content_key`` is the identity as the source alone states it (without ``--set``); a log's is
    the hash of its first step. ``series_key`` tells what one line of a trend is, ``like_key`` what
    may be compared with what. ``revision`` is a random number that is drawn again whenever the
    points, parameters or other belongings of the run change.
    """

    __tablename__ = "run"
    id = _key()
    uid = _column(Text, unique=True)
    content_key = _column(Text, index=True)
    experiment_id = _column(BigKey, ForeignKey("experiment.id"), index=True)
    model_id = _column(BigKey, ForeignKey("model.id"))
    precision_id = _column(BigKey, ForeignKey("precision.id"), index=True)
    environment_id = _optional(BigKey, ForeignKey("environment.id"), index=True)
    kind = _column(Text)
    method = _blank()
    name = _blank()
    variant = _blank()
    dataset = _blank()
    split = _blank()
    task = _blank()
    seed = _optional(BigInteger)
    batch_size = _optional(BigInteger)
    status = _column(Text)
    status_reason = _blank()
    started_at = _column(UtcDateTime, index=True)
    time_source = _column(Text)
    finished_at = _optional(UtcDateTime)
    git_commit = _blank()
    baseline_run_id = _optional(BigKey, ForeignKey("run.id", ondelete="SET NULL"), index=True)
    baseline_rule = _blank()
    parent_run_id = _optional(BigKey, ForeignKey("run.id", ondelete="SET NULL"), index=True)
    series_key = _column(Text)
    like_key = _column(Text, index=True)
    revision = _column(BigInteger, server_default="0")
    __table_args__ = (
        Index("ix_run_model_id_precision_id", "model_id", "precision_id"),
        # the newest run of every seed of a series
        Index("ix_run_series_key_seed_started_at_uid", "series_key", "seed", "started_at", "uid"),
    )


class RunSource(Base):
    """Where a run was met: a run can be met in many sources, a source holds many runs."""

    __tablename__ = "run_source"
    run_id = _ref("run.id", primary_key=True)
    source_id = _ref("source.id", primary_key=True, index=True)
    place = _column(Text, primary_key=True)
    seen_at = _column(UtcDateTime)


class Metric(Base):
    """What is measured. ``direction`` is ``lower`` or ``higher`` (better), or NULL.

    A metric that follows from others has a ``form``: ``stored`` where ``derived_value`` says how
    its numbers came about, else the formula that the views apply to ``input_id`` and ``second_id``.
    """

    __tablename__ = "metric"
    id = _key()
    name = _column(Text, unique=True)
    unit = _optional(Text)
    direction = _optional(Text)
    family = _blank()
    description = _blank()
    form = _optional(Text)
    input_id = _optional(BigKey, index=True)
    second_id = _optional(BigKey)


class Point(Base):
    """One value of one metric of one run at one step; ``wall_time`` is seconds since the epoch.

    PostgreSQL does not check its references: see migration 0005.
    """

    __tablename__ = "point"
    run_id = _ref("run.id", primary_key=True)
    metric_id = _column(BigKey, ForeignKey("metric.id"), primary_key=True, autoincrement=False)
    step = _column(BigInteger, primary_key=True, autoincrement=False)
    value = _optional(MetricValue)
    wall_time = _optional(MetricValue)
    __table_options__ = WITHOUT_ROWID


class RunMetric(Base):
    """The aggregates of one series: what lists, sorting, filters and trends read."""

    __tablename__ = "run_metric"
    run_id = _ref("run.id", primary_key=True)
    metric_id = _column(BigKey, ForeignKey("metric.id"), primary_key=True, autoincrement=False)
    count = _column(BigInteger)
    nan_count = _column(BigInteger)
    first = _optional(MetricValue)
    last = _optional(MetricValue)
    last_step = _column(BigInteger)
    min = _optional(MetricValue)
    min_step = _optional(BigInteger)
    max = _optional(MetricValue)
    max_step = _optional(BigInteger)
    mean = _optional(MetricValue)
    std = _optional(MetricValue)
    n = _optional(BigInteger)
    source_name = _blank()
    source_unit = _optional(Text)
    scale = _column(Double, server_default="1")
    # with the run's id, which a filter by value asks for: the rows themselves are not read
    __table_args__ = (Index("ix_run_metric_metric_id_last_run_id", "metric_id", "last", "run_id"),)
    __table_options__ = WITHOUT_ROWID


class Sample(Base):
    """Raw repetitions (``values``, a JSON list) or a histogram of a run's metric."""

    __tablename__ = "sample"
    run_id = _ref("run.id", primary_key=True)
    metric_id = _column(BigKey, ForeignKey("metric.id"), primary_key=True, autoincrement=False)
    step = _column(BigInteger, primary_key=True, autoincrement=False)
    kind = _column(Text, server_default="values")
    count = _column(BigInteger)
    values = _column(Json)


class Param(Base):
    """A setting of a run; ``number`` is set as well where the text is one."""

    __tablename__ = "param"
    run_id = _ref("run.id", primary_key=True)
    key = _column(Text, primary_key=True)
    text = _optional(Text)
    number = _optional(MetricValue)
    __table_args__ = (Index("ix_param_key_number", "key", "number"),)


class Tag(Base):
    """A label of a run that people may change."""

    __tablename__ = "tag"
    run_id = _ref("run.id", primary_key=True)
    key = _column(Text, primary_key=True)
    value = _blank()


class Artifact(Base):
    """Something of a run that is not a number, by reference or, when small, as JSON."""

    __tablename__ = "artifact"
    run_id = _ref("run.id", primary_key=True)
    name = _column(Text, primary_key=True)
    kind = _column(Text)
    uri = _optional(Text)
    sha256 = _optional(Text)
    size_bytes = _optional(BigInteger)
    content = _optional(Json)


class Definition(Base):
    """How a metric of ``cetrack.toml`` is worked out, in every version that there has been.

    ``kind`` is ``derived`` or ``score``; ``content`` is canonical JSON, and ``definition_hash`` is
    made of it. One version of a metric is current at most.
    """

    __tablename__ = "definition"
    metric_id = _column(BigKey, ForeignKey("metric.id"), primary_key=True, autoincrement=False)
    definition_hash = _column(Text, primary_key=True)
    kind = _column(Text)
    content = _column(Text)
    is_current = _column(Boolean)
    defined_at = _column(UtcDateTime)


class DerivedValue(Base):
    """A user-defined derived metric or score of a run, under the hash of its definition.

    ``run_revision`` and ``baseline_revision`` are those of the run and of its baseline (0: none)
    when the value was worked out: it is stale when they have changed since.
    """

    __tablename__ = "derived_value"
    run_id = _ref("run.id", primary_key=True)
    metric_id = _column(BigKey, ForeignKey("metric.id"), primary_key=True, autoincrement=False)
    definition_hash = _column(Text, primary_key=True)
    value = _optional(MetricValue)
    run_revision = _column(BigInteger, server_default="0")
    baseline_revision = _column(BigInteger, server_default="0")
    __table_args__ = (
        Index(
            "ix_derived_value_metric_id_definition_hash_run_id",
            "metric_id",
            "definition_hash",
            "run_id",
        ),
    )


class Acceptance(Base):
    """A value that a gate refused and somebody accepted: from its run on it is the reference."""

    __tablename__ = "acceptance"
    run_id = _ref("run.id", primary_key=True)
    metric_id = _column(BigKey, ForeignKey("metric.id"), primary_key=True, autoincrement=False)
    value = _optional(MetricValue)
    accepted_by = _column(Text)
    reason = _column(Text)
    accepted_at = _column(UtcDateTime)
