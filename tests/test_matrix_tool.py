"""The script behind `make test-matrix`: its table, its exit code, what it says where it cannot work."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
REPORT = (
    '<?xml version="1.0" encoding="utf-8"?><testsuites name="pytest tests"><testsuite name="pytest" errors="{errors}" '
    'failures="{failures}" skipped="3" tests="20" time="12.345" timestamp="2026-01-01T00:00:00"><testcase name="b" '
    'time="0.1"/></testsuite></testsuites>'
)
# stands for .venv/bin/python: answers with a version, or "runs" pytest by copying the report that the test has written
PYTHON = """#!/usr/bin/env bash
[ "$1" = -c ] && { echo 0.99.1; exit; }
for argument; do
  case $argument in --junitxml=*) [ ! -e report.xml ] || cp report.xml "${argument#--junitxml=}" ;; esac
done
echo "arguments: $*"
exit 1
"""


@pytest.fixture
def clone(tmp_path):
    """A folder with the script and a Python that only pretends."""
    (tmp_path / "tools").mkdir()
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    for name in ("pyproject.toml", "tools/test-matrix.sh"):
        shutil.copy(ROOT / name, tmp_path / name)
    python = tmp_path / ".venv" / "bin" / "python"
    python.write_text(PYTHON)
    python.chmod(0o755)
    return tmp_path


def run(folder, *arguments, rows="here", **environment):
    variables = os.environ | {"SSB2MESH_MATRIX": str(folder / "matrix"), "SSB2MESH_MATRIX_ROWS": rows} | environment
    command = ["bash", "tools/test-matrix.sh", *arguments]
    return subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True)


def test_table_of_a_run_that_passes(clone):
    (clone / "report.xml").write_text(REPORT.format(errors=0, failures=0))
    done = run(clone)
    head, row = done.stdout.splitlines()
    assert head.split() == ["DOLFINx", "system", "passed", "failed", "skipped", "seconds"]
    assert row.split()[0] == "0.99.1"
    assert row.split()[-4:] == ["17", "0", "3", "12"]
    assert done.returncode == 0


def test_failures_and_errors_count_and_end_with_1(clone):
    (clone / "report.xml").write_text(REPORT.format(errors=1, failures=4))
    done = run(clone)
    assert done.stdout.splitlines()[1].split()[-4:] == ["12", "5", "3", "12"]
    assert done.returncode == 1


def test_a_run_without_a_report_is_a_failure_and_an_old_report_is_not_taken(clone):
    (clone / "report.xml").write_text(REPORT.format(errors=0, failures=0))
    assert run(clone).returncode == 0
    (clone / "report.xml").unlink()
    done = run(clone)
    assert done.stdout.splitlines()[1].split()[-4:] == ["-", "-", "-", "-"]
    assert done.returncode == 1


def test_arguments_go_to_pytest(clone):
    run(clone, "tests/solvers/test_domain.py", "-k", "two words")
    assert "pytest tests/solvers/test_domain.py -k two words" in (clone / "matrix" / "here.log").read_text()


def test_an_unknown_row_is_refused_before_any_work(clone):
    done = run(clone, rows="here woody")
    assert done.returncode == 1
    assert "no row is called 'woody'; SSB2MESH_MATRIX_ROWS takes: here trixie sid" in done.stderr
    assert not (clone / "matrix").exists()


def test_without_root_and_sudo_it_says_so(clone):
    # a PATH with an id that is not root's and no sudo
    tools = clone / "path"
    tools.mkdir()
    for name in ("bash", "cat", "cut", "sha256sum", "dirname"):
        (tools / name).symlink_to(shutil.which(name))
    (tools / "id").write_text("#!/bin/sh\necho 1000\n")
    (tools / "id").chmod(0o755)
    done = run(clone, rows="trixie", PATH=str(tools))
    assert done.returncode == 1
    assert "chroots need root or sudo" in done.stderr
    assert not (clone / "matrix").exists()
