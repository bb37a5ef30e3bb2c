"""Contact maps of both electrodes while lithium is stripped, and the voltage with and without constriction.

Numbers of Lewis et al., Nature Materials 20 (2021) 503, for Li | Li10SnP2S12 | Li: contact of both interfaces, contact
spots, voids, density of the pellet, thickness of the electrodes, the voltage of their zero-dimensional model (areas
alone) and that of a flat pellet under the measured maps. The phantom loses 52 % of its lower contact as the paper's
cell does, from a quarter of the area on, and falls into ever smaller spots. Its voids are of one height on flat faces,
and it has no interphase (that of your volume is measured, if named). "From the map" takes one face
at a time, at the pixels of the map, and no kinetics; those spread the current over the spots, which adds to it. Cells
of the pellet (--cells) should be small against the spots and hold a whole number of pixels.

Run: python examples/papers/lewis_2021_contact.py [VOLUME ...] [--voxel-size "1.7 um"] [-o FOLDER]
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from paper_table import Line, Volumes, collect, finish, parser, present, run, volumes

import solvers
import ssb2mesh
from ssb2mesh.measure import contact_map, contact_spots, interfacial_voids, layer_thickness
from ssb2mesh.measure.contact_maps import InterfaceMap
from ssb2mesh.measure.spreading import spreading_resistance
from ssb2mesh.phantoms.fields import smooth_noise

ROLES = {"electrode": "Li", "electrolyte": "LSPS", "interphase": "interphase", "void": "void"}
SIDES = {"top": "z_max", "bottom": "z_min"}
SHARES = (0.25, 0.21, 0.16, 0.12)  # contact of the lower electrode, state by state; the upper keeps the first
LITHIUM = solvers.ButlerVolmer(i0=51.0, U=0.0)
SIGMA = solvers.material("LSPS", "ionic_conductivity").value


def phantoms(size: int) -> Volumes:
    """Return a pellet 1.9 mm wide and 0.6 mm thick between two foils, and pores for a density of 96.8 %."""
    rng, foil, pellet = np.random.default_rng(4), 8, 40
    top, bottom, fine = (smooth_noise(rng, (size, size), correlation=(size / n,) * 2).ravel() for n in (16, 16, 48))
    pores = np.full((size, size, pellet), -np.inf)  # closed: away from the sides of the box and the foils
    pores[2:-2, 2:-2, 3:-3] = smooth_noise(rng, (size, size, pellet), correlation=(1.2,) * 3)[2:-2, 2:-2, 3:-3]
    closed = np.argsort(pores, axis=None)[::-1][: round(0.032 * pores.size)]
    found = {}
    for number, share in enumerate(SHARES):
        labels = np.full((size, size, pellet + 2 * foil), 2, np.uint8)
        middle = np.ones(pores.size, np.uint8)
        middle[closed] = 0
        labels[..., foil:-foil] = middle.reshape(pores.shape)
        torn = bottom + 0.5 * number * fine  # what is left of the lower contact falls into ever smaller spots
        for gap, kept, place in ((top, SHARES[0], slice(-foil, 2 - foil)), (torn, share, slice(foil - 2, foil))):
            order = np.argsort(gap)[round(kept * gap.size) :]
            labels.reshape(size * size, -1)[order, place] = 0
        spacing = (1.92e-3 / size, 1.92e-3 / size, 15e-6)
        found[f"state {number}"] = ssb2mesh.LabelledVolume(labels, spacing, phases={0: "void", 1: "LSPS", 2: "Li"})
    return found


def voltages(maps: dict[str, InterfaceMap], thickness: float, density: float, cells: int) -> dict[str, float]:
    """Return the voltage of a flat pellet under both maps, in parts, and what areas alone give, V."""
    pixels = maps["top"].contact.shape
    size = [n * h for n, h in zip(pixels, maps["top"].pixel, strict=True)]
    layers = max(4, round(thickness / max(size) * cells))
    box = ssb2mesh.LabelledVolume(np.ones((cells, cells, layers), np.uint8),
                                  (size[0] / cells, size[1] / cells, thickness / layers),
                                  phases={1: "LSPS"},
                                  origin=(*(low for low, _ in maps["top"].extent), 0.0))  # fmt: skip
    current, nominal = density * size[0] * size[1], size[0] * size[1]
    found = solvers.constriction(
        solvers.load_domain(ssb2mesh.mesh_volume(box)), electronic={}, ionic={"LSPS": SIGMA},
        kinetics={f"LSPS@{side}": LITHIUM for side in SIDES.values()},
        terminals=solvers.Terminals(fixed={"LSPS@z_max": 0.0}, current={"LSPS@z_min": current}),
        contact={f"LSPS@{side}": solvers.ContactMap(**maps[key].solver_arguments()) for key, side in SIDES.items()},
    ).parts()  # fmt: skip
    flat = solvers.cell_voltage_0d(
        current, positive=solvers.Contact0D(maps["bottom"].area, LITHIUM),
        negative=solvers.Contact0D(maps["top"].area, LITHIUM), layers=[solvers.Layer0D(thickness, SIGMA, nominal)],
    )  # fmt: skip
    spread = sum(spreading_resistance(each, thickness=thickness, conductivity=SIGMA).constriction
                 for each in maps.values())  # fmt: skip
    return {"voltage": found.cell_voltage, "ohmic": sum(found.bulk.values()), "kinetic": found.kinetic,
            "constriction": found.total_constriction, "narrow": found.constriction["LSPS"],
            "flat": flat["cell_voltage"], "map": current * spread}  # fmt: skip


def measure(volume: ssb2mesh.LabelledVolume, given) -> tuple[dict[str, float], dict[str, InterfaceMap]]:  # noqa: ANN001
    """Return the numbers of a state and the contact maps."""
    ions = present(volume, given.electrolyte, given.interphase)
    names = {"electrode": given.electrode, "electrolyte": ions}
    maps = {key: contact_map(volume, side, **names, voids=present(volume, given.void), within=given.within)
            for key, side in SIDES.items()}  # fmt: skip
    found: dict[str, float] = {}
    for key, side in SIDES.items():
        spots = contact_spots(maps[key])
        foil = layer_thickness(volume, given.electrode, side=side, until=ions)
        found |= {f"{key} fraction": maps[key].fraction, f"{key} area": maps[key].area, f"{key} foil": foil.mean,
                  f"{key} two": spots.share_of_largest(2), f"{key} small": spots.share_below(2e-8)}  # fmt: skip
    if present(volume, given.void):
        kinds = interfacial_voids(volume, given.void, electrode=given.electrode, electrolyte=ions)
        found |= {"density": kinds.density, "interfacial": kinds.volumes["interfacial"]}
    if given.interphase in ions:
        layer = layer_thickness(volume, given.interphase, side="z_min")
        found |= {"interphase": layer.mean, "interphase volume": layer.volume}
    thickness = layer_thickness(volume, ions, side="z_min", count="span").mean
    return found | voltages(maps, thickness, given.current * 10, given.cells), maps


def main(arguments: Sequence[str] | None = None) -> dict[str, dict[str, float]]:
    """Return the numbers of each state; print the table, write it and the figure."""
    options = parser(__doc__, ROLES)
    options.add_argument("--within", type=int, default=5, help="voxels at the electrode free of voids (paper: 5)")
    options.add_argument("--current", type=float, default=1.0, help="mA/cm2 (paper: 1 and 4)")
    options.add_argument("--cells", type=int, default=32, help="cells of the pellet along x and y")
    given = options.parse_args(arguments)
    states = volumes(given, lambda: phantoms(given.size or 64))
    both = {state: measure(volume, given) for state, volume in states.items()}
    found, maps = {k: v[0] for k, v in both.items()}, {k: v[1] for k, v in both.items()}
    first = next(iter(found.values()))
    for each in found.values():
        each["loss"] = 1 - each["bottom fraction"] / first["bottom fraction"]
    paper = {"bottom": ("part of the area, then 52 % less", "71 before", "100 after")}
    lines = []
    for key in SIDES:
        words = paper.get(key, ("", "", ""))
        lines += [Line(f"{key}: contact", "%", collect(found, f"{key} fraction", 100), words[0]),
                  Line(f"{key}: two largest spots", "% of contact", collect(found, f"{key} two", 100), words[1]),
                  Line(f"{key}: spots below 0.02 mm2", "% of contact", collect(found, f"{key} small", 100), words[2]),
                  Line(f"{key}: lithium", "um", collect(found, f"{key} foil", 1e6))]  # fmt: skip
    rows = [("loss", "bottom: contact lost", "%", 100, "52"), ("density", "pellet density", "%", 100, "96.8"),
            ("interfacial", "interfacial voids", "mm3", 1e9, ""), ("interphase", "interphase", "um", 1e6, ""),
            ("voltage", "voltage", "mV", 1e3, ""), ("ohmic", "of it ohmic", "mV", 1e3, ""),
            ("kinetic", "of it kinetic", "mV", 1e3, ""), ("constriction", "of it constriction", "mV", 1e3, ""),
            ("narrow", "of that ohmic", "mV", 1e3, ""), ("map", "the same from the map, no kinetics", "mV", 1e3, ""),
            ("flat", "voltage from areas alone", "mV", 1e3, "too low in the end")]  # fmt: skip
    lines += [Line(text, unit, collect(found, key, factor), words) for key, text, unit, factor, words in rows
              if any(key in each for each in found.values())]  # fmt: skip

    def draw(figure) -> None:  # noqa: ANN001
        grid = figure.add_gridspec(2, len(states) + 2)
        for column, (state, pair) in enumerate(maps.items()):
            for row, key in enumerate(SIDES):
                axes = figure.add_subplot(grid[row, column])
                sides = [1e6 * end for ends in pair[key].extent for end in ends]
                axes.imshow(pair[key].contact.T, origin="lower", cmap="gray", extent=sides)
                axes.set(title=f"{key}, {state}", xlabel="x (um)" if row else "", ylabel="" if column else "y (um)")
        figure.suptitle("contact (white) of lithium and electrolyte, and voltage")
        axes = figure.add_subplot(grid[:, -2:])
        for key, text in (("voltage", "with constriction"), ("flat", "areas alone")):
            axes.plot(range(len(states)), collect(found, key, 1e3), "o-", label=text)
        axes.set(xticks=range(len(states)), xticklabels=list(states), ylabel="voltage (mV)", ylim=(0, None))
        axes.legend(frameon=False)

    finish("lewis-2021-contact", list(states), lines, given.output, draw)
    return found


if __name__ == "__main__":
    run(main)
