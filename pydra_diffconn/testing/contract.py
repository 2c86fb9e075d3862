"""The contract that every block keeps, as one function: `check_block`; also for blocks of other people."""

from __future__ import annotations

import inspect
import pickle
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from pydra_diffconn.testing.cases import Case, Finding
from pydra_diffconn.testing.compiled import Compiled, outputs
from pydra_diffconn.testing.edges import edges, taken

GRADIENT_TOLERANCE = 1e-4
STEPS = 100  # random steps in the free space, after which a constraint must still hold


def check_block(
    block: Any, arguments: Any = None, oracle: Callable[..., Any] | None = None, **settings: Any
) -> list[Finding]:
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


def examine(case: Case, before: Sequence[Case] = ()) -> Iterator[Finding]:
    """Yield each item of the contract with its outcome; an item that raises counts as failed.

    Parameters
    ----------
    case : Case
        The block and its inputs.
    before : sequence of Case
        Cases examined already: what depends on the block and the names of its arguments alone is not examined again.
    """
    import jax

    with jax.enable_x64(True):
        try:
            run = Compiled(case)
        except Exception as error:
            yield _failed("inputs", error)
            return
        checks = (_shapes, _transforms, _oracle, _single, _facts, _gradients, _degenerate)
        for check in (
            *checks,
            *(() if _seen(case, before) else (_documented, _pickles, _hashes, _constraints, _bounds, _edges)),
        ):
            try:
                yield from check(run)
            except Exception as error:
                yield _failed(check.__name__.removeprefix("_"), error)


def _failed(item: str, error: Exception) -> Finding:
    return Finding(item, False, f"{type(error).__name__}: {str(error).strip()[:300]}")


def _seen(case: Case, before: Sequence[Case]) -> bool:
    """Return whether an earlier case of this block has a value wherever this one has."""
    given = lambda case: {name for name, value in case.filled().items() if value is not None}  # noqa: E731
    return any(other.block is case.block and given(case) <= given(other) for other in before)


def _real(values: Mapping[str, Any]) -> list[str]:
    return [name for name, value in values.items() if np.issubdtype(np.asarray(value).dtype, np.floating)]


def _documented(run: Compiled) -> Iterator[Finding]:
    text = inspect.getdoc(run.block) or ""
    yield Finding("docstring", len(text.split()) > 3, "one sentence of what it computes is missing")
    for name, parameter in run.declaration.parameters.items():
        described = name in text or bool(parameter.help)
        yield Finding(f"help of {name}", described, "say what it is, in Parameter(help=...) or the docstring")


def _pickles(run: Compiled) -> Iterator[Finding]:
    same = pickle.loads(pickle.dumps(run.block)) is run.block
    yield Finding("pickle", same, "define the block at the top level of an importable module")


def _hashes(run: Compiled) -> Iterator[Finding]:
    values = {name: value for name, value in run.values.items() if value is not None}
    checksum = lambda changed: run.block(**{**values, **changed})._checksum  # noqa: E731
    first = checksum({})
    yield Finding("hash is repeatable", first == checksum({}), "the same inputs gave two checksums")
    for name, value in values.items():
        role = run.declaration.arguments[name].role
        if role == "static" or not np.issubdtype(np.asarray(value).dtype, np.floating):
            continue
        other = value + 1e-3 if np.ndim(value) == 0 else np.where(np.arange(np.size(value)) == 0, 1e-3, 0.0)
        other = other if np.ndim(value) == 0 else value + other.reshape(np.shape(value))
        yield Finding(f"hash sees {name}", checksum({name: other}) != first, "a changed value has the same checksum")


def _shapes(run: Compiled) -> Iterator[Finding]:
    sizes: dict[str, int] = {}
    for name, argument in run.declaration.arguments.items():
        if run.values.get(name) is not None and argument.dims:
            sizes |= dict(zip(argument.dims.split(), np.shape(run.values[name]), strict=False))
    for (name, dims), result in zip(run.declaration.outputs.items(), run(), strict=True):
        names = dims.split()
        fits = np.ndim(result) == len(names) or "..." in dims
        fits = fits and all(
            sizes.get(d, n) == n for d, n in zip(names, np.shape(result), strict=False) if d.isidentifier()
        )
        yield Finding(f"shape of {name}", fits, f"declared ({dims}), returned {np.shape(result)}")
        yield Finding(f"{name} is finite", bool(np.all(np.isfinite(result))), "NaN or infinity on regular input")


def _transforms(run: Compiled) -> Iterator[Finding]:
    compiled = run()
    yield _compare("jit", compiled, outputs(run.block, run.values), 1e-9)
    main = np.asarray(run.values[run.declaration.main_input])
    both = np.stack([main, main[..., ::-1] if main.ndim < 2 else main[:, ::-1]])
    batched = run.batched(run.declaration.main_input, both)
    yield _compare("vmap", [result[0] for result in batched], compiled, 1e-9)


def _compare(item: str, found: Sequence[Any], expected: Sequence[Any], tolerance: float) -> Finding:
    worst = 0.0
    for one, other in zip(found, expected, strict=True):
        one, other = np.asarray(one, dtype=float), np.asarray(other, dtype=float)
        if one.shape != other.shape:
            return Finding(item, False, f"shape {one.shape}, expected {other.shape}")
        if one.size:
            scale = max(1.0, float(np.max(np.abs(other))))
            worst = max(worst, float(np.max(np.abs(one - other))) / scale)
    return Finding(item, worst <= tolerance, f"differs by {worst:.2e}, allowed {tolerance:.0e}", worst)


def _expected(case: Case, values: Mapping[str, Any]) -> tuple[Any, ...]:
    assert case.oracle is not None
    out = case.oracle(**{name: np.array(v) if np.ndim(v) else v for name, v in values.items()})
    return out if isinstance(out, tuple) else (out,)


def _oracle(run: Compiled) -> Iterator[Finding]:
    if run.case.oracle is not None:
        yield _compare("oracle, float64", run(), _expected(run.case, run.values), run.case.tolerance)


def _single(run: Compiled) -> Iterator[Finding]:
    import jax

    real, case = _real(run.values), run.case
    single = {n: np.asarray(v, np.float32) if n in real and np.ndim(v) else v for n, v in run.values.items()}
    with jax.enable_x64(False):
        found = [np.asarray(result) for result in run(**single)]
    kept = all(result.dtype != np.float64 for result in found)
    yield Finding("float32 stays float32", kept, "a float32 input gave a float64 output")
    expected = _expected(case, run.values) if case.oracle is not None else run()
    yield _compare("oracle, float32" if case.oracle else "float32", found, expected, case.tolerance32)


def _facts(run: Compiled) -> Iterator[Finding]:
    declaration, values = run.declaration, run.values
    if declaration.linear_in:
        x = values[declaration.linear_in]
        y = np.random.default_rng(1).standard_normal(np.shape(x))
        at = lambda x: run(**{declaration.linear_in: x})  # noqa: E731
        combined = [2 * a - 3 * b for a, b in zip(at(x), at(y), strict=True)]
        yield _compare(f"linear in {declaration.linear_in}", at(2 * x - 3 * y), combined, 1e-8)
    if declaration.mixes:
        names = declaration.options(values)
        for name, corner in zip(names, np.eye(len(names)), strict=True):
            found = run(**{declaration.mixes: corner})
            yield _compare(f"{declaration.mixes} at a corner give {name}", found, [values[name]], 0.0)
    if declaration.skips and declaration.place is not None and np.shape(values[declaration.main_input])[-1] > 1:
        yield _skips(run)
    half = {"time": np.s_[:, ::2], "space": np.s_[::2]}.get(declaration.acts_along)
    if half is not None:
        found = run(**{declaration.main_input: values[declaration.main_input][half]})
        yield _compare(f"acts along {declaration.acts_along}", found, [result[half] for result in run()], 1e-8)


def _skips(run: Compiled) -> Finding:
    """Compare what a block gives beside a place of zeros with what it gives without that place."""
    declaration = run.declaration
    where = np.arange(np.shape(run.values[declaration.main_input])[-1]) == 1
    filled = declaration.with_zeros(np.asarray(run.values[declaration.main_input]), where)
    fewer = {}
    for name, value in {**run.values, declaration.main_input: filled}.items():
        dims = declaration.arguments[name].dims.split()
        for axis, dim in enumerate(dims if np.ndim(value) == len(dims) else ()):
            value = np.delete(value, 1, axis=axis) if dim == declaration.place else value
        fewer[name] = value
    beside, without = run(**{declaration.main_input: filled}), run(**fewer)
    rest = []
    for name, result in zip(declaration.outputs, beside, strict=True):
        mark = declaration.mark(name, np.shape(result), where)
        rest.append(np.ravel(result) if mark is None else np.asarray(result)[~mark])
    return _compare("skips places without data", rest, [np.ravel(result) for result in without], 1e-8)


def _gradients(run: Compiled) -> Iterator[Finding]:
    smooth = run.smooth(run.values)
    if not smooth:
        return
    score = lambda changed: run.slopes({**smooth, **changed}, run.values)[0]  # noqa: E731
    for name, slope in run.slopes(smooth, run.values)[2].items():
        worst = _distance_from_differences(lambda at, name=name: score({name: at}), smooth[name], slope)
        ok = bool(np.all(np.isfinite(slope))) and worst < GRADIENT_TOLERANCE
        yield Finding(f"gradient to {name}", ok, f"finite differences differ by {worst:.1e}", worst)


def _distance_from_differences(score: Callable[[np.ndarray], float], at: np.ndarray, slope: np.ndarray) -> float:
    """Return the largest difference from central differences at five entries, relative to the largest slope above 1."""
    worst, largest = 0.0, max(1.0, float(np.max(np.abs(slope), initial=0.0)))
    for place in np.random.default_rng(3).choice(at.size, min(5, at.size), replace=False):
        step = 1e-5 * max(1.0, abs(at.flat[place]))
        step = min(step, abs(at.flat[place]) / 4) if np.ndim(at) == 0 and at != 0 else step
        up, down = at.copy(), at.copy()
        up.flat[place] += step
        down.flat[place] -= step
        measured = (score(up) - score(down)) / (2 * step)
        worst = max(worst, abs(float(slope.flat[place]) - measured) / largest)
    return worst


def _degenerate(run: Compiled) -> Iterator[Finding]:
    for label, extra in run.case.degenerate.items():
        values = run.case.filled(extra)
        program = run.of(values)
        _, results, slopes = program.slopes(program.smooth(values), values)
        finite = all(np.all(np.isfinite(result)) for result in results)
        yield Finding(f"{label}: value", finite, "NaN or infinity")
        for name, slope in slopes.items():
            yield Finding(f"{label}: gradient to {name}", bool(np.all(np.isfinite(slope))), "NaN or infinity")


def _edges(run: Compiled) -> Iterator[Finding]:
    """What runs is compiled: there, too, values and gradients are finite, and those of each operation by itself."""
    for label, values in edges(run.case, run.values):
        program = run.of(values)
        smooth = program.smooth(values)
        _, results, slopes = program.slopes(smooth, values)
        found = {**dict(zip(run.declaration.outputs, results, strict=True)), **_gradients_of(slopes)}
        wrong = [name for name, value in found.items() if not np.all(np.isfinite(value))]
        yield Finding(f"{label}: finite", not wrong, f"NaN or infinity in {', '.join(wrong)}")
        if label in run.case.undetermined:
            continue
        results, slopes = program.slopes_op_by_op(smooth, values)
        apart = [*results, *_gradients_of(slopes).values()]
        yield _compare(f"{label}: compiled", list(found.values()), apart, 1e-10)


def _bounds(run: Compiled) -> Iterator[Finding]:
    """What may be given to a parameter, its bounds included, gives finite values."""
    for name, parameter in run.declaration.parameters.items():
        if run.values.get(name) is None:
            continue
        rule: Any = parameter.constraint.resolved(run.values)
        for side in ("lower", "upper"):
            bound = getattr(rule, side, np.nan)
            at_bound = {name: np.full(np.shape(run.values[name]), bound)}
            if np.all(np.isfinite(bound)) and taken(run.case, {**run.values, **at_bound}):
                finite = all(np.all(np.isfinite(result)) for result in run(**at_bound))
                yield Finding(f"{name} at its {side} bound", finite, "is taken, but gives NaN or infinity")


def _gradients_of(slopes: Mapping[str, Any]) -> dict[str, Any]:
    return {f"the gradient to {name}": slope for name, slope in slopes.items()}


def _constraints(run: Compiled) -> Iterator[Finding]:
    values, rng = run.values, np.random.default_rng(4)
    for name, parameter in run.declaration.parameters.items():
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
