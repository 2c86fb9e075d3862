"""The geometry of covariances: means of positive definite matrices, and tangent vectors at a reference."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Annotated, Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from pydra_diffconn.blocks.shared_parameters import SubjectWeights
from pydra_diffconn.declare import constraints
from pydra_diffconn.declare.block import define
from pydra_diffconn.declare.parameters import Parameter
from pydra_diffconn.numerics import spd
from pydra_diffconn.numerics.weights import total_weight

Matrix = Float[Array, "n n"]
Kind = Literal["euclidean", "harmonic", "log-euclidean", "karcher"]
MOST_STEPS = 100  # a handful, but for very scattered matrices
MOST_DIRECTIONS = 50  # of conjugate gradients
NEARBY, ROUGH = 1e-2, 1e-6  # norm up to which single precision has come near; accuracy that its products have
Reference = Annotated[
    Float[Array, "parcels parcels"], Parameter(constraints.spd, help="where the tangent space touches the cone")
]


def check_positive_definite(matrix: Any, name: str) -> None:
    """Refuse a matrix that is not symmetric positive definite by more than rounding."""
    if matrix is None:
        return
    spd.check_symmetric(matrix, name)
    eigenvalues = np.linalg.eigvalsh(matrix)
    least = len(eigenvalues) * np.finfo(eigenvalues.dtype).eps * abs(eigenvalues[-1])
    if eigenvalues[0] <= least:
        raise ValueError(
            f"{name} is not positive definite, its smallest eigenvalue is {eigenvalues[0]:.3g} and its largest "
            f"{eigenvalues[-1]:.3g}; leave out parcels without variance and shrink it first (LedoitWolf)"
        )


def check_stack(arguments: Mapping[str, Any]) -> None:
    """Refuse what has no mean: matrices outside the cone."""
    covariances, kind = arguments.get("covariances"), arguments.get("kind", "karcher")
    if covariances is None:
        return
    for number, matrix in enumerate(covariances):
        check = spd.check_symmetric if kind == "euclidean" else check_positive_definite
        check(matrix, f"covariances[{number}]")


@define(outputs=["covariance"], check=check_stack)
def SpdMean(
    covariances: Float[Array, "subjects parcels parcels"],
    subject_weights: SubjectWeights = None,
    kind: Kind = "karcher",
) -> Float[Array, "parcels parcels"]:
    r"""Average positive definite matrices, in one of four geometries.

    $$
    \sum_i \omega_i S_i, \quad \Big(\sum_i \omega_i S_i^{-1}\Big)^{-1}, \quad e^{\sum_i \omega_i \log S_i}, \quad
    \text{or } M \text{ with } \sum_i \omega_i \log\big(M^{-1/2} S_i M^{-1/2}\big) = 0
    $$

    `karcher` is the mean of the affine-invariant distance, where the tangent vectors of all matrices sum to zero. It is
    iterated until their sum is rounding, and has its exact derivative there (implicit function theorem). Equals
    pyriemann's means at convergence; nilearn's geometric mean stops earlier. Eigenvalues below the rounding of the
    largest count as that, so that singular matrices give large but finite numbers. Source: Pennec et al. (2006),
    doi:10.1007/s11263-005-3222-z; Bini & Iannazzo (2013), Linear Algebra and its Applications 438, 1700-1710.

    Parameters
    ----------
    covariances : (subjects, parcels, parcels)
        Symmetric positive definite matrices.
    subject_weights : (subjects,), optional
        Not negative; divided by their sum. Equal by default.
    kind : {"euclidean", "harmonic", "log-euclidean", "karcher"}
        The mean of the matrices, the inverse of the mean of inverses, the exponential of the mean of logarithms, or
        the Karcher (Frechet) mean.
    """
    covariances = jnp.asarray(covariances)
    weights = jnp.ones_like(covariances[:, 0, 0]) if subject_weights is None else subject_weights
    weights = weights / total_weight(weights)
    if kind == "euclidean":
        return _weighted(weights, covariances)
    covariances = _inside(covariances)
    if kind == "harmonic":
        return spd.inverse(_weighted(weights, spd.inverse(covariances)))
    if kind == "log-euclidean":
        return _log_euclidean(covariances, weights)
    return karcher_mean(covariances, weights)


def check_tangent(arguments: Mapping[str, Any]) -> None:
    """Refuse matrices outside the cone."""
    covariance, reference = arguments.get("covariance"), arguments.get("reference")
    check_positive_definite(covariance, "covariance")
    check_positive_definite(reference, "reference")


@define(outputs=["tangent"], check=check_tangent)
def TangentProject(
    covariance: Float[Array, "parcels parcels"], reference: Reference
) -> Float[Array, "parcels parcels"]:
    r"""Map a covariance to the tangent space at a reference: log(R^-1/2 S R^-1/2).

    $$ T = \log\big(R^{-1/2} S R^{-1/2}\big) $$

    At the reference itself it is zero. Differences of tangent matrices are to first order distances of covariances,
    which is why they serve prediction. Equals nilearn's "tangent" given its `mean_`, and `VectorizeEdges` (diagonal
    kept, sqrt2) of it pyriemann's tangent vectors. Eigenvalues below the rounding of the largest count as that.
    Source: Varoquaux et al. (2010), doi:10.1007/978-3-642-15705-9_25.

    Parameters
    ----------
    covariance : (parcels, parcels)
        Symmetric positive definite; shrink it first where frames are few.
    reference : (parcels, parcels)
        Symmetric positive definite: the group's mean (`SpdMean`), or learned.
    """
    whitening = spd.inverse_square_root(_inside(jnp.asarray(reference)))
    return spd.logarithm(_inside(spd.congruence(whitening, jnp.asarray(covariance))))


class Search(NamedTuple):
    """Where the search for the mean stands: the nearest point so far, and the way from it to the next trial."""

    trial: Matrix
    mean: Matrix
    root: Matrix
    way: Matrix
    length: Any
    norm: Any
    """Of the mean tangent vector at `mean`."""
    left: Any
    """What of it Newton's method leaves at the trial, if it goes on as so far; infinite where nothing is known."""
    step: Any


@jax.custom_jvp
@jax.jit
def karcher_mean(covariances: Float[Array, "subjects n n"], weights: Float[Array, "subjects"]) -> Float[Array, "n n"]:
    """Return the Karcher mean of positive definite matrices, for weights that sum to one.

    Newton's method from the log-Euclidean mean, its equations solved by conjugate gradients as far as it pays; a step
    that leads away from the mean is shortened. The Hessian's eigenvalues are at least 1, so that few are needed. In
    double precision it begins where single precision has come to, and the equations are solved in that.
    """
    if covariances.dtype == jnp.float32:
        return _searched(covariances, weights, _log_euclidean(covariances, weights)).mean
    rough = covariances.astype(jnp.float32), weights.astype(jnp.float32)
    found = _searched(*rough, _log_euclidean(*rough))
    start = jax.lax.cond(
        found.norm < NEARBY,  # not where eigenvalues are below the rounding of single precision
        lambda: _inside(found.mean.astype(covariances.dtype)),
        lambda: _log_euclidean(covariances, weights),
    )
    return _searched(covariances, weights, start).mean


def _searched(covariances: Array, weights: Array, start: Matrix) -> Search:
    """Search for the Karcher mean from a matrix on, until the mean tangent vector is no more than rounding."""
    size, real = covariances.shape[-1], covariances.dtype
    enough = 100 * jnp.finfo(real).eps * size**0.5

    def unfinished(state: Search) -> Array:
        rounding = (state.length < 1) & (state.norm < 10 * enough)  # no step leads further
        return (state.step < MOST_STEPS) & (state.norm > enough) & ~rounding

    def improve(state: Search) -> Search:
        root, whitening = spd.square_root(state.trial), spd.inverse_square_root(state.trial)

        def add(total: Matrix, one: tuple[Any, ...]) -> tuple[Any, ...]:
            values, vectors = jnp.linalg.eigh(spd.congruence(whitening, one[0]))
            logs = jnp.log(jnp.maximum(values, size * jnp.finfo(real).eps * values[-1]))
            rough = logs.astype(jnp.float32), vectors.astype(jnp.float32)
            return total + one[1] * (vectors * logs) @ vectors.T, rough

        added: Any = jax.lax.scan(add, jnp.zeros_like(root), (covariances, weights))
        slope, (logs, vectors) = added
        norm = jnp.linalg.norm(slope)

        def onwards() -> Search:
            # as near to the solution as the next step can use; a slope of its own unit, whose square is no small number
            exact = jnp.clip(jnp.maximum(norm, enough / (10 * norm)), ROUGH, 0.1)
            hessian, right = _hessian(logs, vectors, weights.astype(jnp.float32)), (slope / norm).astype(jnp.float32)
            way = spd.symmetric(_solved(hessian, right, exact.astype(jnp.float32)).astype(real) * norm)
            worse = jnp.where(jnp.isinf(state.left), jnp.inf, jnp.maximum(1.0, norm / state.left))
            left = jnp.where(jnp.isinf(state.norm), 1.0, worse) * norm * (norm + exact)
            return Search(state.trial, state.trial, root, way, jnp.ones_like(norm), norm, left, state.step + 1)

        def shorter() -> Search:
            return state._replace(length=state.length / 4, left=jnp.full_like(norm, jnp.inf), step=state.step + 1)

        def there() -> Search:
            return state._replace(mean=state.trial, norm=norm)

        which = jnp.where(norm <= enough, 0, jnp.where(norm < state.norm, 1, 2))
        found = jax.lax.switch(which, [there, onwards, shorter])
        trial = _inside(spd.congruence(found.root, spd.exponential(found.length * found.way)))
        # a step that is sure to lead there is not looked at again, which would take as long as all in single precision
        sure = (which == 1) & jnp.isfinite(state.left) & (found.left < enough / 3)
        last = found._replace(mean=trial, norm=found.left)
        return jax.tree.map(partial(jnp.where, sure), last, found._replace(trial=trial))

    infinite = jnp.array(jnp.inf, real)
    first = Search(start, start, start, start, jnp.ones_like(infinite), infinite, infinite, 0)
    return jax.lax.while_loop(unfinished, improve, first)


def _solved(operator: Callable[[Matrix], Matrix], right: Matrix, exact: Any) -> Matrix:
    """Solve by conjugate gradients from zero, where JAX's own apply the operator once more, to begin with."""

    def unfinished(state: tuple[Any, ...]) -> Array:
        return (state[3] > exact**2 * jnp.vdot(right, right)) & (state[4] < MOST_DIRECTIONS)

    def improve(state: tuple[Any, ...]) -> tuple[Any, ...]:
        found, rest, way, square, count = state
        turned = operator(way)
        length = square / jnp.vdot(way, turned)
        found, rest = found + length * way, rest - length * turned
        new = jnp.vdot(rest, rest)
        return found, rest, rest + new / square * way, new, count + 1

    begun = (jnp.zeros_like(right), right, right, jnp.vdot(right, right), 0)
    return jax.lax.while_loop(unfinished, improve, begun)[0]


@karcher_mean.defjvp
@jax.jit
def _karcher_derivative(primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Any, ...]:
    """Solve for the motion of the mean that keeps the sum of tangent vectors at zero.

    With all matrices whitened by the mean, moving it by E changes that sum by -H(E), where H is symmetric with
    eigenvalues from 1 on: conjugate gradients take few steps.
    """
    (covariances, weights), (change, reweighting) = primals, tangents
    mean = karcher_mean(covariances, weights)
    root, whitening = spd.square_root(mean), spd.inverse_square_root(mean)
    white = _inside(spd.congruence(whitening, covariances))
    logs, moved = jax.jvp(spd.logarithm, (white,), (spd.congruence(whitening, spd.symmetric(change)),))
    pull = _weighted(weights, moved) + _weighted(reweighting, logs)

    def hessian(motion: Array) -> Array:
        stretched = (motion @ white + white @ motion) / 2
        return _weighted(weights, jax.jvp(spd.logarithm, (white,), (stretched,))[1])

    # the same operator from one eigendecomposition; it only solves, so that its own derivative is never asked for
    values, vectors = jnp.linalg.eigh(jax.lax.stop_gradient(white))
    quick = _hessian(jnp.log(values), vectors, jax.lax.stop_gradient(weights))

    def solve(_: Any, right: Array) -> Array:
        return jax.scipy.sparse.linalg.cg(quick, right, tol=10 * jnp.finfo(right.dtype).eps, maxiter=100)[0]

    motion = jax.lax.custom_linear_solve(hessian, pull, solve, symmetric=True)
    return mean, spd.congruence(root, spd.symmetric(motion))


def _hessian(logs: Array, vectors: Array, weights: Array) -> Callable[[Matrix], Matrix]:
    """Return how the mean tangent vector changes with the mean, from the whitened matrices' eigensystems."""
    kernel = weights[:, None, None] * _x_coth_x((logs[:, :, None] - logs[:, None, :]) / 2)

    def apply(motion: Matrix) -> Matrix:
        def add(
            total: Matrix, one: tuple[Any, ...]
        ) -> tuple[Any, ...]:  # in turn: batched products with transposes take five times as long
            vectors, kernel = one
            return total + vectors @ (kernel * (vectors.T @ motion @ vectors)) @ vectors.T, None

        return jax.lax.scan(add, jnp.zeros_like(motion), (vectors, kernel))[0]

    return apply


def _log_euclidean(covariances: Array, weights: Array) -> Array:
    return spd.exponential(_weighted(weights, spd.logarithm(covariances)))


def _weighted(weights: Array, matrices: Array) -> Array:
    return jnp.einsum("s,sij->ij", weights, matrices)


def _x_coth_x(x: Array) -> Array:
    """Return x coth(x), whose value at 0 is 1."""
    far = jnp.abs(x) > 1e-4
    return jnp.where(far, x / jnp.tanh(jnp.where(far, x, 1.0)), 1 + x**2 / 3)


def _inside(matrix: Array) -> Array:
    """Lift eigenvalues that are only rounding, so that no logarithm is infinite."""
    # the rounding of an eigendecomposition is of the size of n eps, and a floor must stand out of it
    return spd.guarded(matrix, 10 * matrix.shape[-1] * float(jnp.finfo(matrix.dtype).eps))
