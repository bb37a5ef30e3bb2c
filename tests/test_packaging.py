"""What is shipped: wheel and source archive from the files that git knows, metadata, recipe, image."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def tracked():
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False)
    if listed.returncode != 0:
        pytest.skip("not a git checkout")
    return [name for name in listed.stdout.decode().split("\0") if name and (ROOT / name).is_file()]


@pytest.fixture(scope="module")
def archives(tmp_path_factory):
    """Both archives, built away from the checkout: a build leaves files that the next one would take up."""
    pytest.importorskip("build", reason="the package build is not installed")
    folder = tmp_path_factory.mktemp("dist")
    for name in tracked():
        target = folder / "source" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, target)
    command = [sys.executable, "-m", "build", "--outdir", str(folder / "dist"), str(folder / "source")]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0 and re.search("No matching distribution|connection|resolve", done.stdout + done.stderr):
        pytest.skip("no network: setuptools cannot be fetched for an isolated build")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "DeprecationWarning" not in done.stdout + done.stderr
    (wheel,) = (folder / "dist").glob("*.whl")
    (source,) = (folder / "dist").glob("*.tar.gz")
    return wheel, source


def test_the_wheel_holds_the_packages_and_nothing_else(archives):
    wheel, _ = archives
    assert wheel.name == f"ssb2mesh-{PROJECT['version']}-py3-none-any.whl"
    names = zipfile.ZipFile(wheel).namelist()
    info = f"ssb2mesh-{PROJECT['version']}.dist-info/"
    assert {name.split("/")[0] for name in names} == {"ssb2mesh", "solvers", info.rstrip("/")}
    inside = {name for name in names if not name.startswith(info)}
    wanted = {name for name in tracked() if name.startswith(("ssb2mesh/", "solvers/"))}
    assert inside == wanted, f"missing: {wanted - inside}; too much: {inside - wanted}"
    # what is not Python and still needed
    for pattern in (
        r"study/templates/.+\.toml",
        r"samples/samples\.toml",
        r"view/.+\.js",
        r"view/.+\.css",
        r"py\.typed",
    ):
        assert any(re.search(pattern, name) for name in inside), pattern
    assert not any(name.endswith((".tif", ".h5", ".nbc", ".nbi")) for name in names)
    assert wheel.stat().st_size < 3_000_000


def test_the_metadata_says_what_pyproject_says(archives):
    wheel, _ = archives
    with zipfile.ZipFile(wheel) as found:
        info = f"ssb2mesh-{PROJECT['version']}.dist-info"
        text = found.read(f"{info}/METADATA").decode()
        scripts = found.read(f"{info}/entry_points.txt").decode()
        assert found.read(f"{info}/licenses/LICENSE") == (ROOT / "LICENSE").read_bytes()
    assert "\nLicense-Expression: BSD-3-Clause\n" in text
    assert f"\nVersion: {PROJECT['version']}\n" in text
    assert not re.search(r"Requires-Dist: (fenics|mpi4py|petsc)", text)
    assert "ssb2mesh = ssb2mesh.cli.main:main" in scripts


def test_the_source_archive_can_be_tested_and_built(archives):
    _, source = archives
    with tarfile.open(source) as found:
        names = {name.partition("/")[2] for name in found.getnames()}
    for name in ("pyproject.toml", "LICENSE", "CHANGELOG.md", "CITATION.cff", "Dockerfile", "conda/meta.yaml",
                 "tests/conftest.py", "tests/test_packaging.py", "tools/setup.sh", "examples/demo.toml",
                 "docs/index.md", "ssb2mesh/study/templates/mesh.toml"):  # fmt: skip
        assert name in names, name
    assert not any(name.endswith((".tif", ".h5", ".xdmf")) for name in names)
    # all that git knows but its own settings and those of the CI
    left_out = {name for name in tracked() if name not in names}
    assert all(name.startswith(".") for name in left_out), left_out
    assert ".dockerignore" in names


def test_citation():
    yaml = pytest.importorskip("yaml", reason="PyYAML is not installed")
    found = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    # what schema 1.2.0 asks for, and the keys it knows of those used
    assert {"cff-version", "message", "title", "authors"} <= set(found)
    assert set(found) <= {"cff-version", "message", "type", "title", "abstract", "authors", "license", "keywords"}
    assert found["cff-version"] == "1.2.0"
    assert found["type"] == "software"
    assert found["license"] == PROJECT["license"]
    assert all(set(author) in ({"name"}, {"family-names", "given-names"}) for author in found["authors"])
    assert len(found["keywords"]) == len(set(found["keywords"]))


def requirement(line):
    name, _, version = re.fullmatch(r"([A-Za-z0-9_.-]+)\s*(\[.*\])?(>=[\d.]+)?.*", line.strip()).groups()
    return name.lower().replace("_", "-"), version or ""


def test_the_recipe_needs_what_the_package_needs():
    text = (ROOT / "conda" / "meta.yaml").read_text(encoding="utf-8")
    lines = text.partition("  run:\n")[2].partition("\ntest:")[0].strip("\n").splitlines()
    listed = dict(requirement(line.removeprefix("    - ").replace(" ", "", 1)) for line in lines)
    extras = PROJECT["optional-dependencies"]
    needed = [
        *PROJECT["dependencies"],
        *(line for extra in ("io", "plot", "progress", "sample") for line in extras[extra]),
    ]
    spelt = {"matplotlib": "matplotlib-base"}
    for name, version in map(requirement, needed):
        assert listed.get(spelt.get(name, name)) == version, name
    assert listed["python"] == PROJECT["requires-python"]
    assert PROJECT["version"] not in text.replace(">=", "")


def recipe():
    """conda/meta.yaml as conda-build would read it."""
    jinja2 = pytest.importorskip("jinja2", reason="Jinja2 is not installed")
    yaml = pytest.importorskip("yaml", reason="PyYAML is not installed")

    def load_file_data(name, *, from_recipe_dir):
        assert from_recipe_dir
        return tomllib.loads((ROOT / "conda" / name).read_text(encoding="utf-8"))

    template = (ROOT / "conda" / "meta.yaml").read_text(encoding="utf-8")
    rendered = jinja2.Environment(undefined=jinja2.StrictUndefined).from_string(template)
    return yaml.safe_load(rendered.render(load_file_data=load_file_data, PYTHON="python"))


def test_the_recipe_renders_to_what_pyproject_says():
    found = recipe()
    assert {"package", "source", "build", "requirements", "test", "about"} <= set(found)
    assert found["package"] == {"name": PROJECT["name"], "version": PROJECT["version"]}
    assert (ROOT / "conda" / found["source"]["path"] / "pyproject.toml").is_file()
    scripts = [f"{name} = {target}" for name, target in PROJECT["scripts"].items()]
    assert found["build"]["entry_points"] == scripts
    assert found["about"]["summary"] == PROJECT["description"]
    assert found["about"]["license"] == PROJECT["license"]
    run = [line.split()[0] for line in found["requirements"]["run"]]
    assert len(run) == len(set(run))
    build = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["build-system"]["requires"]
    host = [line.replace(" ", "") for line in found["requirements"]["host"]]
    assert set(build) <= set(host)
    # the environment of a developer has all that the package needs
    environment = (ROOT / "environment.yml").read_text(encoding="utf-8")
    names = {re.split(r"[>=<]", line.strip("- "))[0] for line in environment.splitlines() if line.startswith("  - ")}
    assert {name.removesuffix("-base") for name in run} <= names


def test_the_image_copies_files_that_exist_and_is_no_root():
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    for line in re.findall(r"^COPY (.+)$", text, flags=re.M):
        for name in line.split()[:-1]:
            assert (ROOT / name).exists(), name
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    for line in re.findall(r"^COPY (.+)$", text, flags=re.M):
        assert all(f"!{name}" in ignored for name in line.split()[:-1]), line
    assert re.search(r"^FROM debian:12", text, flags=re.M)
    assert re.search(r"^USER (?!root)\w+$", text, flags=re.M)
    assert 'ENTRYPOINT ["ssb2mesh"]' in text
    # the same system packages as the set-up of this platform: those that DOLFINx and pictures need
    setup = (ROOT / "tools" / "setup.sh").read_text(encoding="utf-8")
    packages = re.search(r"no-install-recommends \\\n(.+) \\\n && rm", text)[1].split()
    assert set(packages) <= set(setup.split())
