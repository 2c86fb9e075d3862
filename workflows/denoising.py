"""Learn which confounds and frames to remove, against the strategies of the field, on people who took no part.

Sixty simulated people move more or less; what they have in common is known. Learned are the band, a gate for each group
of confounds and the censoring threshold, by QC-FC and by how alike people stay to those who moved least: QC-FC alone is
smallest where nothing is left. Of 28 classical strategies the best by the same measure is chosen on the same people.

Run it:  python workflows/denoising.py [OUT] [SEED] [TABLES]      (40 seconds on two cores)

SEED draws the people. TABLES is a folder of confound tables of fMRIPrep: people then move as those whose runs they are
of. A table that cannot be read, and one of a run that is there already, is left out, and said so.
"""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
from pydra.compose import workflow
from usage import folder, given

from pydra_diffconn import Learn, Pipeline, Score, compare, generators, losses, scores
from pydra_diffconn.blocks import BandPass, Censor, Correlation, FisherZ, GateConfounds

TR, LOW, HIGH = 2.0, 0.01, 0.1
STRATEGIES = {  # which groups of confounds: motion, its changes, squares, squares of changes, tissues, global, aCompCor
    "none": (0, 0, 0, 0, 0, 0, 0),
    "24P": (1, 1, 1, 1, 0, 0, 0),
    "24P + GSR": (1, 1, 1, 1, 0, 1, 0),
    "24P + tissues": (1, 1, 1, 1, 1, 0, 0),
    "36P": (1, 1, 1, 1, 1, 1, 0),
    "aCompCor": (1, 1, 0, 0, 0, 0, 1),
    "aCompCor + GSR": (1, 1, 0, 0, 0, 1, 1),
}
MOTION = [f"{kind}_{axis}" for kind in ("trans", "rot") for axis in "xyz"]
THRESHOLDS = {"": 50.0, ", scrubbed at .5 mm": 0.5, ", .3 mm": 0.3, ", .2 mm": 0.2}


@workflow.define(outputs=["connectome", "frame_weights", "gates"])
def Denoised(bold, confounds, displacement, terms, gates, threshold: float, softness: float = 0.0):
    """Filter, censor, regress and correlate a run."""
    weights = workflow.add(Censor(framewise_displacement=displacement, threshold=threshold, softness=softness))
    band = workflow.add(BandPass(timeseries=bold, tr=TR, low=Learn(LOW, share="low"), high=Learn(HIGH, share="high")))
    regressors = workflow.add(
        BandPass(timeseries=confounds, tr=TR, low=Learn(LOW, share="low"), high=Learn(HIGH, share="high")),
        name="BandPassConfounds",
    )
    clean = workflow.add(
        GateConfounds(
            timeseries=band.timeseries,
            confounds=regressors.timeseries,
            frame_weights=weights.frame_weights,
            gates=gates,
            terms=terms,
        )
    )
    matrix = workflow.add(Correlation(timeseries=clean.timeseries, frame_weights=weights.frame_weights))
    z = workflow.add(FisherZ(connectome=matrix.connectome))
    return z.connectome, weights.frame_weights, gates


def tasks(study):
    """Return the workflow over all people, with marks to learn, and as it is chosen from."""
    over = {
        "bold": list(study.timeseries),
        "confounds": list(study.confounds),
        "displacement": list(study.displacement),
    }
    half = np.full(len(study.names), 0.5)
    learned = Denoised(terms=study.terms, gates=Learn(half), threshold=Learn(0.5, within=(0.1, 2.0)), softness=0.03)
    classical = Denoised(terms=study.terms, gates=half, threshold=0.5)
    return [one.split(tuple(over), **over) for one in (learned, classical)]


def measures(study):
    """Return what is reported of people who took no part."""
    truth = np.arctanh(np.clip(study.connectome, -0.99, 0.99))[np.triu_indices(len(study.connectome), 1)]

    def likeness(outputs, targets, tested):
        edges = outputs["connectome"][tested][:, *np.triu_indices(len(study.connectome), 1)]
        return [np.corrcoef(one, truth)[0, 1] for one in edges]

    def by_distance(outputs, targets):
        return float(losses.DistanceDependence("connectome", distances=study.distances)(outputs, targets))

    def kept(outputs, targets, tested):
        return outputs["frame_weights"][tested].mean(axis=1)

    def removed(outputs, targets, tested):
        return outputs["gates"][tested] @ np.bincount(study.terms)

    return [
        Score("correlation with the true connectome", of_runs=likeness),
        scores.qcfc(),
        Score("distance dependence of QC-FC", together=by_distance, higher=False),
        scores.retained(),
        Score("share of frames kept", of_runs=kept, higher=None),
        Score("confounds removed", of_runs=removed, higher=None),
    ]


def run(study, steps=60, progress=True):
    """Return the comparison of learned and classical denoising."""
    learned, classical = tasks(study)
    values = {
        f"{name}{frames}": {"gates": np.array(gates, float), "threshold": threshold}
        for name, gates in STRATEGIES.items()
        for frames, threshold in THRESHOLDS.items()
    }
    return compare(
        learned,
        losses.QcFc("connectome") + losses.SignalLost("connectome"),
        {"quality": study.displacement.mean(axis=1)},
        classical=[Pipeline(name, classical, one) for name, one in values.items()],
        beside=[Pipeline(name, classical, values[name]) for name in ("24P", "36P")],
        scores=measures(study),
        folds=3,
        steps=steps,
        groups=list(range(len(study.displacement))),
        progress=progress,
    )


def motion_in(path):
    """Return the realignment parameters (time, 6) of a table of confounds, or none of another table."""
    table = pd.read_csv(path, sep="\t", na_values="n/a")
    return table[MOTION].to_numpy(float) if set(MOTION) <= set(table) else None


def why_not(motion, found, least):
    """Say why the run of a table is left out, or nothing.

    A run may have several tables, whole and reduced; written by different programs, they differ in the last digits.
    """
    if len(motion) < least:
        return f"has {len(motion)} frames, fewer than {least}"
    if not np.isfinite(motion).all():
        return "has frames without values"
    same = [path for path, one in found.items() if one.shape == motion.shape and np.allclose(one, motion, atol=1e-6)]
    return f"is of the same run as {same[0]}" if same else ""


def measured(place, least=100):
    """Return the realignment parameters of all runs of a folder that are long enough, each once; say what is not."""
    found = {}
    for path in sorted(Path(place).rglob("*.tsv")):
        try:
            motion = motion_in(path)
        except (ValueError, OSError) as error:  # empty, no text, no table, or no numbers
            print(f"left out: {path} cannot be read ({error})", file=sys.stderr)
            continue
        why = "" if motion is None else why_not(motion, found, least)
        if why:
            print(f"left out: {path} {why}", file=sys.stderr)
        elif motion is not None:
            found[path] = motion
    if not found:
        raise SystemExit(f"{place} has no table with {', '.join(MOTION)} and at least {least} frames")
    return list(found.values())


def main(out, seed, tables):
    """Draw people, learn, compare, print, and write the page."""
    motion = measured(tables) if tables else []
    out = folder(out)
    found = run(generators.denoising_study(np.random.default_rng(seed), motion=motion))
    print(found.table.to_string(index=False), found.sentence, sep="\n")
    print(found.report(out / "report.html", "Denoising, learned and classical"))


if __name__ == "__main__":
    main(**given(__doc__, out="denoising", seed=0))
