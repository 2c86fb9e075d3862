"""Learn everybody's own parcels together with the group's, and test them on another session.

Nine planted parcels on a grid, whose borders lie elsewhere in each person. From one noisy session of each, maps of the
group and each person's deviation from them are learned at once; they are judged in a second session that nothing has
seen. Beside them stand parcels of the group (Ward, k-means, a spectral cut) and k-means of each person, alone or from
the group's parcels.

Run it:  python workflows/parcellation.py [OUT] [SEED]      (a quarter of a minute on two cores)

SEED draws the people.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import optax
import pandas as pd
from pydra.compose import workflow
from scipy.ndimage import gaussian_filter
from scipy.optimize import linear_sum_assignment
from sklearn.cluster import AgglomerativeClustering, KMeans, SpectralClustering
from sklearn.feature_extraction.image import grid_to_graph
from sklearn.metrics import adjusted_rand_score
from usage import folder, given

from pydra_diffconn import Learn, Learning, fit, generators, inference, losses, report
from pydra_diffconn.blocks import IndividualMaps, ProjectMaps

SIDE, ACROSS, TR = 25, 3, 2.0
PARCELS = ACROSS**2
DEVIATION = "IndividualMaps.deviation"


@workflow.define(outputs=["maps", "courses", "timeseries"])
def Parcels(bold, group):
    """Make a person's maps of the group's, and average the series within them."""
    maps = workflow.add(IndividualMaps(maps=group))
    courses = workflow.add(ProjectMaps(timeseries=bold, maps=maps.maps))
    return maps.maps, courses.timeseries, bold


@dataclass
class People:
    """Two sessions, or halves of a run, (time, space) of each person, and the true parcels of each if known."""

    first: list[np.ndarray]
    second: list[np.ndarray]
    count: int  # of parcels
    coordinates: np.ndarray  # (space, axes)
    neighbours: Any = None  # of each point, to which Ward's parcels keep
    compact: float = 1.0  # how much compact parcels are preferred
    parcels: list[np.ndarray] | None = None
    part: str = "session"  # what the first and the second are


def simulate(seed=0, people=8, frames=100, noise=3.0, shift=2.5):
    """Draw people whose borders are moved by a smooth field of about `shift` points."""
    rng = np.random.default_rng(seed)
    grid, atlas = generators.grid_coordinates(SIDE), generators.hard_atlas(SIDE, ACROSS).reshape(SIDE, SIDE)
    parcels = []
    for _ in range(people):
        field = np.stack([gaussian_filter(rng.standard_normal((SIDE, SIDE)), 4).ravel() for _ in range(2)], axis=1)
        place = np.clip(np.rint(grid + shift * field / field.std()), 0, SIDE - 1).astype(int)
        parcels.append(atlas[place[:, 0], place[:, 1]])

    def session(own):
        signals = generators.slow_signals(rng, frames, PARCELS, tr=TR)
        return generators.series_of_atlas(rng, own, signals, noise).astype(np.float32)

    sessions = ([session(one) for one in parcels] for _ in range(2))
    return People(*sessions, PARCELS, grid, grid_to_graph(SIDE, SIDE), parcels=parcels)


def stacked(sessions):
    """Return standardised series of all, (space, time)."""
    return np.concatenate([(one - one.mean(axis=0)) / one.std(axis=0) for one in sessions]).T


def classical(sessions, people):
    """Return the labels of each person by parcels of the group, and by each person's own k-means."""
    together, count = stacked(sessions), people.count
    alike = np.maximum(np.corrcoef(together), 0.0)
    found = {
        "Ward, group": AgglomerativeClustering(count, connectivity=people.neighbours).fit_predict(together),
        "k-means, group": KMeans(count, n_init=10, random_state=0).fit_predict(together),
        "spectral cut, group": SpectralClustering(
            count, affinity="precomputed", assign_labels="cluster_qr", random_state=0
        ).fit_predict(alike),
    }
    alone = [KMeans(count, n_init=10, random_state=0).fit_predict(stacked([one])) for one in sessions]
    ward, from_group = found["Ward, group"], []
    for one in sessions:
        own = stacked([one])
        centres = np.stack([own[ward == number].mean(axis=0) for number in range(count)])
        from_group.append(KMeans(count, init=centres, n_init=1).fit_predict(own))
    everybody = {name: [labels] * len(sessions) for name, labels in found.items()}
    return {**everybody, "k-means, each alone": alone, "k-means, each from the group's": from_group}


def learned(sessions, start, people, steps, progress):
    """Return the labels of each person by maps learned for all at once, from a group's labels."""
    group = 0.8 * (start == np.unique(start)[:, None]) + 0.2 / people.count
    loss = losses.scheme(
        within=losses.SecondMoment("maps", normalise=False),
        compact=people.compact * losses.Compactness("maps", coordinates=people.coordinates),
    )
    result = fit(
        Parcels(group=group).split("bold", bold=sessions),
        loss,
        steps=steps,
        learn={DEVIATION: Learn(np.zeros_like(group), per="person")},
        groups={"person": list(range(len(sessions)))},
        optimizer=optax.adam(0.1),
        how=Learning(shrinkage=1e-4),
        progress=progress,
    )
    own = [result.parameters[f"{DEVIATION}@{number}"] for number in range(len(sessions))]
    maps = [np.asarray(IndividualMaps.pure(group, one)) for one in own]
    everybody = np.asarray(IndividualMaps.pure(group, result.parameters[DEVIATION])).argmax(axis=0)
    return {
        "learned, group": [everybody] * len(sessions),
        "learned, each person's": [one.argmax(axis=0) for one in maps],
    }


def right(found, true):
    """Return the share of points in the right parcel, parcels matched one to one."""
    table = np.array([[np.sum((found == i) & (true == j)) for j in np.unique(true)] for i in np.unique(found)])
    return table[linear_sum_assignment(-table)].sum() / len(true)


def within(labels, series):
    """Return the mean correlation within parcels in a series."""
    maps = (labels == np.unique(labels)[:, None]).astype(np.float32)
    return -float(losses.Homogeneity("maps")({"maps": maps, "timeseries": series}))


def difference(ways, people, one="learned, each person's", other="k-means, each from the group's"):
    """Say how much more alike series within parcels are in the second part by one way than by another."""
    each = [within(ways[one][n], series) - within(ways[other][n], series) for n, series in enumerate(people.second)]
    said = f"Correlation within parcels, second {people.part}: {one} less {other} is {np.mean(each):+.4f}"
    if len(each) == 1:
        return f"{said} in the one person; of others this says nothing."
    low, high = inference.mean_interval(each)
    return f"{said}, 95 % interval over {len(each)} people {low:+.4f} to {high:+.4f}."


def run(people, steps=200, progress=True):
    """Return a table with a row for each way, means over people, and everybody's labels by each."""
    ways, again = (classical(one, people) for one in (people.first, people.second))
    ways |= learned(people.first, ways["Ward, group"][0], people, steps, progress)
    again |= learned(people.second, again["Ward, group"][0], people, steps, progress)
    if people.parcels is not None:
        ways["true parcels"] = again["true parcels"] = people.parcels
    rows = []
    for name, labels in ways.items():
        likeness = np.array([within(one, series) for one, series in zip(labels, people.second, strict=True)])
        alike = [adjusted_rand_score(a, b) for a, b in zip(labels, again[name], strict=True)]
        row = {"parcels": name, f"correlation within, second {people.part}": likeness.mean()}
        row |= {
            "its s.d. over people": likeness.std(ddof=1) if len(likeness) > 1 else np.nan,
            "alike from both (ARI)": np.mean(alike),
        }
        if people.parcels is not None:
            row["points right"] = np.mean([right(a, b) for a, b in zip(labels, people.parcels, strict=True)])
        rows.append(row)
    table = pd.DataFrame(rows)
    return table.sort_values(table.columns[1], ignore_index=True), ways


def section(table, people, figures=()):
    """Return the part of a page with the table."""
    cells = table.round(4).astype(str).to_numpy().tolist()
    text = f"Learned from the first {people.part} of each person alone; judged in the second."
    return report.Section("Parcels", text, {"head": list(table), "rows": cells}, list(figures))


def write(table, ways, people, told, path):
    """Write a page: the table, what it says, and three people's parcels by each way."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(1.6 * len(ways), 5), layout="constrained")
    axes = figure.subplots(3, len(ways))
    for column, (name, labels) in enumerate(ways.items()):
        axes[0, column].set_title(name.replace(", ", ",\n"), fontsize=8)
        for row in range(3):
            axes[row, column].imshow(labels[row].reshape(SIDE, SIDE), cmap="tab10", interpolation="nearest")
            axes[row, column].set_axis_off()
    drawn = report.Figure(report.as_svg(figure), "Three people, each a row. Colours are no names.")
    lead = "Nine planted parcels, whose borders differ."
    return report.write_page(path, "Everybody's own parcels", lead, [section(table, people, [drawn])], [], [told])


def main(out, seed):
    """Draw people, learn, judge, print, and write the page."""
    out, people = folder(out), simulate(seed)
    table, ways = run(people)
    told = difference(ways, people)
    print(table.to_string(index=False), told, sep="\n")
    print(write(table, ways, people, told, out / "report.html"))


if __name__ == "__main__":
    main(**given(__doc__, out="parcellation", seed=0))
