"""What is compared over people: motion left in connectomes, how alike a person's own are, and who moved how much."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from pydra_diffconn.bids.atlas import find
from pydra_diffconn.bids.pages.results import Result
from pydra_diffconn.bids.postprocess import KINDS
from pydra_diffconn.files import tables
from pydra_diffconn.losses.identifiability import (
    LEAST_PEOPLE,
    edge_similarity,
    identification_accuracy,
    self_others_gap,
)
from pydra_diffconn.losses.states import edges

LEVEL = 0.05
FEWEST = 3  # people: over two, every correlation is 1
LARGEST = 1 - 1e-7  # correlation of which Fisher's z is taken: of 1 it is not finite


@dataclass(frozen=True)
class Set:
    """The connectomes of one strategy, atlas, space and kind."""

    strategy: str
    atlas: str
    space: str
    kind: str
    """One of `KINDS`."""
    results: list[Result]
    names: tuple[str, ...]
    connectomes: np.ndarray
    """(runs, parcels, parcels); NaN for missing parcels."""
    left_out: tuple[str, ...] = ()
    """Runs whose connectome is of other parcels."""

    @property
    def title(self) -> str:
        return f"{self.strategy}, {self.atlas}, {self.space}, {KINDS[self.kind][1]}"

    @property
    def motion(self) -> np.ndarray:
        """(runs,): mean framewise displacement, mm."""
        return np.array([float(one.sidecar["MeanFramewiseDisplacement"]) for one in self.results])

    @property
    def person(self) -> np.ndarray:
        """(runs,): number of the person."""
        return np.unique([one.participant for one in self.results], return_inverse=True)[1]

    @property
    def people(self) -> int:
        """How many people there are."""
        return len({one.participant for one in self.results})

    @property
    def occasion(self) -> np.ndarray:
        """(runs,): number of the person's run, in the order of the names."""
        seen: dict[str, int] = {}
        found = []
        for one in self.results:
            found.append(seen.get(one.participant, 0))
            seen[one.participant] = found[-1] + 1
        return np.array(found)

    @property
    def present(self) -> np.ndarray:
        """(parcels,): which parcels every run has."""
        return ~np.isnan(self.connectomes).all(axis=2).any(axis=0)


def sets_of(found: Sequence[Result]) -> list[Set]:
    """Return the connectomes by strategy, atlas, space and kind; those of other parcels than the first are left out."""
    groups: dict[tuple[str, str, str, str], list[Result]] = {}
    for one in found:
        for kind, (stat, _) in KINDS.items():
            if one.relmat(stat).is_file():
                groups.setdefault((one.strategy, one.atlas, str(one.sidecar.get("Space")), kind), []).append(one)
    made = []
    for key, group in sorted(groups.items()):
        read = [(one, *tables.read_matrix(one.relmat(KINDS[key[3]][0]))) for one in group]
        expected = read[0][2]
        alike = [(one, matrix) for one, matrix, names in read if names == expected]
        others = tuple(one.source for one, _, names in read if names != expected)
        stacked = np.stack([matrix for _, matrix in alike])
        made.append(Set(*key, [one for one, _ in alike], expected, stacked, others))
    return made


def qcfc_edges(one: Set) -> pd.DataFrame:
    """Return, for each edge, its Pearson correlation with motion over people, p, and q of Benjamini and Hochberg.

    A person's runs are alike, in edges as in motion, so that they count once: by the mean of Fisher's z of the edge
    over them, and their mean motion. Edges that some run lacks are n/a.

    Raises
    ------
    ValueError
        If there are fewer people than `FEWEST`.
    """
    from scipy.stats import false_discovery_control
    from scipy.stats import t as student

    if one.people < FEWEST:
        raise ValueError(f"{one.title}: QC-FC is a correlation over people; {one.people}, expected at least {FEWEST}")
    rows, columns = np.triu_indices(len(one.names), 1)
    z = np.arctanh(np.clip(one.connectomes[:, rows, columns], -LARGEST, LARGEST))
    correlation = _correlated(_of_people(z, one.person), _of_people(one.motion, one.person))
    with np.errstate(divide="ignore", invalid="ignore"):
        statistic = correlation * np.sqrt((one.people - 2) / (1 - correlation**2))
    p = 2 * student.sf(np.abs(statistic), one.people - 2)
    q = np.full(len(p), np.nan)
    known = np.isfinite(p)
    q[known] = false_discovery_control(p[known]) if known.any() else []
    names = np.asarray(one.names, dtype=object)
    return pd.DataFrame(
        {
            "parcel1": names[rows],
            "parcel2": names[columns],
            "r": correlation,
            "p": p,
            "q": q,
            "distance": _distances(one),
        }
    )


def _of_people(values: np.ndarray, person: np.ndarray) -> np.ndarray:
    """Return the mean of each person's runs, (people, ...)."""
    return np.stack([values[person == number].mean(axis=0) for number in range(person.max() + 1)])


def _correlated(edges: np.ndarray, motion: np.ndarray) -> np.ndarray:
    """Return the Pearson correlation of each column with a number per person; NaN where nothing varies."""
    edges, motion = edges - edges.mean(axis=0), motion - motion.mean()
    size = np.sqrt((edges**2).sum(axis=0) * (motion**2).sum())
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.clip(np.where(size > 0, motion @ edges / size, np.nan), -1, 1)


def _distances(one: Set) -> np.ndarray:
    """Return the distance of the parcels of each edge in mm, from the atlas' image; NaN without a volume."""
    from scipy.ndimage import center_of_mass

    rows, columns = np.triu_indices(len(one.names), 1)
    path = str(one.results[0].sidecar.get("AtlasSource", ""))
    try:
        import nibabel as nib

        atlas = find(path)
        if atlas.kind != "nifti" or atlas.names != one.names:
            return np.full(len(rows), np.nan)
        image = nib.load(atlas.image)
        labels = np.asarray(image.dataobj)  # type: ignore[attr-defined]
        centres = np.array(center_of_mass(labels > 0, labels, atlas.labels))
    except (ValueError, OSError):
        return np.full(len(rows), np.nan)
    places = centres @ image.affine[:3, :3].T  # type: ignore[attr-defined]
    return np.linalg.norm(places[rows] - places[columns], axis=1)


def discriminability(connectomes: np.ndarray, person: np.ndarray) -> float:
    """Return how often a run is nearer to another of its person than to others' (Bridgeford et al. 2021).

    Distances are Euclidean, between edges; ties count half. NaN if nobody has two runs.
    """
    vectors = edges(connectomes)
    distance = np.linalg.norm(vectors[:, None] - vectors, axis=2)
    shares = []
    for run in range(len(person)):
        own = (person == person[run]) & (np.arange(len(person)) != run)
        others = person != person[run]
        for near in distance[run, own]:
            shares.append(np.mean((near < distance[run, others]) + 0.5 * (near == distance[run, others])))
    return float(np.mean(shares)) if shares else float("nan")


def summary(one: Set, edges: pd.DataFrame | None) -> dict[str, object]:
    """Return the numbers of one strategy: motion that is left, what distance has to do with it, recognition."""
    from scipy.stats import spearmanr

    row: dict[str, object] = {
        "strategy": one.strategy,
        "atlas": one.atlas,
        "space": one.space,
        "connectome": KINDS[one.kind][1],
        "runs": len(one.results),
    }
    row["people"] = one.people
    row["parcels_missing"] = int((~one.present).sum())
    if edges is not None:
        known = edges.dropna(subset=["r"])
        row["median_abs_qcfc"] = float(known["r"].abs().median())
        row["edges_p05"] = float((known["p"] < LEVEL).mean())
        row["edges_q05"] = float((known["q"] < LEVEL).mean())
        placed = known.dropna(subset=["distance"])
        if len(placed) > 2:
            row["distance_dependence"] = float(spearmanr(placed["r"], placed["distance"])[0])
    twice = np.bincount(one.person).max(initial=0) > 1
    if twice and one.people > 1:
        whole = one.connectomes[:, one.present][:, :, one.present]
        row["discriminability"] = discriminability(whole, one.person)
        row["identification"] = identification_accuracy(whole, one.person, one.occasion)
        if one.people >= LEAST_PEOPLE:
            row["self_others_gap"] = float(self_others_gap(whole, one.person, one.occasion))
    row["mean_dof"] = float(np.mean([one.sidecar["TemporalDegreesOfFreedom"] for one in one.results]))
    row["mean_fd"] = float(one.motion.mean())
    return row


def similarity(one: Set) -> np.ndarray:
    """Return (runs, runs), how alike connectomes are."""
    whole = one.connectomes[:, one.present][:, :, one.present]
    return np.asarray(edge_similarity(whole))
