"""What a fit minimises: the loss of a program's outputs, as a function of values in the free space."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from pydra_diffconn.declare.loss import PARAMETERS, TESTED, evaluated
from pydra_diffconn.learning.settings import Learning
from pydra_diffconn.program.program import Program
from pydra_diffconn.program.random_keys import keys_of, with_fresh_keys, without_draws

Rows = tuple[int, ...] | None
Entities = Mapping[str, tuple[list[Any], np.ndarray]]
"""Of each parameter that is learned per entity: the entities' labels, and the number of each run's entity."""


class Objective:
    """The loss of some runs, traced by JAX.

    The values are constrained; a step is taken in the free space. `deviations`, one row for each entity, are added
    there to the group's value of a parameter that is learned per entity.
    """

    def __init__(self, program: Program, loss: Callable[..., Any], how: Learning, entities: Entities) -> None:
        import jax.numpy as jnp

        self.program, self.loss, self.how, self.entities = program, loss, how, entities
        self.keys = keys_of(program)
        self.scored = without_draws(program) if self.keys else program
        self.space = program.free_space
        real = jnp.result_type(float)
        self.start = {name: jnp.asarray(value, real) for name, value in program.parameters.items()}
        for name, (labels, _) in entities.items():
            self.start[deviations(name)] = jnp.zeros((len(labels), *np.shape(program.parameters[name])), real)

    @property
    def changes(self) -> bool:
        """Whether the loss of the same values differs from step to step."""
        parts = getattr(self.loss, "parts", (self.loss,))
        scheduled = any(callable(getattr(part, "weight", None)) for part in parts)
        return scheduled or bool(self.how.schedules) or bool(self.keys)

    def free(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return values in the space in which a step is taken."""
        own = {name: value for name, value in values.items() if name not in self.program.parameters}
        return {**self.space.to_free(values), **own}

    def constrained(self, free: Mapping[str, Any]) -> dict[str, Any]:
        """Return the values of a point of the free space."""
        own = {name: value for name, value in free.items() if name not in self.program.parameters}
        return {**self.space.from_free(free), **own}

    def is_inside(self, values: Mapping[str, Any]) -> bool:
        """Say whether a step is taken from these very values: those on a bound enter the free space from inside."""
        taken = self.constrained(self.free(values))
        return all(np.allclose(taken[name], value, rtol=1e-4, atol=1e-6) for name, value in values.items())

    def at_step(self, values: Mapping[str, Any], step: Any) -> dict[str, Any]:
        """Return the values with those that the schedules have at a step."""
        import jax.numpy as jnp

        scheduled = {name: jnp.asarray(rule(step), values[name].dtype) for name, rule in self.how.schedules.items()}
        return {**values, **scheduled}

    def per_entity(self, free: Mapping[str, Any], name: str) -> Any:
        """Return the constrained value of a parameter for each entity."""
        import jax

        def one(deviation: Any) -> Any:
            return self.space.from_free({**free, name: free[name] + deviation})[name]

        return jax.vmap(one)(free[deviations(name)])

    def __call__(
        self,
        free: Mapping[str, Any],
        inputs: Mapping[str, Any],
        targets: Any,
        own: Mapping[str, Any],
        step: Any,
        chosen: Sequence[int],
    ) -> tuple[Any, dict[str, Any]]:
        """Return the loss and each of its terms at a step; `own` holds the entity number of each run."""
        inputs = with_fresh_keys(self.program, inputs, self.keys, step)
        values = self.at_step(self.constrained(free), step)
        outputs = self._outputs(self.program, values, free, inputs, own, chosen)
        return self._loss_of(values, free, outputs, targets, step, len(chosen), penalised=True)

    def outputs(self, values: Any, inputs: Any, own: Any, step: Any, chosen: tuple[int, ...]) -> dict[str, Any]:
        """Return the outputs of some runs as they are scored: without random draws."""
        return self._outputs(self.scored, self.at_step(values, step), self.free(values), inputs, own, chosen)

    def score_of(
        self, values: Any, outputs: Any, targets: Any, step: Any, count: int, penalised: bool, tested: Rows = None
    ) -> Any:
        """Return the loss of outputs that are there already; `tested` are those that are scored, by default all."""
        now, free = self.at_step(values, step), self.free(values)
        if tested is not None:
            outputs = {**outputs, TESTED: np.array(tested)}
        return self._loss_of(now, free, outputs, targets, step, count, penalised)[0]

    def score(
        self,
        values: Any,
        inputs: Any,
        targets: Any,
        own: Any,
        step: Any,
        chosen: tuple[int, ...],
        penalised: bool,
        tested: Rows = None,
    ) -> Any:
        """Return the loss of values on some runs."""
        outputs = self.outputs(values, inputs, own, step, chosen)
        return self.score_of(values, outputs, targets, step, len(chosen), penalised, tested)

    def check_targets(self, values: Any, shapes: Any, targets: Any, step: int) -> None:
        """Refuse targets that the loss refuses for outputs of these shapes."""
        import jax

        loss = self.loss.at(step) if hasattr(self.loss, "at") else self.loss
        learned = {name: values[name] for name in self.program.parameters}
        jax.eval_shape(lambda outputs: evaluated(loss, {**outputs, PARAMETERS: learned}, targets)[0], shapes)

    def _outputs(
        self, program: Program, values: Any, free: Any, inputs: Any, own: Mapping[str, Any], chosen: Sequence[int]
    ) -> dict[str, Any]:
        each = {name: self.per_entity(free, name)[numbers] for name, numbers in own.items()}
        outputs = program.outputs_of(values, inputs, list(chosen), each)
        marks = program.graph.learnables
        # what each run's entity has of its own, for losses such as the smoothness of a person's states
        return {**outputs, **{f"{name}@{marks[name].mark.per}": value for name, value in each.items()}}

    def _loss_of(
        self, values: Any, free: Any, outputs: Any, targets: Any, step: Any, count: int, penalised: bool
    ) -> tuple[Any, dict[str, Any]]:
        import jax.numpy as jnp

        loss = self.loss.at(step) if hasattr(self.loss, "at") else self.loss
        seen = {**outputs, PARAMETERS: {name: values[name] for name in self.program.parameters}}
        total, terms = evaluated(loss, seen, targets)
        for name in self.entities if penalised else ():
            # a deviation costs as much as under a normal distribution around the group
            total = total + self.how.shrinkage * jnp.sum(free[deviations(name)] ** 2) / (2 * count)
        return total, terms


def deviations(name: str) -> str:
    """Name what is added to a parameter for each entity."""
    return f"{name} by entity"
