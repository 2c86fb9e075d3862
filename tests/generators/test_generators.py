import jax
import networkx
import numpy as np
import pytest
from examples import examples
from hypothesis import given
from hypothesis import strategies as st

from pydra_diffconn import generators as make
from pydra_diffconn.generators.connectomes import root
from pydra_diffconn.generators.states import stationary_distribution
from pydra_diffconn.losses.covariance import kurtosis

GENERATORS = {
    "slow_signals": lambda rng: make.slow_signals(rng, 50, 3),
    "mixture_matrix": lambda rng: make.mixture_matrix(rng, 6, 4),
    "band_study": lambda rng: make.band_study(rng, 100, 8, 3).timeseries,
    "motion_study": lambda rng: make.motion_study(rng, 4, 30, 5).timeseries,
    "boxcar_states": lambda rng: make.boxcar_states(rng, 50, 3, 6),
    "markov_states": lambda rng: make.markov_states(rng, 50, make.sticky_transitions(3)),
    "soft_atlas": lambda rng: make.soft_atlas(rng, 9, 3),
    "block_connectome": lambda rng: make.block_connectome(rng, [0, 0, 1, 1])[0],
    "synthesise": lambda rng: make.synthesise(rng, np.eye(3), np.ones(26), 50),
}


@pytest.mark.parametrize("generator", GENERATORS.values(), ids=GENERATORS.keys())
def test_the_same_seed_gives_the_same_data(generator):
    one, two, other = (generator(np.random.default_rng(seed)) for seed in (4, 4, 5))
    np.testing.assert_array_equal(one, two)
    assert not np.array_equal(one, other)


# series of given covariance and spectrum


@given(st.integers(0, 1000), st.integers(1, 6), st.integers(20, 41))
@examples(30)
def test_a_covariance_is_matched_exactly(seed, columns, frames):
    rng = np.random.default_rng(seed)
    factor = rng.standard_normal((columns, columns))
    covariance = factor @ factor.T
    series = make.match_covariance(rng.standard_normal((frames, columns)), covariance)
    np.testing.assert_allclose(
        np.cov(series.T).reshape(columns, columns), covariance, atol=1e-10 * np.abs(covariance).max()
    )
    np.testing.assert_allclose(series.mean(axis=0), 0, atol=1e-12 * np.abs(series).max())


@given(st.integers(0, 1000), st.integers(4, 33))
@examples(30)
def test_a_spectrum_is_matched_exactly_with_the_phases_kept(seed, frames):
    rng = np.random.default_rng(seed)
    series, power = rng.standard_normal((frames, 2)), rng.random(frames // 2 + 1)
    found = make.match_spectrum(series, power)
    spectrum = np.fft.rfft(found, axis=0)
    np.testing.assert_allclose(np.abs(spectrum) ** 2 / frames, np.stack([power] * 2, 1), atol=1e-12)
    np.testing.assert_allclose(make.power_spectrum(found)[1:], np.stack([power[1:]] * 2, 1), atol=1e-12)
    np.testing.assert_allclose(
        make.match_spectrum(series, np.abs(np.fft.rfft(series, axis=0)) ** 2 / frames), series, atol=1e-12
    )


def test_both_are_matched_the_spectrum_in_the_mean(rng):
    frames, covariance = (
        200,
        make.random_correlations(rng, 1, 4)[0] * [[1, 2, 1, 1], [2, 4, 2, 2], [1, 2, 1, 1], [1, 2, 1, 1]],
    )
    power = 1 / (0.02 + np.fft.rfftfreq(frames))
    draws = [make.synthesise(rng, covariance, power, frames) for _ in range(300)]
    np.testing.assert_allclose(np.cov(draws[0].T), covariance, atol=1e-10)
    mean = np.mean([make.power_spectrum(draw / draw.std(axis=0)).mean(axis=1) for draw in draws], axis=0)
    shape = power / power[1:].mean()
    np.testing.assert_allclose(mean[1:-1] / mean[1:].mean() / shape[1:-1], 1, atol=0.25)
    assert np.corrcoef(mean[1:], power[1:])[0, 1] > 0.995


def test_in_expectation_the_covariance_holds_also_for_few_frames(rng):
    covariance = make.random_correlations(rng, 1, 6)[0]
    draws = [make.synthesise(rng, covariance, np.ones(3), 4, exact=False) for _ in range(4000)]
    found = np.mean([np.cov(draw.T) for draw in draws], axis=0)
    np.testing.assert_allclose(np.diag(found), 1, atol=0.05)
    assert np.corrcoef(found[np.triu_indices(6, 1)], covariance[np.triu_indices(6, 1)])[0, 1] > 0.99


def test_a_surrogate_has_the_covariance_of_the_real_series_but_not_its_dynamics(rng):
    states = make.boxcar_states(rng, 600, 2, 10)
    series = make.series_of_states(rng, states, np.stack([np.eye(3), 25 * np.eye(3)])) + 7
    null = make.surrogate(rng, series)
    np.testing.assert_allclose(np.cov(null.T), np.cov(series.T), atol=1e-9)
    np.testing.assert_allclose(null.mean(axis=0), series.mean(axis=0), atol=1e-10)
    measured, gaussian = (float(jax.jit(kurtosis)(x)) for x in (series, null))
    assert measured > 1.3 * gaussian
    np.testing.assert_allclose(gaussian, 15, rtol=0.15)


def test_a_surrogate_of_real_data_keeps_dead_parcels_dead(rng, real_series):
    chosen = real_series[:, :20]
    null = make.surrogate(rng, chosen)
    np.testing.assert_allclose(np.cov(null.T), np.cov(chosen.T), atol=1e-8 * np.abs(np.cov(chosen.T)).max())


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda rng: make.match_spectrum(np.ones((8, 2)), np.ones(4)), "a series of 8 frames has 5"),
        (lambda rng: make.match_covariance(np.ones((8, 2)), np.eye(2)), "are not independent"),
        (lambda rng: make.match_covariance(rng.random((3, 4)), np.eye(4)), "use more frames, or exact=False"),
        (lambda rng: make.match_covariance(rng.random((9, 2)), -np.eye(2)), "negative eigenvalue -1"),
        (lambda rng: make.slow_signals(rng, 50, 2, low=0.6, high=0.7), "no frequency of 50 frames at TR 1.0 s"),
        (lambda rng: make.mixture_matrix(rng, 5, 3, cardinality=0.5), "mixes at least 1 latent"),
        (lambda rng: make.boxcar_states(rng, 10, 3, 10), "10 switches do not fit in 10 frames"),
        (lambda rng: make.boxcar_states(rng, 10, 1, 1), "1 state cannot switch"),
        (lambda rng: make.markov_states(rng, 10, np.eye(2) * 0.9), "must hold probabilities that sum to 1"),
        (lambda rng: make.hard_atlas(3, 4), "4 parcels do not fit across a grid of 3 points"),
    ],
)
def test_what_cannot_be_is_named(rng, call, message):
    with pytest.raises(ValueError, match=message):
        call(rng)


# signals and bands


def test_slow_signals_have_no_power_outside_their_band(rng):
    signals = make.slow_signals(rng, 200, 4, tr=2.0, low=0.01, high=0.08)
    power, frequency = make.power_spectrum(signals), np.fft.rfftfreq(200, 2.0)
    outside = (frequency < 0.01) | (frequency >= 0.08)
    assert power[outside].max() < 1e-20 < power[~outside].min()
    np.testing.assert_allclose(signals.std(axis=0), 1, atol=1e-12)


def test_mixtures_have_unit_rows_of_few_latents(rng):
    mixture = make.mixture_matrix(rng, 3000, 7, cardinality=2.0)
    np.testing.assert_allclose(np.linalg.norm(mixture, axis=1), 1, atol=1e-12)
    number = np.count_nonzero(mixture, axis=1)
    assert number.min() == 1 and abs(number.mean() - 2) < 0.1
    np.testing.assert_array_equal(np.count_nonzero(make.mixture_matrix(rng, 20, 3, 50.0), axis=1), 3)


def test_the_right_band_gives_its_connectome_back(rng):
    study = make.band_study(rng, frames=400, signals=12, latents=4, tr=0.8)
    frequency = np.fft.rfftfreq(400, study.tr)
    for (low, high), connectome in zip(study.bands, study.connectomes, strict=True):
        gain = (frequency >= low) & (frequency < high)
        filtered = np.fft.irfft(np.fft.rfft(study.timeseries, axis=0) * gain[:, None], n=400, axis=0)
        np.testing.assert_allclose(np.corrcoef(filtered.T), connectome, atol=1e-10)
    assert not np.allclose(*study.connectomes[:2], atol=0.5)


# states


@given(st.integers(0, 500), st.integers(2, 5), st.integers(0, 19))
@examples(30)
def test_boxcars_switch_as_often_as_asked(seed, states, switches):
    found = make.boxcar_states(np.random.default_rng(seed), 20, states, switches)
    assert np.count_nonzero(np.diff(found)) == switches
    assert set(found) <= set(range(states))


def test_a_markov_chain_has_its_transitions(rng):
    transitions = np.array([[0.9, 0.1, 0.0], [0.2, 0.7, 0.1], [0.3, 0.3, 0.4]])
    states = make.markov_states(rng, 30_000, transitions)
    counts = np.zeros((3, 3))
    np.add.at(counts, (states[:-1], states[1:]), 1)
    np.testing.assert_allclose(counts / counts.sum(axis=1, keepdims=True), transitions, atol=0.03)
    share = stationary_distribution(transitions)
    np.testing.assert_allclose(share @ transitions, share, atol=1e-12)
    np.testing.assert_allclose(make.one_hot(states).mean(axis=0), share, atol=0.03)
    np.testing.assert_allclose(make.sticky_transitions(4, 0.8).sum(axis=1), 1)
    np.testing.assert_array_equal(make.sticky_transitions(1), [[1]])


def test_each_state_has_its_own_connectome(rng):
    states = make.markov_states(rng, 20_000, make.sticky_transitions(3))
    covariances = make.random_correlations(rng, 3, 4)
    series = make.series_of_states(rng, states, covariances)
    for state, covariance in enumerate(covariances):
        np.testing.assert_allclose(np.cov(series[states == state].T), covariance, atol=0.08)


# artefacts


def test_artefacts_follow_quality_the_less_the_more_they_jitter(rng):
    study = make.motion_study(rng, runs=400, frames=40, parcels=5, jitter=(0.0, 0.5, 3.0))
    coupling = [np.corrcoef(study.quality, amplitude)[0, 1] for amplitude in study.amplitudes.T]
    np.testing.assert_allclose(coupling[0], 1)
    assert coupling[0] > coupling[1] > coupling[2]
    np.testing.assert_allclose(study.quality.mean(), 1, atol=0.1)


def test_regressing_the_guilty_confounds_alone_leaves_the_clean_signal(rng):
    study = make.motion_study(rng, runs=3, frames=300, parcels=5)
    assert study.confounds.shape == (3, 300, 20) and len(set(study.guilty)) == 3
    for measured, clean, confounds in zip(study.timeseries, study.clean, study.confounds, strict=True):
        guilty = confounds[:, study.guilty]
        artefact = measured - clean
        fit = guilty @ np.linalg.lstsq(guilty, artefact, rcond=None)[0]
        np.testing.assert_allclose(fit, artefact, atol=1e-10)
        innocent = np.delete(confounds, study.guilty, axis=1)
        left = artefact - innocent @ np.linalg.lstsq(innocent, artefact, rcond=None)[0]
        assert left.std() > 0.5 * artefact.std()


# atlases and connectomes


@given(st.integers(1, 12).flatmap(lambda side: st.tuples(st.just(side), st.integers(1, side))))
def test_hard_parcels_cover_the_grid(size):
    side, across = size
    labels = make.hard_atlas(side, across)
    assert labels.shape == (side**2,) and set(labels) == set(range(1, across**2 + 1))


def test_homologues_mirror_each_other():
    labels, points, hemisphere = make.homologous_atlas(6, 2)
    for label in range(1, 5):
        left, right = points[labels == label].mean(axis=0), points[labels == label + 4].mean(axis=0)
        np.testing.assert_allclose(left * [-1, 1], right)
    assert np.all(points[hemisphere == 0, 0] < 0) and np.all(points[hemisphere == 1, 0] > 0)


def test_fine_parcels_lie_in_one_coarse_parcel():
    coarse, fine, parent = make.hierarchical_atlas(13, 2, 3)
    assert len(set(coarse)) == 4 and len(set(fine)) == 36
    np.testing.assert_array_equal(parent[fine - 1], coarse)
    np.testing.assert_array_equal(np.bincount(parent)[1:], 9)


@pytest.mark.parametrize("blur", [0.0, 1.0])
def test_soft_parcels_share_each_point(rng, blur):
    maps = make.soft_atlas(rng, 15, 6, steps=100, blur=blur)
    np.testing.assert_allclose(maps.sum(axis=0), 1, atol=1e-12)
    assert maps.min() >= 0 and np.all(maps.sum(axis=1) > 0)
    assert np.any((maps > 0.1) & (maps < 0.9))


def test_series_of_an_atlas_hold_its_signals(rng):
    labels, signals = np.array([0, 1, 2, 2]), rng.standard_normal((30, 2))
    hard = make.series_of_atlas(rng, labels, signals, noise=0.0)
    np.testing.assert_array_equal(hard, np.column_stack([np.zeros(30), signals[:, [0, 1, 1]]]))
    maps = np.array([[0.2, 1.0], [0.8, 0.0]])
    np.testing.assert_allclose(make.series_of_atlas(rng, maps, signals, noise=0.0), signals @ maps)
    noisy = make.series_of_atlas(rng, np.zeros(5000, int), signals, noise=2.0)
    np.testing.assert_allclose(noisy.std(), 2, rtol=0.02)


def test_block_connectomes_are_correlations_of_low_rank_with_communities(rng):
    labels = np.repeat(np.arange(4), 25)
    connectome, loadings = make.block_connectome(rng, labels, rank=4, noise=0.2)
    np.testing.assert_array_equal(np.diag(connectome), 1)
    values = np.linalg.eigvalsh(connectome)
    np.testing.assert_allclose(values[:-4], 0.2, atol=1e-10)
    np.testing.assert_allclose(loadings @ loadings.T * 0.8 + 0.2 * np.eye(100), connectome, atol=1e-12)
    graph = networkx.from_numpy_array(np.maximum(connectome, 0) - np.eye(100))
    quality = networkx.community.modularity(graph, [set(range(n, n + 25)) for n in range(0, 100, 25)])
    assert quality > 0.15


def test_random_correlations_have_their_rank_and_a_root(rng):
    matrices = make.random_correlations(rng, 2, 6, rank=3)
    assert [np.linalg.matrix_rank(m) for m in matrices] == [3, 3]
    np.testing.assert_allclose(root(matrices[0]) @ root(matrices[0]), matrices[0], atol=1e-10)
