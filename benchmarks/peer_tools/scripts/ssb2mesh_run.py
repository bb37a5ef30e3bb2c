"""This project's mesher."""

import numpy as np
from common import serve

from ssb2mesh import LabelledVolume, mesh_volume
from ssb2mesh.mesher import LatticeOptions


def _mesh(labels, options):
    volume = LabelledVolume(labels, (1e-6,) * 3, origin=(0.0, 0.0, 0.0))
    lattice = LatticeOptions(grade=options.get("grade", 0))
    made = mesh_volume(volume, engine=options.get("engine", "lattice"), options=lattice)
    return volume, made


def warm_up(job, options):
    # compiled code is loaded (or compiled, once); other tools come compiled
    _mesh(np.ascontiguousarray(job["labels"][:50, :50, :50]), {"grade": options.get("grade", 0)})


def mesh(job, options):
    volume, made = _mesh(job["labels"], options)
    label = {made.cell_names[name]: value for value, name in volume.phases.items() if name in made.cell_names}
    table = np.full(max(label) + 1, -1, np.int16)
    table[list(label)] = list(label.values())
    return made.points / 1e-6, made.tets, table[made.cell_tags]


if __name__ == "__main__":
    serve(mesh, warm_up)
