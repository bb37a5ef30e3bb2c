"""The classical engine: the surfaces of `ssb2mesh.surfaces`, filled with tets by Gmsh. No surfaces are made here.

`engine` prepares the job and reads the result; `worker` runs in a process of its own, the only one that imports Gmsh.
"""

from ssb2mesh.gmsh_engine.engine import GmshOptions, mesh_with_gmsh

__all__ = ["GmshOptions", "mesh_with_gmsh"]
