"""What an author declared: arguments, dimensions, bounds; values are checked against it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pydra_diffconn.declare.parameters import Parameter


@dataclass(frozen=True)
class Argument:
    """One argument of a block, as its signature declares it."""

    name: str
    role: str
    """`data` (array or file), `parameter` (learnable), `number` (traced, never learned) or `static` (plain Python)."""
    dims: str = ""
    optional: bool = False
    default: Any = inspect.Parameter.empty
    parameter: Parameter | None = None


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

    def start_of(self, name: str, given: Mapping[str, Any]) -> Any:
        """Return the number at which a parameter marked with a bare `Learn()` starts: its default, or equal weights."""
        if name == self.mixes:
            count = len(self.options(given))
            return np.full(count, 1 / count)
        return self.arguments[name].default

    def checked(self, values: Mapping[str, Any], where: str = "") -> dict[str, Any]:
        """Fill in inferred static arguments and raise one clear error on bad values.

        `values` are concrete; what is not known yet (the output of an earlier, fused step) is absent.
        """
        complete = dict(values)
        try:
            if self.check is not None:
                self.check(complete)
            for name, parameter in self.parameters.items():
                self._check_bounds(name, parameter, complete)
            for name, rule in self.infer.items():
                if complete.get(name) is None:
                    complete[name] = rule(complete)
        except ValueError as error:
            raise ValueError(f"{where or self.name}: {error}") from None
        return complete

    def _check_bounds(self, name: str, parameter: Parameter, values: Mapping[str, Any]) -> None:
        value = values.get(name)
        if value is None:
            return
        constraint = parameter.constraint.resolved(values)
        if not constraint.contains(value):
            shown = f"{value:g}" if np.ndim(value) == 0 else str(np.asarray(value))
            expected, here = parameter.constraint.describe(), constraint.describe()
            more = "" if here == expected else f", here {here}"
            raise ValueError(f"{name} = {shown} {parameter.unit} is outside {expected}{more}".replace("  ", " "))
