"""The blocks, by name. Each comes from its own module on first use, so that listing them loads no JAX.

The names stand in `__init__.pyi`; blocks of plugins are here by their names, too.
"""

import lazy_loader

from pydra_diffconn.plugins.names import beside

_own, _, __all__ = lazy_loader.attach_stub(__name__, __file__)
__getattr__, __dir__ = beside(__name__, "diffconn_blocks", __all__, _own)
