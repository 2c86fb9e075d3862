import sys

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest
from gradients import assert_gradient, finite_gradient

from pydra_diffconn.blocks import ComBat
from pydra_diffconn.testing import Case

SITES = np.repeat([0, 1, 2], [12, 9, 15])
AGE = np.random.default_rng(5).integers(0, 40, len(SITES)) / 8  # exact in single precision, which neuroCombat takes
GAIN = np.array([0.6, 1.0, 1.7])


def people(rng, features=10):
    """Return features that sites shift and stretch, and age moves."""
    clean = rng.standard_normal((len(SITES), features)) + AGE[:, None] * rng.standard_normal(features)
    return clean * GAIN[SITES][:, None] + (1.5 * rng.standard_normal((3, features)))[SITES]


def by_formula(features, sites, covariates, subject_weights, shrinkage, scale, unseen, groups):
    """The algorithm as it is published, priors as written, site by site; weights are 0 or 1."""
    used = subject_weights > 0
    x, site = features[used], sites[used]
    names, count = np.unique(site, return_counts=True)
    design = np.column_stack([(site[:, None] == names) * 1.0, covariates[used]])
    slopes = np.linalg.lstsq(design, x, rcond=None)[0]
    grand = count / count.sum() @ slopes[: len(names)]
    sd = np.sqrt(np.mean((x - design @ slopes) ** 2, axis=0))
    expected = grand + covariates @ slopes[len(names) :]
    z = (features - expected) / sd
    out = z.copy()
    for name in names:
        own = z[used][site == name]
        n, shift = len(own), own.mean(axis=0)
        stretch = own.var(axis=0, ddof=1) if scale else np.ones_like(shift)
        mean, variance = shift.mean(), shift.var(ddof=1)
        best, d = (variance * shift + mean) / (variance + 1), stretch
        for _ in range(400 if scale else 0):
            m, v = stretch.mean(), stretch.var(ddof=1)
            a, b = (2 * v + m**2) / v, (m * v + m**3) / v
            best = (variance * n * shift + d * mean) / (variance * n + d)
            d = (0.5 * ((own - best) ** 2).sum(axis=0) + b) / (n / 2 + a - 1)
        shift, stretch = shift + shrinkage * (best - shift), stretch + shrinkage * (d - stretch)
        out[sites == name] = (z[sites == name] - shift) / np.sqrt(stretch)
    return out * sd + expected


@pytest.mark.parametrize(
    ("theirs", "ours"), [({}, {}), ({"mean_only": True}, {"scale": False}), ({"eb": False}, {"shrinkage": 0.0})]
)
@pytest.mark.parametrize("kept", [[], ["age"]])
def test_features_are_those_of_neurocombat_carried_to_the_end(x64, rng, monkeypatch, theirs, ours, kept):
    neuro = pytest.importorskip("neuroCombat")
    monkeypatch.setattr(sys.modules["neuroCombat.neuroCombat"].it_sol, "__defaults__", (1e-15,))
    features = people(rng)
    table = pd.DataFrame({"site": SITES, "age": AGE})
    expected = neuro.neuroCombat(features.T, table, "site", continuous_cols=kept, **theirs)["data"].T
    covariates = AGE[:, None] if kept else None
    np.testing.assert_allclose(ComBat.pure(features, SITES, covariates, groups=3, **ours), expected, atol=1e-10)
    np.testing.assert_allclose(ComBat.pure(features, SITES, covariates, **ours), expected, atol=1e-10)


def test_nothing_is_learned_from_those_without_weight(x64, rng):
    features = people(rng)
    weights = (np.arange(len(SITES)) % 4 > 0) * 1.0
    other = features + 50 * (weights == 0)[:, None] * rng.standard_normal(features.shape)
    found, changed = (np.asarray(ComBat.pure(one, SITES, AGE[:, None], weights)) for one in (features, other))
    np.testing.assert_allclose(found[weights > 0], changed[weights > 0], atol=1e-12)
    # each of those held out is moved and stretched as the same person is alone
    for person in np.flatnonzero(weights == 0)[:3]:
        chosen = (weights > 0) | (np.arange(len(SITES)) == person)
        alone = ComBat.pure(features[chosen], SITES[chosen], AGE[chosen, None], weights[chosen])
        np.testing.assert_allclose(np.asarray(alone)[np.flatnonzero(chosen) == person][0], found[person], atol=1e-10)
    whole = np.asarray(ComBat.pure(features, SITES, AGE[:, None]))
    assert np.abs(found - whole)[weights > 0].max() > 1e-3


def test_planted_sites_are_taken_from_unseen_people_and_age_is_kept(x64):
    rng = np.random.default_rng(3)
    sites, age = rng.integers(0, 3, 600), rng.uniform(0, 5, 600)
    effect = rng.standard_normal(40)
    noise, shift = rng.standard_normal((600, 40)) * GAIN[sites][:, None], (2 * rng.standard_normal((3, 40)))[sites]
    weights, unseen = (np.arange(600) < 400) * 1.0, np.arange(600) >= 400
    found = np.asarray(ComBat.pure(noise + shift + age[:, None] * effect, sites, age[:, None], weights))
    left = (found - age[:, None] * effect)[unseen]
    of_site = np.stack([left[sites[unseen] == s].mean(axis=0) for s in range(3)])
    spread = np.array([left[sites[unseen] == s].std() for s in range(3)])
    assert np.abs(np.ptp(of_site, axis=0)).mean() < 0.5 < 2 < np.ptp(shift, axis=0).mean()
    assert np.ptp(spread) < 0.25 < np.ptp(GAIN)
    assert np.corrcoef(np.polyfit(age[unseen], found[unseen], 1)[0], effect)[0, 1] > 0.98


def test_without_scale_and_shrinkage_it_is_the_regression_on_sites(x64, rng):
    features = people(rng)
    dummies = (SITES[:, None] == np.arange(3)) * 1.0
    residual = features - dummies @ np.linalg.lstsq(dummies, features, rcond=None)[0]
    found = ComBat.pure(features, SITES, shrinkage=0.0, scale=False)
    np.testing.assert_allclose(found, residual + features.mean(axis=0), atol=1e-10)


def test_a_site_that_is_unseen_is_refused_or_left_as_it_is(x64, rng):
    features = people(rng)
    values = {"features": features, "sites": SITES, "subject_weights": (SITES < 2) * 1.0}
    with pytest.raises(ValueError, match=r"site 2 has none to learn from.*stratify=sites.*unseen='unchanged'"):
        ComBat.check(values)
    found = ComBat(**values, unseen="unchanged")(worker="debug").features
    np.testing.assert_allclose(found[SITES == 2], features[SITES == 2], atol=1e-12)
    assert np.abs(found - features)[SITES < 2].max() > 0.1


def test_too_few_and_what_cannot_be_told_apart_is_refused(rng):
    features = people(rng)
    one = np.where(np.arange(len(SITES)) == 4, 7, SITES)
    with pytest.raises(ValueError, match="site 7 has 1 to learn from, ComBat needs 2 or more"):
        ComBat.check({"features": features, "sites": one})
    with pytest.raises(ValueError, match="all to learn from are of site 1, which is nothing to tell sites apart by"):
        ComBat.check({"features": features, "sites": np.ones(len(SITES), int)})
    with pytest.raises(ValueError, match="covariates cannot be told apart from sites"):
        ComBat.check({"features": features, "sites": SITES, "covariates": (SITES == 1)[:, None] * 2.5})
    with pytest.raises(ValueError, match=r"shrinkage = 1.5"):
        ComBat.check({"features": features, "sites": SITES, "shrinkage": 1.5})


def test_more_sites_than_were_said_give_no_number(rng):
    assert np.isnan(ComBat.pure(people(rng), SITES, groups=2)).all()


def test_gradients_where_a_feature_does_not_vary_or_all_are_alike(x64, rng):
    features = people(rng, features=4)
    weights = (np.arange(len(SITES)) % 4 > 0) * 1.0
    score = jax.jit(lambda x, k: jnp.sum(jnp.sin(ComBat.pure(x, SITES, AGE[:, None], weights, shrinkage=k))))
    assert_gradient(lambda x: score(x, 0.7), features, rtol=1e-4)
    assert_gradient(lambda k: score(features, k), 0.7)
    constant, of_site = features.copy(), features.copy()
    constant[:, 1], of_site[:, 1] = 3.0, SITES
    for changed in (constant, of_site, np.repeat(features[:, :1], 4, axis=1), features[:, :1], np.zeros_like(features)):
        finite_gradient(lambda x: score(x, 1.0), changed)
        assert np.isfinite(ComBat.pure(changed, SITES, AGE[:, None], weights)).all()
    np.testing.assert_allclose(ComBat.pure(constant, SITES)[:, 1], 3.0, atol=1e-12)
    np.testing.assert_allclose(ComBat.pure(of_site, SITES)[:, 1], SITES.mean(), atol=1e-12)


def given(rng):
    weights = (np.arange(len(SITES)) % 5 > 0) * 1.0
    return {"features": people(rng), "sites": SITES, "covariates": AGE[:, None], "subject_weights": weights}


SOURCE = "Johnson et al. (2007), in NumPy"
CASES = [
    Case(ComBat, given, by_formula, SOURCE, smooth=["features", "covariates", "shrinkage"]),
    Case(ComBat, lambda rng: {**given(rng), "scale": False, "shrinkage": 0.4}, by_formula, SOURCE),
]
