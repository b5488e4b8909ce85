"""Derived metrics in every view: run files, the HPARAMS table, trend, compare, charts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import update

from cetrack.config import load_settings
from cetrack.definitions import Definition
from cetrack.deriving import derive
from cetrack.export_tb import View, export_tb
from cetrack.ingest import IngestOptions, ingest
from cetrack.models import RunMetric
from cetrack.store import Store, touch
from tests.tb.building import Spec, fill, nights
from tests.tb.reading import scalars, summary_values, tree
from tests.tb.serving import served_by_python

NIGHTS = nights(count=2)


def test_a_run_has_what_follows_from_its_numbers(store: Store, logs: Path) -> None:
    fill(store, NIGHTS)

    export_tb(store, logs)

    (folder,) = logs.glob(f"runs/*/*/int8/*_{NIGHTS[1].uid[:10]}")
    found = {tag: points for tag, points in scalars(folder).items() if tag.startswith("derived/")}
    assert {tag: points[0][:2] for tag, points in found.items()} == {
        "derived/accuracy_drop": (0, pytest.approx(0.01)),
        "derived/accuracy_retention_pct": (0, pytest.approx(0.75 / 0.76 * 100)),
        "derived/speedup": (0, 2.5),
    }


def test_the_table_has_a_column_for_each(sqlite_store: Store, logs: Path) -> None:
    fill(sqlite_store, NIGHTS)
    export_tb(sqlite_store, logs)

    with served_by_python(logs) as served:
        headings, rows = served.table()

    assert headings[:2] == ["accuracy", "latency_mean_ms"]
    assert set(headings[2:]) == {"accuracy_drop", "accuracy_retention_pct", "speedup"}
    (metrics,) = [row[1] for name, row in rows.items() if NIGHTS[1].uid[:10] in name]
    assert metrics["derived/speedup"] == 2.5


def test_lines_and_charts(store: Store, logs: Path) -> None:
    fill(store, NIGHTS)

    export_tb(store, logs, views=[View.TREND, View.COMPARE, View.CHARTS])

    line = scalars(logs / "trend" / "int8")["resnet50/speedup"]
    assert [(n, value) for n, value, _ in line] == [(1, 2.5), (2, float(np.float32(31 / 13)))]
    compared = scalars(logs / "compare" / "int8")
    assert compared["resnet50/speedup"] == line
    assert not {"resnet50/speedup_delta", "resnet50/speedup_ratio"} & compared.keys()
    with served_by_python(logs) as served:
        charts = served.charts()["speedup (higher is better)"]
    assert set(charts["resnet50"]) == {"compare/int8", "trend/int8"}


def test_a_stated_value_stays_beside_derived_ones(sqlite_store: Store, logs: Path) -> None:
    base, small = nights(count=1)
    stated = Spec(
        precision="int4", baseline=base, metrics={"latency_mean_ms": 10.0, "speedup": 9.0}
    )
    fill(sqlite_store, [base, small, stated])
    export_tb(sqlite_store, logs)

    with served_by_python(logs) as served:
        headings, rows = served.table()

    assert {"speedup", "speedup (derived)"} <= set(headings)
    (metrics,) = [row[1] for name, row in rows.items() if "/int4/" in name]
    assert metrics["compression/speedup"] == 9.0
    assert "derived/speedup" not in metrics


def test_a_baseline_measured_again_changes_what_follows(store: Store, logs: Path) -> None:
    ids = fill(store, NIGHTS)
    export_tb(store, logs / "again")

    with store.write() as connection:
        of_baseline = RunMetric.run_id == ids[NIGHTS[0].uid]
        connection.execute(update(RunMetric).where(of_baseline).values(last=0.5))
        touch(connection, [ids[NIGHTS[0].uid]])
    export_tb(store, logs / "again")
    export_tb(store, logs / "new")

    assert tree(logs / "again") == tree(logs / "new")


def defined(text: str, folder: Path) -> tuple[Definition, ...]:
    path = folder / "cetrack.toml"
    path.write_text(text)
    return load_settings(path).definitions or ()


def test_what_people_define_is_there_and_a_new_definition_is_noticed(
    store: Store, logs: Path, tmp_path: Path
) -> None:
    toml = '[derived.density]\nexpr = "{} * accuracy / latency_mean_ms"\ndirection = "higher"\n'
    fill(store, NIGHTS)
    derive(store, defined(toml.format(1), tmp_path))
    export_tb(store, logs / "again")
    (path,) = (logs / "again").glob(f"runs/*/*/int8/*_{NIGHTS[1].uid[:10]}")
    first = scalars(path)["derived/density"]
    assert first[0][1] == pytest.approx(0.75 / 12)
    assert "other/density" not in scalars(path)

    derive(store, defined(toml.format(2), tmp_path))
    export_tb(store, logs / "again")
    export_tb(store, logs / "new")

    assert scalars(path)["derived/density"][0][1] == pytest.approx(2 * 0.75 / 12)
    line = scalars(logs / "again" / "trend" / "int8")["resnet50/density"]
    assert [n for n, _, _ in line] == [1, 2]
    assert tree(logs / "again") == tree(logs / "new")


def test_what_is_out_of_date_is_counted(store: Store, logs: Path, tmp_path: Path) -> None:
    ids = fill(store, NIGHTS)
    derive(store, defined('[derived.half]\nexpr = "accuracy / 2"\n', tmp_path))
    assert export_tb(store, logs).warnings == ()

    with store.write() as connection:
        touch(connection, [ids[NIGHTS[1].uid]])

    (warning,) = export_tb(store, logs).warnings
    assert warning.startswith("1 derived values are out of date")
    (path,) = logs.glob(f"runs/*/*/int8/*_{NIGHTS[1].uid[:10]}")
    card: Any = summary_values(path)["card"]
    assert "half &#40;out of date&#41;" in card.tensor.string_val[0].decode()


def test_read_back_they_are_not_taken_for_stated(store: Store, logs: Path) -> None:
    fill(store, NIGHTS)
    export_tb(store, logs / "first", views=[View.RUNS, View.HPARAMS, View.TEXT])

    ingest(store, [str(logs / "first")], IngestOptions())
    export_tb(store, logs / "second", views=[View.RUNS])

    for path in (logs / "second").glob("runs/*/*/*/*"):
        assert not [tag for tag in scalars(path) if tag.startswith("compression/")]
