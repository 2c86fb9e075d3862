"""Synthetic data with planted truth, to see whether a workflow finds it.

Every generator takes a `numpy.random.Generator` first: the same seed gives the same data. Series are (time, space).

>>> import numpy as np
>>> from pydra_diffconn import generators
>>> rng = np.random.default_rng(0)
>>> states = generators.markov_states(rng, frames=200, transitions=generators.sticky_transitions(3, stay=0.9))
>>> series = generators.series_of_states(rng, states, generators.random_correlations(rng, 3, parcels=5))
>>> series.shape
(200, 5)
"""

from pydra_diffconn.generators.artefacts import MotionStudy, motion_study
from pydra_diffconn.generators.atlases import (
    grid_coordinates,
    hard_atlas,
    hierarchical_atlas,
    homologous_atlas,
    series_of_atlas,
    soft_atlas,
)
from pydra_diffconn.generators.connectomes import block_connectome, random_correlations
from pydra_diffconn.generators.signals import BandStudy, band_study, mix, mixture_matrix, slow_signals
from pydra_diffconn.generators.states import boxcar_states, markov_states, one_hot, series_of_states, sticky_transitions
from pydra_diffconn.generators.surrogates import match_covariance, match_spectrum, power_spectrum, surrogate, synthesise

__all__ = [
    "BandStudy",
    "MotionStudy",
    "band_study",
    "block_connectome",
    "boxcar_states",
    "grid_coordinates",
    "hard_atlas",
    "hierarchical_atlas",
    "homologous_atlas",
    "markov_states",
    "match_covariance",
    "match_spectrum",
    "mix",
    "mixture_matrix",
    "motion_study",
    "one_hot",
    "power_spectrum",
    "random_correlations",
    "series_of_atlas",
    "series_of_states",
    "slow_signals",
    "soft_atlas",
    "sticky_transitions",
    "surrogate",
    "synthesise",
]
