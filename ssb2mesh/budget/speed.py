"""How fast this machine is, measured once and noted in the user's cache. Nothing of meshes here."""

from __future__ import annotations

import json
import os
import platform
import time
from functools import lru_cache
from pathlib import Path

import numpy as np

from ssb2mesh.budget.fitted import REFERENCE_SECONDS

__all__ = ["cache_file", "machine_speed", "reference_work"]

#: Raised when `reference_work` changes.
VERSION = 1


def machine_speed(*, fresh: bool = False) -> float:
    """Return by what predicted seconds are to be multiplied on this machine; 1 on that of the fit.

    It is measured once a process, in about 0.1 s, and the best so far is kept in the user's cache, since a machine may
    have been busy. One number stands for memory and processor alike, so on another machine seconds are good to a
    factor of about 1.5.

    Parameters
    ----------
    fresh : bool
        Measure again, and forget what is in the cache.

    Returns
    -------
    float
        Above 1 on a slower machine.

    Examples
    --------
    >>> 0.01 < machine_speed() < 100
    True
    """
    if fresh:
        _best_seconds.cache_clear()
        _note(None)
    return _best_seconds() / REFERENCE_SECONDS


@lru_cache(maxsize=1)
def _best_seconds() -> float:
    seconds, before = min(reference_work() for _ in range(5)), _known().get(_machine())
    if isinstance(before, float) and before <= seconds:
        return before
    _note(seconds)
    return seconds


def _machine() -> str:
    return f"{platform.node()} {platform.processor()} {os.cpu_count()} {VERSION}"


def _known() -> dict[str, object]:
    try:
        known = json.loads(cache_file().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        known = {}
    return known if isinstance(known, dict) else {}


def _note(seconds: float | None) -> None:
    path = cache_file()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f".{path.name}.{os.getpid()}.part")
        part.write_text(json.dumps({**_known(), _machine(): seconds}), encoding="utf-8")
        part.replace(path)
    except OSError:  # no cache: measured by every process
        pass


def cache_file() -> Path:
    """Return where the speed of machines is noted.

    Returns
    -------
    Path
        ``speed.json`` in ``$SSB2MESH_CACHE``, ``$XDG_CACHE_HOME/ssb2mesh`` or ``~/.cache/ssb2mesh``.

    Examples
    --------
    >>> cache_file().name
    'speed.json'
    """
    own = os.environ.get("SSB2MESH_CACHE")
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ssb2mesh"
    return (Path(own) if own else home) / "speed.json"


def reference_work() -> float:
    """Return the seconds that a fixed piece of work takes: sums and sorting in the cache, gathering from memory.

    Returns
    -------
    float
        About 0.02 s.

    Examples
    --------
    >>> reference_work() > 0
    True
    """
    rng = np.random.default_rng(0)
    values = rng.random(1 << 20)
    order = rng.integers(0, 1 << 20, 1 << 20)
    start = time.perf_counter()
    gathered = values[order] * 1.5 + values
    np.sort(gathered[: 1 << 16])
    float(np.sqrt(gathered).sum())
    return time.perf_counter() - start
