from typing import Any

from pydra_diffconn.blocks import *

def __getattr__(name: str) -> Any: ...  # those of plugins
