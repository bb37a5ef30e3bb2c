"""Pictures of what solves have written: files read back in the order of the mesh, labels, ticks, facet sets."""

from __future__ import annotations

import h5py
import numpy as np
import pytest
from helpers_mesh import box_mesh

pytest.importorskip("pyvista")
pytest.importorskip("matplotlib")

from ssb2mesh.errors import InputError
from ssb2mesh.io import read_mesh, write_mesh
from ssb2mesh.io.meshes import read_mesh_data
from ssb2mesh.plot.facets import facet_values
from ssb2mesh.plot.job import plot_file
from ssb2mesh.plot.labels import field_label, field_limits, fitting, tick_texts

LABELS = np.where(np.arange(4) < 2, 1, 2)[None, None, :].repeat(4, axis=0).repeat(4, axis=1)
NAMES = {1: "LPS", 2: "Li"}


def mixed(mesh, draw=None):
    """Another order of points and of tets."""
    draw = np.random.default_rng(3) if draw is None else draw
    return draw.permutation(mesh.n_points), draw.permutation(mesh.n_tets)


def solution(folder, mesh, *, fields=None):
    """Write the file that DOLFINx writes: its own order of points and tets, corners in any order, tags as numbers."""
    draw = np.random.default_rng(3)
    points, tets = mixed(mesh, draw)
    number = np.empty(mesh.n_points, int)
    number[points] = np.arange(mesh.n_points)
    corners = draw.permuted(number[mesh.tets[tets]], axis=1)
    phi = mesh.points[:, 2]
    stress = np.zeros((mesh.n_tets, 9))
    stress[:, 8] = -2e6
    current = np.tile([0.0, 0.0, 3.0], (mesh.n_tets, 1))
    middles = mesh.points[mesh.tets].mean(axis=1)[:, 0]
    found = {"potential": ("Node", phi[points][:, None]), "phase": ("Cell", mesh.cell_tags[tets][:, None] * 1.0),
             "stress": ("Cell", stress[tets]), "current_density": ("Cell", current[tets]),
             "von_mises": ("Cell", middles[tets][:, None])} | (fields or {})  # fmt: skip
    text = []
    with h5py.File(folder / "s.h5", "w") as file:
        file["Mesh/mesh/geometry"], file["Mesh/mesh/topology"] = mesh.points[points], corners
        for name, (centre, values) in found.items():
            file[f"Function/{name}/0"] = values
            item = f'<DataItem Dimensions="1" Format="HDF">s.h5:/Function/{name}/0</DataItem>'
            text.append(f'<Attribute Name="{name}" Center="{centre}">{item}</Attribute>')
    item = '<DataItem Format="HDF">s.h5:/Mesh/mesh/topology</DataItem>'
    (folder / "s.xdmf").write_text(f"<Xdmf><Domain>{item}{''.join(text)}</Domain></Xdmf>", encoding="utf-8")
    return folder / "s.xdmf"


def test_fields_of_a_solve_come_back_in_the_order_of_its_mesh(tmp_path):
    mesh = box_mesh(4, LABELS, names=NAMES)
    write_mesh(mesh, tmp_path / "mesh.xdmf")
    data = read_mesh_data(solution(tmp_path, mesh))
    assert dict(data.mesh.cell_names) == dict(mesh.cell_names)
    assert dict(data.mesh.facet_names) == dict(mesh.facet_names)
    assert (data.mesh.tets == mesh.tets).all()
    assert (data.point_data["potential"] == mesh.points[:, 2]).all()
    assert (data.cell_data["von_mises"] == mesh.points[mesh.tets].mean(axis=1)[:, 0]).all()
    assert data.cell_data["stress"].shape == (mesh.n_tets, 9)
    assert "phase" not in data.cell_data


def test_without_the_mesh_phases_are_called_by_their_tags(tmp_path):
    mesh = box_mesh(4, LABELS, names=NAMES)
    # the mesh of another run, with as many points and tets, does not lend its names
    write_mesh(box_mesh(4, LABELS, names={1: "a", 2: "b"}, size=(2.0, 2.0, 2.0)), tmp_path / "other.xdmf")
    found = read_mesh(solution(tmp_path, mesh))
    assert found.phase_volumes() == pytest.approx({f"phase {t}": 0.5 for t in mesh.cell_names.values()})
    assert not found.facet_names
    with pytest.raises(InputError, match=r"holds no facet sets; give the mesh file, such as mesh\.xdmf"):
        plot_file(str(tmp_path / "s.xdmf"), tmp_path / "p.png", what="interfaces")


def test_every_field_of_a_solve_is_drawn(tmp_path):
    mesh = box_mesh(4, LABELS, names=NAMES)
    write_mesh(mesh, tmp_path / "mesh.xdmf")
    source = str(solution(tmp_path, mesh, fields={"separation": ("Node", np.full((mesh.n_points, 3), 1e-9))}))
    for n, choice in enumerate(({"field": "potential"}, {"field": "von_mises"}, {"field": "current_density"},
                                {"field": "separation", "on": "LPS|Li"},
                                {"field": "stress", "on": "LPS|Li"})):  # fmt: skip
        plot_file(source, tmp_path / f"{n}.png", choice=choice, size=(500, 300))
        assert (tmp_path / f"{n}.png").stat().st_size > 5_000, choice
    with pytest.raises(InputError, match=r"field: say which one; fields of .*potential, separation, stress"):
        plot_file(source, tmp_path / "p.png", what="field")
    with pytest.raises(InputError, match="field: got 'potental', did you mean 'potential'"):
        plot_file(source, tmp_path / "p.png", choice={"field": "potental"})
    with pytest.raises(InputError, match=r"'stress' has 9 numbers a tet; draw one of von_mises.*--on \(LPS\|Li\)"):
        plot_file(source, tmp_path / "p.png", choice={"field": "stress"})
    with pytest.raises(InputError, match=r"no set 'LPS\|L'|did you mean"):
        plot_file(source, tmp_path / "p.png", choice={"field": "stress", "on": "LPS|L"})
    assert not (tmp_path / "p.png").exists()


def test_each_potential_of_a_cell_has_its_own_current_lines(tmp_path, monkeypatch):
    drawn = {}
    monkeypatch.setattr("ssb2mesh.plot.plot_field", lambda *_, label, current, **__: drawn.update({label: current}))
    mesh = box_mesh(4, LABELS, names=NAMES)
    write_mesh(mesh, tmp_path / "mesh.xdmf")
    phi = ("Node", mesh.points[mixed(mesh)[0], 2][:, None])
    fields = {}
    for number, name in enumerate(("electronic", "ionic"), start=1):
        fields |= {f"{name}_potential": phi, f"{name}_current_density": ("Cell", np.full((mesh.n_tets, 3), number))}
    source = str(solution(tmp_path, mesh, fields=fields))
    for name in ("potential", "electronic_potential", "ionic_potential"):
        plot_file(source, tmp_path / "p.png", choice={"field": name})
    assert [current[0, 0] for current in drawn.values()] == [0.0, 1.0, 2.0]


def test_a_phase_that_does_not_conduct_is_grey_and_not_the_colour_of_no_current(tmp_path):
    from matplotlib.image import imread

    mesh = box_mesh(4, LABELS, names=NAMES)
    live = mesh.cell_tags == mesh.cell_names["Li"]
    write_mesh(mesh, tmp_path / "mesh.xdmf")
    for n, sizes in enumerate((np.where(live, 3.0, 0.0), np.where(live, 3.0, 1e-9))):
        # two tets without current are still of a phase that conducts
        sizes[np.flatnonzero(live)[:2]] = 0.0
        current = ("Cell", np.eye(3)[2] * sizes[mixed(mesh)[1]][:, None])
        source = solution(tmp_path, mesh, fields={"current_density": current})
        plot_file(str(source), tmp_path / f"{n}.png", choice={"field": "current_density"}, size=(500, 300))
    grey = np.array([0xDF, 0xE2, 0xE5])
    shares = [(np.abs(imread(tmp_path / f"{n}.png")[..., :3] * 255 - grey).max(axis=2) < 2).mean() for n in range(2)]
    # half of the plane through the middle, which takes a fifth of the picture
    assert shares[0] > 0.05
    assert shares[1] < 0.005


def test_fields_on_a_facet_set():
    mesh = box_mesh(4, LABELS, names=NAMES)
    stress = np.zeros((mesh.n_tets, 9))
    stress[:, 8], stress[:, 0] = -2e6, 5e6
    pressure, kind = facet_values(mesh, "LPS|Li", stress)
    assert kind == "pressure"
    assert pressure == pytest.approx(2e6)
    # out of the first phase of the name: "LPS|Li" runs from the lower to the upper half
    flow, kind = facet_values(mesh, "LPS|Li", np.tile([1.0, 0.0, 3.0], (mesh.n_tets, 1)))
    assert (kind, abs(flow).max()) == ("along the normal", pytest.approx(3.0))
    assert np.ptp(flow) == 0
    # where one side has no value the other one's counts
    one = np.where(mesh.cell_tags == mesh.phase_tag("Li"), 7.0, np.nan)
    assert facet_values(mesh, "LPS|Li", one)[0] == pytest.approx(7.0)
    assert np.isnan(facet_values(mesh, "LPS@z_min", one)[0]).all()
    assert facet_values(mesh, "z_max", mesh.points[:, 2])[0] == pytest.approx(1.0)
    with pytest.raises(InputError, match=r"values: got shape \(3,\); expected one number or vector for each of"):
        facet_values(mesh, "z_max", np.zeros(3))


@pytest.mark.parametrize(
    ("ticks", "texts", "more"),
    [
        ([0.0, 0.005, 0.01], ["0", "0.005", "0.01"], ""),
        ([3.700001, 3.700002, 3.700003], ["1", "2", "3"], "× 10⁻⁶ + 3.7"),
        ([1.2e-9, 1.4e-9], ["1.2", "1.4"], "× 10⁻⁹"),
        ([120000.0, 120001.0, 120002.0], ["0", "1", "2"], "+ 120\u202f000"),
        ([-0.5, 0.0, 0.5], ["−0.5", "0", "0.5"], ""),
        ([5e9, 6e9], ["5", "6"], "× 10⁹"),
    ],
)
def test_ticks_can_be_told_apart(ticks, texts, more):
    assert tick_texts(ticks) == (texts, more)


def test_no_two_ticks_are_alike_and_they_mean_their_values():
    draw = np.random.default_rng(0)
    for _ in range(300):
        # as they come: multiples of a round step, up to 1e8 steps away from zero
        step = draw.choice([1.0, 2.0, 2.5, 5.0]) * 10.0 ** draw.integers(-12, 12)
        ticks = (np.arange(5) + np.round(draw.normal() * 10.0 ** draw.integers(0, 9))) * step
        texts, more = tick_texts(list(ticks))
        assert len(set(texts)) == 5, (ticks, texts)
        power = more.split("10")[1].split(" ")[0] if more.startswith("× 10") else "⁰"
        power = int(power.translate(str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")))
        values = [float(t.replace("\u202f", "").replace("−", "-")) * 10.0**power for t in texts]
        # differences are those of the ticks, as what is added is the same for all; 1e-6: rounding far from zero
        assert np.diff(values) == pytest.approx(np.diff(ticks), rel=1e-6)


@pytest.mark.parametrize("loose", [5, 25])
def test_loose_pieces_do_not_hide_the_potential_of_the_rest(loose):
    body = np.linspace(3.60, 3.61, 1000 - loose)
    (low, high), extend = field_limits(np.concatenate([body, np.full(loose, 3.7)]))
    assert extend != "neither"
    assert 3.6 <= low < high < 3.611
    # a spot in a plane, where the potential falls like 1 / r, is shown whole
    spot = 1 / np.sqrt(np.linspace(1, 100, 1000))
    assert field_limits(spot) == ((0.1, 1.0), "neither")


def test_labels_have_units_and_prefixes():
    assert field_label("gap_z") == "gap between bounds, z (W/m³)"
    assert field_label("gap") == "gap (m)"
    assert field_label("current_density_x") == "current density x (A/m²)"
    assert field_label("mine") == "mine"
    assert fitting("gap (m)", 4e-8) == ("gap (nm)", 1e-9)
    assert fitting("von Mises stress (Pa)", 2e7) == ("von Mises stress (MPa)", 1e6)
    assert fitting("potential (V)", 0.0) == ("potential (V)", 1.0)
    assert fitting("mine", 1e9) == ("mine", 1.0)
