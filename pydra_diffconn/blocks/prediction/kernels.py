"""Predicting from connectomes: kernel ridge, logistic regression and connectome-based predictive modelling.

Each learns from the subjects with a weight and predicts for all, so that held-out subjects are those of weight zero:
their targets are never used, and cross-validation is a change of weights.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from pydra_diffconn.blocks.shared_parameters import Softness, SubjectWeights
from pydra_diffconn.declare import constraints
from pydra_diffconn.declare.block import define
from pydra_diffconn.declare.parameters import Parameter
from pydra_diffconn.numerics.dead_columns import ROUNDINGS, eps, is_alive
from pydra_diffconn.numerics.gates import gate
from pydra_diffconn.numerics.weights import total_weight

Kernel = Literal["linear", "correlation", "rbf"]
Which = Literal["both", "positive", "negative"]
Penalty = Annotated[float, Parameter(constraints.above(0.0), help="ridge on the coefficients")]
Gamma = Annotated[
    float | None, Parameter(constraints.above(0.0), help="inverse squared width of the rbf kernel; None: 1 / features")
]
NEWTON_STEPS = 60


def check(arguments: Mapping[str, Any]) -> None:
    """Refuse missing values among the training subjects, and too few of these."""
    targets = arguments.get("targets")
    weights = arguments.get("subject_weights")
    if weights is not None and np.sum(np.asarray(weights) > 0) < 3:
        raise ValueError(f"{np.sum(np.asarray(weights) > 0)} subjects have a weight; learning needs at least 3")
    if targets is not None:
        missing = ~np.isfinite(targets) & (True if weights is None else np.asarray(weights) > 0)
        if missing.any():
            raise ValueError(f"targets is missing for subject {missing.argmax()}; give this subject the weight 0")


@define(outputs=["prediction"], check=check, missing=["targets"])
def KernelRidge(
    features: Float[Array, "subjects features"],
    targets: Float[Array, "subjects"],
    subject_weights: SubjectWeights = None,
    kernel: Kernel = "linear",
    penalty: Penalty = 1.0,
    gamma: Gamma = None,
    intercept: bool = True,
) -> Float[Array, "subjects"]:
    r"""Predict a number for each subject by kernel ridge regression on the weighted ones.

    $$ \min_{f, b} \sum_i w_i \big(y_i - f(x_i) - b\big)^2 + \lambda \| f \|^2 $$

    Minimises sum_i w_i (y_i - f(x_i) - b)^2 + penalty |f|^2. Equals `sklearn.kernel_ridge.KernelRidge` without
    intercept, and with one and the linear kernel `sklearn.linear_model.Ridge`. Features alike in all subjects give the
    mean of the targets. Source: Saunders et al. (1998); He et al. (2020), doi:10.1016/j.neuroimage.2019.116276.

    Parameters
    ----------
    features : (subjects, features)
        For example vectorised connectomes.
    targets : (subjects,)
        What is to be predicted; not read (may be missing) where the weight is 0.
    subject_weights : (subjects,), optional
        At least 0; by default 1 for each.
    kernel : {"linear", "correlation", "rbf"}
        Product of features; their Pearson correlation; exp(-gamma distance^2).
    penalty : float
        Positive.
    gamma : float, optional
        Positive.
    intercept : bool
        Whether b is fitted; else 0.
    """
    weights, targets = _training(targets, subject_weights)
    similarity = kernel_matrix(features, kernel, gamma)
    mean = jnp.zeros_like(targets[0])
    if intercept:
        share = weights / total_weight(weights)
        mean = share @ targets
        row = similarity @ share
        similarity = similarity - row[:, None] - row + share @ row
    # (W K + penalty I) a = W y needs no root of the weights, whose derivative at zero would be infinite
    identity = jnp.eye(len(targets), dtype=similarity.dtype)
    dual = jnp.linalg.solve(weights[:, None] * similarity + penalty * identity, weights * (targets - mean))
    return similarity @ dual + mean


def check_classes(arguments: Mapping[str, Any]) -> None:
    """Refuse targets outside [0, 1] and training subjects of one class alone."""
    check(arguments)
    targets, weights = arguments.get("targets"), arguments.get("subject_weights")
    if targets is None:
        return
    used = np.asarray(targets)[slice(None) if weights is None else np.asarray(weights) > 0]
    if used.min() < 0 or used.max() > 1:
        raise ValueError(f"targets has values from {used.min():g} to {used.max():g}; expected classes 0 and 1")
    if used.max() == 0 or used.min() == 1:
        raise ValueError(f"all training subjects are of class {used[0]:g}; there is nothing to tell apart")


@define(outputs=["decision", "probability"], check=check_classes, missing=["targets"])
def LogisticRegression(
    features: Float[Array, "subjects features"],
    targets: Float[Array, "subjects"],
    subject_weights: SubjectWeights = None,
    kernel: Kernel = "linear",
    penalty: Penalty = 1.0,
    gamma: Gamma = None,
    intercept: bool = True,
) -> tuple[Float[Array, "subjects"], Float[Array, "subjects"]]:
    r"""Predict the probability of class 1 for each subject by logistic regression on the weighted ones.

    $$
    P(y_i = 1) = \sigma\big(f(x_i) + b\big), \quad \min_{f, b} \sum_i w_i \log\big(1 + e^{-s_i (f(x_i) + b)}\big) +
    \tfrac{\lambda}{2} \| f \|^2
    $$

    Minimises sum_i w_i loss(y_i, f(x_i) + b) + penalty |f|^2 / 2 to convergence, and differentiates the optimum
    implicitly. With the linear kernel it equals `sklearn.linear_model.LogisticRegression(C=1 / penalty)`. Features
    alike in all subjects give the share of class 1.

    Parameters
    ----------
    features : (subjects, features)
        For example vectorised connectomes.
    targets : (subjects,)
        Classes 0 and 1, or probabilities; not read (may be missing) where the weight is 0.
    subject_weights : (subjects,), optional
        At least 0; by default 1 for each.
    kernel : {"linear", "correlation", "rbf"}
        Product of features; their Pearson correlation; exp(-gamma distance^2).
    penalty, gamma : float
        Positive; `gamma` is that of the kernel "rbf".
    intercept : bool
        Whether b is fitted; else 0.

    Returns
    -------
    decision : (subjects,)
        f(x) + b, the log odds of class 1.
    probability : (subjects,)
        Its logistic function.
    """
    weights, targets = _training(targets, subject_weights)
    similarity = kernel_matrix(features, kernel, gamma)

    def decide(unknown: Array) -> Array:
        return similarity @ unknown[:-1] + unknown[-1]

    def residual(unknown: Array) -> Array:
        # stationary in the dual coefficients, without the factor K that may be singular, and in the intercept
        slope = penalty * unknown[:-1] + weights * (jax.nn.sigmoid(decide(unknown)) - targets)
        # without any weight nothing determines the intercept
        return jnp.append(slope, jnp.where(intercept & jnp.any(weights > 0), unknown[:-1].sum(), unknown[-1]))

    def objective(unknown: Array) -> Array:
        decision = decide(unknown)
        loss = weights @ (jax.nn.softplus(decision) - targets * decision)
        return loss + penalty / 2 * (unknown[:-1] @ (decision - unknown[-1]))

    def solve_linear(linear: Any, right: Array) -> Array:
        return jnp.linalg.solve(jax.jacfwd(linear)(jnp.zeros_like(right)), right)

    start = jnp.zeros_like(targets, shape=len(targets) + 1)
    newton = lambda function, start: _minimise(function, objective, start)  # noqa: E731
    decision = decide(jax.lax.custom_root(residual, start, newton, solve_linear))
    return decision, jax.nn.sigmoid(decision)


def _minimise(residual: Any, objective: Any, start: Array) -> Array:
    """Take Newton steps, each the best of its halvings, until neither residual nor objective fall any more."""
    halvings = 0.5 ** jnp.arange(8, dtype=start.dtype)
    size = lambda unknown: jnp.max(jnp.abs(residual(unknown)))  # noqa: E731

    def step(state: tuple[Any, ...]) -> tuple[Any, ...]:
        unknown, count, _ = state
        direction = jnp.linalg.solve(jax.jacfwd(residual)(unknown), residual(unknown))
        tried = unknown - halvings[:, None] * direction
        values = jax.vmap(objective)(tried)
        new = tried[jnp.argmin(values)]
        old = objective(unknown)
        # a flat objective alone would stop at the root of the precision
        stalled = (size(new) >= size(unknown)) & (values.min() >= old - 1e-6 * jnp.abs(old))
        return jnp.where(stalled, unknown, new), count + 1, stalled

    going = lambda state: ~state[2] & (state[1] < NEWTON_STEPS)  # noqa: E731
    return jax.lax.while_loop(going, step, (start, 0, jnp.asarray(False)))[0]


@define(outputs=["prediction", "selection"], check=check, missing=["targets"])
def ConnectomePrediction(
    features: Float[Array, "subjects features"],
    targets: Float[Array, "subjects"],
    subject_weights: SubjectWeights = None,
    threshold: Annotated[
        float, Parameter(constraints.unit_interval, help="correlation with the target above which an edge is used")
    ] = 0.2,
    softness: Softness = 0.0,
    which: Which = "both",
) -> tuple[Float[Array, "subjects"], Float[Array, "features"]]:
    r"""Predict a number for each subject from the summed edges that go with it (connectome-based predictive modelling).

    $$
    \hat y_i = b_0 + b_+ \sum_{e:\, r_e > \tau} x_{ie} + b_- \sum_{e:\, r_e < -\tau} x_{ie}, \quad r_e =
    \operatorname{corr}_w(x_e, y)
    $$

    Edges whose correlation r with the targets, over the weighted subjects, is above the threshold are summed for each
    subject, as are those with r below minus the threshold; the targets are regressed on the two sums by least squares.
    Where no edge is selected, the prediction is the mean. Source: Shen et al. (2017), doi:10.1038/nprot.2016.178.

    Parameters
    ----------
    features : (subjects, features)
        Vectorised connectomes.
    targets : (subjects,)
        What is to be predicted; not read (may be missing) where the weight is 0.
    subject_weights : (subjects,), optional
        At least 0; by default 1 for each.
    threshold : float
        In [0, 1]; `critical_correlation` gives that of a significance level. Has a gradient with `softness` > 0.
    softness : float
        Width of the soft edge, a correlation; 0 is hard selection.
    which : {"both", "positive", "negative"}
        The sums that are used.

    Returns
    -------
    prediction : (subjects,)
        In the unit of the targets.
    selection : (features,)
        1 for positive edges, -1 for negative ones, 0 for others.
    """
    weights, targets = _training(targets, subject_weights)
    share = weights / total_weight(weights)
    centred, target = features - share @ features, targets - share @ targets
    unit = centred * _inverse_norm(share @ centred**2, share @ features**2)
    together = (share * target) @ unit * _inverse_norm(share @ target**2, share @ targets**2)
    signs = {"both": (1, -1), "positive": (1,), "negative": (-1,)}[which]
    gates = jnp.stack([gate(sign * together - threshold, softness, at_edge=0.0) for sign in signs], axis=1)
    sums = centred @ gates
    sums = sums * _inverse_norm(share @ sums**2, jnp.zeros(()))
    # the sums may be collinear, or one of them empty
    rounding = ROUNDINGS * eps(sums)
    inverse = jnp.linalg.pinv(sums.T @ (share[:, None] * sums), rtol=rounding, hermitian=True)
    prediction = sums @ (inverse @ (sums.T @ (share * target))) + share @ targets
    return prediction, gates @ jnp.asarray(signs, dtype=gates.dtype)


def critical_correlation(significance: float, subjects: int) -> float:
    """Return the correlation that is just significant, two-sided, for so many subjects.

    >>> round(critical_correlation(0.05, 100), 4)
    0.1966
    """
    from scipy.stats import t

    freedom = subjects - 2
    quantile = float(t.isf(significance / 2, freedom))
    return quantile / float(np.sqrt(freedom + quantile**2))


def kernel_matrix(
    features: Float[Array, "subjects features"], kernel: Kernel, gamma: Any = None
) -> Float[Array, "subjects subjects"]:
    """Compare all pairs of subjects by their features."""
    if kernel == "correlation":
        centred = features - features.mean(axis=1, keepdims=True)
        scale = _inverse_norm(jnp.sum(centred**2, axis=1), jnp.sum(features**2, axis=1))
        features = centred * scale[:, None]
    product = features @ features.T
    if kernel != "rbf":
        return product
    square = jnp.diagonal(product)
    distance = jnp.maximum(square[:, None] + square - 2 * product, 0.0)
    return jnp.exp(-(1 / features.shape[1] if gamma is None else gamma) * distance)


def _training(targets: Array, weights: Array | None) -> tuple[Array, Array]:
    """Return the weights, and targets of which the held-out ones are forgotten."""
    weights = jnp.ones_like(targets) if weights is None else jnp.asarray(weights)
    return weights, jnp.where(weights > 0, targets, 0.0)


def _inverse_norm(square: Array, size: Array) -> Array:
    """Return 1 / sqrt(square), and 0 for what is constant: its deviations are roundings of its size."""
    varies = is_alive(square, size)
    return jnp.where(varies, 1 / jnp.sqrt(jnp.where(varies, square, 1.0)), 0.0)
