"""The files of the layout compression-board: one TensorBoard run per model."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection

from cetrack.exporting import reading
from cetrack.exporting.reserved import write_reserved
from cetrack.series import read_series
from cetrack.store import RunRow
from cetrack.tb import board, curves, hparams, lines
from cetrack.tb.events import file_name
from cetrack.tb.logdir import Logdir


def write_board(
    connection: Connection, rows: Sequence[RunRow], target: Logdir
) -> tuple[int, list[str]]:
    """Write every model that has both precisions; how many runs are shown, and what to say."""
    pairs = board.pairs(rows)
    columns = hparams.Columns()
    for pair in pairs:
        columns.add(board.hparams_of(pair))
    ids = [row["run_id"] for pair in pairs for row in (pair.baseline, pair.compressed)]
    trained = {run: row["run_id"] for run, row in curves.trainings(rows, pairs).items()}
    names = {key: metric.name for key, metric in reading.metrics(connection).items()}
    last = {
        run_id: {names[key]: value for key, value in values.items()}
        for run_id, values in reading.last_values(connection, ids).items()
    }
    starts = {pair.run: lines.started(pair.compressed) for pair in pairs}
    paths = {run: f"{run}/{file_name(start)}" for run, start in starts.items()}
    target.claim(paths.values())
    for pair in pairs:
        with target.event_file(paths[pair.run], started_at=starts[pair.run]) as event_file:
            board.write_pair(event_file, pair, columns, last)
            if pair.run in trained:
                series = read_series(connection, [trained[pair.run]])
                named = ((names[one.metric_id], one) for one in series)
                curves.write_curves(event_file, pair.run, named)
    if pairs:
        table = hparams.experiment(columns, board.headings())
        write_reserved(target, [table], oldest=min(starts.values()))
    return len({*ids, *trained.values()}), board.warnings(rows, pairs)
