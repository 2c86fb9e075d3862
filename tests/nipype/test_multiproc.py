"""Nipype's MultiProc after JAX has computed in the parent: it never hangs, however the workers are started."""

import os
import subprocess
import sys

import pytest

SCRIPT = """
import multiprocessing, sys
import numpy as np
import nipype.pipeline.engine as pe
from nipype import config
from pydra.compose import workflow
from pydra_diffconn import blocks
from pydra_diffconn.nipype import BandPass, Correlation, interface


@workflow.define(outputs=["timeseries"])
def Straight(timeseries):
    return workflow.add(blocks.Detrend(timeseries=timeseries)).timeseries


if __name__ == "__main__":
    multiprocessing.set_start_method(sys.argv[1])
    x = np.random.default_rng(0).standard_normal((50, 3))
    here = Correlation().run(timeseries=BandPass(tr=2.0).run(timeseries=x).outputs.timeseries).outputs.connectome
    flow = pe.Workflow("flow", base_dir="work")
    flow.config["execution"] = {"poll_sleep_duration": 0.1}
    band = pe.Node(BandPass(tr=2.0, timeseries=x), "band")
    flow.connect(band, "timeseries", pe.Node(Correlation(), "fc"), "timeseries")
    flow.add_nodes([pe.Node(interface(Straight)(timeseries=x), "straight")])
    done = {node.name: node.result.outputs for node in flow.run(plugin="MultiProc", plugin_args={"n_procs": 2}).nodes()}
    np.testing.assert_allclose(done["fc"].connectome, here, atol=1e-6)
    print(done["straight"].timeseries.shape)
"""


@pytest.mark.slow
@pytest.mark.parametrize("method", ["fork", "forkserver", "spawn"])
def test_multiproc_never_hangs_after_jax_has_computed(method, tmp_path):
    (tmp_path / "script.py").write_text(SCRIPT)
    run = {
        "cwd": tmp_path,
        "capture_output": True,
        "text": True,
        "timeout": 60,
        "env": {**os.environ, "HOME": str(tmp_path)},
    }
    done = subprocess.run([sys.executable, "script.py", method], **run)
    assert done.returncode == 0 and done.stdout.strip().endswith("(50, 3)"), done.stderr[-3000:] + done.stdout[-3000:]
