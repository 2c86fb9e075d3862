import jax
import jax.numpy as jnp
import numpy as np
import optax
import pandas as pd
import pytest
from gradients import assert_gradient

from pydra_diffconn import constraints
from pydra_diffconn.blocks import FirDesign, GloverDesign, SpmDesign
from pydra_diffconn.events import stimuli
from pydra_diffconn.files.events import Events
from pydra_diffconn.testing import Case

FRAMES, TR = 60, 1.5
SHAPES = {"none": "", "time": " + derivative", "time and dispersion": " + derivative + dispersion"}


def happened(rng, number=20, frames=FRAMES, tr=TR, earliest=-20.0):
    """Return events, as ours and as nilearn's."""
    table = pd.DataFrame(
        {
            "onset": np.sort(rng.uniform(earliest, frames * tr, number)).round(2),
            "duration": rng.choice([0, 1.0, 2.5, 10], number),
            "trial_type": rng.choice(["rest", "face"], number),
            "modulation": rng.choice([1, 0.5, 2], number),
        }
    )
    return Events(table.onset, table.duration, tuple(table.trial_type), table.modulation.to_numpy()), table


def nilearns(table, model, frames=FRAMES, tr=TR, **more):
    from nilearn.glm.first_level import make_first_level_design_matrix

    earliest = -np.ceil(32 / tr) * tr
    times = np.arange(frames) * tr
    made = make_first_level_design_matrix(times, table, hrf_model=model, drift_model=None, min_onset=earliest, **more)
    return made.iloc[:, :-1].to_numpy()


@pytest.fixture
def given(rng):
    events, table = happened(rng)
    with pytest.warns(UserWarning, match="begin before the first frame"):
        made = stimuli(events, FRAMES, TR)
    return made, table


@pytest.mark.parametrize("derivatives", SHAPES)
@pytest.mark.parametrize(("block", "model"), [(SpmDesign, "spm"), (GloverDesign, "glover")])
def test_columns_are_those_of_nilearn(x64, given, block, model, derivatives):
    made, table = given
    found = block(stimulus=made.stimulus, earlier=made.earlier, tr=TR, derivatives=derivatives)(worker="debug").design
    np.testing.assert_allclose(found, nilearns(table, model + SHAPES[derivatives]), atol=1e-11)


def test_frame_by_frame_columns_are_those_of_nilearn(x64, given):
    made, table = given
    found = FirDesign.pure(made.stimulus, made.earlier, delays=(0, 1, 5))
    np.testing.assert_allclose(found, nilearns(table, "fir", fir_delays=[0, 1, 5]), atol=1e-11)


@pytest.mark.parametrize("tr", [0.72, 0.8, 2.0])
@pytest.mark.filterwarnings("ignore:.*events begin before")
def test_any_repetition_time_and_all_of_the_past_count(x64, rng, tr):
    events, table = happened(rng, tr=tr, earliest=-30.0)
    made = stimuli(events, FRAMES, tr)
    found = SpmDesign.pure(made.stimulus, tr, made.earlier)
    np.testing.assert_allclose(found, nilearns(table, "spm", tr=tr), atol=1e-11)
    apart = np.abs(np.asarray(found - SpmDesign.pure(made.stimulus, tr)))
    assert apart[0].max() > 1e-3 and apart[-1].max() < 1e-6


def test_a_condition_of_which_nothing_is_in_the_run_has_empty_columns(x64, rng):
    stimulus = rng.uniform(0, 1, (40, 10, 2))
    stimulus[:, :, 1] = 0
    for derivatives in SHAPES:
        found = np.asarray(SpmDesign.pure(stimulus, TR, derivatives=derivatives))
        half = found.shape[1] // 2
        assert np.ptp(found[:, :half], axis=0).min() > 0
        np.testing.assert_allclose(found[:, half:], 0, atol=1e-12)


@pytest.mark.parametrize("block", [SpmDesign, GloverDesign])
@pytest.mark.parametrize("derivatives", SHAPES)
def test_gradients_to_the_shape_of_the_response(x64, rng, block, derivatives):
    stimulus = (rng.random((30, 8, 2)) > 0.9) * 1.0
    weights = rng.standard_normal((30, 2 * (1 + list(SHAPES).index(derivatives))))
    names = ("delay", "dispersion", "undershoot", "undershoot_dispersion", "ratio")

    def score(numbers):
        return jnp.sum(
            weights * block.pure(stimulus, TR, derivatives=derivatives, **dict(zip(names, numbers, strict=True)))
        )

    assert_gradient(score, [5.5, 1.2, 15.0, 0.9, 0.2], rtol=1e-4, atol=1e-6)


def test_a_planted_delay_and_dispersion_are_found_by_descent(x64, rng):
    made = stimuli(Events(np.arange(4, 200, 14.0), np.full(14, 2.0), ("a",) * 14, np.ones(14)), 150, TR)
    series = SpmDesign.pure(made.stimulus, TR, delay=7.3, dispersion=1.4) * 3.0 + 0.02 * rng.standard_normal((150, 1))
    rule = constraints.positive

    @jax.jit
    def step(free, state):
        def loss(free):
            numbers = rule.from_free(free)
            design = SpmDesign.pure(made.stimulus, TR, delay=numbers[0], dispersion=numbers[1], lags=1067)
            return jnp.mean((series - numbers[2] * design) ** 2)

        updates, state = optimiser.update(jax.grad(loss)(free), state)
        return optax.apply_updates(free, updates), state

    optimiser = optax.adam(0.03)
    free = rule.to_free(jnp.array([6.0, 1.0, 1.0]))
    state = optimiser.init(free)
    for _ in range(400):
        free, state = step(free, state)
    np.testing.assert_allclose(rule.from_free(free), [7.3, 1.4, 3.0], rtol=0.03)


def test_delays_that_are_none_are_refused(rng):
    stimulus = rng.random((20, 4, 1))
    for delays in ((-1,), (1, 1), ()):
        with pytest.raises(ValueError, match=r"delays = \(.*\); expected different numbers of frames, 0 or more"):
            FirDesign.check({"stimulus": stimulus, "delays": delays})


def example(rng):
    """Return stimuli in a run, and some before it."""
    on = rng.random((30, 4, 3)) > 0.85
    return {"stimulus": on[8:] * rng.uniform(0.5, 2, 3), "earlier": on[:8] * 1.0, "tr": TR}


def gamma_difference(times, delay, dispersion, undershoot, undershoot_dispersion, ratio):
    from scipy.stats import gamma

    made = gamma.pdf(times, delay / dispersion, scale=dispersion)
    made = made - ratio * gamma.pdf(times, undershoot / undershoot_dispersion, scale=undershoot_dispersion)
    return made / made.sum()


def convolved(stimulus, tr, earlier, derivatives, lags, **shape):
    """Convolve column by column, by numpy.convolve and densities of SciPy; QR makes derivatives orthogonal."""
    steps = stimulus.shape[1]
    times = np.linspace(0, 32, lags) - tr / steps
    kernels = [gamma_difference(times, **shape)]
    if derivatives != "none":
        kernels.append((kernels[0] - gamma_difference(times - 0.1, **shape)) / 0.1)
    if derivatives == "time and dispersion":
        wider = [{**shape, "undershoot_dispersion": 1.0, "dispersion": shape["dispersion"] + d} for d in (0, 0.01)]
        kernels.append((gamma_difference(times, **wider[0]) - gamma_difference(times, **wider[1])) / 0.01)
    fine = np.concatenate([earlier, stimulus]).reshape(-1, stimulus.shape[2])
    found = []
    for column in fine.T:
        made = np.stack([np.convolve(column, k)[: len(fine)][len(earlier) * steps :: steps] for k in kernels], axis=1)
        orthogonal, triangular = np.linalg.qr(made)
        found.append(orthogonal * np.diag(triangular))
    return np.concatenate(found, axis=1)


def means(stimulus, earlier, delays):
    whole = np.concatenate([earlier, stimulus]).mean(axis=1)
    return np.stack(
        [np.roll(whole, delay, axis=0)[len(earlier) :, c] for c in range(whole.shape[1]) for delay in delays], axis=1
    )


CASES = [
    *(Case(block, example, convolved, "numpy.convolve, scipy.stats.gamma") for block in (SpmDesign, GloverDesign)),
    Case(
        GloverDesign,
        lambda rng: {**example(rng), "derivatives": "time and dispersion", "delay": 5.0, "dispersion": 1.2},
        convolved,
        "numpy.convolve, scipy.stats.gamma",
        tolerance32=1e-3,  # differences over a hundredth of a second
    ),
    Case(
        FirDesign,
        lambda rng: {**{n: v for n, v in example(rng).items() if n != "tr"}, "delays": (0, 2)},
        means,
        "NumPy",
    ),
]
