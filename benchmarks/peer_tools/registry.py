"""Every tool: its script, its settings, the packages it needs. No running here; `install.py` gets them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

#: Facet size, facet distance and cell size of CGAL: radii of Delaunay balls, in voxels; edges come out near 1.3 voxels.
FACET, DISTANCE, CELL = 1.0, 0.25, 1.25
#: For pygalmesh, which is built from source against the system's CGAL, and for our program around CGAL 6.
CGAL_APT = ("libcgal-dev", "libeigen3-dev", "libboost-dev", "libgmp-dev", "libmpfr-dev", "libtbb-dev", "g++")


@dataclass(frozen=True)
class Tool:
    """One row of the table.

    `needs` are pip packages for a virtual environment of the tool's own, called `env` (tools may share one; "" is the
    environment that runs the driver), `apt` Debian packages, `cpp` whether it is our program around CGAL, `iso2mesh`
    whether it looks for the programs of iso2mesh, `version_of` the package whose version is told (default: ours).
    """

    name: str
    title: str
    script: str
    settings: str
    options: dict[str, Any] = field(default_factory=dict)
    env: str = ""
    needs: tuple[str, ...] = ()
    version_of: str = ""
    cpp: bool = False
    iso2mesh: bool = False
    apt: tuple[str, ...] = ()


def _cgal(name: str, title: str, *, exude: bool, features: bool, weights: bool) -> Tool:
    parts = [
        f"facet_angle 30, facet_size {FACET:g}, facet_distance {DISTANCE:g}, cell_size {CELL:g}, radius-edge 2",
        "1-D features of image and box protected" if features else "no feature protection",
        "label weights (Gaussian, 1 voxel)" if weights else "no weights",
        "perturb and exude" if exude else "no perturb, no exude",
    ]
    options = {"facet_size": FACET, "facet_distance": DISTANCE, "cell_size": CELL}
    options |= {"exude": exude, "features": features, "weights": weights}
    return Tool(
        name,
        title,
        "cgal_run.py",
        "; ".join(parts),
        options,
        env="cgal",
        needs=("numpy", "scipy"),
        cpp=True,
        apt=CGAL_APT,
    )


_TETGEN = "pq1.414a1AQ"
TOOLS = (
    Tool("ssb2mesh", "ssb2mesh (lattice)", "ssb2mesh_run.py", "all defaults: cells of one voxel"),
    Tool("ssb2mesh-grade2", "ssb2mesh --grade 2", "ssb2mesh_run.py", "cells of one voxel, up to four in bulk",
         {"grade": 2}),
    Tool("ssb2mesh-gmsh", "ssb2mesh --engine gmsh", "ssb2mesh_run.py",
         "our surfaces, Gmsh HXT in them, Netgen's optimiser", {"engine": "gmsh"}),
    _cgal("cgal", "CGAL, 2 threads", exude=False, features=False, weights=False),
    _cgal("cgal-exude", "CGAL, exude", exude=True, features=False, weights=False),
    _cgal("cgal-features", "CGAL, features", exude=True, features=True, weights=False),
    _cgal("cgal-weights", "CGAL, features, weights", exude=True, features=True, weights=True),
    Tool("pygalmesh", "pygalmesh", "pygalmesh_run.py",
         f"facet angle 30, surface ball {FACET:g}, facet distance {DISTANCE:g}, cell circumradius {CELL:g}, "
         "radius-edge 2, perturb and exude",
         {"min_facet_angle": 30.0, "max_radius_surface_delaunay_ball": FACET, "max_facet_distance": DISTANCE,
          "max_cell_circumradius": CELL, "max_circumradius_edge_ratio": 2.0, "perturb": True, "exude": True},
         env="pygalmesh", needs=("pygalmesh", "meshio"), version_of="pygalmesh", apt=CGAL_APT),
    Tool("iso2mesh", "iso2mesh", "iso2mesh_run.py",
         f"cgalv2m: angbound 30, radbound {FACET:g}, distbound {DISTANCE:g}, reratio 2, maxvol 1",
         {"opt": {"angbound": 30, "radbound": FACET, "distbound": DISTANCE, "reratio": 2}, "maxvol": 1},
         env="iso2mesh", needs=("iso2mesh", "scipy", "matplotlib"), version_of="iso2mesh", iso2mesh=True),
    Tool("tetgen-voxels", "TetGen, voxel faces", "tetgen_run.py", f"-{_TETGEN} on unsmoothed voxel faces",
         {"smooth": False, "switches": _TETGEN}, env="tetgen", needs=("tetgen", "vtk"), version_of="tetgen"),
    Tool("tetgen-smooth", "TetGen, smooth surfaces", "tetgen_run.py", f"-{_TETGEN} on vtkSurfaceNets3D, smoothed",
         {"smooth": True, "switches": _TETGEN}, env="tetgen", needs=("tetgen", "vtk"), version_of="tetgen"),
    Tool("gmsh-hxt", "Gmsh HXT, smooth surfaces", "gmsh_run.py",
         "HXT, Optimize, MeshSizeMax 1.5, 2 threads, in vtkSurfaceNets3D surfaces, smoothed",
         {"Mesh.Algorithm3D": 10, "Mesh.MeshSizeMax": 1.5, "Mesh.Optimize": 1, "Mesh.RandomSeed": 1},
         env="gmsh", needs=("gmsh", "numpy", "vtk"), version_of="gmsh"),
    Tool("nanomesh", "nanomesh", "nanomesh_run.py", "marching cubes, TetGen -pAq1.414a1", {"switches": "-pAq1.414a1"},
         env="nanomesh", needs=("nanomesh", "numpy<2"), version_of="nanomesh", apt=("tetgen",)),
    Tool("mmg", "MMG3D from voxel tets", "mmg_run.py",
         "six tets a voxel in; hausd 0.3, hmin 0.7, hmax 2, no ridge detection but the box's edges kept",
         {"hausd": 0.3, "hmin": 0.7, "hmax": 2.0, "angle": 0}, env="mmg", needs=("mmgpy",), version_of="mmgpy"),
    Tool("ftetwild", "fTetWild", "ftetwild_run.py",
         "wildmeshing: envelope 0.1, edge 1.5 in vtkSurfaceNets3D surfaces, smoothed; labels by centroid",
         {"epsilon": 0.1, "edge": 1.5}, env="ftetwild", needs=("wildmeshing", "vtk"), version_of="wildmeshing"),
    Tool("cleaver", "Cleaver (ITK)", "cleaver_run.py", "Alpha 0.4, Lipschitz 0.2, SamplingRate 1, FeatureScaling 1",
         {"Alpha": 0.4, "Lipschitz": 0.2, "SamplingRate": 1.0, "FeatureScaling": 1.0, "Sigma": 1.0},
         env="cleaver", needs=("itk-cleaver", "itk==5.3.0", "numpy<2"), version_of="itk-cleaver"),
)  # fmt: skip
