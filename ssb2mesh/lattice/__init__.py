"""The default mesher: a lattice of tets dual to the voxel grid, bent to the interfaces. See docs/theory.md."""
