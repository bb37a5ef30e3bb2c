"""What is shipped: wheel and source archive from the files that git knows, metadata, recipe, image."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

from solvers import dolfinx_api

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
    for name in ("pyproject.toml", "LICENSE", "CHANGELOG.md", "CITATION.cff", "Dockerfile", "conda/recipe.yaml",
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
    """Name and lowest version of a line such as "numpy>=1.24" or "numpy >=1.24"; "" where any will do."""
    name, _, version = re.fullmatch(r"([A-Za-z0-9_.-]+)\s*(\[.*\])?\s*(>=[\d.]+)?.*", line.strip()).groups()
    return name.lower().replace("_", "-"), version or ""


def recipe():
    """conda/recipe.yaml with what it takes from pyproject.toml put in; other expressions stay as they are."""
    yaml = pytest.importorskip("yaml", reason="PyYAML is not installed")
    found = yaml.safe_load((ROOT / "conda" / "recipe.yaml").read_text(encoding="utf-8"))
    for name, text in found.pop("context").items():
        file, key = re.fullmatch(r'\$\{\{ load_from_file\("([^"]+)"\)\.project\.(\w+) \}\}', text).groups()
        value = tomllib.loads((ROOT / "conda" / file).read_text(encoding="utf-8"))["project"][key]
        for table in found.values():
            if isinstance(table, dict):
                table.update((k, value) for k, v in table.items() if v == f"${{{{ {name} }}}}")
    return found


def test_the_recipe_needs_what_the_package_needs():
    found = recipe()
    listed = dict(map(requirement, found["requirements"]["run"]))
    assert len(listed) == len(found["requirements"]["run"])
    extras = PROJECT["optional-dependencies"]
    needed = [
        *PROJECT["dependencies"],
        *(line for extra in ("io", "plot", "progress", "sample") for line in extras[extra]),
    ]
    spelt = {"matplotlib": "matplotlib-base"}
    for name, version in map(requirement, needed):
        assert listed.pop(spelt.get(name, name)) == version, name
    assert listed.pop("python") == PROJECT["requires-python"]
    # and of what pip cannot give, no more than what solves need
    assert set(listed) == {"fenics-dolfinx", "petsc", "petsc4py"}
    build = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["build-system"]["requires"]
    assert set(build) <= {line.replace(" ", "") for line in found["requirements"]["host"]}


def test_the_recipe_says_what_pyproject_says():
    found = recipe()
    assert set(found) == {"package", "source", "build", "requirements", "tests", "about"}
    assert found["package"] == {"name": PROJECT["name"], "version": PROJECT["version"]}
    assert PROJECT["version"] not in (ROOT / "conda" / "recipe.yaml").read_text(encoding="utf-8")
    assert (ROOT / "conda" / found["source"]["path"] / "pyproject.toml").is_file()
    scripts = [f"{name} = {target}" for name, target in PROJECT["scripts"].items()]
    assert found["build"]["python"]["entry_points"] == scripts
    assert found["about"]["summary"] == PROJECT["description"]
    assert found["about"]["license"] == PROJECT["license"]
    assert (ROOT / found["about"]["license_file"]).is_file()


def test_the_recipe_tries_the_package(tmp_path, monkeypatch, capsys):
    """Its own test commands run here, up to the one that solves."""
    if not dolfinx_api.available():
        pytest.skip("DOLFINx is not installed: " + dolfinx_api.INSTALL)
    from ssb2mesh.cli.main import cli

    (commands,) = [test["script"] for test in recipe()["tests"] if "script" in test]
    assert any(line.startswith("ssb2mesh run ") for line in commands)
    monkeypatch.chdir(tmp_path)
    for line in commands:
        words = shlex.split(line)
        assert words[0] == "ssb2mesh", line
        try:
            code = cli.main(words[1:], standalone_mode=False)
        except SystemExit as end:
            code = end.code
        assert not code, line
    assert "tortuosity" in capsys.readouterr().out


def test_the_recipe_renders():
    """By the program that builds it, where its Python package is installed (see CONTRIBUTING.md)."""
    rattler_build = pytest.importorskip("rattler_build", reason="py-rattler-build is not installed")
    found = rattler_build.Stage0Recipe.from_file(ROOT / "conda" / "recipe.yaml")
    for system in ("linux-64", "osx-arm64"):
        platform = rattler_build.PlatformConfig(target_platform=system, experimental=True)
        (rendered,) = found.render(render_config=rattler_build.RenderConfig(platform=platform))
        told = rendered.recipe.to_dict()
        assert told["package"] == {"name": PROJECT["name"], "version": PROJECT["version"]}
        assert told["requirements"] == recipe()["requirements"]


def test_the_environment_of_a_developer_has_all_that_the_package_needs():
    yaml = pytest.importorskip("yaml", reason="PyYAML is not installed")
    found = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    assert found["channels"] == ["conda-forge"]
    names = {re.split(r"[>=< ]", line)[0] for line in found["dependencies"] if isinstance(line, str)}
    run = {line.split()[0].removesuffix("-base") for line in recipe()["requirements"]["run"]}
    assert run <= names, run - names
    # and what `make lint`, `make test` and `make docs` start, by its name on conda-forge
    extras = PROJECT["optional-dependencies"]
    spelt = {"build": "python-build", "gmsh": "python-gmsh"}
    wheels_only = {"exovista", "meshioplusplus", "ornl-wasp"}  # of PyPI alone; without them tests skip
    for name, _ in (requirement(line) for extra in ("dev", "docs", "gmsh", "test") for line in extras[extra]):
        assert spelt.get(name, name) in names | wheels_only, name


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
    packages = re.search(r"no-install-recommends \\\n(.+) \\\n && apt-get clean", text)[1].split()
    assert set(packages) <= set(setup.split())


def test_doctor_leaves_the_input_to_the_shell():
    """Commands that are pasted after `ssb2mesh doctor` wait in its input, which mpirun would read."""
    program = "from ssb2mesh.doctor import _run; import sys; print(_run(['cat'])[1], sys.stdin.read())"
    done = subprocess.run([sys.executable, "-c", program], input="next", capture_output=True, text=True, check=True)
    assert done.stdout == "[] next\n"
