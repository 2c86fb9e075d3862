"""Join fine parcels to everybody's own coarse ones, on real people, and write them as an atlas.

What `parcellation.py` shows on planted parcels, on people who watched a film: fine parcels are joined to fewer, learned
from the first half of the film for all people at once, each person with borders of its own; they are judged in the
second half, against parcels of the group (Ward, k-means, a spectral cut) and each person's own k-means.

Run it:  python workflows/movie_parcels.py DATA [OUT]      (about three minutes on two cores)

DATA is a folder with the series of each person (*timeseries.npz: name to (time, parcels)), participants.tsv with the
columns participant_id and family_id, and the image of the fine parcels (*parcellation.nii.gz).
"""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
from nilearn.plotting import find_parcellation_cut_coords
from parcellation import People, difference, run, section

from pydra_diffconn import atlases, report

PEOPLE, PARCELS = 12, 17


def read(folder, people=PEOPLE, parcels=PARCELS):
    """Return halves of the series of people of different families, and the image of the fine parcels."""
    folder = Path(folder)
    (table,), (image,) = folder.glob("*timeseries.npz"), folder.glob("*parcellation.nii.gz")
    series = np.load(table)
    places, labels = find_parcellation_cut_coords(str(image), return_label_names=True)
    listed = pd.read_csv(folder / "participants.tsv", sep="\t").drop_duplicates("family_id").participant_id
    whole = [series[name][:, : len(labels)].astype(np.float32) for name in listed if name in series][:people]
    halves = [[one[: len(one) // 2] for one in whole], [one[len(one) // 2 :] for one in whole]]
    return People(*halves, parcels, np.asarray(places), compact=0.0), image


def judged(people, steps=200, progress=True):
    """Return the table, everybody's labels by each way, and what learning adds to the best other way."""
    table, ways = run(people, steps, progress)
    others = table[~table.parcels.str.startswith("learned")]
    return table, ways, difference(ways, people, other=others.parcels.iloc[-1])


if __name__ == "__main__":
    if len(sys.argv) < 2:
        raise SystemExit(__doc__)
    out = Path(sys.argv[2] if len(sys.argv) > 2 else "movie_parcels")
    out.mkdir(parents=True, exist_ok=True)
    people, image = read(sys.argv[1])
    table, ways, told = judged(people)
    print(table.to_string(index=False), told, sep="\n")
    for number, labels in enumerate(ways["learned, each person's"]):
        maps = labels == np.arange(people.count)[:, None]
        atlases.write_hard_atlas(maps, image, out / f"person-{number + 1}_dseg.nii.gz")
    lead = f"{len(people.first)} people, {people.coordinates.shape[0]} fine parcels joined to {people.count}."
    print(
        report.write_page(out / "report.html", "Parcels of people who watch a film", lead, [section(table)], [], [told])
    )
