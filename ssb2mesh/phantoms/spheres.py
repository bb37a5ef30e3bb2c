"""One sphere, and the simple-cubic array of spheres with its tabulated conductivities."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ssb2mesh.errors import InputError
from ssb2mesh.phantoms import base
from ssb2mesh.phantoms.base import Phantom, PhantomKind, option
from ssb2mesh.units import format_length
from ssb2mesh.volume import LabelledVolume, interface_name

__all__ = ["SIMPLE_CUBIC", "SIMPLE_CUBIC_TABLE", "SPHERE", "SimpleCubicOptions", "SphereOptions"]

#: Effective over matrix conductivity of the simple-cubic array by (sphere fraction, sphere over matrix conductivity):
#: multipole solution converged to the digits given (method of 10.1098/rspa.1978.0031).
SIMPLE_CUBIC_TABLE: Mapping[float, Mapping[float, float]] = {
    phi: dict(zip((0.0, 0.1, 10.0, float("inf")), row, strict=True))
    for phi, row in {
        0.05: (0.926828, 0.937062, 1.116887, 1.157905),
        0.10: (0.857112, 0.876693, 1.243339, 1.333559),
        0.15: (0.790526, 0.818684, 1.380885, 1.530888),
        0.20: (0.726703, 0.762798, 1.531724, 1.755876),
        0.25: (0.665232, 0.708766, 1.699068, 2.017980),
        0.30: (0.605661, 0.656290, 1.887740, 2.332885),
        0.35: (0.547486, 0.605037, 2.105289, 2.728673),
        0.40: (0.490110, 0.554625, 2.364431, 3.262566),
        0.45: (0.432718, 0.504565, 2.689695, 4.08287),
    }.items()
}


@dataclass(frozen=True)
class SphereOptions:
    """Options of the sphere."""

    shape: tuple[int, int, int] = option((40, 40, 40), base.shape, "voxels along x, y, z")
    voxel_size: tuple[float, float, float] = option((0.25e-6,) * 3, base.size_of_voxel, "voxel size")
    radius: float = option(3.5e-6, base.length, "radius; the sphere must lie inside the box")
    inside: str = option("NMC", base.name, "name of the sphere")
    outside: str = option("LPSCl", base.name, "name of the rest")


@dataclass(frozen=True)
class SimpleCubicOptions:
    """Options of the simple-cubic array of spheres."""

    shape: tuple[int, int, int] = option((32, 32, 32), base.shape, "voxels along x, y, z of the whole box")
    voxel_size: tuple[float, float, float] = option((0.25e-6,) * 3, base.size_of_voxel, "voxel size")
    fraction: float = option(0.2, base.fraction(1e-4, np.pi / 6), "volume fraction of the spheres, at most pi/6")
    part: str = option(
        "octant",
        base.choice("octant", "cell"),
        "'octant': an eighth of the cell with the sphere centre in the corner at the origin, exact by symmetry with "
        "insulated sides along the flux; 'cell': whole cells with the spheres in their centres",
    )
    cells: int = option(1, base.integer(1), "cells along each axis (part 'cell' only)")
    inside: str = option("NMC", base.name, "name of the spheres")
    outside: str = option("LPSCl", base.name, "name of the rest")


def _ball(
    shape: tuple[int, int, int], voxel_size: tuple[float, float, float], centre: npt.ArrayLike, radius: float
) -> npt.NDArray[np.bool_]:
    """Voxels whose centre lies in the ball."""
    c = np.asarray(centre, float)
    x, y, z = (((np.arange(n) + 0.5) * h - c[a]) ** 2 for a, (n, h) in enumerate(zip(shape, voxel_size, strict=True)))
    return x[:, None, None] + y[None, :, None] + z[None, None, :] <= radius**2


def _two_phases(inside: npt.NDArray[np.bool_], o: SphereOptions | SimpleCubicOptions) -> LabelledVolume:
    if o.inside == o.outside:
        raise InputError(f"inside, outside: both are {o.inside!r}; give two names")
    if not inside.any():
        raise InputError("radius: the sphere is smaller than a voxel; lower voxel_size")
    return LabelledVolume(inside.astype(np.uint8), o.voxel_size, phases={0: o.outside, 1: o.inside})


def _sphere(o: SphereOptions, seed: int) -> Phantom:
    size = np.asarray(o.shape) * np.asarray(o.voxel_size)
    if 2 * o.radius >= size.min():
        raise InputError(
            f"radius: a sphere of {format_length(o.radius)} does not lie inside a box whose shortest edge is "
            f"{format_length(size.min())}; enlarge shape or voxel_size"
        )
    volume = _two_phases(_ball(o.shape, o.voxel_size, size / 2, o.radius), o)
    ball = 4 / 3 * np.pi * o.radius**3
    return Phantom(
        volume,
        {
            f"volume_{o.inside}_m3": ball,
            f"volume_{o.outside}_m3": size.prod() - ball,
            f"fraction_{o.inside}": ball / size.prod(),
            f"area_{interface_name(o.inside, o.outside)}_m2": 4 * np.pi * o.radius**2,
            "radius_m": o.radius,
        },
    )


def _simple_cubic(o: SimpleCubicOptions, seed: int) -> Phantom:
    size = np.asarray(o.shape) * np.asarray(o.voxel_size)
    if np.ptp(size) > 1e-9 * size.max():
        edges = " x ".join(format_length(v) for v in size)
        raise InputError(f"shape, voxel_size: the box is {edges}; a cubic cell needs equal edges")
    octant = o.part == "octant"
    if octant and o.cells != 1:
        raise InputError(f"cells: got {o.cells} with part 'octant'; an octant holds an eighth of one cell")
    edge = 2 * size[0] if octant else size[0] / o.cells
    radius = edge * (3 * o.fraction / (4 * np.pi)) ** (1 / 3)
    if octant:
        inside = _ball(o.shape, o.voxel_size, (0, 0, 0), radius)
        balls = 1 / 8
    else:
        axes = [((np.arange(n) + 0.5) * h) % edge - edge / 2 for n, h in zip(o.shape, o.voxel_size, strict=True)]
        square = axes[0][:, None, None] ** 2 + axes[1][None, :, None] ** 2 + axes[2][None, None, :] ** 2
        inside = square <= radius**2
        balls = o.cells**3
    volume = _two_phases(inside, o)
    exact = {
        f"volume_{o.inside}_m3": o.fraction * size.prod(),
        f"volume_{o.outside}_m3": (1 - o.fraction) * size.prod(),
        f"fraction_{o.inside}": o.fraction,
        f"area_{interface_name(o.inside, o.outside)}_m2": balls * 4 * np.pi * radius**2,
        "radius_m": radius,
        "cell_edge_m": edge,
    }
    row = _row(o.fraction)
    exact |= {f"relative_conductivity_at_ratio_{ratio:g}": value for ratio, value in row.items()}
    return Phantom(volume, exact, conductivity=lambda sigma: _table_conductivity(o, sigma))


def _row(fraction: float) -> Mapping[float, float]:
    return next((row for phi, row in SIMPLE_CUBIC_TABLE.items() if abs(phi - fraction) < 1e-9), {})


def _table_conductivity(o: SimpleCubicOptions, sigma: Mapping[str, float]) -> tuple[float, float, float]:
    """Effective conductivity where the table holds it; names that are not given do not conduct."""
    matrix, ball = float(sigma.get(o.outside, 0.0)), float(sigma.get(o.inside, 0.0))
    if matrix <= 0:
        return (0.0, 0.0, 0.0)  # the spheres do not touch below pi/6
    row = _row(o.fraction)
    if not row:
        raise InputError(f"fraction: got {o.fraction:g}; the table holds {', '.join(map(str, SIMPLE_CUBIC_TABLE))}")
    ratio = next((r for r in row if np.isclose(r, ball / matrix, rtol=1e-9, atol=0)), None)
    if ratio is None:
        raise InputError(f"conductivity: the ratio {ball / matrix:g} is not in the table; ratios: {list(row)}")
    k = matrix * row[ratio]
    return (k, k, k)


SPHERE = PhantomKind("sphere", "One sphere in the middle of a box.", SphereOptions, _sphere)
SIMPLE_CUBIC = PhantomKind(
    "simple_cubic",
    "Simple-cubic array of spheres, an octant of the cell or whole cells, with tabulated conductivities.",
    SimpleCubicOptions,
    _simple_cubic,
)
