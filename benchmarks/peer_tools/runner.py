"""One tool on one case: a fresh process, limits of time and memory, the judge's word on what comes back."""

from __future__ import annotations

import json
import os
import re
import resource
import signal
import statistics
import subprocess
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .cases import Case, make_case, seeds
from .install import environment_of, python_of
from .judge import Mesh, judge
from .registry import Tool

SCRIPTS = Path(__file__).with_name("scripts")


@dataclass(frozen=True)
class Limits:
    """CPU seconds and bytes of address space of a run, and how many runs; wall time may be `patience` times as long."""

    cpu_s: float = 300.0
    memory_bytes: int = 16 * 2**30
    runs: int = 3
    #: Runs are not repeated once they took longer than this, s of CPU.
    repeat_below_s: float = 60.0
    patience: float = 8.0


def measure(tool: Tool, case_name: str, *, size: int | None, cache: Path, limits: Limits) -> dict[str, object]:
    """Run, judge, and return a row; `fails` tells why there is none."""
    case = make_case(case_name, size)
    row: dict[str, object] = {"tool": tool.name, "case": case_name, "cells": "x".join(map(str, case.labels.shape))}
    with tempfile.TemporaryDirectory(prefix="peers-") as folder:
        times: list[dict[str, float]] = []
        while len(times) < limits.runs and (not times or times[-1]["cpu_seconds"] < limits.repeat_below_s):
            said = run(tool, case, Path(folder), cache=cache, limits=limits)
            if "fails" in said:
                return row | said
            times.append(said)  # type: ignore[arg-type]
        with np.load(Path(folder) / "result.npz") as stored:
            mesh = Mesh(stored["points"], stored["tets"], stored["labels"].astype(np.int64))
    for key in ("seconds", "cpu_seconds", "peak_bytes"):
        row[key] = statistics.median(t[key] for t in times)
    row |= {"runs": len(times), "load": round(os.getloadavg()[0], 1)}
    return row | judged(mesh, case, row)


def judged(mesh: Mesh, case: Case, row: dict[str, object]) -> dict[str, object]:
    """What the judge says, with speeds and sizes per tet."""
    if not len(mesh.tets):
        return {"fails": "no tets"}
    if mesh.tets.min() < 0 or mesh.tets.max() >= len(mesh.points) or not np.isfinite(mesh.points).all():
        return {"fails": "corner numbers or coordinates of the result are not usable"}
    found = judge(mesh, case)
    n = len(mesh.tets)
    return found | {
        "k_tets_per_s": n / float(row["seconds"]) / 1e3,  # type: ignore[arg-type]
        "k_tets_per_cpu_s": n / float(row["cpu_seconds"]) / 1e3,  # type: ignore[arg-type]
        "bytes_per_tet": float(row["peak_bytes"]) / n,  # type: ignore[arg-type]
    }


def run(tool: Tool, case: Case, folder: Path, *, cache: Path, limits: Limits) -> dict[str, object]:
    """One run in a process of its own; its result is result.npz in the folder."""
    job, result = folder / "job.npz", folder / "result.npz"
    if not job.exists():
        points, owners = seeds(case.labels)
        np.savez(job, labels=case.labels, seeds=points, seed_labels=owners)
    options = {**tool.options, "program": str(cache / "cgal_image")} if tool.cpp else tool.options
    command = [str(python_of(tool, cache)), str(SCRIPTS / tool.script), str(job), str(result), json.dumps(options)]
    start = time.monotonic()
    process = subprocess.Popen(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace",
        env=environment_of(tool, cache), start_new_session=True, preexec_fn=lambda: _limit(limits),
    )  # fmt: skip
    children = _Children(process.pid)
    try:
        out, err = process.communicate(timeout=limits.patience * limits.cpu_s)
    except BaseException as error:  # also if the user ends the run: nothing of a tool is left behind
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        if not isinstance(error, subprocess.TimeoutExpired):
            raise
        return {"fails": f"not finished after {time.monotonic() - start:.0f} s"}
    finally:
        children.stop()
    said = [line for line in out.splitlines() if line.startswith('{"seconds"')]
    if process.returncode == 0 and said:
        told = json.loads(said[-1])
        return told | {"peak_bytes": max(told["peak_bytes"], children.peak_bytes)}
    return {"fails": reason(process.returncode, out, err, limits)}


class _Children(threading.Thread):
    """Watches the memory of the processes that a tool starts; what the kernel sums up begins with the parent's own."""

    def __init__(self, session: int) -> None:
        super().__init__(daemon=True)
        self.session, self.peak_bytes, self._over = session, 0, threading.Event()
        self.start()

    def run(self) -> None:
        while not self._over.wait(0.05):
            for folder in Path("/proc").glob("[0-9]*"):
                self._look(folder)

    def _look(self, folder: Path) -> None:
        try:
            stat = (folder / "stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
            if int(stat[3]) != self.session or folder.name == str(self.session):
                return
            lines = (folder / "status").read_text(encoding="ascii", errors="replace").splitlines()
        except (OSError, IndexError):  # it ended meanwhile
            return
        peaks = [1024 * int(line.split()[1]) for line in lines if line.startswith("VmHWM:")]
        self.peak_bytes = max([self.peak_bytes, *peaks])

    def stop(self) -> None:
        self._over.set()
        self.join()


def _limit(limits: Limits) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (limits.memory_bytes,) * 2)
    # of each process; forty seconds more for imports, which are not timed
    seconds = int(limits.cpu_s) + 40
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 5))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def reason(code: int, out: str, err: str, limits: Limits) -> str:
    """Why a run ended without a result, in one line."""
    if code in (-signal.SIGXCPU, -signal.SIGKILL) or f"ends with -{int(signal.SIGXCPU)}" in err:
        return f"not finished after {limits.cpu_s:.0f} s of CPU time"
    lines = [line.strip() for line in (err + "\n" + out).splitlines() if line.strip()]
    raised = [line for line in lines if re.match(r"[\w.]*(Error|Exception): ", line)]
    told = raised or [line for line in lines if "rror" in line]
    text = re.sub(r"^[\w.]*(Error|Exception): (Error: )?", "", (told or lines or ["no message"])[-1])[:200]
    if code < 0:
        return f"crashes ({signal.Signals(-code).name})" + (f": {text}" if told else "")
    return text
