"""The README as a newcomer reads it: every command and every snippet runs, every link leads somewhere."""

from __future__ import annotations

import importlib.util
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", README, flags=re.M | re.S)
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]


def test_the_readme_has_commands_a_study_and_python():
    assert {kind for kind, _ in BLOCKS} == {"sh", "toml", "python"}


def test_every_block_runs_in_order(tmp_path):
    if importlib.util.find_spec("dolfinx") is None:
        pytest.skip("DOLFINx is not installed")
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    for kind, text in BLOCKS:
        if kind == "toml":
            (tmp_path / "study.toml").write_text(text, encoding="utf-8")
            continue
        commands = [[sys.executable, "-c", text]]
        if kind == "sh":
            commands = []
            for line in text.strip().splitlines():
                words = shlex.split(line)
                assert words[0] == "ssb2mesh", f"a command of another program: {line}"
                commands.append([sys.executable, "-c", "from ssb2mesh.cli.main import main; main()", *words[1:]])
        for command in commands:
            done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
            assert done.returncode == 0, f"{command[-4:]}\n{done.stdout}\n{done.stderr}"
    assert (tmp_path / "results" / "report.html").stat().st_size > 100_000
    assert (tmp_path / "cathode.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
        if "://" not in target:
            assert (page.parent / target).exists(), f"{page.name}: no file {target}"
