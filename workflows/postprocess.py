"""One preprocessed run to its connectome, as `diffconn run` does it, in a workflow of your own.

Run it on your own files:  python workflows/postprocess.py BOLD CONFOUNDS ATLAS TR [MASK]
"""

import numpy as np
from fileformats.generic import File
from pydra.compose import python, workflow
from usage import given

from pydra_diffconn.bids import FitAtlas, Postprocess, motion_of
from pydra_diffconn.confound_models import ConfoundModel


@python.define(outputs=["framewise_displacement"])
def Displacement(confounds: File, tr: float) -> np.ndarray:
    """Read framewise displacement (mm) from fMRIPrep's table."""
    return motion_of(confounds, tr).framewise_displacement


@workflow.define(outputs=["timeseries", "connectome", "coverage"])
def FromRun(bold: File, confounds: File, atlas: File, tr: float, mask: File | None = None, model: str = "36P"):
    """Bring the atlas to the run, choose confounds, censor, denoise, parcellate, correlate."""
    moved = workflow.add(Displacement(confounds=confounds, tr=tr))
    design = workflow.add(ConfoundModel(confounds=confounds, model=model))
    fitted = workflow.add(FitAtlas(atlas=atlas, bold=bold, mask=mask))
    run = workflow.add(
        Postprocess(
            bold=bold,
            labels=fitted.labels,
            framewise_displacement=moved.framewise_displacement,
            design=design.confounds,
            tr=tr,
        )
    )
    return run.timeseries, run.connectome, fitted.coverage


if __name__ == "__main__":
    from pydra_diffconn import fuse

    inputs = {name: File(one) if isinstance(one, str) else one for name, one in given(__doc__).items()}
    program = fuse(FromRun(**inputs))  # or FromRun(...)(worker="cf"): the same numbers, job by job
    found = program(program.parameters)
    np.savetxt("connectome.tsv", found["connectome"], delimiter="\t")
    print(f"connectome.tsv: {found['connectome'].shape[0]} parcels")
