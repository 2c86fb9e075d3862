"""What a fit can be asked afterwards: outputs, a comparison with classical pipelines, and how sure its values are."""

import json
import pickle
from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np
import pytest
from click.testing import CliRunner
from pydra.compose import workflow

from pydra_diffconn import Learn, Learning, Score, fit, load_parameters, losses
from pydra_diffconn.blocks import BandPass, Correlation, ShrinkCovariance
from pydra_diffconn.cli import main
from pydra_diffconn.generators import band_study

PEOPLE, TR = 9, 1.0


@workflow.define(outputs=["connectome"])
def InBand(series, low=0.01, high=0.4):
    band = workflow.add(BandPass(timeseries=series, tr=TR, low=low, high=high))
    return workflow.add(Correlation(timeseries=band.timeseries)).connectome


@pytest.fixture(scope="module")
def planted():
    """Runs whose middle band alone has the connectome that is looked for."""
    seeds = range(PEOPLE)
    studies = [band_study(np.random.default_rng(seed), frames=300, signals=8, latents=3, tr=TR) for seed in seeds]
    series, targets = [one.timeseries for one in studies], np.stack([one.connectomes[1] for one in studies])
    return InBand().split("series", series=series), targets


@pytest.fixture(scope="module")
def fitted(planted):
    learn = {"low": Learn(0.02, within=(0.005, 0.1)), "high": Learn(0.3, within=(0.11, 0.45))}
    people = [f"p{number}" for number in range(PEOPLE)]
    loss, given = losses.MeanSquaredError("connectome"), {"groups": people, "validation": 0.34}
    return fit(planted[0], loss, planted[1], learn=learn, steps=30, progress=False, **given)


def error(outputs, targets, tested):
    return ((np.asarray(outputs["connectome"]) - np.asarray(targets))[tested] ** 2).mean(axis=(1, 2))


def test_the_outputs_are_those_of_the_learned_workflow(fitted):
    expected = fitted.workflow().split("series", series=fitted.program.inputs["series"])(worker="debug").connectome
    np.testing.assert_allclose(fitted.outputs["connectome"], expected, atol=1e-6)


def test_a_result_travels_without_what_its_fit_was_given(fitted):
    back = pickle.loads(pickle.dumps(fitted))
    assert back.parameters == fitted.parameters and fitted.asked is not None
    np.testing.assert_allclose(back.outputs["connectome"], fitted.outputs["connectome"], atol=1e-6)
    with pytest.raises(ValueError, match="this result was pickled"):
        back.bootstrap(2)


def test_of_what_is_learned_for_each_person_the_outputs_are_their_own(rng):
    @workflow.define(outputs=["covariance"])
    def Shrunk(series, shrinkage: float = 0.5):
        connectome = workflow.add(Correlation(timeseries=series)).connectome
        return workflow.add(ShrinkCovariance(covariance=connectome, shrinkage=shrinkage)).covariance

    series = [rng.standard_normal((50, 4)) for _ in range(4)]
    task = Shrunk().split("series", series=series)
    wanted = np.array([0.1, 0.1, 0.8, 0.8])  # how much of each person's connectome is left

    def loss(outputs, targets):
        whole = jnp.stack([jnp.corrcoef(jnp.asarray(one).T)[0, 1] for one in series])
        return jnp.mean((outputs["covariance"][:, 0, 1] / whole - targets) ** 2)

    found = fit(
        task, loss, wanted, learn={"shrinkage": Learn(0.5, per="subject")}, groups=["a", "a", "b", "b"], steps=150,
        how=Learning(shrinkage=0.0), progress=False,
    )  # fmt: skip
    outputs = np.asarray(found.outputs["covariance"])
    own = [1 - found.parameters[f"shrinkage@{who}"] for who in "aabb"]
    np.testing.assert_allclose(own, wanted, atol=0.05)
    np.testing.assert_allclose(
        outputs[:, 0, 1], [o * np.corrcoef(s.T)[0, 1] for o, s in zip(own, series, strict=True)], rtol=1e-4
    )


def test_a_fit_is_set_beside_the_best_classical_pipeline_on_those_held_out(fitted, planted, tmp_path):
    classical = {"low": [0.01, 0.05], "high": [0.15, 0.4]}
    before = fitted.report(tmp_path / "before.html").read_text()
    assert "No classical baseline was searched" in before
    found = fitted.compare(classical, [Score("squared error", of_runs=error, higher=False)], progress=False)
    assert found.pipelines == 4 and found.groups == len(fitted.validation) == 3
    assert found.folds[0]["classical"] == "low = 0.05, high = 0.15"
    assert found.compared[0].values["learned"] == pytest.approx(fitted.best["validation"], rel=1e-4)
    assert found.compared[0].values["start"] == pytest.approx(fitted.baseline["validation"], rel=1e-4)
    assert "the step of the learned values, which was chosen there" in found.sentence
    after = fitted.report(tmp_path / "after.html").read_text()
    assert "No classical baseline" not in after and "best of 4 classical pipelines" in after


def test_without_anybody_held_out_there_is_nothing_to_compare_on(planted):
    task, targets = planted
    found = fit(task, losses.MeanSquaredError("connectome"), targets, learn={"low": Learn()}, steps=1, progress=False)
    with pytest.raises(ValueError, match="nobody was held out of this fit"):
        found.compare({"low": [0.01]}, [Score("squared error", of_runs=error)])


def test_how_sure_the_values_are_stands_in_the_result_its_file_and_its_report(fitted, tmp_path):
    found = fitted.bootstrap(10, progress=False)
    told = {one.name: one.uncertainty for one in fitted.learned}
    assert told["low"].fits == 10 and told["low"].identified is True
    assert told["low"].low <= np.median(found.parameters["low"]) <= told["low"].high
    folder = fitted.save(tmp_path / "fit")
    assert {one.name: one.uncertainty for one in load_parameters(folder)} == told
    assert json.loads((folder / "parameters.json").read_text())["parameters"]["low"]["uncertainty"]["identified"]
    assert "95 % of fits to other people" in (folder / "report.html").read_text()
    shown = CliRunner().invoke(main, ["show", str(folder)])
    assert "in 10 fits, identified" in shown.output


def test_a_loss_reads_an_input_of_the_workflow(rng):
    """Homogeneity is that of the series in the parcels learned: no output of the workflow has to repeat them."""

    @workflow.define(outputs=["covariance"])
    def Shrunk(series, shrinkage: float = 0.5):
        connectome = workflow.add(Correlation(timeseries=series)).connectome
        return workflow.add(ShrinkCovariance(covariance=connectome, shrinkage=shrinkage)).covariance

    @dataclass(frozen=True, eq=False)
    class Likeness(losses.Loss):
        series: str = "series"

        def score(self, outputs, targets):
            series = self.read(outputs, self.series)
            return jnp.mean((self.read(outputs)[:, 0, 1] - jnp.mean(series[:, :, 0] ** 2, axis=1)) ** 2)

    series = [rng.standard_normal((50, 4)) for _ in range(4)]

    task = Shrunk().split("series", series=series)
    direct = fit(task, Likeness("covariance"), learn={"shrinkage": Learn()}, steps=3, progress=False)
    powers = np.array([np.mean(one[:, 0] ** 2) for one in series])
    expected = fit(
        task, lambda o, t: jnp.mean((o["covariance"][:, 0, 1] - t) ** 2), powers, learn={"shrinkage": Learn()}, steps=3,
        progress=False,
    )  # fmt: skip
    assert direct.parameters["shrinkage"] == pytest.approx(expected.parameters["shrinkage"], rel=1e-5)


def test_what_ends_where_it_can_go_no_further_is_told(rng):
    @workflow.define(outputs=["covariance"])
    def Shrunk(covariance, shrinkage: float = 0.5):
        return workflow.add(ShrinkCovariance(covariance=covariance, shrinkage=shrinkage)).covariance

    task = Shrunk(covariance=np.cov(rng.standard_normal((4, 30))))
    with pytest.warns(UserWarning, match="shrinkage stands at the end 0 of where it may lie"):
        fit(task, lambda o, _: -jnp.sum(o["covariance"] ** 2), learn={"shrinkage": Learn()}, steps=400, progress=False)


@pytest.mark.parametrize("value", [float("nan"), 0.7, -0.1, 0.45])
def test_a_grid_of_values_that_a_block_refuses_is_refused(fitted, value):
    """`low` of NaN, above Nyquist, below 0 and above `high`: none may be the best classical pipeline."""
    with pytest.raises(ValueError, match="low"):
        fitted.compare({"low": [value], "high": [0.4]}, [Score("error", of_runs=error, higher=False)], progress=False)


def test_few_fits_say_nothing_of_what_is_determined(planted):
    task, targets = planted
    learn = {"low": Learn(0.02, within=(0.005, 0.1))}
    found = fit(task, losses.MeanSquaredError("connectome"), targets, learn=learn, steps=2, progress=False)
    with pytest.raises(ValueError, match="repeats is 1; expected a whole number of at least 2"):
        found.bootstrap(1)
    found.bootstrap(2, progress=False)
    assert found.learned[0].uncertainty.identified is None
