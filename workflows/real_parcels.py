"""Join fine parcels, or the voxels of a run, to fewer and larger ones on real people, and write these as an atlas.

What `parcellation.py` shows on planted parcels, on measured series: parcels are learned from the first half of
everybody's run, for all people at once and with borders of each person's own; they are judged in the second half,
against parcels of the group (Ward, k-means, a spectral cut) and each person's own k-means.

Run it:  python workflows/real_parcels.py SERIES IMAGE [OUT] [SEED]      (15 seconds on two cores; voxels: a minute)

SERIES is a file of fine parcels' series (.npz: name to (time, parcels)) with IMAGE as the image of those parcels; if a
participants.tsv with participant_id and family_id lies beside it, one person of each family is taken. Or SERIES is a
run (.nii.gz) with IMAGE as its mask, whose voxels are joined. SEED chooses the people.
"""

from pathlib import Path

import nibabel
import numpy as np
import pandas as pd
from nilearn.plotting import find_parcellation_cut_coords, plot_roi
from parcellation import People, difference, run, section
from sklearn.feature_extraction.image import grid_to_graph
from usage import folder, given, series_of

from pydra_diffconn import atlases, report
from pydra_diffconn.blocks import Detrend

PEOPLE, PARCELS = 12, 17


def of_people(path, image, people=PEOPLE, parcels=PARCELS, seed=0):
    """Return halves of the series of people of different families, drawn at random."""
    series, beside = series_of(path), Path(path).with_name("participants.tsv")
    places, labels = find_parcellation_cut_coords(str(image), return_label_names=True)
    names = list(series)
    if beside.exists() and {"participant_id", "family_id"} <= set(listed := pd.read_csv(beside, sep="\t")):
        names = [name for name in listed.drop_duplicates("family_id").participant_id if name in names]
    short = [name for name in names if series[name].shape[1] < len(labels)]
    if short:
        raise SystemExit(
            f"{path}: {short[0]} has {series[short[0]].shape[1]} series; {image} has {len(labels)} parcels"
        )
    whole = []
    for name in np.random.default_rng(seed).permutation(names):
        one = series[name][:, : len(labels)].astype(np.float32)
        if len(whole) < people and np.ptp(one, axis=0).all():  # a parcel without data says nothing of its neighbours
            whole.append(one)
    return halved(whole, parcels, places)


def of_voxels(path, mask, parcels=PARCELS):
    """Return halves of the series of a run's voxels, without slow drift, and where among the mask they lie."""
    run, mask = nibabel.load(path), nibabel.load(mask)
    inside = np.asarray(mask.dataobj) != 0
    inside &= np.ptp(run.dataobj, axis=-1) > 0
    series = np.asarray(Detrend.pure(np.asarray(run.dataobj)[inside].T.astype(np.float32), degree=2))
    places = nibabel.affines.apply_affine(mask.affine, np.argwhere(inside))
    found = halved([series], parcels, places, grid_to_graph(*inside.shape, mask=inside))
    return found, nibabel.Nifti1Image(inside.astype(np.uint8), mask.affine)


def halved(whole, parcels, places, neighbours=None):
    """Return the first and the second half of each run, to be learned from and judged in."""
    halves = [one[: len(one) // 2] for one in whole], [one[len(one) // 2 :] for one in whole]
    return People(*halves, parcels, np.asarray(places), neighbours, compact=0.0, part="half of the run")


def judged(people, steps=200, progress=True):
    """Return the table, everybody's labels by each way, and what learning adds to the best other way."""
    table, ways = run(people, steps, progress)
    if len(people.first) == 1:  # the group is the one person
        same = ["learned, group", "k-means, each alone"]
        table = table[~table.parcels.isin(same)].drop(columns="its s.d. over people")
        ways = {name: one for name, one in ways.items() if name not in same}
    others = table[~table.parcels.str.startswith("learned")]
    return table, ways, difference(ways, people, other=others.parcels.iloc[-1])


def drawn(atlas):
    """Return a figure of an atlas, in slices of the brain."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 2.2))
    plot_roi(str(atlas), display_mode="z", cut_coords=6, cmap="tab20", figure=figure, colorbar=False)
    return report.Figure(report.as_svg(figure), "The first person's parcels. Colours are no names.")


def main(series, image, out, seed):
    """Learn, judge, print, and write the page and everybody's atlas."""
    if series.endswith(".npz"):
        people, fine, out = of_people(series, image, seed=seed), image, folder(out)
    else:
        people, voxels = of_voxels(series, image)
        out = folder(out)
        fine = out / "voxels_mask.nii.gz"
        nibabel.save(voxels, fine)
    table, ways, told = judged(people)
    print(table.to_string(index=False), told, sep="\n")
    paths = [out / f"person-{number + 1}_dseg.nii.gz" for number in range(len(people.first))]
    for path, labels in zip(paths, ways["learned, each person's"], strict=True):
        atlases.write_hard_atlas(labels == np.arange(people.count)[:, None], fine, path)
    what = f"{people.coordinates.shape[0]} {'fine parcels' if series.endswith('.npz') else 'voxels'}"
    lead = f"People: {len(people.first)}. {what} joined to {people.count}."
    sections = [section(table, people, [drawn(paths[0])])]
    print(report.write_page(out / "report.html", "Parcels of real people", lead, sections, [], [told]))


if __name__ == "__main__":
    main(**given(__doc__, out="real_parcels", seed=0))
