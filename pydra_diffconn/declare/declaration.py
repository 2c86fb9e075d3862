"""What an author declared: arguments, dimensions, bounds; values are checked against it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pydra_diffconn.declare import places
from pydra_diffconn.declare import values as checks
from pydra_diffconn.declare.argument import Argument
from pydra_diffconn.declare.freedom import Freedom, Rule, of_series, told, unlike
from pydra_diffconn.declare.inferring import Shaped
from pydra_diffconn.declare.padding import Padding
from pydra_diffconn.declare.parameters import Parameter
from pydra_diffconn.warn import warn


@contextlib.contextmanager
def prefixed(where: str) -> Iterator[None]:
    """Let an error say which block or step it is about."""
    try:
        yield
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from None


@dataclass(frozen=True)
class Declaration:
    """All that a block's author declared."""

    name: str
    namespace: str
    version: str
    arguments: Mapping[str, Argument]
    outputs: Mapping[str, str]
    """Output name to dimensions, in the order of the function's return value."""
    linear_in: str | None = None
    acts_along: str | None = None
    check: Callable[[Mapping[str, Any]], None] | None = None
    infer: Mapping[str, Callable[[Mapping[str, Any]], Any]] = field(default_factory=dict)
    streamed: Callable[..., Any] | None = None
    """The block on an image that is still on disk (`files.ImageSeries`), for one that need not hold all of it."""
    mixes: str | None = None
    """The parameter with the weights by which the options are mixed; a weight of one gives an option unchanged."""
    writes: bool = True
    """Whether the outputs are files if the main input is one."""
    freedom: Rule | None = None
    """How the block takes temporal degrees of freedom; without a rule it takes those of censored frames."""
    skips: bool = False
    """Whether a place that holds only zeros leaves all others unchanged, so that places without data are left out."""
    varies: bool = False
    """Whether the result does not exist at a place of the main input where nothing varies."""
    padding: Padding = None
    """How a run is computed that was filled up with frames at its end; None if it cannot be."""
    places: Callable[[Mapping[str, Any], np.ndarray | None], np.ndarray] | None = None
    """From the arguments, and which places of the main input have no data, to which of the outputs have none."""

    @property
    def id(self) -> str:
        return f"{self.namespace}:{self.name}"

    @property
    def parameters(self) -> dict[str, Parameter]:
        """The learnable arguments."""
        return {name: a.parameter for name, a in self.arguments.items() if a.parameter is not None}

    @property
    def main_input(self) -> str:
        """The first data argument: if it comes as a file, the outputs are files."""
        return next(name for name, argument in self.arguments.items() if argument.role == "data")

    def options(self, given: Mapping[str, Any]) -> list[str]:
        """Return those data arguments, of the main input's dimensions, that are given: what `mixes` mixes."""
        dims = self.arguments[self.main_input].dims
        alike = [n for n, a in self.arguments.items() if a.role == "data" and a.dims == dims]
        return [name for name in alike if given.get(name) is not None]

    def alone(self, options: Sequence[str], winner: Any) -> dict[str, Any]:
        """Return what these options and the weights of a mixture are when one option is given alone.

        None, but for what must be given: that is the winner, too.
        """
        return {**{n: None if self.arguments[n].optional else winner for n in options}, str(self.mixes): None}

    def left(self, values: Mapping[str, Any], given: Mapping[str, Freedom]) -> tuple[Freedom | None, str | None]:
        """Count the temporal degrees of freedom that the block leaves; say if they are few, or do not go together.

        Parameters
        ----------
        values : mapping
            The arguments; of what is not known only the shape counts.
        given : mapping
            What was left of each series among them.
        """
        before = given.get(self.main_input)
        if before is None:
            return None, None
        before = before.weighted(values.get("frame_weights"))
        after = before if self.freedom is None else self.freedom(values, {**given, self.main_input: before})
        said = [one for one in (told(before, after), unlike(self.freedom, before, given)) if one is not None]
        return after, "; ".join(said) or None

    @property
    def place(self) -> str | None:
        """The dimension of the main input along which places lie: parcels or locations; None if there is none."""
        return places.dimension(self.arguments[self.main_input].dims)

    def mark(self, output: str, shape: Sequence[int], where: np.ndarray) -> np.ndarray | None:
        """Return which entries of an output belong to places (of its own) without data; None if none does."""
        main = self.arguments[self.main_input].dims if self.places is None else self.outputs[output]
        return places.mark(shape, self.outputs[output], main, where)

    def with_zeros(self, array: np.ndarray, where: np.ndarray) -> np.ndarray:
        """Return the main input with zeros at places without data."""
        return places.filled(array, where, self.arguments[self.main_input].dims)

    def without_data(self, values: Mapping[str, Any], where: np.ndarray | None) -> np.ndarray | None:
        """Return the places of the outputs without data, from those of the main input; None if all have some."""
        found = where if self.places is None else self.places(values, where)
        return found if found is not None and found.any() else None

    def lost(self, before: np.ndarray | None, after: np.ndarray, names: Sequence[Any] | None) -> str | None:
        """Say which places of the outputs have no data from this block on, by their names; None if none is new."""
        new = after if before is None or self.places is not None else after & ~before
        place = "parcels" if self.places is not None else str(self.place)
        return places.told(new, names, place, self.varies) if new.any() else None

    def start_of(self, name: str, given: Mapping[str, Any]) -> Any:
        """Return the number at which a parameter marked with a bare `Learn()` starts: its default, or equal weights."""
        if name == self.mixes:
            count = len(self.options(given))
            return np.full(count, 1 / count)
        return self.arguments[name].default

    def checked(
        self,
        values: Mapping[str, Any],
        where: str = "",
        waiting: Mapping[str, Any] | None = None,
        counted: bool = True,
    ) -> dict[str, Any]:
        """Convert arrays, fill in inferred static arguments, and raise one clear error on bad values.

        `values` are concrete; what is not known yet (the output of an earlier, fused step) is absent, and what would be
        inferred from it stays None, for the function to find. Of what is `waiting` on disk only the shape is known. If
        `counted`, degrees of freedom are, from these values alone.
        """
        with prefixed(where or self.name):
            complete = dict(values)
            complete |= {n: self.arguments[n].converted(v) for n, v in values.items() if n in self.arguments}
            known = {n: v for n, v in complete.items() if n in self.arguments and v is not None}
            self.check_shapes({name: np.shape(value) for name, value in known.items()}, waiting)
            for name, value in known.items():
                checks.check_finite(self.arguments[name], value)
                checks.check_option(self.arguments[name], value)
                checks.check_matrix(self.arguments[name], value)
                checks.check_weights(self.arguments[name], value)
            self.check_together(complete)
            for name in known:
                checks.check_bounds(self.arguments[name], complete)
            for name in self.infer:
                if complete.get(name) is None:
                    complete[name] = self._inferred(name, complete)
            few = self.left(complete, of_series(self.arguments, complete))[1] if counted else None
        if few is not None:
            warn(f"{where or self.name}: {few}")
        return complete

    def _inferred(self, name: str, values: Mapping[str, Any]) -> Any:
        """Find a static argument from the others; None if it takes one that is not known yet."""
        with self._unless_unknown(values):
            return self.infer[name](values)
        return None

    def check_together(self, values: Mapping[str, Any]) -> None:
        """Call the block's own check; one that asks for an argument that is not known yet says nothing."""
        if self.check is not None:
            with self._unless_unknown(values):
                self.check(values)

    @contextlib.contextmanager
    def _unless_unknown(self, values: Mapping[str, Any]) -> Iterator[None]:
        """Leave a rule where it asks for an argument that is not known yet."""
        try:
            yield
        except KeyError as error:
            if error.args[0] in values or error.args[0] not in self.arguments:
                raise

    def check_lengths(self, known: Mapping[str, Any], shapes: Mapping[str, tuple[int, ...]]) -> None:
        """Refuse what the block's check refuses of known values beside series of which the shapes are known.

        A check that asks for their values says nothing.
        """
        series = {n: Shaped(shape) for n, shape in shapes.items() if n not in known and len(shape) > 1}
        if self.check is None or not series:
            return
        import jax

        try:
            with jax.ensure_compile_time_eval():  # numbers, also while somebody compiles the program
                self.check({**known, **series})
        except ValueError:
            raise
        except Exception:  # whatever comes of an array without values
            return

    def check_shapes(self, shapes: Mapping[str, tuple[int, ...]], waiting: Mapping[str, Any] | None = None) -> None:
        """Refuse shapes that are not those declared, or do not agree; also of values that are still traced."""
        arrays = {name: shape for name, shape in shapes.items() if self.arguments[name].role != "static"}
        arrays |= {name: value.shape for name, value in (waiting or {}).items()}
        first = {name: arrays[name] for name in (self.main_input,) if name in arrays}
        checks.check_shapes(self.arguments, first | arrays)
