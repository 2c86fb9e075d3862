"""Blocks, losses and the rest from other people's packages: pluggy's hooks, loaded one plugin at a time.

A plugin is a module named by an entry point of the group `pydra_diffconn`. A broken one is listed with its reason and
stops nobody else; only a workflow that needs it fails.
"""

from __future__ import annotations

import difflib
import functools
import importlib.metadata
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pluggy

from pydra_diffconn.plugins.hooks import API, FORMS, GROUP, HOOKS, NAMED, Hooks

BUILT_IN = "built-in"
DISABLED = "disabled"
SWITCH = "DIFFCONN_DISABLE_PLUGINS"


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

    @property
    def title(self) -> str:
        """The distribution and its version."""
        return f"{self.distribution} {self.version}".strip()


class Registry:
    """All plugins of this process. `plugins` lists them, `get` gives what the working ones add."""

    def __init__(self, sources: Iterable[tuple[str, str, str, Any]], disabled: Iterable[str] = ()) -> None:
        self.plugins: list[Plugin] = []
        self.named: dict[str, dict[str, Any]] = {hook: {} for hook in NAMED}
        """Classes by hook and name; that of a built-in or earlier plugin is never replaced."""
        self.owners: dict[str, Plugin] = {}
        self.manager = pluggy.PluginManager(GROUP)
        self.manager.add_hookspecs(Hooks)
        skipped = {_written(name) for name in disabled}
        for name, distribution, version, load in sources:
            if _written(name) in skipped:
                self.manager.set_blocked(name)
                self.plugins.append(Plugin(name, distribution, version, DISABLED))
            elif any(plugin.name == name for plugin in self.plugins):
                self.plugins.append(Plugin(name, distribution, version, f"another plugin is named {name!r}, too"))
            else:
                self.plugins.append(self._loaded(name, distribution, version, load))

    def get(self, hook: str) -> list[Any]:
        """Return what all working plugins add through one hook."""
        return [one for plugin in self.plugins if plugin.works for one in plugin.added.get(hook, ())]

    @property
    def blocks(self) -> dict[str, Any]:
        """All blocks, by name."""
        return self.named["diffconn_blocks"]

    def find(self, hook: str, name: str, module: str) -> Any:
        """Return the class of a name that is added through one hook.

        Raises
        ------
        AttributeError
            If there is none: `module`, which was asked for it, has no such attribute. Plugins that are not there are
            named, since it may be theirs.
        """
        if name in self.named[hook]:
            return self.named[hook][name]
        absent = [f"plugin {p.name} is {_state(p)}" for p in self.plugins if not p.works]
        near = difflib.get_close_matches(name, self.named[hook], n=1)
        meant = [f"did you mean {near[0]}?"] if near else []
        known = f"it has {', '.join(sorted(self.named[hook]))}"
        raise AttributeError(f"module {module!r} has no {NAMED[hook]} {name!r}; {'; '.join([*absent, *meant, known])}")

    def _loaded(self, name: str, distribution: str, version: str, load: Any) -> Plugin:
        try:
            module = load()
            _refuse_other_interface(module)
            if self.manager.is_registered(module):
                raise ValueError(f"its module is that of plugin {self.manager.get_name(module)!r}, too")
            self.manager.register(module, name)
            added = self._added(module, name)
            problem = self._clash(added)
        except (Exception, SystemExit) as error:  # whatever a stranger's code does is listed, and stops nobody else
            problem = f"{type(error).__name__}: {' '.join(str(error).split())}"
        if problem:
            if self.manager.has_plugin(name):
                self.manager.unregister(name=name)
            return Plugin(name, distribution, version, problem)
        plugin = Plugin(name, distribution, version, added=added)
        for hook, named in self.named.items():
            named.update({one.__name__: one for one in added.get(hook, ())})
        for block in added.get("diffconn_blocks", ()):
            self.owners[block.declaration.id] = plugin
        return plugin

    def _added(self, module: Any, name: str) -> dict[str, tuple[Any, ...]]:
        """Call the hooks of one registered plugin, and check what they give."""
        callers = self.manager.get_hookcallers(module) or []
        unknown = [caller.name for caller in callers if not caller.has_spec()]
        if unknown:
            raise ValueError(f"{', '.join(unknown)}: no such hook; there are {', '.join(HOOKS)}")
        own = {caller.name for caller in callers}
        bare = [hook for hook in HOOKS if callable(getattr(module, hook, None)) and hook not in own]
        if bare:
            raise ValueError(f"{', '.join(bare)}: not marked as a hook; write @hookimpl above it")
        made = [(one, caller.name) for caller in callers for one in caller.get_hookimpls() if one.plugin_name == name]
        added = {hook: values for one, hook in made if (values := _checked(hook, one.function()))}
        if not added:
            raise ValueError(
                f"it adds nothing; it needs a function marked by @hookimpl, named one of {', '.join(HOOKS)}"
            )
        return added

    def _clash(self, added: Mapping[str, tuple[Any, ...]]) -> str:
        for hook, named in self.named.items():
            own: set[str] = set()
            for one in added.get(hook, ()):
                name = one.__name__
                if name in own:
                    return f"it has two {hook.removeprefix('diffconn_')} of the name {name}; rename one"
                if name in named:
                    theirs = next(p.title or p.name for p in self.plugins if named[name] in p.added.get(hook, ()))
                    return f"its {NAMED[hook]} {name} has the name of one of {theirs}, which was there first; rename it"
                own.add(name)
        return ""


def _state(plugin: Plugin) -> str:
    return DISABLED if plugin.problem == DISABLED else f"broken ({plugin.problem})"


def _refuse_other_interface(module: Any) -> None:
    wanted = getattr(module, "diffconn_api", API)
    if not isinstance(wanted, int):
        raise ValueError(f"its diffconn_api is {wanted!r}; expected a whole number, such as {API}")
    if wanted > API:
        raise ValueError(f"it is written for plugin interface {wanted}, this package has {API}; upgrade pydra-diffconn")


def _checked(hook: str, result: Any) -> tuple[Any, ...]:
    """Return what a hook gave, each of the kind that the hook is for."""
    if not isinstance(result, Iterable) or isinstance(result, str):
        raise ValueError(f"{hook} returned {result!r}; return a list")
    given = tuple(result)
    kind, needed, problem = FORMS[hook]
    for one in given:
        if not isinstance(one, kind) or not all(hasattr(one, name) for name in needed):
            raise ValueError(f"{hook} returned {one!r}, {problem}")
    return given


def built_in() -> Any:
    """Load what this package adds: the plugin that its own distribution names."""
    return next(load for name, _, _, load in installed() if name == BUILT_IN)()


def installed() -> Iterator[tuple[str, str, str, Any]]:
    """Yield name, distribution, version and loader of every plugin that is installed; the built-ins come first."""
    found = sorted(importlib.metadata.entry_points(group=GROUP), key=lambda entry: entry.name != BUILT_IN)
    if not found or found[0].name != BUILT_IN:
        raise RuntimeError("pydra-diffconn's own entry point is missing; install it again: pip install pydra-diffconn")
    for entry in found:
        about = entry.dist
        yield entry.name, about.name if about else "", about.version if about else "", entry.load


def disabled() -> set[str]:
    """Return the names in `DIFFCONN_DISABLE_PLUGINS`, separated by commas; `1` or `all` stands for every plugin."""
    named = {name.strip() for name in os.environ.get(SWITCH, "").split(",") if name.strip()}
    if named & {"1", "all"}:
        named |= {name for name, *_ in installed() if name != BUILT_IN}
    return named


def _written(name: str) -> str:
    """Return a plugin's name as it is compared: with a hyphen or an underscore it is the same."""
    return name.replace("_", "-")


@functools.cache
def registry() -> Registry:
    """Return the plugins of this process, loaded on first use."""
    return Registry(installed(), disabled())


def disable(names: Iterable[str]) -> None:
    """Leave plugins out, in this process and in those that it starts.

    Raises
    ------
    ValueError
        If no plugin of such a name is installed.
    """
    known = {*(name for name, *_ in installed()), "all"}
    for name in names:
        if _written(name) not in map(_written, known):
            raise ValueError(f"there is no plugin {name!r} to disable; there are {', '.join(sorted(known))}")
        os.environ[SWITCH] = ",".join(filter(None, [os.environ.get(SWITCH), name]))
    registry.cache_clear()
