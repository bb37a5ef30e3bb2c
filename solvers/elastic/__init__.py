"""The rooms of mechanics: elements, numbering, matrix, materials, supports, stresses; the door is `solvers.mechanics`.

Everything here works on arrays: the strain-displacement kernels are compiled by Numba, not by a form compiler, so that
states at quadrature points (plastic flow, damage) and two fields on one mesh look the same on every DOLFINx.

Six-vectors are in Voigt's order xx, yy, zz, yz, xz, xy; strains have engineering shears.
"""
