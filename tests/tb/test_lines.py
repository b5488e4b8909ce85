"""What the lines of trend and compare are called."""

from __future__ import annotations

from typing import Any

from cetrack.tb.lines import QUALIFIERS, line_names


def row(series: str, **fields: Any) -> dict[str, Any]:
    plain = dict.fromkeys(QUALIFIERS) | {"kind": "benchmark"}
    return {**plain, "series_key": series, "model": "resnet50", "precision": "int8", **fields}


def test_a_single_series_is_called_by_its_precision() -> None:
    rows = [row("a", device="gpu"), row("b", model="vgg", device="cpu", batch_size=8)]

    assert line_names(rows) == {"a": "int8", "b": "int8"}


def test_the_first_field_that_tells_series_apart_is_enough() -> None:
    rows = [row("a", device="gpu", batch_size=1), row("b", device="cpu", batch_size=8)]

    assert line_names(rows) == {"a": "int8,device=gpu", "b": "int8,device=cpu"}


def test_several_fields_where_one_does_not_suffice() -> None:
    rows = [
        row("a", device="gpu", batch_size=1),
        row("b", device="gpu", batch_size=8),
        row("c", device="cpu", batch_size=1),
    ]

    assert line_names(rows) == {
        "a": "int8,device=gpu,batch_size=1",
        "b": "int8,device=gpu,batch_size=8",
        "c": "int8,device=cpu,batch_size=1",
    }


def test_the_unknown_and_the_usual_are_not_said() -> None:
    rows = [
        row("a", device="cpu"),
        row("b", kind="training", device="gpu"),
        row("c", device=None),
    ]

    assert line_names(rows) == {
        "a": "int8,device=cpu",
        "b": "int8,kind=training,device=gpu",
        "c": "int8",
    }


def test_a_training_run_elsewhere_does_not_rename_the_benchmarks() -> None:
    rows = [row("a", device="cpu"), row("b", kind="training", device="gpu")]

    assert line_names(rows) == {"a": "int8", "b": "int8,kind=training"}


def test_series_that_differ_in_nothing_that_is_shown_get_their_keys() -> None:
    found = line_names([row("aaaaaaaa11"), row("bbbbbbbb22")])

    assert found == {"aaaaaaaa11": "int8,series=aaaaaaaa", "bbbbbbbb22": "int8,series=bbbbbbbb"}


def test_a_value_cannot_pass_for_a_field() -> None:
    rows = [
        row("a", method="x", variant="y"),
        row("b", method="x,variant=y", variant=None),
        row("c", method="x", variant="z"),
    ]

    assert len(set(line_names(rows).values())) == 3


def test_lines_are_safe_folders() -> None:
    rows = [row("a", variant="../../x"), row("b", variant="GPU"), row("c", variant="gpu")]

    names = line_names(rows).values()

    assert len({name.casefold() for name in names}) == 3
    assert not any("/" in name or ".." in name for name in names)
