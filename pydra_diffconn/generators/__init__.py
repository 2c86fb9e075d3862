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

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
