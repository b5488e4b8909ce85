"""Runs one command and says what it took, as a line of JSON on stdout.

    python -S benchmarks/launch.py OUTPUT COMMAND …

A process of its own and a small one: the system counts the memory of the process that starts a
program towards the program's peak.
"""

import json
import os
import sys
import time


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
    _, status, usage = os.wait4(pid, 0)
    seconds = time.perf_counter() - started
    taken = {
        "code": os.waitstatus_to_exitcode(status),
        "seconds": seconds,
        "cpu_seconds": usage.ru_utime + usage.ru_stime,
        "peak_kib": usage.ru_maxrss,
    }
    sys.stdout.write(json.dumps(taken))


if __name__ == "__main__":
    main()
