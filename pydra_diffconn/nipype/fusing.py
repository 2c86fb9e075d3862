"""`fuse` and `fit` of a workflow of Nipype: its blocks become one program, all else runs in Nipype, once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from nipype.pipeline.engine import Workflow

from pydra_diffconn.declare.parameters import Learn
from pydra_diffconn.learning.fitting import fit as fit_task
from pydra_diffconn.learning.result import Result
from pydra_diffconn.nipype.reading import marks_by_node, read
from pydra_diffconn.nipype.stretch import Stretch
from pydra_diffconn.nipype.writing_back import with_parameters
from pydra_diffconn.program.fusing import fuse as fuse_task
from pydra_diffconn.program.program import Program
from pydra_diffconn.workflow.choosing import corners


def fuse(
    task: Workflow,
    learn: Mapping[str, Learn] | None = None,
    *,
    outputs: Sequence[str] | None = None,
    plugin: Any = None,
    plugin_args: Any = None,
    **settings: Any,
) -> Program:
    """Fuse the blocks of a workflow; `outputs` are `node.field`, by default those that no other block takes."""
    marks = marks_by_node(task, learn)
    stretch = read(task, marks, plugin, plugin_args)
    return fuse_task(_task(stretch, outputs), marks, **_in_its_folder(task, settings))


def fit(
    task: Workflow,
    loss: Callable[..., Any],
    targets: Any = None,
    *,
    learn: Mapping[str, Learn] | None = None,
    plugin: Any = None,
    plugin_args: Any = None,
    **settings: Any,
) -> Result:
    """Learn the marked parameters of a workflow's blocks; the result's workflow is one of Nipype."""
    marks = marks_by_node(task, learn)
    stretch = read(task, marks, plugin, plugin_args)
    outputs, settings = _named_by(loss, stretch), _in_its_folder(task, settings)
    while True:
        try:
            found = fit_task(_task(stretch, outputs), loss, targets, learn=marks or None, **settings)
            break
        except ValueError as error:  # a function of the user's may ask for any output
            cause = error.__cause__ or error.__context__
            wanted = cause.args[0] if isinstance(cause, KeyError) and cause.args else None
            if wanted not in stretch.outputs or wanted in outputs:
                raise
            outputs.append(wanted)
    learned = with_parameters(task, found.learned)
    return NipypeResult(**{**{one.name: getattr(found, one.name) for one in fields(found)}, "workflow": learned})


@dataclass
class NipypeResult(Result):
    """What was learned; `workflow` is a classical workflow of Nipype."""

    def discretise(self) -> Any:
        """Return the workflow in which each learned choice has all its weight on the winner."""
        if not self.winners:
            return super().discretise()
        assert self.program is not None
        decided = corners(self.program.graph, self.parameters)
        learned = [replace(one, value=decided[one.name]) for one in self.learned if one.name in decided]
        return with_parameters(self.workflow, learned)


def _task(stretch: Stretch, outputs: Sequence[str] | None) -> Any:
    wanted = list(outputs or stretch.ends)
    for name in wanted:
        if name not in stretch.outputs:
            raise ValueError(f"no block has the output {name!r}; there are {', '.join(stretch.outputs)}")
    return stretch.task(wanted)


def _named_by(loss: Any, stretch: Stretch) -> list[str]:
    """Return the outputs that the terms of a loss name; all of them where one names none that there is."""
    parts = [part for part in getattr(loss, "parts", (loss,)) if hasattr(part, "output")]
    if not parts:
        return stretch.ends
    named = {value for part in parts for value in vars(part).values() if isinstance(value, str)}
    found = [name for name in stretch.outputs if name in named]
    return found or list(stretch.ends)


def _in_its_folder(workflow: Workflow, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Let what Pydra runs within workflows of blocks be cached in the workflow's own folder."""
    if workflow.base_dir is None or settings.get("cache_root") is not None:
        return dict(settings)
    return {**settings, "cache_root": Path(workflow.base_dir) / workflow.name / "pydra"}
