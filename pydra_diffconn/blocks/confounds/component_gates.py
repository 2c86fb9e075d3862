"""Gates for components that somebody named by their numbers."""

from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from pydra_diffconn.declare.block import define


def check(arguments: Mapping[str, Any]) -> None:
    """Refuse numbers that are none of a component."""
    columns, components = arguments.get("columns"), arguments.get("components")
    if not columns or min(columns) < 1:
        raise ValueError(f"columns = {columns}; expected numbers of components, counted from 1")
    if components is not None and max(columns) > components.shape[1]:
        raise ValueError(f"columns = {columns}, but there are {components.shape[1]} components, counted from 1")


@define(outputs=["noise"], check=check)
def ComponentGates(components: Float[Array, "time components"], columns: tuple[int, ...]) -> Float[Array, "components"]:
    r"""Make gates for `NonAggressiveRegression`: 1 for the components of these numbers, 0 for the others.

    $$ g_k = [k \in \text{columns}] $$

    The numbers count from 1, as those of `fsl_regfilt -f` and of ICA-AROMA's classified_motion_ICs.txt.

    Parameters
    ----------
    components : (time, components)
        Of which only the number of columns matters.
    columns : tuple of int
        Numbers of the noise components.
    """
    gates = np.isin(np.arange(1, components.shape[1] + 1), columns)
    return jnp.asarray(gates, components.dtype)
