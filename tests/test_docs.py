"""The documentation as its reader follows it: commands and snippets of the guides run, and the site builds whole."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from solvers import dolfinx_api

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
GUIDES = [DOCS / "tutorial.md", *sorted((DOCS / "how-to").glob("*.md"))]
PAGES = [page for page in sorted(DOCS.rglob("*.md")) if "_build" not in page.parts]


def blocks(page):
    """Fenced blocks of a page: (kind, text). An output block is indented and not among them."""
    return re.findall(r"^```(\w+)\n(.*?)^```", page.read_text(encoding="utf-8"), flags=re.M | re.S)


def run_command(line):
    from ssb2mesh.cli.main import cli

    words = shlex.split(line)
    assert words[0] == "ssb2mesh", f"a command of another program: {line}"
    try:
        code = cli.main(words[1:], standalone_mode=False)
    except SystemExit as end:
        code = end.code
    assert not code, f"{line}: ended with {code}"


@pytest.mark.skipif(not dolfinx_api.available(), reason="DOLFINx is not installed: " + dolfinx_api.INSTALL)
@pytest.mark.parametrize("page", GUIDES, ids=lambda p: p.stem)
def test_every_block_runs_in_order(page, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for kind, text in blocks(page):
        if kind == "toml":
            # the first line says which file it is: "# study.toml"
            name = re.fullmatch(r"# ([\w.-]+\.toml)", text.splitlines()[0])
            assert name, f"{page.name}: no file name above {text[:40]!r}"
            (tmp_path / name[1]).write_text(text, encoding="utf-8")
        elif kind == "sh":
            for line in text.strip().splitlines():
                run_command(line)
        elif kind == "python":
            exec(compile(text, f"{page.name}", "exec"), {"__name__": "guide"})
        else:
            assert kind == "bash", f"{page.name}: a block of {kind}"
    _check_quotes(page, capsys.readouterr().out)


def _check_quotes(page, told):
    """Messages and numbers that a page quotes (indented lines) are what its commands and snippets tell."""
    plain = re.sub(r"\s+", " ", told)
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
    for line in re.findall(r"^ {4}(\S.*|  .*)$", text, flags=re.M):
        for part in re.sub(r"\s+", " ", line).split("..."):
            assert part.strip() in plain, f"{page.name}: nothing tells {part.strip()!r}"


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash")
@pytest.mark.parametrize("page", [p for p in GUIDES if any(k == "bash" for k, _ in blocks(p))], ids=lambda p: p.stem)
def test_job_scripts_are_valid_shell(page, tmp_path):
    for kind, text in blocks(page):
        if kind == "bash":
            done = subprocess.run(["bash", "-n"], input=text, capture_output=True, text=True)
            assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(DOCS)))
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
        if "://" not in target:
            assert (page.parent / target).exists(), f"{page.name}: no file {target}"


def test_every_test_that_the_verification_page_names_is_there():
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", (DOCS / "verification.md").read_text(encoding="utf-8"))
    assert len(named) > 20
    for file, name in named:
        assert f"def {name}(" in (ROOT / file).read_text(encoding="utf-8"), f"no test {file}::{name}"


def test_the_site_builds_without_warnings(tmp_path):
    missing = [name for name in ("sphinx", "myst_parser", "furo") if importlib.util.find_spec(name) is None]
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)}")
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-b", "html", "-d", tmp_path / "trees", DOCS,
               tmp_path / "html"]  # fmt: skip
    # broken links, pages in no table of contents, and docstrings that cannot be read are warnings, and so errors
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-4000:]
    listed = _inventory(tmp_path / "html" / "objects.inv")
    wanted = {f"{module}.{name}" for module in PUBLIC for name in importlib.import_module(module).__all__}
    wanted |= {name for page in PAGES for name in _imported(page)}
    missing = {name for name in wanted if not {name, *_other_names(name)} & listed}
    assert not missing, f"not in the reference: {sorted(missing)}"


# What a user calls. Other packages (lattice, slabs, cli, io by format) are the insides of these.
PUBLIC = (
    "ssb2mesh", "ssb2mesh.budget", "ssb2mesh.check", "ssb2mesh.cleanup", "ssb2mesh.gmsh_engine", "ssb2mesh.measure",
    "ssb2mesh.moose", "ssb2mesh.phantoms", "ssb2mesh.pipeline", "ssb2mesh.plot", "ssb2mesh.report", "ssb2mesh.samples",
    "ssb2mesh.series", "ssb2mesh.study", "ssb2mesh.surfaces", "ssb2mesh.view", "ssb2mesh.voxel_fields", "solvers",
    "solvers.exact", "solvers.exact_mechanics",
)  # fmt: skip


def _imported(page):
    """Names that the Python snippets of a page import, such as solvers.conduction."""
    for kind, text in blocks(page):
        if kind == "python":
            for node in ast.walk(ast.parse(text)):
                if isinstance(node, ast.ImportFrom) and node.module.partition(".")[0] in ("ssb2mesh", "solvers"):
                    yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _other_names(name):
    """The same thing where it is made, and where its package passes it on."""
    module, _, last = name.rpartition(".")
    home = getattr(getattr(importlib.import_module(module), last), "__module__", module)
    return f"{home}.{last}", f"{'.'.join(home.split('.')[:2])}.{last}", f"{home.partition('.')[0]}.{last}"


def _inventory(path):
    from sphinx.util.inventory import InventoryFile

    with path.open("rb") as file:
        entries = InventoryFile.load(file, "", lambda base, target: target)
    return {name for kind, found in entries.items() if kind.startswith("py:") for name in found}
