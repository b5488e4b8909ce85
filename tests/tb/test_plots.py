"""Pareto fronts and trends as TensorBoard's images."""

from __future__ import annotations

import subprocess
import sys
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from cetrack.errors import UsageError
from cetrack.export_tb import View, export_tb
from cetrack.exporting import plot_files
from cetrack.filter import parse_all
from cetrack.store import Store
from tests.tb.building import Spec, fill, nights
from tests.tb.reading import runs, times, tree
from tests.tb.serving import LOADERS
from tests.tb.test_changes import NIGHTS

PLOTS = [View.PLOTS]
HOSTILE = "a_b <i>&\\x$y$ [t](u)"


def images(logs: Path, loader: str = "python") -> dict[str, bytes]:
    with LOADERS[loader](logs) as served:
        found = served.images()
    assert list(found) == ["plots"]
    return found["plots"]


@pytest.mark.parametrize("loader", LOADERS)
def test_tensorboard_shows_them(sqlite_store: Store, logs: Path, loader: str) -> None:
    fill(sqlite_store, nights(count=2))

    report = export_tb(sqlite_store, logs, views=PLOTS)

    found = images(logs, loader)
    assert report.warnings == ()
    assert set(found) == {
        "pareto/accuracy over latency_mean_ms",
        "trend/resnet50/accuracy",
        "trend/resnet50/accuracy_drop",
        "trend/resnet50/accuracy_retention_pct",
        "trend/resnet50/latency_mean_ms",
        "trend/resnet50/speedup",
    }
    for png in found.values():
        with Image.open(BytesIO(png)) as image:
            assert image.format == "PNG"
            assert 300 <= image.width <= 500
            assert len(image.convert("L").getcolors() or range(257)) > 10  # something is drawn


def test_width_and_height_are_those_of_the_image(sqlite_store: Store, logs: Path) -> None:
    fill(sqlite_store, nights(count=2))
    export_tb(sqlite_store, logs, views=PLOTS)

    with LOADERS["python"](logs) as served:
        sizes = served.image_sizes()["plots"]

    for tag, png in images(logs).items():
        with Image.open(BytesIO(png)) as image:
            assert sizes[tag] == image.size


def test_what_has_moved_is_said_below_it(store: Store, logs: Path) -> None:
    fill(store, NIGHTS)

    export_tb(store, logs, views=PLOTS)

    with LOADERS["python"](logs) as served:
        said = served.image_descriptions()["plots"]
    uid = NIGHTS[8].uid
    assert said["trend/resnet50/latency_mean_ms"] == (
        f"- resnet50,int8: 20 to 30 ms at run 9 of 2026-03-09 ({uid})".replace("_", "&#95;")
        .replace("(", "&#40;")
        .replace(")", "&#41;")
    )
    assert said["trend/resnet50/accuracy"] == ""


def test_names_are_no_markup(sqlite_store: Store, logs: Path) -> None:
    fill(sqlite_store, [*nights(HOSTILE, count=2), *nights("../up", count=2)])

    export_tb(sqlite_store, logs, views=PLOTS)

    assert runs(logs) == ["plots"]
    assert len(images(logs)) == 1 + 2 * 5  # a front, and five metrics of two models


def test_only_what_matches_is_drawn(sqlite_store: Store, logs: Path) -> None:
    fill(sqlite_store, [*nights(count=2), *nights("vgg16", count=2)])

    export_tb(sqlite_store, logs, views=PLOTS, where=parse_all(["model=vgg16"]))

    assert not [tag for tag in images(logs) if "resnet50" in tag]
    assert "trend/vgg16/accuracy" in images(logs)


def test_the_most_used_are_drawn(
    sqlite_store: Store, logs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plot_files, "MOST_METRICS", 1)
    monkeypatch.setattr(plot_files, "MOST_MODELS", 1)
    fill(sqlite_store, [*nights(count=2), *nights("vgg16", count=3)])

    export_tb(sqlite_store, logs, views=PLOTS)

    trends = [tag for tag in images(logs) if tag.startswith("trend/")]
    assert trends == ["trend/vgg16/accuracy"]


def test_nothing_to_draw_is_said(sqlite_store: Store, logs: Path) -> None:
    fill(sqlite_store, [Spec(metrics={"loss": 1.0})])

    (warning,) = export_tb(sqlite_store, logs, views=PLOTS).warnings

    assert warning.startswith("no plot: ")


def test_again_is_the_same_and_nothing_is_written(store: Store, logs: Path) -> None:
    fill(store, nights(count=2))
    export_tb(store, logs, views=PLOTS)
    before, content = times(logs), tree(logs)

    export_tb(store, logs, views=PLOTS)

    assert (times(logs), tree(logs)) == (before, content)


MISSING = """
import sys
sys.modules[{module!r}] = None
from pathlib import Path
from cetrack.errors import UsageError
from cetrack.export_tb import View, export_tb
from cetrack.store import Store
with Store.open({url!r}) as store:
    try:
        export_tb(store, Path({logs!r}), views=[View({view!r})])
    except UsageError as error:
        print(error.message, "|", error.hint)
"""


@pytest.mark.parametrize(
    ("view", "module", "answer"),
    [
        ("plots", "matplotlib", 'plots need matplotlib | pip install "cetrack[plots]"'),
        (
            "changes",
            "ruptures",
            'change points need ruptures and scipy | pip install "cetrack[stats]"',
        ),
    ],
)
def test_without_its_library_a_view_says_what_to_install(
    sqlite_store: Store, logs: Path, view: str, module: str, answer: str
) -> None:
    fill(sqlite_store, nights(count=2))
    url = sqlite_store.engine.url.render_as_string()
    code = MISSING.format(module=module, url=url, logs=str(logs), view=view)

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == answer
    assert not logs.exists()


def test_unknown_views_are_refused_before_anything_is_written(
    sqlite_store: Store, logs: Path
) -> None:
    with pytest.raises(UsageError, match="no view to export"):
        export_tb(sqlite_store, logs, views=[])
    assert not logs.exists()
