"""The strategies, each once: type checkers, editors and `lazy_loader` read them here."""

import typing

from .ciric2017 import BUILT_IN as BUILT_IN
from .ciric2017 import DISPLACEMENT as DISPLACEMENT
from .ciric2017 import HIGH as HIGH
from .ciric2017 import LOW as LOW
from .ciric2017 import AnatomicalCompCor as AnatomicalCompCor
from .ciric2017 import SixParameters as SixParameters
from .ciric2017 import ThirtySixParameters as ThirtySixParameters
from .ciric2017 import ThirtySixParametersScrubbed as ThirtySixParametersScrubbed
from .ciric2017 import TwentyFourParameters as TwentyFourParameters

def __getattr__(name: str) -> typing.Any: ...  # those of plugins
