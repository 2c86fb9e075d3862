"""Whether connectomes differ, or maps go together, by more than chance: permutations, and maps that keep their space.

P values count the observed one among the drawn, so that none is 0. Of many tests at once, control the false discovery
rate by `scipy.stats.false_discovery_control`.

>>> import numpy as np
>>> from pydra_diffconn import inference
>>> rng = np.random.default_rng(0)
>>> noise = rng.standard_normal((2, 20, 5, 5))
>>> first, second = noise + np.swapaxes(noise, -1, -2) + [[[[0]]], [[[5]]]]
>>> inference.network_based(first, second, threshold=3.0, repeats=200, rng=rng).p.round(3).tolist()
[0.005]
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
