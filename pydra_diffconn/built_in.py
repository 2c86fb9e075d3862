"""What this package itself adds, by the hooks that every plugin uses."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pydra_diffconn.plugins.hooks import hookimpl


@hookimpl
def diffconn_blocks() -> Iterable[type]:
    """Return the blocks of this package."""
    from pydra_diffconn import blocks

    return [getattr(blocks, name) for name in blocks.__all__]


@hookimpl
def diffconn_constraints() -> Iterable[type]:
    """Return the constraints of this package."""
    from pydra_diffconn.declare import constraints
    from pydra_diffconn.numerics import manifolds as m

    return [constraints.Interval, constraints.Ordered, m.Simplex, m.Spd, m.Orthogonal, m.Sphere, m.UnitDisc]


@hookimpl
def diffconn_losses() -> Iterable[type]:
    """Return the losses of this package."""
    from pydra_diffconn import losses

    found = [getattr(losses, name) for name in losses.__all__]
    return [one for one in found if isinstance(one, type) and issubclass(one, losses.Loss)]


@hookimpl
def diffconn_equivalents() -> Iterable[Any]:
    """Return what stands for the steps of nilearn, FSL and AFNI."""
    from pydra_diffconn.equivalents import afni, fsl, nilearn

    return [*nilearn.EQUIVALENTS, *fsl.EQUIVALENTS, *afni.EQUIVALENTS]


@hookimpl
def diffconn_strategies() -> Iterable[type]:
    """Return the strategies of this package."""
    from pydra_diffconn import strategies

    return strategies.BUILT_IN


@hookimpl
def diffconn_atlases() -> Iterable[Any]:
    """Return the atlases of this package."""
    from pydra_diffconn import atlases

    return atlases.BUILT_IN
