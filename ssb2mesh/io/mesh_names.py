"""Names as other programs can hold them, and the warning that tells what a format loses. No files."""

from __future__ import annotations

import re
import unicodedata
import warnings
from collections.abc import Iterable, Mapping, Sequence

from ssb2mesh.errors import InputError
from ssb2mesh.volume import BOX_SIDES

__all__ = ["LossWarning", "house_name", "joined_name", "safe_names", "warn_loss", "warn_renamed"]

#: Dashes, and both signs for micro.
_SIGNS = dict.fromkeys(map(ord, "\u2010\u2011\u2012\u2013\u2014\u2212"), "-") | dict.fromkeys((0xB5, 0x3BC), "u")


class LossWarning(UserWarning):
    """What a mesh file does not hold as it was given: names changed, fields or sets left out."""


def warn_loss(path: object, losses: Sequence[str]) -> None:
    """Tell in one line what a file does not hold; nothing is told when nothing is lost.

    Parameters
    ----------
    path : str or Path
        The file.
    losses : sequence of str
        Clauses such as ``"STL cannot hold volumes: 5 phases left out"``.

    Examples
    --------
    >>> warn_loss("mesh.e", [])
    """
    if losses:
        warnings.warn(f"{path}: {'; '.join(losses)}", LossWarning, stacklevel=3)


def warn_renamed(path: object, names: Mapping[str, str]) -> None:
    """Tell which names a file holds in another form than the rule of `joined_name` gives.

    Parameters
    ----------
    path : str or Path
        The file.
    names : mapping of str to str
        Name in the mesh to name in the file.

    Examples
    --------
    >>> warn_renamed("mesh.e", {"A|B": "A_B"})
    """
    changed = {name: text for name, text in names.items() if joined_name(name) != text}
    if changed:
        shown = ", ".join(f"{name[:60]!r} as {text!r}" for name, text in list(changed.items())[:6])
        more = f" and {len(changed) - 6} more" if len(changed) > 6 else ""
        warn_loss(path, [f"names changed to what the format can hold: {shown}{more}"])


def joined_name(name: str) -> str:
    """Return the name of a facet set without the signs that other programs do not take: ``A|B`` and ``A@z_min``.

    Parameters
    ----------
    name : str
        Name of a phase or a facet set.

    Returns
    -------
    str
        ``"A_B"`` and ``"A_z_min"``.

    Examples
    --------
    >>> joined_name("LPSCl|NMC"), joined_name("NMC@z_min"), joined_name("z_min")
    ('LPSCl_NMC', 'NMC_z_min', 'z_min')
    """
    return name.replace("|", "_").replace("@", "_")


def safe_names(
    names: Iterable[str], *, length: int, numbers: Mapping[str, int], extra: str = "_.-", join: bool = True
) -> dict[str, str]:
    """Return names of ASCII letters, digits and a few signs, not too long, not used twice (letter case ignored).

    Parameters
    ----------
    names : iterable of str
        Names of phases or facet sets, each once.
    length : int
        Longest name allowed, characters.
    numbers : mapping of str to int
        Number of each name; it tells apart names that are cut or otherwise equal.
    extra : str
        Signs allowed beside letters and digits; ``_`` must be one.
    join : bool
        Write ``A|B`` and ``A@z_min`` by `joined_name` first.

    Returns
    -------
    dict of str to str
        Name to safe name. Accents go, sub- and superscripts become digits, Greek letters are spelled out, anything
        else becomes an underscore; a name that would start with no letter gets an ``n`` before it.

    Raises
    ------
    InputError
        If `length` leaves no room.

    Examples
    --------
    >>> safe_names(["β-Li₃PS₄|NMC", "grain 1@x_min", "7"], length=32, numbers={"7": 7})
    {'β-Li₃PS₄|NMC': 'beta-Li3PS4_NMC', 'grain 1@x_min': 'grain_1_x_min', '7': 'n7'}
    """
    if length < 12:
        raise InputError(f"length of names: got {length}; at least 12 characters are needed")
    made: dict[str, str] = {}
    taken: set[str] = set()
    order = list(names)
    # names that need no change keep it, whatever comes before them
    texts = {name: _ascii(joined_name(name) if join else name, extra) for name in order}
    for name in sorted(order, key=lambda name: texts[name] != name):
        text = texts[name]
        attempt = 0
        candidate = text
        while len(candidate) > length or candidate.lower() in taken:
            suffix = f"_{numbers.get(name, len(made) + 1)}" + (f"_{attempt}" if attempt else "")
            candidate = text[: length - len(suffix)] + suffix
            attempt += 1
        taken.add(candidate.lower())
        made[name] = candidate
    return {name: made[name] for name in order}


def house_name(text: str, phases: Iterable[str]) -> str:
    """Return the name in this package's form of a set that another program names by `joined_name`.

    Parameters
    ----------
    text : str
        Name in a file.
    phases : iterable of str
        Phase names in the file.

    Returns
    -------
    str
        ``"A|B"`` or ``"A@z_min"`` where the text can be read so in one way, else the text.

    Examples
    --------
    >>> house_name("NMC_LPSCl", ["NMC", "LPSCl"]), house_name("NMC_z_min", ["NMC"]), house_name("anode", ["NMC"])
    ('NMC|LPSCl', 'NMC@z_min', 'anode')
    """
    known = set(phases)
    if text in BOX_SIDES or text in known:
        return text
    found = set()
    for phase in known:
        if text.startswith(f"{phase}_"):
            rest = text[len(phase) + 1 :]
            if rest in BOX_SIDES:
                found.add(f"{phase}@{rest}")
            elif rest in known:
                found.add(f"{phase}|{rest}")
    return found.pop() if len(found) == 1 else text


def _ascii(name: str, extra: str) -> str:
    spelled = "".join(_spell(sign) for sign in name.translate(_SIGNS))
    plain = unicodedata.normalize("NFKD", spelled)
    plain = "".join(sign for sign in plain if not unicodedata.combining(sign))
    text = re.sub(rf"[^A-Za-z0-9{re.escape(extra)}]", "_", plain)
    return text if re.match(r"[A-Za-z]", text) else f"n{text}"


def _spell(sign: str) -> str:
    """Greek letters by name, everything else as it is."""
    found = re.match(r"GREEK (SMALL|CAPITAL) LETTER (\w+)$", unicodedata.name(sign, ""))
    if found is None:
        return sign
    return found.group(2).lower() if found.group(1) == "SMALL" else found.group(2).capitalize()
