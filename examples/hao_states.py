"""A crack in a pellet fills with lithium until it shorts the cell: potential and stress in five states.

States as in Hao et al., ACS Nano 19 (2025) 20516: 1 V across, 1 MPa on the stack, lithium that takes 0.3 % more room
than its crack. The pellet is generated; your own segmented volume (Li, LPS, void; cracked along z) may take its place.

Run: python examples/hao_states.py [FOLDER FOR PICTURES] [VOLUME]
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

import solvers
import ssb2mesh
from ssb2mesh.mesh import tet_volumes
from ssb2mesh.mesh_options import lattice_options
from ssb2mesh.phantoms import make_phantom
from ssb2mesh.phantoms.states import crack_states, with_pits
from ssb2mesh.plot.panels import Panel, plot_panels

IN_CRACK, LITHIUM = "Li in crack", solvers.material("Li", "electronic_conductivity").value
SIGMA = {"Li": LITHIUM, IN_CRACK: LITHIUM, "LPS": solvers.material("LPS", "ionic_conductivity").value}
# lithium in the crack flows: it keeps its bulk modulus of 11.1 GPa and next to none of its shear modulus
SOLID = {"LPS": (25e9, 0.3), "Li": (7.82e9, 0.38), IN_CRACK: (30e6, 0.49955)}


def pellet(voxels: int = 24) -> ssb2mesh.LabelledVolume:
    """Return a pellet, 96 um wide, with a crack from foil to foil and pits at the upper foil."""
    options = {"shape": (voxels, voxels, voxels * 5 // 6), "voxel_size": 96e-6 / voxels, "width": 192e-6 / voxels}
    phantom = make_phantom("cracked_pellet", seed=5, foil=16e-6, cracks=1, extent=2.4, waviness=3e-6, **options)
    return with_pits(phantom.volume, 0.1, seed=5)


def solve(volume: ssb2mesh.LabelledVolume) -> tuple[dict[str, float], ssb2mesh.TaggedMesh, np.ndarray, np.ndarray]:
    """Return numbers, mesh, potential at its points and von Mises stress in the tets of the electrolyte of a state."""
    mesh = ssb2mesh.mesh_volume(volume, drop={"void"} & set(volume.phase_names), options=lattice_options({"grade": 2}))
    domain, names = solvers.load_domain(mesh), mesh.cell_names
    sigma = {name: value for name, value in SIGMA.items() if name in names}
    field = solvers.conduction(domain, conductivity=sigma, fixed={"z_min": 0.0, "z_max": 1.0})
    strained = solvers.elasticity(
        domain, materials={name: solvers.Elastic(*value) for name, value in SOLID.items() if name in names},
        supports=solvers.Supports(rollers=["x_min", "x_max", "y_min", "y_max", "z_min"]),
        loads=solvers.Loads(pressure={"z_max": 1e6}, eigenstrain={IN_CRACK: 1e-3} if IN_CRACK in names else {}),
        options=solvers.mechanics.Options(formulation="mixed"),
    )  # fmt: skip
    host, mises = mesh.cell_tags == mesh.phase_tag("LPS"), strained.cell_data()["von_mises"]
    size = np.nan_to_num(np.linalg.norm(field.cell_data()["current_density"][host], axis=1)) / SIGMA["LPS"]
    share = tet_volumes(mesh.points, mesh.tets[host])
    mean, highest = np.average(size, weights=share), np.quantile(mises[host], 0.999)
    z, top = mesh.points[mesh.tets[host]].mean(axis=1)[:, 2], size >= np.quantile(size, 0.999)
    numbers = {
        "current": sum(field.joule_heat.values()),  # heat over 1 V: exact also beside a conductor 1e8 times better
        "field_spread": np.sqrt(np.average((size / mean - 1) ** 2, weights=share)),
        "field_peak": size[top].mean() / mean, "field_peak_height": (z[top].mean() - z.min()) / np.ptp(z),
        "mises_mean": np.average(mises[host], weights=share), "mises_peak": highest,
        "strain_energy": sum(strained.totals["strain_energy"].values()),
    }  # fmt: skip
    return numbers, mesh, field.point_data()["potential"], np.where(host, mises, np.nan) / 1e6


def main(volume: ssb2mesh.LabelledVolume | None = None, pictures: Path | None = None) -> dict[str, dict[str, float]]:
    """Return the numbers of each state; draw both fields if there is a folder to draw into."""
    found = {name: solve(state) for name, state in crack_states(volume or pellet(), filling=IN_CRACK).items()}
    for name, (numbers, *_) in found.items():
        print(f"{name:26}", ", ".join(f"{key} {value:.3g}" for key, value in numbers.items()))
    for k, name, label, end in (2, "potential", "potential (V)", 1.0), (3, "stress", "von Mises (MPa)", 15.0):
        if pictures:
            row = [Panel(each[1], each[k], state) for state, each in found.items()]
            plot_panels(row, pictures / f"hao-{name}.png", normal="x", label=label, limits=(0.0, end), lines=19)
    return {name: each[0] for name, each in found.items()}


if __name__ == "__main__":
    folder, path = [*sys.argv[1:], None, None][:2]
    main(ssb2mesh.read_volume(path) if path else None, Path(folder) if folder else None)
