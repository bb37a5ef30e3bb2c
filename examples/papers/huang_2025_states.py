"""A composite cathode, or a separator, in three states: fractions, contact, tortuosity, pore sizes.

The table of Huang et al., ACS Energy Lett. 10 (2025) 3459: assembled, pressed, cycled. The phantoms have the paper's
volume fractions, so these agree by construction; contact and tortuosity are of the same kind, but generated particles
and voids are not the measured ones, least of all the gaps that cycling opens at particles. The voids gather at
particles, so that contact is lower than in the paper. Void stands for carbon and binder, too, as there.

Run: python examples/papers/huang_2025_states.py [--part separator] [VOLUME ...] [--voxel-size "1 um"] [-o FOLDER]
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from paper_table import Line, Volumes, collect, finish, parser, run, volumes

import solvers
import ssb2mesh
from ssb2mesh.measure import connectivity, interface_areas, local_thickness, volume_fractions
from ssb2mesh.mesh_options import lattice_options
from ssb2mesh.phantoms import make_phantom
from ssb2mesh.phantoms.fields import smooth_noise

ROLES = {"active": "NMC", "electrolyte": "LPSCl", "void": "void"}
STATES = {"assembled": (0.302, 0.251, 0.227), "pressed": (0.363, 0.138, 0.096), "cycled": (0.363, 0.156, 0.104)}
PAPER = {
    "cathode": {"void": "25.1, 13.8, 15.6", "active": "30.2, 36.3, -", "electrolyte": "44.6, 49.9, -",
                "contact": "77.6, 88.9, 83.3", "tau": "2.79, 2.2, 2.49", "deviation": "0.20, 0.05, 0.09",
                "percolating": "> 99.8"},
    "separator": {"void": "22.7, 9.6, 10.4", "largest": "25.7, 13.5, -"},
}  # fmt: skip


def phantoms(part: str, size: int) -> Volumes:
    """Return the three states, with the paper's volume fractions and voxels of 1 um."""
    found = {}
    for seed, (state, (active, void, pores)) in enumerate(STATES.items()):
        if part == "cathode":
            options = {"active_fraction": active, "void_fraction": void, "d50": 7e-6, "grain_size": 4e-6}
            made = make_phantom("composite_cathode", seed=1, shape=size, voxel_size=1e-6, **options)
            found[state] = made.volume
            continue
        noise = smooth_noise(np.random.default_rng(seed), (size,) * 3, correlation=(2.5 if seed == 0 else 1.6,) * 3)
        labels = np.ones((size,) * 3, np.uint8)
        labels.reshape(-1)[np.argsort(noise, axis=None)[: round(pores * labels.size)]] = 0
        found[state] = ssb2mesh.LabelledVolume(labels, (1e-6,) * 3, phases={0: "void", 1: "LPSCl"})
    return found


def measure(
    volume: ssb2mesh.LabelledVolume, names: Sequence[str], axis: str
) -> tuple[dict[str, float], dict[str, np.ndarray]]:
    """Return the numbers of a state, and its profile of fractions and pore sizes for the figure."""
    active, electrolyte, void = names
    fractions, joined = volume_fractions(volume), connectivity(volume)
    order = list(fractions.phases)
    found = {role: fractions.total[order.index(n)] for role, n in zip(ROLES, names, strict=True) if n in order}
    found["percolating"] = joined.percolating[order.index(electrolyte), "xyz".index(axis)]
    if active in order:
        found["ratio"] = found["electrolyte"] / found["active"]
        found["contact"] = interface_areas(volume).contact_fraction(active, electrolyte)
    curves = {"height": fractions.positions[axis], "profile": fractions.profiles[axis][:, order.index(electrolyte)]}
    if void in order:
        pores = local_thickness(volume, void)
        found |= {f"pores {key}": value for key, value in pores.summary().items()}
        curves["edges"], curves["shares"] = pores.histogram()
    edge = min(n * h for n, h in zip(volume.shape, volume.spacing, strict=True))
    drop = [name for name in order if name != electrolyte]
    mesh = {"drop": drop, "cell_size": 2 * min(volume.spacing), "options": lattice_options({"thin": "drop"})}
    study = solvers.representative_volume(
        volume, conductivity={electrolyte: 1.0}, sizes=[edge / 2, edge], positions=4, axes=(axis,), mesh=mesh
    ).statistics()
    found["tau"], found["deviation"] = study[-1]["tortuosity_mean"], study[0]["tortuosity_std"]
    return found, curves


def main(arguments: Sequence[str] | None = None) -> dict[str, dict[str, float]]:
    """Return the numbers of each state; print the table, write it and the figure."""
    options = parser(__doc__, ROLES)
    options.add_argument("--part", choices=["cathode", "separator"], default="cathode")
    options.add_argument("--axis", choices=list("xyz"), default="z", help="axis of the current (default: z)")
    given = options.parse_args(arguments)
    states = volumes(given, lambda: phantoms(given.part, given.size or 40))
    names = (given.active, given.electrolyte, given.void)
    both = {state: measure(volume, names, given.axis) for state, volume in states.items()}
    found, curves = {k: v[0] for k, v in both.items()}, {k: v[1] for k, v in both.items()}
    paper = PAPER[given.part]
    rows = [("active", "active, vol%", 100), ("electrolyte", "electrolyte, vol%", 100), ("void", "void, vol%", 100),
            ("ratio", "electrolyte : active", 1), ("contact", "active surface on electrolyte, %", 100),
            ("tau", "tortuosity factor", 1), ("deviation", "its deviation, half-size sub-volumes", 1),
            ("percolating", "percolating, %", 100), ("pores D10", "pore size D10, um", 1e6),
            ("pores D50", "pore size D50, um", 1e6), ("pores D90", "pore size D90, um", 1e6),
            ("pores largest", "largest pore, um", 1e6)]  # fmt: skip
    lines = []
    for key, text, factor in rows:
        quantity, _, unit = text.partition(", ") if "sub-volumes" not in text else (text, "", "")
        if any(key in each for each in found.values()):
            lines.append(Line(quantity, unit, collect(found, key, factor), paper.get(key.split()[-1], "")))

    def draw(figure) -> None:  # noqa: ANN001
        left, right = figure.subplots(1, 2)
        for state, each in curves.items():
            left.plot(1e6 * each["height"], 100 * each["profile"], label=state)
            if "edges" in each:
                right.stairs(100 * each["shares"], 1e6 * each["edges"], label=state, linewidth=1.5)
        left.set(xlabel=f"{given.axis} (um)", ylabel=f"{given.electrolyte} (vol%)")
        right.set(xlabel="pore size (um)", ylabel="share of the void (%)")
        left.legend(frameon=False)

    finish(f"huang-2025-{given.part}", list(states), lines, given.output, draw)
    return found


if __name__ == "__main__":
    run(main)
