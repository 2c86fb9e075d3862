"""Confounds made of confounds: weighted sums of them and of their delayed, spread or thresholded responses."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from pydra_diffconn.blocks.checks import check_table
from pydra_diffconn.declare import constraints
from pydra_diffconn.declare.block import define
from pydra_diffconn.declare.padding import by
from pydra_diffconn.declare.parameters import Parameter
from pydra_diffconn.numerics.design import filled_first_row

Weights = Annotated[
    Float[Array, "combinations terms"] | None,
    Parameter(constraints.real, help="one row for each combination, one column for each confound and each response"),
]
Responses = Annotated[
    Float[Array, "responses lags"] | None,
    Parameter(constraints.real, help="response functions, one row each, the middle value at lag 0"),
]
Thresholds = Annotated[Float[Array, "responses"] | None, Parameter(constraints.real, help="where each response bends")]


def check_terms(arguments: Mapping[str, Any]) -> None:
    """Refuse unusable tables, weights that are not one for each term, thresholds without responses."""
    tables = [arguments.get(name) for name in ("confounds", "confounds_2", "confounds_3")]
    for table in tables:
        check_table({"confounds": table})
    weights, responses = arguments.get("weights"), arguments.get("responses")
    thresholds = arguments.get("thresholds")
    count = 0 if responses is None else len(responses)
    if thresholds is not None and len(thresholds) != count:
        raise ValueError(f"thresholds has shape {np.shape(thresholds)} for {count} responses; expected one for each")
    if weights is None or tables[0] is None:
        return
    columns = sum(table.shape[1] for table in tables if table is not None)
    if weights.shape[1] != columns * (1 + count):
        raise ValueError(
            f"weights has {weights.shape[1]} columns; expected {columns * (1 + count)}, one for each of {columns} "
            f"confounds" + (f" and then for each of their {count} responses" if count else "")
        )


def _combined_to(length: Any, edges: str = "nearest", **arguments: Any) -> Array:
    """Compute a run of which only so many frames are its own: responses see its edge behind them."""
    for name in ("confounds", "confounds_2", "confounds_3"):
        table = arguments.get(name)
        if table is not None:
            frames = jnp.arange(len(table))
            behind = table[length - 1] if edges == "nearest" else jnp.zeros_like(table[0])
            arguments[name] = jnp.where((frames < length)[:, None], table, behind)
    found: Array = CombineConfounds.pure(**arguments, edges=edges)
    return found


@define(
    outputs=["confounds"],
    check=check_terms,
    missing=["confounds", "confounds_2", "confounds_3"],
    padding=by(_combined_to),
)
def CombineConfounds(
    confounds: Float[Array, "time regressors"],
    weights: Weights = None,
    responses: Responses = None,
    thresholds: Thresholds = None,
    leak: Annotated[float, Parameter(constraints.unit_interval, help="slope below the threshold, 1 above it")] = 1.0,
    confounds_2: Float[Array, "time regressors_2"] | None = None,
    confounds_3: Float[Array, "time regressors_3"] | None = None,
    edges: Literal["nearest", "zero"] = "nearest",
    first_row: Literal["copy_second", "zero"] = "copy_second",
) -> Float[Array, "time combinations"]:
    r"""Combine confounds to fewer, better ones: a learnable confound model.

    $$
    M = [C, R_1(C), \dots, R_k(C)]\, V^\top, \quad R_i(C) = h_i + \ell(r_i * C - h_i), \quad \ell(z) = \max(z,
    \text{leak} \cdot z)
    $$

    M = [C, R_1(C), ..., R_k(C)] W' with responses R(C) = h + leaky(r * C - h), where r * C slides the response function
    over time (as `scipy.ndimage.correlate1d`) and leaky(z) = max(z, leak z). Rows of W that are one-hot select columns
    exactly, so that every common model is one choice of W; a one-hot response function is a shift in time. The result
    goes to `RegressConfounds`. Constant confounds stay constant.

    Parameters
    ----------
    confounds : (time, regressors)
        For example all 36 of a full model; the first row may be missing (n/a of derivatives), see `first_row`.
    weights : (combinations, regressors x (1 + responses))
        By default all terms as they are, side by side.
    responses : (responses, lags), optional
        Response functions over an odd number of frames; the middle one is the frame itself.
    thresholds : (responses,), optional
        In the confounds' unit; by default 0.
    leak : float
        In [0, 1]; 1 makes responses linear and thresholds meaningless, 0 cuts off what is below.
    confounds_2, confounds_3 : (time, any number), optional
        Further confounds, such as those of `TissueMean` and `CompCor`, put beside the first.
    edges : {"nearest", "zero"}
        What responses see before the first and after the last frame.
    first_row : {"copy_second", "zero"}
        What stands for a missing first row: the second one (as nilearn does) or zeros (as XCP-D does).
    """
    tables = [
        filled_first_row(table, first_row) for table in (confounds, confounds_2, confounds_3) if table is not None
    ]
    terms = jnp.concatenate(tables, axis=1)
    if responses is not None:
        bends = jnp.zeros_like(responses[:, 0]) if thresholds is None else thresholds
        spread = _slide(terms, jnp.asarray(responses, terms.dtype), edges) - bends[:, None]
        bent = bends[:, None] + jnp.where(spread > 0, spread, leak * spread)
        terms = jnp.concatenate([terms, bent.reshape(len(terms), -1)], axis=1).astype(terms.dtype)
    if weights is None:
        return terms
    # at full precision everywhere, or a selected column would not be that column on a GPU
    return jnp.matmul(terms, jnp.asarray(weights, terms.dtype).T, precision=jax.lax.Precision.HIGHEST)


def _slide(
    series: Float[Array, "time regressors"], kernels: Float[Array, "responses lags"], edges: str
) -> Float[Array, "time responses regressors"]:
    """Correlate every series with every kernel, the middle of the kernel at the frame itself."""
    lags = kernels.shape[1]
    around = ((lags // 2, lags - 1 - lags // 2), (0, 0))
    padded = jnp.pad(series, around, mode="edge" if edges == "nearest" else "constant")
    windows = padded[jnp.arange(len(series))[:, None] + jnp.arange(lags)]
    return jnp.einsum("tlr,kl->tkr", windows, kernels, precision=jax.lax.Precision.HIGHEST)
