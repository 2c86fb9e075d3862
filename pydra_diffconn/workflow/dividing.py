"""What of a workflow is fused, and what runs in Pydra before and after."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pydra_diffconn.workflow.graph import Classical, Graph, Learned, Source, Step, references


def _divided(task: Any, reader: Any, outputs: Mapping[str, Source]) -> Graph:
    """Divide the nodes: what steps that are no blocks need runs in Pydra first, unless no block needs them."""
    nodes = {node.path: node for node in reader.nodes}
    above = {path: _ancestors([path], nodes) for path in nodes}
    needed_by_blocks = set().union(*(above[n.path] for n in nodes.values() if isinstance(n, Step)), set())
    before: set[str] = set()
    after: list[Classical] = []
    for node in reader.nodes:
        if isinstance(node, Step):
            continue
        has_block_above = any(isinstance(nodes[path], Step) for path in above[node.path])
        if node.path in needed_by_blocks:
            _refuse_learning_above(node, nodes)
            before |= above[node.path] | {node.path}
        elif has_block_above:
            after.append(node)
        else:
            before |= above[node.path] | {node.path}
    late = {node.path for node in after}
    kept = {n: s for n, s in outputs.items() if not any(r.path in late for r in references(s))}
    used = {r.path for s in kept.values() for r in references(s)}
    fused = [n for n in reader.nodes if isinstance(n, Step) and n.path not in before]
    used |= {r.path for step in fused for s in step.inputs.values() for r in references(s)}
    before = {p for p in before if p in used or any(p in above[u] for u in used & before)}
    return Graph(
        task,
        tuple(fused),
        tuple(node for node in reader.nodes if node.path in before),
        tuple(after),
        kept,
        reader.learnables,
        reader.levels,
    )


def _ancestors(paths: Iterable[str], nodes: Mapping[str, Step | Classical]) -> set[str]:
    found: set[str] = set()
    waiting = list(paths)
    while waiting:
        for source in nodes[waiting.pop()].inputs.values():
            new = {reference.path for reference in references(source)} - found
            found |= new
            waiting += new
    return found


def _refuse_learning_above(node: Classical, nodes: Mapping[str, Step | Classical]) -> None:
    route = _route(node.path, nodes, {})
    if route:
        raise ValueError(
            f"{route[0]} is to be learned, but it passes through {node.path}, which is not differentiable: "
            f"{' -> '.join(route)}"
        )


def _route(path: str, nodes: Mapping[str, Step | Classical], seen: dict[str, list[str]]) -> list[str]:
    """Return the way from a learned parameter down to the node at `path`, or nothing."""
    if path in seen:
        return seen[path]
    seen[path] = []
    for source in nodes[path].inputs.values():
        if isinstance(source, Learned):
            seen[path] = [source.name, path]
        for reference in references(source):
            if above := _route(reference.path, nodes, seen):
                seen[path] = [*above, path]
    return seen[path]
