"""Parcel means against nilearn's masker."""

import jax.numpy as jnp
import nibabel as nib
import numpy as np
import pytest
from examples import examples, lists
from gradients import assert_gradient
from hypothesis import given
from hypothesis import strategies as st
from nilearn.maskers import NiftiLabelsMasker

from pydra_diffconn.blocks import Parcellate
from pydra_diffconn.testing import Case

LABELS = np.array([3, 0, 1, 3, 7, 1, 0, 3])


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float64, 1e-10), (np.float32, 1e-5)])
def test_the_means_are_those_of_nilearns_masker(x64, rng, dtype, tolerance):
    series = rng.standard_normal((30, 4 * 4 * 4)).astype(dtype)
    labels = rng.choice([0, 2, 5, 9], size=64)
    image = nib.Nifti1Image(series.T.reshape(4, 4, 4, 30), np.eye(4))
    atlas = nib.Nifti1Image(labels.reshape(4, 4, 4).astype(np.int32), np.eye(4))
    expected = NiftiLabelsMasker(atlas, strategy="mean", standardize=None, verbose=0).fit_transform(image)
    parcels = Parcellate.declaration.infer["parcels"]({"labels": labels})
    assert parcels == (2, 5, 9)
    found = Parcellate.pure(jnp.asarray(series), jnp.asarray(labels), parcels)
    assert found.dtype == dtype
    np.testing.assert_allclose(found, expected, atol=tolerance)


def test_given_parcels_keep_their_order_and_a_missing_one_is_zero(x64, rng):
    series = rng.standard_normal((5, 8))
    found = Parcellate.pure(jnp.asarray(series), jnp.asarray(LABELS), (7, 2, 3))
    np.testing.assert_allclose(found[:, 0], series[:, 4])
    np.testing.assert_array_equal(found[:, 1], 0)
    np.testing.assert_allclose(found[:, 2], series[:, LABELS == 3].mean(axis=1))


@examples(20)
@given(lists(st.integers(0, 6), 1, 12, 40), st.permutations([1, 2, 3, 4, 5, 6]))
def test_every_column_is_the_mean_over_its_label(labels, parcels):
    labels = np.array(labels)
    series = np.random.default_rng(0).standard_normal((3, len(labels))).astype(np.float32)
    found = np.asarray(Parcellate.pure(jnp.asarray(series), jnp.asarray(labels), tuple(parcels)))
    for column, parcel in enumerate(parcels):
        members = series[:, labels == parcel]
        np.testing.assert_allclose(found[:, column], members.mean(axis=1) if members.size else 0, atol=1e-5)


def test_the_derivative_to_the_data_is_right(x64, rng):
    series = rng.standard_normal((4, 8))
    assert_gradient(lambda x: jnp.sum(Parcellate.pure(x, jnp.asarray(LABELS), (1, 2, 3, 7)) ** 3), series, entries=32)


BAD = [
    ({"labels": np.array([1, 2]), "timeseries": np.zeros((4, 3))}, r"labels has 2 locations, timeseries 3"),
    ({"labels": np.array([0.5, 1.0])}, "not integers"),
    ({"labels": np.zeros(3, dtype=int)}, "all 0"),
    ({"labels": np.array([1, 1, 2]), "parcels": (1, 2, 1)}, "parcels has 1 more than once"),
]


@pytest.mark.parametrize(("arguments", "message"), BAD)
def test_bad_input_is_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        Parcellate.check(arguments)


def test_parcels_that_cannot_be_inferred_are_asked_for():
    with pytest.raises(ValueError, match=r"give parcels=\(1, 2, \.\.\.\)"):
        Parcellate.declaration.checked({"labels": None, "parcels": None})


CASES = [
    Case(
        Parcellate,
        {},
        lambda timeseries, labels, parcels: np.stack(
            [timeseries[:, labels == p].mean(axis=1) for p in parcels], axis=1
        ),
        "numpy.mean",
        {"a parcel without voxels": {"parcels": (1, 2, 9)}},
    )
]
