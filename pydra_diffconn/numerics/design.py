"""Designs: unit regressors, and the inverse of a gated design."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from pydra_diffconn.numerics.dead_columns import is_alive
from pydra_diffconn.numerics.linalg import pseudo_inverse
from pydra_diffconn.numerics.weights import total_weight, weights_of_frames


def unit_design(
    timeseries: Float[Array, "time space"],
    confounds: Float[Array, "time regressors"],
    frame_weights: Float[Array, "time"] | None,
    intercept: bool = True,
    first_row: str = "copy_second",
) -> tuple[Float[Array, "time space"], Float[Array, "time 1"], Float[Array, "time regressors"]]:
    """Prepare a regression on the weighted frames.

    Returns the series and the confounds, both centred (if `intercept`), the confounds also scaled to unit weighted
    norm, and between them the square roots of the frame weights. Constant confounds become zeros.
    """
    timeseries, confounds = jnp.asarray(timeseries), filled_first_row(confounds, first_row)
    weights = weights_of_frames(timeseries, frame_weights)
    total = total_weight(weights)
    size = weights @ confounds**2
    centred = timeseries
    if intercept:
        for _ in range(2):  # one pass leaves a mean of some roundings in float32, which would be fitted
            confounds = confounds - weights @ confounds / total
        centred = timeseries - weights @ timeseries / total
    root = jnp.where(weights > 0, jnp.sqrt(jnp.where(weights > 0, weights, 1.0)), 0.0)[:, None]
    square = jnp.sum((root * confounds) ** 2, axis=0)
    used = is_alive(square, size)  # else a constant column would be scaled up to noise
    design = confounds * jnp.where(used, 1 / jnp.sqrt(jnp.where(used, square, 1.0)), 0.0)
    return centred, root, design


def filled_first_row(confounds: Float[Array, "time regressors"], first_row: str) -> Float[Array, "time regressors"]:
    """Fill what is missing in the first row, where derivatives have no value."""
    confounds = jnp.asarray(confounds)
    stand_in = confounds[1] if first_row == "copy_second" else jnp.zeros_like(confounds[1])
    return confounds.at[0].set(jnp.where(jnp.isfinite(confounds[0]), confounds[0], stand_in))


def least_squares(
    columns: Float[Array, "rows columns"], size: Float[Array, "columns"], values: Float[Array, "rows n"]
) -> Float[Array, "columns n"]:
    """Regress values on columns, scaled to unit norm first; columns that are rounding beside their size take no part.

    Of columns that depend on each other the shortest solution is taken. `size` is the sum of squares that each column
    had before anything was taken from it.
    """
    square = jnp.sum(columns**2, axis=0)
    used = is_alive(square, size)
    scale = jnp.where(used, 1 / jnp.sqrt(jnp.where(used, square, 1.0)), 0.0)
    return scale[:, None] * (pseudo_inverse(columns * scale) @ values)


@jax.custom_jvp
def gated_inverse(
    design: Float[Array, "time regressors"], gates: Float[Array, "regressors"], penalty: Float[Array, ""]
) -> Float[Array, "regressors time"]:
    """Return (G X'X + l (I - G))^-1 G X', G the diagonal matrix of gates: least squares with penalties l (1 - g) / g.

    Substituting b = sqrt(G) c makes it the least-squares problem of [X sqrt(G); sqrt(l (I - G))], solved by its
    pseudo-inverse: the normal equations would square the condition number, and the penalty itself is infinite at g = 0.
    """
    return _stacked_inverse(design, gates, penalty)[0]


def _stacked_inverse(design: Array, gates: Array, penalty: Array) -> tuple[Array, Array, Array]:
    """Return the gated inverse B, the matrix T with B = T X', and the projection on what no equation determines."""
    frames = design.shape[0]
    open_, closed = jnp.sqrt(gates), jnp.sqrt(penalty * (1 - gates))
    stacked = jnp.concatenate([design * open_, jnp.diag(closed)])
    inverse = pseudo_inverse(stacked)
    gated = open_[:, None] * inverse
    undetermined = jnp.eye(len(gates), dtype=design.dtype) - inverse @ stacked
    return gated[:, :frames], gated @ gated.T, undetermined


@gated_inverse.defjvp
def _gated_inverse_derivative(primals: tuple[Array, ...], tangents: tuple[Array, ...]) -> tuple[Array, Array]:
    """Differentiate without the square roots, whose derivatives are infinite at the ends of the gates.

    With M = G X'X + l (I - G) and T = M^-1 G, symmetric, the rule dT = M^-1 (dG - dM T) becomes dT = N dG N' / l for
    the matrix N = l M^-1 = I + T (l I - X'X), which has no inverse of G or I - G in it.
    """
    design, gates, penalty = primals
    design_change, gates_change, penalty_change = tangents
    inverse, both, undetermined = _stacked_inverse(design, gates, penalty)
    identity = jnp.eye(len(gates), dtype=design.dtype)
    explained = inverse @ design  # T X'X
    turned = identity + penalty * both - explained
    by_gates = (turned * gates_change / penalty) @ (turned.T @ design.T)
    by_penalty = -(penalty_change / penalty) * (identity - explained) @ inverse
    residual = design_change.T - (design_change.T @ design) @ inverse
    by_design = (
        both @ residual - inverse @ (design_change @ inverse) + undetermined @ (design_change.T @ inverse.T) @ inverse
    )
    return inverse, by_gates + by_penalty + by_design
