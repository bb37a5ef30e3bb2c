"""States of a cracked pellet, and pictures of several states side by side: voxels, bad input."""

import numpy as np
import pytest
from helpers_mesh import box_mesh

from ssb2mesh import LabelledVolume
from ssb2mesh.errors import InputError
from ssb2mesh.phantoms.states import STATES, crack_states, with_pits
from ssb2mesh.plot.panels import Panel, plot_panels

VOID, LPS, LI = 0, 1, 2


def pellet():
    """Foils of two voxels, ten voxels of electrolyte, a straight crack through them, and a pore beside it."""
    labels = np.full((6, 5, 14), LI, np.uint8)
    labels[:, :, 2:12] = LPS
    labels[2, 1:4, 2:12] = VOID
    labels[5, 4, 6] = VOID
    return LabelledVolume(labels, (1e-6,) * 3, phases={VOID: "void", LPS: "LPS", LI: "Li"})


def counts(state):
    names = state.phases
    return {names[int(k)]: int(n) for k, n in zip(*np.unique(state.labels, return_counts=True), strict=True)}


def test_states_are_what_they_say():
    volume = pellet()
    states = crack_states(volume, reach=0.6)
    assert tuple(states) == STATES
    found = {name: counts(state) for name, state in states.items()}
    foils, crack = 6 * 5 * 4, 3 * 10
    host = 6 * 5 * 10 - crack - 1
    assert found["intact"] == {"void": 1, "LPS": host + crack, "Li": foils}
    assert found["tip filled"] == {"void": 1, "LPS": host + 12, "Li": foils, "Li in crack": 18}
    assert found["penetrated"] == {"void": 13, "LPS": host, "Li": foils, "Li in crack": 18}
    assert found["filled from the other side"] == found["penetrated"]
    assert found["shorted"] == {"void": 1, "LPS": host, "Li": foils, "Li in crack": crack}
    metal = {name: state.labels == 3 for name, state in states.items()}
    assert (metal["tip filled"] == metal["penetrated"]).all()
    assert np.flatnonzero(metal["penetrated"].any(axis=(0, 1))).tolist() == list(range(2, 8))
    assert np.flatnonzero(metal["filled from the other side"].any(axis=(0, 1))).tolist() == list(range(6, 12))
    assert (volume.labels == pellet().labels).all()


def test_along_another_axis():
    volume = pellet()
    turned = LabelledVolume(np.moveaxis(volume.labels, 2, 0), volume.spacing, phases=volume.phases)
    for name, state in crack_states(turned, axis="x").items():
        assert (np.moveaxis(state.labels, 0, 2) == crack_states(volume)[name].labels).all()


@pytest.mark.parametrize(("arguments", "message"), [
    ({"crack": "viod"}, "crack: the volume has no phase 'viod', did you mean 'void'"),
    ({"electrolyte": "LPSCl"}, "electrolyte: the volume has no phase 'LPSCl', did you mean 'LPS'"),
    ({"filling": "Li"}, "filling: 'Li' is a phase of the volume already"),
    ({"reach": 1.0}, "reach: got 1.0; expected a share of the thickness above 0 and below 1"),
    ({"axis": "w"}, "axis: got 'w'; allowed: x, y, z"),
    ({"axis": "x"}, "the crack must run through from side to side"),
])  # fmt: skip
def test_bad_input(arguments, message):
    with pytest.raises(InputError, match=message):
        crack_states(pellet(), **arguments)


def test_pits_take_contact_from_the_upper_metal_only():
    volume = pellet()
    pitted = with_pits(volume, 0.3, seed=1)
    changed = pitted.labels != volume.labels
    assert changed.any()
    assert set(np.argwhere(changed)[:, 2].tolist()) == {12}
    assert (pitted.labels[changed] == VOID).all()
    # next to the mouth of the crack nothing is lost, so that the crack stays the largest part and apart from pits
    assert not changed[1:4, :, 12].any()
    assert counts(crack_states(pitted)["shorted"])["Li in crack"] == 30
    with pytest.raises(InputError, match="share: got 1; expected a number from 0 to below 1"):
        with_pits(volume, 1, seed=1)
    with pytest.raises(InputError, match="metal: the volume has no phase 'Na'"):
        with_pits(volume, 0.1, seed=1, metal="Na")


def test_panels(tmp_path):
    pytest.importorskip("pyvista", reason="PyVista is not installed")
    from PIL import Image

    mesh = box_mesh((2, 3, 4))
    by_point = Panel(mesh, mesh.points[:, 2], "rises")
    path = plot_panels(
        [by_point, Panel(mesh, 0 * mesh.points[:, 2], "flat")], tmp_path / "two.png", limits=(0, 1), lines=3
    )
    picture = np.asarray(Image.open(path).convert("RGB")).astype(int)
    assert picture.shape[1] == 2 * 330 + 190
    # the second panel is even and as dark as the lower end of the first, whose upper end is bright
    level = picture.sum(axis=2)
    height = picture.shape[0]
    assert level[int(0.8 * height), 495] == level[int(0.3 * height), 495]
    assert level[int(0.25 * height), 165] > level[int(0.9 * height), 165] + 100
    tets = np.arange(mesh.n_tets, dtype=float)
    tets[:40] = np.nan
    assert plot_panels([Panel(mesh, tets, "cells")], tmp_path / "one.png", normal="z").is_file()


def test_bad_panels(tmp_path):
    mesh = box_mesh(1)
    with pytest.raises(InputError, match=r"values: 'a': got shape \(3,\); expected \(8,\), one a point, or \(6,\)"):
        Panel(mesh, [1, 2, 3], "a")
    with pytest.raises(InputError, match="values: 'a': nowhere finite"):
        Panel(mesh, np.full(8, np.nan), "a")
    good = Panel(mesh, np.arange(8.0), "a")
    for change, message in (
        ({"normal": "w"}, "normal: got 'w'"),
        ({"at": 1.0}, "at: got 1.0"),
        ({"lines": -1}, "lines: got -1"),
    ):
        with pytest.raises(InputError, match=message):
            plot_panels([good], tmp_path / "a.png", **change)
    with pytest.raises(InputError, match="panels: got 0"):
        plot_panels([], tmp_path / "a.png")
    with pytest.raises(InputError, match="pictures are written as .png"):
        plot_panels([good], tmp_path / "a.jpg")
