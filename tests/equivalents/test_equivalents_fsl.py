"""FSL's tasks are swapped for blocks that do what FSL's documentation says."""

import nibabel as nib
import numpy as np
import pytest
from blocks.filtering.test_running_line import fslmaths
from fileformats.generic import File
from fileformats.medimage import Nifti1
from pydra.compose import python, workflow
from pydra.tasks.fsl.v6.maths.temporal_filter import TemporalFilter
from pydra.tasks.fsl.v6.model.glm import GLM
from pydra.tasks.fsl.v6.utils.filter_regressor import FilterRegressor

from pydra_diffconn import Learn, fit, proposals, swap

TR = 2.0


@python.define(outputs=["design"])
def FindDesign(table: File) -> File:
    """GLM's field wants an image, so that Pydra takes a known text file for a mistake."""
    return table


@workflow.define(outputs=["out"])
def Filtered(bold: File, highpass: float = 12.5, lowpass: float = -1.0):
    return workflow.add(
        TemporalFilter(in_file=bold, highpass_sigma=highpass, lowpass_sigma=lowpass, out_file="filtered.nii.gz"),
        name="filter",
    ).out_file


@workflow.define(outputs=["out"])
def Denoised(bold: File, mixing: File, columns: list | None = None, mask: File | None = None):
    chosen = {"filter_columns": columns} if columns else {"filter_all": True}
    chosen |= {} if mask is None else {"mask": mask}
    return workflow.add(FilterRegressor(in_file=bold, design_file=mixing, **chosen), name="denoise").out_file


@workflow.define(outputs=["out"])
def Residuals(bold: Nifti1, design: File, demean: bool = False):
    found = workflow.add(FindDesign(table=design))
    task = GLM(in_file=bold, design=found.design, demean=demean, out_res_name="res.nii.gz", des_norm=True)
    return workflow.add(task, name="glm").out_res


@workflow.define(outputs=["betas"])
def Betas(bold: Nifti1, design: File):
    found = workflow.add(FindDesign(table=design))
    return workflow.add(GLM(in_file=bold, design=found.design), name="glm").out_file


@workflow.define(outputs=["out"])
def Chain(bold: Nifti1, mixing: File, design: File):
    """Three steps of FSL, and nothing else that computes."""
    found = workflow.add(FindDesign(table=design))
    filtered = workflow.add(TemporalFilter(in_file=bold, highpass_sigma=8.0), name="filter")
    clean = workflow.add(
        FilterRegressor(in_file=filtered.out_file, design_file=mixing, filter_columns=[1, 3]), name="denoise"
    )
    return workflow.add(GLM(in_file=clean.out_file, design=found.design, out_res_name="x"), name="glm").out_res


@pytest.fixture
def image(tmp_path, rng):
    series = rng.standard_normal((60, 24)).cumsum(axis=0) + 500
    path = tmp_path / "bold.nii"
    made = nib.Nifti1Image(series.T.reshape(4, 3, 2, 60), np.diag([3, 3, 3, 1.0]))
    made.header.set_zooms((3, 3, 3, TR))
    nib.save(made, path)
    return series, Nifti1(path)


@pytest.fixture
def design(tmp_path, rng):
    table, path = rng.standard_normal((60, 3)), tmp_path / "melodic_mix"
    np.savetxt(path, table, fmt="%.17g")
    return table, File(path)


def as_series(file):
    data = np.asarray(nib.load(file).dataobj)
    return data.reshape(-1, data.shape[-1]).T


def run(task, tmp_path):
    return task(worker="debug", cache_root=tmp_path / "work").out


def residual(series, table):
    return series - table @ np.linalg.lstsq(table, series, rcond=None)[0]


def regfilt(series, table, columns):
    """Do as fsl_regfilt does: a fit of all centred columns, of which the chosen ones are subtracted."""
    mixing, mean = table - table.mean(axis=0), series.mean(axis=0)
    maps = np.linalg.pinv(mixing) @ (series - mean)
    places = [column - 1 for column in columns]
    return series - mixing[:, places] @ maps[places]


@pytest.mark.parametrize(("high", "low"), [(12.5, -1.0), (-1.0, 1.5), (9.0, 0.8)])
def test_the_temporal_filter_of_fslmaths(x64, image, tmp_path, high, low):
    series, bold = image
    found = as_series(run(swap(Filtered)(bold=bold, highpass=high, lowpass=low), tmp_path))
    expected = fslmaths(series, high if high > 0 else None, low if low > 0 else None)
    np.testing.assert_allclose(found, expected, atol=1e-10 * 500)


@pytest.mark.parametrize("columns", [[2], [1, 3], None])
def test_fsl_regfilt(x64, image, design, tmp_path, columns):
    (series, bold), (table, mixing) = image, design
    found = as_series(run(swap(Denoised)(bold=bold, mixing=mixing, columns=columns), tmp_path))
    np.testing.assert_allclose(found, regfilt(series, table, columns or [1, 2, 3]), atol=1e-9)


def test_fsl_regfilt_with_a_mask_and_a_design_that_is_not_known_yet(x64, image, design, tmp_path):
    (series, bold), (table, mixing) = image, design
    inside = np.arange(24) % 2
    nib.save(nib.Nifti1Image(inside.reshape(4, 3, 2).astype(np.int16), np.diag([3, 3, 3, 1.0])), tmp_path / "m.nii.gz")
    task = swap(Denoised)(bold=bold, columns=[1, 3], mask=File(tmp_path / "m.nii.gz")).split("mixing", mixing=[mixing])
    found = as_series(run(task, tmp_path)[0])
    np.testing.assert_allclose(found, regfilt(series, table, [1, 3]) * inside, atol=1e-9)


@pytest.mark.parametrize("demean", [False, True])
def test_residuals_of_fsl_glm(x64, image, design, tmp_path, demean):
    (series, bold), (table, path) = image, design
    found = as_series(run(swap(Residuals)(bold=bold, design=path, demean=demean), tmp_path))
    if demean:
        series, table = series - series.mean(axis=0), table - table.mean(axis=0)
    np.testing.assert_allclose(found, residual(series, table), atol=1e-9)


def test_a_workflow_of_fsl_steps_alone_is_learned(x64, image, design, tmp_path):
    (series, bold), (table, path) = image, design
    task = swap(Chain)(mixing=path, design=path).split("bold", bold=[bold])
    expected = residual(regfilt(fslmaths(series, 8.0), table, [1, 3]), table)
    np.testing.assert_allclose(as_series(run(task, tmp_path)[0]), expected, atol=1e-9)
    result = fit(
        task,
        lambda outputs, _: (outputs["out"] ** 2).mean(),
        learn={"filter.highpass_sigma": Learn()},
        steps=3,
        progress=False,
        cache_root=tmp_path,
    )
    assert result.parameters["filter.highpass_sigma"] != 8.0


REFUSED = [
    (TemporalFilter, {"highpass_sigma": 5.0, "nan2zeros": True}, "nan2zeros: missing values are refused"),
    (TemporalFilter, {"highpass_sigma": 5.0, "output_datatype": "short"}, "rounds the result"),
    (TemporalFilter, {}, "it filters nothing"),
    (GLM, {"var_norm": True}, "var_norm: MELODIC's"),
    (GLM, {"dat_norm": True}, "divides the series"),
    (FilterRegressor, {"var_norm": True, "filter_all": True}, "var_norm: MELODIC's"),
    (FilterRegressor, {}, "removes nothing"),
]


@pytest.mark.parametrize(("task", "options", "reason"), REFUSED)
def test_options_without_equivalent_are_refused_with_the_reason(task, options, reason):
    from pydra_diffconn.workflow.known_steps import equivalent_step, registered

    found, why = equivalent_step(task(**options), registered(), [])
    assert found is None
    assert reason in why


def test_only_the_residuals_of_a_glm_have_an_equivalent(image, design):
    _, proposal = proposals(Betas(bold=image[1], design=design[1]))
    assert proposal.ours is None and "out_file" in proposal.reason
    _, proposal = proposals(Residuals(bold=image[1], design=design[1]))
    assert type(proposal.ours).__name__ == "RegressConfounds"
