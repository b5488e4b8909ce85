"""The results as Markdown. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from benchmarks.case import Bar, Row, Verdict

_NOT_MEASURED = "–"
_STRIKING = (Verdict.MISSED, Verdict.FAILED)
# unit → how a figure of it is written
_FORMATS: Mapping[str, str] = {
    "points/s": "{:,.0f} points/s",
    "runs/s": "{:,.0f} runs/s",
    "×": "{:,.1f} ×",
    "%": "{:.1f} %",
    "s": "{:.2f} s",
    "ms": "{:.0f} ms",
    "MB": "{:.0f} MB",
}
_METHOD = """\
## How it is measured

- Whole process: from the start of `python -m cetrack …` to its end, timed from outside; memory is
  the largest resident size that the system has counted for it, in MB of 10^6 bytes. In process: a
  call of the Python API, imports done. Packages are compiled, as installed ones are.
- Medians of three, of start-up and of queries more; training logs of 10 M points and more are
  ingested once, those of 50 M exported once. Work that is compared is done by turns: cetrack, its
  peer, cetrack again. CPU seconds stand beside the time wherever it is given. Files and databases
  are on disk and in the system's cache, as right after being written. An ingest starts from a
  database with the schema in it, an export from a folder that is not there.
- Folders of training logs are ingested with `--workers 2` at every size, so that sizes can be
  compared; unasked, one process reads beside the one that stores. Exports use one process unless
  said otherwise. The memory of several processes is the largest sum of their resident sizes that
  was seen, twenty looks a second, pages that they share counted for each.
- The bare read is a program of its own that does nothing but to read all points in order:
  `numpy.fromiter` over the cursor from SQLite, binary COPY taken apart by numpy from PostgreSQL.
  Its start is not counted, cetrack's is.
- Peers run in processes of their own. Their imports, the creation of their databases and the
  making of values or files are not counted; cetrack's imports and its parsing are. All but Trackio
  do less of the same work, for it takes them longer.
- An event file is read by cetrack and by its peers into memory, the same file, imports not counted,
  by CPU time: one thread each.
- The bar "4 × Trackio bulk" names no function, and Trackio has two. `import_csv` reads a CSV file,
  as cetrack does, so the bar is held against it. `bulk_log` is given ready Python values, so it
  neither reads nor parses: less work than cetrack's, faster, and shown without a verdict. Both
  write one row of JSON per step, where cetrack writes one row per point.
- PostgreSQL runs on the same machine with its default settings.
"""


def render(
    rows: Sequence[Row], facts: Mapping[str, str], *, date: str, judged: bool, command: str
) -> str:
    """The whole page."""
    barred = [row for row in rows if row.bar or row.failed or row.beside_bars]
    others = [row for row in rows if row not in barred]
    parts = [
        "# Results",
        f"What cetrack takes, measured on {date} by `{command}`.",
        _summary(barred) if judged else _UNJUDGED,
        "\n".join(_table(barred, judged=judged)),
    ]
    if others:
        parts += ["## Without a bar", "\n".join(_figures(others))]
    if any(row.note for row in rows):
        parts += ["## Details", "\n".join(_details(rows))]
    parts += ["## Machine", "\n".join(f"- {name}: {fact}" for name, fact in facts.items()), _METHOD]
    return "\n\n".join(parts)


_UNJUDGED = (
    "**A quick run: smaller sizes than those of the bars, measured once. The bars stand here for "
    "orientation; nothing is judged by them.**"
)


def _summary(rows: Sequence[Row]) -> str:
    """Bars by verdict; a case that failed is no bar, and how many it would have had is unknown."""
    verdicts = Counter(row.verdict for row in rows if row.bar)
    told = [f"{verdicts[verdict]} {verdict}" for verdict in Verdict if verdicts[verdict]]
    bars = f"{verdicts.total()} bars: {', '.join(told)}." if told else "No bars."
    failed = sum(row.failed for row in rows)
    return f"{bars} Cases that failed, their other bars missing: {failed}." if failed else bars


def _table(rows: Sequence[Row], *, judged: bool) -> Iterator[str]:
    yield "| work | bar | measured | |"
    yield "|---|---|---|---|"
    for row in rows:
        verdict = row.verdict if (row.bar and judged) or row.failed else Verdict.NOT_JUDGED
        shown = f"**{verdict}**" if verdict in _STRIKING else verdict
        bar = _bar(row.bar, row.unit) if row.bar else ""
        yield _line((row.work, bar, figure(row.measured, row.unit), shown))


def _figures(rows: Sequence[Row]) -> Iterator[str]:
    yield "| work | measured |"
    yield "|---|---|"
    for row in rows:
        yield _line((row.work, figure(row.measured, row.unit)))


def _details(rows: Sequence[Row]) -> Iterator[str]:
    for row in rows:
        if row.note:
            yield f"- {row.work}: {row.note}"


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def figure(measured: float | None, unit: str) -> str:
    """A figure with its unit."""
    return _NOT_MEASURED if measured is None else _FORMATS[unit].format(measured)


def _bar(bar: Bar, unit: str) -> str:
    return f"{bar.sense} {bar.limit:,.0f} {unit}"
