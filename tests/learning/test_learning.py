"""What `fit` can do besides: batches, schedules, second order, per subject, checkpoints, devices, resampling."""

import os
import signal
import socket
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import optax
import pytest
from pydra.compose import workflow

from pydra_diffconn import (
    Fit,
    Learn,
    Learning,
    Machine,
    bootstrap,
    cross_validate,
    fit,
    fuse,
    load_parameters,
    losses,
    with_parameters,
)
from pydra_diffconn.blocks import BandPass, Correlation
from pydra_diffconn.declare.loss import Loss

LOSS = losses.MeanSquaredError("connectome")
PAIRS = Learning(batch_size=2)


class Penalty(Loss):
    """The square of a parameter."""

    def score(self, outputs, targets):
        return jnp.sum(self.read(outputs) ** 2)


@workflow.define(outputs=["connectome"])
def Small(bold):
    band = workflow.add(BandPass(timeseries=bold, tr=1.0, low=Learn(0.02), high=Learn(0.2)))
    return workflow.add(Correlation(timeseries=band.timeseries)).connectome


@pytest.fixture
def bolds():
    rng = np.random.default_rng(0)
    return [rng.standard_normal((80, 5)).astype(np.float32) for _ in range(6)]


def targets_at(bolds, low=0.05, high=0.3):
    program = fuse(Small().split(bold=bolds))
    return np.asarray(program({"BandPass.low": jnp.float32(low), "BandPass.high": jnp.float32(high)})["connectome"])


@pytest.fixture
def task(bolds):
    return Small().split(bold=bolds)


@pytest.fixture
def targets(bolds):
    return targets_at(bolds)


def quick(task, targets, **settings):
    return fit(task, settings.pop("loss", LOSS), targets, progress=False, **{"steps": 20, **settings})


def test_second_order_needs_few_steps(task, targets):
    result = quick(task, targets, optimizer=optax.lbfgs(), steps=15)
    assert result.parameters["BandPass.low"] == pytest.approx(0.05, rel=0.02)
    assert result.best["training"] < 1e-6


def test_rates_and_clipping_are_kept(task, targets):
    start = {"BandPass.low": 0.02, "BandPass.high": 0.2}
    result = quick(task, targets, how=Learning(rates={"BandPass.high": 0.0}), steps=3)
    assert result.parameters["BandPass.high"] == pytest.approx(start["BandPass.high"], rel=1e-5)
    assert result.parameters["BandPass.low"] > 1.1 * start["BandPass.low"]
    clipped = quick(task, targets, optimizer=optax.chain(optax.clip_by_global_norm(1e-6), optax.sgd(1.0)), steps=3)
    assert clipped.parameters["BandPass.high"] == pytest.approx(start["BandPass.high"], rel=1e-4)
    with pytest.raises(ValueError, match=r"rates: no parameter Band\.lo; learned are BandPass\.low, BandPass\.high"):
        quick(task, targets, how=Learning(rates={"Band.lo": 1.0}))


def test_batches_learn_too_and_follow_from_the_seed(task, targets):
    first, second = (quick(task, targets, how=PAIRS, steps=60, seed=3) for _ in range(2))
    assert first.parameters == second.parameters and first.improved
    assert quick(task, targets, how=PAIRS, steps=60, seed=4).parameters != first.parameters


def test_batches_of_runs_of_unequal_length(bolds):
    uneven = [bold[:60] if number % 2 else bold for number, bold in enumerate(bolds)]
    task = Small().split(bold=uneven)
    program = fuse(task)
    targets = program({"BandPass.low": jnp.float32(0.05), "BandPass.high": jnp.float32(0.3)})["connectome"]
    assert quick(task, np.asarray(targets), how=PAIRS, steps=60).improved


def test_terms_are_reported_and_weights_follow_a_schedule(task, targets):
    loss = LOSS + losses.schedules.Cascade({0: 1.0, 5: 0.0}) * Penalty("BandPass.high")
    result = quick(task, targets, loss=loss, steps=10)
    rows = result.table
    assert set(rows) >= {"loss.MeanSquaredError", "loss.Penalty"}
    assert np.all(rows["loss.Penalty"][:5] > 0) and np.all(rows["loss.Penalty"][5:] == 0)
    np.testing.assert_allclose(rows["loss"], rows["loss.MeanSquaredError"] + rows["loss.Penalty"], rtol=1e-5)


def test_learning_stops_early(task, targets):
    result = quick(task, targets, how=Learning(patience=3), optimizer=optax.sgd(0.0), steps=50)
    assert len(result.history) == 4 and "no improvement for 3 steps" in result.stopped


@pytest.fixture
def people(bolds):
    """Two subjects whose upper cut-off differs."""
    labels = ["a", "a", "a", "b", "b", "b"]
    parts = [targets_at(bolds, 0.02, high)[chosen] for high, chosen in ((0.15, slice(0, 3)), (0.3, slice(3, 6)))]
    return labels, np.concatenate(parts)


def test_a_value_per_subject_around_the_groups(task, people, bolds):
    labels, targets = people
    learn = {"BandPass.high": Learn(0.2, per="subject"), "BandPass.low": Learn(0.02)}
    result = quick(task, targets, learn=learn, groups=labels, how=Learning(shrinkage=1e-4), steps=150)
    own = {name: value for name, value in result.parameters.items() if "@" in name}
    assert own["BandPass.high@a"] == pytest.approx(0.15, rel=0.05)
    assert own["BandPass.high@b"] == pytest.approx(0.3, rel=0.05)
    assert 0.15 < result.parameters["BandPass.high"] < 0.3
    drawn = quick(task, targets, learn=learn, groups=labels, how=Learning(shrinkage=100.0), steps=150).parameters
    assert drawn["BandPass.high@a"] == pytest.approx(drawn["BandPass.high"], rel=0.02)


def test_a_subjects_values_make_its_own_workflow(task, people, bolds, tmp_path):
    labels, targets = people
    learn = {"BandPass.high": Learn(0.2, per="subject")}
    result = quick(task, targets, learn=learn, groups=labels, how=Learning(shrinkage=1e-4))
    result.save(tmp_path / "fit")
    loaded = load_parameters(tmp_path / "fit")
    found = [
        with_parameters(Small, loaded, entity=entity)(bold=bolds[0])(worker="debug", cache_root=tmp_path).connectome
        for entity in (None, "a", "b")
    ]
    assert not np.allclose(found[1], found[2], atol=1e-3) and not np.allclose(found[0], found[1], atol=1e-3)
    with pytest.raises(ValueError, match="nothing was learned for 'c'; there are values for a, b"):
        with_parameters(Small, loaded, entity="c")


def test_per_subject_needs_to_know_the_subjects(task, targets):
    with pytest.raises(ValueError, match=r"learned per session.* give groups=\{'session'"):
        quick(task, targets, learn={"BandPass.high": Learn(0.2, per="session")}, groups=list("aabbcc"))


def test_a_resumed_fit_goes_on_to_the_same_bits(task, targets, tmp_path):
    whole = quick(task, targets, steps=12, how=PAIRS)
    quick(task, targets, steps=6, how=PAIRS, checkpoint=tmp_path)
    resumed = quick(task, targets, steps=12, how=PAIRS, checkpoint=tmp_path)
    assert resumed.parameters == whole.parameters
    assert [row["step"] for row in resumed.history] == list(range(13))
    assert not list(tmp_path.glob("*.pkl*"))


def test_a_fit_that_cannot_write_its_checkpoint_still_returns_its_result_and_says_so(task, targets, tmp_path):
    (tmp_path / "taken").write_text("a file where the folder should be")
    with pytest.warns(UserWarning, match=r"checkpoint.safetensors could not be written .*the fit goes on"):
        found = quick(task, targets, steps=2, checkpoint=tmp_path / "taken")
    assert found.parameters == quick(task, targets, steps=2).parameters


def test_a_checkpoint_of_another_fit_is_refused(task, targets, tmp_path):
    quick(task, targets, steps=2, checkpoint=tmp_path)
    with pytest.raises(ValueError, match="belongs to a fit of other inputs"):
        quick(task, targets + 1, steps=2, checkpoint=tmp_path)
    with pytest.raises(ValueError, match="belongs to a fit of other inputs, targets, loss"):
        quick(task, targets, steps=2, checkpoint=tmp_path, optimizer=optax.adam(0.05))
    with pytest.raises(ValueError, match="belongs to a fit of other inputs, targets, loss"):
        fit(task, lambda outputs, targets: jnp.mean(outputs["connectome"]), targets, steps=2, checkpoint=tmp_path)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"loss": "mse"}, "loss is 'mse'; expected a callable"),
        ({"loss": lambda outputs, targets: outputs["conn"]}, "asks for the output 'conn'; there are connectome"),
        ({"loss": lambda outputs, targets: outputs["connectome"]}, r"shape \(6, .*expected one number"),
        ({"loss": lambda outputs, targets: np.mean(np.asarray(outputs["connectome"]))}, "write it with jax.numpy"),
        ({"optimizer": "adam"}, "optimizer is 'adam'; expected one of optax"),
        ({"steps": -1}, "steps is -1"),
        ({"learn": {"BandPass.low": 0.02}}, r"learn: BandPass.low is 0.02; expected Learn\(\), or Learn\(0.02\)"),
        ({"validation": 1.5}, "validation is 1.5; expected a fraction"),
        ({"steps": -1}, "steps is -1; expected a whole number of at least 0"),
        ({"learn": ["BandPass.low"]}, r"learn is \['BandPass.low'\]; expected names with marks"),
        ({"learn": {"BandPass.low": Learn(within=(0.05, 0.09))}}, r"starts at 0.02, outside within=\(0.05, 0.09\)"),
        ({"learn": {n: Learn(share="x") for n in ("BandPass.low", "BandPass.high")}}, "shares 'x'.*needs one start"),
        ({"groups": list("aab")}, "groups has 3 labels for 6 runs"),
        ({"loss": lambda outputs, targets: None}, "the loss gives None"),
        ({"validation": [False] * 6}, "validation has False"),
        ({"validation": [0, 6]}, "validation has 6; expected .* numbers of runs from 0 to 5"),
        ({"validation": [-1]}, "validation has -1"),
        ({"validation": list("aabbcc")}, r"or labels that are in groups="),
    ],
)
def test_what_cannot_be_learned_with_is_an_error(task, targets, settings, told):
    with pytest.raises(ValueError, match=told):
        fit(**{"task": task, "loss": LOSS, "targets": targets, "progress": False, **settings})


def test_people_may_be_held_out_by_name(task, targets):
    result = quick(task, targets, steps=1, groups=list("aabbcc"), validation=["b"])
    assert result.validation == [2, 3] and result.training == [0, 1, 4, 5]
    of_entities = quick(task, targets, steps=1, groups={"subject": list("aabbcc")}, validation=0.3)
    assert of_entities.validation in ([0, 1], [2, 3], [4, 5])


def test_the_score_of_those_held_out_is_that_of_the_group_alone(task, targets):
    learn = {"BandPass.low": Learn(0.02, per="subject")}
    result = quick(
        task, targets, steps=10, learn=learn, groups=list("aabbcc"), validation=["c"], how=Learning(shrinkage=100.0)
    )
    program = fuse(task)
    values = {name: result.parameters[name] for name in program.parameters}
    outputs = {"connectome": program(values)["connectome"][4:]}
    assert result.best["validation"] == pytest.approx(float(LOSS(outputs, targets[4:])), rel=1e-4)


@workflow.define(outputs=["connectome"])
def TwoBands(bold, low: float = 0.02):
    wide = workflow.add(BandPass(timeseries=bold, tr=1.0, low=low, high=0.3), name="wide")
    narrow = workflow.add(BandPass(timeseries=wide.timeseries, tr=1.0, low=low, high=0.05), name="narrow")
    return workflow.add(Correlation(timeseries=narrow.timeseries)).connectome


@workflow.define(outputs=["connectome"])
def HighGiven(bold, high: float, low: float = 0.02):
    band = workflow.add(BandPass(timeseries=bold, tr=1.0, low=low, high=high), name="band")
    return workflow.add(Correlation(timeseries=band.timeseries)).connectome


@pytest.mark.parametrize("of", ["places", "runs"])
def test_a_bound_holds_in_every_place_and_every_run(bolds, tmp_path, of):
    task = TwoBands(bold=bolds[0])
    if of == "runs":
        task = HighGiven().split(("bold", "high"), bold=bolds[:2], high=[0.3, 0.05])
    settings = {"steps": 50, "optimizer": optax.sgd(20.0), "progress": False}
    result = fit(task, lambda outputs, targets: -outputs["parameters"]["low"], learn={"low": Learn()}, **settings)
    assert 0.04 < result.parameters["low"] < 0.05


def test_people_may_be_targets_by_name(task):
    loss = losses.Identifiability("connectome")
    found = [
        fit(task, loss, {"person": list(people), "session": list("121212")}, steps=1, progress=False).baseline
        for people in ("aabbcc", [0, 0, 1, 1, 2, 2])
    ]
    assert found[0] == found[1]


@pytest.mark.parametrize("resample", [cross_validate, bootstrap])
def test_resampling_takes_the_settings_of_a_fit(task, targets, resample):
    learn = {"BandPass.low": Learn(0.02, per="subject")}
    learning = Learning(batch_size=2, shrinkage=2.0, rates={"BandPass.low": 0.5})
    how = {"how": learning, "groups": list("aabbcc")}
    count = {"folds": 3} if resample is cross_validate else {"repeats": 2}
    found = resample(task, LOSS, targets, steps=2, learn=learn, progress=False, **count, **how)
    assert len(found.rows) == next(iter(count.values()))
    with pytest.raises(ValueError, match="groups has 2 labels for 6 runs"):
        resample(task, LOSS, targets, steps=1, progress=False, groups=["a", "b"])


SCRIPT = """
    import signal, sys, numpy as np
    signal.signal(signal.SIGINT, signal.default_int_handler)  # it is ignored where the tests run in the background
    sys.path.insert(0, {tests!r})
    from learning.test_learning import Small, quick, targets_at
    rng = np.random.default_rng(0)
    bolds = [rng.standard_normal((80, 5)).astype(np.float32) for _ in range(6)]
    print("begin", flush=True)
    result = quick(Small().split(bold=bolds), targets_at(bolds), steps=int(sys.argv[1]), checkpoint=sys.argv[2])
    print(repr(sorted(result.parameters.items())), result.stopped, flush=True)
"""


def start(tmp_path, steps):
    script = tmp_path / "script.py"
    script.write_text(textwrap.dedent(SCRIPT.format(tests=str(Path(__file__).parents[1]))))
    command = [sys.executable, str(script), str(steps), str(tmp_path / "checkpoint")]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def wait_for_checkpoint(process, path):
    assert process.stdout.readline() == "begin\n"
    while not path.exists():
        assert process.poll() is None
        time.sleep(0.05)
    time.sleep(0.5)


def test_a_killed_fit_resumes_to_the_same_bits(tmp_path, task, targets):
    steps = 3000
    process = start(tmp_path, steps)
    wait_for_checkpoint(process, tmp_path / "checkpoint" / "checkpoint.safetensors")
    process.send_signal(signal.SIGKILL)
    process.wait()
    again, _ = start(tmp_path, steps).communicate()
    whole = quick(task, targets, steps=steps)
    assert again.splitlines()[-1] == f"{sorted(whole.parameters.items())!r} after all steps"


def test_an_interrupt_leaves_a_usable_result(tmp_path):
    process = start(tmp_path, 10**6)
    wait_for_checkpoint(process, tmp_path / "checkpoint" / "checkpoint.safetensors")
    process.send_signal(signal.SIGINT)
    printed, _ = process.communicate()
    assert process.returncode == 0 and "interrupted at step" in printed and "BandPass.low" in printed


def test_recomputing_intermediates_changes_no_number(task, targets):
    np.testing.assert_allclose(
        list(quick(task, targets, on=Machine(remat=True)).parameters.values()),
        list(quick(task, targets).parameters.values()),
        rtol=1e-5,
    )


def test_four_devices_learn_what_one_does(tmp_path):
    code = f"""
        import sys; sys.path.insert(0, {str(Path(__file__).parents[1])!r})
        import jax, numpy as np
        from pydra_diffconn import Machine
        from learning.test_learning import Small, quick, targets_at
        rng = np.random.default_rng(0)
        bolds = [rng.standard_normal((80, 5)).astype(np.float32) for _ in range(6)]
        assert len(jax.devices()) == 4
        task, targets = Small().split(bold=bolds), targets_at(bolds)
        one, four = quick(task, targets), quick(task, targets, on=Machine(devices=jax.devices()))
        for name in one.parameters:
            np.testing.assert_allclose(four.parameters[name], one.parameters[name], rtol=1e-5)
        print("same")
    """
    flags = {"XLA_FLAGS": "--xla_force_host_platform_device_count=4"}
    found = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, env={**os.environ, **flags}
    )
    assert found.stdout.strip() == "same", found.stderr


def test_two_hosts_learn_what_one_does(tmp_path, task, targets):
    np.save(tmp_path / "targets.npy", targets)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    code = f"""
        import sys; sys.path.insert(0, {str(Path(__file__).parents[1])!r})
        import jax
        jax.config.update("jax_cpu_collectives_implementation", "gloo")
        jax.distributed.initialize("127.0.0.1:{port}", 2, int(sys.argv[1]))
        import numpy as np
        from pydra_diffconn import Machine
        from learning.test_learning import Small, quick
        rng = np.random.default_rng(0)
        bolds = [rng.standard_normal((80, 5)).astype(np.float32) for _ in range(6)]
        targets = np.load({str(tmp_path / "targets.npy")!r})
        found = quick(Small().split(bold=bolds), targets, on=Machine(devices=jax.devices()), steps=5)
        print(len(jax.devices()), *found.parameters.values())
    """
    command = [sys.executable, "-c", textwrap.dedent(code)]
    hosts = [subprocess.Popen([*command, str(n)], stdout=subprocess.PIPE, text=True) for n in range(2)]
    printed = [host.communicate()[0].splitlines()[-1].split() for host in hosts]
    one = quick(task, targets, steps=5).parameters
    for line in printed:
        assert line[0] == "2"
        np.testing.assert_allclose([float(number) for number in line[1:]], list(one.values()), rtol=1e-5)


def test_cross_validation_tests_on_runs_that_were_not_learned_from(task, targets):
    found = cross_validate(
        task, LOSS, targets, folds=3, groups=list("aabbcc"), validation=0.5, steps=60, progress=False
    )
    assert sorted(n for part in found.tested for n in part) == list(range(6)) and [
        len(part) for part in found.tested
    ] == [2, 2, 2]
    assert np.all(found.table["learned"] < found.table["classical"])
    with pytest.raises(ValueError, match="7 folds of 6 groups"):
        cross_validate(task, LOSS, targets, folds=7)


def test_the_bootstrap_gives_an_interval_that_holds_the_planted_value(task, bolds):
    rng = np.random.default_rng(1)
    targets = targets_at(bolds) + 0.05 * rng.standard_normal((6, 5, 5))
    found = bootstrap(task, LOSS, targets, repeats=6, steps=60, progress=False)
    high = found.uncertainty["BandPass.high"]
    assert high["sd"] > 0 and abs(high["mean"] - 0.3) < 0.1


@workflow.define(outputs=["parameters", "scores"])
def LearningStep(task, targets, steps: int):
    fitted = workflow.add(Fit(workflow=task, loss=LOSS, targets=targets, steps=steps))
    return fitted.parameters, fitted.scores


def test_learning_is_a_step_of_a_larger_workflow(task, targets, tmp_path):
    larger = LearningStep(task=task, targets=targets, steps=10)
    found = larger(worker="debug", cache_root=tmp_path)
    direct = quick(task, targets, steps=10)
    assert {p.name: p.value for p in load_parameters(Path(found.parameters))} == direct.parameters
    assert found.scores["learned"]["training"] < found.scores["classical"]["training"]
    began = time.monotonic()
    larger(worker="debug", cache_root=tmp_path)
    assert time.monotonic() - began < 60 and len(list(tmp_path.glob("python-*/fit"))) == 1
    assert larger._checksum != LearningStep(task=task, targets=targets + 1, steps=10)._checksum
    assert (
        larger._checksum != LearningStep(task=Small().split(bold=[targets[0]] * 6), targets=targets, steps=10)._checksum
    )


def test_the_history_can_be_drawn_and_reported(task, targets, tmp_path):
    result = quick(task, targets, steps=3)
    assert result.plot().axes[0].get_xlabel() == "step"
    assert "BandPass.low" in result.report(tmp_path / "report.html").read_text()


def test_settings_in_their_old_places_work_with_a_warning(task, targets):
    grouped = quick(task, targets, steps=2, how=PAIRS, groups={"subject": list("aabbcc")}, on=Machine(remat=True))
    with pytest.warns(DeprecationWarning, match=r"batch_size=.* is spelled how=Learning\(batch_size=...\) now") as told:
        old = quick(task, targets, steps=2, batch_size=2, entities={"subject": list("aabbcc")}, remat=True)
    assert {str(one.message).split("=")[0] for one in told} == {"fit(batch_size", "fit(entities", "fit(remat"}
    assert old.parameters == grouped.parameters
    with pytest.warns(DeprecationWarning):
        assert len(cross_validate(task, LOSS, targets, folds=2, steps=0, devices=None, progress=False).rows) == 2


@pytest.mark.parametrize("function", [fit, cross_validate, bootstrap])
def test_a_misspelt_setting_is_an_error_that_names_the_nearest(task, targets, function):
    with pytest.raises(
        TypeError, match=rf"{function.__name__}\(\) has no argument 'batchsize'; did you mean 'batch_size'"
    ):
        function(task, LOSS, targets, batchsize=2)
    with pytest.raises(ValueError, match="batch_size is 0; expected a whole number of at least 1"):
        Learning(batch_size=0)
