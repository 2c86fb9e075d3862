"""Every built-in block keeps the contract; the cases stand in the test modules of their families."""

import importlib
from pathlib import Path

import pytest

from pydra_diffconn import blocks
from pydra_diffconn.testing import Case, check_block


def cases() -> list[Case]:
    modules = sorted(path.stem for path in (Path(__file__).parent / "blocks").glob("test_*.py"))
    return [case for module in modules for case in getattr(importlib.import_module(f"blocks.{module}"), "CASES", [])]


CASES = cases()


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.block.declaration.name}-{case.source or 'contract'}")
def test_the_block_keeps_the_contract(case):
    check_block(case)


def test_every_block_has_a_case():
    assert set(blocks.__all__) - {case.block.declaration.name for case in CASES} == set()
