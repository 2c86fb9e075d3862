"""Signals in bands of frequency, and mixtures of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.random import Generator


def slow_signals(
    rng: Generator, frames: int, count: int, tr: float = 1.0, low: float = 0.0, high: float = 0.1
) -> np.ndarray:
    """Draw independent Gaussian signals (frames, count) with power in low <= f < high Hz alone; mean 0, variance 1.

    Parameters
    ----------
    tr : float
        Seconds between frames.
    low, high : float
        In Hz; without `high` itself, so that bands side by side share no frequency.
    """
    frequency = np.fft.rfftfreq(frames, tr)
    band = (frequency >= low) & (frequency < high) & (frequency > 0)
    if not np.any(band):
        raise ValueError(
            f"no frequency of {frames} frames at TR {tr} s lies in {low} to {high} Hz; they are multiples of "
            f"{1 / (frames * tr):.4g} Hz up to {0.5 / tr:.4g} Hz"
        )
    spectrum = np.fft.rfft(rng.standard_normal((frames, count)), axis=0) * band[:, None]
    signals = np.fft.irfft(spectrum, n=frames, axis=0)
    return signals / signals.std(axis=0)


def mixture_matrix(rng: Generator, signals: int, latents: int, cardinality: float = 2.0) -> np.ndarray:
    """Draw a matrix (signals, latents) whose rows have unit length and few non-zero entries.

    Each signal mixes 1 + Poisson(cardinality - 1) latents, at most all, with Gaussian weights.
    """
    if cardinality < 1:
        raise ValueError(f"cardinality is {cardinality}; a signal mixes at least 1 latent")
    number = np.minimum(1 + rng.poisson(cardinality - 1, signals), latents)
    order = rng.permuted(np.tile(np.arange(latents), (signals, 1)), axis=1)
    mixture = rng.standard_normal((signals, latents)) * (order < number[:, None])
    return mixture / np.linalg.norm(mixture, axis=1, keepdims=True)


def mix(rng: Generator, latents: Any, mixture: Any, noise: float = 0.0) -> np.ndarray:
    """Return mixtures (time, signals) of latents (time, latents), with white noise of that standard deviation added."""
    mixed = np.asarray(latents) @ np.asarray(mixture).T
    return mixed + noise * rng.standard_normal(mixed.shape)


@dataclass(frozen=True)
class BandStudy:
    """Series that hang together in another way in each band of frequency."""

    timeseries: np.ndarray
    """(time, signals): the sum over bands."""
    of_band: np.ndarray
    """(bands, time, signals): each band alone."""
    mixtures: np.ndarray
    """(bands, signals, latents)."""
    connectomes: np.ndarray
    """(bands, signals, signals): correlations within each band, to be recovered by the right filter."""
    bands: tuple[tuple[float, float], ...]
    """Low and high end of each band, in Hz."""
    tr: float


def band_study(
    rng: Generator,
    frames: int = 1000,
    signals: int = 100,
    latents: int = 7,
    tr: float = 1.0,
    bands: Sequence[tuple[float, float]] = ((0.025, 0.05), (0.05, 0.15), (0.15, 0.3)),
    noise: float = 0.0,
) -> BandStudy:
    """Draw series with another mixture in each band: a filter that finds the band finds its connectome.

    The default bands are .05 to .1, .1 to .3 and .3 to .6 of the Nyquist frequency at TR 1 s. `noise` is the standard
    deviation of white noise added to the sum; bands have variance 1.
    """
    mixtures = np.stack([mixture_matrix(rng, signals, latents) for _ in bands])
    each = [
        mix(rng, slow_signals(rng, frames, latents, tr, low, high), mixture)
        for (low, high), mixture in zip(bands, mixtures, strict=True)
    ]
    of_band = np.stack(each)
    total = of_band.sum(axis=0) + noise * rng.standard_normal((frames, signals))
    connectomes = np.stack([np.corrcoef(band.T) for band in each])
    return BandStudy(total, of_band, mixtures, connectomes, tuple(tuple(band) for band in bands), tr)
