"""A silicon anode of columns: their diameters, the mud cracks between them, and the foil that lost contact.

Numbers of Huang et al., ACS Energy Lett. 10 (2025) 3459. The phantom (columns between mud cracks on a foil, electrolyte
above, planar voids on the foil) has the paper's shares of cracks and of lost contact, so these agree by construction,
and columns of about its size; real columns taper, and real cracks differ in width.

Run: python examples/papers/huang_2025_anode.py [VOLUME ...] [--voxel-size "1 um"] [--position "12 um"] [-o FOLDER]
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from paper_table import Line, Volumes, collect, finish, parser, run, volumes
from scipy.spatial import cKDTree

import ssb2mesh
from ssb2mesh.measure import contact_map, cracks_on_slice
from ssb2mesh.phantoms.fields import smooth_noise

ROLES = {"foil": "Cu", "silicon": "Si", "electrolyte": "LPSCl", "void": "void"}
PITCH, CRACKS, LOST, FOIL, HEIGHT = 32, 0.253, 0.40, 4, 12  # voxels and shares


def phantoms(size: int) -> Volumes:
    """Return one anode with voxels of 1 um: as many columns as the jittered grid has points."""
    rng, count = np.random.default_rng(2), max(2, size // PITCH)
    grid = (np.stack(np.meshgrid(*2 * [np.arange(count) + 0.5], indexing="ij"), -1).reshape(-1, 2)) * size / count
    centres = grid + rng.uniform(-0.3, 0.3, grid.shape) * size / count
    pixels = np.stack(np.meshgrid(*2 * [np.arange(size) + 0.5], indexing="ij"), -1)
    near = cKDTree(centres).query(pixels, k=3)[0]
    gap = (near[..., 1] ** 2 - near[..., 0] ** 2) / (2 * size / count)  # distance from the border of two columns
    cracked = np.zeros(gap.size, bool)
    cracked[np.argsort(gap, axis=None)[: round(CRACKS * gap.size)]] = True
    noise = np.where(cracked, np.inf, smooth_noise(rng, (size, size), correlation=(6.0, 6.0)).reshape(-1))
    open_ = np.argsort(noise)[: round(LOST * gap.size) - int(cracked.sum())]
    labels = np.full((size, size, FOIL + HEIGHT + 8), 2, np.uint8)  # Si
    labels[..., :FOIL], labels[..., FOIL + HEIGHT :] = 1, 3
    columns = labels.reshape(size * size, -1)
    columns[cracked, FOIL : FOIL + HEIGHT] = 0
    columns[open_, FOIL : FOIL + 2] = 0
    return {"anode": ssb2mesh.LabelledVolume(labels, (1e-6,) * 3, phases={0: "void", 1: "Cu", 2: "Si", 3: "LPSCl"})}


def main(arguments: Sequence[str] | None = None) -> dict[str, dict[str, float]]:
    """Return the numbers of each volume; print the table, write it and the figure."""
    options = parser(__doc__, ROLES)
    options.add_argument("--position", default=f"{FOIL + HEIGHT // 2} um", help="of the slice through the columns")
    options.add_argument("--within", type=int, default=2, help="voxels at the foil that voids must not be in")
    given = options.parse_args(arguments)
    states = volumes(given, lambda: phantoms(given.size or 160))
    found, maps = {}, {}
    for state, volume in states.items():
        cut = cracks_on_slice(volume, given.void, axis="z", position=given.position)
        grown = [n for n in (given.silicon, given.electrolyte) if n in volume.phase_names]
        # seen from above: silicon on the foil, where a void between the two is lost contact
        seen = contact_map(volume, "z_min", electrode=given.foil, electrolyte=grown, voids=given.void,
                           within=given.within, look="both")  # fmt: skip
        sizes = cut.island_diameters
        found[state] = {"columns": len(sizes), "diameter": sizes.mean(), "deviation": sizes.std(),
                        "cracks": cut.fraction, "lost": 1 - seen.fraction}  # fmt: skip
        maps[state] = seen
    lines = [
        Line("columns on the slice", "", collect(found, "columns")),
        Line("mean equivalent diameter", "um", collect(found, "diameter", 1e6), "29.6"),
        Line("its standard deviation", "um", collect(found, "deviation", 1e6), "9.5"),
        Line("mud-crack area", "%", collect(found, "cracks", 100), "25.3"),
        Line("foil without contact", "%", collect(found, "lost", 100), "40"),
    ]

    def draw(figure) -> None:  # noqa: ANN001
        for axes, (state, picture) in zip(figure.subplots(1, len(maps), squeeze=False)[0], maps.items(), strict=True):
            sides = [1e6 * end for ends in picture.extent for end in ends]
            axes.imshow(picture.contact.T, origin="lower", cmap="gray", extent=sides)
            axes.set(title=f"{state}: contact on the foil (white)", xlabel="x (um)", ylabel="y (um)")

    finish("huang-2025-anode", list(states), lines, given.output, draw)
    return found


if __name__ == "__main__":
    run(main)
