"""Figures as files: valid, the same every time, whatever the names are."""

from __future__ import annotations

import dataclasses
import os
import re
import struct
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from cetrack.errors import UsageError
from cetrack.plots import (
    Curve,
    Curves,
    ImageFormat,
    Size,
    compare_plot,
    epochs_plot,
    pareto_plot,
    trend_plot,
)
from cetrack.report.table import Spread
from tests.plots.made import (
    ACCURACY,
    HOSTILE,
    LATENCY,
    LOSS,
    SIZE,
    Change,
    Comparison,
    Entry,
    Pareto,
    Point,
    Trend,
    comparison_of,
    curves_of,
    line_of,
    pareto_of,
    trend_of,
)

ROOT = Path(__file__).parents[2]
Draw = Callable[..., bytes]
KINDS: dict[str, Draw] = {
    "pareto": lambda **how: pareto_plot(pareto_of(3), **how),
    "trend": lambda **how: trend_plot(trend_of(1), **how),
    "compare": lambda **how: compare_plot(comparison_of(2), **how),
    "epochs": lambda **how: epochs_plot(curves_of(1), **how),
}


def png_size(content: bytes) -> tuple[int, int]:
    assert content.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = struct.unpack(">II", content[16:24])
    return width, height


def svg_texts(content: bytes) -> list[str]:
    """Every text of an SVG, in order; raises where it is no XML."""
    root = ET.fromstring(content)
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    return ["".join(node.itertext()).strip() for node in root.iter() if node.tag.endswith("}text")]


# --- formats ------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_png_is_as_wide_as_a_column(kind: str) -> None:
    content = KINDS[kind](format="png")

    width, height = png_size(content)
    assert width == 990  # 3.3 inches of 300 dots
    assert 500 < height < 2700  # no higher than a page
    assert b"tIME" not in content


def test_sizes() -> None:
    assert png_size(epochs_plot(curves_of(1), size=Size.PAGE))[0] == 2070
    assert png_size(epochs_plot(curves_of(1), size=Size.SCREEN))[0] == 1320


def test_pdf_has_letters_and_no_date() -> None:
    content = pareto_plot(pareto_of(2), format=ImageFormat.PDF)

    assert content.startswith(b"%PDF-1.")
    assert content.rstrip().endswith(b"%%EOF")
    assert b"CreationDate" not in content
    assert b"/FontFile2" in content  # TrueType, not the Type 3 that journals refuse


def test_svg_of_a_pareto_front_names_what_it_shows() -> None:
    texts = svg_texts(pareto_plot(pareto_of(2), format="svg"))

    assert {"latency mean [ms]   ← better", "accuracy   better →"} <= set(texts)
    assert {"fp32", "int8", "int4", "net_000", "net_001"} <= set(texts)
    assert not any(re.search(r"\d{4}-\d\d-\d\d", text) for text in texts)


def test_svg_of_a_trend_names_models_lines_and_changes() -> None:
    texts = svg_texts(trend_plot(trend_of(2), format="svg"))

    assert {"net_000", "net_001", "fp32", "int8", "int4", "run"} <= set(texts)
    assert sum(re.fullmatch(r"\+[\d.]+ %", text) is not None for text in texts) == 2


def test_svg_of_a_comparison_says_what_marks_mean() -> None:
    texts = svg_texts(compare_plot(comparison_of(2), format="svg"))

    assert {"latency mean [ms]", "model size [MB]", "accuracy"} <= set(texts)
    assert {"change against fp32 [%]   ← better", "net_000", "net_001"} <= set(texts)
    assert "bars: one standard deviation" in texts
    assert "* p < 0.05, ** p < 0.01, *** p < 0.001 (welch, benjamini-hochberg)" in texts


def test_svg_of_epochs() -> None:
    texts = svg_texts(epochs_plot(curves_of(2), format="svg"))

    assert {"train/loss   ← better", "step", "net_000", "net_001", "fp32", "int8"} <= set(texts)


# --- the same bytes -----------------------------------------------------------------------------

SCRIPT = """
import hashlib
from cetrack.plots import *
from tests.plots.made import *
for content in (
    pareto_plot(pareto_of(5), format="png"),
    pareto_plot(pareto_of(5), format="svg"),
    trend_plot(trend_of(1, by="date"), format="pdf"),
    compare_plot(comparison_of(2), format="svg"),
    epochs_plot(curves_of(1), format="pdf"),
):
    print(hashlib.sha256(content).hexdigest())
"""


def drawn(folder: Path, settings: str, **environment: str) -> list[str]:
    """What a new process draws whose user has these settings of matplotlib."""
    folder.mkdir()
    (folder / "matplotlibrc").write_text(settings)
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", SCRIPT],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": path, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_the_same_input_gives_the_same_bytes_in_any_process(tmp_path: Path) -> None:
    plain = drawn(tmp_path / "one", "", PYTHONHASHSEED="1")
    loud = "font.size: 30\naxes.grid: False\nsvg.fonttype: path\ntext.usetex: True\n"

    other = drawn(
        tmp_path / "two", loud, PYTHONHASHSEED="2", SOURCE_DATE_EPOCH="0", TZ="Asia/Tokyo"
    )

    assert len(set(plain)) == 5
    assert other == plain


def test_nothing_of_matplotlib_is_changed_and_pyplot_is_not_loaded() -> None:
    script = (
        "import sys, matplotlib\n"
        "kept = [name for name in matplotlib.rcParams if name != 'backend']  # loads pyplot\n"
        "before = [matplotlib.rcParams[name] for name in kept]\n"
        "from cetrack.plots import pareto_plot\n"
        "from tests.plots.made import pareto_of\n"
        "pareto_plot(pareto_of(1))\n"
        "assert [matplotlib.rcParams[name] for name in kept] == before\n"
        "assert 'matplotlib.pyplot' not in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=False)
    assert done.returncode == 0


# --- names from anywhere ------------------------------------------------------------------------


def hostile_pareto() -> Pareto:
    points = [
        Point(f"{name} int8", name, "int8", 1.0 + n, 0.5 + n / 20, True)
        for n, name in enumerate(HOSTILE)
    ]
    return Pareto(dataclasses.replace(LATENCY, name="$x_1^{$"), ACCURACY, tuple(points))


def hostile_trend() -> Trend:
    values = np.array([1.0, 2.0, 3.0])
    lines = [line_of(name, "int8", values, by="commit") for name in HOSTILE[:6]]
    lines[0] = dataclasses.replace(lines[0], labels=("$\\int$", "_x", "模" * 50))
    return Trend(dataclasses.replace(LATENCY, unit="$\\mu$s"), tuple(lines))


def hostile_comparison() -> Comparison:
    base = Spread(2.0)
    entries = [Entry(n, "_int8,method=$x$", LATENCY, Spread(1.0), base, "$b_1$") for n in HOSTILE]
    return Comparison(tuple(entries))


def hostile_curves() -> Curves:
    steps, values = np.arange(3), np.array([1.0, 2.0, 3.0])
    return Curves(LOSS, [Curve(f"_{n}", steps, values, n, n) for n in HOSTILE[:6]])


@pytest.mark.parametrize("format", ["svg", "pdf"])
@pytest.mark.parametrize(
    ("draw", "made"),
    [
        (pareto_plot, hostile_pareto),
        (trend_plot, hostile_trend),
        (compare_plot, hostile_comparison),
        (epochs_plot, hostile_curves),
    ],
)
def test_no_name_is_a_formula_a_tag_or_a_warning(
    draw: Draw, made: Callable[[], object], format: str
) -> None:
    content = draw(made(), format=format, size="page")

    if format == "svg":
        texts = "\n".join(svg_texts(content))
        assert "$\\frac{1}{2}$" in texts
        assert "_hidden" in texts
        assert "<script>" not in content.decode()
        assert "\\u202e" in texts


# --- much, little, nothing ----------------------------------------------------------------------


def test_one_point() -> None:
    one = Pareto(LATENCY, ACCURACY, (Point("m int8", "m", "int8", 3.0, 0.5, True),))

    assert "m" in svg_texts(pareto_plot(one, format="svg"))


def test_of_many_models_only_the_front_is_named() -> None:
    many = pareto_of(100)
    front = {point.model for point in many.points if point.on_front}

    named = {text for text in svg_texts(pareto_plot(many, format="svg")) if text.startswith("net_")}

    assert len(front) < 40
    assert named <= front
    assert len(named) >= 5


def test_values_over_more_than_two_decades_are_on_a_logarithmic_axis() -> None:
    points = tuple(
        Point(f"m{n} int8", f"m{n}", "int8", 10.0**n, 0.5 + n / 10, True) for n in range(4)
    )

    texts = svg_texts(pareto_plot(Pareto(LATENCY, ACCURACY, points), format="svg"))

    assert {"1", "10", "100", "1000"} <= set(texts)


def test_at_most_thirty_groups_are_drawn_and_the_figure_says_so() -> None:
    texts = svg_texts(compare_plot(comparison_of(40, (LATENCY,)), format="svg"))

    assert sum(text.startswith("net_") for text in texts) == 30
    assert "the 30 that changed most, 10 more left out" in texts


def test_the_best_group_is_at_the_top() -> None:
    entries = [
        Entry(name, "int8", metric, Spread(value), Spread(10.0))
        for metric in (LATENCY, ACCURACY)
        for name, value in (("slow", 20.0), ("fast", 5.0), ("same", 10.0))
    ]

    texts = svg_texts(compare_plot(Comparison(tuple(entries)), format="svg"))

    names = [text for text in texts if text in ("slow", "fast", "same")]
    assert names == ["fast", "same", "slow", "slow", "same", "fast"]


def test_a_tenfold_change_is_a_ratio() -> None:
    entry = Entry("m", "int8", LATENCY, Spread(500.0), Spread(10.0))

    texts = svg_texts(compare_plot(Comparison((entry,)), format="svg"))

    assert "ratio to fp32   ← better" in texts


def test_what_has_no_positive_baseline_is_left_out_and_counted() -> None:
    entries = (
        Entry("m", "int8", LATENCY, Spread(5.0), Spread(10.0)),
        Entry("m", "int8", SIZE, Spread(5.0), Spread(0.0)),
        Entry("n", "int8", SIZE, Spread(5.0), Spread(-1.0)),
        dataclasses.replace(
            Entry("o", "int8", LATENCY, Spread(5.0), Spread(9.0)), like_for_like=False
        ),
    )

    texts = svg_texts(compare_plot(Comparison(entries), format="svg"))

    assert "left out: 2 without a positive baseline" in texts
    assert "hollow: not like for like" in texts
    assert "model size [MB]" not in texts


def test_many_models_are_cut_to_a_page_and_the_figure_says_so() -> None:
    content = epochs_plot(curves_of(8, points=5, precisions=("fp32",)), format="svg")

    texts = svg_texts(content)
    assert "6 of 8 panels" in texts
    assert "net_000, fp32" in texts


def test_more_lines_than_can_be_told_apart_are_several_panels() -> None:
    steps, values = np.arange(3), np.array([1.0, 2.0, 3.0])
    curves = [Curve(f"fp32,seed={n}", steps, values, "m", "fp32") for n in range(8)]

    texts = svg_texts(epochs_plot(Curves(LOSS, curves, left_out=3), format="svg"))

    assert {"m (1)", "m (2)", "fp32,seed=0", "fp32,seed=7"} <= set(texts)
    assert "the newest 8 runs, 3 more left out" in texts


def test_a_long_curve_is_a_small_figure() -> None:
    content = epochs_plot(curves_of(1, points=300_000, precisions=("fp32",)), format="svg")

    assert len(content) < 150_000


def test_gaps_and_infinities_are_no_points() -> None:
    values = np.array([np.nan, 1.0, np.inf, 2.0, np.nan])
    line = line_of("m", "int8", values)

    assert png_size(trend_plot(Trend(LATENCY, (line,))))
    curves = Curves(LOSS, [Curve("int8", np.arange(5), values, "m", "int8")])
    assert png_size(epochs_plot(curves))


def test_a_change_from_zero_is_a_difference() -> None:
    line = line_of("m", "int8", np.array([0.0, 0.0, 0.5, 0.5]))
    line = dataclasses.replace(line, changes=(Change(2, 0.0, 0.5, None),))

    assert "+0.5" in svg_texts(trend_plot(Trend(ACCURACY, (line,)), format="svg"))


def test_dates_lie_as_far_apart_as_they_are_and_commits_are_short() -> None:
    days = svg_texts(trend_plot(trend_of(1, by="date", count=7), format="svg"))
    assert {"2026-06-01", "2026-06-07"} <= set(days)

    line = line_of("m", "int8", np.array([1.0, 2.0]))
    line = dataclasses.replace(line, labels=("a" * 40, "release-candidate-12"))
    texts = svg_texts(trend_plot(Trend(LATENCY, (line,)), format="svg"))
    assert {"aaaaaaaa", "releas…te-12"} <= set(texts)


NAN = float("nan")


@pytest.mark.parametrize(
    ("draw", "empty"),
    [
        (pareto_plot, Pareto(LATENCY, ACCURACY, ())),
        (pareto_plot, Pareto(LATENCY, ACCURACY, (Point("m", "m", "int8", NAN, 1.0, True),))),
        (trend_plot, Trend(LATENCY, ())),
        (trend_plot, Trend(LATENCY, (line_of("m", "int8", np.array([NAN, NAN])),))),
        (compare_plot, Comparison(())),
        (compare_plot, Comparison((Entry("m", "int8", SIZE, Spread(1.0), Spread(0.0)),))),
        (epochs_plot, Curves(LOSS, [])),
    ],
)
def test_nothing_to_draw_is_said(draw: Draw, empty: object) -> None:
    with pytest.raises(UsageError, match="there is nothing to draw"):
        draw(empty)


def test_unknown_formats_and_sizes_are_said_with_those_that_there_are() -> None:
    with pytest.raises(UsageError, match="no format of figures called 'bmp'") as caught:
        pareto_plot(pareto_of(1), format="bmp")
    assert caught.value.hint == "there are: png, svg, pdf"
    with pytest.raises(UsageError, match="no size of figures called 'huge'"):
        pareto_plot(pareto_of(1), size="huge")


def test_without_matplotlib_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)  # as Python marks what is not there

    with pytest.raises(UsageError, match="plots need matplotlib") as caught:
        pareto_plot(pareto_of(1))

    assert caught.value.hint == 'pip install "cetrack[plots]"'
