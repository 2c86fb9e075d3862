"""Imports point one way, and importing the package is light."""

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def test_the_import_contracts_hold():
    """They stand in pyproject.toml; imports inside functions count."""
    command = [Path(sys.executable).with_name("lint-imports"), "--no-cache"]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert found.returncode == 0, found.stdout + found.stderr
    assert "3 kept, 0 broken" in found.stdout


@pytest.mark.parametrize(
    "statement",
    ["import pydra_diffconn", "from pydra_diffconn.cli import main; main(['--help'], standalone_mode=False)"],
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


PUBLIC = """Connectome Fit Learn Learning Machine Minibatches Parameter Pipeline Program Result Score __version__ atlases block blocks bootstrap compare constraints cross_validate fit fuse
generators hookimpl inference joined_groups load_parameters losses multiverse nipype noise optimise proposals report sample scores strategies surfaces swap with_parameters"""


def test_the_public_names_are_there():
    import pydra_diffconn

    assert dir(pydra_diffconn) == PUBLIC.split()
    for name in PUBLIC.split():
        assert getattr(pydra_diffconn, name) is not None


@pytest.mark.parametrize(
    ("old", "name", "new"),
    [
        ("confound_tables", "ConfoundModel", "confound_models.design"),
        ("losses.base", "Loss", "declare.loss"),
        ("parameters", "Learn", "declare.parameters"),
        ("parameters", "load_parameters", "declare.learned"),
        ("sample", "people", "demo.sample"),
    ],
)
def test_modules_that_moved_are_found_under_their_old_names_with_a_warning(old, name, new):
    sys.modules.pop(f"pydra_diffconn.{old}", None)
    with pytest.warns(DeprecationWarning, match=f"pydra_diffconn.{old} is now .*pydra_diffconn.{new}"):
        moved = importlib.import_module(f"pydra_diffconn.{old}")
    assert getattr(moved, name) is getattr(importlib.import_module(f"pydra_diffconn.{new}"), name)
    with pytest.raises(AttributeError, match=f"'pydra_diffconn.{old}' has no attribute 'nothing'"):
        _ = moved.nothing
