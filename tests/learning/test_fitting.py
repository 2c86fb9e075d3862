import warnings

import jax.numpy as jnp
import numpy as np
import pytest
from workflows_under_test import Connectome, Full, Nested, example

from pydra_diffconn import Learn, fit, fuse, load_parameters, losses, with_parameters


@pytest.fixture
def data(rng):
    return example(rng)


def split(workflow, data, *names, **more):
    return workflow(labels=data["labels"], tr=0.8, **more).split(names, **{n: data[n] for n in names})


def planted(task, learn, values):
    program = fuse(task, learn={name: Learn(value) for name, value in values.items()} | learn)
    return np.asarray(program({n: jnp.asarray(v, jnp.float32) for n, v in values.items()})["connectome"])


LOSS = losses.MeanSquaredError("connectome")


def test_a_planted_band_is_recovered_in_hz(data):
    task = split(Connectome, data, "bold", "confounds")
    targets = planted(task, {}, {"BandPass.low": 0.06, "BandPass.high": 0.3})
    result = fit(task, LOSS, targets, learn={"BandPass.high": Learn()}, steps=150, progress=False)
    assert result.parameters["BandPass.low"] == pytest.approx(0.06, rel=0.02)
    assert result.parameters["BandPass.high"] == pytest.approx(0.3, rel=0.02)
    assert result.improved and result.best["training"] < 1e-5


def test_a_planted_censoring_threshold_is_recovered_in_mm_from_outside_the_workflow(data):
    task = split(Full, data, "bold", "confounds", "motion")
    targets = planted(task, {}, {"threshold": 0.25})
    result = fit(task, LOSS, targets, learn={"threshold": Learn()}, steps=120, progress=False)
    assert result.parameters["threshold"] == pytest.approx(0.25, rel=0.02)


@pytest.mark.parametrize("worker", ["debug", "cf"])
def test_the_result_is_a_classical_workflow_with_the_learned_numbers(data, tmp_path, worker):
    task = split(Connectome, data, "bold", "confounds")
    result = fit(task, LOSS, planted(task, {}, {"BandPass.low": 0.06}), steps=20, progress=False)
    inputs = {"bold": data["bold"][0], "confounds": data["confounds"][0], "labels": data["labels"], "tr": 0.8}
    again = result.workflow(**inputs)(worker=worker, cache_root=tmp_path).connectome  # cf, after JAX has run here
    program = fuse(Connectome(**inputs), learn={"BandPass.low": Learn(result.parameters["BandPass.low"])})
    np.testing.assert_allclose(again, program(program.parameters)["connectome"], atol=1e-5)
    untouched = Connectome(**inputs)(worker=worker, cache_root=tmp_path).connectome
    assert not np.allclose(again, untouched, atol=1e-4)


def test_two_fits_in_one_cache_keep_their_own_results(data, tmp_path):
    task = split(Connectome, data, "bold", "confounds")
    inputs = {"bold": data["bold"][0], "confounds": data["confounds"][0], "labels": data["labels"], "tr": 0.8}
    found = []
    for low in (0.03, 0.08):
        result = fit(task, LOSS, planted(task, {}, {"BandPass.low": low}), steps=40, progress=False)
        found.append(result.workflow(**inputs)(cache_root=tmp_path).connectome)
        by_hand = fuse(Connectome(**inputs), learn={"BandPass.low": Learn(result.parameters["BandPass.low"])})
        np.testing.assert_allclose(found[-1], by_hand(by_hand.parameters)["connectome"], atol=1e-5)
    assert not np.allclose(*found, atol=1e-4)


def test_nested_parameters_are_written_back(data, tmp_path):
    task = split(Nested, data, "bold", "confounds")
    result = fit(task, LOSS, planted(task, {}, {"inner.BandPass.low": 0.06}), steps=20, progress=False)
    inputs = {"bold": data["bold"][0], "confounds": data["confounds"][0], "labels": data["labels"], "tr": 0.8}
    program = fuse(Nested(**inputs), learn={"inner.BandPass.low": Learn(result.parameters["inner.BandPass.low"])})
    found = result.workflow(**inputs)(cache_root=tmp_path).connectome
    np.testing.assert_allclose(found, program(program.parameters)["connectome"], atol=1e-5)


def test_workflow_inputs_are_written_back_as_defaults(data, tmp_path):
    task = split(Full, data, "bold", "confounds", "motion")
    result = fit(
        task, LOSS, planted(task, {}, {"threshold": 0.25}), learn={"threshold": Learn()}, steps=10, progress=False
    )
    inputs = {n: data[n][0] for n in ("bold", "confounds", "motion")}
    again = result.workflow(**inputs, labels=data["labels"], tr=0.8)
    assert again.threshold == pytest.approx(result.parameters["threshold"])
    truth = Full(**inputs, labels=data["labels"], tr=0.8, threshold=result.parameters["threshold"])(cache_root=tmp_path)
    np.testing.assert_array_equal(again(cache_root=tmp_path).connectome, truth.connectome)


def test_saved_parameters_come_back_exactly_and_make_the_same_workflow(data, tmp_path):
    task = split(Connectome, data, "bold", "confounds")
    result = fit(task, LOSS, planted(task, {}, {"BandPass.low": 0.06}), steps=5, progress=False)
    folder = result.save(tmp_path / "fit")
    assert {path.name for path in folder.iterdir()} == {
        "parameters.safetensors",
        "parameters.json",
        "history.tsv",
        "report.html",
    }
    loaded = load_parameters(folder)
    assert loaded == result.learned
    assert loaded[0].unit == "Hz" and loaded[0].block == "pydra_diffconn:BandPass"
    inputs = {"bold": data["bold"][0], "confounds": data["confounds"][0], "labels": data["labels"], "tr": 0.8}
    one, two = (
        w(**inputs)(cache_root=tmp_path).connectome for w in (result.workflow, with_parameters(Connectome, loaded))
    )
    np.testing.assert_array_equal(one, two)


def test_without_a_step_the_start_values_come_back_exactly(data):
    task = split(Connectome, data, "bold", "confounds")
    targets = np.asarray(fuse(task)(fuse(task).parameters)["connectome"])
    result = fit(task, LOSS, targets, steps=1, progress=False)
    assert result.parameters == {"BandPass.low": 0.01}
    assert not result.improved


def test_validation_keeps_groups_together_and_scores_the_start(data):
    task = split(Connectome, data, "bold", "confounds")
    targets = planted(task, {}, {"BandPass.low": 0.06})
    result = fit(task, LOSS, targets, steps=5, validation=0.4, groups=["a", "a", "b"], progress=False)
    assert sorted(result.training + result.validation) == [0, 1, 2]
    assert result.validation in ([2], [0, 1])
    assert result.best["validation"] <= result.baseline["validation"]
    with pytest.raises(ValueError, match="keep each on one side"):
        fit(task, LOSS, targets, steps=5, validation=[0], groups=["a", "a", "b"], progress=False)


def test_shared_parameters_are_one_value(data):
    task = split(Full, data, "bold", "confounds", "motion")
    learn = {"BandPass.low": Learn(share="low"), "BandPassConfounds.low": Learn(share="low")}
    result = fit(task, LOSS, np.zeros((3, 5, 5)), learn=learn, steps=3, progress=False)
    assert list(result.parameters) == ["low"]
    assert set(result.learned[0].targets) == {"BandPass.low", "BandPassConfounds.low"}


def test_a_narrower_interval_is_kept(data):
    task = split(Connectome, data, "bold", "confounds")
    targets = planted(task, {}, {"BandPass.low": 0.06})
    learn = {"BandPass.low": Learn(0.015, within=(0.01, 0.02))}
    result = fit(task, LOSS, targets, learn=learn, steps=60, progress=False)
    assert 0.019 < result.parameters["BandPass.low"] < 0.02


def test_divergence_ends_with_the_last_good_values(data):
    task = split(Connectome, data, "bold", "confounds")

    def loss(outputs, targets):
        mean = jnp.mean(outputs["connectome"])
        return jnp.where(mean < 10, jnp.nan, mean) if loss.armed else mean

    loss.armed = False
    result = fit(task, loss, steps=3, progress=False)
    assert np.isfinite(result.parameters["BandPass.low"])
    loss.armed = True
    with pytest.raises(ValueError, match="the loss is not finite at the start"):
        fit(task, loss, steps=3, progress=False)


def test_a_parameter_without_influence_is_named(data):
    task = split(Connectome, data, "bold", "confounds")
    with pytest.warns(UserWarning, match="does not depend on BandPass.low"):
        fit(task, lambda outputs, targets: 0.0 * outputs["connectome"].sum(), steps=1, progress=False)


def test_nothing_to_learn_is_an_error(data):
    with pytest.raises(ValueError, match="nothing to learn in Full"):
        fit(split(Full, data, "bold", "confounds", "motion"), LOSS, steps=1, progress=False)


def test_history_has_a_row_for_each_step(data):
    task = split(Connectome, data, "bold", "confounds")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result = fit(task, LOSS, np.zeros((3, 5, 5)), steps=4, progress=False)
    assert [row["step"] for row in result.history] == [0, 1, 2, 3, 4]
    assert result.history[-1]["loss"] < result.history[0]["loss"]
