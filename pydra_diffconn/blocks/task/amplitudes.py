"""How strong responses are: of conditions (a general linear model), or of every single trial (beta series)."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from pydra_diffconn.blocks.checks import check_table, check_weighted
from pydra_diffconn.blocks.shared_parameters import FrameWeights
from pydra_diffconn.declare import constraints
from pydra_diffconn.declare.block import define
from pydra_diffconn.declare.parameters import Parameter
from pydra_diffconn.numerics.design import least_squares, unit_design
from pydra_diffconn.numerics.linalg import pseudo_inverse, ridge_inverse

Confounds = Float[Array, "time confounds"] | None
Penalty = Annotated[
    float, Parameter(constraints.nonnegative, help="ridge on regressors scaled to unit norm; 0 is least squares")
]


def check(arguments: Mapping[str, Any]) -> None:
    """Refuse missing values, and runs with fewer frames than there are to tell apart."""
    check_table(arguments)
    check_weighted(arguments, least=2)


@define(
    outputs=["amplitudes"],
    linear_in="timeseries",
    check=check,
    missing=["confounds"],
    padding="frame_weights",
)
def TaskAmplitudes(
    timeseries: Float[Array, "time space"],
    design: Float[Array, "time regressors"],
    confounds: Confounds = None,
    frame_weights: FrameWeights = None,
    penalty: Penalty = 0.0,
) -> Float[Array, "regressors space"]:
    r"""Estimate how strong the response of each condition is, beside confounds (a general linear model).

    $$ \hat\beta = (B^\top W B + \Lambda)^{+} B^\top W x, \quad B = [\text{design}, \text{confounds}, 1] $$

    in the unit of the series for each unit of the regressor. Equals `nilearn.glm.first_level.run_glm` of noise model
    "ols" and, with weights, `statsmodels.api.WLS`. Of regressors that depend on each other the shortest solution is
    taken, after scaling; one that does not vary has amplitude 0. What the task leaves of the series is
    `RegressConfounds` of the same design and confounds.

    Parameters
    ----------
    timeseries : (time, space)
        Series, one per column.
    design : (time, regressors)
        From `SpmDesign`, `GloverDesign` or `FirDesign`.
    confounds : (time, confounds), optional
        Fitted beside it, each centred; the first row may be missing and is then the second one.
    frame_weights : (time,), optional
        Weights in [0, 1], from `Censor`.
    penalty : float
        Ridge penalty on all but the mean, at least 0.
    """
    both = design if confounds is None else jnp.concatenate([design, confounds], axis=1)
    centred, root, unit = unit_design(timeseries, both, frame_weights)
    found = (ridge_inverse(root * unit, penalty) @ (root * centred))[: design.shape[1]]
    return _in_units(found, root**2 * design, unit[:, : design.shape[1]])


def _in_units(found: Array, weighted: Array, unit: Array) -> Array:
    """Return coefficients of regressors from those of the same regressors centred and of unit norm."""
    norm = jnp.sum(weighted * unit, axis=0)
    return found / jnp.where(norm > 0, norm, 1.0)[:, None]


def check_trials(arguments: Mapping[str, Any]) -> None:
    """Refuse what `check` refuses, and conditions that are not one for each trial."""
    check(arguments)
    design, series = arguments.get("design"), arguments.get("timeseries")
    if design is not None and series is not None and arguments.get("method") == "all" and len(series) <= len(design.T):
        raise ValueError(
            f"{design.shape[1]} trials cannot be told apart in {len(series)} frames; choose method='separate'"
        )


def groups(known: Mapping[str, Any]) -> tuple[int, ...]:
    """Return the numbers of the conditions."""
    conditions = known["conditions"]
    return (0,) if conditions is None else tuple(int(one) for one in np.unique(conditions))


@define(
    outputs=["betas"],
    linear_in="timeseries",
    check=check_trials,
    infer={"groups": groups},
    missing=["confounds"],
    padding="frame_weights",
)
def BetaSeries(
    timeseries: Float[Array, "time space"],
    design: Float[Array, "time trials"],
    conditions: Int[Array, "trials"] | None = None,
    confounds: Confounds = None,
    frame_weights: FrameWeights = None,
    method: Literal["separate", "all"] = "separate",
    groups: tuple[int, ...] | None = None,
) -> Float[Array, "trials space"]:
    r"""Estimate how strong the response of every single trial is; correlated over trials these are a connectome.

    $$ \hat\beta_i = \text{first of } \big(B_i^\top W B_i\big)^{+} B_i^\top W x, \quad B_i = \Big[d_i, \sum_{j \ne i}
    d_j\, [c_j = c] \text{ for each condition } c, \text{confounds}, 1\Big] $$

    Least squares "separate" (LSS) fits a model for each trial, in which the other trials are one regressor for each
    condition; least squares "all" (LSA) has one model with a regressor for each trial, which is noisier where trials
    follow each other fast. Equals ordinary least squares of these models, as NiBetaSeries fits them with nilearn. A
    trial of which nothing is in the run has amplitude 0. Source: Rissman et al. (2004),
    doi:10.1016/j.neuroimage.2004.06.035; Mumford et al. (2012), doi:10.1016/j.neuroimage.2011.08.076.

    Parameters
    ----------
    timeseries : (time, space)
        Series, one per column.
    design : (time, trials)
        One column for each trial: `SpmDesign` or `GloverDesign` of `EventModel(per="trial")`, without derivatives.
    conditions : (trials,), optional
        The number of each trial's condition, from `EventModel`; by default all are of one.
    confounds : (time, confounds), optional
        Fitted beside it, each centred; the first row may be missing and is then the second one.
    frame_weights : (time,), optional
        Weights in [0, 1], from `Censor`.
    method : {"separate", "all"}
        LSS or LSA.
    groups : tuple of int, optional
        The numbers of the conditions, those there are by default.
    """
    if method == "all":
        return TaskAmplitudes.pure(timeseries, design, confounds, frame_weights)
    series, trials, size = residuals(timeseries, design, confounds, frame_weights)
    numbers = jnp.zeros(trials.shape[1], int) if conditions is None else conditions
    known = (0,) if conditions is None else groups
    member = (numbers[:, None] == jnp.asarray(known)).astype(trials.dtype)
    sums, sizes = trials @ member, size @ member

    def one(trial: tuple[Array, Array, Array]) -> Array:
        own, groups_of, size_of = trial
        columns = jnp.concatenate([own[:, None], sums - own[:, None] * groups_of], axis=1)
        return least_squares(columns, jnp.append(size_of, sizes), series)[0]

    return jax.lax.map(one, (trials.T, member, size))


def residuals(
    timeseries: Array, design: Array, confounds: Array | None, frame_weights: Array | None
) -> tuple[Float[Array, "time space"], Float[Array, "time regressors"], Float[Array, "regressors"]]:
    """Return series and design times the root of the weights, without means and confounds, and the design's sizes."""
    nuisance = jnp.zeros_like(timeseries[:, :1]) if confounds is None else confounds
    centred, root, unit = unit_design(timeseries, nuisance, frame_weights)
    regressors = unit_design(design, nuisance[:, :0], frame_weights)[0]
    both = root * jnp.concatenate([centred, regressors], axis=1)
    if confounds is not None:
        both = both - (root * unit) @ (pseudo_inverse(root * unit) @ both)
    return both[:, : timeseries.shape[1]], both[:, timeseries.shape[1] :], jnp.sum((root * design) ** 2, axis=0)
