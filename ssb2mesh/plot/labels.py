"""What stands beside colours: names of fields with units, prefixes, ticks that can be told apart. No scenes here."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ssb2mesh.plot.style import WIDTH_INCHES, number_text

__all__ = [
    "colour_bar",
    "field_label",
    "field_limits",
    "fitting",
    "readable_ticks",
    "robust_limits",
    "tick_texts",
    "wide_enough",
]

# units of what the solvers write; a suffix such as _x (a direction, a load case) does not change the unit
_UNITS = {
    "potential": "V", "electronic_potential": "V", "ionic_potential": "V", "overpotential": "V",
    "current_density": "A/m²", "joule_heat": "W/m³", "heat_flux": "W/m²", "temperature": "K",
    "displacement": "m", "separation": "m", "gap": "m", "deposit": "m", "deposit_thickness": "m",
    "stress": "Pa", "von_mises": "Pa", "mean_stress": "Pa", "principal_stress": "Pa", "pressure": "Pa",
    "strain_energy_density": "J/m³", "area": "m²",
    **dict.fromkeys(("gap_x", "gap_y", "gap_z"), "W/m³"),
}  # fmt: skip
_NAMES = {"von_mises": "von Mises stress", "joule_heat": "Joule heat", "contact": "contact (0 to 1)",
          "contact_left": "contact left by the gap (0 to 1)",
          **{f"gap_{axis}": f"gap between bounds, {axis}" for axis in "xyz"}}  # fmt: skip
_PREFIXES = {
    "Pa": (("GPa", 1e9), ("MPa", 1e6), ("kPa", 1e3)),
    "J/m³": (("MJ/m³", 1e6), ("kJ/m³", 1e3)),
    "W/m³": (("GW/m³", 1e9), ("MW/m³", 1e6), ("kW/m³", 1e3)),
    "m": (("mm", 1e-3), ("µm", 1e-6), ("nm", 1e-9), ("pm", 1e-12)),
    "V": (("V", 1.0), ("mV", 1e-3), ("µV", 1e-6)),
    "A": (("A", 1.0), ("mA", 1e-3), ("µA", 1e-6), ("nA", 1e-9), ("pA", 1e-12)),
    "A/m²": (("kA/m²", 1e3),),
}
#: Percentiles at which the colours of a potential end, if they span less than this share of all of it.
_LOOSE = ((1.0, 0.5), (5.0, 0.2))
#: Size of the text above a bar, points.
_HEAD = 8.0
#: Numbers with more digits than this are told as a difference from a round one.
_DIGITS = 5


def field_label(name: str) -> str:
    """Return what a field is called beside its colours.

    Parameters
    ----------
    name : str
        As in a file of a solve.

    Returns
    -------
    str
        With its unit if that is known.

    Examples
    --------
    >>> field_label("von_mises"), field_label("potential_x"), field_label("mine")
    ('von Mises stress (Pa)', 'potential x (V)', 'mine')
    """
    stem, _, suffix = name.rpartition("_")
    known = name if name in _UNITS or name in _NAMES else stem if suffix in _DIRECTIONS else name
    text = _NAMES.get(known, known.replace("_", " "))
    text += "" if known == name else f" {suffix}"
    return f"{text} ({_UNITS[known]})" if known in _UNITS else text


_DIRECTIONS = ("x", "y", "z", "xx", "yy", "zz", "yz", "xz", "xy")


def fitting(label: str, largest: float) -> tuple[str, float]:
    """Return a label with the prefix of its unit that makes short numbers, and how much of the plain unit that is.

    Parameters
    ----------
    label : str
        Ends in a unit in brackets, or has none.
    largest : float
        Largest size of the values.

    Returns
    -------
    label : str
        The same with another prefix.
    scale : float
        Values are divided by it.

    Examples
    --------
    >>> fitting("von Mises stress (Pa)", 2.5e7)
    ('von Mises stress (MPa)', 1000000.0)
    """
    head, _, unit = label.removesuffix(")").rpartition(" (")
    # the least prefix is kept for what is smaller still
    found = [(name, scale) for name, scale in _PREFIXES.get(unit, ()) if largest >= 0.9999 * scale]
    if head and found and largest > 0:
        return f"{head} ({found[0][0]})", found[0][1]
    return label, 1.0


def tick_texts(ticks: Sequence[float]) -> tuple[list[str], str]:
    """Return ticks as texts of which no two are alike, and what to add to each.

    Parameters
    ----------
    ticks : sequence of float
        In order.

    Returns
    -------
    texts : list of str
        As many.
    more : str
        Such as ``"+ 3.7"`` or ``"× 10⁻⁹"``; empty if the texts are the values.

    Examples
    --------
    >>> tick_texts([0.0, 0.005, 0.01])
    (['0', '0.005', '0.01'], '')
    >>> tick_texts([3.700001, 3.700002, 3.700003])
    (['1', '2', '3'], '× 10⁻⁶ + 3.7')
    """
    values = np.asarray(ticks, float)
    if len(values) < 2:
        return [number_text(v) for v in values], ""
    step = float(np.diff(values).min())
    largest = float(np.abs(values).max())
    if step <= 0 or not math.isfinite(largest):
        return [number_text(v) for v in values], ""
    offset = 0.0
    if math.floor(math.log10(largest)) - math.floor(math.log10(step)) >= _DIGITS - 1:
        # the digits that all ticks share
        unit = 10.0 ** math.ceil(math.log10(float(values[-1] - values[0])) + 1e-9)
        offset = math.floor(float(values[0]) / unit) * unit
        values = values - offset
        largest = float(np.abs(values).max())
    power = math.floor(math.log10(largest) + 1e-9)
    power = 0 if -4 <= power < 7 else power
    scaled = values / 10.0**power
    decimals = max(0, -math.floor(math.log10(step / 10.0**power) + 1e-9) + 1)
    texts = [_plain(round(float(v), decimals)) for v in scaled]
    more = f"× 10{str(power).translate(_RAISED)}" if power else ""
    if offset:
        more = f"{more} {'+' if offset > 0 else '−'} {number_text(abs(float(f'{offset:.12g}')), digits=12)}".strip()
    return texts, more


_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def _plain(value: float) -> str:
    return number_text(value, digits=10) if value else "0"


def robust_limits(values: npt.NDArray[np.float64]) -> tuple[tuple[float, float], str]:
    """Return ends of colours that one extreme value cannot stretch, and which ends values pass.

    Parameters
    ----------
    values : (k,) float array
        Finite.

    Returns
    -------
    limits : (float, float)
        1st and 99th percentile, symmetric about zero if the sign changes.
    extend : str
        ``neither``, ``min``, ``max`` or ``both``, as matplotlib calls it.

    Examples
    --------
    >>> robust_limits(np.linspace(0.0, 1.0, 101))
    ((0.01, 0.99), 'both')
    """
    low, high = (float(v) for v in np.percentile(values, [1, 99]))
    if low < 0 < high:
        high = max(-low, high)
        low = -high
    low, high = wide_enough(low, high)
    ends = (values.min() < low - 1e-12 * abs(low), values.max() > high + 1e-12 * abs(high))
    return (low, high), {(False, False): "neither", (True, False): "min", (False, True): "max"}.get(ends, "both")


def field_limits(values: npt.NDArray[np.float64]) -> tuple[tuple[float, float], str]:
    """Return ends of colours of a potential: all of it, unless a small part would hide how the rest varies.

    Loose pieces, which float, are such a part.

    Parameters
    ----------
    values : (k,) float array
        Finite.

    Returns
    -------
    limits : (float, float)
        Smallest and largest value; 1st and 99th percentile where these lie much closer together, or 5th and 95th.
    extend : str
        Which ends values pass, as `robust_limits` gives it.

    Examples
    --------
    >>> field_limits(np.linspace(0.0, 1.0, 101))
    ((0.0, 1.0), 'neither')
    """
    low, high = float(values.min()), float(values.max())
    for share, closer in _LOOSE:
        first, last = (float(v) for v in np.percentile(values, [share, 100 - share]))
        if 0 < last - first < closer * (high - low):
            ends = (low < first, high > last)
            return (first, last), {(True, True): "both", (True, False): "min"}.get(ends, "max")
    return wide_enough(low, high), "neither"


def wide_enough(low: float, high: float) -> tuple[float, float]:
    """Return ends of colours that differ: of a field with one value, half of it more and less.

    Parameters
    ----------
    low, high : float
        Smallest and largest value.

    Returns
    -------
    (float, float)
        The same where they differ by more than the last digits, which are noise of a solver.

    Examples
    --------
    >>> wide_enough(2.0, 2.0), wide_enough(0.0, 1.0)
    ((1.0, 3.0), (0.0, 1.0))
    """
    if high - low > 1e-9 * max(abs(low), abs(high)):
        return low, high
    return low - 0.5 * (abs(low) or 1.0), high + 0.5 * (abs(high) or 1.0)


def colour_bar(
    figure: Any,
    limits: tuple[float, float],
    *,
    label: str,
    at: tuple[float, float, float, float],
    cmap: str = "viridis",
    extend: str = "neither",
) -> None:
    """Draw a bar of colours with ticks that can be told apart, whatever the range.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        Where.
    limits : (float, float)
        Values at the ends.
    label : str
        Above the bar; the unit goes to a line of its own.
    at : (float, float, float, float)
        Left, bottom, width and height, as shares of the figure.
    cmap : str
        Name of the colours.
    extend : str
        Which ends values pass, as `robust_limits` gives it.

    Examples
    --------
    >>> colour_bar(figure, (0.0, 1.0), label="potential (V)", at=(0.9, 0.2, 0.02, 0.6))  # doctest: +SKIP
    """
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    bar = figure.colorbar(ScalarMappable(Normalize(*limits), cmap), cax=figure.add_axes(at), extend=extend)
    bar.outline.set_linewidth(0.4)
    bar.ax.tick_params(length=2)
    more = readable_ticks(bar.ax, "y", limits=limits)
    # words that would pass the edge of the picture go to the next line
    text, bracket, unit = label.partition(" (")
    room = max(int((1 - at[0]) * WIDTH_INCHES * 72 / (_HEAD * 0.56)), 8)
    lines = [*textwrap.wrap(text, room, break_long_words=False), *([f"({unit}"] if bracket else []), more]
    bar.ax.set_title("\n".join(line for line in lines if line), fontsize=_HEAD, pad=8, loc="left")


def readable_ticks(axes: Any, along: str, *, limits: tuple[float, float] | None = None) -> str:
    """Give an axis ticks that can be told apart.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
        Drawn already.
    along : {'x', 'y'}
        Which axis.
    limits : (float, float), optional
        Values at its ends; default those it has. Then what is to be added to each tick goes to the end of the axis.

    Returns
    -------
    str
        What to add to each tick, as `tick_texts` gives it.

    Examples
    --------
    >>> readable_ticks(axes, "x")  # doctest: +SKIP
    ''
    """
    from matplotlib.ticker import FixedLocator, MaxNLocator

    axis = axes.xaxis if along == "x" else axes.yaxis
    low, high = limits or (axes.get_xlim() if along == "x" else axes.get_ylim())
    # numbers side by side need more room than numbers above each other
    places = MaxNLocator(nbins=7 if along == "y" else 4, steps=[1, 2, 2.5, 5, 10]).tick_values(low, high)
    slack = 1e-9 * (high - low)
    places = [float(v) for v in places if low - slack <= v <= high + slack]
    texts, more = tick_texts(places)
    axis.set_major_locator(FixedLocator(places))
    axis.set_ticklabels(texts)
    if limits is None and more:
        at = {"x": (1.0, -0.16), "y": (0.0, 1.02)}[along]
        axes.text(*at, more, transform=axes.transAxes, ha="right" if along == "x" else "left", va="top", fontsize=7)
    return more
