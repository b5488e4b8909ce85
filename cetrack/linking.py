"""What is decided about runs after all files of a command: models, baselines, copies of baselines.

Decided late so that the order of files does not matter, and again when a candidate arrives.
Speaks SQL.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, delete, select, update

from cetrack.baselines import resolve_baselines
from cetrack.domain import Kind
from cetrack.errors import UsageError
from cetrack.filling import refresh_keys
from cetrack.interning import Interner
from cetrack.matching import last_values
from cetrack.models import Model, Run, RunSource, Source
from cetrack.shapes import parse_shape
from cetrack.store import PENDING, Store, delete_runs, rows_where, update_run

COMPRESSION = "compression"  # the reader of what compress() returns
_REFERENCE = re.compile(r"^(?P<name>.+?)\[(?P<library>[^,\]]*)(?:,(?P<shape>[^\]]*))?\]$")


def link(
    connection: Connection,
    run_ids: Iterable[int],
    *,
    baseline_precision: str,
    fixed: Collection[int] = (),
) -> list[str]:
    """Settle models, copies and baselines around the runs of a command; returns remarks.

    The baselines of ``fixed`` runs were stated and stay. Runs that a killed command has left
    unlinked are settled too.
    """
    pending = connection.scalars(select(Run.id).where(Run.baseline_rule == PENDING))
    touched = sorted({*run_ids, *pending})
    remarks = adopt_models(connection, touched)
    kept = collapse_copies(connection, touched)
    inherit_circumstances(connection, kept)
    resolve_baselines(connection, kept, baseline_precision=baseline_precision, fixed=fixed)
    return remarks


# --- models ----------------------------------------------------------------------------------


def adopt_models(connection: Connection, run_ids: Sequence[int]) -> list[str]:
    """Let models of which only the name is known become the one full model of that name.

    With several it stays blank: the returned remarks name them.
    """
    remarks = []
    for name in sorted(_model_names(connection, run_ids)):
        models = connection.execute(
            select(Model.id, Model.library, Model.input_shape).where(Model.name == name)
        ).all()
        for model in sorted(models, key=_blanks, reverse=True) if len(models) > 1 else ():
            remark = _adopt(connection, name, model, models)
            if remark:
                remarks.append(remark)
    return remarks


def _model_names(connection: Connection, run_ids: Sequence[int]) -> set[str]:
    query = select(Model.name).join(Run, Run.model_id == Model.id).distinct()
    return {row.name for row in rows_where(connection, query, Run.id, run_ids)}


def _blanks(model: Any) -> int:
    return (not model.library) + (not model.input_shape)


def _adopt(connection: Connection, name: str, model: Any, models: Sequence[Any]) -> str | None:
    """Move a partly known model's runs to its only completion."""
    if not _blanks(model):
        return None
    full = [other for other in models if other.id != model.id and _completes(other, model)]
    widest = [one for one in full if not any(_completes(other, one) for other in full)]
    if len(widest) == 1:
        _move_runs(connection, model.id, widest[0].id)
        return None
    if not widest:
        return None
    choices = " or ".join(f"'{name}[{one.library},{one.input_shape}]'" for one in widest)
    return (
        f"model '{name}' is incomplete and could be {choices}: "
        f"cetrack model merge '{name}' {choices.split(' or ', maxsplit=1)[0]}"
    )


def _completes(full: Any, partial: Any) -> bool:
    """True when ``full`` says all that ``partial`` says, and more."""
    pairs = ((full.library, partial.library), (full.input_shape, partial.input_shape))
    return all(known in ("", more) for more, known in pairs) and _blanks(full) < _blanks(partial)


def _move_runs(connection: Connection, source: int, target: int) -> None:
    """Give a model's runs to another one, fill its blanks, and remove the first."""
    columns = (Model.category, Model.description)
    old = connection.execute(select(*columns).where(Model.id == source)).one()._mapping
    new = connection.execute(select(*columns).where(Model.id == target)).one()._mapping
    blanks = {name: old[name] for name in old if old[name] and not new[name]}
    if blanks:
        connection.execute(update(Model).where(Model.id == target).values(**blanks))
    moved = list(connection.scalars(select(Run.id).where(Run.model_id == source)))
    connection.execute(update(Run).where(Run.model_id == source).values(model_id=target))
    connection.execute(delete(Model).where(Model.id == source))
    refresh_keys(connection, moved)


def find_model(connection: Connection, reference: str) -> Any:
    """The model that ``NAME`` or ``NAME[library,3x224x224]`` means.

    Raises UsageError when there is none, or more than one.
    """
    query = select(Model).where(Model.name == reference)
    rows = connection.execute(query.with_only_columns(*Model.__table__.c)).all()
    parts = _REFERENCE.match(reference)
    if not rows and parts:
        shape = parse_shape(parts["shape"]) or "" if parts["shape"] is not None else None
        rows = [
            row
            for row in connection.execute(
                select(*Model.__table__.c).where(Model.name == parts["name"])
            )
            if row.library == parts["library"] and shape in (None, row.input_shape)
        ]
    if len(rows) > 1:  # the bare name means the one of which only the name is known
        rows = [row for row in rows if _blanks(row) == 2] or rows
    if len(rows) == 1:
        return rows[0]
    if not rows:
        raise UsageError(f"no model '{reference}'", hint="cetrack models lists them")
    choices = ", ".join(f"{row.name}[{row.library},{row.input_shape}]" for row in rows)
    raise UsageError(f"'{reference}' is several models", hint=f"say which: {choices}")


def set_model(store: Store, reference: str, values: Mapping[str, str]) -> None:
    """Set library, category, input_shape or description of a model."""
    allowed = ("library", "category", "input_shape", "description")
    unknown = [name for name in values if name not in allowed]
    if unknown:
        raise UsageError(f"a model has no '{unknown[0]}'", hint=f"it has {', '.join(allowed)}")
    changed = dict(values)
    if changed.get("input_shape"):
        shape = parse_shape(changed["input_shape"])
        if shape is None:
            raise UsageError(f"{changed['input_shape']!r} is no shape", hint="write 3x224x224")
        changed["input_shape"] = shape
    with store.write() as connection:
        row = find_model(connection, reference)
        wanted = {**row._mapping, **changed}
        other = connection.scalar(
            select(Model.id).where(
                Model.name == row.name,
                Model.library == wanted["library"],
                Model.input_shape == wanted["input_shape"],
                Model.id != row.id,
            )
        )
        if other is not None:
            raise UsageError(
                "that model exists already",
                hint=f"cetrack model merge '{reference}' "
                f"'{row.name}[{wanted['library']},{wanted['input_shape']}]'",
            )
        connection.execute(update(Model).where(Model.id == row.id).values(**changed))
        runs = list(connection.scalars(select(Run.id).where(Run.model_id == row.id)))
        refresh_keys(connection, runs)


def merge_models(store: Store, source: str, target: str) -> int:
    """Give all runs of one model to another and remove the first; returns how many runs moved."""
    with store.write() as connection:
        first, second = find_model(connection, source), find_model(connection, target)
        if first.id == second.id:
            raise UsageError(f"'{source}' and '{target}' are the same model")
        moved = list(connection.scalars(select(Run.id).where(Run.model_id == first.id)))
        _move_runs(connection, first.id, second.id)
        return len(moved)


# --- copies of baselines ---------------------------------------------------------------------


def collapse_copies(connection: Connection, run_ids: Sequence[int]) -> list[int]:
    """Let a baseline that only compression results state become the benchmark that it repeats.

    Returns the ids that are left of ``run_ids``.
    """
    copies = _copies(connection, _model_names(connection, run_ids))
    originals = _originals(connection, copies)
    values = last_values(connection, [row.id for row in (*copies, *originals)])
    touched = set(run_ids)
    for copy in copies:
        wanted = values[copy.id]
        equal = [
            row
            for row in originals
            if _setting(row) == _setting(copy)
            and wanted
            and all(values[row.id].get(name) == value for name, value in wanted.items())
        ]
        if equal:
            target = min(equal, key=lambda row: (row.started_at, row.uid))
            touched |= _replace_run(connection, copy.id, target.id)
            touched.discard(copy.id)
            touched.add(target.id)
    return sorted(touched)


_BENCHMARKS = (
    select(Run.id, Run.uid, Run.started_at, Run.experiment_id, Run.precision_id, Model.name)
    .select_from(Run)
    .join(Model, Model.id == Run.model_id)
    .where(Run.kind == Kind.BENCHMARK.value)
)


def _setting(row: Any) -> tuple[Any, ...]:
    return row.name, row.precision_id, row.experiment_id


def _copies(connection: Connection, models: Collection[str]) -> list[Any]:
    """Benchmarks of the models that only compression results state."""
    others = (
        select(Source.id)
        .select_from(Source)
        .join(RunSource, RunSource.source_id == Source.id)
        .where(RunSource.run_id == Run.id, Source.reader != COMPRESSION)
    )
    query = (
        _BENCHMARKS.join(RunSource, RunSource.run_id == Run.id)
        .join(Source, Source.id == RunSource.source_id)
        .where(Source.reader == COMPRESSION, ~others.correlate(Run).exists())
        .distinct()
    )
    return rows_where(connection, query, Model.name, sorted(models))


def _originals(connection: Connection, copies: Sequence[Any]) -> list[Any]:
    """All other benchmarks of the models of copies."""
    ids = {row.id for row in copies}
    rows = rows_where(connection, _BENCHMARKS, Model.name, sorted({row.name for row in copies}))
    return [row for row in rows if row.id not in ids]


def _readers_of(connection: Connection, run_ids: Sequence[int]) -> dict[int, set[str]]:
    query = select(RunSource.run_id, Source.reader).select_from(RunSource).join(Source)
    found: dict[int, set[str]] = defaultdict(set)
    for row in rows_where(connection, query, RunSource.run_id, run_ids):
        found[row.run_id].add(row.reader)
    return found


def _replace_run(connection: Connection, copy: int, original: int) -> set[int]:
    """Put ``original`` everywhere in the place of ``copy``; returns the runs compared with it."""
    compared = set(connection.scalars(select(Run.id).where(Run.baseline_run_id == copy)))
    connection.execute(
        update(Run).where(Run.baseline_run_id == copy).values(baseline_run_id=original)
    )
    rows = connection.execute(
        select(RunSource.source_id, RunSource.place, RunSource.seen_at).where(
            RunSource.run_id == copy
        )
    ).all()
    delete_runs(connection, [copy])
    connection.execute(
        Interner(connection).insert_new(RunSource),
        [{"run_id": original, **row._mapping} for row in rows],
    )
    return compared


def inherit_circumstances(connection: Connection, run_ids: Sequence[int]) -> None:
    """Fill what a compress() result leaves open about a compressed run from its baseline.

    Both were measured in one call: the same data, batch and device.
    """
    query = select(Run.id, Run.baseline_run_id).where(
        Run.kind == Kind.COMPRESSION.value, Run.baseline_rule == "explicit"
    )
    rows = rows_where(connection, query, Run.id, run_ids)
    readers = _readers_of(connection, [row.id for row in rows])
    for row in rows:
        if readers.get(row.id) == {COMPRESSION}:
            inherit(connection, row.id, row.baseline_run_id)


def inherit(connection: Connection, run_id: int, baseline_id: int) -> None:
    """Fill blanks of a run from the baseline that was measured together with it."""
    names = ("dataset", "split", "task", "seed", "batch_size", "environment_id")
    columns = [Run.id, *(getattr(Run, name) for name in names)]
    found = {row.id: row for row in rows_where(connection, columns, Run.id, [run_id, baseline_id])}
    own, other = found[run_id], found[baseline_id]
    blanks = {
        name: getattr(other, name)
        for name in names
        if getattr(own, name) in (None, "") and getattr(other, name) not in (None, "")
    }
    update_run(connection, run_id, blanks)
    if blanks:
        refresh_keys(connection, [run_id])
