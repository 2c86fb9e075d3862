"""Choices: a corner costs its branch alone, the winner is cut out, and every pipeline is run beside the learned one."""

import jax
import numpy as np
import optax
import pytest
from choices_under_test import (
    Around,
    Drawn,
    FastAlone,
    GivenOptions,
    NodeSplit,
    Orders,
    OverRuns,
    Pipelines,
    TwoBands,
    TwoJobs,
)

from pydra_diffconn import Learn, Learning, fit, fuse, generators, losses, multiverse, optimise
from pydra_diffconn.workflow.choosing import with_options

ONE, TWO = np.array([1.0, 0.0]), np.array([0.0, 1.0])


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    return {
        "bold": rng.standard_normal((80, 6)).astype(np.float32),
        "confounds": rng.standard_normal((80, 3)).astype(np.float32),
    }


def computed(program, parameters=None):
    outputs = jax.jit(program)(parameters or program.parameters, **program.inputs)
    return np.asarray(outputs["connectome"])


def fused(task, **settings):
    return computed(fuse(task, **settings))


def error(found, targets):
    return float(np.mean((found - targets) ** 2))


def steps_of(program):
    return {step.path for step in program.graph.steps}


# --- fixed weights -----------------------------------------------------------------------------------------------


def test_fixed_weights_leave_one_branch_in_the_program(data, capsys):
    program = fuse(TwoBands(bold=data["bold"], tr=1.0, weights=TWO))
    assert steps_of(program) == {"fast", "Correlation"}
    assert "band is fast.timeseries, whose weight is 1; not computed: slow" in program.explain()
    alone = fuse(FastAlone(bold=data["bold"], tr=1.0))
    costs = [jax.jit(p).lower(p.parameters, **p.inputs).compile().cost_analysis()["flops"] for p in (program, alone)]
    assert costs[0] == costs[1]
    assert steps_of(fuse(TwoBands(bold=data["bold"], tr=1.0))) == {"slow", "Correlation"}


def test_a_corner_is_its_branch_bit_for_bit_in_every_mode(data, tmp_path):
    inputs = {"bold": data["bold"], "tr": 1.0}
    alone = FastAlone(**inputs)
    chosen = TwoBands(**inputs, weights=TWO)
    expected = alone(cache_root=tmp_path).connectome
    np.testing.assert_array_equal(chosen(cache_root=tmp_path).connectome, expected)
    np.testing.assert_array_equal(with_options(chosen, {"band": "option_2"})(cache_root=tmp_path).connectome, expected)
    stretch = optimise(alone)(cache_root=tmp_path).connectome
    np.testing.assert_array_equal(optimise(chosen)(cache_root=tmp_path).connectome, stretch)
    np.testing.assert_array_equal(fused(chosen), fused(alone))
    learned = fused(TwoBands(**inputs), learn={"band.weights": Learn(TWO)})
    np.testing.assert_array_equal(learned, fused(chosen, reorder=False))


def test_jobs_of_the_other_branch_are_not_run(data, tmp_path):
    for way in (fuse, optimise):
        folder = tmp_path / way.__name__
        folder.mkdir()
        task = TwoJobs(bold=data["bold"], folder=str(folder), tr=1.0, weights=TWO)
        if way is fuse:
            fuse(task, cache_root=tmp_path)
        else:
            optimise(task)(cache_root=tmp_path)
        assert [one.name for one in folder.iterdir()] == ["two"]


def test_weights_that_differ_between_runs_or_are_no_corner_stay(data):
    mixed = fuse(TwoBands(bold=data["bold"], tr=1.0, weights=np.array([0.5, 0.5])))
    assert "band" in steps_of(mixed)
    split = fuse(TwoBands(bold=data["bold"], tr=1.0).split("weights", weights=[ONE, TWO]))
    assert "band" in steps_of(split)
    found = split(split.parameters)["connectome"]
    for weights, connectome in zip((ONE, TWO), found, strict=True):
        alone = fused(TwoBands(bold=data["bold"], tr=1.0, weights=weights))
        np.testing.assert_allclose(connectome, alone, atol=1e-6)  # another program, another rounding


@pytest.mark.parametrize("weights", [ONE, TWO])
def test_split_branches_and_given_options(data, tmp_path, weights):
    bolds = [data["bold"], data["bold"][::-1].copy()]
    tasks = [
        NodeSplit(bolds=bolds, tr=1.0, weights=weights),
        OverRuns(bolds=bolds, confounds=data["confounds"], tr=1.0, weights=weights),
        GivenOptions(first=bolds[0], second=bolds[1], tr=1.0, weights=weights),
    ]
    for task in tasks:
        expected = task(cache_root=tmp_path).connectome
        np.testing.assert_allclose(fused(task), expected, atol=1e-5)
        np.testing.assert_allclose(optimise(task)(cache_root=tmp_path).connectome, expected, atol=1e-5)
    number = 1 + int(weights[1])
    for task, path in zip(tasks, ("band", "runs.order", "series"), strict=True):
        cut = with_options(task, {path: f"option_{number}"})
        np.testing.assert_array_equal(cut(cache_root=tmp_path).connectome, task(cache_root=tmp_path).connectome)


def test_a_parameter_of_a_branch_that_is_not_chosen_is_not_learned(data):
    task = TwoBands(bold=data["bold"], tr=1.0, weights=TWO)
    with pytest.warns(UserWarning, match=r"slow.low is not learned"):
        program = fuse(task, learn={"slow.low": Learn(), "fast.low": Learn()})
    assert list(program.parameters) == ["fast.low"]


def test_the_orders_of_steps_are_options(data):
    inputs = {**data, "tr": 1.0}
    assert steps_of(fuse(Orders(**inputs, weights=TWO))) == {"regress_first", "then_filter", "Correlation"}


# --- learned weights ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def study():
    """Series whose connectome is in the fast band, under an artefact that the confounds describe."""
    rng = np.random.default_rng(1)
    bolds, confounds, targets = [], [], []
    for _ in range(4):
        bands = generators.band_study(rng, 120, 6, 4, bands=((0.01, 0.1), (0.2, 0.35)))
        regressors = rng.standard_normal((120, 3))
        bolds.append(bands.timeseries + 2 * regressors @ rng.standard_normal((3, 6)))
        confounds.append(regressors)
        targets.append(bands.connectomes[1])
    return {"bold": bolds, "confounds": confounds}, np.array(targets)


def pipelines(study, workflow=Pipelines, **more):
    return workflow(tr=1.0, **more).split(("bold", "confounds"), **study[0])


LOSS = losses.MeanSquaredError("connectome")


@pytest.fixture(scope="module")
def learned(study):
    return fit(pipelines(study), LOSS, study[1], steps=60, optimizer=optax.adam(0.2), progress=False)


def test_the_best_pipeline_is_found_and_the_mixture_is_no_worse(study, learned, tmp_path):
    every = multiverse(pipelines(study), LOSS, study[1], result=learned, cache_root=tmp_path)
    best, mixture = every.best, every.row("learned")
    assert (best["band"], best["denoising"], best["matrix"]) == ("fast", "clean", "Correlation")
    assert learned.winners == {"band": "option_2", "denoising": "option_2", "matrix": "option_2"}
    assert mixture["score"] <= best["score"] * 1.05
    cut = every.row("learned, winners alone")
    assert cut["score"] == best["score"] and {n: cut[n] for n in every.choices} == {n: best[n] for n in every.choices}
    np.testing.assert_allclose(learned.discrete["training"], cut["score"], rtol=1e-4)
    np.testing.assert_allclose(learned.best["training"], mixture["score"], rtol=1e-4)
    assert len(every.rows) == 2**3 + 2 and list(every.table.columns) == ["pipeline", *every.choices, "score"]
    figure = every.figure()
    assert [label.get_text() for label in figure.axes[1].get_yticklabels()][:2] == [
        "denoising: clean",
        "denoising: bold",
    ]
    figure.savefig(tmp_path / "curve.png")


def test_the_winners_stand_alone_in_the_discrete_workflow(study, learned, tmp_path):
    inputs = {name: values[0] for name, values in study[0].items()} | {"tr": 1.0}
    alone = learned.discretise()(**inputs)
    assert steps_of(fuse(alone)) == {"fast", "clean", "Correlation"}
    by_hand = Pipelines(**inputs, band=TWO, denoising=TWO, matrix=TWO)
    np.testing.assert_array_equal(alone(cache_root=tmp_path).connectome, by_hand(cache_root=tmp_path).connectome)
    page = learned.report(tmp_path / "report.html").read_text()
    assert "winning branches alone" in page and f"{learned.discrete['training']:.4g}" in page


def test_entropy_with_a_ramp_decides_weights_that_the_data_leave_mixed(data):
    task = TwoBands(bold=data["bold"], tr=1.0, weights=np.array([0.5, 0.5]))
    program = fuse(task, learn={"weights": Learn([0.4, 0.6])})
    target = computed(program)
    settings = {"learn": {"weights": Learn()}, "steps": 80, "optimizer": optax.adam(0.2), "progress": False}
    mixed = fit(task, LOSS, target, **settings)
    np.testing.assert_allclose(mixed.parameters["weights"], [0.4, 0.6], atol=0.01)
    harder = LOSS + losses.schedules.Ramp(0.0, 1.0, 40) * losses.Entropy("weights")
    decided = fit(task, harder, target, **settings)
    assert decided.parameters["weights"][1] > 0.98
    assert mixed.winners == decided.winners == {"band": "option_2"}
    gap = [r.discrete["training"] - error(computed(r.program, r.parameters), target) for r in (mixed, decided)]
    assert 0 < gap[1] < gap[0] / 5


def test_a_temperature_follows_its_schedule_and_is_written_back(study, tmp_path):
    schedule = {"band.temperature": losses.schedules.Ramp(2.0, 0.1, 20, shape="geometric")}
    settings = {"steps": 20, "progress": False}
    result = fit(pipelines(study), LOSS, study[1], how=Learning(schedules=schedule), **settings)
    assert result.history[0]["band.temperature"] == pytest.approx(2.0)
    assert result.parameters["band.temperature"] == pytest.approx(0.1)
    inputs = {name: values[0] for name, values in study[0].items()} | {"tr": 1.0}
    expected = computed(result.program, result.parameters)
    np.testing.assert_allclose(result.workflow(**inputs)(cache_root=tmp_path).connectome, expected[0], atol=1e-5)
    assert result.best["training"] == pytest.approx(error(expected, study[1]), rel=1e-4)


def test_drawn_weights_are_new_at_every_step_and_follow_the_seed(study):
    task = pipelines(study, Drawn, hard=True, key=3)
    settings = {"steps": 25, "optimizer": optax.adam(0.2), "progress": False}
    one, two = (fit(task, LOSS, study[1], **settings) for _ in range(2))
    np.testing.assert_array_equal(one.parameters["band.weights"], two.parameters["band.weights"])
    drawn = [row["loss"] for row in one.history]
    assert sum(abs(np.diff(drawn)) > 1e-3) > 5  # one option or the other
    quiet = fused(pipelines(study, Drawn, hard=True), learn={"band.weights": Learn(one.parameters["band.weights"])})
    scored = error(quiet, study[1])
    assert one.best["training"] == pytest.approx(scored, rel=1e-4)
    other = fit(pipelines(study, Drawn, hard=True, key=4), LOSS, study[1], **settings)
    assert not np.array_equal(other.parameters["band.weights"], one.parameters["band.weights"])


def test_nested_choices_are_decided_and_cut_out(study, tmp_path):
    task = pipelines(study, Around)
    result = fit(task, LOSS, study[1], steps=30, optimizer=optax.adam(0.2), progress=False)
    assert result.winners["outer"] == "option_2" and set(result.winners) == {
        "outer",
        "inner.band",
        "inner.denoising",
        "inner.matrix",
    }
    inputs = {name: values[0] for name, values in study[0].items()} | {"tr": 1.0}
    alone = result.discretise()(**inputs)
    assert steps_of(fuse(alone)) == {"inner.fast", "inner.clean", "inner.Correlation"}
    by_hand = Pipelines(**inputs, band=TWO, denoising=TWO, matrix=TWO)
    np.testing.assert_array_equal(alone(cache_root=tmp_path).connectome, by_hand(cache_root=tmp_path).connectome)


def test_a_start_on_a_corner_is_scored_as_the_classical_branch(study):
    learn = {"band.weights": Learn(ONE), "denoising.weights": Learn(ONE), "matrix.weights": Learn(ONE)}
    result = fit(pipelines(study), LOSS, study[1], learn=learn, steps=1, progress=False)
    corner = fuse(pipelines(study, band=ONE, denoising=ONE, matrix=ONE))
    assert result.baseline["training"] == pytest.approx(error(computed(corner), study[1]), rel=1e-5)


def test_choices_per_subject_are_scored_on_the_runs_held_out(study, tmp_path):
    task = pipelines(study, band=Learn(per="subject"), denoising=TWO, matrix=TWO)
    people = ["a", "a", "b", "b"]
    settings = {"groups": people, "steps": 5, "progress": False}
    result = fit(task, LOSS, study[1], validation=[2, 3], **settings)
    every = multiverse(task, LOSS, study[1], result=result, choices=["band"], cache_root=tmp_path)
    assert every.runs == [2, 3] and len(every.rows) == 4
    cut = every.row("learned, winners alone")
    assert cut["band"] == "fast" and cut["score"] == pytest.approx(result.discrete["validation"], rel=1e-4)


def test_what_cannot_be_chosen_is_an_error(study, learned):
    with pytest.raises(ValueError, match="has no choice bands; it has denoising, band, matrix"):
        multiverse(pipelines(study), LOSS, study[1], choices=["bands"])
    with pytest.raises(ValueError, match="FastAlone has no choice"):
        multiverse(FastAlone(bold=study[0]["bold"][0], tr=1.0), LOSS, study[1])
    result = fit(FastAlone(bold=study[0]["bold"][0], tr=1.0), LOSS, study[1][0], learn={"fast.low": Learn()}, steps=1)
    with pytest.raises(ValueError, match="nothing to discretise"):
        result.discretise()
    with pytest.raises(ValueError, match="band has no 'option_3'"):
        fuse(with_options(pipelines(study), {"band": "option_3"}))


def test_options_of_different_shape_are_refused_in_every_mode(data):
    from pydra_diffconn.blocks import Choose

    fused = jax.jit(lambda one, two: Choose.pure(one, two, weights=np.array([0.5, 0.5])))
    with pytest.raises(ValueError, match="the options have different shapes"):
        fused(data["bold"], data["bold"][:, :1])
    with pytest.raises(ValueError, match=r"temperature = 0 is outside \(0, inf\)"):
        Choose(option_1=data["bold"], option_2=data["bold"], weights=ONE, temperature=0.0)(worker="debug")


def test_one_split_input_and_scores_that_are_no_number(data, tmp_path):
    bolds = [data["bold"], data["bold"][::-1].copy()]
    task = TwoBands(tr=1.0, weights=Learn()).split("bold", bold=bolds)
    targets = np.stack([np.corrcoef(bold.T) for bold in bolds])
    every = multiverse(task, LOSS, targets, cache_root=tmp_path)
    worst = every.rows[-1]["score"]

    def without_the_best(outputs, targets):
        loss = LOSS(outputs, targets)
        return jax.numpy.where(loss < worst, np.nan, loss)

    assert multiverse(task, without_the_best, targets, cache_root=tmp_path).best["score"] == worst
    with pytest.raises(ValueError, match="runs has 7; expected numbers from 0 to 1"):
        multiverse(task, LOSS, targets, runs=[7], cache_root=tmp_path)
