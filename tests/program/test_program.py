"""The fused program against the classical run, which is the truth."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from gradients import assert_gradient
from workflows_under_test import AfterPython, BeforePython, Connectome, Full, Nested, example

from pydra_diffconn import Learn, fuse
from pydra_diffconn.blocks import Correlation
from pydra_diffconn.workflow.splits import runs


def classical(task, tmp_path, worker="debug"):
    return task(worker=worker, cache_root=tmp_path / "cache")


def one(workflow, data, names, number=0, **more):
    return workflow(**{n: data[n][number] if isinstance(data[n], list) else data[n] for n in names}, **more)


@pytest.mark.parametrize("worker", ["debug", "cf"])
def test_fused_and_classical_agree_in_float32(rng, tmp_path, worker):
    data = example(rng)
    task = one(Full, data, ["bold", "confounds", "motion", "labels", "tr"])
    program = fuse(task)
    fused, truth = program(program.parameters), classical(task, tmp_path, worker)
    np.testing.assert_allclose(fused["connectome"], truth.connectome, atol=1e-5)
    np.testing.assert_allclose(fused["frame_weights"], truth.frame_weights, atol=1e-5)


@pytest.mark.parametrize("worker", ["debug", "cf"])
def test_fused_and_classical_agree_in_float64(x64, rng, tmp_path, worker):
    data = example(rng, dtype=np.float64)
    task = one(Full, data, ["bold", "confounds", "motion", "labels", "tr"])
    program = fuse(task)
    truth = classical(task, tmp_path, worker).connectome
    assert truth.dtype == np.float64
    np.testing.assert_allclose(program(program.parameters)["connectome"], truth, atol=1e-10)


def test_precision_is_part_of_the_cache_key(rng, tmp_path):
    data = example(rng)
    task = one(Connectome, data, ["bold", "confounds", "labels", "tr"])
    assert classical(task, tmp_path).connectome.dtype == np.float32
    with jax.enable_x64(True):
        assert classical(task, tmp_path).connectome.dtype == np.float64


@pytest.mark.parametrize("lengths", [None, [120, 90, 120]])
def test_a_split_workflow_gives_all_runs_in_order_also_of_unequal_length(rng, tmp_path, lengths):
    data = example(rng, lengths=lengths)
    task = Connectome(labels=data["labels"], tr=0.8).split(
        ("bold", "confounds"), bold=data["bold"], confounds=data["confounds"]
    )
    program = fuse(task)
    assert len(program.groups) == (1 if lengths is None else 2)
    fused = program(program.parameters)["connectome"]
    np.testing.assert_allclose(fused, np.stack(classical(task, tmp_path).connectome), atol=1e-5)


def test_an_outer_split_keeps_pydras_order(rng, tmp_path):
    data = example(rng)
    task = Connectome(confounds=data["confounds"][0], labels=data["labels"]).split(
        ["bold", "tr"], bold=data["bold"][:2], tr=[0.8, 1.1]
    )
    program = fuse(task)
    np.testing.assert_allclose(
        program(program.parameters)["connectome"], np.stack(classical(task, tmp_path).connectome), atol=1e-5
    )


def test_runs_of_a_split_without_values_are_one():
    assert runs(Connectome(tr=0.8)) == [{}]


def test_a_nested_workflow_is_fused_and_its_parameters_are_named_with_dots(rng, tmp_path):
    data = example(rng)
    task = one(Nested, data, ["bold", "confounds", "labels", "tr"])
    program = fuse(task)
    assert list(program.parameters) == ["inner.BandPass.low"]
    np.testing.assert_allclose(
        program(program.parameters)["connectome"], classical(task, tmp_path).connectome, atol=1e-5
    )


def test_a_classical_step_above_runs_once_in_pydra(rng, tmp_path):
    data = example(rng)
    task = AfterPython(labels=data["labels"], tr=0.8, factor=2.0).split("bold", bold=data["bold"])
    program = fuse(task, learn={"BandPass.low": Learn()}, cache_root=tmp_path)
    np.testing.assert_allclose(
        program(program.parameters)["connectome"], np.stack(classical(task, tmp_path).connectome), atol=1e-5
    )
    assert "Pydra   Scale" in program.explain()


def test_learning_above_a_classical_step_is_refused_with_the_path(rng):
    data = example(rng)
    task = BeforePython(bold=data["bold"][0], labels=data["labels"], tr=0.8)
    with pytest.raises(ValueError, match=r"BandPass.low is to be learned, but it passes through Scale.*-> Scale"):
        fuse(task, learn={"BandPass.low": Learn()})


def test_it_can_be_jitted_differentiated_and_given_other_inputs(x64, rng):
    data = example(rng, dtype=np.float64)
    task = one(Full, data, ["bold", "confounds", "motion", "labels", "tr"])
    learn = {name: Learn() for name in ("BandPass.low", "BandPass.high", "threshold", "RegressConfounds.penalty")}
    program = fuse(task, learn={**learn, "RegressConfounds.penalty": Learn(0.3)})
    program_ = jax.jit(program)
    weights = rng.standard_normal((5, 5))

    for name, value in program.parameters.items():

        def loss(x, name=name):
            return jnp.sum(weights * program_({**program.parameters, name: x}, **program.inputs)["connectome"])

        assert_gradient(loss, value)
    other = program(program.parameters, bold=data["bold"][1])["connectome"]
    assert not np.allclose(other, program(program.parameters)["connectome"])
    with pytest.raises(TypeError, match="unknown inputs"):
        program(program.parameters, nonsense=1.0)


def test_gradients_are_finite_and_right_with_a_dead_parcel(x64, rng):
    data = example(rng, dtype=np.float64)
    data["bold"][0][:, data["labels"] == 2] = 5.0
    task = one(Full, data, ["bold", "confounds", "motion", "labels", "tr"])
    program = fuse(task, learn={"threshold": Learn(), "BandPass.low": Learn()})
    for name, value in program.parameters.items():
        assert_gradient(lambda x, n=name: jnp.nansum(program({**program.parameters, n: x})["connectome"] ** 2), value)


def test_an_unknown_name_lists_what_can_be_learned(rng):
    data = example(rng)
    task = one(Full, data, ["bold", "confounds", "motion", "labels", "tr"])
    with pytest.raises(ValueError, match=r"unknown parameter 'BandPass.lwo'; what can be learned here: .*BandPass.low"):
        fuse(task, learn={"BandPass.lwo": Learn()})


def test_what_is_no_workflow_is_an_error(rng):
    with pytest.raises(ValueError, match=r"Connectome is a class; give it its inputs: Connectome\(...\)"):
        fuse(Connectome)
    with pytest.raises(ValueError, match=r"Correlation is not a workflow; expected what @workflow\.define makes"):
        fuse(Correlation(timeseries=example(rng)["bold"][0]))


def test_bad_input_names_the_step_and_the_run(rng):
    data = example(rng)
    data["confounds"][1] = data["confounds"][1][:-2]
    task = Connectome(labels=data["labels"], tr=0.8).split(
        ("bold", "confounds"), bold=data["bold"], confounds=data["confounds"]
    )
    with pytest.raises(ValueError, match="confounds has 118 frames"):
        program = fuse(task)
        program(program.parameters)
    data = example(rng)
    data["labels"] = data["labels"][:-1]  # met by a step whose other input comes from a fused step
    task = one(Connectome, data, ["bold", "confounds", "labels", "tr"])
    for run in (fuse(task), jax.jit(fuse(task))):
        with pytest.raises(ValueError, match=r"^Parcellate: labels has 39 locations, timeseries 40"):
            run({"BandPass.low": 0.01})
    task = one(Connectome, example(rng), ["bold", "confounds", "labels"], tr=6.0)
    with pytest.raises(ValueError, match=r"BandPass: high = 0.1 Hz is not below the Nyquist frequency 0.0833"):
        fuse(task)
