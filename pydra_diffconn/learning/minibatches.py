"""Batches of runs for a training loop of one's own: those that `fit` takes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pydra_diffconn.learning.settings import require_count
from pydra_diffconn.learning.training_data import TrainingData
from pydra_diffconn.program.program import Program


@dataclass(frozen=True)
class Batch:
    """Some runs of one shape."""

    runs: tuple[int, ...]
    """Their numbers."""
    inputs: Mapping[str, Any]
    """What differs from run to run has a leading axis of these runs."""
    targets: Any
    chosen: tuple[int, ...]
    """Runs of the same shapes, the same for all batches of a size: static for `jit`, which compiles once for them."""


class Minibatches:
    """The runs of a program in batches, drawn anew in every epoch; runs of near lengths share a compiled step.

    Parameters
    ----------
    program : Program
        Of a split workflow, from `fuse`.
    targets : array or pytree of arrays, optional
        With a leading axis aligned with the runs, as for `fit`.
    size : int
        Number of runs in a batch; of the last ones of a length there may be fewer.
    runs : sequence of int, optional
        The runs to learn from; by default all.
    seed : int
        What the order follows from, with the number of the epoch.
    """

    def __init__(
        self, program: Program, targets: Any = None, *, size: int, runs: Sequence[int] | None = None, seed: int = 0
    ) -> None:
        require_count("size", size, 1)
        if not isinstance(program, Program):
            raise ValueError(f"program is {program!r:.200}; expected what fuse(task) returns, of a split workflow")
        if not program.split:
            raise ValueError(
                "the workflow is not split over runs: there is nothing to draw batches from; see task.split"
            )
        self.program, self.size, self.seed = program.padded, size, seed
        count = len(program.runs)
        self.runs = list(range(count)) if runs is None else [int(run) for run in runs]
        if wrong := [run for run in self.runs if not 0 <= run < count]:
            raise ValueError(f"runs has {wrong[0]}; expected numbers of runs from 0 to {count - 1}")
        self._data = TrainingData(self.program, targets)

    def epoch(self, number: int = 0) -> Iterator[Batch]:
        """Yield the batches of an epoch, each run in one of them."""
        order = np.random.default_rng([self.seed, number])
        for runs in self._data.batches(self.runs, self.size, order):
            data = self._data.batch(runs)
            yield Batch(tuple(runs), data["inputs"], data["targets"], data["chosen"])

    def outputs(
        self, parameters: Mapping[str, Any], inputs: Mapping[str, Any], chosen: Sequence[int]
    ) -> dict[str, Any]:
        """Return the outputs of the runs of a batch along a leading axis; may be traced, `chosen` being static."""
        return self.program.outputs_of(parameters, inputs, list(chosen))
