"""pygalmesh: CGAL's 3D Mesh Generation from Python."""

import numpy as np
import pygalmesh
from common import serve


def mesh(job, options):
    made = pygalmesh.generate_from_array(job["labels"] + np.uint8(1), (1.0, 1.0, 1.0), verbose=False, seed=1, **options)
    tets = made.get_cells_type("tetra")
    labels = made.get_cell_data("medit:ref", "tetra")
    return made.points + 0.5, tets, labels.astype(int) - 1


if __name__ == "__main__":
    serve(mesh)
