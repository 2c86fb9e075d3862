"""Made from the declarations by `python -m pydra_diffconn.plugins.stubs diffconn_smoothing.blocks`; not to be edited."""

import typing

import jax
import pydra.compose.workflow as workflow

import pydra_diffconn.declare.accepted as accepted
import pydra_diffconn.declare.declaration as declared

class _SmoothingOutputs(workflow.Outputs):
    timeseries: typing.Any

class Smoothing(workflow.Task[_SmoothingOutputs]):
    """Smooth each series with exponentially decaying weights of the past and the future."""

    Outputs: typing.TypeAlias = _SmoothingOutputs
    declaration: typing.ClassVar[declared.Declaration]
    def __init__(
        self,
        *,
        timeseries: accepted.Data = ...,
        tr: accepted.Number = ...,
        time_constant: accepted.Number = 10.0,
        mask: accepted.Data | None = None,
    ) -> None: ...
    @staticmethod
    def pure(
        timeseries: accepted.Traced,
        tr: accepted.Traced,
        time_constant: accepted.Traced = 10.0,
    ) -> jax.Array: ...

def __getattr__(name: str) -> typing.Any: ...  # what else is here, or comes from plugins
