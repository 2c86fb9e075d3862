"""A workflow in scikit-learn: cloned, searched and scored as any transformer, without a look at the held-out runs."""

import numpy as np
import pytest
from nilearn.connectome import ConnectivityMeasure
from pydra.compose import workflow
from sklearn.base import clone
from sklearn.covariance import EmpiricalCovariance
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, GroupKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.utils import estimator_checks

from pydra_diffconn import Connectome, Learn
from pydra_diffconn.blocks import BandPass, Correlation, ShrinkCovariance
from pydra_diffconn.losses import MeanSquaredError

PARCELS = 6


@workflow.define(outputs=["connectome"])
def Banded(bold, tr: float, shrinkage: float = 0.2, low: float = 0.02):
    band = workflow.add(BandPass(timeseries=bold, tr=tr, low=low, high=0.2)).timeseries
    correlation = workflow.add(Correlation(timeseries=band)).connectome
    return workflow.add(ShrinkCovariance(covariance=correlation, shrinkage=shrinkage)).covariance


@workflow.define(outputs=["connectome"])
def Plain(bold):
    return workflow.add(Correlation(timeseries=bold)).connectome


@pytest.fixture
def data(rng):
    """Return runs of two kinds of people, of which one has a stronger first connection."""
    kind = np.tile([0, 1], 8)
    series = [rng.standard_normal((60, PARCELS)) for _ in kind]
    for one, strong in zip(series, kind, strict=True):
        one[:, 1] += strong * one[:, 0]
    return series, kind, np.repeat(np.arange(8), 2)


def same_as_kinds(outputs, kinds):
    import jax.numpy as jnp

    return jnp.mean((outputs["connectome"][:, 0, 1] - 0.6 * kinds) ** 2)


def test_without_a_loss_it_is_the_classical_workflow(data):
    found = Connectome(Plain(), vectorize=False).fit(data[0]).transform(data[0])
    np.testing.assert_allclose(
        found,
        ConnectivityMeasure(EmpiricalCovariance(), kind="correlation", standardize=False).fit_transform(data[0]),
        atol=1e-6,
    )
    rows, columns = np.triu_indices(PARCELS, 1)
    np.testing.assert_array_equal(Connectome(Plain()).fit(data[0]).transform(data[0]), found[:, rows, columns])


def test_what_is_learned_is_applied_to_others(data):
    made = Connectome(Banded(tr=1.0), loss=same_as_kinds, learn={"shrinkage": Learn()}, steps=30)
    made.fit(data[0][:8], data[1][:8])
    learned = made.result_.parameters["shrinkage"]
    assert learned != pytest.approx(0.2, abs=0.01)
    expected = Connectome(Banded(tr=1.0, shrinkage=learned)).fit(data[0][:1]).transform(data[0][8:])
    np.testing.assert_allclose(made.transform(data[0][8:]), expected, atol=1e-6)
    assert made.workflow_.tr == 1.0


@pytest.mark.slow
def test_it_works_where_nilearns_does(data):
    series, kind, people = data
    made = Connectome(Banded(tr=1.0), loss=same_as_kinds, learn={"shrinkage": Learn()}, steps=3, validation=0.0)
    for transformer in (
        made,
        ConnectivityMeasure(kind="correlation", vectorize=True, discard_diagonal=True, standardize=False),
    ):
        pipeline = make_pipeline(transformer, LogisticRegression())
        scores = cross_val_score(pipeline, series, kind, groups=people, cv=GroupKFold(4))
        assert scores.mean() > 0.7
    search = GridSearchCV(make_pipeline(made, LogisticRegression()), {"connectome__steps": [1, 3]}, cv=2)
    search.fit(series, kind)
    assert search.best_params_["connectome__steps"] in (1, 3)
    assert search.best_estimator_.predict(series[:2]).shape == (2,)


def test_mistakes_are_told(data):
    with pytest.raises(NotFittedError):
        Connectome(Plain()).transform(data[0])
    with pytest.raises(ValueError, match=r"Plain has no output 'conectome'; it has connectome"):
        Connectome(Plain(), output="conectome").fit(data[0])
    with pytest.raises(ValueError, match=r"Plain has no input 'x'; it has bold"):
        Connectome(Plain(), series="x").fit(data[0])
    with pytest.raises(ValueError, match="is not a workflow"):
        Connectome(3).fit(data[0])
    with pytest.raises(ValueError, match="Plain is split; expected it as it is for one run"):
        Connectome(Plain().split("bold", bold=data[0])).fit(data[0])
    with pytest.raises(ValueError, match="X has 16 runs and y 3 entries"):
        Connectome(Plain()).fit(data[0], data[1][:3])
    with pytest.raises(ValueError, match="X has 16 runs and groups 2 entries"):
        Connectome(Plain()).fit(data[0], groups=["a", "b"])
    with pytest.raises(ValueError, match="run 0 of X has 5 columns, but Connectome is expecting 6"):
        Connectome(Plain()).fit(data[0]).transform([data[0][0][:, :5]])


def test_edges_have_names(data):
    made = Connectome(Plain()).set_output(transform="pandas")
    table = make_pipeline(made).fit_transform(data[0])
    assert made.n_features_in_ == PARCELS and table.shape == (16, PARCELS * (PARCELS - 1) // 2)
    np.testing.assert_array_equal(table["connectome_0_1"], Connectome(Plain()).fit_transform(data[0])[:, 0])
    with pytest.raises(ValueError, match=r"has shape \(6, 6\); only one row for each run has names"):
        Connectome(Plain(), vectorize=False).fit(data[0]).get_feature_names_out()


def test_a_clone_has_the_same_parameters_and_has_learned_nothing(data):
    learn = {"shrinkage": Learn()}
    made = Connectome(Banded(tr=1.0), loss=MeanSquaredError("connectome"), learn=learn, steps=7).set_params(steps=9)
    made.fit(data[0][:2], np.stack([np.eye(PARCELS)] * 2))
    other = clone(made)
    assert (
        other is not made and other.get_params()["steps"] == 9 and other.get_params().keys() == made.get_params().keys()
    )
    assert not hasattr(other, "workflow_")


@pytest.mark.parametrize(
    "check",
    [
        "check_estimator_cloneable", "check_estimator_repr", "check_estimator_tags_renamed", "check_get_params_invariance",
        "check_set_params", "check_no_attributes_set_in_init", "check_valid_tag_types", "check_mixin_order",
    ],
)  # fmt: skip
def test_scikit_learns_checks_pass_that_need_no_table(check):
    """The others hand a table (samples, features) to `fit`, where runs are series."""
    getattr(estimator_checks, check)("Connectome", Connectome(Plain()))
