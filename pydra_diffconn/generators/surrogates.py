"""Series with a given covariance, a given power spectrum, or both."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.random import Generator

from pydra_diffconn.generators.connectomes import root


def power_spectrum(series: Any) -> np.ndarray:
    """Return the power |rfft|^2 / T of the centred columns, (T // 2 + 1, space)."""
    centred = np.asarray(series) - np.mean(series, axis=0)
    return np.abs(np.fft.rfft(centred, axis=0)) ** 2 / len(centred)


def match_spectrum(series: Any, power: Any) -> np.ndarray:
    """Give the columns exactly this power at each frequency and keep their phases.

    A frequency at which a column has no power has no phase, and gets phase 0.

    Parameters
    ----------
    series : (time, space)
        Where the phases come from; white noise makes a random signal.
    power : (T // 2 + 1,) or (T // 2 + 1, space)
        As from `power_spectrum`; the first, of frequency 0, sets the mean.
    """
    series, power = np.asarray(series), np.asarray(power, dtype=float)
    if len(power) != len(series) // 2 + 1:
        raise ValueError(
            f"power has {len(power)} frequencies; a series of {len(series)} frames has {len(series) // 2 + 1}"
        )
    spectrum = np.fft.rfft(series, axis=0)
    size = np.abs(spectrum)
    phase = np.where(size > 0, spectrum / np.where(size > 0, size, 1.0), 1.0)
    amplitude = np.sqrt((power[:, None] if power.ndim == 1 else power) * len(series))
    return np.fft.irfft(phase * amplitude, n=len(series), axis=0)


def match_covariance(series: Any, covariance: Any, exact: bool = True) -> np.ndarray:
    """Mix the columns so that their covariance becomes this one; each mixture's mean is 0.

    Parameters
    ----------
    series : (time, space)
        Independent columns. Mixing keeps a power spectrum that all columns share.
    covariance : (space, space)
        Symmetric, without negative eigenvalues.
    exact : bool
        Whether the sample covariance (dividing by T - 1) is exact; needs more frames than columns. If not, the columns
        are only scaled to variance 1 and mixed, so that the covariance holds in expectation.
    """
    centred = np.asarray(series, dtype=float) - np.mean(series, axis=0)
    frames, columns = centred.shape
    if not exact:
        return centred / centred.std(axis=0, ddof=1) @ root(covariance)
    left, sizes, right = np.linalg.svd(centred, full_matrices=False)
    if frames <= columns or sizes[-1] <= frames * np.finfo(float).eps * sizes[0]:
        raise ValueError(
            f"{columns} columns of {frames} frames are not independent, and no mixture has that covariance exactly; "
            "use more frames, or exact=False"
        )
    white = left @ right * np.sqrt(frames - 1)  # of all uncorrelated columns, those nearest to the given ones
    return white @ root(covariance)


def check_power(power: np.ndarray, frames: int) -> None:
    """Refuse a spectrum of another length."""
    if len(power) != frames // 2 + 1:
        raise ValueError(f"power has {len(power)} frequencies; a series of {frames} frames has {frames // 2 + 1}")


def synthesise(rng: Generator, covariance: Any, power: Any, frames: int, exact: bool = True) -> np.ndarray:
    """Draw a stationary Gaussian series with a covariance and, for all columns, a power spectrum.

    The spectrum gives the shape, the covariance the variance of each column. The mean over columns of the spectra
    tends to that shape.

    Parameters
    ----------
    covariance : (space, space)
        Reached exactly with `exact` (see `match_covariance`), else in expectation.
    power : (frames // 2 + 1,)
        Power at each frequency; that of frequency 0 does not count.
    """
    gain = np.sqrt(np.asarray(power, dtype=float))
    check_power(gain, frames)
    noise = np.fft.rfft(rng.standard_normal((frames, len(np.asarray(covariance)))), axis=0)
    return match_covariance(np.fft.irfft(noise * gain[:, None], n=frames, axis=0), covariance, exact)


def surrogate(rng: Generator, series: Any, exact: bool = True) -> np.ndarray:
    """Draw a stationary series with the covariance and the mean spectrum of a real one: its null without dynamics.

    Source: Laumann et al. (2017), doi:10.1093/cercor/bhw265.
    """
    series = np.asarray(series, dtype=float)
    spread = series.std(axis=0)
    alive = np.ptp(series, axis=0) > 0
    power = np.mean(power_spectrum(series)[:, alive] / spread[alive] ** 2, axis=1)
    return synthesise(rng, np.cov(series.T), power, len(series), exact) + series.mean(axis=0)
