"""A fused workflow: a pure function of parameters and inputs."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np

from pydra_diffconn import pydra_compat
from pydra_diffconn.declare.parameters import plain
from pydra_diffconn.numerics.aligned import stacked
from pydra_diffconn.numerics.process import keep_compiled
from pydra_diffconn.program import accounts, calling, costs, explain, padding, rows
from pydra_diffconn.program.accounts import Accounts
from pydra_diffconn.program.diagnosis import explained
from pydra_diffconn.program.execution import Lookup, chained, mapping, one_step
from pydra_diffconn.program.free_space import FreeSpace
from pydra_diffconn.program.plan import Plan, Planned
from pydra_diffconn.program.planning.planner import plan
from pydra_diffconn.program.planning.shared import independent, shared_products
from pydra_diffconn.program.run import Run, plainly_known
from pydra_diffconn.program.spool import Spool
from pydra_diffconn.program.wires import LENGTH, FromArray
from pydra_diffconn.workflow import splits
from pydra_diffconn.workflow.graph import Graph

EACH = "of each run: "  # marks the parameters among what varies from run to run
PRODUCT = "product: "  # marks what was computed of all runs together


@dataclass(frozen=True, eq=False, repr=False)
class Program:
    """A workflow as a pure function: `program(parameters, **inputs)` returns its outputs.

    Attributes
    ----------
    parameters : dict
        Start value of each parameter to be learned, constrained, by name.
    inputs : dict
        The arrays the workflow was given. What it is split over has a leading axis of runs (or is a list, if
        the runs differ in shape or wait on disk). Pass them on as arguments when you jit: an array closed over becomes
        a constant that takes long to compile.

    The function is free to `jax.jit`, `jax.grad` and `jax.vmap`; nothing of Pydra is in it.
    """

    graph: Graph
    runs: list[Run]
    reorder: bool = True
    spool: Spool = field(default_factory=Spool)
    devices: tuple[Any, ...] = ()
    """Devices to spread the runs over; none or one is the default device."""
    remat: bool = False
    """Whether a gradient computes a run's intermediate arrays again rather than keep those of all runs."""

    def __post_init__(self) -> None:
        keep_compiled()

    @functools.cached_property
    def split(self) -> bool:
        """Whether the workflow is split over runs."""
        return pydra_compat.splitter(self.graph.task) is not None

    @functools.cached_property
    def parameters(self) -> dict[str, np.ndarray]:
        """Start value of each parameter to be learned."""
        return {name: np.array(plain(one.start), dtype=float) for name, one in self.graph.learnables.items()}

    @functools.cached_property
    def free_space(self) -> FreeSpace:
        """The map between the constrained parameters and the space in which steps are taken."""
        return FreeSpace(self.graph, self.runs)

    def to_free(self, parameters: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Return parameters, by default the start values, in an unbounded space: any step from there stays legal.

        An optimizer steps in that space, and `from_free` maps back; both are differentiable, and may be traced.

        Raises
        ------
        TypeError, ValueError
            If a parameter is missing or unknown; if a value, as far as it is known, lies outside its bounds.
        """
        given = self.parameters if parameters is None else parameters
        calling.require_names(self, given)
        free = self.free_space.to_free(given)
        calling.require_legal(self, given, free)
        return free

    def from_free(self, free: Mapping[str, Any]) -> dict[str, Any]:
        """Return the parameters of a point of the unbounded space; each lies where its block allows it."""
        calling.require_names(self, free)
        return self.free_space.from_free(free)

    @functools.cached_property
    def varying(self) -> list[str]:
        """The inputs that differ from run to run."""
        first = self.runs[0].arrays
        return [name for name in self._names if any(run.arrays.get(name) is not first.get(name) for run in self.runs)]

    @functools.cached_property
    def _names(self) -> list[str]:
        """The names of all arrays; a run may lack some."""
        return list(dict.fromkeys(name for run in self.runs for name in run.arrays))

    @functools.cached_property
    def groups(self) -> dict[tuple[Any, ...], list[int]]:
        """The numbers of the runs that share one compiled program."""
        found: dict[tuple[Any, ...], list[int]] = {}
        for number, run in enumerate(self.runs):
            found.setdefault(run.signature(), []).append(number)
        return found

    @functools.cached_property
    def inputs(self) -> dict[str, Any]:
        """The arrays that the workflow was given, by name."""
        return {name: self._stacked(name) for name in self._names}

    def _stacked(self, name: str) -> Any:
        values: list[Any] = [run.arrays.get(name) for run in self.runs]
        if name not in self.varying:
            return values[0]
        apart = any(value is None or isinstance(value, np.memmap) for value in values)
        if apart or len({np.shape(value) for value in values}) > 1:
            return values
        together = stacked(values)
        for run, row in zip(self.runs, together, strict=True):
            run.arrays[name] = row  # not another copy
        return together

    def __call__(self, parameters: Mapping[str, Any], **inputs: Any) -> dict[str, Any]:
        """Return the outputs of the workflow, of all runs along a leading axis if it is split.

        If the split is combined in part, there are two leading axes: what is not combined, and what is.
        """
        unknown = set(inputs) - set(self.inputs)
        if unknown:
            raise TypeError(f"unknown inputs {sorted(unknown)}; the program takes {sorted(self.inputs)}")
        calling.require_names(self, parameters)
        for name in set(inputs) & set(self.varying):
            if len(inputs[name]) != len(self.runs):
                raise ValueError(
                    f"{name} has {len(inputs[name])} entries along its first axis for {len(self.runs)} runs"
                )
        inputs = calling.converted(self, inputs)
        calling.check(self, parameters, inputs)
        outputs = self.outputs_of(parameters, {**self.inputs, **inputs}, list(range(len(self.runs))))
        calling.refuse_nan(self, parameters, inputs, outputs)
        outputs = {name: self.with_missing(name, value) for name, value in outputs.items()}
        nested = splits.folding(self.graph.task) if self.split else None
        if nested is None:
            return outputs
        return {
            name: [[value[n] for n in row] for row in nested] if isinstance(value, list) else value[nested]
            for name, value in outputs.items()
        }

    def with_missing(self, name: str, value: Any) -> Any:
        """Put NaN at the places of an output without data, where zeros stood."""
        if not self.split:
            return self._accounts[0].with_missing(name, value)
        if isinstance(value, list):
            return [one.with_missing(name, part) for one, part in zip(self._accounts, value, strict=True)]
        marks = [one.mark(one.run.outputs[name], value.shape[1:]) for one in self._accounts]
        return accounts.marked(value, marks)

    @functools.cached_property
    def _accounts(self) -> list[Accounts]:
        return [Accounts(self.graph, run, self.parameters, exact=False) for run in self.runs]

    def degrees_of_freedom(self, parameters: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Return how many temporal degrees of freedom each output has: a number, or one for each run if it is split.

        Parameters
        ----------
        parameters : mapping, optional
            Values of the parameters, which may be cut-offs; by default the start values.
        """
        found = [Accounts(self.graph, run, {**self.parameters, **(parameters or {})}) for run in self.runs]
        names = [name for name in self.runs[0].outputs if found[0].of_output(name) is not None]
        return {
            name: [one.of_output(name) for one in found] if self.split else found[0].of_output(name) for name in names
        }

    def outputs_of(
        self,
        parameters: Mapping[str, Any],
        inputs: Mapping[str, Any],
        chosen: list[int],
        each: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Return the outputs of the chosen runs, in that order.

        `inputs` hold just those runs, each along a leading axis, as a list, or as a tuple of one stack for each group;
        and so do the parameters in `each`, which have a value for every run.
        """
        if not self.split:
            return self._one(parameters, inputs, self.runs[0])
        if self.padded is not self:
            return self.padded.outputs_of(parameters, self._filled(inputs, chosen), chosen, each)
        own = {f"{EACH}{name}": value for name, value in (each or {}).items()}
        shared = {name: value for name, value in inputs.items() if name not in self.varying}
        found = []
        for place, positions in enumerate(self.positions(chosen)):
            template = self.runs[self.group_of(chosen[positions[0]])[0]]
            varying = {name: inputs[name] for name in self.varying if name in template.arrays} | own
            batch = {name: rows.of_group(value, place, positions, len(chosen)) for name, value in varying.items()}
            outputs = self._of_group(batch, dict(parameters), shared, template, len(positions))
            found.append((positions, template, outputs))
        return rows.in_order(found, [self.runs[number] for number in chosen])

    def group_of(self, run: int) -> list[int]:
        """Return the numbers of the runs that share a compiled program with one."""
        return self._group_numbers[run][1]

    def positions(self, chosen: Sequence[int]) -> list[list[int]]:
        """Return the positions in `chosen` of the runs of each group, for each group that occurs."""
        found: dict[int, list[int]] = {}
        for position, number in enumerate(chosen):
            found.setdefault(self._group_numbers[number][0], []).append(position)
        return [found[place] for place in sorted(found)]

    @functools.cached_property
    def _group_numbers(self) -> dict[int, tuple[int, list[int]]]:
        """For each run the place of its group among all, and the group."""
        return {run: (place, numbers) for place, numbers in enumerate(self.groups.values()) for run in numbers}

    @functools.cached_property
    def padded(self) -> Program:
        """The same program with runs of near lengths filled up, so that they share a compiled one; this one if not."""
        if any(run.length is not None for run in self.runs):
            return self
        plans = {numbers[0]: self.plan_of(self.runs[numbers[0]]) for numbers in self.groups.values()}
        runs = padding.padded(self.runs, self.groups, plans, self.spool)
        return (
            self if all(one is other for one, other in zip(runs, self.runs, strict=True)) else replace(self, runs=runs)
        )

    def _filled(self, inputs: Mapping[str, Any], chosen: list[int]) -> dict[str, Any]:
        """Return the inputs of the chosen runs as the padded program takes them."""
        import jax.numpy as jnp

        runs = [self.padded.runs[number] for number in chosen]
        made = dict(inputs)
        for name in self.varying:
            made[name] = [
                padding.filled(jnp.asarray(value), np.shape(run.arrays[name])[0], jnp) if run.length else value
                for value, run in zip(inputs[name], runs, strict=True)
            ]
        return {**made, LENGTH: [np.asarray(run.length or 0, np.int32) for run in runs]}

    def _of_group(
        self, batch: Mapping[Any, Any], parameters: dict[Any, Any], arrays: dict[Any, Any], template: Run, count: int
    ) -> dict[str, Any]:
        """Return the outputs of runs of the same shapes; what is the same for all of them is computed once."""
        import jax
        import jax.numpy as jnp

        plan, own = self.plan_of(template), [key.removeprefix(EACH) for key in batch if key.startswith(EACH)]
        common = self.computed(parameters, arrays, template, independent(plan, self.varying, own))
        products = shared_products(plan, template, self.varying, own)

        def several(part: Mapping[Any, Any], given: tuple[Any, ...]) -> Any:
            at_once = {PRODUCT + one.path: self._product(one, part, template, *given) for one in products}
            return mapping()(partial(single, given=given), {**part, **at_once})

        def single(row: Mapping[Any, Any], given: tuple[Any, ...]) -> dict[str, Any]:
            parameters, arrays, done = given
            mine = {key.removeprefix(EACH): value for key, value in row.items() if key.startswith(EACH)}
            found = {(one.path, next(iter(one.step.declaration.outputs))): row[PRODUCT + one.path] for one in products}
            arrays = {**arrays, **{key: value for key, value in row.items() if key in self.varying}}
            return self._one({**parameters, **mine}, arrays, template, {**done, **found})

        if self.remat:
            single = jax.checkpoint(single)
        given = (parameters, arrays, common)
        if not batch:  # runs that differ in nothing that matters here
            return jax.tree.map(lambda value: jnp.broadcast_to(value, (count, *value.shape)), single({}, given))
        return self._on_devices(several, batch, given)

    def _product(
        self, one: Planned, part: Mapping[Any, Any], template: Run, parameters: Any, arrays: Any, done: Any
    ) -> Any:
        """Return a product with a matrix that runs share, of all of them."""
        import jax

        source = one.wires[one.step.declaration.main_input]
        assert isinstance(source, FromArray)

        def of_run(array: Any) -> Any:
            return one_step(one.step, one.wires, None, Lookup(parameters, {**arrays, source.name: array}, done))[0]

        return jax.vmap(of_run)(part[source.name])

    def _on_devices(self, several: Any, batch: Mapping[Any, Any], given: tuple[Any, ...]) -> Any:
        """Compute a batch of runs, spread over the devices if there are several; `given` is the same for all."""
        import jax
        import jax.numpy as jnp

        count = len(next(iter(batch.values())))
        if len(self.devices) < 2:
            return several(dict(batch), given)
        # always all devices: what was computed on some of them cannot meet what was computed on others
        mesh = jax.sharding.Mesh(np.array(self.devices), ("runs",))
        missing = -count % len(self.devices)  # the last run stands in where runs do not divide evenly
        filled = jax.tree.map(lambda v: jnp.concatenate([v, jnp.repeat(v[-1:], missing, axis=0)]), dict(batch))
        each, same = jax.sharding.PartitionSpec("runs"), jax.sharding.PartitionSpec()
        spread = jax.shard_map(several, mesh=mesh, in_specs=(each, same), out_specs=each, check_vma=False)
        return jax.tree.map(lambda value: value[:count], spread(filled, given))

    def plan_of(self, run: Run) -> Plan:
        """Return what is computed for a run and all of the same signature."""
        if run.plan is None:
            run.plan = plan(self.graph, run, self.varying, self.reorder)
        return run.plan

    def _one(
        self, parameters: Mapping[str, Any], arrays: Mapping[str, Any], run: Run, known: Mapping[Any, Any] | None = None
    ) -> dict[str, Any]:
        rest = [one for one in self.plan_of(run).planned if not _is_known(one, known or {})]
        done = self.computed(parameters, arrays, run, rest, known)
        lookup = Lookup(parameters, arrays, done)
        return {
            name: arrays[wire.name] if isinstance(wire, FromArray) else lookup(wire)
            for name, wire in self.plan_of(run).outputs.items()
        }

    def computed(
        self,
        parameters: Mapping[str, Any],
        arrays: Mapping[str, Any],
        run: Run,
        planned: Sequence[Planned] | None = None,
        known: Mapping[Any, Any] | None = None,
    ) -> dict[Any, Any]:
        """Return the outputs of all planned steps, or of these, by (step path, output); `known` are there before."""
        done: dict[tuple[str, str], Any] = dict(known or {})
        for one in self.plan_of(run).planned if planned is None else planned:
            lookup, at_hand = Lookup(parameters, arrays, done), partial(plainly_known, run, self.parameters)
            try:
                count = run.counts[one.path]
                if one.chain:
                    results = chained(one, lookup, at_hand)
                else:
                    results = one_step(one.step, one.wires, count, lookup, at_hand(one.wires))
            except (TypeError, ValueError) as error:
                raise explained(self.graph, run, self.parameters, one, error) from error
            for name, value in zip(one.step.declaration.outputs, results, strict=True):
                done[one.path, name] = value
        return done

    def explain(self) -> str:
        """Print and return the plan: what runs in Pydra, what is fused and reordered, shapes, FLOPs and bytes.

        And what a fit would need, before one starts: how many programs are compiled, and about how much memory.
        """
        run = self.runs[0]
        arrays = {name: np.asarray(value) for name, value in run.arrays.items()}
        programs = {"as planned": self}
        if not run.streamed:  # else what was written began with an image that nobody holds
            programs = {"as written": Program(self.graph, [replace(run, plan=None)], reorder=False), **programs}
        found = {
            label: costs.cost(partial(program._one, run=program.runs[0]), self.parameters, arrays)
            for label, program in programs.items()
        }
        fit = self._needs_of_fit() if self.parameters else ""
        text = explain.describe(self.graph, self.plan_of(run), self._shapes(), self._title, found, fit)
        print(text)
        return text

    def _needs_of_fit(self) -> str:
        padded = self.padded
        held: dict[int, int] = {}
        kept = results = 0.0
        for numbers in padded.groups.values():
            run = padded.runs[numbers[0]]
            arrays = {name: np.asarray(value) for name, value in run.arrays.items()}
            one = costs.kept_for_gradient(partial(padded._one, run=run), self.parameters, arrays)
            kept += 0 if self.remat else one[0] * len(numbers)
            results += one[1] * len(numbers)
            held |= {id(value): np.asarray(value).nbytes for n in numbers for value in padded.runs[n].arrays.values()}
        return explain.needs(len(self.runs), len(padded.groups), sum(held.values()), kept, results)

    @property
    def _title(self) -> str:
        runs, shapes = len(self.runs), len(self.padded.groups)
        return f"{type(self.graph.task).__name__}: {runs} run(s), {shapes} compiled shape(s)"

    def _repr_html_(self) -> str:
        """Show what runs where and what can be learned, in a notebook."""
        return explain.card(self.graph, self.plan_of(self.runs[0]), self._shapes(), self._title)

    def _shapes(self) -> dict[tuple[str, str], Any]:
        import jax

        arrays = {name: np.asarray(value) for name, value in self.runs[0].arrays.items()}
        found = jax.eval_shape(partial(self.computed, run=self.runs[0]), self.parameters, arrays)
        return {key: [one.shape for one in v] if isinstance(v, list) else v.shape for key, v in found.items()}


def _is_known(one: Planned, known: Mapping[Any, Any]) -> bool:
    return (one.path, next(iter(one.step.declaration.outputs))) in known
