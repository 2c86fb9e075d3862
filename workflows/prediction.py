"""Predict people from their connectomes, learned and classical, where neither has seen them.

What shrinks the covariance and what each parcel weighs are learned by how well other people are predicted, by a head
that never sees whom it predicts. Beside it stands the best of nine classical connectomes (Pearson correlation, and
partial correlation of eight shrinkages), chosen by the same measure on the same training people. Families are held out
whole. Expect that learning does not help: with a weight for each parcel it learns the training people by heart.

Run it:  python workflows/prediction.py DATA TARGET [OUT]      (two to four minutes on two cores)

DATA is a folder with the series of each person (*timeseries.npz: name to (time, parcels)) and participants.tsv, whose
column participant_id or FILE_ID has these names; TARGET is a column of it, of numbers or of two kinds.
"""

from pathlib import Path

import numpy as np
import optax
import pandas as pd
from pydra.compose import workflow
from usage import folder, given, series_of, the_one

from pydra_diffconn import Learn, Pipeline, compare, losses, scores
from pydra_diffconn.blocks import Correlation, FisherZ, PartialCorrelation, ShrinkCovariance, WeightParcels

SHRINKAGES = (0.99, 0.9, 0.8, 0.7, 0.5, 0.3, 0.2, 0.1)


@workflow.define(outputs=["connectome"])
def Pearson(bold):
    """Correlate the parcels."""
    matrix = workflow.add(Correlation(timeseries=bold)).connectome
    return workflow.add(FisherZ(connectome=matrix)).connectome


@workflow.define(outputs=["connectome"])
def Partial(bold, weights, shrinkage: float):
    """Correlate each pair of parcels given all others, and weigh the parcels."""
    matrix = workflow.add(Correlation(timeseries=bold)).connectome
    shrunk = workflow.add(ShrinkCovariance(covariance=matrix, shrinkage=shrinkage)).covariance
    partial = workflow.add(PartialCorrelation(covariance=shrunk)).connectome
    z = workflow.add(FisherZ(connectome=partial)).connectome
    return workflow.add(WeightParcels(connectome=z, weights=weights)).connectome


def read(place, target):
    """Return the series of people whose target is known, the target, and their families (each its own without)."""
    series, listed = {}, the_one(place, "participants.tsv")
    for path in sorted(Path(place).glob("*timeseries.npz")):
        series |= series_of(path)
    table = pd.read_csv(listed, sep="\t", na_values="n/a")
    name = next((one for one in ("participant_id", "FILE_ID") if one in table), None)
    if name is None or target not in table:
        raise SystemExit(f"{listed} must have participant_id or FILE_ID, and {target}; it has {', '.join(table)}")
    table = table[table[name].isin(list(series)) & table[target].notna()]
    if table.empty:
        raise SystemExit(f"{place} has series (*timeseries.npz) of nobody whose {target} is known")
    values = table[target]
    if values.nunique() == 2:
        values = values == sorted(values.unique())[1]
    families = table["family_id"] if "family_id" in table else table[name]
    return [series[one].astype(np.float32) for one in table[name]], values.to_numpy(float), families.tolist()


def usable(series):
    """Return the parcels that vary in everybody."""
    varies = np.all([one.std(axis=0) > 0 for one in series], axis=0)
    return [one[:, varies] for one in series]


def run(series, target, families, steps=25, folds=3, progress=True):
    """Return the comparison of learned and classical connectomes."""
    parcels, kinds = series[0].shape[1], len(np.unique(target))
    head, score = ("logistic", scores.area_under_curve()) if kinds == 2 else ("ridge", scores.correlation())
    even = np.ones(parcels)
    learned = Partial(weights=Learn(even), shrinkage=Learn(0.5)).split("bold", bold=series)
    partial = Partial(weights=even, shrinkage=0.5).split("bold", bold=series)
    classical = [Pipeline("Pearson", Pearson().split("bold", bold=series))]
    classical += [Pipeline(f"partial, shrinkage {one:g}", partial, {"shrinkage": one}) for one in SHRINKAGES]
    error = losses.HeldOutPrediction("connectome", head=head)
    return compare(
        learned,
        error + 0.5 * losses.LogDeviation("weights"),
        {"target": target, "person": np.array(families)},
        classical=classical,
        choose=error,
        scores=[score],
        beside=classical[:1],
        folds=folds,
        steps=steps,
        optimizer=optax.adam(0.05),
        groups=families,
        progress=progress,
    )


def main(data, target, out):
    """Compare, print, and write the page."""
    series, values, families = read(data, target)
    out = folder(out)
    found = run(usable(series), values, families)
    print(found.table.to_string(index=False), found.sentence, sep="\n")
    print(found.report(out / "report.html", f"Prediction of {target}"))


if __name__ == "__main__":
    main(**given(__doc__, out="prediction"))
