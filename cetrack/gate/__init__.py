"""Gates for CI: which runs keep their limits, and which changes were accepted.

::

    gates = load_gates(Path("gates.toml"))
    report = check(store, gates)
    report.passed, report.refused

Use-cases: a store and gates in, a report of values out; ``rendering`` writes it in a format.
"""

from __future__ import annotations

from collections.abc import Sequence

from cetrack.filter import Expr
from cetrack.gate.accepting import Consent, accept, list_acceptances
from cetrack.gate.judging import judge
from cetrack.gate.results import Acceptance, CheckReport, GateResult, Measured, Status
from cetrack.gates import Gate, load_gates
from cetrack.store import Store

__all__ = [
    "Acceptance",
    "CheckReport",
    "Consent",
    "Gate",
    "GateResult",
    "Measured",
    "Status",
    "accept",
    "check",
    "list_acceptances",
    "load_gates",
]


def check(store: Store, gates: Sequence[Gate], *, where: Expr | None = None) -> CheckReport:
    """What the gates say of the newest run of every series and seed that they are for.

    ``where`` narrows them all. Raises UsageError for a gate that this database does not
    understand.
    """
    with store.read() as connection:
        return judge(connection, gates, where)
