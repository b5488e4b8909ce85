"""Derived metrics in the views. Frozen: imports nothing of cetrack.

``measurements``, ``comparisons`` and ``history`` get rows for what follows from measured numbers
(a speed-up, an accuracy drop), and ``derived_values`` has those alone. A metric says itself what it
follows from: ``input_id`` names the measured metric that its rows start from, ``form`` the formula
(``stored``: worked out elsewhere, kept like a measured one). SQLite gets one join, which it looks
into with the conditions of a query; of a UNION it would make the whole. PostgreSQL gets a UNION ALL
of measured and derived rows: it looks into that, but plans badly around an OR between two tables.

A value that the run states itself wins over a derived one. PostgreSQL raises an error where a
double overflows or underflows, so numbers beyond 10^±100 are left out of every formula.
"""

from __future__ import annotations

import re
import runpy
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_BEFORE: dict[str, Any] = runpy.run_path(str(Path(__file__).with_name("0002_views.py")))
WHO, JOINS = _BEFORE["WHO"], _BEFORE["JOINS"]
BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
REPLACED = ("measurements", "comparisons", "history")

# name: unit, direction, family, description, form, input, second input
METRICS = {
    "size_ratio": (
        None, "higher", "compression", "size of the baseline over size of the compressed model",
        "gain", "model_size_mb", None,
    ),
    "size_reduction_pct": (
        "%", "higher", "compression", "share of the baseline's size that is saved",
        "saved_pct", "model_size_mb", None,
    ),
    "speedup": (
        None, "higher", "compression",
        "latency of the baseline over latency of the compressed model",
        "gain", "latency_mean_ms", None,
    ),
    "accuracy_drop": (
        "fraction", "lower", "compression",
        "accuracy of the baseline minus accuracy of the compressed model",
        "saved", "accuracy", None,
    ),
    "accuracy_retention_pct": (
        "%", "higher", "compression", "accuracy in percent of the baseline's",
        "kept_pct", "accuracy", None,
    ),
    "memory_reduction_mb": (
        "MB", "higher", "compression",
        "memory of the baseline minus memory of the compressed model",
        "saved", "memory_usage_mb", None,
    ),
    "power_ratio": (
        None, "higher", "compression", "power of the baseline over power of the compressed model",
        "gain", "power_mw", None,
    ),
    "energy_per_inference_uj": (
        "uJ", "lower", "energy", "average power times mean latency of one inference",
        "energy", "latency_mean_ms", "power_mw",
    ),
    "throughput_ips": (
        "1/s", "higher", "throughput", "inferences per second",
        "rate", "latency_mean_ms", None,
    ),
}  # fmt: skip
INPUTS = {
    "accuracy": ("fraction", "higher", "quality", "share of samples classified right"),
    "latency_mean_ms": ("ms", "lower", "latency", "mean time of one inference"),
    "memory_usage_mb": ("MB", "lower", "memory", "memory while running"),
    "model_size_mb": ("MB", "lower", "size", "size of the model's file"),
    "power_mw": ("mW", "lower", "power", "average electrical power"),
}


def _usable(*columns: str) -> str:
    return " AND ".join(f"abs({name}) <= 1e100" for name in columns)


def _positive(*columns: str) -> str:
    return " AND ".join(f"{name} > 1e-100 AND {name} <= 1e100" for name in columns)


def _quotient(over: str, under: str) -> str:
    """Refused where the divisor is zero or negative: such a ratio says nothing."""
    counts = f"{_positive(under)} AND {_usable(over)} AND ({over} = 0 OR abs({over}) > 1e-100)"
    return f"CASE WHEN {counts} THEN {over} / {under} END"


def _value(own: str, run_id: str, batch: str) -> str:
    """What a metric is of the run (or baseline) whose inputs these are; mW times ms are uJ.

    The second input is a sub-query: one metric has one, and a join would be made for all.
    """
    return f"""WHEN 'energy' THEN CASE WHEN {_positive(own)} THEN (
            SELECT {own} * other.last FROM run_metric AS other
            WHERE other.run_id = {run_id} AND other.metric_id = metric.second_id
              AND {_positive("other.last")}) END
        WHEN 'rate' THEN CASE WHEN {_positive(own)} AND {batch} > 0
            THEN 1000.0 * {batch} / {own} END"""


FORMULA = f"""CASE metric.form
        WHEN 'gain' THEN CASE WHEN {_positive("own.last", "reference.last")}
            THEN reference.last / own.last END
        WHEN 'kept_pct' THEN {_quotient("own.last", "reference.last")} * 100
        WHEN 'saved_pct' THEN CASE
            WHEN {_positive("own.last", "reference.last")}
             AND (own.last = reference.last OR abs(reference.last - own.last) > 1e-100)
            THEN (reference.last - own.last) / reference.last * 100 END
        WHEN 'saved' THEN CASE WHEN {_usable("own.last", "reference.last")}
            THEN reference.last - own.last END
        {_value("own.last", "run.id", "run.batch_size")} END"""
BASELINE_BATCH = "(SELECT other.batch_size FROM run AS other WHERE other.id = run.baseline_run_id)"
# what the baseline itself has: compared with itself, a ratio of 1 and no difference
BASELINE_FORMULA = f"""CASE metric.form
        WHEN 'gain' THEN 1.0 WHEN 'kept_pct' THEN 100.0 WHEN 'saved_pct' THEN 0.0
        WHEN 'saved' THEN 0.0
        {_value("reference.last", "run.baseline_run_id", BASELINE_BATCH)} END"""
# a measured metric has no input_id, so that nothing is looked up for it
REFERENCE = """
    LEFT JOIN run_metric AS reference
      ON reference.run_id = run.baseline_run_id AND reference.metric_id = metric.input_id"""
COMPARED = """
    JOIN run AS baseline ON baseline.id = run.baseline_run_id
    JOIN run_metric AS reference
      ON reference.run_id = run.baseline_run_id AND reference.metric_id = own.metric_id"""
NOT_STATED = """NOT EXISTS (
        SELECT 1 FROM run_metric AS stated
        WHERE stated.run_id = run.id AND stated.metric_id = metric.id)"""
STALE = """CASE WHEN metric.form = 'stored' AND own.count = 0 AND NOT EXISTS (
        SELECT 1 FROM derived_value AS known
        JOIN definition ON definition.metric_id = known.metric_id
         AND definition.definition_hash = known.definition_hash AND definition.is_current
        WHERE known.run_id = run.id AND known.metric_id = metric.id
          AND known.run_revision = run.revision
          AND known.baseline_revision = COALESCE((
              SELECT other.revision FROM run AS other WHERE other.id = run.baseline_run_id), 0))
        THEN 1 ELSE 0 END"""
NAMED = """metric.name AS metric, metric.unit AS unit, metric.direction AS direction,
    metric.family AS family"""


class Rows:
    """Rows of a metric's own numbers, whether stated or stored."""

    start = "metric.id = own.metric_id"
    value = "own.last"
    baseline_value = "reference.last"
    joins = ""
    holds = "1 = 1"
    # what was worked out has no points
    derived = "CASE WHEN metric.form = 'stored' AND own.count = 0 THEN 1 ELSE 0 END"
    is_derived = "metric.form = 'stored' AND own.count = 0"
    definition = "own.source_name"

    def of_steps(self, column: str, kind: str) -> str:
        """An aggregate over the steps of a log."""
        return f"own.{column}"

    def of_points(self, column: str, kind: str) -> str:
        """A fact about points, which a derived metric has none of."""
        return f"own.{column}"

    @property
    def sources(self) -> str:
        """The joins behind those of the run."""
        return f"""
    JOIN run_metric AS own ON own.run_id = run.id
    JOIN metric ON {self.start}"""


class Following(Rows):
    """Rows of a metric that follows from others, as the formula in ``form`` says."""

    start = "metric.input_id = own.metric_id"
    value = FORMULA
    baseline_value = BASELINE_FORMULA
    joins = REFERENCE
    holds = f"metric.input_id IS NOT NULL AND {FORMULA} IS NOT NULL AND {NOT_STATED}"
    derived = "1"
    is_derived = "1 = 1"
    definition = "'built in'"

    def of_steps(self, column: str, kind: str) -> str:
        """A derived metric is one value."""
        return FORMULA

    def of_points(self, column: str, kind: str) -> str:
        """Unknown, in the type that the other rows have."""
        return f"CAST(NULL AS {kind})"


class Either(Rows):
    """Both kinds of rows in one join."""

    _own = "own.metric_id = metric.id"
    start = f"({Rows.start} OR {Following.start})"
    value = f"CASE WHEN {_own} THEN own.last ELSE {FORMULA} END"
    baseline_value = f"CASE WHEN {_own} THEN reference.last ELSE {BASELINE_FORMULA} END"
    joins = Following.joins
    holds = f"({_own} OR ({Following.holds}))"
    derived = f"CASE WHEN {_own} THEN {Rows.derived} ELSE 1 END"
    is_derived = f"(own.metric_id <> metric.id OR ({Rows.is_derived}))"
    definition = f"CASE WHEN {_own} THEN {Rows.definition} ELSE {Following.definition} END"

    def of_steps(self, column: str, kind: str) -> str:
        """As the kind of row has it."""
        return f"CASE WHEN {self._own} THEN own.{column} ELSE {FORMULA} END"

    def of_points(self, column: str, kind: str) -> str:
        """As the kind of row has it."""
        return f"CASE WHEN {self._own} THEN own.{column} END"


ROWS: dict[str, tuple[Rows, ...]] = {"sqlite": (Either(),), "postgresql": (Rows(), Following())}
DOUBLE, WHOLE = "DOUBLE PRECISION", "BIGINT"


def _measurements(rows: Rows) -> str:
    steps = ", ".join(
        f"{make(name, kind)} AS {name}"
        for make, name, kind in (
            (rows.of_steps, "first", DOUBLE),
            (rows.of_steps, "min", DOUBLE),
            (rows.of_points, "min_step", WHOLE),
            (rows.of_steps, "max", DOUBLE),
            (rows.of_points, "max_step", WHOLE),
            (rows.of_steps, "mean", DOUBLE),
            (rows.of_points, "std", DOUBLE),
            (rows.of_points, "n", WHOLE),
            (rows.of_points, "count", WHOLE),
            (rows.of_points, "nan_count", WHOLE),
            (rows.of_points, "last_step", WHOLE),
        )
    )
    return f"""SELECT {WHO}, {NAMED}, {rows.value} AS value, {steps},
    NULLIF({rows.of_points("source_name", "TEXT")}, '') AS source_name,
    {rows.derived} AS derived, {STALE} AS stale
    {JOINS} {rows.sources} {rows.joins} WHERE {rows.holds}"""


def _derived_values(rows: Rows) -> str:
    return f"""SELECT run.id AS run_id, run.uid AS uid, metric.id AS metric_id, {NAMED},
    {rows.value} AS value, {rows.baseline_value} AS baseline_value, {STALE} AS stale,
    {rows.definition} AS definition
    FROM run {rows.sources} {rows.joins or REFERENCE.replace("input_id", "id")}
    WHERE metric.form IS NOT NULL AND {rows.is_derived} AND {rows.holds}"""


def _comparisons(rows: Rows) -> str:
    pairs = f"""SELECT {WHO}, {NAMED}, {rows.value} AS value,
    {rows.baseline_value} AS baseline_value,
    CASE WHEN run.like_key = baseline.like_key THEN 1 ELSE 0 END AS like_for_like,
    baseline.uid AS baseline_uid, baseline_precision.name AS baseline_precision,
    NULLIF(run.baseline_rule, '') AS baseline_rule,
    baseline.started_at AS baseline_started_at, {rows.derived} AS derived, {STALE} AS stale
    {JOINS} {rows.sources} {COMPARED}
    JOIN "precision" AS baseline_precision ON baseline_precision.id = baseline.precision_id
    WHERE {rows.holds}"""
    return f"""SELECT {_names(WHO)}, metric, unit, direction, family, value, baseline_value,
    CASE WHEN {_usable("value", "baseline_value")} THEN value - baseline_value END AS delta,
    {_quotient("value", "baseline_value")} AS ratio,
    CASE WHEN direction = 'lower' AND value < baseline_value THEN 1
         WHEN direction = 'higher' AND value > baseline_value THEN 1
         WHEN direction IN ('lower', 'higher')
              AND value IS NOT NULL AND baseline_value IS NOT NULL THEN 0
    END AS improved,
    like_for_like, baseline_uid, baseline_precision, baseline_rule, baseline_started_at,
    derived, stale
    FROM ({pairs}) AS pair"""


def _numbered(rows: Rows) -> str:
    return f"""SELECT {WHO}, metric.name AS metric, metric.unit AS unit,
    metric.direction AS direction, run.series_key AS series_key, {rows.value} AS value
    {JOINS} {rows.sources} {rows.joins} WHERE {rows.holds}"""


def _history(numbered: str) -> str:
    window = "(PARTITION BY model, precision, metric, series_key ORDER BY started_at, uid)"
    return f"""SELECT {_names(WHO)}, metric, unit, direction, series_key,
    ROW_NUMBER() OVER {window} AS n, value, LAG(value) OVER {window} AS previous
    FROM ({numbered}) AS numbered"""


def _names(select: str) -> str:
    """The columns of a SELECT list, as they are called."""
    return ", ".join(re.findall(r"\bAS (\w+)", select))


VIEWS = {
    "derived_values": _derived_values,
    "measurements": _measurements,
    "comparisons": _comparisons,
    "history": _numbered,
}


def views(dialect: str) -> dict[str, str]:
    """The SELECT of every view."""
    found = {name: " UNION ALL ".join(map(select, ROWS[dialect])) for name, select in VIEWS.items()}
    return found | {"history": _history(found["history"])}


def upgrade() -> None:
    """Say of metrics what they follow from; replace three views and add one."""
    op.add_column("metric", sa.Column("form", sa.Text(), nullable=True))
    op.add_column("metric", sa.Column("input_id", BIG, nullable=True))
    op.add_column("metric", sa.Column("second_id", BIG, nullable=True))
    op.create_index("ix_metric_input_id", "metric", ["input_id"])
    connection = op.get_bind()
    _name_metrics(connection)
    for name in REPLACED:
        connection.exec_driver_sql(f"DROP VIEW {name}")
    for name, sql in views(connection.dialect.name).items():
        connection.exec_driver_sql(f"CREATE VIEW {name} AS {sql}")


COLUMNS = ("name", "unit", "direction", "family", "description", "form", "input_id", "second_id")
METRIC = sa.table("metric", sa.column("id"), *map(sa.column, COLUMNS))


def _name_metrics(connection: sa.Connection) -> None:
    """The derived metrics and their inputs; those that files have named keep what they are."""
    _add(connection, {name: (*entry, None, None, None) for name, entry in INPUTS.items()})
    ids = {row.name: row.id for row in connection.execute(sa.select(METRIC.c.name, METRIC.c.id))}
    derived: dict[str, tuple[Any, ...]] = {
        name: (*entry[:5], ids[entry[5]], ids.get(entry[6])) for name, entry in METRICS.items()
    }
    _add(connection, derived)
    for name, entry in derived.items():
        formula = dict(zip(COLUMNS[5:], entry[4:], strict=True))
        connection.execute(sa.update(METRIC).where(METRIC.c.name == name).values(formula))


def _add(connection: sa.Connection, entries: dict[str, tuple[Any, ...]]) -> None:
    known = set(connection.scalars(sa.select(METRIC.c.name)))
    rows = [
        dict(zip(COLUMNS, (name, *entry), strict=True))
        for name, entry in entries.items()
        if name not in known
    ]
    if rows:
        connection.execute(sa.insert(METRIC), rows)


def downgrade() -> None:
    """The views as they were; the names of metrics stay, for runs may have come to use them."""
    connection = op.get_bind()
    for name in ("derived_values", *REPLACED):
        connection.exec_driver_sql(f"DROP VIEW {name}")
    op.drop_index("ix_metric_input_id", "metric")
    for name in ("second_id", "input_id", "form"):
        op.drop_column("metric", name)
    for name in REPLACED:
        connection.exec_driver_sql(_BEFORE["VIEWS"][name])
