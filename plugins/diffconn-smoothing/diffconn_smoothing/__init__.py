"""Blocks for pydra-diffconn, found through the entry point in pyproject.toml."""

from pydra_diffconn import hookimpl


@hookimpl
def diffconn_blocks():
    """Return the blocks of this package."""
    from diffconn_smoothing.blocks import Smoothing

    return [Smoothing]
