"""How far predictions are from targets, and how large or out of range values are."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from pydra_diffconn.declare.declaration import prefixed
from pydra_diffconn.declare.loss import Loss
from pydra_diffconn.declare.targets import concrete, refuse_values
from pydra_diffconn.losses.information import refuse_no_distribution
from pydra_diffconn.losses.norms import norm


@dataclass(frozen=True)
class MeanSquaredError(Loss):
    r"""Mean squared difference between an output and the targets (of the same shape).

    $$ \frac{1}{N} \sum_i (x_i - y_i)^2 $$
    """

    compares = True

    def check_values(self, targets: np.ndarray, shape: tuple[int, ...]) -> None:
        """Refuse missing values."""
        refuse_values(~np.isfinite(targets), targets, "numbers")

    def score(self, outputs: Mapping[str, Any], targets: Any) -> Any:
        """Return the mean over all runs and entries."""
        return ((self.read(outputs) - self.wanted(targets)) ** 2).mean()


@dataclass(frozen=True, kw_only=True)
class BinaryCrossEntropy(Loss):
    r"""Cross entropy of probabilities (or of logits) to targets in [0, 1]; see `binary_cross_entropy`.

    $$ -\frac{1}{N} \sum_i \big(y_i \log p_i + (1 - y_i) \log (1 - p_i)\big) $$
    """

    logits: bool = False
    compares = True

    def check_values(self, targets: np.ndarray, shape: tuple[int, ...]) -> None:
        """Refuse what is no probability."""
        refuse_values(~((targets >= 0) & (targets <= 1)), targets, "probabilities, from 0 to 1")

    def score(self, outputs: Mapping[str, Any], targets: Any) -> Any:
        """Return the mean over all runs and entries, in nats."""
        return binary_cross_entropy(self.read(outputs), self.wanted(targets), self.logits)


@dataclass(frozen=True)
class SoftmaxCrossEntropy(Loss):
    r"""Cross entropy of logits (..., classes) to class numbers (...) or probabilities (..., classes).

    $$ -\frac{1}{N} \sum_i \sum_c y_{ic} \log \frac{e^{x_{ic}}}{\sum_k e^{x_{ik}}} $$
    """

    compares = False  # entry by entry: class numbers have one dimension less

    def score(self, outputs: Mapping[str, Any], targets: Any) -> Any:
        """Return the mean over all runs, in nats."""
        logits, wanted = self.read(outputs), self.wanted(targets)
        self._check_classes(np.shape(logits), wanted)
        return softmax_cross_entropy(logits, wanted)

    def _check_classes(self, shape: tuple[int, ...], targets: Any) -> None:
        classes, numbers = shape[-1], concrete(targets)
        with prefixed(self.label):
            if np.shape(targets) == shape[:-1]:
                if not jnp.issubdtype(jnp.result_type(targets), jnp.integer):
                    raise ValueError("the targets are no whole numbers; expected the numbers of classes, from 0")
                if numbers is not None:
                    wrong = (numbers < 0) | (numbers >= classes)
                    refuse_values(wrong, numbers, f"the numbers of {classes} classes, 0 to {classes - 1}")
                return
            if np.shape(targets) != shape:
                raise ValueError(
                    f"the targets have shape {np.shape(targets)}, the output {self.output!r} {shape}; expected class "
                    f"numbers {shape[:-1]} or probabilities {shape}"
                )
            if numbers is not None:
                refuse_no_distribution(numbers, -1)


@dataclass(frozen=True)
class Hinge(Loss):
    r"""Hinge loss of decision values to targets of -1 and 1.

    $$ \frac{1}{N} \sum_i \max(0,\, 1 - y_i x_i) $$
    """

    compares = True

    def check_values(self, targets: np.ndarray, shape: tuple[int, ...]) -> None:
        """Refuse what is neither side."""
        refuse_values(np.abs(targets) != 1, targets, "-1 or 1")

    def score(self, outputs: Mapping[str, Any], targets: Any) -> Any:
        """Return the mean of relu(1 - target * value)."""
        return jax.nn.relu(1 - self.wanted(targets) * self.read(outputs)).mean()


@dataclass(frozen=True, kw_only=True)
class Norm(Loss):
    r"""Length of the values along an axis (all of them by default), averaged over the other axes; see `norm`.

    $$ \big\langle \| x \|_p \big\rangle, \quad \| x \|_p = \Big(\sum_i |x_i|^p\Big)^{1/p} $$
    """

    order: float = 2.0
    axis: int | tuple[int, ...] | None = None

    def score(self, outputs: Mapping[str, Any], targets: Any) -> Any:
        """Return the mean norm."""
        return norm(self.read(outputs), self.axis, self.order).mean()


@dataclass(frozen=True, kw_only=True)
class Distance(MeanSquaredError):
    r"""Length of the difference to the targets along an axis, averaged over the other axes; see `norm`.

    $$ \big\langle \| x - y \|_p \big\rangle, \quad \| z \|_p = \Big(\sum_i |z_i|^p\Big)^{1/p} $$
    """

    order: float = 2.0
    axis: int | tuple[int, ...] | None = None

    def score(self, outputs: Mapping[str, Any], targets: Any) -> Any:
        """Return the mean norm of output - target."""
        return norm(self.read(outputs) - self.wanted(targets), self.axis, self.order).mean()


@dataclass(frozen=True, kw_only=True)
class OutOfRange(Loss):
    r"""How far values lie below `lower` or above `upper`, on average; 0 inside.

    $$ \frac{1}{N} \sum_i \max(0,\, a - x_i) + \max(0,\, x_i - b) $$
    """

    lower: float | None = None
    upper: float | None = None

    def score(self, outputs: Mapping[str, Any], targets: Any) -> Any:
        """Return the mean excess over all entries."""
        values = self.read(outputs)
        below = 0.0 if self.lower is None else jax.nn.relu(self.lower - values)
        above = 0.0 if self.upper is None else jax.nn.relu(values - self.upper)
        return jnp.mean(below + above)


@dataclass(frozen=True, kw_only=True)
class LogDeviation(Loss):
    r"""Mean squared logarithm of positive values over `around`: what holds learned weights near it.

    $$ \frac{1}{N} \sum_i \Big(\log \frac{x_i}{a}\Big)^2 $$

    Weights that a comparison takes relative to each other are free in scale, and as many as parcels or edges: without a
    penalty they fit the people that they are learned from. A factor of two costs as much as a half. Values of 0 or less
    cost as much as the smallest number above it.
    """

    around: float = 1.0

    def score(self, outputs: Mapping[str, Any], targets: Any) -> Any:
        """Return the mean over all entries."""
        values = jnp.asarray(self.read(outputs))
        alive, least = values > 0, np.log(jnp.finfo(values.dtype).tiny)
        logarithm = jnp.where(alive, jnp.log(jnp.where(alive, values, 1.0)), least)
        return jnp.mean((logarithm - np.log(self.around)) ** 2)


@dataclass(frozen=True, kw_only=True)
class ConstraintViolation(Loss):
    r"""How far the worst of some constraints c(x) <= 0 is violated; each is a function of the values.

    $$ \big\langle \max(0,\, c_1(x),\, c_2(x),\, \dots) \big\rangle $$
    """

    constraints: tuple[Callable[[Any], Any], ...]

    def score(self, outputs: Mapping[str, Any], targets: Any) -> Any:
        """Return the mean of max(0, c_1(x), c_2(x), ...); the constraints' shapes must broadcast."""
        values = self.read(outputs)
        worst = jnp.zeros(())
        for constraint in self.constraints:
            worst = jnp.maximum(worst, constraint(values))
        return worst.mean()


def binary_cross_entropy(predicted: Array, targets: Array, logits: bool = False) -> Array:
    """Return the mean of -t log p - (1 - t) log(1 - p), in nats.

    Probabilities are kept off 0 and 1 by the resolution of their type, as in `sklearn.metrics.log_loss`.
    """
    if logits:
        return jnp.mean(jax.nn.softplus(predicted) - targets * predicted)
    nearest = jnp.finfo(predicted.dtype).eps
    inside = jnp.clip(predicted, nearest, 1 - nearest)
    return -jnp.mean(targets * jnp.log(inside) + (1 - targets) * jnp.log1p(-inside))


def softmax_cross_entropy(logits: Array, targets: Array) -> Array:
    """Return the mean of -sum_c t_c log softmax(logits)_c, in nats; integer targets are class numbers."""
    logarithms = jax.nn.log_softmax(logits, axis=-1)
    targets = jnp.asarray(targets)
    if jnp.issubdtype(targets.dtype, jnp.integer) and targets.ndim == logits.ndim - 1:
        return -jnp.take_along_axis(logarithms, targets[..., None], axis=-1).mean()
    return -jnp.sum(targets * logarithms, axis=-1).mean()
