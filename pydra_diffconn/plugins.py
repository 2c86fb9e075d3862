"""Blocks, losses and the rest from other people's packages: pluggy's hooks, loaded one plugin at a time.

A plugin is a module named by an entry point of the group `pydra_diffconn`. A broken one is listed with its reason and
stops nobody else; only a workflow that needs it fails.
"""

from __future__ import annotations

import functools
import importlib
import importlib.metadata
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pluggy

GROUP = "pydra_diffconn"
API = 1  # raised when a hook changes its meaning; a plugin may state the one it was written for as `diffconn_api`

hookspec = pluggy.HookspecMarker(GROUP)
hookimpl = pluggy.HookimplMarker(GROUP)


class Hooks:
    """What a plugin can add; each hook takes nothing and returns an iterable."""

    @hookspec
    def diffconn_blocks(self) -> Iterable[type]:  # type: ignore[empty-body]
        """Task classes made by `block.define`, at the top level of an importable module."""

    @hookspec
    def diffconn_constraints(self) -> Iterable[Any]:  # type: ignore[empty-body]
        """Constraints (`describe`, `contains`, `resolved`, `to_free`, `from_free`, `narrowed`)."""

    @hookspec
    def diffconn_losses(self) -> Iterable[type]:  # type: ignore[empty-body]
        """Subclasses of `losses.Loss`."""

    @hookspec
    def diffconn_strategies(self) -> Iterable[Any]:  # type: ignore[empty-body]
        """Workflow classes: ways to go from a run to its connectome."""

    @hookspec
    def diffconn_atlases(self) -> Iterable[Any]:  # type: ignore[empty-body]
        """Atlases, as paths of label images or as functions that fetch one."""

    @hookspec
    def diffconn_equivalents(self) -> Iterable[Any]:  # type: ignore[empty-body]
        """Classical task classes with the blocks that stand for them."""

    @hookspec
    def diffconn_reportlets(self) -> Iterable[Any]:  # type: ignore[empty-body]
        """Functions that draw a section of a report."""


HOOKS = tuple(name for name in vars(Hooks) if name.startswith("diffconn_"))


@dataclass(frozen=True)
class Plugin:
    """One plugin as it was found: what it comes from, what it adds, or why it could not be used."""

    name: str
    distribution: str = ""
    version: str = ""
    problem: str = ""
    added: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)

    @property
    def works(self) -> bool:
        return not self.problem


class Registry:
    """All plugins of this process. `plugins` lists them, `get` gives what the working ones add."""

    def __init__(self, sources: Iterable[tuple[str, str, str, Any]], disabled: Iterable[str] = ()) -> None:
        self.plugins: list[Plugin] = []
        self.blocks: dict[str, Any] = {}
        """By name; a built-in or earlier plugin's block is never replaced."""
        self.owners: dict[str, Plugin] = {}
        skipped = set(disabled)
        for name, distribution, version, load in sources:
            if name in skipped:
                self.plugins.append(Plugin(name, distribution, version, "disabled"))
            elif any(plugin.name == name for plugin in self.plugins):
                self.plugins.append(Plugin(name, distribution, version, f"another plugin is named {name!r}, too"))
            else:
                self.plugins.append(self._loaded(name, distribution, version, load))

    def get(self, hook: str) -> list[Any]:
        """Return what all working plugins add through one hook."""
        return [one for plugin in self.plugins if plugin.works for one in plugin.added.get(hook, ())]

    def _loaded(self, name: str, distribution: str, version: str, load: Any) -> Plugin:
        try:
            module = load()
            added = _called(module)
            clash = self._clash(added.get("diffconn_blocks", ()))
            if clash:
                return Plugin(name, distribution, version, clash)
        except Exception as error:  # whatever a stranger's code raises is listed, and stops nobody else
            return Plugin(name, distribution, version, f"{type(error).__name__}: {error}")
        plugin = Plugin(name, distribution, version, added=added)
        for block in added.get("diffconn_blocks", ()):
            self.blocks[block.__name__] = block
            self.owners[block.declaration.id] = plugin
        return plugin

    def _clash(self, blocks: Iterable[Any]) -> str:
        for block in blocks:
            known = self.blocks.get(block.__name__)
            if known is not None:
                ours, theirs = block.declaration.id, known.declaration.id
                return f"its block {ours} has the name of {theirs}, which was there first; rename one"
        return ""


def _called(module: Any) -> dict[str, tuple[Any, ...]]:
    """Register one plugin alone with pluggy, check it, and return what its hooks give."""
    wanted = getattr(module, "diffconn_api", API)
    if wanted > API:
        raise ValueError(f"it is written for plugin interface {wanted}, this package has {API}; upgrade pydra-diffconn")
    manager = pluggy.PluginManager(GROUP)
    manager.add_hookspecs(Hooks)
    manager.register(module)
    unknown = [name for name in dir(module) if _marked(module, name) and name not in HOOKS]
    if unknown:
        raise ValueError(f"{', '.join(unknown)}: no such hook; there are {', '.join(HOOKS)}")
    given = {hook: tuple(one for many in getattr(manager.hook, hook)() for one in many) for hook in HOOKS}
    for block in given["diffconn_blocks"]:
        if not hasattr(block, "declaration"):
            raise ValueError(f"diffconn_blocks returned {block!r}, which was not made by block.define")
    return {hook: values for hook, values in given.items() if values}


def _marked(module: Any, name: str) -> bool:
    return isinstance(getattr(getattr(module, name, None), f"{GROUP}_impl", None), dict)


def built_in() -> Any:
    """Load what this package adds, as any plugin is loaded: by the name of its module."""
    return importlib.import_module("pydra_diffconn.built_in")


def installed() -> Iterator[tuple[str, str, str, Any]]:
    """Yield name, distribution, version and loader of every plugin that is installed; the built-ins come first."""
    import pydra_diffconn

    yield "built-in", "pydra-diffconn", pydra_diffconn.__version__, built_in
    for entry in importlib.metadata.entry_points(group=GROUP):
        about = entry.dist
        yield entry.name, about.name if about else "", about.version if about else "", entry.load


def disabled() -> set[str]:
    """Return the names in `DIFFCONN_DISABLE_PLUGINS`, separated by commas; `1` or `all` stands for every plugin."""
    named = {name.strip() for name in os.environ.get("DIFFCONN_DISABLE_PLUGINS", "").split(",") if name.strip()}
    if named & {"1", "all"}:
        named |= {entry.name for entry in importlib.metadata.entry_points(group=GROUP)}
    return named


@functools.cache
def registry() -> Registry:
    """Return the plugins of this process, loaded on first use."""
    return Registry(installed(), disabled())
