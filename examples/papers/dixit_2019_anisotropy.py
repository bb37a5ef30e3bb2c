"""Tortuosity of a garnet along three axes, and how anisotropic its pores make it.

After Dixit et al., ACS Appl. Mater. Interfaces 11 (2019) 2022 (10.1021/acsami.8b16536): tortuosity of LLZO and its
directional anisotropy rise with the sintering temperature (1050 to 1150 degrees C). The phantoms have flat pores of
aspect 1, 2 and 3 across z; the effective-medium answer for aligned spheroids (Maxwell Garnett's with their
depolarisation factors) stands beside. Real pores are irregular. The tortuosity factor here is volume fraction times
conductivity over effective conductivity.

Run: python examples/papers/dixit_2019_anisotropy.py [VOLUME ...] [--voxel-size "1 um"] [-o FOLDER]
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from paper_table import Line, collect, finish, parser, run, volumes

import solvers
import ssb2mesh
from ssb2mesh.measure import connectivity
from ssb2mesh.mesh_options import lattice_options
from ssb2mesh.phantoms.packing import pack_spheres

ROLES = {"electrolyte": "LLZO"}
ASPECTS, POROSITY, RADIUS = (1, 2, 3), 0.08, 5.0  # radius across z, voxels
AXES = "xyz"


def flat_pores(size: int, aspect: float) -> ssb2mesh.LabelledVolume:
    """Return separate, aligned, periodic pores: spheres packed in a box that is then flattened along z."""
    count = round(POROSITY * size**3 / (4 / 3 * np.pi * RADIUS**3 / aspect))
    packed = pack_spheres(np.random.default_rng(3), np.full(count, RADIUS + 1.0), (size, size, size * aspect))
    places = (np.arange(size) + 0.5, np.arange(size) + 0.5, (np.arange(size) + 0.5) * aspect)
    labels = np.ones((size,) * 3, np.uint8)
    for centre in packed.centres:
        squares = []
        for at, middle, edge in zip(places, centre, packed.size, strict=True):
            away = np.abs(at - middle)
            squares.append(np.minimum(away, edge - away) ** 2)
        near = squares[0][:, None, None] + squares[1][None, :, None] + squares[2][None, None, :]
        labels[near < RADIUS**2] = 0
    return ssb2mesh.LabelledVolume(labels, (1e-6,) * 3, phases={0: "pore", 1: "LLZO"})


def aligned_spheroids(porosity: float, aspect: float) -> tuple[float, float]:
    """Return the tortuosity factors across (x) and along (z) the short axis of insulating, aligned, flat pores."""
    e = np.sqrt(aspect**2 - 1)
    short = 1 / 3 if aspect == 1 else (1 + e**2) / e**3 * (e - np.arctan(e))
    factors = ((1 - short) / 2, short)
    x, z = ((1 - porosity) / (1 - porosity / (1 - (1 - porosity) * factor)) for factor in factors)
    return x, z


def measure(volume: ssb2mesh.LabelledVolume, electrolyte: str, cell_size: float | None) -> dict[str, float]:
    """Return porosity, tortuosity factor along each axis and their ratios."""
    joined = connectivity(volume)
    drop = [name for name in volume.phase_names if name != electrolyte]
    mesh = ssb2mesh.mesh_volume(volume, drop=drop, cell_size=cell_size, options=lattice_options({"grade": 2}))
    solved = solvers.effective_conductivity(solvers.load_domain(mesh), conductivity={electrolyte: 1.0})
    found = {f"tau {axis}": solved.tortuosity[axis] for axis in AXES}
    found["porosity"] = 1 - float((volume.labels == volume.label_of(electrolyte)).mean())
    found["percolating"] = joined.percolating[joined.phases.index(electrolyte)].min()
    values = [found[f"tau {axis}"] for axis in AXES]
    return found | {"z over x": values[2] / values[0], "largest over smallest": max(values) / min(values)}


def main(arguments: Sequence[str] | None = None) -> dict[str, dict[str, float]]:
    """Return the numbers of each volume; print the table, write it and the figure."""
    options = parser(__doc__, ROLES)
    options.add_argument("--cell-size", help='of the mesh, such as "2 um" (default: a voxel)')
    given = options.parse_args(arguments)
    states = volumes(given, lambda: {f"aspect {a}": flat_pores(given.size or 32, a) for a in ASPECTS})
    found = {state: measure(volume, given.electrolyte, given.cell_size) for state, volume in states.items()}
    if not given.volumes:
        for each, aspect in zip(found.values(), ASPECTS, strict=True):
            each["exact x"], each["exact z"] = aligned_spheroids(each["porosity"], aspect)
    rows = [("porosity", "porosity", "%", 100), ("percolating", "percolating share, least axis", "%", 100),
            *((f"tau {axis}", f"tortuosity factor {axis}", "", 1) for axis in AXES),
            ("exact x", "aligned spheroids x, y", "", 1), ("exact z", "aligned spheroids z", "", 1),
            ("z over x", "tortuosity z over x", "", 1),
            ("largest over smallest", "largest over smallest", "", 1)]  # fmt: skip
    lines = [Line(text, unit, collect(found, key, factor)) for key, text, unit, factor in rows
             if any(key in each for each in found.values())]  # fmt: skip
    lines[-1] = Line("largest over smallest", "", lines[-1].values, "rises with sintering temperature")

    def draw(figure) -> None:  # noqa: ANN001
        grid = figure.subplots(1, len(states) + 1, squeeze=False)[0]
        for axes, (state, volume) in zip(grid, states.items(), strict=False):
            cut = volume.labels[:, volume.shape[1] // 2] == volume.label_of(given.electrolyte)
            sides = (0, 1e6 * volume.size[0], 0, 1e6 * volume.size[2])
            axes.imshow(cut.T, origin="lower", cmap="gray", extent=sides)
            axes.set(title=f"{state}, pores black", xlabel="x (um)", ylabel="z (um)" if axes is grid[0] else "")
        width = 0.8 / len(states)
        for number, (state, each) in enumerate(found.items()):
            bars = np.arange(3) + (number - (len(states) - 1) / 2) * width
            grid[-1].bar(bars, [each[f"tau {axis}"] for axis in AXES], width, label=state)
        grid[-1].set(xticks=range(3), xticklabels=AXES, xlabel="direction", ylabel="tortuosity factor")
        grid[-1].set_ylim(bottom=0.9)
        grid[-1].legend(frameon=False)

    finish("dixit-2019-anisotropy", list(states), lines, given.output, draw)
    return found


if __name__ == "__main__":
    run(main)
