"""cetrack's own format: what is read, what is refused, and that the schema says the same."""

from __future__ import annotations

import copy
import json
import math
import random
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from cetrack.domain import Direction, Identity, Kind, Link, MetricDef, Spread, Status, TimeSource
from cetrack.errors import MalformedSourceError, ReadError
from cetrack.ingest import ingest
from cetrack.normalize import normalize
from cetrack.readers.cetrack_runs import KNOWN_KEYS
from cetrack.runs_format import as_line, export_runs
from cetrack.store import Store
from tests.readers.reading import SAMPLES, points, read, sample, values

SCHEMA = json.loads(
    (Path(__file__).parents[2] / "docs" / "run.schema.json").read_text(encoding="utf-8")
)
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)
PLAIN = {"cetrack": 1, "model": "m", "precision": "int8"}


def run(**more: Any) -> dict[str, Any]:
    return {**PLAIN, **more}


def test_a_benchmark_with_all_that_may_be_said() -> None:
    reading = read(sample("cetrack/one.json"))
    (found,) = reading.runs
    record = reading.records[0]

    assert (record.kind, record.identity, record.uid) == (Kind.BENCHMARK, Identity.SNAPSHOT, None)
    assert (found.model.name, found.model.input_shape) == ("resnet50", "3x224x224")
    assert record.started_at == datetime(2026, 6, 1, 2, tzinfo=UTC)
    assert (record.environment.device, record.environment.details) == ("cpu", {"threads": 4})
    latency, score = found.series[1], found.series[3]
    assert latency.spread == Spread(std=0.12, n=100)
    assert math.isnan(found.series[2].values[0])
    assert (score.values.tolist(), score.metric.unit, score.metric.direction) == (
        [math.inf],
        "points",
        Direction.HIGHER,
    )
    assert found.samples[0].values.tolist() == [4.2, 4.3]
    assert (found.params, found.tags) == ({"threads": 4, "ok": True}, {"a": "b"})
    assert reading.said == []


def test_runs_with_a_uid_steps_links_and_origins() -> None:
    training, compressed = read(sample("cetrack/runs.jsonl")).runs

    assert (training.record.uid, training.record.identity) == ("run-1", Identity.UID)
    assert training.record.status is Status.RUNNING
    loss = training.series[0]
    assert (loss.steps.tolist(), loss.values.tolist()) == ([1, 2], [0.9, 0.5])
    assert loss.wall_times is not None
    assert loss.wall_times[1] == 1780280460.0
    assert math.isnan(loss.wall_times[0])
    assert compressed.record.baseline == Link(uid="run-1")
    assert (compressed.record.baseline_rule, compressed.record.parent) == (
        "explicit",
        Link(uid="run-1"),
    )
    latency = compressed.series[0]
    assert (latency.metric.name, latency.source_name, latency.source_unit, latency.scale) == (
        "latency_mean_ms",
        "lat_us",
        "us",
        0.001,
    )
    assert latency.values.tolist() == [3.5]


def test_a_training_without_a_uid_is_a_log() -> None:
    (record,) = read(run(kind="training", metrics={"loss": {"values": [2, 1]}})).records

    assert record.identity is Identity.LOG


def test_a_metric_that_was_normalised_takes_our_description_where_it_has_none() -> None:
    metrics = {
        "accuracy": {"value": 0.5, "unit": "fraction", "source_name": "acc"},
        "loss": {"value": 0.5, "source_name": "loss", "description": "mine"},
        "mine": {"value": 0.5, "source_name": "mine", "family": "quality"},
    }

    (found,) = read(run(metrics=metrics)).runs

    assert [item.metric.description for item in found.series] == [
        "share of samples classified right",
        "mine",
        "",
    ]


def test_metrics_that_were_not_normalised_are() -> None:
    metrics = {"latency": {"value": 2, "unit": "s"}, "acc": 0.5, "own": {"value": 1, "unit": "m"}}

    (found,) = read(run(metrics=metrics)).runs

    assert values(found) == {"latency_ms": 2000.0, "accuracy": 0.5, "own": 1.0}


def test_what_a_source_states_about_a_metric_of_its_own_counts() -> None:
    stated = {"value": 1, "unit": "pt", "direction": "lower", "family": "f", "description": "d"}

    (found,) = read(run(metrics={"own": stated})).runs

    assert found.series[0].metric == MetricDef(
        name="own", unit="pt", direction=Direction.LOWER, family="f", description="d"
    )


def test_an_empty_list_of_values_is_no_series() -> None:
    reading = read(run(metrics={"loss": {"values": []}, "acc": 0.5}))

    assert points(reading.runs[0]) == {"accuracy": {0: 0.5}}
    assert reading.said == [": metric 'loss' is empty"]


def test_unknown_keys_and_repeated_uids_are_said() -> None:
    assert read(sample("cetrack/list.json")).said == ["/1: unknown key 'extra': left out"]
    twice = [run(uid="a"), run(uid="a"), run(uid="b")]
    assert read(twice).notices == [": uid 'a' stands 2 times: the last one counts"]


def test_a_line_that_is_being_written_is_left_out() -> None:
    line = json.dumps(run(metrics={"accuracy": 0.5}))
    reading = read(f"{line}\n{line[:20]}", "runs.jsonl")

    assert len(reading.records) == 1
    assert reading.notices == ["line 2: cut off: left out until it is whole"]


def test_numbers_of_any_size_are_taken() -> None:
    text = json.dumps(run(params={"big": 2**70}, metrics={"x": 10**400}))

    (found,) = read(text).runs

    assert found.params == {"big": "1180591620717411303424"}
    assert values(found) == {"x": math.inf}


# --- what is refused -------------------------------------------------------------------------

REFUSED = [
    ({"cetrack": 2}, '"cetrack" is 2: this version reads 1'),
    ({"cetrack": True}, '"cetrack" is True'),
    ({"cetrack": "1"}, "\"cetrack\" is '1'"),
    ({"kind": "test"}, "'kind' is 'test', not one of benchmark, training, compression"),
    ({"kind": None}, "'kind' is None"),
    ({"kind": ["benchmark"]}, "'kind' is ['benchmark']"),
    ({"status": "done"}, "'status' is 'done', not one of running, finished, failed, killed"),
    ({"time_source": "sun"}, "'time_source' is 'sun'"),
    ({"uid": ""}, "'uid' is not up to 128 ASCII characters"),
    ({"uid": "a b"}, "'uid' is not up to 128 ASCII characters"),
    ({"uid": "é"}, "'uid' is not up to 128 ASCII characters"),
    ({"uid": "a\0"}, "'uid' is not up to 128 ASCII characters"),
    ({"uid": "a" * 129}, "'uid' is not up to 128 ASCII characters"),
    ({"uid": 7}, "'uid' is not text: 7"),
    ({"precision": 8}, "'precision' is not text: 8"),
    ({"dataset": ["a"]}, "'dataset' is not text: ['a']"),
    ({"model": 3}, "'model' is not an object"),
    ({"model": {"name": 3}}, "'name' is not text: 3"),
    ({"model": {"input_shape": 3}}, "'input_shape' is not a list"),
    ({"seed": "7"}, "'seed' is not a whole number: '7'"),
    ({"seed": 1.5}, "'seed' is not a whole number: 1.5"),
    ({"seed": True}, "'seed' is not a whole number: True"),
    ({"batch_size": 2**63}, "'batch_size' is not a whole number"),
    ({"environment": []}, "'environment' is not an object"),
    ({"environment": {"device": 0}}, "'device' is not text: 0"),
    ({"environment": {"details": 1}}, "'details' is not an object"),
    ({"baseline": {"uid": 1}}, "'uid' is not text: 1"),
    ({"baseline": {"uid": "a\0"}}, "'uid' is not up to 128 ASCII characters"),
    ({"baseline": "a b"}, "'baseline' is not up to 128 ASCII characters"),
    ({"parent": ""}, "'parent' is not up to 128 ASCII characters"),
    ({"baseline": 5}, "'baseline' is not an object"),
    ({"parent": []}, "'parent' is not an object"),
    ({"params": {"a": [1]}}, "parameter 'a' is neither text nor number"),
    ({"params": [1]}, "'params' is not an object"),
    ({"tags": {"a": 1}}, "tag 'a' is not text: 1"),
    ({"tags": {"a": None}}, "tag 'a' is not text: None"),
    ({"artifacts": {}}, "'artifacts' is not a list"),
    ({"artifacts": ["a"]}, "an artifact has no name"),
    ({"artifacts": [{"name": ""}]}, "an artifact has no name"),
    ({"artifacts": [{"name": 1}]}, "'name' is not text: 1"),
    ({"artifacts": [{"name": "a", "uri": 1}]}, "'uri' is not text: 1"),
    ({"artifacts": [{"name": "a", "size_bytes": -1}]}, "'size_bytes' is not a whole number: -1"),
    ({"metrics": [1]}, "'metrics' is not an object"),
    ({"metrics": {"a": "x"}}, "'a' is not a number: 'x'"),
    ({"metrics": {"a": True}}, "'a' is not a number: True"),
    ({"metrics": {"a": [1]}}, "'a' is not a number: [1]"),
    ({"metrics": {"a": {}}}, "metric 'a' has neither 'value' nor 'values'"),
    ({"metrics": {"a": {"value": "1"}}}, "'a' is not a number: '1'"),
    ({"metrics": {"a": {"value": 1, "unit": 5}}}, "'unit' is not text: 5"),
    ({"metrics": {"a": {"value": 1, "direction": "up"}}}, "'direction' is 'up'"),
    ({"metrics": {"a": {"value": 1, "family": 5}}}, "'family' is not text: 5"),
    ({"metrics": {"a": {"value": 1, "std": "big"}}}, "'std' is not a number: 'big'"),
    ({"metrics": {"a": {"value": 1, "n": -1}}}, "'n' is not a whole number: -1"),
    ({"metrics": {"a": {"value": 1, "scale": 0}}}, "scale of 'a' is not a factor: 0"),
    ({"metrics": {"a": {"value": 1, "scale": None}}}, "scale of 'a' is not a factor: None"),
    ({"metrics": {"a": {"value": 1, "source_name": 5}}}, "'source_name' is not text: 5"),
    ({"metrics": {"a": {"values": 1}}}, "'a' is not a list of numbers"),
    ({"metrics": {"a": {"values": [True]}}}, "'a' is not a number: True"),
    ({"metrics": {"a": {"values": [1], "steps": 1}}}, "steps of 'a' are not a list"),
    ({"metrics": {"a": {"values": [1], "steps": [0.5]}}}, "steps of 'a' are not whole numbers"),
    ({"metrics": {"a": {"values": [1], "steps": [2**63]}}}, "steps of 'a' are not whole numbers"),
    ({"metrics": {"a": {"values": [1, 2], "steps": [1, 1.0]}}}, "metric 'a' repeats a step"),
    ({"metrics": {"a": {"values": [1], "wall_times": 1}}}, "'a' is not a list of numbers"),
    ({"samples": {"a": 1}}, "'a' is not a list of numbers"),
    ({"samples": {"a": {"values": "x"}}}, "'a' is not a list of numbers"),
    ({"samples": {"a": {"values": [], "unit": 5}}}, "'unit' is not text: 5"),
]
# what a schema cannot say
REFUSED_BY_THE_READER_ONLY = [
    ({"started_at": "yesterday"}, "'started_at' is not a time: 'yesterday'"),
    ({"finished_at": 5}, "'finished_at' is not a time: 5"),
    ({"metrics": {"a": {"values": [1], "steps": [1, 2]}}}, "'a' has lists of unequal length"),
    ({"metrics": {"a": {"values": [1], "wall_times": []}}}, "'a' has lists of unequal length"),
    ({"metrics": {"a": {"values": [1], "wall_times": [1e300]}}}, "wall_times of 'a' are not seco"),
    ({"metrics": {"a": {"values": [1], "wall_times": ["Infinity"]}}}, "wall_times of 'a' are not"),
]


@pytest.mark.parametrize(
    ("more", "problem"), [*REFUSED, *REFUSED_BY_THE_READER_ONLY], ids=lambda value: f"{value!s:.50}"
)
def test_a_value_of_the_wrong_kind_names_its_run_and_the_schema(
    more: dict[str, Any], problem: str
) -> None:
    with pytest.raises(MalformedSourceError) as caught:
        read([PLAIN, run(**more)])

    assert f"/1: {problem}" in str(caught.value)
    assert caught.value.hint == "docs/run.schema.json describes the format"


def test_in_jsonl_the_line_is_named() -> None:
    lines = f"{json.dumps(PLAIN)}\n\n{json.dumps(run(seed='x'))}\n"

    with pytest.raises(MalformedSourceError, match="line 3: 'seed' is not a whole number"):
        read(lines, "runs.jsonl")


@pytest.mark.parametrize("item", [1, "text", None, [PLAIN]])
def test_an_item_that_is_no_object_is_named(item: Any) -> None:
    with pytest.raises(MalformedSourceError, match="/1: not an object"):
        read([PLAIN, item])


# --- the schema ------------------------------------------------------------------------------


def objects(path: Path) -> list[Any]:
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".jsonl":
        return [json.loads(line) for line in text.splitlines()]
    document = json.loads(text)
    return document if isinstance(document, list) else [document]


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    for example in SCHEMA["examples"]:
        VALIDATOR.validate(example)
        assert read(example).reader == "cetrack"


def test_the_schema_lists_the_keys_that_the_reader_knows() -> None:
    assert set(SCHEMA["properties"]) == KNOWN_KEYS


@pytest.mark.parametrize("path", sorted((SAMPLES / "cetrack").iterdir()), ids=lambda p: p.name)
def test_the_samples_are_valid(path: Path) -> None:
    for item in objects(path):
        VALIDATOR.validate(item)


@pytest.mark.parametrize("more", [more for more, _ in REFUSED], ids=lambda value: f"{value!s:.50}")
def test_what_the_reader_refuses_is_invalid(more: dict[str, Any]) -> None:
    assert not VALIDATOR.is_valid(run(**more))


WRONG = [
    None,
    0,
    1,
    -1,
    1.5,
    True,
    "",
    "x",
    [],
    {},
    [1],
    {"uid": "u"},
    "NaN",
    2**64,
    {"values": [1]},
]


def altered(item: Any, numbers: random.Random) -> Any:
    """A copy with one value somewhere in it replaced or removed."""
    changed = copy.deepcopy(item)
    holders = [holder for holder in _holders(changed) if holder]
    holder = numbers.choice(holders)
    key = numbers.choice(sorted(holder) if isinstance(holder, dict) else range(len(holder)))
    if numbers.random() < 0.2:
        del holder[key]
    else:
        holder[key] = copy.deepcopy(numbers.choice(WRONG))
    return changed


def _holders(value: Any) -> Iterator[Any]:
    if isinstance(value, (dict, list)):
        yield value
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _holders(inner)


def accepted(item: Any) -> bool | None:
    """Whether the reader takes it; None where the reason is one that a schema cannot say."""
    try:
        read(item, reader="cetrack")
    except ReadError as error:
        beyond = ("is not a time", "unequal length", "are not seconds")
        return None if any(text in str(error) for text in beyond) else False
    return True


def test_reader_and_schema_agree_on_thousands_of_altered_runs() -> None:
    numbers = random.Random(7)
    whole = [item for path in sorted((SAMPLES / "cetrack").iterdir()) for item in objects(path)]
    seen = {True: 0, False: 0}
    for _ in range(3000):
        item = altered(numbers.choice(whole), numbers)
        taken = accepted(item)
        if taken is not None:
            assert VALIDATOR.is_valid(item) is taken, json.dumps(item)
            seen[taken] += 1
    assert min(seen.values()) > 500


# --- export and back -------------------------------------------------------------------------


def exported(store: Store) -> list[str]:
    return [as_line(item) for item in export_runs(store)]


@pytest.mark.parametrize(
    "name",
    [
        "benchmark/nightly.json", "benchmark/odd.json", "compression/ptq.json",
        "compression/calls.jsonl", "epochs/lists.json", "epochs/log.jsonl", "epochs/by_model.json",
        "cetrack/one.json", "cetrack/list.json", "cetrack/runs.jsonl",
    ],
)  # fmt: skip
def test_what_is_exported_is_valid_and_comes_back_the_same(
    name: str, sqlite_store: Store, tmp_path: Path, sqlite_template: Path
) -> None:
    assert not ingest(sqlite_store, [str(SAMPLES / name)]).rejected
    lines = exported(sqlite_store)
    for line in lines:
        VALIDATOR.validate(json.loads(line))

    path = tmp_path / "runs.jsonl"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    copied = tmp_path / "copy.db"
    copied.write_bytes(sqlite_template.read_bytes())
    with Store.open(str(copied)) as other:
        assert not ingest(other, [str(path)]).rejected
        assert exported(other) == lines
    assert lines


def test_a_time_source_is_kept() -> None:
    (record,) = read(run(started_at="2026-01-31", time_source="mtime")).records

    assert record.time_source is TimeSource.MTIME
    assert normalize(record).record.time_source is TimeSource.MTIME
