"""The bridge to Nipype 1: every block as an interface, by name, and what makes interfaces and workflows of ours.

Nipype is imported on first use of a name, never before: `from pydra_diffconn.nipype import BandPass`.
"""

from typing import Any

HOMES = {"interface": "interfaces", "runs": "reading", "to_nipype": "exporting"}
"""The functions that stand here beside the blocks, and their modules."""


def __getattr__(name: str) -> Any:
    if name.startswith("_"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib
    import importlib.util

    if importlib.util.find_spec("nipype") is None:
        raise ModuleNotFoundError(
            f"{__name__}.{name} needs nipype: pip install 'pydra-diffconn[nipype]'", name="nipype"
        )
    if name in HOMES:
        return getattr(importlib.import_module(f"{__name__}.{HOMES[name]}"), name)
    from pydra_diffconn import blocks

    try:
        block = getattr(blocks, name)
    except AttributeError as error:
        raise AttributeError(str(error).replace(blocks.__name__, __name__)) from None
    from pydra_diffconn.nipype.interfaces import interface

    return interface(block)


def __dir__() -> list[str]:
    from pydra_diffconn import blocks

    return sorted({*HOMES, *dir(blocks)})
