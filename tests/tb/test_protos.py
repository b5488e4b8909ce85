"""An export loads tensorboardX's messages and nothing else of it, and leaves it whole."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ("torch", "boto3", "tensorboardX.writer", "PIL", "matplotlib")
WRITES = """
import tempfile, tensorboardX, tensorboardX.proto.event_pb2 as events
with tensorboardX.SummaryWriter(tempfile.mkdtemp()) as writer:
    writer.add_scalar("loss", 1.0, 1)
from cetrack.tb.protos import Event
assert events.Event is Event
"""


def run(code: str) -> None:
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True)
    assert done.returncode == 0, done.stderr.decode()


def test_an_export_loads_the_messages_alone() -> None:
    run(f"import sys, cetrack.export_tb; assert not sys.modules.keys() & set({HEAVY!r})")


@pytest.mark.parametrize("code", ["import cetrack.export_tb" + WRITES, WRITES])
def test_the_package_works_before_and_after(code: str) -> None:
    run(code)
