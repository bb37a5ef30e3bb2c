"""iso2mesh: its Python package around its cgalmesh program, files between them included in the time."""

import contextlib
import os
import sys
from pathlib import Path

import numpy as np
from common import serve
from iso2mesh.core import cgalv2m


def mesh(job, options):
    with contextlib.redirect_stdout(sys.stderr):
        node, elem, _ = cgalv2m(job["labels"] + np.uint8(1), options["opt"], options["maxvol"])
    tets = elem[:, :4].astype(np.int64) - 1
    return node[:, :3], tets, elem[:, 4].astype(int) - 1


if __name__ == "__main__":
    os.environ["ISO2MESH_TEMP"] = str(Path.cwd())  # the folder of the run, which goes with it
    serve(mesh)
