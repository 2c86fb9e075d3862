"""Functional-connectomics workflows, differentiable inside Pydra.

Importing this package loads neither JAX nor Pydra: each public name comes from its module on first use. The names stand
in `__init__.pyi`. All folders that it does not name (`declare`, `workflow`, `program`, `learning` ...) are internal.
"""

import sys

import lazy_loader

from pydra_diffconn import moved

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
sys.meta_path.append(moved.Finder())
