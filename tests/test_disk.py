"""Disks that are full: every writer says so in one line, and leaves nothing."""

from __future__ import annotations

import errno
import json
import os
import sys
from pathlib import Path

import numpy as np
import pytest
from helpers_ranks import run_guarded

from ssb2mesh import disk
from ssb2mesh.disk import check_space, free_bytes, telling_full_disk
from ssb2mesh.errors import DiskFullError, InputError
from ssb2mesh.io.mesh_common import replacing

ROOT = Path(__file__).resolve().parent.parent
#: Writes everything with files limited to some kB; a write beyond that fails as on a full disk (EFBIG).
WRITERS = """
import json, os, resource, sys
from pathlib import Path
import numpy as np
import ssb2mesh
from ssb2mesh.errors import MissingDependencyError
from ssb2mesh.io.meshes import mesh_formats
from ssb2mesh.io.volumes import WRITABLE
from ssb2mesh.mesher import LatticeOptions

rng = np.random.default_rng(0)
labels = (rng.random((9, 9, 9)) < 0.5).astype(np.uint8)
volume = ssb2mesh.LabelledVolume(labels, (1e-6,) * 3, phases={0: "a", 1: "b"})
mesh = ssb2mesh.mesh_volume(volume, options=LatticeOptions(smoothing=0))
big = ssb2mesh.LabelledVolume(rng.integers(0, 250, (50, 50, 50)).astype(np.uint8), (1e-6,) * 3)
jobs = {f"mesh{s}": lambda s=s: ssb2mesh.write_mesh(mesh, f"x{s}") for s in mesh_formats()}
jobs |= {f"volume{s}": lambda s=s: ssb2mesh.write_volume(big, f"x{s}") for s in WRITABLE}
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]), resource.RLIM_INFINITY))
found = {}
for name, job in jobs.items():
    try:
        job()
        what = "written"
    except MissingDependencyError:
        what = "absent"
    except Exception as error:
        what = f"{type(error).__name__}: {error}"
    files = sorted(str(p) for p in Path(".").rglob("*"))
    found[name] = [what, files]
    for path in sorted(Path(".").rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
print(json.dumps(found))
sys.stdout.flush()
os._exit(0)
"""


def python(*args, cwd, **options):
    variables = {**os.environ, "PYTHONPATH": str(ROOT), "NUMBA_NUM_THREADS": "1"}
    return run_guarded([sys.executable, *args], cwd=cwd, env=variables, **options)


@pytest.mark.skipif(sys.platform == "win32", reason="needs limits on file sizes")
def test_every_writer_says_that_there_is_no_room_and_leaves_nothing(tmp_path):
    (tmp_path / "here").mkdir()
    (tmp_path / "writers.py").write_text(WRITERS)
    done = python("../writers.py", "20000", cwd=tmp_path / "here")
    assert done.returncode == 0, done.stderr
    found = {name: row for name, row in json.loads(done.stdout.splitlines()[-1]).items() if row[0] != "absent"}
    assert {"mesh.xdmf", "mesh.vtu", "mesh.inp", "mesh.stl", "volume.tif", "volume.h5"} <= set(found)
    for name, (what, files) in found.items():
        assert files == [], (name, what)
        # these libraries do not say why; on a disk that is full the free space does, here there is plenty
        nameless = name.startswith(("volume.tif", "volume.nrrd", "volume.nii", "volume.vti"))
        allowed = ("DiskFullError", "OSError", "InputError") if nameless else ("DiskFullError",)
        assert what.startswith(allowed), (name, what)
        assert nameless or "the disk is full or a limit is reached" in what


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EFBIG, errno.EDQUOT])
def test_the_message_says_what_was_written_and_what_is_free(tmp_path, number):
    def write():
        with replacing(tmp_path / "a.vtu") as (part,):
            part.write_bytes(bytes(2_000_000))
            raise OSError(number, os.strerror(number))

    with pytest.raises(
        DiskFullError, match=r"writing '.*a\.vtu': the disk is full .* 2 MB were written and .* are free"
    ):
        write()
    assert list(tmp_path.iterdir()) == []


def test_other_errors_stay_what_they_are(tmp_path, monkeypatch):
    def fail(error):
        with telling_full_disk(tmp_path / "a"):
            raise error

    for error in (OSError(errno.EACCES, "denied"), KeyError("a"), InputError("mesh.metadata: wrong"), OSError("odd")):
        with pytest.raises(type(error), match=str(error.args[-1])):
            fail(error)
    # a write that fails for no reason given
    monkeypatch.setattr(disk, "free_bytes", lambda folder: 100)
    for error in (
        OSError("9 requested and 3 written"),
        RuntimeError("NetCDF: HDF error"),
        InputError("path: cannot write"),
    ):
        with pytest.raises(DiskFullError):
            fail(error)
    with pytest.raises(InputError, match="wrong"):
        fail(InputError("mesh.metadata: wrong"))


def test_what_would_not_fit_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(disk, "free_bytes", lambda folder: 1_500_000_000)
    with pytest.raises(DiskFullError, match=r"the results will take about 2 GB and 1.5 GB are free in .*; make room"):
        check_space(tmp_path, 2_000_000_000, what="the results")
    check_space(tmp_path, 1_000_000_000, what="the results")
    monkeypatch.undo()
    assert free_bytes(tmp_path / "not" / "there") == pytest.approx(free_bytes(tmp_path), rel=0.1)


def test_a_run_on_a_full_disk_ends_in_one_line_and_goes_on_when_there_is_room(tmp_path):
    from ssb2mesh import LabelledVolume, write_volume

    labels = (np.random.default_rng(5).random((8, 8, 8)) < 0.7).astype(np.uint8)
    write_volume(LabelledVolume(labels, (1e-6,) * 3, phases={0: "void", 1: "NMC"}), tmp_path / "v.npz")
    output = '[output]\nfolder = "out"\nmesh = ["mesh.xdmf", "mesh.inp"]\nreport = false\n'
    (tmp_path / "s.toml").write_text(f'[volume]\npath = "v.npz"\n[mesh]\n{output}')
    main = "from ssb2mesh import identity; identity.program_identity = lambda: '1'\n"
    main += "from ssb2mesh.cli.main import main; main()"
    # room for the mesh in HDF5, and not for the text of Abaqus
    limit = "import resource as r; r.setrlimit(r.RLIMIT_FSIZE, (250_000, r.RLIM_INFINITY))\n"
    done = python("-c", limit + main, "run", "s.toml", cwd=tmp_path)
    assert done.returncode == 1
    error = [line for line in done.stderr.splitlines() if line.startswith("ssb2mesh: error")]
    assert len(error) == 1, done.stderr
    assert "mesh.inp': the disk is full or a limit is reached: 0.25 MB were written" in error[0]
    assert "finished and kept: mesh, check; the same command goes on from there" in done.stderr
    assert not (tmp_path / "out").exists()
    done = python("-c", main, "run", "s.toml", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("kept from the run that was cut off") == 2
    assert {p.name for p in (tmp_path / "out").iterdir()} == {
        "mesh.h5", "mesh.inp", "mesh.xdmf", "results.json", "study.toml"
    }  # fmt: skip
