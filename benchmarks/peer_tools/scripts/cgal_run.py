"""CGAL's 3D Mesh Generation: our small program around its public interface, see ../cgal_image.cpp."""

import json
import subprocess
import tempfile
from pathlib import Path

import numpy as np
from common import serve, write_inr


def weights(labels, sigma):
    """What CGAL's generate_label_weights makes with ITK: the largest of the blurred indicators, in bytes."""
    from scipy.ndimage import gaussian_filter

    best = np.zeros(labels.shape)
    for value in np.unique(labels):
        best = np.maximum(best, gaussian_filter(255.0 * (labels == value), sigma, mode="nearest"))
    return best


def mesh(job, options):
    labels = job["labels"]
    with tempfile.TemporaryDirectory() as folder:
        image, weight, result = (str(Path(folder) / name) for name in ("image.inr", "weights.inr", "result"))
        write_inr(image, labels + 1)  # 0 is outside
        if options["weights"]:
            write_inr(weight, weights(labels, 1.0))
        sizes = [str(options[key]) for key in ("facet_size", "facet_distance", "cell_size")]
        done = subprocess.run(
            [options["program"], image, weight if options["weights"] else "-", result, str(int(options["features"])),
             *sizes, str(int(options["exude"]))],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            said = (done.stderr.strip() or "nothing").splitlines()
            raise RuntimeError(f"ends with {done.returncode}: {said[-1][:200]}")
        seconds = json.loads(done.stdout.splitlines()[-1])["seconds"]
        points = np.fromfile(result + ".points").reshape(-1, 3) + 0.5  # a voxel's centre has whole coordinates
        tets = np.fromfile(result + ".tets", np.int32).reshape(-1, 4)
        found = np.fromfile(result + ".labels", np.int32) - 1
    return points, tets, found, seconds


if __name__ == "__main__":
    serve(mesh)
