"""Rigid registration of two states with SimpleITK: where the second lies in the first, and the second on its grid.

Only rotation and shift. What deforms is measured in `ssb2mesh.measure.correlation`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ssb2mesh.errors import InputError, MissingDependencyError, SolverError
from ssb2mesh.measure.tables import Row
from ssb2mesh.volume import LabelledVolume
from ssb2mesh.voxel_fields import VoxelField

__all__ = ["RigidMotion", "register_rigid", "resample_field", "resample_labels"]

#: Measures of likeness.
METRICS = ("correlation", "mutual_information", "mean_squares")
#: Voxels on the shortest edge of the coarsest level.
_COARSEST = 24
#: Voxels that are compared on a level.
SAMPLES = 60_000


@dataclass(frozen=True, eq=False)
class RigidMotion:
    """The motion of a body: point p of the first state lies at rotation @ (p - centre) + centre + shift in the second.

    Parameters
    ----------
    rotation : (3, 3) array
        A rotation.
    shift : (3,) array
        m.
    centre : (3,) array
        What it turns about, m.
    likeness : float
        Correlation of the two after registration, -1 to 1.

    Raises
    ------
    InputError
        If the matrix is no rotation.

    Examples
    --------
    >>> RigidMotion(np.eye(3), np.array([1e-6, 0, 0]), np.zeros(3)).apply(np.zeros((1, 3)))
    array([[1.e-06, 0.e+00, 0.e+00]])
    """

    rotation: npt.NDArray[np.float64]
    shift: npt.NDArray[np.float64]
    centre: npt.NDArray[np.float64]
    likeness: float = float("nan")

    def __post_init__(self) -> None:
        matrix = np.asarray(self.rotation, dtype=np.float64)
        if matrix.shape != (3, 3) or np.abs(matrix @ matrix.T - np.eye(3)).max() > 1e-6 or np.linalg.det(matrix) < 0:
            raise InputError(f"rotation: got {np.asarray(self.rotation).tolist()}; expected a rotation matrix")
        object.__setattr__(self, "rotation", matrix)
        for name in ("shift", "centre"):
            vector = np.asarray(getattr(self, name), dtype=np.float64)
            if vector.shape != (3,):
                raise InputError(f"{name}: got shape {vector.shape}; expected three numbers in m")
            object.__setattr__(self, name, vector)

    def apply(self, points: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Return where points (n, 3) of the first state lie in the second, m."""
        return np.asarray((points - self.centre) @ self.rotation.T + self.centre + self.shift)

    @property
    def angle_deg(self) -> float:
        """Angle of the rotation, degrees."""
        skew = self.rotation - self.rotation.T
        sine = 0.5 * np.sqrt(0.5 * float((skew**2).sum()))
        return float(np.degrees(np.arctan2(sine, 0.5 * (np.trace(self.rotation) - 1.0))))

    def rows(self, subject: str = "") -> list[Row]:
        """Return the numbers as rows of a long table."""
        rows = [Row("registration", subject, "shift", float(s), "m", a) for a, s in zip("xyz", self.shift, strict=True)]
        rows.append(Row("registration", subject, "angle", self.angle_deg, "deg"))
        return [*rows, Row("registration", subject, "likeness", self.likeness)]

    def to_dict(self) -> dict[str, Any]:
        """Return the motion as JSON shows it."""
        return {"rotation": self.rotation.tolist(), "shift_m": self.shift.tolist(), "centre_m": self.centre.tolist(),
                "angle_deg": self.angle_deg, "likeness": self.likeness}  # fmt: skip


def register_rigid(
    first: VoxelField,
    second: VoxelField,
    *,
    metric: str = "correlation",
    levels: int | None = None,
    start: RigidMotion | None = None,
    steps: int = 200,
) -> RigidMotion:
    """Return the rotation and shift that take the first state to the second.

    Coarse to fine, by regular-step gradient descent over three angles and a shift, from the shift that a phase
    correlation finds (or from `start`). Rotations up to about 15 degrees are found from there.

    Parameters
    ----------
    first, second : VoxelField
        Grey values, or a mask of a phase as 0 and 1 (`VoxelField.on(volume, mask)`): what is compared should be what
        moved as a rigid body, such as the pellet without the lithium.
    metric : {"correlation", "mutual_information", "mean_squares"}
        Likeness; mutual information where grey values differ from scan to scan.
    levels : int, optional
        Levels of resolution, each half the one below; default: down to 24 voxels on the shortest edge, at most four.
    start : RigidMotion, optional
        A first guess.
    steps : int
        Most steps on a level.

    Returns
    -------
    RigidMotion
        About the middle of the first state, with the correlation that is reached.

    Raises
    ------
    InputError
        If the metric is unknown or a field is uniform.
    SolverError
        If the two do not overlap.
    MissingDependencyError
        If SimpleITK is not installed.

    Examples
    --------
    >>> register_rigid(VoxelField.on(a, grey_a), VoxelField.on(b, grey_b)).angle_deg  # doctest: +SKIP
    0.31
    """
    if metric not in METRICS:
        raise InputError(f"metric: got {metric!r}; allowed: {', '.join(METRICS)}")
    for name, field in (("first", first), ("second", second)):
        if not np.isfinite(field.values).all() or field.values.max() == field.values.min():
            raise InputError(f"{name}: the values are uniform or not all numbers; there is nothing to compare")
    itk = _import()
    unit = max(first.spacing)
    fixed, moving = (_image(itk, field, unit) for field in (first, second))
    most = levels or int(np.clip(np.log2(min(first.values.shape) / _COARSEST) + 1, 1, 4))
    voxels = [first.values.size / 8**k for k in range(most - 1, -1, -1)]
    method = _method(itk, metric, [min(1.0, SAMPLES / count) for count in voxels], steps)
    middle = np.asarray(first.origin) + 0.5 * np.asarray(first.values.shape) * np.asarray(first.spacing)
    guess = start or RigidMotion(np.eye(3), _phase_shift(first, second), middle)
    transform = _to_itk(itk, guess, middle, unit)
    method.SetInitialTransform(transform, inPlace=True)
    try:
        method.Execute(fixed, moving)
    except RuntimeError as error:
        reason = str(error).strip().splitlines()[-1]
        raise SolverError(f"register_rigid: {reason}; give a better start, or crop to what both states show") from error
    matrix = np.array(transform.GetMatrix()).reshape(3, 3)
    motion = RigidMotion(matrix, np.array(transform.GetTranslation()) * unit, np.array(transform.GetCenter()) * unit)
    moved = resample_field(second, motion, like=first, fill=float("nan")).values
    there = np.isfinite(moved)
    if there.mean() < 0.05:
        raise SolverError("register_rigid: the two states overlap in less than 5 % of the first; give a better start")
    likeness = float(np.corrcoef(moved[there], np.asarray(first.values, dtype=np.float64)[there])[0, 1])
    return RigidMotion(motion.rotation, motion.shift, motion.centre, likeness)


def resample_field(
    second: VoxelField, motion: RigidMotion, *, like: VoxelField | LabelledVolume, fill: float = 0.0
) -> VoxelField:
    """Return the second state on the grid of the first, moved back, with linear interpolation.

    Parameters
    ----------
    second : VoxelField
        The state that moved.
    motion : RigidMotion
        From `register_rigid`.
    like : VoxelField or LabelledVolume
        The grid of the first state.
    fill : float
        Value where the second state has none.

    Returns
    -------
    VoxelField
        Float64.

    Examples
    --------
    >>> resample_field(later, motion, like=earlier)  # doctest: +SKIP
    """
    values = _sampled(np.asarray(second.values, dtype=np.float64), second, motion, like=like, order=1, fill=fill)
    return VoxelField(values, like.spacing, like.origin)


def resample_labels(
    second: LabelledVolume, motion: RigidMotion, *, like: LabelledVolume, outside: str
) -> LabelledVolume:
    """Return the labels of the second state on the grid of the first, moved back, each voxel from its nearest one.

    Parameters
    ----------
    second : LabelledVolume
        The state that moved.
    motion : RigidMotion
        From `register_rigid`.
    like : LabelledVolume
        The grid of the first state.
    outside : str
        Phase of voxels that the second state does not show.

    Returns
    -------
    LabelledVolume
        Phases of the second state.

    Raises
    ------
    InputError
        If there is no such phase.

    Examples
    --------
    >>> resample_labels(later, motion, like=earlier, outside="void")  # doctest: +SKIP
    """
    label = second.label_of(outside)
    field = VoxelField(second.labels, second.spacing, second.origin)
    labels = _sampled(second.labels, field, motion, like=like, order=0, fill=label)
    present = set(np.unique(labels).tolist())
    names = {k: name for k, name in second.phases.items() if k in present}
    return LabelledVolume(labels, like.spacing, like.origin, names)


def _sampled(
    values: npt.NDArray,
    field: VoxelField,
    motion: RigidMotion,
    *,
    like: VoxelField | LabelledVolume,
    order: int,
    fill: float,
) -> npt.NDArray:
    """Values at the places that the voxels of a grid have gone to."""
    from scipy import ndimage

    step, origin = np.asarray(like.spacing), np.asarray(like.origin)
    own, start = np.asarray(field.spacing), np.asarray(field.origin)
    shape = like.shape if isinstance(like, LabelledVolume) else like.values.shape
    # index of the grid -> point -> moved point -> index of the field: one affine map
    matrix = motion.rotation * step[None, :] / own[:, None]
    offset = (motion.apply((origin + 0.5 * step)[None, :])[0] - start) / own - 0.5
    return np.asarray(
        ndimage.affine_transform(
            values, matrix, offset, output_shape=shape, order=order, mode="constant", cval=fill, prefilter=False
        )
    )


def _phase_shift(first: VoxelField, second: VoxelField) -> npt.NDArray[np.float64]:
    """Shift of the contents in whole voxels by correlation of the Fourier transforms; only between equal grids."""
    offset = np.asarray(second.origin) - np.asarray(first.origin)
    if first.values.shape != second.values.shape or not np.allclose(first.spacing, second.spacing):
        return offset
    from scipy import fft

    a, b = (np.asarray(f.values, dtype=np.float32) for f in (first, second))
    window = [np.hanning(n + 2)[1:-1].astype(np.float32) for n in a.shape]
    taper = window[0][:, None, None] * window[1][None, :, None] * window[2][None, None, :]
    cross = np.conj(fft.rfftn((a - a.mean()) * taper)) * fft.rfftn((b - b.mean()) * taper)
    cross /= np.maximum(np.abs(cross), 1e-3 * float(np.abs(cross).max()))
    peak = np.unravel_index(int(fft.irfftn(cross, s=a.shape).argmax()), a.shape)
    shift = np.array([p - n if p > n // 2 else p for p, n in zip(peak, a.shape, strict=True)])
    return np.asarray(shift * np.asarray(first.spacing) + offset)


def _import() -> Any:
    try:
        import SimpleITK
    except ImportError as error:
        raise MissingDependencyError.of("SimpleITK", "registration", 'pip install "ssb2mesh[io]"') from error
    return SimpleITK


def _image(itk: Any, field: VoxelField, unit: float) -> Any:
    """An image in lengths of a voxel: its own tolerances do not suit metres."""
    image = itk.GetImageFromArray(np.ascontiguousarray(np.asarray(field.values, dtype=np.float32).transpose(2, 1, 0)))
    spacing = [h / unit for h in field.spacing]
    image.SetSpacing(spacing)
    image.SetOrigin([o / unit + 0.5 * h for o, h in zip(field.origin, spacing, strict=True)])
    return image


def _method(itk: Any, metric: str, shares: list[float], steps: int) -> Any:
    levels = len(shares)
    method = itk.ImageRegistrationMethod()
    if metric == "correlation":
        method.SetMetricAsCorrelation()
    elif metric == "mean_squares":
        method.SetMetricAsMeanSquares()
    else:
        method.SetMetricAsMattesMutualInformation(50)
    method.SetInterpolator(itk.sitkLinear)
    method.SetMetricSamplingStrategy(method.REGULAR)
    # places are jittered: with a seed, and sums in one order, every run gives the same motion
    method.SetMetricSamplingPercentagePerLevel(shares, 1)
    method.SetOptimizerAsRegularStepGradientDescent(
        learningRate=1.0, minStep=1e-3, numberOfIterations=steps, gradientMagnitudeTolerance=1e-10
    )
    method.SetOptimizerScalesFromPhysicalShift()
    method.SetShrinkFactorsPerLevel([2**k for k in range(levels - 1, -1, -1)])
    method.SetSmoothingSigmasPerLevel([0.5 * 2**k for k in range(levels - 1, 0, -1)] + [0.5])
    method.SetSmoothingSigmasAreSpecifiedInPhysicalUnits(True)
    method.SetNumberOfThreads(1)
    return method


def _to_itk(itk: Any, motion: RigidMotion, middle: npt.NDArray[np.float64], unit: float) -> Any:
    transform = itk.Euler3DTransform()
    transform.SetCenter((middle / unit).tolist())
    transform.SetMatrix(motion.rotation.ravel().tolist())
    moved = motion.apply(middle[None, :])[0] - middle
    transform.SetTranslation((moved / unit).tolist())
    return transform
