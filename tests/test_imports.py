"""Imports point one way, and importing the package is light."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "pydra_diffconn"
LAYERS = [
    {"linalg", "manifolds", "spd", "compilation", "threads"},
    {"constraints"},
    {"parameters"},
    {"tables", "confound_grammar", "pydra_compat", "sample", "image_series", "spool", "comparing"},
    {"files", "confound_tables"},
    {"block"},
    {"plugins"},
    {"blocks", "generators", "noise"},
    {"strategies", "atlases"},
    {"graph", "rewire", "equivalents"},
    {"choosing"},
    {"replacing", "discretising"},
    {"reading", "wiring"},
    {"planner"},
    {"preparing"},
    {"costs", "explain", "execution", "diagnosis"},
    {"program"},
    {"hoisting", "drawing"},
    {"free", "losses", "swapping", "progress", "stretches"},
    {"built_in"},
    {"figures"},
    {"block_figures"},
    {"bids", "report", "block_pages"},
    {"checkpoints", "training_data"},
    {"learner"},
    {"fitting"},
    {"resampling", "universes"},
    {"fit_task"},
    {"demo", "testing"},
    {"plugin_tools", "pytest_plugin"},
    {"cli"},
]
LEVEL = {name: level for level, names in enumerate(LAYERS) for name in names}


def imported(path):
    """Return the modules of this package that a file imports, wherever in it, but not for typing alone."""
    tree = ast.parse(path.read_text())
    public = {
        "Learn": "parameters",
        "fit": "fitting",
        "cross_validate": "resampling",
        "bootstrap": "resampling",
        "optimise": "stretches",
        "hookimpl": "plugins",
        "__version__": None,
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "pydra_diffconn":
            parts = node.module.split(".")
            for alias in node.names:
                name = parts[1] if len(parts) > 1 else public.get(alias.name, alias.name)
                if name is not None:
                    yield name


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_imports_only_from_layers_above_its_own(path):
    parts = path.relative_to(PACKAGE).parts
    own = parts[0].removesuffix(".py")
    if own in ("__init__", "_pydra_namespace"):
        return  # they hand names on
    for name in imported(path):
        assert name == own or LEVEL[name] <= LEVEL[own], f"{path.name} imports {name}, which lies below it"


def test_every_module_has_its_place():
    assert {
        p.stem if p.is_file() else p.name
        for p in PACKAGE.iterdir()
        if p.suffix == ".py" or (p / "__init__.py").exists()
    } - {"__init__"} <= set(LEVEL)


@pytest.mark.parametrize(
    "statement",
    ["import pydra_diffconn", "from pydra_diffconn import cli; cli.main(['--help'], standalone_mode=False)"],
)
def test_importing_and_help_load_nothing_heavy(statement):
    code = f"{statement}; import sys; print([m for m in ('jax', 'nilearn', 'pydra', 'nibabel', 'pandas') if m in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip().endswith("[]")


def test_importing_changes_no_jax_setting():
    code = "import jax; before = dict(jax.config.values); from pydra_diffconn import fit, fuse, blocks; blocks.BandPass; print(before == dict(jax.config.values))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "True"


def test_pydra_users_find_the_blocks_where_they_look():
    code = "from pydra.tasks.diffconn import BandPass; import pydra_diffconn.blocks as b; print(BandPass is b.BandPass)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "True"
