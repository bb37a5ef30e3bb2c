"""Contact of each active particle with the electrolyte and of the electrode with its collector: what can be used.

After Neumann et al., ACS Appl. Mater. Interfaces 12 (2020) 9277, who find cathodes of NMC622 and Li3PS4 limited by
contact: to the collector, and where particles shrink away from the electrolyte. The phantom is a lattice of particles
with flat necks between collector and separator (--size: particles along an edge); in the second state nine of 27 have
lost the electrolyte around them, in the third six of nine collector contacts are open as well. Utilisable is the active
volume that is joined to the collector and touches electrolyte joined to the separator. Currents are steady, at a small
voltage: time and the diffusion of lithium in particles, which the paper's capacities rest on, are left out.

Run: python examples/papers/neumann_2020_utilisation.py [VOLUME ...] [--voxel-size "0.5 um"] [-o FOLDER]
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from paper_table import Line, Volumes, collect, finish, parser, present, run, volumes
from scipy import ndimage

import solvers
import ssb2mesh
from ssb2mesh.measure import interface_areas, label_particles
from ssb2mesh.mesh_options import lattice_options

ROLES = {"collector": "Al", "active": "NMC", "electrolyte": "LPS", "void": "void"}
PITCH, RADIUS, FOIL, SEPARATOR = 10, 5.4, 2, 4  # voxels
PHI, SIGMA, REACTION = 0.01, {"active": 0.2, "electrolyte": 0.02}, 0.01  # V, S/m, ohm m2


def phantoms(side: int) -> Volumes:
    """Return the three states of a lattice with so many particles along each axis, voxels of 0.5 um."""
    n = PITCH * side
    x, y, z = np.meshgrid(*[np.arange(n) + 0.5] * 3, indexing="ij")
    i, j, k = (c // PITCH for c in (x, y, z))
    third, columns = (i + j + k) % 3 == 0, (i + j)[..., 0] % 3 != 2
    away = np.sqrt(sum((c % PITCH - PITCH / 2) ** 2 for c in (x, y, z)))
    labels = np.full((n, n, FOIL + n + SEPARATOR), 3, np.uint8)
    labels[..., :FOIL] = 1
    middle = slice(FOIL, FOIL + n)
    labels[..., middle][away < RADIUS] = 2
    # a gap of one voxel all around, also where a particle reaches into the next cell at its necks
    lost = np.zeros(labels.shape, bool)
    lost[..., middle] = (away < RADIUS) & third
    lost = ndimage.binary_dilation(lost, np.ones((3, 3, 3)))
    bare = np.where(lost & (labels == 3), 0, labels).astype(np.uint8)
    opened = bare.copy()
    opened[..., FOIL][columns & (bare[..., FOIL] == 2)] = 0
    found = {}
    for state, codes in (("pressed", labels), ("particles lost", bare), ("collector lost", opened)):
        names = {code: name for code, name in enumerate(("void", "Al", "NMC", "LPS")) if (codes == code).any()}
        found[state] = ssb2mesh.LabelledVolume(codes, (0.5e-6,) * 3, phases=names)
    return found


def joined(mask: np.ndarray, seed: np.ndarray) -> np.ndarray:
    """Return the part of a mask that is in one piece with voxels of the seed."""
    pieces = ndimage.label(mask | seed)[0]
    return mask & np.isin(pieces, np.unique(pieces[seed]))


def utilisable(volume: ssb2mesh.LabelledVolume, given) -> dict[str, float]:  # noqa: ANN001
    """Return particles, their contact, and the shares of active volume that electrons, ions and both reach."""
    labels = volume.labels
    active, ions = labels == volume.label_of(given.active), labels == volume.label_of(given.electrolyte)
    reached = joined(active, labels == volume.label_of(given.collector))
    end = np.zeros(labels.shape, bool)
    end[..., -1] = ions[..., -1]
    linked = joined(ions, end)
    free = max(int(labels.max()), *volume.phases) + 1
    kept = labels.astype(np.int32)
    kept[ions & ~linked] = free  # electrolyte that is cut off is a phase of its own
    names = dict(volume.phases) | ({free: "cut off"} if (ions & ~linked).any() else {})
    parts = label_particles(ssb2mesh.LabelledVolume(kept, volume.spacing, phases=names), given.active)
    contact = parts.contact_fractions(given.electrolyte) if linked.any() else np.zeros(len(parts))
    weight = parts.volumes / parts.volumes.sum()
    touched = np.nan_to_num(contact) > given.least
    electrons = np.bincount(parts.ids[reached], minlength=len(parts)) / np.bincount(parts.ids[parts.ids >= 0])
    return {"particles": float(len(parts)), "without": float((~touched).sum()),
            "mean": float(np.nan_to_num(contact) @ weight), "electrons": float(electrons @ weight),
            "ions": float(touched @ weight), "utilisable": float((electrons * touched) @ weight)}  # fmt: skip


def currents(volume: ssb2mesh.LabelledVolume, given) -> dict[str, float]:  # noqa: ANN001
    """Return current per area of the electrode at a small voltage, A/m2, and how even it is on the particles."""
    drop = present(volume, given.void)
    mesh = ssb2mesh.mesh_volume(volume, drop=drop, cell_size=given.cell_size, options=lattice_options({"grade": 2}))
    face = "|".join(sorted((given.electrolyte, given.active)))
    solved = solvers.charge_transfer(
        solvers.load_domain(mesh), electronic={given.collector: math.inf, given.active: SIGMA["active"]},
        ionic={given.electrolyte: SIGMA["electrolyte"]}, kinetics={face: solvers.LinearKinetics(REACTION, 0.0)},
        terminals=solvers.Terminals(fixed={"z_min": PHI}, fixed_ionic={"z_max": 0.0}),
    )  # fmt: skip
    passed = solved.totals["interfaces"][face]
    area = float(np.prod(volume.size[:2]))
    return {"current": abs(passed["current"]) / area, "even": passed["utilisation"]}


def main(arguments: Sequence[str] | None = None) -> dict[str, dict[str, float]]:
    """Return the numbers of each state; print the table, write it and the figure."""
    options = parser(__doc__, ROLES)
    options.add_argument("--cell-size", help='of the mesh, such as "2 voxels" (default: a voxel)')
    options.add_argument("--least", type=float, default=0.05, help="contact share from which on a particle counts")
    given = options.parse_args(arguments)
    states = volumes(given, lambda: phantoms(given.size or 3))
    found = {}
    for state, volume in states.items():
        areas = interface_areas(volume)
        names = ["|".join(sorted((given.active, other))) for other in (given.collector, given.electrolyte)]
        shares = [areas.area(name) if name in areas.names else 0.0 for name in names]
        found[state] = {"collector": shares[0] / float(np.prod(volume.size[:2])),
                        "contact": shares[1] / areas.surface(given.active)}  # fmt: skip
        found[state] |= utilisable(volume, given) | currents(volume, given)
    first = next(iter(found.values()))["current"]
    for each in found.values():
        each["relative"] = each["current"] / first
    rows = [("particles", "active particles", "", 1), ("without", "without electrolyte", "", 1),
            ("contact", "active surface on electrolyte", "%", 100), ("mean", "mean of the particles", "%", 100),
            ("collector", "active material on the collector", "% of it", 100),
            ("electrons", "active volume that electrons reach", "%", 100), ("ions", "that ions reach", "%", 100),
            ("utilisable", "utilisable", "%", 100), ("current", "current at 10 mV", "A/m2", 1),
            ("relative", "over that of the first", "", 1), ("even", "evenness of the reaction", "", 1)]  # fmt: skip
    words = {"collector": "limits electrons", "utilisable": "lost with contact"}
    lines = [Line(text, unit, collect(found, key, factor), words.get(key, "")) for key, text, unit, factor in rows]

    def draw(figure) -> None:  # noqa: ANN001
        grid = figure.subplots(1, len(states) + 1, squeeze=False)[0]
        for axes, (state, volume) in zip(grid, states.items(), strict=False):
            cut = volume.labels[:, volume.shape[1] // 2]
            shown = np.zeros(cut.shape)  # the same colour for a role in every state, none for void
            for tone, name in enumerate((given.collector, given.active, given.electrolyte), 1):
                shown[cut == volume.label_of(name)] = tone
            sides = (0, 1e6 * volume.size[0], 0, 1e6 * volume.size[2])
            drawn = axes.imshow(
                np.ma.masked_equal(shown, 0).T, origin="lower", cmap="viridis", vmin=0, vmax=3, extent=sides
            )
            axes.set(title=state, xlabel="x (um)", ylabel="z (um)" if axes is grid[0] else "")
        for tone, name in enumerate((given.collector, given.active, given.electrolyte), 1):
            grid[0].plot([], [], "s", color=drawn.cmap(tone / 3), label=name)
        figure.legend(*grid[0].get_legend_handles_labels(), loc="outside lower left", ncol=3, frameon=False)
        for key, text in (("utilisable", "utilisable volume"), ("contact", "on electrolyte"), ("relative", "current")):
            grid[-1].plot(range(len(states)), collect(found, key), "o-", label=text)
        grid[-1].set(xticks=range(len(states)), xticklabels=[s.replace(" ", "\n") for s in states], ylim=(0, 1.05),
                     xlim=(-0.4, len(states) - 0.6), ylabel="share")  # fmt: skip
        grid[-1].legend(frameon=False)

    finish("neumann-2020-utilisation", list(states), lines, given.output, draw)
    return found


if __name__ == "__main__":
    run(main)
