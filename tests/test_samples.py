"""Samples by name: the registry, the folder of one's own, the cache, and no network."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
import threading
import warnings
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from ssb2mesh import samples
from ssb2mesh.errors import DownloadError, InputError, MissingDependencyError
from ssb2mesh.samples import fetch_sample, sample_registry

ROOT = Path(__file__).resolve().parent.parent
MAIN = [sys.executable, "-c", "from ssb2mesh.cli.main import main; main()"]
TIFF = b"II*\0" + bytes(100)


def run(*args, cwd, **environment):
    variables = {k: v for k, v in os.environ.items() if k != "SSB2MESH_DATA"} | {"PYTHONPATH": str(ROOT)} | environment
    return subprocess.run([*MAIN, *args], cwd=cwd, env=variables, capture_output=True, text=True)


@pytest.fixture
def cache(tmp_path, monkeypatch):
    folder = tmp_path / "cache"
    monkeypatch.delenv("SSB2MESH_DATA", raising=False)
    monkeypatch.setenv("SSB2MESH_CACHE", str(folder))
    return folder


@pytest.fixture
def server(tmp_path, monkeypatch):
    """Serve a folder on this machine; the registry's nmc-1-cal is published there."""
    folder = tmp_path / "published"
    folder.mkdir()

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    service = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    threading.Thread(target=service.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{service.server_address[1]}/a.tif"
    real = sample_registry()

    def publish(content, sha256="", copy=""):
        (folder / "a.tif").write_bytes(content)
        changed = {"nmc-1-cal": replace(real["nmc-1-cal"], url=address, sha256=sha256, copy=copy)}
        monkeypatch.setattr(samples, "sample_registry", lambda: changed)

    yield publish
    service.shutdown()
    service.server_close()


def test_every_sample_has_an_address_a_licence_and_something_to_cite():
    for name, sample in sample_registry().items():
        assert sample.name == name
        assert sample.licence
        # a commit, not a branch, which may change under the checksum
        assert re.match(r"https://\S+/[0-9a-f]{40}/\S+\.tif$", sample.url)
        assert sample.citation
        assert all(re.fullmatch(r"10\.\d{4,}/\S+", doi) for doi in sample.citation)
        assert re.fullmatch(r"([0-9a-f]{64})?", sample.sha256)
        assert re.fullmatch(r"[0-9a-f]{64}", sample.copy)
        assert set(sample.reading) <= {"voxel_size", "phases", "threshold"}


def test_list_says_what_is_not_verified(tmp_path):
    done = run("sample", "--list", cwd=tmp_path)
    assert done.returncode == 0
    assert "nmc-1-cal" in done.stdout
    assert done.stdout.count("not verified") == sum(not s.sha256 for s in sample_registry().values())
    listed = json.loads(run("sample", "--list", "--json", cwd=tmp_path).stdout)["samples"]
    assert [each["name"] for each in listed] == list(sample_registry())


def test_the_folder_of_ones_own_comes_first(tmp_path):
    own = tmp_path / "own"
    own.mkdir()
    (own / "nmc_cathode.tif").write_bytes(b"mine")
    environment = {"SSB2MESH_DATA": str(own), "SSB2MESH_CACHE": str(tmp_path / "cache")}
    done = run("sample", "nmc-1-cal", cwd=tmp_path, **environment)
    assert done.returncode == 0
    assert done.stdout.strip() == str(own / "nmc_cathode.tif")
    assert '--voxel-size "0.398 um"' in done.stderr
    assert not (tmp_path / "cache").exists()
    assert run("sample", "nmc-1-cal", "-o", "c.tif", cwd=tmp_path, **environment).stdout.strip() == "c.tif"
    assert (tmp_path / "c.tif").read_bytes() == b"mine"
    again = run("sample", "nmc-1-cal", "-o", "c.tif", cwd=tmp_path, **environment)
    assert again.returncode == 1
    assert "exists; give --overwrite" in again.stderr


def test_own_folder_must_be_one(tmp_path, monkeypatch):
    monkeypatch.setenv("SSB2MESH_DATA", str(tmp_path / "none"))
    with pytest.raises(InputError, match="SSB2MESH_DATA: .*none' is no folder; set it to the folder of your volumes"):
        fetch_sample("nmc-1-cal")


def test_no_network(tmp_path):
    pytest.importorskip("pooch", reason="pooch is not installed")
    # a proxy that nobody listens on: whatever network this machine has, there is none now
    nowhere = {"https_proxy": "http://127.0.0.1:9", "HTTPS_PROXY": "http://127.0.0.1:9", "no_proxy": "", "NO_PROXY": ""}
    done = run("sample", "fiberform", "-o", "f.tif", cwd=tmp_path, SSB2MESH_CACHE=str(tmp_path / "cache"), **nowhere)
    assert done.returncode == 1
    message = done.stderr.strip()
    assert len(message.splitlines()) == 1, message
    assert message.startswith("ssb2mesh: error: sample fiberform: cannot be fetched from https://")
    assert "put it as fiberform.tif into a folder and set SSB2MESH_DATA to that folder" in message
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == []


def test_fetched_once_and_then_from_the_cache(cache, server):
    pytest.importorskip("pooch", reason="pooch is not installed")
    server(TIFF, hashlib.sha256(TIFF).hexdigest())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert fetch_sample("nmc-1-cal") == cache / "nmc_cathode.tif"
        server(b"gone", hashlib.sha256(TIFF).hexdigest())
        assert fetch_sample("nmc-1-cal").read_bytes() == TIFF


def test_a_wrong_checksum_keeps_nothing(cache, server):
    pytest.importorskip("pooch", reason="pooch is not installed")
    server(TIFF, "0" * 64)
    with pytest.raises(DownloadError, match="its SHA-256 is not that of the published file"):
        fetch_sample("nmc-1-cal")
    assert list(cache.rglob("*.tif")) == []


def test_without_a_checksum_it_says_so_with_the_one_it_got(cache, server):
    pytest.importorskip("pooch", reason="pooch is not installed")
    server(TIFF)
    with pytest.warns(
        UserWarning, match=f"not verified, .* SHA-256 of what was fetched: {hashlib.sha256(TIFF).hexdigest()}"
    ):
        fetch_sample("nmc-1-cal")


def test_what_was_fetched_first_is_trusted_and_nothing_else(cache, server):
    pytest.importorskip("pooch", reason="pooch is not installed")
    server(TIFF, copy="0" * 64)
    with pytest.warns(UserWarning, match="it is not the copy that this package is developed with"):
        path = fetch_sample("nmc-1-cal")
    with warnings.catch_warnings():  # told once
        warnings.simplefilter("error")
        assert fetch_sample("nmc-1-cal") == path
    path.write_bytes(TIFF + b"changed on the disk")
    with pytest.raises(DownloadError, match="is not what was fetched from there the first time"):
        fetch_sample("nmc-1-cal")
    path.unlink()
    server(TIFF + b"changed at the source")
    with pytest.raises(DownloadError, match="delete it to fetch it again, or its line in .*fetched.json if the new"):
        fetch_sample("nmc-1-cal")
    assert not path.exists()
    server(TIFF)
    assert fetch_sample("nmc-1-cal").read_bytes() == TIFF


def test_our_copy_needs_no_warning(cache, server):
    pytest.importorskip("pooch", reason="pooch is not installed")
    server(TIFF, copy=hashlib.sha256(TIFF).hexdigest())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fetch_sample("nmc-1-cal")


def test_a_page_instead_of_a_volume_is_refused(cache, server):
    pytest.importorskip("pooch", reason="pooch is not installed")
    server(b"<html>moved</html>")
    with pytest.raises(DownloadError, match="is no TIFF file; nothing was kept"):
        fetch_sample("nmc-1-cal")
    assert list(cache.rglob("*.tif")) == []


def test_pooch_absent(cache, monkeypatch):
    monkeypatch.setitem(sys.modules, "pooch", None)
    with pytest.raises(MissingDependencyError, match=r'pip install "ssb2mesh\[sample\]"; or put nmc_cathode.tif into'):
        fetch_sample("nmc-1-cal")


def test_unknown_name():
    with pytest.raises(InputError, match="no sample 'nmc', did you mean 'nmc-1-cal'"):
        fetch_sample("nmc")


def test_the_measured_volumes_fit_their_entries(data_folder):
    """Reading each with what the registry says gives the phases it names."""
    from ssb2mesh.io import read_volume

    for sample in sample_registry().values():
        path = data_folder / sample.file
        if not path.is_file():
            pytest.skip(f"{sample.file} is not in {data_folder}")
        assert hashlib.sha256(path.read_bytes()).hexdigest() == sample.copy
        phases = {int(label): name for label, name in sample.reading["phases"].items()}
        options = {"threshold": sample.reading["threshold"]} if "threshold" in sample.reading else {}
        volume = read_volume(path, voxel_size=sample.reading["voxel_size"], phases=phases, **options)
        assert {volume.phases[label] for label in np.unique(volume.labels)} == set(phases.values())
