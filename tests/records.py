"""Comparisons with known answers that assert, and leave a line for docs/verification.md when pytest is told to.

A test takes the fixture ``verify`` and calls it instead of ``assert``:

    verify("thick shell under pressure", "von Mises stress at the wall", mises.mean(), 1.5 * 8 / 7, 0.01,
           source="Lame", mesh=domain)

so the bar on the page is the bar of the test. ``pytest --verification FILE`` runs the tests that have the fixture, and
only those, and writes one JSON object a comparison; tools/verification_page.py makes the page of them.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest


class Verify:
    """Compare with a known answer: fail beyond the bar, otherwise leave a record."""

    def __init__(self, test: str, file: Path | None) -> None:
        self.test, self.file = test, file

    def __call__(
        self,
        case: str,
        quantity: str,
        computed: Any,
        exact: float,
        bar: float,
        *,
        source: str,
        mesh: Any,
        absolute: bool = False,
    ) -> None:
        """Compare one number.

        Parameters
        ----------
        case, quantity : str
            What is solved, and which number of it.
        computed : float, sequence of two, or array
            The number; an interval, which must contain the exact answer (``bar`` is how far outside it may lie); or an
            array, of which the worst entry counts.
        exact : float
            The known answer.
        bar : float
            Largest error: of the value relative to the exact one, or itself if `absolute`.
        source : str
            The formula or where the value is from, in words.
        mesh : object with n_tets, or str
            On what.
        absolute : bool
            Whether the error is the difference itself.
        """
        exact = float(exact)
        interval = isinstance(computed, tuple)
        if interval:
            low, high = (float(v) for v in computed)
            error, shown = max(low - exact, exact - high, 0.0), [low, high]
        else:
            values = np.atleast_1d(np.asarray(computed, dtype=np.float64)).ravel()
            worst = int(np.argmax(np.where(np.isnan(values), np.inf, np.abs(values - exact))))
            shown = float(values[worst])
            error = abs(shown - exact)
        if not absolute and not interval:
            error /= abs(exact)
        record = {
            "test": self.test, "case": case, "quantity": quantity, "source": source, "exact": exact, "computed": shown,
            "error": error, "bar": bar, "kind": "interval" if interval else "absolute" if absolute else "relative",
            "mesh": mesh if isinstance(mesh, str) else f"{int(mesh.n_tets)} tets",
        }  # fmt: skip
        assert error <= bar, f"{case}: {quantity}: got {shown}, exact {exact}, error {error:.3g}, bar {bar:g}"
        if self.file is not None:
            with self.file.open("a", encoding="utf-8") as lines:
                lines.write(json.dumps(record) + "\n")


def add_option(parser: pytest.Parser) -> None:
    parser.addoption(
        "--verification", metavar="FILE",
        help="run only the tests that compare with known answers; write each comparison to FILE, a JSON object a line",
    )  # fmt: skip


def begin(config: pytest.Config) -> None:
    """Empty the file."""
    file = config.getoption("--verification")
    if file:
        Path(file).write_text("", encoding="utf-8")


def choose(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep the tests that compare, where only those are asked for."""
    if config.getoption("--verification"):
        others = [item for item in items if "verify" not in getattr(item, "fixturenames", ())]
        items[:] = [item for item in items if "verify" in getattr(item, "fixturenames", ())]
        config.hook.pytest_deselected(items=others)


def for_test(request: pytest.FixtureRequest) -> Verify:
    file = request.config.getoption("--verification")
    return Verify(request.node.nodeid.split("[")[0], Path(file) if file else None)


def read(file: Path) -> list[dict[str, Any]]:
    """Return the records of a file."""
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines() if line]


def tests_with_records(root: Path, files: Sequence[Path]) -> set[str]:
    """Return the tests of some files that take the fixture, as ``tests/test_x.py::test_name``."""
    import ast

    found = set()
    for file in files:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                if any(argument.arg == "verify" for argument in node.args.args):
                    found.add(f"{file.relative_to(root).as_posix()}::{node.name}")
    return found
