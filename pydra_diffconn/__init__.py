"""Functional-connectomics workflows, differentiable inside Pydra.

Importing this package loads neither JAX nor Pydra: each public name comes from its module on first use.
"""

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from pydra_diffconn import atlases as atlases
    from pydra_diffconn import block as block
    from pydra_diffconn import blocks as blocks
    from pydra_diffconn import constraints as constraints
    from pydra_diffconn import generators as generators
    from pydra_diffconn import losses as losses
    from pydra_diffconn import noise as noise
    from pydra_diffconn import strategies as strategies
    from pydra_diffconn.fit_task import Fit as Fit
    from pydra_diffconn.fitting import Result as Result
    from pydra_diffconn.fitting import fit as fit
    from pydra_diffconn.parameters import Learn as Learn
    from pydra_diffconn.parameters import Parameter as Parameter
    from pydra_diffconn.parameters import load_parameters as load_parameters
    from pydra_diffconn.plugins import hookimpl as hookimpl
    from pydra_diffconn.program import Program as Program
    from pydra_diffconn.program import fuse as fuse
    from pydra_diffconn.resampling import bootstrap as bootstrap
    from pydra_diffconn.resampling import cross_validate as cross_validate
    from pydra_diffconn.stretches import optimise as optimise
    from pydra_diffconn.swapping import proposals as proposals
    from pydra_diffconn.swapping import swap as swap
    from pydra_diffconn.swapping import with_parameters as with_parameters
    from pydra_diffconn.universes import multiverse as multiverse

_homes = {
    "Learn": "parameters",
    "Parameter": "parameters",
    "load_parameters": "parameters",
    "hookimpl": "plugins",
    "Program": "program",
    "fuse": "program",
    "Result": "fitting",
    "fit": "fitting",
    "Fit": "fit_task",
    "multiverse": "universes",
    "bootstrap": "resampling",
    "cross_validate": "resampling",
    "optimise": "stretches",
    "proposals": "swapping",
    "swap": "swapping",
    "with_parameters": "swapping",
}
_modules = ("atlases", "block", "blocks", "constraints", "generators", "losses", "noise", "strategies")

__all__ = [*_homes, *_modules]


def __getattr__(name: str) -> Any:
    if name in _modules:
        return importlib.import_module(f"pydra_diffconn.{name}")
    if name in _homes:
        value = getattr(importlib.import_module(f"pydra_diffconn.{_homes[name]}"), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module 'pydra_diffconn' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
