"""Static arguments that follow from others, such as labels from an atlas: found where a function is called, too."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

Rule = Callable[[Mapping[str, Any]], Any]


@dataclass(frozen=True)
class Shaped:
    """An array of which the shape alone is known, for a check or a rule that asks for no more."""

    shape: tuple[int, ...]

    def __len__(self) -> int:
        return self.shape[0]

    def __array__(self, *how: Any, **more: Any) -> np.ndarray:
        raise TypeError("the values are not known yet")


def inferring(function: Callable[..., Any], rules: Mapping[str, Rule]) -> Callable[..., Any]:
    """Return a function that finds by their rules what it was not given.

    Of what is traced the shape alone is known.
    """

    @functools.wraps(function)
    def computed(*args: Any, **settings: Any) -> Any:
        given = inspect.signature(function).bind(*args, **settings)  # kept outside, its types would be hashed
        given.apply_defaults()
        for name, rule in rules.items():
            if given.arguments[name] is None:
                given.arguments[name] = _found(function.__name__, name, rule, given.arguments)
        return function(*given.args, **given.kwargs)

    return computed


def _found(function: str, name: str, rule: Rule, values: Mapping[str, Any]) -> Any:
    import jax

    known = {n: Shaped(v.shape) if isinstance(v, jax.core.Tracer) else v for n, v in values.items()}
    try:
        return rule(known)
    except ValueError as error:
        raise ValueError(f"{function}: {error}") from None
    except TypeError:
        raise ValueError(
            f"{function}: {name} follows from values that are not known while this is compiled (the output of an "
            f"earlier step, or an argument of jax.jit); give {name}"
        ) from None
