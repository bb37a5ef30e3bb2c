"""Meshing a volume in slabs: one after another on one process, or side by side on many; never the whole at once.

The mesh depends on the volume, the options and the planes between the slabs, not on who makes which slab, nor when.
"""
