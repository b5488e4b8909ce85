"""JUnit XML as the test reports of CI systems read it: suites of cases, each at most one failure.

No name can break it: characters that XML cannot hold are written as escapes, the rest is XML's own
escaping.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import dataclass

from cetrack.report.cells import visible


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One test. ``failure`` and ``skipped`` are messages, None where it is neither; ``kind`` is the
    type of the failure, ``lines`` what there is to say about it beyond that."""

    name: str
    failure: str | None = None
    skipped: str | None = None
    kind: str = ""
    lines: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Suite:
    """Tests under a common name."""

    name: str
    cases: Sequence[Case]


def render(name: str, suites: Sequence[Suite]) -> str:
    """The XML document."""
    root = ET.Element("testsuites", _counted(name, suites))
    for suite in suites:
        inner = ET.SubElement(root, "testsuite", _counted(suite.name, [suite]))
        for case in suite.cases:
            _add(inner, f"{name}.{suite.name}", case)
    ET.indent(root)
    body = ET.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{body}\n'


def _counted(name: str, suites: Sequence[Suite]) -> dict[str, str]:
    cases = [case for suite in suites for case in suite.cases]
    counts = {
        "tests": len(cases),
        "failures": sum(case.failure is not None for case in cases),
        "errors": 0,
        "skipped": sum(case.skipped is not None for case in cases),
        "time": 0,
    }
    return {"name": visible(name), **{key: str(value) for key, value in counts.items()}}


def _add(suite: ET.Element, class_name: str, case: Case) -> None:
    made = ET.SubElement(
        suite, "testcase", classname=visible(class_name), name=visible(case.name), time="0"
    )
    text = "\n".join(map(visible, case.lines))
    if case.failure is not None:
        said = {"message": visible(case.failure), "type": visible(case.kind)}
        ET.SubElement(made, "failure", said).text = text
    elif case.skipped is not None:
        ET.SubElement(made, "skipped", message=visible(case.skipped))
    elif text:
        ET.SubElement(made, "system-out").text = text
