"""Lithium loses contact while it is stripped: cell voltage at 1 mA/cm2, in parts, against a zero-dimensional model.

A pellet of LSPS (2 mm x 2 mm x 1 mm) between two lithium foils. The lower foil keeps 80, 60, 40, 20 % of its contact
where a rough gap is narrowest. A model of areas alone (Lewis 2021) misses the constriction of the current.

Run: python examples/contact_loss.py
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter

import solvers
import ssb2mesh

SIZE, THICKNESS, CURRENT = 2e-3, 1e-3, 10.0 * (2e-3) ** 2  # m, m, A
LITHIUM = solvers.ButlerVolmer(i0=51.0, U=0.0)
SIGMA = solvers.material("LSPS", "ionic_conductivity").value


def gap_map(pixels: int = 64, seed: int = 5) -> np.ndarray:
    """Return a rough gap in parts of its range: patches of about a tenth of the width."""
    field = gaussian_filter(np.random.default_rng(seed).normal(size=(pixels, pixels)), pixels / 20, mode="reflect")
    return np.argsort(np.argsort(field, axis=None)).reshape(field.shape) / field.size


def main(cells: int = 16) -> list[tuple[float, float, float, float]]:
    """Return share of contact, cell voltage, its constriction and the zero-dimensional voltage (V) of each state."""
    labels = np.ones((cells, cells, cells // 2), np.uint8)
    spacing = (SIZE / cells, SIZE / cells, THICKNESS / (cells // 2))
    mesh = ssb2mesh.mesh_volume(ssb2mesh.LabelledVolume(labels, spacing, phases={1: "LSPS"}))
    domain = solvers.load_domain(mesh)
    gap = gap_map()
    rows = []
    for share in (0.8, 0.6, 0.4, 0.2):
        found = solvers.constriction(
            domain,
            electronic={},
            ionic={"LSPS": SIGMA},
            kinetics={"LSPS@z_min": LITHIUM, "LSPS@z_max": LITHIUM},
            terminals=solvers.Terminals(fixed={"LSPS@z_max": 0.0}, current={"LSPS@z_min": CURRENT}),
            contact={"LSPS@z_min": solvers.ContactMap.from_gap(gap, share, axis="z")},
        )
        parts = found.parts()
        contact = found.solution.totals["interfaces"]["LSPS@z_min"]
        flat = solvers.cell_voltage_0d(
            CURRENT,
            positive=solvers.Contact0D(contact["contact_area"], LITHIUM),
            negative=solvers.Contact0D(SIZE**2, LITHIUM),
            layers=[solvers.Layer0D(THICKNESS, SIGMA, SIZE**2)],
        )
        rows.append((share, parts.cell_voltage, parts.total_constriction, flat["cell_voltage"]))
        print(
            f"contact {share:.0%}: {1e3 * parts.cell_voltage:.1f} mV = ohmic {1e3 * parts.bulk['LSPS']:.1f} + kinetic "
            f"{1e3 * parts.kinetic:.1f} + constriction {1e3 * parts.total_constriction:.1f}; without it "
            f"{1e3 * flat['cell_voltage']:.1f}; largest over mean current {contact['constriction_factor']:.1f}"
        )
    return rows


if __name__ == "__main__":
    main()
