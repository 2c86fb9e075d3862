"""Functional-connectomics workflows, differentiable inside Pydra.

Importing this package loads neither JAX nor Pydra: each public name comes from its module on first use.
"""

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"


if TYPE_CHECKING:
    from pydra_diffconn import atlases as atlases
    from pydra_diffconn import blocks as blocks
    from pydra_diffconn import generators as generators
    from pydra_diffconn import losses as losses
    from pydra_diffconn import strategies as strategies
    from pydra_diffconn.declare import block as block
    from pydra_diffconn.declare import constraints as constraints
    from pydra_diffconn.declare.learned import load_parameters as load_parameters
    from pydra_diffconn.declare.parameters import Learn as Learn
    from pydra_diffconn.declare.parameters import Parameter as Parameter
    from pydra_diffconn.learning.fit_task import Fit as Fit
    from pydra_diffconn.learning.fitting import fit as fit
    from pydra_diffconn.learning.multiverse import multiverse as multiverse
    from pydra_diffconn.learning.resampling import bootstrap as bootstrap
    from pydra_diffconn.learning.resampling import cross_validate as cross_validate
    from pydra_diffconn.learning.result import Result as Result
    from pydra_diffconn.numerics import noise as noise
    from pydra_diffconn.plugins.hooks import hookimpl as hookimpl
    from pydra_diffconn.program.fusing import fuse as fuse
    from pydra_diffconn.program.program import Program as Program
    from pydra_diffconn.program.stretches import optimise as optimise
    from pydra_diffconn.workflow.swapping import proposals as proposals
    from pydra_diffconn.workflow.swapping import swap as swap
    from pydra_diffconn.workflow.writing_back import with_parameters as with_parameters


_homes = {
    "Learn": "declare.parameters",
    "Parameter": "declare.parameters",
    "load_parameters": "declare.learned",
    "hookimpl": "plugins.hooks",
    "Program": "program.program",
    "fuse": "program.fusing",
    "Result": "learning.result",
    "fit": "learning.fitting",
    "Fit": "learning.fit_task",
    "multiverse": "learning.multiverse",
    "bootstrap": "learning.resampling",
    "cross_validate": "learning.resampling",
    "optimise": "program.stretches",
    "proposals": "workflow.swapping",
    "swap": "workflow.swapping",
    "with_parameters": "workflow.writing_back",
}
_modules = {
    "atlases": "atlases",
    "block": "declare.block",
    "blocks": "blocks",
    "constraints": "declare.constraints",
    "generators": "generators",
    "losses": "losses",
    "noise": "numerics.noise",
    "strategies": "strategies",
}
__all__ = [*_homes, *_modules]


def __getattr__(name: str) -> Any:
    if name in _modules:
        return importlib.import_module(f"pydra_diffconn.{_modules[name]}")
    if name in _homes:
        value = getattr(importlib.import_module(f"pydra_diffconn.{_homes[name]}"), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module 'pydra_diffconn' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
