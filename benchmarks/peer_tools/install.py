"""Getting the tools: a virtual environment each under a cache folder, Debian packages where there is no wheel.

Nothing is installed into the system but what `apt-get` names below (root or sudo), nothing into the repository.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from .registry import Tool

#: CGAL 6 is headers only; iso2mesh's program comes with the libraries that it was linked to.
NEWER_SUITE = "trixie"
CGAL6 = ("libcgal-dev",)
ISO2MESH = ("iso2mesh-tools", "libc6", "libstdc++6", "libgcc-s1", "libgmp10", "libmpfr6")


def python_of(tool: Tool, cache: Path) -> Path:
    """The interpreter that runs a tool's script."""
    return cache / tool.env / "bin" / "python" if tool.env else Path(sys.executable)


def environment_of(tool: Tool, cache: Path) -> dict[str, str]:
    """Environment variables of a tool's process."""
    given = {**os.environ, "PYTHONPATH": "", "OMP_NUM_THREADS": "2"}
    if tool.iso2mesh:  # it looks for its programs in the home folder and else downloads them
        given["HOME"] = str(cache / "iso2mesh-home")
    return given


def is_there(tool: Tool, cache: Path) -> bool:
    """Whether a tool can be run."""
    return python_of(tool, cache).exists() and (not tool.cpp or (cache / "cgal_image").exists())


def install(tool: Tool, cache: Path) -> None:
    """Get a tool, or raise CalledProcessError."""
    cache.mkdir(parents=True, exist_ok=True)
    if tool.apt:
        _apt(tool.apt)
    if tool.env and not python_of(tool, cache).exists():
        _run([sys.executable, "-m", "venv", str(cache / tool.env)])
        try:
            _run([str(python_of(tool, cache)), "-m", "pip", "install", "-q", *tool.needs])
        except subprocess.CalledProcessError:
            shutil.rmtree(cache / tool.env)
            raise
    if tool.cpp and not (cache / "cgal_image").exists():
        headers = _newer_debian(cache, CGAL6) / "usr/include"
        source = Path(__file__).with_name("cgal_image.cpp")
        _run(["g++", "-std=c++17", "-O3", "-DNDEBUG", "-DCGAL_LINKED_WITH_TBB", "-I", str(headers), str(source), "-o",
              str(cache / "cgal_image"), "-ltbb", "-ltbbmalloc", "-lgmp", "-lmpfr", "-lpthread"])  # fmt: skip
    if tool.iso2mesh:
        _wrap_iso2mesh(tool, cache)


def version(tool: Tool, cache: Path) -> str:
    """Version of a tool as its package says."""
    if tool.cpp:
        found = (cache / NEWER_SUITE / "root/usr/include/CGAL/version.h").read_text(encoding="utf-8").splitlines()
        return next(line.split()[2] for line in found if line.startswith("#define CGAL_VERSION "))
    code = f"import importlib.metadata as m; print(m.version({tool.version_of or 'ssb2mesh'!r}))"
    return subprocess.run(
        [python_of(tool, cache), "-c", code], capture_output=True, text=True, check=False
    ).stdout.strip()


def _wrap_iso2mesh(tool: Tool, cache: Path) -> None:
    code = "import iso2mesh.utils as u; print(u.ISO2MESH_BIN_VER)"
    told = subprocess.run([python_of(tool, cache), "-c", code], capture_output=True, text=True, check=True).stdout
    folder = cache / "iso2mesh-home/iso2mesh-tools" / f"iso2mesh-{told.split()[-1]}" / "bin"
    if folder.exists():
        return
    root = _newer_debian(cache, ISO2MESH)
    folder.mkdir(parents=True)
    libraries = root / "usr/lib/x86_64-linux-gnu"
    script = (
        f'#!/bin/sh\nexec {libraries}/ld-linux-x86-64.so.2 --library-path {libraries} {root}/usr/bin/cgalmesh "$@"\n'
    )
    for name in ("cgalmesh", "cgalmesh.mexa64"):
        (folder / name).write_text(script, encoding="utf-8")
        (folder / name).chmod(0o755)


def _newer_debian(cache: Path, packages: Sequence[str]) -> Path:
    """Unpack packages of a newer Debian, with package lists of their own, into the cache; nothing is installed."""
    base = cache / NEWER_SUITE
    for part in ("lists/partial", "cache/archives/partial", "debs", "root"):
        (base / part).mkdir(parents=True, exist_ok=True)
    targets = ["apt-get", "indextargets", "--format", "$(REPO_URI) $(ORIGIN) $(LABEL)", "Created-By: Packages"]
    known = subprocess.run(targets, capture_output=True, text=True, check=True).stdout.splitlines()
    mirror = next(line.split()[0] for line in known if line.split()[1:] == ["Debian", "Debian"])
    key = "/usr/share/keyrings/debian-archive-keyring.gpg"
    (base / "sources.list").write_text(f"deb [signed-by={key}] {mirror} {NEWER_SUITE} main\n", encoding="utf-8")
    options = {
        "Dir::Etc::sourcelist": base / "sources.list",
        "Dir::Etc::sourceparts": "/dev/null",
        "Dir::State::lists": base / "lists",
        "Dir::Cache": base / "cache",
        "APT::Sandbox::User": "root",
    }
    apt = ["apt-get", *(part for name, value in options.items() for part in ("-o", f"{name}={value}"))]
    _run([*apt, "update", "-qq"])
    _run([*apt, "download", "-q", *packages], cwd=base / "debs")
    for package in sorted((base / "debs").glob("*.deb")):
        _run(["dpkg", "-x", str(package), str(base / "root")])
    return base / "root"


def _apt(packages: Sequence[str]) -> None:
    state = subprocess.run(
        ["dpkg-query", "-W", "-f", "${Status}\n", *packages], capture_output=True, text=True, check=False
    )
    if state.stdout.count("install ok installed") == len(packages):
        return
    root = [] if os.geteuid() == 0 else ["sudo"]
    _run([*root, "apt-get", "update", "-qq"])
    _run([*root, "apt-get", "install", "-y", "-qq", "--no-install-recommends", *packages])


def _run(command: Sequence[str], cwd: Path | None = None) -> None:
    subprocess.run(command, check=True, cwd=cwd, stdout=subprocess.DEVNULL)
