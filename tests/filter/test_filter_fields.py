"""The table of fields against the view and the documentation; what importing costs."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest
from sqlalchemy import BigInteger, Double, Text

from cetrack.db.types import MetricValue, UtcDateTime
from cetrack.filter import FilterRun, MetricValues, ParamCell, matches, parse
from cetrack.filter.fields import (
    AGGREGATES,
    ENVIRONMENT,
    FIELD_OF,
    FIELDS,
    ValueKind,
    canonical_precision,
    canonical_shape,
    field_table_markdown,
)
from cetrack.inserting import param_columns
from cetrack.models import RunMetric, runs_view

DOCS = Path(__file__).parents[2] / "docs" / "filter.md"
COLUMN_TYPES = {
    ValueKind.TEXT: Text,
    ValueKind.SHAPE: Text,
    ValueKind.PRECISION: Text,
    ValueKind.NUMBER: (Double, MetricValue),
    ValueKind.INT: BigInteger,
    ValueKind.TIME: UtcDateTime,
}


def test_every_column_of_the_view_but_row_numbers_is_a_field() -> None:
    numbers = {"run_id", "baseline_run_id", "parent_run_id"}

    assert set(FIELDS) == {column.name for column in runs_view.columns} - numbers
    assert set(ENVIRONMENT) <= set(FIELDS)
    assert len(FIELD_OF) == len(FIELDS) + sum(len(field.aliases) for field in FIELDS.values())


@pytest.mark.parametrize("name", FIELDS)
def test_a_field_holds_what_its_column_holds(name: str) -> None:
    assert isinstance(runs_view.c[name].type, COLUMN_TYPES[FIELDS[name].kind])


def test_every_aggregate_is_a_column_and_can_be_given_in_python() -> None:
    columns = RunMetric.__table__.c

    assert set(AGGREGATES) == {item.name for item in fields(MetricValues)}
    assert all(
        isinstance(columns[name].type, COLUMN_TYPES[kind]) for name, kind in AGGREGATES.items()
    )


def test_the_documentation_holds_the_table_of_fields() -> None:
    assert field_table_markdown() in DOCS.read_text(encoding="utf-8")


def test_every_example_of_the_documentation_is_a_filter() -> None:
    text = DOCS.read_text(encoding="utf-8")
    blocks = text.split("```text\n")[1:]
    examples = [
        line.split("  #")[0] for block in blocks for line in block.split("```")[0].splitlines()
    ]

    assert len(examples) > 20
    for example in examples:
        parse(example)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("3x224x224", "3x224x224"),
        ("3X224X224", "3x224x224"),
        ("[3, 224, 224]", "3x224x224"),
        ("(1, 3, 224, 224)", "1x3x224x224"),
        ("3x*x*", "3x*x*"),
        ("[*, *]", "*x*"),
        ("-1x3", "?x3"),
        ("ids: 128 ; mask: 64", "ids:128;mask:64"),
        ("ids:*;mask:64", None),
        ("3x", None),
        ("x*", None),
        ("", None),
        ("big", None),
    ],
)
def test_shapes_are_canonical(text: str, expected: str | None) -> None:
    assert canonical_shape(text) == expected
    assert expected is None or canonical_shape(expected) == expected


@pytest.mark.parametrize("text", ["FP32", "torch.float16", "My Format", "fp32+int8", "Q4_K_M"])
def test_a_canonical_precision_stays_itself(text: str) -> None:
    name = canonical_precision(text)

    assert canonical_precision(name) == name


@pytest.mark.parametrize(
    "value", ["adam", "0.01", " 1 ", "1_0", "nan", "inf", 3, 0.1, True, None, ""]
)
def test_a_plain_parameter_is_what_the_store_makes_of_it(value: str | float | bool | None) -> None:
    stored = ParamCell(**param_columns(value))
    texts = ("param.a exists", "param.a = 3", "param.a < 1", "param.a != x", 'param.a ~ "*"')

    for text in texts:
        answers = [matches(parse(text), FilterRun(params={"a": cell})) for cell in (value, stored)]
        assert answers[0] is answers[1]


def test_plain_values_serve_as_a_run() -> None:
    run = FilterRun(
        fields={"model": "resnet50", "library": "", "batch_size": None},
        metrics={"accuracy": 0.9, "loss": float("nan")},
        params={"lr": 0.01},
        tags={"status": "draft"},
    )
    held = ("model=ResNet50", "accuracy >= 0.9", "param.lr=1e-2", "tag.status=draft", "loss exists")
    not_held = ("library exists", "batch exists", "accuracy.max exists", "loss < 1", "loss != 1")

    assert all(matches(parse(text), run) for text in held)
    assert not any(matches(parse(text), run) for text in not_held)


def test_reading_filters_loads_no_database_library() -> None:
    code = (
        "import sys; from cetrack.filter import FilterRun, matches, parse;"
        "matches(parse('precision=int8 and shape=3x*'), FilterRun());"
        "sys.exit('sqlalchemy' in sys.modules or 'pandas' in sys.modules)"
    )

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
