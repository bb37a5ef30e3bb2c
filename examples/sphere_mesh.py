"""Mesh a sphere and compare area and volume with 4 pi r^2 and 4/3 pi r^3.

Run: python examples/sphere_mesh.py
"""

from __future__ import annotations

import math

import ssb2mesh
from ssb2mesh.phantoms import make_phantom


def main() -> tuple[float, float]:
    """Return the relative errors of area and volume."""
    radius = 10e-6
    volume = make_phantom("sphere", shape=28, radius=radius, voxel_size="1 um").volume
    mesh = ssb2mesh.mesh_volume(volume)
    report = ssb2mesh.check_mesh(mesh, volume)
    area = mesh.facet_areas()["LPSCl|NMC"] / (4 * math.pi * radius**2) - 1
    content = mesh.phase_volumes()["NMC"] / (4 / 3 * math.pi * radius**3) - 1
    print(mesh)
    print(
        f"dihedral angles from {report.quality.min_dihedral_deg:.1f} to {report.quality.max_dihedral_deg:.1f} degrees"
    )
    print(f"area {100 * area:+.2f} %, volume {100 * content:+.2f} %")
    return area, content


if __name__ == "__main__":
    main()
