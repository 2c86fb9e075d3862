"""The blocks that take the most computing, in double precision, against the libraries they equal."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from pydra_diffconn.blocks import (
    ButterworthFiltFilt,
    ConnectivityGradients,
    Covariance,
    GraphicalLasso,
    Interpolate,
    LedoitWolf,
    PartialCorrelation,
    SpdMean,
)
from tests.benchmarks.case import Case

PARCELS = 400


def smooth_series(subjects: int, frames: int, seed: int = 0) -> np.ndarray:
    """Return series with common sources and memory, (subjects, frames, parcels)."""
    from scipy import ndimage

    rng = np.random.default_rng(seed)
    sources = rng.standard_normal((subjects, frames, 20)) @ (0.5 * rng.standard_normal((20, PARCELS)))
    noise = 2 * rng.standard_normal((subjects, frames, PARCELS))
    return ndimage.gaussian_filter1d(sources + noise, 1, axis=1)


class Heavy(Case):
    """A block compiled once, in double precision, beside a function of NumPy arrays."""

    data: Any

    def pure(self, data: Any) -> Any:
        raise NotImplementedError

    def ours(self) -> np.ndarray:
        import jax

        with jax.enable_x64(True):
            if not hasattr(self, "compiled"):
                self.compiled = jax.jit(self.pure)
            return np.asarray(self.compiled(self.data))


class PartialCorrelations(Heavy):
    name, against, goal = "h: 20 partial correlations of 400 x 1200", "nilearn ConnectivityMeasure", 0.6

    def __init__(self, folder: Path) -> None:
        self.data = smooth_series(20, 1200)

    def pure(self, data: Any) -> Any:
        import jax

        return jax.lax.map(lambda one: PartialCorrelation.pure(Covariance.pure(one)), data)

    def theirs(self) -> np.ndarray:
        from nilearn.connectome import ConnectivityMeasure
        from sklearn.covariance import EmpiricalCovariance

        measure = ConnectivityMeasure(EmpiricalCovariance(), kind="partial correlation", standardize=False)
        return measure.fit_transform(list(self.data))


class LedoitWolfs(Heavy):
    name, against, goal = "i: 20 Ledoit-Wolf estimates of 400 x 1200", "scikit-learn ledoit_wolf", 0.4

    def __init__(self, folder: Path) -> None:
        self.data = smooth_series(20, 1200)

    def pure(self, data: Any) -> Any:
        import jax

        return jax.lax.map(LedoitWolf.pure, data)

    def theirs(self) -> np.ndarray:
        from sklearn.covariance import ledoit_wolf

        return np.stack([ledoit_wolf(one)[0] for one in self.data])


class SeriesByThemselves(LedoitWolfs):
    """What XLA takes for the one product that cannot be left out."""

    name, goal, equal = "i2: the products of i with themselves alone", None, False

    def pure(self, data: Any) -> Any:
        import jax

        return jax.lax.map(lambda one: one.T @ one, data)


class SparsePrecision(Heavy):
    """Ours ends at a duality gap of about 1e-12; scikit-learn with exact regressions inside at one of 3e-5."""

    name, against, goal = "j: graphical lasso of 400 parcels", "scikit-learn, enet_tol 1e-6, at its duality gap", 0.7
    settings: ClassVar[dict[str, Any]] = {"enet_tol": 1e-6, "max_iter": 500}

    def __init__(self, folder: Path) -> None:
        self.data = np.corrcoef(smooth_series(1, 800)[0].T)

    def pure(self, data: Any) -> Any:
        return GraphicalLasso.pure(data, 0.1)[1]

    def theirs(self) -> np.ndarray:
        import warnings

        from sklearn.covariance import graphical_lasso

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # as it comes it does not converge, which is what the second case shows
            return graphical_lasso(self.data, 0.1, **self.settings)[1]


class SparsePrecisionAsItComes(SparsePrecision):
    name, against = "j2: graphical lasso of 400 parcels", "scikit-learn as it comes, not converged after 100 rounds"
    settings: ClassVar[dict[str, Any]] = {}


class KarcherMean(Heavy):
    """Both end where the mean tangent vector has a norm of about 5e-13."""

    name, against, goal, repeats = "k: Karcher mean of 100 x 400 x 400", "pyriemann, at equal gradient norm", 0.25, 1

    def __init__(self, folder: Path) -> None:
        self.data = np.stack([np.cov(one.T) for one in smooth_series(100, 800)])

    def pure(self, data: Any) -> Any:
        return SpdMean.pure(data)

    def theirs(self) -> np.ndarray:
        from pyriemann.geometry.mean import mean_riemann

        return mean_riemann(self.data, tol=1e-12, maxiter=100)


class CensoredSpline(Heavy):
    name, against, goal = "l: splines through 80 % of 400 frames, 10,000 series", "SciPy CubicSpline", None

    def __init__(self, folder: Path) -> None:
        rng = np.random.default_rng(0)
        self.data = rng.standard_normal((400, 10_000))
        self.kept = rng.random(400) < 0.8
        self.kept[[0, -1]] = True

    def pure(self, data: Any) -> Any:
        return Interpolate.pure(data, self.kept.astype(float), method="spline")

    def theirs(self) -> np.ndarray:
        from scipy.interpolate import CubicSpline

        index = np.arange(len(self.data))
        return CubicSpline(index[self.kept], self.data[self.kept], bc_type="natural")(index)


class ForwardBackward(Heavy):
    name, against, goal = "m: order 5 forward and backward, 400 x 10,000", "SciPy sosfiltfilt", None

    def __init__(self, folder: Path) -> None:
        self.data = np.random.default_rng(0).standard_normal((400, 10_000))

    def pure(self, data: Any) -> Any:
        return ButterworthFiltFilt.pure(data, 0.8, 0.01, 0.1, order=5)

    def theirs(self) -> np.ndarray:
        from scipy import signal

        sections = signal.butter(5, [0.01, 0.1], "bandpass", fs=1 / 0.8, output="sos")
        return signal.sosfiltfilt(sections, self.data, axis=0)


class Gradients(Heavy):
    """BrainSpace (pip install --no-deps brainspace) approximates: it solves a matrix as if it were symmetric, which it is not."""

    name, against, goal = "n: 10 diffusion gradients of 1000 parcels", "BrainSpace GradientMaps", 0.8

    def __init__(self, folder: Path) -> None:
        rng = np.random.default_rng(0)
        series = rng.standard_normal((600, 30)) @ rng.standard_normal((30, 1000))
        self.data = np.corrcoef((series + 3 * rng.standard_normal((600, 1000))).T)

    def pure(self, data: Any) -> Any:
        return ConnectivityGradients.pure(data)[0]

    def theirs(self) -> np.ndarray:
        from brainspace.gradient import GradientMaps

        maps = GradientMaps(10, approach="dm", kernel="normalized_angle", random_state=0)
        found = maps.fit(self.data, sparsity=0.9).gradients_
        largest = np.take_along_axis(found, np.abs(found).argmax(0)[None], 0)
        return found * np.sign(largest)


HEAVY = [
    PartialCorrelations,
    LedoitWolfs,
    SeriesByThemselves,
    SparsePrecision,
    SparsePrecisionAsItComes,
    KarcherMean,
    CensoredSpline,
    ForwardBackward,
    Gradients,
]
