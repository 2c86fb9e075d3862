"""States of connectivity while people watch a film: are they the same in others, and do they follow the film?

What `covariance.py` shows on planted states, on real people: states are found in half of the families, by k-means of
sliding windows, by a hidden Markov model and by learning, and decoded in the others. Three things are asked: whether
the other half by itself has the same states; whether people who never saw each other are in the same state at the same
moment, more than if their time were shifted; and whether that follows what happens in the film.

Run it:  python workflows/movie_states.py DATA [OUT] [SEED]      (half a minute on two cores)

DATA is a folder with the series of each person (*timeseries.npz: name to (time, parcels)), participants.tsv with the
columns participant_id and family_id, the image of the parcels (*parcellation.nii.gz), a table of their networks
(*networklabels.csv) and events.tsv of the film. SEED divides the families.
It needs, as covariance.py does: pip install networkx hmmlearn
"""

import numpy as np
import pandas as pd
from covariance import STATES, decoded, edges, states_of
from nilearn.plotting import find_parcellation_cut_coords
from scipy.optimize import linear_sum_assignment
from usage import folder, given, series_of, the_one

from pydra_diffconn import inference, report

TR, LAG = 0.93, 5.0  # seconds, of a frame and until the response to an event
PEOPLE, SHIFTS = 40, 100


def read(place, people=PEOPLE, seed=0):
    """Return the series of networks by hemisphere (time, networks) of people of two halves of the families."""
    image, table, stored, listed = (
        the_one(place, name)
        for name in ("*parcellation.nii.gz", "*networklabels.csv", "*timeseries.npz", "participants.tsv")
    )
    places = find_parcellation_cut_coords(str(image))
    networks = pd.read_csv(table)["Network"].to_numpy()
    part = 2 * networks + (places[:, 0] > 0)
    series, listed = series_of(stored), pd.read_csv(listed, sep="\t")
    families = np.random.default_rng(seed).permutation(listed.family_id.unique())
    halves = []
    for half in np.array_split(families, 2):
        names = [name for name in listed.participant_id[listed.family_id.isin(half)] if name in series][:people]
        halves.append([standardised(series[name][:, : len(part)].astype(float), part) for name in names])
    return halves


def standardised(series, part):
    """Return the mean series of each part, of mean 0 and variance 1."""
    means = np.stack([series[:, part == one].mean(axis=1) for one in np.unique(part)], axis=1)
    return ((means - means.mean(axis=0)) / means.std(axis=0)).astype(np.float32)


def moments(place, frames):
    """Return what happens in each frame of the film, delayed as the response to it is; "" where nothing is listed."""
    kinds = np.full(frames, "", object)
    for _, event in pd.read_csv(the_one(place, "*events.tsv"), sep="\t").iterrows():
        first, last = ((event.onset + LAG) / TR, (event.onset + event.duration + LAG) / TR)
        kinds[int(first) : int(last)] = event.trial_type
    return kinds


def together(states):
    """Return, of each person, the mean share of the others that are in the same state at the same moment."""
    occupied = (states[:, :, None] == np.arange(STATES)).astype(float)
    others = (occupied.sum(axis=0) - occupied) / (len(states) - 1)
    return (others * occupied).sum(axis=2).mean(axis=1)


def explained(occupied, kinds):
    """Return the share of the variance of how many are in each state that the moments of the film explain."""
    middle = occupied.mean(axis=0)
    of_kind = [occupied[kinds == kind] for kind in np.unique(kinds)]
    between = sum(len(one) * (one.mean(axis=0) - middle) ** 2 for one in of_kind)
    return np.sum(between) / np.sum((occupied - middle) ** 2)


def judge(states, kinds):
    """Return how far people are together beyond chance (each), and how far states follow the film, with its p."""
    rng = np.random.default_rng(0)
    drawn = [rng.integers(20, states.shape[1] - 20, len(states)) for _ in range(SHIFTS)]
    chance = [together(np.stack([np.roll(s, n) for s, n in zip(states, shifts, strict=True)])) for shifts in drawn]
    occupied = (states[:, :, None] == np.arange(STATES)).mean(axis=0)
    found = explained(occupied, kinds)
    null = np.array([explained(occupied, np.roll(kinds, n)) for n in range(20, len(kinds) - 20)])
    return together(states) - np.mean(chance, axis=0), found, (1 + np.sum(null >= found)) / (1 + len(null))


def likeness(some, others):
    """Return the mean correlation of states with those of others, matched one to one."""
    table = np.corrcoef(edges(some), edges(others))[: len(some), len(some) :]
    return table[linear_sum_assignment(-table)].mean()


def run(halves, kinds, steps=150, progress=True):
    """Return a table with a row for each way, and how far each unseen person is with the others by each."""
    found, again = (states_of(one, steps, progress) for one in halves)
    rows, each = [], {}
    for name, (_, covariances) in found.items():
        each[name], follows, p = judge(np.stack([decoded(one, covariances) for one in halves[1]]), kinds)
        rows.append(
            {
                "way": name,
                "states again in the other half (r)": likeness(covariances, again[name][1]),
                "in the same state as others, beyond chance": each[name].mean(),
                "explained by the film": follows,
                "p": p,
            }
        )
    return pd.DataFrame(rows), each


def difference(each, one="learned"):
    """Say how much more people are together by one way than by the best of the others, with the interval."""
    other = max((name for name in each if name != one), key=lambda name: each[name].mean())
    apart = each[one] - each[other]
    low, high = inference.mean_interval(apart)
    return (
        f"In the same state as others, beyond chance: {one} less {other} is {apart.mean():+.4f}, 95 % interval over "
        f"{len(apart)} unseen people {low:+.4f} to {high:+.4f}."
    )


def main(data, out, seed):
    """Find, judge, print, and write the page."""
    halves = read(data, seed=seed)
    kinds, out = moments(data, len(halves[0][0])), folder(out)
    table, each = run(halves, kinds)
    told = difference(each)
    print(table.to_string(index=False), told, sep="\n")
    cells = table.round(3).astype(str).to_numpy().tolist()
    text = "Found in one half of the families, decoded in the people of the other. p: against the film shifted in time."
    section = report.Section("States", text, {"head": list(table), "rows": cells})
    lead = f"{len(halves[0])} and {len(halves[1])} people, {STATES} states, {halves[0][0].shape[1]} networks."
    print(report.write_page(out / "report.html", "States of people who watch a film", lead, [section], [], [told]))


if __name__ == "__main__":
    main(**given(__doc__, out="movie_states", seed=0))
