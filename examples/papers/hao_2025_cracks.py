"""Cracks in a pellet cycle by cycle: widths, volumes, their logarithmic growth, lithium and filling, electrodes.

Numbers of Hao et al., ACS Nano 19 (2025) 20516, for Li | Li3PS4 | Li with voxels of 0.8 um. The phantom's crack is a
flat sheet at a slant from the lower foil; it widens from 3.0 to 4.4 um, a second one appears apart from it, and the
volume of both follows a logarithm of the cycle exactly. Lithium is that of the charge passed, as in the paper; the
phantom is small, so its filling fraction is larger. Real cracks branch and vary in width. Displacements
(ssb2mesh.measure.correlation) and fields (examples/hao_states.py) are not repeated here.

Run: python examples/papers/hao_2025_cracks.py [VOLUME ...] [--voxel-size "0.8 um"] [--cycles 1 2 4] [-o FOLDER]
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from paper_table import Line, Volumes, collect, finish, parser, present, run, volumes

import ssb2mesh
from ssb2mesh.measure import layer_thickness, measure_cracks
from ssb2mesh.measure.changes import faraday_volume, filling_fraction, phase_change, thickness_change

ROLES = {"lithium": "Li", "electrolyte": "LPS", "void": "void"}
SIDES = ("z_min", "z_max")
CYCLES, WIDTHS = (1, 2, 4, 8), (3.0e-6, 3.4e-6, 3.9e-6, 4.4e-6)
SLANT, NEW = np.deg2rad(20.0), (2, 8e-6)  # of the crack to z; the state in which the second one opens, and its height


def crack_volume(cycle: float, size: float) -> float:
    """Return the phantom's law of growth: V = V1 (1 + 1.6 ln n), m3, in a pellet `size` wide (m)."""
    return 0.3 * size * WIDTHS[0] * size * (1 + 1.6 * float(np.log(cycle)))


def phantoms(size: int) -> Volumes:
    """Return a pellet of `size` voxels a side between foils of eight voxels that lose one voxel in the end."""
    h, foil = 0.8e-6, 8
    x, z = np.meshgrid((np.arange(size) + 0.5) * h, (np.arange(size) + 0.5) * h, indexing="ij")
    found = {}
    for number, (cycle, width) in enumerate(zip(CYCLES, WIDTHS, strict=True)):
        left = crack_volume(cycle, size * h) / (size * h)  # area of the cracks in the plane of x and z
        across = (x - 0.25 * size * h) * np.cos(SLANT) - z * np.sin(SLANT)
        second = np.zeros(x.shape, bool)
        if number >= NEW[0]:
            away = (x - 0.8 * size * h) * np.cos(SLANT) - (z - 0.3 * size * h) * np.sin(SLANT)
            second = (np.abs(away) < width / 2) & (np.abs(z - 0.3 * size * h) < NEW[1] / 2)
            left -= NEW[1] * width / np.cos(SLANT)
        first = (np.abs(across) < width / 2) & (z < left * np.cos(SLANT) / width)
        pellet = np.repeat(np.where(first | second, 0, 1).astype(np.uint8)[:, None, :], size, axis=1)
        metal = np.full((size, size, foil), 2, np.uint8)
        labels = np.concatenate([metal, pellet, metal], axis=2)
        if number == len(CYCLES) - 1:
            labels[..., -foil] = 1
        found[f"cycle {cycle}"] = ssb2mesh.LabelledVolume(labels, (h,) * 3, phases={0: "void", 1: "LPS", 2: "Li"})
    return found


def main(arguments: Sequence[str] | None = None) -> dict[str, dict[str, float]]:
    """Return the numbers of each state; print the table, write it and the figure."""
    options = parser(__doc__, ROLES)
    options.add_argument("--cycles", type=float, nargs="+", help="cycle of each volume, for the fit (else 1, 2 ...)")
    options.add_argument("--charge", type=float, nargs="+", default=[0.075],
                         help="charge whose lithium fills the cracks, mAh/cm2, one or one a state (paper: 0.15 mA/cm2 "
                              "for 30 min)")  # fmt: skip
    options.add_argument("--tolerance", type=int, default=0, help="voxels by which states may be apart")
    given = options.parse_args(arguments)
    states = volumes(given, lambda: phantoms(given.size or 64))
    cycles = given.cycles or (range(1, len(states) + 1) if given.volumes else CYCLES)
    charges = given.charge * len(states) if len(given.charge) == 1 else given.charge
    for name, values in (("--cycles", cycles), ("--charge", charges)):
        if len(values) != len(states):
            raise ssb2mesh.InputError(f"{name}: got {len(values)} values for {len(states)} volumes; give one each")
    found, curves, before = {}, {}, None
    for (state, volume), charge in zip(states.items(), charges, strict=True):
        found[state] = {"crack": 0.0}
        if present(volume, given.void):
            cracks = measure_cracks(volume, given.void)
            curves[state] = cracks.histogram()
            found[state] |= cracks.summary() | {"crack": cracks.volume}
        area = np.prod(volume.size[:2])
        metal = faraday_volume(charge * 36e3 * area)  # 1 mAh/cm2 = 36 kC/m2
        found[state] |= {"lithium": metal, "filling": filling_fraction(metal, found[state]["crack"])}
        layers = {s: layer_thickness(volume, given.lithium, side=s, until=given.electrolyte) for s in SIDES}
        found[state] |= {side: layer.mean for side, layer in layers.items()}
        if before:
            change = phase_change(before[0], volume, given.void, tolerance=given.tolerance).volumes
            found[state] |= {key: change[key] for key in ("kept", "grown", "new")}
            found[state] |= {f"{s} change": thickness_change(before[1][s], layers[s]).mean for s in layers}
        before = (volume, layers)
    sizes = np.array(collect(found, "crack"))
    slope, first = np.polyfit(np.log(cycles), sizes, 1) if len(states) > 1 else (np.nan, np.nan)
    found["fit"] = {"crack": first, "growth": slope}
    rows = {k: v for k, v in found.items() if k != "fit"}
    um3, blank = 1e18, [np.nan] * (len(states) - 1)
    lines = [
        Line("most frequent width", "um", collect(rows, "most frequent width", 1e6), "3.0 to 4.4"),
        Line("mean width", "um", collect(rows, "mean width", 1e6)),
        Line("crack volume", "um3", collect(rows, "crack", um3), "about logarithmic in the cycle"),
        Line("of it grown", "um3", collect(rows, "grown", um3)),
        Line("of it new", "um3", collect(rows, "new", um3)),
        Line("fit a + b ln n: b", "um3", [*blank, slope * um3]),
        Line("lithium of the charge", "um3", collect(rows, "lithium", um3)),
        Line("filling fraction", "%", collect(rows, "filling", 100), "4.15, 2.62 ... 8.13"),
        *(Line(f"lithium at {s}", "um", collect(rows, s, 1e6)) for s in SIDES),
        *(Line(f"its change at {s}", "um", collect(rows, f"{s} change", 1e6), "-4 to -7")
          for s in SIDES),
    ]  # fmt: skip

    def draw(figure) -> None:  # noqa: ANN001
        left, right = figure.subplots(1, 2)
        for state, (edges, shares) in curves.items():
            left.stairs(100 * shares, 1e6 * edges, label=state, linewidth=1.5)
        ends = [1e6 * edges[1:][np.cumsum(shares) > 0.99][0] for edges, shares in curves.values()]
        left.set(
            xlabel="crack width (um)", ylabel="share of the crack area (%)", xlim=(0, 1.2 * max(ends, default=1.0))
        )
        left.legend(frameon=False)
        fine = np.geomspace(min(cycles), max(cycles), 50)
        right.plot(fine, um3 * (first + slope * np.log(fine)), color="#999999", label="a + b ln n")
        right.plot(cycles, um3 * sizes, "o", label="measured")
        right.set(xlabel="cycle n", ylabel="crack volume (um3)")
        right.legend(frameon=False)

    finish("hao-2025-cracks", list(states), lines, given.output, draw)
    return found


if __name__ == "__main__":
    run(main)
