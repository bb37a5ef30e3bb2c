"""Time and peak memory per stage of a long job, and the one progress bar. No logging set-up, no printing of results."""

from __future__ import annotations

import os
import resource
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeVar

__all__ = ["Stages", "available_memory_bytes", "peak_memory_bytes", "progress"]

T = TypeVar("T")


def peak_memory_bytes() -> int:
    """Return the largest resident size that this process has had, in bytes.

    On Linux that of the program only: what `getrusage` tells begins with the peak of the process that started it.
    """
    try:
        with open("/proc/self/status", encoding="ascii", errors="replace") as status:  # noqa: PTH123
            for line in status:
                if line.startswith("VmHWM:"):
                    return int(line.split()[1]) * 1024
    except OSError:
        pass
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(peak if sys.platform == "darwin" else peak * 1024)


def available_memory_bytes() -> int:
    """Return the memory that can still be had without swapping, in bytes (0 if the system does not tell)."""
    try:
        with open("/proc/meminfo", encoding="ascii") as info:  # noqa: PTH123
            for line in info:
                if line.startswith("MemAvailable:"):
                    return int(line.split()[1]) * 1024
    except OSError:
        pass
    try:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError):
        return 0


@dataclass
class Stages:
    """Seconds and peak memory of named stages, in the order they ran.

    Parameters
    ----------
    show : bool
        Announce each stage on stderr when stderr is a terminal.
    tell : callable, optional
        Called with a line that should be known before the job is done.

    Attributes
    ----------
    seconds : dict of str to float
        Wall-clock seconds by stage; a stage that runs twice adds up.
    memory : dict of str to int
        Peak resident memory of the process at the end of the stage, bytes.

    Examples
    --------
    >>> stages = Stages()
    >>> with stages("read"):
    ...     pass
    >>> list(stages.seconds)
    ['read']
    """

    show: bool = False
    seconds: dict[str, float] = field(default_factory=dict)
    memory: dict[str, int] = field(default_factory=dict)
    tell: Callable[[str], None] | None = None

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        """Time one stage."""
        visible = self.show and sys.stderr.isatty()
        if visible:
            sys.stderr.write(f"{name} ...\n")
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - start
            self.memory[name] = peak_memory_bytes()

    def say(self, line: str) -> None:
        """Tell a line, if anybody listens."""
        if self.tell is not None:
            self.tell(line)

    @property
    def total(self) -> float:
        """Sum of all stages, s."""
        return sum(self.seconds.values())


def progress(iterable: Iterable[T], *, total: int | None = None, label: str = "", show: bool = True) -> Iterable[T]:
    """Wrap an iterable in a progress bar on stderr; silent when stderr is not a terminal or tqdm is absent.

    Parameters
    ----------
    iterable : iterable
        What to walk through.
    total : int, optional
        Its length, when it has none of its own.
    label : str
        Text before the bar.
    show : bool
        Switch the bar off altogether.

    Returns
    -------
    iterable
        The same items.
    """
    if not (show and sys.stderr.isatty()):
        return iterable
    try:
        from tqdm import tqdm
    except ImportError:
        return iterable
    return tqdm(iterable, total=total, desc=label, file=sys.stderr, leave=False)
