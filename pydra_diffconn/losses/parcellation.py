"""What parcels hold: equal shares of space, and signals that are alike within.

Maps are (parcels, space), not negative; features, such as a time series, are (features, space).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from pydra_diffconn.declare.loss import Loss, over_runs
from pydra_diffconn.losses.norms import standardise


@dataclass(frozen=True, kw_only=True)
class Equilibrium(Loss):
    r"""Mean over parcels of how far their mean share of space is from the mean of all; see `equilibrium`.

    $$ \Big\langle \big| \langle A_{lv} \rangle_v - \langle A_{lv} \rangle_{lv} \big| \Big\rangle_l $$
    """

    logits: bool = False

    def score(self, outputs: Mapping[str, Any], targets: Any) -> Any:
        """Return the mean imbalance."""
        return equilibrium(self.read(outputs), self.logits).mean()


@dataclass(frozen=True, kw_only=True)
class SecondMoment(Loss):
    r"""Mean over parcels and frames of the variance within parcels; see `second_moment`.

    $$
    \bigg\langle \frac{\sum_v |A_{lv}| (x_{tv} - \mu_{tl})^2}{\sum_v |A_{lv}|} \bigg\rangle_{t, l}, \quad \mu_{tl} =
    \frac{\sum_v A_{lv} x_{tv}}{\sum_v A_{lv}}
    $$

    Parameters
    ----------
    timeseries : str
        Output (time, space); or any features (features, space).
    centres : str, optional
        Output (time, parcels) about which the moment is taken; by default each parcel's own mean.
    normalise : bool
        Whether to divide by the parcel's mass; if not, the moment is a weighted sum of squares.
    frame_weights : str, optional
        Output (time).
    """

    timeseries: str = "timeseries"
    centres: str | None = None
    normalise: bool = True
    frame_weights: str | None = None

    def score(self, outputs: Mapping[str, Any], targets: Any) -> Any:
        """Return the mean moment; frames count by their weight."""
        centres = None if self.centres is None else self.read(outputs, self.centres)
        weights = None if self.frame_weights is None else self.read(outputs, self.frame_weights)

        def mean(maps: Array, series: Array, centres: Array | None, weights: Array | None) -> Array:
            moment = second_moment(maps, _weighted(series, weights), centres, self.normalise).mean(-1)
            return moment.mean() if weights is None else jnp.sum(weights * moment) / jnp.sum(weights)

        return over_runs(mean, self.read(outputs), self.read(outputs, self.timeseries), centres, weights)


@dataclass(frozen=True, kw_only=True)
class Homogeneity(Loss):
    r"""Minus the mean over parcels of the mean correlation within; see `homogeneity`.

    $$ -\bigg\langle \frac{\sum_{u \ne v} A_{lu} A_{lv}\, r_{uv}}{\sum_{u \ne v} A_{lu} A_{lv}} \bigg\rangle_l $$

    `timeseries` and `frame_weights` are as in `SecondMoment`. Correlation profiles in place of series make it the
    homogeneity of connectivity.
    """

    timeseries: str = "timeseries"
    frame_weights: str | None = None

    def score(self, outputs: Mapping[str, Any], targets: Any) -> Any:
        """Return the negative mean over the parcels that hold more than one point of space."""
        weights = None if self.frame_weights is None else self.read(outputs, self.frame_weights)

        def mean(maps: Array, series: Array, weights: Array | None) -> Array:
            found, valid = homogeneity(maps, series, weights)
            valid = jnp.broadcast_to(valid, found.shape)
            return jnp.sum(jnp.where(valid, found, 0.0)) / jnp.maximum(valid.sum(), 1)

        return -over_runs(mean, self.read(outputs), self.read(outputs, self.timeseries), weights)


def equilibrium(maps: Array, logits: bool = False) -> Array:
    """Return |mean_v A_lv - mean A| for each parcel l, of maps or of the softmax over parcels of logits."""
    if logits:
        maps = jax.nn.softmax(maps, axis=-2)
    return jnp.abs(maps.mean(axis=-1) - maps.mean(axis=(-1, -2))[..., None])


def second_moment(maps: Array, features: Array, centres: Array | None = None, normalise: bool = True) -> Array:
    """Return sum_v |A_lv| (x_v - mu_l)^2 [/ sum_v |A_lv|], shape (..., features, parcels), for each feature.

    mu_l is the parcel's own weighted mean A x / A 1, or that of `centres` (features, parcels). The square is multiplied
    out, so that nothing of size parcels x features x space is made. An empty parcel has moment 0.
    """
    # a shift common to all space changes nothing, and leaves no large numbers to cancel in the multiplied square
    shift = jax.lax.stop_gradient(features.mean(axis=-1, keepdims=True))
    features = features - shift
    size = jnp.abs(maps)
    mass = jnp.sum(size, axis=-1)[..., None, :]
    some = mass > 0
    first, second = features @ jnp.swapaxes(size, -1, -2), features**2 @ jnp.swapaxes(size, -1, -2)
    if centres is None:
        total = jnp.sum(maps, axis=-1)[..., None, :]
        known = total != 0
        centres = features @ jnp.swapaxes(maps, -1, -2) / jnp.where(known, total, 1.0)
    else:
        centres = centres - shift
    moment = second - 2 * centres * first + centres**2 * mass
    # rounding may leave less than nothing of a parcel of one point, which yet has a gradient to the others
    moment = moment + jax.lax.stop_gradient(jax.nn.relu(-moment))
    return jnp.where(some, moment / jnp.where(some, mass, 1.0), 0.0) if normalise else moment


def homogeneity(maps: Array, features: Array, frame_weights: Array | None = None) -> tuple[Array, Array]:
    """Return the mean Pearson correlation of all pairs within each parcel, and whether a parcel has pairs.

    Pairs count by the product of their shares; those of a point with itself do not count:
    (|sum_v A_lv z_v|^2 - sum_v A_lv^2 |z_v|^2) / ((sum_v A_lv)^2 - sum_v A_lv^2). A point without variance correlates 0
    with all others. A parcel of one point, or none, has no pairs and homogeneity 0.
    """
    z = standardise(features, -2, None if frame_weights is None else frame_weights[..., None])
    total = z @ jnp.swapaxes(maps, -1, -2)
    alone = jnp.sum(maps**2, axis=-1)
    itself = jnp.einsum("...ps,...s->...p", maps**2, jnp.sum(z**2, axis=-2))
    alike = jnp.sum(total**2, axis=-2) - itself
    pairs = jnp.sum(maps, axis=-1) ** 2 - alone
    valid = pairs > 10 * jnp.finfo(maps.dtype).eps * alone
    return jnp.where(valid, alike / jnp.where(valid, pairs, 1.0), 0.0), valid


def _weighted(series: Array, weights: Array | None) -> Array:
    """Return the series with frames without weight set to 0, since a missing value times 0 would stay missing."""
    return series if weights is None else jnp.where(weights[..., None] > 0, series, 0.0)
