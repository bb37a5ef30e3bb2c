"""One process or many: who does what, and how an error on one ends all. No MPI import: the communicator is given."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import numpy as np

from ssb2mesh.errors import OtherRankError

__all__ = ["Ranks"]

T = TypeVar("T")

#: Seconds that a failed process waits for the others to fail too before it ends them all.
PATIENCE = 20.0


class Ranks:
    """The processes of a run.

    Parameters
    ----------
    comm : communicator, optional
        An mpi4py communicator; None is a single process.

    Attributes
    ----------
    rank, size : int
        Which process this is, of how many.

    Examples
    --------
    >>> Ranks().on_first(lambda: 42)
    42
    """

    def __init__(self, comm: Any = None) -> None:
        self.comm = comm if comm is not None and comm.size > 1 else None
        self.rank: int = self.comm.rank if self.comm else 0
        self.size: int = self.comm.size if self.comm else 1
        # errors are agreed upon apart from the work, so that they cannot meet a collective call of the work
        self._control = self.comm.Dup() if self.comm else None

    @property
    def first(self) -> bool:
        """Whether this process does the serial work and the talking."""
        return self.rank == 0

    @contextmanager
    def telling_end(self, message: str) -> Iterator[None]:
        """Tell on stderr, from the first process, that the launcher ends all since a process was lost.

        A launcher such as ``mpirun`` ends the other processes by SIGTERM when one is killed. A call that waits for a
        lost process never returns to Python, so a thread of its own tells; where compiled code holds Python's lock
        meanwhile, the launcher's own message has to do.

        Parameters
        ----------
        message : str
            A line, what to do.

        Examples
        --------
        >>> with Ranks().telling_end("run it again"):
        ...     pass
        """
        if self.comm is None or not self.first or threading.current_thread() is not threading.main_thread():
            yield
            return
        source, sink = os.pipe()
        os.set_blocking(sink, False)
        before = signal.signal(signal.SIGTERM, lambda *_: None)
        wakeup = signal.set_wakeup_fd(sink, warn_on_full_buffer=False)

        def watch() -> None:
            while number := os.read(source, 1):
                if number[0] == signal.SIGTERM:
                    os.write(2, f"ssb2mesh: error: {message}\n".encode())
                    os.kill(os.getpid(), signal.SIGKILL)

        watcher = threading.Thread(target=watch, daemon=True)
        watcher.start()
        try:
            yield
        finally:
            signal.set_wakeup_fd(wakeup)
            signal.signal(signal.SIGTERM, before)
            os.close(sink)
            watcher.join()
            os.close(source)

    def on_first(self, work: Callable[[], T]) -> T:
        """Do something on the first process and give its (small) result to all.

        Parameters
        ----------
        work : callable
            Called on rank 0 only.

        Returns
        -------
        any
            Its result, on every rank.

        Raises
        ------
        Exception
            What `work` raised, on rank 0.
        OtherRankError
            On every other rank then.
        """
        if self._control is None:
            return work()
        if not self.first:
            failed, result = self._control.bcast(None, root=0)
            if failed:
                raise OtherRankError("process 0 failed")
            return result
        try:
            result = work()
        except BaseException:
            self._control.bcast((True, None), root=0)
            raise
        self._control.bcast((False, result), root=0)
        return result

    def together(self, work: Callable[[], T]) -> T:
        """Do something on all processes; if any fails, all stop.

        Parameters
        ----------
        work : callable
            Called on every rank; may make collective calls.

        Returns
        -------
        any
            The result on this rank.

        Raises
        ------
        Exception
            What `work` raised, on the lowest rank that failed.
        OtherRankError
            On every other rank then.
        """
        if self._control is None:
            return work()
        error: Exception | None = None
        result: T | None = None
        try:
            result = work()
        except Exception as caught:
            error = caught
        lowest = self._lowest_failed(error)
        if error is not None and lowest == self.rank:
            raise error
        if lowest < self.size:
            raise OtherRankError(f"process {lowest} failed")
        return result  # type: ignore[return-value]

    def _lowest_failed(self, error: Exception | None) -> int:
        """Agree on the lowest failed rank; a process that failed alone, the others waiting elsewhere, ends them."""
        assert self._control is not None
        mine = np.array([self.rank if error is not None else self.size], dtype=np.int64)
        everyone = np.empty(self.size, dtype=np.int64)
        request = self._control.Iallgather(mine, everyone)
        if error is None:
            request.Wait()
        else:
            deadline = time.monotonic() + PATIENCE
            while not request.Test():
                if time.monotonic() > deadline:
                    sys.stderr.write(f"ssb2mesh: error: process {self.rank}: {error}\n")
                    sys.stderr.flush()
                    self._control.Abort(1)
                time.sleep(0.02)
        return int(everyone.min())
