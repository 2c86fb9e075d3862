"""Ways to go from a preprocessed run to its connectome, as workflows; those of plugins, too."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydra_diffconn.strategies.ciric2017 import BUILT_IN as BUILT_IN
    from pydra_diffconn.strategies.ciric2017 import AnatomicalCompCor as AnatomicalCompCor
    from pydra_diffconn.strategies.ciric2017 import SixParameters as SixParameters
    from pydra_diffconn.strategies.ciric2017 import ThirtySixParameters as ThirtySixParameters
    from pydra_diffconn.strategies.ciric2017 import ThirtySixParametersScrubbed as ThirtySixParametersScrubbed
    from pydra_diffconn.strategies.ciric2017 import TwentyFourParameters as TwentyFourParameters

_names = (
    "DISPLACEMENT",
    "LOW",
    "HIGH",
    "BUILT_IN",
    "SixParameters",
    "TwentyFourParameters",
    "ThirtySixParameters",
    "ThirtySixParametersScrubbed",
    "AnatomicalCompCor",
)


def __getattr__(name: str) -> Any:
    """Return a strategy of a plugin."""
    if name in _names:
        return getattr(importlib.import_module(f"{__name__}.ciric2017"), name)
    if name.startswith("_"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from pydra_diffconn.plugins.registry import registry

    return registry().find("diffconn_strategies", name, __name__)


def __dir__() -> list[str]:
    from pydra_diffconn.plugins.registry import registry

    return sorted(registry().named["diffconn_strategies"])
