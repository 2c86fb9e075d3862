"""How well what is asked of people is predicted from their connectomes, by people who took no part in learning it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np

from pydra_diffconn.blocks.prediction.kernels import KernelRidge, LogisticRegression
from pydra_diffconn.declare.declaration import prefixed
from pydra_diffconn.declare.loss import TESTED, Loss
from pydra_diffconn.losses.harmonizing import Harmonize
from pydra_diffconn.losses.prediction import binary_cross_entropy
from pydra_diffconn.losses.states import edges
from pydra_diffconn.numerics.ranks import ranks

Head = Literal["ridge", "logistic"]


@dataclass(frozen=True, kw_only=True)
class HeldOutPrediction(Loss):
    r"""Error of what is predicted of each person from the output of other people: the head never sees whom it predicts.

    $$ \frac{\sum_i (\hat y_i^{(-f_i)} - y_i)^2}{\sum_i (y_i - \bar y)^2} $$

    with the prediction of person i by a head that was learned without the fold of i.

    While a fit learns, the training people are dealt out to folds, and each fold is predicted from the others; people
    who are held out are predicted from all training people (in `fit`, `cross_validate`, `bootstrap` and `compare`). The
    head, of closed form or implicitly differentiated, is learned anew in every step. Targets are a mapping with
    `target`, one number for each run, and, where people have several runs, `person`: runs of one are in one fold.

    The score of the head "ridge" is the squared error over the target's variance: 1 is what the mean of the others
    reaches. That of "logistic", for classes 0 and 1, is the cross entropy in nats: log 2 is what guessing reaches.

    Parameters
    ----------
    head : {"ridge", "logistic"}
        Kernel ridge regression or logistic regression, both linear.
    penalty : float
        Ridge for each feature, whose variance in the training people is 1 on average: the unit of the output does not
        matter.
    folds : int, optional
        How many; by default each person is predicted from all others, which takes one head for each.
    harmonize : Harmonize, optional
        Takes from the features what their site does to them, by the sites of those that a head is learned from.
    """

    head: Head = "ridge"
    penalty: float = 0.01
    folds: int | None = 5
    harmonize: Harmonize | None = None

    @property
    def refers(self) -> bool:
        """Those who are held out are predicted from those who were learned from."""
        return True

    @property
    def least_runs(self) -> int:
        """Three people to learn from and one to predict."""
        return max(4, self.folds or 0)

    def check_tested(self, learned_from: Any, tested: Any) -> None:
        """Refuse, or warn of, those whose site is unknown to the ones learned from."""
        if self.harmonize is not None:
            sites = [self._entry(targets, self.harmonize.site) for targets in (learned_from, tested)]
            with prefixed(self.label):
                self.harmonize.check_tested(*sites)

    def score(self, outputs: Mapping[str, Any], targets: Any) -> Any:
        """Return the error of those who are held out, or of all, each predicted from the other folds."""
        target = jnp.asarray(self.per_run(targets, "target"))
        features = features_of(self.read(outputs))
        known = isinstance(targets, Mapping) and "person" in targets
        person = jnp.asarray(self.per_run(targets, "person")) if known else jnp.arange(len(target))
        tested = outputs.get(TESTED)

        def by(learned_from: Any) -> Any:
            own = features
            if self.harmonize is not None:
                own = self.harmonize(features, lambda name: self.per_run(targets, name), learned_from)
            return predicted(own, target, learned_from, self.head, self.penalty)

        if tested is not None:
            found = by(np.isin(np.arange(len(target)), tested, invert=True))
            return self._error(found[tested], target[tested], target)
        count = self.folds or len(target)
        fold = ranks(person) % count
        every = jax.lax.map(lambda number: by(fold != number), jnp.arange(count))
        return self._error(every[fold, jnp.arange(len(target))], target, target)

    def _error(self, found: Any, target: Any, everyone: Any) -> Any:
        if self.head == "logistic":
            return binary_cross_entropy(found, target, logits=True)
        return jnp.mean((found - target) ** 2) / jnp.var(everyone)


def predicted(features: Any, target: Any, training: Any, head: Head = "ridge", penalty: float = 0.01) -> Any:
    """Return what a head learned from the training runs predicts for every run, (runs,); log odds of "logistic".

    Parameters
    ----------
    features : (runs, features)
    target : (runs,)
        Not read where `training` is 0.
    training : (runs,)
        1 for the runs to learn from.
    head, penalty
        As for `HeldOutPrediction`.
    """
    weights, scaled = jnp.asarray(training, features.dtype), penalty * features.shape[1]
    target, features = jnp.asarray(target, features.dtype), _at_one_scale(features, weights)
    if head == "ridge":
        return KernelRidge.pure(features, target, weights, kernel="linear", penalty=scaled)
    if head == "logistic":
        return LogisticRegression.pure(features, target, weights, kernel="linear", penalty=scaled)[0]
    raise ValueError(f"head = {head!r}; expected 'ridge' or 'logistic'")


def _at_one_scale(features: Any, weights: Any) -> Any:
    """Return features divided by one number, their root mean square deviation in the training runs."""
    apart = features - weights @ features / weights.sum()
    power = jnp.sum(weights[:, None] * apart**2) / (weights.sum() * features.shape[1])
    return features / jnp.sqrt(jnp.where(power > 0, power, 1.0))


def features_of(values: Any) -> Any:
    """Return an output as (runs, features): of square matrices the upper triangle, without the diagonal."""
    if values.ndim == 3 and values.shape[1] == values.shape[2]:
        return edges(values)
    return values.reshape(len(values), -1)
