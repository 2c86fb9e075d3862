"""Made from the declarations by `python -m pydra_diffconn.plugins.stubs diffconn_multitaper.blocks`; not to be edited."""

import typing

import jax
import pydra.compose.workflow as workflow

import pydra_diffconn.declare.accepted as accepted
import pydra_diffconn.declare.declaration as declared

class _MultitaperCoherenceOutputs(workflow.Outputs):
    connectome: typing.Any

class MultitaperCoherence(workflow.Task[_MultitaperCoherenceOutputs]):
    """Measure the coherence of each pair, its mean over the frequencies of a band, by multitaper spectra."""

    Outputs: typing.TypeAlias = _MultitaperCoherenceOutputs
    declaration: typing.ClassVar[declared.Declaration]
    def __init__(
        self,
        *,
        timeseries: accepted.Data = ...,
        tr: accepted.Number = ...,
        frame_weights: accepted.Data | None = None,
        low: accepted.Number = 0.01,
        high: accepted.Number = 0.1,
        softness: accepted.Number = 0.01,
        tapers: int | accepted.Lazy = 5,
        taper_weights: accepted.Values | None = None,
    ) -> None: ...
    @staticmethod
    def pure(
        timeseries: accepted.Traced,
        tr: accepted.Traced,
        frame_weights: accepted.Traced | None = None,
        low: accepted.Traced = 0.01,
        high: accepted.Traced = 0.1,
        softness: accepted.Traced = 0.01,
        tapers: int = 5,
        taper_weights: accepted.Traced | None = None,
    ) -> jax.Array: ...

class _MultitaperSpectrumOutputs(workflow.Outputs):
    power: typing.Any
    frequencies: typing.Any

class MultitaperSpectrum(workflow.Task[_MultitaperSpectrumOutputs]):
    """Estimate the power of each column at each frequency: the weighted mean of its spectra under several tapers."""

    Outputs: typing.TypeAlias = _MultitaperSpectrumOutputs
    declaration: typing.ClassVar[declared.Declaration]
    def __init__(
        self,
        *,
        timeseries: accepted.Data = ...,
        tr: accepted.Number = ...,
        frame_weights: accepted.Data | None = None,
        tapers: int | accepted.Lazy = 5,
        taper_weights: accepted.Values | None = None,
        mask: accepted.Data | None = None,
    ) -> None: ...
    @staticmethod
    def pure(
        timeseries: accepted.Traced,
        tr: accepted.Traced,
        frame_weights: accepted.Traced | None = None,
        tapers: int = 5,
        taper_weights: accepted.Traced | None = None,
    ) -> tuple[jax.Array, jax.Array]: ...

def __getattr__(name: str) -> typing.Any: ...  # what else is here, or comes from plugins
