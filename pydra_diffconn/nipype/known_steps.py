"""Interfaces of Nipype for which an equivalent is known: the makers of Pydra's tools, and those of Nipype's own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from nipype.interfaces.base import isdefined

from pydra_diffconn import pydra_compat
from pydra_diffconn.declare.equivalent import Connected, Equivalent, Step, View
from pydra_diffconn.equivalents import afni, fsl
from pydra_diffconn.nipype import algorithms
from pydra_diffconn.nipype.interfaces import TaskInterface
from pydra_diffconn.nipype.placing import held
from pydra_diffconn.workflow.known_steps import first_that_fits, registered

NIPYPE = "https://nipype.readthedocs.io/en/latest/api/generated"
HOUSEKEEPING = ("environ", "output_type", "outputtype", "num_threads")
SAME_AS_PYDRA = [
    Equivalent("nipype.interfaces.afni.*:TProject", afni.tproject, f"{NIPYPE}/nipype.interfaces.afni.html"),
    Equivalent("nipype.interfaces.afni.*:Bandpass", afni.bandpass, f"{NIPYPE}/nipype.interfaces.afni.html"),
    Equivalent("nipype.interfaces.afni.*:NetCorr", afni.net_corr, f"{NIPYPE}/nipype.interfaces.afni.html"),
    Equivalent("nipype.interfaces.fsl.*:TemporalFilter", fsl.temporal_filter, f"{NIPYPE}/nipype.interfaces.fsl.html"),
    Equivalent("nipype.interfaces.fsl.*:GLM", fsl.glm, f"{NIPYPE}/nipype.interfaces.fsl.html"),
    Equivalent("nipype.interfaces.fsl.*:FilterRegressor", fsl.filter_regressor, f"{NIPYPE}/nipype.interfaces.fsl.html"),
]
"""What has the names and the meaning that it has in Pydra's tasks."""


def known() -> list[Equivalent]:
    """Return all equivalents, those of plugins first."""
    return [*registered(), *SAME_AS_PYDRA, *algorithms.EQUIVALENTS]


def equivalent(
    node: Any, candidates: Iterable[Equivalent], connected: Mapping[str, str], used: Iterable[str]
) -> tuple[Step | None, str]:
    """Return what stands for a node of which some inputs are connected and some outputs used, or why nothing does."""
    if isinstance(node.interface, TaskInterface):
        return None, "a block already"
    view = _view(node, connected)
    return first_that_fits(((view, one) for one in candidates if one.matches(view)), used, _require_output)


def _view(node: Any, connected: Mapping[str, str]) -> View:
    """Return what a node's interface is seen as: its class, and what was set or connected."""
    inputs = node.interface.inputs
    outputs = node.interface._outputs()
    fields = {*inputs.copyable_trait_names(), *(outputs.copyable_trait_names() if outputs is not None else ())}
    named = {n for n in fields if (outputs is not None and hasattr(outputs, n)) or inputs.trait(n).genfile}
    options = {name: held(node, name) for name in inputs.copyable_trait_names() if name not in named}
    options = {n: v for n, v in options.items() if isdefined(v) and n not in HOUSEKEEPING}
    options |= {name: Connected(origin) for name, origin in connected.items()}
    kind = type(node.interface)
    return View(node.interface, f"{kind.__module__}:{kind.__qualname__}", options, fields=frozenset(fields))


def _require_output(made: Any, fields: Mapping[str, str | None], output: str) -> None:
    ours = pydra_compat.field_names(type(made).Outputs)
    if fields.get(output, output) not in ours:
        raise ValueError(f"its output {output!r} is used, and {type(made).__name__} makes {', '.join(ours)} alone")
