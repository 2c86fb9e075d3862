"""What stands for the steps of XCP-D's post-processing; nothing of XCP-D is imported."""

from collections.abc import Iterable
from typing import Any

from pydra_diffconn import hookimpl


@hookimpl
def diffconn_blocks() -> Iterable[type]:
    """Return the blocks of this package."""
    from diffconn_xcpd.blocks import CorrelateKept

    return [CorrelateKept]


@hookimpl
def diffconn_equivalents() -> Iterable[Any]:
    """Return the equivalents of this package."""
    from diffconn_xcpd.equivalents import EQUIVALENTS

    return EQUIVALENTS
