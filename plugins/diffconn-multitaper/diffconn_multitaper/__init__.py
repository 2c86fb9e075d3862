"""Multitaper spectra and coherence, with the constraint on their taper weights and a loss on their spectra."""

from collections.abc import Iterable
from typing import Any

from pydra_diffconn import hookimpl


@hookimpl
def diffconn_blocks() -> Iterable[Any]:
    """Return the blocks of this package."""
    from diffconn_multitaper.blocks import MultitaperCoherence, MultitaperSpectrum

    return [MultitaperSpectrum, MultitaperCoherence]


@hookimpl
def diffconn_constraints() -> Iterable[type]:
    """Return the constraint of this package."""
    from diffconn_multitaper.constraints import DescendingSimplex

    return [DescendingSimplex]


@hookimpl
def diffconn_losses() -> Iterable[type]:
    """Return the loss of this package."""
    from diffconn_multitaper.losses import BandConcentration

    return [BandConcentration]
