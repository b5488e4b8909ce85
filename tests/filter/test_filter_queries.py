"""What queries mean: a table of filters and the runs that they find, on both databases."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from filter_stores import Spec, inserted
from sqlalchemy import Engine, select

from cetrack.filter import MetricValues, ParamCell, matches, parse, parse_all, to_sql
from cetrack.models import Metric, RunMetric, measurements_view, runs_view


def _at(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[arg-type, misc]


INF = float("inf")
STORE = (
    Spec(
        "a1",
        {
            "model": "ResNet50",
            "library": "timm",
            "category": "vision",
            "input_shape": "3x224x224",
            "precision": "fp32",
            "weight_bits": 32.0,
            "device": "gpu",
            "batch_size": 32,
            "started_at": _at(2025, 12, 31, 23, 59, 59, 999999),
            "experiment": "Nightly",
        },
        {
            "accuracy": MetricValues(
                last=0.91, first=0.1, min=0.1, max=0.95, mean=0.8, std=0.1, n=5, last_step=9
            ),
            "metrics/mAP50-95(B)": MetricValues(last=0.5, max=0.75),
        },
        {"lr": ParamCell("0.01", 0.01), "optimizer": ParamCell("SGD", None)},
        {"status": "Draft", "note": ""},
    ),
    Spec(
        "b2",
        {
            "model": "resnet18",
            "library": "torchvision",
            "category": "Vision",
            "input_shape": "3x32x32",
            "precision": "int8",
            "weight_bits": 8.0,
            "device": "cpu",
            "batch_size": 1,
            "started_at": _at(2026, 1, 1),
            "finished_at": _at(2026, 1, 2),
            "baseline_uid": "a1",
        },
        {"accuracy": MetricValues(last=0.89, max=0.89), "loss": MetricValues(last=INF)},
        {"lr": ParamCell("1e-2", 0.01), "optimizer": ParamCell("adam", None)},
        {"status": "final"},
    ),
    Spec(
        "c3",
        {
            "model": "bert-base",
            "library": "transformers",
            "category": "nlp",
            "input_shape": "128",
            "precision": "int8_dynamic",
            "started_at": _at(2026, 1, 1, 23, 59, 59, 999999),
            "seed": 2**62 + 1,
        },
        {"accuracy": MetricValues(), "loss": MetricValues(last=-INF, nan_count=3)},
        {"lr": ParamCell("auto", None), "warmup": ParamCell(None, None)},
    ),
    Spec(
        "d4",
        {
            "model": "UNet 3+",
            "input_shape": "1x3x4x5",
            "precision": "my_format",
            "started_at": _at(2026, 1, 2),
        },
    ),
)

QUERIES: tuple[tuple[str, str], ...] = (
    # text
    ("category=vision", "a1 b2"),
    ("CATEGORY == VISION", "a1 b2"),
    ("category!=vision", "c3"),
    ("not category=vision", "c3 d4"),
    ("library=timm,torchvision", "a1 b2"),
    ("library = timm , torchvision and device=gpu", "a1"),
    ("library != timm,torchvision", "c3"),
    ("library not in (timm, torchvision)", "c3"),
    ("not library in (timm, torchvision)", "c3 d4"),
    ("library exists", "a1 b2 c3"),
    ("library not exists", "d4"),
    ("not library exists", "d4"),
    ('model = "unet 3+"', "d4"),
    ("model=BERT-base", "c3"),
    ("uid=A1", "a1"),
    ("baseline = a1", "b2"),
    ("experiment=nightly", "a1"),
    ("status=finished", "a1 b2 c3 d4"),
    # globs
    ('model ~ "resnet*"', "a1 b2"),
    ("model ~ *net*", "a1 b2 d4"),
    ('model ~ "resnet"', ""),
    ('model ~ "RESNET[0-9][!0]"', "b2"),
    ('model !~ "resnet*"', "c3 d4"),
    ('library !~ "t*"', ""),
    ('not library ~ "t*"', "d4"),
    ('model ~ "bert*", "unet*"', "c3 d4"),
    ('model ~ "unet [0-9][+]"', "d4"),
    ('uid ~ "?[12]"', "a1 b2"),
    # precision and shape
    ("precision=FP32", "a1"),
    ("precision = float32", "a1"),
    ("precision in (int8, fp16)", "b2"),
    ('precision ~ "int8*"', "b2 c3"),
    ('precision = "My Format"', "d4"),
    ("precision=my-format", "d4"),
    ("input_shape=3x224x224", "a1"),
    ('shape = "[3, 224, 224]"', "a1"),
    ("shape = 3X224X224", "a1"),
    ("shape = 1x3x224x224", "a1"),
    ("shape=3x*x*", "a1 b2"),
    ("shape=3x*", ""),
    ("shape=*", "c3"),
    ("shape=*x*", ""),
    ("shape = 1x3x*x*", "a1 b2 d4"),
    ("shape in (3x*x*, 128)", "a1 b2 c3"),
    ("shape != 3x*x*", "c3 d4"),
    ('shape ~ "3x*x*"', "a1 b2"),
    ('shape ~ "3x[0-9][0-9]x*"', "b2"),
    ('shape !~ "3x*"', "a1 b2 c3 d4"),
    ("shape=1x3x4x5", "d4"),
    # numbers
    ("weight_bits < 32", "b2"),
    ("weight_bits = 32.0", "a1"),
    ("batch >= 1", "a1 b2"),
    ("batch_size = 32", "a1"),
    ("batch=1,32", "a1 b2"),
    ("batch != 32", "b2"),
    (f"seed = {2**62 + 1}", "c3"),
    (f"seed > {2**62}", "c3"),
    (f"seed = {2**62}", ""),
    # metrics
    ("accuracy >= 0.9", "a1"),
    ("accuracy<0.9", "b2"),
    ("not accuracy < 0.9", "a1 c3 d4"),
    ("accuracy != 0.9", "a1 b2"),
    ("accuracy = 0.91,0.89", "a1 b2"),
    ("accuracy not in (0.91)", "b2"),
    ("accuracy.max > 0.9", "a1"),
    ("accuracy.min = 0.1", "a1"),
    ("accuracy.mean <= .8", "a1"),
    ("accuracy.first < 5e-1", "a1"),
    ("accuracy.std exists", "a1"),
    ("accuracy.n >= 5", "a1"),
    ("accuracy.last_step >= 9", "a1"),
    ("accuracy exists", "a1 b2 c3"),
    ("accuracy not exists", "d4"),
    ("loss = inf", "b2"),
    ("loss > 1e308", "b2"),
    ("loss < -1", "c3"),
    ("loss.nan_count > 0", "c3"),
    ('metric."metrics/mAP50-95(B)".max > 0.7', "a1"),
    ('"metrics/mAP50-95(B)" <= 0.5', "a1"),
    ("metric.model > 0", ""),
    ("metric.unheard_of exists", ""),
    # parameters and tags
    ("param.lr < 0.1", "a1 b2"),
    ("param.lr = 0.010", "a1 b2"),
    ('param.lr = "1E-2"', "b2"),
    ("param.lr != 0.01", "c3"),
    ("param.lr = auto, 0.01", "a1 b2 c3"),
    ('param.lr >= "0.001"', "a1 b2"),
    ('param.lr ~ "*-2"', "b2"),
    ("param.optimizer = sgd", "a1"),
    ("param.optimizer !~ s*", "b2"),
    ("param.warmup exists", "c3"),
    ("param.warmup != 1", ""),
    ("param.unheard_of = 1", ""),
    ("tag.status=draft", "a1"),
    ("not tag.status=draft", "b2 c3 d4"),
    ("tag.status != draft", "b2"),
    ('tag.note = ""', "a1"),
    ("tag.note exists", "a1"),
    ("env.device=GPU", "a1"),
    # time
    ("started >= 2026-01-01", "b2 c3 d4"),
    ("started > 2026-01-01", "d4"),
    ("started <= 2026-01-01", "a1 b2 c3"),
    ("started < 2026-01-01", "a1"),
    ("started = 2026-01-01", "b2 c3"),
    ("started != 2026-01-01", "a1 d4"),
    ("started = 2025", "a1"),
    ("started = 2026-01", "b2 c3 d4"),
    ("started = 2025-12-31, 2026-01-02", "a1 d4"),
    ("started = 2026-01-01T00:00:00Z", "b2"),
    ("started > 2026-01-01T00:00", "c3 d4"),
    ("started >= 2026-01-01T01:00:00+01:00", "b2 c3 d4"),
    ('started <= "2026-01-01 23:59:59.999998"', "a1 b2"),
    ("started < 9999-12-31", "a1 b2 c3 d4"),
    ("finished exists", "b2"),
    ("finished < 2030", "b2"),
    # logic
    ("category=vision and precision=int8", "b2"),
    ("category=vision OR category=nlp And precision=int8", "a1 b2"),
    ("(category=vision or category=nlp) and not precision=fp32", "b2 c3"),
    ("not not category=vision", "a1 b2"),
    ("precision in (int8, fp16) and not tag.status=draft", "b2"),
    ("not (accuracy >= 0.9 or param.lr exists)", "d4"),
)


@pytest.mark.parametrize(("text", "expected"), QUERIES, ids=[text for text, _ in QUERIES])
def test_a_filter_finds_in_python(text: str, expected: str) -> None:
    expr = parse(text)

    found = [spec.uid for spec in STORE if matches(expr, spec.as_filter_run())]

    assert found == expected.split()


def test_every_filter_finds_the_same_in_a_database(engine: Engine) -> None:
    found = {}

    with inserted(engine, STORE) as connection:
        for text, _ in QUERIES:
            query = select(runs_view.c.uid).where(to_sql(parse(text))).order_by(runs_view.c.uid)
            found[text] = " ".join(connection.scalars(query))

    assert found == dict(QUERIES)


def test_several_filters_all_have_to_hold(engine: Engine) -> None:
    query = select(runs_view.c.uid)

    with inserted(engine, STORE) as connection:
        both = parse_all(["category=vision or library=transformers", "param.lr = 0.01"])
        everything = parse_all([])

        assert list(connection.scalars(query.where(to_sql(both)))) == ["a1", "b2"]
        assert len(list(connection.scalars(query.where(to_sql(everything))))) == len(STORE)
    assert all(matches(everything, spec.as_filter_run()) for spec in STORE)


def test_an_alias_of_the_view_can_be_filtered(engine: Engine) -> None:
    other = runs_view.alias("other")
    expr = parse("accuracy > 0.9 and library=timm")

    with inserted(engine, STORE) as connection:
        rows = connection.execute(
            select(runs_view.c.uid, other.c.uid)
            .join(other, other.c.uid == runs_view.c.baseline_uid)
            .where(to_sql(expr, other), to_sql(parse("library=torchvision")))
        ).all()

    assert rows == [("b2", "a1")]


def test_the_query_around_may_select_from_the_same_tables(engine: Engine) -> None:
    expr = parse("accuracy > 0.9 and not tag.status=final")
    values, metric = RunMetric.__table__, Metric.__table__
    query = (
        select(measurements_view.c.metric)
        .join(runs_view, runs_view.c.run_id == measurements_view.c.run_id)
        .join(values, values.c.run_id == runs_view.c.run_id)
        .join(metric, metric.c.id == values.c.metric_id)
        .where(to_sql(expr))
        .distinct()
        .order_by(measurements_view.c.metric)
    )

    with inserted(engine, STORE) as connection:
        assert list(connection.scalars(query)) == ["accuracy", "metrics/mAP50-95(B)"]
