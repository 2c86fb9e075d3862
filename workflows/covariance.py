"""Find states of connectivity and their communities, and test both on people who took no part.

Six planted states follow a Markov chain; each has four communities of its own. Learned are the share of each state in
each frame, by the likelihood of the frames and how seldom a state changes, and then the affiliation of each parcel in
each state. Beside them stand k-means of sliding windows, from which the shares start, a hidden Markov model,
and Louvain communities.

Louvain is networkx's, the hidden Markov model hmmlearn's: pip install networkx hmmlearn

Run it:  python workflows/covariance.py [OUT] [SEED]      (a quarter of a minute on two cores)

SEED draws the people.
"""

import contextlib
import io
from dataclasses import dataclass

import networkx as nx
import numpy as np
import optax
import pandas as pd
from hmmlearn.hmm import GaussianHMM
from pydra.compose import workflow
from scipy.optimize import linear_sum_assignment
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score
from usage import folder, given

from pydra_diffconn import Learn, fit, generators, losses, report
from pydra_diffconn.blocks import Modularity, StateCovariance, WindowCovariance

STATES, COMMUNITIES, PARCELS, WINDOW = 6, 4, 24, 21


@workflow.define(outputs=["covariance"])
def States(bold, shares):
    """Estimate a covariance for each state from the series of all people, one after the other."""
    return workflow.add(StateCovariance(timeseries=bold, state_weights=shares, ddof=0)).covariance


@workflow.define(outputs=["modularity"])
def Communities(connectome, affiliation):
    """Score how well parcels are shared out among communities."""
    return workflow.add(Modularity(connectome=connectome, affiliation=affiliation)).modularity


@dataclass
class People:
    """Series (time, parcels) of each person, the true state of each frame, and what the states are."""

    series: list[np.ndarray]
    states: list[np.ndarray]
    covariances: np.ndarray
    communities: np.ndarray


def simulate(seed=0, people=8, frames=400, stay=0.98):
    """Draw people whose states follow one Markov chain."""
    rng = np.random.default_rng(seed)
    communities = np.stack([rng.permutation(np.arange(PARCELS) % COMMUNITIES) for _ in range(STATES)])
    covariances = 0.55 * (communities[:, :, None] == communities[:, None]) + 0.45 * np.eye(PARCELS)
    chain = generators.sticky_transitions(STATES, stay)
    states = [generators.markov_states(rng, frames, chain) for _ in range(people)]
    series = [generators.series_of_states(rng, one, covariances).astype(np.float32) for one in states]
    return People(series, states, covariances, communities)


def edges(matrices):
    """Return the entries above the diagonals."""
    return matrices[..., *np.triu_indices(matrices.shape[-1], 1)]


def windows(series):
    """Return the edges of the correlation in the window around each frame; at the ends the nearest whole one."""
    made = edges(np.asarray(WindowCovariance.pure(series, length=WINDOW, kind="correlation")))
    return np.pad(made, ((WINDOW // 2, WINDOW // 2), (0, 0)), mode="edge")


def decoded(series, covariances):
    """Return the likeliest state of each frame of someone unseen, over nine frames."""
    raised = covariances + 0.01 * np.eye(covariances.shape[-1])
    distance = np.einsum("ti,kij,tj->kt", series, np.linalg.inv(raised), series)
    fit_of = -0.5 * (distance + np.linalg.slogdet(raised)[1][:, None])
    return np.argmax([np.convolve(one, np.ones(9) / 9, "same") for one in fit_of], axis=0)


def matched(found, true):
    """Return the true state that each found one is."""
    table = np.array([[np.sum((found == i) & (true == j)) for j in range(STATES)] for i in range(STATES)])
    return linear_sum_assignment(-table)[1]


def states_of(series, steps, progress):
    """Return the state of each frame and the states' covariances, by k-means of windows and by learning."""
    bold = np.concatenate(series)
    clusters = KMeans(STATES, n_init=10, random_state=0).fit(np.concatenate([windows(one) for one in series]))
    start = 0.7 * np.eye(STATES)[clusters.labels_] + 0.3 / STATES
    loss = losses.StateLikelihood("covariance", shares="shares")
    loss = loss + 2.0 * STATES / len(bold) * losses.Smoothness("shares", axis=-2, order=1.0)
    task = States(bold=bold, shares=Learn(start))
    result = fit(task, loss, steps=steps, optimizer=optax.adam(0.2), progress=progress)
    shares = np.asarray(result.parameters["shares"])
    classical = np.stack([np.cov(bold[clusters.labels_ == k].T, ddof=0) for k in range(STATES)])
    return {
        "k-means of windows": (clusters.labels_, classical),
        "hidden Markov model": markov(series, clusters.labels_, classical),
        "learned": (shares.argmax(axis=1), np.asarray(result.workflow(bold=bold)(worker="debug").covariance)),
    }


def markov(series, labels, covariances):
    """Return the same by a hidden Markov model of the frames, from the states of windows and how they follow another.

    hmmlearn would draw the first transitions at random, anew in each run.
    """
    model = GaussianHMM(STATES, "full", n_iter=20, init_params="")
    model.means_, model.covars_ = np.zeros(covariances.shape[:2]), covariances
    counts = np.ones((STATES, STATES))
    for one in np.split(labels, np.cumsum([len(one) for one in series])[:-1]):
        np.add.at(counts, (one[:-1], one[1:]), 1)
    model.startprob_, model.transmat_ = np.full(STATES, 1 / STATES), counts / counts.sum(axis=1, keepdims=True)
    with contextlib.redirect_stderr(io.StringIO()):  # it prints that it has not converged
        model.fit(np.concatenate(series), [len(one) for one in series])
    return np.concatenate([model.predict(one) for one in series]), model.covars_


def communities_of(covariance, steps, progress):
    """Return the communities of a state, learned from three starts and by Louvain."""
    scale = np.sqrt(np.diag(covariance))
    matrix = covariance / scale[:, None] / scale
    start = np.random.default_rng(0).dirichlet(np.full(COMMUNITIES, 20.0), PARCELS)
    task = Communities(connectome=matrix, affiliation=Learn(start))
    result = fit(
        task, -1.0 * losses.Norm("modularity"), steps=steps, starts=3, optimizer=optax.adam(0.3), progress=progress
    )
    graph = nx.from_numpy_array(np.maximum(matrix - np.eye(PARCELS), 0))
    louvain = np.empty(PARCELS, int)
    for number, group in enumerate(nx.community.louvain_communities(graph, seed=0)):
        louvain[list(group)] = number
    return {"learned": np.asarray(result.parameters["affiliation"]).argmax(axis=1), "Louvain": louvain}


def run(people, steps=200, progress=True):
    """Return a table of what was found, a row for each way, and of the communities."""
    half = len(people.series) // 2
    training, unseen = range(half), range(half, len(people.series))
    true = np.concatenate([people.states[n] for n in training])
    series = [people.series[n] for n in training]
    found = states_of(series, steps, progress)
    found["true covariances"] = (true, people.covariances)
    rows = []
    for name, (labels, covariances) in found.items():
        order = matched(labels, true)
        right = [np.mean(order[decoded(people.series[n], covariances)] == people.states[n]) for n in unseen]
        alike = [np.corrcoef(edges(covariances[k]), edges(people.covariances[order[k]]))[0, 1] for k in range(STATES)]
        row = {"way": name, "frames right, learned from": np.mean(order[labels] == true)}
        rows.append({**row, "frames right, unseen people": np.mean(right), "of which the least": np.min(right)})
        rows[-1]["correlation with the true covariance"] = np.mean(alike)
    labels, covariances = found["learned"]
    order = matched(labels, true)
    parts = [communities_of(covariances[k], steps // 2, progress) for k in range(STATES)]
    agreement = [
        {
            "communities of the learned states": name,
            "adjusted Rand index with the truth": np.mean(
                [adjusted_rand_score(people.communities[order[k]], part[name]) for k, part in enumerate(parts)]
            ),
        }
        for name in parts[0]
    ]
    return pd.DataFrame(rows), pd.DataFrame(agreement)


def write(tables, path):
    """Write a page with both tables."""
    sections = [
        report.Section(title, text, {"head": list(table), "rows": table.round(3).astype(str).to_numpy().tolist()})
        for (title, text), table in zip(
            [
                (
                    "States",
                    "The frames of unseen people are given to the likeliest state. The last row is the best possible.",
                ),
                ("Communities", "Of each learned state, the best of three starts, against Louvain on the same matrix."),
            ],
            tables,
            strict=True,
        )
    ]
    return report.write_page(
        path, "States of connectivity and their communities", "Planted, and found again.", sections
    )


def main(out, seed):
    """Draw people, find states and communities, print, and write the page."""
    out, tables = folder(out), run(simulate(seed))
    print(*(table.to_string(index=False) for table in tables), sep="\n\n")
    print(write(tables, out / "report.html"))


if __name__ == "__main__":
    main(**given(__doc__, out="covariance", seed=0))
