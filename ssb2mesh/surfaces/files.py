"""Surface files: STL, PLY, GLB and VTP, each with the names and the unit of its numbers. No geometry is changed.

None of these formats has a unit of length of its own, but glTF, which wants metres. Programs that read them merge
points closer than some absolute distance, so that metres would ruin surfaces of micrometre size: coordinates are
written in a unit that is stated in the file.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from xml.sax.saxutils import quoteattr

import numpy as np
import numpy.typing as npt

from ssb2mesh.errors import InputError, nearest
from ssb2mesh.io.mesh_common import replacing
from ssb2mesh.surfaces.shells import Patch
from ssb2mesh.units import LENGTH_UNITS

__all__ = ["FORMATS", "file_names", "write_patches"]


def write_patches(patches: Sequence[Patch], path: str | Path, *, unit: str = "um") -> None:
    """Write surfaces into one file; the format is known by the suffix. The file appears whole or not at all.

    Parameters
    ----------
    patches : sequence of Patch
        What to write.
    path : str or Path
        ``.stl`` (one surface: binary, its name in the header; several: text, a named solid each), ``.ply`` (one surface
        only, its name in a comment), ``.glb`` (a named node each) or ``.vtp`` (cell data ``part``, names in the field
        data).
    unit : str
        Unit of length of the numbers in the file; it is stated in the file.

    Raises
    ------
    InputError
        If the suffix or the unit is unknown, there is nothing to write, or several surfaces are given for a format of
        one.

    Examples
    --------
    >>> write_patches([phase_shell(surfaces, "NMC")], "nmc.stl")  # doctest: +SKIP
    """
    path = Path(path)
    suffix = path.suffix.lower().lstrip(".")
    if suffix not in FORMATS:
        raise InputError(
            f"output: cannot write {path.name!r}; suffixes of surfaces: {', '.join('.' + f for f in FORMATS)}"
            f"{nearest(suffix, FORMATS)}"
        )
    if unit not in LENGTH_UNITS:
        raise InputError(f"unit: got {unit!r}; units: {', '.join(LENGTH_UNITS)}{nearest(unit, LENGTH_UNITS)}")
    if not patches:
        raise InputError("patches: there is no surface to write")
    if suffix == "ply" and len(patches) > 1:
        raise InputError(f"output: a .ply file holds one surface, not {len(patches)}; give a folder, or .glb or .vtp")
    data = FORMATS[suffix](patches, _spelt(unit))
    with replacing(path) as parts:
        parts[0].write_bytes(data)


def file_names(patches: Sequence[Patch], suffix: str) -> dict[str, str]:
    """Return a file name for each surface by its name, without characters that file systems dislike.

    Parameters
    ----------
    patches : sequence of Patch
        Surfaces with different names.
    suffix : str
        Without the dot.

    Returns
    -------
    dict of str to str
        ``"LPSCl|NMC"`` gives ``"LPSCl-NMC.stl"``.

    Examples
    --------
    >>> import numpy as np
    >>> empty = Patch("LPSCl|NMC", np.zeros((0, 3)), np.zeros((0, 3), int), False)
    >>> file_names([empty], "stl")
    {'LPSCl|NMC': 'LPSCl-NMC.stl'}
    """
    names: dict[str, str] = {}
    taken: set[str] = set()
    for patch in patches:
        stem = re.sub(r"[^\w.@+()-]", "_", patch.name.replace("|", "-")).lstrip(".") or "surface"
        unique, n = stem, 2
        # also apart on file systems that do not tell upper from lower case
        while unique.lower() in taken:
            unique, n = f"{stem}_{n}", n + 1
        taken.add(unique.lower())
        names[patch.name] = f"{unique}.{suffix}"
    return names


def _spelt(unit: str) -> str:
    return "um" if LENGTH_UNITS[unit] == 1e-6 else unit


def _scaled(patch: Patch, unit: str) -> npt.NDArray[np.float64]:
    # divided by a whole number of units a metre, so that 1e-6 m is 1 um and not 0.9999999999999999
    return patch.points * round(1.0 / LENGTH_UNITS[unit]) if LENGTH_UNITS[unit] < 1 else patch.points


def _normals(corners: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    return normal / np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-300)


def _ascii(text: str) -> str:
    return re.sub(r"[^\x20-\x7e]", "_", text)


def _stl(patches: Sequence[Patch], unit: str) -> bytes:
    if len(patches) > 1:
        return "".join(_stl_solid(patch, unit) for patch in patches).encode()
    corners = _scaled(patches[0], unit)[patches[0].triangles]
    record = np.zeros(len(corners), [("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("extra", "<u2")])
    record["normal"], record["corners"] = _normals(corners), corners
    # a binary file must not begin with "solid"
    header = f"STL unit={unit} name={_ascii(patches[0].name)}"[:80].ljust(80)
    return header.encode() + np.array([len(corners)], "<u4").tobytes() + record.tobytes()


def _stl_solid(patch: Patch, unit: str) -> str:
    name = _ascii(patch.name)
    corners = _scaled(patch, unit)[patch.triangles].astype(np.float32).astype(np.float64)
    facet = ("facet normal %.6g %.6g %.6g\nouter loop\n" + 3 * "vertex %.9g %.9g %.9g\n" + "endloop\nendfacet\n") * len(
        corners
    )
    numbers = np.concatenate([_normals(corners), corners.reshape(-1, 9)], axis=1)
    return f"solid {name}\n{facet % tuple(numbers.ravel().tolist())}endsolid {name}\n"


def _ply(patches: Sequence[Patch], unit: str) -> bytes:
    (patch,) = patches
    header = (
        f"ply\nformat binary_little_endian 1.0\ncomment name {_ascii(patch.name)}\ncomment unit {unit}\n"
        f"element vertex {len(patch.points)}\nproperty double x\nproperty double y\nproperty double z\n"
        f"element face {len(patch.triangles)}\nproperty list uchar int vertex_indices\nend_header\n"
    )
    faces = np.zeros(len(patch.triangles), [("count", "u1"), ("corners", "<i4", 3)])
    faces["count"], faces["corners"] = 3, patch.triangles
    return header.encode() + _scaled(patch, unit).astype("<f8").tobytes() + faces.tobytes()


def _glb(patches: Sequence[Patch], unit: str) -> bytes:
    """Binary glTF 2.0: a header, the description as JSON, one buffer."""
    payload = bytearray()
    views: list[dict] = []
    accessors: list[dict] = []
    for patch in patches:
        points = _scaled(patch, unit).astype("<f4")
        bounds = {"min": points.min(axis=0).tolist(), "max": points.max(axis=0).tolist()}
        for array, target, kind in ((points, 34962, "VEC3"), (patch.triangles.astype("<u4"), 34963, "SCALAR")):
            accessors.append({
                "bufferView": len(views), "componentType": 5126 if kind == "VEC3" else 5125, "type": kind,
                "count": len(array) if kind == "VEC3" else array.size, **(bounds if kind == "VEC3" else {}),
            })  # fmt: skip
            views.append({"buffer": 0, "byteOffset": len(payload), "byteLength": array.nbytes, "target": target})
            payload += array.tobytes()
    count = range(len(patches))
    extras = {"unit": unit}
    described = {
        "asset": {"version": "2.0", "generator": "ssb2mesh", "extras": extras},
        "scene": 0,
        "scenes": [{"nodes": list(count), "extras": extras}],
        "nodes": [{"mesh": i, "name": patches[i].name} for i in count],
        "meshes": [
            {"name": patches[i].name,
             "primitives": [{"attributes": {"POSITION": 2 * i}, "indices": 2 * i + 1, "material": i}]}
            for i in count
        ],
        "materials": [{"doubleSided": True, "name": patches[i].name,
                       "pbrMetallicRoughness": {"baseColorFactor": _colour(i), "metallicFactor": 0.0}} for i in count],
        "buffers": [{"byteLength": len(payload)}],
        "bufferViews": views,
        "accessors": accessors,
    }  # fmt: skip
    text = json.dumps(described).encode()
    text += b" " * (-len(text) % 4)
    payload += b"\0" * (-len(payload) % 4)
    sizes = np.array([0x46546C67, 2, 28 + len(text) + len(payload)], "<u4").tobytes()
    chunks = (
        np.array([len(text), 0x4E4F534A], "<u4").tobytes() + text,
        np.array([len(payload), 0x004E4942], "<u4").tobytes() + bytes(payload),
    )
    return sizes + b"".join(chunks)


def _colour(number: int) -> list[float]:
    """Distinct colours by steps of the golden angle around the hues."""
    hue = 6 * ((0.58 + 0.381966 * number) % 1.0)
    return [round(0.35 + 0.5 * min(max(abs((hue + shift) % 6 - 3) - 1, 0), 1), 3) for shift in (0, 4, 2)] + [1.0]


def _vtp(patches: Sequence[Patch], unit: str) -> bytes:
    """VTK PolyData, raw appended: cell data ``part``; in the field data each name as ``[part, dimension]``."""
    counts = [len(patch.points) for patch in patches]
    first = np.cumsum([0, *counts[:-1]])
    corners = np.concatenate([p.triangles + f for p, f in zip(patches, first, strict=True)]).astype("<i8")
    part = np.repeat(np.arange(1, len(patches) + 1, dtype="<i4"), [len(p.triangles) for p in patches])
    names = {_legible(p.name): np.array([i, 3 if p.closed else 2], "<i4") for i, p in enumerate(patches, 1)}
    sections: dict[str, dict[str, npt.NDArray]] = {
        "FieldData": {"unit": np.frombuffer(unit.encode(), np.uint8), **names},
        "CellData": {"part": part},
        "Points": {"Points": np.concatenate([_scaled(p, unit) for p in patches]).astype("<f8")},
        "Polys": {"connectivity": corners.ravel(), "offsets": 3 * np.arange(1, len(corners) + 1, dtype="<i8")},
    }
    payload = bytearray()
    written: dict[str, list[str]] = {}
    for section, arrays in sections.items():
        for name, array in arrays.items():
            width = "" if array.ndim == 1 else f' NumberOfComponents="{array.shape[1]}"'
            length = f' NumberOfTuples="{len(array)}"' if section == "FieldData" else ""
            written.setdefault(section, []).append(
                f'<DataArray type="{_VTK_TYPES[array.dtype.str]}" Name={quoteattr(name)}{width}{length} '
                f'format="appended" offset="{len(payload)}"/>'
            )
            payload += np.array([array.nbytes], "<u8").tobytes() + array.tobytes()
    inner = "".join(f"<{s}>{''.join(written[s])}</{s}>" for s in sections if s != "FieldData")
    xml = (
        '<?xml version="1.0" encoding="utf-8"?>\n'
        '<VTKFile type="PolyData" version="1.0" byte_order="LittleEndian" header_type="UInt64">\n<PolyData>'
        f"<FieldData>{''.join(written['FieldData'])}</FieldData>"
        f'<Piece NumberOfPoints="{sum(counts)}" NumberOfVerts="0" NumberOfLines="0" NumberOfStrips="0" '
        f'NumberOfPolys="{len(corners)}">{inner}</Piece></PolyData>\n<AppendedData encoding="raw">\n_'
    )
    return xml.encode() + bytes(payload) + b"\n</AppendedData>\n</VTKFile>\n"


def _legible(name: str) -> str:
    # VTK writes array names without escaping them, so a file that it saves again would be broken
    return re.sub(r'[\x00-\x1f<>&"]', "_", name)


_VTK_TYPES = {"|u1": "UInt8", "<i4": "Int32", "<i8": "Int64", "<f8": "Float64"}

#: Writers by suffix.
FORMATS: Mapping[str, Callable[[Sequence[Patch], str], bytes]] = {"stl": _stl, "ply": _ply, "glb": _glb, "vtp": _vtp}
