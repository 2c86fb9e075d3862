"""Making one run ready on the host: files are read, inputs checked, and every argument of every step is wired.

A step that runs over axes has several instances. Its outputs are kept with the instances along one leading axis, and
a wire holds the index that picks from them what each instance of a later step needs.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pydra_diffconn import files
from pydra_diffconn.declare import freedom, places, task
from pydra_diffconn.declare.argument import Argument
from pydra_diffconn.declare.declaration import prefixed
from pydra_diffconn.declare.parameters import plain
from pydra_diffconn.numerics.aligned import stacked
from pydra_diffconn.program.loading import load, name_of
from pydra_diffconn.program.planning import planner
from pydra_diffconn.program.run import Run
from pydra_diffconn.program.spool import Loaded
from pydra_diffconn.program.wires import FromArray, FromParameter, FromStep, OnePerInstance, Static, Wire
from pydra_diffconn.workflow.graph import (
    Constant,
    Gathered,
    Graph,
    Input,
    Item,
    Learned,
    PerRun,
    Reference,
    Source,
    Spread,
    Step,
)

Environment = Mapping[str, int]
"""Axis to position."""


@dataclass(frozen=True)
class Unnamed:
    """An array of one instance, before it has a name among those of the run."""

    value: Any


@dataclass(frozen=True)
class Pending:
    """The output of a fused step: which of its instances (an array of them, where values are gathered)."""

    key: tuple[str, str]
    index: Any


def prepare(
    graph: Graph,
    values: Mapping[str, Any],
    upstream: Mapping[Any, Any],
    cache: Loaded,
    number: int,
    reorder: bool = True,
) -> Run:
    """Make one run ready; `values` are what the workflow is split over, `upstream` what Pydra has computed."""
    return _Preparation(graph, values, upstream, cache, number, reorder).run


class _Preparation:
    def __init__(
        self,
        graph: Graph,
        values: Mapping[str, Any],
        upstream: Mapping[Any, Any],
        cache: Loaded,
        number: int,
        reorder: bool,
    ) -> None:
        self.graph, self.values, self.upstream, self.cache, self.number = graph, values, upstream, cache, number
        self.run = Run()
        self.lengths: dict[str, int] = {}
        self.axes = {step.path: step.axes for step in graph.steps}
        self.spaces = self.run.spaces
        self.blanks: dict[int, np.ndarray] = {}
        """Which places of an array have no data."""
        self.later: list[tuple[Step, dict[str, Any]]] = []
        """Steps with an image that has not been read yet, and their known arguments."""
        self._lengths_of_upstream()
        for step in graph.steps:
            self._step(step)
        for name, source in graph.outputs.items():
            wire = self._output(name, source)
            if wire is not None:
                self.run.outputs[name] = wire
        self._read_images(reorder)

    def _read_images(self, reorder: bool) -> None:
        """Read the images: whole, or computing what the plan begins with while reading."""
        images = {name for name, value in self.run.arrays.items() if isinstance(value, files.ImageSeries)}
        if not images:
            return
        for planned, name in planner.first_on(self.graph, self.run, images, reorder):
            step, series = planned.step, self.run.arrays[name]
            others = {n: _value(wire, self.run) for n, wire in planned.wires.items()}
            key = ("streamed", id(series), step.block, *(id(v) if np.ndim(v) else repr(v) for v in others.values()))
            if key not in self.cache:
                others[step.declaration.main_input] = series
                self.cache[key] = (task.while_reading(step.declaration, others), series, others)
            (result,) = self.cache[key][0].values()
            self.run.read[name] = self.run.arrays.pop(name).shape
            images.discard(name)
            self.run.streamed[step.path] = self._named(result, f"{step.path} of {name}")
        for name in images:
            series = self.run.arrays[name]
            takers = [step for step, known in self.later if known.get(step.declaration.main_input) is series]
            first = takers[0].declaration if takers else None
            argument = None if first is None else first.arguments[first.main_input]
            key = ("dense", id(series))
            if key not in self.cache:
                gaps = argument is not None and argument.blanks
                self.cache[key] = (self.cache.spool.keep(files.read_series(series, gaps)), series)
            dense = self.cache[key][0]
            del self.run.arrays[name]
            self._named(dense if argument is None else self._filled(argument, dense), name)
            for step, known in self.later:
                main = step.declaration.main_input
                if known.get(main) is series:
                    step.declaration.checked({**known, main: self.run.arrays[name]}, step.path, counted=False)

    # --- values ---------------------------------------------------------------------------------------------

    def resolve(self, source: Source, env: Environment) -> Any:
        """Return the concrete value of a source, or the `Pending` output of a fused step."""
        if isinstance(source, Constant):
            return plain(source.value)
        if isinstance(source, PerRun):
            return plain(source.values[self.number])
        if isinstance(source, Input):
            return self.values[source.name] if source.name in self.values else getattr(self.graph.task, source.name)
        if isinstance(source, Spread):
            return self.resolve(source.source, env)
        if isinstance(source, Item):
            return self._item(source, env)
        if isinstance(source, Gathered):
            self._measure(source)
            parts = [self.resolve(source.source, {**env, **more}) for more in self._environments(source.axes)]
            if parts and isinstance(parts[0], Pending):
                return Pending(parts[0].key, np.stack([np.asarray(part.index) for part in parts]))
            return parts
        assert isinstance(source, Reference)
        if (source.path, source.field) in self.upstream:
            return self._from_pydra(source, env)
        axes = self.axes[source.path]
        return Pending((source.path, source.field), self._position(axes, env) if axes else None)

    def _item(self, source: Item, env: Environment) -> Any:
        inner = source.source
        if isinstance(inner, Gathered):  # split over what was combined: the elements themselves
            self._measure(inner)
            lengths = [self.lengths[axis] for axis in inner.axes]
            positions = np.unravel_index(env[source.axis], lengths)
            return self.resolve(inner.source, {**env, **dict(zip(inner.axes, map(int, positions), strict=True))})
        value = self.resolve(inner, env)
        if isinstance(value, Pending):
            raise ValueError(
                f"{source.axis} is split over the rows of {value.key[0]}.{value.key[1]}; that is one array"
            )
        return value[env[source.axis]]

    def _from_pydra(self, source: Reference, env: Environment) -> Any:
        levels = self.graph.levels.get(source.path, ())
        flat = _flattened(self.upstream[source.path, source.field], len(levels))
        order = tuple(axis for level in levels for axis in level)
        return flat[self._position(order, env)] if order else flat[0]

    def _position(self, axes: Sequence[str], env: Environment) -> int:
        place = 0
        for axis in axes:
            place = place * self.lengths[axis] + env.get(axis, 0)
        return place

    def _environments(self, axes: Sequence[str]) -> list[dict[str, int]]:
        ranges = [range(self.lengths[axis]) for axis in axes]
        return [dict(zip(axes, positions, strict=True)) for positions in itertools.product(*ranges)]

    # --- lengths of axes --------------------------------------------------------------------------------------

    def _measure(self, source: Source) -> None:
        """Learn the length of every axis that a source brings in."""
        if isinstance(source, Item):
            self._measure(source.source)
            if isinstance(source.source, Gathered):
                length = math.prod(self.lengths[axis] for axis in source.source.axes)
            else:
                start = dict.fromkeys(self.lengths, 0)
                outer = [{**start, **env} for env in self._environments(sorted(_axes_in(source.source)))]
                lengths = [len(self.resolve(source.source, env)) for env in outer]
                length = lengths[0]
                if len(set(lengths)) > 1:
                    raise ValueError(_ragged(source.axis, lengths))
            known = self.lengths.setdefault(source.axis, length)
            if known != length:
                raise ValueError(f"{source.axis} is split together with a list of length {length}; expected {known}")
        elif isinstance(source, Gathered | Spread):
            self._measure(source.source)

    def _lengths_of_upstream(self) -> None:
        for node in self.graph.before:
            for source in node.inputs.values():
                try:
                    self._measure(source)
                except KeyError:
                    continue  # the list comes from a node whose output nobody exposed; its own output's length tells
        for (path, _), raw in self.upstream.items():
            for level in self.graph.levels.get(path, ()):
                unknown = [axis for axis in level if axis not in self.lengths]
                if len(unknown) == 1:
                    known = math.prod(self.lengths[axis] for axis in level if axis in self.lengths)
                    self.lengths[unknown[0]] = len(raw) // max(known, 1)
                parts = [len(part) for part in raw if isinstance(part, list)]
                if len(set(parts)) > 1:
                    raise ValueError(_ragged(path, parts))
                raw = raw[0] if len(raw) else []

    # --- steps --------------------------------------------------------------------------------------------------

    def _step(self, step: Step) -> None:
        for source in step.inputs.values():
            self._measure(source)
        split = bool(step.axes)
        environments = self._environments(step.axes)
        instances = [self._instance(step, env, number) for number, env in enumerate(environments)]
        for output, dims in step.declaration.outputs.items():
            main = self.spaces[step.path, step.declaration.main_input]
            alike = step.declaration.writes and dims in ("time space", "...")
            self.spaces[step.path, output] = main if alike else [None] * len(main)
        self.run.counts[step.path] = len(instances) if split else None
        names = {name: name_of(source, step, name) for name, source in step.inputs.items()}
        self.run.wires[step.path] = {
            name: self._merged([one[name] for one in instances], names.get(name, name), split) for name in instances[0]
        }

    def _instance(self, step: Step, env: Environment, number: int) -> dict[str, Wire | Unnamed]:
        """Wire one instance of a step, and check its arguments as far as they are known."""
        known: dict[str, Any] = {}
        sources: dict[str, Any] = {}
        wires: dict[str, Wire | Unnamed] = {}
        declaration = step.declaration
        mask = None if "mask" not in step.inputs else self.resolve(step.inputs["mask"], env)
        where = step.path if not self.values and not env else f"{step.path} ({self._where(env)})"
        for name, argument in declaration.arguments.items():
            source = step.inputs[name]
            space = None
            if isinstance(source, Learned):
                known[name] = plain(self.graph.learnables[source.name].start)
                wires[name] = FromParameter(source.name)
            else:
                value = self.resolve(source, env)
                if isinstance(value, Pending):
                    wires[name], space = self._pending(declaration, name, value, mask)
                else:
                    main = self.spaces.get((step.path, declaration.main_input), [None])[-1]
                    sources[name] = value
                    with prefixed(where):
                        known[name], space = load(argument, value, mask, main, self.cache)
                        known[name] = self._filled(argument, known[name])
                        said = freedom.known(value)
                    if said is not None:
                        self.run.said[step.path, name, number] = said
                    if isinstance(known[name], files.ImageSeries):
                        self.later.append((step, known))
                    plainly = argument.role == "static" or known[name] is None
                    wires[name] = Static(known[name]) if plainly else Unnamed(known[name])
            self.spaces.setdefault((step.path, name), []).append(space)
        with prefixed(where):
            files.check_repetition_time(known, [self.spaces[step.path, name][-1] for name in declaration.arguments])
        waiting = {n: v for n, v in known.items() if isinstance(v, files.ImageSeries)}
        given = {n: v for n, v in known.items() if n not in waiting}  # None is known, too
        with files.naming_files(sources):
            complete = declaration.checked(given, where, waiting, counted=False)
        for name in declaration.infer:
            wires[name] = Static(complete[name])
        return wires

    def _filled(self, argument: Argument, value: Any) -> Any:
        """Put zeros where places have no data, and remember which; the same array once, whatever the number of runs."""
        if not argument.blanks or not isinstance(value, np.ndarray):
            return value
        key = ("filled", id(value), argument.dims)
        if key not in self.cache:
            self.cache[key] = (*places.zeros_for_missing(value, argument.dims), value)
        filled, where, _ = self.cache[key]
        if where is not None:
            self.blanks[id(filled)] = where
        return filled

    def _where(self, env: Environment) -> str:
        run = [f"run {self.number}"] if self.values else []
        return ", ".join([*run, *(f"{axis}[{position}]" for axis, position in env.items())])

    def _pending(self, declaration: Any, name: str, value: Pending, mask: Any) -> tuple[Wire, files.Space | None]:
        index = None if value.index is None else np.asarray(value.index)
        spaces = self.spaces.get(value.key, [None])
        space = spaces[0 if index is None else int(index.reshape(-1)[0])] if spaces else None
        wanted = space
        if mask is not None and (space is None or space.kind != "nifti") and name == declaration.main_input:
            raise ValueError(f"{declaration.name}: {files.NO_MASK}")
        if space is not None and space.kind == "nifti" and name == declaration.main_input:
            wanted = files.restricted(space, mask)
        different = space is not None and wanted is not None and not space.same_as(wanted)
        return FromStep(value.key, index, (space, wanted) if different else None), wanted

    def _merged(self, wires: list[Wire | Unnamed], name: str, split: bool) -> Wire:
        """Make one wire of those of all instances."""
        first = wires[0]
        steps = [wire for wire in wires if isinstance(wire, FromStep)]
        if isinstance(first, FromStep) and len(steps) == len(wires):
            same = all(_same_spaces(wire.spaces, first.spaces) for wire in steps)
            spaces = first.spaces if same else [wire.spaces for wire in steps]
            index = first.index
            if split and index is not None:
                index = np.stack([wire.index for wire in steps])
            return FromStep(first.key, index, spaces)
        arrays = [wire.value for wire in wires if isinstance(wire, Unnamed)]
        if len(arrays) == len(wires):
            return self._merged_arrays(arrays, name)
        statics = [wire for wire in wires if isinstance(wire, Static)]
        if isinstance(first, Static) and len(statics) == len(wires):
            if all(wire.value is first.value or _equal(wire.value, first.value) for wire in statics):
                return first
            return OnePerInstance(tuple(statics))
        if isinstance(first, FromParameter):
            return first
        items = [
            FromArray(self._named(wire.value, f"{name}[{number}]")) if isinstance(wire, Unnamed) else wire
            for number, wire in enumerate(wires)
        ]
        return OnePerInstance(tuple(items))  # type: ignore[arg-type]

    def _merged_arrays(self, values: list[Any], name: str) -> Wire:
        unique = list({id(value): value for value in values}.values())
        if len(unique) == 1:
            return FromArray(self._named(unique[0], name))
        place = {id(value): number for number, value in enumerate(unique)}
        index = np.array([place[id(value)] for value in values])
        if len({np.shape(value) for value in unique}) == 1:
            key = ("stack", *place)
            if key not in self.cache:  # runs that share their arrays share the stack, too
                self.cache[key] = (stacked(unique), unique)
            return FromArray(self._named(self.cache[key][0], name, unique), index)
        names = [self._named(value, f"{name}[{number}]") for number, value in enumerate(unique)]
        return OnePerInstance(tuple(FromArray(names[number]) for number in index))

    def _named(self, value: Any, name: str, parts: Sequence[Any] | None = None) -> str:
        arrays, free, number = self.run.arrays, name, 2
        while free in arrays and arrays[free] is not value:  # the same file read for another purpose
            free, number = f"{name} ({number})", number + 1
        arrays[free] = value
        blanks = [self.blanks.get(id(part)) for part in ([value] if parts is None else parts)]
        if any(where is not None for where in blanks):
            self.run.blanks[free] = blanks
        return free

    def _output(self, name: str, source: Source) -> FromArray | FromStep | FromParameter | None:
        """Wire an output of the workflow; what is no number or array is left out."""
        if isinstance(source, Learned):
            return FromParameter(source.name)
        self._measure(source)
        value = self.resolve(source, {})
        if isinstance(value, Pending):
            return FromStep(value.key, None if value.index is None else np.asarray(value.index))
        try:
            array = np.asarray(value)
        except ValueError:
            return None
        if not (np.issubdtype(array.dtype, np.number) or array.dtype == bool):
            return None
        label = source.name if isinstance(source, Input) else f"output {name}"
        if isinstance(source, Reference):
            label = f"{source.path}.{source.field}"
        return FromArray(self._named(value if isinstance(value, np.ndarray) else array, label))


def _value(wire: Wire, run: Run) -> Any:
    assert isinstance(wire, FromArray | Static)  # so the planner chose
    return run.arrays[wire.name] if isinstance(wire, FromArray) else wire.value


def _axes_in(source: Source) -> set[str]:
    """Return the axes on whose positions a value depends."""
    own = {source.axis} if isinstance(source, Item) else set()
    return own | _axes_in(source.source) if isinstance(source, Item | Gathered | Spread) else own


def _ragged(name: str, lengths: Sequence[int]) -> str:
    return (
        f"{name} has {', '.join(map(str, lengths))} elements from one outer element to the next; splits of different "
        "lengths within a split run classically, but cannot be fused: split the whole workflow over the outer list"
    )


def _flattened(raw: Any, depth: int) -> list[Any]:
    values = [raw]
    for _ in range(depth):
        values = [value for part in values for value in part]
    return values


def _same_spaces(one: Any, other: Any) -> bool:
    if one is None or other is None:
        return one is other
    return all(a.same_as(b) for a, b in zip(one, other, strict=True))


def _equal(one: Any, other: Any) -> bool:
    return type(one) is type(other) and repr(one) == repr(other)
