"""States of connectivity of people who were scanned twice: does a person spend its time in the same ones again?

What `covariance.py` shows on planted states, on real people at rest: states are found in one half of the people, by
k-means of sliding windows, by a hidden Markov model and by learning, and decoded in both sessions of the other half;
then the halves change places, so that everybody is judged by states of others. Two things are asked: whether the other
half by itself has the same states; and whether the time that a person spends in each is more like that of its own other
session than like other people's.

Run it:  python workflows/session_states.py SERIES [OUT] [SEED]      (a minute on two cores)

SERIES is a file (.npz) with the series (time, parcels) of each session, named PERSON_SESSION. SEED divides the people.
It needs, as covariance.py does: pip install networkx hmmlearn
"""

import numpy as np
import pandas as pd
from covariance import STATES, decoded, states_of
from movie_states import likeness, standardised
from sklearn.cluster import AgglomerativeClustering
from usage import folder, given, series_of

from pydra_diffconn import inference, report
from pydra_diffconn.report import score_figures

PARTS = 16
NEARER = "time in each state: own other session nearer by"


def read(path):
    """Return the series of each session of each person."""
    people = {}
    for name, series in series_of(path).items():
        person, _, session = name.partition("_")
        people.setdefault(person, {})[session] = series.astype(float)
    return {person: [sessions[name] for name in sorted(sessions)] for person, sessions in people.items()}


def parts_of(people, count=PARTS):
    """Return the part (parcels,) of each parcel: those that go together in these people."""
    mean = np.mean([np.corrcoef(one.T) for sessions in people for one in sessions], axis=0)
    return AgglomerativeClustering(count, metric="precomputed", linkage="average").fit_predict(1 - mean)


def occupancy(series, covariances):
    """Return the share of the frames that is spent in each state."""
    return np.bincount(decoded(series, covariances), minlength=STATES) / len(series)


def own(first, second):
    """Return, of each person, how much less of the time differs to its own other session than to other people's."""
    apart = np.abs(first[:, None] - second).sum(axis=2) / 2
    others = (apart.sum(axis=1) - np.diag(apart)) / (len(apart) - 1)
    return others - np.diag(apart)


def fold(training, unseen, steps, progress):
    """Return, by each way, how alike the states of both halves are, and how alike unseen people are to themselves."""
    parts = parts_of(training)
    mine, others = ([[standardised(one, parts) for one in person] for person in half] for half in (training, unseen))
    found, again = (states_of([one for person in half for one in person], steps, progress) for half in (mine, others))
    twice = [person for person in others if len(person) > 1]
    scores = {}
    for name, (_, covariances) in found.items():
        spent = np.array([[occupancy(one, covariances) for one in person[:2]] for person in twice])
        scores[name] = likeness(covariances, again[name][1]), own(spent[:, 0], spent[:, 1])
    return scores


def run(people, steps=150, seed=0, progress=True):
    """Return a table with a row for each way, and how alike each person is to itself by each."""
    twice = [name for name, sessions in people.items() if len(sessions) > 1]
    once = [name for name in people if name not in twice]
    rng = np.random.default_rng(seed)
    halves = [[], []]
    for names in (twice, once):
        for half, part in zip(halves, np.array_split(rng.permutation(names), 2), strict=True):
            half += [people[name] for name in part]
    folds = [fold(*order, steps, progress) for order in (halves, halves[::-1])]
    each = {name: np.concatenate([one[name][1] for one in folds]) for name in folds[0]}
    rows = []
    for name, gap in each.items():
        low, high = inference.mean_interval(gap)
        row = {"way": name, "states again in the other half (r)": np.mean([one[name][0] for one in folds])}
        row |= {NEARER: gap.mean(), "interval": f"{low:+.3f} to {high:+.3f}"}
        rows.append(row)
    return pd.DataFrame(rows), each


def difference(each, one="learned"):
    """Say by how much more people are like themselves by one way than by the best of the others."""
    other = max((name for name in each if name != one), key=lambda name: each[name].mean())
    apart = each[one] - each[other]
    low, high = inference.mean_interval(apart)
    return (
        f"Own other session nearer: {one} less {other} is {apart.mean():+.3f} of the time, 95 % interval over "
        f"{len(apart)} people {low:+.3f} to {high:+.3f}."
    )


def drawn(each):
    """Return a figure of how much more alike everybody is to itself than to others: a dot for each person."""
    means = {name: gap.mean() for name, gap in each.items()}
    bars = score_figures.Bars(NEARER, means, {name: inference.mean_interval(gap) for name, gap in each.items()}, each)
    svg = score_figures.svg([bars], {name: name for name in each}, "learned")
    return report.Figure(svg, "Each dot is a person, each line the 95 % interval of the mean. 0 is no nearer.")


def main(series, out, seed):
    """Find, judge, print, and write the page."""
    people, out = read(series), folder(out)
    table, each = run(people, seed=seed)
    told = difference(each)
    print(table.to_string(index=False), told, sep="\n")
    cells = table.round(3).astype(str).to_numpy().tolist()
    text = "Found in one half of the people, decoded in both sessions of the other half's, and the other way round."
    section = report.Section("States", text, {"head": list(table), "rows": cells}, [drawn(each)])
    lead = f"{len(people)} people, {len(each['learned'])} of them scanned twice, {STATES} states, {PARTS} parts."
    print(report.write_page(out / "report.html", "States of people scanned twice", lead, [section], [], [told]))


if __name__ == "__main__":
    main(**given(__doc__, out="session_states", seed=0))
