"""Small simulated inputs for the pictures of blocks, found by the names of their arguments."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

FRAMES, PARCELS, NETWORKS, SIDE, TR = 200, 12, 3, 12, 2.0
GRID_FRAMES = 40


def arguments_of(block: Any) -> dict[str, Any] | None:
    """Return what a block is drawn with; None if it needs something that has no example."""
    declared = block.declaration
    on_grid = declared.acts_along == "space" or "edges" in declared.arguments
    known = {**samples(), **(on_a_grid() if on_grid else {}), **SPECIAL.get(block.__name__, dict)()}
    needed = {name for name, one in declared.arguments.items() if one.default is inspect.Parameter.empty}
    taken = needed | SPECIAL.get(block.__name__, dict)().keys()
    return {name: known[name] for name in declared.arguments if name in taken} if needed <= known.keys() else None


@functools.cache
def samples() -> Mapping[str, Any]:
    """Return examples by the names that blocks share: three networks, slow and noisy, with motion in them."""
    rng = np.random.default_rng(5)
    network = np.arange(PARCELS) // (PARCELS // NETWORKS)
    series = slow(rng, NETWORKS)[:, network] + 0.7 * slow(rng, PARCELS) + 0.3 * rng.standard_normal((FRAMES, PARCELS))
    moved = 0.02 * rng.standard_normal((FRAMES, 6)) * [1, 1, 1, 0.01, 0.01, 0.01]
    moved[[60, 61, 140], :3] += 0.6
    weights = np.ones(FRAMES)
    weights[[60, 61, 62, 100, 140, 141, 142, 143, 144]] = 0.0
    confounds = np.column_stack([np.linspace(-1, 1, FRAMES), np.sin(np.arange(FRAMES) / 6)])
    connectome = np.corrcoef(series.T)
    features = rng.standard_normal((40, 15))
    return {
        "timeseries": series + 2 * confounds[:, :1] + 0.8 * confounds[:, 1:],
        "tr": TR,
        "confounds": confounds,
        "components": np.column_stack([confounds, slow(rng, 2)]),
        "noise": np.array([1.0, 1.0, 0.0, 0.0]),
        "frame_weights": weights,
        "motion": moved.cumsum(axis=0) * 0.1 + moved,
        "seed": series[:, 0],
        "tissue": (network == 0).astype(float),
        "labels": network + 1,
        "maps": (np.arange(NETWORKS)[:, None] == network) * 0.9 + 0.1 / NETWORKS,
        "connectome": connectome,
        "covariance": np.cov(series.T),
        "reference": np.cov(slow(rng, PARCELS).T) * 2,
        "covariances": np.stack([np.cov((series + slow(rng, PARCELS)).T) for _ in range(3)]),
        "shrinkage": np.array([0.0, 0.5, 1.0]),
        "stimulus": stimulus(),
        "design": np.stack([np.sin(np.arange(FRAMES) / 9), np.cos(np.arange(FRAMES) / 15)], axis=1),
        "affiliation": np.eye(NETWORKS)[network] * 0.9 + 0.1 / NETWORKS,
        "target": series @ np.linalg.qr(rng.standard_normal((PARCELS, PARCELS)))[0],
        "series": np.stack([series[:, rng.permutation(PARCELS)] for _ in range(3)]),
        "features": features,
        "targets": features[:, :3].sum(axis=1) + 0.5 * rng.standard_normal(40),
        "frequencies": np.array([0.02, 0.04, 0.08]),
        "option_1": np.eye(PARCELS) - 0.5 * (np.eye(PARCELS, k=1) + np.eye(PARCELS, k=-1)),
        "option_2": connectome,
        "weights": rng.uniform(0.2, 1, PARCELS),
    }


@functools.cache
def on_a_grid() -> Mapping[str, Any]:
    """Return examples for what mixes locations: noisy squares on a grid of 12 x 12, with four parcels."""
    rng = np.random.default_rng(6)
    rows, columns = (axis.ravel() for axis in np.indices((SIDE, SIDE)))
    parcel = (rows >= SIDE // 2) * 2 + (columns >= SIDE // 2)
    common = rng.standard_normal((GRID_FRAMES, 4))
    where = np.arange(SIDE * SIDE).reshape(SIDE, SIDE)
    right = np.column_stack([where[:, :-1].ravel(), where[:, 1:].ravel()])
    down = np.column_stack([where[:-1].ravel(), where[1:].ravel()])
    return {
        "timeseries": common[:, parcel] + 0.8 * rng.standard_normal((GRID_FRAMES, SIDE * SIDE)),
        "labels": parcel + 1,
        "maps": (np.arange(4)[:, None] == parcel) * 1.0,
        "tissue": (parcel == 0) * 1.0,
        "voxels": np.column_stack([rows, columns]),
        "voxel_size": (3.0, 3.0),
        "edges": np.concatenate([right, down]),
    }


def slow(rng: np.random.Generator, columns: int) -> np.ndarray:
    """Return series (frames, columns) below 0.1 Hz, of variance 1."""
    spectrum = np.fft.rfft(rng.standard_normal((FRAMES, columns)), axis=0)
    spectrum[np.fft.rfftfreq(FRAMES, TR) > 0.1] = 0
    made = np.fft.irfft(spectrum, FRAMES, axis=0)
    return made / made.std(axis=0)


def stimulus() -> np.ndarray:
    """Return what two conditions are at ten steps within each frame: short events, and blocks."""
    fine = np.zeros((FRAMES * 10, 2))
    fine[150::400, 0] = 4.0
    fine[(np.arange(FRAMES * 10) % 700 > 400), 1] = 1.0
    return fine.reshape(FRAMES, 10, 2)


def single_trials() -> np.ndarray:
    """Return a column for each of a few trials."""
    apart = np.arange(FRAMES)[:, None] - np.arange(8, FRAMES, 16)
    return np.exp(-((apart / 3.0) ** 2))


def of_sites() -> np.ndarray:
    """Return features of people from three sites, each of which adds and stretches."""
    site, rng = np.arange(40) // 14, np.random.default_rng(10)
    return samples()["features"] * np.array([0.5, 1.0, 1.6])[site][:, None] + (2 * rng.standard_normal((3, 15)))[site]


def clusters() -> np.ndarray:
    """Return points of the plane in three clouds."""
    rng = np.random.default_rng(7)
    return np.concatenate([centre + 0.35 * rng.standard_normal((40, 2)) for centre in ([1, 0], [-0.6, 1], [-0.6, -1])])


def mixed() -> np.ndarray:
    """Return three series that mix a square, a sine and a saw wave."""
    time = np.arange(FRAMES)
    sources = np.column_stack([np.sign(np.sin(time / 7)), np.sin(time / 4), (time % 23) / 11.5 - 1])
    return sources @ np.array([[1.0, 0.5, 0.3], [0.6, 1.0, 0.4], [0.2, 0.5, 1.0]])


def parts() -> np.ndarray:
    """Return two parts of which samples are made."""
    return np.array([[1.0, 1, 1, 0.1, 0.1, 0.1, 0.1, 0.1], [0.1, 0.1, 0.1, 0.1, 1, 1, 1, 1]])


def summed() -> np.ndarray:
    """Return samples that are sums of those parts."""
    return np.random.default_rng(8).uniform(0, 1, (20, 2)) @ parts()


def profile(components: int) -> np.ndarray:
    """Return the leading eigenvectors of the connectome."""
    return np.linalg.eigh(samples()["connectome"])[1][:, : -components - 1 : -1]


def jerked() -> np.ndarray:
    """Return the series with jumps in the censored frames."""
    return samples()["timeseries"] + 7.0 * (samples()["frame_weights"] == 0)[:, None]


def late() -> np.ndarray:
    """Return weights of which both ends are 0, too."""
    weights = samples()["frame_weights"].copy()
    weights[:15] = weights[-8:] = 0.0
    return weights


def squares() -> dict[str, np.ndarray]:
    """Return the series of the grid."""
    return {"timeseries": on_a_grid()["timeseries"]}


def spiky() -> np.ndarray:
    """Return the series with single spikes."""
    return samples()["timeseries"] + 9.0 * (np.arange(FRAMES) % 67 == 40)[:, None]


def within(reach: float) -> dict[str, np.ndarray]:
    """Return the neighbours of each place of the grid, and how far they are; infinitely far those beyond reach."""
    place = on_a_grid()["voxels"]
    apart = np.linalg.norm(place[:, None] - place, axis=2)
    order = np.argsort(apart, axis=1, kind="stable")[:, : int((apart <= reach).sum(axis=1).max())]
    far = np.take_along_axis(apart, order, axis=1)
    return {"neighbors": order, "distances": np.where(far <= reach, far, np.inf)}


def shares() -> np.ndarray:
    """Return the shares of a slow and a fast band in each frequency."""
    slow_part = (np.fft.rfftfreq(FRAMES, TR) < 0.03) * 1.0
    return np.column_stack([slow_part, 1 - slow_part])


def halves() -> np.ndarray:
    """Return the shares of two states, one after the other."""
    first = (np.arange(FRAMES) < FRAMES // 2) * 1.0
    return np.column_stack([first, 1 - first])


SPECIAL: dict[str, Callable[[], dict[str, Any]]] = {
    "AlignGradients": lambda: {"gradients": profile(2), "reference": profile(2)[:, ::-1]},
    "BetaSeries": lambda: {"design": single_trials()},
    "Choose": lambda: {"weights": np.array([0.3, 0.7])},
    "BoundaryMap": lambda: {"timeseries": on_a_grid()["timeseries"], "edges": on_a_grid()["edges"]},
    "CombineConfounds": lambda: {"weights": np.array([[0.5, 0.5]])},
    "ComponentGates": lambda: {"columns": (1, 2)},
    "ComBat": lambda: {"features": of_sites(), "sites": np.arange(40) // 14},
    "CompCor": lambda: {"components": 2},
    "Despike": lambda: {"timeseries": spiky()},
    "Detrend": lambda: {"degree": 1},
    "DisparityFilter": lambda: {"significance": 0.3},
    "FirDesign": lambda: {"delays": (1, 3)},
    "FrequencyGain": lambda: {"gain": shares()[:, 0]},
    "FilterBank": lambda: {"band_shares": shares()},
    "GateConfounds": lambda: {"gates": np.array([1.0, 0.2])},
    "HiddenMarkov": lambda: {"transitions": np.full((3, 3), 0.05) + 0.85 * np.eye(3)},
    "IndependentComponents": lambda: {"samples": mixed(), "components": 3},
    "Interpolate": lambda: {"timeseries": jerked()},
    "CutEnds": lambda: {"frame_weights": late()},
    "MarkFrames": lambda: {"frames": np.flatnonzero(late())},
    "KeepFrames": lambda: {"timeseries": jerked()},
    "SpectralInterpolate": lambda: {"timeseries": jerked()},
    "IndividualMaps": lambda: {"deviation": np.random.default_rng(9).standard_normal((NETWORKS, PARCELS))},
    "LogisticRegression": lambda: {"targets": (samples()["targets"] > 0) * 1.0},
    "NonnegativeFactors": lambda: {"samples": summed(), "parts": np.abs(parts() + 0.3)},
    "LocalTissueMean": lambda: {**squares(), "tissue": on_a_grid()["tissue"], "fwhm": 12.0},
    "RegressVoxelwise": lambda: {"voxel_confounds": samples()["timeseries"][:, ::-1]},
    "RestoreMean": lambda: {"reference": samples()["timeseries"] + 10.0},
    "SeedCorrelation": lambda: {**squares(), "seeds": squares()["timeseries"][:, [SIDE * 3 + 3]]},
    "DegreeCentrality": lambda: squares(),
    "SharedResponse": lambda: {"components": 3},
    "SmoothSurface": lambda: {"fwhm": 2.5},
    "SmoothGeodesic": lambda: {**within(4.0), "fwhm": 2.5},
    "SoftKMeans": lambda: {"samples": clusters(), "centers": clusters()[::40], "updates": 5, "temperature": 0.3},
    "SoftThreshold": lambda: {"density": 0.3},
    "SparseCodes": lambda: {"samples": summed(), "atoms": parts()},
    "StandardizeRuns": lambda: {"run_lengths": (FRAMES // 2, FRAMES // 2)},
    "StateCovariance": lambda: {"state_weights": halves()},
    "SupportVectorMachine": lambda: {"targets": (samples()["targets"] > 0) * 1.0},
    "TemporalSnr": lambda: {"timeseries": samples()["timeseries"] + 20.0},
    "VonMisesFisherMixture": lambda: {
        "samples": clusters(),
        "directions": np.array([[1.0, 0], [-0.5, 0.9], [-0.5, -0.9]]) / [[1.0], [1.03], [1.03]],
        "concentration": np.full(3, 8.0),
    },
    "WeightEdges": lambda: {"weights": np.outer(samples()["weights"], samples()["weights"])},
    "WindowCovariance": lambda: {"length": 50, "step": 50},
}
