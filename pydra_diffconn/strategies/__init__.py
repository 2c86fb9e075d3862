"""Ways to go from a preprocessed run to its connectome, as workflows; those of plugins, too."""

import lazy_loader

from pydra_diffconn.plugins.names import beside

_own, _, __all__ = lazy_loader.attach_stub(__name__, __file__)
__getattr__, __dir__ = beside(__name__, "diffconn_strategies", __all__, _own)
