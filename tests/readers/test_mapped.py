"""Formats that cetrack.toml defines: what they match, what they make, and what is wrong in one."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from cetrack.config import load_settings
from cetrack.domain import Kind, NormalRun, Notice, RunRecord
from cetrack.errors import ReadError, UnknownFormatError, UsageError
from cetrack.ingest import IngestOptions, IngestReport, ingest
from cetrack.mappings import (
    KINDS,
    Format,
    How,
    MappingError,
    Where,
    parse_format,
    parse_formats,
    part_of_name,
)
from cetrack.normalize import normalize
from cetrack.readers.base import Match
from cetrack.readers.mapped import MappedReader
from cetrack.readers.registry import choose, reader_named, readers, readers_with
from cetrack.store import Store
from tests.readers.reading import source, values

DOCS = Path(__file__).parents[2] / "docs" / "mappings.md"
NESTED = {
    "date": "2026-02-03",
    "board": "rpi5",
    "nets": {
        "lenet": {
            "int8": {"lat": 0.61, "sz": 61440, "top": 98.9, "note": "warm", "reps": 50},
            "fp32": {"lat": 1.92, "sz": 245760, "top": 99.1, "reps": 50},
        }
    },
}
BENCH = """
match = "bench_*.json"
rows = "nets.*.*"
model = "key(1)"
precision = "key(2)"
device = "/board"
time = "/date"
library = "= timm"
ignore = ["note"]
[metrics]
lat = { name = "latency_mean", unit = "ms" }
sz = { name = "model_size", unit = "bytes" }
top = { name = "accuracy", unit = "%" }
"""
TABLE = """
keys = ["net", "dtype", "p50"]
model = "net"
precision = "dtype"
batch_size = "batch"
device = "file(lat-{}.csv)"
[metrics]
p50 = { name = "latency_p50", unit = "us" }
"""


def defined(text: str, name: str = "bench") -> Format:
    return parse_format(name, tomllib.loads(text), "cetrack.toml")


def made(text: str, content: Any, name: str) -> tuple[list[NormalRun], list[str]]:
    """The runs of a content by a definition, and what was said."""
    found = source(content, name)
    reader, match = choose(found, (defined(text),))
    assert match is Match.YES
    assert reader.name == "bench"
    items = list(reader.read(found))
    runs = [normalize(item) for item in items if isinstance(item, RunRecord)]
    notices = [item for item in items if isinstance(item, Notice)]
    notices += [notice for run in runs for notice in run.notices]
    return runs, [f"{notice.place}: {notice.text}" for notice in notices]


# --- what comes of a definition --------------------------------------------------------------


def test_keys_constants_the_top_and_units() -> None:
    (int8, fp32), said = made(BENCH, NESTED, "bench_7.json")

    assert (int8.model.name, int8.model.library, int8.precision.name) == ("lenet", "timm", "int8")
    assert values(int8) == {
        "latency_mean_ms": 0.61, "model_size_mb": 0.06144, "accuracy": pytest.approx(0.989),
    }  # fmt: skip
    assert values(fp32)["latency_mean_ms"] == 1.92
    size = int8.series[1]
    assert (size.source_name, size.source_unit) == ("sz", "bytes")
    assert int8.params == {"reps": 50}
    record = int8.record
    assert record.environment.device == "rpi5"
    assert record.started_at is not None
    assert record.started_at.isoformat() == "2026-02-03T00:00:00+00:00"
    assert (record.place, record.kind, record.format) == ("/nets/lenet/int8", "benchmark", "bench")
    assert said == []


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("net,dtype,batch,p50\nlenet,int8,4,610\nlenet,fp32,4,1920\n", "lat-orin.csv"),
        ("net\tdtype\tbatch\tp50\nlenet\tint8\t4\t610\nlenet\tfp32\t4\t1920\n", "lat-orin.csv"),
        ("\ufeffnet ; dtype ; batch ; p50\r\nlenet;int8;4;610\r\nlenet;fp32;4;1920\r\n",
         "lat-orin.csv"),
        ('{"net":"lenet","dtype":"int8","batch":4,"p50":610}\n'
         '{"net":"lenet","dtype":"fp32","batch":4,"p50":"1920"}\n', "lat-orin.csv"),
        ("- {net: lenet, dtype: int8, batch: 4, p50: 610}\n"
         "- {net: lenet, dtype: fp32, batch: 4, p50: 1920}\n", "lat-orin.yaml"),
    ],
    ids=["csv", "tsv", "semicolons", "jsonl", "yaml"],
)  # fmt: skip
def test_rows_of_every_text(text: str, name: str) -> None:
    definition = TABLE.replace("lat-{}.csv", "lat-{}.*")
    (first, second), said = made(definition, text, name)

    assert values(first) == {"latency_median_ms": 0.61}
    assert values(second) == {"latency_median_ms": 1.92}
    assert (first.record.batch_size, first.record.environment.device) == (4, "orin")
    assert [first.precision.name, second.precision.name] == ["int8", "fp32"]
    assert said == []


@pytest.mark.parametrize(
    ("rows", "content", "places"),
    [
        ("", {"a": 1.5, "k": 1}, [""]),
        ("", [{"a": 1.5, "k": 1}, 3, {"a": 2.5}], ["/0", "/2"]),
        ("runs", {"k": 1, "runs": [{"a": 1.5}]}, ["/runs/0"]),
        ("runs.*", {"k": 1, "runs": [{"a": 1.5}]}, ["/runs/0"]),
        ("runs.1", {"k": 1, "runs": [{"a": 0.5}, {"a": 1.5}]}, ["/runs/1"]),
        ("x.*.y", {"k": 1, "x": {"p": {"y": {"a": 1.5}}, "q": {"z": 0}}}, ["/x/p/y"]),
        ("*.*", {"k": {"r": {"a": 1.5}}, "l": {"r": {"a": 2.5}}}, ["/k/r", "/l/r"]),
    ],
)
def test_where_the_runs_are(rows: str, content: Any, places: list[str]) -> None:
    definition = 'keys = ["k"]\n' + (f'rows = "{rows}"\n' if rows else "") + 'model = "= m"\n'
    runs, _ = made(definition, content, "x.json")

    assert [run.record.place for run in runs] == places
    assert values(runs[0])["a"] == 1.5


def test_all_numbers_are_taken_without_a_table_or_with_a_star() -> None:
    content = {"k": 1, "x": {"lat_ms": 2.0, "odd": 3, "epochs": 5, "seed": 4, "text": "t"}}
    plain, _ = made('keys = ["k"]\nrows = "x"', content, "x.json")
    star, _ = made('keys = ["k"]\nrows = "x"\n[metrics]\nodd = "size_mb"\n"*" = true',
                   content, "x.json")  # fmt: skip

    assert values(plain[0]) == {"lat_ms": 2.0, "odd": 3.0}
    assert values(star[0]) == {"lat_ms": 2.0, "model_size_mb": 3.0}
    assert plain[0].params == star[0].params == {"epochs": 5, "text": "t"}
    assert plain[0].record.seed == 4


def test_spreads_lists_text_and_dotted_names() -> None:
    content = {
        "a.b": {"c": "12.5 %"},
        "lat": {"mean": 2.0, "std": 0.5},
        "raw": [1.0, None, 3.0],
        "gone": "N/A",
        "odd": [[1]],
        "word": "fast",
    }
    text = """
    keys = ["lat"]
    [metrics]
    "a.b.c" = "accuracy"
    lat = { name = "latency", unit = "s" }
    raw = { name = "latency_samples", unit = "s" }
    gone = "recall"
    odd = "f1_score"
    word = "auc"
    missing = "loss"
    """
    (run,), said = made(text, content, "x.json")

    assert values(run) == {"accuracy": 0.125, "latency_ms": 2000.0}
    spread = run.series[1].spread
    assert spread is not None
    assert spread.std == 500.0
    assert run.samples[0].values.tolist() == [1000.0, 3000.0]
    assert said == [
        ": 'missing' is in 0 of 1 runs",
        ": 'odd' is [[1]], no number: left out",
        ": 'word' is 'fast', no number: left out",
    ]


def test_the_list_of_a_training_is_its_steps() -> None:
    text = 'keys = ["loss"]\nkind = "training"\n[metrics]\nloss = "train_loss"'
    (run,), _ = made(text, {"loss": [3.0, None, 1.0], "precision": "fp32"}, "x.json")

    assert run.record.kind == Kind.TRAINING
    assert run.series[0].metric.name == "train/loss"
    assert run.series[0].steps.tolist() == [1, 3]
    assert run.series[0].source_name == "loss"


def test_what_is_missing_or_senseless_is_told_once() -> None:
    rows = [{"m": "a", "seed": "x", "bits": 8, "v_ms": 1.0}, {"m": "b", "v_ms": 2.0}]
    text = 'keys = ["m"]\nmodel = "m"\nseed = "seed"\nprecision = "bits"\ndevice = "/dev"'
    runs, said = made(text, rows, "x.json")

    assert [run.precision.name for run in runs] == ["int8", "unknown"]
    assert said == [
        "/0: device ('dev') is in 0 of 2 runs",
        "/1: precision ('bits') is in 1 of 2 runs",
        "/1: seed ('seed') is in 1 of 2 runs",
        "/0: 'x' is no seed: left out",
    ]


@pytest.mark.parametrize(
    ("pattern", "name", "part"),
    [
        ("{}_int8*.json", "lenet_int8_v2.json", "lenet"),
        ("lat-{}.csv", "lat-orin-nx.csv", "orin-nx"),
        ("*_{}.csv", "a_c.csv", "c"),
        ("?x{}", "axb", "b"),
        ("{}.json", "a.csv", ""),
        ("a+{}.json", "aab.json", ""),
    ],
)
def test_a_part_of_a_name(pattern: str, name: str, part: str) -> None:
    assert part_of_name(pattern, name) == part


# --- which files -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("match", "name", "fits"),
    [
        ('"bench_*.json"', "bench_1.json", True),
        ('"bench_*.json"', "x/bench_1.json.gz", True),
        ('"bench_*.json"', "other.json", False),
        ('["a.json", "b.json"]', "b.json", True),
        ('"int8/*.json"', "runs/int8/a.json", True),
        ('"int8/*.json"', "runs/fp32/a.json", False),
    ],
)
def test_names(match: str, name: str, fits: bool) -> None:
    reader = MappedReader(defined(f"match = {match}"))

    assert (reader.sniff(source({"a_ms": 1.5}, name)) is Match.YES) is fits


def test_a_format_of_the_user_goes_before_the_built_in_ones() -> None:
    content = {"lenet": {"fp32": {"accuracy": 0.9}, "int8": {"accuracy": 0.8}}}
    formats = (defined('keys = ["lenet"]\nrows = "*.*"'),)

    assert choose(source(content))[0].name == "benchmark"
    assert choose(source(content), formats)[0].name == "bench"
    assert choose(source({"vgg": content["lenet"]}), formats)[0].name == "benchmark"


def test_two_formats_that_match_leave_it_to_the_user() -> None:
    formats = (defined('match = "*.json"', "one"), defined('keys = ["a"]', "two"))

    with pytest.raises(UnknownFormatError, match="could be one or two"):
        choose(source({"a": 1}), formats)


@pytest.mark.parametrize(
    ("text", "content", "why"),
    [
        ('match = "f*.json"\nkeys = ["a", "b"]', {"a": 1}, "bench: no key 'b'"),
        ('match = "f*.json"\nrows = "x.*"', {"a": 1}, "bench: no object at rows = 'x.*'"),
    ],
)
def test_a_file_that_is_named_so_and_is_not_it_is_told(text: str, content: Any, why: str) -> None:
    with pytest.raises(UnknownFormatError) as caught:
        choose(source(content), (defined(text),))

    assert why in caught.value.problem


@pytest.mark.parametrize(
    "content", [b"", b"{", b"\x00\x01", b"[1, 2]", b"\xff\xfe", b"null", b"a,b\n1,2,3,4\n"]
)
def test_broken_content_is_nobodys_and_raises_only_read_errors(content: bytes) -> None:
    reader = MappedReader(defined('match = "f*"\nrows = "a.*"'))
    found = source(content, "f.json")

    assert reader.sniff(found) is Match.NO
    reader.objection(found)
    with pytest.raises(ReadError):
        list(reader.read(found))


# --- wrong definitions -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "key", "problem", "hint"),
    [
        ("modle = 'x'\nmatch = 'a'", "modle", "no key called 'modle'", "did you mean model?"),
        ("zzz = 1\nmatch = 'a'", "zzz", "no key called 'zzz'", "there are: match, keys, kind"),
        ("rows = 'a.*'", "match", "nothing says which files", 'match = "bench_*.csv"'),
        ("match = 3", "match", "must be text in quotes, or a list", None),
        ("match = []", "match", "must be text in quotes, or a list", None),
        ("keys = ['a', 1]", "keys", "must be text in quotes, or a list", None),
        ("match = 'a'\nkind = 'bench'", "kind", "no kind called 'bench'", "did you mean bench"),
        ("match = 'a'\nrows = 'a..b'", "rows", "must be a path", None),
        ("match = 'a'\nmodel = 3", "model", "must be text that says where", '"= 3"'),
        ("match = 'a'\nmodel = ''", "model", "must be text that says where", None),
        ("match = 'a'\nmodel = '='", "model", "a constant without a value", 'write "= int8"'),
        ("match = 'a'\nrows = 'x.*'\nmodel = 'key(2)'", "model", "key(2), but rows = 'x.*' has 1",
         None),
        ("match = 'a'\nmodel = 'key(0)'", "model", "key(0), but rows = ''", None),
        ("match = 'a'\nmodel = 'file(*.csv)'", "model", "file(…) needs one {}", "{} is the part"),
        ("match = 'a'\nmodel = '/a..b'", "model", "must be a path", None),
        ("match = 'a'\nmetrics = 'x'", "metrics", "must be a table", '"*" = true'),
        ("match = 'a'\n[metrics]\na = 3", "metrics.a", "must be a name", None),
        ("match = 'a'\n[metrics]\na = {nme = 'x'}", "metrics.a", "no key called 'nme'",
         "did you mean name?"),
        ("match = 'a'\n[metrics]\na = {unit = 3}", "metrics.a", "unit must be text", None),
        ("match = 'a'\n[metrics]\n'*' = 'x'", "metrics.*", '"*" = true is all', None),
        ("match = 'a'\nignore = 1", "ignore", "must be text in quotes, or a list", None),
    ],
)  # fmt: skip
def test_a_wrong_definition_says_where(text: str, key: str, problem: str, hint: str | None) -> None:
    with pytest.raises(MappingError) as caught:
        defined(text)

    assert caught.value.key == key
    assert problem in caught.value.problem
    assert "\n" not in caught.value.problem
    assert hint is None or hint in (caught.value.hint or "")


@pytest.mark.parametrize("name", ["", "1st", "a b", "suggest", "x" * 65])
def test_a_wrong_name(name: str) -> None:
    with pytest.raises(MappingError, match="is no name of a format"):
        parse_format(name, {"match": "a"})


@pytest.mark.parametrize(
    ("text", "line", "problem", "hint"),
    [
        ('[formats.bench]\nmatch = "a"\n\n[formats.bench.metrics]\nlat = 3\n', 5,
         "formats.bench.metrics.lat: must be a name", None),
        ('model = "x"\n', 1, "no setting called 'model'", None),
        ('[formats.one]\nmatch = "a"\nmodle = "x"\n[formats.two]\nmodle = "y"\n', 3,
         "formats.one.modle: no key called 'modle'", "did you mean model?"),
        ('formats = 3\n', 1, "formats: must be a table of formats", "write [formats.my_bench]"),
        ('[formats]\nbench = 3\n', 2, "formats.bench: must be a table", "write [formats.bench]"),
        ('db = "x"\n[formats.bench]\nrows = "a"\n', 2, "formats.bench.match: nothing says", None),
    ],
)  # fmt: skip
def test_a_wrong_file_names_the_table_the_key_and_the_line(
    tmp_path: Path, text: str, line: int, problem: str, hint: str | None
) -> None:
    path = tmp_path / "cetrack.toml"
    path.write_text(text)

    with pytest.raises(UsageError) as caught:
        load_settings(path)

    assert caught.value.message.startswith(f"{path}:{line}: {problem}")
    assert hint is None or caught.value.hint == hint


def test_a_format_may_not_have_the_name_of_a_reader() -> None:
    formats = (parse_format("benchmark", {"match": "a"}, "/lab/cetrack.toml"),)

    with pytest.raises(UsageError) as caught:
        readers_with(formats)

    assert caught.value.message == (
        "/lab/cetrack.toml: formats.benchmark: there is a reader of that name"
    )
    assert caught.value.hint == "call it my_benchmark"


def test_a_format_is_found_by_name_and_others_do_not_know_it() -> None:
    formats = (defined('match = "a"'),)

    assert reader_named("bench", formats).name == "bench"
    assert "bench" not in readers()
    with pytest.raises(UsageError, match="no reader called 'bench'"):
        reader_named("bench")


def test_the_version_is_another_one_for_another_definition() -> None:
    one, other = defined('match = "a"'), defined('match = "b"')
    moved = parse_format("bench", {"match": "a"}, "/elsewhere/cetrack.toml")

    assert one.version == moved.version != other.version
    assert 0 < one.version < 2**31
    assert one == moved
    assert defined('match = "a"\nmodel = "key(1)"\nrows = "*"').fields == (
        ("model", Where(How.KEY, "1")),
    )


def test_the_kinds_are_those_of_the_domain() -> None:
    assert set(KINDS) == set(Kind)


# --- ingesting -------------------------------------------------------------------------------


def write(path: Path, content: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def take(store: Store | None, folder: Path, text: str, **more: Any) -> IngestReport:
    workers = more.pop("workers", 1)
    options = IngestOptions(formats=(defined(text),) if text else (), **more)
    return ingest(store, [str(folder)], options, workers=workers)


def test_a_file_is_read_again_when_the_definition_changes_and_only_then(
    store: Store, tmp_path: Path
) -> None:
    write(tmp_path / "bench_1.json", NESTED)

    first = take(store, tmp_path, BENCH).sources[0]
    again = take(store, tmp_path, BENCH).sources[0]
    changed = take(store, tmp_path, BENCH.replace("accuracy", "top5_accuracy")).sources[0]

    assert (first.reader, first.runs_new) == ("bench", 2)
    assert (again.runs_unchanged, again.points) == (2, 0)
    assert (changed.runs_new, changed.runs_updated) == (0, 2)


def test_a_file_that_another_reader_took_is_read_by_a_format_that_came_later(
    store: Store, tmp_path: Path
) -> None:
    content = {"lenet": {"fp32": {"accuracy": 0.9}, "int8": {"accuracy": 0.8}}}
    write(tmp_path / "bench_1.json", content)
    write(tmp_path / "other.json", {"vgg": content["lenet"]})

    take(store, tmp_path, "")
    report = take(store, tmp_path, 'match = "bench_*.json"\nrows = "*.*"').sources

    assert [(item.reader, item.runs_new) for item in report] == [("bench", 2), ("benchmark", 0)]


def test_names_in_a_folder_are_looked_at_whatever_their_suffix(tmp_path: Path) -> None:
    write(tmp_path / "deep" / "bench.result", {"lat_ms": 1.5})
    write(tmp_path / "deep" / "note.result", {"lat_ms": 1.5})

    report = take(None, tmp_path, 'match = "bench.*"\nmodel = "= m"', dry_run=True)

    assert [Path(item.uri).name for item in report.sources] == ["bench.result"]


def test_worker_processes_know_the_formats_too(store: Store, tmp_path: Path) -> None:
    for number in range(4):
        write(tmp_path / f"bench_{number}.json", {**NESTED, "date": f"2026-02-0{number + 1}"})

    report = take(store, tmp_path, BENCH, workers=2)

    assert [item.reader for item in report.sources] == ["bench"] * 4
    assert sum(item.runs_new for item in report.sources) == 8


# --- the page --------------------------------------------------------------------------------


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)


def test_the_examples_of_the_page_do_what_it_says() -> None:
    tables = [tomllib.loads(text)["formats"] for text in blocks("toml")]
    formats = [parse_formats(table, "docs")[0] for table in tables]
    (nested,) = map(json.loads, blocks("json"))

    items = list(MappedReader(formats[0]).read(source(nested, "bench_2026-02-03.json")))
    runs = [normalize(item) for item in items if isinstance(item, RunRecord)]
    assert [(run.model.name, run.precision.name) for run in runs] == [
        ("lenet", "q8"), ("lenet", "full"),
    ]  # fmt: skip
    assert values(runs[0]) == {
        "latency_mean_ms": 0.61, "model_size_mb": 0.06144, "accuracy": pytest.approx(0.989),
    }  # fmt: skip

    table = "net;dtype;batch;p50;p99\nlenet;int8;1;610;700\n"
    (run,) = (
        normalize(item)
        for item in MappedReader(formats[1]).read(source(table, "lat-jetson.csv"))
        if isinstance(item, RunRecord)
    )
    assert values(run) == {"latency_median_ms": 0.61, "latency_p99_ms": 0.7}
    assert run.record.environment.device == "jetson"
