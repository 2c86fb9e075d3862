"""What all losses have in common: a name, a weight, and that they add up."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, ClassVar, Self

import numpy as np

from pydra_diffconn.declare import targets as checks
from pydra_diffconn.declare.declaration import prefixed
from pydra_diffconn.declare.schedules import Weight, at_step, times
from pydra_diffconn.numerics.process import full_precision

PARAMETERS = "parameters"
"""Key of the outputs under which the learned parameters stand, so that a loss may name one (`"Block.parameter"`)."""
TESTED = "tested"
"""Key of the outputs under which stands which runs are scored, where the others were learned from."""
BESIDE = {PARAMETERS, TESTED}
"""Keys of the outputs under which no output stands."""


@dataclass(frozen=True, eq=False)
class Loss:
    """One term; subclasses say what `score` is.

    Targets that `score` asks for (`wanted`, `per_run`) are checked: their shapes, and their values where a subclass
    says what is legal (`check_values`).

    Parameters
    ----------
    output : str
        What is scored: an output of the workflow, stacked over runs, a learned parameter, or an input.
    weight : float or function of the step
        Multiplies the score; a schedule (those of optax among them) needs the step, see `at`.
    name : str, optional
        How the term is reported; by default the name of its class.
    """

    output: str
    weight: Weight = 1.0
    name: str | None = field(default=None, kw_only=True)

    compares: ClassVar[bool | None] = None
    """Whether targets are compared with the output entry by entry, so that their shapes must be equal. By default only
    shapes are refused that differ and would be broadcast: (runs,) against (runs, 1) compares all pairs of runs."""

    @property
    def emptied(self) -> str | None:
        """Why the score is smallest where no signal is left; None of a score that is not."""
        return None

    @property
    def counterweight(self) -> Loss | None:
        """The term that `fit` adds where no other keeps the signal; None of a score that needs none, or has none."""
        return None

    @property
    def least_runs(self) -> int:
        """The least number of runs of which the score says anything."""
        return 1

    @property
    def refers(self) -> bool:
        """Whether runs that are held out are scored by what the runs learned from say of them, such as a prediction.

        `outputs["tested"]` then holds the numbers of those that are scored, among all; elsewhere it is not there.
        """
        return False

    @property
    def least_tested(self) -> int:
        """The least number of runs that can be held out."""
        return 1 if self.refers else self.least_runs

    def too_few(self, targets: Any) -> str | None:
        """Why the score says nothing of runs with these targets, such as people who are too few; None where it does."""
        return None

    def check_values(self, targets: np.ndarray, shape: tuple[int, ...]) -> None:
        """Refuse values that targets of an output of this shape cannot have."""

    def check_tested(self, learned_from: Any, tested: Any) -> None:
        """Refuse runs that are held out of which those learned from say nothing, by the targets of both."""

    def score(self, outputs: Mapping[str, Any], targets: Any) -> Any:
        """Return the unweighted value of this term."""
        raise NotImplementedError

    def __call__(self, outputs: Mapping[str, Any], targets: Any = None) -> Any:
        if callable(self.weight):
            raise ValueError(f"{self.label}: its weight is a schedule; call loss.at(step)(outputs, targets)")
        return self.weight * self.scored(outputs, targets)

    def scored(self, outputs: Mapping[str, Any], targets: Any = None) -> Any:
        """Return the unweighted value of this term, of targets that are checked; NaN if what it scores holds NaN."""
        if TESTED in outputs and not self.refers:
            own = {name: value for name, value in outputs.items() if name not in BESIDE}
            own, targets = checks.of_rows((own, targets), outputs[TESTED])
            outputs = {**own, PARAMETERS: outputs.get(PARAMETERS, {})}
        with checks.scoring(outputs), full_precision():
            found = self.score(outputs, targets)
        return checks.missing_where(self._scores(outputs), found)

    @property
    def names(self) -> set[str]:
        """The names among its settings: of outputs, learned parameters or inputs of the workflow."""
        return {getattr(self, one.name) for one in fields(self) if isinstance(getattr(self, one.name), str)}

    def _scores(self, outputs: Mapping[str, Any]) -> list[Any]:
        """Return the outputs and learned parameters that this term names."""
        known, named = {**outputs.get(PARAMETERS, {}), **outputs}, self.names
        weights = known.get(getattr(self, "frame_weights", None))
        return [checks.weighted(known[name], weights) for name in sorted(named & known.keys() - BESIDE)]

    def at(self, step: Any) -> Self:
        """Return this loss with the weight that its schedule has at a step (a number, also a traced one)."""
        return replace(self, weight=at_step(self.weight, step)) if callable(self.weight) else self

    def named(self, name: str) -> Self:
        """Return the same term, reported under another name."""
        return replace(self, name=name)

    def __rmul__(self, factor: Weight) -> Self:
        return replace(self, weight=times(factor, self.weight))

    def __add__(self, other: Loss | Sum) -> Sum:
        return Sum((self,)) + other

    @property
    def label(self) -> str:
        """The name under which this term is reported."""
        return self.name or type(self).__name__

    def read(self, outputs: Mapping[str, Any], source: Any = None) -> Any:
        """Return an output, learned parameter or input by name (by default `output`); an array is returned as it is."""
        source = self.output if source is None else source
        if not isinstance(source, str):
            return source
        parameters = outputs.get(PARAMETERS, {})
        if source in outputs or source in parameters:
            return outputs[source] if source in outputs else parameters[source]
        known = sorted({*outputs, *parameters} - BESIDE)
        raise ValueError(f"{self.label}: there is no output, learned parameter or input {source!r}; there are {known}")

    def wanted(self, targets: Any, name: str | None = None) -> Any:
        """Return the targets; of a mapping, the entry `name` (by default the one named as the output)."""
        found = self._entry(targets, self.output if name is None else name)
        if name is None:
            self._check(found)
        return found

    def per_run(self, targets: Any, name: str) -> Any:
        """Return targets of one number for each run."""
        found, outputs = self._entry(targets, name), checks.outputs_now()
        runs = None if outputs is None else len(self.read(outputs))
        if np.ndim(found) != 1 or (runs is not None and len(found) != runs):
            expected = "one number for each run" if runs is None else f"({runs},), one number for each run"
            raise ValueError(f"{self.label}: the targets {name!r} have shape {np.shape(found)}; expected {expected}")
        return found

    def _entry(self, targets: Any, name: str) -> Any:
        if targets is not None and not isinstance(targets, Mapping):
            return targets
        if not targets or name not in targets:
            known = f"they have {sorted(targets)}" if targets else "none were given"
            raise ValueError(f"{self.label}: the targets need an entry {name!r}; {known}")
        return targets[name]

    def _check(self, target: Any) -> None:
        outputs = checks.outputs_now()
        if outputs is None or self.compares is False:
            return
        value = self.read(outputs)
        with prefixed(self.label):
            (checks.refuse_other_shapes if self.compares else checks.refuse_spread)(target, value, self.output)
            numbers = checks.concrete(target)
            if numbers is not None:
                self.check_values(numbers, np.shape(value))


@dataclass(frozen=True)
class Sum:
    """Several terms; `terms` of it gives each one's value."""

    parts: tuple[Loss, ...]

    @property
    def least_runs(self) -> int:
        """The least number of runs of which every term says something."""
        return max(part.least_runs for part in self.parts)

    @property
    def least_tested(self) -> int:
        """The least number of runs that can be held out."""
        return max(part.least_tested for part in self.parts)

    @property
    def refers(self) -> bool:
        """Whether a term scores runs that are held out by what the runs learned from say of them."""
        return any(part.refers for part in self.parts)

    def too_few(self, targets: Any) -> str | None:
        """Why a term says nothing of runs with these targets."""
        return next((told for part in self.parts if (told := part.too_few(targets))), None)

    def check_tested(self, learned_from: Any, tested: Any) -> None:
        """Refuse runs that are held out of which a term says nothing."""
        for part in self.parts:
            part.check_tested(learned_from, tested)

    def __call__(self, outputs: Mapping[str, Any], targets: Any = None) -> Any:
        return sum(part(outputs, targets) for part in self.parts)

    def at(self, step: Any) -> Sum:
        """Return the sum with the weights that the schedules have at a step."""
        return Sum(tuple(part.at(step) for part in self.parts))

    def __rmul__(self, factor: Weight) -> Sum:
        return Sum(tuple(factor * part for part in self.parts))

    def __add__(self, other: Loss | Sum) -> Sum:
        return Sum(self.parts + (other.parts if isinstance(other, Sum) else (other,)))

    def terms(self, outputs: Mapping[str, Any], targets: Any = None) -> dict[str, Any]:
        """Return the weighted value of each term by name; they add up to the loss."""
        return dict(zip(self.labels, (part(outputs, targets) for part in self.parts), strict=True))

    def scores(self, outputs: Mapping[str, Any], targets: Any = None) -> dict[str, Any]:
        """Return the unweighted value of each term by name; these compare across steps of a schedule."""
        return dict(zip(self.labels, (part.scored(outputs, targets) for part in self.parts), strict=True))

    @property
    def labels(self) -> tuple[str, ...]:
        """The terms' names; terms of the same name are told apart by their output, then by their position."""
        labels = [part.label for part in self.parts]
        labels = [f"{o}({p.output})" if labels.count(o) > 1 else o for o, p in zip(labels, self.parts, strict=True)]
        return tuple(f"{o}#{n}" if labels.count(o) > 1 else o for n, o in enumerate(labels, start=1))


def evaluated(loss: Callable[..., Any], outputs: Mapping[str, Any], targets: Any) -> tuple[Any, dict[str, Any]]:
    """Return the value of a loss and of each of its terms.

    Raises
    ------
    ValueError
        If it asks for an output that is not there, gives no single number, or cannot be differentiated.
    """
    import jax
    import jax.numpy as jnp

    try:
        terms = loss.terms(outputs, targets) if hasattr(loss, "terms") else {}
        found = sum(terms.values()) if terms else loss(outputs, targets)
        total = None if found is None else _as_number(found)
    except KeyError as error:
        if error.args[0] in outputs:
            raise
        known = ", ".join(sorted({*outputs} - BESIDE))
        raise ValueError(
            f"the loss asks for the output {error}; there are {known} (what is made by steps that are no blocks is not "
            "differentiable, and not among them)"
        ) from error
    except (jax.errors.TracerArrayConversionError, jax.errors.ConcretizationTypeError) as error:
        raise ValueError(
            "the loss cannot be differentiated: it makes a NumPy array or a Python number of what is learned; write it "
            "with jax.numpy, without float() and without if on values"
        ) from error
    if total is None:
        raise ValueError("the loss gives None; expected one number: does it end with a return?")
    if total.shape:
        raise ValueError(f"the loss gives an array of shape {total.shape}; expected one number, such as its mean")
    if not jnp.issubdtype(total.dtype, jnp.floating):
        kind = {"b": "a truth value", "c": "a complex number"}.get(total.dtype.kind, "a whole number")
        raise ValueError(f"the loss gives {kind} ({total.dtype}); expected one real number, to be differentiated")
    return total, terms


def _as_number(found: Any) -> Any:
    import jax
    import jax.numpy as jnp

    if isinstance(found, jax.Array):
        return found
    if np.asarray(found).dtype.kind not in "biufc":
        raise ValueError(f"the loss gives {found!r} ({type(found).__name__}); expected one real number")
    return jnp.asarray(found)


def scheme(**terms: Loss | Sum) -> Sum:
    """Return the sum of named terms; those of a sum within it are named `outer.inner`.

    >>> from pydra_diffconn import losses
    >>> spatial = losses.scheme(hard=0.1 * losses.Entropy("maps"), equal=losses.Equilibrium("maps"))
    >>> losses.scheme(space=spatial, task=losses.MeanSquaredError("score")).labels
    ('space.hard', 'space.equal', 'task')
    """
    named: list[Loss] = []
    for name, term in terms.items():
        if isinstance(term, Sum):
            named += [part.named(f"{name}.{o}") for part, o in zip(term.parts, term.labels, strict=True)]
        else:
            named.append(term.named(name))
    return Sum(tuple(named))


def over_runs(function: Callable[..., Any], *values: Any) -> Any:
    """Apply a score to stacked runs at once; to runs of different lengths (a list) one by one, and average.

    Of the values, those that are no list are shared by all runs.
    """
    lengths = {len(value) for value in values if isinstance(value, list)}
    if not lengths:
        return function(*values)
    (count,) = lengths
    each = [[v[n] if isinstance(v, list) else v for v in values] for n in range(count)]
    return sum(function(*arguments) for arguments in each) / count
