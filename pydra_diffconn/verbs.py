"""The public verbs for workflows of any kind: those of Pydra, and those of Nipype 1.

Each is the one for Pydra, with its signature; given a workflow of Nipype it hands over to the bridge, which is loaded
then. `plugin` and `plugin_args` are Nipype's own.
"""

from __future__ import annotations

import functools
import importlib
import inspect
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from pydra_diffconn.learning import fitting
from pydra_diffconn.program import fusing
from pydra_diffconn.workflow import swapping, writing_back

Given = ParamSpec("Given")
Found = TypeVar("Found")


def is_nipype(workflow: Any) -> bool:
    """Say whether something is a workflow of Nipype 1, without importing it."""
    return any(
        kind.__name__ == "Workflow" and kind.__module__.startswith("nipype.pipeline.")
        for kind in type(workflow).__mro__
    )


def _either(ours: Callable[Given, Found], module: str) -> Callable[Given, Found]:
    """Return a verb that takes a workflow of Pydra or Nipype."""
    first = next(iter(inspect.signature(ours).parameters))

    @functools.wraps(ours)
    def either(*arguments: Given.args, **settings: Given.kwargs) -> Found:
        given = arguments[0] if arguments else settings.get(first)
        if not is_nipype(given):
            return ours(*arguments, **settings)
        found: Any = getattr(importlib.import_module(f"pydra_diffconn.nipype.{module}"), ours.__name__)
        return found(*arguments, **settings)

    return either


fuse = _either(fusing.fuse, "fusing")
fit = _either(fitting.fit, "fusing")
swap = _either(swapping.swap, "swapping")
proposals = _either(swapping.proposals, "swapping")
with_parameters = _either(writing_back.with_parameters, "writing_back")
