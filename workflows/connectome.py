"""The connectome of one run, file or array, with a marked lower cut-off.

Run it on your own files:  python workflows/connectome.py BOLD CONFOUNDS LABELS TR
"""

from pydra.compose import workflow
from usage import given

from pydra_diffconn import Learn
from pydra_diffconn.blocks import BandPass, Correlation, Parcellate, RegressConfounds
from pydra_diffconn.confound_models import ConfoundModel


@workflow.define(outputs=["connectome"])
def Connectome(bold, confounds, labels, tr: float):
    """Band-pass data and confounds alike, regress, parcellate, correlate."""
    chosen = workflow.add(ConfoundModel(confounds=confounds, model="rps + csf + wm"))
    low = Learn(0.01, share="low")
    band = workflow.add(BandPass(timeseries=bold, tr=tr, low=low))
    regressors = workflow.add(BandPass(timeseries=chosen.confounds, tr=tr, low=low), name="BandPassConfounds")
    clean = workflow.add(RegressConfounds(timeseries=band.timeseries, confounds=regressors.timeseries))
    parcels = workflow.add(Parcellate(timeseries=clean.timeseries, labels=labels))
    return workflow.add(Correlation(timeseries=parcels.timeseries)).connectome


if __name__ == "__main__":
    print(Connectome(**given(__doc__))(worker="debug").connectome)
