"""The single steps of a run: volume of a study, clean-up, numbers of a mesh. No order of steps, no files written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ssb2mesh.errors import InputError, nearest
from ssb2mesh.mesh import TaggedMesh
from ssb2mesh.stages import Stages, peak_memory_bytes
from ssb2mesh.study.checks import Faults
from ssb2mesh.study.model import CleanStep, Study, VolumeSpec
from ssb2mesh.volume import BOX_SIDES, LabelledVolume

__all__ = ["Prepared", "apply_clean", "check_names", "load_volume", "open_volume", "summarise_mesh"]


@dataclass(frozen=True)
class Prepared:
    """What the serial half of a run makes.

    Parameters
    ----------
    volume : LabelledVolume
        As meshed.
    mesh : TaggedMesh
        The mesh.
    report : object
        What `ssb2mesh.check.check_mesh` returned.
    cleaned : sequence
        A report a clean-up step.
    """

    volume: LabelledVolume
    mesh: TaggedMesh
    report: Any
    cleaned: Sequence[Any] = ()


def open_volume(path: str, *, reading: Mapping[str, Any] | None = None, crop: str | None = None) -> LabelledVolume:
    """Read a volume file and crop it.

    Parameters
    ----------
    path : str
        Volume file.
    reading : mapping, optional
        Keyword arguments of `ssb2mesh.read_volume`.
    crop : str, optional
        ``"0:128,0:128,0:128"``, voxels.

    Returns
    -------
    LabelledVolume
        The volume.

    Raises
    ------
    InputError
        If the file or an argument cannot be used; see `ssb2mesh.read_volume` and `ssb2mesh.cleanup.crop`.

    Examples
    --------
    >>> open_volume("cathode.tif", reading={"voxel_size": "0.4 um"}, crop="0:64,0:64,0:64")  # doctest: +SKIP
    """
    from ssb2mesh.io import read_volume

    given = {key: value for key, value in (reading or {}).items() if value is not None}
    if not crop:
        return read_volume(path, **given)
    from ssb2mesh.cleanup import crop as cut

    # names are given after the crop: a label may be left out by it, and that is no fault of the names
    names = given.pop("phases", {})
    volume = read_volume(path, **given)
    whole = {int(label) for label in volume.phases}
    unknown = sorted(set(names) - whole)
    if unknown:
        raise InputError(
            f"phases: label {unknown[0]} ({names[unknown[0]]!r}) is not in the volume; labels present: {sorted(whole)}"
        )
    return cut(replace(volume, phases={**volume.phases, **names}), crop)[0]


def load_volume(spec: VolumeSpec) -> tuple[LabelledVolume, list[Any]]:
    """Read or generate the volume of a study and clean it up.

    Parameters
    ----------
    spec : VolumeSpec
        The [volume] table.

    Returns
    -------
    volume : LabelledVolume
        Ready to mesh.
    cleaned : list of CleanupReport
        One a clean-up step.

    Raises
    ------
    InputError
        If the volume cannot be read or a step cannot be done.

    Examples
    --------
    >>> load_volume(VolumeSpec(phantom="sphere"))  # doctest: +SKIP
    """
    if spec.phantom is not None:
        from ssb2mesh.phantoms import make_phantom

        volume = make_phantom(spec.phantom, seed=spec.seed, **spec.options).volume
        if spec.crop:
            from ssb2mesh.cleanup import crop

            volume = crop(volume, spec.crop)[0]
    else:
        assert spec.path is not None
        reading: dict[str, Any] = {
            "voxel_size": spec.voxel_size,
            "axes": spec.axes,
            "threshold": spec.threshold,
            "otsu": spec.otsu,
        }
        reading |= {"phases": dict(spec.phases) or None, "raw": dict(spec.raw) or None}
        volume = open_volume(spec.path, reading=reading, crop=spec.crop)
    return apply_clean(volume, spec.clean)


def apply_clean(volume: LabelledVolume, steps: Sequence[CleanStep]) -> tuple[LabelledVolume, list[Any]]:
    """Apply clean-up verbs in order.

    Parameters
    ----------
    volume : LabelledVolume
        The volume.
    steps : sequence of CleanStep
        Verbs of `ssb2mesh.cleanup` and their arguments.

    Returns
    -------
    volume : LabelledVolume
        The result.
    reports : list of CleanupReport
        What each step changed.

    Raises
    ------
    InputError
        If a step cannot be done.

    Examples
    --------
    >>> apply_clean(volume, [CleanStep("remove_islands", {"smaller_than": 27})])  # doctest: +SKIP
    """
    from ssb2mesh import cleanup

    reports = []
    for step in steps:
        volume, report = cleanup.VERBS[step.verb](volume, **step.options)
        reports.append(report)
    return volume, reports


def summarise_mesh(mesh: TaggedMesh, report: Any, stages: Stages) -> dict[str, Any]:
    """Return the numbers of a mesh as `--json` shows them.

    Parameters
    ----------
    mesh : TaggedMesh
        The mesh.
    report : MeshReport
        What `ssb2mesh.check.check_mesh` found.
    stages : Stages
        Time and memory so far.

    Returns
    -------
    dict
        ``tets``, ``points``, ``seconds`` by stage, ``peak_memory_bytes`` and all of the report.

    Examples
    --------
    >>> summarise_mesh(mesh, check_mesh(mesh), Stages())["tets"]  # doctest: +SKIP
    1296
    """
    return {
        "tets": mesh.n_tets,
        "points": mesh.n_points,
        **report.to_dict(),
        "phases": {name: float(volume) for name, volume in mesh.phase_volumes().items()},
        "seconds": {name: round(value, 6) for name, value in stages.seconds.items()},
        "peak_memory_bytes": peak_memory_bytes(),
    }


#: Keys of a [[solve]] table whose entries are called by phases, and by facet sets.
_PHASE_KEYS = ("conductivity", "equipotential", "electronic", "ionic", "interphase", "swelling")
_SIDE_KEYS = ("fixed", "current", "fixed_ionic", "current_ionic", "kinetics", "contact", "deposit", "gap")
#: Keys whose tables hold such keys in turn.
_NESTED_KEYS = ("charge", "mechanics")


def check_names(study: Study, volume: LabelledVolume) -> None:
    """Check every phase and side that a study names against the volume, before any work is done.

    Parameters
    ----------
    study : Study
        The study.
    volume : LabelledVolume
        Its volume.

    Raises
    ------
    InputError
        With every unknown name at once.

    Examples
    --------
    >>> check_names(study, volume)  # doctest: +SKIP
    """
    faults = Faults()
    phases = volume.phase_names
    _check_phases(faults, "[mesh].drop", study.mesh.drop, phases)
    meshed = tuple(name for name in phases if name not in study.mesh.drop)
    if not meshed:
        faults.add("[mesh].drop", f"got every phase ({', '.join(phases)}); leave at least one to mesh")
    for number, solve in enumerate(study.solves, 1):
        place = f"[[solve]] {number} ({solve.get('name', '?')})"
        tables = {place: solve} | {f"{place}.{key}": solve[key] for key in _NESTED_KEYS if key in solve}
        for where, table in tables.items():
            _check_table(faults, where, table, phases=phases, meshed=meshed)
        _check_sizes(faults, place, solve.get("sizes", ()), volume)
    if study.measure is not None:
        try:
            study.measure.check(volume)
        except InputError as error:
            faults.add("[measure]", str(error))
    faults.raise_if_any(str(study.source or study.title))


def _check_table(
    faults: Faults, place: str, table: Mapping[str, Any], *, phases: Sequence[str], meshed: Sequence[str]
) -> None:
    for key in _PHASE_KEYS:
        if isinstance(table.get(key), (Mapping, list)):
            _check_phases(faults, f"{place}.{key}", table[key], meshed)
    for key in _SIDE_KEYS:
        if isinstance(table.get(key), Mapping):
            _check_sides(faults, f"{place}.{key}", table[key], phases)


def _check_sizes(faults: Faults, place: str, sizes: Sequence[float | str], volume: LabelledVolume) -> None:
    """Edges of cubes that are cut from the volume."""
    if not sizes:
        return
    from ssb2mesh.volume.subvolumes import cube_voxels

    for size in sizes:
        try:
            cube_voxels(volume, size)
        except InputError as error:
            faults.add(place, str(error))


def _check_phases(faults: Faults, place: str, names: Iterable[str], phases: Sequence[str]) -> None:
    for name in names:
        if name not in phases:
            faults.add(place, f"unknown phase {name!r}{nearest(name, phases)}; phases: {', '.join(phases)}")


def _check_sides(faults: Faults, place: str, names: Iterable[str], phases: Sequence[str]) -> None:
    for name in names:
        phase, _, side = name.rpartition("@")
        parts = name.split("|")
        if len(parts) == 2:
            _check_phases(faults, place, parts, phases)
            if parts != sorted(parts) and set(parts) <= set(phases):
                faults.add(
                    place,
                    f"got {name!r}; the phases of an interface are in alphabetical order: '{parts[1]}|{parts[0]}'",
                )
        elif side not in BOX_SIDES:
            faults.add(
                place,
                f"unknown side {name!r}{nearest(side, BOX_SIDES)}; sides: {', '.join(BOX_SIDES)}, "
                "or one phase of a side ('NMC@z_min'), or an interface ('LPSCl|NMC')",
            )
        elif phase:
            _check_phases(faults, place, [phase], phases)
