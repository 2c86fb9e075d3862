"""Every built-in block has a case; the pytest plugin makes a test of each where it stands."""

import importlib
from pathlib import Path

from pydra_diffconn import blocks
from pydra_diffconn.testing import Case


def cases() -> list[Case]:
    tests = Path(__file__).parents[1]
    files = sorted((tests / "blocks").rglob("test_*.py"))
    modules = [".".join(file.relative_to(tests).with_suffix("").parts) for file in files]
    return [case for module in modules for case in getattr(importlib.import_module(module), "CASES", [])]


def test_every_block_has_a_case():
    assert set(blocks.__all__) - {case.block.declaration.name for case in cases()} == set()
