"""From a workflow to one pure function of its parameters: `fuse`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from pydra_diffconn import files, graph, pydra_compat, reading, rewire
from pydra_diffconn.graph import Graph, Step
from pydra_diffconn.parameters import Learn, plain
from pydra_diffconn.preparing import Run, prepare


class Program:
    """A workflow as a pure function: `program(parameters, **inputs)` returns its outputs.

    Attributes
    ----------
    parameters : dict
        Start value of each parameter to be learned, constrained, by name.
    inputs : dict
        The arrays the workflow was given. What it is split over has a leading axis of runs (or is a list, if
        the runs differ in shape). Pass them on as arguments when you jit: an array closed over becomes a constant
        that takes long to compile.

    The function is free to `jax.jit`, `jax.grad` and `jax.vmap`; nothing of Pydra is in it.
    """

    def __init__(self, graph: Graph, runs: list[Run]) -> None:
        self.graph = graph
        self.runs = runs
        self.split = pydra_compat.splitter(graph.task) is not None
        self.parameters = {name: np.asarray(plain(one.start), dtype=float) for name, one in graph.learnables.items()}
        first = runs[0].arrays
        self.varying = [name for name in first if any(run.arrays[name] is not first[name] for run in runs)]
        self.groups: dict[tuple, list[int]] = {}
        for number, run in enumerate(runs):
            self.groups.setdefault(run.signature(), []).append(number)
        self.inputs = {name: self._stacked(name) for name in first}

    def _stacked(self, name: str) -> Any:
        values = [run.arrays[name] for run in self.runs]
        if name not in self.varying:
            return values[0]
        return np.stack(values) if len({np.shape(value) for value in values}) == 1 else values

    def __call__(self, parameters: Mapping[str, Any], **inputs: Any) -> dict[str, Any]:
        """Return the outputs of the workflow, of all runs along a leading axis if it is split."""
        unknown = set(inputs) - set(self.inputs)
        if unknown:
            raise TypeError(f"unknown inputs {sorted(unknown)}; the program takes {sorted(self.inputs)}")
        return self.outputs_of(parameters, {**self.inputs, **inputs}, list(range(len(self.runs))))

    def outputs_of(self, parameters: Mapping[str, Any], inputs: Mapping[str, Any], chosen: list[int]) -> dict[str, Any]:
        """Return the outputs of the chosen runs, in that order; `inputs` hold just those runs."""
        import jax
        import jax.numpy as jnp

        if not self.split:
            return self._one(parameters, inputs, self.runs[0])
        place = {number: position for position, number in enumerate(chosen)}
        results: list[Any] = [None] * len(chosen)
        for numbers in self.groups.values():
            positions = [place[number] for number in numbers if number in place]
            if not positions:
                continue
            shared = {name: value for name, value in inputs.items() if name not in self.varying}
            batch = {name: _rows(inputs[name], positions, len(chosen)) for name in self.varying}
            template = self.runs[numbers[0]]
            outputs = (
                mapping()(lambda one, t=template, s=shared: self._one(parameters, {**s, **one}, t), batch)
                if batch
                else (jax.tree.map(lambda value: value[None], self._one(parameters, shared, template)))
            )
            if len(positions) == len(chosen) and positions == sorted(positions):
                return outputs
            for row, position in enumerate(positions):
                results[position] = jax.tree.map(lambda value, row=row: value[row], outputs)
        return {
            name: jnp.stack([r[name] for r in results])
            if len({r[name].shape for r in results}) == 1
            else [r[name] for r in results]
            for name in results[0]
        }

    def _one(self, parameters: Mapping[str, Any], arrays: Mapping[str, Any], run: Run) -> dict[str, Any]:
        done = self._computed(parameters, arrays, run)
        return {
            name: arrays[wire.value] if wire.kind == "array" else _taken(done[wire.value], wire.index)
            for name, wire in run.outputs.items()
        }

    def _computed(self, parameters: Mapping[str, Any], arrays: Mapping[str, Any], run: Run) -> dict:
        """Return the outputs of all steps, by (step path, output)."""
        done: dict[tuple[str, str], Any] = {}
        for step in self.graph.steps:
            for name, value in self._step(step, run, done, parameters, arrays).items():
                done[step.path, name] = value
        return done

    def _step(self, step: Step, run: Run, done: Mapping, parameters: Mapping, arrays: Mapping) -> dict[str, Any]:
        """Compute one step, for all its instances if it is split."""
        count, names = run.counts[step.path], tuple(step.declaration.outputs)
        shared: dict[str, Any] = {}
        mapped: dict[str, Any] = {}
        for name, wire in run.wires[step.path].items():
            if wire.kind == "static":
                shared[name] = wire.value
            elif wire.kind == "parameter":
                shared[name] = _as_real(parameters[wire.value])
            elif wire.kind == "ragged":
                assert wire.index is not None  # says which of the values are names of arrays
                pairs = zip(wire.value, wire.index, strict=True)
                mapped[name] = [_as_real(arrays[v]) if is_array else v for v, is_array in pairs]
            else:
                value = _as_real(arrays[wire.value]) if wire.kind == "array" else done[wire.value]
                value = _converted(_taken(value, wire.index), wire.spaces)
                (shared if wire.index is None or count is None else mapped)[name] = value
        call = lambda varying: _as_tuple(step.block.pure(**shared, **varying))  # noqa: E731
        results = call({}) if count is None else _over_instances(call, mapped, count)
        return dict(zip(names, results, strict=True))

    def explain(self) -> str:
        """Return (and print) what runs in Pydra, what is fused, shapes, and what can be learned."""
        lines = [f"{type(self.graph.task).__name__}: {len(self.runs)} run(s), {len(self.groups)} compiled shape(s)"]
        lines += [f"  Pydra   {node.path}" for node in self.graph.before]
        shapes = self._shapes()
        for step in self.graph.steps:
            made = ", ".join(f"{name} {shapes[step.path, name]}" for name in step.declaration.outputs)
            lines.append(f"  fused   {step.path} ({step.declaration.id}) -> {made}")
        lines += [
            f"  after   {node.path} (Pydra, in the classical run; no part of the program)" for node in self.graph.after
        ]
        for one in self.graph.learnables.values():
            described = graph.describe(one, self.graph, one.start)
            lines.append(
                f"  learn   {one.name} = {_short(one.start)} {described.unit} in {described.constraint}".rstrip()
            )
        text = "\n".join(lines)
        print(text)
        return text

    def _shapes(self) -> dict[tuple[str, str], Any]:
        import jax

        run = self.runs[0]
        found = jax.eval_shape(lambda p, a: self._computed(p, a, run), self.parameters, run.arrays)
        return {key: [one.shape for one in v] if isinstance(v, list) else v.shape for key, v in found.items()}


def fuse(
    task: Any,
    learn: Mapping[str, Learn] | None = None,
    *,
    cache_root: Any = None,
    worker: Any = "debug",
) -> Program:
    """Fuse the blocks of a Pydra workflow task into one pure function.

    Parameters
    ----------
    task : workflow task
        With its inputs, split over runs or not. It is not changed.
    learn : mapping, optional
        Parameters to learn besides those marked in the workflow: `{"BandPass.low": Learn()}`.
    cache_root, worker
        For the nodes that are no blocks, which run in Pydra once, before.

    Raises
    ------
    ValueError
        On an unknown name in `learn`, on bad input to a block (with the block's name), or if a parameter to be learned
        would have to pass through a step that is not differentiable.
    """
    read = reading.read(task, learn)
    needed = _from_pydra(read)
    before = _run_classical(task, needed, cache_root, worker) if needed else None
    prepared: list[Run] = []
    cache: dict[Any, Any] = {}
    for number, values in enumerate(graph.runs(task)):
        upstream = {key: column[number] for key, column in before.items()} if before else {}
        prepared.append(prepare(read, values, upstream, cache, number))
    return Program(read, prepared)


def _from_pydra(read: Graph) -> list[tuple[str, str]]:
    """Return the outputs of nodes that run in Pydra which steps of the program, its outputs or its axes need."""
    paths = {node.path for node in read.before}
    used = [source for step in read.steps for source in step.inputs.values()] + list(read.outputs.values())
    return sorted({(r.path, r.field) for s in used for r in graph.references(s) if r.path in paths})


def _run_classical(
    task: Any, needed: list[tuple[str, str]], cache_root: Any, worker: Any
) -> dict[tuple[str, str], list]:
    derived = rewire.exposing(type(task), needed)
    values = {name: plain(getattr(task, name)) for name in task if name not in ("constructor", *rewire.RECIPE)}
    outputs = pydra_compat.copy_split(task, derived(**values))(cache_root=cache_root, worker=worker)
    columns = [getattr(outputs, f"output_{number}") for number in range(len(needed))]
    split = pydra_compat.splitter(task) is not None
    return {key: column if split else [column] for key, column in zip(needed, columns, strict=True)}


def _as_real(value: Any) -> Any:
    import jax.numpy as jnp

    value = jnp.asarray(value)
    return value.astype(jnp.result_type(float)) if jnp.issubdtype(value.dtype, jnp.floating) else value


def _as_tuple(returned: Any) -> tuple:
    return returned if isinstance(returned, tuple) else (returned,)


def _taken(value: Any, index: np.ndarray | None) -> Any:
    """Pick entries along the leading axis; a list holds entries of different shape."""
    import jax.numpy as jnp

    if index is None:
        return value
    if isinstance(value, list):
        if index.ndim == 0:
            return value[int(index)]
        parts = [_taken(value, one) for one in index]
        return parts if any(isinstance(p, list) or p.shape != parts[0].shape for p in parts) else jnp.stack(parts)
    if index.ndim == 1 and np.array_equal(index, np.arange(len(value))):
        return value
    return value[index]


def _converted(value: Any, spaces: Any) -> Any:
    """Bring a series from the locations where it lies to those where it is wanted."""
    import jax
    import jax.numpy as jnp

    if spaces is None:
        return value
    if isinstance(spaces, list):
        parts = [value[n] if pair is None else _convert(value[n], pair) for n, pair in enumerate(spaces)]
        return parts if len({part.shape for part in parts}) > 1 else jnp.stack(parts)
    if isinstance(value, list):
        return [_convert(series, spaces) for series in value]
    return _convert(value, spaces) if value.ndim == 2 else jax.lax.map(lambda one: _convert(one, spaces), value)


def _convert(series: Any, spaces: tuple) -> Any:
    import jax.numpy as jnp

    return files.convert(series, spaces[0], spaces[1], jnp)


def _over_instances(call: Any, mapped: Mapping[str, Any], count: int) -> tuple:
    """Call a step for each of its instances: in one loop where shapes agree, else one loop for each shape."""
    import jax
    import jax.numpy as jnp

    if not mapped:
        return tuple(jnp.broadcast_to(one, (count, *one.shape)) for one in call({}))
    if not any(isinstance(value, list) for value in mapped.values()):
        return mapping()(call, dict(mapped))
    groups: dict[tuple, list[int]] = {}
    for number in range(count):
        one = {name: value[number] for name, value in mapped.items()}
        key = tuple((v.shape, str(v.dtype)) if isinstance(v, jax.Array) else repr(v) for v in one.values())
        groups.setdefault(key, []).append(number)
    results: list[Any] = [None] * count
    for numbers in groups.values():
        first = {name: value[numbers[0]] for name, value in mapped.items()}
        fixed = {name: value for name, value in first.items() if not isinstance(value, jax.Array)}
        batch = {n: jnp.stack([jnp.asarray(mapped[n][k]) for k in numbers]) for n in first if n not in fixed}
        if batch:
            found = mapping()(lambda one, fixed=fixed: call({**fixed, **one}), batch)
        else:
            found = tuple(jnp.stack([part] * len(numbers)) for part in call(fixed))
        for row, number in enumerate(numbers):
            results[number] = tuple(part[row] for part in found)
    columns = [[result[column] for result in results] for column in range(len(results[0]))]
    return tuple(jnp.stack(column) if len({value.shape for value in column}) == 1 else column for column in columns)


def mapping() -> Any:
    """Return how a function runs over a batch: on CPUs one after the other, elsewhere all at once."""
    import jax

    # batched small products are five times slower than a loop on CPUs, and batched LAPACK can deadlock there
    if jax.default_backend() == "cpu":
        return jax.lax.map
    return lambda function, batch: jax.vmap(function)(batch)


def _rows(values: Any, positions: list[int], total: int) -> Any:
    import jax.numpy as jnp

    if isinstance(values, list):
        return jnp.stack([jnp.asarray(values[position]) for position in positions])
    return values if positions == list(range(total)) else values[np.array(positions)]


def _short(value: Any) -> str:
    return f"{float(value):g}" if np.ndim(value) == 0 else f"array {np.shape(value)}"
