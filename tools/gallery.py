"""Makes the pictures of docs/gallery.md by running the commands on that page: `make gallery`.

Each section has commands, study files that they read (the first line names them), and the pictures they write. It runs
in a folder of its own, in which `examples` is the folder of that name; pictures go to docs/pictures with fewer colours,
which keeps them small.

Run: python tools/gallery.py [--list] [--only WORD] [--output FOLDER]
"""

from __future__ import annotations

import argparse
import os
import re
import shlex
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "gallery.md"
WIDTH, COLOURS = 1200, 256


@dataclass(frozen=True)
class Section:
    """A heading of the page, its commands, the names of the pictures below them, and files by name."""

    title: str
    commands: tuple[str, ...]
    pictures: tuple[str, ...]
    files: tuple[tuple[str, str], ...] = ()


def sections(page: Path = PAGE) -> list[Section]:
    """Return the sections of the page that have pictures."""
    found = []
    for part in page.read_text(encoding="utf-8").split("\n## ")[1:]:
        blocks = re.findall(r"^```sh\n(.*?)^```", part, flags=re.M | re.S)
        commands = tuple(line for block in blocks for line in block.strip().splitlines())
        files = tuple(
            (name, text) for text, name in re.findall(r"^```toml\n(# (\S+)\n.*?)^```", part, flags=re.M | re.S)
        )
        pictures = tuple(re.findall(r"\]\(pictures/(\S+?)\)", part))
        found.append(Section(part.partition("\n")[0], commands, pictures, files))
    return [section for section in found if section.pictures]


def run(section: Section, folder: Path) -> None:
    """Run the commands of a section in a folder; what they say is shown when one fails."""
    (folder / "examples").symlink_to(ROOT / "examples")
    for name, text in section.files:
        (folder / name).write_text(text, encoding="utf-8")
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    for line in section.commands:
        program, *words = shlex.split(line)
        start = {"ssb2mesh": ["-c", "from ssb2mesh.cli.main import main; main()"], "python": []}
        if program not in start:
            raise SystemExit(f"{PAGE.name}: {section.title}: a command of another program: {line}")
        done = subprocess.run([sys.executable, *start[program], *words], cwd=folder, env=environment,
                              capture_output=True, text=True)  # fmt: skip
        if done.returncode:
            raise SystemExit(f"{PAGE.name}: {section.title}: {line}\n{done.stdout}{done.stderr}")


def shrink(source: Path, target: Path) -> None:
    """Write a picture at most as wide as a page, with few colours."""
    from PIL import Image

    with Image.open(source) as image:
        picture = image.convert("RGB")
        if picture.width > WIDTH:
            size = (WIDTH, round(picture.height * WIDTH / picture.width))
            picture = picture.resize(size, Image.Resampling.LANCZOS)
        part = target.with_name(f".{target.name}.part")
        # a method that keeps rare colours, those of bars and thin lines; k-means make greys grey, and scales even
        few = picture.quantize(COLOURS, method=Image.Quantize.MAXCOVERAGE, kmeans=4, dither=Image.Dither.NONE)
        few.save(part, format="PNG", optimize=True)
    part.replace(target)


def make(section: Section, output: Path) -> list[Path]:
    """Run a section and bring its pictures to a folder."""
    made = []
    with tempfile.TemporaryDirectory() as folder:
        run(section, Path(folder))
        for name in section.pictures:
            source = Path(folder) / name
            if not source.is_file():
                raise SystemExit(f"{PAGE.name}: {section.title}: no command writes {name}")
            shrink(source, output / name)
            made.append(output / name)
    return made


def main(words: list[str] | None = None) -> int:
    """Make the pictures; exit code 0."""
    parser = argparse.ArgumentParser(description="Make the pictures of docs/gallery.md.")
    parser.add_argument("--only", default="", metavar="WORD", help="sections whose heading holds this word")
    parser.add_argument("--output", type=Path, default=ROOT / "docs" / "pictures", metavar="FOLDER")
    parser.add_argument("--list", action="store_true", help="show the sections and their pictures, run nothing")
    given = parser.parse_args(words)
    chosen = [section for section in sections() if given.only.lower() in section.title.lower()]
    if not chosen:
        raise SystemExit(f"no section with {given.only!r}; sections: {', '.join(s.title for s in sections())}")
    for section in chosen:
        if given.list:
            sys.stdout.write(f"{section.title}: {', '.join(section.pictures)}\n")
            continue
        for path in make(section, given.output):
            sys.stdout.write(f"{path}  {path.stat().st_size // 1000} kB\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
