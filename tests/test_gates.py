"""What a file of gates says, and what is said when it is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from cetrack.domain import Direction
from cetrack.errors import UsageError
from cetrack.gates import KEYS, Gate, History, Missing, load_gates

WHOLE = """\
# what a release has to keep
[gates.accuracy]
metric = "acc"
filter = ["precision=int8", "category=vision"]
min = 0
max_drop = 0.01
missing = "skip"

[gates.latency-history]
metric = "latency_mean_ms"
direction = "lower"
allow_mixed = true
newest_only = true
history = { max_z = 3, min_runs = 5, last = 30 }

[gates.front]
pareto = ["latency_mean_ms", "accuracy", "accuracy"]
slack_pct = 2.5
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "gates.toml"
    path.write_text(text)
    return path


def test_every_key_is_read(tmp_path: Path) -> None:
    path = write(tmp_path, WHOLE)

    assert load_gates(path) == (
        Gate(
            name="accuracy",
            metrics=("acc",),
            filters=("precision=int8", "category=vision"),
            limits={"min": 0.0, "max_drop": 0.01},
            missing=Missing.SKIP,
        ),
        Gate(
            name="latency-history",
            metrics=("latency_mean_ms",),
            direction=Direction.LOWER,
            allow_mixed=True,
            newest_only=True,
            history=History(max_z=3.0, min_runs=5, last=30),
        ),
        Gate(name="front", metrics=("latency_mean_ms", "accuracy"), slack_pct=2.5),
    )


def test_what_turns_out_later_is_told_with_the_line(tmp_path: Path) -> None:
    first, second, _ = load_gates(write(tmp_path, WHOLE))

    assert str(first.wrong("metric", "no")) == f"{first.origin}:3: gates.accuracy.metric: no"
    assert str(second.wrong("history", "no")).startswith(f"{first.origin}:14: ")
    assert str(second.wrong("", "no")) == f"{first.origin}:9: gates.latency-history: no"


@pytest.mark.parametrize(
    ("text", "line", "problem", "hint"),
    [
        ("", 1, "no gate in it", "write [gates.my_gate]"),
        ("[gates]\n", 1, "no gate in it", "write [gates.my_gate]"),
        ("gates = 3\n", 1, "no gate in it", "write [gates.my_gate]"),
        ("\n[gate.a]\nmin = 1\n", 2, "no table called 'gate'", "did you mean gates?"),
        ("[gates.a]\nmin = \n", 2, "invalid value", None),
        ('[gates."a:b"]\nmin = 1\n', 1, "gates.a:b: no name of a gate", "letters"),
        ('[gates]\n\na = { metric = "x", max = "1" }\n', 3, "gates.a.max: must be a", None),
        ("[gates]\na = 3\n", 2, "gates.a: must be a table", "write [gates.a]"),
        (
            '[gates.a-b]\nmetric = "x"\nmax = 1\n[gates.a]\nmetric = "x"\nmax_dorp = 1\n',
            6,
            "gates.a.max_dorp: no key called 'max_dorp'",
            "did you mean max_drop?",
        ),
        ("[gates.a]\nmax = 1\n", 1, "gates.a: needs either a metric or a pareto", "write metric"),
        (
            '[gates.a]\nmetric = "x"\npareto = ["x", "y"]\n',
            1,
            "gates.a: needs either a metric or a pareto",
            "write metric",
        ),
        ('[gates.a]\nmetric = "x"\n', 1, "gates.a: limits nothing", "limits: min, max"),
        ('[gates.a]\nmetric = ""\nmax = 1\n', 2, "gates.a.metric: must be text", None),
        ('[gates.a]\nmetric = "x"\nfilter = [3]\nmax = 1\n', 3, "gates.a.filter: must be", None),
        ('[gates.a]\nmetric = "x"\nmax = "5"\n', 3, "gates.a.max: must be a number", None),
        ('[gates.a]\nmetric = "x"\nmax = true\n', 3, "gates.a.max: must be a number", None),
        ('[gates.a]\nmetric = "x"\nmax = nan\n', 3, "gates.a.max: must be a number", None),
        ('[gates.a]\nmetric = "x"\nmax_drop = -1\n', 3, "must not be negative", None),
        ('[gates.a]\nmetric = "x"\nmax = 1\nmin = 2\n', 4, "gates.a.min: 2 is above max = 1", None),
        (
            '[gates.a]\nmetric = "x"\nmin_ratio = 2\nmax_ratio = 1.5\n',
            3,
            "gates.a.min_ratio: 2 is above max_ratio = 1.5",
            None,
        ),
        ('[gates.a]\nmetric = "x"\nhistory = 3\n', 3, "must be { max_z = 3.0 }", "min_runs"),
        (
            '[gates.a]\nmetric = "x"\nhistory = { max_z = 3, min_run = 9 }\n',
            3,
            "gates.a.history.min_run: no key called 'min_run'",
            "did you mean min_runs?",
        ),
        (
            '[gates.a]\nmetric = "x"\nhistory = { max_z = 3, min_runs = 2 }\n',
            3,
            "gates.a.history.min_runs: must be a whole number, 3 or more",
            None,
        ),
        (
            '[gates.a]\nmetric = "x"\nhistory = { max_z = 3, last = 5 }\n',
            3,
            "gates.a.history.last: 5 is below min_runs = 8",
            None,
        ),
        ('[gates.a]\npareto = ["x"]\n', 2, "must be a list of two metrics or more", "pareto ="),
        ('[gates.a]\npareto = ["x", "y"]\nmax = 3\n', 3, "does not go with pareto", None),
        (
            '[gates.a]\npareto = ["x", "y"]\nhistory = { max_z = 1 }\n',
            3,
            "gates.a.history: is of one metric",
            None,
        ),
        ('[gates.a]\nmetric = "x"\nmax = 1\nslack_pct = 3\n', 4, "goes with pareto only", None),
        (
            '[gates.a]\nmetric = "x"\nmax = 1\nmissing = "skipp"\n',
            4,
            "gates.a.missing: no value called 'skipp'",
            "did you mean skip?",
        ),
        (
            '[gates.a]\nmetric = "x"\nmax = 1\ndirection = "up"\n',
            4,
            "gates.a.direction: no value called 'up'",
            "there are: lower, higher",
        ),
        ('[gates.a]\nmetric = "x"\nmax = 1\nallow_mixed = 1\n', 4, "must be true or false", None),
    ],
)
def test_a_wrong_file_is_told_with_line_and_key(
    tmp_path: Path, text: str, line: int, problem: str, hint: str | None
) -> None:
    path = write(tmp_path, text)

    with pytest.raises(UsageError) as caught:
        load_gates(path)

    assert caught.value.message.startswith(f"{path}:{line}: "), caught.value.message
    assert problem in caught.value.message
    assert hint is None or (caught.value.hint or "").startswith(hint), caught.value.hint


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="No such file"):
        load_gates(tmp_path / "gates.toml")


def test_the_example_of_every_key_is_read() -> None:
    import tomllib

    for name, key in KEYS.items():
        value = tomllib.loads(f"x = {key.example}")["x"]
        assert key.parse(name, value) is not None, name
