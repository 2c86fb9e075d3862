"""What is learned from a folder: losses by name, and what is reported of people who took no part."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from pydra_diffconn.declare.loss import Loss
from pydra_diffconn.learning.comparing import Score
from pydra_diffconn.losses import identifiability, quality_control
from pydra_diffconn.losses.states import edges

NAMES = ("identifiability", "prediction", "qcfc")
RIDGE = 1.0
"""On the coefficients of standardised features, per feature."""


@dataclass(frozen=True, kw_only=True)
class HeldOutPrediction(Loss):
    """Squared error of a number per person, predicted by kernel ridge from the connectomes of the other people.

    Relative to the number's variance, so that 1 is what the mean of the others would reach. Targets are a mapping with
    `target` and `person`, one for each run.
    """

    penalty: float = RIDGE

    @property
    def least_runs(self) -> int:
        """Three people to learn from and one to predict."""
        return 4

    def score(self, outputs: Mapping[str, Any], targets: Any) -> Any:
        """Return the mean squared error over the variance."""
        import jax
        import jax.numpy as jnp

        person, target = (jnp.asarray(self.per_run(targets, name)) for name in ("person", "target"))
        features = edges(self.read(outputs))

        def without(run: Any) -> Any:
            """Predict a run from those of other people."""
            return predicted(features, target, person != person[run], self.penalty)[run]

        errors = jax.vmap(without)(jnp.arange(len(target))) - target
        return jnp.mean(errors**2) / jnp.var(target)


def predicted(features: Any, target: Any, training: Any, penalty: float) -> Any:
    """Return the prediction for every run of a kernel ridge regression on the training runs, (runs,)."""
    import jax.numpy as jnp

    from pydra_diffconn.blocks import KernelRidge

    weights = jnp.asarray(training, features.dtype)
    return KernelRidge.pure(
        features, target.astype(features.dtype), weights, kernel="linear", penalty=penalty * features.shape[1] / 100
    )


def loss_and_scores(name: str, retention: float = 1.0) -> tuple[Any, list[Score]]:
    """Return what is minimised, and what is reported of held-out runs.

    Parameters
    ----------
    name : str
        One of `NAMES`.
    retention : float
        For "qcfc": the weight of what must be kept.
    """
    if name == "identifiability":
        scores = [Score("gap between self and others (s.d.)", of_runs=_gaps), Score("recognised", of_runs=_recognised)]
        return identifiability.Identifiability("connectome"), scores
    if name == "prediction":
        return HeldOutPrediction("connectome"), [Score("absolute error", of_runs=_errors, higher=False)]
    if name == "qcfc":
        loss = quality_control.QcFc("connectome") + retention * quality_control.SignalLost("connectome")
        return loss, [
            Score("mean |QC-FC|", together=_mean_qcfc, higher=False),
            Score("similarity to the group", together=_mean_retained),
        ]
    raise ValueError(f"loss = {name!r}; expected one of {', '.join(NAMES)}")


def _gaps(outputs: Mapping[str, Any], targets: Any, tested: np.ndarray) -> np.ndarray:
    """Return how much more alike a run is to its person's other sessions than to others, in s.d. of the latter."""
    similarity = np.asarray(identifiability.edge_similarity(outputs["connectome"]))
    person, session = np.asarray(targets["person"]), np.asarray(targets["session"])
    found = np.full(len(tested), np.nan)
    for row, run in enumerate(tested):
        apart = session != session[run]
        own, others = similarity[run, apart & (person == person[run])], similarity[run, apart & (person != person[run])]
        if own.size and others.size > 1:
            found[row] = (own.mean() - others.mean()) / others.std()
    return found


def _recognised(outputs: Mapping[str, Any], targets: Any, tested: np.ndarray) -> np.ndarray:
    """Return 1 for each run whose nearest of another session is the same person's, else 0."""
    similarity = identifiability.edge_similarity(outputs["connectome"])
    return identifiability.recognised(similarity, targets["person"], targets["session"])[tested]


def _errors(outputs: Mapping[str, Any], targets: Any, tested: np.ndarray) -> np.ndarray:
    """Return the absolute error of each held-out run, predicted from all others."""
    import jax.numpy as jnp

    training = np.ones(len(outputs["connectome"]), bool)
    training[tested] = False
    target = jnp.asarray(targets["target"])
    found = predicted(jnp.asarray(edges(outputs["connectome"])), target, training, RIDGE)
    return np.abs(np.asarray(found - target))[tested]


def _mean_qcfc(outputs: Mapping[str, Any], targets: Any) -> float:
    return float(np.abs(np.asarray(quality_control.qcfc(outputs["connectome"], targets["quality"]))).mean())


def _mean_retained(outputs: Mapping[str, Any], targets: Any) -> float:
    return float(np.asarray(quality_control.retained(outputs["connectome"], targets["quality"])).mean())
