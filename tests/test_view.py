"""Looking at a mesh: the page in a real browser without a network, the window off screen, and bad input."""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from helpers_ranks import run_guarded

from ssb2mesh.errors import InputError
from ssb2mesh.mesher import mesh_volume
from ssb2mesh.view import Scenery, View, write_view
from ssb2mesh.view.patches import view_patches, worst_tets
from ssb2mesh.volume import LabelledVolume

ROOT = Path(__file__).resolve().parent.parent
MAIN = [sys.executable, "-c", "from ssb2mesh.cli.main import main; main()"]
H = 1e-6


def layers():
    """A layer of LPSCl below one of NMC, with a void in a corner that is left out; 8 x 6 x 4 cells."""
    labels = np.zeros((8, 6, 4), np.uint8)
    labels[:, :, 2:] = 1
    labels[6:, :2, :] = 2
    volume = LabelledVolume(labels, (H, H, H), phases={0: "LPSCl", 1: "NMC", 2: "void"})
    return mesh_volume(volume, drop=["void"])


@pytest.fixture(scope="module")
def mesh():
    return layers()


def data_of(path):
    text = path.read_text(encoding="utf-8")
    return json.loads(re.search(r'<script id="data"[^>]*>(.*?)</script>', text, flags=re.S)[1])


def area_of(patch, scale):
    points = np.frombuffer(base64.b64decode(patch["points"]), "<f4").reshape(-1, 3).astype(float) * scale
    a, b, c = (
        points[np.frombuffer(base64.b64decode(patch["triangles"]), "<u4").reshape(-1, 3)[:, i]] for i in range(3)
    )
    return 0.5 * np.linalg.norm(np.cross(b - a, c - a), axis=1).sum()


# ------------------------------------------------------------------------------------------ the page


def test_the_page_holds_every_set_with_its_area(mesh, tmp_path):
    data = data_of(write_view(mesh, tmp_path / "m.html"))
    areas = mesh.facet_areas()
    drawn = {name for name in mesh.facet_names if ("|" in name or "@" in name) and areas[name] > 0}
    assert {patch["name"] for patch in data["patches"]} == drawn
    for patch in data["patches"]:
        # coordinates of the page are single numbers: seven digits
        assert area_of(patch, data["scale"]) == pytest.approx(areas[patch["name"]], rel=1e-5), patch["name"]
    assert {p["name"]: p["meshed"] for p in data["phases"]} == {"LPSCl": True, "NMC": True, "void": False}
    assert data["half"] == pytest.approx(np.array([8, 6, 4]) / np.sqrt(8**2 + 6**2 + 4**2))


def test_normals_point_from_the_phase_behind_to_the_one_in_front(mesh):
    """The surfaces that bound a phase, taken outwards, enclose its volume: what the script's cut faces rely on."""
    enclosed = dict.fromkeys(mesh.cell_names, 0.0)
    for patch in view_patches(mesh, faces=10**9):
        a, b, c = (patch.points[patch.triangles[:, i]] for i in range(3))
        signed = np.einsum("ij,ij->i", a, np.cross(b, c)).sum() / 6
        enclosed[patch.behind] += signed
        if patch.front in enclosed:
            enclosed[patch.front] -= signed
    volumes = mesh.phase_volumes()
    # sums of a few thousand doubles
    assert enclosed == pytest.approx(volumes, rel=1e-9)


def test_a_large_mesh_is_decimated_and_keeps_flat_areas(mesh, tmp_path):
    whole = sum(len(p.triangles) for p in view_patches(mesh, faces=10**9))
    few = view_patches(mesh, faces=whole // 3)
    assert sum(len(p.triangles) for p in few) < whole / 2
    areas = mesh.facet_areas()
    for patch in few:
        if "@" in patch.name:
            edges = patch.points[patch.triangles]
            area = 0.5 * np.linalg.norm(np.cross(edges[:, 1] - edges[:, 0], edges[:, 2] - edges[:, 0]), axis=1).sum()
            # sides stay flat, and only their rims, which are curved next to the void, move
            assert area == pytest.approx(areas[patch.name], rel=0.06), patch.name


def test_worst_tets_are_those_of_the_check(mesh):
    from ssb2mesh.check.quality import mesh_quality

    worst = worst_tets(mesh, count=5)
    assert len(worst.triangles) == 20
    first = mesh_quality(mesh, worst=5).worst[0]
    assert worst.points[:4] == pytest.approx(mesh.points[mesh.tets[first.tet]])
    assert worst.name.startswith("5 worst tets, dihedral angles ")


def test_the_page_needs_no_network_and_names_cannot_break_out(mesh, tmp_path):
    from dataclasses import replace

    evil = "</script><img src=x>"
    renamed = replace(
        mesh,
        cell_names={evil if name == "NMC" else name: tag for name, tag in mesh.cell_names.items()},
        facet_names={name.replace("NMC", evil): tag for name, tag in mesh.facet_names.items()},
    )
    path = write_view(renamed, tmp_path / "m.html", title="<b>x</b>")
    text = path.read_text(encoding="utf-8")
    assert "<img" not in text
    assert "<b>x" not in text
    assert text.count("</script>") == 2
    assert not re.search(r"(src|href)=\"(?!data:)|https?://|@import|url\(", text)
    assert evil in {phase["name"] for phase in data_of(path)["phases"]}


CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


def browse(address, picture, tmp_path, size="900,700"):
    """Load a page in headless Chromium with no network; return its console and the picture."""
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed (apt install chromium)")
    from matplotlib.image import imread

    command = [CHROMIUM, "--headless", "--no-sandbox", "--use-gl=angle", "--use-angle=swiftshader", "--hide-scrollbars",
               "--enable-unsafe-swiftshader", f"--window-size={size}", "--virtual-time-budget=2000",
               f"--user-data-dir={tmp_path / 'profile'}", "--host-resolver-rules=MAP * ~NOTFOUND",
               "--enable-logging=stderr", f"--screenshot={picture}", address]  # fmt: skip
    done = run_guarded(command)
    assert picture.is_file(), done.stderr
    console = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    return console, imread(picture)[..., :3]


def share(image, colour, tolerance=0.16):
    """Share of the canvas, which is right of the panel, in the hue of a colour, whatever the light."""
    canvas = image[:, 280:].reshape(-1, 3)
    wanted = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    strength = np.linalg.norm(canvas, axis=1)
    near = np.linalg.norm(canvas / np.maximum(strength, 1e-9)[:, None] - wanted / np.linalg.norm(wanted), axis=1)
    return float((near < tolerance).mean())


BLUE, ORANGE = "#0072B2", "#E69F00"


def test_in_a_browser(mesh, tmp_path):
    page = write_view(mesh, tmp_path / "m.html")
    shares = {}
    for name, fragment in (
        ("all", ""),
        ("no NMC", "#hide=NMC"),
        ("below", "#slice=z,0.25"),
        ("other", "#slice=z,0.25&flip"),
    ):
        console, image = browse(page.as_uri() + fragment, tmp_path / "shot.png", tmp_path)
        assert console == []
        shares[name] = (share(image, BLUE), share(image, ORANGE))
    assert min(shares["all"]) > 0.03
    assert shares["no NMC"][0] < 0.001 < shares["no NMC"][1]
    # NMC lies above the middle: cut at a quarter of the height, what is left has none, and its cut face is closed
    assert shares["below"][0] < 0.001
    assert shares["below"][1] > 0.08
    assert shares["other"][0] > 0.03


def test_worst_tets_and_single_interfaces_in_a_browser(mesh, tmp_path):
    page = write_view(mesh, tmp_path / "m.html", start=Scenery(only=("LPSCl|NMC",), quality=True))
    console, image = browse(page.as_uri(), tmp_path / "shot.png", tmp_path)
    assert console == []
    # from above one looks at the skin of what lies below
    assert share(image, ORANGE) > 0.03
    assert share(image, BLUE) < 0.01
    assert share(image, "#D90059") > 0.0005


def test_the_report_in_a_browser(mesh, tmp_path):
    from ssb2mesh.check import check_mesh
    from ssb2mesh.report import ReportData, write_report

    page = write_report(ReportData(mesh=mesh, check=check_mesh(mesh)), tmp_path / "report")
    for size in ("1200,1600", "420,900"):
        console, image = browse(page.as_uri(), tmp_path / "shot.png", tmp_path, size=size)
        assert console == []
        assert image.std() > 0.05, "the page is empty"


# ------------------------------------------------------------------------------------------ the window


def shot(view, tmp_path):
    from matplotlib.image import imread

    return imread(view.screenshot(tmp_path / "w.png"))[..., :3]


def hue(image, colour):
    return share(np.concatenate([np.ones((len(image), 280, 3)), image], axis=1), colour)


def test_the_window_hides_cuts_and_picks(tmp_path):
    """In a process of its own, as a window has: what goes wrong in a graphics driver ends the process."""
    pytest.importorskip("pyvista", reason="PyVista is not installed")
    code = f"from pathlib import Path; from test_view import use_window; use_window(Path({str(tmp_path)!r}))"
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT / "tests"), str(ROOT)])}
    done = run_guarded([sys.executable, "-c", code], env=environment)
    assert (done.returncode, done.stderr) == (0, "")


def use_window(tmp_path):
    view = View(layers(), off_screen=True, size=(500, 400))
    both = shot(view, tmp_path)
    assert min(hue(both, BLUE), hue(both, ORANGE)) > 0.02
    view.toggle("NMC")
    assert view.scenery.hidden == ("NMC",)
    assert hue(shot(view, tmp_path), BLUE) < 0.001
    view.toggle("LPSCl")
    assert view.scenery.hidden == ("NMC",), "the last phase stays"
    view.toggle("NMC")
    view.show(slice=("z", 0.25))
    below = shot(view, tmp_path)
    assert hue(below, BLUE) < 0.001 < hue(below, ORANGE)
    view.show(slice=None)
    assert np.abs(shot(view, tmp_path) - both).mean() < 0.002, "all is as before"
    assert [view.next_interface() for _ in range(4)] == ["LPSCl|NMC", "LPSCl|void", "NMC|void", "LPSCl|NMC"]
    single = shot(view, tmp_path)
    assert hue(single, ORANGE) > 0.01 > hue(single, BLUE)
    view.show(only=(), quality=True)
    assert np.abs(shot(view, tmp_path) - both).mean() > 0.02
    view.plotter.close()


def test_bad_input(mesh, tmp_path):
    with pytest.raises(InputError, match=r"only: no interface 'LPSCl\|NCM', did you mean 'LPSCl\|NMC'"):
        write_view(mesh, tmp_path / "m.html", start=Scenery(only=("LPSCl|NCM",)))
    with pytest.raises(InputError, match="no phase 'NCM'; phases: LPSCl, NMC, did you mean 'NMC'"):
        write_view(mesh, tmp_path / "m.html", start=Scenery(hidden=("NCM",)))
    with pytest.raises(InputError, match="hide: all phases are hidden"):
        write_view(mesh, tmp_path / "m.html", start=Scenery(hidden=("NMC", "LPSCl")))
    with pytest.raises(InputError, match="the view is an .html file"):
        write_view(mesh, tmp_path / "m.txt")
    with pytest.raises(InputError, match="faces: got 10; give the number of triangles to keep, at least 1000"):
        write_view(mesh, tmp_path / "m.html", faces=10)
    assert list(tmp_path.iterdir()) == []


def test_the_verb(mesh, tmp_path):
    from ssb2mesh.io import write_mesh

    write_mesh(mesh, tmp_path / "m.xdmf")
    environment = {k: v for k, v in os.environ.items() if "DISPLAY" not in k} | {"PYTHONPATH": str(ROOT)}

    def run(*args):
        return subprocess.run(
            [*MAIN, "view", "m.xdmf", *args], cwd=tmp_path, env=environment, capture_output=True, text=True
        )

    done = run("--html", "m.html", "--slice", "x,0.5", "--hide", "LPSCl")
    assert done.returncode == 0, done.stderr
    assert done.stderr == "wrote m.html\n"
    assert data_of(tmp_path / "m.html")["start"] == "hide=LPSCl&slice=x,0.5"
    for args, message in (
        (("--html", "m.html"), "exists; give --overwrite"),
        (("--html", "n.html", "--slice", "w,2"), "slice: got 'w,2'; write axis and place from 0 to 1"),
        (("--screenshot", "n.jpg"), "a picture is a .png file"),
        (("--html", "n.html", "--only", "NMC"), "only: no interface 'NMC'"),
    ):
        done = run(*args)
        assert done.returncode == 1
        assert message in done.stderr
        assert len(done.stderr.splitlines()) == 1
    if sys.platform.startswith("linux"):
        assert "no screen to open a window on; give --html FILE or --screenshot FILE" in run().stderr
    assert not list(tmp_path.glob("n.*"))
