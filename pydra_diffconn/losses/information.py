"""Entropy and divergences of distributions, in nats; exact where probabilities are 0, with finite gradients.

A probability below the smallest normal number of its type counts as that number *inside the logarithm*: 0 log 0 is
exactly 0, and the slope there is steep but finite.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from pydra_diffconn.declare.loss import Loss
from pydra_diffconn.declare.targets import refuse_values


@dataclass(frozen=True, kw_only=True)
class Entropy(Loss):
    r"""Mean entropy of distributions along an axis: minimised, soft assignments become hard.

    $$ \Big\langle -\sum_k p_k \log p_k \Big\rangle $$
    """

    axis: int = -1
    logits: bool = False

    def score(self, outputs: Mapping[str, Any], targets: Any) -> Any:
        """Return the mean entropy."""
        return entropy(self.read(outputs), self.axis, self.logits).mean()


@dataclass(frozen=True, kw_only=True)
class KullbackLeibler(Loss):
    r"""Mean KL(other | output), as in maximum likelihood; with `reverse`, KL(output | other).

    $$ \Big\langle \sum_k q_k \log \frac{q_k}{p_k} \Big\rangle, \quad p \text{ the output, } q \text{ the other} $$

    `other` names an output or learned parameter; without it, the targets are the other distribution. With `logits`,
    outputs are logits; targets never are. These hold for the other divergences too.
    """

    other: str | None = None
    axis: int = -1
    logits: bool = False
    reverse: bool = False
    compares = True

    def check_values(self, targets: np.ndarray, shape: tuple[int, ...]) -> None:
        """Refuse what is no distribution."""
        refuse_no_distribution(targets, self.axis)

    def score(self, outputs: Mapping[str, Any], targets: Any) -> Any:
        """Return the mean divergence."""
        own, other = _pair(self, outputs, targets)
        first, second = (own, other) if self.reverse else (other, own)
        return kullback_leibler(first, second, self.axis, self.logits).mean()


@dataclass(frozen=True, kw_only=True)
class JensenShannon(Loss):
    r"""Mean Jensen-Shannon divergence of an output and `other`: symmetric, between 0 and log 2.

    $$
    \Big\langle \tfrac{1}{2} \text{KL}(p \,\|\, m) + \tfrac{1}{2} \text{KL}(q \,\|\, m) \Big\rangle, \quad m =
    \tfrac{1}{2} (p + q)
    $$
    """

    other: str | None = None
    axis: int = -1
    logits: bool = False
    compares = True

    def check_values(self, targets: np.ndarray, shape: tuple[int, ...]) -> None:
        """Refuse what is no distribution."""
        refuse_no_distribution(targets, self.axis)

    def score(self, outputs: Mapping[str, Any], targets: Any) -> Any:
        """Return the mean divergence."""
        own, other = _pair(self, outputs, targets)
        return jensen_shannon(own, other, self.axis, self.logits).mean()


@dataclass(frozen=True, kw_only=True)
class Bregman(Loss):
    r"""Mean Bregman divergence of an output x and `other` y along the last axis: f(y) - f(x) - <f'(x), y - x>.

    $$ \big\langle f(y) - f(x) - \nabla f(x)^\top (y - x) \big\rangle $$

    The generator f is a convex function of one vector; with `logits`, the vectors are softmax(logits).
    """

    generator: Callable[[Array], Array]
    other: str | None = None
    logits: bool = False
    compares = True

    def score(self, outputs: Mapping[str, Any], targets: Any) -> Any:
        """Return the mean divergence."""
        own, other = _pair(self, outputs, targets)
        if self.logits:
            own, other = jax.nn.softmax(own), jax.nn.softmax(other)
        return bregman(self.generator, own, other).mean()


def refuse_no_distribution(targets: np.ndarray, axis: int) -> None:
    """Refuse probabilities that are negative, or do not sum to one along an axis."""
    refuse_values(~(targets >= 0), targets, "probabilities, not negative")
    total = targets.sum(axis=axis)
    refuse_values(np.abs(total - 1) > 1e-3, total, f"probabilities that sum to 1 along axis {axis}")


def _pair(loss: KullbackLeibler | JensenShannon | Bregman, outputs: Mapping[str, Any], targets: Any) -> Any:
    if loss.other is not None:
        return loss.read(outputs), loss.read(outputs, loss.other)
    target = jnp.asarray(loss.wanted(targets))
    return loss.read(outputs), _logarithm(target) if loss.logits else target


def entropy(values: Array, axis: int = -1, logits: bool = False) -> Array:
    """Return -sum p log p along an axis, of probabilities or of softmax(logits); as `scipy.stats.entropy`."""
    probabilities, logarithms = _with_logarithms(values, axis, logits)
    return -jnp.sum(probabilities * logarithms, axis)


def kullback_leibler(first: Array, second: Array, axis: int = -1, logits: bool = False) -> Array:
    """Return KL(P | Q) = sum p log(p / q) along an axis; as `scipy.special.rel_entr`.

    Where q is 0 and p is not, the divergence is large but finite (it would be infinite).
    """
    p, log_p = _with_logarithms(first, axis, logits)
    _, log_q = _with_logarithms(second, axis, logits)
    return jnp.sum(p * (log_p - log_q), axis)


def jensen_shannon(first: Array, second: Array, axis: int = -1, logits: bool = False) -> Array:
    """Return (KL(P | M) + KL(Q | M)) / 2 with M = (P + Q) / 2; `scipy.spatial.distance.jensenshannon` squared."""
    p, log_p = _with_logarithms(first, axis, logits)
    q, log_q = _with_logarithms(second, axis, logits)
    log_m = _logarithm((p + q) / 2)
    return jnp.sum(p * (log_p - log_m) + q * (log_q - log_m), axis) / 2


def bregman(generator: Callable[[Array], Array], at: Array, other: Array) -> Array:
    """Return f(y) - f(x) - <f'(x), y - x> for vectors x, y along the last axis; `generator` is f."""

    def one(x: Array, y: Array) -> Array:
        value, slope = jax.value_and_grad(generator)(x)
        return generator(y) - value - slope @ (y - x)

    at, other = jnp.broadcast_arrays(jnp.asarray(at), jnp.asarray(other))
    return jax.vmap(one)(at.reshape(-1, at.shape[-1]), other.reshape(-1, at.shape[-1])).reshape(at.shape[:-1])


def _with_logarithms(values: Array, axis: int, logits: bool) -> tuple[Array, Array]:
    values = jnp.asarray(values)
    if not logits:
        return values, _logarithm(values)
    # an impossible class (a logit of -inf) takes part as the smallest probability inside the logarithm only
    logarithms = jnp.maximum(jax.nn.log_softmax(values, axis), jnp.log(jnp.finfo(values.dtype).tiny))
    return jax.nn.softmax(values, axis), logarithms


def _logarithm(values: Array) -> Array:
    return jnp.log(jnp.maximum(values, jnp.finfo(values.dtype).tiny))
