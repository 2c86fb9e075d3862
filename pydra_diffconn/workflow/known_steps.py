"""Steps of a workflow for which an equivalent is known."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from pydra_diffconn import pydra_compat
from pydra_diffconn.declare.equivalent import Equivalent, Step, View
from pydra_diffconn.declare.task import BlockTask
from pydra_diffconn.workflow import deriving
from pydra_diffconn.workflow.construction import used_outputs
from pydra_diffconn.workflow.replacing import _our_output, inside, replace_node
from pydra_diffconn.workflow.views import views


def registered() -> list[Equivalent]:
    """Return all equivalents: the built-in ones and those of plugins, which come first."""
    from pydra_diffconn.plugins.registry import registry

    return list(reversed(registry().get("diffconn_equivalents")))


@dataclass(frozen=True)
class Equivalents:
    """A change of a workflow: every node for which an equivalent is known becomes that."""

    known: tuple[Equivalent, ...]
    nested: bool = False

    def __call__(self, under_construction: Any, outputs: Any) -> Any:
        """Replace the nodes of a workflow that is being built; return the workflow's outputs."""
        reasons, changed = {}, self.nested
        for node in list(under_construction.nodes):
            old = pydra_compat.node_task(node)
            used = used_outputs(under_construction, node.name, outputs)
            step, reasons[node.name] = equivalent_step(old, self.known, used)
            if step is not None:
                outputs = replace_node(under_construction, outputs, node.name, *step)
                changed = True
            elif pydra_compat.is_workflow(old):
                derived = deriving.derive_task(old, change=Equivalents(self.known, nested=True))
                pydra_compat.replace_node_task(node, derived)
                changed = changed or self._knows(old)
        if not changed:
            told = "; ".join(f"{name}: {reason}" for name, reason in reasons.items())
            raise ValueError(f"swap: no step has an equivalent ({told}); name the steps: swap(workflow, {{...}})")
        return outputs

    def _knows(self, workflow: Any) -> bool:
        """Say whether a step of a nested workflow, or of one within it, has an equivalent."""
        for task in inside(workflow):
            if task is None or equivalent_step(task, self.known, ())[0] is not None:
                return True
            if pydra_compat.is_workflow(task) and self._knows(task):
                return True
        return False


def equivalent_step(task: Any, known: Iterable[Equivalent], used: Iterable[str]) -> tuple[Step | None, str]:
    """Return what stands for a task of which some outputs are used, or nothing, and why not."""
    if isinstance(task, BlockTask):
        return None, "a block already"
    known, used = list(known), list(used)
    try:
        pairs = [(view, one) for view in views(task) for one in known if one.matches(view)]
    except ValueError as error:
        return None, str(error)
    return first_that_fits(pairs, used, lambda made, fields, output: _our_output(task, made, fields, output, used))


def first_that_fits(
    pairs: Iterable[tuple[View, Equivalent]], used: Iterable[str], require: Callable[[Any, Any, str], Any]
) -> tuple[Step | None, str]:
    """Return the step of the first equivalent that makes one and has every used output, or nothing, and why not."""
    reason = "no equivalent is registered"
    for view, one in pairs:
        try:
            made, fields = one.step(view)
            for output in used:
                require(made, fields, output)
            return (made, fields), ""
        except ValueError as error:
            reason = str(error)
    return None, reason
