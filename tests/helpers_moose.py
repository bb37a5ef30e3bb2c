"""A parser of MOOSE's input language and a small solver of the objects it names, both apart from the writer.

The parser follows the grammar of HIT: sections ``[name] ... []`` (also ``[./name] ... [../]``), fields ``name = value``
with bare or quoted values, comments from ``#``. The solver reads the Exodus file with VTK and assembles the objects of
`KERNELS` with linear tets and triangles: what the input says, not what the study meant.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.linalg import spsolve

_TOKEN = re.compile(
    r"""(?P<space>\s+|\#[^\n]*)
      | (?P<close>\[(?:\.\./)?\])
      | \[(?P<open>(?:\./)?[A-Za-z0-9_./:<>+*-]+)\]
      | (?P<key>[A-Za-z0-9_./:<>+*-]+)[ \t]*:?=[ \t]*(?P<value>'[^']*'|"[^"]*"|[^\s'"\[\]\#]+)""",
    re.VERBOSE,
)


def parse_hit(text: str) -> dict:
    """Return nested dicts of an input; a field or section twice, or anything else odd, is an error."""
    root: dict = {}
    stack = [root]
    at = 0
    while at < len(text):
        found = _TOKEN.match(text, at)
        if not found:
            raise ValueError(f"line {text.count(chr(10), 0, at) + 1}: {text[at : at + 40]!r}")
        at = found.end()
        if found["open"]:
            name = found["open"].removeprefix("./")
            section: dict = {}
            _new(stack[-1], name, section)
            stack.append(section)
        elif found["close"]:
            if len(stack) == 1:
                raise ValueError("a section is closed that was not opened")
            stack.pop()
        elif found["key"]:
            _new(stack[-1], found["key"], found["value"].strip("'\""))
    if len(stack) != 1:
        raise ValueError("a section is not closed")
    return root


def _new(section: dict, name: str, value: object) -> None:
    if name in section:
        raise ValueError(f"{name!r} is there twice")
    section[name] = value


def read_exodus_by_vtk(path: Path) -> dict:
    """Return points, blocks {name: tets} and side sets {name: triangles} as VTK's reader gives them."""
    from vtkmodules.util.numpy_support import vtk_to_numpy
    from vtkmodules.vtkIOExodus import vtkExodusIIReader

    reader = vtkExodusIIReader()
    reader.SetFileName(str(path))
    reader.UpdateInformation()
    reader.GenerateGlobalNodeIdArrayOn()
    for kind in (reader.ELEM_BLOCK, reader.SIDE_SET):
        for n in range(reader.GetNumberOfObjects(kind)):
            reader.SetObjectStatus(kind, n, 1)
    reader.Update()
    output = reader.GetOutput()
    found: dict = {"blocks": {}, "side_sets": {}, "points": {}}
    for kind, number, key in ((reader.ELEM_BLOCK, 0, "blocks"), (reader.SIDE_SET, 4, "side_sets")):
        group = output.GetBlock(number)
        for n in range(reader.GetNumberOfObjects(kind)):
            part = group.GetBlock(n)
            coordinates = vtk_to_numpy(part.GetPoints().GetData())
            ids = vtk_to_numpy(part.GetPointData().GetArray("GlobalNodeId"))
            cells = vtk_to_numpy(part.GetCells().GetConnectivityArray())
            width = part.GetCell(0).GetNumberOfPoints()
            found[key][reader.GetObjectName(kind, n).split(" ")[0]] = ids[cells.reshape(-1, width)]
            found["points"] |= dict(zip(ids.tolist(), coordinates.tolist(), strict=True))
    return found


def names_used(tree: dict) -> tuple[set, set]:
    """Return every block and every boundary that objects of an input name."""
    blocks: set = set()
    boundaries: set = set()
    for key, value in tree.items():
        if isinstance(value, dict):
            more = names_used(value)
            blocks |= more[0]
            boundaries |= more[1]
        elif key == "block":
            blocks |= set(value.split())
        elif key in ("boundary", "secondary", "sidesets", "included_boundaries"):
            boundaries |= set(value.split())
        elif key == "block_pairs":
            blocks |= set(value.replace(";", " ").split())
    return blocks, boundaries


class Problem:
    """An input of conduction or charge transfer, ready to solve."""

    def __init__(self, path: Path) -> None:
        self.tree = parse_hit(path.read_text())
        mesh = read_exodus_by_vtk(path.parent / self.tree["Mesh"]["file"]["file"])
        ids = sorted(mesh["points"])
        number = {node: i for i, node in enumerate(ids)}
        self.points = np.array([mesh["points"][node] for node in ids], float)
        self.sets = {name: self._renumbered(rows, number) for name, rows in mesh["side_sets"].items()}
        self.cells = {name: self._renumbered(rows, number) for name, rows in mesh["blocks"].items()}
        for entry in self.tree["Mesh"].values():
            if entry["type"] == "LowerDBlockFromSidesetGenerator":
                self.cells[entry["new_block_name"]] = self.sets[entry["sidesets"]]
            elif entry["type"] == "ParsedGenerateSideset":
                assert entry["combinatorial_geometry"] == "1"
                joined = [self.sets[name] for name in entry["included_boundaries"].split()]
                self.sets[entry["new_sideset_name"]] = np.concatenate(joined)
        self.dof: dict[str, np.ndarray] = {}
        count = 0
        for name, entry in self.tree["Variables"].items():
            nodes = np.unique(np.concatenate([self.cells[b].ravel() for b in entry["block"].split()]))
            self.dof[name] = np.full(len(self.points), -1)
            self.dof[name][nodes] = count + np.arange(len(nodes))
            count += len(nodes)
        self.count = count

    @staticmethod
    def _renumbered(rows: np.ndarray, number: dict) -> np.ndarray:
        return np.array([[number[int(v)] for v in row] for row in rows])

    def nodes(self, entry: dict) -> np.ndarray:
        """Nodes of the boundary or block of an object."""
        if "boundary" in entry:
            parts = [self.sets[name] for name in entry["boundary"].split()]
        else:
            parts = [self.cells[name] for name in entry["block"].split()]
        return np.unique(np.concatenate([part.ravel() for part in parts]))

    def visits(self, entry: dict) -> np.ndarray:
        """Nodes in a sum: MOOSE comes to a node once for each boundary of the object that it lies on."""
        return np.concatenate([self.nodes({"boundary": name}) for name in entry["boundary"].split()]
                              if "boundary" in entry else [self.nodes(entry)])  # fmt: skip

    def value(self, entry: dict, time: float) -> float:
        """Number or function of time of an object."""
        if "function" not in entry:
            return float(entry["value"])
        function = self.tree["Functions"][entry["function"]]
        x, y = (np.array(function[key].split(), float) for key in "xy")
        return float(np.interp(time, x, y))

    def residual(self, u: np.ndarray, time: float) -> tuple[np.ndarray, np.ndarray]:
        """Residual of all kernels and boundary integrals, and the part that is tagged for reactions."""
        whole, tagged = np.zeros(self.count), np.zeros(self.count)
        for entry in self.tree.get("Kernels", {}).values():
            part = np.zeros(self.count)
            for block in entry["block"].split():
                KERNELS[entry["type"]](self, entry, block, u, part, time)
            whole += part
            if entry.get("extra_vector_tags") == "reaction":
                tagged += part
        for entry in self.tree["BCs"].values():
            if entry["type"].endswith("NeumannBC"):
                dof = self.dof[entry["variable"]]
                for name in entry["boundary"].split():
                    rows = self.sets[name]
                    share = self.value(entry, time) * measure(self.points[rows])[0] / 3
                    assert (dof[rows] >= 0).all()
                    np.subtract.at(whole, dof[rows].ravel(), np.repeat(share, 3))
                    if entry.get("extra_vector_tags") == "reaction":
                        np.subtract.at(tagged, dof[rows].ravel(), np.repeat(share, 3))
        for entry in self.tree.get("Constraints", {}).values():
            dof = self.dof[entry["variable"]]
            nodes = np.unique(self.sets[entry["secondary"]])
            pull = float(entry["penalty"]) * (u[dof[nodes]] - u[dof[nodes[0]]])
            np.add.at(whole, dof[nodes], pull)
            whole[dof[nodes[0]]] -= pull.sum()
        return whole, tagged

    def solve(self, time: float = 1.0, start: np.ndarray | None = None) -> np.ndarray:
        """Newton's method with a differenced Jacobian; columns without a common row are differenced together."""
        u = np.zeros(self.count) if start is None else start.copy()
        if start is None:
            for entry in self.tree.get("ICs", {}).values():
                dof = self.dof[entry["variable"]][self.nodes(entry)]
                u[dof] = float(entry["value"])
        held = np.zeros(self.count, bool)
        for entry in self.tree["BCs"].values():
            if entry["type"].endswith("DirichletBC"):
                dof = self.dof[entry["variable"]][self.nodes(entry)]
                assert (dof >= 0).all()
                held[dof] = True
                u[dof] = self.value(entry, time)
        free = np.flatnonzero(~held)
        pattern, colour = self.coupling()
        for _ in range(30):
            base = self.residual(u, time)[0]
            slopes = np.zeros(pattern.nnz)
            for shade in range(colour.max() + 1):
                moved = u + 1e-7 * (colour == shade)
                rise = (self.residual(moved, time)[0] - base) / 1e-7
                on = colour[pattern.col] == shade
                slopes[on] = rise[pattern.row[on]]
            jacobian = csr_array((slopes, (pattern.row, pattern.col)), shape=pattern.shape)
            step = spsolve(jacobian[free][:, free].tocsc(), -base[free])
            u[free] += step
            if np.abs(step).max() < 1e-11:
                return u
        raise AssertionError("Newton's method does not converge")

    def coupling(self):
        """Which unknowns meet in a cell or a tie, and colours of which no two meet in a row."""
        groups = [np.concatenate([dof[rows] for dof in self.dof.values()], axis=1) for rows in self.cells.values()]
        pairs = [np.stack([g[:, i], g[:, j]]) for g in groups for i in range(g.shape[1]) for j in range(g.shape[1])]
        for entry in self.tree.get("Constraints", {}).values():
            nodes = self.dof[entry["variable"]][np.unique(self.sets[entry["secondary"]])]
            first = np.full(len(nodes), nodes[0])
            pairs += [np.stack([first, nodes]), np.stack([nodes, first])]
        both = np.concatenate(pairs, axis=1)
        both = both[:, (both >= 0).all(axis=0)]
        matrix = csr_array((np.ones(both.shape[1]), (both[0], both[1])), shape=(self.count, self.count))
        matrix.data[:] = 1.0
        near = csr_array(matrix @ matrix)
        colour = np.full(self.count, -1)
        for i in range(self.count):
            used = set(colour[near.indices[near.indptr[i] : near.indptr[i + 1]]].tolist())
            colour[i] = next(c for c in range(len(used) + 1) if c not in used)
        return matrix.tocoo(), colour

    def postprocessors(self, u: np.ndarray, time: float = 1.0) -> dict[str, float]:
        """Values of the postprocessors."""
        tagged = self.residual(u, time)[1]
        found: dict[str, float] = {}
        for name, entry in self.tree["Postprocessors"].items():
            if entry["type"] == "NodalSum":
                nodes = self.visits(entry)
                found[name] = float(tagged[self.dof[entry["variable"].removeprefix("reaction_")][nodes]].sum())
            elif entry["type"] == "AverageNodalVariableValue":
                found[name] = float(u[self.dof[entry["variable"]][self.visits(entry)]].mean())
            elif entry["type"] == "ParsedPostprocessor":
                found[name] = float(eval(entry["expression"], {"__builtins__": {}}, dict(found)))
            elif entry["type"] == "ADElementIntegralMaterialProperty":
                law = self.tree["Materials"][entry["mat_prop"]]
                found[name] = float(sum(w @ self.parsed(law, rows, u) for rows, w in self.triangles(entry["block"])))
        return found

    def triangles(self, block: str):
        """The three points of a rule exact to second degree: shape values' nodes, weights."""
        rows = self.cells[block]
        area = measure(self.points[rows])[0]
        for shift in range(3):
            yield np.roll(rows, shift, axis=1), area / 3

    def parsed(self, law: dict, rows: np.ndarray, u: np.ndarray) -> np.ndarray:
        """A parsed material at the point of each triangle with weights 2/3, 1/6, 1/6 of its corners."""
        shapes = np.array([2 / 3, 1 / 6, 1 / 6])
        known = dict(zip(law["constant_names"].split(), map(float, law["constant_expressions"].split()), strict=True))
        for name in law["coupled_variables"].split():
            assert (self.dof[name][rows] >= 0).all()
            known[name] = u[self.dof[name][rows]] @ shapes
        return np.asarray(eval(law["expression"], {"__builtins__": {}, "exp": np.exp}, known))


def measure(corners: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Area of triangles, or volume of tets and gradients of their shape functions."""
    edges = corners[:, 1:] - corners[:, :1]
    if corners.shape[1] == 3:
        return np.linalg.norm(np.cross(edges[:, 0], edges[:, 1]), axis=1) / 2, np.zeros(0)
    inverse = np.linalg.inv(edges)
    gradients = np.concatenate([-inverse.sum(axis=2)[:, :, None], inverse], axis=2)
    return np.abs(np.linalg.det(edges)) / 6, gradients


def _conduction(problem: Problem, entry: dict, block: str, u, out, time) -> None:
    if entry["type"] == "AnisotropicDiffusion":
        tensor = np.array(entry["tensor_coeff"].split(), float).reshape(3, 3)
    else:
        materials = problem.tree["Materials"].values()
        value = [m["prop_values"] for m in materials
                 if m.get("prop_names") == entry["diffusivity"] and block in m["block"].split()]  # fmt: skip
        assert len(value) == 1, "one material for a block"
        tensor = float(value[0]) * np.eye(3)
    rows = problem.cells[block]
    volume, gradients = measure(problem.points[rows])
    dof = problem.dof[entry["variable"]][rows]
    flux = np.einsum("ij,mj->mi", tensor, np.einsum("mdk,mk->md", gradients, u[dof]))
    np.add.at(out, dof.ravel(), (volume[:, None] * np.einsum("mdk,md->mk", gradients, flux)).ravel())


def _force(problem: Problem, entry: dict, block: str, u, out, time) -> None:
    dof = problem.dof[entry["variable"]]
    shapes = np.array([2 / 3, 1 / 6, 1 / 6])
    for rows, weight in problem.triangles(block):
        value = np.ones(len(rows))
        if entry["type"] == "ADMatBodyForce":
            value = problem.parsed(problem.tree["Materials"][entry["material_property"]], rows, u)
        share = -problem.value(entry, time) * (weight * value)[:, None] * shapes
        np.add.at(out, dof[rows].ravel(), share.ravel())


def _property_value(problem: Problem, entry: dict, block: str, u, out, time) -> None:
    dof = problem.dof[entry["variable"]]
    shapes = np.array([2 / 3, 1 / 6, 1 / 6])
    for rows, weight in problem.triangles(block):
        gap = problem.parsed(problem.tree["Materials"][entry["prop_name"]], rows, u) - u[dof[rows]] @ shapes
        np.add.at(out, dof[rows].ravel(), ((weight * gap)[:, None] * shapes).ravel())


KERNELS = {
    "ADMatDiffusion": _conduction,
    "AnisotropicDiffusion": _conduction,
    "ADMatBodyForce": _force,
    "ADBodyForce": _force,
    "ADMaterialPropertyValue": _property_value,
}
