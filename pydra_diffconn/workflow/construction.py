"""Questions to a workflow under construction: which node takes what of whom, over what it is split; dropping nodes."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from pydra.utils.typing import is_lazy

from pydra_diffconn import pydra_compat


def as_tuple(outputs: Any) -> tuple[Any, ...]:
    """Return the outputs of a constructor, one or several, as a tuple."""
    return outputs if isinstance(outputs, tuple) else (outputs,)


def sources(values: Iterable[Any]) -> list[tuple[str | None, str]]:
    """Return (node, output) of each lazy value; the node of an input of the workflow is None."""
    return [pydra_compat.lazy_source(value) for value in values if is_lazy(value)]


def taken_by(node: Any) -> list[str]:
    """Return the nodes whose outputs a node takes."""
    return [name for name, _ in sources(value for _, value in node.input_values) if name is not None]


def used_outputs(under_construction: Any, name: str, outputs: Any) -> list[str]:
    """Return the outputs of a node that other nodes, or the workflow's outputs, take."""
    values = [value for node in under_construction.nodes for _, value in node.input_values]
    return list(dict.fromkeys(field for node, field in sources([*values, *as_tuple(outputs)]) if node == name))


def ancestors(under_construction: Any, names: Iterable[str]) -> set[str]:
    """Return these nodes, and all that they depend on."""
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += taken_by(under_construction[name])
    return found


def split_over(node: Any) -> str:
    """Return over what a node is split, its own splits and those above it."""
    return repr(node.state.splitter_rpn_final if node.state else None)


def moved_to(outputs: Iterable[Any], moved: Mapping[tuple[str | None, str], Any]) -> tuple[Any, ...]:
    """Return outputs of a workflow with those that something else stands for now."""
    return tuple(moved.get(pydra_compat.lazy_source(one), one) if is_lazy(one) else one for one in outputs)


def taken(under_construction: Any, outputs: Any, names: Collection[str] | None = None) -> set[str]:
    """Return the nodes of which the outputs of the workflow, or these nodes (by default all), take something."""
    found = {name for name, _ in sources(as_tuple(outputs)) if name is not None}
    for node in under_construction.nodes:
        if names is None or node.name in names:
            found |= set(taken_by(node))
    return found


def drop_untaken(under_construction: Any, outputs: Any, once: Collection[str]) -> None:
    """Remove the nodes of which nothing is taken any more; `once` are those of which something was taken before."""
    takes = {node.name: set(taken_by(node)) for node in under_construction.nodes}
    ends = {name for name, _ in sources(as_tuple(outputs)) if name is not None}
    pydra_compat.keep_nodes(under_construction, still_taken(takes, ends, once))


def still_taken(takes: Mapping[str, Collection[str]], ends: Collection[str], once: Collection[str]) -> set[str]:
    """Return the nodes of which something is still taken, or never was.

    Parameters
    ----------
    takes : mapping
        Each node to the nodes of which it takes something.
    ends : names
        The nodes of which the outputs of the workflow take something.
    once : names
        The nodes of which something was taken before.
    """
    kept = set(takes)
    while True:
        used = set(ends).union(*(takes[name] for name in kept))
        left = {name for name in kept if name in used or name not in once}
        if left == kept:
            return kept
        kept = left


def constructed(task: Any, lazy: tuple[str, ...], prefix: str) -> Any:
    """Return a workflow with its nodes; what its constructor does wrong is told by the names of the workflow.

    Raises
    ------
    ValueError
        If it computes with what is not known yet, or asks a node for an output that it has not.
    """
    where = prefix or type(task).__name__
    try:
        return pydra_compat.construct(task, lazy)
    except TypeError as error:
        if "LazyInField" not in str(error):
            raise
        raise ValueError(
            f"{where}: the workflow computes with an input that is not known while it is built (split over, or passed "
            f"from another step): {error}; compute it inside a task instead"
        ) from error
    except AttributeError as error:
        kind = type(error.obj)
        if not kind.__name__.endswith("Outputs") or not hasattr(kind, "__attrs_attrs__"):
            raise
        known = ", ".join(pydra_compat.field_names(kind))
        step = kind.__name__.removesuffix("Outputs")
        raise ValueError(f"{where}: {step} has no output {error.name!r}; it has {known}") from error
