"""What a function costs, counted from its equations: XLA's own count takes the body of a loop once."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

FREE = {"broadcast_in_dim", "reshape", "squeeze", "convert_element_type", "stop_gradient", "copy", "iota"}
"""Primitives that compute nothing and are fused."""


MOVES = {"transpose", "slice", "dynamic_slice", "dynamic_update_slice", "gather", "concatenate", "pad", "rev"}
"""Primitives that compute nothing, but read and write."""


CUBES = {"cholesky": 1 / 3, "lu": 2 / 3, "geqrf": 2, "householder_product": 2, "eigh": 9, "svd": 14}
"""Operations of matrix functions, in units of rows x columns x the smaller of both; of iterations, about."""


def cost(function: Callable[..., Any], *arguments: Any) -> dict[str, float]:
    """Return the operations, the bytes that are read and written, and the peak of temporary memory of a function.

    An equation that works element by element is taken to be fused with the next one, and to move nothing. Loops whose
    length is known count every turn, others one; of branches the dearest counts. Peak memory is the compiler's.
    """
    import jax

    shapes = jax.tree.map(
        lambda a: jax.ShapeDtypeStruct(np.shape(a), jax.dtypes.canonicalize_dtype(a.dtype)), arguments
    )
    traced = jax.make_jaxpr(function)(*shapes)
    operations, moved = _count(traced.jaxpr)
    memory = jax.jit(function).lower(*shapes).compile().memory_analysis()
    return {
        "FLOP": float(operations),
        "B moved": float(moved + sum(map(_bytes, (*traced.jaxpr.invars, *traced.jaxpr.outvars)))),
        "B at peak": float(memory.temp_size_in_bytes + memory.output_size_in_bytes) if memory else 0.0,
    }


def kept_for_gradient(function: Callable[..., Any], parameters: Any, *arguments: Any) -> tuple[float, float]:
    """Return the bytes that the derivative by the parameters keeps of the way there, and those of the results."""
    import jax

    parameters, *arguments = jax.tree.map(
        lambda a: jax.ShapeDtypeStruct(np.shape(a), jax.dtypes.canonicalize_dtype(a.dtype)), (parameters, *arguments)
    )
    results, back = jax.eval_shape(
        lambda values, given: jax.vjp(lambda values: function(values, *given), values), parameters, arguments
    )
    return tuple(sum(a.size * a.dtype.itemsize for a in jax.tree.leaves(tree)) for tree in (back, results))


def _count(jaxpr: Any) -> tuple[float, float]:
    """Return operations and bytes of all equations, those inside others included."""
    operations = moved = 0.0
    for equation in jaxpr.eqns:
        name, inner = equation.primitive.name, [_count(one) for one in _inside(equation)]
        if name == "cond":
            more = max(inner)
        elif inner:
            turns = equation.params["length"] if name == "scan" else 1
            more = turns * sum(one[0] for one in inner), turns * sum(one[1] for one in inner)
        else:
            more = _operations(equation), _moved(equation)
        operations, moved = operations + more[0], moved + more[1]
    return operations, moved


def _inside(equation: Any) -> Iterator[Any]:
    """Yield the equations' own programs: bodies of loops, branches, called functions."""
    if equation.primitive.name == "custom_linear_solve":  # the others are for its derivative
        yield equation.params["jaxprs"].solve.jaxpr
        return
    for value in equation.params.values():
        for one in value if isinstance(value, tuple | list) else [value]:
            if hasattr(one, "eqns") or hasattr(one, "jaxpr"):
                yield getattr(one, "jaxpr", one)


def _operations(equation: Any) -> float:
    name, shapes = equation.primitive.name, [np.shape(one.aval) for one in equation.invars]
    out = max((math.prod(np.shape(one.aval)) for one in equation.outvars), default=0)
    if name in FREE | MOVES:
        return 0
    if name == "dot_general":
        (contracted, _), _ = equation.params["dimension_numbers"]
        return 2 * out * math.prod(shapes[0][axis] for axis in contracted)
    if name == "conv_general_dilated":
        numbers = equation.params["dimension_numbers"]
        return 2 * out * math.prod(shapes[1]) / shapes[1][numbers.rhs_spec[0]]
    if name == "fft":
        length = math.prod(equation.params["fft_lengths"])
        halved = 2 if "RFFT" in equation.params["fft_type"].name else 1
        return 5 * max(math.prod(shapes[0]), out) * math.log2(max(length, 2)) / halved
    if name in CUBES:
        return CUBES[name] * math.prod(shapes[0]) * min(shapes[0][-2:])
    if name == "triangular_solve":
        return math.prod(shapes[1]) * shapes[0][-1]
    if name == "sort":
        return out * math.log2(max(shapes[0][equation.params["dimension"]], 2))
    return max([out, *map(math.prod, shapes)]) if name.startswith(("reduce", "arg", "scatter")) else out


def _moved(equation: Any) -> float:
    """Return the bytes that an equation reads and writes, none if it works element by element."""
    name, out = equation.primitive.name, equation.outvars[0]
    same = all(np.shape(one.aval) in ((), np.shape(out.aval)) for one in equation.invars)
    if name in FREE or (same and name not in ("fft", "sort", "cumsum", *CUBES)):
        return 0
    if name in ("slice", "dynamic_slice", "gather"):  # of a large array a part
        return 2 * _bytes(out)
    if name == "dynamic_update_slice" or name.startswith("scatter"):  # in place
        return 2 * _bytes(equation.invars[1 if name == "dynamic_update_slice" else 2])
    return sum(map(_bytes, (*equation.invars, out)))


def _bytes(variable: Any) -> float:
    kind = getattr(variable.aval, "dtype", None)
    return math.prod(np.shape(variable.aval)) * getattr(kind, "itemsize", 8)
