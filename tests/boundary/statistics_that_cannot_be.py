"""Statistics that cannot be: what is told of each, whether it comes to a task, to a program or to a call of one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from making import drawn
from pydra.compose import workflow

from pydra_diffconn import Learn, fuse
from pydra_diffconn.blocks import (
    Alff,
    BandPass,
    ButterworthFiltFilt,
    CompCor,
    Correlation,
    GraphicalLasso,
    HighPass,
    IndependentComponents,
    KernelRidge,
    LagMaps,
    LowPass,
    NonAggressiveRegression,
    PartialCorrelation,
    Precision,
    ProjectMaps,
    RegressConfounds,
    RunningLineFilter,
    Standardize,
    WindowCovariance,
    ZeroPaddedBandPass,
)

RUN = {"timeseries": drawn(40, 4)}
TIMED = {**RUN, "tr": 2.0}
FEW = np.cov(drawn(3, 5), rowvar=False)
ONES = np.ones(40)


@dataclass(frozen=True)
class Impossible:
    """Arguments that are possible, what is changed in them, and what is told then."""

    what: str
    block: Any
    given: Mapping[str, Any]
    changed: Mapping[str, Any]
    told: str
    warned: bool = False


def _weights(frame: int, weight: float) -> np.ndarray:
    return np.where(np.arange(40) == frame, weight, 1.0)


IMPOSSIBLE = [
    Impossible("band edges that are reversed", BandPass, TIMED, {"low": 0.2, "high": 0.1}, "low = 0.2 Hz and high = 0.1 Hz are no band"),
    Impossible("band edges that are equal", Alff, TIMED, {"low": 0.1}, "low = 0.1 Hz and high = 0.1 Hz are no band"),
    Impossible("a band edge below 0", BandPass, TIMED, {"low": -0.1}, "low = -0.1 Hz .* expected 0 <= low < high"),
    Impossible("a band edge at the Nyquist frequency", BandPass, TIMED, {"high": 0.25}, "not below the Nyquist frequency 0.25 Hz"),
    Impossible("a band edge above it", HighPass, TIMED, {"cutoff": 0.4}, "cutoff = 0.4 Hz is not below the Nyquist frequency"),
    Impossible("a low-pass at 0", LowPass, TIMED, {"cutoff": 0.0}, "leaves nothing but the mean"),
    Impossible("a recursive filter with an edge at 0", ButterworthFiltFilt, TIMED, {"low": 0.0}, "low = 0 Hz puts .* use low=None"),
    Impossible("a band that no frequency of the run lies in", Alff, TIMED, {"low": 0.001, "high": 0.002}, "no frequency of 40 frames lies between"),
    Impossible("the same, of a padded run", ZeroPaddedBandPass, TIMED, {"low": 0.001, "high": 0.002}, "no frequency lies between"),
    Impossible("a filter slower than the run, which leaves nothing", BandPass, TIMED, {"low": 0.001, "high": 0.002},
               "high = 0.002 Hz is below 0.0125 Hz, the slowest frequency of 40 frames"),
    Impossible("a low-pass slower than the run", LowPass, TIMED, {"cutoff": 0.001}, "cutoff = 0.001 Hz is below 0.0125 Hz"),
    Impossible("a high-pass slower than the run", HighPass, TIMED, {"cutoff": 0.001}, "period of 1000 s, longer than 40 frames", True),
    Impossible("a running line wider than the run", RunningLineFilter, {**RUN, "highpass_sigma": 9.0}, {"highpass_sigma": 90.0},
               "90 frames is longer than the run of 40", True),
    Impossible("padding longer than the run", ButterworthFiltFilt, TIMED, {"timeseries": drawn(30, 4)}, "needs more than 33; give a smaller padlen"),
    Impossible("windows longer than the run", WindowCovariance, RUN, {"timeseries": drawn(20, 4)}, "windows of 30 frames .* do not fit 20"),
    Impossible("a repetition time that is not above 0", LagMaps, TIMED, {"tr": 0.0}, "tr = 0 s is not positive"),
    Impossible("a precision of more parcels than frames", Precision, {"covariance": np.eye(5)}, {"covariance": FEW},
               "covariance of 5 parcels has rank 2 and no inverse .fewer frames than parcels"),
    Impossible("partial correlations of them", PartialCorrelation, {"covariance": np.eye(5)}, {"covariance": FEW}, "has rank 2 .*ShrinkCovariance"),
    Impossible("a graphical lasso of them without penalty", GraphicalLasso, {"covariance": FEW}, {"penalty": 0.0}, "penalty"),
    Impossible("weights of frames below 0", Correlation, {**RUN, "frame_weights": ONES}, {"frame_weights": _weights(3, -0.5)},
               r"frame_weights has -0.5 in frame 3, outside \[0, 1\]"),
    Impossible("weights of frames above 1", Standardize, {**RUN, "frame_weights": ONES}, {"frame_weights": _weights(3, 1.5)},
               r"frame_weights has 1.5 in frame 3, outside \[0, 1\]"),
    Impossible("weights of frames that are all 0", Correlation, {**RUN, "frame_weights": ONES}, {"frame_weights": 0 * ONES},
               "0 of 40 frames can be used"),
    Impossible("one frame with a weight, where something must vary", Correlation, {**RUN, "frame_weights": ONES},
               {"frame_weights": np.eye(40)[0]}, "1 of 40 frames can be used, at least 2 must"),
    Impossible("weights of subjects that are all 0", KernelRidge,
               {"features": drawn(9, 3), "targets": drawn(9), "subject_weights": np.ones(9)}, {"subject_weights": np.zeros(9)},
               "0 of 9 subjects can be used"),
    Impossible("weights of samples that are all 0", IndependentComponents,
               {"samples": drawn(30, 3), "components": 2, "sample_weights": np.ones(30)}, {"sample_weights": np.zeros(30)},
               "0 of 30 samples can be used"),
    Impossible("a tissue without voxels", CompCor, {**RUN, "tissue": np.ones(4), "components": 2}, {"tissue": np.zeros(4)}, "no voxel with a weight"),
    Impossible("maps that are all 0", ProjectMaps, {**RUN, "maps": np.ones((2, 4))}, {"maps": np.zeros((2, 4))}, "maps are all 0"),
    Impossible("as many confounds as frames", RegressConfounds, {**RUN, "confounds": drawn(40, 3, seed=2)},
               {"confounds": drawn(40, 40, seed=2)}, "leave nothing of the data; choose fewer confounds"),
    Impossible("as many components as frames", NonAggressiveRegression,
               {**RUN, "components": drawn(40, 3, seed=2), "noise": np.ones(3)},
               {"components": drawn(40, 40, seed=2), "noise": np.ones(40)}, "39 independent components .* leave nothing of the data"),
]  # fmt: skip


NAMES = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth")


def around(block: Any, given: Mapping[str, Any]) -> Any:
    """Return a workflow of one block, named `step`, whose arrays are inputs."""
    arrays = {name: value for name, value in given.items() if isinstance(value, np.ndarray)}
    rest = {name: value for name, value in given.items() if name not in arrays}
    output = next(iter(block.declaration.outputs))

    def Around(first=None, second=None, third=None, fourth=None, fifth=None, sixth=None, seventh=None, eighth=None):
        values = (first, second, third, fourth, fifth, sixth, seventh, eighth)
        named = dict(zip(arrays, values, strict=False))
        return getattr(workflow.add(block(**named, **rest), name="step"), output)

    inputs = dict(zip(NAMES, arrays.values(), strict=False))
    return workflow.define(Around, outputs=["result"])(**inputs)


def call(one: Impossible) -> Any:
    """Fuse the block with what is possible, and call the program with what is not."""
    declared = one.block.declaration.arguments
    start = {n: one.given.get(n, declared[n].default) for n in one.changed if declared[n].role == "parameter"}
    learned = {n for n, value in start.items() if not isinstance(value, np.ndarray)}
    given = {n: v for n, v in one.given.items() if n not in learned}
    program = fuse(around(one.block, given), {f"step.{n}": Learn(init=start[n]) for n in learned})
    names = dict(zip([n for n, v in given.items() if isinstance(v, np.ndarray)], NAMES, strict=False))
    parameters = {**program.parameters, **{f"step.{n}": one.changed[n] for n in learned}}
    return program(parameters, **{names[n]: v for n, v in one.changed.items() if n not in learned})
