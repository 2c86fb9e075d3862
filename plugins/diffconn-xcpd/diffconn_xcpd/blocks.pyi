"""Made from the declarations by `python -m pydra_diffconn.plugins.stubs diffconn_xcpd.blocks`; not to be edited."""

import typing

import jax
import pydra.compose.workflow as workflow

import pydra_diffconn.declare.accepted as accepted
import pydra_diffconn.declare.declaration as declared

class _CorrelateKeptOutputs(workflow.Outputs):
    correlations: typing.Any

class CorrelateKept(workflow.Task[_CorrelateKeptOutputs]):
    """Correlate all pairs of parcels on the frames that are kept, whether or not the others were left out before."""

    Outputs: typing.TypeAlias = _CorrelateKeptOutputs
    declaration: typing.ClassVar[declared.Declaration]
    def __init__(
        self,
        *,
        timeseries: accepted.Data = ...,
        kept: accepted.Data | None = None,
    ) -> None: ...
    @staticmethod
    def pure(
        timeseries: accepted.Traced,
        kept: accepted.Traced | None = None,
    ) -> jax.Array: ...

def __getattr__(name: str) -> typing.Any: ...  # what else is here, or comes from plugins
