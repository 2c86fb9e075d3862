import jax.numpy as jnp
import numpy as np
from gradients import assert_gradient

from pydra_diffconn.blocks import PsychophysiologicalInteraction, SpmDesign
from pydra_diffconn.events import stimuli
from pydra_diffconn.files.events import Events
from pydra_diffconn.testing import Case


def seed_by_seed(timeseries, design, confounds, frame_weights):
    """Fit a model for each seed by ordinary least squares, all regressors as they are."""
    root = np.sqrt(frame_weights)[:, None]
    found = np.zeros((design.shape[1], timeseries.shape[1], timeseries.shape[1]))
    for number, seed in enumerate(timeseries.T):
        columns = np.column_stack([design * seed[:, None], design, seed, confounds, np.ones(len(seed))])
        fitted = np.linalg.lstsq(root * columns, root * timeseries, rcond=None)[0]
        found[:, number] = fitted[: design.shape[1]]
    return found


def test_a_planted_change_of_a_connection_is_found_where_it_is(x64, rng):
    made = stimuli(Events(np.arange(10, 590, 40.0), np.full(15, 20.0), ("work",) * 15, np.ones(15)), 300, 2.0)
    design = np.asarray(SpmDesign.pure(made.stimulus, 2.0))
    series = rng.standard_normal((300, 4)) + 3 * design
    series[:, 1] += (0.2 + 1.5 * design[:, 0]) * series[:, 0]
    found = np.asarray(PsychophysiologicalInteraction.pure(series, design))[0]
    assert abs(found[0, 1] - 1.5) < 0.3
    others = np.ones((4, 4), bool)
    others[:, 1] = False  # what is noisier, as it is itself
    assert np.abs(found[others]).max() < 0.6 and np.abs(np.diag(found)).max() < 1e-10


def test_centring_condition_or_seed_changes_nothing(x64, rng):
    series, design = rng.standard_normal((100, 3)), rng.standard_normal((100, 2))
    found = PsychophysiologicalInteraction.pure(series, design)
    np.testing.assert_allclose(PsychophysiologicalInteraction.pure(series + 40, design - 7), found, atol=1e-10)


def test_a_condition_without_events_and_a_dead_parcel_have_none(x64, rng):
    series, design = rng.standard_normal((60, 3)), np.column_stack([rng.standard_normal(60), np.zeros(60)])
    series[:, 2] = 5.0
    found = np.asarray(PsychophysiologicalInteraction.pure(series, design))
    assert not found[1].any() and not found[:, 2].any() and np.abs(found[:, :, 2]).max() < 1e-12
    expected = seed_by_seed(series[:, :2], design[:, :1], np.zeros((60, 0)), np.ones(60))
    np.testing.assert_allclose(found[:1, :2, :2], expected, atol=1e-10)
    assert_gradient(lambda x: jnp.sum(PsychophysiologicalInteraction.pure(x, design)[:, :2, :2] ** 2), series[:, :2])


def given(rng):
    return {
        "timeseries": rng.standard_normal((70, 4)) + 10,
        "design": rng.standard_normal((70, 2)) + 1,
        "confounds": rng.standard_normal((70, 2)),
        "frame_weights": rng.uniform(0.2, 1, 70),
    }


CASES = [Case(PsychophysiologicalInteraction, given, seed_by_seed, "numpy.linalg.lstsq for each seed")]
