"""Abaqus input: meshio and meshio++ read the names, CalculiX solves on the mesh and agrees."""

from __future__ import annotations

import dataclasses
import re
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from helpers_mesh import box_mesh, random_mesh
from helpers_ranks import run_guarded
from test_comsol import same_but_for_the_order_of_rows
from test_curved import bent
from test_exodus import loops, wanted_sets

from ssb2mesh.errors import InputError
from ssb2mesh.io.mesh_names import LossWarning
from ssb2mesh.io.meshes import read_mesh, write_mesh
from ssb2mesh.mesh.second_order import second_order

#: Nodes of the sides of C3D4, from 1, as the manuals give them, turned so that the normal points out.
SIDE_NODES = np.array([[1, 2, 3], [1, 4, 2], [2, 4, 3], [3, 4, 1]])[:, ::-1]
needs_ccx = pytest.mark.skipif(shutil.which("ccx") is None, reason="CalculiX (Debian: calculix-ccx) is not installed")


def surfaces(path: Path) -> dict[str, np.ndarray]:
    """(element, side) of each surface, by a reader as plain as the file."""
    found, current = {}, None
    for line in path.read_text().splitlines():
        if line.startswith("**"):
            continue
        if line.startswith("*"):
            match = re.match(r"\*SURFACE, NAME=([\w-]+), TYPE=ELEMENT$", line)
            current = found.setdefault(match.group(1), []) if match else None
        elif current is not None:
            element, side = line.split(", S")
            current.append((int(element), int(side)))
    return {name: np.array(rows) for name, rows in found.items()}


@pytest.mark.parametrize("order", [1, 2])
def test_meshio_finds_element_and_node_sets_and_the_surfaces_fit(tmp_path, order):
    meshio = pytest.importorskip("meshio")
    mesh = random_mesh(4, 4, seed=3, drop=("phase2",))
    write_mesh(mesh, tmp_path / "m.inp", order=order)
    other = meshio.read(tmp_path / "m.inp")
    np.testing.assert_allclose(other.points[: mesh.n_points], mesh.points, rtol=1e-13, atol=0)  # 14 digits in the file
    assert set(other.cell_sets) == set(mesh.cell_names)
    starts = np.cumsum([0, *(len(block.data) for block in other.cells)])
    for at, (name, tag) in enumerate(mesh.cell_names.items()):
        np.testing.assert_array_equal(other.cells[at].data[:, :4], mesh.tets[mesh.cell_tags == tag])
        assert len(other.cell_sets[name]) == len(starts) - 1
    wanted = wanted_sets(mesh)
    found = surfaces(tmp_path / "m.inp")
    assert set(found) == set(wanted)
    for name, rows in found.items():
        triangles = np.take_along_axis(mesh.tets[rows[:, 0] - 1], SIDE_NODES[rows[:, 1] - 1] - 1, axis=1)
        assert loops(mesh.points, triangles) == wanted[name], name
    nodes = other.point_sets["phase1_phase2"]
    assert set(nodes[nodes < mesh.n_points]) == set(np.unique(mesh.facet_set("phase1|phase2")))
    # a wall whose first name is the phase left out
    assert "phase3_phase2" in found
    assert "phase3_phase2" in other.point_sets


def test_meshioplusplus_finds_the_same_surfaces(tmp_path):
    other = pytest.importorskip("meshioplusplus", reason="pip install meshioplusplus")
    mesh = random_mesh(3, 3, seed=3)
    write_mesh(mesh, tmp_path / "m.inp")
    read = other.read(tmp_path / "m.inp")
    assert set(read.cell_sets) == set(mesh.cell_names)
    assert set(wanted_sets(mesh)) <= set(re.findall(r"\w+", str(read).partition("Side sets:")[2]))


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("phases", [1, 2, 6])
def test_inp_comes_back_up_to_its_digits(tmp_path, order, phases):
    mesh = random_mesh(3, phases, seed=phases, drop=("phase2",) if phases == 6 else ())
    mesh = dataclasses.replace(mesh, points=mesh.points * 1e-6 / 3, box=mesh.box * 1e-6 / 3)
    write_mesh(mesh, tmp_path / "m.inp", order=order)
    back = read_mesh(tmp_path / "m.inp")
    np.testing.assert_allclose(back.points, mesh.points, rtol=1e-13, atol=0)
    same_but_for_the_order_of_rows(dataclasses.replace(back, points=mesh.points), mesh)


def test_an_inp_of_another_program_comes_in_by_its_sets(tmp_path):
    (tmp_path / "m.inp").write_text(
        "*Heading\n two tets\n*Node\n10, 0,0,0\n20, 1,0,0\n30, 0,1,0\n40, 0,0,1\n50, 1,1,1\n60, 9,9,9\n"
        "*Element, type=C3D4, elset=LPSCl\n7, 10,20,30,40\n*Element, type=C3D4, elset=NMC\n8, 20,30,40,50\n"
        "*Elset, elset=low, generate\n 7, 7, 1\n*Elset, elset=high\n 8,\n*Surface, name=bottom, type=ELEMENT\nlow, S1\n"
        "*Surface, name=LPSCl_NMC\n low, S3\n*Surface, name=NMC_LPSCl\n8, S1\n** end\n"
    )
    mesh = read_mesh(tmp_path / "m.inp")
    assert dict(mesh.cell_names) == {"LPSCl": 1, "NMC": 2}
    assert set(mesh.facet_names) == {"bottom", "LPSCl|NMC"}
    assert mesh.n_points == 5
    assert mesh.facet_areas() == pytest.approx({"bottom": 0.5, "LPSCl|NMC": np.sqrt(3) / 2}, rel=1e-14)
    for text in ("*Node\n1, 0,0,0\n", "no mesh", "*Node\n1,0,0,0\n*Element, type=C3D4\n1, 1,2,3,4\n"):
        (tmp_path / "bad.inp").write_text(text)
        with pytest.raises(InputError, match="path: "):
            read_mesh(tmp_path / "bad.inp")


def test_names_are_told_when_they_change(tmp_path):
    mesh = box_mesh(2, names={1: "Li₆PS₅Cl 2.5 µm"})
    with pytest.warns(LossWarning, match="'Li₆PS₅Cl 2.5 µm' as 'Li6PS5Cl_2_5_um'"):
        write_mesh(mesh, tmp_path / "m.inp")
    assert list(read_mesh(tmp_path / "m.inp").cell_names) == ["Li₆PS₅Cl 2.5 µm"]


def run_ccx(folder: Path, deck: str) -> str:
    (folder / "job.inp").write_text(deck)
    done = run_guarded(["ccx", "-i", "job"], cwd=folder)
    assert "*ERROR" not in done.stdout, done.stdout[-2000:]
    return (folder / "job.dat").read_text()


def totals(text: str, what: str) -> list[list[float]]:
    """The totals of sets in a .dat file of CalculiX, in the order asked for."""
    return [[float(v) for v in values.split()] for values in re.findall(rf"total {what}[^\n]*\n\n([^\n]*)", text)]


@needs_ccx
@pytest.mark.parametrize("order", [1, 2])
def test_calculix_solves_the_patch_test_exactly(tmp_path, order):
    mesh = random_mesh(3, 2, seed=1)
    write_mesh(mesh, tmp_path / "mesh.inp", order=order)
    young, strain = 2.5e10, 1e-3
    deck = (
        "*INCLUDE, INPUT=mesh.inp\n*MATERIAL, NAME=M\n*ELASTIC\n2.5e10, 0.3\n"
        "*SOLID SECTION, ELSET=phase1, MATERIAL=M\n*SOLID SECTION, ELSET=phase2, MATERIAL=M\n"
        f"*STEP\n*STATIC\n*BOUNDARY\nx_min, 1, 1\ny_min, 2, 2\nz_min, 3, 3\nz_max, 3, 3, {strain}\n"
        "*NODE PRINT, NSET=z_max, TOTALS=ONLY\nRF\n*NODE PRINT, NSET=z_min, TOTALS=ONLY\nRF\n*END STEP\n"
    )
    top, bottom = totals(run_ccx(tmp_path, deck), "force")
    # uniaxial stress: the exact force; the file has seven digits
    assert top[2] == pytest.approx(young * strain, rel=1e-5)
    assert bottom[2] == pytest.approx(-young * strain, rel=1e-5)


@needs_ccx
def test_calculix_takes_a_pressure_on_a_surface(tmp_path):
    mesh = random_mesh(3, 2, seed=1)
    write_mesh(mesh, tmp_path / "mesh.inp")
    deck = (
        "*INCLUDE, INPUT=mesh.inp\n*MATERIAL, NAME=M\n*ELASTIC\n1e9, 0.3\n"
        "*SOLID SECTION, ELSET=phase1, MATERIAL=M\n*SOLID SECTION, ELSET=phase2, MATERIAL=M\n"
        "*STEP\n*STATIC\n*BOUNDARY\nx_min, 1, 1\ny_min, 2, 2\nz_min, 3, 3\n*DSLOAD\nz_max, P, 1e6\n"
        "*NODE PRINT, NSET=z_min, TOTALS=ONLY\nRF\n*END STEP\n"
    )
    (force,) = totals(run_ccx(tmp_path, deck), "force")
    assert force[2] == pytest.approx(1e6, rel=1e-5)  # pressure times area, pushing down


@needs_ccx
def test_calculix_conducts_as_our_solver(tmp_path):
    pytest.importorskip("dolfinx")
    import solvers

    mesh = random_mesh(4, 3, seed=6)
    write_mesh(mesh, tmp_path / "mesh.inp")
    sigma = {"phase1": 1.0, "phase2": 30.0, "phase3": 0.05}
    sections = "".join(
        f"*MATERIAL, NAME=M{i}\n*CONDUCTIVITY\n{value}\n*SOLID SECTION, ELSET={name}, MATERIAL=M{i}\n"
        for i, (name, value) in enumerate(sigma.items())
    )
    deck = (
        f"*INCLUDE, INPUT=mesh.inp\n{sections}*STEP\n*HEAT TRANSFER, STEADY STATE\n"
        "*BOUNDARY\nz_min, 11, 11, 0.\nz_max, 11, 11, 1.\n"
        "*NODE PRINT, NSET=z_max, TOTALS=ONLY\nRFL\n*NODE PRINT, NSET=ALL_NODES\nNT\n*END STEP\n"
    )
    text = run_ccx(tmp_path, deck)
    ((flux,),) = totals(text, "heat generation")
    solution = solvers.conduction(solvers.load_domain(mesh), conductivity=sigma, fixed={"z_min": 0.0, "z_max": 1.0})
    ours = abs(solution.currents["z_max"])
    assert abs(flux) == pytest.approx(ours, rel=1e-5)  # the same linear tets; the file has seven digits


@needs_ccx
@pytest.mark.parametrize("order", [1, 2])
def test_calculix_deforms_a_composite_as_our_solver(tmp_path, order):
    pytest.importorskip("dolfinx")
    import solvers
    from solvers.mechanics import Elastic, Supports, elasticity

    mesh = random_mesh(4, 3, seed=6)
    materials = {"phase1": (22e9, 0.37), "phase2": (200e9, 0.3), "phase3": (1e9, 0.45)}
    write_mesh(mesh, tmp_path / "mesh.inp", order=order)
    sections = "".join(
        f"*MATERIAL, NAME=M{i}\n*ELASTIC\n{young}, {poisson}\n*SOLID SECTION, ELSET={name}, MATERIAL=M{i}\n"
        for i, (name, (young, poisson)) in enumerate(materials.items())
    )
    # clamped below, pressed and sheared above: all three forces act
    deck = (
        f"*INCLUDE, INPUT=mesh.inp\n{sections}*STEP\n*STATIC\n"
        "*BOUNDARY\nz_min, 1, 3\nz_max, 1, 1, 5e-4\nz_max, 2, 2, 0.\nz_max, 3, 3, -1e-3\n"
        "*NODE PRINT, NSET=z_max, TOTALS=ONLY\nRF\n*NODE PRINT, NSET=z_min, TOTALS=ONLY\nRF\n*END STEP\n"
    )
    top, bottom = totals(run_ccx(tmp_path, deck), "force")
    solution = elasticity(
        solvers.load_domain(mesh),
        materials={name: Elastic(young=young, poisson=poisson) for name, (young, poisson) in materials.items()},
        supports=Supports(fixed={"z_min": 0, "z_max": (5e-4, 0.0, -1e-3)}),
        order=order,
    )
    # the same tets; the file of CalculiX has seven digits, and C3D10 is integrated exactly on straight edges
    scale = np.linalg.norm(solution.forces["z_max"])
    np.testing.assert_allclose(top, solution.forces["z_max"], atol=1e-5 * scale)
    np.testing.assert_allclose(bottom, solution.forces["z_min"], atol=1e-5 * scale)


@needs_ccx
def test_calculix_passes_the_patch_test_on_curved_tets(tmp_path):
    mesh = bent(4)
    with pytest.warns(LossWarning, match="82 of 82 edges on interfaces curved; volumes change"):
        write_mesh(mesh, tmp_path / "mesh.inp", order=2)
    sections = "".join(f"*SOLID SECTION, ELSET={name}, MATERIAL=M\n" for name in mesh.cell_names)
    deck = (
        f"*INCLUDE, INPUT=mesh.inp\n*MATERIAL, NAME=M\n*ELASTIC\n2.5e10, 0.3\n{sections}"
        "*STEP\n*STATIC\n*BOUNDARY\nx_min, 1, 1\ny_min, 2, 2\nz_min, 3, 3\nz_max, 3, 3, 1e-3\n"
        "*NODE PRINT, NSET=z_max, TOTALS=ONLY\nRF\n*NODE PRINT, NSET=ALL_NODES\nU\n*END STEP\n"
    )
    text = run_ccx(tmp_path, deck)
    ((_, _, force),) = totals(text, "force")
    # Isoparametric tets hold linear displacements whatever their edges, as long as each node is on its own edge; the
    # rule of four points misses a cubic term of the curved ones. A node on a wrong edge would move by 2e-5.
    assert force == pytest.approx(2.5e7, rel=1e-5)
    rows = np.array(
        [line.split() for line in text.splitlines() if re.match(r" +\d+( +-?\d\.\d+E[+-]\d+){3}$", line)], float
    )
    nodes = second_order(mesh, curved=True).points[rows[:, 0].astype(int) - 1]
    np.testing.assert_allclose(rows[:, 1:], nodes * [-3e-4, -3e-4, 1e-3], rtol=0, atol=1e-8)
