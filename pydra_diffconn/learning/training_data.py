"""What a fit learns from: the inputs, targets and entities of chosen runs, whole or in batches."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from pydra_diffconn.numerics.aligned import taken
from pydra_diffconn.program.program import Program
from pydra_diffconn.program.rows import by_group


class TrainingData:
    """The runs of a program with their targets.

    Attributes
    ----------
    entities : dict
        For each parameter that is learned per entity: the entities' labels, and the number of each run's entity.
    """

    def __init__(self, program: Program, targets: Any, entities: Mapping[str, Sequence[Any]] | None = None) -> None:
        self.program = program
        self.targets = _aligned(targets, len(program.runs)) if program.split else targets
        self.entities = _entity_numbers(program, entities or {})

    def of(self, runs: Sequence[int], chosen: Sequence[int] | None = None) -> dict[str, Any]:
        """Return the inputs, targets and entities of some runs; `chosen` runs of the same shapes may stand for them."""
        program = self.program
        inputs = {n: self._inputs_of(v, runs) if n in program.varying else v for n, v in program.inputs.items()}
        own = {name: numbers[np.array(runs)] for name, (_, numbers) in self.entities.items()}
        return {"inputs": inputs, "targets": self.targets_of(runs), "own": own, "chosen": tuple(chosen or runs)}

    def _inputs_of(self, values: Any, runs: Sequence[int]) -> Any:
        """Return what varies of some runs: along a leading axis, or one stack for each group of equal shapes."""
        if not isinstance(values, list):
            return _rows(values, runs)
        return by_group([values[n] for n in runs], self.program.positions(runs))

    def targets_of(self, runs: Sequence[int]) -> Any:
        """Return the targets of some runs."""
        return _of_runs(self.targets, runs) if self.program.split else self.targets

    def batches(self, runs: Sequence[int], size: int, order: Any) -> list[list[int]]:
        """Return batches of runs that share their shapes, in an order drawn by a NumPy generator."""
        made, wanted = [], set(runs)
        for numbers in self.program.groups.values():
            mine = [number for number in numbers if number in wanted]
            drawn = [mine[n] for n in order.permutation(len(mine))]
            made += [drawn[first : first + size] for first in range(0, len(drawn), size)]
        return [made[n] for n in order.permutation(len(made))]

    def batch(self, runs: Sequence[int]) -> dict[str, Any]:
        """Return the data of a batch; equally many runs of the same shapes share one compiled step."""
        group = self.program.group_of(runs[0])
        own = bool(self.program.runs[runs[0]].timed)  # outputs are cut to the length of each
        return self.of(runs, runs if own else group[: len(runs)])

    def places(self, runs: Sequence[int], size: int) -> Iterator[list[int]]:
        """Yield the positions in `runs` of the members of each batch, in order."""
        for mine in self.program.positions(runs):
            yield from (mine[first : first + size] for first in range(0, len(mine), size))


def chosen_targets(targets: Any, count: int, runs: Sequence[int]) -> Any:
    """Return the targets of some of `count` runs, as a loss sees them."""
    return _of_runs(_aligned(targets, count), runs)


def _of_runs(targets: Any, runs: Sequence[int]) -> Any:
    import jax

    return jax.tree.map(lambda v: _rows(v, runs), targets, is_leaf=lambda v: isinstance(v, list))


def _rows(values: Any, runs: Sequence[int]) -> Any:
    if isinstance(values, list):
        return [values[n] for n in runs]
    array = np.asarray(values)
    return array if np.array_equal(runs, np.arange(len(array))) else taken(array, runs)  # of all there is no copy


def _aligned(targets: Any, count: int) -> Any:
    """Return targets whose leading axis is that of the runs; a list holds one for each run, of any shape.

    Text becomes numbers, equal where the text is.
    """
    if targets is None:
        return None
    if isinstance(targets, Mapping):
        return {name: _aligned(value, count) for name, value in targets.items()}
    if isinstance(targets, tuple):
        return tuple(_aligned(value, count) for value in targets)
    length = len(targets) if isinstance(targets, list) or np.ndim(targets) else 0
    if length != count:
        raise ValueError(f"the targets have {length} entries for {count} runs; expected one for each, in their order")
    if isinstance(targets, list) and len({np.shape(one) for one in targets}) > 1:
        return [np.asarray(one) for one in targets]
    array = np.asarray(targets)
    if array.dtype.kind not in "biufUS":
        raise ValueError(f"the targets are {array.dtype} values; expected numbers or names, one for each run")
    # names, of people for example: a program knows numbers only, and a loss asks which are equal
    return np.unique(array, return_inverse=True)[1].reshape(array.shape) if array.dtype.kind in "US" else array


def _entity_numbers(program: Program, entities: Mapping[str, Sequence[Any]]) -> dict[str, tuple[list[Any], np.ndarray]]:
    found = {}
    for name, learnable in program.graph.learnables.items():
        per = learnable.mark.per
        if per is None:
            continue
        if per not in entities:
            raise ValueError(
                f"{name} is learned per {per}, but nothing says which {per} a run belongs to; give "
                f"groups={{{per!r}: [...]}} with one label for each run"
            )
        labels = list(entities[per])
        if len(labels) != len(program.runs):
            raise ValueError(f"{per}: {len(labels)} labels for {len(program.runs)} runs; expected one each")
        unique = {label: number for number, label in enumerate(dict.fromkeys(labels))}
        found[name] = (list(unique), np.array([unique[label] for label in labels]))
    return found
