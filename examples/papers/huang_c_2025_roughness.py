"""Roughness of both faces of a polymer electrolyte over a cycle: height maps and Ra.

Numbers of Huang C. et al., J. Phys. Energy 7 (2025) 025009, for Li | PEO | NMC622 with voxels of 3.25 um. The phantom's
faces are random waves with the paper's Ra (over the whole map: Sa of ISO 25178), tilted so that the plane must be taken
off, as labels and as grey values. Ra of less than a voxel is right from grey values only; labels add their own steps.
The paper's lithium maps from Compton scattering have no counterpart here (see docs/fields.md for fields on a mesh).

Run: python examples/papers/huang_c_2025_roughness.py [VOLUME ...] [--voxel-size "3.25 um"] [--grey FILE ...
     --thresholds 90 140] [-o FOLDER]
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from paper_table import Line, Volumes, collect, finish, parser, run, volumes

import ssb2mesh
from ssb2mesh.io.volume_fields import read_voxel_field
from ssb2mesh.measure import height_map
from ssb2mesh.measure.roughness import roughness
from ssb2mesh.phantoms.fields import smooth_noise

ROLES = {"polymer": "PEO"}
VOXEL = 3.25e-6
STATES = {"pristine": (5.07e-6, 2.12e-6), "charged": (5.38e-6, 2.25e-6), "discharged": (6.10e-6, 2.49e-6)}
PAPER = {"anode": "5.07, 5.38, 6.10", "cathode": "2.12, 2.25, 2.49"}
SIDES = {"anode": "z_min", "cathode": "z_max"}


def face(seed: int, size: int, wanted: float) -> np.ndarray:
    """Return heights of an exact mean distance from their mean plane, on a slope."""
    noise = smooth_noise(np.random.default_rng(seed), (size, size), correlation=(size / 24,) * 2).astype(float)
    x, y = np.meshgrid(np.linspace(-1, 1, size), np.linspace(-1, 1, size), indexing="ij")
    planes = np.stack([np.ones(x.size), x.ravel(), y.ravel()], 1)
    rest = noise - (planes @ np.linalg.lstsq(planes, noise.ravel(), rcond=None)[0]).reshape(noise.shape)
    return rest * wanted / np.abs(rest).mean() + 4e-6 * x - 2e-6 * y


def phantoms(size: int) -> tuple[Volumes, dict[str, np.ndarray]]:
    """Return the states as labels and as grey values: 0 in lithium, 1 in the polymer, 2 in the cathode."""
    levels = 40
    z = (np.arange(levels) + 0.5) * VOXEL
    found, grey = {}, {}
    for state, (anode, cathode) in STATES.items():
        low = 12 * VOXEL + face(1, size, anode)
        high = 28 * VOXEL + face(2, size, cathode)
        # a detector blurs the faces: grey values rise over two voxels
        up = [np.clip(0.5 + (z - h[..., None]) / (2 * VOXEL), 0, 1) for h in (low, high)]
        grey[state] = up[0] + up[1]
        labels = (grey[state] >= 0.5).astype(np.uint8) + (grey[state] >= 1.5)
        found[state] = ssb2mesh.LabelledVolume(labels, (VOXEL,) * 3, phases={0: "Li", 1: "PEO", 2: "NMC622"})
    return found, grey


def main(arguments: Sequence[str] | None = None) -> dict[str, dict[str, float]]:
    """Return the numbers of each state; print the table, write it and the figure."""
    options = parser(__doc__, ROLES)
    options.add_argument("--grey", nargs="+", default=[], metavar="FILE", help="grey values of each volume")
    options.add_argument("--thresholds", type=float, nargs=2, metavar=("ANODE", "CATHODE"),
                         help="grey values of the faces at z_min and z_max")  # fmt: skip
    given = options.parse_args(arguments)
    grey: dict[str, np.ndarray] = {}
    thresholds = given.thresholds
    if given.volumes:
        states = volumes(given, dict)
        if bool(given.grey) != bool(thresholds) or len(given.grey) not in (0, len(states)):
            raise ssb2mesh.InputError(f"--grey: got {len(given.grey)} files for {len(states)} volumes, and thresholds "
                                      f"{thresholds}; give one file each, and both thresholds")  # fmt: skip
        size = {"voxel_size": given.voxel_size, "axes": given.axes}
        grey = {state: read_voxel_field(p, **size).values for state, p in zip(states, given.grey, strict=False)}
    else:
        states, grey = phantoms(given.size or 192)
        thresholds = (0.5, 1.5)
    found, maps = {}, {}
    for state, volume in states.items():
        found[state] = {}
        for number, (name, side) in enumerate(SIDES.items()):
            heights = height_map(volume, side, phases=given.polymer)
            found[state][f"{name} labels"] = roughness(heights).Sa
            if state in grey:
                heights = height_map(volume, side, phases=given.polymer, grey=grey[state], threshold=thresholds[number])
                found[state][f"{name} grey"] = roughness(heights).Sa
            rough = roughness(heights)
            found[state] |= {f"{name} Sq": rough.Sq, f"{name} Sz": rough.Sz}
            maps[name, state] = heights.levelled().values
    lines = []
    for name in SIDES:
        for key, text in (("grey", "Ra from grey values"), ("labels", "Ra from labels"), ("Sq", "Rq"), ("Sz", "Rz")):
            values = collect(found, f"{name} {key}", 1e6)
            if not np.isnan(values).all():
                paper = PAPER[name] if text.startswith("Ra") else ""
                lines.append(Line(f"{name}|polymer: {text}", "um", values, paper))

    def draw(figure) -> None:  # noqa: ANN001
        grid = figure.subplots(2, len(states), squeeze=False)
        for axes, ((name, state), heights) in zip(grid.ravel(), maps_in_order(maps, states), strict=True):
            span = 3e6 * found[state][f"{name} Sq"]
            shown = axes.imshow(1e6 * heights.T, origin="lower", cmap="RdBu_r", vmin=-span, vmax=span)
            axes.set(title=f"{name}, {state}", xticks=[], yticks=[])
            figure.colorbar(shown, ax=axes, label="height (um)")

    finish("huang-c-2025-roughness", list(states), lines, given.output, draw)
    return found


def maps_in_order(maps: dict[tuple[str, str], np.ndarray], states: Volumes) -> list[tuple[tuple[str, str], np.ndarray]]:
    """Return the maps row by row: the anode's faces, then the cathode's."""
    return [((name, state), maps[name, state]) for name in SIDES for state in states]


if __name__ == "__main__":
    run(main)
