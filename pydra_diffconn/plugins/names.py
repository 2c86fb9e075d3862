"""Names of plugins beside our own: `blocks.Smoothing`, `losses.BandConcentration`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any


def beside(
    module: str, hook: str, own: Iterable[str], find: Callable[[str], Any] | None = None
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Return `__getattr__` and `__dir__` of a module that has, beside its own names, those that plugins add by a hook.

    `find` is what loads one of its own names lazily.
    """
    own = frozenset(own)

    def get(name: str) -> Any:
        if find is not None and name in own:
            return find(name)
        if name.startswith("_"):
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        from pydra_diffconn.plugins.registry import registry

        return registry().find(hook, name, module)

    def listed() -> list[str]:
        from pydra_diffconn.plugins.registry import registry

        return sorted({*own, *registry().named[hook]})

    return get, listed
