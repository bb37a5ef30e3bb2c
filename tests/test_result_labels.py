"""Units of results: in the terminal as on the page."""

from __future__ import annotations

import pytest

from ssb2mesh.result_labels import LABELS, unit_of
from ssb2mesh.summaries import describe_run


@pytest.mark.parametrize(
    ("key", "unit"),
    [("cell_voltage", "V"), ("interfaces.LPS|Li.area", "m²"), ("isotropic.bulk", "Pa"), ("porosity", ""), ("none", "")],
)
def test_units(key, unit):
    assert unit_of(key) == unit


def test_every_label_with_a_unit_has_a_known_one():
    odd = {key for key, text in LABELS.items() if ", " in text and not unit_of(key)}
    assert odd == {"tortuosity_interval", "floating_electronic", "floating_ionic"}


def test_the_terminal_shows_units_and_nothing_empty():
    parts = {"cell_voltage": 0.1, "bulk": {"NMC": 0.04}, "current": 2e-9}
    result = {"currents": {"z_min": 2e-9}, "tensor": [[None, 0.5]], "voltage_parts": parts, "notes": [], "steps": 3,
              "isotropic": {"bulk": 1e9, "poisson": 0.3}, "within_bounds": True}  # fmt: skip
    text = describe_run({"solves": [{"name": "cell", "type": "charge_transfer", "seconds": 1.0, "result": result}]})
    lines = [" ".join(line.split()) for line in text.splitlines()]
    assert lines == [
        "cell (charge_transfer, 1.00 s)", "currents.z_min 2e-09 A", "tensor [[None, 0.5]] S/m",
        "voltage_parts.cell_voltage 0.1 V", "voltage_parts.bulk.NMC 0.04 V", "voltage_parts.current 2e-09 A", "steps 3",
        "isotropic.bulk 1e+09 Pa", "isotropic.poisson 0.3", "within_bounds True",
    ]  # fmt: skip
