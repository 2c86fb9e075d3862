"""An output folder as the participant level leaves it, from random numbers: four people, two sessions."""

import json

import numpy as np
import pandas as pd

from pydra_diffconn.bids.derivatives import file_name
from pydra_diffconn.bids.figures import RunArrays, draw
from pydra_diffconn.bids.status import update_status
from pydra_diffconn.files import tables

BAD = '<script>alert(1)</script> & "quotes"'
TR, FRAMES, PARCELS = 2.0, 120, 8
NAMES = ["<b>left</b> & $x$", *(f"parcel{number}" for number in range(1, PARCELS))]
PROCESSING = {
    "order": "xcpd", "columns": ["trans_x", "trans_y", "csf"], "dummy_scans": 2, "fd_threshold": 0.3,
    "fd_convention": "power", "head_radius": 50, "high_pass": 0.01, "low_pass": 0.08, "filter_order": 2,
    "min_coverage": 0.5, "first_row": "copy_second", "citations": ["friston1996"], "learned": {},
}  # fmt: skip


def write_output(out, people=4, sessions=2, strategies=("36P",), figures=False, learned=None, missing=(), seed=0):
    """Write the folder; the last run of the last person failed, the one before was skipped if there are two people."""
    rng = np.random.default_rng(seed)
    rows, own = [], rng.standard_normal((people, PARCELS, PARCELS))
    for person in range(people):
        for session in range(1, sessions + 1):
            for strategy in strategies:
                row = _row(person, session, strategy, rng)
                if person == people - 1 and session == sessions and people > 1:
                    row.update(status="failed", reason=BAD)
                elif person == people - 2 and session == sessions and people > 2:
                    row.update(status="skipped", reason="no minutes left")
                else:
                    desc = strategy if len(strategies) > 1 else None
                    _write_run(out, row, own[person], rng, desc, figures, learned or {}, missing)
                rows.append(row)
    update_status(out, rows)
    return out


def _row(person, session, strategy, rng):
    return {
        "source": f"sub-{person + 1:02d}_ses-{session}_task-rest_space-MNI", "participant_id": f"sub-{person + 1:02d}",
        "session": str(session), "task": "rest", "run": None, "space": "MNI", "strategy": strategy,
        "bold": f"sub-{person + 1:02d}/func/bold.nii.gz", "status": "done", "reason": None, "tr": TR,
        "frames": FRAMES + 2, "dummy": 2, "kept": FRAMES - 4, "minutes_kept": round((FRAMES - 4) * TR / 60, 3),
        "mean_fd": float(rng.uniform(0.05, 0.4)), "max_fd": 1.5, "mean_dvars": 1.1, "dof": 30.5,
        "parcels_missing": 0, "seconds": 1.0,
    }  # fmt: skip


def _write_run(out, row, own, rng, desc, figures, learned, missing):
    person, source = row["participant_id"], row["source"]
    folder = out / person / f"ses-{row['session']}" / "func"
    folder.mkdir(parents=True, exist_ok=True)
    weights = np.ones(FRAMES)
    weights[10:14] = 0
    everything = rng.standard_normal((FRAMES, PARCELS)) @ (np.eye(PARCELS) + 0.3 * own)
    everything[:, list(missing)] = np.nan
    series = everything[weights > 0]
    with np.errstate(invalid="ignore"):
        matrix = np.corrcoef(series.T)
    matrix[list(missing)] = matrix[:, list(missing)] = np.nan
    sidecar = {
        "RepetitionTime": TR, "Strategy": row["strategy"], "Atlas": "Demo", "Space": "MNI", "Frames": FRAMES + 2,
        "DummyScans": 2, "FramesKept": len(series), "MinutesKept": row["minutes_kept"],
        "MeanFramewiseDisplacement": row["mean_fd"], "TemporalDegreesOfFreedom": row["dof"],
        "ParcelsMissing": [NAMES[place] for place in missing], "Processing": {**PROCESSING, "learned": learned},
        "SoftwareVersions": {"pydra-diffconn": "0.1.0"},
    }  # fmt: skip
    where = {"source": source, "atlas": "Demo", "desc": desc}
    path = folder / file_name("timeseries", **where)
    tables.write_table(series, NAMES, path)
    path.with_suffix(".json").write_text(json.dumps(sidecar))
    path = folder / file_name("relmat", **where, stat="pearsoncorrelation")
    tables.write_matrix(matrix, NAMES, path)
    path.with_suffix(".json").write_text(json.dumps({**sidecar, "RelationshipMeasure": "Pearson correlation"}))
    fd = np.abs(rng.standard_normal(FRAMES)) * 0.1
    motion = folder / file_name("motion", source=source.partition("_space-")[0])
    pd.DataFrame({"framewise_displacement": fd}).to_csv(motion, sep="\t", index=False)
    if figures:
        coverage = np.ones(PARCELS)
        coverage[list(missing)] = 0.2
        arrays = RunArrays(
            TR, fd, 1 + fd, 0.3, weights, everything + fd[:, None], everything, rng.standard_normal((FRAMES, 3)),
            ["trans_x", "trans_y", BAD], coverage, matrix, NAMES, source,
        )  # fmt: skip
        place = out / person / "figures"
        place.mkdir(exist_ok=True)
        for figure, svg in draw(arrays).items():
            (place / file_name("figure", **where, figure=figure)).write_text(svg, encoding="utf-8")
