"""Learning as one step of a larger Pydra workflow: cached, and sent to any worker."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fileformats.generic import Directory
from pydra.compose import python

from pydra_diffconn import pydra_compat  # noqa: F401 - before a class of tasks is made, so that processes find it


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
    targets, learn, steps, optimizer, validation, groups, seed, how, on
        As for `fit`.
    settings : dict
        The old place of `how` and `on`: further arguments of `fit`.
    """
    from pydra_diffconn.learning.fitting import fit

    result = fit(
        workflow,
        loss,
        targets,
        **{"optimizer": optimizer, "how": how, "on": on, **(settings or {})},
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
