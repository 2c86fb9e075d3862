"""XCP-D's chain on three runs of 23,520 voxels: a Nipype run of it, and one evaluation of the fused program."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pandas as pd

from tests.benchmarks.case import Case

PLUGIN = Path(__file__).parents[2] / "plugins" / "diffconn-xcpd"
SHAPE, FRAMES, PARCELS, RUNS, TR = (30, 28, 28), 300, 100, 3, 2.0
BAND = {"TR": TR, "low_pass": 0.1, "high_pass": 0.01, "filter_order": 2}


def made(folder: Path) -> Path:
    """Write the runs, once."""
    folder = folder / "xcpd"
    if folder.exists():
        return folder
    folder.mkdir()
    rng, voxels = np.random.default_rng(0), int(np.prod(SHAPE))
    labels = np.arange(voxels) * PARCELS // voxels + 1
    nib.Nifti1Image(labels.reshape(SHAPE).astype("i2"), np.eye(4)).to_filename(folder / "atlas.nii.gz")
    nib.Nifti1Image(np.ones(SHAPE, "u1"), np.eye(4)).to_filename(folder / "mask.nii.gz")
    names = pd.DataFrame({"index": np.unique(labels), "label": [f"r{n}" for n in np.unique(labels)]})
    names.to_csv(folder / "labels.tsv", sep="\t", index=False)
    for run in range(RUNS):
        series = rng.standard_normal((*SHAPE, FRAMES)).astype("f4")
        nib.Nifti1Image(series, np.eye(4)).to_filename(folder / f"bold{run}.nii.gz")
        confounds = pd.DataFrame(rng.standard_normal((FRAMES, 36)), columns=[f"c{n}" for n in range(36)])
        confounds.to_csv(folder / f"confounds{run}.tsv", sep="\t", index=False)
        mask = pd.DataFrame({"framewise_displacement": (rng.random(FRAMES) < 0.1).astype(int)})
        mask.to_csv(folder / f"mask{run}.tsv", sep="\t", index=False)
    return folder


def postprocess(data: Path, work: str) -> Any:
    """Return XCP-D's chain over the runs, of interfaces with its names."""
    import interfaces
    import nipype.pipeline.engine as pe
    from nipype import config, logging
    from nipype.interfaces.utility import IdentityInterface

    config.update_config({"logging": {"workflow_level": "CRITICAL", "interface_level": "CRITICAL"}})
    logging.update_logging(config)
    flow, inputs = (
        pe.Workflow("xcpd", base_dir=work),
        pe.Node(IdentityInterface(["bold", "confounds", "tmask"]), "inputs"),
    )
    inputs.synchronize = True
    files = [(f"bold{n}.nii.gz", f"confounds{n}.tsv", f"mask{n}.tsv") for n in range(RUNS)]
    columns = zip(*[[str(data / one) for one in row] for row in files], strict=True)
    inputs.iterables = [
        (name, list(values)) for name, values in zip(("bold", "confounds", "tmask"), columns, strict=True)
    ]
    mask = str(data / "mask.nii.gz")
    denoise = pe.Node(interfaces.DenoiseNifti(mask=mask, bandpass_filter=True, **BAND), "denoise")
    censor, connect = pe.Node(interfaces.Censor(), "censor"), pe.Node(interfaces.TSVConnect(), "connect")
    atlas = {"atlas": str(data / "atlas.nii.gz"), "atlas_labels": str(data / "labels.tsv"), "mask": mask}
    parcels = pe.Node(interfaces.NiftiParcellate(**atlas), "parcels")
    taken = [("bold", "preprocessed_bold"), ("confounds", "confounds_tsv"), ("tmask", "temporal_mask")]
    flow.connect([(inputs, denoise, taken), (inputs, censor, [("tmask", "temporal_mask")])])
    flow.connect([(inputs, connect, [("tmask", "temporal_mask")])])
    flow.connect([(denoise, censor, [("denoised_interpolated_bold", "in_file")])])
    flow.connect(
        [(censor, parcels, [("out_file", "filtered_file")]), (parcels, connect, [("timeseries", "timeseries")])]
    )
    return flow


class XcpdChain(Case):
    """One evaluation as a fit makes it, the connectomes of all runs, against a Nipype run of the interfaces."""

    name = "o: XCP-D's chain, 3 runs x 300 x 23,520, an evaluation"
    against = "a run of Nipype"
    goal = 1 / 500

    def __init__(self, folder: Path) -> None:
        import jax

        from pydra_diffconn import Learn, fuse, swap

        sys.path[:0] = [str(PLUGIN), str(PLUGIN / "tests")]
        from diffconn_xcpd.steps import Censored, Connect, Denoise, Parcels

        from pydra_diffconn.program.hoisting import with_constants_computed

        self.data = made(folder)
        steps = {"denoise": Denoise(), "censor": Censored(), "parcels": Parcels(), "connect": Connect(censored=True)}
        fields = {"denoise": dict.fromkeys(("bandpass_filter", "num_threads"))}
        with tempfile.TemporaryDirectory() as work:
            ours = swap(postprocess(self.data, work), steps, fields)
            program = with_constants_computed(fuse(ours, {"denoise.high_pass": Learn()}))
        self.inputs = {name: jax.device_put(value) for name, value in program.inputs.items()}
        self.program = jax.jit(lambda values, inputs: program(values, **inputs)["connect.correlations"])
        self.values = program.parameters

    def ours(self) -> np.ndarray:
        from pydra_diffconn.numerics.process import one_blas_thread

        with one_blas_thread():  # as in a fit
            return np.asarray(self.program(self.values, self.inputs))

    def theirs(self) -> np.ndarray:
        with tempfile.TemporaryDirectory() as work:
            ran = [node for node in postprocess(self.data, work).run().nodes() if node.name == "connect"]
            ran.sort(key=lambda node: node.parameterization)
            found = [pd.read_table(node.result.outputs.correlations, index_col=0).to_numpy() for node in ran]
        return np.stack(found)


CASES = [XcpdChain]
