"""The run that holds what a logdir has once: the columns of HPARAMS, a layout of charts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cetrack.logdirs import EXPERIMENT_RUN
from cetrack.tb.events import file_name
from cetrack.tb.logdir import Logdir


def write_reserved(target: Logdir, records: Sequence[Any], *, oldest: float) -> None:
    """Write the summary values, if any; ``oldest`` is the start of the first run, in seconds."""
    if not records:
        return
    path = f"{EXPERIMENT_RUN}/{file_name(oldest)}"
    target.claim([path])
    with target.event_file(path, started_at=oldest) as event_file:
        for record in records:
            event_file.write_value(record)
