"""Confound regression in which each confound, or each component, takes part by a gate between 0 and 1."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from pydra_diffconn.blocks.checks import check_table
from pydra_diffconn.blocks.freedom import number_independent, of_regression
from pydra_diffconn.blocks.shared_parameters import FrameWeights
from pydra_diffconn.declare import constraints
from pydra_diffconn.declare.block import define
from pydra_diffconn.declare.parameters import Parameter
from pydra_diffconn.numerics.design import gated_inverse, unit_design
from pydra_diffconn.numerics.linalg import pseudo_inverse

Gates = Annotated[
    Float[Array, "gates"] | None,
    Parameter(
        constraints.unit_interval,
        help="how far each confound, or each term, takes part: 0 not at all, 1 without penalty",
    ),
]
Noise = Annotated[
    Float[Array, "components"],
    Parameter(constraints.unit_interval, help="what part of each component is removed: 0 signal, 1 noise"),
]


def check_gates(arguments: Mapping[str, Any]) -> None:
    """Refuse unusable tables, and gates that are not one for each confound or term."""
    check_table(arguments)
    confounds, gates = arguments.get("confounds"), arguments.get("gates")
    if confounds is None or gates is None:
        return
    gates, terms = np.asarray(gates), arguments.get("terms")
    if terms is not None:
        terms = np.asarray(terms).astype(int)
        if gates.ndim != 1 or not 0 <= terms.min() <= terms.max() < len(gates):
            raise ValueError(f"gates has shape {gates.shape} for terms 0 to {terms.max()}; expected one for each term")
        gates = gates[terms]
    if gates.shape != (confounds.shape[1],):
        raise ValueError(f"gates has shape {gates.shape} for {confounds.shape[1]} confounds; expected one for each")


def open_gates(arguments: Mapping[str, Any]) -> Any:
    """Return which confounds are removed altogether; None for all, or where it is not known."""
    gates, terms = arguments.get("gates"), arguments.get("terms")
    if not isinstance(gates, np.ndarray) or not (terms is None or isinstance(terms, np.ndarray)):
        return None
    return (gates if terms is None else gates[terms.astype(int)]) == 1


@define(
    outputs=["timeseries"],
    linear_in="timeseries",
    acts_along="time",
    check=check_gates,
    missing=["confounds"],
    freedom=of_regression(chosen=open_gates),
    padding="frame_weights",
)
def GateConfounds(
    timeseries: Float[Array, "time space"],
    confounds: Float[Array, "time regressors"],
    frame_weights: FrameWeights = None,
    gates: Gates = None,
    penalty: Annotated[
        float, Parameter(constraints.positive, help="ridge on a confound whose gate is one half, of unit norm")
    ] = 1.0,
    intercept: bool = True,
    first_row: Literal["copy_second", "zero"] = "copy_second",
    terms: Int[Array, "regressors"] | None = None,
) -> Float[Array, "time space"]:
    r"""Subtract what the confounds explain, each as far as its gate is open: a learnable choice of confounds.

    $$ y = x - C (C^\top W C + \Lambda)^{-1} C^\top W (x - m), \quad \Lambda_{jj} = \lambda\, \frac{1 - g_j}{g_j} $$

    The gate g sets a ridge penalty of its own on each confound, penalty (1 - g) / g on the scale of `RegressConfounds`.
    With all gates 0 or 1 the result is exactly that of `RegressConfounds` on the confounds with gate 1, whatever the
    penalty; a scaled column would have no such effect, since scaling does not change what a regression removes.
    Constant and collinear confounds are harmless; among collinear ones with open gates the choice is not unique, and
    the gradient is that of closing them together.

    Parameters
    ----------
    timeseries : (time, space)
        Series, one per column.
    confounds : (time, regressors)
        Confounds; the first row may be missing (n/a of derivatives), see `first_row`.
    frame_weights : (time,), optional
        Weights in [0, 1], from `Censor`.
    gates : (gates,), optional
        In [0, 1], one for each confound, or with `terms` one for each term; by default all open.
    penalty : float
        Above 0.
    intercept : bool
        Whether the confounds are centred first.
    first_row : {"copy_second", "zero"}
        What stands for a missing first row: the second one (as nilearn does) or zeros (as XCP-D does).
    terms : (regressors,), optional
        Which gate each confound has, counted from 0; `ConfoundModel` gives the terms of its formula.
    """
    centred, root, design = unit_design(timeseries, confounds, frame_weights, intercept, first_row)
    gates = jnp.ones_like(design[0]) if gates is None else jnp.asarray(gates, design.dtype)
    gates = gates if terms is None else gates[jnp.asarray(terms).astype(int)]
    coefficients = gated_inverse(root * design, gates, jnp.asarray(penalty, design.dtype)) @ (root * centred)
    return timeseries - design @ coefficients


def check_components(arguments: Mapping[str, Any]) -> None:
    """Refuse missing values after the first row of the components, and as many of them as there are frames."""
    components = arguments.get("components")
    check_table({"confounds": components})
    if components is not None:
        weights = arguments.get("frame_weights")
        frames, rank = (
            len(components) if weights is None else int(np.sum(weights > 0)),
            number_independent(components, weights),
        )
        if rank >= frames - 1:
            raise ValueError(
                f"{rank} independent components and {frames} kept frames leave nothing of the data; give fewer of them"
            )


def noise_alone(arguments: Mapping[str, Any]) -> Any:
    """Return which components are removed altogether; those that are not known are none."""
    noise = arguments.get("noise")
    return np.asarray(noise) == 1 if isinstance(noise, np.ndarray) else False


@define(
    outputs=["timeseries"],
    linear_in="timeseries",
    acts_along="time",
    check=check_components,
    missing=["components"],
    freedom=of_regression("components", noise_alone),
    padding="frame_weights",
)
def NonAggressiveRegression(
    timeseries: Float[Array, "time space"],
    components: Float[Array, "time components"],
    noise: Noise,
    frame_weights: FrameWeights = None,
) -> Float[Array, "time space"]:
    r"""Subtract the noise components' part of a fit of all components together, so that shared variance stays.

    $$ y = x - N \operatorname{diag}(g)\, b, \quad b = (N^\top W N)^{+} N^\top W (x - m) $$

    y - sum_k g_k n_k b_k with b the least-squares fit of signal and noise components; all are centred, the mean of the
    series is kept. Equals FSL's `fsl_regfilt` (without -a) and ICA-AROMA's "nonaggr" for gates of 0 and 1. Among
    collinear components the fit is shared out evenly; constant ones do nothing. For the aggressive variant use
    `GateConfounds`. Source: Pruim et al. (2015), doi:10.1016/j.neuroimage.2015.02.064.

    Parameters
    ----------
    timeseries : (time, space)
        Series, one per column.
    components : (time, components)
        Time courses of all components, signal and noise (the "mixing" table of MELODIC, AROMA or tedana).
    noise : (components,)
        Gates in [0, 1]: 1 removes a component's part, 0 keeps it.
    frame_weights : (time,), optional
        Weights in [0, 1], from `Censor`: the fit sees these frames, the subtraction is made in all.
    """
    centred, root, design = unit_design(timeseries, components, frame_weights)
    coefficients = pseudo_inverse(root * design) @ (root * centred)
    return timeseries - design @ (jnp.asarray(noise, design.dtype)[:, None] * coefficients)
