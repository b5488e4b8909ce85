"""The views for people who write SQL: columns and what they mean. Their SQL is in migrations."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Column, Double, Integer, MetaData, Table, Text

from cetrack.db.types import MetricValue, UtcDateTime

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


def _derived() -> Column[Any]:
    return Column("derived", Integer, comment="1 if it follows from other metrics, 0 if measured")


def _stale() -> Column[Any]:
    meaning = (
        "1 if the run or the definition has changed since: cetrack derive brings it up to date"
    )
    return Column("stale", Integer, comment=meaning)


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
    "One row per run and metric, measured or derived: the long form.",
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
    _derived(),
    _stale(),
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
    _float("ratio", "value / baseline_value; NULL where the baseline is 0 or negative"),
    Column("improved", Integer, comment="1 better, 0 not better, NULL where nobody can say"),
    Column("like_for_like", Integer, comment="1 if device, batch, dataset … are the same"),
    _text("baseline_uid", "the run compared with"),
    _text("baseline_precision", "its precision"),
    _text("baseline_rule", "which rule chose it"),
    _time("baseline_started_at", "when the baseline ran"),
    _derived(),
    _stale(),
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

derived_values_view = _view(
    "derived_values",
    "One row per run and derived metric: what follows from measured numbers.",
    _int("run_id", "joins the tables"),
    _text("uid", "the run's name for people and files"),
    _int("metric_id", "joins the tables"),
    _text("metric", "name of the derived metric or score"),
    _text("unit", "unit of value and baseline_value"),
    _text("direction", "which way is better"),
    _text("family", "group of metrics"),
    _float("value", "of this run"),
    _float("baseline_value", "of its baseline: 1 for a ratio, 0 for a difference, 100 for a share"),
    _stale(),
    _text("definition", "'built in', or the hash of the definition in cetrack.toml"),
)
