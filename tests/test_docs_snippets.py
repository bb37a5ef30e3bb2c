"""Snippets of the pages that need a reader's own files, and so cannot run here: their words are checked instead.

Tutorial, how-to pages and README run as they are (test_docs, test_readme). In all other pages every command has a verb
and options that exist, Python compiles, imports what there is, and calls it by arguments that it takes; TOML is TOML.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import shlex
import textwrap
import tomllib
from pathlib import Path

import click
import pytest

DOCS = Path(__file__).resolve().parent.parent / "docs"
PAGES = [DOCS.parent / "README.md", *(page for page in sorted(DOCS.rglob("*.md")) if "_build" not in page.parts)]


def blocks(page, kind):
    found = re.findall(rf"^( *)```{kind}\n(.*?)^ *```", page.read_text(encoding="utf-8"), flags=re.M | re.S)
    return [textwrap.dedent(text) for _, text in found]


def commands(page):
    """Command lines in blocks and indented; what runs under mpirun or after && counts too."""
    text = page.read_text(encoding="utf-8").replace("\\\n", " ")
    shell = [block for kind in ("sh", "bash") for block in blocks(page, kind)]
    lines = [line for block in shell for line in block.replace("\\\n", " ").splitlines()]
    lines += re.findall(r"^ {4}((?:mpirun .*)?ssb2mesh .*)$", text, flags=re.M)
    found = []
    for line in lines:
        for part in re.split(r"&&|\|\||>>|;| > ", line):
            words = shlex.split(part, comments=True)
            if "ssb2mesh" in words and words[words.index("ssb2mesh") + 1 :] and "..." not in part:
                found.append(words[words.index("ssb2mesh") + 1 :])
    return found


def test_there_is_something_to_check():
    assert sum(len(commands(page)) for page in PAGES) > 60
    assert sum(len(blocks(page, "python")) for page in PAGES) > 20


@pytest.mark.parametrize("page", [p for p in PAGES if commands(p)], ids=lambda p: p.stem)
def test_commands_have_verbs_and_options_that_exist(page):
    from ssb2mesh.cli.main import cli

    for words in commands(page):
        if words[0].startswith("-"):
            continue
        verb = cli.get_command(click.Context(cli), words[0])
        assert verb is not None, f"{page.name}: no verb {words[0]!r}"
        try:
            verb.make_context(words[0], list(words[1:]))
        except click.exceptions.Exit:
            pass  # --help, --list
        except click.UsageError as error:
            raise AssertionError(f"{page.name}: ssb2mesh {' '.join(words)}: {error.format_message()}") from error


@pytest.mark.parametrize("page", [p for p in PAGES if blocks(p, "toml")], ids=lambda p: p.stem)
def test_toml_is_toml(page):
    for text in blocks(page, "toml"):
        tomllib.loads(text)


@pytest.mark.parametrize("page", [p for p in PAGES if blocks(p, "python")], ids=lambda p: p.stem)
def test_python_names_what_there_is(page):
    known = {}  # names that an earlier block of the page has imported
    for text in blocks(page, "python"):
        tree = ast.parse(text, page.name)
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                known |= {(a.asname or a.name.partition(".")[0]): _module(a.name, bool(a.asname)) for a in node.names}
            elif isinstance(node, ast.ImportFrom):
                known |= {a.asname or a.name: _member(node.module, a.name, page) for a in node.names}
        # a name that is set to something else is no longer what was imported
        known = {name: value for name, value in known.items() if name not in _assigned(tree)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                _check_call(node, known, page)


def _module(name, whole):
    try:
        module = importlib.import_module(name)
    except ImportError:
        pytest.skip(f"not installed: {name}")
    return module if whole else importlib.import_module(name.partition(".")[0])


def _member(module, name, page):
    found = _module(module, True)
    if not hasattr(found, name):
        try:
            return importlib.import_module(f"{module}.{name}")
        except ImportError:
            raise AssertionError(f"{page.name}: {module} has no {name}") from None
    return getattr(found, name)


def _assigned(tree):
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}


def _check_call(call, known, page):
    path = ast.unparse(call.func).split(".")
    if path[0] not in known or not all(part.isidentifier() for part in path):
        return
    found = known[path[0]]
    for part in path[1:]:
        assert hasattr(found, part), f"{page.name}: {'.'.join(path)}: no {part}"
        found = getattr(found, part)
    if not str(getattr(found, "__module__", "")).startswith(("ssb2mesh", "solvers")):
        return
    takes = inspect.signature(found).parameters
    if not any(p.kind is p.VAR_KEYWORD for p in takes.values()):
        for given in call.keywords:
            assert given.arg is None or given.arg in takes, f"{page.name}: {'.'.join(path)} takes no {given.arg}"
