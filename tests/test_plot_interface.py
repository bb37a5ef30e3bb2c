"""The map and the distribution of the current through an interface, from arrays and from files."""

import numpy as np
import pytest
from helpers_mesh import box_mesh

pytest.importorskip("pyvista")
pytest.importorskip("matplotlib")

from ssb2mesh.errors import InputError
from ssb2mesh.io.mesh_vtu import read_surface_vtu, write_surface_vtu
from ssb2mesh.plot import plot_interface_current, plot_interface_file
from ssb2mesh.plot.job import plot_file

LABELS = np.where(np.arange(4) < 2, 1, 2)[None, None, :].repeat(4, axis=0).repeat(4, axis=1)


def facet_data(current):
    mesh = box_mesh(4, LABELS, names={1: "LPS", 2: "NMC"})
    triangles = mesh.facet_set("LPS|NMC")
    corners = mesh.points[triangles]
    contact = (corners.mean(axis=1)[:, 0] < 0.5).astype(float)
    values = np.broadcast_to(current, len(triangles)) * contact
    data = {"corners": corners, "area": np.full(len(triangles), 1 / 32), "contact": contact, "current_density": values}
    return mesh, triangles, data


def read_png(path):
    from matplotlib.image import imread

    return (255 * imread(path)[..., :3]).astype(int)


def test_lost_contact_is_grey_and_current_is_coloured(tmp_path):
    _, _, data = facet_data(np.linspace(1, 2, 32))
    image = read_png(plot_interface_current(data, tmp_path / "a.png", name="LPS@z_min", size=(900, 540)))
    drawn = image[40:500, 20:520].reshape(-1, 3)
    grey = (np.abs(drawn - 0xD0) <= 2).all(axis=1)
    colourful = np.ptp(drawn, axis=1) > 40
    # half of the square has contact
    assert grey.sum() == pytest.approx(colourful.sum(), rel=0.1)
    assert grey.sum() > 20_000


def test_facets_that_touch_in_part_have_the_colour_of_the_part_that_touches(tmp_path):
    """A tenth of the contact passes a tenth of the current: no dark rim around contact of one current density."""
    _, _, data = facet_data(np.linspace(1, 2, 32))
    part = np.where(np.arange(32) % 3 == 0, 0.1, 1.0)
    thin = {**data, "contact": part * data["contact"], "current_density": part * data["current_density"]}
    whole, partly = (
        read_png(plot_interface_current(one, tmp_path / f"{k}.png", name="LPS@z_min", size=(900, 540)))
        for k, one in enumerate((data, thin))
    )
    np.testing.assert_array_equal(whole[40:500, 20:520], partly[40:500, 20:520])


@pytest.mark.parametrize("current", [-3.0, 0.0, np.linspace(-1, 1, 32)])
def test_any_sign_can_be_drawn(current, tmp_path):
    _, _, data = facet_data(current)
    plot_interface_current(data, tmp_path / "a.png", name="LPS|NMC", size=(600, 400))
    none = {**data, "contact": np.zeros(32)}
    plot_interface_current(none, tmp_path / "b.png", size=(600, 400))
    assert (tmp_path / "b.png").stat().st_size > 5_000


def test_files_of_interfaces(tmp_path):
    mesh, triangles, data = facet_data(2.0)
    fields = {key: data[key] for key in ("area", "contact", "current_density")}
    write_surface_vtu(mesh.points, triangles, fields, tmp_path / "s_LPS-NMC.vtu")
    points, back, found = read_surface_vtu(tmp_path / "s_LPS-NMC.vtu")
    assert (points == mesh.points).all()
    assert (back == triangles).all()
    assert (found["current_density"] == data["current_density"]).all()
    plot_interface_file(tmp_path / "s_LPS-NMC.vtu", tmp_path / "a.png", size=(600, 400))
    # the file of an interface with kinetics needs no --what
    fields["overpotential"] = data["current_density"]
    write_surface_vtu(mesh.points, triangles, fields, tmp_path / "o_LPS-NMC.vtu")
    assert plot_file(str(tmp_path / "o_LPS-NMC.vtu"), tmp_path / "o.png", size=(600, 400)) == "current_density"
    with pytest.raises(InputError, match="exists"):
        plot_interface_file(tmp_path / "s_LPS-NMC.vtu", tmp_path / "a.png")
    with pytest.raises(InputError, match=r"a picture is a \.png file"):
        plot_interface_file(tmp_path / "s_LPS-NMC.vtu", tmp_path / "a.jpg")
    write_surface_vtu(mesh.points, triangles, {"area": data["area"]}, tmp_path / "t.vtu")
    with pytest.raises(InputError, match="has no contact, current_density on its triangles"):
        plot_interface_file(tmp_path / "t.vtu", tmp_path / "b.png")
    with pytest.raises(InputError, match="no file"):
        read_surface_vtu(tmp_path / "absent.vtu")


def test_a_mesh_is_no_interface(tmp_path):
    from ssb2mesh import write_mesh

    write_mesh(box_mesh(2), tmp_path / "mesh.vtu")
    with pytest.raises(InputError, match="does not hold triangles"):
        read_surface_vtu(tmp_path / "mesh.vtu")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"corners": np.zeros((0, 3, 3))}, "corners: got shape"),
        ({"area": np.ones(3)}, "one value for each of 32 facets"),
    ],
)
def test_bad_arrays_are_named(change, message, tmp_path):
    _, _, data = facet_data(1.0)
    with pytest.raises(InputError, match=message):
        plot_interface_current({**data, **change}, tmp_path / "a.png")
    data.pop("contact")
    with pytest.raises(InputError, match="contact missing"):
        plot_interface_current(data, tmp_path / "a.png")
