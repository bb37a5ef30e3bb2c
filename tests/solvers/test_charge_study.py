"""[[solve]] tables of type charge_transfer: units, every fault with its place, and from a table to a result."""

import math
import re

import numpy as np
import pytest
from charge_meshes import stack

from solvers import dolfinx_api, load_domain, run_solve
from ssb2mesh.errors import InputError
from ssb2mesh.study.solves import validate_solves

needs_dolfinx = pytest.mark.skipif(
    not dolfinx_api.available(), reason="DOLFINx is not installed: " + dolfinx_api.INSTALL
)


def table(**changes):
    found = {
        "name": "cell",
        "type": "charge_transfer",
        "electronic": {"NMC": 2.0},
        "ionic": {"LPS": "10 mS/cm"},
        "kinetics": {"LPS|NMC": {"i0": "0.5 A/m2", "U": "100 mV", "temperature": "25 C"}},
        "fixed": {"z_max": "1 V"},
        "fixed_ionic": {"z_min": "0 V"},
    }
    return {k: v for k, v in {**found, **changes}.items() if v is not None}


def test_good_tables_come_back_in_si_and_stay_the_same():
    given = table(
        electronic={"NMC": "20 mS/cm", "Li": "ideal"},
        contact={"LPS|NMC": {"keep": 0.7, "seed": 1, "patch": "5 um"}},
        current={"LPS@x_min": ["1 mA", "2 mA"]},
    )
    checked, faults = validate_solves([given])
    assert faults == []
    assert checked[0]["electronic"] == {"NMC": 2.0, "Li": math.inf}
    assert checked[0]["kinetics"]["LPS|NMC"] == {"i0": 0.5, "U": 0.1, "temperature": 298.15}
    assert checked[0]["contact"]["LPS|NMC"]["patch"] == 5e-6
    assert checked[0]["current"] == {"LPS@x_min": [0.001, 0.002]}
    assert validate_solves(checked) == (checked, [])


def test_paths_of_maps_start_from_the_study(tmp_path):
    given = table(contact={"LPS|NMC": {"map": "maps/a.npy", "axis": "z", "extent": [["0 um", "5 um"], [0, 1e-5]]}})
    checked, faults = validate_solves([given], base=tmp_path)
    assert faults == []
    assert checked[0]["contact"]["LPS|NMC"] == {
        "map": str(tmp_path / "maps/a.npy"), "axis": "z", "extent": [[0.0, 5e-6], [0.0, 1e-5]],
    }  # fmt: skip
    for given in ({"facets": "a.npz"}, {"map": ["a.npy", "b.npy"], "axis": "z", "closes_below": "50 nm"}):
        (checked,), faults = validate_solves([table(contact={"LPS|NMC": given})], base=tmp_path)
        assert faults == []
        found = checked["contact"]["LPS|NMC"]
        assert found.get("facets") == (str(tmp_path / "a.npz") if "facets" in given else None)
        assert found.get("map") == ([str(tmp_path / f"{x}.npy") for x in "ab"] if "map" in given else None)
        assert found.get("closes_below", 5e-8) == 5e-8
        assert validate_solves([checked], base=tmp_path) == ([checked], [])


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"electronic": {"NMC": "2 S"}}, ".electronic.NMC: unknown unit 'S' in '2 S'"),
        ({"electronic": {"NMC": -1}}, "a conductivity is positive (leave out phases that do not conduct); 'ideal'"),
        ({"electronic": None, "ionic": None}, ".electronic: missing, and ionic as well"),
        ({"fixed": None, "fixed_ionic": None}, ".fixed: missing, and fixed_ionic as well"),
        ({"kinetics": {"LPS|NMC": {"i0": "3 A", "U": 0}}}, ".kinetics.LPS|NMC.i0: unknown unit 'A' in '3 A'"),
        ({"kinetics": {"LPS|NMC": {"i0": 3}}}, ".kinetics.LPS|NMC: U missing; expected { i0 ="),
        ({"kinetics": {"LPS|NMC": {"asr": "0 ohm m2", "U": 0}}}, ".kinetics.LPS|NMC.asr: got '0 ohm m2'; it must be"),
        ({"kinetics": {"LPS|NMC": {"i0": 3, "U": 0, "alpha": 0.5}}}, ".kinetics.LPS|NMC.alpha: unknown key"),
        ({"kinetics": {"LPS|NMC": {"i0": 3, "U": 0, "alpha_a": "half"}}}, ".alpha_a: got 'half'; a transfer"),
        ({"kinetics": {"LPS|NMC": {"i0": 3, "U": 0, "temperature": "-300 C"}}}, "above absolute zero"),
        ({"kinetics": {"LPS|NMC": {"i0": 3, "U": 0, "temperature": "warm"}}}, "'298.15 K' or '25 C'"),
        ({"contact": {"LPS|NMC": 1.2}}, ".contact.LPS|NMC: got 1.2; a share of contact lies between 0 and 1"),
        ({"contact": {"LPS|NMC": "half"}}, "give a share from 0 to 1, { map, axis }, { keep, seed } or { facets }"),
        ({"contact": {"LPS|NMC": {"facets": "a.vtu"}}}, ".facets: got 'a.vtu'; give a .npz file with triangles"),
        (
            {"contact": {"LPS|NMC": {"map": [["1 um"]], "axis": "z", "closes_below": "1 V"}}},
            "unknown unit 'V' in '1 V'",
        ),
        ({"contact": {"LPS|NMC": {"map": [[-1]], "axis": "z", "closes_below": 1}}}, "width of a gap is not negative"),
        ({"contact": {"LPS|NMC": {"map": "a.npy", "closes_below": 1}}}, "axis missing; expected { map = 'gap.npy'"),
        ({"contact": {"LPS|NMC": {"keep": 0.5}}}, "seed missing; expected { keep = 0.7, seed = 1 }"),
        ({"contact": {"LPS|NMC": {"map": "a.png", "axis": "z"}}}, "a map is a .npy or .tif file"),
        ({"contact": {"LPS|NMC": {"map": [[1, 0], [1]], "axis": "z"}}}, "rows of the map have different lengths"),
        ({"contact": {"LPS|NMC": {"map": [[1]], "axis": "q"}}}, ".axis: got 'q'"),
        ({"contact": {"LPS|NMC": {"map": [[1]], "axis": "z", "extent": [1, 2]}}}, "give [[low, high], [low, high]]"),
        ({"contact": {"z_min": 1}}, ".contact: 'z_min' has no kinetics"),
        ({"current": {"z_max": "1 A"}}, ".current: 'z_max' has a fixed potential as well"),
        ({"fixed": {"z_max": []}}, ".fixed.z_max: got an empty list"),
        ({"fixed": {"z_max": [1, 2]}, "fixed_ionic": {"z_min": [0, 1]}}, "2 terminals have a list of values"),
        ({"fixed": {"z_max": [1, 2]}, "decompose": True}, ".decompose: needs exactly two terminals"),
        ({"interphase": ["SEI"]}, ".interphase: is used with decompose = true only"),
        (
            {
                "contact": {
                    "LPS|NMC": {"map": ["a.npy", "b.npy"], "axis": "z"},
                    "z_min": {"map": ["a.npy"], "axis": "z"},
                }
            },
            ".contact: series of maps have 1 and 2 files",
        ),
        (
            {"contact": {"LPS|NMC": {"map": ["a.npy"], "axis": "z"}}, "fixed": {"z_max": [1, 2]}},
            ".contact: a series of maps and a list of values",
        ),
        (
            {"contact": {"LPS|NMC": {"map": ["a.npy"], "axis": "z"}}, "decompose": True},
            ".decompose: is for one contact",
        ),
        ({"decompose": "yes"}, ".decompose: got 'yes'; expected true or false"),
    ],
)
def test_faults_are_told_with_their_place(change, fault):
    checked, faults = validate_solves([table(**change)])
    assert checked == []
    assert any(fault in each for each in faults), faults
    assert all(each.startswith("[[solve]] 1.") for each in faults)


def test_all_faults_of_nested_tables_come_at_once():
    law = {"i0": -3, "V": 2}
    _, faults = validate_solves([table(kinetics={"LPS|NMC": law, "z_min": 3}, ionic={"LPS": 0, "x": "a"})])
    assert len(faults) == 6, faults


@needs_dolfinx
def test_table_to_result():
    domain = load_domain(stack(4, across=2))
    solution = run_solve(domain, table())
    assert solution.currents["z_max"] == pytest.approx(1.13336342, abs=5e-9)
    curve = run_solve(domain, table(fixed={"z_max": ["0.6 V", "1 V"]}))
    assert curve.currents("z_max")[1] == pytest.approx(1.13336342, abs=5e-9)
    assert curve.summary()["voltages"] == {"z_max": [0.6, 1.0], "z_min": [0.0, 0.0]}


@needs_dolfinx
def test_contact_maps_from_files_and_parts(tmp_path):
    domain = load_domain(stack(4))
    picture = np.zeros((4, 4))
    picture[:2, :] = 1.0  # contact where x < 1/2
    np.save(tmp_path / "map.npy", picture)
    import tifffile

    tifffile.imwrite(tmp_path / "map.tif", (255 * picture.T).astype(np.uint8))  # rows of an image run along y
    found = []
    for source in (picture.tolist(), str(tmp_path / "map.npy"), str(tmp_path / "map.tif")):
        solution = run_solve(domain, table(contact={"LPS|NMC": {"map": source, "axis": "z"}}, decompose=True))
        data = solution.facet_data("LPS|NMC")
        assert (data["contact"] == (data["corners"].mean(axis=1)[:, 0] < 0.5)).all()
        found.append(solution.currents["z_max"])
        parts = solution.summary()["voltage_parts"]
        assert parts["constriction"]["LPS"] > 0
        assert parts["cell_voltage"] == pytest.approx(1.0)
    assert found == pytest.approx([found[0]] * 3, rel=1e-12)
    with pytest.raises(InputError, match=r"map: no file '.*absent.npy'"):
        run_solve(domain, table(contact={"LPS|NMC": {"map": str(tmp_path / "absent.npy"), "axis": "z"}}))


@needs_dolfinx
def test_contact_from_gaps_and_from_facets(tmp_path):
    mesh = stack(4)
    domain = load_domain(mesh)
    picture = np.zeros((4, 4))
    picture[:2] = 1.0  # contact where x < 1/2
    gap = np.where(picture > 0, 40e-9, 60e-9)
    gap[3, 3] = np.nan  # unknown counts as open
    np.save(tmp_path / "gap.npy", gap)
    triangles = mesh.facet_set("LPS|NMC")
    low = mesh.points[triangles].mean(axis=1)[:, 0] < 0.5
    np.savez(tmp_path / "part.npz", triangles=triangles[low], values=np.ones(low.sum()))
    rows = [["40 nm"] * 4] * 2 + [[6e-8] * 4] * 2
    given = [
        {"map": picture.tolist(), "axis": "z"},
        {"map": str(tmp_path / "gap.npy"), "axis": "z", "closes_below": "50 nm"},
        {"map": rows, "axis": "z", "closes_below": 5e-8},
        {"facets": str(tmp_path / "part.npz")},  # facets not listed have no contact
    ]
    found = [run_solve(domain, table(contact={"LPS|NMC": each})) for each in given]
    for each in found:
        assert each.totals["interfaces"]["LPS|NMC"]["contact_area"] == pytest.approx(0.5)
        assert each.currents["z_max"] == pytest.approx(found[0].currents["z_max"], rel=1e-12)


@needs_dolfinx
def test_bad_files_of_contact_are_told(tmp_path):
    domain = load_domain(stack(2))
    np.save(tmp_path / "whole.npy", np.ones((2, 2), int))
    np.save(tmp_path / "wide.npy", np.full((2, 2), 2.0))
    np.savez(tmp_path / "lacks.npz", values=[1.0])
    np.savez(tmp_path / "wrong.npz", triangles=[[0, 1, 2]], values=[1.5])
    gap = {"axis": "z", "closes_below": "1 um"}
    for contact, message in (
        ({"map": str(tmp_path / "whole.npy"), **gap}, "with closes_below a map is the width of the gap in m"),
        ({"map": str(tmp_path / "wide.npy"), "axis": "z"}, "'LPS|NMC': map: values: shares of contact run from 2 to 2"),
        ({"facets": str(tmp_path / "absent.npz")}, "'LPS|NMC': facets: no file '"),
        ({"facets": str(tmp_path / "lacks.npz")}, "lacks arrays; it needs triangles (k, 3), points of the mesh"),
        ({"facets": str(tmp_path / "wrong.npz")}, "facets: values: shares of contact run from 1.5 to 1.5"),
    ):
        with pytest.raises(InputError, match=re.escape(message)):
            run_solve(domain, table(contact={"LPS|NMC": contact}))


@needs_dolfinx
def test_series_of_maps_is_voltage_against_time(tmp_path):
    files = []
    for number, columns in enumerate((4, 2, 1)):
        picture = np.zeros((4, 4))
        picture[:columns] = 1.0
        files.append(str(tmp_path / f"{number}.npy"))
        np.save(files[-1], picture)
    given = table(contact={"LPS|NMC": {"map": files, "axis": "z"}}, current={"z_max": "1 A"}, fixed=None)
    assert validate_solves([given])[1] == []
    series = run_solve(load_domain(stack(4)), given)
    assert len(series) == 3
    assert (np.diff(series.voltages("z_max")) > 0.01).all()
    assert series.summary()["interfaces"]["LPS|NMC"]["contact_area"] == pytest.approx([1.0, 0.5, 0.25])


@needs_dolfinx
def test_series_write_every_step(tmp_path):
    curve = run_solve(load_domain(stack(2)), table(fixed={"z_max": [0.5, 1.0]}))
    curve.write(tmp_path / "curve.xdmf")
    assert {p.name for p in tmp_path.glob("*.xdmf")} == {"curve_1.xdmf", "curve_2.xdmf"}
    assert set(curve.point_data()) == {"electronic_potential", "ionic_potential"}
    assert "current_density" in curve.facet_data("LPS|NMC")
