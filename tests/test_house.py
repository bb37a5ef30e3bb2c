"""The house rules of CONTRIBUTING.md that a program can check."""

from __future__ import annotations

import ast
import graphlib
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
CORE = sorted((ROOT / "ssb2mesh").rglob("*.py"))
SOLVERS = sorted((ROOT / "solvers").rglob("*.py"))
LIBRARY = [*CORE, *SOLVERS]

MODULE_LINES = 450
BODY_LINES = 60
PARAMETERS = 7


def _id(path: Path) -> str:
    return str(path.relative_to(ROOT))


def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def _imports(tree: ast.AST) -> set[str]:
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            found.add(node.module.split(".")[0])
    return found


def _functions(tree: ast.AST) -> list[ast.FunctionDef]:
    return [node for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]


def _body_lines(function: ast.FunctionDef) -> int:
    """Lines of a function's body without its docstring."""
    body = function.body[1:] if ast.get_docstring(function) is not None else function.body
    return body[-1].end_lineno - body[0].lineno + 1 if body else 0


def _is_verb(function: ast.FunctionDef, path: Path) -> bool:
    """Verbs of the command line take one parameter an option."""
    return path.parent.name == "cli"


@pytest.mark.parametrize("path", CORE, ids=_id)
def test_ssb2mesh_imports_neither_dolfinx_nor_mpi_nor_solvers(path):
    forbidden = {"dolfinx", "mpi4py", "petsc4py", "ufl", "basix", "ffcx", "solvers"}
    assert not _imports(_tree(path)) & forbidden


def test_only_physics_names_solvers():
    # reached by name at run time, so that everything else works without DOLFINx
    named = [
        _id(path)
        for path in CORE
        if any(
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and re.fullmatch(r"solvers(\.\w+)+", node.value)
            for node in ast.walk(_tree(path))
        )
    ]
    assert named == ["ssb2mesh/physics.py"]


def test_no_modules_import_each_other_in_circles():
    """Imports inside functions, and those for types only, count too."""
    own = {".".join((path.parent if path.stem == "__init__" else path.with_suffix("")).relative_to(ROOT).parts): path
           for path in LIBRARY}  # fmt: skip
    graph = {
        name: {f"{node.module}.{alias.name}" if f"{node.module}.{alias.name}" in own else str(node.module)
               for node in ast.walk(_tree(path)) if isinstance(node, ast.ImportFrom) for alias in node.names}
        & own.keys() - {name}
        for name, path in own.items()
    }  # fmt: skip
    assert sum(map(len, graph.values())) > 1000
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))


@pytest.mark.parametrize("path", [p for p in SOLVERS if p.name != "dolfinx_api.py"], ids=_id)
def test_only_dolfinx_api_knows_dolfinx(path):
    tree = _tree(path)
    assert "dolfinx" not in _imports(tree)
    names = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    assert "dolfinx_version" not in names
    assert "__version__" not in names


@pytest.mark.parametrize("path", LIBRARY, ids=_id)
def test_size_of_modules_and_functions(path):
    tree = _tree(path)
    lines = len(path.read_text(encoding="utf-8").splitlines())
    assert lines <= MODULE_LINES, f"{lines} lines; a module has at most {MODULE_LINES}"
    long = {f.name: _body_lines(f) for f in _functions(tree) if _body_lines(f) > BODY_LINES}
    assert not long, f"bodies longer than {BODY_LINES} lines: {long}"


@pytest.mark.parametrize("path", LIBRARY, ids=_id)
def test_functions_take_few_parameters(path):
    many = {}
    for function in _functions(_tree(path)):
        a = function.args
        count = len([p for p in (*a.posonlyargs, *a.args, *a.kwonlyargs) if p.arg not in ("self", "cls")])
        if count > PARAMETERS and not _is_verb(function, path) and not _compiled(function):
            many[function.name] = count
    assert not many, f"more than {PARAMETERS} parameters: {many}"


def _compiled(function: ast.FunctionDef) -> bool:
    """Compiled kernels take arrays one by one: they know no dataclasses and no keywords."""
    return any("njit" in ast.unparse(decorator) for decorator in function.decorator_list)


@pytest.mark.parametrize("path", LIBRARY, ids=_id)
def test_docstrings(path):
    tree = _tree(path)
    assert ast.get_docstring(tree), "a module's docstring says what lives there and what may not"
    missing = []
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and not node.name.startswith("_"):
            if not ast.get_docstring(node):
                missing.append(node.name)
            if isinstance(node, ast.ClassDef) and any(ast.unparse(base) == "Protocol" for base in node.bases):
                continue
            for inner in getattr(node, "body", []):
                public = isinstance(inner, ast.FunctionDef) and not inner.name.startswith("_")
                if public and isinstance(node, ast.ClassDef) and not ast.get_docstring(inner):
                    missing.append(f"{node.name}.{inner.name}")
    assert not missing, f"without a docstring: {missing}"


@pytest.mark.parametrize("path", LIBRARY, ids=_id)
def test_library_neither_prints_nor_exits(path):
    for node in ast.walk(_tree(path)):
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            assert called not in ("print", "exit", "quit", "sys.exit", "os._exit"), f"line {node.lineno}: {called}"
        if isinstance(node, ast.Raise) and node.exc is not None:
            raised = ast.unparse(node.exc).split("(")[0]
            assert raised not in ("Exception", "BaseException"), f"line {node.lineno}: bare {raised}"
        if isinstance(node, ast.ExceptHandler):
            assert node.type is not None, f"line {node.lineno}: bare except"


def test_heavy_packages_are_imported_inside_functions():
    heavy = {"pyvista", "vtk", "vtkmodules", "matplotlib", "SimpleITK", "zarr", "meshio", "gmsh", "skimage", "trimesh",
             "netCDF4", "medcoupling"}  # fmt: skip
    for path in LIBRARY:
        top = [node for node in _tree(path).body if isinstance(node, (ast.Import, ast.ImportFrom))]
        found = {name for node in top for name in _imports(ast.Module(body=[node], type_ignores=[]))} & heavy
        assert not found, f"{_id(path)} imports {found} when it is imported"


@pytest.mark.parametrize("path", sorted((ROOT / "ssb2mesh" / "cli").glob("*.py")), ids=_id)
def test_the_command_line_imports_nothing_heavy(path):
    top = [node for node in _tree(path).body if isinstance(node, (ast.Import, ast.ImportFrom))]
    found = {name for node in top for name in _imports(ast.Module(body=[node], type_ignores=[]))}
    assert not found & {"numpy", "scipy", "numba", "h5py", "tifffile"}


def _tracked_texts() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False)
    if listed.returncode != 0:
        pytest.skip("not a git checkout")
    paths = [ROOT / name for name in listed.stdout.decode().split("\0") if name]
    return [p for p in paths if p.is_file() and p.suffix in {".py", ".md", ".toml", ".yml", ".sh", ".txt", ".cfg", ""}]


def test_no_machine_paths_in_the_repository():
    # written apart, so that this file does not find itself
    folders = "|".join(["/" + "work", "/" + "home/[a-z]", "/" + "Users/", "/" + "root", "/" + "tmp", "/" + "opt/[a-z]"])
    pattern = re.compile(rf"(?<![\w.~}}/-])(?:{folders})(?=[/\s\"'`)a-z]|$)")
    found = []
    for path in _tracked_texts():
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
            if pattern.search(line):
                found.append(f"{_id(path)}:{number}: {line.strip()[:80]}")
    assert not found, "absolute paths of a machine:\n" + "\n".join(found)


def test_the_version_has_one_source():
    for path in LIBRARY:
        for node in _tree(path).body:
            if isinstance(node, ast.Assign):
                names = {ast.unparse(target) for target in node.targets}
                assert "__version__" not in names, f"{_id(path)}: the version is in pyproject.toml only"
