"""Views for people who write SQL. Frozen: imports nothing of cetrack.

The window of ``history`` partitions by columns that it shows (model, precision, metric and the
series), so that a filter on them is applied before the window is computed.
"""

from __future__ import annotations

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

WHO = """
    run.id AS run_id, run.uid AS uid, experiment.name AS experiment,
    model.name AS model, NULLIF(model.library, '') AS library,
    NULLIF(model.category, '') AS category, NULLIF(model.input_shape, '') AS input_shape,
    precision.name AS precision, precision.weight_bits AS weight_bits,
    precision.activation_bits AS activation_bits,
    run.kind AS kind, NULLIF(run.method, '') AS method, NULLIF(run.variant, '') AS variant,
    NULLIF(run.dataset, '') AS dataset, NULLIF(run.split, '') AS split,
    run.batch_size AS batch_size,
    NULLIF(environment.device, '') AS device, NULLIF(environment.accelerator, '') AS accelerator,
    NULLIF(environment.runtime, '') AS runtime, run.started_at AS started_at"""

JOINS = """
    FROM run
    JOIN experiment ON experiment.id = run.experiment_id
    JOIN model ON model.id = run.model_id
    JOIN "precision" AS precision ON precision.id = run.precision_id
    LEFT JOIN environment ON environment.id = run.environment_id"""

METRIC = """
    JOIN run_metric ON run_metric.run_id = run.id
    JOIN metric ON metric.id = run_metric.metric_id"""

RUNS = f"""
CREATE VIEW runs AS SELECT {WHO},
    NULLIF(environment.runtime_version, '') AS runtime_version,
    NULLIF(environment.host, '') AS host, NULLIF(environment.os, '') AS os,
    NULLIF(run.name, '') AS name, NULLIF(run.task, '') AS task, run.seed AS seed,
    run.status AS status, NULLIF(run.status_reason, '') AS status_reason,
    run.time_source AS time_source, run.finished_at AS finished_at,
    NULLIF(run.git_commit, '') AS git_commit,
    baseline.uid AS baseline_uid, NULLIF(run.baseline_rule, '') AS baseline_rule,
    parent.uid AS parent_uid, run.baseline_run_id AS baseline_run_id,
    run.parent_run_id AS parent_run_id,
    NULLIF(model.description, '') AS model_description,
    run.series_key AS series_key, run.like_key AS like_key
    {JOINS}
    LEFT JOIN run AS baseline ON baseline.id = run.baseline_run_id
    LEFT JOIN run AS parent ON parent.id = run.parent_run_id"""

MEASUREMENTS = f"""
CREATE VIEW measurements AS SELECT {WHO},
    metric.name AS metric, metric.unit AS unit, metric.direction AS direction,
    metric.family AS family, run_metric.last AS value, run_metric.first AS first,
    run_metric.min AS min, run_metric.min_step AS min_step,
    run_metric.max AS max, run_metric.max_step AS max_step,
    run_metric.mean AS mean, run_metric.std AS std, run_metric.n AS n,
    run_metric.count AS count, run_metric.nan_count AS nan_count,
    run_metric.last_step AS last_step, NULLIF(run_metric.source_name, '') AS source_name
    {JOINS} {METRIC}"""

COMPARISONS = f"""
CREATE VIEW comparisons AS SELECT {WHO},
    metric.name AS metric, metric.unit AS unit, metric.direction AS direction,
    metric.family AS family, run_metric.last AS value, reference.last AS baseline_value,
    run_metric.last - reference.last AS delta,
    run_metric.last / NULLIF(reference.last, 0) AS ratio,
    CASE WHEN metric.direction = 'lower' AND run_metric.last < reference.last THEN 1
         WHEN metric.direction = 'higher' AND run_metric.last > reference.last THEN 1
         WHEN metric.direction IN ('lower', 'higher')
              AND run_metric.last IS NOT NULL AND reference.last IS NOT NULL THEN 0
    END AS improved,
    CASE WHEN run.like_key = baseline.like_key THEN 1 ELSE 0 END AS like_for_like,
    baseline.uid AS baseline_uid, baseline_precision.name AS baseline_precision,
    NULLIF(run.baseline_rule, '') AS baseline_rule,
    baseline.started_at AS baseline_started_at
    {JOINS} {METRIC}
    JOIN run AS baseline ON baseline.id = run.baseline_run_id
    JOIN "precision" AS baseline_precision ON baseline_precision.id = baseline.precision_id
    JOIN run_metric AS reference
      ON reference.run_id = baseline.id AND reference.metric_id = run_metric.metric_id"""

HISTORY = f"""
CREATE VIEW history AS SELECT {WHO},
    metric.name AS metric, metric.unit AS unit, metric.direction AS direction,
    run.series_key AS series_key,
    ROW_NUMBER() OVER (
        PARTITION BY model.name, precision.name, metric.name, run.series_key
        ORDER BY run.started_at, run.uid) AS n,
    run_metric.last AS value,
    LAG(run_metric.last) OVER (
        PARTITION BY model.name, precision.name, metric.name, run.series_key
        ORDER BY run.started_at, run.uid) AS previous
    {JOINS} {METRIC}"""

VIEWS = {
    "runs": RUNS,
    "measurements": MEASUREMENTS,
    "comparisons": COMPARISONS,
    "history": HISTORY,
}


def upgrade() -> None:
    """Create the views."""
    for sql in VIEWS.values():
        op.get_bind().exec_driver_sql(sql)


def downgrade() -> None:
    """Drop the views; no rows are lost."""
    for name in VIEWS:
        op.get_bind().exec_driver_sql(f"DROP VIEW {name}")
