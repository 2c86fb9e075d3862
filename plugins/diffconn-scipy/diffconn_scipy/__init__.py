"""What stands for functions of SciPy and NumPy that are steps of somebody's workflow."""

from collections.abc import Iterable
from typing import Any

from pydra_diffconn import hookimpl


@hookimpl
def diffconn_equivalents() -> Iterable[Any]:
    """Return the equivalents of this package."""
    from diffconn_scipy.steps import EQUIVALENTS

    return EQUIVALENTS
