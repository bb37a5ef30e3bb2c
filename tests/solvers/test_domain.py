"""The distributed mesh: names, measures, original order, files; and DOLFINx being absent."""

import subprocess
import sys

import numpy as np
import pytest
from helpers_mesh import box_mesh, random_mesh

from solvers import conduction, dolfinx_api, load_domain
from solvers.connectivity import pieces_through
from ssb2mesh import write_mesh
from ssb2mesh.errors import InputError

needs_dolfinx = pytest.mark.skipif(
    not dolfinx_api.available(), reason="DOLFINx is not installed: " + dolfinx_api.INSTALL
)


@needs_dolfinx
def test_volumes_areas_and_order_survive():
    mesh = random_mesh(4, 3)
    domain = load_domain(mesh)
    assert domain.phase_volumes() == pytest.approx(mesh.phase_volumes(), rel=1e-12)
    assert {name: domain.set_area(name) for name in domain.sets} == pytest.approx(mesh.facet_areas(), rel=1e-12)
    assert np.array_equal(domain.gather_points(domain.coordinates), mesh.points)
    assert np.array_equal(domain.gather_cells(domain.cell_phase.astype(float)), mesh.cell_tags)


@needs_dolfinx
def test_measures_by_name_integrate_volumes_and_overlapping_sets():
    mesh = random_mesh(4, 2)
    domain = load_domain(mesh)
    areas, volumes = mesh.facet_areas(), mesh.phase_volumes()
    integrate = dolfinx_api.integrate
    assert integrate(domain, 1, domain.dx("phase1")) == pytest.approx(volumes["phase1"], rel=1e-12)
    assert integrate(domain, 1, domain.dx()) == pytest.approx(1.0, rel=1e-12)
    assert integrate(domain, 1, domain.ds("z_min")) == pytest.approx(1.0, rel=1e-12)
    assert integrate(domain, 1, domain.ds("phase1@z_min")) == pytest.approx(areas["phase1@z_min"], rel=1e-12)
    assert integrate(domain, 1, domain.dS("phase1|phase2")) == pytest.approx(areas["phase1|phase2"], rel=1e-12)


@needs_dolfinx
def test_unknown_names_have_the_nearest_one():
    domain = load_domain(box_mesh(2))
    with pytest.raises(InputError, match="no phase 'phase', did you mean 'phase1'"):
        domain.dx("phase")
    with pytest.raises(InputError, match="no facet set 'zmin', did you mean 'z_min'"):
        domain.ds("zmin")


@needs_dolfinx
def test_pieces_through_facets_and_through_points():
    labels = np.full((3, 3, 3), 2)
    labels[0, 0, 0] = labels[1, 1, 1] = labels[1, 1, 2] = 1
    domain = load_domain(box_mesh(3, labels))
    cells = domain.cells_of(["phase1"])
    assert len(np.unique(pieces_through(domain, cells)[cells])) == 2
    assert len(np.unique(pieces_through(domain, cells, "points")[cells])) == 1
    assert (pieces_through(domain, cells)[~cells] == -1).all()


@needs_dolfinx
@pytest.mark.parametrize("name", ["mesh.xdmf", "mesh.h5", "mesh.vtu"])
def test_meshes_from_files_give_the_same_answer(tmp_path, name):
    mesh = random_mesh(4, 2)
    write_mesh(mesh, tmp_path / name.replace(".h5", ".xdmf"))
    options = {"conductivity": {"phase1": 1.0, "phase2": 9.0}, "fixed": {"z_min": 0.0, "z_max": 1.0}}
    first = conduction(load_domain(mesh), **options)
    second = conduction(load_domain(tmp_path / name), **options)
    assert second.currents["z_max"] == pytest.approx(first.currents["z_max"], rel=1e-11)
    assert second.point_data()["potential"] == pytest.approx(first.point_data()["potential"], abs=1e-10)


@needs_dolfinx
def test_missing_file_and_wrong_type():
    with pytest.raises(InputError, match=r"no_such\.xdmf does not exist"):
        load_domain("no_such.xdmf")
    with pytest.raises(InputError, match="got int on rank 0; expected a TaggedMesh"):
        load_domain(3)


@needs_dolfinx
def test_fields_are_written_for_paraview_whole_or_not_at_all(tmp_path):
    import h5py

    domain = load_domain(random_mesh(3, 2))
    solution = conduction(domain, conductivity={"phase1": 1.0}, fixed={"z_min": 0.0})
    solution.write(tmp_path / "out.xdmf")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["out.h5", "out.xdmf"]
    text = (tmp_path / "out.xdmf").read_text()
    assert all(f'Name="{name}"' in text for name in ("potential", "current_density", "joule_heat", "phase"))
    with h5py.File(tmp_path / "out.h5") as file:
        assert file["Mesh/mesh/topology"].shape == (domain.n_tets, 4)
    with pytest.raises(InputError, match=r"ends in \.xdmf"):
        solution.write(tmp_path / "out.vtu")
    with pytest.raises(InputError, match="does not exist"):
        solution.write(tmp_path / "none" / "out.xdmf")


@needs_dolfinx
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_forms_have_the_same_text_after_another_one_was_compiled(tmp_path):
    """Else the next process, which finds the first form compiled, would have to compile the others again."""
    import ufl

    domain = load_domain(random_mesh(2, 2))

    def form(degree):
        space = dolfinx_api.function_space(domain.mesh, "DG", degree)
        return dolfinx_api.function(space, "f") * ufl.TestFunction(space) * ufl.dx

    before = form(1).signature()
    named = "jit_params" if dolfinx_api.dolfinx_version() < (0, 7) else "jit_options"
    dolfinx_api.require().fem.form(form(0), **{named: {"cache_dir": str(tmp_path)}})
    assert list(tmp_path.iterdir())  # it was compiled here
    assert form(1).signature() == before


def test_without_dolfinx_the_error_names_the_install_command():
    code = (
        "import sys; sys.modules['dolfinx'] = None\n"
        "import solvers\n"
        "from ssb2mesh.errors import MissingDependencyError\n"
        "try:\n    solvers.load_domain('mesh.xdmf')\n"
        "except MissingDependencyError as error:\n    print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "python3-dolfinx-real" in done.stdout
    assert "conda-forge" in done.stdout


def test_public_names_stay_functions_when_their_modules_are_imported():
    import solvers
    import solvers.conduction  # noqa: F401

    assert callable(solvers.conduction)
    assert solvers.conduction is sys.modules["solvers.conduction"].conduction
