"""What is known of a run besides its numbers, along its wires: degrees of freedom, and places without data.

The same rules count here as in a block's own task; they are asked for, step by step, from the arrays of the run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from pydra_diffconn import files
from pydra_diffconn.declare import places
from pydra_diffconn.declare.declaration import prefixed
from pydra_diffconn.declare.freedom import Freedom, begun, series_among
from pydra_diffconn.declare.parameters import plain
from pydra_diffconn.program.run import Run
from pydra_diffconn.program.wires import FromArray, FromParameter, FromStep, OnePerInstance, Static, Wire
from pydra_diffconn.warn import warn
from pydra_diffconn.workflow.graph import Graph, Step


class Later:
    """A value that is still to be computed, or need not be known: its shape, found when asked for."""

    def __init__(self, shape: Any) -> None:
        self._shape = shape

    @property
    def shape(self) -> tuple[int, ...]:
        return self._shape() if callable(self._shape) else self._shape


class Accounts:
    """The accounts of one run.

    Parameters
    ----------
    graph, run
        Of a program; the run has been made ready.
    parameters : mapping
        Values of what is learned.
    exact : bool
        Whether confounds that depend on each other are found; if not, each column counts, which is fast and at worst
        too careful.
    where : str
        Which run this is, in an error.
    """

    def __init__(
        self, graph: Graph, run: Run, parameters: Mapping[str, Any], exact: bool = True, where: str = ""
    ) -> None:
        self.run, self.parameters, self.exact, self.where = run, parameters, exact, where
        self.steps = {step.path: step for step in graph.steps}
        self._known: dict[tuple[Any, ...], Any] = {}

    def _once(self, key: tuple[Any, ...], find: Any) -> Any:
        if key not in self._known:
            self._known[key] = find()
        return self._known[key]

    # --- wires ------------------------------------------------------------------------------------------------

    def _source(self, path: str, name: str, number: int) -> Wire:
        """Return the wire of one instance of a step."""
        wire = self.run.wires[path][name]
        if isinstance(wire, OnePerInstance):
            return wire.items[number]
        if isinstance(wire, FromArray | FromStep) and wire.index is not None and self.run.counts[path] is not None:
            spaces = wire.spaces[number] if isinstance(wire.spaces, list) else wire.spaces
            first = wire.name if isinstance(wire, FromArray) else wire.key
            return type(wire)(first, wire.index[number], spaces)  # type: ignore[arg-type]
        return wire

    def _value(self, path: str, name: str, number: int) -> Any:
        """Return an argument; of what is to be computed, or need not be known, the shape."""
        match self._source(path, name, number):
            case Static(value=value):
                return value
            case FromParameter(name=parameter):
                value = np.asarray(self.parameters[parameter])
                return float(value) if value.ndim == 0 else value
            case FromStep() as source:
                if self.exact and self.steps[path].declaration.arguments[name].dims == "time":
                    return self._computed(source)
                return Later(partial(self._shape, *source.key, _instance(source)))
            case FromArray(name=array, index=index):
                if array not in self.run.arrays:  # an image that was averaged while it was read
                    return Later(self.run.read.get(array, ()))
                value = self.run.arrays[array] if index is None else self.run.arrays[array][index]
                return value if self.exact or np.ndim(value) != 2 else Later(np.shape(value))
        raise AssertionError(name)

    def _values(self, path: str, number: int) -> dict[str, Any]:
        return self._once(
            ("values", path, number), lambda: {name: self._value(path, name, number) for name in self.run.wires[path]}
        )

    def _shape(self, path: str, output: str, number: int) -> tuple[int, ...]:
        """Return the shape of an output of one instance of a step."""
        step = self.steps[path]
        main = step.declaration.main_input
        if step.declaration.outputs[output] == step.declaration.arguments[main].dims:
            return tuple(self._values(path, number)[main].shape)
        return self._once(("shapes", path, number), lambda: self._traced(step, number))[output]

    def _traced(self, step: Step, number: int) -> dict[str, tuple[int, ...]]:
        import jax

        given = self._values(step.path, number)
        arrays = {
            name: jax.ShapeDtypeStruct(value.shape, getattr(value, "dtype", float))
            for name, value in given.items()
            if hasattr(value, "shape") and step.declaration.arguments[name].role != "static"
        }
        rest = {name: value for name, value in given.items() if name not in arrays}
        found = jax.eval_shape(lambda arrays: step.block.pure(**arrays, **rest), arrays)
        found = found if isinstance(found, tuple) else (found,)
        return {name: one.shape for name, one in zip(step.declaration.outputs, found, strict=True)}

    def _computed(self, source: FromStep) -> Any:
        """Compute weights of frames, which count; they come of small steps."""
        path, number = source.path, _instance(source)

        def find() -> dict[str, np.ndarray]:
            step, given = self.steps[path], self._values(path, number)
            if any(isinstance(value, Later) for value in given.values()):
                given = {n: self._computed_wire(path, n, number, value) for n, value in given.items()}
            found = step.block.pure(**given)
            found = found if isinstance(found, tuple) else (found,)
            return {name: np.asarray(one) for name, one in zip(step.declaration.outputs, found, strict=True)}

        return self._once(("computed", path, number), find)[source.key[1]]

    def _computed_wire(self, path: str, name: str, number: int, value: Any) -> Any:
        source = self._source(path, name, number)
        return self._computed(source) if isinstance(value, Later) and isinstance(source, FromStep) else value

    # --- degrees of freedom -------------------------------------------------------------------------------------

    def left(self, path: str, number: int) -> tuple[Freedom | None, str | None]:
        """Return what an instance of a step leaves of the degrees of freedom, and what is to be said of it."""
        return self._once(("left", path, number), lambda: self._count(self.steps[path], number))

    def _count(self, step: Step, number: int) -> tuple[Freedom | None, str | None]:
        values, series = self._values(step.path, number), {}
        for name in series_among(step.declaration.arguments, values):
            source = self._source(step.path, name, number)
            found = self.left(source.path, _instance(source))[0] if isinstance(source, FromStep) else None
            if found is None:  # what is given, or comes of something that is no series, as a design does
                found = begun(values[name].shape[0], self.run.said.get((step.path, name, number)))
            series[name] = found
        with prefixed(step.path + self.where):
            return step.declaration.left(values, series)

    # --- places without data --------------------------------------------------------------------------------------

    def missing_before(self, path: str, number: int) -> np.ndarray | None:
        """Return which places of a step's main input have no data; refuse such a step if it cannot leave them out."""
        return self._once(("before", path, number), lambda: self._missing_before(path, number))

    def _missing_before(self, path: str, number: int) -> np.ndarray | None:
        declaration, of_main = self.steps[path].declaration, None
        for name in self.run.wires[path]:
            source, found = self._source(path, name, number), None
            if isinstance(source, FromStep):
                found = _moved(self.missing(source.path, _instance(source)), source.spaces)
            elif isinstance(source, FromArray) and source.name in self.run.blanks:
                found = self.run.blanks[source.name][0 if source.index is None else int(source.index)]
            if found is None:
                continue
            if name != declaration.main_input or not (declaration.arguments[name].blanks or declaration.places):
                where = places.dimension(declaration.arguments[name].dims)
                which = f"{places.named(found, None, where)} of {name}" if where else f"some of {name}"
                raise ValueError(f"{path}{self.where}: {which} has no data; {places.TOGETHER}")
            of_main = found
        if of_main is not None and not declaration.arguments[declaration.main_input].blanks:
            self._refuse_as_a_job(path, number, of_main)
        return of_main

    def _refuse_as_a_job(self, path: str, number: int, where: np.ndarray) -> None:
        """Let the block's own check refuse what a job of its own would be given: missing values at these places."""
        declaration, values = self.steps[path].declaration, self._values(path, number)
        known = {name: value for name, value in values.items() if not isinstance(value, Later)}
        series = np.broadcast_to(np.where(where, np.nan, 0.0), values[declaration.main_input].shape)
        with prefixed(path + self.where):
            declaration.check_together({**known, declaration.main_input: series})

    def _constant_in(self, path: str, number: int) -> np.ndarray | None:
        """Return at which places of a step's main input nothing varies, as far as this follows from the arrays."""
        main = self.steps[path].declaration.main_input
        source = self._source(path, main, number)
        if isinstance(source, FromStep):
            return _moved(self._constant(source.path, _instance(source)), source.spaces)
        dims = self.steps[path].declaration.arguments[main].dims
        if not isinstance(source, FromArray) or source.name not in self.run.arrays or places.dimension(dims) is None:
            return None
        value = self.run.arrays[source.name] if source.index is None else self.run.arrays[source.name][source.index]
        weights = self._values(path, number).get("frame_weights")  # a frame without weight is not looked at
        return places.constant(np.asarray(value), dims, weights if isinstance(weights, np.ndarray) else None)

    def _constant(self, path: str, number: int) -> np.ndarray | None:
        declaration = self.steps[path].declaration
        if path in self.run.streamed:
            return places.constant(np.asarray(self.run.arrays[self.run.streamed[path]]), "time parcels")
        if declaration.places is None and not declaration.skips:
            return None
        found = self._once(("constant", path, number), lambda: self._constant_in(path, number))
        return declaration.without_data(self._values(path, number), found) if found is not None else None

    def missing(self, path: str, number: int) -> np.ndarray | None:
        """Return which places of the outputs of a step have no data; None if all have some."""
        return self._once(("missing", path, number), lambda: self._missing(path, number))

    def _missing(self, path: str, number: int) -> np.ndarray | None:
        declaration, found = self.steps[path].declaration, self.missing_before(path, number)
        if declaration.varies:
            constant = self._constant_in(path, number)
            found = constant if found is None else found if constant is None else found | constant
        if found is None and declaration.places is None:
            return None
        return declaration.without_data(self._values(path, number), found)

    def lost(self, path: str, number: int) -> str | None:
        """Say which places have no data from a step on; None if none is new."""
        declaration, after = self.steps[path].declaration, self.missing(path, number)
        if after is None:
            return None
        spaces = self.run.spaces.get((path, declaration.main_input), [None])
        space = spaces[min(number, len(spaces) - 1)]
        names = self._values(path, number).get("parcels") or getattr(space, "names", None)
        return declaration.lost(self.missing_before(path, number), after, names)

    def mark(self, wire: Wire, shape: Sequence[int]) -> np.ndarray | None:
        """Return which entries of an output have no data; None if all have some."""
        if not isinstance(wire, FromStep):
            return None
        declaration = self.steps[wire.path].declaration
        index = np.asarray(0 if wire.index is None else wire.index)
        inner = tuple(shape[index.ndim :])
        found = [self.missing(wire.path, int(number)) for number in index.ravel()]
        if all(where is None for where in found):
            return None
        marks = [None if where is None else declaration.mark(wire.key[1], inner, where) for where in found]
        filled = [np.zeros(inner, dtype=bool) if mark is None else mark for mark in marks]
        return np.reshape(filled, (*index.shape, *inner))

    def with_missing(self, name: str, value: Any) -> Any:
        """Return an output of the run with NaN at places without data."""
        wire = self.run.outputs[name]
        if not isinstance(value, list):
            return marked(value, [self.mark(wire, value.shape)], stacked=False)
        assert isinstance(wire, FromStep) and wire.index is not None
        marks = [
            self.mark(FromStep(wire.key, number), part.shape) for number, part in zip(wire.index, value, strict=True)
        ]
        return [marked(part, [mark], stacked=False) for part, mark in zip(value, marks, strict=True)]

    def of_output(self, name: str) -> float | None:
        """Return the degrees of freedom of an output, the least of its instances; None if it has no run behind it."""
        wire = self.run.outputs[name]
        if not isinstance(wire, FromStep):
            return None
        index = np.ravel(0 if wire.index is None else wire.index)
        try:
            found = [self.left(wire.path, int(number))[0] for number in index]
        except ValueError:  # none are left, with values that were learned
            return 0.0
        return min((one.left for one in found if one is not None), default=None)


def marked(value: Any, marks: Sequence[np.ndarray | None], stacked: bool = True) -> Any:
    """Return an array with NaN at marked entries; there is a mark for each entry of the leading axis if `stacked`."""
    import jax.numpy as jnp

    if all(mark is None for mark in marks) or not jnp.issubdtype(value.dtype, jnp.floating):
        return value
    inner = value.shape[1:] if stacked else value.shape
    filled = np.stack([np.zeros(inner, dtype=bool) if mark is None else mark for mark in marks])
    return jnp.where(filled if stacked else filled[0], jnp.nan, value)


def check(graph: Graph, runs: Sequence[Run]) -> None:
    """Refuse runs of which nothing is left; warn of few degrees of freedom and of places without data, once for all.

    Raises
    ------
    ValueError
        Naming the step and the run.
    """
    start = {name: plain(one.start) for name, one in graph.learnables.items()}
    told: dict[str, list[str]] = {}
    for number, run in enumerate(runs):
        which = f"run {number}" if len(runs) > 1 else ""
        accounts = Accounts(graph, run, start, exact=False, where=f" ({which})" if which else "")
        for step in graph.steps:
            for instance in range(1 if run.counts[step.path] is None else run.counts[step.path] or 0):
                for said in (_few(accounts, graph, step, instance), accounts.lost(step.path, instance)):
                    if said is not None:
                        told.setdefault(f"{step.path}: {said}", []).append(which)
    for said, of_runs in told.items():
        more = f" and {len(of_runs) - 1} more" if len(of_runs) > 1 else ""
        warn(f"{said}{f' ({of_runs[0]}{more})' if of_runs[0] else ''}")


def _few(accounts: Accounts, graph: Graph, step: Step, number: int) -> str | None:
    try:
        if accounts.left(step.path, number)[1] is None:
            return None
    except ValueError:
        pass  # told below, or else it was too careful
    exact = Accounts(graph, accounts.run, accounts.parameters, where=accounts.where)
    return exact.left(step.path, number)[1]


def _instance(wire: FromStep) -> int:
    """Return the instance that a wire takes; the first one of several that are gathered."""
    return 0 if wire.index is None else int(np.ravel(wire.index)[0])


def _moved(where: np.ndarray | None, spaces: Any) -> np.ndarray | None:
    """Bring places from the locations where a series lies to those where it is wanted."""
    if where is None or spaces is None:
        return where
    return np.asarray(files.convert(where[None].astype(float), spaces[0], spaces[1], np))[0] > 0
