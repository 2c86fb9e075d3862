"""Modules that have moved: until version 0.3 their old names can be imported, with a warning.

The old names are no files, so that the tree shows what is there; a finder, asked last, knows them.
"""

import importlib
import importlib.abc
import importlib.machinery
import types
from typing import Any

from pydra_diffconn.warn import warn

MOVED = {
    "pydra_diffconn.confound_tables": ("pydra_diffconn.confound_models.design",),
    "pydra_diffconn.losses.base": ("pydra_diffconn.declare.loss",),
    "pydra_diffconn.parameters": ("pydra_diffconn.declare.parameters", "pydra_diffconn.declare.learned"),
    "pydra_diffconn.sample": ("pydra_diffconn.demo.sample",),
}


class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds, and loads, a module that passes on what the modules in its place have."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> importlib.machinery.ModuleSpec | None:
        return importlib.machinery.ModuleSpec(name, self) if name in MOVED else None

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> None:
        """Let Python make the module."""

    def exec_module(self, module: types.ModuleType) -> None:
        homes = MOVED[module.__name__]
        told = f"{module.__name__} is now {' and '.join(homes)}; the old name goes with version 0.3"
        warn(told, DeprecationWarning)

        def find(name: str) -> Any:
            for home in map(importlib.import_module, homes):
                if hasattr(home, name):
                    return getattr(home, name)
            raise AttributeError(f"module {module.__name__!r} has no attribute {name!r}")

        module.__getattr__ = find  # type: ignore[method-assign]
