"""The tagged mesh, and what is made from one.

- `tagged`: arrays and names,
- `topology`: how tets hang together,
- `split`: cut open along facet sets,
- `second_order`, `curved`, `patches`: a node on each edge, on smooth surfaces where wanted,
- `units`: other units than metres, for files.

No meshing, no files, no physics, no voxels.
"""

from ssb2mesh.mesh.tagged import TET_SIDES, TaggedMesh, corner_keys, tet_volumes

__all__ = ["TET_SIDES", "TaggedMesh", "corner_keys", "tet_volumes"]
