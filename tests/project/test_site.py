"""The documentation as a site: it builds, needs nothing from elsewhere, and shows each block with formula and picture."""

import inspect
import re
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pydra_diffconn import blocks, losses

ROOT = Path(__file__).parents[2]
FETCHED = re.compile(  # what a browser loads by itself; a link to click is none
    r"<(?:script|img|iframe|source|embed)\b[^>]*\bsrc=[\"']?(?:https?:)?//[^>]*>"
    r"|<link\b(?![^>]*rel=[\"']?canonical)[^>]*\bhref=[\"']?(?:https?:)?//[^>]*>"
    r"|@import[^;]*//[^;]*;|url\([\"']?(?:https?:)?//[^)]*\)"
)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("documentation")
    shutil.copytree(ROOT / "docs", folder / "docs")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "-f", "docs/mkdocs.yml"]
    finished = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return folder / "site"


def test_each_block_has_a_page_with_its_formula_facts_and_picture(site):
    pages = {path.parent.name: path for path in (site / "blocks").rglob("index.html")}
    assert pages.keys() >= set(blocks.__all__)
    for name in blocks.__all__:
        page = pages[name].read_text(encoding="utf-8")
        assert 'class="arithmatex"' in page and f"{name}.png" in page, name
    shown = pages["BandPass"].read_text(encoding="utf-8")
    for part in (
        "without shifting phases",
        "BandPass.png",
        "[0, high], learnable",
        "linear in",
        "scipy.signal.sosfreqz",
    ):
        assert part in shown
    assert pages["BandPass"].with_name("..").joinpath("BandPass.png").stat().st_size > 1000


def test_nothing_is_fetched_from_elsewhere(site):
    looked_at = [path for path in site.rglob("*") if path.suffix in (".html", ".css")]
    found = {path.name: match[0] for path in looked_at for match in FETCHED.finditer(path.read_text(encoding="utf-8"))}
    assert len(looked_at) > 100 and not found


def test_what_typesets_formulas_lies_in_the_site_with_its_licence(site):
    page = (site / "blocks" / "filtering" / "BandPass" / "index.html").read_text(encoding="utf-8")
    for name in ("katex.min.js", "auto-render.min.js", "katex.min.css"):
        assert f"assets/katex/{name}" in page
    sheet = (site / "assets" / "katex" / "katex.min.css").read_text(encoding="utf-8")
    for font in set(re.findall(r"url\(([^)]+)\)", sheet)):
        assert (site / "assets" / "katex" / font).is_file(), font
    assert "MIT" in (site / "assets" / "katex" / "LICENSE.txt").read_text(encoding="utf-8")


def test_strategies_commands_and_decisions_are_listed(site):
    read = lambda name: (site / name / "index.html").read_text(encoding="utf-8")  # noqa: E731
    for name, parts in {
        "strategies": ("36P_scrubbed", "acompcor50", "SixParameters"),
        "commands": ("diffconn run", "--fd-convention", "diffconn atlas check"),
        "losses": ("Identifiability", "QcFc"),
    }.items():
        assert all(part in read(name) for part in parts), name
    for decision in (ROOT / "docs" / "decisions").glob("*.md"):
        assert f"{decision.stem}/" in read("decisions"), decision.name


def test_the_page_of_losses_opens_with_an_example_and_which_loss_is_for_what(site):
    page = (site / "losses" / "index.html").read_text(encoding="utf-8")
    opening, each = page[page.index("<h1") :].split("<h2", 1)
    assert "&gt;&gt;&gt;" not in opening and opening.count("<pre") == 1 and "<table>" in opening
    anchors = re.findall(r'href="#(pydra_diffconn\.losses\.[\w.]+)"', opening)
    assert len(anchors) > 35 and all(f'id="{anchor}"' in each for anchor in anchors)
    assert each.index("MeanSquaredError") < each.index('id="pydra_diffconn.declare.loss.Loss"')


@pytest.mark.quick
@pytest.mark.parametrize("module", [blocks, losses], ids=["blocks", "losses"])
def test_each_block_and_each_loss_has_a_formula(module):
    found = [getattr(module, name) for name in module.__all__]
    kinds = [one for one in found if isinstance(one, type) and one.__module__.startswith(module.__name__)]
    assert len(kinds) > 30
    assert not [one.__name__ for one in kinds if (inspect.getdoc(one) or "").count("$$") != 2]


@pytest.mark.quick
def test_the_diagrams_are_those_of_their_script():
    found = runpy.run_path(str(ROOT / "docs" / "diagrams.py"))["DIAGRAMS"]
    for name, draw in found.items():
        assert (ROOT / "docs" / "images" / f"{name}.svg").read_text(encoding="utf-8") == draw(), name
