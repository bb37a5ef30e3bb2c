"""Coupled cells: Faraday's law, layers that grow, the fixed point of a uniform cell in closed form, bad input."""

import math

import numpy as np
import pytest
from helpers_mesh import box_mesh

from solvers import dolfinx_api, load_domain
from ssb2mesh.errors import InputError, SolverError

pytestmark = pytest.mark.skipif(not dolfinx_api.available(), reason="DOLFINx is not installed: " + dolfinx_api.INSTALL)

from solvers import (  # noqa: E402
    Body,
    Cell,
    Chain,
    Deposit,
    GapContact,
    LinearKinetics,
    PercolationError,
    Sweeps,
    Swelling,
    Terminals,
    charge_transfer,
    coupled_cell,
    deposit_thickness,
    deposit_volume,
    pressure_dependence,
    swelling_strain,
)
from solvers.acceleration import Anderson  # noqa: E402
from solvers.contact import LocalShares  # noqa: E402
from solvers.exact import FARADAY  # noqa: E402
from solvers.links import Links  # noqa: E402
from solvers.mechanics import Cohesive, Elastic, Loads, Options, Supports, elasticity  # noqa: E402
from solvers.switching import Switches, newton_step  # noqa: E402

NAME = "LPS|Li"
SIDES = ["x_min", "x_max", "y_min", "y_max"]
#: Bars of length 1/2, without lateral strain: compliance of both together, stiffness of the seam.
YOUNG, STIFF = {"LPS": 10.0, "Li": 20.0}, 100.0
GIVE = 1.0 / (1.0 + STIFF * (0.5 / 10.0 + 0.5 / 20.0))
SIGMA, ASR = {"LPS": 2.0, "Li": 5.0}, 0.3
OHMIC = 0.5 / SIGMA["LPS"] + 0.5 / SIGMA["Li"]
#: Thickness for a unit of current density over the whole duration.
PER_CURRENT = 2e-3


def domain(n=2):
    labels = np.ones((n, n, 4), int)
    labels[:, :, 2:] = 2
    return load_domain(box_mesh((n, n, 4), labels, names={1: "LPS", 2: "Li"}))


def cell(volts=1.0, **changes):
    given = {
        "electronic": {"Li": SIGMA["Li"]}, "ionic": {"LPS": SIGMA["LPS"]},
        "kinetics": {NAME: LinearKinetics(asr=ASR, U=0.0)},
        "terminals": Terminals(fixed={"z_max": volts}, fixed_ionic={"z_min": 0.0}),
    }  # fmt: skip
    return Cell(**{**given, **changes})


def body(*, ends=("z_min", "z_max"), law=None, **changes):
    given = {
        "materials": {name: Elastic(value, 0.0) for name, value in YOUNG.items()},
        "supports": Supports(rollers=[*SIDES, *ends]),
        "interfaces": {NAME: law or Cohesive(strength=100.0, energy=1e3, stiffness=STIFF)},
        "options": Options(steps=1),
    }
    return Body(**{**given, **changes})


def chain(closes=-1e-4, opens=2e-4, *, initial=0.0, **changes):
    given = {
        "duration": 2.0, "deposits": {NAME: Deposit(PER_CURRENT * FARADAY / 2.0)},
        "contacts": {NAME: GapContact(closes, opens, initial)},
    }  # fmt: skip
    return Chain(**{**given, **changes})


def exact_share(volts, contact, give=GIVE):
    """Contact where i = V / (R + asr / s) and s = (opens - give (initial + t i)) / (opens - closes) meet."""
    width, level = contact.opens - contact.closes, contact.opens - give * contact.initial
    roots = np.roots([width * OHMIC, width * ASR - level * OHMIC + give * PER_CURRENT * volts, -level * ASR])
    found = [float(r.real) for r in roots if abs(r.imag) < 1e-12 and 0 < r.real <= 1]
    assert len(found) == 1
    return found[0], volts / (OHMIC + ASR / found[0])


def test_faraday_thickness_is_exact(verify):
    # 1 C of electrons leaves 1/F mol
    assert deposit_thickness(-1.0, 1.0, molar_volume=FARADAY) == 1.0
    assert deposit_thickness([2.0, -4.0], 3.0, molar_volume=FARADAY, electrons=2.0).tolist() == [-3.0, 6.0]
    assert deposit_volume(-2.0, 0.5, molar_volume=FARADAY) == 1.0
    # 1 mAh/cm2 of lithium with 13 cm3/mol
    verify(
        "lithium deposited by 1 mAh/cm2",
        "thickness, m",
        deposit_thickness(-10.0, 3600.0, molar_volume=Deposit.of("Li").molar_volume),
        4.8505e-6,
        1e-5,
        source="Faraday's law, 13 cm3/mol",
        mesh="no mesh",
    )
    # a host of 1 m3 that takes up one mole grows by its molar volume
    assert swelling_strain(-FARADAY, volume=1.0, molar_volume=3e-6) == pytest.approx(1e-6, rel=1e-14)


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("grown", [1e-3, -1e-3])
def test_a_layer_between_held_bars_presses_or_pulls(grown, order, verify):
    given = body(order=order)
    found = elasticity(domain(), materials=given.materials, supports=given.supports, interfaces=given.interfaces,
                       loads=Loads(growth={NAME: grown}), order=order, options=Options(steps=2))  # fmt: skip
    _, gap = found.gaps(NAME)
    # Newton stops at 1e-9 of all forces
    np.testing.assert_allclose(gap, -GIVE * grown, rtol=1e-8)
    verify(
        f"layer that grows by {grown:g} between held bars, order {order}",
        "force",
        found.forces["z_max"][2],
        -STIFF * GIVE * grown,
        1e-8,
        source="springs in series",
        mesh=found.domain,
    )
    assert found.totals["openings"][NAME]["largest_opening"] == pytest.approx(max(-GIVE * grown, 0.0), abs=1e-12)


def test_bodies_without_bond_part_by_what_recedes_and_follow_under_pressure():
    bare = Cohesive(strength=1e-9, energy=1e-18, stiffness=STIFF)
    recede = Loads(growth={NAME: lambda x: -1e-3 * np.ones(len(x))})
    held = body(law=bare)
    found = elasticity(domain(), materials=held.materials, supports=held.supports, interfaces=held.interfaces,
                       loads=recede, options=Options(steps=1))  # fmt: skip
    # an open interface keeps 1e-6 of its stiffness
    np.testing.assert_allclose(found.gaps(NAME)[1], 1e-3, rtol=1e-5)
    pressed = elasticity(domain(), materials=held.materials, supports=Supports(rollers=[*SIDES, "z_min"]),
                         interfaces=held.interfaces, loads=Loads(pressure={"z_max": 0.5}, growth=recede.growth),
                         options=Options(steps=1))  # fmt: skip
    np.testing.assert_allclose(pressed.gaps(NAME)[1], -0.5 / STIFF, rtol=1e-7)
    assert pressed.displacement[:, 2].min() == pytest.approx(-1e-3 - 0.5 * (0.1 / 2 + 0.1 / 4) - 0.5 / STIFF, rel=1e-6)


@pytest.mark.parametrize(("volts", "contact"), [
    (1.0, GapContact(-1e-4, 2e-4)),  # stripping opens the gap, less contact carries less current
    (1.0, GapContact(-1e-4, 1e-3, 1e-5)),
    (-0.02, GapContact(-3e-5, 1e-4, 5e-5)),  # plating closes it
])  # fmt: skip
def test_staggered_finds_the_fixed_point_of_a_uniform_cell(volts, contact, verify):
    found = coupled_cell(domain(), cell=cell(volts), body=body(), chain=chain(contacts={NAME: contact}),
                         coupling="staggered", sweeps=Sweeps(tolerance=1e-9))  # fmt: skip
    share, current = exact_share(volts, contact)
    what = f"contact that follows the gap, staggered, {volts:g} V, opens {contact.opens:g}"
    verify(
        what,
        "share of contact",
        found.contact(NAME),
        share,
        1e-8,
        source="root of a quadratic",
        mesh=found.domain,
        absolute=True,
    )
    verify(what, "current", found.currents["z_max"], current, 1e-7, source="root of a quadratic", mesh=found.domain)
    numbers = found.summary()
    assert numbers["deposit"][NAME]["mean"] == pytest.approx(-PER_CURRENT * current, rel=1e-7)
    assert numbers["gap"][NAME]["greatest"] == pytest.approx(GIVE * (contact.initial + PER_CURRENT * current), rel=1e-6)
    last = found.iterations[-1]
    assert max(last[key] for key in last if key.endswith("_change")) <= 1e-9
    assert numbers["contact_left"][NAME] == pytest.approx(numbers["contact_by_gap"][NAME], abs=2e-9)


@pytest.mark.parametrize(("limit", "initial", "elastic"), [
    (1e-5, 0.0, True), (3e-5, 1e-5, True), (1e-6, 0.0, True), (1e-5, 0.0, False), (1e-6, 0.0, False),
])  # fmt: skip
def test_a_sharp_limit_is_met_by_partial_contact(limit, initial, elastic, verify):
    # the gap at full contact lies beyond the limit, without contact below it: what strips just enough to reach it stays
    found = coupled_cell(domain(), cell=cell(), body=body() if elastic else None,
                         chain=chain(contacts={NAME: GapContact(limit, limit, initial)}), coupling="staggered",
                         sweeps=Sweeps(tolerance=1e-8))  # fmt: skip
    current = (limit / (GIVE if elastic else 1.0) - initial) / PER_CURRENT
    exact = ASR / (1.0 / current - OHMIC)
    where = "elastic" if elastic else "rigid"
    verify(
        f"contact with a sharp limit of {limit:g}, {where}, staggered",
        "share of contact",
        found.contact(NAME),
        exact,
        1e-6,
        source="the stripped layer equals the limit",
        mesh=found.domain,
    )
    np.testing.assert_allclose(found.interfaces[NAME].gap, limit, rtol=1e-6)
    assert found.iterations[-1]["sweep"] <= 25
    assert any("a sharp limit, and facets at it that are neither open nor closed (8 in this step)" in note
               for note in found.notes)  # fmt: skip


def test_a_rough_contact_tends_to_its_sharp_limit_as_its_range_narrows():
    rough = lambda x: 4e-4 * np.abs(np.sin(7 * x[:, 0]) * np.cos(3 * x[:, 1]))  # noqa: E731
    driven = cell(terminals=Terminals(current={"z_max": 0.02}, fixed_ionic={"z_min": 0.0}))
    given = body(ends=["z_min"], law=Cohesive(strength=1e-9, energy=1e-18, stiffness=STIFF),
                 loads=Loads(pressure={"z_max": 0.01}))  # fmt: skip
    shares = []
    for width in (1e-4, 2e-5, 0.0):
        law = GapContact(1e-5 - width / 2, 1e-5 + width / 2, rough)
        narrow = chain(contacts={NAME: law})
        found = coupled_cell(domain(4), cell=driven, body=given, chain=narrow, coupling="staggered")
        shares.append(found.contact(NAME))
        part = found.interfaces[NAME]
        assert part.contact.min() >= 0.0
        assert part.contact.max() <= 1.0
    # facets are full, empty or at the limit: gaps decide, to the tolerance of the sweeps
    at_limit = (part.contact > 1e-3) & (part.contact < 1 - 1e-3)
    np.testing.assert_allclose(part.gap[at_limit], 1e-5, atol=2e-8)
    assert (part.gap[part.contact >= 1 - 1e-3] <= 1e-5 + 2e-8).all()
    assert (part.gap[part.contact <= 1e-3] >= 1e-5 - 2e-8).all()
    # the sharp limit is what narrow ranges tend to
    assert abs(shares[2] - shares[1]) < abs(shares[2] - shares[0])


def test_a_switch_without_a_deposit_of_its_own_is_halved_until_it_settles():
    # a host that shrinks while the contact carries, and comes off by it: a relay with feedback through the body
    driven = cell(volts=-0.1)
    given = body(materials={"LPS": Elastic(10.0, 0.0), "Li": Elastic(20.0, 0.0)},
                 law=Cohesive(strength=100.0, energy=1e3, stiffness=STIFF))  # fmt: skip
    shrink = Chain(2.0, swelling={"Li": Swelling(-2e-3 * FARADAY)}, contacts={NAME: GapContact(1e-5, 1e-5)})
    found = coupled_cell(domain(), cell=driven, body=given, chain=shrink, coupling="staggered")
    # all facets at the limit: the host shrinks just enough to open the gap to it
    np.testing.assert_allclose(found.interfaces[NAME].gap, 1e-5, rtol=1e-3)
    assert 0.0 < found.contact(NAME) < 1.0


def test_steps_of_facets():
    sharp, wide = GapContact(1e-9, 1e-9), GapContact(0.0, 2e-9)
    share, gap = np.array([1.0, 1.0, 0.5, 0.5]), np.array([3e-9, 0.0, 0.0, 1e-8])
    full, none = np.full(4, 4e-9), np.zeros(4)
    # Newton's step of gap = limit; never all of what carries the current
    assert newton_step(sharp, share, gap, left=share, full=full) == pytest.approx([-0.5, 0.0, 0.25, -0.45])
    # nothing is stripped: all or nothing
    assert newton_step(sharp, share, gap, left=share, full=none) == pytest.approx([-0.9, 0.0, 0.5, -0.45])
    # a ramp at its fixed point stays, saturated or not
    at = np.array([-1e-9, 0.5e-9, 1e-9, 5e-9])
    assert newton_step(wide, wide.share(at), at, left=wide.share(at), full=full) == pytest.approx([0.0] * 4, abs=1e-15)


def test_rigid_bodies_part_by_what_is_stripped():
    contact = GapContact(-1e-3, 2e-3)
    found = coupled_cell(domain(), cell=cell(), chain=chain(contacts={NAME: contact}), coupling="staggered",
                         sweeps=Sweeps(tolerance=1e-9))  # fmt: skip
    assert found.contact(NAME) == pytest.approx(exact_share(1.0, contact, give=1.0)[0], abs=1e-8)
    assert found.elastic is None
    np.testing.assert_allclose(found.interfaces[NAME].gap, -found.interfaces[NAME].deposit, rtol=1e-14)


def test_sweeps_that_do_not_settle_say_what_they_do_and_what_to_try():
    wide = domain()
    plain = Sweeps(memory=0, most=4)
    creep = r"step 1 did not settle in 4 sweeps \(changes of sweep 2: .*; no facet swings: the changes .* more sweeps"
    with pytest.raises(SolverError, match=creep):
        coupled_cell(wide, cell=cell(), body=body(), chain=chain(), coupling="staggered", sweeps=plain)


def test_facets_that_swing_are_counted_and_damped():
    law = chain(contacts={NAME: GapContact(0.0, 1e-5)})
    switches = Switches(Links(domain(), cell(), body(), law), Sweeps(memory=0))
    used, sizes = {NAME: np.full(8, 0.5)}, []
    for k in range(8):
        # whatever the contact is, half of the facets find their gap too wide and too narrow in turn
        gap = np.where(np.arange(8) < 4, 0.5e-5 + 0.4e-5 * (-1) ** k, 0.5e-5)[:, None]
        wanted = switches.propose({NAME: np.full(8, 0.5)}, {NAME: gap}, {})
        used = switches.next(wanted)
        sizes.append(np.abs(used[NAME] - 0.5).max())
    assert switches.swinging() == {NAME: {"facets": 4, "of": 8, "by": pytest.approx(0.4)}}
    # three changes of sign are let pass, then each halves the step
    np.testing.assert_allclose(sizes, [0.4, 0.4, 0.4, 0.2, 0.1, 0.05, 0.025, 0.0125])


def test_one_way_is_the_first_sweep_and_the_chain_of_its_solvers():
    mesh = domain()
    once = coupled_cell(mesh, cell=cell(), body=body(), chain=chain())
    many = coupled_cell(mesh, cell=cell(), body=body(), chain=chain(), coupling="staggered")
    assert len(once.iterations) == 1
    assert once.iterations[0] == many.iterations[0]
    # gap 0 at rest: 2/3 of the contact
    share = np.full(len(mesh.facet_atom), 2.0 / 3.0)
    charge = charge_transfer(mesh, electronic={"Li": 5.0}, ionic={"LPS": 2.0}, kinetics=cell().kinetics,
                             terminals=cell().terminals, contact={NAME: LocalShares(share)})  # fmt: skip
    # the contact at rest comes from a mechanical solve: 1e-9 of all forces
    np.testing.assert_allclose(once.charge.point_fields["ionic_potential"], charge.point_fields["ionic_potential"],
                               atol=1e-8)  # fmt: skip
    layer = np.zeros(len(mesh.facet_atom))
    layer[mesh.facets_of(NAME)] = -PER_CURRENT * charge.currents["z_max"]
    given = body()
    solid = elasticity(mesh, materials=given.materials, supports=given.supports, interfaces=given.interfaces,
                       loads=Loads(growth={NAME: layer}), options=given.options)  # fmt: skip
    np.testing.assert_allclose(once.elastic.displacement, solid.displacement, atol=1e-10)


def test_steps_add_up_and_charge_is_conserved_whatever_the_contact():
    driven = cell(terminals=Terminals(current={"z_max": 0.01}, fixed_ionic={"z_min": 0.0}))
    found = {n: coupled_cell(domain(), cell=driven, body=body(), chain=chain(steps=n), coupling="staggered")
             for n in (1, 3)}  # fmt: skip
    for n, solution in found.items():
        assert len(solution.steps) == n
        assert solution.steps[-1]["time"] == pytest.approx(2.0)
        # Faraday's law for the whole current, 1e-11 from the Newton solve
        assert solution.summary()["deposit_volume"][NAME] == pytest.approx(-PER_CURRENT * 0.01, rel=1e-9)
    # uniform and driven by current: the end does not depend on the steps
    assert found[3].cell_voltage == pytest.approx(found[1].cell_voltage, rel=1e-6)


def test_swelling_of_a_held_host():
    hosts = cell(volts=-0.1, terminals=Terminals(fixed={"z_max": -0.1}, fixed_ionic={"z_min": 0.0}))
    material = {"LPS": Elastic(10.0, 0.25), "Li": Elastic(20.0, 0.25)}
    bonded = Body(material, Supports(rollers=[*SIDES, "z_min", "z_max"]), Loads(eigenstrain={"Li": 1e-4}))
    found = coupled_cell(domain(), cell=hosts, body=bonded,
                         chain=Chain(2.0, swelling={"Li": Swelling(1e-3 * FARADAY)}))  # fmt: skip
    current = -0.1 / (OHMIC + ASR)
    strain = -2.0 * current * 1e-3 / 3.0 / 0.5
    assert found.swelling["Li"] == pytest.approx(strain, rel=1e-9)
    # held sideways: sideways stress of a layer whose axial stress is that of both in series
    total = strain + 1e-4
    lame = {n: m.young * 0.25 / (1.25 * 0.5) for n, m in material.items()}
    column = {n: lame[n] + m.young / 1.25 for n, m in material.items()}
    axial = -total * (1 + 2 * lame["Li"] / column["Li"]) * 0.5 / (0.5 / column["LPS"] + 0.5 / column["Li"])
    assert found.elastic.forces["z_max"][2] == pytest.approx(axial, rel=1e-8)


def test_contact_grows_with_stack_pressure_and_stays_within_bounds():
    mesh = domain(4)
    rough = GapContact(-1e-4, 3e-4, lambda x: 4e-4 * np.abs(np.sin(7 * x[:, 0]) * np.cos(3 * x[:, 1])))
    driven = cell(terminals=Terminals(current={"z_max": 0.02}, fixed_ionic={"z_min": 0.0}))
    given = body(ends=["z_min"], law=Cohesive(strength=1e-9, energy=1e-18, stiffness=STIFF))
    series = pressure_dependence(mesh, cell=driven, body=given, chain=chain(contacts={NAME: rough}),
                                 pressures={"z_max": [0.002, 0.01, 0.05]})  # fmt: skip
    numbers = series.summary()
    area = numbers["interfaces"][NAME]["contact_area"]
    assert area[0] < area[1] < area[2]
    assert (np.diff(series.cell_voltages) < 0).all()
    for solution in series:
        part = solution.interfaces[NAME]
        assert part.contact.min() >= 0.0
        assert part.contact.max() <= 1.0
        use = solution.charge.totals["interfaces"][NAME]
        # by Schwarz's inequality a current uses no more area than is in contact
        assert 0.0 < use["utilisation"] <= use["contact_area"] / use["area"] * (1 + 1e-12)
        np.testing.assert_allclose(part.contact, part.contact_left, atol=2e-4)
    assert len(numbers["iterations"]) == sum(len(s.iterations) for s in series)
    assert {row["pressure"] for row in numbers["iterations"]} == {0.002, 0.01, 0.05}


def test_facet_values_and_files(tmp_path):
    found = coupled_cell(domain(), cell=cell(), body=body(), chain=chain())
    data = found.facet_data(NAME)
    np.testing.assert_allclose(data["deposit"], -PER_CURRENT * data["current_density"], rtol=1e-12)
    np.testing.assert_allclose(data["gap"], -GIVE * data["deposit"], rtol=1e-6)
    assert {"electronic_potential", "ionic_potential", "displacement"} <= set(found.point_data())
    assert {"von_mises", "joule_heat"} <= set(found.cell_data())
    found.write(tmp_path / "cell.xdmf")
    assert (tmp_path / "cell_LPS-Li.vtu").is_file()
    assert "staggered" not in repr(found)


def test_anderson_ends_on_linear_problems():
    class Alone:
        def allgather(self, value):
            return [value]

    matrix = np.diag([0.9, -2.0, 0.5, 3.0])  # plain sweeps would grow threefold
    method, x = Anderson(Alone(), 6), np.zeros(4)
    for _ in range(7):
        x = method.next(x, matrix @ x + 1.0 - x)
    # as many steps as unknowns; eigenvalues below 1e-12 of the largest are cut
    np.testing.assert_allclose(x, 1.0 / (1.0 - np.diag(matrix)), rtol=1e-6)


@pytest.mark.parametrize(("change", "message"), [
    ({"coupling": "both"}, "coupling: got 'both'; allowed: one-way, staggered"),
    ({"chain": {"deposits": {"LPS|NMC": Deposit(1.0)}}}, "deposits: 'LPS|NMC' has no kinetics, did you mean 'LPS|Li'"),
    ({"chain": {"swelling": {"LPS": Swelling(1.0)}}}, "swelling: phase 'LPS': it must conduct electrons"),
    ({"chain": {"contacts": {NAME: GapContact(0, 1, lambda x: x)}}}, "contacts: 'LPS|Li': initial: expected a length"),
    ({"body": {"interfaces": {}}}, "'LPS|Li' lies between two solids that hold together, so no gap can open"),
    ({"body": {"loads": Loads(growth={NAME: 1.0})}}, "growth: got layers in the loads of the body"),
    ({"cell": {"electronic": {}}}, "no electron conductor"),
])  # fmt: skip
def test_bad_input(change, message):
    with pytest.raises(InputError, match=message.replace("|", r"\|")):
        coupled_cell(domain(), cell=cell(**change.get("cell", {})), body=body(**change.get("body", {})),
                     chain=chain(**change.get("chain", {})), coupling=change.get("coupling", "one-way"))  # fmt: skip


@pytest.mark.parametrize(("make", "message"), [
    (lambda: GapContact(closes=1e-6, opens=0.0), "opens: got 0, below closes"),
    (lambda: GapContact(closes=math.nan, opens=0.0), "closes: got nan; expected a finite number"),
    (lambda: Deposit(-1.0), "Deposit: molar_volume: got -1.0; expected a finite number, positive"),
    (lambda: Deposit.of("Lithium"), "no 'Lithium'"),
    (lambda: Chain(-1.0), "duration: got -1.0; expected a finite number, not negative"),
    (lambda: Chain(1.0, steps=0), "steps: got 0; expected a whole number"),
    (lambda: Chain(1.0, deposits={NAME: "Li"}), "deposits: 'LPS.Li': got 'Li'; expected Deposit"),
    (lambda: Sweeps(relaxation=1.5), "relaxation: got 1.5; expected a number above 0 up to 1"),
    (lambda: Sweeps(memory=-1), "memory: got -1"),
    (lambda: deposit_thickness(1.0, -2.0, molar_volume=1.0), "duration: got -2.0; expected seconds"),
    (lambda: swelling_strain(1.0, volume=0.0, molar_volume=1.0), "volume: got 0.0; expected a positive number"),
    (lambda: pressure_dependence(None, cell=None, body=None, chain=None, pressures={}), "give one side and its pre"),
])  # fmt: skip
def test_bad_values(make, message):
    with pytest.raises(InputError, match=message):
        make()


def test_no_growth_without_an_interface_that_opens():
    given = body()
    for interfaces in (given.interfaces, None):
        with pytest.raises(InputError, match="growth: 'z_max' is no interface that may open; give it a Cohesive law"):
            elasticity(domain(), materials=given.materials, supports=given.supports, interfaces=interfaces,
                       loads=Loads(growth={"z_max": 1.0}))  # fmt: skip
    solid = elasticity(domain(), materials=given.materials, supports=given.supports)
    with pytest.raises(InputError, match="gaps: 'LPS.Li' is no interface that may open; there are: none"):
        solid.gaps(NAME)


def test_a_contact_that_opens_everywhere_is_an_error_that_says_how_much_was_left():
    with pytest.raises(PercolationError, match=r"step 1, sweep 1, contact left: LPS.Li 0.0%: .*; press harder"):
        coupled_cell(domain(), cell=cell(), body=body(), chain=chain(contacts={NAME: GapContact(-2e-4, -1e-4)}))
