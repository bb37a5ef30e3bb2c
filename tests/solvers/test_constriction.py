"""The cell voltage in parts: closed forms, the energy balance, and the zero-dimensional cell."""

import numpy as np
import pytest
from charge_meshes import spot_column, spot_contact, stack
from helpers_mesh import box_mesh

from solvers import (
    ButlerVolmer,
    Contact0D,
    ContactMap,
    Layer0D,
    LinearKinetics,
    Terminals,
    cell_voltage_0d,
    charge_transfer,
    constriction,
    contact_series,
    dolfinx_api,
    load_domain,
    voltage_parts,
)
from solvers.exact import SPOT_SQUARE_CELL, butler_volmer_overpotential
from ssb2mesh.errors import InputError

needs_dolfinx = pytest.mark.skipif(
    not dolfinx_api.available(), reason="DOLFINx is not installed: " + dolfinx_api.INSTALL
)


def symmetric_cell(n=8, labels=None, names=None):
    """Electrolyte of a unit cube between metals that are not meshed."""
    mesh = box_mesh(n, labels, names=names or {1: "LSPS"})
    law = ButlerVolmer(i0=4.0, U=0.0)
    below, above = (f"{(names or {1: 'LSPS'})[k]}@{side}" for k, side in ((1, "z_min"), (max(names or [1]), "z_max")))
    cell = {"electronic": {}, "ionic": {"LSPS": 0.5}, "kinetics": {below: law, above: law},
            "terminals": Terminals(fixed={below: 0.0}, current={above: 2.0})}  # fmt: skip
    return load_domain(mesh), cell, below, above


@needs_dolfinx
def test_even_contact_is_the_zero_dimensional_cell():
    domain, cell, below, above = symmetric_cell(4)
    found = constriction(domain, **cell, contact={below: 0.25, above: 0.6})
    law = cell["kinetics"][below]
    expected = cell_voltage_0d(
        2.0, positive=Contact0D(0.6, law), negative=Contact0D(0.25, law), layers=[Layer0D(1.0, 0.5, 1.0)]
    )
    assert found.solution.cell_voltage == pytest.approx(expected["cell_voltage"], rel=1e-11)
    parts = found.parts()
    assert abs(parts.total_constriction) < 1e-10
    assert parts.bulk["LSPS"] == pytest.approx(2.0 / 0.5, rel=1e-10)
    assert parts.kinetic == pytest.approx(expected["positive"] + expected["negative"], rel=1e-10)


def test_zero_dimensional_cell_is_the_closed_form():
    law = ButlerVolmer(i0=4.0, U=0.0)
    found = cell_voltage_0d(
        2.0, positive=Contact0D(0.5, ButlerVolmer(i0=4.0, U=3.8, asr=0.1)), negative=Contact0D(0.2, law),
        layers=[Layer0D(1.0, 0.5, 1.0), Layer0D(0.01, 0.002, 0.2)],
    )  # fmt: skip
    assert found["positive"] == pytest.approx(butler_volmer_overpotential(4.0, 4.0) + 0.4, rel=1e-12)
    assert found["negative"] == pytest.approx(butler_volmer_overpotential(10.0, 4.0), rel=1e-12)
    assert found["ohmic"] == pytest.approx(4.0 + 2.0 * 0.01 / (0.002 * 0.2), rel=1e-12)
    assert found["equilibrium"] == 3.8
    assert found["cell_voltage"] == pytest.approx(sum(v for k, v in found.items() if k != "cell_voltage"), rel=1e-15)


@needs_dolfinx
def test_spot_costs_its_spreading_resistance():
    mesh = spot_column(12, 0.2, square=True, layers=16)
    found = constriction(
        load_domain(mesh), electronic={}, ionic={"LPS": 1.0}, kinetics={"LPS@z_min": LinearKinetics(asr=1e-6, U=0.0)},
        terminals=Terminals(fixed={"LPS@z_min": 1.0}, fixed_ionic={"z_max": 0.0}),
        contact={"LPS@z_min": spot_contact(mesh, 0.2)},
    )  # fmt: skip
    parts = found.parts()
    per_ampere = 1.0 / (4 * parts.current)  # the mesh is a quarter of the cell
    assert parts.bulk["LPS"] * per_ampere == pytest.approx(1.0, rel=1e-6)
    # the resistance of the whole is within 1 %, hence 3 % of this part of it
    assert parts.constriction["LPS"] * per_ampere == pytest.approx(SPOT_SQUARE_CELL[0.20] - 1.0, rel=0.03)
    # 1e-6 ohm m2 under a flux that peaks at the rim
    assert parts.total_constriction == pytest.approx(parts.constriction["LPS"], abs=1e-4)


@needs_dolfinx
def test_parts_sum_up_and_constriction_goes_beyond_the_zero_dimensional_cell():
    labels = np.ones((8, 8, 8), int)
    labels[:, :, 6:] = 2  # an interphase below the upper metal
    domain, cell, below, above = symmetric_cell(8, labels, {1: "LSPS", 2: "SEI"})
    cell["ionic"] = {"LSPS": 0.5, "SEI": 0.1}
    picture = np.zeros((8, 8))
    picture[2:6, 2:6] = 1.0
    found = constriction(domain, **cell, contact={above: ContactMap(picture, axis="z"), below: 0.5})
    parts = found.parts(interphase=["SEI"])
    pieces = [parts.equilibrium, parts.kinetic, *parts.bulk.values(), *parts.interphase.values()]
    assert sum(pieces) + parts.total_constriction == pytest.approx(parts.cell_voltage, rel=1e-9)
    assert set(parts.interphase) == {"SEI"}
    assert parts.interphase["SEI"] == pytest.approx(2.0 * 0.25 / 0.1, rel=1e-9)
    law = cell["kinetics"][below]
    flat = cell_voltage_0d(
        2.0, positive=Contact0D(0.25, law), negative=Contact0D(0.5, law),
        layers=[Layer0D(0.75, 0.5, 1.0), Layer0D(0.25, 0.1, 1.0)],
    )  # fmt: skip
    assert parts.cell_voltage - parts.total_constriction == pytest.approx(flat["cell_voltage"], rel=1e-9)
    # the narrow way through the poor conductor costs most
    assert parts.constriction["SEI"] > parts.constriction["LSPS"] > 0
    assert parts.constriction["kinetics"] > 0
    numbers = found.solution.totals["interfaces"][above]
    assert numbers["constriction_factor"] > 1.2
    assert numbers["utilisation"] < 0.25


@needs_dolfinx
def test_real_voids_against_merged_geometry_with_the_same_contact_area():
    # voids two cells deep under the lower metal, as a stripped foil leaves them; the merged cell has none
    labels = np.ones((8, 8, 8), int)
    void = np.random.default_rng(4).random((4, 4)).repeat(2, axis=0).repeat(2, axis=1) < 0.5
    labels[:, :, 0][void] = 2
    labels[:, :, 1][void] = 2
    names = {1: "LSPS", 2: "void"}
    law = ButlerVolmer(i0=4.0, U=0.0)
    cell = {"electronic": {}, "ionic": {"LSPS": 0.5}, "kinetics": {"LSPS@z_min": law, "LSPS@z_max": law},
            "terminals": Terminals(fixed={"LSPS@z_min": 0.0}, current={"LSPS@z_max": 2.0})}  # fmt: skip
    real = charge_transfer(load_domain(box_mesh(8, labels, names=names, drop=["void"])), **cell)
    area = real.totals["interfaces"]["LSPS@z_min"]["contact_area"]
    assert area == pytest.approx(1.0 - void.mean())
    merged = charge_transfer(load_domain(box_mesh(8, names={1: "LSPS"})), **cell, contact={"LSPS@z_min": area})
    parts = voltage_parts(real, reference=merged)
    flat = cell_voltage_0d(
        2.0, positive=Contact0D(1.0, law), negative=Contact0D(area, law), layers=[Layer0D(1.0, 0.5, 1.0)]
    )
    assert merged.cell_voltage == pytest.approx(flat["cell_voltage"], rel=1e-10)
    # the pillars between the voids alone cost at least the lost cross-section over their height of 1/4
    lost = 2.0 * 0.25 / 0.5 * (1.0 / area - 1.0)
    assert parts.constriction["LSPS"] > lost
    assert parts.cell_voltage == pytest.approx(flat["cell_voltage"] + parts.total_constriction, rel=1e-10)


@needs_dolfinx
def test_same_area_in_more_spots_costs_less():
    domain, cell, below, above = symmetric_cell(8)
    one = np.zeros((8, 8))
    one[:4, :4] = 1.0
    many = np.zeros((8, 8))
    many[::2, ::2] = 1.0
    series = contact_series(
        domain, **{k: v for k, v in cell.items()}, contacts=[{above: ContactMap(p, axis="z")} for p in (one, many)]
    )
    areas = [s.totals["interfaces"][above]["contact_area"] for s in series]
    assert areas == pytest.approx([0.25, 0.25])
    even = charge_transfer(domain, **cell, contact={above: 0.25})
    assert series.cell_voltages[0] > series.cell_voltages[1] > even.cell_voltage


@needs_dolfinx
def test_bad_comparisons_are_named():
    domain, cell, below, above = symmetric_cell(4)
    solution = charge_transfer(domain, **cell)
    other = charge_transfer(domain, **{**cell, "terminals": Terminals(fixed={below: 0.0}, current={above: 1.0})})
    with pytest.raises(InputError, match="reference: carries 1 A, the solution 2 A"):
        voltage_parts(solution, reference=other)
    with pytest.raises(InputError, match="interphase: no phase 'SEI'"):
        voltage_parts(solution, reference=solution, interphase=["SEI"])
    idle = charge_transfer(domain, **{**cell, "terminals": Terminals(fixed={below: 0.0}, current={above: 0.0})})
    with pytest.raises(InputError, match="no current flows"):
        voltage_parts(idle, reference=idle)
    three = charge_transfer(
        load_domain(stack(4)), electronic={"NMC": 1.0}, ionic={"LPS": 1.0},
        kinetics={"LPS|NMC": LinearKinetics(asr=1.0, U=0.0)},
        terminals=Terminals(fixed={"z_max": 1.0}, fixed_ionic={"z_min": 0.0, "LPS@x_min": 0.0}),
    )  # fmt: skip
    with pytest.raises(InputError, match="got 3"):
        voltage_parts(three, reference=three)
    with pytest.raises(InputError, match="positive: got an area of 0"):
        cell_voltage_0d(1.0, positive=Contact0D(0, cell["kinetics"][above]),
                        negative=Contact0D(1, cell["kinetics"][above]), layers=[])  # fmt: skip
    fielded = Contact0D(1.0, ButlerVolmer(i0=lambda x: x[:, 0], U=0.0))
    with pytest.raises(InputError, match="i0 is a field"):
        cell_voltage_0d(1.0, positive=fielded, negative=fielded, layers=[])
    side = Contact0D(1.0, cell["kinetics"][above])
    with pytest.raises(InputError, match="conductivity and area are positive"):
        cell_voltage_0d(1.0, positive=side, negative=side, layers=[Layer0D(1.0, 0.0, 1.0)])
