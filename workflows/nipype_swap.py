"""A lab's Nipype workflow, one step of it swapped for a block, a cut-off learned, and the workflow run again.

Run it in an empty folder:  python workflows/nipype_swap.py
"""

import nipype.pipeline.engine as pe
import numpy as np
from nipype.interfaces.utility import Function, IdentityInterface
from usage import given

from pydra_diffconn import Learn, fit, losses, swap
from pydra_diffconn.nipype import BandPass, Correlation


def load(run):
    """Make up a run, as a lab's own step would read one: slow waves and noise in eight regions."""
    import numpy as np

    rng = np.random.default_rng(run)
    return np.cumsum(rng.standard_normal((160, 8)), axis=0) * 0.2 + rng.standard_normal((160, 8))


def smooth(series, width):
    """Average neighbouring frames, as the lab always did."""
    import numpy as np

    return np.apply_along_axis(np.convolve, 0, series, np.ones(width) / width, "same")


def correlate(series):
    """Correlate the regions."""
    import numpy as np

    return np.corrcoef(series.T)


def lab_workflow(folder="work"):
    """Return the workflow as the lab has it: nothing of pydra-diffconn is in it."""
    runs = pe.Node(IdentityInterface(["run"]), "runs", iterables=("run", [0, 1, 2, 3]))
    source = pe.Node(Function(["run"], ["series"], load), "source")
    clean = pe.Node(Function(["series", "width"], ["cleaned"], smooth), "clean")
    clean.inputs.width = 5
    fc = pe.Node(Function(["series"], ["matrix"], correlate), "fc")
    flow = pe.Workflow("lab", base_dir=folder)
    flow.connect([(runs, source, [("run", "run")]), (source, clean, [("series", "series")])])
    flow.connect([(clean, fc, [("cleaned", "series")])])
    return flow


if __name__ == "__main__":
    given(__doc__)  # nothing but --help
    ours = swap(
        lab_workflow(),
        {"clean": BandPass(tr=2.0, low=Learn(0.01)), "fc": Correlation()},
        fields={
            "clean": {"series": "timeseries", "cleaned": "timeseries", "width": None},
            "fc": {"series": "timeseries", "matrix": "connectome"},
        },
    )
    targets = np.stack([np.eye(8)] * 4)  # one for each run
    result = fit(ours, losses.MeanSquaredError("fc.connectome"), targets, steps=20, progress=False)
    print(f"the lower cut-off: 0.01 Hz before, {result.parameters['clean.low']:.4f} Hz learned")
    result.workflow.run()  # a workflow of Nipype again, in the lab's own folder
