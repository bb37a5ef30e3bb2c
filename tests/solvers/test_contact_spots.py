"""Constriction in the solve against the field under the same map and statistics of its spots; maps by file."""

import numpy as np
import pytest
from helpers_mesh import box_mesh

from solvers import ContactMap, LinearKinetics, Terminals, constriction, dolfinx_api, load_domain
from ssb2mesh.measure.contact_maps import InterfaceMap, write_contact_map
from ssb2mesh.measure.spots import contact_spots, estimate_constriction
from ssb2mesh.measure.spreading import spreading_resistance
from ssb2mesh.study.solves import validate_solves

pytestmark = pytest.mark.skipif(not dolfinx_api.available(), reason="DOLFINx is not installed: " + dolfinx_api.INSTALL)

RESISTANCE = 1e-3


def picture(contact):
    n = len(contact)
    touching = np.asarray(contact, bool)
    return InterfaceMap(touching, np.ones_like(touching), np.zeros((n, n)), (1 / n, 1 / n), "z", ((0, 1), (0, 1)))


def solved(cells, contact):
    """Constriction of a unit cube of conductivity 1, fed through a contact map on its lower side."""
    found = constriction(
        load_domain(box_mesh(cells, names={1: "LPS"})), electronic={}, ionic={"LPS": 1.0},
        kinetics={"LPS@z_min": LinearKinetics(asr=RESISTANCE, U=0.0)},
        terminals=Terminals(fixed={"LPS@z_min": 1.0}, fixed_ionic={"z_max": 0.0}), contact={"LPS@z_min": contact},
    )  # fmt: skip
    parts = found.parts()
    return parts.total_constriction / parts.current


def test_the_solve_and_the_field_agree():
    """A square and an oblong spot at the border of a square cell; edges of spots leave first order in both."""
    spots = np.zeros((4, 4))
    spots[0:2, 0:2] = spots[3, 2:4] = 1
    coarse, fine = (solved(cells, ContactMap(spots, axis="z")) for cells in (12, 20))
    maps = [picture(np.kron(spots, np.ones((k, k)))) for k in (8, 16)]
    given = {"thickness": 1.0, "conductivity": 1.0, "area_resistance": RESISTANCE}
    upper = [spreading_resistance(m, **given).constriction for m in maps]
    # potentials conduct too well, currents too badly: each bounds the truth from its own side
    assert coarse < fine < upper[1] < upper[0]
    # what is left after the first order is taken out, on cells of a tenth of a spot: within 2 %
    assert fine + (fine - coarse) * 12 / (20 - 12) == pytest.approx(2 * upper[1] - upper[0], rel=0.02)


def test_statistics_bracket_the_solve():
    """Equal spots on a regular array are flux tubes; a cluster of them is not."""
    spread = np.zeros((16, 16))
    spread[1::4, 1::4] = spread[2::4, 2::4] = spread[1::4, 2::4] = spread[2::4, 1::4] = 1
    cluster = np.zeros((16, 16))
    cluster[4:12, 4:12] = 1
    found = {}
    for name, given in (("spread", spread), ("cluster", cluster)):
        fine = picture(np.kron(given, np.ones((8, 8))))
        estimate = estimate_constriction(contact_spots(fine), 1.0)
        found[name] = spreading_resistance(fine, thickness=1.0, conductivity=1.0).constriction, estimate
    # a square spot in a square tube against a disc in a round one of the same areas
    value, estimate = found["spread"]
    assert value == pytest.approx(estimate.tubes, rel=0.05)
    assert estimate.alone > 1.5 * value
    value, estimate = found["cluster"]
    assert value == pytest.approx(estimate.tubes, rel=0.08)
    assert value > 3 * found["spread"][0]  # the same area in one piece


@pytest.mark.parametrize("suffix", [".npy", ".tif"])
def test_a_study_reads_the_file_of_a_map(tmp_path, suffix):
    from solvers.charge_from_study import _contacts

    given = np.random.default_rng(2).random((6, 4)) < 0.5
    made = InterfaceMap(given, np.ones_like(given), np.zeros((6, 4)), (1.0, 1.0), "z", ((0.0, 6.0), (0.0, 4.0)))
    write_contact_map(made, tmp_path / f"a{suffix}")
    table = {"name": "a", "type": "charge_transfer", "ionic": {"LPS": 1.0}, "fixed_ionic": {"z_max": 0.0},
             "fixed": {"LPS@z_min": 0.1}, "kinetics": {"LPS@z_min": {"asr": 1.0, "U": 0.0}},
             "contact": {"LPS@z_min": {"map": f"a{suffix}", "axis": "z"}}}  # fmt: skip
    checked, faults = validate_solves([table], base=tmp_path)
    assert not faults
    read = _contacts(checked[0]["contact"], 0)["LPS@z_min"]
    assert np.array_equal(np.asarray(read.values) > 0, given)
    assert np.array_equal(np.asarray(ContactMap(**made.solver_arguments()).values), np.asarray(read.values))
