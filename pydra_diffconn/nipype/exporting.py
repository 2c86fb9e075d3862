"""The other way: a Pydra workflow of blocks as a workflow of Nipype, to be run, or put into somebody's own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs
from nipype.interfaces.utility import IdentityInterface
from nipype.pipeline.engine import MapNode, Node, Workflow
from pydra.utils.typing import is_lazy

from pydra_diffconn import pydra_compat
from pydra_diffconn.nipype.computing import with_paths
from pydra_diffconn.nipype.interfaces import interface
from pydra_diffconn.workflow import deriving
from pydra_diffconn.workflow.splits import names_of

INPUTS, OUTPUTS = "inputnode", "outputnode"


def to_nipype(task: Any, name: str | None = None) -> Workflow:
    """Return a Pydra workflow of blocks as a workflow of Nipype, with a node `inputnode` and a node `outputnode`.

    Parameters
    ----------
    task : workflow class or workflow task
        Inputs that have values keep them; what it is split over becomes iterables.
    name : str, optional
        By default the name of the class.

    Raises
    ------
    ValueError
        If a step is split in a way that a MapNode does not know, or the workflow cannot be built before it runs.
    """
    pydra_compat.require_workflow(task)
    given = task() if isinstance(task, type) else task
    return _workflow(given, name or type(given).__name__)


def _workflow(task: Any, name: str) -> Workflow:
    values = deriving.inputs_of(task)
    graph, symbols = _constructed(task, values)
    made, inputs = Workflow(name), Node(IdentityInterface(symbols, mandatory_inputs=False), INPUTS)
    names = pydra_compat.field_names(type(task).Outputs)
    outputs = Node(IdentityInterface(names, mandatory_inputs=False), OUTPUTS)
    made.add_nodes([inputs, outputs])
    split = list(names_of(pydra_compat.splitter(task)))
    for field in symbols:
        if values[field] is not attrs.NOTHING and not is_lazy(values[field]) and field not in split:
            setattr(inputs.inputs, field, with_paths(values[field]))
    if split:
        _iterate(inputs, pydra_compat.splitter(task), values)
    for node in graph.nodes:
        _add(made, node)
    for field in names:
        _connect(made, getattr(graph.outputs, field), outputs, field)
    return made


def _constructed(task: Any, values: Mapping[str, Any]) -> tuple[Any, list[str]]:
    """Return the graph, and the inputs that are connected in it: all of them, unless values decide what is built."""
    split = [*names_of(pydra_compat.splitter(task))]
    bare = pydra_compat.without_split(task)
    try:
        return pydra_compat.construct(bare, tuple(values), check=False), list(values)
    except (TypeError, ValueError):
        kept = (bool, int, float, str, tuple, type(None))
        symbols = [n for n, v in values.items() if n in split or not isinstance(v, kept)]
        return pydra_compat.construct(bare, tuple(symbols), check=False), symbols


def _add(made: Workflow, pydra_node: Any) -> None:
    """Add a step: a node, a MapNode, or a workflow within."""
    task, name = pydra_compat.node_task(pydra_node), _name(pydra_node.name)
    given = {n: v for n, v in pydra_compat.given_values(task) if not pydra_compat.is_split_list(v)}
    lazy = {field: value for field, value in given.items() if is_lazy(value)}
    each = _iterfield(pydra_node.name, task)
    if pydra_compat.is_workflow(task):
        if each:
            raise ValueError(
                f"{pydra_node.name} is a workflow that is split, which Nipype has no node for; split its steps"
            )
        unset = attrs.evolve(task, **dict.fromkeys(lazy, attrs.NOTHING))
        made.add_nodes([_workflow(unset, name)])
        target: Any = made.get_node(name)
        fields = {field: f"{INPUTS}.{field}" for field in lazy}
    else:
        kind = interface(type(task))
        target = MapNode(kind(), each, name) if each else Node(kind(), name)
        made.add_nodes([target])
        for field in task:
            value = getattr(task, field)
            listed = pydra_compat.is_split_list(value)
            if field in given and field not in lazy:
                target.set_input(field, with_paths(value))
            elif listed:
                target.set_input(field, [with_paths(one) for one in value])
        fields = {field: field for field in lazy}
    for field, value in lazy.items():
        _connect(made, value, target, fields[field])


def _connect(made: Workflow, value: Any, target: Any, field: str) -> None:
    if not is_lazy(value):
        if value is not None and value is not attrs.NOTHING:
            setattr(target.inputs, field, with_paths(value))
        return
    node, output = pydra_compat.lazy_source(value)
    source = made.get_node(INPUTS if node is None else _name(node))
    inner = f"{OUTPUTS}.{output}" if isinstance(source, Workflow) else output
    made.connect(source, inner, target, field)


def _iterfield(path: str, task: Any) -> list[str]:
    """Return what a MapNode runs over: the step must be split over own fields together, and combined at once."""
    splitter = pydra_compat.splitter(task)
    if splitter is None:
        return []
    fields = [name.rpartition(".")[2] for name in names_of(splitter)]
    combined = {name.rpartition(".")[2] for name in pydra_compat.combiner(task) or ()}
    if (
        (isinstance(splitter, list) and len(splitter) > 1)
        or any(name.startswith("_") for name in fields)
        or not combined & set(fields)
    ):
        raise ValueError(
            f"{path} is split over {splitter!r} and combined over {sorted(combined)}, which a MapNode cannot do: it "
            "runs over lists of one length, and its outputs are lists"
        )
    return fields


def _iterate(inputs: Node, splitter: Any, values: Mapping[str, Any]) -> None:
    """Let the node of inputs run over what a workflow is split over."""
    lists = {name: [with_paths(one) for one in values[name]] for name in names_of(splitter)}
    if isinstance(splitter, list) and not all(isinstance(part, str) for part in splitter):
        raise ValueError(f"the workflow is split over {splitter!r}, which iterables cannot be; give it unsplit")
    inputs.iterables = list(lists.items())
    inputs.synchronize = isinstance(splitter, tuple)


def _name(name: str) -> str:
    return name.replace(".", "_")
