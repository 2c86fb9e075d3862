"""The blocks, where Pydra users look for tasks: `from pydra.tasks.diffconn import BandPass`."""

from typing import Any

from pydra_diffconn import blocks


def __getattr__(name: str) -> Any:
    return getattr(blocks, name)


def __dir__() -> list[str]:
    return dir(blocks)
