"""YAML as plain values, and what is refused of it."""

from __future__ import annotations

import math

import pytest

from cetrack.errors import ReadError
from cetrack.readers.yaml_text import parse_yaml


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: 1\nb: [1.5, 1e-3, x]\nc: {d: null, e: ~, f: }", {
            "a": 1, "b": [1.5, 0.001, "x"], "c": {"d": None, "e": None, "f": None}}),
        ("a: true\nb: yes\nc: 'true'", {"a": True, "b": "yes", "c": "true"}),
        ("a: 12:30\nb: 2026-01-31\nc: 0x1f\nd: 0o17", {
            "a": "12:30", "b": "2026-01-31", "c": 31, "d": "0o17"}),
        ("a: .inf\nb: -.inf", {"a": math.inf, "b": -math.inf}),
        ("1: a\n2.5: b\nnull: c", {"1": "a", "2.5": "b", "None": "c"}),
        ("a: !!python/object:os.system {x: 1}\nb: !!python/name:os.system ''", {
            "a": {"x": 1}, "b": ""}),
        ("a: &x {y: 1}\nb: *x", {"a": {"y": 1}, "b": {"y": 1}}),
        ("--- 1\n--- 2", 1),
        ("", None),
        ("# nothing", None),
    ],
)  # fmt: skip
def test_values(text: str, value: object) -> None:
    assert parse_yaml(text.encode(), "a.yaml") == value


def test_not_a_number() -> None:
    assert math.isnan(parse_yaml(b"a: .nan", "a.yaml")["a"])


def laughs(levels: int) -> str:
    """Lists of lists: each level ten times the one before."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, levels)]
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a: [1, 2", "line 2: invalid YAML: "),
        ("a: b: c", "line 1: invalid YAML: mapping values are not allowed in this context"),
        ("a: *nobody", "line 1: invalid YAML: found undefined alias"),
        ("[" * 1000 + "]" * 1000, "line 1: nested more than 200 levels deep"),
        ("- " * 1000, "line 1: nested more than 200 levels deep"),
        (laughs(9), "YAML whose aliases stand for more than a file can hold"),
        ("a: &a [*a]", "YAML whose aliases stand for more than a file can hold"),
        ("a: \x00", "invalid YAML: "),
        ("x" * (2**24 + 1), "YAML of more than 16 MiB"),
    ],
    ids=lambda text: text[:20],
)
def test_what_is_refused(text: str, problem: str) -> None:
    with pytest.raises(ReadError) as caught:
        parse_yaml(text.encode(), "a.yaml")

    assert str(caught.value).startswith(f"a.yaml: {problem}")
    assert "\n" not in str(caught.value)


def test_bytes_that_are_no_text() -> None:
    with pytest.raises(ReadError, match="not UTF-8"):
        parse_yaml(b"a: \xff", "a.yaml")
