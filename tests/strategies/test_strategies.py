"""Strategies run on real confounds, fused or not, and can be learned from; atlases and reportlets of plugins are found."""

import cloudpickle
import nibabel as nib
import numpy as np
import pytest
from fileformats.generic import File

from pydra_diffconn import Learn, atlases, fit, fuse, losses, optimise, strategies
from pydra_diffconn.blocks import BandPass, Censor
from pydra_diffconn.confound_models import confound_design
from pydra_diffconn.files.tables import read_matrix
from pydra_diffconn.plugins import Registry, registry
from pydra_diffconn.report import Section

TR = 2.0


@pytest.fixture
def data(x64, rng, shared):
    name = "ds000228_sub-pixar123_task-pixar_desc-confounds_regressors.tsv"
    return rng.standard_normal((168, 30)), File(shared / "confounds_real" / name), np.repeat(np.arange(1, 7), 5)


def expected(bold, table, labels, model, weights=None):
    """The same in NumPy: filter, weighted least squares, parcel means, weighted correlation."""
    design = np.stack(list(confound_design(str(table), model).columns.values()), axis=1)
    series, design = (np.asarray(BandPass.pure(one, TR, 0.01, 0.1)) for one in (bold, design))
    weights = np.ones(len(bold)) if weights is None else weights
    root = np.sqrt(weights)[:, None]
    mean = weights @ design / weights.sum()
    design = design - mean
    centred = series - weights @ series / weights.sum()
    design = design / np.linalg.norm(root * design, axis=0)
    left = series - design @ np.linalg.lstsq(root * design, root * centred, rcond=None)[0]
    parcels = np.stack([left[:, labels == n].mean(axis=1) for n in np.unique(labels)], axis=1)
    covariance = np.cov(parcels.T, aweights=weights)
    return covariance / np.sqrt(np.outer(np.diag(covariance), np.diag(covariance)))


@pytest.mark.parametrize(
    ("strategy", "model"),
    [
        (strategies.SixParameters, "6P"),
        (strategies.TwentyFourParameters, "24P"),
        (strategies.ThirtySixParameters, "36P"),
    ],
)
def test_a_strategy_is_its_formula(data, tmp_path, strategy, model):
    bold, table, labels = data
    task = strategy(bold=bold, confounds=table, labels=labels, tr=TR)
    truth = expected(bold, table, labels, model)
    np.testing.assert_allclose(task(worker="debug", cache_root=tmp_path).connectome, truth, atol=1e-8)
    np.testing.assert_allclose(fuse(task, cache_root=tmp_path)({})["connectome"], truth, atol=1e-8)
    assert cloudpickle.loads(cloudpickle.dumps(task)).tr == TR


def test_scrubbing_gives_moving_frames_no_weight(data, tmp_path):
    bold, table, labels = data
    motion = confound_design(str(table), "fd", first_row="zero").columns["framewise_displacement"]
    weights = np.asarray(Censor.pure(motion, threshold=strategies.DISPLACEMENT))
    assert 0 < weights.sum() < len(weights)
    task = strategies.ThirtySixParametersScrubbed(bold=bold, confounds=table, labels=labels, tr=TR)
    found = task(worker="debug", cache_root=tmp_path).connectome
    np.testing.assert_allclose(found, expected(bold, table, labels, "36P", weights), atol=1e-8)


def test_a_strategy_is_learned_from(data, tmp_path):
    bold, table, labels = data
    task = strategies.SixParameters(bold=bold, confounds=table, labels=labels, tr=TR)
    loss = losses.MeanSquaredError("connectome")
    settings = {"learn": {"band.low": Learn()}, "steps": 2, "progress": False, "cache_root": tmp_path}
    assert fit(task, loss, np.eye(6), **settings).parameters["band.low"] != 0.01


def test_strategies_and_atlases_are_registered_by_the_hooks():
    assert strategies.AnatomicalCompCor in registry().get("diffconn_strategies")
    assert atlases.schaefer in registry().get("diffconn_atlases")
    for module in (strategies, atlases):
        with pytest.raises(AttributeError, match="nothing_such"):
            module.nothing_such  # noqa: B018


def test_a_plugin_adds_to_the_report_and_cannot_break_it(data, tmp_path, monkeypatch):
    bold, table, labels = data
    task = strategies.SixParameters(bold=bold, confounds=table, labels=labels, tr=TR)
    settings = {"learn": {"band.low": Learn()}, "steps": 1, "progress": False, "cache_root": tmp_path}
    result = fit(task, losses.MeanSquaredError("connectome"), np.eye(6), **settings)

    def added(result):
        return Section("From a plugin", text=f"{len(result.learned)} parameter")

    def broken(result):
        raise RuntimeError("no ink")

    class Plugins(Registry):
        def get(self, hook):
            return [added, broken] if hook == "diffconn_reportlets" else super().get(hook)

    monkeypatch.setattr("pydra_diffconn.learning.telling.registry", lambda: Plugins([]))
    page = result.report(tmp_path / "report.html").read_text()
    assert "From a plugin" in page and "1 parameter" in page and "no ink" in page


@pytest.mark.parametrize("strategy", ["SixParameters", "ThirtySixParametersScrubbed"])
def test_optimised_on_an_image_nothing_dense_is_written(data, rng, tmp_path, strategy):
    _, table, _ = data
    labels, bold = tmp_path / "atlas.nii", tmp_path / "bold.nii"
    grid = (20, 20, 15)
    nib.save(nib.Nifti1Image(rng.integers(0, 7, grid).astype("i2"), np.eye(4)), labels)
    nib.save(nib.Nifti1Image(rng.standard_normal((*grid, 168)).astype("f4"), np.eye(4)), bold)
    task = getattr(strategies, strategy)(bold=File(bold), confounds=table, labels=File(labels), tr=TR)
    each, stretches = tmp_path / "each", tmp_path / "stretches"
    expected = read_matrix(task(worker="debug", cache_root=each).connectome)[0]
    found = read_matrix(optimise(task)(worker="debug", cache_root=stretches).connectome)[0]
    np.testing.assert_allclose(found, expected, atol=1e-5)  # images between steps are in single precision
    assert list(each.rglob("*.nii*")) and not list(stretches.rglob("*.nii*"))
    written = sum(path.stat().st_size for path in stretches.rglob("*") if path.is_file())
    assert written < np.prod(grid) * 168  # less than one byte for each value of the image
