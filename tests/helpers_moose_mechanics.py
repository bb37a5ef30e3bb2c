"""Solves MOOSE inputs of linear elasticity from the .i and the .e alone, object by object as MOOSE documents them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from helpers_moose import measure, parse_hit, read_exodus_by_vtk
from scipy.sparse import coo_array
from scipy.sparse.linalg import spsolve

#: Voigt's order of MOOSE: xx yy zz yz xz xy.
PAIRS = [(0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1)]


class ElasticProblem:
    """A steady input of small-strain elasticity on four-node tets."""

    def __init__(self, path: Path) -> None:
        self.tree = parse_hit(path.read_text())
        mesh = read_exodus_by_vtk(path.parent / self.tree["Mesh"]["file"]["file"])
        ids = sorted(mesh["points"])
        number = {node: i for i, node in enumerate(ids)}
        self.points = np.array([mesh["points"][node] for node in ids], float)

        def renumbered(rows):
            return np.array([[number[int(v)] for v in row] for row in rows])

        self.sets = {name: renumbered(rows) for name, rows in mesh["side_sets"].items()}
        self.cells = {name: renumbered(rows) for name, rows in mesh["blocks"].items()}
        for entry in self.tree["Mesh"].values():
            if entry["type"] == "ParsedGenerateSideset":
                joined = [self.sets[name] for name in entry["included_boundaries"].split()]
                self.sets[entry["new_sideset_name"]] = np.concatenate(joined)

    def material(self, block: str, kind: str) -> dict:
        """The one material of a kind on a block."""
        found = [m for m in self.tree["Materials"].values() if m["type"] in kind and block in m["block"].split()]
        assert len(found) == 1, (block, kind)
        return found[0]

    def stiffness(self, block: str) -> np.ndarray:
        """Six by six, for engineering shears."""
        entry = self.material(block, ("ComputeIsotropicElasticityTensor", "ComputeElasticityTensor"))
        if "C_ijkl" in entry:
            found = np.zeros((6, 6))
            found[np.triu_indices(6)] = np.array(entry["C_ijkl"].split(), float)
            return found + np.triu(found, 1).T
        young, poisson = float(entry["youngs_modulus"]), float(entry["poissons_ratio"])
        shear = young / 2 / (1 + poisson)
        found = np.diag([2.0 * shear] * 3 + [shear] * 3)
        found[:3, :3] += young * poisson / (1 + poisson) / (1 - 2 * poisson)
        return found

    def eigenstrain(self, entry: dict) -> np.ndarray:
        """Swelling in Voigt's order, engineering shears."""
        total = np.zeros(6)
        for name in entry.get("eigenstrain_names", "").split():
            found = [m for m in self.tree["Materials"].values() if m.get("eigenstrain_name") == name]
            assert len(found) == 1
            assert entry["block"] in found[0]["block"].split()
            total += np.array(found[0]["eigen_base"].split(), float) * [1, 1, 1, 2, 2, 2]
        return total

    def dofs(self, variable: str, nodes: np.ndarray) -> np.ndarray:
        return 3 * nodes + ["disp_x", "disp_y", "disp_z"].index(variable)

    def solve(self) -> tuple[np.ndarray, dict[str, float]]:
        """Displacements (n, 3) and the values of the postprocessors."""
        count = 3 * len(self.points)
        rows, columns, entries, swelling = [], [], [], np.zeros(count)
        for entry in self.tree["Physics/SolidMechanics/QuasiStatic"].values():
            assert (entry["strain"], entry["incremental"], entry["extra_vector_tags"]) == ("SMALL", "false", "reaction")
            cells, stiffness = self.cells[entry["block"]], self.stiffness(entry["block"])
            volume, gradients = measure(self.points[cells])
            slopes = np.zeros((len(cells), 6, 12))
            for row, (i, j) in enumerate(PAIRS):
                slopes[:, row, i::3] = gradients[:, j]
                if i != j:
                    slopes[:, row, j::3] = gradients[:, i]
            dof = (3 * cells[:, :, None] + np.arange(3)).reshape(len(cells), 12)
            entries.append(np.einsum("m,mki,kl,mlj->mij", volume, slopes, stiffness, slopes).ravel())
            rows.append(np.repeat(dof, 12, axis=1).ravel())
            columns.append(np.tile(dof, (1, 12)).ravel())
            own = np.einsum("m,mki,kl,l->mi", volume, slopes, stiffness, self.eigenstrain(entry))
            np.add.at(swelling, dof.ravel(), own.ravel())
        shape = (count, count)
        inner = coo_array(
            (np.concatenate(entries), (np.concatenate(rows), np.concatenate(columns))), shape=shape
        ).tocsr()
        outer, ties, held, values = self.loads(count), self.ties(count), np.zeros(count, bool), np.zeros(count)
        for entry in self.tree["BCs"].values():
            if str(entry.get("type")).endswith("DirichletBC"):
                for name in entry["boundary"].split():
                    nodes = np.unique(self.sets[name])
                    dof = self.dofs(entry["variable"], nodes)
                    held[dof], values[dof] = True, self.prescribed(entry, nodes)
        matrix, free = (inner + ties).tocsr(), np.flatnonzero(~held)
        right = outer + swelling - matrix @ values
        values[free] = spsolve(matrix[free][:, free].tocsc(), right[free])
        # kernels and loads are tagged, ties cannot be
        reaction = inner @ values - swelling - outer
        return values.reshape(-1, 3), self.postprocessors(values, reaction)

    def prescribed(self, entry: dict, nodes: np.ndarray) -> np.ndarray:
        """Displacement of nodes: a number or a parsed function of place."""
        if entry["type"] == "DirichletBC":
            return np.full(len(nodes), float(entry["value"]))
        function = self.tree["Functions"][entry["function"]]
        assert function["type"] == "ParsedFunction"
        names = dict(zip("xyz", self.points[nodes].T, strict=True))
        return np.asarray(eval(function["expression"], {"__builtins__": {}}, names))

    def total(self, component: str, blocks: list[str], values: np.ndarray) -> float:
        """Integral of a component of stress."""
        row = ["xx", "yy", "zz", "yz", "xz", "xy"].index(component)
        total = 0.0
        for entry in self.tree["Physics/SolidMechanics/QuasiStatic"].values():
            if entry["block"] in blocks:
                assert f"stress_{component}" in entry["generate_output"].split()
                cells = self.cells[entry["block"]]
                volume, gradients = measure(self.points[cells])
                slope = np.einsum("mdk,mkc->mcd", gradients, values.reshape(-1, 3)[cells])
                both = slope + slope.transpose(0, 2, 1)
                strain = np.stack([both[:, i, j] / (2 if i == j else 1) for i, j in PAIRS], axis=1)
                stress = (strain - self.eigenstrain(entry)) @ self.stiffness(entry["block"])
                total += float(volume @ stress[:, row])
        return total

    def postprocessors(self, values: np.ndarray, reaction: np.ndarray) -> dict[str, float]:
        """Sums of reactions, integrals of stress, and what is computed from them."""
        found: dict[str, float] = {}
        for name, entry in self.tree["Postprocessors"].items():
            if entry["type"] == "NodalSum":
                (side,) = entry["boundary"].split()
                dof = self.dofs(entry["variable"].removeprefix("reaction_"), np.unique(self.sets[side]))
                found[name] = float(reaction[dof].sum())
            elif entry["type"] == "ElementIntegralVariablePostprocessor":
                component = entry["variable"].removeprefix("stress_")
                found[name] = self.total(component, entry["block"].split(), values)
            else:
                assert entry["type"] == "ParsedPostprocessor"
                known = {key: found[key] for key in entry["pp_names"].split()}
                found[name] = float(eval(entry["expression"], {"__builtins__": {}}, known))
        return found

    def loads(self, count: int) -> np.ndarray:
        """Forces of tractions and pressures; every one must be tagged, else sums over held nodes miss them."""
        found = np.zeros(count)
        for name, entry in self.tree["BCs"].items():
            if name == "Pressure":
                for push in entry.values():
                    assert (push["use_displaced_mesh"], push["extra_vector_tags"]) == ("false", "reaction")
                    for side in push["boundary"].split():
                        corners = self.points[self.sets[side]]
                        normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]) / 2
                        share = np.repeat(-float(push["factor"]) * normal / 3, 3, axis=0)
                        nodes = self.sets[side].ravel()
                        for axis in range(3):
                            np.add.at(found, 3 * nodes + axis, share[:, axis])
            elif entry["type"] == "NeumannBC":
                assert entry["extra_vector_tags"] == "reaction"
                for side in entry["boundary"].split():
                    area = measure(self.points[self.sets[side]])[0]
                    dof = self.dofs(entry["variable"], self.sets[side])
                    np.add.at(found, dof.ravel(), np.repeat(float(entry["value"]) * area / 3, 3))
        return found

    def ties(self, count: int) -> coo_array:
        """Penalties that hold the nodes of a plate to its first."""
        rows, columns, entries = [np.zeros(0, int)], [np.zeros(0, int)], [np.zeros(0)]
        for entry in self.tree.get("Constraints", {}).values():
            dof = self.dofs(entry["variable"], np.unique(self.sets[entry["secondary"]]))
            first = np.full(len(dof), dof[0])
            rows += [dof, dof, first, first]
            columns += [dof, first, dof, first]
            entries += [float(entry["penalty"]) * sign * np.ones(len(dof)) for sign in (1, -1, -1, 1)]
        both = (np.concatenate(rows), np.concatenate(columns))
        return coo_array((np.concatenate(entries), both), shape=(count, count))
