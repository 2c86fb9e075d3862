"""Training steps: with a soft atlas against PyTorch written by hand, with confounds against the products they need."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
from pydra.compose import workflow

from pydra_diffconn import Learn, fuse
from pydra_diffconn.blocks import (
    BandPass,
    Correlation,
    GateConfounds,
    IndividualMaps,
    ProjectMaps,
    RegressConfounds,
)
from tests.benchmarks.case import Case

RUNS, FRAMES, PARCELS, CONFOUNDS, TR, LOW, HIGH, ORDER = 4, 400, 400, 36, 0.8, 0.01, 0.1, 2.0


@workflow.define(outputs=["connectome"])
def FilterFirst(bold, confounds, atlas):
    """As a user writes it: every location is filtered and regressed, then projected on the maps."""
    band = workflow.add(BandPass(timeseries=bold, tr=TR, low=Learn(LOW), high=Learn(HIGH)), name="band")
    clean = workflow.add(RegressConfounds(timeseries=band.timeseries, confounds=confounds), name="clean")
    maps = workflow.add(IndividualMaps(maps=atlas, deviation=Learn(np.zeros(np.shape(atlas)))), name="maps")
    parcels = workflow.add(ProjectMaps(timeseries=clean.timeseries, maps=maps.maps), name="parcels")
    return workflow.add(Correlation(timeseries=parcels.timeseries), name="r").connectome


class SoftAtlasStep(Case):
    """Loss and gradient with respect to the atlas and the band, of all runs."""

    name, against, goal = (
        "e1: training step, soft atlas 400 x 59,412",
        "PyTorch, the faster of eager and compiled",
        0.75,
    )
    locations = 59_412
    projects_first = True

    def __init__(self, folder: Path) -> None:
        rng = np.random.default_rng(0)
        self.bold = [rng.standard_normal((FRAMES, self.locations), dtype=np.float32) for _ in range(RUNS)]
        self.confounds = [rng.standard_normal((FRAMES, CONFOUNDS), dtype=np.float32) for _ in range(RUNS)]
        self.atlas = rng.dirichlet(np.ones(PARCELS), size=self.locations).T.astype(np.float32)
        self.step: Any = None

    def ours(self) -> np.ndarray:
        import jax

        if self.step is None:
            task = FilterFirst(atlas=self.atlas).split(("bold", "confounds"), bold=self.bold, confounds=self.confounds)
            program = fuse(task)

            def loss(parameters: Any, inputs: Any) -> Any:
                return (program(parameters, **inputs)["connectome"] ** 2).mean()

            start = {name: value.astype(np.float32) for name, value in program.parameters.items()}
            self.inputs, self.start = jax.device_put(program.inputs), jax.device_put(start)
            self.step = jax.jit(jax.value_and_grad(loss))
        _, gradient = self.step(self.start, self.inputs)
        return np.asarray(gradient["maps.deviation"])

    def theirs(self) -> np.ndarray:
        import torch

        if not hasattr(self, "torch_loss"):
            self.torch_bold = torch.from_numpy(np.stack(self.bold))
            self.torch_confounds = torch.from_numpy(np.stack(self.confounds))
            self.log_atlas = torch.from_numpy(np.log(self.atlas))
            self.torch_loss = self.torch_eager
            eager = self.torch_seconds()
            self.torch_loss = torch.compile(self.torch_eager)
            if self.torch_seconds() > eager:
                self.torch_loss = self.torch_eager
        return self.torch_gradient()

    def torch_gradient(self) -> np.ndarray:
        import torch

        deviation = torch.zeros(self.log_atlas.shape, requires_grad=True)
        low, high = torch.tensor(LOW, requires_grad=True), torch.tensor(HIGH, requires_grad=True)
        self.torch_loss(deviation, low, high).backward()
        return deviation.grad.numpy()

    def torch_seconds(self) -> float:
        """Return the least of three calls, after one that may compile."""
        self.torch_gradient()
        times = []
        for _ in range(3):
            began = time.perf_counter()
            self.torch_gradient()
            times.append(time.perf_counter() - began)
        return min(times)

    def torch_eager(self, deviation: Any, low: Any, high: Any) -> Any:
        import torch

        maps = torch.softmax(self.log_atlas + deviation, 0)
        series = self.torch_bold
        if self.projects_first:
            series = project(series, maps)
        series = regressed(filtered(series, low, high), self.torch_confounds)
        if not self.projects_first:
            series = project(series, maps)
        series = series - series.mean(1, keepdim=True)
        unit = series / series.norm(dim=1, keepdim=True)
        return (unit.mT @ unit).square().mean()


def project(series: Any, maps: Any) -> Any:
    runs, frames, locations = series.shape
    return (series.reshape(-1, locations) @ maps.T).reshape(runs, frames, -1) / maps.sum(1)


def filtered(series: Any, low: Any, high: Any) -> Any:
    import torch

    frames = series.shape[1]
    warped = torch.tan(torch.pi * torch.arange(1, frames // 2, device=series.device) / frames)
    lower, upper = torch.tan(torch.pi * low * TR), torch.tan(torch.pi * high * TR)
    ratio = (warped - lower * upper / warped) / (upper - lower)
    gain = torch.nn.functional.pad(1 / (1 + ratio.square() ** ORDER), (1, 1))
    return torch.fft.irfft(gain[:, None] * torch.fft.rfft(series, dim=1), n=frames, dim=1)


def regressed(series: Any, confounds: Any) -> Any:
    import torch

    centred = confounds - confounds.mean(1, keepdim=True)
    base = torch.linalg.qr(centred)[0]
    return series - base @ (base.mT @ (series - series.mean(1, keepdim=True)))


class SoftAtlasStepSmall(SoftAtlasStep):
    name, locations, repeats = "e2: training step, soft atlas 400 x 10,000", 10_000, 5


class SoftAtlasProducts(SoftAtlasStepSmall):
    """What XLA takes for the two products that neither side can leave out."""

    name, goal, equal = "e4: the products of e2 with the atlas alone", None, False

    def ours(self) -> np.ndarray:
        import jax

        if self.step is None:
            self.inputs = jax.device_put((np.stack(self.bold).reshape(-1, self.locations), self.atlas))
            self.step = jax.jit(lambda bold, atlas: (bold @ atlas.T).T @ bold)
        return np.asarray(self.step(*self.inputs))


class SoftAtlasStepAsWritten(SoftAtlasStep):
    name, against, goal = (
        "e3: training step, soft atlas 400 x 59,412, as written",
        "PyTorch, the faster, filtering first",
        0.4,
    )
    projects_first, repeats = False, 2


@workflow.define(outputs=["connectome"])
def WeightedConfounds(series, confounds, gates):
    band = workflow.add(BandPass(timeseries=series, tr=TR), name="band")
    regressors = workflow.add(BandPass(timeseries=confounds, tr=TR), name="regressors")
    clean = workflow.add(
        GateConfounds(timeseries=band.timeseries, confounds=regressors.timeseries, gates=gates, penalty=0.1),
        name="clean",
    )
    return workflow.add(Correlation(timeseries=clean.timeseries)).connectome


class TrainingStep(Case):
    """Seconds a step: of `fit`, and of the products of matrices alone that its loss and gradient need."""

    name, against, goal = "g: a step of 16 runs x 400 x 400, 36 confounds", "its products alone (NumPy)", 1.5
    measures_itself = True

    def __init__(self, folder: Path) -> None:
        rng = np.random.default_rng(0)
        self.series = [rng.standard_normal((400, 400), dtype=np.float32) for _ in range(16)]
        self.confounds = [rng.standard_normal((400, 36), dtype=np.float32) for _ in range(16)]
        self.targets = np.zeros((16, 400, 400), dtype=np.float32)

    def ours(self) -> float:
        from pydra_diffconn import fit, losses

        task = WeightedConfounds(gates=Learn(np.full(36, 0.9))).split(
            ("series", "confounds"), series=self.series, confounds=self.confounds
        )
        result = fit(task, losses.MeanSquaredError("connectome"), self.targets, steps=22, progress=False)
        times = [row["seconds"] for row in result.history]
        return float(np.median(np.diff(times)[1:]))

    def theirs(self) -> float:
        times = []
        for _ in range(20):
            began = time.perf_counter()
            for series, confounds in zip(self.series, self.confounds, strict=True):
                # what is regressed, the correlation, and of each product the two of its derivative
                for factor in (series, series @ (series.T @ series)):
                    confounds @ (confounds.T @ factor)
            times.append(time.perf_counter() - began)
        return float(np.median(times))


class ProductsOfStep(TrainingStep):
    """What XLA takes for the same products."""

    name, goal = "g2: the products of g alone", None

    def ours(self) -> float:
        import jax

        def products(pair: Any) -> Any:
            series, confounds = pair
            return [confounds @ (confounds.T @ one) for one in (series, series @ (series.T @ series))]

        compiled = jax.jit(lambda *runs: jax.lax.map(products, runs))
        inputs = jax.device_put((np.stack(self.series), np.stack(self.confounds)))
        times = []
        for _ in range(21):
            began = time.perf_counter()
            jax.block_until_ready(compiled(*inputs))
            times.append(time.perf_counter() - began)
        return float(np.median(times[1:]))


STEPS = [SoftAtlasStep, SoftAtlasStepSmall, SoftAtlasProducts, SoftAtlasStepAsWritten, TrainingStep, ProductsOfStep]
