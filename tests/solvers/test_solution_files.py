"""Files of fields: a point has its value if any phase that conducts touches it, and NaN only otherwise."""

from __future__ import annotations

import numpy as np
import pytest
from helpers_mesh import box_mesh

from solvers import dolfinx_api
from ssb2mesh.io import write_mesh
from ssb2mesh.io.meshes import read_mesh_data

pytestmark = pytest.mark.skipif(not dolfinx_api.available(), reason="DOLFINx is not installed")


def test_values_reach_the_walls_of_what_does_not_conduct(tmp_path):
    import solvers

    labels = np.where(np.arange(4) < 2, 1, 2)[None, :, None].repeat(4, axis=0).repeat(4, axis=2)
    mesh = box_mesh(4, labels, names={1: "LPS", 2: "NMC"})
    write_mesh(mesh, tmp_path / "mesh.xdmf")
    found = solvers.conduction(
        solvers.load_domain(tmp_path / "mesh.xdmf"), conductivity={"LPS": 0.2}, fixed={"z_min": 0.0, "z_max": 1.0}
    )
    found.write(tmp_path / "ions.xdmf")
    data = read_mesh_data(tmp_path / "ions.xdmf")
    told = np.ravel(data.point_data["potential"])
    touched = np.unique(mesh.tets[mesh.cell_tags == mesh.phase_tag("LPS")])
    assert set(np.flatnonzero(np.isfinite(told))) == set(touched)
    # the potential of a straight bar is its height, whose file keeps every digit but those of the linear solver
    height = mesh.points[:, 2] / mesh.points[:, 2].max()
    assert told[touched] == pytest.approx(height[touched], abs=1e-7)
