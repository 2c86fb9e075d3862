"""From the events of a task to a background connectome: what is left of a run once its responses are removed.

Run it on your own files:  python workflows/task.py BOLD EVENTS CONFOUNDS LABELS TR
"""

from pydra.compose import workflow
from usage import given

from pydra_diffconn import Learn
from pydra_diffconn.blocks import CombineConfounds, Correlation, GloverDesign, Parcellate, RegressConfounds
from pydra_diffconn.confound_models import ConfoundModel
from pydra_diffconn.events import EventModel


@workflow.define(outputs=["connectome"])
def BackgroundConnectome(bold, events, confounds, labels, tr: float, model: str = "24P + wm + csf"):
    """Make a design of the events, regress it out with the confounds, parcellate, correlate."""
    happened = workflow.add(EventModel(events=events, timeseries=bold, tr=tr))
    response = {"delay": Learn(6.0), "dispersion": Learn(0.9), "derivatives": "time and dispersion"}
    task = workflow.add(GloverDesign(stimulus=happened.stimulus, earlier=happened.earlier, tr=tr, **response))
    chosen = workflow.add(ConfoundModel(confounds=confounds, model=model))
    joined = workflow.add(CombineConfounds(confounds=chosen.confounds, confounds_2=task.design))
    rest = workflow.add(RegressConfounds(timeseries=bold, confounds=joined.confounds))
    parcels = workflow.add(Parcellate(timeseries=rest.timeseries, labels=labels))
    return workflow.add(Correlation(timeseries=parcels.timeseries)).connectome


if __name__ == "__main__":
    print(BackgroundConnectome(**given(__doc__))(worker="debug").connectome)
