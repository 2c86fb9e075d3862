"""A workflow of Nipype, flattened and expanded by Nipype itself; nodes by their dotted names."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable, Iterator
from typing import Any

from nipype import config
from nipype.interfaces.utility import IdentityInterface
from nipype.pipeline.engine import JoinNode, MapNode, Node, Workflow
from nipype.pipeline.engine.utils import generate_expanded_graph, merge_dict
from pydra.compose import workflow as pydra_workflow

from pydra_diffconn.declare.task import BlockTask
from pydra_diffconn.nipype.interfaces import TaskInterface


class Expanded:
    """A copy of a workflow as Nipype would run it, in the same folders.

    Attributes
    ----------
    workflow : Workflow
        The copy, with Nipype's settings.
    flat, graph : networkx graph
        Its nodes without nested workflows, as written and as they run: one for each combination of iterables.
    """

    def __init__(self, workflow: Workflow, plugin: Any = None, plugin_args: Any = None) -> None:
        self.workflow = copy.deepcopy(workflow)
        self.plugin = plugin if plugin is not None else config.get("execution", "plugin")
        self.plugin_args = plugin_args
        self.workflow.config = merge_dict(copy.deepcopy(config._sections), self.workflow.config)
        self.flat = self.workflow._create_flat_graph()
        # which outputs are needed is in the hash of a node: without this, nothing that ran before would be found
        self.workflow._set_needed_outputs(self.flat)
        self.graph = generate_expanded_graph(copy.deepcopy(self.flat))
        for index, node in enumerate(self.graph.nodes()):
            node.config = merge_dict(copy.deepcopy(self.workflow.config), node.config)
            node.base_dir, node.index = self.workflow.base_dir, index
            if isinstance(node, MapNode):
                node.use_plugin = (self.plugin, plugin_args)
        self.workflow._configure_exec_nodes(self.graph)

    def run(self, nodes: Iterable[Node]) -> None:
        """Run some nodes as Nipype would, with its own cache."""
        chosen = self.graph.subgraph(nodes).copy()
        if not chosen.nodes():
            return
        runner = self.plugin
        if isinstance(runner, str):
            from nipype.pipeline import plugins

            runner = getattr(plugins, f"{runner}Plugin")(plugin_args=self.plugin_args)
        runner.run(chosen, updatehash=False, config=self.workflow.config)


def path_of(node: Any) -> str:
    """Return the name by which `Workflow.get_node` knows a node, nested workflows with dots."""
    return ".".join([*node._hierarchy.split(".")[1:], node.name])


def walk(workflow: Workflow, prefix: str = "") -> Iterator[tuple[str, Workflow, Node]]:
    """Yield every node of a workflow and those within it, by name, with the workflow that it stands in."""
    for node in list(workflow._graph.nodes()):
        if isinstance(node, Workflow):
            yield from walk(node, f"{prefix}{node.name}.")
        else:
            yield f"{prefix}{node.name}", workflow, node


def located(workflow: Workflow, name: str) -> tuple[str, str, Node] | None:
    """Return the node that a name of a field or parameter begins with, as (its name, the rest, the node)."""
    for path, _, node in walk(workflow):
        if name.startswith(f"{path}."):
            return path, name[len(path) + 1 :], node
    return None


def is_identity(node: Any) -> bool:
    """Say whether a node only passes on what it is given."""
    return isinstance(node.interface, IdentityInterface) and not isinstance(node, JoinNode | MapNode)


def can_be_fused(node: Any) -> bool:
    """Say whether a node is one of our blocks, or a workflow of them."""
    if not isinstance(node.interface, TaskInterface) or isinstance(node, JoinNode):
        return False
    return issubclass(node.interface.task_class, BlockTask | pydra_workflow.Task)


def home(graph: Any, node: Any, field: str) -> tuple[Any, str] | None:
    """Return where in a flat graph the value of an input stands: there, or in a node that passes it on; else None."""
    found = source_of(graph, node, field)
    if found is None:
        return node, field
    source, taken = found
    return home(graph, source, taken) if isinstance(taken, str) and is_identity(source) else None


def source_of(graph: Any, node: Any, field: str) -> tuple[Any, Any] | None:
    """Return (node, output) from which an input is taken, the output with the function on the connection, if any."""
    for source, _, data in graph.in_edges(node, data=True):
        for taken, target in data["connect"]:
            if target == field:
                return source, taken
    return None


def place_among_runs(node: Any) -> tuple[tuple[str, str], ...]:
    """Return the position of an expanded node: outer iterables before inner ones."""
    return tuple(reversed(re.findall(r"\.([a-z])(\d+)", node._id)))
