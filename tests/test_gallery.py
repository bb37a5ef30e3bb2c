"""The gallery: every picture has the commands that make it, these run, and what they use exists."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def load():
    import sys

    spec = importlib.util.spec_from_file_location("gallery", ROOT / "tools" / "gallery.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["gallery"] = module
    spec.loader.exec_module(module)
    return module


GALLERY = load()


@pytest.mark.parametrize("section", GALLERY.sections(), ids=lambda s: s.title)
def test_each_picture_is_made_by_a_command_or_an_example(section):
    text = "\n".join(section.commands)
    named = set(re.findall(r"-o (\S+\.png)", text))
    for script in re.findall(r"^python (\S+\.py)", text, flags=re.M):
        # a script says in its own text which pictures it draws
        source = (ROOT / script).read_text(encoding="utf-8")
        stems = re.findall(r"/ f?\"(\w+)-\{name\}\.png\"", source)
        named |= {f"{stem}-{name}.png" for stem in stems for name in re.findall(r"\d, \"(\w+)\",", source)}
    assert named == set(section.pictures)
    for path in re.findall(r"examples/\S+", text):
        assert (ROOT / path).is_file()
    for name in section.pictures:
        assert (ROOT / "docs" / "pictures" / name).stat().st_size < 400_000, "make gallery keeps pictures small"


def test_every_picture_of_the_documentation_is_in_the_gallery():
    made = {name for section in GALLERY.sections() for name in section.pictures}
    there = {path.name for path in (ROOT / "docs" / "pictures").iterdir()}
    assert there == made


def test_a_section_runs_and_its_pictures_are_shrunk(tmp_path):
    pytest.importorskip("pyvista")
    image = pytest.importorskip("PIL.Image")
    commands = (
        "ssb2mesh phantom laminate -o a.tif --option shape=16",
        "ssb2mesh mesh a.tif -o a.vtu",
        "ssb2mesh plot a.vtu -o a.png",
    )
    (path,) = GALLERY.make(GALLERY.Section("one", commands, ("a.png",)), tmp_path)
    with image.open(path) as picture:
        assert picture.width <= GALLERY.WIDTH
        assert picture.mode == "P"
    with pytest.raises(SystemExit, match="one: no command writes b.png"):
        GALLERY.make(GALLERY.Section("one", commands[:1], ("b.png",)), tmp_path)
    with pytest.raises(SystemExit, match="one: ssb2mesh info none.tif"):
        GALLERY.make(GALLERY.Section("one", ("ssb2mesh info none.tif",), ("b.png",)), tmp_path)
    with pytest.raises(SystemExit, match="a command of another program: rm"):
        GALLERY.make(GALLERY.Section("one", ("rm -r x",), ("b.png",)), tmp_path)
    with pytest.raises(SystemExit, match="no section with 'zzz'; sections: A composite"):
        GALLERY.main(["--only", "zzz"])
