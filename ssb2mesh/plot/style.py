"""Colours of phases, fonts, figures of a given size in pixels, scale bars and axes. No geometry, no fields."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from ssb2mesh.errors import InputError, MissingDependencyError
from ssb2mesh.io.mesh_common import replacing
from ssb2mesh.units import format_length

if TYPE_CHECKING:
    from collections.abc import Iterator

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = [
    "INSTALL",
    "check_size",
    "length_unit",
    "light_grid",
    "new_figure",
    "phase_colours",
    "phase_legend",
    "save",
    "scale_bar",
]

#: Every figure is this wide on paper, whatever its pixels, so that text keeps its share of the picture.
WIDTH_INCHES = 8.0
INSTALL = 'pip install "ssb2mesh[plot]"'
INK, FAINT = "#222222", "#8a8a8a"

# Okabe and Ito's colours, which people with any common colour vision tell apart; the yellow is darkened for white paper
_PALETTE = (
    "#0072B2",
    "#E69F00",
    "#009E73",
    "#CC79A7",
    "#56B4E9",
    "#D55E00",
    "#C9B800",
    "#7A5195",
    "#8C6D46",
    "#3B5B6D",
)
# the usual phases keep their colour from picture to picture, whatever else is in the volume
_KNOWN = {
    "nmc": "#0072B2", "cam": "#0072B2", "active": "#0072B2", "cathode": "#0072B2",
    "lpscl": "#E69F00", "lps": "#E69F00", "se": "#E69F00", "electrolyte": "#E69F00", "llzo": "#E69F00",
    "separator": "#C9B800",
    "li": "#009E73", "lithium": "#009E73", "anode": "#009E73",
    "carbon": "#3B3B3B", "cbd": "#3B3B3B", "binder": "#8C6D46", "collector": "#7A5195",
    "pore": "#D9DCDF", "pores": "#D9DCDF", "void": "#D9DCDF", "voids": "#D9DCDF", "crack": "#D9DCDF", "air": "#D9DCDF",
}  # fmt: skip


def phase_colours(names: Iterable[str]) -> dict[str, str]:
    """Return a colour for each phase: the usual phases by name, the rest in alphabetical order.

    Parameters
    ----------
    names : iterable of str
        Phase names.

    Returns
    -------
    dict of str to str
        ``"#rrggbb"`` by name; fit for colour-blind readers up to ten phases, lighter shades after that.

    Examples
    --------
    >>> phase_colours(["void", "NMC"])
    {'void': '#D9DCDF', 'NMC': '#0072B2'}
    """
    wanted = list(names)
    colours: dict[str, str] = {}
    for name in wanted:
        known = _KNOWN.get(name.lower())
        if known and known not in colours.values():
            colours[name] = known
    free = [c for c in _PALETTE if c not in colours.values()] or list(_PALETTE)
    rest = sorted(name for name in wanted if name not in colours)
    for i, name in enumerate(rest):
        shade = i // len(free)
        colours[name] = _lighter(free[i % len(free)], 1 - 0.6**shade)
    return {name: colours[name] for name in wanted}


def _lighter(colour: str, share: float) -> str:
    parts = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
    return "#" + "".join(f"{round(p + (255 - p) * share):02X}" for p in parts)


def check_size(size: Sequence[int]) -> tuple[int, int]:
    """Return a picture size as two ints; InputError if it is not two numbers from 200 to 10000."""
    try:
        width, height = (int(s) for s in size)
    except (TypeError, ValueError) as error:
        raise InputError(f"size: got {size!r}; give width and height in pixels") from error
    if not (200 <= width <= 10_000 and 200 <= height <= 10_000):
        raise InputError(f"size: got {width} x {height}; width and height are 200 to 10000 pixels")
    return width, height


def new_figure(size: Sequence[int]) -> Figure:
    """Return an empty white figure of a size in pixels, apart from any global state of matplotlib.

    Parameters
    ----------
    size : two int
        Width and height in pixels.

    Returns
    -------
    matplotlib.figure.Figure
        With an Agg canvas.

    Raises
    ------
    MissingDependencyError
        If matplotlib is absent.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingDependencyError.of("matplotlib", "drawing pictures", INSTALL) from error
    width, height = check_size(size)
    dpi = width / WIDTH_INCHES
    figure = Figure(figsize=(WIDTH_INCHES, height / dpi), dpi=dpi, facecolor="white")
    FigureCanvasAgg(figure)
    return figure


@contextmanager
def house_style() -> Iterator[None]:
    """Fonts and lines of all pictures, for the length of a block."""
    try:
        from matplotlib import rc_context
    except ImportError as error:
        raise MissingDependencyError.of("matplotlib", "drawing pictures", INSTALL) from error
    rules = {
        "font.family": "sans-serif", "font.size": 8.5, "axes.titlesize": 9, "axes.labelsize": 8.5,
        "axes.edgecolor": FAINT, "axes.linewidth": 0.6, "axes.labelcolor": INK, "text.color": INK,
        "xtick.color": INK, "ytick.color": INK, "xtick.labelsize": 8, "ytick.labelsize": 8,
        "xtick.major.width": 0.6, "ytick.major.width": 0.6, "xtick.major.size": 2.5, "ytick.major.size": 2.5,
        "legend.frameon": False, "legend.fontsize": 8.5, "text.usetex": False, "text.parse_math": False,
    }  # fmt: skip
    with rc_context(rules):
        yield


def save(figure: Figure, path: str | Path) -> Path:
    """Write a figure as PNG, whole or not at all; InputError if the suffix is another one."""
    path = Path(path)
    if path.suffix.lower() != ".png":
        raise InputError(f"path: got {path.name!r}; pictures are written as .png")
    with replacing(path) as (part,):
        figure.savefig(part, dpi=figure.dpi, format="png", metadata={"Software": "ssb2mesh"})
    return path


def phase_legend(figure: Figure, colours: dict[str, str], notes: dict[str, str], *, at: tuple[float, float]) -> None:
    """Draw the list of phases with their colours and a note each, its upper left corner at `at` (figure units)."""
    from matplotlib.patches import Patch

    handles = [Patch(facecolor=c, edgecolor="#555555", linewidth=0.4) for c in colours.values()]
    names = [f"{shorten(n)}  {notes.get(n, '')}".rstrip() for n in colours]
    shown = 14
    if len(handles) > shown:
        handles, names = handles[:shown], [*names[: shown - 1], f"... {len(names) - shown + 1} more"]
        handles[-1] = Patch(alpha=0)
    figure.legend(
        handles, names, loc="upper left", bbox_to_anchor=at, handlelength=1.1, handleheight=1.1, borderaxespad=0
    )


def light_grid(axes: Axes, along: Literal["x", "y", "both"]) -> None:
    """Draw a light grid behind the curves of one or both axes, and no box around them."""
    axes.grid(axis=along, color="#e6e6e6", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def number_text(value: float, *, digits: int = 4) -> str:
    """Return a number to some digits, without powers of ten where it can be read without: 350 000, 0.25, 3e-06."""
    if 1e4 <= abs(value) < 1e7:
        whole = f"{value:,.0f}" if digits <= 5 else f"{value:,.{max(digits - 5, 0)}f}".rstrip("0").rstrip(".")
        return whole.replace(",", "\u202f").replace("-", "\u2212")
    return f"{value:.{digits}g}".replace("-", "\u2212")


def shorten(name: str, length: int = 22) -> str:
    """Cut a long name in the middle."""
    return name if len(name) <= length else f"{name[: length - 9]}…{name[-8:]}"


def length_unit(metres: float) -> tuple[str, float]:
    """Return a fitting unit for lengths up to `metres`, and metres per unit; ``um`` is printed as ``µm``."""
    unit = format_length(metres).split()[-1]
    scale = {"m": 1.0, "mm": 1e-3, "um": 1e-6, "nm": 1e-9}[unit]
    return unit.replace("um", "µm"), scale


def nice_length(metres: float) -> float:
    """Return the largest 1, 2 or 5 times a power of ten that is not above `metres`."""
    power = 10.0 ** np.floor(np.log10(metres))
    return float(power * max(s for s in (1, 2, 5) if s * power <= metres * (1 + 1e-9)))


def scale_bar(axes: Axes, metres_per_unit: float, *, width: float, height: float) -> None:
    """Draw a bar of a round length into the lower left of a picture.

    Parameters
    ----------
    axes : Axes
        Where; its y axis may point down (an image).
    metres_per_unit : float
        Metres per data unit (per pixel, for an image).
    width, height : float
        Extent of the axes in data units.
    """
    length = nice_length(0.2 * width * metres_per_unit)
    bar = length / metres_per_unit
    down = axes.yaxis_inverted()
    x, y = 0.03 * width, (0.965 if down else 0.035) * height
    axes.plot([x, x + bar], [y, y], color=INK, linewidth=2.2, solid_capstyle="butt", zorder=10)
    text = format_length(length).replace("um", "µm")
    above = y + (-0.012 if down else 0.012) * height
    axes.text(x + bar / 2, above, text, ha="center", va="bottom", fontsize=8, zorder=10)


def show_image(figure: Figure, image: npt.NDArray[np.uint8], frame: tuple[float, float, float, float]) -> Axes:
    """Put an image into a frame (left, bottom, width, height; figure units) without axes."""
    axes = figure.add_axes(frame)
    axes.imshow(image, interpolation="antialiased", aspect="equal")
    axes.set_axis_off()
    return axes


def axes_triad(axes: Axes, directions: npt.NDArray[np.float64], *, width: int, height: int) -> None:
    """Draw the directions of x, y, z, (3, 2) image units with y up, into the lower right of an image."""
    length = 0.055 * min(width, height)
    foot = np.array([0.93 * width, 0.925 * height])
    for name, (dx, dy) in zip("xyz", directions, strict=True):
        if np.hypot(dx, dy) < 1e-6:  # seen end-on
            continue
        tip = foot + length * np.array([dx, -dy])
        style: dict[str, Any] = {"arrowstyle": "-|>", "linewidth": 0.9, "color": INK, "shrinkA": 0, "shrinkB": 0}
        axes.annotate("", xy=tuple(tip), xytext=tuple(foot), arrowprops=style)
        label = foot + 1.35 * length * np.array([dx, -dy])
        axes.text(float(label[0]), float(label[1]), name, ha="center", va="center", fontsize=8, style="italic")
