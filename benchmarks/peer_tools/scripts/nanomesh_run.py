"""nanomesh: marching cubes and TetGen."""

import numpy as np
from common import serve
from nanomesh import Mesher3D


def mesh(job, options):
    labels = job["labels"]
    mesher = Mesher3D(labels)
    mesher.generate_contour(level=options.get("level"))
    try:
        made = mesher.tetrahedralize(opts=options["switches"])
    except Exception as error:  # it looks for a file that TetGen did not write
        raise RuntimeError("Error: TetGen, which it calls, ends without a mesh") from error
    tets = made.cells_dict["tetra"]
    found = next(iter(made.cell_data_dict.values()))["tetra"]
    return made.points + 0.5, tets, np.asarray(found).astype(int) - 1  # regions are counted from 1


if __name__ == "__main__":
    serve(mesh)
