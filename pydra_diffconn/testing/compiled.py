"""A block as it runs in production: compiled, one program for its values and one for all its gradients."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from pydra_diffconn.testing.cases import Case


def outputs(block: Any, values: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return what a block's function returns, as a tuple."""
    out = block.pure(**values)
    return out if isinstance(out, tuple) else (out,)


class Compiled:
    """A case's block, compiled for the static arguments of a case; calls with other shapes compile anew.

    Parameters
    ----------
    case : Case
        The block and its inputs.
    values : dict, optional
        Other inputs than the case's, which nothing checks.
    """

    def __init__(self, case: Case, values: Mapping[str, Any] | None = None) -> None:
        import jax

        self.case, self.block, self.declaration = case, case.block, case.block.declaration
        self.values = case.filled() if values is None else dict(values)
        self.static = self._static(self.values)
        self.results = jax.jit(lambda traced: outputs(self.block, {**self.static, **traced}))
        self._slopes = jax.jit(jax.value_and_grad(self._scored, has_aux=True))

    def __call__(self, **changed: Any) -> tuple[Any, ...]:
        """Return the outputs, compiled, with some arguments changed."""
        return self.results(self.traced({**self.values, **changed}))

    def traced(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return the values that are arguments of the compiled program.

        Copied: JAX keeps the buffer of an array that a program closed over, and takes it in the other precision, too.
        """
        return {n: np.array(v) if isinstance(v, np.ndarray) else v for n, v in values.items() if n not in self.static}

    def takes(self, values: Mapping[str, Any]) -> bool:
        """Return whether this program was compiled for the static ones of these values."""
        static = self._static(values)
        return static.keys() == self.static.keys() and all(
            value is self.static[name] or np.array_equal(value, self.static[name]) for name, value in static.items()
        )

    def of(self, values: Mapping[str, Any]) -> Compiled:
        """Return this program, or another if the static ones of these values are others."""
        return self if self.takes(values) else Compiled(self.case, values)

    def batched(self, name: str, values: Any) -> tuple[Any, ...]:
        """Return the outputs for several values of one argument, stacked."""
        import jax

        axes = {other: 0 if other == name else None for other in self.traced(self.values)}
        return jax.jit(jax.vmap(self.results, in_axes=(axes,)))({**self.traced(self.values), name: values})

    def whole(self, values: Mapping[str, Any]) -> tuple[Any, tuple[Any, ...]]:
        """Return one compiled function of these values, and its arguments: the gradients with the outputs, if any."""
        smooth = self.smooth(values)
        if not smooth:
            return self.results, (self.traced(values),)
        return self._slopes, (smooth, self._others(smooth, values))

    def smooth(self, values: Mapping[str, Any]) -> dict[str, np.ndarray]:
        """Return the values of the arguments that this case differentiates."""
        chosen = self.case.smooth
        names = chosen if chosen is not None else [self.declaration.main_input, *self.declaration.parameters]
        return {name: np.asarray(values[name], dtype=float) for name in names if values.get(name) is not None}

    def slopes(
        self, smooth: Mapping[str, Any], values: Mapping[str, Any]
    ) -> tuple[float, tuple[Any, ...], dict[str, np.ndarray]]:
        """Return a score of all outputs, the outputs, and the score's gradient to each smooth argument."""
        (score, results), slopes = self._slopes(dict(smooth), self._others(smooth, values))
        return float(score), results, {name: np.asarray(slope) for name, slope in slopes.items()}

    def slopes_op_by_op(
        self, smooth: Mapping[str, Any], values: Mapping[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, np.ndarray]]:
        """Return the outputs and the gradients as they are without compiling."""
        import jax

        score = jax.value_and_grad(self._scored, has_aux=True)
        (_, results), slopes = score(dict(smooth), self._others(smooth, values))
        return results, {name: np.asarray(slope) for name, slope in slopes.items()}

    def _others(self, smooth: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in self.traced(values).items() if name not in smooth}

    def _static(self, values: Mapping[str, Any]) -> dict[str, Any]:
        arguments = self.declaration.arguments
        return {n: v for n, v in values.items() if v is None or arguments[n].role == "static"}

    def _scored(self, smooth: Mapping[str, Any], others: Mapping[str, Any]) -> tuple[Any, tuple[Any, ...]]:
        """Return a random, fixed combination of all outputs, and the outputs."""
        import jax.numpy as jnp

        rng, score = np.random.default_rng(2), jnp.zeros(())
        results = outputs(self.block, {**self.static, **others, **smooth})
        for result in results:
            score = score + jnp.sum(rng.standard_normal(np.shape(result)) * result)
        return score, results
