"""The contract that every block keeps, as one function: `check_block`; also for blocks of other people."""

from __future__ import annotations

import inspect
import pickle
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from pydra_diffconn.testing.cases import Case, Finding

GRADIENT_TOLERANCE = 1e-4
STEPS = 100  # random steps in the free space, after which a constraint must still hold


def check_block(block: Any, arguments: Any = None, oracle: Callable | None = None, **settings: Any) -> list[Finding]:
    """Check a block (or a `Case`) against the whole contract; raise AssertionError with all that fails.

    >>> from pydra_diffconn.blocks import FisherZ
    >>> all(finding.ok for finding in check_block(FisherZ))
    True
    """
    case = block if isinstance(block, Case) else Case(block, arguments or {}, oracle, **settings)
    return judged(case, list(examine(case)))


def judged(case: Case, findings: list[Finding]) -> list[Finding]:
    """Return the findings; raise AssertionError with all that fails."""
    failed = [f"  {finding.item}: {finding.note}" for finding in findings if not finding.ok]
    if failed:
        raise AssertionError("\n".join([f"{case.block.declaration.id} breaks its contract:", *failed]))
    return findings


def examine(case: Case) -> Iterator[Finding]:
    """Yield each item of the contract with its outcome; an item that raises counts as failed."""
    import jax

    checks = (_documented, _pickles, _hashes, _shapes, _transforms, _oracle, _single, _facts, _gradients)
    with jax.enable_x64(True):
        for check in (*checks, _degenerate, _constraints):
            try:
                yield from check(case)
            except Exception as error:
                name = check.__name__.removeprefix("_")
                yield Finding(name, False, f"{type(error).__name__}: {str(error).strip()[:300]}")


def _call(block: Any, values: Mapping[str, Any]) -> tuple:
    out = block.pure(**values)
    return out if isinstance(out, tuple) else (out,)


def _traced(block: Any, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values that may be traced, as float64 arrays where they are real."""
    import jax.numpy as jnp

    arguments = block.declaration.arguments
    return {n: jnp.asarray(v) for n, v in values.items() if v is not None and arguments[n].role != "static"}


def _real(values: Mapping[str, Any]) -> list[str]:
    return [name for name, value in values.items() if np.issubdtype(np.asarray(value).dtype, np.floating)]


def _documented(case: Case) -> Iterator[Finding]:
    text = inspect.getdoc(case.block) or ""
    yield Finding("docstring", len(text.split()) > 3, "one sentence of what it computes is missing")
    for name, parameter in case.block.declaration.parameters.items():
        described = name in text or bool(parameter.help)
        yield Finding(f"help of {name}", described, "say what it is, in Parameter(help=...) or the docstring")


def _pickles(case: Case) -> Iterator[Finding]:
    same = pickle.loads(pickle.dumps(case.block)) is case.block
    yield Finding("pickle", same, "define the block at the top level of an importable module")


def _hashes(case: Case) -> Iterator[Finding]:
    values = {name: value for name, value in case.filled().items() if value is not None}
    checksum = lambda changed: case.block(**{**values, **changed})._checksum  # noqa: E731
    first = checksum({})
    yield Finding("hash is repeatable", first == checksum({}), "the same inputs gave two checksums")
    for name, value in values.items():
        role = case.block.declaration.arguments[name].role
        if role == "static" or not np.issubdtype(np.asarray(value).dtype, np.floating):
            continue
        other = value + 1e-3 if np.ndim(value) == 0 else np.where(np.arange(np.size(value)) == 0, 1e-3, 0.0)
        other = other if np.ndim(value) == 0 else value + other.reshape(np.shape(value))
        yield Finding(f"hash sees {name}", checksum({name: other}) != first, "a changed value has the same checksum")


def _shapes(case: Case) -> Iterator[Finding]:
    values, declaration = case.filled(), case.block.declaration
    sizes: dict[str, int] = {}
    for name, argument in declaration.arguments.items():
        if values.get(name) is not None and argument.dims:
            sizes |= dict(zip(argument.dims.split(), np.shape(values[name]), strict=False))
    for (name, dims), result in zip(declaration.outputs.items(), _call(case.block, values), strict=True):
        names = dims.split()
        fits = np.ndim(result) == len(names) or "..." in dims
        fits = fits and all(
            sizes.get(d, n) == n for d, n in zip(names, np.shape(result), strict=False) if d.isidentifier()
        )
        yield Finding(f"shape of {name}", fits, f"declared ({dims}), returned {np.shape(result)}")
        yield Finding(f"{name} is finite", bool(np.all(np.isfinite(result))), "NaN or infinity on regular input")


def _transforms(case: Case) -> Iterator[Finding]:
    import jax
    import jax.numpy as jnp

    values = case.filled()
    traced = _traced(case.block, values)
    static = {name: value for name, value in values.items() if name not in traced}
    run = lambda traced: _call(case.block, {**static, **traced})  # noqa: E731
    plain = run(traced)
    yield _compare("jit", jax.jit(run)(traced), plain, 1e-9)
    main = case.block.declaration.main_input
    both = jnp.stack([traced[main], traced[main][..., ::-1] if traced[main].ndim < 2 else traced[main][:, ::-1]])
    batched = jax.vmap(lambda one: run({**traced, main: one}))(both)
    yield _compare("vmap", [result[0] for result in batched], plain, 1e-9)


def _compare(item: str, found: Sequence, expected: Sequence, tolerance: float) -> Finding:
    worst = 0.0
    for one, other in zip(found, expected, strict=True):
        one, other = np.asarray(one, dtype=float), np.asarray(other, dtype=float)
        if one.shape != other.shape:
            return Finding(item, False, f"shape {one.shape}, expected {other.shape}")
        if one.size:
            scale = max(1.0, float(np.max(np.abs(other))))
            worst = max(worst, float(np.max(np.abs(one - other))) / scale)
    return Finding(item, worst <= tolerance, f"differs by {worst:.2e}, allowed {tolerance:.0e}", worst)


def _expected(case: Case, values: Mapping[str, Any]) -> tuple:
    assert case.oracle is not None
    out = case.oracle(**{name: np.array(v) if np.ndim(v) else v for name, v in values.items()})
    return out if isinstance(out, tuple) else (out,)


def _oracle(case: Case) -> Iterator[Finding]:
    if case.oracle is not None:
        values = case.filled()
        yield _compare("oracle, float64", _call(case.block, values), _expected(case, values), case.tolerance)


def _single(case: Case) -> Iterator[Finding]:
    import jax

    values = case.filled()
    single = {n: np.asarray(v, np.float32) if n in _real(values) and np.ndim(v) else v for n, v in values.items()}
    with jax.enable_x64(False):
        found = [np.asarray(result) for result in _call(case.block, single)]
    kept = all(result.dtype != np.float64 for result in found)
    yield Finding("float32 stays float32", kept, "a float32 input gave a float64 output")
    expected = _expected(case, values) if case.oracle is not None else _call(case.block, values)
    yield _compare("oracle, float32" if case.oracle else "float32", found, expected, case.tolerance32)


def _facts(case: Case) -> Iterator[Finding]:
    declaration, values = case.block.declaration, case.filled()
    if declaration.linear_in:
        x = values[declaration.linear_in]
        y = np.random.default_rng(1).standard_normal(np.shape(x))
        at = lambda x: _call(case.block, {**values, declaration.linear_in: x})  # noqa: E731
        combined = [2 * a - 3 * b for a, b in zip(at(x), at(y), strict=True)]
        yield _compare(f"linear in {declaration.linear_in}", at(2 * x - 3 * y), combined, 1e-8)
    if declaration.mixes:
        names = declaration.options(values)
        for name, corner in zip(names, np.eye(len(names)), strict=True):
            found = _call(case.block, {**values, declaration.mixes: corner})
            yield _compare(f"{declaration.mixes} at a corner give {name}", found, [values[name]], 0.0)
    if declaration.acts_along == "time":
        main = declaration.main_input
        part = {**values, main: values[main][:, ::2]}
        found, whole = _call(case.block, part), _call(case.block, values)
        yield _compare("acts along time", found, [result[:, ::2] for result in whole], 1e-8)
    if declaration.acts_along == "space":
        main = declaration.main_input
        part = {**values, main: values[main][::2]}
        found, whole = _call(case.block, part), _call(case.block, values)
        yield _compare("acts along space", found, [result[::2] for result in whole], 1e-8)


def _smooth(case: Case, values: Mapping[str, Any]) -> list[str]:
    declaration = case.block.declaration
    names = case.smooth if case.smooth is not None else [declaration.main_input, *declaration.parameters]
    return [name for name in dict.fromkeys(names) if values.get(name) is not None]


def _scalar(case: Case, values: Mapping[str, Any], name: str) -> Callable:
    """Return a scalar function of one argument: a random, fixed combination of all outputs."""

    def total(value: Any) -> Any:
        import jax.numpy as jnp

        rng = np.random.default_rng(2)
        result: Any = 0.0
        for output in _call(case.block, {**values, name: value}):
            result = result + jnp.sum(rng.standard_normal(np.shape(output)) * output)
        return result

    return total


def _gradients(case: Case) -> Iterator[Finding]:
    import jax

    values = case.filled()
    for name in _smooth(case, values):
        function = jax.jit(_scalar(case, values, name))
        at = np.asarray(values[name], dtype=float)
        slope = np.asarray(jax.grad(function)(at))
        worst, largest = 0.0, max(1.0, float(np.max(np.abs(slope), initial=0.0)))
        for place in np.random.default_rng(3).choice(at.size, min(5, at.size), replace=False):
            step = 1e-5 * max(1.0, abs(at.flat[place]))
            step = min(step, abs(at.flat[place]) / 4) if np.ndim(at) == 0 and at != 0 else step
            up, down = at.copy(), at.copy()
            up.flat[place] += step
            down.flat[place] -= step
            measured = (float(function(up)) - float(function(down))) / (2 * step)
            worst = max(worst, abs(float(slope.flat[place]) - measured) / largest)
        ok = bool(np.all(np.isfinite(slope))) and worst < GRADIENT_TOLERANCE
        yield Finding(f"gradient to {name}", ok, f"finite differences differ by {worst:.1e}", worst)


def _degenerate(case: Case) -> Iterator[Finding]:
    import jax

    for label, extra in case.degenerate.items():
        values = case.filled(extra)
        finite = all(np.all(np.isfinite(result)) for result in _call(case.block, values))
        yield Finding(f"{label}: value", finite, "NaN or infinity")
        for name in _smooth(case, values):
            slope = jax.grad(_scalar(case, values, name))(np.asarray(values[name], dtype=float))
            yield Finding(f"{label}: gradient to {name}", bool(np.all(np.isfinite(slope))), "NaN or infinity")


def _constraints(case: Case) -> Iterator[Finding]:
    values, rng = case.filled(), np.random.default_rng(4)
    for name, parameter in case.block.declaration.parameters.items():
        if values.get(name) is None:
            continue
        rule = parameter.constraint.resolved(values)
        free = np.asarray(rule.to_free(np.asarray(values[name], dtype=float)))
        for _ in range(STEPS):
            free = free + rng.standard_normal(free.shape)
        held = rule.contains(np.asarray(rule.from_free(free)))
        yield Finding(
            f"constraint on {name}", held, f"left {parameter.constraint.describe()} after {STEPS} random steps"
        )
