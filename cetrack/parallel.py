"""Where units of work run: in this process, in others of this machine, or on a Dask cluster.

A unit is an argument of a function of a module; both travel by pickle. Results come in the order
of the units, whoever was faster, so that what is made of them does not depend on where they ran.
Only a few units are under way at once: memory does not grow with their number.

A unit whose worker dies is given to another one. Units write no database, so that one which was
done twice leaves nothing twice.
"""

from __future__ import annotations

import multiprocessing
import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor
from contextlib import contextmanager
from typing import Any, Protocol, TypeVar

from cetrack.errors import UsageError, WorkerError

U = TypeVar("U")
R = TypeVar("R")
_ATTEMPTS = 3
_AHEAD = 2  # units waiting per worker, so that none is idle while results are taken
_CONNECT_S = 10


class Crew(Protocol):
    """Whoever does units of work, ``size`` of them at once, ``elsewhere`` or in this process;
    ``far`` when that may be another machine."""

    size: int
    elsewhere: bool
    far: bool

    def ordered(self, work: Callable[[U], R], units: Iterable[U]) -> Iterator[R]:
        """``work`` of every unit, in the order of the units.

        Raises WorkerError when a unit takes its worker down again and again, and whatever
        ``work`` raises.
        """


@contextmanager
def crew(*, others: int = 0, cluster: str | None = None) -> Iterator[Crew]:
    """This process alone, ``others`` for it, or the Dask cluster whose scheduler is at ``cluster``.

    Raises UsageError when there is no such cluster. Other processes import the main module again:
    a script that asks for them needs the usual ``if __name__ == "__main__"``.
    """
    if cluster is not None:
        with _cluster(cluster) as found:
            yield found
    elif others:
        # spawned, not forked: a copy of an open database connection is a trap
        spawn = multiprocessing.get_context("spawn")
        several = _Executors(
            lambda: ProcessPoolExecutor(others, spawn, initializer=_set_up), others
        )
        try:
            yield several
        finally:
            several.close()
    else:
        yield ALONE


def _set_up() -> None:
    """Prepare a process of our own: an interrupt is for the one that started it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


class _Alone:
    """This process: a unit is done when its result is asked for."""

    size = 1
    elsewhere = far = False

    def ordered(self, work: Callable[[U], R], units: Iterable[U]) -> Iterator[R]:
        """See :class:`Crew`."""
        return map(work, units)


ALONE: Crew = _Alone()


class _Executors:
    """Executors of one kind, one after the other when they break."""

    elsewhere = True

    def __init__(self, make: Callable[[], Executor], size: int, *, far: bool = False) -> None:
        self.size = size
        self.far = far
        self._make = make
        self._executor = make()

    def ordered(self, work: Callable[[U], R], units: Iterable[U]) -> Iterator[R]:
        """See :class:`Crew`."""
        waiting: deque[tuple[U, Future[R]]] = deque()
        for unit in units:
            waiting.append((unit, self._submit(work, unit)))
            if len(waiting) > self.size * _AHEAD:
                yield self._first(work, waiting)
        while waiting:
            yield self._first(work, waiting)

    def _submit(self, work: Callable[[U], R], unit: U) -> Future[R]:
        try:
            return self._executor.submit(work, unit)
        except BrokenExecutor:
            self._renew()
            return self._executor.submit(work, unit)

    def _first(self, work: Callable[[U], R], waiting: deque[tuple[U, Future[R]]]) -> R:
        for _ in range(_ATTEMPTS):
            try:
                result = waiting[0][1].result()
            except BrokenExecutor:  # all that had not come back is done again
                self._renew()
                again = [(unit, self._submit(work, unit)) for unit, _ in waiting]
                waiting.clear()
                waiting.extend(again)
            else:
                waiting.popleft()
                return result
        raise WorkerError(
            f"a worker process was killed {_ATTEMPTS} times at the same work",
            hint="is there enough memory? --workers 1 does it in this process",
        )

    def _renew(self) -> None:
        self._executor.shutdown(wait=False, cancel_futures=True)
        self._executor = self._make()

    def close(self) -> None:
        """End the workers; what they are doing is not waited for."""
        self._executor.shutdown(wait=False, cancel_futures=True)


@contextmanager
def _cluster(address: str) -> Iterator[Crew]:
    try:
        from distributed import Client
        from distributed.scheduler import KilledWorker
    except ModuleNotFoundError:
        raise UsageError(
            "--cluster needs Dask, which is not installed", hint='pip install "cetrack[cluster]"'
        ) from None
    try:
        connect: Any = Client
        client = connect(address, timeout=_CONNECT_S, set_as_default=False)
    except (OSError, ValueError) as error:
        raise UsageError(
            f"--cluster {address}: no Dask scheduler answers there: {error}",
            hint="start one with: dask scheduler; its workers with: dask worker ADDRESS",
        ) from None
    size = sum(client.ncores().values())
    try:
        if not size:
            raise UsageError(
                f"--cluster {address}: the scheduler has no workers",
                hint=f"start some, on any machine that sees the files: dask worker {address}",
            )
        yield _Executors(client.get_executor, size, far=True)
    except KilledWorker as error:
        raise WorkerError(
            f"--cluster {address}: workers were lost again and again: {error}",
            hint="have they enough memory? do they run the same version of cetrack?",
        ) from None
    finally:
        client.close()
