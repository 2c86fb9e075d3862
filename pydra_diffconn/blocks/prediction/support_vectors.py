"""Support vector classification from connectomes, differentiated at its optimum."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from pydra_diffconn.blocks.prediction.kernels import Gamma, Kernel, Penalty, _training, check_classes, kernel_matrix
from pydra_diffconn.blocks.shared_parameters import SubjectWeights
from pydra_diffconn.declare.block import define

STEPS = 80  # of the interior point method at most; about fifteen are usual
NEWTON_STEPS = 20
TO_BORDER = 0.99  # part of the way to the border that a step may take


@define(outputs=["decision"], check=check_classes, missing=["targets"])
def SupportVectorMachine(
    features: Float[Array, "subjects features"],
    targets: Float[Array, "subjects"],
    subject_weights: SubjectWeights = None,
    kernel: Kernel = "linear",
    penalty: Penalty = 1.0,
    gamma: Gamma = None,
    intercept: bool = True,
) -> Float[Array, "subjects"]:
    r"""Tell two classes apart by the widest margin, learned from the weighted subjects.

    $$
    \min_{f, b} \sum_i w_i \max\big(0,\, 1 - s_i (f(x_i) + b)\big) + \tfrac{\lambda}{2} \| f \|^2, \quad s_i = \pm 1
    $$

    Minimises sum_i w_i max(0, 1 - s_i (f(x_i) + b)) + penalty |f|^2 / 2, s = -1 or 1, to convergence, and
    differentiates the optimum implicitly: only subjects on the margin have an influence that changes smoothly. Equals
    `sklearn.svm.SVC(C=1 / penalty)`. Features alike in all subjects give the larger class. Source: Cortes & Vapnik
    (1995), doi:10.1007/BF00994018.

    Parameters
    ----------
    features : (subjects, features)
        For example vectorised connectomes.
    targets : (subjects,)
        Classes 0 and 1; not read (may be missing) where the weight is 0.
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

    Returns
    -------
    decision : (subjects,)
        f(x) + b: positive for class 1, beyond -1 and 1 outside the margin.
    """
    weights, targets = _training(targets, subject_weights)
    similarity = kernel_matrix(features, kernel, gamma)
    return _decide(similarity, 2 * targets - 1, weights / penalty, intercept)


@partial(jax.jit, static_argnames="intercept")  # compiled once, for all calls outside of a compiled program
def _decide(similarity: Array, sides: Array, limits: Array, intercept: bool) -> Float[Array, "subjects"]:
    """Return f(x) + b of all, given the sides of the margin (-1 or 1) and the limits of the dual coefficients."""
    reach = limits.max()

    def moved(unknown: Array) -> Array:
        """Return where a step down the slope would leave the dual coefficients, were there no limits."""
        slope = sides * (similarity @ (sides * unknown[:-1]) + unknown[-1]) - 1
        return unknown[:-1] - reach * slope

    def residual(unknown: Array) -> Array:
        balance = sides @ unknown[:-1] if intercept else unknown[-1]
        return jnp.append(unknown[:-1] - jnp.clip(moved(unknown), 0, limits), balance)

    def solve(function: Any, _: Array) -> Array:
        return _newton(function, _interior_point(sides, limits, similarity, intercept))

    unknown = jax.lax.custom_root(residual, jnp.zeros_like(sides, shape=len(sides) + 1), solve, _solve_linear)
    decision, offset = similarity @ (sides * unknown[:-1]), unknown[-1]
    if intercept:
        offset = _offset(offset, sides, sides - decision, moved(unknown), limits)
    return decision + offset


def _offset(offset: Array, sides: Array, to_margin: Array, moved: Array, limits: Array) -> Array:
    """Return the intercept; without a subject on the margin, the middle of those that are as good (as LIBSVM)."""
    used, lower, upper = limits > 0, moved <= 0, moved >= limits
    up = used & jnp.where(sides > 0, lower, upper)  # the intercept must be at least as large as what these lack
    down = used & jnp.where(sides > 0, upper, lower)
    least, most = jnp.where(up, to_margin, -jnp.inf).max(), jnp.where(down, to_margin, jnp.inf).min()
    between = ~jnp.any(used & ~lower & ~upper) & jnp.isfinite(least) & jnp.isfinite(most)
    return jnp.where(between, jnp.where(between, least + most, 0.0) / 2, offset)


def _solve_linear(linear: Any, right: Array) -> Array:
    # of least norm: singular where more subjects stand on the margin than the features can tell apart
    return jnp.linalg.pinv(jax.jacfwd(linear)(jnp.zeros_like(right))) @ right


def _newton(residual: Any, start: Array) -> Array:
    """Improve a solution whose active limits are nearly right (an active set method), as long as it gets better."""
    size = lambda unknown: jnp.max(jnp.abs(residual(unknown)))  # noqa: E731

    def step(state: tuple[Any, ...]) -> tuple[Any, ...]:
        unknown, best, count, _ = state
        unknown = unknown - _solve_linear(jax.linearize(residual, unknown)[1], residual(unknown))
        better = size(unknown) < size(best)
        return unknown, jnp.where(better, unknown, best), count + 1, better

    going = lambda state: (state[2] < 3) | (state[3] & (state[2] < NEWTON_STEPS))  # noqa: E731
    return jax.lax.while_loop(going, step, (start, start, 0, jnp.asarray(True)))[1]


def _interior_point(sides: Array, limits: Array, similarity: Array, intercept: bool) -> Array:
    """Return nearly optimal dual coefficients and the intercept, by Mehrotra's predictor and corrector."""
    reach, used, count = limits.max(), limits > 0, len(sides)
    upper = jnp.where(used, limits / reach, 1.0)  # those that are left out may be anywhere
    quadratic = jnp.where(used & used[:, None], reach * sides[:, None] * similarity * sides, 0.0)
    gain, balance = 1.0 * used, jnp.where(used, sides, 0.0) * intercept

    def residuals(state: tuple[Any, ...]) -> tuple[Array, Array]:
        dual, offset, low, high = state
        return quadratic @ dual - gain + balance * offset - low + high, balance @ dual

    def gap(state: tuple[Any, ...]) -> Array:
        dual, _, low, high = state
        return (low @ dual + high @ (upper - dual)) / (2 * count)

    def direction(state: tuple[Any, ...], low_target: Array, high_target: Array) -> tuple[Any, ...]:
        """Return the step towards given products of the distances to the limits with their multipliers."""
        dual, _, low, high = state
        slope, excess = residuals(state)
        room = upper - dual
        diagonal = low / dual + high / room
        matrix = jnp.zeros((count + 1, count + 1), sides.dtype).at[:count, :count].set(quadratic + jnp.diag(diagonal))
        matrix = matrix.at[:count, count].set(balance).at[count, :count].set(balance)
        matrix = matrix.at[count, count].set(0.0 if intercept else 1.0)
        pull = -slope + (low_target / dual - low) - (high_target / room - high)
        solved = jnp.linalg.solve(matrix, jnp.append(pull, -excess))
        change = solved[:-1]
        return (
            change,
            solved[-1],
            (low_target - low * change) / dual - low,
            (high_target + high * change) / room - high,
        )

    def error(state: tuple[Any, ...]) -> Array:
        slope, excess = residuals(state)
        return jnp.maximum(gap(state), jnp.maximum(jnp.max(jnp.abs(slope)) / size, jnp.abs(excess)))

    def step(loop: tuple[Any, ...]) -> tuple[Any, ...]:
        state, _, steps = loop
        now, nothing = gap(state), jnp.zeros_like(sides)
        free = direction(state, nothing, nothing)
        shrink = (gap(_along(state, free, _longest(upper, state, free))) / now) ** 3
        bent = free[0] * free[2], -free[0] * free[3]
        way = direction(state, shrink * now - bent[0], shrink * now - bent[1])
        new = _along(state, way, TO_BORDER * _longest(upper, state, way))
        # at the limit of the precision a step may fail: then the last state is the answer
        failed = ~jnp.isfinite(error(new))
        return tuple(jnp.where(failed, old, value) for old, value in zip(state, new, strict=True)), failed, steps + 1

    def going(loop: tuple[Any, ...]) -> Array:
        state, failed, steps = loop
        return (error(state) > 1e3 * jnp.finfo(sides.dtype).eps) & ~failed & (steps < STEPS)

    ones, size = jnp.ones_like(sides), 1 + jnp.max(jnp.abs(quadratic))
    start = (upper / 2, jnp.zeros_like(sides[0]), ones, ones)
    dual, offset, _, _ = jax.lax.while_loop(going, step, (start, jnp.asarray(False), 0))[0]
    return jnp.append(jnp.where(used, reach * dual, 0.0), offset)


def _along(state: tuple[Any, ...], way: tuple[Any, ...], length: Any) -> tuple[Any, ...]:
    return tuple(value + length * change for value, change in zip(state, way, strict=True))


def _longest(upper: Array, state: tuple[Any, ...], way: tuple[Any, ...]) -> Array:
    """Return how far all may go before one turns negative, at most 1."""
    dual, _, low, high = state
    values, changes = jnp.stack([dual, upper - dual, low, high]), jnp.stack([way[0], -way[0], way[2], way[3]])
    return jnp.min(jnp.where(changes < 0, -values / jnp.where(changes < 0, changes, 1.0), jnp.inf), initial=1.0)
