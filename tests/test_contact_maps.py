"""Contact maps, their spots and the constriction they predict, interfacial voids: exact answers, sides, bad input."""

import numpy as np
import pytest
import tifffile

from solvers.exact import SPOT_SQUARE_CELL
from ssb2mesh import LabelledVolume
from ssb2mesh.errors import InputError
from ssb2mesh.measure.contact_maps import InterfaceMap, contact_map, interfacial_voids, write_contact_map
from ssb2mesh.measure.spots import ContactSpots, contact_spots, estimate_constriction
from ssb2mesh.measure.spreading import spreading_resistance
from ssb2mesh.phantoms import make_phantom

NAMES = {0: "LPS", 1: "Li", 2: "void", 3: "SEI"}
ROLES = {"electrode": "Li", "electrolyte": "LPS", "voids": "void"}


def volume(labels, spacing=(1e-6, 1e-6, 1e-6), origin=(0.0, 0.0, 0.0)):
    labels = np.asarray(labels, np.uint8)
    return LabelledVolume(labels, spacing, origin, {k: NAMES[k] for k in np.unique(labels).tolist()})


def columns(*texts):
    """A volume one voxel wide whose columns along z are words: S electrolyte, L lithium, o void, i interphase."""
    code = {"S": 0, "L": 1, "o": 2, "i": 3}
    return volume([[[code[c] for c in text]] for text in texts])


def picture(contact, edge=1.0):
    contact = np.asarray(contact, bool)
    n, m = contact.shape
    return InterfaceMap(contact, np.ones_like(contact), np.zeros(contact.shape), (edge, edge), "z",
                        ((0.0, n * edge), (0.0, m * edge)))  # fmt: skip


def disc(radius, n):
    """A disc in the middle of a unit square of n x n pixels."""
    x = (np.arange(n) + 0.5) / n - 0.5
    return picture(np.hypot(x[:, None], x[None, :]) < radius, 1.0 / n)


# ---------------------------------------------------------------------------------------------------------------- maps


def test_columns_are_judged_as_lewis_did():
    found = contact_map(columns("SSSSLLLL", "SSSoLLLL", "SSSSLoLL", "SSSSLLLo", "SSSSoooo", "SSSSSSSS"), "z_max",
                        within=2, **ROLES)  # fmt: skip
    #       touches, gap, void one behind the edge, void beyond reach, no lithium left, no lithium at all
    assert found.contact[:, 0].tolist() == [True, False, False, True, False, False]
    assert found.nominal.all()
    assert found.fraction == pytest.approx(2 / 6)
    assert found.gap[:, 0] * 1e6 == pytest.approx([0, 1, 0, 0, np.nan, np.nan], nan_ok=True)
    assert found.area == pytest.approx(2e-12)


@pytest.mark.parametrize(("within", "expected"), [(0, True), (1, True), (2, False), (3, False)])
def test_reach_counts_voxels_before_the_electrolyte(within, expected):
    # the void is the second voxel before the electrolyte
    found = contact_map(columns("SSSSLoLL", "SSSSLLLL"), "z_max", within=within, **ROLES)
    assert found.contact[:, 0].tolist() == [expected, True]


def test_voids_in_the_electrolyte_count_only_when_looked_for():
    given = columns("SSoSLLLL", "SSSSLLLL")
    assert contact_map(given, "z_max", within=2, **ROLES).contact.all()
    assert contact_map(given, "z_max", within=2, look="both", **ROLES).contact[:, 0].tolist() == [False, True]
    assert contact_map(given, "z_max", within=1, look="both", **ROLES).contact.all()


def test_flakes_and_interphases():
    # a flake of electrolyte in the lithium does not end the column; an interphase belongs to the side it is named with
    assert contact_map(columns("SSSLLSLL", "SSSLLLLo"), "z_max", within=1, **ROLES).contact.all()
    given = columns("SSSiLLLo", "SSSLLLLL")
    assert contact_map(given, "z_max", within=1, **ROLES).contact[:, 0].tolist() == [False, True]
    both = ROLES | {"electrolyte": ["LPS", "SEI"]}
    assert contact_map(given, "z_max", within=1, **both).contact.all()


def test_two_interfaces_are_told_apart_by_the_side():
    given = columns("LLSSLL", "LoSSLL")
    assert contact_map(given, "z_min", within=1, **ROLES).contact[:, 0].tolist() == [True, False]
    assert contact_map(given, "z_max", within=1, **ROLES).contact.all()


@pytest.mark.parametrize("side", ["x_min", "x_max", "y_min", "y_max", "z_min", "z_max"])
def test_every_side_gives_the_same_map(side):
    rng = np.random.default_rng(3)
    labels = np.zeros((5, 7, 9), np.uint8)
    labels[:, :, 5:] = 1
    labels[:, :, 5][rng.random((5, 7)) < 0.4] = 2
    spacing = np.array([1e-6, 2e-6, 3e-6])
    expected = contact_map(volume(labels, tuple(spacing)), "z_max", within=1, **ROLES)
    axis = "xyz".index(side[0])
    turned = np.moveaxis(labels, 2, axis)
    turned = np.flip(turned, axis) if side.endswith("min") else turned
    order = [a for a in range(3) if a != axis]
    places = np.empty(3)
    places[axis], places[order] = spacing[2], spacing[:2]
    found = contact_map(volume(turned, tuple(places), (1e-6, 2e-6, 3e-6)), side, within=1, **ROLES)
    assert np.array_equal(found.contact, expected.contact)
    assert found.area == pytest.approx(expected.area)
    assert found.axis == side[0]
    low = np.array([1e-6, 2e-6, 3e-6])[order]
    assert np.array(found.extent)[:, 0] == pytest.approx(low)
    assert np.ptp(np.array(found.extent), axis=1) == pytest.approx([5e-6, 14e-6])


def test_cell_stack_has_the_contact_that_it_was_made_with():
    phantom = make_phantom("cell_stack", seed=2, shape=(32, 32, 100), contact_loss=0.35)
    found = contact_map(phantom.volume, "z_max", electrode="Li", electrolyte="LPSCl", voids="void", within=0)
    assert found.fraction == pytest.approx(phantom.exact["contact_fraction_LPSCl|Li"], abs=1e-12)
    assert found.nominal_area == pytest.approx(phantom.exact["cross_section_m2"])


def test_files_hold_the_map(tmp_path):
    touching = np.random.default_rng(0).random((4, 6)) < 0.5
    given = picture(touching)
    assert np.array_equal(np.load(write_contact_map(given, tmp_path / "a.npy")), touching)
    # an image has its rows along the second axis
    assert np.array_equal(tifffile.imread(write_contact_map(given, tmp_path / "a.tif")).T > 0, touching)
    assert [p.name for p in sorted(tmp_path.iterdir())] == ["a.npy", "a.tif"]
    with pytest.raises(InputError, match=r"a\.png.*\.npy or \.tif"):
        write_contact_map(given, tmp_path / "a.png")


# --------------------------------------------------------------------------------------------------------------- voids


def test_voids_at_the_lithium_are_told_from_closed_pores():
    labels = np.zeros((7, 7, 12), np.uint8)
    labels[:, :, 9:] = 1
    labels[3, 3, 7:9] = 2  # touches lithium
    labels[3, 3, 4] = 2  # closed
    labels[1, 1, 2:4] = 2  # closed
    labels[0, 5, 5] = 2  # cut by the box
    found = interfacial_voids(volume(labels), "void", electrode="Li", electrolyte="LPS")
    assert found.counts == {"interfacial": 1, "closed": 2, "open": 1}
    assert {k: v * 1e18 for k, v in found.volumes.items()} == pytest.approx({"interfacial": 2, "closed": 3, "open": 1})
    solid = 7 * 7 * 9 - 6
    assert found.density == pytest.approx(solid / (solid + 3))
    assert found.kind[3, 3].tolist() == [0, 0, 0, 0, 2, 0, 0, 1, 1, 0, 0, 0]
    assert found.kind[0, 5, 5] == 3


# --------------------------------------------------------------------------------------------------------------- spots


def test_spots_by_size():
    touching = np.zeros((8, 8), bool)
    touching[0:3, 0:3] = touching[5:7, 5:7] = touching[3, 3] = True  # the last one touches the first at a corner
    spots = contact_spots(picture(touching, 2.0))
    assert spots.areas.tolist() == [36.0, 16.0, 4.0]
    assert spots.centres.tolist() == [[3.0, 3.0], [12.0, 12.0], [7.0, 7.0]]
    assert spots.at_border.tolist() == [True, False, False]
    assert spots.labels[1, 1] == 1
    assert spots.labels[6, 6] == 2
    assert spots.share_of_largest(2) == pytest.approx(52 / 56)
    assert spots.share_below(16.0) == pytest.approx(4 / 56)
    assert spots.mean_area_by_area() == pytest.approx((36**2 + 16**2 + 4**2) / 56)
    assert contact_spots(picture(touching, 2.0), diagonal=True).areas.tolist() == [40.0, 16.0]


def test_no_contact_is_no_fault():
    spots = contact_spots(picture(np.zeros((3, 3))))
    assert spots.share_of_largest(2) == 0.0
    assert estimate_constriction(spots, 1.0).alone == np.inf
    assert spots.rows()[0].value == 0.0


def holm(radii, centres, conductivity=1.0, nominal=1e12):
    areas = np.pi * np.asarray(radii, float) ** 2
    at_border = np.zeros(len(areas), bool)
    return estimate_constriction(
        ContactSpots(areas, np.asarray(centres, float), at_border, np.ones((1, 1), np.int32), nominal), conductivity
    )


def test_statistics_of_spots_are_the_closed_forms():
    one = holm([0.5], [[0, 0]], conductivity=2.0)
    assert one.alone == one.clustered == pytest.approx(1 / (4 * 2.0 * 0.5))
    assert one.tubes == pytest.approx(one.alone, rel=1e-5)  # psi of a share of 1e-12
    # two equal spots: half of one, and half of what one raises the other by
    two = holm([0.5, 0.5], [[0, 0], [10, 0]], conductivity=2.0)
    assert two.alone == pytest.approx(1 / (4 * 2.0 * 1.0))
    assert two.clustered == pytest.approx(0.5 * (1 / (4 * 2.0 * 0.5) + 1 / (2 * np.pi * 2.0 * 10)))
    # many spots side by side are a disc; the rim of one that is 40 spots wide is ragged by less than 0.5 %
    x = np.arange(-20, 21)
    places = np.argwhere(np.hypot(x[:, None], x[None, :]) < 20.0)
    many = holm(np.full(len(places), 0.1), places)
    radius_of_disc = np.sqrt(len(places) / np.pi)
    # the mean of 1 / s over a disc is 16 / (3 pi R); the part of each spot's own square, 4 asinh(1), is not in the sum
    pairs = 16 / (3 * np.pi * radius_of_disc) - 4 * np.arcsinh(1) / len(places)
    assert many.cluster_radius == pytest.approx(np.pi / 2 / pairs, rel=0.005)


@pytest.mark.parametrize("radius", [0.1, 0.2, 0.3])
def test_statistics_and_field_of_one_spot_in_a_square_column(radius):
    exact = SPOT_SQUARE_CELL[radius] - 1.0
    given = disc(radius, 200)
    # pixels make a disc of another area by up to 0.6 %, and the constriction goes as 1 / radius - const
    found = spreading_resistance(given, thickness=1.0, conductivity=1.0)
    assert found.layer == pytest.approx(1.0)
    assert found.constriction == pytest.approx(exact, rel=0.005)
    # the tube of equal cross-section is round, the column square: measured -0.6, -0.6 and -1.8 %
    assert estimate_constriction(contact_spots(given), 1.0).tubes == pytest.approx(exact, rel=0.02)


def test_finer_pixels_converge_from_above():
    # a square spot is the same at every resolution
    found = []
    for n in (8, 16, 32, 64, 128):
        square = np.zeros((n, n))
        square[n // 4 : 3 * n // 4, n // 4 : 3 * n // 4] = 1
        found.append(spreading_resistance(picture(square, 1.0 / n), thickness=1.0, conductivity=1.0).resistance)
    steps = -np.diff(found)
    assert (steps > 0).all()  # Galerkin: the resistance only falls
    # the edges of the spot leave first order
    orders = np.log2(steps[:-1] / steps[1:])
    assert (np.diff(orders) > 0).all()
    assert orders[-1] == pytest.approx(1.0, abs=0.1)


def test_field_of_simple_maps_is_exact():
    full = picture(np.ones((6, 4)), 0.5)
    found = spreading_resistance(full, thickness=3.0, conductivity=0.2, area_resistance=7.0)
    assert found.resistance == pytest.approx(3.0 / (0.2 * 6.0) + 7.0 / 6.0, rel=1e-12)
    assert found.constriction == pytest.approx(0.0, abs=1e-12)
    assert found.current_density == pytest.approx(1 / 6.0)
    # a resistance of the contact that outweighs the layer spreads the current evenly: half the contact, twice the rest
    half = np.zeros((6, 4))
    half[::2] = 1
    found = spreading_resistance(picture(half, 0.5), thickness=3.0, conductivity=0.2, area_resistance=1e6)
    assert found.interface == pytest.approx(1e6 / 3.0)
    assert np.ptp(found.current_density[half > 0]) < 1e-5
    assert found.current_density.sum() * 0.25 == pytest.approx(1.0)


def test_spread_out_contact_costs_less():
    rng = np.random.default_rng(1)
    few = np.zeros((64, 64), bool)
    few[:32, :32] = True
    many = np.zeros((64, 64), bool)
    many.ravel()[rng.permutation(64 * 64)[: few.sum()]] = True
    costs = [
        spreading_resistance(picture(m, 1 / 64), thickness=1.0, conductivity=1.0).constriction for m in (few, many)
    ]
    assert costs[0] > 5 * costs[1] > 0


# ----------------------------------------------------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"electrode": "Lii"}, r"electrode: no phase 'Lii'.*did you mean 'Li'.*phases: LPS, Li, void"),
        ({"voids": "LPS"}, r"voids: 'LPS' is named as electrolyte already"),
        ({"electrode": ()}, r"electrode: got no phase"),
        ({"within": -1}, r"within: got -1; give a whole number of voxels"),
        ({"within": 1.5}, r"within: got 1.5"),
        ({"look": "around"}, r"look: got 'around'; allowed: electrode, both"),
        ({"side": "top"}, r"side: got 'top'; sides: x_min"),
    ],
)
def test_bad_arguments_of_a_map(change, message):
    arguments = ROLES | {"within": 1, "side": "z_max"} | change
    with pytest.raises(InputError, match=message):
        contact_map(columns("SSoLL", "SSSLL"), arguments.pop("side"), **arguments)


def test_bad_arguments_of_the_field():
    given = disc(0.3, 8)
    for change, message in (
        ({"thickness": 0.0}, "thickness: got 0.0; expected a positive number"),
        ({"conductivity": float("nan")}, "conductivity: got nan"),
        ({"area_resistance": -1.0}, "area_resistance: got -1.0"),
    ):
        with pytest.raises(InputError, match=message):
            spreading_resistance(given, **{"thickness": 1.0, "conductivity": 1.0} | change)
    with pytest.raises(InputError, match="picture: there is no contact"):
        spreading_resistance(picture(np.zeros((2, 2))), thickness=1.0, conductivity=1.0)
    with pytest.raises(InputError, match="conductivity: got -1; expected a positive number"):
        estimate_constriction(contact_spots(given), -1)
