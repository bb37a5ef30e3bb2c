"""Measured volumes by name: a registry of what was published where, and the cache of what was fetched.

- `samples.toml`: name, address, checksum, licence, citation and how to read each file,
- this module: the list of them, and fetching one. No volume is read here and none is part of the package.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tomllib
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ssb2mesh.errors import DownloadError, InputError, MissingDependencyError, nearest
from ssb2mesh.io.mesh_common import replacing
from ssb2mesh.paths import check_output

__all__ = ["Sample", "describe_sample", "describe_samples", "fetch_sample", "sample_registry"]

#: A folder with files of the registry; it is looked into first.
FOLDER_VARIABLE = "SSB2MESH_DATA"
#: A folder to fetch into, instead of the user's cache.
CACHE_VARIABLE = "SSB2MESH_CACHE"
#: Checksums of what was fetched first, in the cache.
RECORD = "fetched.json"


@dataclass(frozen=True)
class Sample:
    """A published volume.

    Parameters
    ----------
    name, title : str
        What it is called and what it is.
    file : str
        File name in the cache.
    url : str
        Where it was published.
    licence : str
        Of the data.
    citation : tuple of str
        DOIs to cite with it.
    sha256 : str
        Of the published file; empty if not known.
    copy : str
        SHA-256 of the copy that this package is developed with; it is no proof of what was published.
    reading : mapping
        ``voxel_size``, ``phases``, ``threshold``: how the file is to be read.

    Examples
    --------
    >>> sample_registry()["nmc-1-cal"].reading["voxel_size"]
    '0.398 um'
    """

    name: str
    title: str
    file: str
    url: str
    licence: str
    citation: tuple[str, ...]
    sha256: str = ""
    copy: str = ""
    reading: Mapping[str, Any] = field(default_factory=dict)

    @property
    def flags(self) -> str:
        """How to read the file, as options of the command line."""
        words = [f'--voxel-size "{self.reading["voxel_size"]}"'] if "voxel_size" in self.reading else []
        words += [f"--threshold {self.reading['threshold']}"] if "threshold" in self.reading else []
        words += [f"--phase {label}={name}" for label, name in self.reading.get("phases", {}).items()]
        return " ".join(words)

    def to_dict(self) -> dict[str, Any]:
        """Return what `--json` shows."""
        return {
            "name": self.name,
            "title": self.title,
            "url": self.url,
            "licence": self.licence,
            "citation": list(self.citation),
            "sha256": self.sha256 or None,
            "sha256_of_our_copy": self.copy or None,
            "reading": dict(self.reading),
        }


def sample_registry() -> dict[str, Sample]:
    """Return every sample by name.

    Returns
    -------
    dict of str to Sample
        In the order of the registry.

    Examples
    --------
    >>> sorted(sample_registry())
    ['fiberform', 'nmc-1-cal']
    """
    known = {"title", "file", "url", "licence", "citation", "sha256", "copy"}
    tables = tomllib.loads((Path(__file__).parent / "samples.toml").read_text(encoding="utf-8"))
    found = {}
    for name, table in tables.items():
        facts = {key: table[key] for key in known & set(table)} | {"citation": tuple(table["citation"])}
        reading = {key: value for key, value in table.items() if key not in known}
        found[name] = Sample(name=name, reading=reading, **facts)
    return found


def describe_samples() -> str:
    """Return all samples as text for a terminal.

    Returns
    -------
    str
        A paragraph a sample.

    Examples
    --------
    >>> "licence" in describe_samples()
    True
    """
    return "\n\n".join(describe_sample(sample) for sample in sample_registry().values())


def describe_sample(sample: Sample) -> str:
    """Return what a user has to know of a sample.

    Parameters
    ----------
    sample : Sample
        From `sample_registry`.

    Returns
    -------
    str
        Title, licence, citation, options to read it with, checksum; a line each.

    Examples
    --------
    >>> describe_sample(sample_registry()["fiberform"]).splitlines()[3]
    '  read with  --voxel-size "1.3 um" --threshold 90 --phase 0=pore --phase 1=fibre'
    """
    dois = ", ".join(f"https://doi.org/{doi}" for doi in sample.citation)
    return "\n".join(
        [
            f"{sample.name}: {sample.title}",
            f"  licence    {sample.licence}",
            f"  cite       {dois}",
            f"  read with  {sample.flags}",
            f"  sha256     {sample.sha256 or f'not verified; our copy has {sample.copy}'}",
        ]
    )


def fetch_sample(name: str, target: str | Path | None = None, *, overwrite: bool = False) -> Path:
    """Return the file of a sample: from the folder ``SSB2MESH_DATA`` names, from the cache, or else downloaded into it.

    Parameters
    ----------
    name : str
        One of `sample_registry`.
    target : str or Path, optional
        Where to copy it to.
    overwrite : bool
        Replace an existing `target`.

    Returns
    -------
    Path
        The file, or `target` if that is given.

    Raises
    ------
    InputError
        If there is no such sample, or `target` cannot be written.
    DownloadError
        If it cannot be downloaded, or is not what was published.
    MissingDependencyError
        If it has to be downloaded and pooch is absent.

    Examples
    --------
    >>> volume = read_volume(fetch_sample("nmc-1-cal"), voxel_size="0.398 um")  # doctest: +SKIP
    """
    samples = sample_registry()
    if name not in samples:
        raise InputError(f"name: no sample {name!r}{nearest(name, samples)}; samples: {', '.join(samples)}")
    place = None if target is None else check_output(target, overwrite=overwrite)
    path = _in_own_folder(samples[name]) or _in_cache(samples[name])
    if place is None:
        return path
    with replacing(place) as (part,):
        shutil.copyfile(path, part)
    return place


def _in_own_folder(sample: Sample) -> Path | None:
    named = os.environ.get(FOLDER_VARIABLE)
    if not named:
        return None
    folder = Path(named)
    if not folder.is_dir():
        raise InputError(
            f"{FOLDER_VARIABLE}: {named!r} is no folder; set it to the folder of your volumes, or unset it"
        )
    path = folder / sample.file
    if not path.is_file():
        return None
    if sample.sha256 and _sha256(path) != sample.sha256:
        warnings.warn(f"sample {sample.name}: {path} is not the file that was published", stacklevel=3)
    elif sample.copy and not sample.sha256 and _sha256(path) != sample.copy:
        warnings.warn(f"sample {sample.name}: {path} is not the copy that this package is developed with", stacklevel=3)
    return path


def _in_cache(sample: Sample) -> Path:
    """Return the file in the cache, fetched if it is not there yet."""
    try:
        import pooch
    except ImportError as error:
        own = f"; or put {sample.file} into a folder and set {FOLDER_VARIABLE} to it"
        raise MissingDependencyError.of("pooch", "fetching a sample", 'pip install "ssb2mesh[sample]"' + own) from error
    folder = Path(os.environ.get(CACHE_VARIABLE) or pooch.os_cache("ssb2mesh"))
    new = not (folder / sample.file).exists()
    pooch.get_logger().setLevel("WARNING")
    try:
        got = Path(
            pooch.retrieve(
                sample.url,
                known_hash=f"sha256:{sample.sha256}" if sample.sha256 else None,
                fname=sample.file,
                path=folder,
                downloader=pooch.HTTPDownloader(timeout=30),
            )
        )
    except (OSError, ValueError) as error:
        reason = type(error).__name__
        if isinstance(error, ValueError):
            # pooch's words on a checksum that differs: it has removed the file
            reason = "its SHA-256 is not that of the published file"
        raise DownloadError(
            f"sample {sample.name}: cannot be fetched from {sample.url} ({reason}); without a network, download it "
            f"elsewhere, put it as {sample.file} into a folder and set {FOLDER_VARIABLE} to that folder"
        ) from error
    if got.read_bytes()[:4] not in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        got.unlink()
        raise DownloadError(f"sample {sample.name}: what {sample.url} gives is no TIFF file; nothing was kept")
    if not sample.sha256:
        _check_first_use(sample, got, folder, new=new)
    return got


def _check_first_use(sample: Sample, path: Path, folder: Path, *, new: bool) -> None:
    """Trust what was fetched first, as nobody knows better, and nothing else from then on."""
    record, digest = folder / RECORD, _sha256(path)
    try:
        known = json.loads(record.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        known = {}
    before = known.get(sample.url)
    if before not in (None, digest):
        if new:
            path.unlink()
        raise DownloadError(
            f"sample {sample.name}: {path} is not what was fetched from there the first time (SHA-256 {digest}, then "
            f"{before}); delete it to fetch it again, or its line in {record} if the new one is right"
        )
    if before is None:
        with replacing(record) as (part,):
            part.write_text(json.dumps({**known, sample.url: digest}, indent=1), encoding="utf-8")
        if digest != sample.copy:
            told = "it is not the copy that this package is developed with; " if sample.copy else ""
            warnings.warn(
                f"sample {sample.name}: not verified, as no checksum of the published file is known; {told}"
                f"SHA-256 of what was fetched: {digest}, noted and compared from now on",
                stacklevel=4,
            )


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
