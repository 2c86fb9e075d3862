"""A workflow as a lab writes it: functions of SciPy and NumPy as tasks; nothing of it knows pydra-diffconn."""

import numpy as np
import scipy.signal
import scipy.stats
from pydra.compose import python, workflow

# Pydra does not understand the annotations of detrend
plain = {
    name: python.arg(type=type_, default=value) for name, type_, value in [("type", str, "linear"), ("bp", int, 0)]
}
RemoveTrend = python.define(scipy.signal.detrend, inputs=plain, outputs={"straight": np.ndarray})
Filter = python.define(scipy.signal.sosfiltfilt, outputs=["filtered"])
Scale = python.define(scipy.stats.zscore, outputs=["scaled"])
Correlate = python.define(np.corrcoef, outputs=["connectome"])
Covary = python.define(np.cov, outputs=["covariance"])


@workflow.define(outputs=["connectome", "covariance"])
def Connectome(bold: np.ndarray, tr: float = 2.0, order: int = 2, kind: str = "bandpass"):
    edges = {"bandpass": [0.01, 0.1], "lowpass": 0.1, "highpass": 0.01}[kind]
    sos = scipy.signal.butter(order, edges, kind, fs=1 / tr, output="sos")
    straight = workflow.add(RemoveTrend(data=bold, axis=0), name="trend")
    clean = workflow.add(Filter(sos=sos, x=straight.straight, axis=0), name="filter")
    scaled = workflow.add(Scale(a=clean.filtered), name="scale")
    correlated = workflow.add(Correlate(x=scaled.scaled, rowvar=False), name="correlate")
    covaried = workflow.add(Covary(m=clean.filtered, rowvar=False), name="covary")
    return correlated.connectome, covaried.covariance
