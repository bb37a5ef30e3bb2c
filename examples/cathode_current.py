"""Electronic current through the NMC of a composite cathode: div(sigma grad phi) = 0, phi fixed on two sides.

Run: python examples/cathode_current.py
"""

from __future__ import annotations

import solvers
import ssb2mesh
from ssb2mesh.phantoms import make_phantom


def main() -> tuple[float, float]:
    """Return the current through the upper side (A) and the residual of the current balance, relative."""
    volume = make_phantom("composite_cathode", seed=1, shape=24, voxel_size="0.75 um").volume
    mesh = ssb2mesh.mesh_volume(volume, drop=["void"])
    domain = solvers.load_domain(mesh)
    solution = solvers.conduction(domain, conductivity={"NMC": 0.2}, fixed={"z_min": 0.0, "z_max": 0.01})
    current, balance = solution.currents["z_max"], solution.balance
    print(mesh)
    print(f"{current:.4g} A enter at z_max; the balance closes to {balance:.1e} of it")
    return current, balance


if __name__ == "__main__":
    main()
