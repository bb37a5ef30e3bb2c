"""iso2mesh: its Python package around its cgalmesh program, files between them included in the time."""

import contextlib
import os
import sys

import numpy as np
from common import serve
from iso2mesh.core import cgalv2m


def mesh(job, options):
    with contextlib.redirect_stdout(sys.stderr):
        node, elem, _ = cgalv2m(job["labels"] + np.uint8(1), options["opt"], options["maxvol"])
    tets = elem[:, :4].astype(np.int64) - 1
    return node[:, :3], tets, elem[:, 4].astype(int) - 1


if __name__ == "__main__":
    os.environ.setdefault("ISO2MESH_SESSION", str(os.getpid()))
    serve(mesh)
