"""One fit in progress: its values, the steps that change them, and what is remembered of the way."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from pydra_diffconn.declare.loss import Loss, Sum
from pydra_diffconn.learning.checkpoints import Checkpoint
from pydra_diffconn.learning.objective import Objective, deviations
from pydra_diffconn.learning.progress import Progress
from pydra_diffconn.learning.settings import Learning, require_enough, require_runs
from pydra_diffconn.learning.state import State, is_better
from pydra_diffconn.learning.training_data import TrainingData
from pydra_diffconn.numerics.aligned import aligned
from pydra_diffconn.numerics.process import compiler_options, in_full_precision, memory_kept, one_blas_thread
from pydra_diffconn.program.program import Program

RETRIES = 8  # halvings of the step before a diverging fit stops with its last good values


class NotFinite(ValueError):
    """The loss of the start values is no number."""


class Learner:
    """Learn the parameters of a program from some of its runs, validating on others."""

    def __init__(
        self,
        program: Program,
        loss: Callable[..., Any],
        targets: Any,
        training: Sequence[int],
        held_out: Sequence[int],
        *,
        how: Learning | None = None,
        optimizer: Any = None,
        seed: int = 0,
        entities: Mapping[str, Sequence[Any]] | None = None,
        total: int = 0,
    ) -> None:
        import jax

        self.program, self.how, self.seed = program, how or Learning(), seed
        if program.split:
            require_runs(loss, len(training), "what is learned from")
            require_runs(loss, len(held_out), "what is held out", held_out=True)
            require_runs(loss, min(self.how.batch_size or len(training), len(training)), "a batch")
        self.runs = TrainingData(program, targets, entities)
        if program.split:
            require_enough(loss, self.runs.targets_of(training), "what is learned from")
            if len(held_out):
                require_enough(loss, self.runs.targets_of(held_out), "what is held out", held_out=True)
        self.objective = Objective(program, loss, self.how, self.runs.entities)
        self.training, self.held_out, self.total = list(training), list(held_out), total
        self.stopped = "after all steps"
        self._kept: dict[tuple[int, ...], dict[str, Any]] = {}
        self._drawn: dict[int, list[list[int]]] = {}
        self._checked: set[tuple[int, ...]] = set()
        self.start = self.objective.start
        self.optimizer = _optimizer(optimizer, self.how.rates, program)
        options = compiler_options(len(program.groups), self._numbers_read())

        def jit(function: Callable[..., Any], static: Sequence[str]) -> Any:
            return jax.jit(in_full_precision(function), static_argnames=static, compiler_options=options)

        self._step = jit(self._stepped, ["chosen"])
        self._evaluate = jit(self.objective.score, ["chosen", "penalised", "tested"])
        self._evaluate_outputs = jit(self.objective.score_of, ["count", "penalised", "tested"])
        self._compute = jit(self.objective.outputs, ["chosen"])
        if targets is not None and isinstance(loss, Loss | Sum):
            self._check_targets()
        optimizer = self.optimizer.init(self.objective.free(self.start))
        self.baseline = self.scores(self.start, self._loss_of_first_step(optimizer))
        self.state = State(0, self.start, optimizer, (self.start, optimizer), self.start, self.baseline)
        self.first = self.baseline
        """Scores of the values from which the steps are taken."""
        if not all(np.isfinite(value) for value in self.baseline.values()):
            raise NotFinite(
                f"the loss is not finite at the start ({self.baseline}); check the loss, its targets and the start "
                f"values {self.plain(self.start)}"
            )

    def begin_elsewhere(self, rng: np.random.Generator) -> None:
        """Take the steps anew from other values: those of the start, moved at random in the free space.

        A step of one there is a factor of 2.7, or a logit. What is not better than the workflow's start is never kept.
        """
        free = self.objective.free(self.start)
        free |= {n: free[n] + rng.standard_normal(np.shape(free[n])) for n in self.program.parameters}
        values = self.objective.constrained(free)
        optimizer = self.optimizer.init(self.objective.free(values))
        self.first = self.scores(values)
        self.state = State(0, values, optimizer, (values, optimizer), self.start, self.baseline)

    def _numbers_read(self) -> float:
        """Return how many numbers all steps together read of what varies from run to run."""
        runs = [self.program.runs[number] for number in self.training]
        of_all = sum(np.size(run.arrays[name]) for run in runs for name in self.program.varying if name in run.arrays)
        size = self.how.batch_size or len(runs)
        return self.total * of_all * min(size / max(len(runs), 1), 1.0)

    def _check_targets(self) -> None:
        """Refuse values that the targets cannot have: in a compiled step nobody knows them."""
        import jax

        if len(self.program.groups) > 1:  # outputs of several shapes, which no array stands for
            return
        runs = [*self.training, *self.held_out]
        data = self.runs.of(runs[:1])
        del data["targets"]
        compute = partial(self.objective.outputs, step=self.total, chosen=data.pop("chosen"))
        shapes = jax.eval_shape(compute, self.start, **data)
        if self.program.split:
            shapes = {n: jax.ShapeDtypeStruct((len(runs), *one.shape[1:]), one.dtype) for n, one in shapes.items()}
        self.objective.check_targets(self.start, shapes, self.runs.targets_of(runs), self.total)

    def _loss_of_first_step(self, optimizer: Any) -> float | None:
        """Return the training loss of the start values from the compiled step, which spares compiling another."""
        if self.how.batch_size or self.objective.changes or not self.objective.is_inside(self.start):
            return None
        return float(self._step(self.start, optimizer, 1.0, 0, **self.batch(0))[2])

    def _stepped(
        self, values: Any, state: Any, scale: Any, step: Any, inputs: Any, targets: Any, own: Any, chosen: Any
    ) -> Any:
        import jax

        free = self.objective.free(values)
        objective = partial(self.objective, inputs=inputs, targets=targets, own=own, step=step, chosen=chosen)
        (value, terms), gradient = jax.value_and_grad(objective, has_aux=True)(free)
        updates, state = self.optimizer.update(
            gradient, state, free, value=value, grad=gradient, value_fn=lambda free: objective(free)[0]
        )
        rates = {name: scale * self.how.rates.get(name, 1.0) for name in free}
        moved = {name: free[name] + rates[name] * updates[name] for name in free}
        return self.objective.constrained(moved), state, value, terms, gradient

    # --- data ---------------------------------------------------------------------------------------------------

    def batch(self, step: int) -> dict[str, Any]:
        """Return the data of one step: all training runs, or a batch of runs that share their shapes."""
        size = self.how.batch_size
        if size is None or size >= len(self.training):
            return self._of(self.training)
        return self.runs.batch(self.batches(step // self.steps_per_epoch)[step % self.steps_per_epoch])

    def _of(self, runs: Sequence[int]) -> dict[str, Any]:
        """Return the data of all training runs, or of all held out, which stay where they are computed with."""
        import jax

        key = tuple(runs)
        if key not in self._kept:
            data = self.runs.of(runs)
            chosen = data.pop("chosen")
            # otherwise they would be copied for every step
            data = jax.tree.map(aligned, data) if jax.default_backend() == "cpu" else jax.device_put(data)
            self._kept[key] = {**data, "chosen": chosen}
        return self._kept[key]

    @functools.cached_property
    def steps_per_epoch(self) -> int:
        return len(self.batches(0)) if self.how.batch_size else 1

    def batches(self, epoch: int) -> list[list[int]]:
        """Return the batches of an epoch; the order follows from seed and epoch alone, so that a resumed fit agrees."""
        if epoch not in self._drawn:  # all steps of an epoch ask
            size = self.how.batch_size or len(self.training)
            drawn = self.runs.batches(self.training, size, np.random.default_rng([self.seed, epoch]))
            self._drawn = {epoch: drawn}
        return self._drawn[epoch]

    # --- steps ----------------------------------------------------------------------------------------------------

    @memory_kept()
    def run(self, bar: Progress, checkpoint: Checkpoint | None = None) -> None:
        """Take the steps; each row of the history is the loss of the values before that step."""
        import jax

        self.resumed = False
        if checkpoint is not None and (found := checkpoint.load(self.state)) is not None:
            self.state, self.resumed = found, True
            self.baseline = checkpoint.baseline
        began = time.perf_counter() - (self.state.history[-1]["seconds"] if self.state.history else 0.0)
        try:
            while self.state.number <= self.total and not self._finished():
                self._advance(bar, began)
                if checkpoint is not None:
                    checkpoint.save_if_due(self.state, self.baseline)
        except KeyboardInterrupt:
            self.stopped = f"interrupted at step {self.state.number}; the best values so far are kept"
        jax.block_until_ready(self.state.values)
        if checkpoint is not None:
            checkpoint.save_if_due(self.state, self.baseline, last=True)

    def _finished(self) -> bool:
        state, patience = self.state, self.how.patience
        if state.failures > RETRIES:
            self.stopped = f"diverged at step {state.number}; the last good values are kept"
            return True
        if patience is not None and state.number - 1 - state.best_number >= patience:
            self.stopped = f"no improvement for {patience} steps, at step {state.number - 1}"
            return True
        return False

    def _advance(self, bar: Progress, began: float) -> None:
        state = self.state
        values, optimizer, loss, terms, gradient = self._step(
            state.values, state.optimizer, state.scale, state.number, **self.batch(state.number)
        )
        if state.number == 0:
            self._warn_if_flat(gradient, bar)
        scores = self._scores_of_step(loss)
        if not all(np.all(np.isfinite(v)) for v in [loss, *scores.values(), *gradient.values()]):
            # back to where the loss was a number, and a smaller step from there
            state.failures += 1
            state.scale /= 2
            good, good_optimizer = state.good
            data = self.batch(max(state.number - 1, 0))
            state.values, state.optimizer, *_ = self._step(
                good, good_optimizer, state.scale, max(state.number - 1, 0), **data
            )
            return
        self._note(scores, loss, terms, began)
        bar.advance(state.number, float(loss), scores.get("validation"))
        state.good = state.values, state.optimizer
        state.values, state.optimizer = values, optimizer
        state.number += 1

    def _scores_of_step(self, loss: Any) -> dict[str, float]:
        """Return the scores that tell whether these values are the best; of batches, once an epoch."""
        number, epoch = self.state.number, self.steps_per_epoch
        if number == 0:  # a step from a bound is taken from inside it, so that its loss is not that of the start
            return self.first
        if not self.how.batch_size:
            # losses under the weights of different steps would not compare
            return self.scores(self.state.values, None if self.objective.changes else float(loss))
        return self.scores(self.state.values) if number % epoch == 0 or number == self.total else {}

    def scores(
        self, values: Mapping[str, Any], training: float | None = None, common: Collection[str] = ()
    ) -> dict[str, float]:
        """Return the loss on the training runs and on those held out, with weights and schedules of the last step.

        Of what is learned per entity, the names in `common` count with the group's value.
        """
        scores = {"training": training if training is not None else self.score(values, self.training, common)}
        if self.held_out:
            scores["validation"] = self.score(values, self.held_out, common)
        return scores

    def score(self, values: Mapping[str, Any], runs: Sequence[int], common: Collection[str] = ()) -> float:
        """Return the loss of some values on some runs; only what is minimised counts the values of the entities.

        Where the loss refers to what was learned from, the training runs are there, too, and are not scored.
        """
        with one_blas_thread():
            return self._score(values, runs, common)

    def _score(self, values: Mapping[str, Any], runs: Sequence[int], common: Collection[str]) -> float:
        penalised, tested = runs is self.training, None
        data_of = self._of if penalised or runs is self.held_out else self.runs.of  # others are scored once
        if not penalised and getattr(self.objective.loss, "refers", False):
            self._check_tested(tuple(runs))
            tested = tuple(range(len(self.training), len(self.training) + len(runs)))
            runs = [*self.training, *runs]
        size = self.how.batch_size or len(runs)
        if len(runs) <= size or not self.program.split:
            data = _without(data_of(runs), common)
            return float(self._evaluate(values, step=self.total, penalised=penalised, tested=tested, **data))
        outputs, targets = self._outputs_in_batches(values, runs, size, common), self.runs.targets_of(runs)
        given = {"step": self.total, "count": len(runs), "penalised": penalised, "tested": tested}
        return float(self._evaluate_outputs(values, outputs, targets, **given))

    def _check_tested(self, runs: tuple[int, ...]) -> None:
        """Refuse runs of which those learned from say nothing; in a compiled score nobody knows the targets."""
        check = getattr(self.objective.loss, "check_tested", None)
        if check is not None and runs not in self._checked:
            check(self.runs.targets_of(self.training), self.runs.targets_of(runs))
            self._checked.add(runs)

    def _outputs_in_batches(
        self, values: Mapping[str, Any], runs: Sequence[int], size: int, common: Collection[str]
    ) -> dict[str, Any]:
        """Return the outputs of all runs, whose inputs are held a batch at a time: a loss may compare any two runs."""
        found: list[Any] = [None] * len(runs)
        for places in self.runs.places(runs, size):
            data = _without(self.runs.batch([runs[place] for place in places]), common)
            del data["targets"]
            found_here = self._compute(values, step=self.total, **data)
            outputs = {n: v if isinstance(v, list) else np.asarray(v) for n, v in found_here.items()}
            for row, place in enumerate(places):
                found[place] = {name: value[row] for name, value in outputs.items()}
        several = {name: [one[name] for one in found] for name in found[0]}
        return {n: np.stack(v) if len({one.shape for one in v}) == 1 else v for n, v in several.items()}

    def _warn_if_flat(self, gradient: Mapping[str, Any], bar: Progress) -> None:
        learned = set(self.program.parameters) - set(self.how.schedules)
        flat = [n for n, slope in gradient.items() if n in learned and not np.any(np.asarray(slope))]
        if flat:
            bar.warn(f"the loss does not depend on {', '.join(flat)} at its start value; it will not move")

    def _note(self, scores: dict[str, float], loss: Any, terms: Mapping[str, Any], began: float) -> None:
        state, key = self.state, "validation" if self.held_out else "training"
        if scores and scores[key] < state.best[key]:
            state.best_values, state.best, state.best_number = state.values, scores, state.number
        row = {"step": state.number, "loss": float(loss), "validation": scores.get("validation")}
        row["seconds"] = round(time.perf_counter() - began, 3)
        row |= {f"loss.{name}": float(value) for name, value in terms.items()}
        values = self.objective.at_step(state.values, state.number)
        numbers = {n: float(v) for n, v in values.items() if np.ndim(v) == 0}
        state.history.append(row | numbers)

    @property
    def improved(self) -> bool:
        """Whether the best values beat the start, on the runs held out if there are any."""
        return is_better(self.state.best, self.baseline)

    def plain(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return the values as numbers and NumPy arrays."""
        return {n: float(v) if np.ndim(v) == 0 else np.asarray(v) for n, v in values.items()}

    def learned(self) -> dict[str, Any]:
        """Return the best values; exactly the start where it was never beaten, and not its float32 neighbour."""
        best = self.state.best_values
        if all(np.array_equal(np.asarray(best[name]), np.asarray(value)) for name, value in self.start.items()):
            found = {name: one.start for name, one in self.program.graph.learnables.items()}
        else:
            found = {n: v for n, v in self.plain(self.state.best_values).items() if n in self.program.parameters}
        return {**found, **{name: float(rule(self.total)) for name, rule in self.how.schedules.items()}}

    def scores_with(self, changed: Mapping[str, Any]) -> dict[str, float]:
        """Return the scores of the best values with some changed, for all entities."""
        values = dict(self.state.best_values)
        for name, value in changed.items():
            values[name] = np.asarray(value, values[name].dtype)
            if name in self.runs.entities:
                values[deviations(name)] = 0 * values[deviations(name)]
        return self.scores(values, common=tuple(changed))

    def learned_per_entity(self) -> dict[str, dict[Any, Any]]:
        """Return, of each parameter learned per entity, the value for every entity."""
        free = self.objective.free(self.state.best_values)
        found = {}
        for name, (labels, _) in self.runs.entities.items():
            values = np.asarray(self.objective.per_entity(free, name))
            found[name] = {label: self.plain({"": v})[""] for label, v in zip(labels, values, strict=True)}
        return found


def _optimizer(given: Any, rates: Mapping[str, float], program: Program) -> Any:
    """Return the optimizer, by default Adam with a step of 0.1 in the free space."""
    import optax

    unknown = sorted(set(rates) - set(program.parameters))
    if unknown:
        raise ValueError(f"rates: no parameter {', '.join(unknown)}; learned are {', '.join(program.parameters)}")
    if given is not None and not hasattr(given, "update"):
        raise ValueError(f"optimizer is {given!r}; expected one of optax, such as optax.adam(0.1)")
    return optax.with_extra_args_support(given or optax.adam(0.1))


def _without(data: dict[str, Any], common: Collection[str]) -> dict[str, Any]:
    return {**data, "own": {name: numbers for name, numbers in data["own"].items() if name not in common}}
