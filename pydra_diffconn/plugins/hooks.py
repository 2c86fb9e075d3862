"""What a plugin can add: one hook for each kind of thing, and what each must give."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pluggy

GROUP = "pydra_diffconn"
API = 1  # raised when a hook changes its meaning; a plugin may state the one it was written for as `diffconn_api`
hookspec = pluggy.HookspecMarker(GROUP)
hookimpl = pluggy.HookimplMarker(GROUP)


class Hooks:
    """What a plugin can add; each hook takes nothing and returns an iterable."""

    @hookspec
    def diffconn_blocks(self) -> Iterable[type]:  # type: ignore[empty-body]
        """Task classes made by `block.define`, at the top level of an importable module."""

    @hookspec
    def diffconn_constraints(self) -> Iterable[Any]:  # type: ignore[empty-body]
        """Classes of the form of `constraints.Constraint`."""

    @hookspec
    def diffconn_losses(self) -> Iterable[type]:  # type: ignore[empty-body]
        """Subclasses of `losses.Loss`."""

    @hookspec
    def diffconn_strategies(self) -> Iterable[Any]:  # type: ignore[empty-body]
        """Workflow classes: ways to go from a run to its connectome, with the inputs of those in `strategies`."""

    @hookspec
    def diffconn_atlases(self) -> Iterable[Any]:  # type: ignore[empty-body]
        """Functions that return the path of a label image, fetching it if need be; found by name in `atlases`."""

    @hookspec
    def diffconn_equivalents(self) -> Iterable[Any]:  # type: ignore[empty-body]
        """Instances of `equivalents.Equivalent`: which steps of a tool are which blocks, for `swap`."""

    @hookspec
    def diffconn_reportlets(self) -> Iterable[Any]:  # type: ignore[empty-body]
        """Functions of a fit's `Result` that return a `report.Section` for its report, or None."""


HOOKS = tuple(name for name in vars(Hooks) if name.startswith("diffconn_"))
NAMED = {
    "diffconn_blocks": "block",
    "diffconn_constraints": "constraint",
    "diffconn_losses": "loss",
    "diffconn_strategies": "strategy",
    "diffconn_atlases": "atlas",
}
"""Hooks whose classes or functions are found by their names, which are therefore unique over all plugins."""


FORMS: dict[str, tuple[Any, tuple[str, ...], str]] = {
    "diffconn_blocks": (type, ("declaration", "pure"), "which was not made by block.define"),
    "diffconn_constraints": (
        type,
        ("describe", "contains", "resolved", "to_free", "from_free", "narrowed"),
        "which is no class of the form of constraints.Constraint",
    ),
    "diffconn_losses": (type, ("score", "named"), "which is no subclass of losses.Loss"),
    "diffconn_strategies": (type, ("construct", "Outputs"), "which was not made by workflow.define"),
    "diffconn_atlases": (Callable, ("__name__",), "which is no function that returns the path of a label image"),
    "diffconn_equivalents": (object, ("matches", "step"), "which is no equivalents.Equivalent"),
    "diffconn_reportlets": (Callable, ("__name__",), "which is no function of a fit's result"),
}
"""Of what kind each thing that a hook returns must be, what it must have, and what is said of one that is not so."""
