"""ComBat: what a site adds to a feature, and by how much it stretches it, learned from some people, taken from all."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from pydra_diffconn.blocks.shared_parameters import SubjectWeights
from pydra_diffconn.declare import constraints
from pydra_diffconn.declare.block import define
from pydra_diffconn.declare.parameters import Parameter
from pydra_diffconn.numerics.dead_columns import is_alive
from pydra_diffconn.numerics.design import least_squares
from pydra_diffconn.numerics.ranks import ranks
from pydra_diffconn.numerics.weights import total_weight

Features = Float[Array, "subjects features"]
OfSites = Float[Array, "sites features"]
LEAST = 2
"""Subjects of a site to learn from."""
STEPS = 1000  # of the search for the posterior at most; ten are usual


def check(arguments: Mapping[str, Any]) -> None:
    """Refuse sites of which too little is known, and covariates that are not told apart from sites."""
    sites, weights = arguments.get("sites"), arguments.get("subject_weights")
    if sites is None:
        return
    used = np.ones(len(sites), bool) if weights is None else np.asarray(weights) > 0
    if (told := too_few(sites[used], sites[~used], arguments.get("unseen", "refuse"))) is not None:
        raise ValueError(told)
    covariates = arguments.get("covariates")
    if covariates is not None:
        dummies = (sites[used][:, None] == np.unique(sites[used])) * 1.0
        columns = covariates[used] - covariates[used].mean(axis=0)
        columns = columns / np.maximum(np.sqrt((columns**2).mean(axis=0)), np.finfo(float).tiny)
        if np.linalg.matrix_rank(np.column_stack([dummies, columns])) < dummies.shape[1] + columns.shape[1]:
            raise ValueError(
                "covariates cannot be told apart from sites, or from each other, among those that are learned from (is "
                "one the same throughout each site?); leave that covariate out"
            )


def too_few(learned_from: np.ndarray, others: np.ndarray, unseen: str) -> str | None:
    """Say which sites have too few to learn from; None if all have enough."""
    known, count = np.unique(learned_from, return_counts=True)
    if len(known) < 2:
        return f"all to learn from are of site {known[0]}, which is nothing to tell sites apart by; leave ComBat out"
    if (count < LEAST).any():
        return (
            f"site {known[count.argmin()]} has {count.min()} to learn from, ComBat needs {LEAST} or more; leave it "
            "out, or join it with another site"
        )
    new = np.setdiff1d(others, known)
    if len(new) and unseen == "refuse":
        return (
            f"site {new[0]} has none to learn from, so that nothing is known of it; hold out people of every site "
            "(stratify=sites), or leave new sites as they are: unseen='unchanged'"
        )
    return None


def groups_of(known: Mapping[str, Any]) -> int:
    """Return how many sites there are, or may be where they are not known."""
    try:
        return len(np.unique(known["sites"]))
    except TypeError:
        return len(known["sites"])


@define(outputs=["features"], check=check, infer={"groups": groups_of}, version="1")
def ComBat(
    features: Features,
    sites: Int[Array, "subjects"],
    covariates: Float[Array, "subjects covariates"] | None = None,
    subject_weights: SubjectWeights = None,
    shrinkage: Annotated[
        float, Parameter(constraints.unit_interval, help="how far sites are drawn to what features have in common")
    ] = 1.0,
    scale: bool = True,
    unseen: Literal["refuse", "unchanged"] = "refuse",
    groups: int | None = None,
) -> Features:
    r"""Take from features what their site adds to them and by how much it stretches them, learned from some subjects.

    $$
    y_{if} = \sigma_f \frac{z_{if} - \gamma^*_{sf}}{\sqrt{\delta^*_{sf}}} + \alpha_f + c_i^\top \beta_f, \quad z_{if} =
    \frac{x_{if} - \alpha_f - c_i^\top \beta_f}{\sigma_f}
    $$

    All of it, means, effects of covariates, variances and what is of each site, is learned from the subjects with a
    weight, and taken from all: those that are held out have the weight 0 and are never learned from. Effects of sites
    are drawn to their mean over features by empirical Bayes (shrinkage 1), or not (0), or part of the way. Equals
    neuroCombat, whose iteration stops at a change of one in ten thousand and here goes on to the end. Without scale
    and shrinkage it is the regression of features on sites. A site that is unseen, of whom nobody has a weight, is
    refused, or its features are left as they are. Of features that vary within no site only the mean of the site is
    taken. Source: Johnson et al. (2007), doi:10.1093/biostatistics/kxj037; Fortin et al. (2018),
    doi:10.1016/j.neuroimage.2017.11.024.

    Parameters
    ----------
    features : (subjects, features)
        For example vectorised connectomes.
    sites : (subjects,)
        The number of each subject's site.
    covariates : (subjects, covariates), optional
        Whose effects are kept: age, say, or columns of 0 and 1 for classes.
    subject_weights : (subjects,), optional
        At least 0; by default 1 for each.
    shrinkage : float
        In [0, 1].
    scale : bool
        Whether variances are made equal, too; else the mean alone.
    unseen : {"refuse", "unchanged"}
        What becomes of subjects without weight whose site has none to learn from.
    groups : int, optional
        How many sites there are, or more.
    """
    weights = jnp.ones_like(features[:, 0]) if subject_weights is None else jnp.asarray(subject_weights, features.dtype)
    assert groups is not None
    number = ranks(sites)
    member = (number[:, None] == jnp.arange(groups)).astype(features.dtype)
    size = member.T @ weights
    known = ((member.T @ (weights > 0).astype(features.dtype)) >= LEAST)[:, None]

    def of_sites(values: Array) -> Array:
        return (member.T @ (weights[:, None] * values)) / jnp.where(size > 0, size, 1.0)[:, None]

    expected, effect, within = _model(features, covariates, weights, member, size, of_sites)
    total = total_weight(weights)
    variance = weights @ within**2 / total
    alive = is_alive(weights @ within**2, weights @ features**2)
    deviation = jnp.sqrt(jnp.where(alive, variance, 1.0))
    square = member.T @ (weights[:, None] * (within / deviation) ** 2)
    bias = (member.T @ weights**2) / jnp.where(size > 0, size, 1.0)
    freedom = jnp.where(size > bias, size - bias, 1.0)[:, None]
    found = Effects(effect / deviation, square / freedom if scale else jnp.ones_like(square))
    shared = _posterior(found, size[:, None], square, alive, scale)
    shift = jnp.where(alive, found.shift + shrinkage * (shared.shift - found.shift), found.shift)
    stretch = found.stretch + shrinkage * (shared.stretch - found.stretch)
    stretch = jnp.where(known & alive & (stretch > 0), stretch, 1.0)
    z = (features - expected) / deviation - member @ jnp.where(known, shift, 0.0)
    # NaN tells of more sites than were said to be, which would be left as they are
    return jnp.where(number.max() < groups, z / (member @ jnp.sqrt(stretch)) * deviation + expected, jnp.nan)


class Effects(NamedTuple):
    """What each site does to each feature."""

    shift: OfSites
    """In standard deviations."""
    stretch: OfSites
    """Of the variance."""


def _model(
    features: Array, covariates: Array | None, weights: Array, member: Array, size: Array, of_sites: Any
) -> tuple[Features, OfSites, Features]:
    """Return what is expected of each subject at a site like all, what each site adds, and what neither explains."""
    means = of_sites(features)
    within, explained = features - member @ means, jnp.zeros_like(features)
    if covariates is not None:
        root = jnp.sqrt(jnp.where(weights > 0, weights, 1.0))[:, None] * (weights > 0)[:, None]
        inside = root * (covariates - member @ of_sites(covariates))
        slopes = least_squares(inside, jnp.sum((root * covariates) ** 2, axis=0), root * within)
        within = within - (covariates - member @ of_sites(covariates)) @ slopes
        means, explained = means - of_sites(covariates) @ slopes, covariates @ slopes
    mean = size @ means / total_weight(size)
    return mean + explained, means - mean, within


def _posterior(found: Effects, size: Array, square: Array, alive: Array, scale: bool) -> Effects:
    """Return the effects that are most likely given those found, and how these are spread over the features."""
    counted = alive.astype(size.dtype)
    number = jnp.sum(counted)

    def spread(values: OfSites) -> tuple[Array, Array]:
        mean = values @ counted[:, None] / jnp.where(number > 0, number, 1.0)
        deviations = (values - mean) ** 2 @ counted[:, None]
        return mean, deviations / jnp.where(number > 1, number - 1, 1.0)

    mean, variance = spread(found.shift)

    def drawn(count: Any, stretch: Array) -> Array:
        whole = variance * count + stretch
        there = whole > 0
        return jnp.where(there, variance * count * found.shift + stretch * mean, found.shift) / jnp.where(
            there, whole, 1
        )

    if not scale:
        return Effects(drawn(1.0, jnp.ones_like(found.stretch)), found.stretch)
    center, width = spread(found.stretch)

    def next_stretch(stretch: Array) -> Array:
        # the inverse gamma prior of this mean and variance, its fractions made common: they are infinite at variance 0
        squares = 0.5 * (square + size * (found.shift - drawn(size, stretch)) ** 2)
        below = width * (size / 2 + 1) + center**2
        there = below > 0
        return jnp.where(there, width * (squares + center) + center**3, 0.0) / jnp.where(there, below, 1.0)

    def solve(_: Any, start: Array) -> Array:
        return _fixed_point(next_stretch, start)

    def solve_linear(linear: Any, right: Array) -> Array:  # each entry is an equation of its own
        return right / linear(jnp.ones_like(right))

    stretch = jax.lax.custom_root(
        lambda stretch: stretch - next_stretch(stretch), jax.lax.stop_gradient(found.stretch), solve, solve_linear
    )
    return Effects(drawn(size, stretch), stretch)


def _fixed_point(function: Any, start: Array) -> Array:
    """Apply a function until nothing changes but rounding."""

    def unfinished(state: tuple[Array, Array, Array]) -> Array:
        value, before, step = state
        moved = jnp.abs(value - before) > 4 * jnp.finfo(start.dtype).eps * jnp.abs(value)
        return jnp.any(moved) & (step < STEPS)

    def step(state: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        return function(state[0]), state[0], state[2] + 1

    return jax.lax.while_loop(unfinished, step, (function(start), start, jnp.asarray(0)))[0]
