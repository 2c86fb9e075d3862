"""What is left of motion in connectomes: correlations over runs with a quality measure.

Any of these alone is smallest where the signal is gone, too. Where no other term keeps it, such as `SignalLost` or
`Identifiability`, `fit` adds `SignalLost` to those of connectomes, and says so.
Source: Ciric et al. (2017), doi:10.1016/j.neuroimage.2017.03.020.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from pydra_diffconn.declare.loss import Loss
from pydra_diffconn.losses.norms import standardise
from pydra_diffconn.losses.states import edges


@dataclass(frozen=True, kw_only=True)
class BatchCorrelation(Loss):
    r"""Mean over all entries of an output of how far |correlation with quality over runs| exceeds a tolerance.

    $$ \frac{1}{N} \sum_e \max\big(0,\, |\operatorname{corr}_\text{runs}(x_e, q)| - r_\text{tol}\big) $$

    The unit is the run. Runs of one person are alike, in edges as in motion, so that of several runs of a person the
    correlation is larger by chance than over as many people; the start and the learned values are so alike.

    Parameters
    ----------
    quality : str
        Entry of the targets with one number for each run, such as its mean framewise displacement.
    tolerance : float or "auto"
        Correlations up to it cost nothing; "auto" is the largest that is not significant with this many runs,
        each of another person: of several of one, give a number.
    significance : float
        Two-sided level for "auto".
    """

    quality: str = "quality"
    tolerance: float | Literal["auto"] = 0.0
    significance: float = 0.05

    @property
    def emptied(self) -> str:
        """Nothing is left that could correlate."""
        return "nothing that is left correlates with motion"

    @property
    def least_runs(self) -> int:
        """Of one run there is no correlation, and of two it is 1 whatever they hold."""
        return 3

    def score(self, outputs: Mapping[str, Any], targets: Any) -> Any:
        """Return the mean excess."""
        correlation = quality_correlation(self.read(outputs), self.per_run(targets, self.quality))
        return _excess(correlation, self, len(self.read(outputs)))


@dataclass(frozen=True, kw_only=True)
class QcFc(BatchCorrelation):
    r"""`BatchCorrelation` of the edges of connectomes: the mean over edges of |QC-FC|, above a tolerance.

    $$ \frac{1}{E} \sum_{e} \max\big(0,\, |\operatorname{corr}_\text{runs}(A_e, q)| - r_\text{tol}\big) $$

    Parameters
    ----------
    alone : bool
        Whether `fit` leaves out `SignalLost`, of the same weight, where no other term keeps the signal.
    """

    alone: bool = False

    @property
    def counterweight(self) -> Loss | None:
        """`SignalLost` of the same connectomes."""
        return None if self.alone else SignalLost(self.output, self.weight, quality=self.quality)

    def score(self, outputs: Mapping[str, Any], targets: Any) -> Any:
        """Return the mean excess over the edges above the diagonal."""
        connectomes = self.read(outputs)
        return _excess(qcfc(connectomes, self.per_run(targets, self.quality)), self, len(connectomes))


@dataclass(frozen=True, kw_only=True)
class SignalLost(Loss):
    r"""One less the mean similarity of each connectome to the mean of the half of the runs that moved least.

    $$
    1 - \frac{1}{N} \sum_i \operatorname{corr}_\text{edges}\big(A_i,\, \langle A_j \rangle_{j \ne i,\, q_j \le
    \text{median}}\big)
    $$

    The counterweight of `QcFc`: what removes signal together with motion makes connectomes less alike. No run is
    compared with itself.

    Parameters
    ----------
    quality : str
        Entry of the targets with one number for each run, such as its mean framewise displacement.
    """

    quality: str = "quality"

    @property
    def least_runs(self) -> int:
        """The half that moved least must be more than one run, which is not compared with itself."""
        return 3

    def score(self, outputs: Mapping[str, Any], targets: Any) -> Any:
        """Return 1 less the mean correlation."""
        return 1 - retained(self.read(outputs), self.per_run(targets, self.quality)).mean()


@dataclass(frozen=True, kw_only=True, eq=False)
class DistanceDependence(Loss):
    r"""|Pearson correlation| between the edges' QC-FC and the distances of their parcels.

    $$
    \big| \operatorname{corr}_\text{edges}(\text{QCFC}_e, d_e) \big|, \quad \text{QCFC}_e =
    \operatorname{corr}_\text{runs}(A_e, q)
    $$

    Parameters
    ----------
    distances : array or str
        (parcels, parcels), in mm; or the name of an output.
    quality : str
        Entry of the targets with one number for each run.
    alone : bool
        Whether `fit` leaves out `SignalLost`, of the same weight, where no other term keeps the signal.
    """

    distances: Any
    quality: str = "quality"
    alone: bool = False

    @property
    def emptied(self) -> str:
        """Nothing is left that could depend on distance."""
        return "nothing that is left depends on distance"

    @property
    def counterweight(self) -> Loss | None:
        """`SignalLost` of the same connectomes."""
        return None if self.alone else SignalLost(self.output, self.weight, quality=self.quality)

    @property
    def least_runs(self) -> int:
        """Of one run there is no correlation, and of two it is 1 whatever they hold."""
        return 3

    def score(self, outputs: Mapping[str, Any], targets: Any) -> Any:
        """Return the absolute correlation."""
        quality = self.per_run(targets, self.quality)
        return jnp.abs(distance_dependence(self.read(outputs), quality, self.read(outputs, self.distances)))


def quality_correlation(values: Array, quality: Array) -> Array:
    """Return the Pearson correlation over runs of each entry of `values` with `quality`.

    An entry (or quality) that is the same in all runs correlates 0, without gradient.

    Parameters
    ----------
    values : (runs, ...)
        At least 2 runs.
    quality : (runs,)
        One number for each run.
    """
    values = jnp.asarray(values)
    quality = standardise(jnp.asarray(quality, values.dtype), 0)
    return jnp.tensordot(quality, standardise(values, 0), 1)


def qcfc(connectomes: Array, quality: Array) -> Array:
    """Return (edges,) correlations over runs between edges (the upper triangle) and quality."""
    rows, columns = np.triu_indices(connectomes.shape[-1], 1)
    return quality_correlation(connectomes[:, rows, columns], quality)


def distance_dependence(connectomes: Array, quality: Array, distances: Array) -> Array:
    """Return the Pearson correlation over edges between QC-FC and distance."""
    correlation = qcfc(connectomes, quality)
    rows, columns = np.triu_indices(connectomes.shape[-1], 1)
    apart = jnp.asarray(distances, correlation.dtype)[rows, columns]
    return standardise(correlation) @ standardise(apart)


def distance_dependence_rank(connectomes: Any, quality: Any, distances: Any) -> float:
    """Return Spearman's correlation over edges between QC-FC and distance: the figure papers report, no gradient."""
    from scipy.stats import spearmanr

    rows, columns = np.triu_indices(np.shape(connectomes)[-1], 1)
    return float(spearmanr(np.asarray(qcfc(connectomes, quality)), np.asarray(distances)[rows, columns])[0])


def critical_correlation(runs: int, significance: float = 0.05) -> float:
    """Return the largest |correlation| of `runs` pairs that is not significant: sqrt(t^2 / (runs - 2 + t^2)).

    t is the two-sided critical value of Student's distribution with runs - 2 degrees of freedom.
    """
    from scipy.stats import t as student

    if runs < 3:
        raise ValueError(f"{runs} runs; the significance of a correlation needs at least 3: give a number as tolerance")
    critical = student.isf(significance / 2, runs - 2)
    return float(np.sqrt(critical**2 / (runs - 2 + critical**2)))


def _excess(correlation: Array, loss: BatchCorrelation, runs: int) -> Array:
    tolerance = loss.tolerance
    if isinstance(tolerance, str):
        tolerance = critical_correlation(runs, loss.significance)
    return jax.nn.relu(jnp.abs(correlation) - tolerance).mean()


def retained(connectomes: Any, quality: Any) -> Any:
    """Return the similarity of each connectome to the mean of the half of the runs that moved least, (runs,)."""
    vectors, quality = edges(connectomes), jnp.asarray(quality)
    still = (quality <= jnp.median(quality)).astype(vectors.dtype)
    count = still.sum() - still  # a run is not compared with itself
    mean = (still @ vectors - still[:, None] * vectors) / jnp.maximum(count, 1)[:, None]
    return jnp.sum(standardise(vectors) * standardise(mean), axis=1)
