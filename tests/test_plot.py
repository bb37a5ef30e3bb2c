"""Pictures: colours stand for what they say, scales are true, and nothing needs a screen."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("matplotlib")
pytest.importorskip("pyvista")
sys.path.insert(0, str(Path(__file__).parent))
from helpers_mesh import box_mesh, box_volume, random_mesh
from helpers_ranks import run_guarded

from ssb2mesh import plot
from ssb2mesh.errors import InputError
from ssb2mesh.plot.fields import current_density
from ssb2mesh.plot.quality import dihedral_extremes
from ssb2mesh.plot.scene import EYE, Scene, grid_of, surface_of

UM = (1e-6, 1e-6, 1e-6)


def read_png(path):
    from matplotlib.image import imread

    return np.round(imread(path)[..., :3] * 255).astype(int)


def rgb(colour):
    return np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)])


def share_of(image, colour):
    return (np.abs(image - rgb(colour)).max(axis=2) <= 1).mean()


def ball(n=12, radius=0.3):
    """Label 2 inside a ball in the middle of a cube of label 1."""
    centre = (np.indices((n, n, n)) + 0.5) / n - 0.5
    return np.where((centre**2).sum(axis=0) < radius**2, 2, 1)


def test_every_picture_has_its_size_and_is_not_blank(tmp_path):
    labels = ball()
    names = {1: "LPSCl", 2: "NMC"}
    mesh, volume = box_mesh(12, labels, size=UM, names=names), box_volume(labels, size=UM, names=names)
    phi = mesh.points[:, 2] / 1e-6
    size = (640, 480)
    draw = {
        "slices": lambda p: plot.plot_slices(volume, p, size=size),
        "cut": lambda p: plot.plot_cutaway(mesh, p, size=size),
        "one": lambda p: plot.plot_cutaway(mesh, p, size=size, phases=["NMC"], edges=True),
        "interfaces": lambda p: plot.plot_interfaces(mesh, p, size=size),
        "sides": lambda p: plot.plot_interfaces(mesh, p, size=size, names=["LPSCl@z_max"]),
        "field": lambda p: plot.plot_field(mesh, phi, p, conductivity={"LPSCl": 0.2}, size=size),
        "map": lambda p: plot.plot_current_map(mesh, "z_min", phi, p, size=size),
        "on-interface": lambda p: plot.plot_current_map(mesh, "LPSCl|NMC", phi - 0.5, p, size=size),
        "quality": lambda p: plot.plot_quality(mesh, p, size=size),
    }
    for name, make in draw.items():
        path = make(tmp_path / f"{name}.png")
        assert path == tmp_path / f"{name}.png"
        image = read_png(path)
        assert image.shape == (480, 640, 3), name
        assert 0.02 < (image < 250).any(axis=2).mean() < 0.95, name  # neither blank nor all ink
    assert sorted(p.stem for p in tmp_path.iterdir()) == sorted(draw)


def test_colours_are_distinct_and_do_not_depend_on_the_others():
    known = plot.phase_colours(["void", "NMC", "LPSCl", "Li"])
    assert len(set(known.values())) == 4
    assert plot.phase_colours(["NMC"])["NMC"] == known["NMC"]
    many = plot.phase_colours([f"phase{i}" for i in range(25)] + ["NMC", "nmc"])
    assert len(set(many.values())) == 27


def test_slices_show_each_phase_with_its_share(tmp_path):
    labels = np.ones((20, 20, 20), int)
    labels[:5] = 2
    volume = box_volume(labels, size=UM, names={1: "LPSCl", 2: "NMC"})
    image = read_png(plot.plot_slices(volume, tmp_path / "s.png", at=(0.6, 0.5, 0.5)))
    colours = plot.phase_colours(["LPSCl", "NMC"])
    blue, orange = share_of(image, colours["NMC"]), share_of(image, colours["LPSCl"])
    # two panels show a quarter NMC, the cut x = 0.6 none: 1 to 5; 2 % for frames and the two patches of the legend
    assert blue / orange == pytest.approx(0.5 / 2.5, rel=0.02)


def test_a_scene_is_to_scale():
    mesh = box_mesh((2, 3, 4), size=(2e-6, 3e-6, 4e-6), origin=(5e-6, 0, -1e-6))
    scene = Scene(mesh.box, np.array([1.0, 0.0, 0.0]))
    surface = surface_of(grid_of(scene.to_scene(mesh.points), mesh.tets))
    picture = scene.render(lambda p: p.add_mesh(surface, color="black", lighting=False), (500, 400))
    dark = (picture.image < 200).all(axis=2)
    width, height = np.ptp(np.flatnonzero(dark.any(axis=0))) + 1, np.ptp(np.flatnonzero(dark.any(axis=1))) + 1
    # one pixel on either side, for the outline and anti-aliasing
    assert width * picture.metres_per_pixel == pytest.approx(3e-6, abs=2 * picture.metres_per_pixel)
    assert height * picture.metres_per_pixel == pytest.approx(4e-6, abs=2 * picture.metres_per_pixel)
    np.testing.assert_allclose(picture.directions, [[0, 0], [1, 0], [0, 1]], atol=1e-12)


@pytest.mark.parametrize(("inner", "outer"), [("Aa", "Bb"), ("Bb", "Aa")])
def test_an_interface_has_the_colour_of_the_phase_behind_it(tmp_path, inner, outer):
    mesh = box_mesh(12, ball(), size=UM, names={1: outer, 2: inner})
    image = read_png(plot.plot_interfaces(mesh, tmp_path / "i.png", size=(900, 700)))
    middle = image[300:360, 420:480].reshape(-1, 3).mean(axis=0)
    hue = {name: rgb(c) / rgb(c).max() for name, c in plot.phase_colours(["Aa", "Bb"]).items()}
    distance = {name: np.abs(middle / middle.max() - h).max() for name, h in hue.items()}
    assert min(distance, key=distance.get) == inner


def test_cut_away_takes_out_the_corner_next_to_the_eye():
    from ssb2mesh.plot.solid import outside_cut_corner

    mesh = box_mesh(4)
    kept = outside_cut_corner(mesh)
    assert (~kept).sum() == mesh.n_tets / 8
    centres = mesh.points[mesh.tets].mean(axis=1)
    assert ((centres[~kept] - 0.5) * np.sign(EYE) > 0).all()


def test_current_density_of_a_linear_potential_is_exact():
    mesh = random_mesh(3, 2)
    sigma = np.where(mesh.cell_tags == 1, 2.0, 0.5)
    current = current_density(mesh, mesh.points @ np.array([1.0, -2.0, 3.0]), sigma)
    # rounding of differences of coordinates about 1 over tets of size 1/3
    np.testing.assert_allclose(current, -sigma[:, None] * np.array([1.0, -2.0, 3.0]), rtol=0, atol=1e-13)


def test_dihedral_angles_of_known_tets():
    low, high = dihedral_extremes(*(lambda m: (m.points, m.tets))(box_mesh(3)))
    np.testing.assert_allclose(low, 45.0, atol=1e-9)
    np.testing.assert_allclose(high, 90.0, atol=1e-9)
    regular = np.array([[1.0, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]])
    for angles in dihedral_extremes(regular, np.array([[0, 2, 1, 3]])):
        assert angles[0] == pytest.approx(np.degrees(np.arccos(1 / 3)), abs=1e-9)


def test_a_potential_may_be_undefined_where_nothing_reaches(tmp_path):
    labels = ball()
    mesh = box_mesh(12, labels, size=UM, names={1: "LPSCl", 2: "NMC"})
    phi = mesh.points[:, 2].copy()
    phi[np.unique(mesh.tets[mesh.cell_tags == mesh.phase_tag("NMC")])] = np.nan
    assert plot.plot_field(mesh, phi, tmp_path / "p.png", size=(500, 300)).exists()
    with pytest.raises(InputError, match="no tet of the phases that conduct has finite values"):
        plot.plot_field(mesh, phi, tmp_path / "q.png", conductivity={"NMC": 1.0})


def test_lines_between_phases_run_once_around_the_box_of_two_layers(tmp_path):
    from ssb2mesh.plot.cells import _edges_between_phases, _inner_walls

    labels = np.ones((4, 4, 4), int)
    labels[:, :, 2:] = 2
    mesh = box_mesh(4, labels, size=UM, names={1: "LPSCl", 2: "NMC"})
    points = Scene(mesh.box, EYE).to_scene(mesh.points)
    lines = _edges_between_phases(surface_of(grid_of(points, mesh.tets, cell_data={"phase": mesh.cell_tags})))
    assert lines.compute_cell_sizes()["Length"].sum() == pytest.approx(4.0, rel=1e-6)  # coordinates of single precision
    assert np.ptp(lines.points[lines.lines.reshape(-1, 3)[:, 1:]][..., 2]) == 0
    cut = surface_of(grid_of(points, _inner_walls(mesh))).slice(normal="y", origin=(0.5, 0.4, 0.5))
    assert cut.compute_cell_sizes()["Length"].sum() == pytest.approx(1.0, rel=1e-6)
    one = box_mesh(4, np.ones((4, 4, 4), int), size=UM, names={1: "LPSCl"})
    plot.plot_cell_field(one, np.arange(float(one.n_tets)), tmp_path / "one.png", size=(640, 480))  # no walls at all


def test_pictures_are_the_same_every_time(tmp_path):
    mesh = box_mesh(6, ball(6), names={1: "LPSCl", 2: "NMC"})
    phi = mesh.points[:, 0]
    first, second = (plot.plot_field(mesh, phi, tmp_path / f"{n}.png", size=(400, 300)).read_bytes() for n in "ab")
    assert first == second


def test_bad_arguments(tmp_path):
    mesh = random_mesh(2, 2)
    volume = box_volume(np.ones((2, 2, 2), int))
    path = tmp_path / "p.png"
    with pytest.raises(InputError, match=r"got 'p\.jpg'; pictures are written as \.png"):
        plot.plot_slices(volume, tmp_path / "p.jpg")
    with pytest.raises(InputError, match="size: got 10 x 10; width and height are 200 to 10000"):
        plot.plot_slices(volume, path, size=(10, 10))
    with pytest.raises(InputError, match="three shares of the box"):
        plot.plot_slices(volume, path, at=(2, 0, 0))
    with pytest.raises(InputError, match="no phase 'phase3'.*did you mean"):
        plot.plot_cutaway(mesh, path, phases=["phase3"])
    with pytest.raises(InputError, match="no set 'phase1|phase3'"):
        plot.plot_interfaces(mesh, path, names=["phase1|phase3"])
    with pytest.raises(InputError, match=r"got shape \(3,\); expected \(27,\)"):
        plot.plot_field(mesh, np.zeros(3), path)
    with pytest.raises(InputError, match="got -1 for 'phase1'; it is zero or positive"):
        plot.plot_field(mesh, np.zeros(27), path, conductivity={"phase1": -1})
    with pytest.raises(InputError, match=r"expected \(8,\), one a triangle of 'z_min', or \(27,\)"):
        plot.plot_current_map(mesh, "z_min", np.zeros(3), path)
    with pytest.raises(InputError, match="folder .* does not exist"):
        plot.plot_slices(volume, tmp_path / "none" / "p.png")
    assert list(tmp_path.iterdir()) == []


def test_drawing_without_a_screen_is_silent(tmp_path):
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); from helpers_mesh import box_mesh; from ssb2mesh import plot;"
        "plot.plot_cutaway(box_mesh(2), sys.argv[2], size=(300, 300))"
    )
    environment = {k: v for k, v in os.environ.items() if k not in ("DISPLAY", "WAYLAND_DISPLAY")}
    here = str(Path(__file__).parent)
    done = run_guarded([sys.executable, "-c", code, here, tmp_path / "p.png"], env=environment)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert done.stdout == ""
