"""Shell completion: the scripts, and bash completing with them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
MAIN = [sys.executable, "-c", "from ssb2mesh.cli.main import main; main()"]
ENVIRONMENT = os.environ | {"PYTHONPATH": str(ROOT)}


def script(shell, cwd=ROOT):
    done = subprocess.run([*MAIN, "completion", shell], cwd=cwd, env=ENVIRONMENT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_asks_this_program(shell):
    text = script(shell)
    assert f"_SSB2MESH_COMPLETE={shell}_complete" in text
    if shutil.which(shell):
        assert subprocess.run([shell, "-n"], input=text, text=True, capture_output=True, check=False).returncode == 0


def test_unknown_shell():
    done = subprocess.run([*MAIN, "completion", "csh"], cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True)
    assert done.returncode == 2
    assert "'csh' is not one of 'bash', 'zsh', 'fish'" in done.stderr


@pytest.fixture
def complete(tmp_path):
    """Let bash complete a line, as it does when the tab key is pressed, and return what it offers."""
    if not shutil.which("bash"):
        pytest.skip("bash is not installed")
    program = tmp_path / "bin" / "ssb2mesh"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -c "from ssb2mesh.cli.main import main; main()" "$@"\n')
    program.chmod(0o755)
    (tmp_path / "script").write_text(script("bash"))

    def offers(line):
        words = line.split(" ")
        text = f"""
            source ./script
            compopt() {{ printf '%s %s %s' compopt "$@"; }}
            COMP_WORDS=({" ".join(repr(word) for word in words)})
            COMP_CWORD={len(words) - 1}
            entry=$(complete -p ssb2mesh)
            function=${{entry##*-F }}
            ${{function%% *}} ssb2mesh '{words[-1]}' '{words[-2]}'
            printf '%s\\n' "${{COMPREPLY[@]}}"
        """
        path = f"{program.parent}{os.pathsep}{os.environ['PATH']}"
        done = subprocess.run(
            ["bash", "--norc", "-c", text],
            cwd=tmp_path,
            env=ENVIRONMENT | {"PATH": path},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        return [word for word in done.stdout.splitlines() if word]

    return offers


def test_bash_completes(complete):
    assert complete("ssb2mesh me") == ["mesh", "measure"]
    assert "--voxel-size" in complete("ssb2mesh mesh v.tif --vo")
    assert complete("ssb2mesh plot m.vtu --what inter") == ["interfaces"]
    assert complete("ssb2mesh phantom comp") == ["composite_cathode"]
    assert complete("ssb2mesh init effe") == ["effective"]
    assert complete("ssb2mesh sample nm") == ["nmc-1-cal"]
    assert complete("ssb2mesh completion f") == ["fish"]
    # files are left to bash itself
    assert complete("ssb2mesh mesh ca") == ["compopt -o default"]
    assert complete("ssb2mesh mesh v.tif -o ") == ["compopt -o default"]
    assert complete("ssb2mesh run study.toml --output res") == ["compopt -o dirnames"]
