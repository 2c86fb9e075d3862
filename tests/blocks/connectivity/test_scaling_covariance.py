"""Covariances are scaled to correlations."""

import numpy as np
import pytest
from nilearn.connectome.connectivity_matrices import cov_to_corr

from pydra_diffconn.blocks import CorrelationOfCovariance
from pydra_diffconn.testing import Case

MADE = np.random.default_rng(4).standard_normal((40, 6)) * [1, 5, 0.1, 1e3, 2, 2]
COVARIANCE = np.cov(MADE.T)
DEAD = np.cov(np.where(np.arange(6) == 2, 0.0, MADE).T)


def test_negative_variances_are_refused():
    with pytest.raises(ValueError, match="negative variance"):
        CorrelationOfCovariance.check({"covariance": -COVARIANCE})


CASES = [
    Case(
        CorrelationOfCovariance,
        {"covariance": COVARIANCE},
        lambda covariance: cov_to_corr(covariance),
        "nilearn.connectome.cov_to_corr",
        {"a parcel without variance": {"covariance": DEAD}},
    )
]
