"""Learning as one step of a larger Pydra workflow: cached, and sent to any worker."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs
from fileformats.generic import Directory
from pydra.compose import python
from pydra.utils.typing import StateArray, is_lazy

from pydra_diffconn import pydra_compat
from pydra_diffconn.workflow.splits import names_of


@python.define(outputs=["parameters", "scores"])
def Fit(
    workflow: Any,
    loss: Any,
    targets: Any = None,
    learn: dict | None = None,
    steps: int = 200,
    optimizer: Any = None,
    validation: Any = None,
    groups: Any = None,
    seed: int = 0,
    starts: int = 1,
    how: Any = None,
    on: Any = None,
    settings: dict | None = None,
) -> tuple[Directory, dict]:
    """Learn the marked parameters of a workflow; gives the folder that `load_parameters` reads, and the scores.

    Parameters
    ----------
    workflow : workflow task
        As for `fit`, split or not.
    loss : callable
        As for `fit`; a loss of the library, or a function at the top level of a module.
    targets, learn, steps, optimizer, validation, groups, seed, starts, how, on
        As for `fit`.
    settings : dict
        The old place of `how` and `on`: further arguments of `fit`.
    """
    from pydra_diffconn.learning.fitting import fit

    result = fit(
        workflow,
        loss,
        targets,
        **{"optimizer": optimizer, "starts": starts, "how": how, "on": on, **(settings or {})},
        learn=learn,
        steps=steps,
        validation=validation,
        groups=groups,
        seed=seed,
        checkpoint=Path.cwd() / "checkpoint",
        progress=False,
    )
    folder = result.save(Path.cwd() / "fit")
    scores = {"classical": result.baseline, "learned": result.best, "stopped": result.stopped}
    scores |= {"discrete": result.discrete} if result.discrete else {}
    return Directory(folder), scores


INPUT = "input_"
"""Begins the names of those inputs of the learned workflow that an earlier step makes."""


def _new(kind: Any, *args: Any, **settings: Any) -> Any:
    """Make a `Fit`; if earlier steps make inputs of its workflow, one with an input for each: Pydra sees no deeper."""
    task = args[0] if args else settings.get("workflow")
    fields = pydra_compat.field_names(task) if _is_workflow(task) else []
    made = {name: getattr(task, name) for name in fields if is_lazy(getattr(task, name))}
    if not made:
        return object.__new__(kind)
    settings["workflow"] = pydra_compat.with_values(task, **dict.fromkeys(made, attrs.NOTHING))
    inputs = {field.name: field.type for field in pydra_compat.get_fields(kind) if field.name in settings}
    inputs |= {f"{INPUT}{name}": Any for name in made}
    outputs = {field.name: field.type for field in pydra_compat.get_fields(kind.Outputs)}
    fed: Any = python.define(_fit_fed, inputs=inputs, outputs=outputs, name="Fit")
    names = [field.name for field in attrs.fields(kind) if not field.name.startswith("_")]
    settings |= dict(zip(names[1:], args[1:], strict=False))
    return fed(**settings, **{f"{INPUT}{name}": value for name, value in made.items()})


def _is_workflow(task: Any) -> bool:
    return not isinstance(task, type) and pydra_compat.is_workflow(task)


def _fit_fed(workflow: Any, **settings: Any) -> Any:
    """Put what earlier steps made into the workflow, and fit it."""
    made = {n.removeprefix(INPUT): settings.pop(n) for n in list(settings) if n.startswith(INPUT)}
    split = set(names_of(pydra_compat.splitter(workflow)))
    values = {name: StateArray(value) if name in split else value for name, value in made.items()}
    function = pydra_compat.get_fields(Fit)["function"].default
    return function(pydra_compat.with_values(workflow, **values), **settings)


Fit.__new__ = _new
