"""Learning the marked parameters of a workflow, jointly, on all runs: `fit`."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from pydra_diffconn import graph, swap
from pydra_diffconn.free import FreeSpace
from pydra_diffconn.parameters import Learn, LearnedParameter, save_parameters
from pydra_diffconn.program import Program, fuse
from pydra_diffconn.progress import Progress

RETRIES = 8  # halvings of the step before a diverging fit stops with its last good values


@dataclass
class Result:
    """What was learned; `workflow` is a classical Pydra workflow again."""

    learned: list[LearnedParameter]
    history: list[dict[str, Any]]
    """One row per step: step, loss, validation, seconds, and each scalar parameter."""
    workflow: type
    baseline: dict[str, float]
    """Loss of the start values on the training and the validation runs."""
    best: dict[str, float]
    """Loss of the learned values on the same runs."""
    training: list[int] = field(default_factory=list)
    validation: list[int] = field(default_factory=list)
    stopped: str = "after all steps"
    program: Program | None = field(default=None, repr=False)

    @property
    def parameters(self) -> dict[str, Any]:
        """The learned values by name, each in its unit."""
        return {parameter.name: parameter.value for parameter in self.learned}

    @property
    def improved(self) -> bool:
        """Whether the learned values beat the start on runs that were not learned from (or, without, on all)."""
        key = "validation" if self.validation else "training"
        return self.best[key] < self.baseline[key]

    def save(self, folder: str | Path) -> Path:
        """Write parameters.safetensors and .json, history.tsv and report.html into `folder`."""
        from pydra_diffconn.report import write_fit_report

        folder = Path(folder)
        save_parameters(folder, self.learned)
        columns = list(self.history[0]) if self.history else []
        rows = ["\t".join("n/a" if row[c] is None else f"{row[c]!s}" for c in columns) for row in self.history]
        (folder / "history.tsv").write_text("\n".join(["\t".join(columns), *rows]) + "\n")
        write_fit_report(self, folder / "report.html")
        return folder


def fit(
    task: Any,
    loss: Callable[[Mapping[str, Any], Any], Any],
    targets: Any = None,
    *,
    learn: Mapping[str, Learn] | None = None,
    steps: int = 200,
    optimizer: Any = None,
    validation: float | Sequence[int] | None = None,
    groups: Sequence[Any] | None = None,
    seed: int = 0,
    progress: bool = True,
    cache_root: Any = None,
    worker: Any = "debug",
) -> Result:
    """Learn the parameters marked with `Learn` so that the loss is smallest over all runs.

    Parameters
    ----------
    task : workflow task
        Split over runs or not; unchanged by fitting.
    loss : callable
        `loss(outputs, targets) -> scalar`; `outputs["connectome"]` holds that output of all runs.
    targets : array or pytree of arrays, optional
        With a leading axis aligned with the runs.
    learn : mapping, optional
        Further parameters to learn, by name: `{"BandPass.low": Learn()}`.
    steps : int
        Number of gradient steps.
    optimizer : optax transformation, optional
        By default Adam with a step of 0.1 in the unbounded space.
    validation : float or list of int, optional
        Fraction or indices of runs to keep out of learning; the values that are best there are kept.
    groups : sequence, optional
        One label per run (its subject): runs with equal labels are never on both sides.
    seed : int
        For choosing the validation runs.
    progress : bool
        Whether to show a progress bar (plain lines when not in a terminal).
    cache_root, worker
        For the nodes that are no blocks.

    Raises
    ------
    ValueError
        If nothing is to be learned, the loss is not a finite number at the start, or an input is bad.
    """
    program = fuse(task, learn, cache_root=cache_root, worker=worker)
    if not program.graph.learnables:
        raise ValueError(
            f"nothing to learn in {type(task).__name__}: mark a parameter with Learn() in the workflow, or name one in "
            "learn={...}"
        )
    training, held_out = _partition(len(program.runs), validation, groups, seed)
    learner = _Learner(program, loss, targets, training, held_out, optimizer)
    with Progress(steps, enabled=progress) as bar:
        learner.run(steps, bar)
    return learner.result(task)


def _partition(
    count: int, validation: float | Sequence[int] | None, groups: Sequence[Any] | None, seed: int
) -> tuple[list[int], list[int]]:
    if validation is None:
        return list(range(count)), []
    labels = list(range(count)) if groups is None else list(groups)
    if len(labels) != count:
        raise ValueError(f"groups has {len(labels)} labels for {count} runs")
    if isinstance(validation, float):
        names = sorted(set(labels), key=labels.index)
        chosen = np.random.default_rng(seed).permutation(len(names))[: max(1, round(validation * len(names)))]
        held_out = {names[number] for number in chosen}
        validation = [number for number, label in enumerate(labels) if label in held_out]
    training = [number for number in range(count) if number not in set(validation)]
    both = {labels[number] for number in training} & {labels[number] for number in validation}
    if both:
        raise ValueError(f"groups {sorted(map(str, both))} are in training and in validation; keep each on one side")
    if not training or not validation:
        raise ValueError(f"validation leaves {len(training)} runs to learn from and {len(validation)} to validate on")
    return training, sorted(validation)


class _Learner:
    """The state of one fit: current and best values, the optimiser's state, the step's scale."""

    def __init__(
        self, program: Program, loss: Any, targets: Any, training: list[int], held_out: list[int], optimizer: Any
    ):
        import jax
        import jax.numpy as jnp
        import optax

        self.program, self.training, self.held_out = program, training, held_out
        self.space = FreeSpace(program)
        optimizer = optimizer or optax.adam(0.1)
        self.values = {name: jnp.asarray(value, jnp.result_type(float)) for name, value in program.parameters.items()}
        self.start = self.values
        self.state = optimizer.init(self.space.to_free(self.values))
        self.scale, self.stopped = 1.0, "after all steps"
        self.history: list[dict[str, Any]] = []

        def objective(values: Any, inputs: Any, targets: Any, chosen: list[int]) -> Any:
            return jnp.asarray(loss(program.outputs_of(values, inputs, chosen), targets))

        def step(values: Any, state: Any, scale: Any, inputs: Any, targets: Any) -> Any:
            free = self.space.to_free(values)
            value, gradient = jax.value_and_grad(
                lambda free: objective(self.space.from_free(free), inputs, targets, training)
            )(free)
            updates, state = optimizer.update(gradient, state, free)
            free = jax.tree.map(lambda f, u: f + scale * u, free, updates)
            return self.space.from_free(free), state, value, gradient

        self.step = jax.jit(step)
        self.data = self._data(targets, training)
        if held_out:
            self.held_data = self._data(targets, held_out)
            self.evaluate_held = jax.jit(lambda values, inputs, targets: objective(values, inputs, targets, held_out))
        loss_at_start = self.step(self.values, self.state, self.scale, *self.data)[2]
        self.baseline = self._scores(loss_at_start)
        self._check_start()
        self.best_values, self.best = self.values, self.baseline

    def _data(self, targets: Any, chosen: list[int]) -> tuple[dict[str, Any], Any]:
        import jax

        def rows(values: Any) -> Any:
            return [values[n] for n in chosen] if isinstance(values, list) else np.asarray(values)[np.array(chosen)]

        inputs = {n: rows(v) if n in self.program.varying else v for n, v in self.program.inputs.items()}
        if self.program.split:
            targets = jax.tree.map(rows, targets)
        return inputs, targets

    def _check_start(self) -> None:
        if not all(np.isfinite(value) for value in self.baseline.values()):
            raise ValueError(
                f"the loss is not finite at the start ({self.baseline}); check the loss, its targets and the start "
                f"values {self._plain(self.values)}"
            )

    def run(self, steps: int, bar: Progress) -> None:
        """Take the steps; each row of the history is the loss of the values before that step."""
        began, failures = time.perf_counter(), 0
        good, state = self.values, self.state
        for number in range(steps + 1):
            values, next_state, loss, gradient = self.step(self.values, self.state, self.scale, *self.data)
            if number == 0:
                self._warn_if_flat(gradient, bar)
            scores = self._scores(loss)
            finite = all(np.all(np.isfinite(v)) for v in [*scores.values(), *gradient.values()])
            if not finite:  # back to where the loss was a number, and a smaller step from there
                failures += 1
                self.scale /= 2
                self.values, self.state = good, state
                if failures > RETRIES:
                    self.stopped = f"diverged at step {number}; the last good values are kept"
                    return
                self.values, self.state, _, _ = self.step(good, state, self.scale, *self.data)
                continue
            self._note(number, scores, began)
            bar.advance(number, scores["training"], scores.get("validation"))
            good, state = self.values, self.state
            self.values, self.state = values, next_state

    def _scores(self, loss: Any) -> dict[str, float]:
        scores = {"training": float(loss)}
        if self.held_out:
            scores["validation"] = float(self.evaluate_held(self.values, *self.held_data))
        return scores

    def _warn_if_flat(self, gradient: Mapping[str, Any], bar: Progress) -> None:
        flat = [name for name, slope in gradient.items() if not np.any(np.asarray(slope))]
        if flat:
            bar.warn(f"the loss does not depend on {', '.join(flat)} at its start value; it will not move")

    def _note(self, number: int, scores: dict[str, float], began: float) -> None:
        key = "validation" if self.held_out else "training"
        if scores[key] < self.best[key]:
            self.best_values, self.best = self.values, scores
        row = {"step": number, "loss": scores["training"], "validation": scores.get("validation")}
        row["seconds"] = round(time.perf_counter() - began, 3)
        self.history.append(row | {n: float(v) for n, v in self.values.items() if np.ndim(v) == 0})

    def _plain(self, values: Mapping[str, Any]) -> dict[str, Any]:
        return {n: float(v) if np.ndim(v) == 0 else np.asarray(v) for n, v in values.items()}

    def result(self, task: Any) -> Result:
        read = self.program.graph
        values = self._plain(self.best_values)
        if self.best_values is self.start:  # exactly what was given, not its float32 neighbour
            values = {name: one.start for name, one in read.learnables.items()}
        learned = [graph.describe(one, read, values[name]) for name, one in read.learnables.items()]
        workflow = swap.with_parameters(type(task), learned)
        return Result(
            learned,
            self.history,
            workflow,
            self.baseline,
            self.best,
            self.training,
            self.held_out,
            self.stopped,
            self.program,
        )
