"""Alternatives, interpolated by weights: a corner of the simplex is one alternative alone."""

from collections.abc import Mapping
from typing import Annotated, Any

import numpy as np
from jaxtyping import Array, Float

from pydra_diffconn import constraints
from pydra_diffconn.block import define
from pydra_diffconn.parameters import Parameter

Option = Float[Array, "..."]
Weights = Annotated[Float[Array, "options"] | None, Parameter(constraints.simplex, help="weight of each option")]


def check(arguments: Mapping[str, Any]) -> None:
    """Refuse options of different shape, and fewer weights than options (an option may not be known yet)."""
    shapes = {n: np.shape(v) for n, v in arguments.items() if n.startswith("option_") and v is not None}
    if len(set(shapes.values())) > 1:
        raise ValueError(f"the options have different shapes: {shapes}; they must agree to be mixed")
    weights = arguments.get("weights")
    if weights is not None and len(weights) < len(shapes):
        raise ValueError(f"{len(weights)} weights for {len(shapes)} options; expected one weight for each")


@define(outputs=["chosen"], check=check)
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
) -> Float[Array, "..."]:
    """Mix alternatives of equal shape by weights that sum to one.

    With a weight of one for an option and zero for the others the result is that option, bit for bit, so that a
    classical choice is a point of what can be learned.

    Parameters
    ----------
    option_1, ..., option_8 : arrays of one shape
        Outputs of alternative branches; leave out those that are not needed.
    weights : (options,)
        Non-negative, summing to one, in the order of the options; by default the first option alone.
    """
    given = [option_1, option_2, option_3, option_4, option_5, option_6, option_7, option_8]
    options = [option for option in given if option is not None]
    if weights is None:
        return option_1
    if weights.shape != (len(options),):
        raise ValueError(f"weights has shape {weights.shape} for {len(options)} options; expected ({len(options)},)")
    mixed = options[0] * weights[0].astype(options[0].dtype)
    for option, weight in zip(options[1:], weights[1:], strict=True):
        mixed = mixed + option * weight.astype(option.dtype)
    return mixed
