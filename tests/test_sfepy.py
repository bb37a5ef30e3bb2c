"""SfePy reads exported meshes and solves conduction on them; it agrees with our solver."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from helpers_mesh import random_mesh
from helpers_ranks import run_guarded

from ssb2mesh.io.meshes import write_mesh

#: A Python that has SfePy; it may be one of its own, as SfePy is built from source.
PYTHON = os.environ.get("SSB2MESH_SFEPY_PYTHON", sys.executable)
CONDUCTIVITY = {"phase1": 1.0, "phase2": 30.0, "phase3": 0.05}

BY_SFEPY = """
import sys
import numpy as np
from sfepy.base.base import output
from sfepy.discrete import Equation, Equations, FieldVariable, Integral, Material, Problem
from sfepy.discrete.conditions import Conditions, EssentialBC
from sfepy.discrete.fem import FEDomain, Field, Mesh
from sfepy.solvers.ls import ScipyDirect
from sfepy.solvers.nls import Newton
from sfepy.terms import Term

output.set_output(quiet=True)
mesh = Mesh.from_file(sys.argv[1])
domain = FEDomain("domain", mesh)
every = domain.create_region("Omega", "all")
low = domain.create_region("low", "vertices in (z < 0.0001)", "facet")
high = domain.create_region("high", "vertices in (z > 0.9999)", "facet")
field = Field.from_args("potential", np.float64, "scalar", every, approx_order=1)
u = FieldVariable("u", "unknown", field)
v = FieldVariable("v", "test", field, primary_var_name="u")
given = dict(pair.split("=") for pair in sys.argv[2:])
materials = {g: Material(f"m{g}", val=float(s) * np.eye(3)) for g, s in given.items()}
terms = []
for group, material in materials.items():
    region = domain.create_region(f"P{group}", f"cells of group {group}")
    kind = f"dw_diffusion(m{group}.val, v, u)"
    terms.append(Term.new(kind, Integral("i", order=1), region, v=v, u=u, **{f"m{group}": material}))
problem = Problem("conduction", equations=Equations([Equation("balance", sum(terms[1:], terms[0]))]))
problem.set_bcs(ebcs=Conditions([EssentialBC("low", low, {"u.0": 0.0}), EssentialBC("high", high, {"u.0": 1.0})]))
problem.set_solver(Newton({"eps_a": 1e-12}, lin_solver=ScipyDirect({}), status={}))
problem.solve()
u = problem.get_variables()["u"]
# at one volt the power is the current
print(sum(problem.evaluate(f"dw_diffusion.1.P{g}(m{g}.val, u, u)", u=u, mode="eval", **{f"m{g}": material})
          for g, material in materials.items()))
"""


def has_sfepy() -> bool:
    if sys.executable == PYTHON:
        return importlib.util.find_spec("sfepy") is not None
    return subprocess.run([PYTHON, "-c", "import sfepy"], capture_output=True).returncode == 0


@pytest.mark.filterwarnings("ignore::ssb2mesh.io.mesh_names.LossWarning")
@pytest.mark.skipif(not has_sfepy(), reason="SfePy is not installed (pip install sfepy, or SSB2MESH_SFEPY_PYTHON)")
@pytest.mark.parametrize("suffix", [".inp", ".nas", ".msh"])
def test_sfepy_conducts_as_our_solver(tmp_path, suffix):
    pytest.importorskip("dolfinx")
    import solvers

    mesh = random_mesh(4, 3, seed=6)
    write_mesh(mesh, tmp_path / f"m{suffix}")
    # it numbers the groups of .inp and .msh in the order of their names, one set of meshio's own among them
    names = {".inp": sorted(mesh.cell_names), ".nas": sorted(mesh.cell_names, key=mesh.cell_names.__getitem__),
             ".msh": sorted(["gmsh:bounding_entities", *mesh.cell_names, *mesh.facet_names])}[suffix]  # fmt: skip
    values = [f"{names.index(name) + 1}={value}" for name, value in CONDUCTIVITY.items()]
    command = [PYTHON, "-W", "ignore", "-c", BY_SFEPY, str(tmp_path / f"m{suffix}"), *values]
    done = run_guarded(command, cwd=tmp_path)
    assert done.returncode == 0, done.stderr[-2000:]
    solution = solvers.conduction(
        solvers.load_domain(mesh), conductivity=CONDUCTIVITY, fixed={"z_min": 0.0, "z_max": 1.0}
    )
    # the same linear tets, eleven digits of the coordinates: only the tolerance of our linear solver lies between
    assert float(done.stdout.split()[-1]) == pytest.approx(abs(solution.currents["z_max"]), rel=1e-6)
