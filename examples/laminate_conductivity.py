"""Effective conductivity of a laminate: in series 1/k = sum(f_i / k_i), in parallel k = sum(f_i k_i), both exact.

Run: python examples/laminate_conductivity.py
"""

from __future__ import annotations

import solvers
import ssb2mesh
from ssb2mesh.phantoms import make_phantom


def main() -> dict[str, float]:
    """Return the largest relative error along each axis."""
    phantom = make_phantom("laminate", shape=8, layers=2, axis="z")
    conductivity = {"NMC": 10.0, "LPSCl": 1.0}  # S/m
    domain = solvers.load_domain(ssb2mesh.mesh_volume(phantom.volume))
    result = solvers.effective_conductivity(domain, conductivity=conductivity)
    assert phantom.conductivity is not None
    exact = dict(zip("xyz", phantom.conductivity(conductivity), strict=True))
    errors = {}
    for i, axis in enumerate("xyz"):
        errors[axis] = abs(result.tensor[i][i] / exact[axis] - 1)
        print(f"k_{axis} = {result.tensor[i][i]:.10f} S/m, exact {exact[axis]:.10f} S/m")
    return errors


if __name__ == "__main__":
    main()
