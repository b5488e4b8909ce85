"""``cetrack compare``: precisions side by side with their baseline."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from cetrack.choices import By, Which
from cetrack.cli import output
from cetrack.cli.options import Db, Filter, MetricNames, OutputFormat, Runs
from cetrack.cli.stale import open_answering
from cetrack.report import Format

if TYPE_CHECKING:
    from cetrack.compare import Comparison

_FOR_PEOPLE = frozenset({"table", "md", "latex", "html"})


Baseline = Annotated[
    str,
    typer.Option("--baseline", metavar="PRECISION", help="What the others are compared with."),
]
Grouping = Annotated[
    By, typer.Option("--by", help="A row per model, or means over the models of each group.")
]
AllowMixed = Annotated[
    bool,
    typer.Option(
        "--allow-mixed",
        help="Compare what has no baseline like it with the nearest one, and flag it.",
    ),
]
AccuracyDrop = Annotated[
    float,
    typer.Option(
        "--accuracy-drop",
        min=0.0,
        metavar="FRACTION",
        help="Flag a larger drop where no repetitions tell what is noise.",
    ),
]


def compare(
    filter: Filter = None,
    baseline: Baseline = "fp32",
    metrics: MetricNames = None,
    by: Grouping = By.MODEL,
    runs: Runs = Which.LATEST,
    allow_mixed: AllowMixed = False,
    accuracy_drop: AccuracyDrop = 0.01,
    format: OutputFormat = Format.TABLE,
    db: Db = None,
) -> None:
    """Compare precisions with a baseline, like for like.

    The newest run of every seed stands for its series. Each is compared with the baseline of the
    same model, shape, dataset, batch, device and runtime, or refused with the field that differs.
    Where both sides have repetitions (seeds, raw samples, mean with std and n), the difference is
    tested. A filter chooses what is compared; its baseline may lie outside. JSON and CSV hold a
    row per value, with every digit; docs/compare.md says how each number is formed.

    \b
    Examples:
      cetrack compare
      cetrack compare --filter category=vision --metrics accuracy,latency_mean_ms
      cetrack compare --baseline fp16 --by library
      cetrack compare --filter precision=int8 --format json > int8.json
    """
    from cetrack import queries
    from cetrack.compare import compare as compared
    from cetrack.compare import tables
    from cetrack.queries.columns import split_names

    with open_answering(db) as store:
        found = compared(
            store,
            where=queries.parse_filter(store, filter or []),
            baseline=baseline,
            metrics=split_names(metrics or []),
            by=by,
            which=runs,
            allow_mixed=allow_mixed,
            accuracy_drop=accuracy_drop,
        )
    if format is Format.JSON:
        output.emit_sections(tables.sections(found), format)
    elif format.value in _FOR_PEOPLE:
        output.emit(tables.side_by_side(found), format)
    else:
        output.emit(tables.long_form(found), format)
    if format is not Format.JSON:
        _explain(found, with_marks=format.value in _FOR_PEOPLE)


def _explain(comparison: Comparison, *, with_marks: bool) -> None:
    """What the table does not say: the tests, what is odd, and what was not compared."""
    from cetrack.compare import tables
    from cetrack.compare.comparing import mixed_hint, refusals_text

    lines = [tables.legend(comparison)] if with_marks else []
    lines += tables.flag_lines(comparison)
    refusals = comparison.refusals
    if refusals:
        lines.append(f"not compared: {len(refusals)}\n{refusals_text(refusals)}")
        hint = mixed_hint(refusals)
        lines += [hint] if hint else []
    for line in (*lines, *comparison.notes):
        output.say(line)
