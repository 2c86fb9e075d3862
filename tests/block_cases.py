"""The cases of all blocks' tests, and arguments in single precision."""

import importlib
from pathlib import Path

import jax
import numpy as np

TESTS = Path(__file__).parent


def block_cases():
    """Return the cases, and what kept some from being read: a library that is not there."""
    found, missing = [], []
    for file in sorted((TESTS / "blocks").rglob("test_*.py")):
        name = ".".join(file.relative_to(TESTS).with_suffix("").parts)
        try:
            found += getattr(importlib.import_module(name), "CASES", [])
        except ImportError as error:
            missing.append(f"{name}: {error}")
    return found, missing


def single(tree):
    """Return the same with numbers of double precision in single."""
    return jax.tree.map(lambda x: x.astype(np.float32) if getattr(x, "dtype", None) == np.float64 else x, tree)
