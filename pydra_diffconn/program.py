"""From a workflow to one pure function of its parameters: `fuse`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from fileformats.generic import FileSet

from pydra_diffconn import files, graph, pydra_compat, rewire
from pydra_diffconn.graph import Constant, Graph, Input, Learned, Reference, Source, Step
from pydra_diffconn.parameters import Learn, plain


@dataclass(frozen=True)
class Wire:
    """How one argument of a fused step gets its value."""

    kind: str
    """`array`, `static`, `parameter` or `step`."""
    value: Any
    spaces: tuple[files.Space, files.Space] | None = None
    """For a series that was masked otherwise upstream: where it lies and where it is wanted."""


@dataclass
class Run:
    """One run made ready on the host: its arrays by name and the wiring of the steps."""

    arrays: dict[str, Any] = field(default_factory=dict)
    wires: dict[str, dict[str, Wire]] = field(default_factory=dict)
    spaces: dict[tuple[str, str], files.Space | None] = field(default_factory=dict)

    def signature(self) -> tuple:
        """Runs with equal signatures share one compiled program."""
        shapes = tuple(
            (name, np.shape(value), np.asarray(value).dtype.str) for name, value in sorted(self.arrays.items())
        )
        statics: list[tuple] = []
        for path, wires in self.wires.items():
            for name, wire in wires.items():
                if wire.kind == "static":
                    statics.append((path, name, repr(wire.value)))
                elif wire.spaces is not None:
                    statics.append((path, name, *(space.positions.tobytes() for space in wire.spaces)))
        return shapes, tuple(statics)


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
            # one run after the other: on CPUs faster than batched small products, and batched LAPACK can deadlock
            outputs = (
                jax.lax.map(lambda one, t=template, s=shared: self._one(parameters, {**s, **one}, t), batch)
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
        import jax.numpy as jnp

        real = jnp.result_type(float)

        def as_real(value: Any) -> Any:
            value = jnp.asarray(value)
            return value.astype(real) if jnp.issubdtype(value.dtype, jnp.floating) else value

        done: dict[tuple[str, str], Any] = {}
        for step in self.graph.steps:
            arguments = {}
            for name, wire in run.wires[step.path].items():
                if wire.kind == "static":
                    arguments[name] = wire.value
                elif wire.kind == "step":
                    arguments[name] = done[wire.value]
                    if wire.spaces is not None:
                        arguments[name] = files.convert(arguments[name], *wire.spaces, jnp)
                else:
                    arguments[name] = as_real((parameters if wire.kind == "parameter" else arrays)[wire.value])
            returned = step.block.pure(**arguments)
            returned = returned if isinstance(returned, tuple) else (returned,)
            for name, value in zip(step.declaration.outputs, returned, strict=True):
                done[step.path, name] = value
        return {name: self._output(source, done, parameters, arrays) for name, source in self.graph.outputs.items()}

    def _output(self, source: Source, done: Mapping, parameters: Mapping, arrays: Mapping) -> Any:
        if isinstance(source, Reference):
            key = (source.path, source.field)
            return done[key] if key in done else arrays[f"{source.path}.{source.field}"]
        return arrays[source.name] if isinstance(source, Input) else source.value  # type: ignore[union-attr]

    def explain(self) -> str:
        """Return (and print) what runs in Pydra, what is fused, shapes, and what can be learned."""
        lines = [f"{type(self.graph.task).__name__}: {len(self.runs)} run(s), {len(self.groups)} compiled shape(s)"]
        lines += [f"  Pydra   {node.path}" for node in self.graph.classical]
        shapes = self._shapes()
        for step in self.graph.steps:
            made = ", ".join(f"{name} {shapes[step.path, name]}" for name in step.declaration.outputs)
            lines.append(f"  fused   {step.path} ({step.declaration.id}) -> {made}")
        for one in self.graph.learnables.values():
            described = graph.describe(one, self.graph, one.start)
            lines.append(
                f"  learn   {one.name} = {_short(one.start)} {described.unit} in {described.constraint}".rstrip()
            )
        text = "\n".join(lines)
        print(text)
        return text

    def _shapes(self) -> dict[tuple[str, str], tuple[int, ...]]:
        import jax

        shapes: dict[tuple[str, str], Any] = {}
        outputs, keep = self.graph.outputs, {}
        for step in self.graph.steps:
            for name in step.declaration.outputs:
                keep[f"{step.path} {name}"] = Reference(step.path, name)
        object.__setattr__(self.graph, "outputs", keep)
        try:
            arrays = self.runs[0].arrays
            found = jax.eval_shape(lambda p, a: self._one(p, a, self.runs[0]), self.parameters, arrays)
        finally:
            object.__setattr__(self.graph, "outputs", outputs)
        for key, value in found.items():
            path, _, name = key.partition(" ")
            shapes[path, name] = value.shape
        return shapes


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
    read = graph.read(task, learn)
    needed = _classical_outputs(read)
    before = _run_classical(task, needed, cache_root, worker) if needed else None
    prepared: list[Run] = []
    cache: dict[Any, Any] = {}
    for number, values in enumerate(graph.runs(task)):
        upstream = {key: column[number] for key, column in before.items()} if before else {}
        prepared.append(_prepare(read, values, upstream, cache, number))
    return Program(read, prepared)


def _classical_outputs(read: Graph) -> list[tuple[str, str]]:
    """Return the outputs of classical nodes that are used further on; refuse what cannot be split off."""
    paths = {node.path for node in read.classical}
    used = [source for step in read.steps for source in step.inputs.values()] + list(read.outputs.values())
    needed = sorted({(s.path, s.field) for s in used if isinstance(s, Reference) and s.path in paths})
    fused = {step.path for step in read.steps}
    for node in read.classical:
        below = [s.path for s in node.inputs.values() if isinstance(s, Reference) and s.path in fused]
        if below and any(path == node.path for path, _ in needed):
            raise ValueError(
                f"{node.path} is not differentiable and lies below {below[0]}; only steps above all blocks, or below "
                "all that the loss needs, can run in Pydra so far"
            )
    for path, _ in needed:
        if "." in path:
            raise ValueError(f"{path} is not differentiable and lies in a nested workflow; move it to the outer one")
    return needed


def _run_classical(
    task: Any, needed: list[tuple[str, str]], cache_root: Any, worker: Any
) -> dict[tuple[str, str], list]:
    derived = rewire.exposing(type(task), needed)
    values = {name: plain(getattr(task, name)) for name in task if name not in ("constructor", *rewire.RECIPE)}
    outputs = pydra_compat.copy_split(task, derived(**values))(cache_root=cache_root, worker=worker)
    columns = [getattr(outputs, f"output_{number}") for number in range(len(needed))]
    split = pydra_compat.splitter(task) is not None
    return {key: column if split else [column] for key, column in zip(needed, columns, strict=True)}


def _prepare(read: Graph, values: Mapping[str, Any], upstream: Mapping, cache: dict, number: int) -> Run:
    """Read the files and check the inputs of one run, step by step, and note how the steps are wired."""
    run = Run()
    for step in read.steps:
        known: dict[str, Any] = {}
        wires: dict[str, Wire] = {}
        mask = _given(step.inputs.get("mask"), values, read, upstream)
        for name, argument in step.declaration.arguments.items():
            source = step.inputs[name]
            if isinstance(source, Learned):
                known[name] = plain(read.learnables[source.name].start)
                wires[name] = Wire("parameter", source.name)
            elif isinstance(source, Reference) and (source.path, source.field) not in upstream:
                wires[name] = _from_step(step, name, source, run, mask)
            else:
                given = _given(source, values, read, upstream)
                main = run.spaces.get((step.path, step.declaration.main_input))
                known[name], space = _load(argument, given, mask, main, cache)
                run.spaces[step.path, name] = space
                wires[name] = _wire(argument, known[name], _name(source, step, name), run)
        where = step.path if len(values) == 0 else f"{step.path} (run {number})"
        complete = step.declaration.checked({n: v for n, v in known.items() if v is not None}, where)
        for name in step.declaration.infer:
            wires[name] = Wire("static", complete[name])
        main = run.spaces.get((step.path, step.declaration.main_input))
        for output, dims in step.declaration.outputs.items():
            run.spaces[step.path, output] = main if dims in ("time space", "...") else None
        run.wires[step.path] = wires
    for source in read.outputs.values():
        if isinstance(source, Reference) and (source.path, source.field) in upstream:
            run.arrays[f"{source.path}.{source.field}"] = upstream[source.path, source.field]
        elif isinstance(source, Input):
            run.arrays.setdefault(source.name, _given(source, values, read, upstream))
    return run


def _given(source: Source | None, values: Mapping[str, Any], read: Graph, upstream: Mapping) -> Any:
    if source is None:
        return None
    if isinstance(source, Constant):
        return plain(source.value)
    if isinstance(source, Reference):
        return upstream[source.path, source.field]
    if source.name in values:
        return values[source.name]
    return getattr(read.task, source.name)


def _from_step(step: Step, name: str, source: Reference, run: Run, mask: Any) -> Wire:
    space = run.spaces.get((source.path, source.field))
    wanted = space
    if space is not None and space.kind == "nifti" and name == step.declaration.main_input:
        index = None if mask is None else files.mask_index(mask, space.template, space.source)
        size = int(np.prod(space.grid)) if index is None else len(index)
        wanted = files.Space(space.kind, space.source, size, space.grid, index, space.template, space.names)
    run.spaces[step.path, name] = wanted
    different = space is not None and wanted is not None and not space.same_as(wanted)
    return Wire("step", (source.path, source.field), (space, wanted) if different else None)  # type: ignore[arg-type]


def _load(argument: Any, given: Any, mask: Any, main: Any, cache: dict) -> tuple[Any, Any]:
    """Read one argument; the same file for the same purpose is read once, whatever the number of runs."""
    if not isinstance(given, FileSet):
        return files.load_argument(argument, given, mask, main)
    mask_key = str(mask) if isinstance(mask, FileSet) or mask is None else mask.tobytes()
    where = (
        None
        if main is None
        else (main.source if main.template is None else main.template.affine.tobytes(), main.positions.tobytes())
    )
    key = (str(given), argument.dims, argument.name if argument.dims == "time" else "", mask_key, where)
    if key not in cache:
        cache[key] = files.load_argument(argument, given, mask, main)
    return cache[key]


def _name(source: Source, step: Step, argument: str) -> str:
    if isinstance(source, Input):
        return source.name
    return f"{source.path}.{source.field}" if isinstance(source, Reference) else f"{step.path}.{argument}"


def _wire(argument: Any, value: Any, name: str, run: Run) -> Wire:
    if argument.role == "static" or value is None:
        return Wire("static", value)
    if name in run.arrays and run.arrays[name] is not value:
        name = f"{name} ({argument.name})"  # the same file read for another purpose
    run.arrays[name] = value
    return Wire("array", name)


def _rows(values: Any, positions: list[int], total: int) -> Any:
    import jax.numpy as jnp

    if isinstance(values, list):
        return jnp.stack([jnp.asarray(values[position]) for position in positions])
    return values if positions == list(range(total)) else values[np.array(positions)]


def _short(value: Any) -> str:
    return f"{float(value):g}" if np.ndim(value) == 0 else f"array {np.shape(value)}"
