"""What every fit of a workflow begins with, once for all fits of it: a program, and who is who among its runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pydra_diffconn.declare.loss import Loss
from pydra_diffconn.declare.parameters import Learn
from pydra_diffconn.learning.learner import Learner, NotFinite
from pydra_diffconn.learning.partition import labels_of
from pydra_diffconn.learning.settings import Learning, Machine, require_count
from pydra_diffconn.program.calling import first_refusal
from pydra_diffconn.program.fusing import fuse
from pydra_diffconn.program.hoisting import with_constants_computed
from pydra_diffconn.program.program import Program
from pydra_diffconn.program.wires import FromArray


@dataclass(frozen=True)
class Prepared:
    """A program to be learned, and how."""

    program: Program
    shorter: Program
    """The same, with runs of near lengths filled up to share a program, and what no parameter changes computed."""
    kinds: Mapping[str, Sequence[Any]]
    """The labels of the runs, by kind of entity: `{"subject": [...]}`."""
    optimizer: Any
    seed: int
    how: Learning
    starts: int = 1
    """From how many values the steps are taken in each fit."""

    @property
    def labels(self) -> list[Any]:
        """One label for each run; runs of equal labels belong together."""
        return labels_of(len(self.program.runs), self.kinds.get("subject"))

    def learner(
        self, loss: Callable[..., Any], targets: Any, training: Sequence[int], held_out: Sequence[int], total: int
    ) -> Learner:
        """Return a fit that learns from some runs and validates on others."""
        try:
            return Learner(
                self.shorter,
                loss,
                targets,
                training,
                held_out,
                how=self.how,
                optimizer=self.optimizer,
                seed=self.seed,
                entities=self.kinds,
                total=total,
            )
        except NotFinite as error:  # a run that cannot be, such as one of which all frames are censored, has a name
            raise first_refusal(self.program, self.program.parameters, {}) or error from None


@dataclass(frozen=True)
class Asked:
    """All that a fit was given, so that the same can be learned again, or compared with what was not learned."""

    ready: Prepared
    task: Any
    loss: Callable[..., Any]
    targets: Any
    steps: int
    where: tuple[Any, Any]
    """Cache and worker of nodes that are no blocks."""


def prepared(
    task: Any,
    loss: Callable[..., Any],
    learn: Mapping[str, Learn] | None,
    groups: Sequence[Any] | Mapping[str, Sequence[Any]] | None,
    optimizer: Any,
    seed: int,
    how: Learning,
    on: Machine,
    cache_root: Any,
    worker: Any,
    starts: int,
) -> Prepared:
    """Fuse a task, and refuse one in which nothing is to be learned."""
    require_count("starts", starts, 1)
    scheduled = {name: Learn(float(rule(0))) for name, rule in how.schedules.items()}
    given = {**learn, **scheduled} if isinstance(learn, Mapping) and scheduled else learn or scheduled or None
    program = fuse(task, given, memory=on.memory, cache_root=cache_root, worker=worker)
    if not program.graph.learnables:
        raise ValueError(
            f"nothing to learn in {type(task).__name__}: mark a parameter with Learn() in the workflow, or name one in "
            "learn={...}"
        )
    program = replace(with_inputs_read(program, loss), devices=tuple(on.devices), remat=on.remat)
    kinds = groups if isinstance(groups, Mapping) else {} if groups is None else {"subject": groups}
    for kind, labels in kinds.items():
        labels_of(len(program.runs), labels, kind if isinstance(groups, Mapping) else "groups")
    return Prepared(program, with_constants_computed(program.padded), dict(kinds), optimizer, seed, how, starts)


def with_inputs_read(program: Program, loss: Callable[..., Any]) -> Program:
    """Return the program with the inputs of the workflow that a loss names among its outputs.

    Homogeneity, for example, is that of the series in the parcels learned.
    """
    known = {*program.runs[0].outputs, *program.parameters}
    named = {name for part in getattr(loss, "parts", (loss,)) if isinstance(part, Loss) for name in part.names}
    wanted = [name for name in program.inputs if name in named - known]
    if not wanted:
        return program
    runs = [
        replace(run, outputs={**run.outputs, **{name: FromArray(name) for name in wanted}}, plan=None)
        for run in program.runs
    ]
    return replace(program, runs=runs)
