"""Runs one command and says what it took, as a line of JSON on stdout.

    python -S benchmarks/launch.py OUTPUT COMMAND …

A process of its own and a small one: the system counts the memory of the process that starts a
program towards the program's peak. Where the command starts processes, its peak is the largest sum
of their resident sizes that was seen: too high rather than too low, as pages that they share count
for each.
"""

import json
import os
import sys
import threading
import time
from pathlib import Path

_PAUSE = 0.05  # seconds between two looks
_PAGE_KIB = os.sysconf("SC_PAGE_SIZE") // 1024


def main() -> None:
    """Output of the command goes to the files ``OUTPUT.out`` and ``OUTPUT.err``."""
    output, *command = sys.argv[1:]
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    to_files = [
        (os.POSIX_SPAWN_OPEN, number, f"{output}.{name}", flags, 0o600)
        for number, name in ((1, "out"), (2, "err"))
    ]
    started = time.perf_counter()
    pid = os.posix_spawn(command[0], command, os.environ, file_actions=to_files)
    sums: list[int] = [0]
    ended = threading.Event()
    watcher = threading.Thread(target=_watch, args=(pid, sums, ended))
    watcher.start()
    _, status, usage = os.wait4(pid, 0)
    seconds = time.perf_counter() - started
    ended.set()
    watcher.join()
    taken = {
        "code": os.waitstatus_to_exitcode(status),
        "seconds": seconds,
        "cpu_seconds": usage.ru_utime + usage.ru_stime,
        "peak_kib": max(usage.ru_maxrss, *sums),
    }
    sys.stdout.write(json.dumps(taken))


def _watch(pid: int, sums: list[int], ended: threading.Event) -> None:
    """Note the largest sum of several processes; one alone is counted by the system."""
    while not ended.wait(_PAUSE):
        family = _family(pid)
        if len(family) > 1:
            sums[0] = max(sums[0], sum(map(_resident_kib, family)))


def _family(pid: int) -> list[int]:
    """The process and all that it has started, as far as the system tells (Linux does)."""
    found = [pid]
    for one in found:  # it grows meanwhile
        try:
            for children in Path(f"/proc/{one}/task").glob("*/children"):
                found += map(int, children.read_text("ascii").split())
        except OSError:  # ended, or no such file on this system
            continue
    return found


def _resident_kib(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text("ascii").split()[1]) * _PAGE_KIB
    except OSError:
        return 0


if __name__ == "__main__":
    main()
