"""Sparse inverse covariances: the graphical lasso, solved to rounding and differentiated at its optimum."""

from collections.abc import Callable
from functools import partial
from typing import Annotated, Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from pydra_diffconn.blocks.connectivity.correlation import check_invertible
from pydra_diffconn.declare import constraints
from pydra_diffconn.declare.block import define
from pydra_diffconn.declare.parameters import Parameter
from pydra_diffconn.numerics import spd

MOST_STEPS = 200
MOST_SWEEPS = 30  # over all columns, to come near the optimum
FAR, NEAR = 0.1, 1e-3  # how far a column's conditions may be from holding, first and last, in units of the penalty
NEARER = 0.3  # the part of that which each sweep leaves
PATIENCE = 3  # rounds without progress, in rounding
HALVINGS = 20
REACHED = 0.01  # what may be left of the subgradient, in units of the penalty
FEW = 24  # largest eigenvalues that the equations of a step are solved for by themselves
ROUGH = 1e-3  # accuracy that single precision has in these, also where the largest is far above the others
Matrix = Float[Array, "n n"]


@define(outputs=["covariance", "precision"], check=check_invertible, skips=True)
def GraphicalLasso(
    covariance: Float[Array, "parcels parcels"],
    penalty: Annotated[
        float,
        Parameter(constraints.positive, help="on the absolute precisions between parcels, in units of covariance"),
    ] = 0.1,
) -> tuple[Float[Array, "parcels parcels"], Float[Array, "parcels parcels"]]:
    r"""Estimate a sparse precision P: the smallest tr(S P) - log det P + penalty sum_{i != j} |P_ij|.

    $$ \hat P = \arg\min_{P \succ 0} \operatorname{tr}(S P) - \log \det P + \lambda \sum_{i \ne j} |P_{ij}| $$

    Returns the inverse of P and P itself, whose zeros are exact. Equals `sklearn.covariance.graphical_lasso` at
    convergence. The covariance may be singular. A penalty above all covariances between parcels gives a diagonal
    matrix, 0 the inverse. A parcel without variance has precision and covariance 0. All is NaN where the minimum is not
    reached: of a nearly singular covariance with a penalty far below the variances, and of what is no covariance;
    shrink it first (`ShrinkCovariance`), or give a larger penalty. The derivative is that of the optimality conditions
    with the zeros held. Source: Friedman et al. (2008), doi:10.1093/biostatistics/kxm045.

    Parameters
    ----------
    covariance : (parcels, parcels)
        A covariance, or a correlation so that the penalty has no unit.
    penalty : float
        At least 0.
    """
    covariance = spd.symmetric(jnp.asarray(covariance))
    variance = jnp.diagonal(covariance)
    alive = variance > jnp.finfo(variance.dtype).eps * jnp.mean(variance)
    together = alive & alive[:, None]
    unit = jnp.sum(jnp.where(alive, variance, 0.0)) / jnp.maximum(jnp.sum(alive), 1)
    unit = jnp.where(unit > 0, unit, 1.0)
    identity = jnp.eye(len(covariance), dtype=covariance.dtype)
    precision = sparse_precision(jnp.where(together, covariance / unit, identity), penalty / unit)
    estimate = spd.inverse(precision) * unit
    return jnp.where(together, estimate, 0.0), jnp.where(together, precision / unit, 0.0)


class Point(NamedTuple):
    """A precision on the way to the optimum, and what the next step needs."""

    precision: Matrix
    inverse: Matrix
    cost: Array
    slope: Matrix
    """The subgradient of least norm, which is zero at the optimum."""

    @property
    def distance(self) -> Array:
        return jnp.max(jnp.abs(self.slope))


class Progress(NamedTuple):
    """Where the minimisation stands."""

    point: Point
    best: Point
    idle: Any
    step: Any


class Spread(NamedTuple):
    """An inverse as a diagonal and what its few largest eigenvalues add: what solves about as the whole of it does."""

    variance: Float[Array, "n"]
    few: Float[Array, "n few"]
    """Eigenvectors times the square roots of what their eigenvalues have above the others."""

    @property
    def rest(self) -> Float[Array, "n"]:
        without = self.variance - jnp.sum(self.few**2, axis=1)
        return jnp.maximum(without, self.variance / 100)


@jax.custom_jvp
@jax.jit
def sparse_precision(covariance: Matrix, penalty: Any) -> Matrix:
    """Return the minimiser for a covariance whose mean variance is about 1.

    Sweeps over the columns find the zeros and come near (Friedman et al. 2008). From there each round takes a Newton
    step on the orthant that the signs and the subgradient point to (Oztoprak et al. 2012, Advances in Neural
    Information Processing Systems 25), and a proximal gradient step, which mends the zeros. A Newton step need not be
    exact to lead nearer: as long as that is so, its equations are solved in single precision, and it mends itself.
    """
    penalty, real = jnp.asarray(penalty, covariance.dtype), covariance.dtype
    cold = _at(covariance, penalty, jnp.diag(1 / jnp.diagonal(covariance)))
    near = _by_columns(covariance.astype(jnp.float32), penalty.astype(jnp.float32))
    warm = _at(covariance, penalty, near.astype(real))
    start = _choose(warm.cost < cold.cost, warm, cold)
    spread = _spread(start.inverse)

    def improve(state: Progress, single: bool) -> Progress:
        best = state.best
        point = _search(covariance, penalty, state.point, _newton(state.point, spread, single), level=True)
        if single:
            nearer = point.distance < best.distance / 2
        else:
            point = _search(covariance, penalty, point, _proximal(point, covariance, penalty), level=False)
            nearer = (point.cost < best.cost - _rounding(best)) | (point.distance < best.distance)
        return Progress(point, _choose(nearer, point, best), jnp.where(nearer, 0, state.idle + 1), state.step + 1)

    def rounds(state: Progress, single: bool, patience: int) -> Progress:
        def unfinished(state: Progress) -> Array:
            near = state.best.distance <= _rounding_of_slope(state.best)
            return ~near & (state.idle < patience) & (state.step < MOST_STEPS)

        return jax.lax.while_loop(unfinished, partial(improve, single=single), state._replace(idle=0))

    state = Progress(start, start, 0, 0)
    if real != jnp.float32:
        state = rounds(state, single=True, patience=2)
    found = rounds(state, single=False, patience=PATIENCE).best
    reached = found.distance <= jnp.maximum(penalty * REACHED, 1000 * _rounding_of_slope(found))
    return jnp.where(reached, found.precision, jnp.nan)


def _by_columns(covariance: Matrix, penalty: Array) -> Matrix:
    """Return a precision near the optimum, one column after the other regressed on the others with the penalty.

    Each regression changes one coefficient at a time, the one that moves its gradient most: that takes a few
    microseconds, and few of them are not zero.
    """
    size, own = len(covariance), jnp.eye(len(covariance), dtype=bool)
    variance = jnp.diagonal(covariance)
    off = jnp.where(own, 0.0, covariance)
    highest = jnp.max(jnp.abs(off))
    unit = jnp.maximum(penalty, highest / 100)

    def regress(column: Array, state: tuple[Any, ...]) -> tuple[Any, ...]:
        estimate, coefficients, row, change, enough = state
        # the column before: placed at the end of its own turn, where more is read, it made XLA copy the whole estimate
        estimate = _placed(estimate, column - 1, row)

        def moves(coefficient: Array, gradient: Array) -> Array:
            free = variance * coefficient - gradient
            soft = jnp.sign(free) * jnp.maximum(jnp.abs(free) - penalty, 0.0)
            return jnp.where(own[column], 0.0, soft / variance - coefficient)

        def unfinished(state: tuple[Any, ...]) -> Array:
            *_, largest, step = state
            return (largest > enough) & (step < 4 * size)

        def move(state: tuple[Any, ...]) -> tuple[Any, ...]:
            coefficient, gradient, _, step = state
            by = moves(coefficient, gradient)
            which = jnp.argmax(jnp.abs(by) * variance)
            moved = coefficient.at[which].add(by[which])
            return moved, gradient + by[which] * estimate[which], jnp.abs(by[which]) * variance[which], step + 1

        start = coefficients[column]
        gradient = estimate @ start - covariance[column]
        start = (start, gradient, jnp.array(jnp.inf, covariance.dtype), 0)
        coefficient, gradient, _, _ = jax.lax.while_loop(unfinished, move, start)
        row = jnp.where(own[column], variance, gradient + covariance[column])
        change = jnp.maximum(change, jnp.max(jnp.abs(row - estimate[column])))
        return estimate, coefficients.at[column].set(coefficient), row, change, enough

    def sweep(state: tuple[Any, ...]) -> tuple[Any, ...]:
        estimate, coefficients, _, step = state
        enough = unit * jnp.maximum(NEAR, FAR * NEARER**step)
        start = (estimate, coefficients, estimate[-1], jnp.zeros_like(highest), enough)
        estimate, coefficients, row, change, _ = jax.lax.fori_loop(0, size, regress, start)
        return _placed(estimate, size - 1, row), coefficients, change, step + 1

    def moving(state: tuple[Any, ...]) -> Array:
        *_, change, step = state
        return (change > 10 * NEAR * unit) & (step < MOST_SWEEPS)

    # positive definite, and no further from the covariance than the penalty allows
    start = covariance - off * jnp.minimum(1.0, penalty / jnp.where(highest > 0, highest, 1.0))
    first = (start, jnp.zeros_like(start), jnp.array(jnp.inf, covariance.dtype), 0)
    estimate, coefficients, _, _ = jax.lax.while_loop(moving, sweep, first)
    diagonal = 1 / (variance - jnp.sum(jnp.where(own, 0.0, estimate) * coefficients, axis=1))
    precision = jnp.diag(diagonal) - coefficients * diagonal[:, None]
    return jnp.where((precision != 0) & (precision.T != 0), spd.symmetric(precision), 0.0)


def _placed(estimate: Matrix, column: Any, row: Array) -> Matrix:
    return estimate.at[column].set(row).at[:, column].set(row)


@sparse_precision.defjvp
@jax.jit
def _sparse_precision_derivative(primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Any, ...]:
    """Differentiate S - P^-1 + penalty sign(P) = 0 on the entries that are not zero; the others stay zero."""
    (covariance, penalty), (change, more) = primals, tangents
    precision = sparse_precision(covariance, penalty)
    inverse = spd.inverse(precision)
    spread = _spread(jax.lax.stop_gradient(inverse))
    used = _free(precision != 0)
    signs = jnp.sign(precision) * ~jnp.eye(len(precision), dtype=bool)
    right = -jnp.where(used, spd.symmetric(change) + more * signs, 0.0)

    def curvature(motion: Array) -> Array:
        return jnp.where(used, inverse @ jnp.where(used, motion, 0.0) @ inverse, 0.0)

    def solve(_: Callable[..., Any], right: Array) -> Array:
        # backwards, what is to be solved for has entries that are held at zero
        held, enough = jnp.where(used, right, 0.0), jnp.asarray(10 * jnp.finfo(right.dtype).eps)
        return _solve(inverse, spread, used, held, enough, 1000, jnp.zeros_like(held), single=False)

    return precision, jax.lax.custom_linear_solve(curvature, right, solve, symmetric=True)


def _at(covariance: Matrix, penalty: Array, precision: Matrix) -> Point:
    """Evaluate a precision; the cost is infinite outside the cone."""
    factor = jnp.linalg.cholesky(precision)
    # symmetric to the last bit: Cholesky sees no asymmetry, and what rounding leaves of it would grow
    inverse = spd.symmetric(jax.scipy.linalg.cho_solve((factor, True), jnp.eye(len(precision), dtype=precision.dtype)))
    off = precision - jnp.diag(jnp.diagonal(precision))
    cost = jnp.sum(covariance * precision) - 2 * jnp.sum(jnp.log(jnp.diagonal(factor))) + penalty * jnp.abs(off).sum()
    gradient = covariance - inverse
    at_zero = jnp.sign(gradient) * jnp.maximum(jnp.abs(gradient) - penalty, 0.0)
    slope = jnp.where(_free(precision != 0), gradient + penalty * jnp.sign(off), at_zero)
    return Point(precision, inverse, jnp.where(jnp.isfinite(cost), cost, jnp.inf), slope)


def _newton(point: Point, spread: Spread, single: bool) -> Callable[[Array], Matrix]:
    """Return the way to the minimum of the quadratic model on one orthant; what would change its sign becomes zero."""
    signs = jnp.where(point.precision != 0, jnp.sign(point.precision), -jnp.sign(point.slope))

    # the model is rough while the optimum is far
    accuracy = jnp.clip(jnp.sqrt(point.distance), ROUGH if single else 1e-5, 0.1)

    def towards(state: tuple[Any, ...]) -> tuple[Any, ...]:
        direction, free, _ = state
        right, start = -jnp.where(free, point.slope, 0.0), jnp.where(free, direction, 0.0)
        direction = _solve(point.inverse, spread, free, right, accuracy, 100, start, single)
        # zeros that the direction moves out of the orthant are held: with these it need not lead down
        blocked = free & (point.precision == 0) & (direction * signs <= 0)
        return direction, free & ~blocked, jnp.any(blocked)

    first = (jnp.zeros_like(point.slope), _free(signs != 0), jnp.array(True))
    direction, _, _ = jax.lax.while_loop(lambda state: state[2], towards, first)

    def along(step: Array) -> Matrix:
        moved = point.precision + step * direction
        return jnp.where(_free(jnp.sign(moved) == signs), moved, 0.0)

    return along


def _proximal(point: Point, covariance: Matrix, penalty: Array) -> Callable[[Array], Matrix]:
    """Return the way along the gradient, entries thresholded, as far as the flattest curvature would allow."""
    longest = 1 / jnp.min(jnp.diagonal(point.inverse)) ** 2

    def along(step: Array) -> Matrix:
        moved = point.precision - step * longest * (covariance - point.inverse)
        soft = jnp.sign(moved) * jnp.maximum(jnp.abs(moved) - step * longest * penalty, 0.0)
        return jnp.where(jnp.eye(len(moved), dtype=bool), moved, soft)

    return along


def _search(covariance: Matrix, penalty: Array, point: Point, along: Callable[[Array], Matrix], level: bool) -> Point:
    """Halve the step until it is better; stay where none is.

    Near the optimum differences of the cost are rounding, and a smaller subgradient decides; or, if `level`, any step
    is taken, since a Newton step that sets an entry to zero needs another one before the subgradient is smaller.
    """
    rounding = _rounding(point)

    def better(other: Point) -> Array:
        as_low = other.cost <= point.cost + rounding
        return (other.cost < point.cost - rounding) | (as_low if level else as_low & (other.distance < point.distance))

    def unfinished(state: tuple[Any, ...]) -> Array:
        other, halvings = state
        return ~better(other) & (halvings < HALVINGS)

    def halve(state: tuple[Any, ...]) -> tuple[Any, ...]:
        _, halvings = state
        return _at(covariance, penalty, along(0.5 ** (halvings + 1.0))), halvings + 1

    found, _ = jax.lax.while_loop(unfinished, halve, (_at(covariance, penalty, along(jnp.ones_like(penalty))), 0))
    return _choose(better(found), found, point)


def _solve(
    inverse: Matrix, spread: Spread, free: Array, right: Matrix, accuracy: Any, most: int, start: Matrix, single: bool
) -> Matrix:
    """Solve for the motion whose curvature is given on the free entries, in single precision if so asked."""
    real = jnp.float32 if single else right.dtype
    right = spd.symmetric(right)  # as what is solved for shall be, and as solving column by column supposes
    # in units of its largest entry, whose square is no small number in single precision
    unit = jnp.max(jnp.abs(right))
    unit = jnp.where(unit > 0, unit, 1.0)
    inverse, right, start = inverse.astype(real), (right / unit).astype(real), (start / unit).astype(real)

    def curvature(motion: Array) -> Array:
        return jnp.where(free, inverse @ motion @ inverse, 0.0)

    about = _column_by_column(jax.tree.map(lambda part: part.astype(real), spread), free)
    solve = jax.scipy.sparse.linalg.cg
    return spd.symmetric(solve(curvature, right, start, tol=accuracy.astype(real), maxiter=most, M=about)[0]) * unit


def _spread(inverse: Matrix) -> Spread:
    """Take what the largest eigenvalues add from few powers of the matrix (Nystroem): their vectors need no digits."""
    few = min(FEW, len(inverse))
    block = jnp.asarray(np.random.default_rng(0).standard_normal((len(inverse), few)), inverse.dtype)
    for _ in range(2):
        block = jnp.linalg.qr(inverse @ block)[0]
    image = inverse @ block
    factor = jnp.linalg.cholesky(spd.symmetric(block.T @ image))
    return Spread(jnp.diagonal(inverse), jax.scipy.linalg.solve_triangular(factor, image.T, lower=True).T)


def _column_by_column(spread: Spread, free: Array) -> Callable[[Matrix], Matrix]:
    """Return about the inverse of the curvature on the free entries: that of each column, the others held.

    With the inverse taken as D + V V', D diagonal and V of few columns, what is to be solved for a column has as many
    unknowns as V has columns (Woodbury). Without V, conjugate gradients take twice as many steps.
    """
    size, few = spread.few.shape
    rest = spread.rest[:, None]
    pairs = (spread.few[:, :, None] * spread.few[:, None, :] / rest[:, None]).reshape(size, few * few)
    small = (free.astype(rest.dtype) @ pairs).reshape(size, few, few)
    small = spd.inverse(small + jnp.eye(few, dtype=rest.dtype))

    def apply(right: Matrix) -> Matrix:
        scaled = right / rest
        inner = jnp.sum(small * (scaled.T @ spread.few)[:, :, None], axis=1)
        solved = jnp.where(free, scaled - spread.few @ inner.T / rest, 0.0) / spread.variance
        return spd.symmetric(solved)

    return apply


def _choose(condition: Array, one: Point, other: Point) -> Point:
    return jax.tree.map(lambda new, old: jnp.where(condition, new, old), one, other)


def _rounding(point: Point) -> Array:
    """Return the difference of costs that says nothing."""
    return 10 * jnp.finfo(point.precision.dtype).eps * (jnp.abs(point.cost) + len(point.precision))


def _rounding_of_slope(point: Point) -> Array:
    """Return the size of what rounding of a precision makes of its inverse, and so of the slope."""
    eps = 2 * len(point.precision) * jnp.finfo(point.precision.dtype).eps
    return eps * jnp.max(jnp.diagonal(point.precision)) * jnp.max(jnp.diagonal(point.inverse)) ** 2


def _free(entries: Array) -> Array:
    """Add the diagonal, which is never penalised."""
    return entries | jnp.eye(len(entries), dtype=bool)
