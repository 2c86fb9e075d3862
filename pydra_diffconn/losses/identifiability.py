"""How well people are recognised across sessions by their connectomes.

Amico & Goni 2018, doi:10.1038/s41598-018-25089-1.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from pydra_diffconn.declare.loss import TESTED, Loss

LEAST_PEOPLE = 3
"""Of two there is one pair of others: its spread is near 0 by chance, and the gap any number.

By chance alone the gap of simulated people varies by half of its size with 3 people, a quarter with 4, a tenth with 12.
"""


@dataclass(frozen=True, kw_only=True)
class Identifiability(Loss):
    r"""Minus the gap between self and others (see `self_others_gap`).

    $$
    -\frac{\langle r_{ij} \rangle_\text{self} - \langle r_{ij}
    \rangle_\text{others}}{\operatorname{sd}(r_{ij})_\text{others}}, \quad r_{ij} =
    \operatorname{corr}_\text{edges}(A_i, A_j)
    $$

    Targets are a mapping with `person` and `session`, one integer for each run. The spread of others is one over
    people: fewer than `LEAST_PEOPLE` are refused, wherever one learns from them or is scored by them.

    Parameters
    ----------
    center : bool
        Whether the mean connectome of the runs is subtracted first, what all people have in common: of runs that are
        held out, the mean of those learned from.
    """

    center: bool = False

    @property
    def refers(self) -> bool:
        """Whether the mean of the runs learned from is needed."""
        return self.center

    @property
    def least_runs(self) -> int:
        """`LEAST_PEOPLE` in two sessions each."""
        return 2 * LEAST_PEOPLE

    @property
    def least_tested(self) -> int:
        """As many, who are told apart from each other."""
        return self.least_runs

    def too_few(self, targets: Any) -> str | None:
        """Why nothing can be said of runs: there are too few people, or none of them twice."""
        if not isinstance(targets, Mapping) or not {"person", "session"} <= set(targets):
            return None  # `score` says what is missing
        person, session = np.asarray(targets["person"]), np.asarray(targets["session"])
        people = len(np.unique(person))
        if people < LEAST_PEOPLE:
            told = "1 person" if people == 1 else f"{people} people"
            return f"{told} there, and the spread of others needs at least {LEAST_PEOPLE}"
        if all(len(np.unique(session[person == one])) < 2 for one in np.unique(person)):
            return "nobody there has two sessions"
        return None

    def score(self, outputs: Mapping[str, Any], targets: Mapping[str, Any]) -> Any:
        """Return the negative gap, to be minimised."""
        if not isinstance(targets, Mapping):
            raise ValueError(f"{self.label}: the targets need the entries 'person' and 'session', one for each run")
        person, session = (self.per_run(targets, name) for name in ("person", "session"))
        connectomes, tested = self.read(outputs), outputs.get(TESTED, np.arange(len(person)))
        learned_from = np.setdiff1d(np.arange(len(person)), tested)
        reference = connectomes[learned_from if len(learned_from) else tested].mean(axis=0) if self.center else None
        connectomes, person, session = connectomes[tested], person[tested], session[tested]
        return -self_others_gap(connectomes, person, session, reference)


def self_others_gap(connectomes: Any, person: Any, session: Any, reference: Any = None) -> Any:
    """Return how much more alike a person's two sessions are than different people's, in standard deviations.

    (mean similarity of the same person in different sessions - mean similarity of different people in different
    sessions) / standard deviation of the latter. The similarity is the Pearson correlation of the edges. Where all
    other people are equally alike, as when all connectomes are the same, the gap is 0. Of two people the spread of
    others is near 0 by chance, and the gap says nothing: take at least `LEAST_PEOPLE`, better a dozen.

    Parameters
    ----------
    connectomes : (runs, parcels, parcels)
        Symmetric; the diagonal is not used.
    person, session : (runs,)
        Integers.
    reference : (parcels, parcels), optional
        Subtracted before: the mean connectome of other people, those learned from for example.
    """
    import jax.numpy as jnp

    similarity = edge_similarity(connectomes, reference)
    other_session = session[:, None] != session[None, :]
    same = (person[:, None] == person[None, :]) & other_session
    others = (person[:, None] != person[None, :]) & other_session
    mean_self = jnp.sum(jnp.where(same, similarity, 0)) / same.sum()
    mean_others = jnp.sum(jnp.where(others, similarity, 0)) / others.sum()
    variance = jnp.sum(jnp.where(others, (similarity - mean_others) ** 2, 0)) / others.sum()
    equal = variance == 0
    return jnp.where(equal, 0.0, (mean_self - mean_others) / jnp.sqrt(jnp.where(equal, 1.0, variance)))


def edge_similarity(connectomes: Any, reference: Any = None) -> Any:
    """Return (runs, runs) Pearson correlations of the upper triangles of connectomes, less that of a reference."""
    import jax.numpy as jnp

    rows, columns = np.triu_indices(connectomes.shape[-1], 1)
    edges = connectomes[:, rows, columns]
    edges = edges if reference is None else edges - reference[rows, columns]
    edges = edges - edges.mean(axis=1, keepdims=True)
    square = jnp.sum(edges**2, axis=1, keepdims=True)
    normed = edges * jnp.where(square > 0, 1 / jnp.sqrt(jnp.where(square > 0, square, 1.0)), 0.0)
    return normed @ normed.T


def identification_accuracy(connectomes: Any, person: Any, session: Any, reference: Any = None) -> float:
    """Return how often the most similar connectome of another session is the same person's (Finn et al. 2015).

    The arguments are those of `self_others_gap`.
    """
    return float(np.mean(recognised(edge_similarity(np.asarray(connectomes), reference), person, session)))


def recognised(similarity: Any, person: Any, session: Any) -> np.ndarray:
    """Return 1 for each run whose most similar one of another session is the same person's, else 0."""
    similarity, person, session = np.array(similarity), np.asarray(person), np.asarray(session)
    similarity[session[:, None] == session[None, :]] = -np.inf
    return (person[similarity.argmax(axis=1)] == person).astype(float)
