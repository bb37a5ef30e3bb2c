"""MOOSE inputs of studies: one ``.i`` a solve, with the Exodus mesh beside it. No solving; MOOSE is not needed."""

from ssb2mesh.moose.write import MooseFiles, write_moose

__all__ = ["MooseFiles", "write_moose"]
