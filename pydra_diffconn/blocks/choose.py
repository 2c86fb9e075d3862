"""Alternatives, interpolated by weights: a corner of the simplex is one alternative alone."""

from collections.abc import Mapping
from typing import Annotated, Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Integer

from pydra_diffconn.declare import constraints
from pydra_diffconn.declare.block import define
from pydra_diffconn.declare.padding import EACH
from pydra_diffconn.declare.parameters import Parameter

Option = Float[Array, "..."]
Weights = Annotated[Float[Array, "options"] | None, Parameter(constraints.simplex, help="weight of each option")]
Temperature = Annotated[float | None, Parameter(constraints.above(0.0), help="below 1, weights are sharpened")]


def check(arguments: Mapping[str, Any]) -> None:
    """Refuse options of different shape, and fewer weights than options (an option may not be known yet)."""
    shapes = {n: np.shape(v) for n, v in arguments.items() if n.startswith("option_") and v is not None}
    if len(set(shapes.values())) > 1:
        raise ValueError(f"the options have different shapes: {shapes}; they must agree to be mixed")
    weights = arguments.get("weights")
    if weights is not None and len(weights) < len(shapes):
        raise ValueError(f"{len(weights)} weights for {len(shapes)} options; expected one weight for each")


@define(outputs=["chosen"], check=check, mixes="weights", padding=EACH)
def Choose(
    option_1: Option,
    option_2: Option,
    weights: Weights = None,
    option_3: Option | None = None,
    option_4: Option | None = None,
    option_5: Option | None = None,
    option_6: Option | None = None,
    option_7: Option | None = None,
    option_8: Option | None = None,
    temperature: Temperature = None,
    key: Integer[Array, "*key"] | None = None,
    hard: bool = False,
) -> Float[Array, "..."]:
    r"""Mix alternatives of equal shape by weights that sum to one.

    $$ y = \sum_k \pi_k x_k, \quad \pi_k \propto w_k^{1 / \tau}, \quad \sum_k \pi_k = 1 $$

    With a weight of one for an option and zero for the others the result is that option, bit for bit, so that a
    classical choice is a point of what can be learned. `weights=Learn()` starts with equal weights.

    Parameters
    ----------
    option_1, ..., option_8 : arrays of one shape
        Outputs of alternative branches; leave out those that are not needed.
    weights : (options,)
        Non-negative, summing to one, in the order of the options; by default the first option alone.
    temperature : float, optional
        Weights are raised to the power 1 / temperature and divided by their sum: towards 0 the largest takes all (at
        it: hard=True), 1 leaves them as they are. A weight of 0 stays 0.
    key : seed, or (2,) integers that make a key of JAX, optional
        Draw the weights: the Gumbel-softmax distribution around them, at that temperature (by default 1). The same key
        gives the same draw; without a key nothing is random.
    hard : bool
        Use the option of the largest weight alone, with the derivatives of the soft weights (straight through).

    References
    ----------
    Jang, Gu, Poole (2017), Categorical reparameterization with Gumbel-softmax, arXiv:1611.01144.
    """
    given = [option_1, option_2, option_3, option_4, option_5, option_6, option_7, option_8]
    options = [option for option in given if option is not None]
    check({f"option_{number}": option for number, option in enumerate(given, start=1)})
    if weights is None:
        return option_1
    if weights.shape != (len(options),):
        raise ValueError(f"weights has shape {weights.shape} for {len(options)} options; expected ({len(options)},)")
    if key is not None or temperature is not None:
        weights = sharpened(weights, 1.0 if temperature is None else temperature, key)
    if hard:
        weights = straight_through(weights)
    return mixture(weights, options)


@jax.custom_jvp
def mixture(weights: Float[Array, "options"], options: list[Float[Array, "..."]]) -> Float[Array, "..."]:
    """Return the sum of the options times their weights; at a corner, that option."""
    mixed, alone = _weighted_sum(weights, options), jnp.count_nonzero(weights) == 1
    for option, weight in zip(options, weights, strict=True):
        # the sum would turn -0 into 0, and 0 times an infinity of another option into NaN
        mixed = jnp.where(alone & (weight == 1), option, mixed)
    return mixed


@mixture.defjvp
def _tangent_of_mixture(primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Any, ...]:
    return mixture(*primals), jax.jvp(_weighted_sum, primals, tangents)[1]


def _weighted_sum(weights: Float[Array, "options"], options: list[Float[Array, "..."]]) -> Float[Array, "..."]:
    parts = (option * weight.astype(option.dtype) for option, weight in zip(options, weights, strict=True))
    return jnp.asarray(sum(parts))


def sharpened(
    weights: Float[Array, "options"], temperature: float | Float[Array, ""], key: Integer[Array, "*key"] | None = None
) -> Float[Array, "options"]:
    """Return weights ** (1 / temperature), summing to one; with a key, of a Gumbel-softmax draw. 0 stays 0."""
    # where there is no weight, the logarithm of 1: that of a tiny number has a slope that compiled code makes 0 / 0
    there = weights >= jnp.finfo(weights.dtype).tiny
    logits = jnp.log(jnp.where(there, weights, 1))
    if key is not None:
        logits = logits + jax.random.gumbel(_key(key), weights.shape, weights.dtype)
    # exp(-inf) is exactly 0, so that a corner stays a corner at any temperature
    return jax.nn.softmax(jnp.where(there, logits / temperature, -jnp.inf))


def straight_through(weights: Float[Array, "options"]) -> Float[Array, "options"]:
    """Return 1 for the largest weight (the first of equal ones) and 0 for the others; derivatives are the weights'."""
    winner = jax.nn.one_hot(jnp.argmax(weights), len(weights), dtype=weights.dtype)
    return winner + (weights - jax.lax.stop_gradient(weights))  # the bracket is exactly 0


def _key(key: Integer[Array, "*key"]) -> Any:
    """Return a key of JAX for a seed or for the integers of a key."""
    key = jnp.asarray(key)
    return jax.random.key(key) if key.ndim == 0 else jax.random.wrap_key_data(key.astype(jnp.uint32))
