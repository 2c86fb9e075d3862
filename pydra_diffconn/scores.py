"""What is reported of people who were held out, for `cross_validate(metrics=...)` and `compare(scores=...)`.

Each function returns a `Score`. Targets are a mapping with what the losses of the same names ask for: `person` and
`session`, `target`, or `quality`, one entry for each run.

>>> from pydra_diffconn import scores
>>> scores.correlation("connectome").name
'correlation of predicted and true'
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from pydra_diffconn.learning.scoring import GROUP, Score

if TYPE_CHECKING:
    from pydra_diffconn.losses.harmonizing import Harmonize
    from pydra_diffconn.losses.held_out import Head

Outputs = Mapping[str, Any]


def recognised(output: str = "connectome", center: bool = False) -> Score:
    """Whether a run's most similar one of another session, among all runs, is the same person's (Finn et al. 2015).

    Parameters
    ----------
    output : str
        Connectomes (runs, parcels, parcels).
    center : bool
        Whether the mean connectome of the runs learned from is subtracted first.
    """

    def of_runs(outputs: Outputs, targets: Any, tested: np.ndarray) -> np.ndarray:
        from pydra_diffconn.losses import identifiability

        similarity = _similarity(outputs[output], tested, center)
        return identifiability.recognised(similarity, targets["person"], targets["session"])[tested]

    return Score("recognised", of_runs=of_runs)


def self_others_gap(output: str = "connectome", center: bool = False) -> Score:
    """How much more alike a run is to its person's other sessions than to others, in s.d. of these (`recognised`).

    Among all runs; NaN of a run beside fewer than three other people, over whom the deviation says nothing.
    """

    def of_runs(outputs: Outputs, targets: Any, tested: np.ndarray) -> np.ndarray:
        from pydra_diffconn.losses import identifiability

        similarity = _similarity(outputs[output], tested, center)
        person, session = np.asarray(targets["person"]), np.asarray(targets["session"])
        found = np.full(len(tested), np.nan)
        for row, run in enumerate(tested):
            apart = session != session[run]
            own = similarity[run, apart & (person == person[run])]
            others = similarity[run, apart & (person != person[run])]
            people = np.unique(person[apart & (person != person[run])])
            if own.size and len(people) >= identifiability.LEAST_PEOPLE:
                found[row] = (own.mean() - others.mean()) / others.std()
        return found

    return Score("gap between self and others (s.d.)", of_runs=of_runs)


def absolute_error(output: str = "connectome", penalty: float = 0.01, harmonize: Harmonize | None = None) -> Score:
    """How far the target predicted by kernel ridge from the runs learned from is from the true one, in its unit.

    Parameters
    ----------
    output : str
        Features, or connectomes, of which the upper triangle is taken.
    penalty, harmonize
        As for `losses.HeldOutPrediction`.
    """
    predict = _prediction(output, "ridge", penalty, harmonize)

    def of_runs(outputs: Outputs, targets: Any, tested: np.ndarray) -> np.ndarray:
        return np.abs(predict(outputs, targets, tested) - np.asarray(targets["target"])[tested])

    return Score("absolute error", of_runs=of_runs, higher=False)


def correlation(output: str = "connectome", penalty: float = 0.01, harmonize: Harmonize | None = None) -> Score:
    """Pearson correlation of predicted and true targets over all people, each predicted where held out.

    The predictions of all folds are correlated together. See `absolute_error`.
    """

    def together(predicted: np.ndarray, targets: Any) -> float:
        true = np.asarray(targets["target"], float)
        apart = predicted - predicted.mean(), true - true.mean()
        size = np.sqrt((apart[0] ** 2).sum() * (apart[1] ** 2).sum())
        return float((apart[0] * apart[1]).sum() / size) if size > 0 else 0.0

    return Score(
        "correlation of predicted and true", of_runs=_prediction(output, "ridge", penalty, harmonize), together=together
    )


def area_under_curve(output: str = "connectome", penalty: float = 0.01, harmonize: Harmonize | None = None) -> Score:
    """Area under the ROC curve of classes 0 and 1, by logistic regression; .5 is chance. See `absolute_error`.

    How often a run of class 1 is ranked above one of class 0, ties counting half (Mann & Whitney).
    """

    def together(decision: np.ndarray, targets: Any) -> float:
        true = np.asarray(targets["target"]) > 0.5
        apart = decision[true][:, None] - decision[~true]
        return float(np.mean((apart > 0) + 0.5 * (apart == 0))) if apart.size else float("nan")

    return Score("area under the curve", of_runs=_prediction(output, "logistic", penalty, harmonize), together=together)


def qcfc(output: str = "connectome") -> Score:
    """Mean size of the correlation, over runs, of each edge with `quality`, such as the mean framewise displacement.

    The unit is the run: of several runs of a person it describes, and no p belongs to it.
    """

    def together(outputs: Outputs, targets: Any) -> float:
        from pydra_diffconn.losses import quality_control

        return float(np.abs(np.asarray(quality_control.qcfc(outputs[output], targets["quality"]))).mean())

    return Score("mean |QC-FC|", together=together, higher=False)


def retained(output: str = "connectome") -> Score:
    """How alike the connectomes of runs with little motion are to the mean of the others: what cleaning must keep."""

    def together(outputs: Outputs, targets: Any) -> float:
        from pydra_diffconn.losses import quality_control

        return float(np.asarray(quality_control.retained(outputs[output], targets["quality"])).mean())

    return Score("similarity to the group", together=together)


def reliability(output: str = "connectome") -> Score:
    """Mean intraclass correlation of the features, ICC(1, 1): runs of one group, such as a person, against others.

    One-way random effects (Shrout & Fleiss 1979, doi:10.1037/0033-2909.86.2.420), of unequal groups with the mean size
    of McGraw & Wong (1996), doi:10.1037/1082-989X.1.1.30. Groups are those of `groups=`.
    """

    def together(outputs: Outputs, targets: Any) -> float:
        from pydra_diffconn.losses.held_out import features_of

        features = np.asarray(features_of(outputs[output]), float)
        names, group = np.unique(targets[GROUP], return_inverse=True)
        sizes = np.bincount(group)
        means = np.stack([features[group == n].mean(axis=0) for n in range(len(names))])
        between = (sizes[:, None] * (means - features.mean(axis=0)) ** 2).sum(axis=0) / (len(names) - 1)
        within = ((features - means[group]) ** 2).sum(axis=0) / (len(features) - len(names))
        each = (len(features) - (sizes**2).sum() / len(features)) / (len(names) - 1)
        whole = between + (each - 1) * within
        return float(np.mean((between - within)[whole > 0] / whole[whole > 0]))

    return Score("reliability (mean ICC)", together=together)


def _similarity(connectomes: Any, tested: np.ndarray, center: bool) -> np.ndarray:
    from pydra_diffconn.losses import identifiability

    rest = np.setdiff1d(np.arange(len(connectomes)), tested)
    reference = np.asarray(connectomes)[rest].mean(axis=0) if center else None
    return np.asarray(identifiability.edge_similarity(np.asarray(connectomes), reference))


def _prediction(
    output: str, head: Head, penalty: float, harmonize: Harmonize | None
) -> Callable[[Outputs, Any, np.ndarray], np.ndarray]:
    """Return what predicts the held-out runs from all others."""

    def predict(outputs: Outputs, targets: Any, tested: np.ndarray) -> np.ndarray:
        import jax.numpy as jnp

        from pydra_diffconn.losses import harmonizing, held_out

        training = np.ones(len(outputs[output]), bool)
        training[tested] = False
        features = held_out.features_of(jnp.asarray(outputs[output]))
        if harmonize is not None:
            sites = np.asarray(harmonizing.numbered(targets[harmonize.site]))
            harmonize.check_tested(sites[training], sites[tested])
            features = harmonize(features, lambda name: targets[name], training)
        target = jnp.where(training, jnp.asarray(targets["target"], features.dtype), 0.0)
        return np.asarray(held_out.predicted(features, target, training, head, penalty), float)[tested]

    return predict
