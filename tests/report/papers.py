"""Tables as a paper has them, and texts that want to do harm."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import strategies as st

from cetrack.report import Cell, Column, Kind, Spread, Table
from cetrack.report.measures import paper_column

HOSTILE = (
    r"100%_done & {x} #1 $z^2$ ~ \input{/etc/passwd} \\ \end{tabular}",
    "<script>alert(\"x\")</script> --> <b title='y'> &amp; ]]>",
    "[1pt] *starred* a--b ''c'' ``d`` ?`e !`f ,,g <<h>> |i|",
    "evil\x1b[31m\x07\u202e\r\n\x00\x0b\x0c\x85\u2028\ud800\ufeff\u200b",
    "اسم النموذج 日本語 モデル Ελληνικά Привет 🚀 e\u0301 ự ą þ ð đ µ α² ½ \u0489 \u0301",
    "=cmd|' /C calc'!A0",
    "%",
    "\\",
    "^^M^^5cbye",
    "x" * 300,
    "",
)
ACCURACY: list[Cell] = [Spread(0.9124, 0.003, 5), 0.8876, None]
LATENCY: list[Cell] = [Spread(12.5, 0.25, 10), Spread(104.21, 11.0, 10), 3.1416]
DROP: list[Cell] = [-0.0012, 0.0, 0.02]


def paper() -> Table:
    """Three models at two precisions; the best cells are marked."""
    columns = (
        Column(name="model", title="Model"),
        paper_column("accuracy", unit="fraction", direction="higher", cells=ACCURACY),
        paper_column("latency_mean_ms", unit="ms", direction="lower", cells=LATENCY),
        paper_column("accuracy_drop", unit="fraction", direction="lower", cells=DROP),
    )
    groups = (None, "FP32", "INT8", "INT8")
    grouped = tuple(map(lambda column, group: replace(column, group=group), columns, groups))
    return Table(
        columns=grouped,
        rows=tuple(zip(["resnet18", "vit_tiny", "a & b"], ACCURACY, LATENCY, DROP, strict=True)),
        best=frozenset({(0, 0), (0, 1), (2, 2), (0, 3)}),
        notes=("Mean ± standard deviation over 5 seeds.",),
        provenance=("cetrack table --filter 'precision=int8'", "revision 12"),
    )


def of_texts(texts: list[str]) -> Table:
    """A table with each of the texts everywhere: names, headings, units, cells, notes, comments."""
    named = [
        Column(name=text, title=text or None, group=text or None, unit=text, direction="lower")
        for text in texts
    ]
    columns = (*named, Column(name="number", kind=Kind.NUMBER))
    return Table(
        columns=columns,
        rows=((*texts, 0.5), (*reversed(texts), Spread(0.5, 0.1))),
        best=frozenset({(1, 0), (1, len(texts))}),
        notes=tuple(texts),
        provenance=tuple(texts),
    )


any_text = st.text(st.characters(exclude_categories=()), max_size=20)
awkward_text = st.lists(
    st.one_of(any_text, st.sampled_from(HOSTILE), st.text("-<>!&;'\"\\%{}$_^#~[]*`?,\r\n ")),
    max_size=3,
).map("".join)
texts = st.lists(awkward_text, min_size=1, max_size=3)
