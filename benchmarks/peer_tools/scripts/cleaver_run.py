"""Cleaver through ITK (itk-cleaver)."""

import itk
import numpy as np
from common import serve

IMAGE, MESH = itk.Image[itk.UC, 3], itk.Mesh[itk.D, 3]
CLEAVER = itk.CleaverImageToMeshFilter[IMAGE, MESH]  # loading it takes half a minute


def mesh(job, options):
    labels = job["labels"]
    image = itk.image_from_array(np.ascontiguousarray(labels.transpose(2, 1, 0) + np.uint8(1)))
    cleaver = CLEAVER.New(Input=image)
    for name, value in options.items():
        getattr(cleaver, f"Set{name}")(value)
    cleaver.Update()
    made = cleaver.GetOutput(0)
    points = np.array(itk.array_from_vector_container(made.GetPoints()))
    cells = itk.array_from_vector_container(made.GetCellsArray()).reshape(-1, 6)  # kind, four, corners
    material = np.array(itk.array_from_vector_container(made.GetCellData())).astype(int)
    # materials are numbered in the order of the labels; the last one fills up the cube around the image
    values = np.unique(labels)
    kept = material < len(values)
    return points, cells[kept, 2:].astype(np.int64), values[material[kept]]


if __name__ == "__main__":
    serve(mesh)
